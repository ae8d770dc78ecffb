//! Backend: the server on one of the runtimes that an operator can choose. Nothing else knows which.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use sol_tokio::{Media, ReconnectRequest, Replaced, Report, ServerConfig, StreamName};
use tokio::sync::Notify;

use crate::config::Runtime;
use crate::journal::Journal;

/// A server that runs.
#[derive(Clone)]
pub(crate) enum Backend {
    Tokio(sol_tokio::Server<Journal>),
    /// Notified when the loops have ended.
    Mio(sol_mio::Server<Journal>, Arc<Notify>),
}

/// Appends to a stream from within the process, until another publisher takes its place.
pub(crate) type Append = Box<dyn FnMut(&Media) -> Result<(), Replaced> + Send>;

impl Backend {
    /// Starts it, within a tokio runtime: for mio that is where signals are heard.
    pub(crate) fn start(
        runtime: Runtime,
        loops: std::num::NonZeroU32,
        config: ServerConfig,
        journal: Journal,
    ) -> io::Result<Self> {
        match runtime {
            Runtime::Tokio => Ok(Self::Tokio(sol_tokio::Server::new(config, journal))),
            Runtime::Mio => {
                let server = sol_mio::Server::start(config, loops, journal)?;
                let (waits, ended) = (server.clone(), Arc::new(Notify::new()));
                let tell = Arc::clone(&ended);
                std::thread::Builder::new().name("sol-mio-end".to_owned()).spawn(move || {
                    waits.wait();
                    tell.notify_one();
                })?;
                Ok(Self::Mio(server, ended))
            }
        }
    }

    /// Accepts connections until the shutdown.
    pub(crate) fn listen(&self, listener: TcpListener) -> io::Result<()> {
        match self {
            Self::Tokio(server) => {
                let (server, listener) = (server.clone(), tokio::net::TcpListener::from_std(listener)?);
                tokio::spawn(async move { server.serve(listener).await });
                Ok(())
            }
            Self::Mio(server, _) => server.listen(listener),
        }
    }

    /// What takes a stream from within the process. Its name must be free.
    pub(crate) fn publish(&self, name: StreamName) -> Append {
        const FREE: &str = "nobody can have taken the name before";
        match self {
            Self::Tokio(server) => {
                let mut publisher = server.publish(name).expect(FREE);
                Box::new(move |media| publisher.append(media))
            }
            Self::Mio(server, _) => {
                let mut publisher = server.publish(name).expect(FREE);
                Box::new(move |media| publisher.append(media))
            }
        }
    }

    /// Runs what appends to it, beside it: with mio an append may block, and signals are to be heard all the same.
    pub(crate) fn keep_up(&self, task: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        match self {
            Self::Tokio(_) => drop(tokio::spawn(task)),
            Self::Mio(..) => {
                let apart = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
                std::thread::Builder::new().name("demo".to_owned()).spawn(move || apart.block_on(task))?;
            }
        }
        Ok(())
    }

    pub(crate) async fn report(&self) -> Report {
        match self {
            Self::Tokio(server) => server.report().await,
            Self::Mio(server, _) => {
                let server = server.clone();
                in_the_background(move || server.report()).await
            }
        }
    }

    pub(crate) fn connection_count(&self) -> usize {
        match self {
            Self::Tokio(server) => server.connection_count(),
            Self::Mio(server, _) => server.connection_count(),
        }
    }

    /// Returns when the server has ended by itself, for one of its loops has failed.
    pub(crate) async fn ended(&self) {
        match self {
            // What fails there ends the connection that it was for.
            Self::Tokio(_) => std::future::pending().await,
            Self::Mio(_, ended) => ended.notified().await,
        }
    }

    /// Whether one of its loops has failed. That ends a shutdown and a drain like any other, and soon.
    pub(crate) fn has_failed(&self) -> bool {
        match self {
            Self::Tokio(_) => false,
            Self::Mio(server, _) => server.has_failed(),
        }
    }

    /// Asks everybody to leave; tells those who have not after that time, and returns when all have gone. How many were told.
    pub(crate) async fn drain(&self, request: ReconnectRequest, patience: Duration) -> usize {
        match self {
            Self::Tokio(server) => server.drain(request, patience).await,
            Self::Mio(server, _) => {
                let server = server.clone();
                in_the_background(move || server.drain(request, patience)).await
            }
        }
    }

    /// Tells everybody, and returns when they have gone.
    pub(crate) async fn shutdown(&self) {
        match self {
            Self::Tokio(server) => server.shutdown().await,
            Self::Mio(server, _) => {
                let server = server.clone();
                in_the_background(move || server.shutdown()).await;
            }
        }
    }
}

/// Does something that blocks.
async fn in_the_background<R: Send + 'static>(act: impl FnOnce() -> R + Send + 'static) -> R {
    tokio::task::spawn_blocking(act).await.expect("it does not panic, and nobody aborts it")
}
