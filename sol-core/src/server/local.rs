//! Local: the hub of one thread, and who waits for which of its streams.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::crossing::{ClaimId, Standing};
use crate::hub::{
    Appended, Bid, Corrections, Delivery, Hub, Parting, Publication, PublishRefused, Purpose, Replaced,
    Stream, StreamId, Streams, TooManyStreams,
};
use crate::ids::SessionId;
use crate::load::Load;
use crate::media::Media;
use crate::name::StreamName;
use crate::time::Instant;

use super::armed::{Armed, Spot};
use super::crossings::Crossings;
use super::deadlines::Deadlines;

#[derive(Debug)]
pub(super) struct Local {
    pub(super) hub: Hub,
    /// The session that is being touched.
    pub(super) current: SessionId,
    pub(super) armed: BTreeMap<StreamId, Armed>,
    /// Streams whose players are to be woken.
    pub(super) advanced: BTreeSet<StreamId>,
    /// When to ask which stream whether its time has come.
    pub(super) scheduled: Deadlines<StreamId>,
    pub(super) load: Load,
    /// `None` where all streams are at home here.
    pub(super) crossings: Option<Crossings>,
}

/// A publisher's or player's place at one stream.
#[derive(Debug)]
pub(super) enum Seat {
    /// At a stream of this hub; a publisher's with what the directory has given, if there is one.
    Here { stream: StreamId, purpose: Purpose, spot: Spot, claim: Option<ClaimId> },
    /// A publisher's, whose stream is at home elsewhere.
    Inward(ClaimId),
}

impl Seat {
    fn here(&self) -> StreamId {
        match self {
            Seat::Here { stream, .. } => *stream,
            Seat::Inward(_) => unreachable!("a publisher only appends, and its stream is elsewhere"),
        }
    }
}

impl Local {
    pub(super) fn new(hub: Hub, crossings: Option<Crossings>) -> Self {
        Self {
            hub,
            current: SessionId::new(0),
            armed: BTreeMap::new(),
            advanced: BTreeSet::new(),
            scheduled: Deadlines::default(),
            load: Load::IDLE,
            crossings,
        }
    }

    /// Takes those who wait for a stream.
    pub(super) fn take_armed(&mut self, stream: StreamId) -> Vec<Option<SessionId>> {
        self.armed.get_mut(&stream).map(Armed::take).unwrap_or_default()
    }

    /// Something was appended to a stream.
    pub(super) fn has_appended(&mut self, stream: StreamId, now: Instant) {
        if let Some(crossings) = &mut self.crossings {
            // At once, whatever the pace here: each loop has its own.
            crossings.has_appended(stream);
        }
        match self.hub.stream_mut(stream).deliver(self.load, now) {
            Delivery::Now => drop(self.advanced.insert(stream)),
            Delivery::Later => self.schedule_stream(stream),
            Delivery::Settled => {}
        }
    }

    pub(super) fn schedule_stream(&mut self, stream: StreamId) {
        self.scheduled.set(stream, self.hub.stream(stream).poll_timeout());
    }

    /// Somebody holds a stream no longer. Nobody else may, either.
    pub(super) fn let_go(&mut self, stream: StreamId, name: &StreamName) {
        if self.hub.release(name) {
            self.armed.remove(&stream);
            self.advanced.remove(&stream);
            self.scheduled.set(stream, None);
            if let Some(crossings) = &mut self.crossings {
                crossings.forget(stream, name);
            }
        }
    }

    /// A publisher of a stream that is at home here has gone.
    pub(super) fn part(
        &mut self,
        stream: StreamId,
        publication: Publication,
        parting: Parting,
        now: Instant,
    ) {
        self.hub.stream_mut(stream).part(publication, parting, now);
        self.schedule_stream(stream);
        // Also where only its last frames are new: they may have come together with the end.
        self.advanced.insert(stream);
    }
}

impl Streams for Local {
    type Handle = Seat;

    fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<Seat, TooManyStreams> {
        let stream = match &self.crossings {
            None => self.hub.hold(name, purpose)?,
            // The directory knows it already.
            Some(_) => self.hub.hold_known(name),
        };
        if purpose == Purpose::Play {
            self.want(stream, name);
        }
        Ok(Seat::Here { stream, purpose, spot: Spot::default(), claim: None })
    }

