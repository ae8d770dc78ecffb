//! Naming: what clients call a stream, however they divide and decorate it, and where they put its query string.

use sol_core::limits;
use sol_core::name::NameError;
use sol_core::participant::Event;
use sol_core::session::{CloseReason, Refusal};
use sol_tests::peer::Peer;
use sol_tests::peer::amf::Amf;
use sol_tests::peer::message::StreamId;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::run::check_run;
use sol_tests::world::{Client, World, ms, seed};

const STREAM: StreamId = StreamId(1);

/// `app` and `tcUrl` of connect, and the key of publish or play.
type Said<'a> = (&'a str, &'a str, &'a str);

#[test]
fn who_means_the_same_stream_meets_there_in_whatever_way_they_say_it() {
    let table: [Said<'_>; 14] = [
        ("live/hall", "rtmp://host/live/hall", "cam"),
        ("live", "rtmp://host/live", "hall/cam"),
        ("", "rtmp://host:1935/", "live/hall/cam"),
        ("live/hall/cam", "rtmp://host/live/hall/cam", ""),
        ("/live//hall/", "rtmp://host//live//hall/", "//cam/"),
        ("live/hall", "rtmp://host/live/hall", "mp4:cam"),
        ("live", "rtmp://host/live", "flv:hall/cam"),
        ("'live/hall'", "'rtmp://host/live/hall'", "cam"),
        ("live/hall", "\"rtmp://host/live/hall\"", " cam "),
        ("", "rtmp://host/live/hall", "cam"),
        ("", "'rtmps://[::1]:443/live/hall?key=1'", "cam"),
        ("live/hall", "", "cam"),
        ("live/hall", "no address at all", "cam"),
        ("live/hall?key=1", "rtmp://host/live/hall?key=1", "cam?key=2"),
    ];
    for said in table {
        let mut world = World::new(seed(1));
        let camera = world.publisher("live/hall/cam").streaming(Pattern::new());
        let viewer = asking(&mut world, said, "play");
        world.run_for(ms(1_500));
        let media = viewer.with(|peer| peer.media_of(STREAM));
        let run = check_run(&media, &camera.sent()).unwrap_or_else(|why| panic!("{said:?}: {why}"));
        assert!(run.frames > 60, "{said:?}: {run:?}");
    }
}

#[test]
fn who_says_another_name_meets_nobody() {
    let mut world = World::new(seed(2));
    let camera = world.publisher("live/hall/cam").streaming(Pattern::new());
    let table: [Said<'_>; 5] = [
        ("live", "rtmp://host/live", "cam"),
        ("live/hall", "rtmp://host/live/hall", "Cam"),
        ("live/hall", "rtmp://host/live/hall", "cam%20"),
        ("live", "rtmp://host/live/hall", "cam"),
        ("live/hall", "rtmp://host/live/hall", "mp3:cam"),
    ];
    let elsewhere = table.map(|said| asking(&mut world, said, "play"));
    world.run_for(ms(2_000));
    for (viewer, said) in elsewhere.iter().zip(table) {
        assert_eq!(viewer.with(|peer| peer.media().len()), 0, "{said:?}");
    }
    assert_eq!(camera.closed(), None);
}

