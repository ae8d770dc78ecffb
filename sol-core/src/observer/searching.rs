//! Searching: where do chunks begin?
//!
//! Each place is tried, one byte after the other, until what follows bears one out. Only headers that say what their message
//! is can be tried: format 0, and format 1, which encoders begin most messages with.
//!
//! A chunk whose header leans on one that was never seen has an end that only the next header gives away. It is looked for
//! nearby, and there every lane that is known helps: what was understood before stays understood. If the message goes on, an
//! extended timestamp may be in front of the payload of each of its chunks (5.3.1.3), and nothing says so but that the same four
//! bytes are in front of the next.

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
    /// Bytes that came and were passed over.
    skipped: u64,
    /// The chunk size of before, which may hold still.
    hint: Option<ChunkSize>,
    /// So many bytes that come next are known not to be the place.
    passes: usize,
    /// The end of one chunk is looked for.
    nearby: Option<Nearby>,
}

/// A chunk of unknown length, amid chunks that are understood.
#[derive(Debug)]
struct Nearby {
    following: Box<Following>,
    leaning: Leaning,
    /// Bytes behind its header that were passed over.
    passed: usize,
}

/// The header of a chunk which leans on one that was not seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaning {
    chunk_stream: ChunkStreamId,
    bytes: usize,
    /// What is behind it, and may be an extended timestamp that is repeated.
    repeated: Option<[u8; 4]>,
}

impl Searching {
    /// Searches from here on. `hint` is the chunk size of before, which may hold still.
    pub(super) fn new(hint: Option<ChunkSize>) -> Self {
        Self { skipped: 0, hint, passes: 0, nearby: None }
    }

    /// Searches from the next byte on.
    pub(super) fn passing_one(self) -> Self {
        Self { passes: 1, ..self }
    }

    /// Looks for the end of a chunk whose header is next.
    pub(super) fn nearby(following: Box<Following>, leaning: Leaning) -> Self {
        let nearby = Some(Nearby { following, leaning, passed: 0 });
        Self { skipped: 0, hint: None, passes: leaning.bytes, nearby }
    }

    /// Tries one place after the other. What a look may cost is earned place by place, so that each has as much however many are
    /// tried at once.
    pub(super) fn turn(&mut self, input: &[u8], beyond: Beyond, scene: &mut Scene) -> Turn {
        for at in 0..input.len() {
            let credit = scene.credit;
            match self.look(at, Ground::new(&input[at..], beyond), scene) {
                Ok(None) => {
                    scene.credit.earn(1);
                    self.pass(at, scene);
                }
                Ok(Some(then)) => return Turn { took: at, then },
                Err(NeedsMore(wanted)) => {
                    // Nothing was decided, so what it cost is spent when all of it happens again.
                    scene.credit = credit;
                    return Turn { took: at, then: Then::Wait(wanted) };
                }
            }
        }
        Turn::took(input.len())
    }

    /// Whether the place in front, `at` bytes from where the turn began, is it.
    fn look(&mut self, at: usize, ground: Ground<'_>, scene: &mut Scene) -> Result<Option<Then>, NeedsMore> {
        if self.passes > 0 {
            return Ok(None);
        }
        let Some(nearby) = &self.nearby else {
            let Some(sizing) = footing_at(ground, self.hint, scene)? else { return Ok(None) };
            let following = Box::new(Following::from_the_middle(sizing));
            let (skipped, chunk_size) = (self.skipped, following.chunk_size());
            scene.see(at, Observed::Footing { skipped, chunk_size });
            return Ok(Some(Then::Become(Stage::Following(following))));
        };
        if nearby.ends_at(ground, scene)? {
            let Nearby { following, .. } = self.end_nearby(at, scene);
            return Ok(Some(Then::Become(Stage::Following(following))));
        }
        if let Some(leaning) = nearby.goes_on_at(ground)? {
            let Nearby { following, .. } = self.end_nearby(at, scene);
            *self = Self::nearby(following, leaning);
        }
        Ok(None)
    }

    /// The place in front is not it.
    fn pass(&mut self, at: usize, scene: &mut Scene) {
        self.skipped += 1;
        if self.passes > 0 {
            self.passes -= 1;
            return;
        }
        let Some(nearby) = &mut self.nearby else { return };
        nearby.passed += 1;
        if nearby.passed > nearby.longest() {
            // Whatever this was, it was more than a chunk.
            self.hint = nearby.following.give_up(scene, at + 1).hint;
            self.nearby = None;
        }
    }

    /// The chunk whose end was looked for ends here.
    fn end_nearby(&mut self, at: usize, scene: &mut Scene) -> Nearby {
        let nearby = self.nearby.take().expect("its end was found");
        let (chunk_stream, bytes) = (nearby.leaning.chunk_stream, self.skipped);
        scene.see(at, Observed::Skipped { chunk_stream, bytes });
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

    /// Whether the chunk is as long as chunks get and its message goes on at the first byte of the ground: if so, with which
    /// header.
    fn goes_on_at(&self, ground: Ground<'_>) -> Result<Option<Leaning>, NeedsMore> {
        let Some(size) = self.following.chunk_size().map(ChunkSize::bytes) else { return Ok(None) };
        let next = if self.passed == size {
            // One byte is soon found. If five speak for the place that is four bytes further, that is where it goes on.
            let further = self.leaning.repeats_at(ground, REPEATED_BYTES)?;
            if further.is_some() { None } else { self.leaning.next_at(ground, 0)? }
        } else if self.passed == size + REPEATED_BYTES {
            self.leaning.repeats_at(ground, 0)?
        } else {
            None
        };
        Ok(next)
    }

    /// Bytes behind the header that the chunk has at most.
    fn longest(&self) -> usize {
        let repeated = if self.leaning.repeated.is_some() { REPEATED_BYTES } else { 0 };
        self.following.chunk_bytes_max() + repeated
    }
}

impl Leaning {
    /// The header at the first byte of the ground, which has `bytes`.
    pub(super) fn at(ground: Ground<'_>, header: BasicHeader, bytes: usize) -> Result<Self, NeedsMore> {
        let repeated = match header.format {
            Format::Same => ground.four_bytes(bytes)?,
            Format::Full | Format::SameStream | Format::SameShape => None,
        };
        Ok(Self { chunk_stream: header.chunk_stream, bytes, repeated })
    }

    /// The next header of its lane, if that is at `at`.
    fn next_at(&self, ground: Ground<'_>, at: usize) -> Result<Option<Self>, NeedsMore> {
        let chunk_stream = self.chunk_stream;
        let Some(bytes) = ground.continues(at, chunk_stream)? else { return Ok(None) };
        Ok(Some(Self { chunk_stream, bytes, repeated: ground.four_bytes(at + bytes)? }))
    }

    /// The same, if the same four bytes are behind it.
    fn repeats_at(&self, ground: Ground<'_>, at: usize) -> Result<Option<Self>, NeedsMore> {
        if self.repeated.is_none() {
            return Ok(None);
        }
        Ok(self.next_at(ground, at)?.filter(|next| next.repeated == self.repeated))
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

/// Bytes of an extended timestamp.
const REPEATED_BYTES: usize = 4;

/// Bytes within which a chunk must end whose size is not known.
pub(super) const NEARBY_BYTES_MAX: usize = limits::OBSERVER_AHEAD_BYTES;
