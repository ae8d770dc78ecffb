//! Forms: who asks for a stream in another form gets that from every adapter, or hears what cannot be carried in it.

use sol_core::media::{Form, TrackId};
use sol_tests::peer::pattern::{MediaSent, Pattern, Tags};

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::{ms, streaming};

pub(crate) fn a_player_of_the_legacy_form_gets_legacy_tags_wherever_it_is(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let early = house.waiting_player("cam?form=legacy");
    let pattern = Pattern::new().in_tags(Tags::Tracks(2));
    let mut camera = house.publisher_of("cam", pattern);
    camera.stream(ms(2_500));
    // Several, so that some of them come in other threads; and those of other forms beside them.
    let late = (0..4).map(|_| (house.player("cam?form=legacy"), 0));
    let others = (0..4).map(|_| (house.player("cam?form=legacy&track=1"), 1));
    let mut players: Vec<_> = [(early, 0)].into_iter().chain(late).chain(others).collect();
    let mut full = house.player("cam");
    for until in [2_700, 3_500, 4_200] {
        camera.stream(ms(until));
        for (player, track) in &mut players {
            player.watch(&in_legacy_tags(pattern, *track, camera.sent().len()));
        }
        full.read_on(camera.sent());
    }
    camera.finish();
    for (player, track) in &mut players {
        player.watch_to_the_end(&in_legacy_tags(pattern, *track, camera.sent().len()));
    }
}

pub(crate) fn a_player_of_a_form_that_cannot_carry_the_stream_hears_which_codec_it_is(adapter: &dyn Adapter) {
    let default_form = Form::Legacy(TrackId::DEFAULT);
    let house = House::with(adapter, streaming(|stream| stream.default_form = default_form));
    let pattern = Pattern::new().in_tags(Tags::Hevc).without_metadata();
    let waits = house.waiting_player("cam");
    let mut camera = house.publisher_of("cam", pattern);
    camera.stream(ms(500));
    let mut full = house.player("cam?form=full");
    // Several, so that some of them come in other threads, where it may not be known yet what the stream has.
    let joins = (0..4).map(|_| house.player("cam"));
    for mut player in joins.chain([waits]) {
        player.run_until(|player| {
            let statuses = player.peer().statuses_in_full();
            statuses.iter().any(|status| status.code == FAILED && status.description.contains("HEVC"))
        });
        assert_eq!(player.script().media(), []);
    }
    camera.stream(ms(2_500));
    full.watch(camera.sent());
}

const FAILED: &str = "NetStream.Play.Failed";

/// So many messages of a track, as a publisher of that alone would send them.
fn in_legacy_tags(pattern: Pattern, track: u8, count: usize) -> Vec<MediaSent> {
    pattern.track(track).media().take(count).collect()
}
