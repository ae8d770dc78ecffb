//! Forms: whoever plays a stream in a form of it gets what a publisher would have sent that knows nothing else.

mod asking;
mod crowding;

use sol_core::hub::{AfterGrace, StreamConfig};
use sol_core::media::{Codec, Form, TrackId, Unfit};
use sol_core::participant::EndReason;
use sol_core::server::ServerConfig;
use sol_core::session::CloseReason;
use sol_tests::peer::amf::{self, Amf};
use sol_tests::peer::message::{MediaReceived, StreamId, TypeId};
use sol_tests::peer::pattern::{MediaRole, MediaSent, Pattern, Tags};
use sol_tests::peer::run::{Run, check_run, check_runs};
use sol_tests::peer::script::{Phase, Player, Publisher};
use sol_tests::world::{Client, LinkOptions, World, ms, seed};

use crate::marks::{FIRST_FRAME, assert_time_never_steps_back, media_of_mark};

const UNPUBLISH_NOTIFY: &str = "NetStream.Play.UnpublishNotify";
const FAILED: &str = "NetStream.Play.Failed";

#[test]
fn each_form_of_a_stream_of_two_tracks_is_what_a_publisher_of_just_that_would_send() {
    let mut world = World::new(seed(1));
    let early = FORMS_OF_TRACKS.map(|(query, _)| world.player(&of_cam(query)));
    let full = world.player("live/cam");
    world.run_until(ms(1_000));
    let camera = world.publisher("live/cam").streaming(TWO_TRACKS);
    world.run_until(ms(6_500));
    let late = FORMS_OF_TRACKS.map(|(query, _)| world.player(&of_cam(query)));
    world.run_until(ms(10_000));

    assert_eq!(check_run(&full.media(), &camera.sent()).expect("one run").first, FIRST_FRAME);
    for ((early, late), (query, track)) in early.iter().zip(&late).zip(FORMS_OF_TRACKS) {
        let sent = in_legacy_tags(&camera, TWO_TRACKS, track);
        let run = check_run(&early.media(), &sent).expect("one run");
        assert_eq!(run.first, FIRST_FRAME, "{query}");
        assert_is_at_the_edge(&run, &sent);
        let run = check_run(&late.media(), &sent).expect("one run");
        let first = &sent[run.first as usize];
        assert_eq!((first.role, first.timestamp_ms % 2_000), (MediaRole::Keyframe, 0), "{query}");
        assert_is_at_the_edge(&run, &sent);
        assert_eq!((early.notices(), late.notices()), (vec![], vec![]), "{query}");
    }
}

#[test]
fn one_track_of_a_codec_without_a_legacy_tag_comes_by_four_cc_and_the_other_in_its_legacy_tag() {
    let mut world = World::new(seed(2));
    let camera = world.publisher("live/cam").streaming(HEVC);
    world.run_until(ms(3_000));
    let viewer = world.player("live/cam?form=one-track");
    world.run_until(ms(6_000));
    let legacy = in_legacy_tags(&camera, HEVC, 0);
    let is_video = |sent: &MediaSent| sent.type_id == TypeId::VIDEO;
    let expected: Vec<MediaSent> = camera
        .sent()
        .into_iter()
        .zip(legacy)
        .map(|(sent, legacy)| if is_video(&sent) { sent } else { legacy })
        .collect();
    assert_is_at_the_edge(&check_run(&viewer.media(), &expected).expect("one run"), &expected);
}

#[test]
fn metadata_are_told_of_the_track_that_is_shown() {
    let mut world = World::new(seed(3));
    let _camera = world.publisher("live/cam").streaming(TWO_TRACKS);
    world.run_until(ms(1_000));
    let viewers = ["", "?form=one-track", "?form=legacy&track=1"].map(|query| world.player(&of_cam(query)));
    world.run_until(ms(2_000));
    let avc1 = f64::from(u32::from_be_bytes(*b"avc1"));
    let expected = [(160.0, avc1, true), (160.0, 7.0, false), (161.0, 7.0, false)];
    for (viewer, (width, codec, has_map)) in viewers.iter().zip(expected) {
        let said = metadata(&viewer.media());
        let number = |name: &str| said.property(name).and_then(Amf::as_number);
        assert_eq!((number("width"), number("videocodecid")), (Some(width), Some(codec)));
        assert_eq!(number("height"), Some(128.0), "what is the same of all tracks");
        assert_eq!(said.property("videoTrackIdInfoMap").is_some(), has_map);
    }
}

