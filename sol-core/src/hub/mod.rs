//! Hub: streams by name, and how publishers and players meet on them.
//!
//! A publisher appends frames to its stream's *tape*, a bounded ring. A player is a *playhead*, a position on it.
//! Nobody has a queue: joining is placing a playhead, falling behind is a number, the end of a stream is an entry
//! on the tape. The hub knows nothing of connections, AMF or handshakes.
//!
//! [`Hub`] keeps all of it for one thread. A driver with threads keeps a [`Registry`] behind one lock and each
//! [`Stream`] behind one of its own, and gives both to participants as [`Streams`].

mod bid;
mod bundle;
mod clock;
mod config;
mod correction;
mod forms;
mod pace;
mod playhead;
mod preamble;
mod publishers;
mod registry;
mod relay;
mod report;
mod standby;
mod stream;
mod tape;
mod timeline;

#[cfg(test)]
mod tests;

pub(crate) use bid::Held;
pub use bid::{Bid, Credential, PublisherRole, Takeover};
pub use config::{AfterGrace, StreamConfig};
pub use correction::{Correction, Corrections};
pub use forms::FormRefused;
pub use pace::{Coalesce, Delivery};
pub use playhead::{Gap, Join, Playhead, Read, Wanted};
pub use preamble::Preamble;
pub use registry::{Purpose, Registry, TooManyStreams};
pub use relay::{Passage, Relay};
pub use report::{Lag, StreamReport, StreamState, TrackRate, TrackReport};
pub use stream::{Appended, NameInUse, Parting, Publication, Replaced, Stream};
pub use tape::Ending;
pub use timeline::{Pause, Repair};

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::ids::ChunkSize;
use crate::load::Load;
use crate::media::Media;
use crate::name::StreamName;
use crate::per_app::PerApp;
use crate::time::Instant;

/// Where a participant finds its streams: in a [`Hub`], or behind locks.
pub trait Streams {
    /// What stands for one stream while it is held.
    type Handle: std::fmt::Debug;

    /// The stream of that name, found or made. To be given back with [`Streams::release`].
    ///
    /// # Errors
    /// [`TooManyStreams`], see [`Registry::hold`].
    fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<Self::Handle, TooManyStreams>;

    /// Gives a stream back. The last one to do so removes it. Whoever else of the same participant is armed for it need not
    /// stay so.
    fn release(&mut self, name: &StreamName, handle: Self::Handle);

    /// Looks at a stream.
    fn read<R>(&mut self, handle: &Self::Handle, look: impl FnOnce(&Stream) -> R) -> R;

    /// Changes a stream. Say [`Streams::appended`] afterwards if its tape grew.
    fn write<R>(&mut self, handle: &Self::Handle, change: impl FnOnce(&mut Stream) -> R) -> R;

    /// Appends what a publisher sent. See [`Stream::append`].
    ///
    /// # Errors
    /// [`Replaced`] once the publication is over.
    fn append(
        &mut self,
        handle: &Self::Handle,
        publication: &Publication,
        media: &Media,
        now: Instant,
    ) -> Result<Appended, Replaced> {
        self.write(handle, |stream| stream.append(publication, media, now))
    }

    /// Whether players get what a publisher sends. See [`Stream::is_on_air`].
    ///
    /// # Errors
    /// [`Replaced`] once the publication is over.
    fn is_on_air(&mut self, handle: &Self::Handle, publication: &Publication) -> Result<bool, Replaced> {
        self.read(handle, |stream| stream.is_on_air(publication))
    }

    /// What was corrected of the timestamps of a publication, as far as that is known here. See [`Stream::corrections`].
    ///
    /// # Errors
    /// [`Replaced`] once the publication is over.
    fn corrections(
        &mut self,
        handle: &Self::Handle,
        publication: &Publication,
    ) -> Result<Corrections, Replaced> {
        self.read(handle, |stream| stream.corrections(publication))
    }

    /// The tape has grown: whoever is armed is to be woken, once.
    fn advanced(&mut self, handle: &Self::Handle);

    /// The stream's [`Stream::poll_timeout`] may have changed: [`Stream::handle_timeout`] is to be called then, and if it
    /// says so, whoever is armed is to be woken. The stream itself is asked for the time, since of two who say this at once
    /// the later one may know less.
    fn schedule(&mut self, handle: &Self::Handle);

    /// Looks at a stream for a player. Where the look ends with [`ControlFlow::Break`] the player has caught up and is *armed*:
    /// it is woken when the tape has grown beyond what it saw, once. Nothing is appended between the look and the arming.
    fn read_or_arm<R>(&mut self, handle: &Self::Handle, look: impl FnOnce(&Stream) -> ControlFlow<R, R>)
    -> R;

    /// How busy the driver is at this moment.
    fn load(&mut self, now: Instant) -> Load;

    /// Something was appended: players are woken at once, or when the stream's pace allows.
    fn appended(&mut self, handle: &Self::Handle, now: Instant) {
        let load = self.load(now);
        match self.write(handle, |stream| stream.deliver(load, now)) {
            Delivery::Now => self.advanced(handle),
            Delivery::Later => self.schedule(handle),
            Delivery::Settled => {}
        }
    }

