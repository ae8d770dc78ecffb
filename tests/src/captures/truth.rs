//! What tshark said of a capture: `STEM.tshark.json`, typed.
//!
//! Counts are of whole messages, named as tshark names them; [`MessageName`] maps the names to
//! type ids. Nested AMF values are only named in command arguments ("Object", "Strict array",
//! "Switch to AMF3"): their bytes are in the capture.

use serde_json::Value;

use crate::peer::message::{ChunkStream, StreamId, TypeId};

/// The whole file.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Its connections in the order in which they began.
    pub connections: Vec<ConnectionTruth>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionTruth {
    /// Number that tshark gave to the TCP connection.
    pub tcp_stream: u32,
    /// The client's port.
    pub client_port: u16,
    /// The server's port.
    pub server_port: u16,
    /// The handshake, as far as there was one.
    pub handshake: HandshakeTruth,
    /// Bytes of the TCP streams.
    pub tcp_bytes: Directed<usize>,
    /// FIN and RST in order, as tshark words them.
    pub tcp_ends: Vec<String>,
    /// Messages by type.
    pub messages: Directed<Vec<MessageCount>>,
    /// Chunk sizes as announced, in order.
    pub chunk_sizes: Directed<Vec<u32>>,
    /// Commands and data messages in order of capture.
    pub commands: Vec<CommandTruth>,
}

/// Which handshake a connection had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeTruth {
    /// None of RTMP.
    None,
    /// Without digests.
    Simple,
    /// The client's C1 has a digest, in the first half in all of these captures.
    Digest,
}

/// How many messages of one type there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageCount {
    /// Of what type.
    pub name: MessageName,
    /// How many.
    pub count: usize,
    /// Their bodies together.
    pub bytes: usize,
}

/// A message type, and for User Control the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageName {
    /// The type.
    pub type_id: TypeId,
    /// The event of a User Control message.
    pub user_control: Option<u16>,
}

impl MessageName {
    /// Reads a name of tshark's.
    pub fn read(name: &str) -> Result<MessageName, String> {
        let (kind, event) = match name.split_once(':') {
            Some((kind, event)) => (kind, Some(event)),
            None => (name, None),
        };
        let type_id = match kind {
            "SetChunkSize" => TypeId::SET_CHUNK_SIZE,
            "Abort" => TypeId::ABORT,
            "Ack" => TypeId::ACKNOWLEDGEMENT,
            "UserControl" => TypeId::USER_CONTROL,
            "WindowAckSize" => TypeId::WINDOW_ACK_SIZE,
            "SetPeerBandwidth" => TypeId::SET_PEER_BANDWIDTH,
            "Audio" => TypeId::AUDIO,
            "Video" => TypeId::VIDEO,
            "AMF3Data" => TypeId::DATA_AMF3,
            "AMF3Command" => TypeId::COMMAND_AMF3,
            "AMF0Data" => TypeId::DATA_AMF0,
            "AMF0Command" => TypeId::COMMAND_AMF0,
            "Aggregate" => TypeId::AGGREGATE,
            other => match other.strip_prefix("type").and_then(|number| number.parse().ok()) {
                Some(number) => TypeId(number),
                None => return Err(format!("unknown message name {name:?}")),
            },
        };
        let user_control = match event {
            None => None,
            Some("StreamBegin") => Some(0),
            Some("StreamEOF") => Some(1),
            Some("StreamDry") => Some(2),
            Some("SetBufferLength") => Some(3),
            Some("StreamIsRecorded") => Some(4),
            Some("PingRequest") => Some(6),
            Some("PingResponse") => Some(7),
            Some(_) => return Err(format!("unknown user control event in {name:?}")),
        };
        Ok(MessageName { type_id, user_control })
    }
}

/// A command or data message.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandTruth {
    /// Who sent it.
    pub direction: Direction,
    /// The frame of the capture, counted from 1, in which it ended.
    pub frame: u32,
    /// The chunk stream that carried it.
    pub chunk_stream: ChunkStream,
    /// The message stream that it belongs to.
    pub stream: StreamId,
    /// Command or data.
    pub type_id: TypeId,
    /// Its values; the first is the name.
    pub args: Vec<Value>,
}

impl CommandTruth {
    /// The first value, if it is text.
    pub fn name(&self) -> Option<&str> {
        self.args.first()?.as_str()
    }
}

/// From whom to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Client,
    /// From the server to the client.
    Server,
}

/// One for each sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directed<T> {
    /// What the client sent.
    pub client: T,
    /// What the server sent.
    pub server: T,
}

impl<T> Directed<T> {
    /// The one of this sender.
    pub fn of(&self, direction: Direction) -> &T {
        match direction {
            Direction::Client => &self.client,
            Direction::Server => &self.server,
        }
    }

    fn read(json: &Value, mut read: impl FnMut(&Value) -> Result<T, String>) -> Result<Directed<T>, String> {
        Ok(Directed { client: read(&json["c2s"])?, server: read(&json["s2c"])? })
    }
}

impl Truth {
    /// Reads the file; an error says what is missing or unknown.
    pub fn read(json: &Value) -> Result<Truth, String> {
        let connections = list(&json["connections"], "connections")?;
        Ok(Truth { connections: connections.iter().map(read_connection).collect::<Result<_, _>>()? })
    }
}

