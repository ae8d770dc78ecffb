//! Settings of an app: what an operator can decide for its streams.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sol_tokio::sol_core::media::{Form, TrackId};
use sol_tokio::sol_core::{hub, limits};
use sol_tokio::{Coalesce, StreamConfig};

use crate::config::auto::OrAuto;
use crate::config::count::Count;
use crate::config::size::Size;
use crate::config::time::{Time, millis};

/// The section `[defaults]`, and each `[app."NAME"]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AppSettings {
    /// Who may publish.
    pub(crate) publish: Policy,
    /// Who may play.
    pub(crate) play: Policy,
    /// Who may take the place of a publisher that is connected. The place of one that has vanished is free for whoever may
    /// publish; but beside a publisher of the other role, main or backup, that has a query string, only for the same one,
    /// unless this is "replace".
    pub(crate) takeover: Takeover,
    /// Whether a backup publisher (`NAME?role=backup`) leaves the air to the main one when that has returned: at a keyframe,
    /// once it has been heard for 3 s. Otherwise the main one stands by.
    pub(crate) give_back: bool,
    /// What becomes of the players when nobody came within `grace`.
    pub(crate) after_grace: AfterGrace,
    /// What is done about a publisher's timestamps that make no sense. Each correction is counted in the log.
    pub(crate) repair: Repair,
    /// What players see of the time until a publisher that vanished returned.
    pub(crate) pause: Pause,
    /// Where a player begins.
    pub(crate) join: Join,
    /// In which form players get a stream that neither ask for one (`NAME?form=legacy`, `NAME?track=1`) nor say what they
    /// understand.
    pub(crate) default_form: DefaultForm,
    /// How long a player waits for a stream that nobody publishes, before it is told that there is none.
    pub(crate) waiting: Time<0, { seconds(86_400) }>,
    /// How long a stream waits for a publisher that vanished to return, before its players are told that it ended. "0s"
    /// tells them at once.
    pub(crate) grace: Time<0, { seconds(3_600) }>,
    /// How long messages are gathered before they go to the players together; elsewhere called merged write. "0s" sends
    /// each at once; "auto" does so while the server has time to spare, and gathers the longer the busier it is, up to
    /// 100 ms.
    pub(crate) coalesce: OrAuto<Gathered>,
    /// A player that is further behind than this goes on at the newest keyframe. At most `tape_time`.
    pub(crate) lag: Time<{ seconds(1) }, { millis(limits::TAPE_TIME) }>,
    /// The same in bytes. At most `tape_bytes`.
    pub(crate) lag_bytes: Size<LAG_BYTES_MIN, { limits::TAPE_BYTES as u64 }>,
    /// A player that would lose more than this at once is closed instead: VLC and GStreamer stand still after such a gap.
    pub(crate) gap: Time<0, { millis(limits::TAPE_TIME) }>,
    /// How often in a row a player may fall behind without catching up in between; once more, and it is closed.
    pub(crate) patience: Count<0, 100>,
    /// Media time that a stream keeps while somebody lags or keyframes are far apart; elsewhere called GOP cache.
    pub(crate) tape_time: Time<{ seconds(1) }, { millis(limits::TAPE_TIME) }>,
    /// Memory that a stream keeps its media in; and each form of it that players read, as far as it changes them.
    pub(crate) tape_bytes: Size<TAPE_BYTES_MIN, { limits::TAPE_BYTES as u64 }>,
}

/// For how long messages can be gathered.
pub(crate) type Gathered = Time<0, { millis(limits::COALESCE_TIME) }>;

/// Who may do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Policy {
    /// Whoever knows the name of a stream
    Open,
    /// Nobody
    Closed,
}

/// Who may do what with the streams of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policies {
    pub(crate) publish: Policy,
    pub(crate) play: Policy,
}

/// Who may take the place of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Takeover {
    /// Nobody; whoever comes is refused
    Refuse,
    /// Whoever comes once it has sent nothing for 3 s
    Silent,
    /// The same, and at once whoever has the same query string, such as a stream key
    Credential,
    /// Whoever comes, at once
    Replace,
}

/// What becomes of players whose publisher does not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AfterGrace {
    /// They are told that the stream ended
    End,
    /// They stay until they leave, and the stream goes on for them whenever somebody publishes it again
    Wait,
}

/// What is done about timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Repair {
    /// Steps back, leaps of more than 10 s, clocks that differ from track to track and clocks of microseconds are put right
    Resync,
    /// Steps back are put right; leaps ahead are kept, since they may be true
    Monotonic,
    /// Nothing, also where players stand still by it; keyframes bring no parameter sets along, and odd payloads stay as they are
    Off,
}

/// What players see of a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Pause {
    /// Nothing: the stream's time goes on one frame later. Players in browsers stand still at a hole
    Cut,
    /// It lasts as long in the stream's time as it lasted
    Real,
}

