//! Settings: everything that an operator can decide, as a file writes it.
//!
//! The comments on fields are what operators read: in the JSON schema, in `sol config default` and in
//! docs/configuration.md. Defaults are the core's own.

mod app;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sol_tokio::sol_core::ids::ChunkSize;
use sol_tokio::sol_core::limits;
use sol_tokio::sol_core::server::SocketConfig;
use sol_tokio::{ConnectReply, PerApp, ServerConfig, SessionConfig, SessionTimers};

use super::auto::OrAuto;
use super::count::Count;
use super::destination::Destination;
use super::pattern::AppPattern;
use super::size::Size;
use super::time::{Time, millis};
use crate::listen::ListenAddress;
pub(crate) use app::{AppSettings, Gathered, Policies, Policy};

/// The configuration of Sol, an RTMP server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// What holds for the whole server.
    pub(crate) server: ServerSettings,
    /// How long a connection may leave undone what it should do.
    pub(crate) timers: TimerSettings,
    /// What holds for the streams of every app that has no section of its own, and for what such a section leaves out.
    pub(crate) defaults: AppSettings,
    /// What holds for the streams of one app and of those below it: `[app."live"]` for live/cam and live/hd/cam. With a star,
    /// as in `[app."event/*"]`, it is the same. The longest section that fits holds, and none but that.
    pub(crate) app: BTreeMap<AppPattern, AppSettings>,
}

/// The section `[server]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServerSettings {
    /// Where to listen for RTMP. A port alone means every address of this machine, IPv4 and IPv6; otherwise an IP address
    /// or a host name, with or without a port: `192.0.2.7`, `192.0.2.7:1935`, `[::1]:1935`, `localhost:1935`. Port 0 lets
    /// the system choose.
    #[schemars(length(min = 1), extend("x-takes" = "a list of addresses"))]
    pub(crate) rtmp: Vec<ListenAddress>,
    /// How log lines look on standard error.
    pub(crate) log: LogFormat,
    /// Publish a built-in clip as live/demo: a picture for whoever has nothing but a player.
    pub(crate) demo: bool,
    /// What the server runs on.
    pub(crate) runtime: Runtime,
    /// Threads that serve connections: event loops of mio, or worker threads of tokio. "auto" means one for each core that the
    /// process may use.
    pub(crate) loops: OrAuto<Loops>,
    /// Connections at once; more are turned away. Each needs a file descriptor.
    pub(crate) connections: Count<1, { limits::CONNECTIONS as u32 }>,
    /// What the kernel may hold for a player that reads slowly (SO_SNDBUF). One player gets at most about this much in each
    /// round trip. "auto" lets the kernel grow it to megabytes; net.core.wmem_max caps it.
    pub(crate) send_buffer: OrAuto<Size<SEND_BUFFER_MIN, SEND_BUFFER_MAX>>,
    /// Payload bytes of each chunk that is sent. Smaller ones cost more and gain nothing but for old players.
    pub(crate) chunk_size: Size<{ ChunkSize::INITIAL.get() as u64 }, { ChunkSize::MAX.get() as u64 }>,
    /// Bytes after which peers are asked for an acknowledgement: the Window Acknowledgement Size of RTMP.
    pub(crate) window_ack_size: Size<{ limits::ACKNOWLEDGEMENT_BYTES as u64 }, WINDOW_MAX>,
    /// Close the connections of clients that break the protocol in ways that real ones do, instead of tolerating it. For
    /// those who test an encoder.
    pub(crate) strict: bool,
    /// For clients to leave by themselves when the server is told to stop, so that a restart interrupts nobody: it accepts nobody
    /// any more, asks those to reconnect who know how (ReconnectRequest of Enhanced RTMP), serves all until they have left, and
    /// stops then, or when this time is over. "0s" stops at once.
    pub(crate) drain: Time<0, { seconds(86_400) }>,
    /// Where clients are asked to reconnect then: another server. A URL without an app keeps theirs. Empty: at the same address,
    /// behind which a second server should be by then.
    pub(crate) drain_target: Destination,
}

