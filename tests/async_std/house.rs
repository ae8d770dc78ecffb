//! House: a server that listens, on one runtime or the other, and the application that watches its door.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};

use sol_async_std::{
    Application, Event, Peer, Refusal, Report, Request, RequestKind, Server, ServerConfig, Session,
    TurnedAway,
};
use sol_tests::programs::DEADLINE;

/// What runs the tasks of a test.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Runtime {
    AsyncStd,
    Smol,
}

impl Runtime {
    pub(crate) fn spawn(self, task: impl Future<Output = ()> + Send + 'static) {
        match self {
            Runtime::AsyncStd => drop(async_std::task::spawn(task)),
            Runtime::Smol => smol::spawn(task).detach(),
        }
    }

    pub(crate) fn block_on<R>(self, future: impl Future<Output = R>) -> R {
        match self {
            Runtime::AsyncStd => async_std::task::block_on(future),
            Runtime::Smol => smol::block_on(future),
        }
    }
}

/// When a test's application answers who asks for `live/slow`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Answers {
    /// As for any other name.
    #[default]
    AtOnce,
    /// It is never decided.
    Never,
    /// It has a look at the server before.
    AfterAReport,
}

/// What it saw.
#[derive(Debug)]
pub(crate) enum Seen {
    Started(RequestKind),
    Closed(&'static str),
    TurnedAway(&'static str),
    LookedUp(Report),
    /// The application was asked, and its answer is not wanted any more.
    GaveUp,
}

pub(crate) struct Porter {
    answers: Answers,
    seen: Mutex<Sender<Seen>>,
    server: Arc<OnceLock<Server<Porter>>>,
}

impl Porter {
    fn saw(&self, seen: Seen) {
        // A test that is over listens no longer.
        let _ = self.seen.lock().expect("nothing panics while it holds it").send(seen);
    }
}

struct GivesUp<'a>(&'a Porter);

impl Drop for GivesUp<'_> {
    fn drop(&mut self) {
        self.0.saw(Seen::GaveUp);
    }
}

impl Application for Porter {
    async fn authorize(&self, _peer: &Peer, request: &Request) -> Result<(), Refusal> {
        match self.answers {
            _ if request.name.as_str() != "live/slow" => {}
            Answers::AtOnce => {}
            Answers::Never => {
                let _patience = GivesUp(self);
                std::future::pending::<()>().await;
            }
            Answers::AfterAReport => {
                let server = self.server.get().expect("it is told before anybody connects");
                self.saw(Seen::LookedUp(server.report().await));
            }
        }
        Ok(())
    }

    fn event(&self, _peer: &Peer, event: &Event, _session: &Session) {
        self.saw(match event {
            Event::Started { kind, .. } => Seen::Started(*kind),
            Event::Closed { why, .. } => Seen::Closed(why.code()),
            Event::Connected(_)
            | Event::Requested(_)
            | Event::Refused { .. }
            | Event::OnAir { .. }
            | Event::Described { .. }
            | Event::Ended { .. } => return,
        });
    }

    fn turned_away(&self, _peer: Option<SocketAddr>, why: &TurnedAway) {
        self.saw(Seen::TurnedAway(why.code()));
    }
}

/// A server that listens.
pub(crate) struct House {
    pub(crate) runtime: Runtime,
    pub(crate) server: Server<Porter>,
    pub(crate) address: SocketAddr,
    seen: Receiver<Seen>,
}

impl House {
    pub(crate) fn open(runtime: Runtime) -> Self {
        Self::with(runtime, ServerConfig::default(), Answers::default())
    }

    pub(crate) fn with(runtime: Runtime, config: ServerConfig, answers: Answers) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
        Self::behind(listener, runtime, config, answers)
    }

    /// Begins to serve a listener.
    pub(crate) fn behind(
        listener: TcpListener,
        runtime: Runtime,
        config: ServerConfig,
        answers: Answers,
    ) -> Self {
        let (seen_by, seen) = channel();
        let door = Arc::<OnceLock<Server<Porter>>>::default();
        let porter = Porter { answers, seen: Mutex::new(seen_by), server: Arc::clone(&door) };
        let server = Server::new(config, porter);
        assert!(door.set(server.clone()).is_ok());
        let address = listener.local_addr().expect("it is bound");
        let serving = server.clone();
        runtime.spawn(async move {
            match runtime {
                Runtime::AsyncStd => serving.serve(listener.into()).await,
                Runtime::Smol => {
                    let listener = smol::net::TcpListener::try_from(listener).expect("it can be polled");
                    let spawn = |connection| smol::spawn(connection).detach();
                    serving.serve_incoming(listener.incoming(), spawn).await;
                }
            }
        });
        Self { runtime, server, address, seen }
    }

    /// Waits for something to be seen; what was seen before counts unless it was waited past.
    pub(crate) fn until(&self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        loop {
            let seen = self.seen.recv_timeout(DEADLINE).expect("it is seen in time");
            if wanted(&seen) {
                return seen;
            }
        }
    }

    /// Waits until one more player may play, or waits for its publisher.
    pub(crate) fn until_one_plays(&self) {
        self.until(|event| matches!(event, Seen::Started(RequestKind::Play)));
    }

    /// Waits until so many connections have closed.
    pub(crate) fn until_closed(&self, count: usize) {
        for _ in 0..count {
            self.until(|event| matches!(event, Seen::Closed(_)));
        }
    }
}
