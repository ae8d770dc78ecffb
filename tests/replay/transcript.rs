//! Transcript: all that a session said when a half was fed to it in some cut.

use std::io::IoSlice;
use std::iter;
use std::sync::Arc;

use sol_core::ids::MessageType;
use sol_core::ids::RequestId;
use sol_core::quirk::Quirk;
use sol_core::session::{Event, Session, SessionConfig};
use sol_core::time::Instant;

use crate::half::Half;

/// The outputs of one session. How they interleave is not kept: events and bytes that follow from
/// one call come together, and a call is what a cut makes of the input.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    pub(crate) events: Vec<Event>,
    pub(crate) outbound: Vec<u8>,
    pub(crate) quirks: Vec<(Quirk, u32)>,
    /// By message type id.
    pub(crate) messages: Vec<u64>,
    pub(crate) received_bytes: u64,
}

impl Transcript {
    /// Feeds a half to a session, cut into pieces of these lengths; the last piece is whatever is
    /// left. Every request is allowed at once.
    pub(crate) fn of(half: &Half, cuts: impl IntoIterator<Item = usize>) -> Transcript {
        Transcript::of_bytes(&half.bytes, half, cuts)
    }

    /// The same with other bytes.
    pub(crate) fn of_bytes(bytes: &[u8], half: &Half, cuts: impl IntoIterator<Item = usize>) -> Transcript {
        Transcript::run(bytes, half, cuts, 0)
    }

    /// The same with an application that allows a request only when so many further pieces have
    /// come, which are fed although the session wants none.
    pub(crate) fn answered_late(
        half: &Half,
        cuts: impl IntoIterator<Item = usize>,
        late_by: usize,
    ) -> Transcript {
        Transcript::run(&half.bytes, half, cuts, late_by)
    }

    fn run(bytes: &[u8], half: &Half, cuts: impl IntoIterator<Item = usize>, late_by: usize) -> Transcript {
        let mut session = Session::accept(Arc::new(SessionConfig::default()), ENTROPY, NOW);
        let mut transcript = Transcript::default();
        let mut rest = bytes;
        let mut cuts = cuts.into_iter();
        // The request that waits, and for how many pieces yet.
        let mut asked: Option<(RequestId, usize)> = None;
        while !rest.is_empty() || asked.is_some() {
            let cut = cuts.next().unwrap_or(rest.len()).max(1).min(rest.len());
            let (piece, behind) = rest.split_at(cut);
            rest = behind;
            session.handle_input(piece, NOW);
            asked = asked.or(transcript.drain(&mut session).map(|request| (request, late_by)));
            while let Some((request, _)) = asked.take_if(|(_, left)| *left == 0 || rest.is_empty()) {
                session.allow(request, NOW).expect("it waits");
                asked = transcript.drain(&mut session).map(|request| (request, late_by));
            }
            asked = asked.map(|(request, left)| (request, left - 1));

            let over = matches!(transcript.events.last(), Some(Event::Closed { .. }));
            let wanted = !over && asked.is_none();
            assert_eq!(
                session.wants_input(),
                wanted,
                "{}: input is wanted unless a request waits",
                half.name
            );
            assert_ne!(session.poll_timeout().is_some(), over, "{}: it waits with a deadline", half.name);
        }
        session.handle_end(half.end, NOW);
        transcript.drain(&mut session);
        transcript.quirks = session.quirks().seen().collect();
        transcript.messages =
            (0..=KIND_MAX).map(|kind| session.traffic().received_messages(MessageType::new(kind))).collect();
        transcript.received_bytes = session.traffic().received_bytes();
        transcript
    }

    /// The first thing in which two transcripts differ, in words.
    pub(crate) fn difference(&self, other: &Transcript) -> Option<String> {
        let Transcript { events, outbound, quirks, messages, received_bytes } = self;
        if let Some(at) = first_difference(events, &other.events) {
            return Some(format!("event {at}: {:?} and {:?}", events.get(at), other.events.get(at)));
        }
        if let Some(at) = first_difference(outbound, &other.outbound) {
            return Some(format!(
                "outbound byte {at}: {:?} and {:?}",
                outbound.get(at),
                other.outbound.get(at)
            ));
        }
        if *quirks != other.quirks {
            return Some(format!("quirks: {quirks:?} and {:?}", other.quirks));
        }
        if *messages != other.messages {
            return Some(format!("messages by type: {messages:?} and {:?}", other.messages));
        }
        if *received_bytes != other.received_bytes {
            return Some(format!("bytes received: {received_bytes} and {}", other.received_bytes));
        }
        None
    }

    /// Takes every output; the request that is asked with it.
    fn drain(&mut self, session: &mut Session) -> Option<RequestId> {
        let mut asked = None;
        loop {
            while let Some(event) = session.poll_event() {
                if let Event::Requested(request) = &event {
                    let before = asked.replace(request.id);
                    assert_eq!(before, None, "one request waits at a time");
                }
                self.events.push(event);
            }
            let mut slices = [IoSlice::new(&[]); 8];
            let count = session.outbound(&mut slices);
            let before = self.outbound.len();
            for slice in &slices[..count] {
                self.outbound.extend_from_slice(slice);
            }
            if count == 0 {
                return asked;
            }
            session.handle_sent(self.outbound.len() - before, NOW);
        }
    }
}

/// All in one piece.
pub(crate) fn whole() -> impl Iterator<Item = usize> {
    iter::empty()
}

/// The moment of everything.
pub(crate) const NOW: Instant = Instant::EPOCH;

/// The seed of every session.
pub(crate) const ENTROPY: [u8; 32] = [7; 32];

fn first_difference<T: PartialEq>(these: &[T], those: &[T]) -> Option<usize> {
    let common = these.iter().zip(those).take_while(|(this, that)| this == that).count();
    (common < these.len().max(those.len())).then_some(common)
}

/// Ids above it share a count.
const KIND_MAX: u8 = MessageType::AGGREGATE.get() + 1;
