//! Vectors: the core reads Enhanced RTMP as vectors say that were written apart from it, and no server comes to harm by what is
//! odd. `vectors/README.md` has the form and where they come from.

use std::collections::BTreeSet;

use sol_core::media::{
    Codec, EnhancedTag, FrameKind, FrameType, LegacyPacket, LegacyTag, ModEx, MultichannelConfig, PacketType,
    Speaker, Tag, TagError, Wrapping,
};
use sol_tests::peer::Peer;
use sol_tests::peer::message::{StreamId, TypeId};
use sol_tests::peer::script::Player;
use sol_tests::vectors::{Oddity, Vector, oddities, vectors};
use sol_tests::world::{Client, World, ms, seed};

#[test]
fn every_message_is_read_as_its_vector_says() {
    for vector in vectors() {
        let tag = read(vector.message, &vector.bytes).unwrap();
        let (said, expected) = (Said::of(&tag), Said::by(&vector));
        assert_eq!(said, expected, "{}", vector.name);
        let bodies = bodies(&tag).into_iter().eq(vector.tracks.iter().map(|track| &track.body[..]));
        assert!(bodies, "the bodies of {}", vector.name);
    }
}

#[test]
fn every_message_is_written_as_it_came_but_for_a_few() {
    let mut differed = BTreeSet::new();
    for vector in vectors() {
        let mut written = Vec::new();
        let tag = read(vector.message, &vector.bytes).unwrap();
        tag.write(&mut written);
        if written != vector.bytes {
            differed.insert(vector.name);
            assert_eq!(read(vector.message, &written).as_ref(), Ok(&tag), "{}", vector.name);
        }
    }
    assert_eq!(differed, WIDER_THAN_NEEDED.iter().chain(COMMANDS).copied().collect());
}

#[test]
fn every_codec_is_known_by_its_four_cc_and_its_number() {
    for vector in vectors() {
        let tag = read(vector.message, &vector.bytes).unwrap();
        let main = vector.tracks.iter().find(|track| track.id == 0).or(vector.tracks.first());
        let expected = main.map(|track| (track.id, name_of(vector.message, track.codec)));
        let found = tag.main_track().map(|(id, codec): (_, Codec)| (id.0, codec.to_string()));
        assert_eq!(found, expected.map(|(id, name)| (id, name.to_owned())), "{}", vector.name);
    }
}