#[test]
fn a_player_of_a_form_that_lags_goes_on_at_a_keyframe_behind_the_configurations_of_its_form() {
    let mut world = World::new(seed(4));
    world.set_link(LinkOptions::NARROW);
    let camera = world.publisher("live/cam").streaming(TWO_TRACKS);
    let viewers = FORMS_OF_TRACKS.map(|(query, _)| world.player(&of_cam(query)));
    world.run_until(ms(5_000));
    viewers.iter().for_each(|viewer| world.stall(viewer));
    world.run_until(ms(12_900));
    viewers.iter().for_each(|viewer| world.resume(viewer));
    world.run_until(ms(25_000));
    for (viewer, (query, track)) in viewers.iter().zip(FORMS_OF_TRACKS) {
        let sent = in_legacy_tags(&camera, TWO_TRACKS, track);
        let runs = check_runs(&viewer.media(), &sent).expect("runs with nothing but holes between them");
        let [_, again] = &runs[..] else { panic!("{query}: {runs:#?}") };
        assert_eq!(sent[again.first as usize].timestamp_ms, 12_000, "{query}");
        assert_is_at_the_edge(again, &sent);
        assert_eq!(viewer.notices(), [""; 0]);
    }
    viewers.iter().for_each(|viewer| world.hang_up(viewer));
    world.run_for(ms(500));
    viewers.iter().for_each(|viewer| assert_eq!(viewer.endings()[0].1.gaps, 1));
}

#[test]
fn a_player_of_a_form_pauses_and_takes_and_leaves_pictures_as_any_other() {
    let mut world = World::new(seed(5));
    let camera = world.publisher("live/cam").streaming(TWO_TRACKS);
    let [pauses, listens] = [0, 1].map(|_| world.player("live/cam?track=1"));
    world.run_until(ms(5_000));
    pauses.with(|player| player.peer_mut().pause(StreamId(1), true, 0));
    listens.with(|player| player.peer_mut().receive_video(StreamId(1), false));
    world.run_until(ms(30_500));
    pauses.with(|player| player.peer_mut().pause(StreamId(1), false, 0));
    listens.with(|player| player.peer_mut().receive_video(StreamId(1), true));
    world.run_until(ms(35_000));

    let sent = in_legacy_tags(&camera, TWO_TRACKS, 1);
    let runs = check_runs(&pauses.media(), &sent).expect("runs with nothing but holes between them");
    assert_eq!((runs.len(), sent[runs[1].first as usize].timestamp_ms), (2, 30_000));
    assert_is_at_the_edge(&runs[1], &sent);

    let of = |type_id| move |media: &MediaReceived| media.type_id == type_id;
    let sounds: Vec<_> = sent.iter().filter(|sent| sent.type_id != TypeId::VIDEO).cloned().collect();
    let heard: Vec<_> = listens.media().into_iter().filter(|media| !of(TypeId::VIDEO)(media)).collect();
    assert_is_at_the_edge(&check_run(&heard, &sounds).expect("one run"), &sent);
    let pictures: Vec<_> = sent.iter().filter(|sent| sent.type_id == TypeId::VIDEO).cloned().collect();
    let seen: Vec<_> = listens.media().into_iter().filter(of(TypeId::VIDEO)).collect();
    let runs = check_runs(&seen, &pictures).expect("runs with nothing but holes between them");
    let again = pictures.iter().find(|sent| sent.sequence == runs[1].first).expect("it was sent");
    assert_eq!((runs.len(), again.timestamp_ms), (2, 32_000), "from the next keyframe on");
    for viewer in [&pauses, &listens] {
        assert_eq!(viewer.closed(), None);
        assert_time_never_steps_back(&viewer.media());
    }
}

