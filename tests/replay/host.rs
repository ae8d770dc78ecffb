//! Host: a server that allows every request, and whose clients take every byte at once.

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::time::Duration;

use sol_core::hub::StreamConfig;
use sol_core::ids::SessionId;
use sol_core::participant::Event;
use sol_core::server::{Output, Server, ServerConfig};
use sol_core::session::PeerEnd;
use sol_core::time::Instant;

use crate::transcript::ENTROPY;

/// A server with all that it said.
#[derive(Debug)]
pub(crate) struct Host {
    server: Server,
    opened: u8,
    events: BTreeMap<SessionId, Vec<Event>>,
    /// What was not taken by the test yet.
    outbound: BTreeMap<SessionId, Vec<u8>>,
}

impl Host {
    /// No stream waits for its publisher to return: recorded clients see the end at once.
    pub(crate) fn new() -> Host {
        let stream = StreamConfig { grace: Duration::ZERO, ..StreamConfig::default() };
        let server = Server::new(ServerConfig { stream: stream.into(), ..ServerConfig::default() });
        Host { server, opened: 0, events: BTreeMap::new(), outbound: BTreeMap::new() }
    }

    /// A client connects.
    pub(crate) fn open(&mut self, now: Instant) -> SessionId {
        self.opened += 1;
        let mut entropy = ENTROPY;
        entropy[0] = self.opened;
        let id = self.server.open(entropy, now).expect("there is room");
        self.drain(now);
        id
    }

    /// A client's bytes come. Without effect once its session is over.
    pub(crate) fn feed(&mut self, id: SessionId, bytes: &[u8], now: Instant) {
        self.server.handle_input(id, bytes, now);
        self.drain(now);
    }

    /// A client's connection ends.
    pub(crate) fn end(&mut self, id: SessionId, end: PeerEnd, now: Instant) {
        self.server.handle_end(id, end, now);
        self.drain(now);
    }

    /// Time passes.
    pub(crate) fn wait_until(&mut self, now: Instant) {
        while let Some(at) = self.server.poll_timeout().filter(|&at| at <= now) {
            self.server.handle_timeout(at);
            self.drain(at);
        }
    }

    /// All that a session told its application.
    pub(crate) fn events(&self, id: SessionId) -> &[Event] {
        self.events.get(&id).map_or(&[], |events| events)
    }

    /// What a client was sent since the last call.
    pub(crate) fn take_outbound(&mut self, id: SessionId) -> Vec<u8> {
        self.outbound.remove(&id).unwrap_or_default()
    }

    /// Streams that are in use.
    pub(crate) fn streams(&self) -> usize {
        self.server.hub().len()
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.server.poll() {
            let id = match output {
                Output::Event(id, event) => {
                    if let Event::Requested(request) = &event {
                        self.server.allow(id, request.id, now).expect("it was asked just now");
                    }
                    self.events.entry(id).or_default().push(event);
                    continue;
                }
                Output::Writable(id) => id,
                Output::Readable(_) | Output::Dispatch(_) => continue,
            };
            let mut slices = [IoSlice::new(&[]); 8];
            let count = self.server.outbound(id, &mut slices);
            let outbound = self.outbound.entry(id).or_default();
            let before = outbound.len();
            for slice in &slices[..count] {
                outbound.extend_from_slice(slice);
            }
            let taken = outbound.len() - before;
            self.server.handle_sent(id, taken, now);
        }
    }
}