#[test]
fn what_breaks_a_rule_is_refused_but_for_an_offset_that_is_too_short() {
    for oddity in oddities().iter().filter(|oddity| oddity.is_malformed && !oddity.is_within_body) {
        let name = name(oddity);
        match (read(oddity.message, &oddity.bytes), SHORT_OFFSETS.contains(&oddity.why)) {
            (Err(_), false) => {}
            (Ok(Tag::Enhanced(tag)), true) => {
                assert_eq!((tag.nanos(), tag.mod_ex.len()), (None, 1), "{name}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn what_is_odd_is_no_keyframe_and_no_configuration_unless_it_says_so_itself() {
    for oddity in oddities() {
        let name = name(&oddity);
        let Ok(tag) = read(oddity.message, &oddity.bytes) else { continue };
        // What is odd within its body has a header like any other.
        let says_so = oddity.is_within_body || SAY_SO.iter().any(|why| oddity.why.starts_with(why));
        match tag.kind() {
            FrameKind::Keyframe(_)
            | FrameKind::VideoConfig(_)
            | FrameKind::VideoMetadata(_)
            | FrameKind::AudioConfig(_)
            | FrameKind::AudioLayout(_) => assert!(says_so, "{name}: {:?}", tag.kind()),
            FrameKind::Audio | FrameKind::AudioEnd => assert_eq!(oddity.message, TypeId::AUDIO, "{name}"),
            FrameKind::Interframe | FrameKind::VideoEnd => {
                assert_eq!(oddity.message, TypeId::VIDEO, "{name}");
            }
            FrameKind::Metadata | FrameKind::Data => panic!("{name} is no data"),
        }
    }
}

#[test]
fn channels_are_read_as_their_vectors_say_and_written_as_they_came() {
    let mut counted = 0;
    for vector in vectors() {
        for track in &vector.tracks {
            let Some(channels) = &track.channels else { continue };
            let config = MultichannelConfig::read(&track.body).unwrap();
            let speakers: Vec<u8> = config.speakers().map(Speaker::number).collect();
            let (order, octets) = match &config {
                MultichannelConfig::Unspecified(_) => ("Unspecified", vec![]),
                MultichannelConfig::Native(mask) => ("Native", mask.0.get().to_be_bytes().to_vec()),
                MultichannelConfig::Custom(_) => ("Custom", speakers.clone()),
            };
            let said = (order, config.count().get(), octets);
            assert_eq!(said, (channels.order, channels.count, channels.octets.clone()), "{}", vector.name);
            assert_eq!(speakers.len(), usize::from(channels.count), "{}", vector.name);
            let mut written = Vec::new();
            config.write(&mut written);
            assert_eq!(written, track.body, "{}", vector.name);
            counted += 1;
        }
    }
    assert!(counted > 50, "only {counted}");
}

#[test]
fn channels_that_break_a_rule_are_refused_and_speakers_without_a_name_are_kept() {
    for oddity in oddities().iter().filter(|oddity| oddity.is_within_body) {
        let name = name(oddity);
        let Ok(Tag::Enhanced(tag)) = read(oddity.message, &oddity.bytes) else {
            panic!("{name} has a header")
        };
        let config = MultichannelConfig::read(tag.main_track().body);
        let is_kept = KEPT_WITHIN_BODY.contains(&oddity.why);
        assert!(!(is_kept && oddity.is_malformed), "{name} breaks a rule");
        assert_eq!(config.is_ok(), is_kept, "{name}: {config:?}");
    }
}

#[test]
fn an_odd_message_does_no_harm_to_what_comes_before_and_behind_it() {
    // Some in a world, since many worlds take their time; what one of them does to those that join later stays.
    for some in oddities().chunks(16) {
        let odd: Vec<(TypeId, &[u8])> =
            some.iter().map(|oddity| (oddity.message, &oddity.bytes[..])).collect();
        let mut world = World::new(seed(1));
        let camera = publishing(&mut world);
        let early = world.player("live/cam");
        world.run_for(ms(200));
        let mut sent = vec![SOUND_CONFIGURATION.to_vec(), CONFIGURATION.to_vec()];
        let send = |type_id, at_ms, payload: &[u8]| {
            camera.with(|peer| peer.send_media(STREAM, type_id, at_ms, payload.to_vec().into()));
        };
        send(TypeId::AUDIO, 0, SOUND_CONFIGURATION);
        send(TypeId::VIDEO, 0, CONFIGURATION);
        for (index, oddity) in (0_u8..).zip(some) {
            let frame = |head: &[u8]| [head, &[index]].concat();
            let [key, sound, inter] = [KEYFRAME, SOUND, INTERFRAME].map(frame);
            let at_ms = u32::from(index) * 1_000;
            send(TypeId::VIDEO, at_ms, &key);
            send(TypeId::AUDIO, at_ms, &sound);
            send(oddity.message, at_ms + 40, &oddity.bytes);
            send(TypeId::VIDEO, at_ms + 40, &inter);
            send(TypeId::AUDIO, at_ms + 40, &sound);
            sent.extend([key, sound.clone(), inter, sound]);
            world.run_for(ms(200));
            assert_eq!([camera.closed(), early.closed()], [None, None], "{}", name(oddity));
            assert_eq!(came(&early, &odd), sent, "{}", name(oddity));
        }
        // What says that it is a keyframe or a configuration is one. Players that join later begin at a good one again.
        if some.iter().any(|oddity| oddity.why.starts_with(CONFIGURES)) {
            send(TypeId::AUDIO, 20_000, SOUND_CONFIGURATION);
        }
        send(TypeId::VIDEO, 20_000, KEYFRAME);
        world.run_for(ms(200));
        let late = world.player("live/cam");
        world.run_for(ms(200));
        let expected = [SOUND_CONFIGURATION, CONFIGURATION, KEYFRAME];
        let names: Vec<String> = some.iter().map(name).collect();
        assert_eq!(came(&late, &odd), expected, "behind {}", names.join(", "));
        assert_eq!(late.closed(), None);
    }
}

/// What a player got, but for what is odd.
fn came(viewer: &Client<Player>, odd: &[(TypeId, &[u8])]) -> Vec<Vec<u8>> {
    let media = viewer.media();
    let media = media.iter().filter(|media| !odd.contains(&(media.type_id, &media.payload)));
    media.map(|media| media.payload.to_vec()).collect()
}

/// What a message says, but for the bodies of its tracks.
#[derive(Debug, PartialEq)]
struct Said {
    frame_type: Option<u8>,
    command: Option<&'static str>,
    packet: Option<&'static str>,
    sound: Option<[u8; 3]>,
    multitrack: Option<&'static str>,
    nanos: Option<u32>,
    mod_ex: Vec<(u8, Vec<u8>)>,
    /// Id, codec, composition time.
    tracks: Vec<(u8, String, Option<i32>)>,
}

impl Said {
    const NOTHING: Said = Said {
        frame_type: None,
        command: None,
        packet: None,
        sound: None,
        multitrack: None,
        nanos: None,
        mod_ex: Vec::new(),
        tracks: Vec::new(),
    };

    /// By the core.
    fn of(tag: &Tag<'_>) -> Said {
        match tag {
            Tag::Silence => Said { packet: Some("Silence"), ..Said::NOTHING },
            Tag::Command(command) => {
                let command = match command {
                    0 => "StartSeek",
                    1 => "EndSeek",
                    other => panic!("command {other}"),
                };
                Said { frame_type: Some(5), command: Some(command), ..Said::NOTHING }
            }
            Tag::Legacy(tag) => Said::of_legacy(tag),
            Tag::Enhanced(tag) => Said::of_enhanced(tag),
        }
    }

    fn of_legacy(tag: &LegacyTag<'_>) -> Said {
        let (high, low) = (tag.first >> 4, tag.first & 0x0F);
        let (codec, sound) = match tag.frame_type {
            Some(_) => (low, None),
            None => (high, Some([low >> 2, low >> 1 & 1, low & 1])),
        };
        let (packet, composition) = match tag.packet {
            LegacyPacket::SequenceStart => ("SequenceStart", None),
            LegacyPacket::Coded(composition) => ("CodedFrames", tag.frame_type.and(Some(composition))),
            LegacyPacket::SequenceEnd => ("SequenceEnd", None),
            LegacyPacket::Plain => ("CodedFrames", None),
            LegacyPacket::Reserved(number) => panic!("packet type {number}"),
        };
        Said {
            frame_type: tag.frame_type.map(number_of),
            packet: Some(packet),
            sound,
            tracks: vec![(0, codec.to_string(), composition)],
            ..Said::NOTHING
        }
    }

    fn of_enhanced(tag: &EnhancedTag<'_>) -> Said {
        let others = tag.mod_ex.iter().filter(|mod_ex| mod_ex.kind != ModEx::NANOSECOND_OFFSET);
        let tracks = tag.tracks.iter().map(|track| {
            let is_shown_at_once = tag.packet == PacketType::CodedFramesX;
            let composition = track.composition.or(is_shown_at_once.then_some(0));
            (track.id.0, String::from_utf8(track.four_cc.get().to_vec()).unwrap(), composition)
        });
        Said {
            frame_type: tag.frame_type.map(number_of),
            command: None,
            packet: Some(match tag.packet {
                PacketType::SequenceStart => "SequenceStart",
                PacketType::CodedFrames => "CodedFrames",
                PacketType::SequenceEnd => "SequenceEnd",
                PacketType::CodedFramesX => "CodedFramesX",
                PacketType::Metadata => "Metadata",
                PacketType::Mpeg2TsSequenceStart => "MPEG2TSSequenceStart",
                PacketType::MultichannelConfig => "MultichannelConfig",
                PacketType::Reserved(number) => panic!("packet type {number}"),
            }),
            sound: None,
            multitrack: match tag.wrapping {
                Wrapping::Plain => None,
                Wrapping::OneTrack => Some("OneTrack"),
                Wrapping::ManyTracks => Some("ManyTracks"),
                Wrapping::ManyTracksManyCodecs => Some("ManyTracksManyCodecs"),
            },
            nanos: tag.nanos(),
            mod_ex: others.map(|mod_ex| (mod_ex.kind, mod_ex.data.to_vec())).collect(),
            tracks: tracks.collect(),
        }
    }

    /// By the vector.
    fn by(vector: &Vector) -> Said {
        let tracks = vector.tracks.iter().map(|track| (track.id, track.codec.to_owned(), track.composition));
        // Of a command the core keeps nothing but its number.
        let is_command = vector.command.is_some();
        Said {
            frame_type: vector.frame_type,
            command: vector.command,
            packet: vector.packet,
            sound: vector.sound,
            multitrack: vector.multitrack,
            nanos: vector.nanos.filter(|_| !is_command),
            mod_ex: if is_command { Vec::new() } else { vector.mod_ex.clone() },
            tracks: tracks.collect(),
        }
    }
}

fn number_of(frame_type: FrameType) -> u8 {
    match frame_type {
        FrameType::Key => 1,
        FrameType::Inter => 2,
        FrameType::Disposable => 3,
        FrameType::GeneratedKey => 4,
        FrameType::Command => 5,
        FrameType::Reserved(number) => number,
    }
}

fn bodies<'a>(tag: &Tag<'a>) -> Vec<&'a [u8]> {
    match tag {
        Tag::Silence | Tag::Command(_) => vec![],
        Tag::Legacy(tag) => vec![tag.body],
        Tag::Enhanced(tag) => tag.tracks.iter().map(|track| track.body).collect(),
    }
}

fn read(message: TypeId, bytes: &[u8]) -> Result<Tag<'_>, TagError> {
    if message == TypeId::AUDIO { Tag::of_audio(bytes) } else { Tag::of_video(bytes) }
}

/// What people call a codec.
fn name_of(message: TypeId, codec: &str) -> &'static str {
    match (message, codec) {
        (TypeId::VIDEO, "7" | "avc1") => "H.264",
        (TypeId::VIDEO, "12" | "hvc1") => "HEVC",
        (TypeId::VIDEO, "vvc1") => "VVC",
        (TypeId::VIDEO, "13" | "av01") => "AV1",
        (TypeId::VIDEO, "14" | "vp08") => "VP8",
        (TypeId::VIDEO, "vp09") => "VP9",
        (TypeId::VIDEO, "2") => "Sorenson H.263",
        (TypeId::VIDEO, "3" | "6") => "Screen Video",
        (TypeId::VIDEO, "4" | "5") => "VP6",
        (TypeId::AUDIO, "10" | "mp4a") => "AAC",
        (TypeId::AUDIO, "2" | "14" | ".mp3") => "MP3",
        (TypeId::AUDIO, "Opus") => "Opus",
        (TypeId::AUDIO, "fLaC") => "FLAC",
        (TypeId::AUDIO, "ac-3") => "AC-3",
        (TypeId::AUDIO, "ec-3") => "E-AC-3",
        (TypeId::AUDIO, "0" | "3") => "PCM",
        (TypeId::AUDIO, "1") => "ADPCM",
        (TypeId::AUDIO, "4" | "5" | "6") => "Nellymoser",
        (TypeId::AUDIO, "7") => "G.711 A-law",
        (TypeId::AUDIO, "8") => "G.711 mu-law",
        (TypeId::AUDIO, "11") => "Speex",
        // What the device itself understands.
        (TypeId::AUDIO, "15") => "audio codec 15",
        other => panic!("{other:?}"),
    }
}

