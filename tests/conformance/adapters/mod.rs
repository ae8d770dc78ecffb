//! What the suite asks of an adapter: in a test's terms, which know no runtime.

mod async_io;
mod mio;
mod tokio;

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use sol_core::hub::{PublishRefused, Replaced};
use sol_core::media::Media;
use sol_core::name::StreamName;
use sol_core::server::{Report, ServerConfig};
use sol_core::session::{Event, ReconnectRequest, SessionConfig, Target};
use sol_core::url::RtmpUrl;

use crate::porter::Porter;

pub(crate) use self::async_io::AsyncIo;
pub(crate) use self::mio::Mio;
pub(crate) use self::tokio::Tokio;

/// A way to run servers and clients.
pub(crate) trait Adapter: Sync {
    /// Starts a server at a socket that listens already. What the server runs on goes with it.
    fn serve(&self, listener: TcpListener, config: ServerConfig, porter: Porter) -> Box<dyn Server>;

    /// Connects a client. What it runs on goes with it.
    fn connect(
        &self,
        url: &RtmpUrl,
        target: &Target,
        config: SessionConfig,
    ) -> io::Result<Box<dyn ClientRole>>;
}

/// A server that runs.
pub(crate) trait Server: Send + Sync {
    fn connection_count(&self) -> usize;

    fn stream_count(&self) -> usize;

    fn report(&self) -> Report;

    /// Publishes from within the process.
    fn publish(&self, name: StreamName) -> Result<Box<dyn Within>, PublishRefused>;

    /// Returns when everybody has gone, or was told to behind that time; how many were.
    fn drain(&self, request: ReconnectRequest, patience: Duration) -> usize;

    /// Returns when everybody has gone.
    fn shutdown(&self);
}

/// A stream from within the process. Dropped, it has vanished.
pub(crate) trait Within: Send {
    fn append(&mut self, media: &Media) -> Result<(), Replaced>;

    fn finish(self: Box<Self>);
}

/// A connection in the client's role.
pub(crate) trait ClientRole {
    /// Waits for what happens next; nothing more comes behind `Closed`.
    fn next(&mut self) -> Option<Event>;

    /// Waits until more media can be sent. `false` where there is something to hear first.
    fn room(&mut self) -> bool;

    /// Sends, as soon as somebody waits for this client.
    fn send(&mut self, media: &Media);

    /// Ends in good order what it does.
    fn leave(&mut self);
}