#[test]
fn the_policy_gets_the_query_string_from_wherever_it_stands_and_once() {
    let table: [(Said<'_>, &str); 12] = [
        (("live", "rtmp://host/live", "cam"), ""),
        (("live", "rtmp://host/live", "cam?key=1"), "key=1"),
        (("live?key=1", "rtmp://host/live?key=1", "cam"), "key=1"),
        (("live?key=1", "rtmp://host/live", "cam"), "key=1"),
        (("live", "rtmp://host/live?key=1", "cam"), "key=1"),
        (("live", "'rtmp://host/live?key=1'", "cam"), "key=1"),
        (("", "rtmp://host/live?key=1", "cam"), "key=1"),
        (("live", "rtmp://host/live?key=1", "cam?user=2"), "key=1&user=2"),
        (("live?key=1", "rtmp://host/live?key=1", "cam?user=2"), "key=1&user=2"),
        (("live", "rtmp://host/live/cam?key=1", "cam?key=1"), "key=1"),
        (("live?key=1", "rtmp://host/live?key=1", "cam?key=1"), "key=1"),
        (("live", "rtmp://host/live?key=a/b?c", "cam"), "key=a/b?c"),
    ];
    for command in ["publish", "play"] {
        for (said, query) in table {
            let mut world = World::new(seed(3));
            let client = asking(&mut world, said, command);
            world.run_for(ms(500));
            assert_eq!(asked(&client), Some(("live/cam".to_owned(), query.to_owned())), "{command} {said:?}");
        }
    }
}

#[test]
fn the_url_counts_also_where_its_property_is_in_lower_case() {
    let mut world = World::new(seed(4));
    let client = world.peer();
    client.with(|peer| {
        connect(peer, [("tcurl", "rtmp://host/live?key=1")]);
        peer.create_stream();
        peer.publish(STREAM, "cam");
    });
    world.run_for(ms(500));
    assert_eq!(asked(&client), Some(("live/cam".to_owned(), "key=1".to_owned())));
}

#[test]
fn the_query_string_of_a_url_that_is_too_long_to_be_shown_is_whole() {
    let mut world = World::new(seed(6));
    let url = format!("rtmp://host/{}?key=1", "x".repeat(limits::CLIENT_TEXT_BYTES));
    let client = asking(&mut world, ("live", &url, "cam"), "publish");
    world.run_for(ms(500));
    assert_eq!(asked(&client), Some(("live/cam".to_owned(), "key=1".to_owned())));
    let shown = client.events().into_iter().find_map(|(_, event)| match event {
        Event::Connected(connected) => Some(connected.tc_url),
        _ => None,
    });
    assert_eq!(shown, Some(url[..limits::CLIENT_TEXT_BYTES].to_owned()));
}

#[test]
fn a_query_string_that_is_too_long_is_refused_where_it_is_said() {
    let most = "x".repeat(limits::QUERY_BYTES);
    let more = format!("{most}x");
    let refusals = |client: &Client<Peer>| -> Vec<Refusal> {
        let events = client.events().into_iter();
        let refusals = events.filter_map(|(_, event)| match event {
            Event::Refused { why, .. } => Some(why),
            _ => None,
        });
        refusals.collect()
    };
    for (query, is_too_long) in [(&most, false), (&more, true)] {
        let mut world = World::new(seed(5));
        let in_app = asking(&mut world, (&format!("live?{query}"), "rtmp://host/live", "cam"), "publish");
        let in_url = asking(&mut world, ("live", &format!("rtmp://host/live?{query}"), "two"), "publish");
        let in_key = asking(&mut world, ("live", "", &format!("three?{query}")), "publish");
        world.run_for(ms(500));
        for client in [&in_app, &in_url] {
            let reason = is_too_long.then_some(CloseReason::ConnectRefused(NameError::QueryTooLong));
            assert_eq!(client.closed(), reason);
            let rejected = client.notices() == ["NetConnection.Connect.Rejected"];
            assert_eq!(rejected, is_too_long, "{:?}", client.notices());
        }
        let why = Refusal::Rejected(NameError::QueryTooLong.to_string().into());
        assert_eq!(refusals(&in_key), if is_too_long { vec![why] } else { vec![] });
    }

    let mut world = World::new(seed(5));
    let half = "x".repeat(limits::QUERY_BYTES / 2 + 1);
    let url = format!("rtmp://host/live?{half}");
    let together = asking(&mut world, ("live", &url, &format!("cam?y{half}")), "publish");
    world.run_for(ms(500));
    assert_eq!(together.notices(), ["NetStream.Publish.Rejected"], "each is short enough, both are not");
}

/// A client that says all this, and then publishes or plays.
fn asking(world: &mut World, (app, tc_url, key): Said<'_>, command: &str) -> Client<Peer> {
    let client = world.peer();
    client.with(|peer| {
        connect(peer, [("app", app), ("tcUrl", tc_url)]);
        peer.create_stream();
        match command {
            "publish" => peer.publish(STREAM, key),
            _ => peer.play(STREAM, key),
        }
    });
    client
}

/// Name and query string of what the application was asked.
fn asked(client: &Client<Peer>) -> Option<(String, String)> {
    client.events().into_iter().find_map(|(_, event)| match event {
        Event::Requested(request) => Some((request.name.as_str().to_owned(), request.query)),
        _ => None,
    })
}

fn connect<const N: usize>(peer: &mut Peer, properties: [(&str, &str); N]) {
    let properties = properties.map(|(name, text)| (name, Amf::from(text)));
    peer.call(StreamId::CONNECTION, "connect", &[Amf::object(properties)]);
}