fn name(oddity: &Oddity) -> String {
    let kind = if oddity.message == TypeId::AUDIO { "audio" } else { "video" };
    format!("{kind}: {}", oddity.why)
}

fn publishing(world: &mut World) -> Client<Peer> {
    let camera = world.peer();
    camera.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(STREAM, "cam");
    });
    camera
}

const STREAM: StreamId = StreamId(1);

/// Passed over by their size, as what is not understood.
const SHORT_OFFSETS: [&str; 2] = ["nanosecond offset in 1 bytes", "nanosecond offset in 2 bytes"];

/// Written, a size is as short as it can be.
const WIDER_THAN_NEEDED: &[&str] = &[
    "Opus CodedFrames, behind a ModEx of 1 bytes with a size wider than it needs",
    "Opus CodedFrames, behind a ModEx of 3 bytes with a size wider than it needs",
    "Opus CodedFrames, behind a ModEx of 255 bytes with a size wider than it needs",
    "Opus CodedFrames, behind a nanosecond offset with a size wider than it needs",
    "av01 CodedFrames, behind a ModEx of 1 bytes with a size wider than it needs",
    "av01 CodedFrames, behind a ModEx of 3 bytes with a size wider than it needs",
    "av01 CodedFrames, behind a ModEx of 255 bytes with a size wider than it needs",
    "av01 CodedFrames, behind a nanosecond offset with a size wider than it needs",
];

