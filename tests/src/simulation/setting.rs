//! Setting: how a world is made. The dice decide about loops, policies, times and streams.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sol_core::hub::{AfterGrace, Coalesce, Join, Lag, Pause, Repair, StreamConfig, Takeover};
use sol_core::ids::ChunkSize;
use sol_core::limits;
use sol_core::load::Load;
use sol_core::media::Form;
use sol_core::per_app::PerApp;
use sol_core::server::ServerConfig;
use sol_core::session::{SessionConfig, SessionTimers};

use crate::world::{Dice, LinkOptions, Segments, ms};

use super::clock::{Clock, Counts};
use super::film::{Audio, AudioCodec, Film, Metadata, Video, VideoCodec};
use super::published::Rules;
use super::totals::{Totals, turn};

/// How one world is made.
#[derive(Debug)]
pub(super) struct Setting {
    pub loops: usize,
    pub config: ServerConfig,
    pub rules: Rules,
    pub names: Vec<Name>,
    /// When its end begins.
    pub length: Duration,
    pub operator: Operator,
    pub read_bytes: usize,
    pub parcel_delay: Duration,
    /// Loops may be slow for seconds, and uplinks stall.
    pub has_bursts: bool,
    /// Nobody publishes what has no tag from before Enhanced RTMP.
    pub has_legacy_codecs_only: bool,
    pub ending: Ending,
    /// What happens in few worlds, since it is dear.
    pub rarity: Option<Rarity>,
}

/// A stream name, and what is published under it.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub full: String,
    scale: Scale,
    frame_ms: u32,
    group: u32,
    has_clock_steps: bool,
    repair: Repair,
    loses_keyframes: bool,
    has_legacy_codecs_only: bool,
    /// What its publishers show to be let in.
    pub key: Option<&'static str>,
    pub has_backups: bool,
}

#[derive(Clone, Copy, Debug)]
enum Scale {
    Slim,
    Medium,
    Large,
}

/// How the application answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operator {
    pub is_slow: bool,
    /// One in so many is refused, and so on.
    pub refuses: usize,
    pub is_too_late: usize,
    pub says_nothing: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    InGoodOrder,
    Shutdown,
    AtOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rarity {
    TooManyStreams,
    TimeUsedUp,
    CrossingOverflows,
}

impl Setting {
    pub(super) fn roll(dice: &mut Dice, totals: &mut Totals) -> Setting {
        let loops = dice.pick(&[1, 1, 1, 1, 1, 2, 2, 2, 3, 4]);
        let rarity = match dice.up_to(80) {
            1..=5 => Some(Rarity::TooManyStreams),
            6..=11 => Some(Rarity::TimeUsedUp),
            12..=17 => Some(Rarity::CrossingOverflows),
            _ => None,
        };
        let loops = if rarity == Some(Rarity::CrossingOverflows) { 2 + dice.up_to(2) } else { loops };
        let stream = Self::roll_stream(dice, rarity);
        let has_legacy_codecs_only = dice.one_in(3);
        let names = Self::roll_names(dice, rarity, stream.repair, has_legacy_codecs_only);
        let mut by_app = PerApp::from(stream.clone());
        let mut joins = vec![("", stream.join)];
        if dice.one_in(4) {
            let join = dice.pick(&[Join::Keyframe, Join::Instant, Join::Live]);
            let other = StreamConfig { join, ..stream.clone() };
            by_app.add("hall".parse().expect("an app"), Arc::new(other)).expect("once");
            joins.push(("hall/", join));
            totals.count(turn("policy", "join-per-app"));
        }
        let has_bursts = dice.one_in(3) || rarity == Some(Rarity::CrossingOverflows);
        let parcel_delay = dice.pick(&[ms(0), ms(0), ms(8), ms(40)]);
        let config = Self::roll_config(dice, by_app, rarity);
        let setting = Setting {
            loops,
            rules: Rules {
                tape_time: stream.tape_time,
                tape_bytes: stream.tape_bytes as u64,
                joins,
                grace: stream.grace,
                after_grace: stream.after_grace,
                takeover: stream.takeover,
                give_back: stream.give_back,
                with_backups: names
                    .iter()
                    .filter(|name| name.has_backups)
                    .map(|name| name.full.clone())
                    .collect(),
                repair: stream.repair,
                pause: stream.pause,
                command: config.session.timers.command,
                delay_between_loops: match (loops, has_bursts) {
                    (1, _) => ms(0),
                    (_, false) => ms(10) + 6 * parcel_delay,
                    (_, true) => ms(600_000),
                },
            },
            config,
            names,
            length: match rarity {
                // It is dear, and over by then.
                Some(Rarity::TooManyStreams) => ms(22_000),
                _ => ms(60_000 + dice.up_to(8_000) as u64),
            },
            operator: Operator {
                is_slow: dice.one_in(3),
                refuses: dice.pick(&[0, 0, 25]),
                is_too_late: dice.pick(&[0, 0, 0, 30]),
                says_nothing: dice.pick(&[0, 0, 0, 30]),
            },
            read_bytes: dice.pick(&[64 * 1024, 64 * 1024, 256 * 1024, 4 * 1024]),
            parcel_delay,
            has_bursts,
            has_legacy_codecs_only,
            ending: dice.pick(&[
                Ending::InGoodOrder,
                Ending::InGoodOrder,
                Ending::InGoodOrder,
                Ending::InGoodOrder,
                Ending::Shutdown,
                Ending::AtOnce,
            ]),
            rarity,
        };
        setting.count(&stream, totals);
        setting
    }

