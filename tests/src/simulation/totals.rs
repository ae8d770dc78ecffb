//! Totals: what happened in many worlds, counted, so that a run can say what it has tried and what not.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What happened in one world, or in many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Worlds.
    pub worlds: u64,
    /// Stream time of all of them.
    pub time: Duration,
    /// Clients that came.
    pub connections: u64,
    /// Publications that began.
    pub publications: u64,
    /// Plays that began.
    pub plays: u64,
    /// What befell somebody.
    pub faults: u64,
    /// Messages that publishers sent.
    pub messages_sent: u64,
    /// Messages that players got, each verified.
    pub messages_received: u64,
    /// Bytes of them.
    pub bytes_received: u64,
    /// Gaps of players.
    pub gaps: u64,
    /// Messages that were lost in them.
    pub messages_lost: u64,
    turns: BTreeMap<Turn, u64>,
}

/// Something that can happen: of which kind, and what.
pub type Turn = (&'static str, &'static str);

impl Totals {
    pub(super) fn of_one_world() -> Totals {
        Totals { worlds: 1, ..Totals::default() }
    }

    /// It happened once more.
    pub(super) fn count(&mut self, turn: Turn) {
        *self.turns.entry(turn).or_default() += 1;
    }

    /// What happened in other worlds.
    pub fn add(&mut self, other: &Totals) {
        self.worlds += other.worlds;
        self.time += other.time;
        self.connections += other.connections;
        self.publications += other.publications;
        self.plays += other.plays;
        self.faults += other.faults;
        self.messages_sent += other.messages_sent;
        self.messages_received += other.messages_received;
        self.bytes_received += other.bytes_received;
        self.gaps += other.gaps;
        self.messages_lost += other.messages_lost;
        for (&turn, count) in &other.turns {
            *self.turns.entry(turn).or_default() += count;
        }
    }

    /// How often something happened.
    pub fn of(&self, turn: Turn) -> u64 {
        self.turns.get(&turn).copied().unwrap_or_default()
    }

    /// What happened less often than that.
    pub fn rarer_than(&self, count: u64) -> Vec<Turn> {
        turns().filter(|&turn| self.of(turn) < count).collect()
    }

    /// All of it in a line.
    pub fn line(&self) -> String {
        format!(
            "{} worlds: {} messages sent, {} received and verified ({:.1} GB), {} lost in {} gaps",
            self.worlds,
            self.messages_sent,
            self.messages_received,
            self.bytes_received as f64 / 1e9,
            self.messages_lost,
            self.gaps,
        )
    }

    fn per_world(&self, count: u64) -> f64 {
        count as f64 / self.worlds.max(1) as f64
    }
}

/// How often everything happened.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kind, names) in KINDS {
            writeln!(f, "{kind}")?;
            let mut names: Vec<_> = names.iter().map(|name| (*name, self.of((kind, name)))).collect();
            names.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
            for line in names.chunks(3) {
                for (name, count) in line {
                    write!(f, "  {count:>9} {name:<28}")?;
                }
                writeln!(f)?;
            }
        }
        write!(
            f,
            "per world: {:.0} s, {:.1} connections, {:.1} publications, {:.1} plays, {:.1} faults",
            self.time.as_secs_f64() / self.worlds.max(1) as f64,
            self.per_world(self.connections),
            self.per_world(self.publications),
            self.per_world(self.plays),
            self.per_world(self.faults),
        )
    }
}

/// All that can happen.
fn turns() -> impl Iterator<Item = Turn> {
    KINDS.iter().flat_map(|&(kind, names)| names.iter().map(move |&name| (kind, name)))
}

/// The turn of that kind and name. Panics where there is none: what is counted is shown.
pub(super) fn turn(kind: &str, name: &str) -> Turn {
    let of_kind = KINDS.iter().find(|(known, _)| *known == kind);
    let (kind, names) = of_kind.unwrap_or_else(|| panic!("there is no kind {kind}"));
    let name = names.iter().find(|known| **known == name);
    (kind, name.unwrap_or_else(|| panic!("nothing of the kind {kind} is called so in the totals")))
}

const KINDS: &[(&str, &[&str])] = &[
    ("fault", FAULTS),
    ("policy", POLICIES),
    ("corrected", CORRECTIONS),
    ("closed", CLOSE_REASONS),
    ("ended", END_REASONS),
    ("handover", HANDOVERS),
    ("refused", REFUSALS),
    ("turned away", TURNED_AWAY),
];