/// Of a command nothing is kept but its number: no codec, packet type or modifier, which mean nothing there.
const COMMANDS: &[&str] = &[
    "StartSeek in a frame of packet type SequenceStart",
    "StartSeek in a frame of packet type CodedFrames",
    "StartSeek in a frame of packet type SequenceEnd",
    "StartSeek in a frame of packet type CodedFramesX",
    "StartSeek in a frame of packet type MPEG2TSSequenceStart",
    "StartSeek in a frame of packet type Multitrack",
    "StartSeek behind a nanosecond offset",
    "StartSeek behind a ModEx of type 6",
    "StartSeek behind a ModEx of 256 bytes and an offset",
    "StartSeek behind an offset, with packet type Multitrack",
    "StartSeek in the old form, Sorenson H.263",
    "EndSeek in a frame of packet type SequenceStart",
    "EndSeek in a frame of packet type CodedFrames",
    "EndSeek in a frame of packet type SequenceEnd",
    "EndSeek in a frame of packet type CodedFramesX",
    "EndSeek in a frame of packet type MPEG2TSSequenceStart",
    "EndSeek in a frame of packet type Multitrack",
    "EndSeek behind a nanosecond offset",
    "EndSeek behind a ModEx of type 6",
    "EndSeek behind a ModEx of 256 bytes and an offset",
    "EndSeek behind an offset, with packet type Multitrack",
    "EndSeek in the old form, Sorenson H.263",
];

