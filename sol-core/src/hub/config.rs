//! What an operator decides for streams.

use std::time::Duration;

use crate::limits;
use crate::media::Form;

use super::bid::Takeover;
use super::pace::Coalesce;
use super::playhead::Join;
use super::timeline::{Pause, Repair};

/// Shared by all streams of an app, or of a server. The core takes any values; the ranges are what makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// How long a player waits for a stream that nobody publishes, before it is told that there is none. Zero: it is told
    /// at once. Up to hours, since one that waits costs next to nothing.
    pub waiting: Duration,
    /// How long a stream waits for its publisher to return before its players are told that it ended. Zero: they
    /// are told at once. Up to some minutes.
    pub grace: Duration,
    /// Who may take the place of a publisher that is connected.
    pub takeover: Takeover,
    /// Whether a backup publisher leaves the air to the main one when that has returned: at a keyframe, once it has been heard for
    /// [`limits::PUBLISHER_SILENCE`]. Otherwise the main one stands by.
    pub give_back: bool,
    /// What players meet when nobody came within the grace.
    pub after_grace: AfterGrace,
    /// What is done about timestamps of a publisher that make no sense; and unless it is [`Repair::Off`], keyframes behind an
    /// H.264 configuration that has changed bring its parameter sets along, for VLC.
    pub repair: Repair,
    /// What players see of the time until a publisher returned.
    pub pause: Pause,
    /// Where players begin.
    pub join: Join,
    /// In which form players get a stream that neither ask for one nor say what they understand.
    pub default_form: Form,
    /// How long messages are gathered before they go to the players together.
    pub coalesce: Coalesce,
    /// A player that is further behind than this goes on at the newest keyframe, if that is nearer. More than
    /// `tape_time` has no effect.
    pub lag_max: Duration,
    /// The same in bytes of frames. More than `tape_bytes` has no effect.
    pub lag_bytes_max: u64,
    /// A player that would lose more than this is given up instead: VLC and GStreamer stand still after such a gap.
    pub gap_max: Duration,
    /// Gaps that a player may have in a row without ever catching up in between; one more, and it is given up.
    pub patience: u32,
    /// Media time on the tape, while somebody lags or groups are long. From 1 s, below which a player can lose what comes in
    /// one read or is gathered, to [`limits::TAPE_TIME`], beyond which more has no effect. Amid a group that is longer,
    /// players hear at once and see from the next keyframe on.
    pub tape_time: Duration,
    /// Bytes of frames on the tape, one frame excepted; and as many of a publisher that stands by. From a group of pictures, or 1 MiB, to [`limits::TAPE_BYTES`],
    /// beyond which more has no effect.
    pub tape_bytes: usize,
}

/// What becomes of the players of a stream whose publisher vanished and did not return within its grace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterGrace {
    /// They are told that the stream ended.
    End,
    /// They stay, and the stream's time goes on whenever somebody publishes it again: the grace lasts as long as anybody plays
    /// it. Where there is no grace, as [`AfterGrace::End`].
    Wait,
}

impl Default for StreamConfig {
    /// Waiting 10 s; grace 10 s, then the end; the place of a publisher for the same credential; backups give back; timestamps
    /// resynchronised, pauses cut; from the newest keyframe on, as it was published; gathered only under load, for 100 ms at most; lag 6 s or
    /// 16 MiB; gaps up to 8 s, three in a row; a tape of 20 s or 32 MiB.
    fn default() -> Self {
        Self {
            waiting: Duration::from_secs(10),
            grace: Duration::from_secs(10),
            takeover: Takeover::Credential,
            give_back: true,
            after_grace: AfterGrace::End,
            repair: Repair::Resync,
            pause: Pause::Cut,
            join: Join::Keyframe,
            default_form: Form::Full,
            coalesce: Coalesce::AUTO,
            lag_max: Duration::from_secs(6),
            lag_bytes_max: 16 * 1024 * 1024,
            gap_max: Duration::from_secs(8),
            patience: 3,
            tape_time: limits::TAPE_TIME,
            tape_bytes: limits::TAPE_BYTES,
        }
    }
}
