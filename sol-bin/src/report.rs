//! Report: who is live, in log lines, when the operator asks for it with SIGUSR1.
//!
//! One line for each stream with its publisher, behind it one for each of its tracks, one for each other loop that it crosses to
//! and one for each of its players, and a last one with the numbers of streams and connections. They are written whatever RUST_LOG says: somebody has asked.

use std::collections::BTreeMap;
use std::time::Duration;

use sol_mio::CrossingReport;
use sol_tokio::sol_core::media::TrackKind;
use sol_tokio::{Activity, ConnectionReport, Report, RoleReport, StreamName, StreamReport, TrackReport};
use tracing::info;

use crate::journal::{readable, seconds};
use crate::track::TrackFields;

/// What the log's filter knows these lines by.
pub(crate) const TARGET: &str = "sol::report";

/// Whoever publishes or plays a stream, and what it does there.
type Roles<'a> = Vec<(&'a ConnectionReport, &'a RoleReport)>;

/// Writes it all down.
pub(crate) fn write(report: &Report) {
    let mut by_name = BTreeMap::<&StreamName, Roles<'_>>::new();
    for connection in &report.connections {
        for role in &connection.roles {
            by_name.entry(&role.name).or_default().push((connection, role));
        }
    }
    for (name, stream) in &report.streams {
        let roles = by_name.remove(name).unwrap_or_default();
        write_stream(name, stream, &roles, report.from_within.contains(name));
        for crossing in report.crossings.iter().filter(|crossing| crossing.name == *name) {
            write_crossing(crossing);
        }
        for (connection, role) in roles {
            write_player(name, connection, role);
        }
    }
    // Streams that have ended since their players were asked.
    for (name, roles) in by_name {
        for (connection, role) in roles {
            write_player(name, connection, role);
        }
    }
    info!(target: TARGET, streams = report.streams.len(), connections = report.connections.len(), "report");
}

fn write_stream(name: &StreamName, stream: &StreamReport, roles: &Roles<'_>, is_from_within: bool) {
    let publisher = roles.iter().find_map(|&(connection, role)| match role.activity {
        Activity::Publishing { quiet, on_air: true } => Some((connection, role, quiet)),
        Activity::Publishing { on_air: false, .. }
        | Activity::Playing(_)
        | Activity::Paused
        | Activity::Waiting => None,
    });
    let (video, audio) = (Tracks::of(stream, TrackKind::Video), Tracks::of(stream, TrackKind::Audio));
    info!(
        target: TARGET,
        stream = %name,
        state = stream.state.name(),
        session = publisher.map(|(connection, ..)| connection.peer.id.get()),
        peer = publisher.map(|(connection, ..)| readable(connection.peer.address).to_string()),
        from_within = is_from_within.then_some(true),
        seconds = publisher.map(|(_, role, _)| seconds(role.summary.lasted)),
        quiet_ms = publisher.map(|(.., quiet)| millis(quiet)),
        video = video.codecs,
        video_kbps = video.kilobits_per_second,
        fps = video.frames_per_second,
        keyframe_ms = stream.keyframe_interval.map(millis),
        audio = audio.codecs,
        audio_kbps = audio.kilobits_per_second,
        players = stream.players,
        lag_max_ms = millis(stream.lag_max),
        tape_bytes = stream.tape_bytes,
        "stream"
    );
    stream.tracks.iter().for_each(|track| write_track(name, track));
}

fn write_track(name: &StreamName, report: &TrackReport) {
    let track = TrackFields::of(report.kind, report.id, &report.description);
    info!(
        target: TARGET,
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
        kbps = report.rate.map(|rate| (rate.bits_per_second + 500) / 1_000),
        "track"
    );
}

fn write_player(name: &StreamName, connection: &ConnectionReport, role: &RoleReport) {
    let (state, lag) = match role.activity {
        Activity::Publishing { on_air: true, .. } => return,
        Activity::Publishing { quiet, on_air: false } => return write_standby(name, connection, role, quiet),
        Activity::Playing(lag) => ("playing", Some(lag)),
        Activity::Paused => ("paused", None),
        Activity::Waiting => ("waiting", None),
    };
    let summary = role.summary;
    info!(
        target: TARGET,
        stream = %name,
        state,
        session = connection.peer.id.get(),
        peer = %readable(connection.peer.address),
        seconds = seconds(summary.lasted),
        lag_ms = lag.map(|lag| millis(lag.time)),
        lag_bytes = lag.map(|lag| lag.bytes),
        rtt_ms = connection.round_trip.map(millis),
        frames = summary.frames,
        bytes = summary.bytes,
        gaps = summary.gaps,
        lost_ms = (summary.gaps > 0).then(|| millis(summary.lost.duration)),
        "player"
    );
}

/// A publisher that stands by.
fn write_standby(name: &StreamName, connection: &ConnectionReport, role: &RoleReport, quiet: Duration) {
    let summary = role.summary;
    info!(
        target: TARGET,
        stream = %name,
        session = connection.peer.id.get(),
        peer = %readable(connection.peer.address),
        seconds = seconds(summary.lasted),
        quiet_ms = millis(quiet),
        frames = summary.frames,
        bytes = summary.bytes,
        "standby"
    );
}

fn write_crossing(crossing: &CrossingReport) {
    let has_lost = crossing.lost.frames > 0;
    info!(
        target: TARGET,
        stream = %crossing.name,
        from = crossing.from.index(),
        to = crossing.to.index(),
        frames = crossing.frames,
        lost_frames = has_lost.then_some(crossing.lost.frames),
        lost_ms = has_lost.then(|| millis(crossing.lost.duration)),
        "crossing"
    );
}

/// All tracks of a kind, in the fields of one line.
#[derive(Debug, Default)]
struct Tracks {
    /// `H.264`, or `H.264+HEVC` where there are several.
    codecs: Option<String>,
    /// Of all of them together.
    kilobits_per_second: Option<u64>,
    /// Of the first.
    frames_per_second: Option<f64>,
}

impl Tracks {
    fn of(stream: &StreamReport, kind: TrackKind) -> Self {
        let tracks: Vec<&TrackReport> = stream.tracks.iter().filter(|track| track.kind == kind).collect();
        let codecs: Vec<String> = tracks.iter().map(|track| track.codec.to_string()).collect();
        let rates = || tracks.iter().filter_map(|track| track.rate);
        let bits: u64 = rates().map(|rate| rate.bits_per_second).sum();
        Self {
            codecs: (!codecs.is_empty()).then(|| codecs.join("+")),
            kilobits_per_second: rates().next().map(|_| (bits + 500) / 1_000),
            // To the hundredth: 29.97 is a rate of its own.
            frames_per_second: rates().next().map(|rate| (rate.frames_per_second * 100.0).round() / 100.0),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}
