//! What an observer sees of whole connections is what tshark saw, and what the test kit's own reader reads, in any cut.

use std::collections::BTreeMap;
use std::iter;

use quickcheck::QuickCheck;
use sol_core::handshake::HandshakeKind;
use sol_core::ids::ChunkSize;
use sol_core::message::{Control, Message};
use sol_core::observer::{Foreign, Observation, Observed, Observer, Party, Second};
use sol_tests::captures::{HandshakeTruth, MessageName};
use sol_tests::peer::message::{ChunkStream, Received, StreamId, TypeId};

use crate::side::{Piece, Side, messages, sides};
use crate::slicing::Cuts;
use sol_tests::captures::wire::read_by_the_book;

#[test]
fn an_observer_counts_the_messages_and_bytes_that_tshark_counted() {
    for side in sides_that_tshark_followed() {
        let counts = side.truth.messages.of(side.direction());
        let told: BTreeMap<_, _> =
            counts.iter().map(|count| (count.name, (count.count, count.bytes))).collect();
        let mut counted = BTreeMap::<_, (usize, usize)>::new();
        for (_, message) in messages(&side.whole) {
            let type_id = TypeId(message.kind.get());
            let event = message.body.first_chunk().map(|event| u16::from_be_bytes(*event));
            let user_control = event.filter(|_| type_id == TypeId::USER_CONTROL);
            let (count, bytes) = counted.entry(MessageName { type_id, user_control }).or_default();
            *count += 1;
            *bytes += message.body.len();
        }
        assert_eq!(counted, told, "{}", side.name);
    }
}

#[test]
fn an_observer_reads_the_commands_and_data_that_tshark_saw_in_their_order() {
    for side in sides_that_tshark_followed() {
        let told = side.truth.commands.iter().filter(|command| command.direction == side.direction());
        let told: Vec<_> = told
            .map(|command| {
                (command.type_id, command.chunk_stream, command.stream, command.name().unwrap_or_default())
            })
            .collect();
        let seen: Vec<_> = messages(&side.whole)
            .filter_map(|(_, message)| {
                let name = match &message.meaning {
                    Message::Command(command) => command.name.as_str(),
                    Message::Media(_) => first_string(&message.body)?,
                    _ => return None,
                };
                let stream = message.stream.expect("every header was seen");
                Some((
                    TypeId(message.kind.get()),
                    ChunkStream(message.chunk_stream.get()),
                    StreamId(stream.get()),
                    name,
                ))
            })
            .collect();
        assert_eq!(seen, told, "{}", side.name);
    }
}

#[test]
fn an_observer_sees_the_chunk_sizes_that_tshark_saw_announced() {
    for side in sides_that_tshark_followed() {
        let announced: Vec<u32> = messages(&side.whole)
            .filter_map(|(_, message)| match message.meaning {
                Message::Control(Control::SetChunkSize(bytes)) => Some(bytes),
                _ => None,
            })
            .collect();
        assert_eq!(announced, *side.truth.chunk_sizes.of(side.direction()), "{}", side.name);

        let mut observer = Observer::new();
        observer.handle_bytes(side.party, &side.bytes);
        let shook_hands = side.whole.iter().any(|seen| matches!(seen.what, Observed::SecondPacket(_)));
        let in_force = announced.last().copied().or(shook_hands.then_some(128));
        assert_eq!(observer.chunk_size(side.party).map(ChunkSize::get), in_force, "{}", side.name);
    }
}

#[test]
fn an_observer_sees_the_handshake_that_tshark_saw() {
    for side in sides().iter().filter(|side| side.party == Party::Client) {
        let seen = side.whole.iter().find_map(|seen| match &seen.what {
            Observed::FirstPacket(greeting) => Some(greeting.kind),
            _ => None,
        });
        let seen = match seen {
            None => HandshakeTruth::None,
            Some(HandshakeKind::Simple) => HandshakeTruth::Simple,
            Some(HandshakeKind::Digest(_)) => HandshakeTruth::Digest,
        };
        assert_eq!(seen, side.truth.handshake, "{}", side.name);
    }
}

