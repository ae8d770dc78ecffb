//! Outcome: what a run has shown, for people and for machines.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::pattern::Pattern;

/// What a run has shown.
#[derive(Debug)]
pub(super) struct Outcome {
    pub what: String,
    /// What was published, if anything was.
    pub pattern: Option<Pattern>,
    pub publishers: u32,
    /// Of all streams together.
    pub players: u32,
    pub verifying: usize,
    /// How long it was measured.
    pub took: Duration,
    /// Payload of all publishers together, where it is counted, in that time.
    pub published_bytes: Option<u64>,
    /// To all players together, in that time.
    pub delivered_bytes: u64,
    pub server_cpu: Option<Duration>,
    pub server_resident_bytes: Option<u64>,
    pub client_cpu: Duration,
    /// Of each message to each player that verifies.
    pub delays: Vec<Duration>,
    /// From connecting to the first keyframe, of each player.
    pub joins: Vec<Duration>,
    /// Connections that ask for nothing, and the bytes by which they made the server grow.
    pub idle: Option<(u32, u64)>,
    /// Players that took nothing, and how many of them the server has closed for it.
    pub stalled: Option<(u32, u32)>,
    /// Of the players that verify, in the time that was measured.
    pub gaps: u64,
    pub lost: u64,
    /// Players that the server closed.
    pub closed: u64,
    /// What went wrong, in words.
    pub faults: Vec<String>,
}

impl Outcome {
    /// Of a run of one publisher in which nothing was counted yet.
    pub(super) fn of(pattern: Option<Pattern>, players: u32, took: Duration) -> Self {
        Self {
            what: String::new(),
            pattern,
            publishers: 1,
            players,
            verifying: 0,
            took,
            published_bytes: None,
            delivered_bytes: 0,
            server_cpu: None,
            server_resident_bytes: None,
            client_cpu: Duration::ZERO,
            delays: Vec::new(),
            joins: Vec::new(),
            idle: None,
            stalled: None,
            gaps: 0,
            lost: 0,
            closed: 0,
            faults: Vec::new(),
        }
    }

