//! What a recorded publisher sends is what players get, by way of the server.

use std::collections::BTreeMap;

use bytes::Bytes;
use sol_core::ids::SessionId;
use sol_tests::peer::message::{MediaReceived, Received, StreamId, TypeId};
use sol_tests::peer::script::{Phase, Player};

use crate::half::{Half, halves};
use crate::host::Host;
use crate::transcript::NOW;
use sol_tests::captures::wire::{body_for_players, media_in};

#[test]
fn a_player_that_waits_gets_a_publication_from_its_first_keyframe_on() {
    for half in halves().iter().filter(|half| sends_media(half)) {
        let mut viewing = Viewing::new(half);
        let viewer = viewing.join();
        viewing.publish_up_to(half.bytes.len());
        viewing.finish();

        let expected = as_played(&media_in(&half.bytes));
        let played = viewing.played(viewer);
        assert_eq!(played.len(), expected.len(), "{}", half.name);
        for (index, (played, expected)) in played.iter().zip(&expected).enumerate() {
            assert_eq!(played, expected, "{}, message {index}", half.name);
        }
    }
}

#[test]
fn a_player_that_joins_late_gets_all_from_the_newest_keyframe_on() {
    for half in halves().iter().filter(|half| sends_media(half)) {
        let mut viewing = Viewing::new(half);
        let early = viewing.join();
        let mut joins = Vec::new();
        for quarter in 1..=3 {
            viewing.publish_up_to(half.bytes.len() * quarter / 4);
            let had = viewing.played(early).len();
            joins.push((viewing.join(), had));
        }
        viewing.publish_up_to(half.bytes.len());
        viewing.finish();

        for (late, had) in joins {
            check_join(&viewing.played(late), &viewing.played(early), had)
                .unwrap_or_else(|what| panic!("{}, behind {had} messages: {what}", half.name));
        }
    }
}

#[test]
fn a_player_gets_the_same_from_a_publisher_byte_by_byte() {
    for half in halves().iter().filter(|half| sends_media(half)) {
        let mut viewing = Viewing::new(half);
        let viewer = viewing.join();
        viewing.publish_byte_by_byte();
        viewing.finish();
        let played = viewing.played(viewer);
        let expected = as_played(&media_in(&half.bytes));
        let common = played.iter().zip(&expected).take_while(|(played, expected)| played == expected);
        assert_eq!((common.count(), played.len()), (expected.len(), expected.len()), "{}", half.name);
    }
}

/// One message as a player gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Played {
    pub(crate) type_id: TypeId,
    pub(crate) timestamp_ms: u32,
    pub(crate) body: Bytes,
}

impl From<&MediaReceived> for Played {
    fn from(media: &MediaReceived) -> Played {
        let &MediaReceived { type_id, timestamp_ms, ref payload, .. } = media;
        Played { type_id, timestamp_ms, body: payload.clone() }
    }
}

/// What a player gets that was there before the publisher: each configuration and metadata when
/// it says something new, all other audio and data, and video from the first keyframe on. All
/// media is moved by one constant, so that the first frame is at 0; metadata is always at 0.
pub(crate) fn as_played(sent: &[Received]) -> Vec<Played> {
    let mut known = BTreeMap::new();
    let mut begun = false;
    let mut first_ms = None;
    let mut head_ms = 0;
    let mut played = Vec::new();
    for message in sent {
        let body = body_for_players(message);
        let meaning = Meaning::of(message.type_id, &body);
        if meaning.prepares() && known.insert(meaning, body.clone()).is_some_and(|before| before == body) {
            continue;
        }
        let timestamp_ms = match meaning {
            Meaning::Metadata => 0,
            Meaning::Keyframe(_) | Meaning::Interframe | Meaning::Sound => {
                let first_ms = *first_ms.get_or_insert(message.timestamp_ms);
                // What was captured before the first frame plays with it.
                let since_first_ms =
                    message.timestamp_ms.wrapping_sub(first_ms).cast_signed().max(0).cast_unsigned();
                head_ms = head_ms.max(since_first_ms);
                since_first_ms
            }
            Meaning::Configuration(..)
            | Meaning::Channels(_)
            | Meaning::Colour
            | Meaning::End
            | Meaning::Data => head_ms,
        };
        begun |= meaning == Meaning::Keyframe(0);
        if begun || !matches!(meaning, Meaning::Keyframe(_) | Meaning::Interframe) {
            played.push(Played { type_id: message.type_id, timestamp_ms, body });
        }
    }
    played
}