    fn roll_names(
        dice: &mut Dice,
        rarity: Option<Rarity>,
        repair: Repair,
        has_legacy_codecs_only: bool,
    ) -> Vec<Name> {
        let all = ["live/a", "live/b", "hall/a", "hall/b", "live/far"];
        let count = match rarity {
            Some(Rarity::TimeUsedUp) => 5,
            Some(_) => 2,
            None => 1 + dice.up_to(3),
        };
        let name = |full: &&str| Name {
            full: (*full).to_owned(),
            scale: match dice.up_to(20) {
                _ if rarity.is_some() => Scale::Slim,
                1..=8 => Scale::Slim,
                9..=18 => Scale::Medium,
                _ => Scale::Large,
            },
            frame_ms: dice.pick(&[80, 100, 100, 125]),
            group: dice.pick(&[5, 8, 10, 20, 30]),
            has_clock_steps: dice.one_in(4),
            repair,
            loses_keyframes: dice.one_in(25),
            has_legacy_codecs_only,
            key: dice.pick(&[None, Some("a"), Some("a")]),
            has_backups: rarity.is_none() && **full != *"live/far" && dice.one_in(3),
        };
        all[..count].iter().map(name).collect()
    }

    fn roll_stream(dice: &mut Dice, rarity: Option<Rarity>) -> StreamConfig {
        let by_bytes = dice.one_in(4);
        let forgives_all = dice.one_in(2);
        let has_small_tape = dice.one_in(6) && rarity.is_none();
        let waiting = match (rarity, dice.up_to(6)) {
            (Some(Rarity::TooManyStreams), _) => ms(90_000),
            (_, 1) => ms(0),
            (_, 2..=4) => ms(2_000 + dice.up_to(6_000) as u64),
            _ => ms(60_000),
        };
        StreamConfig {
            waiting,
            grace: if dice.up_to(3) == 1 { ms(0) } else { ms(1_500 + dice.up_to(6_500) as u64) },
            takeover: dice.pick(&[
                Takeover::Refuse,
                Takeover::Silent,
                Takeover::Credential,
                Takeover::Credential,
                Takeover::Credential,
                Takeover::Replace,
            ]),
            give_back: !dice.one_in(4),
            after_grace: if dice.one_in(4) { AfterGrace::Wait } else { AfterGrace::End },
            repair: match dice.up_to(10) {
                1..=7 => Repair::Resync,
                8..=9 => Repair::Monotonic,
                _ => Repair::Off,
            },
            pause: if dice.one_in(3) { Pause::Real } else { Pause::Cut },
            join: dice.pick(&[Join::Keyframe, Join::Instant, Join::Live]),
            default_form: Form::Full,
            coalesce: match dice.up_to(4) {
                1 => Coalesce::NONE,
                2 => Coalesce::Fixed(ms(dice.pick(&[20, 50, 100, 350]))),
                _ => Coalesce::AUTO,
            },
            lag_max: ms(500 + dice.up_to(3_500) as u64),
            lag_bytes_max: if by_bytes { 20_000 + dice.up_to(100_000) as u64 } else { 16 << 20 },
            gap_max: if forgives_all { ms(120_000) } else { ms(2_000 + dice.up_to(6_000) as u64) },
            patience: if forgives_all { 1_000 } else { dice.up_to(4) as u32 - 1 },
            tape_time: if has_small_tape { ms(1_000 + dice.up_to(5_000) as u64) } else { ms(20_000) },
            tape_bytes: if has_small_tape { dice.pick(&[30_000, 300_000, 1 << 20]) } else { 32 << 20 },
        }
    }

