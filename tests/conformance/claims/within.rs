//! Within: streams that come from the process itself, appended in whatever thread.

use std::thread;
use std::time::Instant;

use sol_core::hub::{PublishRefused, Replaced, Takeover};
use sol_tests::peer::pattern::{MediaSent, Pattern};
use sol_tests::peer::script::Phase;

use crate::adapters::Adapter;
use crate::house::{House, as_media};
use crate::patience::{ms, streaming};
use crate::visitor::name_in_use;

pub(crate) fn a_stream_from_within_is_played_like_any_other(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    // More than are served in one go, and in several threads where there are several.
    let mut players: Vec<_> = (0..12).map(|_| house.waiting_player("cam")).collect();
    let mut inside = house.within("live/cam").expect("the name is free");
    assert!(matches!(house.within("live/cam"), Err(PublishRefused::NameInUse(_))));
    let sent = three_seconds();
    sent.iter().for_each(|sent| inside.append(&as_media(sent)).expect(ALONE));
    players.iter_mut().for_each(|player| drop(player.watch(&sent)));
    assert!(house.report().from_within.contains(&"live/cam".parse().expect("it is a name")));
    assert_eq!(*house.publisher("cam").phase(), name_in_use());

    inside.finish();
    players.iter_mut().for_each(|player| player.watch_to_the_end(&sent));
    assert!(house.report().from_within.is_empty());
    let outside = house.publisher("cam");
    assert!(matches!(outside.phase(), Phase::Live(_)), "{:?}", outside.phase());
    assert!(matches!(house.within("live/cam"), Err(PublishRefused::NameInUse(_))));
}

pub(crate) fn a_stream_from_within_that_is_dropped_may_be_taken_up_by_another_publisher(
    adapter: &dyn Adapter,
) {
    let house = House::open(adapter);
    let inside = house.within("live/cam").expect("the name is free");
    let mut player = house.player("cam");
    drop(inside);
    let mut camera = house.publisher("cam");
    camera.stream(ms(1_000));
    player.watch(camera.sent());
    house.until_ended(camera.vanish(0));
    let mut again = house.within("live/cam").expect("it is in its grace");
    let sent: Vec<MediaSent> = three_seconds();
    sent.iter().for_each(|sent| again.append(&as_media(sent)).expect(ALONE));
    player.read_on(&sent);
    assert!(player.is_live());
}

pub(crate) fn a_publisher_from_within_that_is_replaced_hears_of_it_when_it_appends(adapter: &dyn Adapter) {
    let house = House::with(adapter, streaming(|stream| stream.takeover = Takeover::Replace));
    let mut inside = house.within("live/cam").expect("the name is free");
    let mut player = house.player("cam");
    let mut camera = house.publisher("cam");
    let sound = as_media(&three_seconds()[0]);
    let began = Instant::now();
    // Where it is on another loop, the news takes a moment.
    while inside.append(&sound).is_ok() {
        assert!(began.elapsed() < sol_tests::programs::DEADLINE, "nobody tells it");
    }
    assert_eq!(inside.append(&sound), Err(Replaced), "and ever after");
    inside.finish();
    camera.stream(ms(500));
    player.read_on(camera.sent());
    assert!(player.is_live());
}

pub(crate) fn a_stream_from_within_goes_on_over_a_shutdown(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut inside = house.within("live/cam").expect("the name is free");
    house.shutdown();
    three_seconds().iter().for_each(|sent| inside.append(&as_media(sent)).expect(ALONE));
    house.until_counts(0, 1);
    inside.finish();
    house.until_empty();
}

pub(crate) fn streams_from_within_are_appended_in_several_threads_at_once(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let names = ["one", "two", "three", "four"];
    let mut players: Vec<_> =
        names.iter().flat_map(|name| [(); 5].map(|()| house.waiting_player(name))).collect();
    let sent = three_seconds();
    thread::scope(|scope| {
        for name in names {
            let mut inside = house.within(&format!("live/{name}")).expect("the name is free");
            let sent = &sent;
            scope.spawn(move || {
                sent.iter().for_each(|sent| inside.append(&as_media(sent)).expect(ALONE));
                inside.finish();
            });
        }
        players.iter_mut().for_each(|player| player.watch_to_the_end(&sent));
    });
}

fn three_seconds() -> Vec<MediaSent> {
    Pattern::new().marked(3).media().take_while(|media| media.due < ms(3_000)).collect()
}

const ALONE: &str = "nobody takes its place";
