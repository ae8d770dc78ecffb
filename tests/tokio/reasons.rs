//! `docs/reasons.md` and the code have the same reasons.

use std::collections::BTreeSet;
use std::io;

use sol_core::chunk::ChunkError;
use sol_core::handshake::HandshakeError;
use sol_core::ids::ChunkStreamId;
use sol_core::media::{Codec, TrackId, Unfit};
use sol_core::name::NameError;
use sol_core::quirk::{NotTolerated, Quirk};
use sol_core::server::TurnedAway;
use sol_core::session::{Call, ServerWord};
use sol_tokio::{CloseReason, EndReason, Refusal};

/// A list of all values of an enum, one of each shape. The match in it has no wildcard, so the compiler asks for what is
/// missing.
macro_rules! one_of_each {
    ($type:ty: $($shape:pat => $value:expr,)+) => {{
        let _asks: fn(&$type) = |value| match value {
            $($shape => {})+
        };
        Vec::<$type>::from([$($value,)+])
    }};
}

#[test]
fn the_page_has_every_reason_of_a_closed_connection_and_no_other() {
    let lane = ChunkStreamId::new(3).expect("within bounds");
    let reasons = one_of_each! { CloseReason:
        CloseReason::PeerLeft => CloseReason::PeerLeft,
        CloseReason::PeerReset => CloseReason::PeerReset,
        CloseReason::ConnectionLost => CloseReason::ConnectionLost,
        CloseReason::Handshake(HandshakeError::Rtmpe(_)) => HandshakeError::Rtmpe(6).into(),
        CloseReason::Handshake(HandshakeError::Http(_)) => HandshakeError::Http('G').into(),
        CloseReason::Handshake(HandshakeError::Tls) => HandshakeError::Tls.into(),
        CloseReason::Handshake(HandshakeError::UnknownVersion(_)) => HandshakeError::UnknownVersion(4).into(),
        CloseReason::Handshake(HandshakeError::NotRtmp(_)) => HandshakeError::NotRtmp(0xFF).into(),
        CloseReason::Chunk(_) => CloseReason::Chunk(ChunkError::NoPreviousHeader(lane, 3)),
        CloseReason::NotTolerated(_) => CloseReason::NotTolerated(NotTolerated(Quirk::UrlQuoted)),
        CloseReason::HandshakeTimeout => CloseReason::HandshakeTimeout,
        CloseReason::CommandTimeout => CloseReason::CommandTimeout,
        CloseReason::Silent => CloseReason::Silent,
        CloseReason::Stalled => CloseReason::Stalled,
        CloseReason::AnswersUnread => CloseReason::AnswersUnread,
        CloseReason::TooMuchHeld => CloseReason::TooMuchHeld,
        CloseReason::ConnectRefused(_) => CloseReason::ConnectRefused(NameError::TooLong),
        CloseReason::Refused => CloseReason::Refused,
        CloseReason::StreamEnded => CloseReason::StreamEnded,
        CloseReason::TimelineFull => CloseReason::TimelineFull,
        CloseReason::TooSlow => CloseReason::TooSlow,
        CloseReason::Unfit(_) => CloseReason::Unfit(Unfit::ForPlayer(Codec::Hevc)),
        CloseReason::Replaced => CloseReason::Replaced,
        CloseReason::ClosedByPeer => CloseReason::ClosedByPeer,
        CloseReason::Shutdown => CloseReason::Shutdown,
        CloseReason::Left => CloseReason::Left,
        CloseReason::RefusedByServer(..) => CloseReason::RefusedByServer(Call::Play, ServerWord::default()),
        CloseReason::Redirected { .. } => CloseReason::Redirected { to: String::new() },
        CloseReason::Dismissed(_) => CloseReason::Dismissed(ServerWord::default()),
        CloseReason::NoReply(_) => CloseReason::NoReply(Call::Connect),
    };
    assert_eq!(page("Why a connection was closed"), codes(&reasons, CloseReason::code));
}

#[test]
fn the_page_has_every_refusal_and_no_other() {
    let refusals = one_of_each! { Refusal:
        Refusal::NameInUse => Refusal::NameInUse,
        Refusal::Denied(_) => Refusal::Denied("no".into()),
        Refusal::Rejected(_) => Refusal::Rejected("no".into()),
        Refusal::NotFound => Refusal::NotFound,
        Refusal::NoSuchTrack(_) => Refusal::NoSuchTrack(TrackId(1)),
        Refusal::Unfit(_) => Refusal::Unfit(Unfit::ForPlayer(Codec::Hevc)),
        Refusal::Draining => Refusal::Draining,
    };
    assert_eq!(page("Why publishing or playing was refused"), codes(&refusals, Refusal::code));
}

#[test]
fn the_page_has_every_end_of_publishing_and_playing_and_no_other() {
    let ends = one_of_each! { EndReason:
        EndReason::Stopped => EndReason::Stopped,
        EndReason::StreamEnded => EndReason::StreamEnded,
        EndReason::NotFound => EndReason::NotFound,
        EndReason::TimelineFull => EndReason::TimelineFull,
        EndReason::TooSlow => EndReason::TooSlow,
        EndReason::Unfit(_) => EndReason::Unfit(Unfit::ForPlayer(Codec::Hevc)),
        EndReason::Replaced => EndReason::Replaced,
        EndReason::Closed(_) => EndReason::Closed(CloseReason::PeerLeft),
    };
    let mut codes = codes(&ends, EndReason::code);
    // "Any code of the first table."
    codes.remove(CloseReason::PeerLeft.code());
    assert_eq!(page("Why publishing or playing ended"), codes);
}

#[test]
fn the_page_has_every_reason_of_a_connection_that_is_not_served_and_no_other() {
    let page = page("Why a connection was not served");
    let turned_away = one_of_each! { TurnedAway:
        TurnedAway::TooManyConnections { .. } => TurnedAway::TooManyConnections { max: 1 },
        TurnedAway::Draining => TurnedAway::Draining,
        TurnedAway::Shutdown => TurnedAway::Shutdown,
        TurnedAway::Accept(_) => TurnedAway::Accept(io::ErrorKind::Other.into()),
        TurnedAway::Entropy(_) => TurnedAway::Entropy(io::ErrorKind::Other.into()),
    };
    assert_eq!(page, codes(&turned_away, TurnedAway::code));
}

/// The codes in the first cells of the table below a heading.
fn page(heading: &str) -> BTreeSet<&'static str> {
    let below =
        PAGE.split("\n## ").find_map(|section| section.strip_prefix(heading)).expect("the page has it");
    let rows = below.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split('|').next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

fn codes<R>(reasons: &[R], code: impl Fn(&R) -> &'static str) -> BTreeSet<&'static str> {
    reasons.iter().map(code).collect()
}

const PAGE: &str = include_str!("../../docs/reasons.md");
