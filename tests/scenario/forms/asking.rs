//! Asking: who gets which form, and who is told that it cannot have it.
//!
//! Whoever is to be refused at once comes to the loop that has the stream: what others hear is told in `crossing/forms.rs`.

use sol_core::hub::StreamConfig;
use sol_core::media::{Form, TrackId};
use sol_core::participant::EndReason;
use sol_core::session::CloseReason;
use sol_tests::peer::PeerOptions;
use sol_tests::peer::amf::Amf;
use sol_tests::peer::message::TypeId;
use sol_tests::peer::pattern::MediaSent;
use sol_tests::peer::run::check_run;
use sol_tests::peer::script::{Phase, Player};
use sol_tests::world::{Client, World, ms, seed};

use super::{
    ENHANCED, FAILED, HEVC, TWO_TRACKS, UNPUBLISH_NOTIFY, assert_is_at_the_edge, in_legacy_tags, of_cam,
    refusal_of, sends_hevc, with_streams,
};

const NOT_FOUND: &str = "NetStream.Play.StreamNotFound";

#[test]
fn a_legacy_player_of_hevc_is_refused_by_name_whether_it_comes_before_its_publisher_or_behind() {
    let mut world = World::new(seed(1));
    let waits = world.player("live/cam?form=legacy");
    world.run_until(ms(1_000));
    let camera = world.next_at(0).publisher("live/cam").streaming(HEVC);
    let full = world.player("live/cam");
    world.run_until(ms(3_000));
    let joins = world.next_at(0).player("live/cam?form=legacy");
    world.run_until(ms(12_000));
    for viewer in [&waits, &joins] {
        let (code, description) = refusal_of(viewer);
        assert_eq!(code, FAILED);
        assert!(description.contains("HEVC") && description.contains("legacy"), "{description}");
    }
    // Metadata came first, so that it was told that it plays.
    assert_eq!(waits.notices(), [FAILED, UNPUBLISH_NOTIFY]);
    assert!(waits.media().iter().all(|media| media.type_id == TypeId::DATA_AMF0));
    assert_eq!(waits.endings()[0].0.code(), "unfit");
    assert_eq!(joins.phase(), Phase::Refused(FAILED.to_owned()));
    assert_eq!((joins.notices(), joins.media()), (vec![FAILED.to_owned()], vec![]));
    assert_eq!((joins.endings(), joins.closed()), (vec![], Some(CloseReason::Refused)));
    assert_is_at_the_edge(&full.run_of(&camera), &camera.sent());
}

#[test]
fn whoever_waited_and_was_told_nothing_yet_is_refused_as_if_it_had_come_then() {
    let mut world = World::new(seed(8));
    let waits = world.player("live/cam?form=legacy");
    world.run_until(ms(1_000));
    let _camera = world.publisher("live/cam").streaming(HEVC.without_metadata());
    world.run_until(ms(12_000));
    assert_eq!(waits.phase(), Phase::Refused(FAILED.to_owned()));
    assert_eq!((waits.notices(), waits.media()), (vec![FAILED.to_owned()], vec![]));
    assert_eq!(waits.endings()[0].0.code(), "unfit");
}

#[test]
fn what_cannot_be_understood_or_is_not_there_is_refused_with_its_own_code() {
    let mut world = World::new(seed(2));
    let camera = world.next_at(0).publisher("live/cam").streaming(TWO_TRACKS);
    let full = world.player("live/cam");
    world.run_until(ms(3_000));
    for (query, code, words) in [
        ("?track=2", NOT_FOUND, ""),
        ("?form=legacy&track=255", NOT_FOUND, ""),
        ("?form=nonsense", FAILED, "\"nonsense\"; choose full, one-track or legacy"),
        ("?form=", FAILED, "choose full"),
        ("?track=256", FAILED, "a number from 0 to 255"),
        ("?track=one", FAILED, "\"one\" is no track"),
    ] {
        let viewer = world.next_at(0).player(&of_cam(query));
        world.run_for(ms(1_000));
        let (told, description) = refusal_of(&viewer);
        assert_eq!((told.as_str(), description.contains(words)), (code, true), "{query}: {description}");
        assert_eq!(viewer.media(), []);
    }
    assert_is_at_the_edge(&full.run_of(&camera), &camera.sent());
}

#[test]
fn whoever_waits_for_a_track_is_shown_the_default_one_until_it_is_clear_that_it_does_not_come() {
    let mut world = World::new(seed(3));
    let viewer = world.player("live/cam?track=7");
    world.run_until(ms(1_000));
    let camera = world.publisher("live/cam").streaming(ENHANCED);
    world.run_until(ms(5_000));
    let sent = in_legacy_tags(&camera, ENHANCED, 0);
    let run = check_run(&viewer.media(), &sent).expect("one run");
    let second_group = sent.iter().skip(10).position(MediaSent::is_keyframe).expect("there are several");
    assert!((1..second_group + 12).contains(&run.frames), "{run:?}");
    let (_, told) = viewer.told().swap_remove(0);
    assert_eq!((told.code.as_str(), told.description.as_str()), (NOT_FOUND, "the stream has no track 7"));
    assert_eq!(viewer.endings()[0].0.code(), "unfit");
}

