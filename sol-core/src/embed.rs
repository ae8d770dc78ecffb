//! Embed: what the adapters export again, so that whoever has one of them needs no other crate.
//!
//! That is all that an embedder gives to `Application`, `Server`, `Publisher` and `Client` or gets from them, and the types of
//! its fields, but for AMF's rarer values. Those, [`flv`](crate::flv), [`limits`](crate::limits) and whatever else lies deeper
//! are in this crate, which each adapter exports as a whole as well.
//!
//! Two are called event. [`Event`] is what a server's application hears of a connection; [`ClientEvent`] is what a client hears
//! of its own.

// What holds: connections, streams, apps.
pub use crate::hub::{AfterGrace, Coalesce, Join, Pause, Repair, StreamConfig, Takeover};
pub use crate::ids::ChunkSize;
pub use crate::per_app::{AppPattern, AppPatternError, AppTwice, PerApp};
pub use crate::server::ServerConfig;
pub use crate::session::{ConnectReply, SessionConfig, SessionTimers};

// Who asks for what, and the answer.
pub use crate::ids::{MessageStreamId, RequestId, SessionId};
pub use crate::name::{NameError, StreamName};
pub use crate::server::{Peer, TurnedAway};
pub use crate::session::{ReconnectRequest, Refusal, Request, RequestKind};

// What happens on a server's connections, and why they end.
pub use crate::chunk::ChunkError;
pub use crate::handshake::{DigestLayout, Greeting, HandshakeError, HandshakeKind, PeerVersion};
pub use crate::hub::Gap;
pub use crate::ids::ChunkStreamId;
pub use crate::media::FourCc;
pub use crate::participant::{EndReason, Event, Summary};
pub use crate::quirk::{NotTolerated, Quirk, QuirkCounts};
pub use crate::session::{Ability, Capabilities, Extensions, FourCcList, FourCcMap, Stated, VideoFunctions};
pub use crate::session::{CloseReason, Connected, Hangup, Linger, Session, Traffic};

// What a server does at one moment.
pub use crate::crossing::LoopId;
pub use crate::hub::{Lag, StreamReport, StreamState, TrackRate, TrackReport};
pub use crate::media::{Codec, TrackId, TrackKind};
pub use crate::participant::{Activity, RoleReport};
pub use crate::server::{ConnectionReport, CrossingReport, Report};

// What is published from within, sent and received.
pub use crate::hub::{Bid, Credential, NameInUse, PublishRefused, PublisherRole, Replaced, TooManyStreams};
pub use crate::ids::MessageType;
pub use crate::media::{Content, FrameKind, Media};
pub use crate::message::Data;
pub use crate::timestamp::Timestamp;
pub use bytes::Bytes;

// The client's role.
pub use crate::amf::{Properties, Value};
pub use crate::handshake::Offer;
/// What a client hears of its connection. Some of it is told to servers alone, where an [`Event`] takes its place.
pub use crate::session::Event as ClientEvent;
pub use crate::session::{Call, ServerWord, Target, Welcome};
pub use crate::url::{RtmpUrl, UrlError};
