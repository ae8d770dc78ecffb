//! Changes: another codec configuration, resolution or metadata amid a stream.
//!
//! Whoever decodes has what a frame needs before that frame comes, in whatever way it has come there; and what says nothing new
//! is not sent.

use bytes::Bytes;
use sol_core::server::ServerConfig;
use sol_tests::peer::amf::{self, Amf};
use sol_tests::peer::message::{MediaReceived, TypeId};
use sol_tests::peer::pattern::{MediaRole, MediaSent, Pattern};
use sol_tests::peer::script::Player;
use sol_tests::world::{Client, LinkOptions, World, ms, seed};

use crate::camera::{EVEN, camera, corrected, due_from, due_ms, media, send};

#[test]
fn what_changes_amid_a_stream_reaches_every_player_before_its_first_frame_on_every_loop() {
    for loops in [1, 3] {
        let mut world = World::with_loops(seed(1), loops, ServerConfig::default());
        world.set_link(EVEN);
        let camera = camera(world.next_at(0));
        let early = players(&mut world, loops);
        let sent = with_changes(&[
            (2_000, Change::Resolution(1)),
            (2_000, Change::Metadata("other pictures")),
            (4_000, Change::Sound(1)),
            (4_500, Change::Metadata("other sound")),
            // Two at once, and back to what was first.
            (6_000, Change::Resolution(2)),
            (6_000, Change::Resolution(0)),
            (6_000, Change::Sound(0)),
        ]);
        let (before, after) = sent.split_at(sent.partition_point(|media| media.due < ms(5_000)));
        send(&mut world, &camera, before);
        let amid = players(&mut world, loops);
        send(&mut world, &camera, &due_from(after, ms(5_000)));
        let late = players(&mut world, loops);
        world.run_for(ms(500));

        for player in &early {
            assert_eq!(decoded(player, &sent), [(0, sent.len() - 1)]);
            // All that was said is told once, in the order in which it was said.
            assert_eq!(prepared(&player.media()), prepared(&as_played(&sent)));
        }
        for (player, first_ms) in
            amid.iter().map(|player| (player, 4_000)).chain(late.iter().map(|player| (player, 8_000)))
        {
            let [(first, last)] = decoded(player, &sent)[..] else { panic!("one run") };
            assert_eq!((due_ms(&sent[first]), last), (first_ms, sent.len() - 1));
        }
        // Whoever comes late is told the latest of each, and nothing else.
        for player in &late {
            let told = prepared(&player.media());
            let latest = [metadata("other sound"), sound_config(0), video_config(0)];
            assert_eq!(told, latest);
        }
        assert_eq!(corrected(&mut world, &camera), "");
    }
}

#[test]
fn what_is_said_again_is_not_sent_again() {
    for loops in [1, 3] {
        let mut world = World::with_loops(seed(2), loops, ServerConfig::default());
        world.set_link(EVEN);
        let camera = camera(world.next_at(0));
        let viewers = players(&mut world, loops);
        let again = [1_000, 2_000, 2_010, 3_990, 4_000].map(|at_ms| {
            [Change::Resolution(0), Change::Sound(0), Change::Metadata("first")].map(|change| (at_ms, change))
        });
        let sent = with_changes(again.as_flattened());
        let without = with_changes(&[]);
        assert_eq!(sent.len(), without.len() + 15);
        send(&mut world, &camera, &sent);
        for viewer in &viewers {
            let (played, expected) = (viewer.media(), as_played(&without));
            assert_eq!(played.len(), expected.len());
            for (played, (type_id, timestamp_ms, payload)) in played.iter().zip(&expected) {
                assert_eq!(
                    (played.type_id, played.timestamp_ms, &played.payload),
                    (*type_id, *timestamp_ms, payload)
                );
            }
        }
        let joiners = players(&mut world, loops);
        world.run_for(ms(500));
        for joiner in joiners {
            assert_eq!(prepared(&joiner.media()), [metadata("first"), sound_config(0), video_config(0)]);
        }
    }
}