#[test]
fn whoever_waits_in_a_form_for_nobody_is_told_in_time() {
    let mut world = with_streams(4, StreamConfig { waiting: ms(2_000), ..StreamConfig::default() });
    let viewer = world.player("live/cam?form=legacy");
    world.run_until(ms(4_000));
    assert_eq!(
        (viewer.notices(), viewer.phase()),
        (vec![NOT_FOUND.to_owned()], Phase::Refused(NOT_FOUND.to_owned()))
    );
    assert_eq!(viewer.endings()[0].0, EndReason::NotFound);
}

#[test]
fn a_player_that_states_what_it_understands_gets_the_form_that_it_can_take() {
    let list = || Amf::StrictArray(vec!["*".into()]);
    for (states, is_full) in [
        (vec![("capsEx", Amf::from(6.0))], true),
        (vec![("capsEx", 15.0.into()), ("fourCcList", list())], true),
        (vec![("capsEx", 2.0.into())], false),
        (vec![("fourCcList", list())], false),
    ] {
        let mut world = World::new(seed(5));
        let viewer = stating(&mut world, "live/cam", &states);
        // Who asks for another by name gets that.
        let asks = stating(&mut world, "live/cam?form=legacy&track=1", &states);
        world.run_until(ms(1_000));
        let camera = world.publisher("live/cam").streaming(TWO_TRACKS);
        world.run_until(ms(4_000));
        let sent = if is_full { camera.sent() } else { in_legacy_tags(&camera, TWO_TRACKS, 0) };
        let run = check_run(&viewer.media(), &sent).unwrap_or_else(|error| panic!("{states:?}: {error}"));
        assert_is_at_the_edge(&run, &sent);
        let sent = in_legacy_tags(&camera, TWO_TRACKS, 1);
        assert_is_at_the_edge(&check_run(&asks.media(), &sent).expect("one run"), &sent);
    }
}

#[test]
fn a_player_is_refused_a_codec_that_it_leaves_out_or_ended_when_that_comes() {
    let mut world = World::new(seed(6));
    let knows_av1 = [("videoFourCcInfoMap", Amf::object([("av01", 1.0.into())]))];
    let waits = stating(&mut world, "live/hevc", &knows_av1);
    let plain = world.player("live/cam");
    let sees_the_change = stating(&mut world, "live/cam", &knows_av1);
    world.run_until(ms(1_000));
    let camera = world.publisher("live/cam").streaming(ENHANCED);
    let _hevc = world.next_at(0).publisher("live/hevc").streaming(HEVC);
    world.run_until(ms(4_000));
    let joins = stating(world.next_at(0), "live/hevc", &knows_av1);
    sends_hevc(&camera);
    world.run_until(ms(12_000));
    for viewer in [&waits, &joins] {
        let (code, description) = refusal_of(viewer);
        assert_eq!(code, FAILED);
        assert!(description.contains("HEVC"), "{description}");
    }
    assert_eq!((joins.notices().len(), joins.media()), (1, vec![]));
    assert_eq!(sees_the_change.notices(), [FAILED, UNPUBLISH_NOTIFY]);
    assert_eq!(sees_the_change.endings()[0].0.code(), "unfit");
    assert_eq!((plain.notices(), plain.closed()), (vec![], None));
}

#[test]
fn whoever_states_nothing_gets_the_form_that_the_operator_decides() {
    let default_form = Form::Legacy(TrackId::DEFAULT);
    let mut world = with_streams(7, StreamConfig { default_form, ..StreamConfig::default() });
    let [silent, asks, states] = [
        world.player("live/cam"),
        world.player("live/cam?form=full"),
        stating(&mut world, "live/cam", &[("capsEx", 6.0.into())]),
    ];
    let of_track = world.player("live/cam?track=1");
    let waits = world.player("live/hevc");
    world.run_until(ms(1_000));
    let camera = world.publisher("live/cam").streaming(TWO_TRACKS);
    let _hevc = world.publisher("live/hevc").streaming(HEVC);
    world.run_until(ms(4_000));
    for (viewer, track) in [(&silent, 0), (&of_track, 1)] {
        let sent = in_legacy_tags(&camera, TWO_TRACKS, track);
        assert_is_at_the_edge(&check_run(&viewer.media(), &sent).expect("one run"), &sent);
    }
    for viewer in [&asks, &states] {
        assert_is_at_the_edge(&viewer.run_of(&camera), &camera.sent());
    }
    assert_eq!(refusal_of(&waits).0, FAILED);
}

/// A player that says so in connect.
fn stating(world: &mut World, name: &str, states: &[(&str, Amf)]) -> Client<Player> {
    let connect_extra = states.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    world.player_with(name, PeerOptions { connect_extra, ..PeerOptions::default() })
}
