//! Half: what one client sent on one connection, with what is known of it.

use std::sync::LazyLock;

use sol_core::session::PeerEnd;
use sol_tests::captures::{self, Capture, CommandTruth, Connection, ConnectionTruth, Direction, Flow};

/// The client's half of one connection.
#[derive(Debug)]
pub(crate) struct Half {
    /// The capture, and with several connections `#2` and so on for those behind the first.
    pub(crate) name: String,
    /// What the client sent.
    pub(crate) bytes: Vec<u8>,
    /// How that was cut into TCP segments.
    pub(crate) pieces: Vec<usize>,
    /// How the client ended the connection.
    pub(crate) end: PeerEnd,
    /// Application and key of the URL, as `app/key`.
    pub(crate) stream: String,
    /// What tshark saw; `None` where it lost its way.
    pub(crate) truth: Option<ConnectionTruth>,
}

/// All halves of all captures, the public recording last.
pub(crate) fn halves() -> &'static [Half] {
    static HALVES: LazyLock<Vec<Half>> = LazyLock::new(load);
    &HALVES
}

/// The half of that name.
pub(crate) fn half(name: &str) -> &'static Half {
    halves().iter().find(|half| half.name == name).unwrap_or_else(|| panic!("there is no half {name}"))
}

impl Half {
    /// The halves of a capture, in the order in which its connections began.
    pub(crate) fn all_of(capture: &Capture) -> Vec<Half> {
        let Capture { stem, meta, connections, truth } = capture;
        let halves = connections.iter().zip(&truth.connections).enumerate();
        halves
            .map(|(index, (connection, truth))| Half {
                name: if index == 0 { stem.clone() } else { format!("{stem}#{}", index + 1) },
                bytes: connection.client.bytes.clone(),
                pieces: connection.client.pieces.iter().map(|piece| piece.len).collect(),
                end: end_of(connection),
                stream: format!("{}/{}", meta.app, meta.key),
                truth: (!meta.tshark_desync).then(|| truth.clone()),
            })
            .collect()
    }

    /// The commands and data messages that tshark saw the client send; none where it lost its way.
    pub(crate) fn commands(&self) -> impl Iterator<Item = &CommandTruth> {
        let commands = self.truth.iter().flat_map(|truth| &truth.commands);
        commands.filter(|command| command.direction == Direction::Client)
    }

    /// Whether the client asked to publish.
    pub(crate) fn publishes(&self) -> bool {
        self.commands().any(|command| command.name() == Some("publish"))
    }
}

fn load() -> Vec<Half> {
    let mut halves: Vec<Half> = captures::all().iter().flat_map(Half::all_of).collect();
    let public = captures::fq_ffmpeg_play().unwrap_or_else(|error| panic!("{error}"));
    halves.push(Half {
        name: "public/fq-ffmpeg-play".to_owned(),
        pieces: vec![public.client.len()],
        bytes: public.client,
        end: PeerEnd::Finished,
        // Its URL has no key.
        stream: "test_stream".to_owned(),
        truth: public.truth.connections.into_iter().next(),
    });
    halves
}

fn end_of(connection: &Connection) -> PeerEnd {
    match connection.client {
        Flow { fin: true, .. } => PeerEnd::Finished,
        Flow { rst: true, .. } => PeerEnd::Reset,
        // The recorded server ended it; this one has no reason to.
        Flow { .. } => PeerEnd::Lost,
    }
}
