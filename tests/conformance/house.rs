//! House: a server that listens, and what was seen at its door.
//!
//! Every claim ends with a shutdown, behind which nothing is left.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sol_core::hub::PublishRefused;
use sol_core::media::{Content, Media};
use sol_core::message::Data;
use sol_core::participant::Summary;
use sol_core::server::{Report, ServerConfig};
use sol_core::session::{ReconnectRequest, RequestKind, SessionConfig, Target};
use sol_core::timestamp::Timestamp;
use sol_core::url::RtmpUrl;
use sol_tests::peer::message::TypeId;
use sol_tests::peer::pattern::{MediaSent, Pattern};
use sol_tests::peer::script::{Player, Publisher};

use crate::adapters::{Adapter, ClientRole, Server, Within};
use crate::net::{MINUTE, wait_until};
use crate::patience::{patient, patient_timers};
use crate::porter::{Desk, Porter, Rules, Seen, Verdict, What};
use crate::visitor::Visitor;

pub(crate) struct House<'a> {
    pub(crate) address: SocketAddr,
    adapter: &'a dyn Adapter,
    server: Box<dyn Server>,
    desk: Arc<Desk>,
    log: Mutex<Log>,
}

/// What was seen at the door.
struct Log {
    coming: Receiver<Seen>,
    /// Waited past, and not waited for yet.
    passed: Vec<Seen>,
}

impl<'a> House<'a> {
    /// A server in which no time runs out, and which allows everything.
    pub(crate) fn open(adapter: &'a dyn Adapter) -> Self {
        Self::with(adapter, patient())
    }

    pub(crate) fn with(adapter: &'a dyn Adapter, config: ServerConfig) -> Self {
        Self::ruled(adapter, config, Rules::default())
    }

    pub(crate) fn ruled(adapter: &'a dyn Adapter, config: ServerConfig, rules: Rules) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
        let address = listener.local_addr().expect("it is bound");
        let (porter, coming, desk) = Porter::new(rules);
        let server = adapter.serve(listener, config, porter);
        let log = Mutex::new(Log { coming, passed: Vec::new() });
        Self { address, adapter, server, desk, log }
    }

    /// Somebody who publishes this name, or may not.
    pub(crate) fn publisher(&self, name: &str) -> Visitor<Publisher> {
        self.publisher_of(name, Pattern::new())
    }

    pub(crate) fn publisher_of(&self, name: &str, pattern: Pattern) -> Visitor<Publisher> {
        let mut visitor = Visitor::at(self.address, Publisher::new("live", name, pattern));
        visitor.run_until(|script| script.phase().is_decided());
        visitor
    }

    /// Somebody who plays this name, or may not.
    pub(crate) fn player(&self, name: &str) -> Visitor<Player> {
        let mut visitor = Visitor::at(self.address, Player::new("live", name));
        visitor.run_until(|script| script.phase().is_decided());
        visitor
    }

    /// Somebody who plays this name, once there is a publisher.
    pub(crate) fn waiting_player(&self, name: &str) -> Visitor<Player> {
        let mut visitor = Visitor::at(self.address, Player::new("live", name));
        visitor.poise();
        visitor.flush();
        self.until_started(visitor.address);
        visitor
    }

    /// Publishes from within the process.
    pub(crate) fn within(&self, name: &str) -> Result<Box<dyn Within>, PublishRefused> {
        self.server.publish(name.parse().expect("it is a name"))
    }

    /// Connects a client of the same adapter.
    pub(crate) fn client(&self, kind: RequestKind, name: &str) -> Box<dyn ClientRole> {
        client_at(self.adapter, self.address, kind, name).expect("the server listens")
    }

    /// Answers whoever has waited longest for a name that is held, from this thread.
    pub(crate) fn answer(&self, name: &str, verdict: Verdict) {
        self.desk.answer(name, verdict);
    }

    /// Waits until something was seen. What was seen before counts, once.
    pub(crate) fn until(&self, wanted: impl Fn(&Seen) -> bool) -> Seen {
        let mut log = self.log();
        if let Some(index) = log.passed.iter().position(&wanted) {
            return log.passed.remove(index);
        }
        let deadline = Instant::now() + MINUTE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match log.coming.recv_timeout(left) {
                Ok(seen) if wanted(&seen) => return seen,
                Ok(seen) => log.passed.push(seen),
                Err(_) => panic!("never seen; seen was {:#?}", log.passed),
            }
        }
    }

    pub(crate) fn until_asked(&self, who: SocketAddr) {
        self.until(|seen| seen.who == Some(who) && seen.what == What::Asked);
    }

    pub(crate) fn until_started(&self, who: SocketAddr) {
        self.until(|seen| seen.who == Some(who) && matches!(seen.what, What::Started(_)));
    }

    /// Waits until somebody's publishing or playing has ended; why, and what went through.
    pub(crate) fn until_ended(&self, who: SocketAddr) -> (&'static str, Summary) {
        let seen = self.until(|seen| seen.who == Some(who) && matches!(seen.what, What::Ended(..)));
        let What::Ended(_, why, summary) = seen.what else { unreachable!("it was waited for") };
        (why, summary)
    }

    /// Waits until somebody's connection is over; why.
    pub(crate) fn until_closed(&self, who: SocketAddr) -> &'static str {
        let seen = self.until(|seen| seen.who == Some(who) && matches!(seen.what, What::Closed(_)));
        let What::Closed(why) = seen.what else { unreachable!("it was waited for") };
        why
    }

    /// All that was seen and not waited for.
    pub(crate) fn seen_besides(&self) -> Vec<Seen> {
        let log = &mut *self.log();
        log.passed.extend(log.coming.try_iter());
        log.passed.clone()
    }

    /// Waits until there are so many connections and streams.
    pub(crate) fn until_counts(&self, connections: usize, streams: usize) {
        wait_until(|| (self.connection_count(), self.server.stream_count()) == (connections, streams));
    }

    pub(crate) fn until_empty(&self) {
        self.until_counts(0, 0);
    }

    pub(crate) fn connection_count(&self) -> usize {
        self.server.connection_count()
    }

    pub(crate) fn report(&self) -> Report {
        self.server.report()
    }

    pub(crate) fn drain(&self, request: ReconnectRequest, patience: Duration) -> usize {
        self.server.drain(request, patience)
    }

    pub(crate) fn shutdown(&self) {
        self.server.shutdown();
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for House<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        self.server.shutdown();
        assert_eq!(self.connection_count(), 0, "behind a shutdown");
        self.until_empty();
        assert_eq!(self.desk.faults(), [""; 0]);
    }
}

/// A client's connection to wherever somebody listens.
pub(crate) fn client_at(
    adapter: &dyn Adapter,
    address: SocketAddr,
    kind: RequestKind,
    name: &str,
) -> io::Result<Box<dyn ClientRole>> {
    let url: RtmpUrl = format!("rtmp://{address}/live/{name}").parse().expect("it is a URL");
    let target = match kind {
        RequestKind::Publish => Target::publish(&url),
        RequestKind::Play => Target::play(&url),
    };
    adapter.connect(&url, &target, SessionConfig { timers: patient_timers(), ..SessionConfig::default() })
}

/// What a publisher of a pattern sent, as the core has it.
pub(crate) fn as_media(sent: &MediaSent) -> Media {
    let payload = sent.payload.clone();
    let content = match sent.type_id {
        TypeId::AUDIO => Content::Audio(payload),
        TypeId::VIDEO => Content::Video(payload),
        _ => Content::Data(Data::parse(payload).expect("metadata has a name")),
    };
    Media { timestamp: Timestamp::from_millis(sent.timestamp_ms), content }
}
