//! Observers: how the bytes of a party are cut changes nothing, what is kept is bounded, and where nothing is missing an
//! observer sees what a reader of chunks reads.

use sol_core::chunk::{ChunkReader, RawMessage};
use sol_core::limits;
use sol_core::observer::{Observation, Observed, Observer, Party};
use sol_core::quirk::{Quirk, Tolerance};

use super::choices::{Choices, pieces};
use super::phrases::Speaker;

/// What two parties say, as it was recorded: whole, from somewhere, or with holes.
pub(super) fn observer(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let cuts = choices.some();
    let mut speakers = [Speaker::new(), Speaker::new()];
    let mut steps = Vec::new();
    while !choices.are_over() {
        steps.push(step(&mut speakers, &mut choices));
    }
    let whole = Seen::of(&steps, &[]);
    let cut = Seen::of(&steps, cuts);
    for party in PARTIES {
        let (seen, seen_cut) = (whole.by(party), cut.by(party));
        // Printed, since NaN is not equal to itself.
        assert_eq!(format!("{seen:?}"), format!("{seen_cut:?}"), "{party:?} in pieces of {cuts:?}");
        agree(party, &steps, &seen);
    }
    assert_eq!((whole.quirks, whole.bytes), (cut.quirks, cut.bytes), "in pieces of {cuts:?}");
}

/// A stretch of a recording.
#[derive(Debug)]
enum Step {
    Bytes(Party, Vec<u8>),
    Missing(Party, u64),
    End(Party),
}

fn step(speakers: &mut [Speaker; 2], choices: &mut Choices<'_>) -> Step {
    let [client, server] = speakers;
    let party = |choices: &mut Choices<'_>| choices.pick(&PARTIES);
    match choices.below(20) {
        0..=6 => Step::Bytes(Party::Client, client.client_says(choices)),
        7..=13 => Step::Bytes(Party::Server, server.server_says(choices)),
        14 | 15 => {
            // The recording begins, or goes on, amid what is said.
            let mut said = client.client_says(choices);
            said.drain(..usize::from(choices.u16()) % (said.len() + 1));
            Step::Bytes(Party::Client, said)
        }
        16 | 17 => Step::Missing(party(choices), choices.pick(&[0, 1, 100, 5_000, u64::MAX >> 1])),
        18 => Step::Bytes(party(choices), choices.many().to_vec()),
        _ => Step::End(party(choices)),
    }
}

/// All that was seen.
struct Seen {
    observations: Vec<Observation>,
    quirks: Vec<(Quirk, u32)>,
    bytes: [u64; 2],
}

impl Seen {
    fn of(steps: &[Step], cuts: &[u8]) -> Self {
        let mut observer = Observer::new();
        let mut observations = Vec::new();
        let mut drain = |observer: &mut Observer| {
            observations.extend(std::iter::from_fn(|| observer.poll()));
            for party in PARTIES {
                let held = observer.held_bytes(party);
                let bound =
                    limits::OBSERVER_AHEAD_BYTES + limits::MESSAGE_BYTES + limits::PARTIAL_SLACK_BYTES;
                assert!(held <= bound && held as u64 <= observer.bytes(party), "{held} bytes are kept");
            }
        };
        for step in steps {
            match step {
                Step::Bytes(party, bytes) => {
                    for piece in pieces(bytes, cuts) {
                        observer.handle_bytes(*party, piece);
                        drain(&mut observer);
                    }
                }
                Step::Missing(party, bytes) => observer.handle_missing(*party, *bytes),
                Step::End(party) => observer.handle_end(*party),
            }
            drain(&mut observer);
        }
        PARTIES.iter().for_each(|&party| observer.handle_end(party));
        drain(&mut observer);
        let quirks = PARTIES.iter().flat_map(|&party| observer.quirks(party).seen()).collect();
        Self { observations, quirks, bytes: PARTIES.map(|party| observer.bytes(party)) }
    }

    /// Of one party. Whether its second packet is good is known when the other's first one has come.
    fn by(&self, party: Party) -> Vec<Observation> {
        let is_told_late = |what: &Observed| matches!(what, Observed::SecondPacket(_));
        let all = self.observations.iter().filter(|seen| seen.from == party);
        all.filter(|seen| !is_told_late(&seen.what)).cloned().collect()
    }
}

/// Of a party that was heard from its first byte on, without holes, an observer sees what a reader reads; up to where it finds
/// that what is read is no sense any more, which a reader does not ask.
fn agree(party: Party, steps: &[Step], seen: &[Observation]) {
    let mut said = Vec::new();
    for step in steps {
        match step {
            Step::Bytes(who, bytes) if *who == party => said.extend_from_slice(bytes),
            Step::Missing(who, _) if *who == party => return,
            Step::End(who) if *who == party => break,
            Step::Bytes(..) | Step::Missing(..) | Step::End(_) => {}
        }
    }
    let is_greeted = matches!(seen.first(), Some(Observation { what: Observed::FirstPacket(_), .. }));
    let Some(chunks) = said.get(GREETING_BYTES..).filter(|_| is_greeted) else { return };
    let (read, is_broken) = read(chunks);

    let lost = |seen: &Observation| matches!(seen.what, Observed::Broken(_));
    let has_lost = seen.iter().any(lost);
    let messages: Vec<_> = seen
        .iter()
        .take_while(|seen| !lost(seen))
        .filter_map(|seen| match &seen.what {
            Observed::Message(message) => Some(message),
            _ => None,
        })
        .collect();
    assert!(has_lost || !is_broken, "a broken rule is told");
    assert!(messages.len() <= read.len(), "an observer sees what was not said");
    assert!(has_lost || messages.len() == read.len(), "an observer overlooks a message");
    for (seen, read) in messages.iter().zip(&read) {
        assert_eq!(
            (seen.chunk_stream, seen.stream, seen.kind, &seen.body, seen.time.absolute()),
            (read.chunk_stream, Some(read.stream), read.kind, &read.body, Some(read.timestamp))
        );
    }
}

/// What a reader makes of chunks, and whether they broke a rule.
fn read(mut chunks: &[u8]) -> (Vec<RawMessage>, bool) {
    let (mut reader, mut tolerance) = (ChunkReader::new(), Tolerance::new(false));
    let mut messages = Vec::new();
    loop {
        match reader.read(&mut chunks, &mut tolerance) {
            Ok(Some(message)) => messages.push(message),
            Ok(None) => return (messages, false),
            Err(_) => return (messages, true),
        }
    }
}

const PARTIES: [Party; 2] = [Party::Client, Party::Server];

/// C0, C1 and C2, or S0, S1 and S2.
const GREETING_BYTES: usize = 1 + 2 * 1_536;
