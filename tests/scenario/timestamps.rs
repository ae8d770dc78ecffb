//! Timestamps beyond 24 bits, in both directions and in both habits of writing them.

use std::time::Duration;

use sol_core::ids::ChunkSize;
use sol_core::server::ServerConfig;
use sol_core::session::SessionConfig;
use sol_tests::peer::codec::{Format, Framing};
use sol_tests::peer::message::{ChunkStream, Message, StreamId, TypeId};
use sol_tests::peer::pattern::{AudioPattern, MediaSent, Pattern, VideoPattern};
use sol_tests::peer::run::{Run, check_run};
use sol_tests::peer::{ChunkSizeHabit, Peer, PeerOptions};
use sol_tests::world::{Client, World, ms, seed};

/// The first value that does not fit into the field of a message header.
const EXTENDED_FROM_MS: u32 = 0x00FF_FFFF;

#[test]
fn a_publisher_that_repeats_the_extended_timestamp_crosses_its_border_unharmed() {
    crossing_from_format_0(Framing::FULL);
}

#[test]
fn a_publisher_that_omits_the_extended_timestamp_crosses_its_border_unharmed() {
    crossing_from_format_0(Framing::FULL.omitting_extended());
}

#[test]
fn a_delta_that_needs_the_extended_field_is_understood_in_both_habits() {
    // FFmpeg begins so: configurations at 0, then format 1 with a delta of hours.
    for framing in [Framing::of(Format::One), Framing::of(Format::One).omitting_extended()] {
        let mut world = World::new(seed(2));
        let (encoder, viewer) = (encoder(&mut world), world.player("live/cam"));
        world.run_until(ms(500));
        let sent = sent(|media| match media.role.is_frame() {
            true => media.timestamp_ms + 20_000_000,
            false => 0,
        });
        send(&mut world, &encoder, &sent, |media| match media.sequence {
            0..=2 => Framing::FULL,
            _ => framing,
        });
        let run = check_run(&viewer.media(), &sent).unwrap();
        assert_eq!((run.first, run.last), (3, sent.len() as u64 - 1), "{framing:?}");
    }
}

#[test]
fn a_clock_that_wraps_goes_on() {
    let mut world = World::new(seed(3));
    let camera = world.publisher("live/cam").streaming(Pattern::new().starting_at_ms(u32::MAX - 2_000));
    let viewer = world.player("live/cam");
    world.run_until(ms(3_500));
    let joiner = world.player("live/cam");
    world.run_until(ms(6_000));
    assert_eq!(viewer.run_of(&camera).offset_ms, 2_001);
    assert_eq!(joiner.run_of(&camera).offset_ms, 2_001);
}

#[test]
fn players_follow_a_stream_over_the_border_and_join_it_beyond() {
    // Small chunks, so that most frames have later chunks, which repeat the extended timestamp.
    let chunk_size = ChunkSize::new(128).expect("within bounds");
    let session = SessionConfig { chunk_size, ..SessionConfig::default() };
    let config = ServerConfig { session, ..ServerConfig::default() };
    let mut world = World::with_config(seed(4), config);
    let pattern = Pattern {
        video: Some(VideoPattern { frame_rate: 1, keyframe_every_ms: 60_000, kilobits_per_second: 4 }),
        audio: None::<AudioPattern>,
        ..Pattern::new()
    };
    let camera = world.publisher("live/cam").streaming(pattern);
    let viewer = world.player("live/cam");
    let border = Duration::from_millis(EXTENDED_FROM_MS.into());
    world.run_until(border + ms(90_000));
    let joiner = world.player("live/cam");
    world.run_until(border + ms(200_000));

    assert_eq!(viewer.run_of(&camera).first, 2);
    assert_eq!(joiner.run_of(&camera).offset_ms, 0);
    for player in [viewer, joiner] {
        player.with(|player| {
            let beyond = player.peer().received().iter().filter(|message| message.extended.is_some());
            let beyond: Vec<_> = beyond.collect();
            assert!(beyond.len() > 100, "{} messages", beyond.len());
            let later = beyond.iter().flat_map(|message| &message.later);
            assert!(later.clone().count() > 300 && later.clone().all(|chunk| chunk.extended_repeated));
        });
    }
}

fn crossing_from_format_0(framing: Framing) {
    let mut world = World::new(seed(1));
    let (encoder, viewer) = (encoder(&mut world), world.player("live/cam"));
    world.run_until(ms(500));
    let start = EXTENDED_FROM_MS - 1_500;
    let sent = sent(|media| start + media.timestamp_ms);
    send(&mut world, &encoder, &sent, |_| framing);

    let Run { first, last, offset_ms, .. } = check_run(&viewer.media(), &sent).expect("one run");
    assert_eq!((first, last, offset_ms), (3, sent.len() as u64 - 1, start.wrapping_neg()));
    assert_eq!(encoder.closed(), None);
}

/// An encoder by hand that writes chunks of 128 bytes.
fn encoder(world: &mut World) -> Client<Peer> {
    let options = PeerOptions { chunk_size: ChunkSizeHabit::Never, ..PeerOptions::default() };
    let encoder = world.peer_with(options);
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    encoder
}

/// Four seconds of the pattern in another time.
fn sent(time: impl Fn(&MediaSent) -> u32) -> Vec<MediaSent> {
    let media = Pattern::new().media().take_while(|media| media.due < ms(4_000));
    media.map(|media| MediaSent { timestamp_ms: time(&media), ..media }).collect()
}

fn send(
    world: &mut World,
    encoder: &Client<Peer>,
    sent: &[MediaSent],
    framing: impl Fn(&MediaSent) -> Framing,
) {
    let began = world.now();
    for media in sent {
        world.run_until(began + media.due);
        let message = Message {
            chunk_stream: if media.type_id == TypeId::VIDEO {
                ChunkStream::VIDEO
            } else {
                ChunkStream::AUDIO
            },
            timestamp_ms: media.timestamp_ms,
            type_id: media.type_id,
            stream: StreamId(1),
            payload: media.payload.clone(),
        };
        encoder.with(|peer| peer.send_raw_message(&message, framing(media)));
    }
    world.run_for(ms(500));
}
