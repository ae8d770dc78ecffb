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
use super::ground::{Beyond, Ground, NeedsMore, Sight};
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

    pub(super) fn turn(&mut self, input: &[u8], beyond: Beyond, scene: &mut Scene) -> Turn {
        let mut at = usize::from(std::mem::take(&mut self.passes_one));
        while at < input.len() {
            let ground = Ground::new(&input[at..], beyond);
            if let Some(mut nearby) = self.nearby.take() {
                if nearby.left < at {
                    // Whatever this was, it was more than a chunk.
                    let Searching { hint, .. } = nearby.following.give_up(scene, at);
                    self.hint = hint;
                    continue;
                }
                match nearby.ends_at(ground, scene) {
                    Err(NeedsMore(wanted)) => {
                        nearby.left -= at;
                        self.nearby = Some(nearby);
                        return self.took(at, Then::Wait(wanted));
                    }
                    Ok(true) => {
                        let Nearby { following, chunk_stream, .. } = nearby;
                        let bytes = self.skipped + at as u64;
                        scene.see(at, Observed::Skipped { chunk_stream, bytes });
                        return self.took(at, Then::Become(Stage::Following(following)));
                    }
                    Ok(false) => {}
                }
                if let Some(header_bytes) = nearby.goes_on_at(at, &input[at..]) {
                    let Nearby { following, chunk_stream, .. } = nearby;
                    let bytes = self.skipped + at as u64;
                    scene.see(at, Observed::Skipped { chunk_stream, bytes });
                    *self = Self::nearby(following, chunk_stream, header_bytes);
                    return Turn::took(at + header_bytes);
                }
                self.nearby = Some(nearby);
            } else {
                match footing_at(ground, self.hint, scene) {
                    Err(NeedsMore(wanted)) => return self.took(at, Then::Wait(wanted)),
                    Ok(Some(sizing)) => {
                        let following = Following::from_the_middle(sizing);
                        let (skipped, chunk_size) = (self.skipped + at as u64, following.chunk_size());
                        scene.see(at, Observed::Footing { skipped, chunk_size });
                        return self.took(at, Then::Become(Stage::Following(Box::new(following))));
                    }
                    Ok(None) => {}
                }
            }
            at += 1;
        }
        if let Some(nearby) = &mut self.nearby {
            // It may be that the place behind the last byte is still within the chunk.
            match nearby.left.checked_sub(input.len()) {
                Some(left) => nearby.left = left,
                None => {
                    let mut nearby = self.nearby.take().expect("it is there");
                    self.hint = nearby.following.give_up(scene, input.len()).hint;
                }
            }
        }
        self.took(input.len(), Then::GoOn)
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

    fn took(&mut self, took: usize, then: Then) -> Turn {
        self.skipped += took as u64;
        Turn { took, then }
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

    /// Whether the chunk is as long as chunks get and its message goes on at the first byte of `bytes`, `at` bytes from where it
    /// began: if so, how long the header is.
    fn goes_on_at(&self, at: usize, bytes: &[u8]) -> Option<usize> {
        let expected = BasicHeader { format: Format::Same, chunk_stream: self.chunk_stream };
        let is_it = at == self.left
            && self.following.chunk_size().is_some()
            && bytes.first().is_some_and(|&first| BasicHeader::shape(first).0 == 1)
            && BasicHeader::parse(bytes) == Some(expected);
        is_it.then(|| expected.wire_len())
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