fn read_connection(json: &Value) -> Result<ConnectionTruth, String> {
    let tcp = &json["tcp"];
    let tcp_bytes = Directed {
        client: number(&tcp["c2s_bytes"], "c2s_bytes")?,
        server: number(&tcp["s2c_bytes"], "s2c_bytes")?,
    };
    let handshake = match json["handshake"]["kind"].as_str() {
        Some("none") => HandshakeTruth::None,
        Some("simple") => HandshakeTruth::Simple,
        Some("digest") => HandshakeTruth::Digest,
        other => return Err(format!("unknown handshake kind {other:?}")),
    };
    let chunk_sizes =
        |sizes: &Value| list(sizes, "chunk_sizes")?.iter().map(|size| number(size, "chunk size")).collect();
    Ok(ConnectionTruth {
        tcp_stream: number(&json["tcp_stream"], "tcp_stream")?,
        client_port: number(&json["client_port"], "client_port")?,
        server_port: number(&json["server_port"], "server_port")?,
        handshake,
        tcp_bytes,
        tcp_ends: list(&tcp["end"], "tcp end")?
            .iter()
            .map(|end| text(end, "tcp end").map(str::to_owned))
            .collect::<Result<_, _>>()?,
        messages: Directed::read(&json["messages"], read_counts)?,
        chunk_sizes: Directed::read(&json["chunk_sizes"], chunk_sizes)?,
        commands: list(&json["commands"], "commands")?.iter().map(read_command).collect::<Result<_, _>>()?,
    })
}

fn read_counts(json: &Value) -> Result<Vec<MessageCount>, String> {
    let counts = json.as_object().ok_or("messages of a direction are no object")?;
    counts
        .iter()
        .map(|(name, count)| {
            Ok(MessageCount {
                name: MessageName::read(name)?,
                count: number(&count["count"], "count")?,
                bytes: number(&count["bytes"], "bytes")?,
            })
        })
        .collect()
}

fn read_command(json: &Value) -> Result<CommandTruth, String> {
    let direction = match text(&json["dir"], "dir")? {
        "c2s" => Direction::Client,
        "s2c" => Direction::Server,
        other => return Err(format!("unknown direction {other:?}")),
    };
    Ok(CommandTruth {
        direction,
        frame: number(&json["frame"], "frame")?,
        chunk_stream: ChunkStream(number(&json["csid"], "csid")?),
        stream: StreamId(number(&json["msid"], "msid")?),
        type_id: MessageName::read(text(&json["type"], "type")?)?.type_id,
        args: list(&json["args"], "args")?.clone(),
    })
}

fn list<'a>(json: &'a Value, what: &str) -> Result<&'a Vec<Value>, String> {
    json.as_array().ok_or_else(|| format!("{what}: no list"))
}

fn text<'a>(json: &'a Value, what: &str) -> Result<&'a str, String> {
    json.as_str().ok_or_else(|| format!("{what}: no text"))
}

fn number<T: TryFrom<u64>>(json: &Value, what: &str) -> Result<T, String> {
    let number = json.as_u64().and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| format!("{what}: no number that fits, but {json}"))
}

#[cfg(test)]
mod tests {
    use super::super::{directory, load};
    use super::*;

    #[test]
    fn a_truth_file_is_read_with_all_that_it_says() {
        let truth = load(&directory(), "pub-ffmpeg51-h264-aac").unwrap().truth;
        let [connection] = &truth.connections[..] else { panic!("one connection") };
        assert_eq!(connection.handshake, HandshakeTruth::Digest);
        assert_eq!(connection.tcp_bytes, Directed { client: 87_930, server: 3_602 });
        assert_eq!(connection.tcp_ends, ["FIN c2s frame 869", "RST c2s frame 872"]);
        assert_eq!(connection.chunk_sizes, Directed { client: vec![4_096], server: vec![4_096] });
        let video = MessageName { type_id: TypeId::VIDEO, user_control: None };
        let count = MessageCount { name: video, count: 92, bytes: 44_779 };
        assert!(connection.messages.of(Direction::Client).contains(&count));

        let names: Vec<_> = connection.commands.iter().filter_map(CommandTruth::name).collect();
        assert_eq!(names[..4], ["connect", "_result", "releaseStream", "FCPublish"]);
        let publish = connection.commands.iter().find(|command| command.name() == Some("publish")).unwrap();
        assert_eq!((publish.direction, publish.frame), (Direction::Client, 25));
        assert_eq!((publish.chunk_stream, publish.stream), (ChunkStream(8), StreamId(1)));
        assert_eq!(publish.type_id, TypeId::COMMAND_AMF0);
        assert_eq!(publish.args[3], "pub-ffmpeg51-h264-aac");
    }

    #[test]
    fn names_become_type_ids_and_unknown_names_are_errors() {
        let read = |name| MessageName::read(name).map(|name| (name.type_id.0, name.user_control));
        assert_eq!(read("Ack"), Ok((3, None)));
        assert_eq!(read("UserControl:StreamEOF"), Ok((4, Some(1))));
        assert_eq!(read("type0"), Ok((0, None)));
        assert!(read("Nonsense").is_err());
        assert!(read("UserControl:Nonsense").is_err());
    }

    #[test]
    fn a_file_without_its_parts_is_refused() {
        assert!(Truth::read(&serde_json::json!({})).is_err());
        assert!(Truth::read(&serde_json::json!({ "connections": [{}] })).is_err());
    }
}
