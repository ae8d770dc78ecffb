//! Fan-out: streams to their players, and what that costs.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::client::{Client, Target};
use super::crowd::Crowd;
use super::outcome::Outcome;
use super::pattern::Pattern;
use super::publisher::Publishing;
use super::usage::Usage;
use super::viewer::{Line, Origin, Viewer};
use super::{Fanout, Ingest, Join, Many, Published, SETTLING, Watch, monotonic_nanos};
use crate::nofile;

/// One stream to many players.
pub(super) fn run(asked: &Fanout) -> anyhow::Result<Outcome> {
    let streams = [asked.url.clone()];
    let mut outcome = stream_and_watch(
        &streams,
        asked.audience.players,
        asked.pattern,
        &asked.audience.watch,
        asked.server_pid,
    )?;
    outcome.what = format!("fanout {}", asked.url);
    Ok(outcome)
}

/// Many streams to a few players each.
pub(super) fn run_many(asked: &Many) -> anyhow::Result<Outcome> {
    let Published { url, server_pid, pattern, .. } = &asked.published;
    let streams = asked.published.streams();
    let mut outcome = stream_and_watch(&streams, asked.players, *pattern, &asked.watch, *server_pid)?;
    outcome.what = format!("many {url}-0 and so on");
    Ok(outcome)
}

/// Many streams that nobody plays.
pub(super) fn run_ingest(asked: &Ingest) -> anyhow::Result<Outcome> {
    let Published { url, server_pid, pattern, .. } = &asked.published;
    let watch = Watch { verifying: 0, duration: asked.duration, json: asked.json };
    let mut outcome = stream_and_watch(&asked.published.streams(), 0, *pattern, &watch, *server_pid)?;
    outcome.what = format!("ingest {url}-0 and so on");
    Ok(outcome)
}

/// Players that come to a stream that has many, one after the other, and leave when they have seen a keyframe.
pub(super) fn run_join(asked: &Join) -> anyhow::Result<Outcome> {
    nofile::raise();
    asked.pattern.check()?;
    let publishing = publish(std::slice::from_ref(&asked.url), asked.pattern)?;
    let origin = Origin::Rtmp(asked.url.clone(), 0);
    let (present, _) = join(std::slice::from_ref(&origin), asked.players as usize)?;
    let crowd = Crowd::gather(present.into_iter().map(Line::into_socket).collect())?;
    thread::sleep(SETTLING);
    let (began, bytes) = (Instant::now(), crowd.bytes());
    let mut joins = Vec::new();
    for _ in 0..asked.joins {
        let (_, took) = origin.join()?;
        joins.extend(took);
        thread::sleep(BETWEEN_JOINS);
    }
    let mut outcome = Outcome::of(Some(asked.pattern), asked.players, began.elapsed());
    outcome.what = format!("join {}", asked.url);
    outcome.joins = joins;
    outcome.closed = crowd.closed();
    outcome.delivered_bytes = crowd.bytes() - bytes;
    crowd.disperse()?;
    end(publishing, &mut outcome);
    Ok(outcome)
}

fn stream_and_watch(
    streams: &[Target],
    players_each: u32,
    pattern: Pattern,
    watch: &Watch,
    server: Option<u32>,
) -> anyhow::Result<Outcome> {
    nofile::raise();
    pattern.check()?;
    let publishing = publish(streams, pattern)?;
    let origins: Vec<Origin> =
        streams.iter().zip(0..).map(|(target, stream)| Origin::Rtmp(target.clone(), stream)).collect();
    let (lines, joins) = join(&origins, players_each as usize)?;
    let mut outcome = measure(&publishing, lines, pattern, watch, server)?;
    outcome.joins = joins;
    end(publishing, &mut outcome);
    Ok(outcome)
}

pub(super) fn publish(streams: &[Target], pattern: Pattern) -> anyhow::Result<Vec<Publishing>> {
    let begin =
        |(target, stream)| Publishing::begin(Client::publish(target, pattern.chunk_size)?, pattern, stream);
    streams.iter().zip(0..).map(begin).collect()
}

pub(super) fn end(publishing: Vec<Publishing>, outcome: &mut Outcome) {
    for publishing in publishing {
        if let Err(error) = publishing.end() {
            outcome.faults.push(format!("publisher: {error:#}"));
        }
    }
}

