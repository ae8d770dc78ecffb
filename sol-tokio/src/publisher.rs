//! Publisher: a stream that comes from within the process.

use std::sync::Arc;

use sol_core::hub::{Bid, Parting, Publication, PublishRefused, Replaced, Streams};
use sol_core::media::Media;
use sol_core::name::StreamName;

use crate::application::Application;
use crate::line::Line;
use crate::server::Server;
use crate::streams::{Seat, SharedStreams};

/// The right to append to a stream without a connection: for what an embedder makes or fetches itself. It has its name to
/// itself like any other publisher.
///
/// Dropped, it has vanished: its players wait for another to take its place, for the stream's grace. A shutdown of the
/// server does not end it.
///
/// ```
/// use sol_tokio::{Bytes, Content, Media, Server, ServerConfig, Timestamp};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::new(ServerConfig::default(), ());
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
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Publisher {
    streams: Arc<SharedStreams>,
    name: StreamName,
    /// `None` once it is over.
    place: Option<(Seat, Publication)>,
    /// Nobody reaches a publisher.
    line: Arc<Line>,
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
        let (streams, line) = (Arc::clone(&self.shared.streams), Arc::new(Line::default()));
        let place = streams.seen_by(&line).publish(&name, bid, streams.now())?;
        streams.published_within().add(&name);
        Ok(Publisher { streams, name, place: Some(place), line })
    }
}

impl Publisher {
    /// Appends one message, and delivers it to the players that wait for it: to a few within this call, to more in a task of
    /// its own, or later where the stream gathers. Costs one copy, whatever their number.
    ///
    /// Whoever appends keeps the pace of the stream, which is that of its timestamps. These may begin anywhere and count for all
    /// tracks together. What becomes of leaps, of steps back and of clocks that begin anew,
    /// [`StreamConfig::repair`](sol_core::hub::StreamConfig::repair) says. Configurations and metadata that say nothing new are
    /// not passed on again.
    ///
    /// # Errors
    /// [`Replaced`]: another publisher has taken the place of this one, which the stream's
    /// [`takeover`](sol_core::hub::StreamConfig::takeover) allows. Nothing can be appended any more.
    ///
    /// # Panics
    /// If the payload is longer than [`limits::MESSAGE_BYTES`](sol_core::limits::MESSAGE_BYTES).
    pub fn append(&mut self, media: &Media) -> Result<(), Replaced> {
        let (seat, publication) = self.place.as_ref().expect("only `finish` and `drop` end it");
        let mut streams = self.streams.seen_by(&self.line);
        let now = self.streams.now();
        if streams.append(seat, publication, media, now)?.grew {
            streams.appended(seat, now);
        }
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
        if let Some((seat, publication)) = self.place.take() {
            self.streams.published_within().remove(&self.name);
            let now = self.streams.now();
            self.streams.seen_by(&self.line).unpublish(&self.name, seat, publication, parting, now);
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.part(Parting::Vanished);
    }
}