    /// Whether the numbers mean something: everybody stayed, and what came was right.
    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.closed == 0
    }

    /// Writes it all on standard output.
    pub(super) fn print(&self, json: bool) {
        let text = if json { format!("{}\n", self.to_json()) } else { self.to_table() };
        // Where standard output is gone nobody is there to read it.
        let _ = io::stdout().write_all(text.as_bytes());
    }

    fn to_table(&self) -> String {
        let mut lines = vec![self.what.clone()];
        lines.extend(self.pattern.map(|pattern| self.setting(pattern)));
        let mut row = |name: &str, value: String| lines.push(format!("{name:14}{value}"));
        if let Some((connections, bytes)) = self.idle {
            let each = bytes as f64 / f64::from(connections);
            row("idle", format!("{connections} connections, {:.1} kB of RSS each", each / 1e3));
        }
        if self.players > 0 && !self.took.is_zero() {
            let gigabits = self.delivered_bytes as f64 * 8.0 / 1e9 / self.took.as_secs_f64();
            let share = self
                .share()
                .map_or_else(String::new, |share| format!(", {:.1} % of what was published", share * 100.0));
            row(
                "delivered",
                format!("{:.3} GB, {gigabits:.3} Gbit/s{share}", self.delivered_bytes as f64 / 1e9),
            );
        } else if let Some(bytes) = self.published_bytes {
            row("published", format!("{:.3} GB", bytes as f64 / 1e9));
        }
        let cpu = |cpu: Duration| match self.per_gigabyte(cpu) {
            Some(each) => format!("{:.2} s, {each:.3} s/GB", cpu.as_secs_f64()),
            None => format!("{:.2} s", cpu.as_secs_f64()),
        };
        if let Some(used) = self.server_cpu {
            row("server CPU", cpu(used));
        }
        if !self.client_cpu.is_zero() {
            row("client CPU", cpu(self.client_cpu));
        }
        if let Some(bytes) = self.server_resident_bytes {
            row("server RSS", format!("{:.1} MB at most", bytes as f64 / 1e6));
        }
        if self.verifying > 0 {
            row("latency", percentiles(&self.delays));
        }
        if !self.joins.is_empty() {
            row("join", percentiles(&self.joins));
        }
        if self.verifying > 0 {
            row("gaps", format!("{} with {} messages, of the players that verify", self.gaps, self.lost));
        }
        if let Some((stalled, closed)) = self.stalled {
            row("stalled", format!("{stalled} players, {closed} of them closed by the server"));
        }
        if self.closed > 0 {
            row("closed", format!("{} players by the server", self.closed));
        }
        for fault in &self.faults {
            row("WRONG", fault.clone());
        }
        lines.join("\n") + "\n"
    }

    /// Who published what to whom, and for how long.
    fn setting(&self, Pattern { bitrate, fps, gop, .. }: Pattern) -> String {
        let plural = if self.publishers == 1 { "publisher" } else { "publishers" };
        format!(
            "{} {plural}: video {bitrate} kbit/s, {fps} fps, a keyframe every {gop} s; audio 128 kbit/s\n\
             {} players, {} of them verifying; {:.1} s",
            self.publishers,
            self.players,
            self.verifying,
            self.took.as_secs_f64(),
        )
    }

    fn to_json(&self) -> Value {
        let millis = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64() * 1e3);
        json!({
            "what": self.what,
            "video_kbps": self.pattern.map(|pattern| pattern.bitrate),
            "fps": self.pattern.map(|pattern| pattern.fps),
            "gop_s": self.pattern.map(|pattern| pattern.gop),
            "publishers": self.publishers,
            "players": self.players,
            "verifying": self.verifying,
            "seconds": self.took.as_secs_f64(),
            "published_bytes": self.published_bytes,
            "delivered_bytes": self.delivered_bytes,
            "delivered_share": self.share(),
            "server_cpu_s": self.server_cpu.map(|cpu| cpu.as_secs_f64()),
            "server_cpu_s_per_gb": self.server_cpu.and_then(|cpu| self.per_gigabyte(cpu)),
            "client_cpu_s": self.client_cpu.as_secs_f64(),
            "server_rss_bytes": self.server_resident_bytes,
            "latency_ms": { "p50": millis(at(&self.delays, 50)), "p99": millis(at(&self.delays, 99)), "max": millis(at(&self.delays, 100)) },
            "join_ms": { "p50": millis(at(&self.joins, 50)), "p99": millis(at(&self.joins, 99)), "max": millis(at(&self.joins, 100)) },
            "idle_connections": self.idle.map(|(connections, _)| connections),
            "idle_rss_bytes": self.idle.map(|(_, bytes)| bytes),
            "stalled": self.stalled.map(|(stalled, _)| stalled),
            "stalled_closed": self.stalled.map(|(_, closed)| closed),
            "gaps": self.gaps,
            "lost": self.lost,
            "closed": self.closed,
            "faults": self.faults,
        })
    }

    /// CPU seconds for each GB that was delivered, or published where nobody plays.
    fn per_gigabyte(&self, cpu: Duration) -> Option<f64> {
        let bytes = if self.players > 0 { self.delivered_bytes } else { self.published_bytes? };
        (bytes > 0).then(|| cpu.as_secs_f64() / (bytes as f64 / 1e9))
    }

    /// Delivered of published; chunk headers make it a little more than all.
    fn share(&self) -> Option<f64> {
        let nominal = self.pattern?.bits_per_second() / 8.0 * self.took.as_secs_f64();
        let published =
            self.published_bytes.map_or(nominal, |bytes| bytes as f64 / f64::from(self.publishers));
        let expected = published * f64::from(self.players);
        // Where only joins are measured nobody counts what is published.
        (self.verifying > 0 && expected > 0.0).then(|| self.delivered_bytes as f64 / expected)
    }
}

/// The time that so many of a hundred do not exceed.
fn at(times: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    // Nearest rank.
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn percentiles(times: &[Duration]) -> String {
    let shown = [50, 99, 100].map(|percent| match at(times, percent) {
        Some(time) => format!("{:.1}", time.as_secs_f64() * 1e3),
        None => "-".to_owned(),
    });
    format!("p50 {} ms, p99 {} ms, longest {} ms, of {}", shown[0], shown[1], shown[2], times.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        let millis = |percent| at(&times, percent).map(|time| time.as_millis());
        assert_eq!([millis(50), millis(99), millis(100)], [Some(100), Some(198), Some(200)]);
        assert_eq!(at(&times[..1], 50), Some(Duration::from_millis(200)));
        assert_eq!(at(&[], 50), None);
    }
}