/// The section `[timers]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TimerSettings {
    /// For the handshake to be over.
    pub(crate) handshake: Time<{ seconds(2) }, { seconds(60) }>,
    /// From the handshake to `connect`, from there to the first publish or play, and from the end of the last stream to the
    /// next. Encoders that connect long before they go live need more.
    pub(crate) command: Time<{ seconds(2) }, { seconds(300) }>,
    /// Between two pings, to publishers only while they are silent. At most a third of `silence`, so that two may be lost; and
    /// better longer than `unreachable`, since nothing else finds out that a host has vanished while a ping is on its way there.
    pub(crate) ping: Time<{ millis(limits::PING_TIME_MIN) }, { seconds(200) }>,
    /// Without one byte received and without media taken; then the connection is dead.
    pub(crate) silence: Time<{ seconds(10) }, { seconds(600) }>,
    /// Without an answer from a client's host (TCP keep-alive); then the connection is lost. That a publisher's host has vanished
    /// without a word is noticed by it, and only then does `grace` begin.
    pub(crate) unreachable: Time<{ seconds(3) }, { seconds(600) }>,
    /// For a player to take 32 KiB of what waits for it, or all of it; then it is closed.
    pub(crate) stall: Time<{ seconds(5) }, { seconds(300) }>,
    /// For a client to leave by itself after its stream ended or was refused.
    pub(crate) farewell: Time<0, { seconds(30) }>,
}

/// How many threads there can be.
pub(crate) type Loops = Count<1, LOOPS_MAX>;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// What the server runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Runtime {
    /// Tokio, whose threads share all connections
    Tokio,
    /// Event loops without a runtime, each with connections of its own
    Mio,
}

impl ServerSettings {
    /// Threads that serve connections.
    pub(crate) fn loops(&self) -> NonZeroU32 {
        let count = match self.loops {
            OrAuto::Auto => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                u32::try_from(cores).unwrap_or(LOOPS_MAX).min(LOOPS_MAX)
            }
            OrAuto::Fixed(count) => count.get(),
        };
        NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
    }
}

impl Default for ServerSettings {
    fn default() -> Self {
        let core = ServerConfig::default();
        Self {
            rtmp: vec![ListenAddress::default()],
            log: LogFormat::Text,
            demo: false,
            runtime: Runtime::Tokio,
            loops: OrAuto::Auto,
            connections: Count::of(core.connections_max as u32),
            send_buffer: core
                .socket
                .send_buffer_bytes
                .map_or(OrAuto::Auto, |bytes| OrAuto::Fixed(Size::of(bytes.into()))),
            chunk_size: Size::of(core.session.chunk_size.get().into()),
            window_ack_size: Size::of(core.session.window_bytes.into()),
            strict: core.session.strict,
            drain: Time::of(Duration::ZERO),
            drain_target: Destination::default(),
        }
    }
}

impl Default for TimerSettings {
    fn default() -> Self {
        let core = SessionTimers::default();
        Self {
            handshake: Time::of(core.handshake),
            command: Time::of(core.command),
            ping: Time::of(core.ping),
            silence: Time::of(core.silence),
            unreachable: Time::of(SocketConfig::default().unreachable),
            stall: Time::of(core.stall),
            farewell: Time::of(core.farewell),
        }
    }
}