/// Speakers without a name, and what nobody looks at.
const KEPT_WITHIN_BODY: [&str; 4] = [
    "reserved speaker 24",
    "reserved speaker 253",
    "MultichannelConfig with more behind it",
    "MultichannelConfig with an unnamed channel in its mask",
];

/// What has no meaning in one place and says in another what it is.
const SAY_SO: &[&str] = &[
    // A keyframe, whatever its codec is and its time in nanoseconds.
    "FourCC of an audio codec",
    "unknown FourCC",
    "reserved codec",
    "nanosecond offset",
    "two tracks of the same id",
    "four zero bytes behind the last of many tracks",
    CONFIGURES,
];

/// A codec that follows another one, as far as a server can tell.
const CONFIGURES: &str = "SequenceStart of a codec that has none";

/// H.264, with parameter sets for nobody.
const CONFIGURATION: &[u8] = &[0x17, 0, 0, 0, 0, 1, 0x42, 0xC0, 0x1E, 0xFF, 0xE0, 0];
const KEYFRAME: &[u8] = &[0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65];
const INTERFRAME: &[u8] = &[0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41];

/// AAC.
const SOUND_CONFIGURATION: &[u8] = &[0xAF, 0, 0x11, 0x90];
const SOUND: &[u8] = &[0xAF, 1, 0x21];
