//! Client: an RTMP connection that a thread waits for, as far as a bench needs one.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sol_tokio::sol_core::amf::{Properties, Value};
use sol_tokio::sol_core::chunk::{ChunkReader, MessageHeader, RawMessage, write_message};
use sol_tokio::sol_core::ids::{ChunkSize, ChunkStreamId, MessageStreamId, MessageType};
use sol_tokio::sol_core::message::{Command, Control};
use sol_tokio::sol_core::quirk::Tolerance;
use sol_tokio::sol_core::timestamp::Timestamp;

/// Where to publish and play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    url: String,
    authority: String,
    app: String,
    stream: String,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let rest = url.strip_prefix("rtmp://").ok_or("the URL begins with rtmp://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (app, stream) = path.rsplit_once('/').ok_or("the URL ends with an app and a stream name")?;
        if authority.is_empty() || app.is_empty() || stream.is_empty() {
            return Err("the URL names a host, an app and a stream: rtmp://localhost/live/bench".to_owned());
        }
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if has_port { authority.to_owned() } else { format!("{authority}:1935") };
        Ok(Self { url: url.to_owned(), authority, app: app.to_owned(), stream: stream.to_owned() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl Target {
    /// The same with a number behind the stream's name, where a run has several.
    pub(super) fn numbered(&self, number: u32) -> Self {
        let behind = |text: &str| format!("{text}-{number}");
        Self { url: behind(&self.url), stream: behind(&self.stream), ..self.clone() }
    }

    fn address(&self) -> anyhow::Result<SocketAddr> {
        let mut addresses =
            self.authority.to_socket_addrs().with_context(|| format!("cannot find {}", self.authority))?;
        // Servers other than this one often listen on IPv4 alone.
        let all: Vec<SocketAddr> = addresses.by_ref().collect();
        let address = all.iter().find(|address| address.is_ipv4()).or(all.first());
        address.copied().with_context(|| format!("{} has no address", self.authority))
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Client {
    socket: TcpStream,
    stream: MessageStreamId,
    chunk_size: ChunkSize,
    incoming: Incoming,
}

/// What comes, message by message.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    reader: ChunkReader,
    whole: VecDeque<RawMessage>,
    pub(super) bytes: u64,
}

impl Incoming {
    /// The next message; `None` when the server has closed.
    pub(super) fn next(&mut self, socket: &mut TcpStream) -> anyhow::Result<Option<RawMessage>> {
        let mut buffer = [0; 64 * 1024];
        while self.whole.is_empty() {
            let count = socket.read(&mut buffer).context("the connection failed")?;
            if count == 0 {
                return Ok(None);
            }
            self.bytes += count as u64;
            let mut rest = &buffer[..count];
            while let Some(message) = self.reader.read(&mut rest, &mut Tolerance::default())? {
                self.whole.push_back(message);
            }
        }
        Ok(self.whole.pop_front())
    }
}

impl Client {
    /// Connects and publishes, as soon as the server allows it.
    pub(super) fn publish(target: &Target, chunk_size: u32) -> anyhow::Result<Self> {
        let mut client = Self::connect(target, chunk_size)?;
        let command = Command::new("publish", 3.0, Value::Null).with(target.stream.as_str()).with("live");
        client.command(client.stream, &command)?;
        client.await_status("NetStream.Publish.Start")?;
        Ok(client)
    }

    /// Connects and plays, as soon as the server allows it.
    pub(super) fn play(target: &Target) -> anyhow::Result<Self> {
        let mut client = Self::connect(target, 4_096)?;
        // Start -1000: live, and nothing else.
        let command = Command::new("play", 0.0, Value::Null).with(target.stream.as_str()).with(-1_000.0);
        client.command(client.stream, &command)?;
        client.await_status("NetStream.Play.Start")?;
        Ok(client)
    }

    /// Connects and makes a stream, and asks for nothing.
    pub(super) fn idle(target: &Target) -> anyhow::Result<Self> {
        Self::connect(target, 4_096)
    }

    /// Comes to a bare loop, which is told a number and nothing else.
    pub(super) fn bare(address: SocketAddr, number: u32) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(address).context("the bare loop does not listen")?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.write_all(&number.to_be_bytes())?;
        let (stream, chunk_size) = (MessageStreamId::new(1), CHUNK_SIZE_UNASKED);
        Ok(Self { socket, stream, chunk_size, incoming: Incoming::default() })
    }

    /// Sends audio or video.
    pub(super) fn send_media(
        &mut self,
        kind: MessageType,
        at: Duration,
        payload: &[u8],
    ) -> anyhow::Result<()> {
        let bytes = message(lane_of(kind), kind, self.stream, at, payload, self.chunk_size);
        self.socket.write_all(&bytes).context("the server takes no more media")
    }

    /// The connection.
    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// The connection, and what has come on it and was not looked at.
    pub(super) fn into_parts(self) -> (TcpStream, Incoming) {
        (self.socket, self.incoming)
    }

    fn connect(target: &Target, chunk_size: u32) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(target.address()?)
            .with_context(|| format!("cannot connect to {}", target.authority))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let (mut c0_c1, mut s0_s1_s2) = ([0; 1 + PACKET], [0; 1 + 2 * PACKET]);
        c0_c1[0] = 3;
        socket.write_all(&c0_c1)?;
        socket.read_exact(&mut s0_s1_s2).context("the server does not answer the handshake")?;
        socket.write_all(&s0_s1_s2[1..=PACKET])?;
        let chunk_size = ChunkSize::new(chunk_size).context("no chunk is that long")?;
        let (stream, incoming) = (MessageStreamId::CONNECTION, Incoming::default());
        let mut client = Self { socket, stream, chunk_size: ChunkSize::INITIAL, incoming };
        client.socket.write_all(&announcement(chunk_size))?;
        client.chunk_size = chunk_size;
        let properties = Properties::new()
            .with("app", target.app.as_str())
            .with("type", "nonprivate")
            .with("flashVer", concat!("sol-bench/", env!("CARGO_PKG_VERSION")))
            .with("tcUrl", format!("rtmp://{}/{}", target.authority, target.app));
        client.command(stream, &Command::new("connect", 1.0, properties))?;
        client.await_result(1.0)?;
        client.command(stream, &Command::new("createStream", 2.0, Value::Null))?;
        let number = client.await_result(2.0)?.numbers().next().context("createStream gave no stream")?;
        client.stream = MessageStreamId::new(number as u32);
        Ok(client)
    }

    fn command(&mut self, stream: MessageStreamId, command: &Command) -> anyhow::Result<()> {
        let (lane, kind) = (ChunkStreamId::COMMAND, MessageType::COMMAND);
        let bytes = message(lane, kind, stream, Duration::ZERO, &command.body(), self.chunk_size);
        self.socket.write_all(&bytes).with_context(|| format!("the server did not take `{}`", command.name))
    }

    fn await_result(&mut self, transaction: f64) -> anyhow::Result<Command> {
        loop {
            let command = self.next_command()?;
            match command.name.as_str() {
                "_result" if command.transaction == transaction => return Ok(command),
                "_error" => bail!("the server refuses: {}", told(&command)),
                _ => {}
            }
        }
    }

    fn await_status(&mut self, wanted: &str) -> anyhow::Result<()> {
        loop {
            let command = self.next_command()?;
            let told = told(&command);
            match command.name.as_str() {
                "onStatus" if told.starts_with(wanted) => return Ok(()),
                "onStatus" if is_error(&command) => bail!("the server refuses: {told}"),
                "_error" => bail!("the server refuses: {told}"),
                _ => {}
            }
        }
    }

    fn next_command(&mut self) -> anyhow::Result<Command> {
        loop {
            let message =
                self.incoming.next(&mut self.socket)?.context("the server closed the connection")?;
            let command = match message.kind {
                MessageType::COMMAND => Command::parse(&message.body, &mut Tolerance::default())?,
                _ => None,
            };
            if let Some(command) = command {
                return Ok(command);
            }
        }
    }
}

/// A message in chunks.
pub(super) fn message(
    chunk_stream: ChunkStreamId,
    kind: MessageType,
    stream: MessageStreamId,
    at: Duration,
    payload: &[u8],
    chunk_size: ChunkSize,
) -> Vec<u8> {
    let timestamp = Timestamp::from_millis(at.as_millis() as u32);
    let header = MessageHeader { chunk_stream, stream, timestamp, kind, length: payload.len() as u32 };
    let mut bytes = Vec::with_capacity(payload.len() + 64);
    write_message(&header, payload, chunk_size, &mut bytes);
    bytes
}

/// What tells a peer the chunk size.
pub(super) fn announcement(chunk_size: ChunkSize) -> Vec<u8> {
    let announced = Control::SetChunkSize(chunk_size.get());
    let (lane, stream) = (ChunkStreamId::CONTROL, MessageStreamId::CONNECTION);
    message(lane, announced.kind(), stream, Duration::ZERO, &announced.body(), ChunkSize::INITIAL)
}

/// Where audio and video go.
pub(super) fn lane_of(kind: MessageType) -> ChunkStreamId {
    if kind == MessageType::VIDEO { ChunkStreamId::VIDEO } else { ChunkStreamId::AUDIO }
}

/// Whether the server has closed or reset a connection, whatever waits unread on it.
pub(super) fn is_closed(socket: &TcpStream) -> io::Result<bool> {
    let mut polled = [PollFd::new(socket, PollFlags::RDHUP)];
    poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    Ok(polled[0].revents().intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR))
}

/// Code and description of a status.
fn told(command: &Command) -> String {
    let status = command.arguments.iter().find_map(Value::properties);
    let text = |name| status.and_then(|status| status.get(name)).and_then(Value::as_str).unwrap_or_default();
    format!("{} {}", text("code"), text("description")).trim().to_owned()
}

fn is_error(command: &Command) -> bool {
    let status = command.arguments.iter().find_map(Value::properties);
    status.and_then(|status| status.get("level")).and_then(Value::as_str) == Some("error")
}

/// That of bare loops: the same as the server's.
pub(super) const CHUNK_SIZE_UNASKED: ChunkSize =
    ChunkSize::new(65_536).expect("no chunk is longer than 16 MiB");

/// C1, S1, C2 and S2.
const PACKET: usize = 1_536;

/// For whatever the server has to say next, and to take: longer than there may be between keyframes.
const PATIENCE: Duration = Duration::from_secs(70);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_app_and_stream() {
        let target: Target = "rtmp://localhost/a/b/c".parse().unwrap();
        assert_eq!(
            (target.authority.as_str(), target.app.as_str(), target.stream.as_str()),
            ("localhost:1935", "a/b", "c")
        );
        let target: Target = "rtmp://[::1]:1936/live/cam".parse().unwrap();
        assert_eq!(target.authority, "[::1]:1936");
        for wrong in [
            "http://localhost/live/cam",
            "rtmp://localhost/live",
            "rtmp:///live/cam",
            "rtmp://localhost/live/",
        ] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