#[test]
fn players_of_a_form_whose_publisher_vanished_go_on_when_it_returns_in_other_tags() {
    for (of_first, of_second) in [(Tags::Tracks(2), Tags::Legacy), (Tags::Legacy, Tags::Enhanced)] {
        let mut world = World::new(seed(6));
        let patterns = [of_first, of_second].map(|tags| Pattern::new().in_tags(tags));
        let patterns = [patterns[0], patterns[1].marked(20).starting_at_ms(7_654_321)];
        let first = world.publisher("live/cam").streaming(patterns[0]);
        let viewers = ["?form=legacy", "?form=one-track"].map(|query| world.player(&of_cam(query)));
        world.run_until(ms(5_500));
        world.cut(&first);
        world.run_for(ms(9_000));
        let comes_between = world.player("live/cam?form=legacy");
        world.run_for(ms(500));
        let second = world.publisher("live/cam").streaming(patterns[1]);
        world.run_for(ms(5_000));

        let of_second = in_legacy_tags(&second, patterns[1], 0);
        for viewer in &viewers {
            let media = viewer.media();
            let of_first = in_legacy_tags(&first, patterns[0], 0);
            check_run(&media_of_mark(&media, 0), &of_first).expect("one run");
            let run = check_run(&media_of_mark(&media, 20), &of_second).expect("one run");
            assert_eq!(run.first, FIRST_FRAME, "behind its own configurations");
            assert_is_at_the_edge(&run, &of_second);
            assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
            assert_time_never_steps_back(&media);
        }
        let media = comes_between.media();
        assert!(!media_of_mark(&media, 0).is_empty(), "the last group of the first one");
        check_run(&media_of_mark(&media, 20), &of_second).expect("one run");
    }
}

#[test]
fn the_end_of_a_stream_comes_behind_its_last_frame_in_each_form() {
    let mut world = World::new(seed(7));
    let camera = world.publisher("live/cam").streaming(TWO_TRACKS);
    let viewers = FORMS_OF_TRACKS.map(|(query, _)| world.player(&of_cam(query)));
    world.run_until(ms(3_000));
    camera.finish();
    world.run_until(ms(12_000));
    for (viewer, (query, track)) in viewers.iter().zip(FORMS_OF_TRACKS) {
        let sent = in_legacy_tags(&camera, TWO_TRACKS, track);
        let run = check_run(&viewer.media(), &sent).expect("one run");
        assert_eq!(run.last, sent.len() as u64 - 1, "{query}");
        assert_eq!(viewer.notices(), [UNPUBLISH_NOTIFY], "{query}");
        assert_eq!(viewer.endings()[0].0, EndReason::StreamEnded);
    }
}

#[test]
fn whoever_waits_in_a_form_gets_nothing_of_a_publication_that_has_ended() {
    let config = StreamConfig { waiting: ms(60_000), ..StreamConfig::default() };
    let mut world = with_streams(8, config);
    // Keeps the name known.
    let _holder = world.player("live/cam");
    let first = world.publisher("live/cam").streaming(TWO_TRACKS.marked(1));
    let seen = world.player("live/cam?track=1");
    world.run_until(ms(4_500));
    first.finish();
    world.run_until(ms(4_700));
    let waits = world.player("live/cam?track=1");
    world.run_until(ms(5_200));
    for paused in [true, false] {
        waits.with(|player| player.peer_mut().pause(StreamId(1), paused, 0));
        world.run_for(ms(300));
    }
    assert_eq!((seen.notices(), waits.media()), (vec![UNPUBLISH_NOTIFY.to_owned()], vec![]));
    let second = world.publisher("live/cam").streaming(TWO_TRACKS.marked(20));
    world.run_until(ms(9_000));
    let sent = in_legacy_tags(&second, TWO_TRACKS.marked(20), 1);
    let run = check_run(&waits.media(), &sent).expect("one run");
    assert_eq!(run.first, FIRST_FRAME);
    assert_is_at_the_edge(&run, &sent);
}