/// Checks what a player got that joined when one that was there before had got the first `had`
/// of `all`: the newest preparations, then all from the newest keyframe on, or all that came where
/// there was none yet. At least one frame was to come.
pub(crate) fn check_join(late: &[Played], all: &[Played], had: usize) -> Result<(), String> {
    let has_video = all.iter().any(|played| played.type_id == TypeId::VIDEO);
    let begins = |played: &Played| match played.meaning() {
        Meaning::Keyframe(0) => true,
        Meaning::Sound => !has_video,
        _ => false,
    };
    let prepared = late.iter().take_while(|played| played.meaning().prepares()).count();
    let (preamble, frames) = late.split_at(prepared);
    let first = frames.first().ok_or("no frame came")?;
    if !all.ends_with(frames) {
        return Err("what came behind the join is not the end of all that was played".to_owned());
    }
    let at = all.len() - frames.len();
    let at_its_place = match all[..had].iter().rposition(begins) {
        Some(newest) if has_video => at == newest,
        // Sound alone has a place to join every second.
        Some(newest) => at <= newest && all[newest].timestamp_ms - first.timestamp_ms < 1_000,
        None => at >= had && all[had..at].iter().all(|played| played.meaning().prepares()),
    };
    if !at_its_place {
        return Err(format!("playing begins with {:?}, message {at}", first.meaning()));
    }

    let mut needed = BTreeMap::new();
    for played in all[..at].iter().filter(|played| played.meaning().prepares()) {
        needed.insert(played.meaning(), &played.body);
    }
    let got: BTreeMap<_, _> = preamble.iter().map(|played| (played.meaning(), &played.body)).collect();
    if got != needed || got.len() != preamble.len() {
        return Err(format!("{:?} came to prepare, not {:?}", got.keys(), needed.keys()));
    }
    for played in preamble {
        let expected_ms = if played.meaning() == Meaning::Metadata { 0 } else { first.timestamp_ms };
        if played.timestamp_ms != expected_ms {
            return Err(format!("{:?} came at {} ms", played.meaning(), played.timestamp_ms));
        }
    }
    Ok(())
}

/// What the first bytes of a body say, read apart from the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    Metadata,
    /// Of a track of audio or video.
    Configuration(TypeId, u8),
    /// The channels of an audio track (Enhanced RTMP).
    Channels(u8),
    /// Colour information of Enhanced RTMP.
    Colour,
    Keyframe(u8),
    Interframe,
    /// Of a sequence of video. OBS stamps it with 0.
    End,
    Sound,
    Data,
}

impl Played {
    fn meaning(&self) -> Meaning {
        Meaning::of(self.type_id, &self.body)
    }
}

impl Meaning {
    fn of(type_id: TypeId, body: &[u8]) -> Meaning {
        match type_id {
            TypeId::VIDEO => Meaning::of_video(body),
            TypeId::AUDIO => Meaning::of_audio(body),
            _ if body.starts_with(b"\x02\x00\x0aonMetaData") => Meaning::Metadata,
            _ => Meaning::Data,
        }
    }

    fn of_video(body: &[u8]) -> Meaning {
        let is_key = body[0] >> 4 & 7 == 1;
        let picture = |track| if is_key { Meaning::Keyframe(track) } else { Meaning::Interframe };
        if body[0] < 0x80 {
            const AVC: u8 = 7;
            return match (body[0] & 0x0F, body[1]) {
                (AVC, 0) => Meaning::Configuration(TypeId::VIDEO, 0),
                (AVC, 2) => Meaning::End,
                _ => picture(0),
            };
        }
        const MULTITRACK: u8 = 6;
        let (packet, track) = packet_and_track(body, MULTITRACK);
        match packet {
            0 => Meaning::Configuration(TypeId::VIDEO, track),
            1 | 3 => picture(track),
            4 => Meaning::Colour,
            2 => Meaning::End,
            other => panic!("no capture has video packets of type {other}"),
        }
    }