    fn release(&mut self, name: &StreamName, seat: Seat) {
        let Seat::Here { stream, purpose, spot, claim: _ } = seat else { return };
        if let Some(armed) = self.armed.get_mut(&stream) {
            armed.remove(&spot);
        }
        if purpose == Purpose::Play {
            self.unwant(name);
        }
        self.let_go(stream, name);
    }

    fn read<R>(&mut self, seat: &Seat, look: impl FnOnce(&Stream) -> R) -> R {
        look(self.hub.stream(seat.here()))
    }

    fn write<R>(&mut self, seat: &Seat, change: impl FnOnce(&mut Stream) -> R) -> R {
        change(self.hub.stream_mut(seat.here()))
    }

    fn advanced(&mut self, seat: &Seat) {
        self.advanced.insert(seat.here());
    }

    fn schedule(&mut self, seat: &Seat) {
        self.schedule_stream(seat.here());
    }

    fn read_or_arm<R>(&mut self, seat: &Seat, look: impl FnOnce(&Stream) -> ControlFlow<R, R>) -> R {
        let stream = seat.here();
        match look(self.hub.stream(stream)) {
            ControlFlow::Continue(seen) => seen,
            ControlFlow::Break(seen) => {
                if let Seat::Here { spot, .. } = seat {
                    self.armed.entry(stream).or_default().add(spot, self.current);
                }
                seen
            }
        }
    }

    fn load(&mut self, _now: Instant) -> Load {
        self.load
    }

    fn append(
        &mut self,
        seat: &Seat,
        publication: &Publication,
        media: &Media,
        now: Instant,
    ) -> Result<Appended, Replaced> {
        match seat {
            Seat::Here { stream, .. } => {
                let appended = self.hub.stream_mut(*stream).append(publication, media, now)?;
                self.has_heard(*stream, now);
                if appended.took_over {
                    self.tell_who_is_on_air(*stream);
                }
                Ok(appended)
            }
            Seat::Inward(claim) => {
                let on_air = self.crossings_mut().append(*claim, media)?;
                Ok(Appended { grew: true, on_air, took_over: false, instead: None })
            }
        }
    }

    fn is_on_air(&mut self, seat: &Seat, publication: &Publication) -> Result<bool, Replaced> {
        match seat {
            Seat::Here { stream, .. } => self.hub.stream(*stream).is_on_air(publication),
            Seat::Inward(claim) => self.crossings_mut().is_on_air(*claim),
        }
    }

    fn corrections(&mut self, seat: &Seat, publication: &Publication) -> Result<Corrections, Replaced> {
        match seat {
            Seat::Here { stream, .. } => self.hub.stream(*stream).corrections(publication),
            Seat::Inward(claim) => self.crossings_mut().corrections(*claim),
        }
    }

    fn appended(&mut self, seat: &Seat, now: Instant) {
        match seat {
            Seat::Here { stream, .. } => self.has_appended(*stream, now),
            Seat::Inward(claim) => self.crossings_mut().pass_media(*claim),
        }
    }

    fn publish(
        &mut self,
        name: &StreamName,
        bid: &Bid,
        now: Instant,
    ) -> Result<(Seat, Publication), PublishRefused> {
        let claim = match self.crossings.as_mut().and_then(Crossings::take_standing) {
            None => return crate::hub::publish_held(self, name, |stream| stream.publish(bid, now)),
            Some(Standing::Claimed(of, claim)) if of == *name => claim,
            Some(Standing::Claimed(..) | Standing::Wanted(..)) => {
                unreachable!("the directory was asked for this publisher")
            }
        };
        if claim.home != self.crossings_mut().here() {
            let publisher = self.current;
            let id = self.crossings_mut().publish_inwards(name, &claim, publisher);
            return Ok((Seat::Inward(id), Publication::ELSEWHERE));
        }
        let id = claim.id;
        let (stream, publication) = self.publish_at_home(name, claim, now);
        let seat = Seat::Here { stream, purpose: Purpose::Publish, spot: Spot::default(), claim: Some(id) };
        Ok((seat, publication))
    }

    fn unpublish(
        &mut self,
        name: &StreamName,
        seat: Seat,
        publication: Publication,
        parting: Parting,
        now: Instant,
    ) {
        match seat {
            Seat::Here { stream, claim, .. } => {
                self.part(stream, publication, parting, now);
                if let Some(claim) = claim {
                    self.vacate(stream, name, claim);
                }
                self.let_go(stream, name);
            }
            Seat::Inward(claim) => self.crossings_mut().unpublish_inwards(claim, parting),
        }
    }
}