/// Of those with digests, FFmpeg's publishers echo and its players sign; nginx signs for whoever has one. FFmpeg as a server has
/// none, and gets an echo.
#[test]
fn second_packets_are_judged_by_the_first_ones_of_the_other_side() {
    let mut judged = BTreeMap::<_, usize>::new();
    for [client, server] in connections() {
        let has_digest = |side: &Side| {
            side.whole.iter().any(|seen| {
                matches!(&seen.what, Observed::FirstPacket(greeting) if greeting.kind != HandshakeKind::Simple)
            })
        };
        let digests = match (has_digest(client), has_digest(server)) {
            (true, true) => "both",
            (true, false) => "the client's",
            (false, true) => "the server's",
            (false, false) => "none",
        };
        let mut observer = Observer::new();
        observer.handle_bytes(Party::Client, &client.bytes);
        observer.handle_bytes(Party::Server, &server.bytes);
        for seen in iter::from_fn(|| observer.poll()) {
            let Observed::SecondPacket(second) = seen.what else { continue };
            let second = second.expect("both sides were seen");
            *judged.entry((digests, seen.from == Party::Server, second == Second::Signed)).or_default() += 1;
            assert_ne!(second, Second::Unrelated, "{}", client.name);
        }
    }
    let (client, server, echo, signed) = (false, true, false, true);
    let expected = [
        (("both", client, echo), 27),
        (("both", client, signed), 11),
        (("both", server, signed), 38),
        (("none", client, echo), 16),
        (("none", server, echo), 16),
        (("the client's", client, echo), 6),
        (("the client's", server, echo), 6),
    ];
    assert_eq!(judged.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn nothing_but_handshakes_and_messages_is_seen_except_where_something_ends_within_a_message_or_is_foreign() {
    let mut others = Vec::new();
    for side in sides() {
        for seen in &side.whole {
            let what = match &seen.what {
                Observed::Message(_) | Observed::FirstPacket(_) | Observed::SecondPacket(_) => continue,
                Observed::Unfinished(message, why) => {
                    format!(
                        "type {}, {} of {} bytes: {why:?}",
                        message.kind, message.received, message.length
                    )
                }
                Observed::Foreign(foreign) => foreign.to_string(),
                other => format!("{other:?}"),
            };
            others.push((side.name.as_str(), what));
        }
    }
    // FFmpeg writes a header by itself; what was to follow was never written, or not recorded.
    let (delete_stream, sound) = ("type 20, 0 of 34 bytes: Ended", "type 8, 0 of 212 bytes: Ended");
    let expected = [
        ("neg-ffmpeg42-rtmpe, Client", "RTMPE (version 6)"),
        ("neg-ffmpeg51-rtmpt, Client", "RTMPT"),
        ("play-ertmp-av1-opus-ffmpeg90, Client", delete_stream),
        ("play-ertmp-hevc-ffmpeg90, Client", delete_stream),
        ("play-ertmp-multitrack-ffmpeg90, Client", delete_stream),
        ("play-ertmp-vp9-mpv041, Client", delete_stream),
        ("play-mpv035, Client", delete_stream),
        ("play-pyav18, Client", delete_stream),
        ("pub-ffmpeg51-to-ffmpeg51-listen, Server", delete_stream),
        ("public/fq-ffmpeg-play, Server", sound),
    ];
    let others: Vec<_> = others.iter().map(|(name, what)| (*name, what.as_str())).collect();
    assert_eq!(others, expected);
}

#[test]
fn an_observer_sees_the_messages_that_the_kit_reads() {
    for side in sides() {
        let (read, oddity) = read_by_the_book(&side.bytes);
        if oddity.is_some() || side.truth.handshake == HandshakeTruth::None {
            continue;
        }
        let read: Vec<_> = read
            .iter()
            .map(|message| {
                let Received { chunk_stream, timestamp_ms, type_id, stream, payload, .. } = message;
                (chunk_stream.0, stream.0, *timestamp_ms, type_id.0, payload)
            })
            .collect();
        let seen: Vec<_> = messages(&side.whole)
            .map(|(_, message)| {
                let stream = message.stream.expect("every header was seen").get();
                let time = message.time.absolute().expect("every header was seen").millis();
                (message.chunk_stream.get(), stream, time, message.kind.get(), &message.body)
            })
            .collect();
        assert!(seen == read, "{}", side.name);
    }
}

#[test]
fn an_observation_ends_where_its_last_byte_does() {
    for side in sides() {
        let places: Vec<_> = messages(&side.whole).map(|(at, _)| at).collect();
        assert!(places.is_sorted_by(|a, b| a < b), "{}", side.name);
        for (at, message) in messages(&side.whole).filter(|(_, message)| !message.body.is_empty()) {
            let tail = &message.body[message.body.len().saturating_sub(8)..];
            // A chunk header may stand within the last bytes of a body.
            if message.body.len() <= 128 {
                assert!(side.bytes[..at as usize].ends_with(tail), "{} at {at}", side.name);
            }
        }
    }
}

#[test]
fn how_the_bytes_of_both_sides_are_cut_and_interleaved_changes_nothing_for_either() {
    fn property(cuts: Cuts) -> Result<(), String> {
        for [client, server] in connections() {
            let mut observer = Observer::new();
            let mut rests = [(Party::Client, &client.bytes[..]), (Party::Server, &server.bytes[..])];
            let mut cuts = cuts.0.iter().copied().cycle();
            while rests.iter().any(|(_, rest)| !rest.is_empty()) {
                for (party, rest) in &mut rests {
                    let (piece, behind) = rest.split_at(rest.len().min(cuts.next().expect("it is a cycle")));
                    observer.handle_bytes(*party, piece);
                    *rest = behind;
                }
            }
            observer.handle_end(Party::Server);
            observer.handle_end(Party::Client);
            let seen: Vec<_> = iter::from_fn(|| observer.poll()).collect();
            for side in [client, server] {
                let of_side = of(side.party, &seen);
                if of_side != of(side.party, &side.whole) {
                    return Err(format!("{}: {of_side:?}", side.name));
                }
            }
        }
        Ok(())
    }
    QuickCheck::new().tests(CUT_LISTS).quickcheck(property as fn(Cuts) -> Result<(), String>);
}

#[test]
fn every_side_byte_by_byte_is_as_in_one_piece() {
    for side in sides() {
        let seen = side.observe(side.bytes.chunks(1).map(Piece::Bytes));
        assert!(seen == side.whole, "{}", side.name);
    }
}

#[test]
fn what_is_no_rtmp_is_named() {
    let foreign = |name: &str| {
        let side = sides().iter().find(|side| side.name == name).expect("there is such a capture");
        side.whole.iter().find_map(|seen| match &seen.what {
            Observed::Foreign(foreign) => Some(*foreign),
            _ => None,
        })
    };
    assert!(matches!(
        foreign("neg-ffmpeg42-rtmpe, Client"),
        Some(Foreign::Rtmpe { version: 6, layout: Some(_) })
    ));
    assert_eq!(foreign("neg-ffmpeg51-rtmpt, Client"), Some(Foreign::Rtmpt));
}

/// All but the client that spoke RTMPE: tshark took its encrypted packet for three messages of type 0. The type is assigned to
/// nothing, and the packet has a digest under version 6, which says what it is.
fn sides_that_tshark_followed() -> impl Iterator<Item = &'static Side> {
    sides().iter().filter(|side| side.name != "neg-ffmpeg42-rtmpe, Client")
}

/// Client and server of each connection.
fn connections() -> impl Iterator<Item = [&'static Side; 2]> {
    sides().chunks(2).map(|pair| {
        let [client, server] = pair else { panic!("sides come in pairs") };
        assert_eq!((client.party, server.party), (Party::Client, Party::Server));
        [client, server]
    })
}

/// What was seen of one party, but for what needs the other one.
fn of(party: Party, seen: &[Observation]) -> Vec<&Observation> {
    seen.iter().filter(|seen| seen.from == party && !matches!(seen.what, Observed::SecondPacket(_))).collect()
}

/// The AMF0 string at the front of a data message's body.
fn first_string(body: &[u8]) -> Option<&str> {
    let (&[2, high, low], rest) = body.split_first_chunk()? else { return None };
    str::from_utf8(rest.get(..usize::from(u16::from_be_bytes([high, low])))?).ok()
}

/// Each goes through all connections.
const CUT_LISTS: u64 = 30;
