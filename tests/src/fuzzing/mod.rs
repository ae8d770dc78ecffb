//! Fuzzing: what must hold whatever bytes come, for each part of Sol that reads what strangers wrote.
//!
//! A target is a function of bytes that panics where something does not hold. The crate in `tests/fuzz` gives it to libFuzzer,
//! which finds bytes that reach further; the corpus that came of it is replayed as ordinary tests.
//!
//! Two kinds: the readers get bytes as they are, behind a few that say how they are cut. What has a dialogue is steered by
//! `Choices`, so that one byte says `connect` and a changed byte publishes another name.
//!
//! Invariant: a target is a function of its bytes alone.

mod amf;
mod choices;
mod chunks;
mod configurations;
mod descriptions;
mod files;
mod framing;
mod handshakes;
mod listener;
mod messages;
mod names;
mod observers;
mod odd_videos;
mod phrases;
mod recordings;
mod scene;
mod seeds;
mod servers;
mod sessions;
mod tags;

pub use seeds::{Seed, seeds};

/// What is fuzzed.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its fuzz target and of its folder in the corpus.
    pub name: &'static str,
    /// Panics where something does not hold.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "amf0", run: amf::amf0 },
    Target { name: "amf3", run: amf::amf3 },
    Target { name: "chunks", run: chunks::chunks },
    Target { name: "configuration", run: configurations::configuration },
    Target { name: "description", run: descriptions::description },
    Target { name: "framing", run: framing::framing },
    Target { name: "handshake_client", run: handshakes::client },
    Target { name: "handshake_server", run: handshakes::server },
    Target { name: "flv", run: files::flv },
    Target { name: "messages", run: messages::messages },
    Target { name: "names", run: names::names },
    Target { name: "observer", run: observers::observer },
    Target { name: "odd_video", run: odd_videos::odd_video },
    Target { name: "pcap", run: recordings::pcap },
    Target { name: "tags", run: tags::tags },
    Target { name: "tcp", run: recordings::tcp },
    Target { name: "session", run: sessions::session },
    Target { name: "client", run: sessions::client },
    Target { name: "server", run: servers::server },
    Target { name: "loops", run: servers::loops },
];

/// The target of that name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> Target {
    *TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target {name}"))
}