    /// Begins to publish. To be ended with [`Streams::unpublish`].
    ///
    /// # Errors
    /// [`PublishRefused`]. Then nothing is held.
    fn publish(
        &mut self,
        name: &StreamName,
        bid: &Bid,
        now: Instant,
    ) -> Result<(Self::Handle, Publication), PublishRefused> {
        publish_held(self, name, |stream| stream.publish(bid, now))
    }

    /// Ends what [`Streams::publish`] began, and gives the stream back.
    fn unpublish(
        &mut self,
        name: &StreamName,
        handle: Self::Handle,
        publication: Publication,
        parting: Parting,
        now: Instant,
    ) {
        self.write(&handle, |stream| stream.part(publication, parting, now));
        self.schedule(&handle);
        // Also where only its last frames are new: they may have come together with the end.
        self.advanced(&handle);
        self.release(name, handle);
    }
}

/// Publishes a stream that these streams hold.
pub(crate) fn publish_held<S: Streams + ?Sized>(
    streams: &mut S,
    name: &StreamName,
    publish: impl FnOnce(&mut Stream) -> Result<Publication, NameInUse>,
) -> Result<(S::Handle, Publication), PublishRefused> {
    let handle = streams.hold(name, Purpose::Publish)?;
    match streams.write(&handle, publish) {
        Ok(publication) => Ok((handle, publication)),
        Err(in_use) => {
            streams.release(name, handle);
            Err(in_use.into())
        }
    }
}

/// Why a name cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishRefused {
    /// It has a publisher, whose place is not to be taken.
    #[error(transparent)]
    NameInUse(#[from] NameInUse),
    /// It would be one name too many.
    #[error(transparent)]
    TooManyStreams(#[from] TooManyStreams),
}

/// A stream of a [`Hub`]; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(u64);

/// All streams, for one thread. [`Server`](crate::server::Server) lends it to its participants as [`Streams`].
#[derive(Debug)]
pub struct Hub {
    configs: PerApp<Arc<StreamConfig>>,
    chunk_size: ChunkSize,
    registry: Registry<StreamId>,
    streams: BTreeMap<StreamId, Stream>,
    made: u64,
    is_draining: bool,
}

impl Hub {
    /// A hub without streams. All frames will be chunked with `chunk_size`.
    pub fn new(configs: PerApp<Arc<StreamConfig>>, chunk_size: ChunkSize) -> Self {
        Self {
            configs,
            chunk_size,
            registry: Registry::new(),
            streams: BTreeMap::new(),
            made: 0,
            is_draining: false,
        }
    }

    /// The stream of that name, found or made; see [`Streams::hold`].
    ///
    /// # Errors
    /// [`TooManyStreams`].
    pub fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<StreamId, TooManyStreams> {
        let id = self.registry.hold(name, purpose, || {
            Self::make(&mut self.made, &mut self.streams, &self.configs, name, self.chunk_size)
        })?;
        self.drain_one(id);
        Ok(id)
    }

    /// The same for a name that is counted elsewhere, in a [`Directory`](crate::crossing::Directory).
    pub fn hold_known(&mut self, name: &StreamName) -> StreamId {
        let id = self.registry.hold_known(name, || {
            Self::make(&mut self.made, &mut self.streams, &self.configs, name, self.chunk_size)
        });
        self.drain_one(id);
        id
    }

    fn make(
        made: &mut u64,
        streams: &mut BTreeMap<StreamId, Stream>,
        configs: &PerApp<Arc<StreamConfig>>,
        name: &StreamName,
        chunk_size: ChunkSize,
    ) -> StreamId {
        *made += 1;
        let id = StreamId(*made);
        streams.insert(id, Stream::new(Arc::clone(configs.for_stream(name)), chunk_size));
        id
    }

    /// Nobody begins to publish any more: see [`Stream::drain`]. Streams whose players are to be woken.
    pub fn drain(&mut self) -> Vec<StreamId> {
        self.is_draining = true;
        self.streams.iter_mut().filter_map(|(&id, stream)| stream.drain().then_some(id)).collect()
    }

    /// Whoever had asked before may hold a name all the same.
    fn drain_one(&mut self, id: StreamId) {
        if self.is_draining {
            self.stream_mut(id).drain();
        }
    }

    /// The stream of that name, if somebody holds it.
    pub fn find(&self, name: &StreamName) -> Option<StreamId> {
        self.registry.find(name).copied()
    }

    /// Gives a stream back; whether it was the last holder's and the stream is gone.
    pub fn release(&mut self, name: &StreamName) -> bool {
        match self.registry.release(name) {
            Some(id) => self.streams.remove(&id).is_some(),
            None => false,
        }
    }

    /// A stream that is held.
    pub fn stream(&self, id: StreamId) -> &Stream {
        self.streams.get(&id).expect("a stream lives while it is held")
    }

    /// A stream that is held, to be changed.
    pub fn stream_mut(&mut self, id: StreamId) -> &mut Stream {
        self.streams.get_mut(&id).expect("a stream lives while it is held")
    }

    /// All streams, by name.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamName, &Stream)> {
        self.registry.iter().map(|(name, &id)| (name, self.stream(id)))
    }

    /// Whether the stream is held.
    pub(crate) fn holds(&self, id: StreamId) -> bool {
        self.streams.contains_key(&id)
    }

    /// Streams that have a publisher or players.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Bytes of frames on all tapes.
    pub fn tape_bytes(&self) -> usize {
        self.streams.values().map(Stream::tape_bytes).sum()
    }

    /// Whether no stream is held.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}