    fn roll_config(
        dice: &mut Dice,
        stream: PerApp<Arc<StreamConfig>>,
        rarity: Option<Rarity>,
    ) -> ServerConfig {
        let silence = ms(8_000 + dice.up_to(8_000) as u64);
        let timers = SessionTimers {
            handshake: ms(2_000 + dice.up_to(3_000) as u64),
            command: ms(3_000 + dice.up_to(9_000) as u64),
            answer: ms(2_000 + dice.up_to(6_000) as u64),
            ping: silence / 3,
            silence,
            stall: ms(dice.pick(&[5_000, 10_000, 30_000])),
            farewell: ms(dice.pick(&[0, 500, 2_000])),
        };
        let chunk_size = dice.pick(&[65_536, 65_536, 65_536, 4_096, 128, 1_000]);
        let session = SessionConfig {
            chunk_size: ChunkSize::new(chunk_size).expect("a size"),
            window_bytes: dice.pick(&[2_500_000, 2_500_000, 50_000]),
            timers,
            strict: dice.one_in(8),
            ..SessionConfig::default()
        };
        let connections_max = if dice.one_in(16) && rarity.is_none() { 10 + dice.up_to(8) } else { 65_536 };
        ServerConfig { session, stream, connections_max, ..ServerConfig::default() }
    }

    fn count(&self, stream: &StreamConfig, totals: &mut Totals) {
        let mut policy = |name: &str| totals.count(turn("policy", name));
        policy(match stream.join {
            Join::Keyframe => "join-keyframe",
            Join::Instant => "join-instant",
            Join::Live => "join-live",
        });
        policy(match stream.coalesce {
            Coalesce::NONE => "coalesce-none",
            Coalesce::Fixed(_) => "coalesce-fixed",
            Coalesce::Auto(_) => "coalesce-auto",
        });
        policy(if stream.grace.is_zero() { "grace-zero" } else { "grace-some" });
        policy(match stream.after_grace {
            AfterGrace::End => "after-grace-end",
            AfterGrace::Wait => "after-grace-wait",
        });
        policy(match stream.repair {
            Repair::Resync => "repair-resync",
            Repair::Monotonic => "repair-monotonic",
            Repair::Off => "repair-off",
        });
        policy(match stream.takeover {
            Takeover::Refuse => "takeover-refuse",
            Takeover::Silent => "takeover-silent",
            Takeover::Credential => "takeover-credential",
            Takeover::Replace => "takeover-replace",
        });
        policy(if stream.give_back { "give-back" } else { "give-back-never" });
        policy(match stream.pause {
            Pause::Cut => "pause-cut",
            Pause::Real => "pause-real",
        });
        policy(if stream.waiting.is_zero() { "waiting-zero" } else { "waiting-some" });
        policy(if stream.lag_bytes_max < 1 << 20 { "lag-by-bytes" } else { "lag-by-time" });
        policy(if stream.patience < 1_000 { "gaps-few-forgiven" } else { "gaps-all-forgiven" });
        policy(if stream.tape_time < ms(20_000) { "tape-small" } else { "tape-ample" });
        policy(if self.config.session.chunk_size.get() < 65_536 { "chunks-small" } else { "chunks-large" });
        policy(if self.config.session.strict { "strict" } else { "tolerant" });
        policy(["one-loop", "two-loops", "three-loops", "four-loops"][self.loops - 1]);
        policy(if self.parcel_delay.is_zero() { "parcels-at-once" } else { "parcels-take-time" });
        policy(if self.read_bytes < 64 * 1024 { "reads-little" } else { "reads-much" });
        policy(if self.has_legacy_codecs_only { "codecs-legacy" } else { "codecs-any" });
        policy(match self.ending {
            Ending::InGoodOrder => "ends-in-good-order",
            Ending::Shutdown => "ends-with-shutdown",
            Ending::AtOnce => "ends-at-once",
        });
    }

    /// No message of a film is longer.
    pub(super) fn message_bytes_max(&self) -> usize {
        match self.rarity {
            Some(Rarity::CrossingOverflows) => 1_600_000,
            // Metadata that says more than it should is longer than any picture.
            _ => Film::METADATA_BYTES_MAX as usize,
        }
    }

    /// How far behind a player of each name may be that has just read, where anything can be said.
    pub(super) fn lag_bounds(&self) -> BTreeMap<String, Lag> {
        // Time leaps with clocks that are followed anywhere, and where players wait for long.
        let leaps =
            self.rules.repair != Repair::Resync || (self.rules.waits() && self.rules.pause == Pause::Real);
        let is_bound = |name: &&Name| !self.has_bursts && !name.loses_keyframes && !leaps;
        let names = self.names.iter().filter(is_bound);
        names.map(|name| (name.full.clone(), self.lag_bound(name))).collect()
    }