#[test]
fn a_codec_that_comes_amid_a_stream_ends_the_players_whose_form_cannot_carry_it_and_no_others() {
    let mut world = World::new(seed(9));
    let camera = world.next_at(0).publisher("live/cam").streaming(ENHANCED);
    let legacy = world.player("live/cam?form=legacy");
    let [full, one_track] = ["", "?form=one-track"].map(|query| world.player(&of_cam(query)));
    world.run_until(ms(4_500));
    sends_hevc(&camera);
    world.run_until(ms(5_000));
    let asks_then = world.next_at(0).player("live/cam?form=legacy");
    world.run_until(ms(12_000));

    let unfit = Unfit::ForForm { form: Form::Legacy(TrackId::DEFAULT), codec: Codec::Hevc };
    let told = legacy.told();
    let codes: Vec<_> = told.iter().map(|(_, status)| status.code.as_str()).collect();
    assert_eq!(codes, [FAILED, UNPUBLISH_NOTIFY]);
    assert!(told[0].1.description.contains("HEVC"), "{told:?}");
    assert_eq!((&legacy.endings()[0].0, legacy.endings()[0].0.code()), (&EndReason::Unfit(unfit), "unfit"));
    assert_eq!(legacy.closed(), Some(CloseReason::Unfit(unfit)));
    assert!(told[0].0 < ms(4_600), "at once: {told:?}");
    check_run(&legacy.media(), &in_legacy_tags(&camera, ENHANCED, 0)).expect("one run up to there");
    assert_eq!(asks_then.phase(), Phase::Refused(FAILED.to_owned()));

    for (viewer, sent) in [(&full, camera.sent()), (&one_track, in_legacy_tags(&camera, ENHANCED, 0))] {
        let is_hevc = |media: &MediaReceived| media.payload.get(1..5) == Some(b"hvc1");
        let (hevc, rest): (Vec<_>, Vec<_>) = viewer.media().into_iter().partition(is_hevc);
        assert_eq!(hevc.len(), 2);
        assert_is_at_the_edge(&check_run(&rest, &sent).expect("one run"), &sent);
        assert_eq!((viewer.notices(), viewer.closed()), (vec![], None));
    }
}

#[test]
fn a_publisher_that_returns_with_another_codec_ends_the_players_whose_form_cannot_carry_it() {
    for after_grace in [AfterGrace::End, AfterGrace::Wait] {
        let mut world = with_streams(10, StreamConfig { after_grace, ..StreamConfig::default() });
        let first = world.publisher("live/cam").streaming(ENHANCED);
        let [legacy, full] = ["?form=legacy", ""].map(|query| world.player(&of_cam(query)));
        world.run_until(ms(4_000));
        world.cut(&first);
        world.run_until(ms(6_000));
        let second = world.publisher("live/cam").streaming(HEVC.marked(20));
        world.run_until(ms(9_000));
        assert_eq!(legacy.notices(), [FAILED, UNPUBLISH_NOTIFY]);
        assert_eq!(legacy.endings()[0].0.code(), "unfit");
        let run = check_run(&media_of_mark(&full.media(), 20), &second.sent()).expect("one run");
        assert_is_at_the_edge(&run, &second.sent());
    }
}

/// What others than the default track need, and what both can have.
const FORMS_OF_TRACKS: [(&str, u8); 4] =
    [("?form=legacy", 0), ("?form=one-track", 0), ("?track=1", 1), ("?form=legacy&track=1", 1)];

const ENHANCED: Pattern = Pattern::new().in_tags(Tags::Enhanced);
const HEVC: Pattern = Pattern::new().in_tags(Tags::Hevc);
const TWO_TRACKS: Pattern = Pattern::new().in_tags(Tags::Tracks(2));

fn of_cam(query: &str) -> String {
    format!("live/cam{query}")
}

fn with_streams(number: u64, stream: StreamConfig) -> World {
    World::with_config(seed(number), ServerConfig { stream: stream.into(), ..ServerConfig::default() })
}

/// What this publisher of the pattern has sent of a track, as a publisher of that alone would have.
fn in_legacy_tags(camera: &Client<Publisher>, pattern: Pattern, track: u8) -> Vec<MediaSent> {
    pattern.track(track).media().take(camera.sent().len()).collect()
}

fn assert_is_at_the_edge(run: &Run, sent: &[MediaSent]) {
    assert!(sent.len() as u64 - run.last < 12, "{run:?} of {}", sent.len());
}

/// Its encoder goes over to HEVC for one picture.
fn sends_hevc(camera: &Client<Publisher>) {
    camera.with(|publisher| {
        let at_ms = publisher.sent().last().expect("something was sent").timestamp_ms;
        for payload in [&b"\x90hvc1configuration"[..], b"\x93hvc1picture"] {
            publisher.peer_mut().send_media(StreamId(1), TypeId::VIDEO, at_ms, payload.into());
        }
    });
}

/// What onMetaData said first.
fn metadata(media: &[MediaReceived]) -> Amf {
    let first = media.iter().find(|media| media.type_id == TypeId::DATA_AMF0).expect("there is metadata");
    amf::read_all(&first.payload).expect("it is by the book").remove(1)
}

fn refusal_of(viewer: &Client<Player>) -> (String, String) {
    let (_, status) = viewer.told().remove(0);
    (status.code, status.description)
}
