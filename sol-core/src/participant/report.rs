//! Report: what a participant does at one moment, for whoever operates the server.

use std::time::Duration;

use crate::hub::{Lag, Streams};
use crate::ids::MessageStreamId;
use crate::name::StreamName;
use crate::time::Instant;

use super::{Part, Participant, Role, Summary};

/// What one NetStream of a connection does at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleReport {
    /// The NetStream.
    pub stream: MessageStreamId,
    /// With which stream it does it.
    pub name: StreamName,
    /// What it does.
    pub activity: Activity,
    /// What went through so far.
    pub summary: Summary,
}

/// What a publisher or player does at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It publishes.
    Publishing {
        /// How long nothing has come of it.
        quiet: Duration,
        /// Whether players get what it sends; otherwise it stands by.
        on_air: bool,
    },
    /// It plays, and is so far behind.
    Playing(Lag),
    /// It plays, and has paused.
    Paused,
    /// It waits for a publisher, or for the first frame of one that came after it.
    Waiting,
}

impl<H: std::fmt::Debug> Participant<H> {
    /// What the connection publishes and plays at this moment.
    pub fn report(&self, streams: &mut impl Streams<Handle = H>, now: Instant) -> Vec<RoleReport> {
        let report = |role: &Role<H>| RoleReport {
            stream: role.stream,
            name: role.name.clone(),
            activity: match &role.part {
                Part::Publisher { heard, on_air, .. } => {
                    Activity::Publishing { quiet: now.saturating_since(*heard), on_air: *on_air }
                }
                Part::Player { playhead, .. } if playhead.is_paused() => Activity::Paused,
                Part::Player { waits_until: Some(_), .. } => Activity::Waiting,
                Part::Player { playhead, .. } => {
                    Activity::Playing(streams.read(&role.handle, |stream| stream.lag(playhead)))
                }
            },
            summary: role.summary_at(now),
        };
        self.roles.iter().map(report).collect()
    }
}