    fn of_audio(body: &[u8]) -> Meaning {
        const AAC: u8 = 10;
        const ENHANCED: u8 = 9;
        const MULTITRACK: u8 = 5;
        match body[0] >> 4 {
            AAC if body[1] == 0 => Meaning::Configuration(TypeId::AUDIO, 0),
            ENHANCED => match packet_and_track(body, MULTITRACK) {
                (0, track) => Meaning::Configuration(TypeId::AUDIO, track),
                (4, track) => Meaning::Channels(track),
                (1 | 2, _) => Meaning::Sound,
                (other, _) => panic!("no capture has audio packets of type {other}"),
            },
            _ => Meaning::Sound,
        }
    }

    /// Whether a decoder needs it before all that follows.
    fn prepares(self) -> bool {
        match self {
            Meaning::Metadata | Meaning::Configuration(..) | Meaning::Channels(_) | Meaning::Colour => true,
            Meaning::Keyframe(_) | Meaning::Interframe | Meaning::End | Meaning::Sound | Meaning::Data => {
                false
            }
        }
    }
}

/// Enhanced RTMP: the type of a packet, behind the shape of a multitrack packet if it is one, and
/// its track.
fn packet_and_track(body: &[u8], multitrack: u8) -> (u8, u8) {
    match body[0] & 0x0F {
        packet if packet == multitrack => (body[1] & 0x0F, body[6]),
        packet => (packet, 0),
    }
}

/// A recorded publisher and players of its stream at a host.
struct Viewing<'a> {
    host: Host,
    half: &'a Half,
    publisher: SessionId,
    fed: usize,
    viewers: Vec<(SessionId, Player)>,
}

impl<'a> Viewing<'a> {
    fn new(half: &'a Half) -> Viewing<'a> {
        let mut host = Host::new();
        let publisher = host.open(NOW);
        Viewing { host, half, publisher, fed: 0, viewers: Vec::new() }
    }

    /// A player joins; its number.
    fn join(&mut self) -> usize {
        let (app, key) = self.half.stream.split_once('/').expect("a recorded publisher has app and key");
        self.viewers.push((self.host.open(NOW), Player::new(app, key)));
        self.exchange();
        let number = self.viewers.len() - 1;
        let phase = self.viewers[number].1.phase();
        let is_welcome = [Phase::Starting(StreamId(1)), Phase::Live(StreamId(1))].contains(phase);
        assert!(is_welcome, "{}: {phase:?}", self.half.name);
        number
    }

    /// The publisher sends its first so many bytes, in the segments of the capture.
    fn publish_up_to(&mut self, bytes: usize) {
        let mut end = 0;
        for piece in &self.half.pieces {
            end = bytes.min(end + piece);
            if end > self.fed {
                self.host.feed(self.publisher, &self.half.bytes[self.fed..end], NOW);
                self.fed = end;
                self.exchange();
            }
        }
    }

    /// The publisher sends everything, one byte at a time.
    fn publish_byte_by_byte(&mut self) {
        for byte in self.half.bytes.chunks(1) {
            self.host.feed(self.publisher, byte, NOW);
        }
        self.fed = self.half.bytes.len();
        self.exchange();
    }

    /// The publisher ends, and all players hear of it.
    fn finish(&mut self) {
        self.host.end(self.publisher, self.half.end, NOW);
        self.exchange();
        let told = Phase::EndedByServer("NetStream.Play.UnpublishNotify".to_owned());
        for (_, player) in &self.viewers {
            assert_eq!(*player.phase(), told, "{}", self.half.name);
        }
        assert_eq!(self.host.streams(), 0, "{}", self.half.name);
    }

    fn played(&self, viewer: usize) -> Vec<Played> {
        self.viewers[viewer].1.media().iter().map(Played::from).collect()
    }

    /// Carries bytes between players and host until nobody has any.
    fn exchange(&mut self) {
        let Viewing { host, half, viewers, .. } = self;
        for (id, player) in viewers {
            loop {
                let to_host = player.take_output();
                host.feed(*id, &to_host, NOW);
                let to_player = host.take_outbound(*id);
                player.feed(&to_player).unwrap_or_else(|oddity| panic!("{}: {oddity}", half.name));
                if to_host.is_empty() && to_player.is_empty() {
                    break;
                }
            }
        }
    }
}

fn sends_media(half: &Half) -> bool {
    let Some(truth) = &half.truth else { return false };
    truth.messages.client.iter().any(|message| [TypeId::AUDIO, TypeId::VIDEO].contains(&message.name.type_id))
}
