//! Registry: which names are in use, and by how many.
//!
//! Small and rarely touched: only when somebody begins or ends to publish or play.
//!
//! Invariant: a name is known exactly while somebody holds it.

use std::collections::BTreeMap;

use crate::limits;
use crate::name::StreamName;

/// Names to streams. `H` is how the driver reaches a stream: an id, or a reference to a lock.
#[derive(Debug)]
pub struct Registry<H> {
    slots: BTreeMap<StreamName, Slot<H>>,
}

#[derive(Debug)]
struct Slot<H> {
    handle: H,
    holders: usize,
}

/// What somebody wants to do with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Publish it.
    Publish,
    /// Play it, or wait for it.
    Play,
}

impl Purpose {
    /// How many names there may be before this one.
    pub(crate) const fn names_max(self) -> usize {
        match self {
            Purpose::Play => limits::STREAMS,
            Purpose::Publish => limits::STREAMS + limits::STREAMS_RESERVED,
        }
    }
}

/// No further name can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many streams")]
pub struct TooManyStreams;

impl<H: Clone> Registry<H> {
    /// No names.
    pub const fn new() -> Self {
        Self { slots: BTreeMap::new() }
    }

    /// The stream of that name, made by `make` if there is none. Each call is to be undone by
    /// [`Registry::release`].
    ///
    /// # Errors
    /// [`TooManyStreams`] if it would have to be made and there are `limits::STREAMS` already, to publish
    /// `limits::STREAMS_RESERVED` more.
    pub fn hold(
        &mut self,
        name: &StreamName,
        purpose: Purpose,
        make: impl FnOnce() -> H,
    ) -> Result<H, TooManyStreams> {
        if self.slots.len() >= purpose.names_max() && !self.slots.contains_key(name) {
            return Err(TooManyStreams);
        }
        Ok(self.hold_known(name, make))
    }

    /// The same for a name that is counted elsewhere.
    pub fn hold_known(&mut self, name: &StreamName, make: impl FnOnce() -> H) -> H {
        if let Some(slot) = self.slots.get_mut(name) {
            slot.holders += 1;
            return slot.handle.clone();
        }
        let handle = make();
        self.slots.insert(name.clone(), Slot { handle: handle.clone(), holders: 1 });
        handle
    }

    /// The stream of that name, if somebody holds it.
    pub fn find(&self, name: &StreamName) -> Option<&H> {
        self.slots.get(name).map(|slot| &slot.handle)
    }

    /// One holder less. The stream, if that was the last one; nobody finds it by its name any more.
    pub fn release(&mut self, name: &StreamName) -> Option<H> {
        let slot = self.slots.get_mut(name)?;
        slot.holders -= 1;
        if slot.holders > 0 {
            return None;
        }
        self.slots.remove(name).map(|slot| slot.handle)
    }

    /// All names in use, in order, and their streams.
    pub fn iter(&self) -> impl Iterator<Item = (&StreamName, &H)> {
        self.slots.iter().map(|(name, slot)| (name, &slot.handle))
    }

    /// Names in use.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no name is in use.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

impl<H: Clone> Default for Registry<H> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_lives_until_its_last_holder_lets_go() {
        let mut registry = Registry::new();
        let name = name("live/cam");
        assert_eq!(registry.hold(&name, Purpose::Play, || 7), Ok(7));
        assert_eq!(registry.hold(&name, Purpose::Publish, || 8), Ok(7), "found, not made");
        assert_eq!(registry.release(&name), None);
        assert_eq!(registry.release(&name), Some(7));
        assert_eq!(registry.release(&name), None, "nobody holds it");
        assert_eq!(registry.hold(&name, Purpose::Play, || 9), Ok(9), "made anew");
    }

    #[test]
    fn players_that_wait_do_not_keep_publishers_out() {
        let mut registry = Registry::new();
        for index in 0..limits::STREAMS {
            registry.hold(&name(&format!("waited/{index}")), Purpose::Play, || index).unwrap();
        }
        assert_eq!(registry.hold(&name("waited/one-more"), Purpose::Play, || 0), Err(TooManyStreams));
        for index in 0..limits::STREAMS_RESERVED {
            registry.hold(&name(&format!("live/{index}")), Purpose::Publish, || index).unwrap();
        }
        assert_eq!(registry.hold(&name("live/one-more"), Purpose::Publish, || 0), Err(TooManyStreams));
        assert_eq!(
            registry.hold(&name("live/5"), Purpose::Play, || 0),
            Ok(5),
            "those that are there can be joined"
        );
    }

    fn name(text: &str) -> StreamName {
        text.parse().unwrap()
    }
}
