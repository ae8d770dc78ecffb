//! Local: the hub of one thread, and who waits for which of its streams.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::crossing::Standing;
use crate::hub::{
    Delivery, Hub, Parting, Publication, PublishRefused, Purpose, StaleToken, Stream, StreamId, Streams,
    TooManyStreams,
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
    armed: BTreeMap<StreamId, Armed>,
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
pub(super) enum Place {
    /// At a stream of this hub.
    Here { stream: StreamId, purpose: Purpose, spot: Spot },
    /// A publisher's, whose stream is at home elsewhere.
    Inward(crate::crossing::InwardId),
}

impl Place {
    fn here(&self) -> StreamId {
        match self {
            Place::Here { stream, .. } => *stream,
            Place::Inward(_) => unreachable!("a publisher only appends, and its stream is elsewhere"),
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
                crossings.is_gone(stream, name);
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
        let tape = self.hub.stream_mut(stream);
        match parting {
            Parting::InGoodOrder => tape.unpublish(publication),
            Parting::Vanished => tape.abandon(publication, now),
        }
        self.schedule_stream(stream);
        // Also where only its last frames are new: they may have come together with the end.
        self.advanced.insert(stream);
    }
}

impl Streams for Local {
    type Handle = Place;

    fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<Place, TooManyStreams> {
        let stream = match &self.crossings {
            None => self.hub.hold(name, purpose)?,
            // The directory knows it already.
            Some(_) => self.hub.hold_known(name),
        };
        if purpose == Purpose::Play {
            self.want(stream, name);
        }
        Ok(Place::Here { stream, purpose, spot: Spot::default() })
    }

    fn release(&mut self, name: &StreamName, place: Place) {
        let Place::Here { stream, purpose, spot } = place else { return };
        if let Some(armed) = self.armed.get_mut(&stream) {
            armed.remove(&spot);
        }
        if purpose == Purpose::Play {
            self.unwant(name);
        }
        self.let_go(stream, name);
    }

    fn read<R>(&mut self, place: &Place, look: impl FnOnce(&Stream) -> R) -> R {
        look(self.hub.stream(place.here()))
    }

    fn write<R>(&mut self, place: &Place, change: impl FnOnce(&mut Stream) -> R) -> R {
        change(self.hub.stream_mut(place.here()))
    }

    fn advanced(&mut self, place: &Place) {
        self.advanced.insert(place.here());
    }

    fn schedule(&mut self, place: &Place) {
        self.schedule_stream(place.here());
    }

    fn read_or_arm<R>(&mut self, place: &Place, look: impl FnOnce(&Stream) -> ControlFlow<R, R>) -> R {
        let stream = place.here();
        match look(self.hub.stream(stream)) {
            ControlFlow::Continue(seen) => seen,
            ControlFlow::Break(seen) => {
                if let Place::Here { spot, .. } = place {
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
        place: &Place,
        publication: &Publication,
        media: &Media,
    ) -> Result<bool, StaleToken> {
        match place {
            Place::Here { stream, .. } => self.hub.stream_mut(*stream).append(publication, media),
            Place::Inward(inward) => {
                self.crossings_mut().append(*inward, media);
                Ok(true)
            }
        }
    }

    fn appended(&mut self, place: &Place, now: Instant) {
        match place {
            Place::Here { stream, .. } => self.has_appended(*stream, now),
            Place::Inward(inward) => self.crossings_mut().pass_media(*inward),
        }
    }

    fn publish(&mut self, name: &StreamName) -> Result<(Place, Publication), PublishRefused> {
        let claim = match self.crossings.as_mut().and_then(Crossings::take_standing) {
            None => return crate::hub::publish_held(self, name),
            Some(Standing::Claimed(_, claim)) => claim,
            Some(Standing::Wanted(..)) => unreachable!("it was asked to publish"),
        };
        if claim.home != self.crossings_mut().here() {
            let publisher = self.current;
            let inward = self.crossings_mut().publish_inwards(name, claim, publisher);
            return Ok((Place::Inward(inward), Publication::ELSEWHERE));
        }
        self.forget_mirror(name);
        let published = crate::hub::publish_held(self, name);
        match &published {
            Ok((place, _)) => self.is_at_home(place.here(), name, claim.id, claim.wanted),
            Err(_) => self.crossings_mut().disclaim(name, claim.id),
        }
        published
    }

    fn unpublish(
        &mut self,
        name: &StreamName,
        place: Place,
        publication: Publication,
        parting: Parting,
        now: Instant,
    ) {
        match place {
            Place::Here { stream, .. } => {
                self.part(stream, publication, parting, now);
                self.vacate(stream, name);
                self.let_go(stream, name);
            }
            Place::Inward(inward) => self.crossings_mut().unpublish_inwards(inward, parting),
        }
    }
}