/// Where a player begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Join {
    /// At the newest keyframe
    Keyframe,
    /// At the newest keyframe that is at least 2 s old, so that FFmpeg and mpv show a picture at once
    Instant,
    /// At the live edge, with sound at once and a picture from the next keyframe on
    Live,
}

/// In which form players get a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DefaultForm {
    /// As it was published: all tracks, with all that Enhanced RTMP knows
    Full,
    /// One video and one audio track, as players of the first version of Enhanced RTMP take them
    OneTrack,
    /// The same, as players take them that know nothing of Enhanced RTMP; what they cannot have, such as HEVC, is refused by name
    Legacy,
}

impl Default for AppSettings {
    fn default() -> Self {
        let core = StreamConfig::default();
        Self {
            publish: Policy::Open,
            play: Policy::Open,
            takeover: match core.takeover {
                hub::Takeover::Refuse => Takeover::Refuse,
                hub::Takeover::Silent => Takeover::Silent,
                hub::Takeover::Credential => Takeover::Credential,
                hub::Takeover::Replace => Takeover::Replace,
            },
            give_back: core.give_back,
            after_grace: match core.after_grace {
                hub::AfterGrace::End => AfterGrace::End,
                hub::AfterGrace::Wait => AfterGrace::Wait,
            },
            repair: match core.repair {
                hub::Repair::Resync => Repair::Resync,
                hub::Repair::Monotonic => Repair::Monotonic,
                hub::Repair::Off => Repair::Off,
            },
            pause: match core.pause {
                hub::Pause::Cut => Pause::Cut,
                hub::Pause::Real => Pause::Real,
            },
            join: match core.join {
                hub::Join::Keyframe => Join::Keyframe,
                hub::Join::Instant => Join::Instant,
                hub::Join::Live => Join::Live,
            },
            default_form: match core.default_form {
                Form::Full => DefaultForm::Full,
                Form::OneTrack(_) => DefaultForm::OneTrack,
                Form::Legacy(_) => DefaultForm::Legacy,
            },
            waiting: Time::of(core.waiting),
            grace: Time::of(core.grace),
            coalesce: match core.coalesce {
                Coalesce::Auto(_) => OrAuto::Auto,
                Coalesce::Fixed(time) => OrAuto::Fixed(Time::of(time)),
            },
            lag: Time::of(core.lag_max),
            lag_bytes: Size::of(core.lag_bytes_max),
            gap: Time::of(core.gap_max),
            patience: Count::of(core.patience),
            tape_time: Time::of(core.tape_time),
            tape_bytes: Size::of(core.tape_bytes as u64),
        }
    }
}

impl AppSettings {
    pub(super) fn stream_config(&self) -> StreamConfig {
        StreamConfig {
            waiting: self.waiting.duration(),
            grace: self.grace.duration(),
            takeover: match self.takeover {
                Takeover::Refuse => hub::Takeover::Refuse,
                Takeover::Silent => hub::Takeover::Silent,
                Takeover::Credential => hub::Takeover::Credential,
                Takeover::Replace => hub::Takeover::Replace,
            },
            give_back: self.give_back,
            after_grace: match self.after_grace {
                AfterGrace::End => hub::AfterGrace::End,
                AfterGrace::Wait => hub::AfterGrace::Wait,
            },
            repair: match self.repair {
                Repair::Resync => hub::Repair::Resync,
                Repair::Monotonic => hub::Repair::Monotonic,
                Repair::Off => hub::Repair::Off,
            },
            pause: match self.pause {
                Pause::Cut => hub::Pause::Cut,
                Pause::Real => hub::Pause::Real,
            },
            join: match self.join {
                Join::Keyframe => hub::Join::Keyframe,
                Join::Instant => hub::Join::Instant,
                Join::Live => hub::Join::Live,
            },
            default_form: match self.default_form {
                DefaultForm::Full => Form::Full,
                DefaultForm::OneTrack => Form::OneTrack(TrackId::DEFAULT),
                DefaultForm::Legacy => Form::Legacy(TrackId::DEFAULT),
            },
            coalesce: self.coalesce.into(),
            lag_max: self.lag.duration(),
            lag_bytes_max: self.lag_bytes.bytes(),
            gap_max: self.gap.duration(),
            patience: self.patience.get(),
            tape_time: self.tape_time.duration(),
            tape_bytes: self.tape_bytes.bytes() as usize,
        }
    }
}

impl From<OrAuto<Gathered>> for Coalesce {
    fn from(setting: OrAuto<Gathered>) -> Self {
        match setting {
            OrAuto::Auto => Coalesce::AUTO,
            OrAuto::Fixed(time) => Coalesce::Fixed(time.duration()),
        }
    }
}

const fn seconds(seconds: u64) -> u64 {
    millis(Duration::from_secs(seconds))
}

/// A player that reads as fast as it can may be behind by a large keyframe.
const LAG_BYTES_MIN: u64 = 256 * 1024;

/// A keyframe and some frames behind it.
const TAPE_BYTES_MIN: u64 = 1024 * 1024;