impl Settings {
    /// What the server is to be started with.
    pub(crate) fn server_config(&self) -> ServerConfig {
        let server = &self.server;
        let chunk_size = u32::try_from(server.chunk_size.bytes()).ok().and_then(ChunkSize::new);
        let timers = &self.timers;
        let session = SessionConfig {
            chunk_size: chunk_size.expect("the setting has the bounds of a chunk size"),
            window_bytes: server.window_ack_size.bytes() as u32,
            timers: SessionTimers {
                handshake: timers.handshake.duration(),
                command: timers.command.duration(),
                // This program's policies answer at once, so that nobody waits for it.
                answer: SessionTimers::default().answer,
                ping: timers.ping.duration(),
                silence: timers.silence.duration(),
                stall: timers.stall.duration(),
                farewell: timers.farewell.duration(),
            },
            strict: server.strict,
            connect_reply: ConnectReply::default(),
        };
        ServerConfig {
            session,
            stream: self.per_app(|app| Arc::new(app.stream_config())),
            socket: SocketConfig {
                send_buffer_bytes: match server.send_buffer {
                    OrAuto::Auto => None,
                    OrAuto::Fixed(size) => Some(size.bytes() as u32),
                },
                unreachable: timers.unreachable.duration(),
            },
            connections_max: server.connections.get() as usize,
        }
    }

    pub(crate) fn policies(&self) -> PerApp<Policies> {
        self.per_app(|app| Policies { publish: app.publish, play: app.play })
    }

    fn per_app<T>(&self, of: impl Fn(&AppSettings) -> T) -> PerApp<T> {
        let mut all = PerApp::new(of(&self.defaults));
        for (app, settings) in &self.app {
            all.add(app.pattern().clone(), of(settings)).expect("the keys of a map differ");
        }
        all
    }
}

const fn seconds(seconds: u64) -> u64 {
    millis(Duration::from_secs(seconds))
}

/// Less than a few chunks, and a system call is needed for each; more, and a thousand stalled players hold gigabytes.
const SEND_BUFFER_MIN: u64 = 16 * 1024;
const SEND_BUFFER_MAX: u64 = 64 * 1024 * 1024;

/// Totals of acknowledgements have 32 bits and are told apart by their difference, up to half of that: 2 GiB. A window of
/// half that again may pass once more before the acknowledgement of the last has come.
const WINDOW_MAX: u64 = 1024 * 1024 * 1024;

