//! Searching: where do chunks begin?
//!
//! Each place is tried, one byte after the other, until what follows bears one out. Only headers that say what their message
//! is can be tried: format 0, and format 1, which encoders begin most messages with.
//!
//! A chunk whose header leans on one that was never seen has an end that only the next header gives away. It is looked for
//! nearby, and there every lane that is known helps: what was understood before stays understood.

use super::direction::{Scene, Stage, Then, Turn};
use super::evidence::Evidence;
use super::following::Following;
use super::ground::{Ground, NeedsMore, Sight};
use super::observation::Observed;
use super::sizing::Sizing;
use super::walk::Walk;
use crate::chunk::{BasicHeader, Format};
use crate::ids::{ChunkSize, ChunkStreamId};
use crate::limits;

/// Chunks may come, but where they begin is not known.
#[derive(Debug)]
pub(super) struct Searching {
    /// Bytes that were passed over.
    skipped: u64,
    /// The chunk size of before, which may hold still.
    hint: Option<ChunkSize>,
    /// The very next byte is known not to be the place.
    passes_one: bool,
    /// The end of one chunk is looked for.
    nearby: Option<Nearby>,
}

/// A chunk of unknown length, amid chunks that are understood.
#[derive(Debug)]
struct Nearby {
    following: Box<Following>,
    chunk_stream: ChunkStreamId,
    /// Where the chunk ends at the latest, counted from here.
    left: usize,
}

impl Searching {
    /// Searches from here on. `hint` is the chunk size of before, which may hold still.
    pub(super) fn new(hint: Option<ChunkSize>) -> Self {
        Self { skipped: 0, hint, passes_one: false, nearby: None }
    }

    /// Searches from the next byte on.
    pub(super) fn passing_one(self) -> Self {
        Self { passes_one: true, ..self }
    }

    /// Looks for the end of a chunk in the lane `chunk_stream`, whose header of `header_bytes` has been taken.
    pub(super) fn nearby(
        following: Box<Following>,
        chunk_stream: ChunkStreamId,
        header_bytes: usize,
    ) -> Self {
        let left = following.chunk_bytes_max();
        let nearby = Some(Nearby { following, chunk_stream, left });
        Self { skipped: header_bytes as u64, hint: None, passes_one: false, nearby }
    }

    /// Looks whether the place in front is it. One place is one turn, so that what a look may cost is earned place by place.
    pub(super) fn turn(&mut self, ground: Ground<'_>, scene: &mut Scene) -> Result<Turn, NeedsMore> {
        if self.passes_one {
            self.passes_one = false;
        } else if let Some(nearby) = &self.nearby {
            if nearby.ends_at(ground, scene)? {
                let Nearby { following, .. } = self.end_nearby(scene);
                return Ok(Turn { took: 0, then: Then::Become(Stage::Following(following)) });
            }
            if let Some(header_bytes) = nearby.goes_on_at(ground)? {
                let Nearby { following, chunk_stream, .. } = self.end_nearby(scene);
                *self = Self::nearby(following, chunk_stream, header_bytes);
                return Ok(Turn::took(header_bytes));
            }
        } else if let Some(sizing) = footing_at(ground, self.hint, scene)? {
            let following = Box::new(Following::from_the_middle(sizing));
            let (skipped, chunk_size) = (self.skipped, following.chunk_size());
            scene.see(0, Observed::Footing { skipped, chunk_size });
            return Ok(Turn { took: 0, then: Then::Become(Stage::Following(following)) });
        }
        self.pass(scene);
        Ok(Turn::took(1))
    }

    /// The place in front is not it.
    fn pass(&mut self, scene: &mut Scene) {
        self.skipped += 1;
        let Some(nearby) = &mut self.nearby else { return };
        if nearby.left > 0 {
            nearby.left -= 1;
        } else {
            // Whatever this was, it was more than a chunk.
            self.hint = nearby.following.give_up(scene, 1).hint;
            self.nearby = None;
        }
    }