    /// Whoever is later than the configuration allows goes on at the newest keyframe. So it is no further behind than that, or
    /// than the newest keyframe is.
    fn lag_bound(&self, name: &Name) -> Lag {
        let config = self.config.stream.others();
        let film = name.film_of(VideoCodec::Avc, AudioCodec::Aac);
        let group = film.group_time().unwrap_or_default().max(limits::AUDIO_SYNC_TIME);
        let group_bytes = film.group_bytes();
        // What it was given when it began does not count: where a crossing brings several groups at once, that is more than one.
        let given_groups = match (self.loops, self.rules.join_of(&name.full)) {
            (1, Join::Keyframe | Join::Live) => 0,
            (1, Join::Instant) => {
                1 + limits::INSTANT_JOIN_TIME.as_millis().div_ceil(group.as_millis()) as u32
            }
            (_, Join::Keyframe | Join::Live) => 2,
            (_, Join::Instant) => {
                3 + limits::INSTANT_JOIN_TIME.as_millis().div_ceil(group.as_millis()) as u32
            }
        };
        // Aggregates and slow uplinks bring some at once, and a clock may step.
        let step = if name.has_clock_steps { ms(10_000) } else { ms(0) };
        let pause = if config.pause == Pause::Real { config.grace } else { ms(0) };
        // A backup takes over with a group that comes at once.
        let given_groups = given_groups + u32::from(name.has_backups);
        let time = (config.lag_max + given_groups * group).max(group) + ms(600) + step + pause;
        let groups = u64::from(given_groups + 1) * group_bytes;
        // Of what it was given, metadata may be most: those of the beginning, and those that repeat or change.
        let bytes = config.lag_bytes_max + groups + 3 * Film::METADATA_BYTES_MAX;
        Lag { time, bytes }
    }
}

impl Name {
    /// What somebody publishes under it.
    pub(super) fn roll_film(&self, dice: &mut Dice, totals: &mut Totals) -> Film {
        let mut fault = |name: &str| {
            totals.faults += 1;
            totals.count(turn("fault", name));
        };
        let (other_video, other_audio) = match self.has_legacy_codecs_only {
            true => (VideoCodec::Avc, AudioCodec::Aac),
            false => (VideoCodec::Hevc, AudioCodec::Opus),
        };
        let video = dice.pick(&[VideoCodec::Avc, VideoCodec::Avc, other_video, VideoCodec::Sorenson]);
        let audio = dice.pick(&[AudioCodec::Aac, AudioCodec::Aac, other_audio, AudioCodec::Mp3]);
        let mut film = self.film_of(video, audio);
        match dice.up_to(8) {
            1 => film.video = None,
            2 => film.audio = None,
            _ => {}
        }
        film.metadata = dice.pick(&[Metadata::Wrapped, Metadata::Wrapped, Metadata::Bare, Metadata::None]);
        film.has_texts = dice.one_in(6);
        film.look = dice.up_to(3) as u8;
        film.clock.start_ms = dice.pick(&[0, 0, 1_234_567, 70_000]);
        if dice.one_in(30) {
            film.metadata = Metadata::Verbose;
            fault("metadata-too-long");
        }
        if film.video.is_some() && dice.one_in(10) {
            film.changes_after = Some(ms(dice.up_to(20_000) as u64));
            fault("configurations-change");
        }
        if film.video.is_some() && dice.one_in(12) {
            film.repeats_itself = true;
            fault("configurations-repeat");
        }
        if let Some(video) = film.video.filter(|_| dice.one_in(8)) {
            film.begins_behind = dice.up_to(video.group as usize - 1) as u32;
            fault("begins-amid-a-group");
        }
        if let Some(video) = film.video.as_mut().filter(|_| self.loses_keyframes) {
            video.group = u32::MAX;
            fault("no-more-keyframes");
        }
        self.roll_clock(&mut film, dice, &mut fault);
        film
    }

    /// Whether a link of any kind may be too slow for it.
    pub(super) fn is_large(&self) -> bool {
        matches!(self.scale, Scale::Large)
    }