/// As many cores as a machine may have.
const LOOPS_MAX: u32 = 1_024;

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::super::keys;
    use super::super::path::Section;
    use super::*;
    use sol_tokio::sol_core::hub;
    use sol_tokio::sol_core::media::{Form, TrackId};
    use sol_tokio::{Coalesce, StreamConfig};

    #[test]
    fn the_defaults_are_those_of_the_core() {
        let (ours, its) = (Settings::default().server_config(), ServerConfig::default());
        assert_eq!(format!("{ours:?}"), format!("{its:?}"));
    }

    #[test]
    fn every_key_comes_to_where_it_belongs() {
        let settings: Settings = toml::from_str(EVERY_KEY).unwrap();
        let written: Table = EVERY_KEY.parse().unwrap();
        let written_app = written[Section::APP]["live"].as_table().unwrap();
        for section in keys::sections() {
            let is_app = section.name == Section::APP;
            let written = if is_app { written_app } else { written[&section.name].as_table().unwrap() };
            for key in &section.keys {
                let value = written.get(&key.name).unwrap_or_else(|| panic!("{} is not there", key.name));
                assert!(is_app || *value != key.default || key.name == "play", "{} is the default", key.name);
            }
        }

        let server = &settings.server;
        assert_eq!(server.rtmp, ["1936".parse().unwrap()]);
        assert_eq!((server.log, server.demo), (LogFormat::Json, true));
        assert_eq!((server.runtime, server.loops().get()), (Runtime::Mio, 3));
        let s = Duration::from_secs;
        assert_eq!((server.drain.duration(), server.drain_target.tc_url()), (s(17), Some("rtmp://other")));
        let mut streams = PerApp::new(Arc::new(StreamConfig {
            waiting: s(21),
            grace: s(22),
            takeover: hub::Takeover::Silent,
            give_back: false,
            after_grace: hub::AfterGrace::Wait,
            repair: hub::Repair::Monotonic,
            pause: hub::Pause::Real,
            join: hub::Join::Instant,
            default_form: Form::Legacy(TrackId::DEFAULT),
            coalesce: Coalesce::Fixed(Duration::from_millis(50)),
            lag_max: s(3),
            lag_bytes_max: 1 << 20,
            gap_max: s(4),
            patience: 5,
            tape_time: s(6),
            tape_bytes: 2 << 20,
        }));
        let of_app = StreamConfig {
            waiting: s(31),
            grace: s(32),
            takeover: hub::Takeover::Replace,
            give_back: false,
            after_grace: hub::AfterGrace::Wait,
            repair: hub::Repair::Off,
            pause: hub::Pause::Real,
            join: hub::Join::Live,
            default_form: Form::OneTrack(TrackId::DEFAULT),
            coalesce: Coalesce::Fixed(Duration::ZERO),
            lag_max: s(7),
            lag_bytes_max: 3 << 20,
            gap_max: s(9),
            patience: 10,
            tape_time: s(11),
            tape_bytes: 4 << 20,
        };
        streams.add("live".parse().unwrap(), Arc::new(of_app)).unwrap();
        let expected = ServerConfig {
            session: SessionConfig {
                chunk_size: ChunkSize::new(4_096).unwrap(),
                window_bytes: 1_000_000,
                timers: SessionTimers {
                    handshake: s(11),
                    command: s(12),
                    answer: SessionTimers::default().answer,
                    ping: s(13),
                    silence: s(40),
                    stall: s(14),
                    farewell: s(15),
                },
                strict: true,
                connect_reply: ConnectReply::default(),
            },
            stream: streams,
            socket: SocketConfig { send_buffer_bytes: Some(128 << 10), unreachable: s(16) },
            connections_max: 100,
        };
        assert_eq!(format!("{:#?}", settings.server_config()), format!("{expected:#?}"));

        let mut policies = PerApp::new(Policies { publish: Policy::Closed, play: Policy::Open });
        policies
            .add("live".parse().unwrap(), Policies { publish: Policy::Open, play: Policy::Closed })
            .unwrap();
        assert_eq!(settings.policies(), policies);
    }

    #[test]
    fn every_bound_can_be_asked_for() {
        let settings: Settings = toml::from_str(
            "[server]\nconnections = 65536\nsend_buffer = \"64MiB\"\nchunk_size = 16777215\nwindow_ack_size = \"1GiB\"\n",
        )
        .unwrap();
        let config = settings.server_config();
        assert_eq!((config.connections_max, config.socket.send_buffer_bytes), (65_536, Some(64 << 20)));
        assert_eq!((config.session.chunk_size, config.session.window_bytes), (ChunkSize::MAX, 1 << 30));
    }

    const EVERY_KEY: &str = r#"
[server]
rtmp = [1936]
log = "json"
demo = true
runtime = "mio"
loops = 3
connections = 100
send_buffer = "128KiB"
chunk_size = 4096
window_ack_size = "1MB"
strict = true
drain = "17s"
drain_target = "rtmp://other"

[timers]
handshake = "11s"
command = "12s"
ping = "13s"
silence = "40s"
unreachable = "16s"
stall = "14s"
farewell = "15s"

[defaults]
publish = "closed"
play = "open"
takeover = "silent"
give_back = false
after_grace = "wait"
repair = "monotonic"
pause = "real"
join = "instant"
default_form = "legacy"
waiting = "21s"
grace = "22s"
coalesce = "50ms"
lag = "3s"
lag_bytes = "1MiB"
gap = "4s"
patience = 5
tape_time = "6s"
tape_bytes = "2MiB"

[app."live"]
publish = "open"
play = "closed"
takeover = "replace"
give_back = false
after_grace = "wait"
repair = "off"
pause = "real"
join = "live"
default_form = "one-track"
waiting = "31s"
grace = "32s"
coalesce = "0s"
lag = "7s"
lag_bytes = "3MiB"
gap = "9s"
patience = 10
tape_time = "11s"
tape_bytes = "4MiB"
"#;
}
