//! NetStreams of one connection: what `createStream` made, and what each is doing.
//!
//! Invariants: at most `limits::NET_STREAMS`; an id is there once.

use smallvec::SmallVec;

use crate::ids::MessageStreamId;
use crate::limits;
use crate::name::StreamName;

use super::event::Request;

/// What one NetStream is doing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Doing {
    Nothing,
    /// The application was asked.
    Waiting(Request),
    Publishing(StreamName),
    /// It did, until another publisher took its place. What it still sends is no fault.
    Replaced,
    /// It may play, and is told so when there is something to play.
    Allowed(StreamName),
    Playing(StreamName),
}

/// All NetStreams of one connection, by id.
#[derive(Debug, Default)]
pub(super) struct NetStreams(SmallVec<[(MessageStreamId, Doing); 1]>);

impl NetStreams {
    /// Makes a stream with the lowest free id from 1 on; `None` if there are too many.
    pub(super) fn create(&mut self) -> Option<MessageStreamId> {
        let id = (1..).map(MessageStreamId::new).find(|&id| !self.contains(id))?;
        self.create_as(id).then_some(id)
    }

    /// Makes the stream `id`; whether there was room. Without effect if it exists.
    pub(super) fn create_as(&mut self, id: MessageStreamId) -> bool {
        if self.contains(id) {
            return true;
        }
        if self.0.len() == limits::NET_STREAMS {
            return false;
        }
        self.0.push((id, Doing::Nothing));
        true
    }

    /// Removes a stream; what it was doing.
    pub(super) fn delete(&mut self, id: MessageStreamId) -> Option<Doing> {
        let index = self.0.iter().position(|(known, _)| *known == id)?;
        Some(self.0.remove(index).1)
    }

    /// Sets what a stream is doing; what it was doing before.
    pub(super) fn set(&mut self, id: MessageStreamId, doing: Doing) -> Option<Doing> {
        let (_, known) = self.0.iter_mut().find(|(known, _)| *known == id)?;
        Some(std::mem::replace(known, doing))
    }

    /// The name that a stream plays, or will.
    pub(super) fn played(&self, id: MessageStreamId) -> Option<&StreamName> {
        match self.get(id)? {
            Doing::Allowed(name) | Doing::Playing(name) => Some(name),
            Doing::Nothing | Doing::Waiting(_) | Doing::Publishing(_) | Doing::Replaced => None,
        }
    }

    /// Whether a stream plays and has been told so.
    pub(super) fn has_started(&self, id: MessageStreamId) -> bool {
        matches!(self.get(id), Some(Doing::Playing(_)))
    }

    pub(super) fn get(&self, id: MessageStreamId) -> Option<&Doing> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, doing)| doing)
    }

    pub(super) fn contains(&self, id: MessageStreamId) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (MessageStreamId, &Doing)> {
        self.0.iter().map(|(id, doing)| (*id, doing))
    }

    /// The request that waits for an answer. There is never more than one: input is held behind it.
    pub(super) fn waiting(&self) -> Option<&Request> {
        self.0.iter().find_map(|(_, doing)| match doing {
            Doing::Waiting(request) => Some(request),
            Doing::Nothing
            | Doing::Publishing(_)
            | Doing::Replaced
            | Doing::Allowed(_)
            | Doing::Playing(_) => None,
        })
    }

    /// Whether any stream publishes.
    pub(super) fn any_publishing(&self) -> bool {
        self.0.iter().any(|(_, doing)| matches!(doing, Doing::Publishing(_)))
    }

    /// Whether any stream publishes, plays or waits for leave to.
    pub(super) fn any_busy(&self) -> bool {
        self.0.iter().any(|(_, doing)| !matches!(doing, Doing::Nothing | Doing::Replaced))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_from_1_and_are_used_again() {
        let mut streams = NetStreams::default();
        let ids: Vec<u32> = (0..3).map(|_| streams.create().unwrap().get()).collect();
        assert_eq!(ids, [1, 2, 3]);
        assert_eq!(streams.delete(MessageStreamId::new(2)), Some(Doing::Nothing));
        assert_eq!(streams.create(), Some(MessageStreamId::new(2)));
    }

    #[test]
    fn streams_are_bounded() {
        let mut streams = NetStreams::default();
        for _ in 0..limits::NET_STREAMS {
            assert!(streams.create().is_some());
        }
        assert_eq!(streams.create(), None);
        assert!(!streams.create_as(MessageStreamId::new(99)));
        assert!(streams.create_as(MessageStreamId::new(1)), "it exists");
    }
}
