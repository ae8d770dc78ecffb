//! Gaps: who stops reading for a while loses what is too old, goes on where a picture begins, and delays nobody.

use sol_core::hub::StreamConfig;
use sol_core::session::RequestKind;
use sol_tests::peer::message::{MediaReceived, TypeId};
use sol_tests::peer::pattern::{FrameText, Pattern};
use sol_tests::peer::run::check_runs;
use sol_tests::peer::script::{Phase, Player, Publisher};

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::{ms, streaming};
use crate::porter::What;
use crate::visitor::Visitor;

pub(crate) fn a_player_that_stops_reading_goes_on_at_a_keyframe_with_its_preamble(adapter: &dyn Adapter) {
    let house = narrow_house(adapter, |_| {});
    let (camera, healthy, mut stalled) = one_stops_reading(&house);
    stalled.read_on(camera.sent());

    let sent = camera.sent();
    let runs = check_runs(stalled.script().media(), sent).expect("nothing but holes");
    assert!(runs.len() > 1, "more than all buffers hold is lost: {runs:?}");
    let mut missing = 0;
    for pair in runs.windows(2) {
        assert!(sent[pair[1].first as usize].is_keyframe());
        let preamble = behind_frame(stalled.script().media(), pair[0].last);
        assert_eq!(preamble, [TypeId::DATA_AMF0, TypeId::AUDIO, TypeId::VIDEO]);
        missing += pair[1].first - pair[0].last - 1;
    }
    let address = stalled.address;
    drop(stalled);
    let (_, summary) = house.until_ended(address);
    assert_eq!((summary.gaps, summary.lost.frames), (runs.len() as u64 - 1, missing));

    assert_eq!(healthy.run_of(sent).first, 3);
    let address = healthy.address;
    drop(healthy);
    assert_eq!(house.until_ended(address).1.gaps, 0);
}

pub(crate) fn a_player_that_lost_more_than_it_may_is_given_up(adapter: &dyn Adapter) {
    let house = narrow_house(adapter, |stream| {
        stream.gap_max = ms(500);
        stream.patience = 0;
    });
    let (camera, healthy, mut stalled) = one_stops_reading(&house);
    stalled.run_until(|player| matches!(player.phase(), Phase::EndedByServer(_)));
    let address = stalled.address;
    let (why, summary) = house.until_ended(address);
    assert_eq!((why, summary.gaps), ("too-slow", 1));
    drop(stalled);
    assert_eq!(house.until_closed(address), "too-slow");
    assert_eq!(healthy.run_of(camera.sent()).first, 3);
    let others = house.seen_besides();
    assert!(!others.iter().any(|seen| matches!(seen.what, What::Ended(RequestKind::Play, ..))), "{others:?}");
}

/// A server that lets nobody lag by much, and whose kernel keeps little for a player.
fn narrow_house<'a>(adapter: &'a dyn Adapter, change: impl FnOnce(&mut StreamConfig)) -> House<'a> {
    let mut config = streaming(|stream| {
        stream.lag_max = ms(1_000);
        change(stream);
    });
    config.socket.send_buffer_bytes = Some(32 * 1024);
    House::with(adapter, config)
}

/// A stream of six seconds, all of which one player sees step by step, while another one has not read since it began.
fn one_stops_reading(house: &House<'_>) -> (Visitor<Publisher>, Visitor<Player>, Visitor<Player>) {
    let pattern = Pattern::new().keyframe_every_ms(400).video_kilobits(2_000);
    let mut camera = house.publisher_of("cam", pattern);
    let mut healthy = house.player("cam");
    let mut stalled = Visitor::narrow(house.address, Player::new("live", "cam"));
    stalled.run_until(|player| player.phase().is_decided());
    for step in 1..=60 {
        camera.stream(ms(step * 100));
        // In step, so that it is never late.
        healthy.read_on(camera.sent());
    }
    (camera, healthy, stalled)
}

/// Types of the messages between this frame and the next one.
fn behind_frame(media: &[MediaReceived], sequence: u64) -> Vec<TypeId> {
    let text = |media: &MediaReceived| FrameText::read(media.type_id, &media.payload);
    let frame = media.iter().position(|media| text(media).is_some_and(|text| text.sequence == sequence));
    let rest = &media[frame.expect("it came") + 1..];
    rest.iter().take_while(|media| text(media).is_none()).map(|media| media.type_id).collect()
}
