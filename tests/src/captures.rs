//! Recorded traffic with its truth: `tests/replay/captures`, whose README says what is what.
//!
//! A capture is the bytes of each TCP connection, both directions, and what independent tools
//! said about them. Whoever replays it decides whether tshark or the code under test is right.

mod truth;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sol_bin::capture::{Ending, EventKind, Side};

pub use truth::{
    CommandTruth, ConnectionTruth, Directed, Direction, HandshakeTruth, MessageCount, MessageName, Truth,
};

/// One recording.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Name of its files.
    pub stem: String,
    /// How it was made.
    pub meta: Meta,
    /// Its TCP connections, in the order in which they began.
    pub connections: Vec<Connection>,
    /// What tshark saw in them, in the same order.
    pub truth: Truth,
}

/// How a capture was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The program that connected.
    pub client: String,
    /// The program that it connected to.
    pub server: String,
    /// The server's port, by which the sides are told apart.
    pub port: u16,
    /// The application of the URL.
    pub app: String,
    /// The stream key of the URL.
    pub key: String,
    /// "publish" or "play".
    pub role: String,
    /// What the capture is for.
    pub exercises: String,
    /// tshark met bytes that are not RTMP: its counts mean nothing.
    pub tshark_desync: bool,
}

/// One TCP connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The client's port, which tells connections of a capture apart.
    pub client_port: u16,
    /// What the client sent.
    pub client: Flow,
    /// What the server sent.
    pub server: Flow,
}

/// The bytes of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// All of them.
    pub bytes: Vec<u8>,
    /// How they were cut into segments: what each one added.
    pub pieces: Vec<Piece>,
    /// Bytes that came again: what tshark counts besides.
    pub bytes_again: usize,
    /// The direction was closed in good order.
    pub fin: bool,
    /// The connection was torn down from this side.
    pub rst: bool,
}

/// What a segment added to its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How many bytes.
    pub len: usize,
    /// When the bytes and all before them had come, since the first frame of the capture.
    pub at: Duration,
}

/// The two byte streams of a public recording that has no packets.
#[derive(Clone, Debug)]
pub struct PublicStreams {
    /// What the client sent.
    pub client: Vec<u8>,
    /// What the server sent.
    pub server: Vec<u8>,
    /// What tshark saw; its ports are not real.
    pub truth: Truth,
}

/// Why a capture could not be loaded.
#[derive(Debug)]
pub struct LoadError {
    path: PathBuf,
    what: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl std::error::Error for LoadError {}

/// Where the captures of this package are.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("replay").join("captures")
}

/// All captures of this package, by name. Panics where one cannot be loaded.
pub fn all() -> Vec<Capture> {
    let directory = directory();
    let stems = stems(&directory).unwrap_or_else(|error| panic!("{error}"));
    stems.iter().map(|stem| load(&directory, stem).unwrap_or_else(|error| panic!("{error}"))).collect()
}

/// The names of the captures in a directory, sorted.
pub fn stems(directory: &Path) -> Result<Vec<String>, LoadError> {
    let failed = |error: std::io::Error| fault(directory, error);
    let mut stems = BTreeSet::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".pcap")) {
            stems.insert(stem.to_owned());
        }
    }
    Ok(stems.into_iter().collect())
}

/// Loads one capture.
pub fn load(directory: &Path, stem: &str) -> Result<Capture, LoadError> {
    let path = |extension: &str| directory.join(format!("{stem}.{extension}"));
    let meta_path = path("meta.json");
    let meta = read_meta(&read_json(&meta_path)?).map_err(|what| fault(&meta_path, what))?;
    let truth = load_truth(&path("tshark.json"))?;
    let pcap_path = path("pcap");
    let pcap = read(&pcap_path)?;
    let connections = read_connections(&pcap, meta.port).map_err(|what| fault(&pcap_path, what))?;

    let seen: Vec<_> = connections.iter().map(|connection| connection.client_port).collect();
    let told: Vec<_> = truth.connections.iter().map(|connection| connection.client_port).collect();
    if seen != told {
        return Err(fault(&pcap_path, format!("connections from ports {seen:?}, but tshark saw {told:?}")));
    }
    Ok(Capture { stem: stem.to_owned(), meta, connections, truth })
}

/// The public recording of a player against `ffmpeg -listen 1`.
pub fn fq_ffmpeg_play() -> Result<PublicStreams, LoadError> {
    let path = |extension: &str| directory().join("public").join(format!("fq-ffmpeg-play.{extension}"));
    Ok(PublicStreams {
        client: read(&path("client.bin"))?,
        server: read(&path("server.bin"))?,
        truth: load_truth(&path("tshark.json"))?,
    })
}

fn load_truth(path: &Path) -> Result<Truth, LoadError> {
    Truth::read(&read_json(path)?).map_err(|what| fault(path, what))
}

fn read_meta(json: &Value) -> Result<Meta, String> {
    let text =
        |key: &str| json[key].as_str().map(str::to_owned).ok_or_else(|| format!("no text under {key:?}"));
    let port = json["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    Ok(Meta {
        client: text("client")?,
        server: text("server")?,
        port: port.ok_or("no port")?,
        app: text("app")?,
        key: text("key")?,
        role: text("role")?,
        exercises: text("exercises")?,
        tshark_desync: json["tshark_desync"].as_bool().ok_or("no tshark_desync")?,
    })
}

