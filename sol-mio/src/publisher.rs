//! Publisher: a stream that comes from within the process.

use std::sync::Arc;

use sol_core::crossing::{ClaimId, LoopId, Notice, Parcel, media_cost};
use sol_core::hub::{Bid, Parting, PublishRefused, Replaced};
use sol_core::media::Media;
use sol_core::name::StreamName;

use crate::application::Application;
use crate::server::{Running, Server};

/// The right to append to a stream without a connection: for what an embedder makes or fetches itself. It has its name to
/// itself like any other publisher.
///
/// Dropped, it has vanished: its players wait for another to take its place, for the stream's grace. A shutdown of the
/// server does not end it; the loops run on until it goes.
///
/// ```
/// use sol_mio::{Bytes, Content, Media, Server, ServerConfig, Timestamp};
///
/// # use std::num::NonZeroU32;
/// let server = Server::start(ServerConfig::default(), NonZeroU32::MIN, ())?;
/// let mut publisher = server.publish("live/silence".parse()?)?;
/// // Payloads are what stands in the tags of FLV files: here AAC, its configuration and behind it each frame of 23 ms.
/// let configuration = Bytes::from_static(&[0xAF, 0, 0x12, 0x10]);
/// publisher.append(&Media { timestamp: Timestamp::ZERO, content: Content::Audio(configuration) })?;
/// for number in 0..100 {
///     let frame = Bytes::from_static(&[0xAF, 1, 0x21, 0x10, 0x04, 0x60, 0x8C, 0x1C]);
///     let timestamp = Timestamp::from_millis(number * 23); // and this is when to append it
///     publisher.append(&Media { timestamp, content: Content::Audio(frame) })?;
/// }
/// publisher.finish();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Publisher {
    name: StreamName,
    claim: ClaimId,
    home: LoopId,
    running: Arc<Running>,
    has_parted: bool,
}

impl<A: Application> Server<A> {
    /// Publishes a stream from within the process. The application's policy is not asked.
    ///
    /// # Errors
    /// [`PublishRefused`]: somebody publishes it whose place is not to be taken, or there are too many streams.
    pub fn publish(&self, name: StreamName) -> Result<Publisher, PublishRefused> {
        self.publish_as(name, &Bid::default())
    }

    /// The same as a backup publisher, or with a credential: see [`Takeover`](sol_core::hub::Takeover).
    ///
    /// # Errors
    /// [`PublishRefused`].
    pub fn publish_as(&self, name: StreamName, bid: &Bid) -> Result<Publisher, PublishRefused> {
        let running = Arc::clone(&self.running);
        let loops = &running.loops;
        let mut directory = loops.directory();
        let claim = directory.claim(&name, loops.next_within(), bid.clone())?;
        loops.within.enter(claim.id, &name);
        // Before anybody can ask who has the name: whoever hears of this home finds it.
        loops.pass(LoopId::WITHIN, claim.home, claim.parcel(&name));
        drop(directory);
        let (claim, home) = (claim.id, claim.home);
        Ok(Publisher { name, claim, home, running, has_parted: false })
    }
}

impl Publisher {
    /// Appends one message, which its loop then delivers to the players that wait for it. Waits where that loop does not keep
    /// up, so not to be called on a loop's own thread, which is where an [`Application`] is.
    ///
    /// Whoever appends keeps the pace of the stream, which is that of its timestamps. These may begin anywhere and count for all
    /// tracks together. What becomes of leaps, of steps back and of clocks that begin anew,
    /// [`StreamConfig::repair`](sol_core::hub::StreamConfig::repair) says. Configurations and metadata that say nothing new are
    /// not passed on again.
    ///
    /// # Errors
    /// [`Replaced`]: another publisher has taken the place of this one, which the stream's
    /// [`takeover`](sol_core::hub::StreamConfig::takeover) allows. Nothing can be appended any
    /// more. Until the news has come from the stream's loop, what is appended is taken and shown to nobody.
    ///
    /// # Panics
    /// If the payload is longer than [`limits::MESSAGE_BYTES`](sol_core::limits::MESSAGE_BYTES).
    pub fn append(&mut self, media: &Media) -> Result<(), Replaced> {
        let payload_bytes = media.content.payload().len();
        assert!(payload_bytes <= sol_core::limits::MESSAGE_BYTES, "no message is longer than 16 MiB");
        let loops = &self.running.loops;
        loops.within.send(self.claim, media_cost(media))?;
        let parcel = Parcel::Media { claim: self.claim, media: vec![media.clone()] };
        loops.pass(LoopId::WITHIN, self.home, parcel);
        Ok(())
    }

    /// Ends the stream in good order: its players read what is left and are told.
    pub fn finish(mut self) {
        self.part(Parting::InGoodOrder);
    }

    /// What it publishes.
    pub fn name(&self) -> &StreamName {
        &self.name
    }

    fn part(&mut self, parting: Parting) {
        if !std::mem::replace(&mut self.has_parted, true) {
            let loops = &self.running.loops;
            loops.within.leave(self.claim, &self.name);
            loops.pass(LoopId::WITHIN, self.home, Parcel::Unpublish { claim: self.claim, parting });
            let parted = Notice::Parted { name: self.name.clone(), claim: self.claim };
            // Nothing follows from it for others.
            let _ = loops.directory().handle_notice(parted, LoopId::WITHIN);
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.part(Parting::Vanished);
    }
}
