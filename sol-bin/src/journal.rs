//! Journal: one log line for each thing that an operator wants to know.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;

use sol_tokio::sol_core::media::Form;
use sol_tokio::{Event, Peer, PerApp, Refusal, Request, RequestKind, Session, TurnedAway};
use tracing::{debug, info, warn};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Policies, Policy};
use crate::report;
use crate::track::TrackFields;

/// Sends log lines to standard error. RUST_LOG chooses how many; without it, from `info` on. A report is written in any
/// case.
pub(crate) fn start(format: LogFormat) {
    let filter = EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    let filter =
        filter.add_directive(format!("{}=info", report::TARGET).parse().expect("a target and a level"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

/// Allows what the settings leave open, and writes everything down.
#[derive(Debug)]
pub(crate) struct Journal {
    policies: PerApp<Policies>,
}

impl Journal {
    /// Keeps to these policies.
    pub(crate) fn new(policies: PerApp<Policies>) -> Self {
        Self { policies }
    }

    fn decide(&self, request: &Request) -> Result<(), Refusal> {
        let policies = self.policies.for_stream(&request.name);
        let (policy, words) = match request.kind {
            RequestKind::Publish => (policies.publish, PUBLISHING_IS_CLOSED),
            RequestKind::Play => (policies.play, PLAYING_IS_CLOSED),
        };
        match policy {
            Policy::Open => Ok(()),
            Policy::Closed => Err(Refusal::Denied(words.into())),
        }
    }

    fn write(&self, peer: &Peer, event: &Event, session: &Session) {
        let id = peer.id.get();
        let address = readable(peer.address);
        match event {
            // Query strings may hold tokens, which belong in no log.
            Event::Connected(connected) => info!(
                session = id,
                peer = %address,
                app = connected.app.split_once('?').map_or(connected.app.as_str(), |(app, _)| app),
                client = connected.flash_ver,
                handshake = connected.greeting.kind.to_string(),
                enhanced = connected.capabilities.states_enhanced_rtmp().then(|| connected.capabilities.to_string()),
                "connect"
            ),
            Event::Requested(request) => {
                debug!(session = id, peer = %address, stream = %request.name, "{} requested", verb(request.kind));
            }
            Event::Refused { kind, name, why } => warn!(
                session = id,
                peer = %address,
                stream = name.as_ref().map(tracing::field::display),
                reason = why.code(),
                why = why.to_string(),
                "{} refused",
                verb(*kind)
            ),
            Event::Started { kind, name, form, stream: _ } => {
                let form = (*form != Form::Full).then(|| form.to_string());
                info!(session = id, peer = %address, stream = %name, form, "{}", verb(*kind));
            }
            Event::OnAir { name, on_air, stream: _ } => {
                let what = if *on_air { "on air" } else { "stands by" };
                info!(session = id, peer = %address, stream = %name, "{what}");
            }
            Event::Described { name, kind, track, description, stream: _ } => {
                let track = TrackFields::of(*kind, *track, description);
                info!(
                    session = id,
                    peer = %address,
                    stream = %name,
                    video = track.video,
                    audio = track.audio,
                    codec = %track.codec,
                    profile = track.profile,
                    level = track.level,
                    size = track.size,
                    fps = track.frames_per_second,
                    bits = track.bit_depth,
                    chroma = track.chroma,
                    hdr = track.hdr,
                    hz = track.sample_rate,
                    channels = track.channels,
                    "track"
                );
            }
            Event::Ended { kind, name, why, summary, stream: _ } => {
                let corrected = (!summary.corrections.are_none()).then(|| summary.corrections.to_string());
                let lost = (summary.gaps > 0).then_some(summary.lost.frames);
                let lost_ms = (summary.gaps > 0).then_some(summary.lost.duration.as_millis() as u64);
                info!(
                    session = id,
                    peer = %address,
                    stream = %name,
                    reason = why.code(),
                    why = why.to_string(),
                    seconds = seconds(summary.lasted),
                    frames = summary.frames,
                    bytes = summary.bytes,
                    gaps = summary.gaps,
                    lost_frames = lost,
                    lost_ms,
                    corrected,
                    "{} ended",
                    verb(*kind)
                );
            }
            Event::Closed { why, hangup: _ } => {
                let quirks: Vec<String> =
                    session.quirks().seen().map(|(quirk, count)| format!("{quirk}:{count}")).collect();
                let quirks = (!quirks.is_empty()).then(|| quirks.join(","));
                info!(
                    session = id,
                    peer = %address,
                    reason = why.code(),
                    why = why.to_string(),
                    seconds = seconds(session.lasted()),
                    received = session.traffic().received_bytes(),
                    sent = session.traffic().sent_bytes(),
                    quirks,
                    "disconnect"
                );
            }
        }
    }

    fn write_turned_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        let peer = peer.map(|address| readable(address).to_string());
        warn!(peer, reason = why.code(), why = why.to_string(), "connection turned away");
    }
}

impl sol_tokio::Application for Journal {
    async fn authorize(&self, _peer: &Peer, request: &Request) -> Result<(), Refusal> {
        self.decide(request)
    }

    fn event(&self, peer: &Peer, event: &Event, session: &Session) {
        self.write(peer, event, session);
    }

    fn turned_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        self.write_turned_away(peer, why);
    }
}

impl sol_mio::Application for Journal {
    fn authorize(&self, _peer: &Peer, request: &Request, answer: sol_mio::Answer) {
        match self.decide(request) {
            Ok(()) => answer.allow(),
            Err(why) => answer.refuse(why),
        }
    }

    fn event(&self, peer: &Peer, event: &Event, session: &Session) {
        self.write(peer, event, session);
    }

    fn turned_away(&self, peer: Option<SocketAddr>, why: &TurnedAway) {
        self.write_turned_away(peer, why);
    }
}

fn verb(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Publish => "publish",
        RequestKind::Play => "play",
    }
}

/// Seconds to the millisecond.
pub(crate) fn seconds(duration: std::time::Duration) -> f64 {
    duration.as_millis() as f64 / 1_000.0
}

/// A listener for both families sees IPv4 peers as `::ffff:192.0.2.7`.
pub(crate) fn readable(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// What a person at an encoder reads.
const PUBLISHING_IS_CLOSED: &str = "publishing is closed for this app; ask who runs the server";
/// The same of a player.
const PLAYING_IS_CLOSED: &str = "playing is closed for this app; ask who runs the server";
