//! Side: what one party of one connection sent, for an observer to look at.

use std::iter;
use std::sync::LazyLock;

use sol_core::observer::{Observation, Observed, ObservedMessage, Observer, Party};
use sol_tests::captures::{self, ConnectionTruth, Direction};

use sol_tests::captures::wire::{HANDSHAKE_BYTES, read_by_the_book};

/// One direction of one connection.
#[derive(Debug)]
pub(crate) struct Side {
    /// The capture, with several connections `#2` and so on for those behind the first, and the party.
    pub(crate) name: String,
    pub(crate) party: Party,
    pub(crate) bytes: Vec<u8>,
    /// What tshark saw.
    pub(crate) truth: ConnectionTruth,
    /// What an observer sees that gets all of it.
    pub(crate) whole: Vec<Observation>,
    /// The header formats of its messages, as the test kit read them; none where that found something odd.
    pub(crate) formats: Option<Vec<u8>>,
}

/// Both sides of all connections of all captures, the public recording last.
pub(crate) fn sides() -> &'static [Side] {
    static SIDES: LazyLock<Vec<Side>> = LazyLock::new(load);
    &SIDES
}

/// Those that come to a handshake's end, and have something behind it.
pub(crate) fn sides_with_chunks() -> impl Iterator<Item = &'static Side> {
    sides().iter().filter(|side| side.bytes.len() > HANDSHAKE_BYTES)
}

impl Side {
    fn new(name: &str, party: Party, bytes: Vec<u8>, truth: &ConnectionTruth) -> Side {
        let name = format!("{name}, {party:?}");
        let whole = observe(party, iter::once(Piece::Bytes(&bytes)));
        let (read, oddity) = read_by_the_book(&bytes);
        let formats = oddity.is_none().then(|| read.iter().map(|message| message.format).collect());
        Side { name, party, bytes, truth: truth.clone(), whole, formats }
    }

    /// Who sent it, as the truth has it.
    pub(crate) fn direction(&self) -> Direction {
        match self.party {
            Party::Client => Direction::Client,
            Party::Server => Direction::Server,
        }
    }

    /// What an observer sees of these pieces, sent by the same party.
    pub(crate) fn observe<'a>(&self, pieces: impl IntoIterator<Item = Piece<'a>>) -> Vec<Observation> {
        observe(self.party, pieces)
    }
}

/// A part of a recording.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'a> {
    Bytes(&'a [u8]),
    /// So many bytes are missing; 0 where nobody knows.
    Hole(usize),
}

/// What an observer sees that gets nothing but this.
pub(crate) fn observe<'a>(party: Party, pieces: impl IntoIterator<Item = Piece<'a>>) -> Vec<Observation> {
    let mut observer = Observer::new();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => observer.handle_bytes(party, bytes),
            Piece::Hole(bytes) => observer.handle_missing(party, bytes as u64),
        }
    }
    observer.handle_end(party);
    observer.handle_end(party.other());
    iter::from_fn(|| observer.poll()).collect()
}

/// The messages among observations, with the bytes that had come with each.
pub(crate) fn messages(observations: &[Observation]) -> impl Iterator<Item = (u64, &ObservedMessage)> {
    observations.iter().filter_map(|seen| match &seen.what {
        Observed::Message(message) => Some((seen.at, message)),
        _ => None,
    })
}

/// Bytes that were not understood.
pub(crate) fn skipped(observations: &[Observation]) -> u64 {
    let bytes = observations.iter().map(|seen| match seen.what {
        Observed::Footing { skipped, .. } => skipped,
        Observed::Skipped { bytes, .. } | Observed::NotUnderstood { bytes } => bytes,
        _ => 0,
    });
    bytes.sum()
}

fn load() -> Vec<Side> {
    let mut sides = Vec::new();
    for capture in captures::all() {
        for (index, (connection, truth)) in
            capture.connections.into_iter().zip(&capture.truth.connections).enumerate()
        {
            let stem = &capture.stem;
            let name = if index == 0 { stem.clone() } else { format!("{stem}#{}", index + 1) };
            sides.push(Side::new(&name, Party::Client, connection.client.bytes, truth));
            sides.push(Side::new(&name, Party::Server, connection.server.bytes, truth));
        }
    }
    let public = captures::fq_ffmpeg_play().unwrap_or_else(|error| panic!("{error}"));
    let [truth] = &public.truth.connections[..] else { panic!("one connection") };
    sides.push(Side::new("public/fq-ffmpeg-play", Party::Client, public.client, truth));
    sides.push(Side::new("public/fq-ffmpeg-play", Party::Server, public.server, truth));
    sides
}
