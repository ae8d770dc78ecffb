//! What players choose, and what a publisher says of its stream, at a loop where that is not at home.

use sol_core::limits;
use sol_core::participant::EndReason;
use sol_core::server::ServerConfig;
use sol_tests::peer::Peer;
use sol_tests::peer::amf::{self, Amf};
use sol_tests::peer::message::{MediaReceived, StreamId, TypeId};
use sol_tests::peer::pattern::{MediaRole, Pattern};
use sol_tests::peer::script::Player;
use sol_tests::world::{Client, World, ms, seed};

use super::{UNPUBLISH_NOTIFY, WIDE, assert_is_at_the_edge, players_all_round};

#[test]
fn metadata_that_is_cleared_or_said_anew_is_what_joiners_of_all_loops_get() {
    let mut world = World::with_loops(seed(1), 3, ServerConfig::default());
    world.set_link(WIDE);
    let early = players_all_round::<3>(&mut world, "live/cam");
    let encoder = world.next_at(0).peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(500));
    let mut joiners = Vec::new();
    for media in Pattern::new().keyframe_every_ms(1_000).media().take_while(|media| media.due < ms(8_000)) {
        world.run_until(ms(500) + media.due);
        if media.role == MediaRole::Keyframe {
            match media.timestamp_ms {
                2_000 => encoder.with(clear_metadata),
                5_000 => encoder.with(|peer| say(peer, "second")),
                _ => {}
            }
        }
        // Amid a group.
        if media.role == MediaRole::Interframe && media.timestamp_ms % 1_000 == 400 {
            joiners.push((media.timestamp_ms, players_all_round::<3>(&mut world, "live/cam")));
        }
        let (type_id, payload) = (media.type_id, media.payload.clone());
        encoder.with(|peer| peer.send_media(StreamId(1), type_id, media.timestamp_ms, payload));
    }
    world.run_for(ms(500));

    for (joined_ms, [at_home, others @ ..]) in &joiners {
        let first = at_home.media().remove(0);
        match joined_ms {
            ..2_000 => assert!(tells(&first, "pattern"), "{joined_ms}"),
            2_000..5_000 => assert_eq!(first.type_id, TypeId::AUDIO, "{joined_ms}"),
            _ => assert!(tells(&first, "second"), "{joined_ms}"),
        }
        for other in others {
            assert_eq!(other.media(), at_home.media(), "{joined_ms}");
        }
    }
    for viewer in &early {
        let metadata = viewer.media().into_iter().filter(|media| media.type_id == TypeId::DATA_AMF0);
        let [first, second] = metadata.collect::<Vec<_>>().try_into().expect("once each");
        assert!(tells(&first, "pattern") && tells(&second, "second"));
    }
}

#[test]
fn a_player_that_pauses_goes_on_at_every_loop_as_at_the_home() {
    let mut world = World::with_loops(seed(2), 3, ServerConfig::default());
    world.set_link(WIDE);
    let viewers = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(200));
    let camera = world.next_at(0).publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(3_003));
    all(&viewers, |peer| peer.pause(StreamId(1), true, 0));
    world.run_until(ms(3_100));
    let before = viewers[1].media().len();
    // Neither does it lag, however long it pauses, nor is anything kept for it.
    world.run_until(ms(30_003));
    assert_eq!(viewers[1].media().len(), before);
    all(&viewers, |peer| peer.pause(StreamId(1), false, 0));
    world.run_until(ms(34_000));
    for viewer in &viewers {
        assert_eq!(viewer.media(), viewers[0].media());
        let [_, again] = viewer.runs_of(&camera).try_into().expect("two runs");
        assert_eq!(camera.sent()[again.first as usize].role, MediaRole::Keyframe);
        assert_is_at_the_edge(&again, &camera.sent());
    }
    all(&viewers, |peer| peer.pause(StreamId(1), true, 0));
    world.run_until(ms(35_000));
    camera.finish();
    world.run_until(ms(35_500));
    for viewer in &viewers {
        assert_eq!(viewer.notices().last().map(String::as_str), Some(UNPUBLISH_NOTIFY));
        assert_eq!(viewer.endings()[0].1.gaps, 0);
    }
}