/// The connections to this port, in the order in which they began.
///
/// A hole or a byte that was sent twice and differed is an error: a capture of this package has neither.
fn read_connections(pcap: &[u8], server_port: u16) -> Result<Vec<Connection>, String> {
    let mut capture = sol_bin::capture::Capture::open(pcap).map_err(|error| error.to_string())?;
    // The flows of each by side, and which side is the server.
    let mut collected = BTreeMap::<_, (Side, u16, [Flow; 2])>::new();
    while let Some(event) = capture.next_event().map_err(|error| error.to_string())? {
        let at = event.at.saturating_sub(capture.began().unwrap_or_default());
        if let EventKind::Opened { ends, .. } = event.kind {
            let server = Side::BOTH.into_iter().find(|side| ends[side.index()].port() == server_port);
            let Some(server) = server else { continue };
            let client_port = ends[server.peer().index()].port();
            collected.insert(event.connection, (server, client_port, Default::default()));
        }
        let Some((_, _, flows)) = collected.get_mut(&event.connection) else { continue };
        match event.kind {
            EventKind::Opened { .. } => {}
            EventKind::Segment { from, bytes } => {
                let flow = &mut flows[from.index()];
                flow.bytes.extend(&bytes);
                flow.pieces.push(Piece { len: bytes.len(), at });
            }
            EventKind::Missing { count, .. } => return Err(format!("{count} bytes are missing")),
            EventKind::Finished { by } => flows[by.index()].fin = true,
            EventKind::Closed { how, tallies } => {
                if let Ending::Reset { by } = how {
                    flows[by.index()].rst = true;
                }
                for (flow, tally) in flows.iter_mut().zip(tallies) {
                    if tally.contradictions > 0 {
                        return Err("a byte was sent twice and differed".to_owned());
                    }
                    flow.bytes_again = (tally.repeated + tally.keep_alives) as usize;
                }
            }
        }
    }
    if let Some(cut_off) = capture.cut_off() {
        return Err(format!("it ends in the middle of what begins at byte {}", cut_off.at));
    }
    let connections = collected.into_values().map(|(server, client_port, [first, second])| {
        let (client, server) = if server == Side::Second { (first, second) } else { (second, first) };
        Connection { client_port, client, server }
    });
    Ok(connections.collect())
}

fn read_json(path: &Path) -> Result<Value, LoadError> {
    serde_json::from_slice(&read(path)?).map_err(|error| fault(path, error))
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|error| fault(path, error))
}

fn fault(path: &Path, what: impl fmt::Display) -> LoadError {
    LoadError { path: path.to_owned(), what: what.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capture_loads_and_has_as_many_bytes_as_tshark_counted() {
        // tshark counts a retransmitted byte each time; one capture has a retransmission.
        let captures = all();
        assert_eq!(captures.len(), 56);
        for Capture { stem, connections, truth, .. } in &captures {
            assert!(!connections.is_empty(), "{stem}");
            for (connection, truth) in connections.iter().zip(&truth.connections) {
                let captured = |flow: &Flow| flow.bytes.len() + flow.bytes_again;
                let seen = (captured(&connection.client), captured(&connection.server));
                let told = (truth.tcp_bytes.client, truth.tcp_bytes.server);
                assert_eq!(seen, told, "{stem}, client port {}", connection.client_port);
            }
        }
    }

    #[test]
    fn pieces_are_the_bytes_in_the_order_of_their_times() {
        for Capture { stem, connections, .. } in &all() {
            for flow in connections.iter().flat_map(|connection| [&connection.client, &connection.server]) {
                let total: usize = flow.pieces.iter().map(|piece| piece.len).sum();
                assert_eq!(total, flow.bytes.len(), "{stem}");
                assert!(flow.pieces.is_sorted_by_key(|piece| piece.at), "{stem}");
            }
        }
    }

    #[test]
    fn every_connection_with_a_handshake_begins_with_3_in_both_directions() {
        for Capture { stem, connections, truth, .. } in &all() {
            for (connection, truth) in connections.iter().zip(&truth.connections) {
                let began = |flow: &Flow| flow.bytes.first() == Some(&3) && flow.bytes.len() >= 3_073;
                let shook = truth.handshake != HandshakeTruth::None;
                assert_eq!(began(&connection.client) && began(&connection.server), shook, "{stem}");
            }
        }
    }

    #[test]
    fn the_side_that_uses_the_port_of_the_meta_file_is_the_server() {
        let capture = load(&directory(), "pub-ffmpeg51-reconnect-samekey").unwrap();
        assert_eq!(capture.meta.port, 19_350);
        assert_eq!(capture.connections.len(), 3, "three publishers, one behind the other");
        for connection in &capture.connections {
            let connect = connection.client.bytes.windows(7).any(|bytes| bytes == b"connect");
            assert!(connect, "the client is the one that sends connect");
        }
    }

    #[test]
    fn the_public_streams_have_as_many_bytes_as_tshark_counted() {
        let PublicStreams { client, server, truth } = fq_ffmpeg_play().unwrap();
        let told = truth.connections[0].tcp_bytes;
        assert_eq!((client.len(), server.len()), (told.client, told.server));
    }

    #[test]
    fn a_file_that_is_no_pcap_is_refused() {
        assert!(read_connections(b"not a capture at all, not at all", 1_935).is_err());
    }
}
