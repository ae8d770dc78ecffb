//! async-std and smol: one adapter, two executors.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sol_async_std::{
    Application, Client, Media, Peer, PublishRefused, Publisher, Refusal, Replaced, Request, Server,
    ServerConfig, Session, SessionConfig, StreamName, TurnedAway,
};
use sol_core::server::Report;
use sol_core::session::{Event, ReconnectRequest, Target};
use sol_core::url::RtmpUrl;
use tokio::sync::oneshot;

use super::{Adapter, ClientRole, Within};
use crate::porter::Porter;

/// What the tasks run on, and whose the sockets are.
#[derive(Clone, Copy)]
pub(crate) enum AsyncIo {
    AsyncStd,
    Smol,
}

impl Application for Porter {
    async fn authorize(&self, peer: &Peer, request: &Request) -> Result<(), Refusal> {
        self.decision(peer, request).await
    }

    fn event(&self, peer: &Peer, event: &sol_async_std::Event, _session: &Session) {
        self.note(peer, event);
    }

    fn turned_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        self.note_turned_away(peer, why);
    }
}

impl Adapter for AsyncIo {
    fn serve(&self, listener: TcpListener, config: ServerConfig, porter: Porter) -> Box<dyn super::Server> {
        let server = Server::new(config, porter);
        match self {
            AsyncIo::AsyncStd => {
                let listener = async_std::net::TcpListener::from(listener);
                let serving = server.clone();
                async_std::task::spawn(async move { serving.serve(listener).await });
                Box::new(Served { server, executor: None })
            }
            AsyncIo::Smol => {
                listener.set_nonblocking(true).expect("it is open");
                let listener = smol::net::TcpListener::try_from(listener).expect("smol takes it");
                let executor = Running::start();
                let (serving, tasks) = (server.clone(), Arc::clone(&executor.tasks));
                let spawn = move |connection| tasks.spawn(connection).detach();
                let accept = async move { serving.serve_incoming(listener.incoming(), spawn).await };
                executor.tasks.spawn(accept).detach();
                Box::new(Served { server, executor: Some(executor) })
            }
        }
    }

    fn connect(
        &self,
        url: &RtmpUrl,
        target: &Target,
        config: SessionConfig,
    ) -> io::Result<Box<dyn ClientRole>> {
        let client = self.block_on(Client::connect(url, target, config))?;
        Ok(Box::new(Connected { client, on: *self }))
    }
}

impl AsyncIo {
    fn block_on<R>(self, future: impl Future<Output = R>) -> R {
        match self {
            AsyncIo::AsyncStd => async_std::task::block_on(future),
            AsyncIo::Smol => smol::block_on(future),
        }
    }
}

struct Served {
    server: Server<Porter>,
    /// Of async-std there is one for all.
    executor: Option<Running>,
}

impl super::Server for Served {
    fn connection_count(&self) -> usize {
        self.server.connection_count()
    }

    fn stream_count(&self) -> usize {
        self.server.stream_count()
    }

    fn report(&self) -> Report {
        smol::block_on(self.server.report())
    }

    fn publish(&self, name: StreamName) -> Result<Box<dyn Within>, PublishRefused> {
        Ok(Box::new(self.server.publish(name)?))
    }

    fn drain(&self, request: ReconnectRequest, patience: Duration) -> usize {
        smol::block_on(self.server.drain(request, patience))
    }

    fn shutdown(&self) {
        smol::block_on(self.server.shutdown());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.executor.is_none() {
            // async-std's executor outlives it.
            smol::block_on(self.server.shutdown());
        }
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
    on: AsyncIo,
}

impl ClientRole for Connected {
    fn next(&mut self) -> Option<Event> {
        self.on.block_on(self.client.next())
    }

    fn room(&mut self) -> bool {
        self.on.block_on(self.client.room())
    }

    fn send(&mut self, media: &Media) {
        self.client.send(media);
    }

    fn leave(&mut self) {
        self.client.leave();
    }
}

/// An executor of smol's that two threads drive, until it is dropped.
struct Running {
    tasks: Arc<smol::Executor<'static>>,
    stop: Vec<oneshot::Sender<()>>,
    drivers: Vec<JoinHandle<()>>,
}

impl Running {
    fn start() -> Self {
        let tasks = Arc::new(smol::Executor::new());
        let (stop, stopped): (Vec<_>, Vec<_>) = (0..2).map(|_| oneshot::channel::<()>()).unzip();
        let drive = |stopped: oneshot::Receiver<()>| {
            let tasks = Arc::clone(&tasks);
            thread::spawn(move || drop(smol::block_on(tasks.run(stopped))))
        };
        let drivers = stopped.into_iter().map(drive).collect();
        Self { tasks, stop, drivers }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.clear();
        for driver in self.drivers.drain(..) {
            driver.join().expect("the executor ends in peace");
        }
    }
}