#[test]
fn a_player_that_loses_the_change_itself_goes_on_with_what_it_said() {
    for loops in [1, 3] {
        let mut world = World::with_loops(seed(3), loops, ServerConfig::default());
        world.set_link(EVEN);
        let camera = camera(world.next_at(0));
        world.set_link(LinkOptions::NARROW);
        let viewers = players(&mut world, loops);
        let sent = with_changes_in(
            20_000,
            &[(8_000, Change::Resolution(1)), (9_000, Change::Sound(1)), (9_000, Change::Metadata("second"))],
        );
        let cut = |at_ms: u64| sent.partition_point(|media| media.due < ms(at_ms));
        let [stall, resume] = [cut(3_000), cut(12_900)];
        send(&mut world, &camera, &sent[..stall]);
        viewers.iter().for_each(|viewer| world.stall(viewer));
        send(&mut world, &camera, &due_from(&sent[stall..resume], ms(3_000)));
        viewers.iter().for_each(|viewer| world.resume(viewer));
        send(&mut world, &camera, &due_from(&sent[resume..], ms(12_900)));

        for viewer in &viewers {
            let [(first, lost_from), (again, last)] = decoded(viewer, &sent)[..] else { panic!("one gap") };
            assert_eq!((first, last), (0, sent.len() - 1));
            let change = cut(8_000);
            assert!(lost_from < change && again > change + 3, "{lost_from}, {change}, {again}");
            let told = prepared(&viewer.media());
            assert_eq!(told[3..], [metadata("second"), sound_config(1), video_config(1)]);
        }
        viewers.iter().for_each(|viewer| world.hang_up(viewer));
        world.run_for(ms(500));
        assert!(viewers.iter().all(|viewer| viewer.endings()[0].1.gaps == 1));
    }
}