    /// The chunk whose end was looked for ends here.
    fn end_nearby(&mut self, scene: &mut Scene) -> Nearby {
        let nearby = self.nearby.take().expect("its end was found");
        let (chunk_stream, bytes) = (nearby.chunk_stream, self.skipped);
        scene.see(0, Observed::Skipped { chunk_stream, bytes });
        nearby
    }

    /// The search goes on behind a hole, where no lane is known any more.
    pub(super) fn behind_a_hole(mut self, scene: &mut Scene) -> Self {
        if let Some(mut nearby) = self.nearby.take() {
            self.hint = nearby.following.give_up(scene, 0).hint;
        }
        self
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, scene: &mut Scene) {
        if let Some(mut nearby) = self.nearby.take() {
            nearby.following.end(scene);
        }
        if self.skipped > 0 {
            scene.see(0, Observed::NotUnderstood { bytes: self.skipped });
        }
    }

    pub(super) fn chunk_size(&self) -> Option<ChunkSize> {
        self.nearby.as_ref().and_then(|nearby| nearby.following.chunk_size())
    }

    /// What goes on behind the chunk whose end is looked for.
    pub(super) fn following(&self) -> Option<&Following> {
        self.nearby.as_ref().map(|nearby| &*nearby.following)
    }
}

impl Nearby {
    /// Whether the next chunk begins at the first byte of the ground.
    fn ends_at(&self, ground: Ground<'_>, scene: &mut Scene) -> Result<bool, NeedsMore> {
        let reader = self.following.reader();
        let Sight::Header(sighting) = ground.look(0, |id| reader.lane_state(id))? else { return Ok(false) };
        let least = match (sighting.header.basic.format, sighting.lane) {
            (Format::Full | Format::SameStream, _) => Evidence::CANDIDATE,
            (Format::SameShape | Format::Same, Some(_)) => Evidence::CANDIDATE_NEARBY,
            (Format::SameShape | Format::Same, None) => return Ok(false),
        };
        if sighting.evidence < least || ground.begins_too_early(&sighting, |id| reader.lane_state(id))? {
            return Ok(false);
        }
        let mut walk = Walk::new(ground, Some(reader), self.following.sizing(), scene.credit);
        let found = walk.finds_footing(Evidence::ENOUGH_NEARBY)?;
        scene.credit = walk.credit();
        Ok(found.is_some())
    }

    /// Whether the chunk is as long as chunks get and its message goes on at the first byte of the ground: if so, how long the
    /// header is.
    fn goes_on_at(&self, ground: Ground<'_>) -> Result<Option<usize>, NeedsMore> {
        if self.left > 0 || self.following.chunk_size().is_none() {
            return Ok(None);
        }
        let expected = BasicHeader { format: Format::Same, chunk_stream: self.chunk_stream };
        let is_it = BasicHeader::shape(ground.bytes()[0]).0 == 1
            && BasicHeader::parse(ground.bytes()) == Some(expected);
        Ok(is_it.then(|| expected.wire_len()))
    }
}

/// Whether chunks begin at the first byte of the ground, of which nothing else is known: if so, what the chunk size is.
pub(super) fn footing_at(
    ground: Ground<'_>,
    hint: Option<ChunkSize>,
    scene: &mut Scene,
) -> Result<Option<Sizing>, NeedsMore> {
    let (_, format) = BasicHeader::shape(ground.bytes()[0]);
    if matches!(format, Format::SameShape | Format::Same) {
        return Ok(None);
    }
    let Sight::Header(sighting) = ground.look(0, |_| None)? else { return Ok(None) };
    if sighting.evidence < Evidence::CANDIDATE || ground.begins_too_early(&sighting, |_| None)? {
        return Ok(None);
    }
    let mut walk = Walk::new(ground, None, Sizing::unknown(hint), scene.credit);
    let found = walk.finds_footing(Evidence::ENOUGH)?;
    scene.credit = walk.credit();
    Ok(found)
}

/// Bytes within which a chunk must end whose size is not known.
pub(super) const NEARBY_BYTES_MAX: usize = limits::OBSERVER_AHEAD_BYTES;
