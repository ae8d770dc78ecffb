//! tokio: with several worker threads, and with one thread for everything.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sol_core::server::Report;
use sol_core::session::{Event, ReconnectRequest, Target};
use sol_core::url::RtmpUrl;
use sol_tokio::{
    Application, Client, Media, Peer, PublishRefused, Publisher, Refusal, Replaced, Request, Server,
    ServerConfig, Session, SessionConfig, StreamName, TurnedAway,
};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::{Adapter, ClientRole, Within};
use crate::porter::Porter;

/// The two kinds of runtime that tokio has.
pub(crate) enum Tokio {
    /// Tasks move between two worker threads.
    ManyThreads,
    /// Tasks, sockets and timers in one thread.
    OneThread,
}

impl Application for Porter {
    async fn authorize(&self, peer: &Peer, request: &Request) -> Result<(), Refusal> {
        self.decision(peer, request).await
    }

    fn event(&self, peer: &Peer, event: &sol_tokio::Event, _session: &Session) {
        self.note(peer, event);
    }

    fn turned_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        self.note_turned_away(peer, why);
    }
}

impl Adapter for Tokio {
    fn serve(&self, listener: TcpListener, config: ServerConfig, porter: Porter) -> Box<dyn super::Server> {
        let runtime = Running::start(self);
        let _inside = runtime.handle.enter();
        listener.set_nonblocking(true).expect("it is open");
        let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime takes it");
        let server = Server::new(config, porter);
        tokio::spawn({
            let server = server.clone();
            async move { server.serve(listener).await }
        });
        Box::new(Served { server, runtime })
    }

    fn connect(
        &self,
        url: &RtmpUrl,
        target: &Target,
        config: SessionConfig,
    ) -> io::Result<Box<dyn ClientRole>> {
        let runtime = Running::start(self);
        let client = runtime.handle.block_on(Client::connect(url, target, config))?;
        Ok(Box::new(Connected { client, runtime }))
    }
}

struct Served {
    server: Server<Porter>,
    runtime: Running,
}

impl super::Server for Served {
    fn connection_count(&self) -> usize {
        self.server.connection_count()
    }

    fn stream_count(&self) -> usize {
        self.server.stream_count()
    }

    fn report(&self) -> Report {
        self.runtime.handle.block_on(self.server.report())
    }

    fn publish(&self, name: StreamName) -> Result<Box<dyn Within>, PublishRefused> {
        Ok(Box::new(self.server.publish(name)?))
    }

    fn drain(&self, request: ReconnectRequest, patience: Duration) -> usize {
        self.runtime.handle.block_on(self.server.drain(request, patience))
    }

    fn shutdown(&self) {
        self.runtime.handle.block_on(self.server.shutdown());
    }
}

impl Within for Publisher {
    fn append(&mut self, media: &Media) -> Result<(), Replaced> {
        self.append(media)
    }

    fn finish(self: Box<Self>) {
        (*self).finish();
    }
}

struct Connected {
    client: Client,
    runtime: Running,
}

impl ClientRole for Connected {
    fn next(&mut self) -> Option<Event> {
        self.runtime.handle.block_on(self.client.next())
    }

    fn room(&mut self) -> bool {
        self.runtime.handle.block_on(self.client.room())
    }

    fn send(&mut self, media: &Media) {
        self.client.send(media);
    }

    fn leave(&mut self) {
        self.client.leave();
    }
}

/// A runtime that somebody drives, until it is dropped.
struct Running {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    driver: Option<JoinHandle<()>>,
}

impl Running {
    fn start(kind: &Tokio) -> Self {
        let runtime = match kind {
            Tokio::ManyThreads => Builder::new_multi_thread().worker_threads(2).enable_all().build(),
            Tokio::OneThread => Builder::new_current_thread().enable_all().build(),
        };
        let runtime = runtime.expect("the system has threads and descriptors");
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let driver = thread::spawn(move || drop(runtime.block_on(stopped)));
        Self { handle, stop: Some(stop), driver: Some(driver) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(driver) = self.driver.take() {
            driver.join().expect("the runtime ends in peace");
        }
    }
}
