//! What a participant tells its application.

use std::time::Duration;

use crate::hub::{Corrections, Gap};
use crate::ids::MessageStreamId;
use crate::media::{Description, Form, TrackId, TrackKind, Unfit};
use crate::name::StreamName;
use crate::session::{CloseReason, Connected, Hangup, Refusal, Request, RequestKind};

/// One output of [`Participant::poll_event`](super::Participant::poll_event): what an application hears of a connection to its
/// server.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `connect` was accepted.
    Connected(Connected),
    /// The peer wants to publish or play. Answer with [`Participant::allow`](super::Participant::allow) or
    /// [`Participant::refuse`](super::Participant::refuse).
    Requested(Request),
    /// Publishing or playing was refused: by the application, the hub or the session.
    Refused {
        /// What the peer wanted to do.
        kind: RequestKind,
        /// With which stream, as far as that could be understood.
        name: Option<StreamName>,
        /// What it was told.
        why: Refusal,
    },
    /// Publishing or playing began. A player that comes before its publisher is told with the first frame, or when it has
    /// waited long enough and there is a publisher.
    Started {
        /// The NetStream of the connection.
        stream: MessageStreamId,
        /// What the peer does.
        kind: RequestKind,
        /// With which stream.
        name: StreamName,
        /// In which form a player gets it; what a publisher sends is the full one.
        form: Form,
    },
    /// A publisher of a stream that has another one as well comes on air, or stands by. Told when it first stands by, and when
    /// it sends something after that has changed.
    OnAir {
        /// The NetStream of the connection.
        stream: MessageStreamId,
        /// Which stream.
        name: StreamName,
        /// Which of both.
        on_air: bool,
    },
    /// What a publisher's track is became known, or is another: codec, size, rates. Told with the first frame that needs it; of each
    /// track once in [`limits::DESCRIPTION_TIME`](crate::limits::DESCRIPTION_TIME) at most, and of the first
    /// [`limits::DESCRIBED_TRACKS`](crate::limits::DESCRIBED_TRACKS) tracks.
    Described {
        /// The NetStream of the connection.
        stream: MessageStreamId,
        /// Which stream.
        name: StreamName,
        /// For which decoder.
        kind: TrackKind,
        /// Which one of its kind.
        track: TrackId,
        /// What it is.
        description: Box<Description>,
    },
    /// Publishing or playing ended.
    Ended {
        /// The NetStream of the connection.
        stream: MessageStreamId,
        /// What the peer did.
        kind: RequestKind,
        /// With which stream.
        name: StreamName,
        /// Why it ended.
        why: EndReason,
        /// What went through.
        summary: Summary,
    },
    /// The session is over. Comes exactly once, and last.
    Closed {
        /// Why.
        why: CloseReason,
        /// How its transport is to be closed.
        hangup: Hangup,
    },
}

/// Why publishing or playing ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndReason {
    /// The peer ended it: `closeStream`, `deleteStream`, `FCUnpublish`, or another `play` on its NetStream.
    #[error("the peer ended it")]
    Stopped,
    /// The stream that was played has no publisher any more.
    #[error("the stream ended")]
    StreamEnded,
    /// Nobody published the stream in time.
    #[error("nobody published the stream")]
    NotFound,
    /// The stream's own time is used up.
    #[error("the stream's time is used up")]
    TimelineFull,
    /// The player was given up.
    #[error("too slow for the stream")]
    TooSlow,
    /// The player cannot have what came of the stream.
    #[error(transparent)]
    Unfit(Unfit),
    /// Another publisher has taken this one's place: [`Takeover`](crate::hub::Takeover) says who may.
    #[error("another publisher took its place")]
    Replaced,
    /// The session closed.
    #[error(transparent)]
    Closed(CloseReason),
}

impl EndReason {
    /// The stable code, as it stands in logs.
    pub const fn code(&self) -> &'static str {
        match self {
            EndReason::Stopped => "stopped",
            EndReason::StreamEnded => "stream-ended",
            EndReason::NotFound => "not-found",
            EndReason::TimelineFull => "timeline-full",
            EndReason::TooSlow => "too-slow",
            EndReason::Unfit(_) => "unfit",
            EndReason::Replaced => "replaced",
            EndReason::Closed(reason) => reason.code(),
        }
    }
}

/// What went through one publication or one player.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How long it lasted.
    pub lasted: Duration,
    /// Messages of a publisher, frames to a player.
    pub frames: u64,
    /// Payload bytes of a publisher; bytes on the wire to a player.
    pub bytes: u64,
    /// How often a player fell too far behind.
    pub gaps: u64,
    /// What it lost by that, in all.
    pub lost: Gap,
    /// What was corrected of a publisher's timestamps.
    pub corrections: Corrections,
}

impl Summary {
    pub(super) fn count_gap(&mut self, gap: Gap) {
        self.gaps += 1;
        self.lost.add(gap);
    }
}