#[test]
fn a_player_that_leaves_video_and_takes_it_again_gets_at_every_loop_what_it_gets_at_the_home() {
    let mut world = World::with_loops(seed(3), 3, ServerConfig::default());
    world.set_link(WIDE);
    let camera = world.next_at(0).publisher("live/cam").streaming(Pattern::new());
    world.run_until(ms(2_703));
    let viewers = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(3_503));
    all(&viewers, |peer| peer.receive_video(StreamId(1), false));
    world.run_until(ms(3_603));
    let before = viewers[1].media().len();
    world.run_until(ms(7_103));
    let without = viewers[1].media().split_off(before);
    assert!(!without.is_empty() && without.iter().all(|media| media.type_id == TypeId::AUDIO));
    all(&viewers, |peer| peer.receive_video(StreamId(1), true));
    world.run_until(ms(10_000));
    for viewer in &viewers {
        assert_eq!(viewer.media(), viewers[0].media());
        let media = viewer.media().split_off(before + without.len());
        let mut pictures = media.iter().filter(|media| media.type_id == TypeId::VIDEO);
        let [configuration, keyframe] = [pictures.next(), pictures.next()].map(|media| media.expect("both"));
        assert_eq!((&configuration.payload[..2], &keyframe.payload[..2]), (&[0x17, 0][..], &[0x17, 1][..]));
    }
    assert!(camera.closed().is_none());
}

#[test]
fn players_of_all_loops_are_sent_away_when_the_streams_time_is_used_up_and_join_it_anew() {
    let mut world = World::with_loops(seed(4), 3, ServerConfig::default());
    world.set_link(WIDE);
    let encoder = world.next_at(0).peer();
    encoder.with(|peer| {
        peer.connect("live");
        peer.create_stream();
        peer.publish(StreamId(1), "cam");
    });
    world.run_until(ms(500));
    // One sound each ten seconds, which is the longest step of a clock that is believed: six bytes each.
    let full_ms = limits::TIMELINE_TIME.as_millis() as u32;
    let step_ms = limits::CLOCK_AHEAD_MILLIS as u32;
    let steps = (full_ms - 1_000) / step_ms;
    encoder.with(|peer| {
        peer.send_media(StreamId(1), TypeId::AUDIO, 0, SOUND.into());
        let [_, step @ ..] = step_ms.to_be_bytes();
        let header = [&[0x40 | CHUNK_STREAM][..], &step, &[0, 0, SOUND.len() as u8], &[TypeId::AUDIO.0]];
        peer.send_raw_bytes(&[&header.concat(), SOUND].concat());
        let again = [&[0xC0 | CHUNK_STREAM], SOUND].concat();
        peer.send_raw_bytes(&again.repeat(steps as usize - 1));
    });
    world.run_until(ms(1_000));
    let viewers = players_all_round::<3>(&mut world, "live/cam");
    world.run_until(ms(1_500));
    let last_ms = steps * step_ms;
    let sound = |at_ms| encoder.with(|peer| peer.send_media(StreamId(1), TypeId::AUDIO, at_ms, SOUND.into()));
    for index in 1..=25 {
        sound(last_ms + index * 400);
        world.run_for(ms(400));
    }
    let joiners = players_all_round::<3>(&mut world, "live/cam");
    for index in 26..=35 {
        sound(last_ms + index * 400);
        world.run_for(ms(400));
    }

    for viewer in &viewers {
        let times: Vec<_> = viewer.media().iter().map(|media| media.timestamp_ms).collect();
        assert!(times.first() >= Some(&last_ms) && times.last() >= Some(&full_ms), "{times:?}");
        assert!(times.last() < Some(&(full_ms + 2_000)), "{times:?}");
        assert_eq!(viewer.endings()[0].0, EndReason::TimelineFull);
    }
    for joiner in &joiners {
        assert_eq!(joiner.media(), joiners[0].media());
        assert!(joiner.media().len() >= 3 && joiner.media().iter().all(|media| media.timestamp_ms < 15_000));
        assert_eq!((joiner.notices(), joiner.closed()), (vec![], None));
    }
}

fn all(viewers: &[Client<Player>], act: impl Fn(&mut Peer)) {
    for viewer in viewers {
        viewer.with(|player| act(player.peer_mut()));
    }
}

fn clear_metadata(peer: &mut Peer) {
    let payload = amf::write_all(&["@clearDataFrame".into(), "onMetaData".into()]);
    peer.send_media(StreamId(1), TypeId::DATA_AMF0, 0, payload.into());
}

fn say(peer: &mut Peer, encoder: &str) {
    let properties = vec![("encoder".to_owned(), Amf::from(encoder))];
    peer.send_metadata(StreamId(1), 0, Amf::EcmaArray(properties));
}

/// Whether this is metadata of an encoder of which this is the name, or its beginning.
fn tells(media: &MediaReceived, encoder: &str) -> bool {
    let says = media.payload.windows(encoder.len()).any(|bytes| bytes == encoder.as_bytes());
    media.type_id == TypeId::DATA_AMF0 && says
}

/// MP3, which needs no configuration.
const SOUND: &[u8] = &[0x2F, 1, 2, 3, 4];

/// On which audio is.
const CHUNK_STREAM: u8 = 4;