/// What a publisher says amid its stream.
#[derive(Clone, Copy)]
enum Change {
    Resolution(u8),
    Sound(u8),
    Metadata(&'static str),
}

/// Ten seconds of a pattern in which these things are said, each in front of what is due at its time.
fn with_changes(changes: &[(u32, Change)]) -> Vec<MediaSent> {
    with_changes_in(10_000, changes)
}

fn with_changes_in(millis: u64, changes: &[(u32, Change)]) -> Vec<MediaSent> {
    let first = [(0, Change::Metadata("first")), (0, Change::Resolution(0)), (0, Change::Sound(0))];
    let mut sent = media(Pattern::new(), millis, due_ms);
    sent.retain(|media| media.role.is_frame());
    for &(at_ms, change) in first.iter().chain(changes) {
        let (role, payload) = match change {
            Change::Resolution(which) => (MediaRole::VideoConfig, video_config(which)),
            Change::Sound(which) => (MediaRole::AudioConfig, sound_config(which)),
            Change::Metadata(encoder) => (MediaRole::Metadata, metadata(encoder)),
        };
        let is_before =
            |media: &MediaSent| due_ms(media) < at_ms || (due_ms(media) == at_ms && !media.role.is_frame());
        let index = sent.partition_point(is_before);
        let due = ms(at_ms.into());
        let (type_id, sequence) = (role.type_id(), 0);
        sent.insert(index, MediaSent { role, sequence, type_id, timestamp_ms: at_ms, payload, due });
    }
    sent
}

/// What somebody gets who is there from the beginning.
fn as_played(sent: &[MediaSent]) -> Vec<(TypeId, u32, Bytes)> {
    let mut head_ms = 0;
    let played = sent.iter().map(|media| {
        if media.role.is_frame() {
            head_ms = head_ms.max(media.timestamp_ms);
        }
        let at_ms = match media.role {
            MediaRole::Metadata => 0,
            MediaRole::VideoConfig | MediaRole::AudioConfig => head_ms,
            _ => media.timestamp_ms,
        };
        (media.type_id, at_ms, media.payload.clone())
    });
    played.collect()
}

/// Runs of what was sent that a player got: where each begins and ends. Each of its frames has come with the configurations
/// that held when it was sent, and its first picture behind a gap is a keyframe.
fn decoded(player: &Client<Player>, sent: &[MediaSent]) -> Vec<(usize, usize)> {
    let (mut runs, mut now) = (Vec::<(usize, usize)>::new(), [None, None]);
    let frames: Vec<usize> = (0..sent.len()).filter(|&index| sent[index].role.is_frame()).collect();
    let mut next = 0;
    for media in player.media() {
        let config = &mut now[usize::from(media.type_id == TypeId::VIDEO)];
        if media.type_id == TypeId::DATA_AMF0 {
            continue;
        }
        if media.payload[1] == 0 {
            *config = Some(media.payload.clone());
            continue;
        }
        let found = frames[next..].iter().position(|&index| is_of(&media.payload, &sent[index].payload));
        let skipped = found.expect("it was sent, and comes in order");
        let index = frames[next + skipped];
        next += skipped + 1;
        if runs.is_empty() || skipped > 0 {
            assert!(sent[index].is_keyframe(), "a run begins at a keyframe");
            let begin = if runs.is_empty() && skipped == 0 { 0 } else { index };
            runs.push((begin, index));
        }
        let role =
            if media.type_id == TypeId::VIDEO { MediaRole::VideoConfig } else { MediaRole::AudioConfig };
        let needed = sent[..index].iter().rev().find(|sent| sent.role == role).map(|sent| &sent.payload);
        assert_eq!(config.as_ref(), needed, "frame at {} ms", due_ms(&sent[index]));
        runs.last_mut().expect("one has begun").1 = index;
    }
    runs
}

/// Whether a player's frame is one that was sent: to the byte, but that a keyframe may have the parameter sets of a configuration
/// that has just changed in front of its pictures.
fn is_of(played: &Bytes, sent: &Bytes) -> bool {
    const TAG_HEADER: usize = 5;
    let is_keyframe = sent.starts_with(&[0x17, 1]);
    played == sent
        || (is_keyframe
            && played[..TAG_HEADER] == sent[..TAG_HEADER]
            && played.ends_with(&sent[TAG_HEADER..]))
}

/// Metadata and configurations, in order.
fn prepared(media: &[impl AsTypeAndBody]) -> Vec<Bytes> {
    let media = media.iter().map(AsTypeAndBody::type_and_body);
    let preparing = media.filter(|(type_id, body)| *type_id == TypeId::DATA_AMF0 || body[1] == 0);
    preparing.map(|(_, body)| body.clone()).collect()
}

trait AsTypeAndBody {
    fn type_and_body(&self) -> (TypeId, &Bytes);
}

impl AsTypeAndBody for MediaReceived {
    fn type_and_body(&self) -> (TypeId, &Bytes) {
        (self.type_id, &self.payload)
    }
}

impl AsTypeAndBody for (TypeId, u32, Bytes) {
    fn type_and_body(&self) -> (TypeId, &Bytes) {
        (self.0, &self.2)
    }
}

/// A player at each loop.
fn players(world: &mut World, loops: u32) -> Vec<Client<Player>> {
    let players = (0..loops).map(|index| world.next_at(index as usize).player("live/cam")).collect();
    world.run_for(ms(500));
    players
}

/// An AVC sequence header; each says another level and size.
fn video_config(which: u8) -> Bytes {
    let config = Pattern::new().media().find(|media| media.role == MediaRole::VideoConfig);
    let mut payload = config.expect("it has pictures").payload.to_vec();
    payload[8] += which;
    let last = payload.len() - 1;
    payload[last] ^= which;
    payload.into()
}

/// An AAC sequence header; each says another rate.
fn sound_config(which: u8) -> Bytes {
    let config = Pattern::new().media().find(|media| media.role == MediaRole::AudioConfig);
    let mut payload = config.expect("it has sound").payload.to_vec();
    payload[2] ^= which;
    payload.into()
}

fn metadata(encoder: &str) -> Bytes {
    amf::write_all(&["onMetaData".into(), Amf::object([("encoder", encoder.into())])]).into()
}
