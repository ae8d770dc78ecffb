//! Totals: what a connection was in all, for the summary.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sol_tokio::sol_core::handshake::{Greeting, HandshakeKind};
use sol_tokio::sol_core::ids::MessageType;
use sol_tokio::sol_core::observer::Party;

use super::note::{bytes_of, count_of, index, kept, shown, size_of, time_of};

/// What is known of one connection.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    pub(super) number: u64,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) protocol: &'static str,
    pub(super) lasted: Duration,
    /// By the client's first packet, or the server's where only that was recorded.
    greetings: [Option<HandshakeKind>; 2],
    pub(super) app: Option<String>,
    pub(super) flash_ver: Option<String>,
    /// What was published or played, in order.
    pub(super) streams: Vec<(&'static str, String)>,
    of: [OfOne; 2],
    pub(super) quirks: BTreeMap<&'static str, u64>,
    pub(super) closed: &'static str,
}

/// What one side sent.
#[derive(Clone, Debug, Default)]
pub(super) struct OfOne {
    pub(super) bytes: u64,
    pub(super) missing: u64,
    /// By type.
    messages: BTreeMap<u8, u64>,
    commands: Vec<String>,
    command_bytes: usize,
    chunk_sizes: Vec<u32>,
}

impl Totals {
    pub(super) fn new(number: u64, client: SocketAddr, server: SocketAddr) -> Totals {
        Totals {
            number,
            client,
            server,
            protocol: "rtmp",
            lasted: Duration::ZERO,
            greetings: [None; 2],
            app: None,
            flash_ver: None,
            streams: Vec::new(),
            of: Default::default(),
            quirks: BTreeMap::new(),
            closed: "capture-ended",
        }
    }

    pub(super) fn of(&mut self, party: Party) -> &mut OfOne {
        &mut self.of[index(party)]
    }

    pub(super) fn greet(&mut self, from: Party, greeting: &Greeting) {
        self.greetings[index(from)] = Some(greeting.kind);
    }

    pub(super) fn ask_for(&mut self, verb: &'static str, name: &str) {
        if self.streams.len() < STREAMS {
            self.streams.push((verb, kept(name)));
        }
    }

    /// What the names of its commands take, in bytes.
    pub(super) fn command_bytes(&self) -> usize {
        self.of.iter().map(|one| one.command_bytes).sum()
    }

    /// There is no room for the names of its commands.
    pub(super) fn forget_commands(&mut self) {
        for one in &mut self.of {
            one.commands = Vec::new();
            one.command_bytes = 0;
        }
    }

    /// The client turned out to be the server.
    pub(super) fn exchange(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
        self.greetings.reverse();
        self.of.reverse();
    }

    fn handshake(&self) -> &'static str {
        match self.greetings.iter().flatten().next() {
            Some(HandshakeKind::Simple) => "simple",
            Some(HandshakeKind::Digest(_)) => "digest",
            None => "none",
        }
    }

    /// For the summary, whose form is settled.
    pub(super) fn json(&self) -> Value {
        let [client, server] = &self.of;
        let counts = |one: &OfOne| -> Map<String, Value> {
            one.messages.iter().map(|(kind, count)| (kind.to_string(), (*count).into())).collect()
        };
        json!({
            "client": self.client.to_string(),
            "server": self.server.to_string(),
            "handshake": self.handshake(),
            "app": self.app,
            "stream": self.streams.first().map(|(_, name)| name),
            "flash_ver": self.flash_ver,
            "from_client": counts(client),
            "from_server": counts(server),
            "commands_from_client": client.commands,
            "commands_from_server": server.commands,
            "chunk_sizes_from_client": client.chunk_sizes,
            "chunk_sizes_from_server": server.chunk_sizes,
            "quirks": self.quirks,
            "missing_bytes": client.missing + server.missing,
            "closed": self.closed,
        })
    }

    /// In a line.
    pub(super) fn words(&self) -> String {
        let mut words = match self.streams.first() {
            Some((verb, name)) => {
                let app = self.app.as_deref().unwrap_or("?");
                format!("{verb} {}/{}", shown(app), shown(name))
            }
            None if self.protocol != "rtmp" => self.protocol.to_uppercase(),
            None if self.of.iter().any(OfOne::has_media) => "a stream of no known name".to_owned(),
            None => "no stream".to_owned(),
        };
        if self.streams.len() > 1 {
            words.push_str(&format!(" and {} more", self.streams.len() - 1));
        }
        if let Some(flash_ver) = &self.flash_ver {
            words.push_str(&format!(" by {}", shown(flash_ver)));
        }
        let media = |kind: MessageType| -> u64 {
            self.of.iter().filter_map(|one| one.messages.get(&kind.get())).sum()
        };
        let [client, server] = &self.of;
        let (video, audio) = (media(MessageType::VIDEO), media(MessageType::AUDIO));
        words.push(';');
        if video > 0 {
            words.push_str(&format!(" {},", count_of(video, "video message", "video messages")));
        }
        if audio > 0 {
            words.push_str(&format!(" {},", count_of(audio, "audio message", "audio messages")));
        }
        let (up, down) = (size_of(client.bytes), size_of(server.bytes));
        words.push_str(&format!(" {up} to the server and {down} from it"));
        let missing = client.missing + server.missing;
        if missing > 0 {
            words.push_str(&format!(" ({} were not recorded)", bytes_of(missing)));
        }
        words.push_str(&format!(", in {}; {}", time_of(self.lasted), self.closed));
        words
    }
}

impl OfOne {
    fn has_media(&self) -> bool {
        [MessageType::AUDIO, MessageType::VIDEO].iter().any(|kind| self.messages.contains_key(&kind.get()))
    }

    /// A whole message.
    pub(super) fn count(&mut self, kind: MessageType) {
        *self.messages.entry(kind.get()).or_default() += 1;
    }

    pub(super) fn command(&mut self, name: &str) {
        if self.commands.len() < COMMANDS && self.command_bytes < COMMAND_BYTES {
            let name = kept(name);
            self.command_bytes += name.len();
            self.commands.push(name);
        }
    }

    pub(super) fn chunk_size(&mut self, bytes: u32) {
        if self.chunk_sizes.len() < CHUNK_SIZES {
            self.chunk_sizes.push(bytes);
        }
    }
}

/// Clients say a dozen; whoever calls all the time does not fill the summary.
const COMMANDS: usize = 10_000;

/// Of each side.
const COMMAND_BYTES: usize = 256 * 1_024;

/// Most peers announce one.
const CHUNK_SIZES: usize = 10_000;

/// Of one connection; most have one.
const STREAMS: usize = 1_000;