    fn roll_clock(&self, film: &mut Film, dice: &mut Dice, fault: &mut impl FnMut(&str)) {
        let clock = &mut film.clock;
        // Mostly when all has long begun.
        let at = |dice: &mut Dice| match dice.up_to(4) {
            1 => ms(dice.up_to(25_000) as u64),
            _ => Clock::BEGUN_TIME + ms(dice.up_to(15_000) as u64),
        };
        if dice.one_in(20) {
            clock.start_ms = 0_u32.wrapping_sub(dice.up_to(20_000) as u32);
            fault("clock-wraps");
        }
        if self.has_clock_steps && dice.one_in(3) {
            clock.steps.push((at(dice), dice.up_to(9_900) as i32));
            fault("clock-steps-ahead");
        }
        if self.has_clock_steps && dice.one_in(3) {
            clock.steps.push((at(dice), -(dice.up_to(2_900) as i32)));
            fault("clock-steps-back");
        }
        if dice.one_in(12) {
            let at = at(dice);
            let to_zero = -(clock.start_ms.wrapping_add(at.as_millis() as u32) as i32);
            clock.steps.push((at, dice.pick(&[-3_600_000, 90_000, 50_000_000, -5_000, to_zero.min(-5_000)])));
            fault("clock-begins-anew");
        }
        if dice.one_in(15) {
            clock.wild = Some((at(dice), dice.pick(&[-70_000, 999_999_999])));
            fault("one-wild-stamp");
        }
        if self.has_clock_steps && dice.one_in(4) {
            let (counts, name) = match self.repair {
                // The end of the stream's time would be near.
                Repair::Off => (Counts::Apart, "clocks-apart"),
                Repair::Monotonic | Repair::Resync => dice.pick(&[
                    (Counts::Apart, "clocks-apart"),
                    (Counts::Microseconds, "clock-of-microseconds"),
                    (Counts::Nothing, "clock-stands-still"),
                    (Counts::Chance, "clock-of-chance"),
                ]),
            };
            clock.counts = counts;
            fault(name);
        }
    }

    /// The same for everybody who publishes it, but for what is left out, and for what is only told.
    pub(super) fn film_of(&self, video: VideoCodec, audio: AudioCodec) -> Film {
        let (keyframe_bytes, frame_bytes, audio_bytes) = match self.scale {
            Scale::Slim => (300, 50, 12),
            Scale::Medium => (5_000, 1_000, 80),
            Scale::Large => (25_000, 2_000, 150),
        };
        Film {
            mark: 0,
            video: Some(Video {
                codec: video,
                frame_ms: self.frame_ms,
                group: self.group,
                keyframe_bytes,
                frame_bytes,
            }),
            audio: Some(Audio { codec: audio, frame_ms: 130, frame_bytes: audio_bytes }),
            metadata: Metadata::Wrapped,
            has_texts: false,
            look: 0,
            clock: Clock::default(),
            changes_after: None,
            repeats_itself: false,
            begins_behind: 0,
            leaps: None,
        }
    }
}

/// What leads from somebody to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Near,
    Home,
    Mobile,
}

impl Way {
    pub(super) fn roll(dice: &mut Dice) -> Way {
        dice.pick(&[Way::Near, Way::Near, Way::Home, Way::Home, Way::Mobile])
    }

    /// One on which a film of that size comes through.
    pub(super) fn roll_for(dice: &mut Dice, name: &Name) -> Way {
        match name.scale {
            Scale::Slim | Scale::Medium => Way::roll(dice),
            Scale::Large => Way::Near,
        }
    }

    /// A link like that. Latencies come in few sizes, so that many have something to do at the same moment.
    pub(super) fn link(self, dice: &mut Dice) -> LinkOptions {
        let (latency, speed) = match self {
            Way::Near => (ms(2), u64::MAX),
            Way::Home => (ms(dice.pick(&[10, 20, 40])), u64::MAX),
            Way::Mobile => (ms(dice.pick(&[80, 160])), dice.pick(&[2_000_000, 400_000])),
        };
        let segments = match self {
            Way::Near => Segments::Bytes(64 * 1024),
            Way::Home => dice.pick(&[Segments::Random, Segments::Bytes(1_448), Segments::Bytes(300)]),
            Way::Mobile => Segments::Random,
        };
        let buffer = dice.pick(&[8 * 1024, 16 * 1024, 64 * 1024]);
        LinkOptions {
            latency,
            bytes_per_second: speed,
            segments,
            send_buffer_bytes: buffer,
            receive_buffer_bytes: buffer,
        }
    }
}

/// How busy a server may be.
pub(super) fn roll_load(dice: &mut Dice) -> Load {
    Load::of(dice.pick(&[0.0, 0.5, 0.7, 0.85, 1.0]))
}
