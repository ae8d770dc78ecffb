//! Crossed: what has passed from one loop to another, counted on its way.

use std::collections::BTreeMap;

use sol_core::crossing::{ClaimId, LoopId, Parcel, Ticket, media_cost};
use sol_core::hub::{Gap, Passage};
use sol_core::media::Media;

/// What crossed to one loop since it first wanted a stream, until it wanted it no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crossed {
    /// How often something came.
    pub parcels: usize,
    /// Frames.
    pub frames: usize,
    /// Beginnings, with nothing lost before them.
    pub beginnings: usize,
    /// What was lost on the way.
    pub gaps: Vec<Gap>,
    /// Publishers that went on.
    pub splices: usize,
    /// Publications that were over.
    pub ends: usize,
    /// The most bytes of memory that were under way at once.
    pub bytes_peak: usize,
    under_way: usize,
}

/// What crossed inwards to a home, from publishers elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrossedInwards {
    /// How often something came.
    pub parcels: usize,
    /// Messages.
    pub media: usize,
    /// The most bytes of memory that one publisher had under way at once.
    pub bytes_peak: usize,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    outward: BTreeMap<(LoopId, Ticket), Crossed>,
    inward: BTreeMap<LoopId, CrossedInwards>,
    inward_under_way: BTreeMap<ClaimId, usize>,
}

impl Ledger {
    /// One loop has passed something to another.
    pub(super) fn has_left(&mut self, to: LoopId, parcel: &Parcel) {
        match parcel {
            Parcel::Carry { ticket, passages, .. } => {
                let crossed = self.outward.entry((to, *ticket)).or_default();
                crossed.parcels += 1;
                passages.iter().for_each(|passage| crossed.count(passage));
            }
            Parcel::Media { claim, media } => {
                let crossed = self.inward.entry(to).or_default();
                crossed.parcels += 1;
                crossed.media += media.len();
                let under_way = self.inward_under_way.entry(*claim).or_default();
                *under_way += cost_of(media);
                crossed.bytes_peak = crossed.bytes_peak.max(*under_way);
            }
            Parcel::Want { .. }
            | Parcel::Unwant { .. }
            | Parcel::Open { .. }
            | Parcel::Taken { .. }
            | Parcel::Close { .. }
            | Parcel::Publish { .. }
            | Parcel::MediaTaken { .. }
            | Parcel::Corrected { .. }
            | Parcel::OnAir { .. }
            | Parcel::Replaced { .. }
            | Parcel::Unpublish { .. } => {}
        }
    }

    /// It has come there.
    pub(super) fn has_arrived(&mut self, to: LoopId, parcel: &Parcel) {
        if let Parcel::Carry { ticket, passages, .. } = parcel
            && let Some(crossed) = self.outward.get_mut(&(to, *ticket))
        {
            crossed.under_way -= passages.iter().map(Passage::cost).sum::<usize>();
        }
        if let Parcel::Media { claim, media } = parcel
            && let Some(under_way) = self.inward_under_way.get_mut(claim)
        {
            *under_way -= cost_of(media);
        }
    }

    pub(super) fn check(&self, outward_max: usize, inward_max: usize) {
        for ((to, ticket), crossed) in &self.outward {
            let peak = crossed.bytes_peak;
            assert!(
                peak <= outward_max,
                "{peak} bytes were under way to loop {to} for {ticket:?}, more than {outward_max}"
            );
        }
        for (to, crossed) in &self.inward {
            let peak = crossed.bytes_peak;
            assert!(
                peak <= inward_max,
                "{peak} bytes of one publisher were under way to loop {to}, more than {inward_max}"
            );
        }
    }

    /// To a loop, in the order in which it wanted something.
    pub(super) fn crossings_to(&self, to: LoopId) -> Vec<Crossed> {
        let to_it = self.outward.iter().filter(|((who, _), _)| *who == to);
        to_it.map(|(_, crossed)| crossed.clone()).collect()
    }

    pub(super) fn inwards_to(&self, to: LoopId) -> CrossedInwards {
        self.inward.get(&to).cloned().unwrap_or_default()
    }
}

impl Crossed {
    fn count(&mut self, passage: &Passage) {
        self.under_way += passage.cost();
        self.bytes_peak = self.bytes_peak.max(self.under_way);
        match passage {
            Passage::Resume { lost, .. } if lost.frames > 0 => self.gaps.push(*lost),
            Passage::Resume { .. } => self.beginnings += 1,
            Passage::Frame { .. } => self.frames += 1,
            Passage::Splice { .. } => self.splices += 1,
            Passage::End(_) => self.ends += 1,
        }
    }
}

fn cost_of(media: &[Media]) -> usize {
    media.iter().map(media_cost).sum()
}
