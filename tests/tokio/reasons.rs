//! `docs/reasons.md` and the code have the same reasons. In each list here a reason names the next one, so that the compiler
//! asks for those that come anew.

use std::collections::BTreeSet;
use std::io;

use sol_core::chunk::ChunkError;
use sol_core::handshake::HandshakeError;
use sol_core::ids::ChunkStreamId;
use sol_core::name::NameError;
use sol_core::quirk::{NotTolerated, Quirk};
use sol_tokio::{CloseReason, EndReason, Refusal, TurnedAway};

#[test]
fn the_page_has_every_reason_of_a_closed_connection_and_no_other() {
    let first = CloseReason::PeerLeft;
    assert_eq!(page("Why a connection was closed"), codes(first, after_close, CloseReason::code));
}

#[test]
fn the_page_has_every_refusal_and_no_other() {
    let codes = codes(Refusal::NameInUse, after_refusal, Refusal::code);
    assert_eq!(page("Why publishing or playing was refused"), codes);
}

#[test]
fn the_page_has_every_end_of_publishing_and_playing_and_no_other() {
    let mut codes = codes(EndReason::Stopped, after_end, EndReason::code);
    // "Any code of the first table."
    codes.remove(CloseReason::PeerLeft.code());
    assert_eq!(page("Why publishing or playing ended"), codes);
}

#[test]
fn the_page_has_every_reason_of_a_connection_that_is_not_served_and_no_other() {
    let first = TurnedAway::TooManyConnections { max: 1 };
    assert_eq!(page("Why a connection was not served"), codes(first, after_turned_away, TurnedAway::code));
    for core in [sol_core::server::TurnedAway::TooManyConnections, sol_core::server::TurnedAway::Shutdown] {
        assert!(page("Why a connection was not served").contains(core.code()), "{core:?}");
    }
}

/// The codes in the first cells of the table below a heading.
fn page(heading: &str) -> BTreeSet<&'static str> {
    let below =
        PAGE.split("\n## ").find_map(|section| section.strip_prefix(heading)).expect("the page has it");
    let rows = below.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.filter_map(|row| row.split('|').next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

fn codes<R>(
    first: R,
    after: fn(&R) -> Option<R>,
    code: impl Fn(&R) -> &'static str,
) -> BTreeSet<&'static str> {
    std::iter::successors(Some(first), after).map(|reason| code(&reason)).collect()
}

fn after_close(reason: &CloseReason) -> Option<CloseReason> {
    let lane = ChunkStreamId::new(3).expect("within bounds");
    Some(match reason {
        CloseReason::PeerLeft => CloseReason::PeerReset,
        CloseReason::PeerReset => CloseReason::ConnectionLost,
        CloseReason::ConnectionLost => CloseReason::Handshake(HandshakeError::Rtmpe(6)),
        CloseReason::Handshake(HandshakeError::Rtmpe(_)) => CloseReason::Handshake(HandshakeError::Http('G')),
        CloseReason::Handshake(HandshakeError::Http(_)) => CloseReason::Handshake(HandshakeError::Tls),
        CloseReason::Handshake(HandshakeError::Tls) => {
            CloseReason::Handshake(HandshakeError::UnknownVersion(4))
        }
        CloseReason::Handshake(HandshakeError::UnknownVersion(_)) => {
            CloseReason::Handshake(HandshakeError::NotRtmp(0xFF))
        }
        CloseReason::Handshake(HandshakeError::NotRtmp(_)) => {
            CloseReason::Chunk(ChunkError::NoPreviousHeader(lane, 3))
        }
        CloseReason::Chunk(_) => CloseReason::NotTolerated(NotTolerated(Quirk::UrlQuoted)),
        CloseReason::NotTolerated(_) => CloseReason::HandshakeTimeout,
        CloseReason::HandshakeTimeout => CloseReason::CommandTimeout,
        CloseReason::CommandTimeout => CloseReason::Silent,
        CloseReason::Silent => CloseReason::Stalled,
        CloseReason::Stalled => CloseReason::AnswersUnread,
        CloseReason::AnswersUnread => CloseReason::TooMuchHeld,
        CloseReason::TooMuchHeld => CloseReason::ConnectRefused(NameError::TooLong),
        CloseReason::ConnectRefused(_) => CloseReason::Refused,
        CloseReason::Refused => CloseReason::StreamEnded,
        CloseReason::StreamEnded => CloseReason::TimelineFull,
        CloseReason::TimelineFull => CloseReason::TooSlow,
        CloseReason::TooSlow => CloseReason::ClosedByPeer,
        CloseReason::ClosedByPeer => CloseReason::Shutdown,
        CloseReason::Shutdown => return None,
    })
}

fn after_refusal(refusal: &Refusal) -> Option<Refusal> {
    Some(match refusal {
        Refusal::NameInUse => Refusal::Denied("no".into()),
        Refusal::Denied(_) => Refusal::Rejected("no".into()),
        Refusal::Rejected(_) => Refusal::NotFound,
        Refusal::NotFound => return None,
    })
}

fn after_end(end: &EndReason) -> Option<EndReason> {
    Some(match end {
        EndReason::Stopped => EndReason::StreamEnded,
        EndReason::StreamEnded => EndReason::NotFound,
        EndReason::NotFound => EndReason::TimelineFull,
        EndReason::TimelineFull => EndReason::TooSlow,
        EndReason::TooSlow => EndReason::Closed(CloseReason::PeerLeft),
        EndReason::Closed(_) => return None,
    })
}

fn after_turned_away(why: &TurnedAway) -> Option<TurnedAway> {
    Some(match why {
        TurnedAway::TooManyConnections { .. } => TurnedAway::Shutdown,
        TurnedAway::Shutdown => TurnedAway::Accept(io::ErrorKind::Other.into()),
        TurnedAway::Accept(_) => TurnedAway::Entropy(io::ErrorKind::Other.into()),
        TurnedAway::Entropy(_) => return None,
    })
}

const PAGE: &str = include_str!("../../docs/reasons.md");