/// So many players come to each of the origins, a few at a time. The first ones of the answer are of different origins.
pub(super) fn join(origins: &[Origin], players_each: usize) -> anyhow::Result<(Vec<Line>, Vec<Duration>)> {
    let all: Vec<Origin> = (0..players_each).flat_map(|_| origins).cloned().collect();
    let joiners: Vec<_> = (0..JOINERS)
        .map(|number| {
            let mine: Vec<(usize, Origin)> =
                all.iter().cloned().enumerate().skip(number).step_by(JOINERS).collect();
            let join = |(index, origin): (usize, Origin)| origin.join().map(|joined| (index, joined));
            thread::spawn(move || mine.into_iter().map(join).collect::<anyhow::Result<Vec<_>>>())
        })
        .collect();
    let mut all_joined = Vec::new();
    for joiner in joiners {
        let joined = joiner.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a player's thread panicked")))?;
        all_joined.extend(joined);
    }
    all_joined.sort_by_key(|(index, _)| *index);
    let (lines, joins): (Vec<Line>, Vec<Option<Duration>>) =
        all_joined.into_iter().map(|(_, joined)| joined).unzip();
    Ok((lines, joins.into_iter().flatten().collect()))
}

/// Watches for the time that was asked for, and reads the meters before and after.
pub(super) fn measure(
    publishing: &[Publishing],
    mut lines: Vec<Line>,
    pattern: Pattern,
    watch: &Watch,
    server: Option<u32>,
) -> anyhow::Result<Outcome> {
    let players = lines.len();
    let verifying = (watch.verifying as usize).min(players);
    let rest: Vec<TcpStream> = lines.split_off(verifying).into_iter().map(Line::into_socket).collect();
    let viewers =
        lines.into_iter().map(|line| Viewer::watch(line, pattern)).collect::<anyhow::Result<Vec<_>>>()?;
    let crowd = Crowd::gather(rest)?;
    thread::sleep(SETTLING);

    let published = || publishing.iter().map(Publishing::bytes).sum::<u64>();
    let delivered = || crowd.bytes() + viewers.iter().map(Viewer::bytes).sum::<u64>();
    let usage_of = |pid: Option<u32>| pid.map(Usage::of).transpose();
    let (began, began_nanos) = (Instant::now(), monotonic_nanos());
    let before = (published(), delivered(), usage_of(server)?, Usage::of_this_process()?);
    let mut resident_most = 0;
    while began.elapsed() < watch.duration() {
        thread::sleep(METER_TIME.min(watch.duration().saturating_sub(began.elapsed())));
        resident_most = usage_of(server)?.map_or(0, |usage| usage.resident_bytes).max(resident_most);
    }
    let ended_nanos = monotonic_nanos();
    let mut outcome = Outcome::of(Some(pattern), players as u32, began.elapsed());
    outcome.publishers = publishing.len().max(1) as u32;
    outcome.verifying = verifying;
    outcome.published_bytes = (!publishing.is_empty()).then(|| published() - before.0);
    outcome.delivered_bytes = delivered() - before.1;
    if let (Some(earlier), Some(now)) = (before.2, usage_of(server)?) {
        outcome.server_cpu = Some(now.cpu.saturating_sub(earlier.cpu));
        outcome.server_resident_bytes = Some(resident_most);
    }
    outcome.client_cpu = Usage::of_this_process()?.cpu.saturating_sub(before.3.cpu);
    outcome.closed = crowd.closed();
    crowd.disperse()?;
    for viewer in viewers {
        match viewer.leave() {
            Ok(watched) => {
                // While others were still coming nobody read what came for this one.
                let is_within = |at: u64| (began_nanos..ended_nanos).contains(&at);
                for (_, lost) in watched.gaps.into_iter().filter(|(at, _)| is_within(*at)) {
                    outcome.gaps += 1;
                    outcome.lost += lost;
                }
                let delays = watched.delays.into_iter().filter(|(at, _)| is_within(*at));
                let before = outcome.delays.len();
                outcome.delays.extend(delays.map(|(_, delay)| delay));
                if outcome.delays.len() == before {
                    outcome.faults.push("viewer: nothing came".to_owned());
                }
            }
            Err(error) => outcome.faults.push(format!("viewer: {error:#}")),
        }
    }
    Ok(outcome)
}

/// Players that come at the same time. A server without a cache keeps each waiting for a keyframe.
const JOINERS: usize = 32;

/// Between two players that come to be measured.
const BETWEEN_JOINS: Duration = Duration::from_millis(20);

/// Between two looks at the server's memory.
const METER_TIME: Duration = Duration::from_millis(200);