/// What befalls publishers, players, the operator and the server; and what strangers do.
const FAULTS: &[&str] = &[
    "publisher-cut",
    "publisher-half-open",
    "publisher-lost",
    "publisher-hangs-up",
    "publisher-breaks-chunks",
    "publisher-falls-silent",
    "publisher-says-close",
    "publisher-finishes",
    "uplink-stalls",
    "uplink-slow",
    "returns-within-grace",
    "returns-after-grace",
    "returns-with-other-codecs",
    "returns-on-any-loop",
    "republishes",
    "second-publisher",
    "clock-steps-ahead",
    "clock-steps-back",
    "clock-begins-anew",
    "clock-wraps",
    "one-wild-stamp",
    "clock-of-microseconds",
    "clocks-apart",
    "clock-stands-still",
    "clock-of-chance",
    "configurations-change",
    "configurations-repeat",
    "begins-amid-a-group",
    "no-more-keyframes",
    "metadata-too-long",
    "hasty-publisher",
    "aggregates",
    "time-used-up",
    "player-cut",
    "player-half-open",
    "player-lost",
    "player-hangs-up",
    "player-stalls",
    "player-stalls-for-good",
    "downlink-stalls",
    "downlink-slow",
    "downlink-too-slow",
    "pauses",
    "turns-audio-off",
    "turns-video-off",
    "seeks",
    "plays-one-track",
    "plays-legacy",
    "plays-several",
    "plays-then-publishes",
    "plays-itself",
    "deletes-its-stream",
    "closes-its-stream",
    "plays-another-name",
    "waits-for-nobody",
    "flood-of-joins",
    "player-says-close",
    "too-many-net-streams",
    "too-many-streams",
    "too-many-connections",
    "too-many-refusals",
    "bad-name",
    "connect-refused",
    "http",
    "tls",
    "rtmpe",
    "unknown-version",
    "random-bytes",
    "random-behind-handshake",
    "handshake-stops",
    "handshake-trickles",
    "greets-and-waits",
    "connects-and-waits",
    "message-too-long",
    "too-many-chunk-streams",
    "too-much-unfinished",
    "answers-unread",
    "driver-reads-regardless",
    "quirks",
    "shutdown",
    "loop-held-back",
    "crossing-overflows",
    "load-changes",
    "publisher-within",
    "comes-anew-with-its-key",
    "comes-with-another-key",
    "comes-without-a-key",
    "uplink-silent-for-a-while",
    "replaced-in-a-chain",
    "backup-comes",
    "backup-fails",
    "both-fail",
];

/// What an operator decides, and how worlds are made.
const POLICIES: &[&str] = &[
    "join-keyframe",
    "join-instant",
    "join-live",
    "join-per-app",
    "grace-zero",
    "grace-some",
    "after-grace-end",
    "after-grace-wait",
    "repair-resync",
    "repair-monotonic",
    "repair-off",
    "pause-cut",
    "pause-real",
    "takeover-refuse",
    "takeover-silent",
    "takeover-credential",
    "takeover-replace",
    "give-back",
    "give-back-never",
    "coalesce-none",
    "coalesce-fixed",
    "coalesce-auto",
    "waiting-zero",
    "waiting-some",
    "lag-by-time",
    "lag-by-bytes",
    "gaps-all-forgiven",
    "gaps-few-forgiven",
    "tape-ample",
    "tape-small",
    "chunks-large",
    "chunks-small",
    "tolerant",
    "strict",
    "allows-at-once",
    "allows-late",
    "allows-too-late",
    "refuses",
    "never-answers",
    "one-loop",
    "two-loops",
    "three-loops",
    "four-loops",
    "parcels-take-time",
    "parcels-at-once",
    "reads-little",
    "reads-much",
    "codecs-any",
    "codecs-legacy",
    "ends-in-good-order",
    "ends-with-shutdown",
    "ends-at-once",
];

/// What is put right of publishers' timestamps.
const CORRECTIONS: &[&str] = &[
    "disorder",
    "standstill",
    "restart",
    "step-back",
    "leap",
    "other-clock",
    "microseconds",
    "before-picture",
];

/// All that a session in the server's role can close for.
const CLOSE_REASONS: &[&str] = &[
    "peer-left",
    "peer-reset",
    "connection-lost",
    "rtmpe",
    "http",
    "tls",
    "not-rtmp",
    "chunk-protocol",
    "not-tolerated",
    "handshake-timeout",
    "command-timeout",
    "silent",
    "stalled",
    "answers-unread",
    "too-much-held",
    "connect-refused",
    "refused",
    "stream-ended",
    "timeline-full",
    "too-slow",
    "closed-by-peer",
    "shutdown",
    "replaced",
];

/// All that a publication or play of one can end for.
const END_REASONS: &[&str] = &[
    "stopped",
    "stream-ended",
    "not-found",
    "timeline-full",
    "too-slow",
    "peer-left",
    "peer-reset",
    "connection-lost",
    "chunk-protocol",
    "not-tolerated",
    "silent",
    "stalled",
    "answers-unread",
    "too-much-held",
    "refused",
    "closed-by-peer",
    "shutdown",
    "replaced",
];

/// What becomes of publishers of a stream that has, or had, another one.
const HANDOVERS: &[&str] = &["replaced", "stood-by", "took-over", "gave-back"];

const REFUSALS: &[&str] = &["name-in-use", "denied", "rejected", "not-found"];

const TURNED_AWAY: &[&str] = &["too-many-connections", "shutdown"];
