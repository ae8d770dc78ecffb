//! Reporting: what a server says of itself when it is asked.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use sol_core::hub::StreamState;
use sol_core::media::TrackKind;
use sol_core::participant::Activity;

use crate::adapters::Adapter;
use crate::house::House;
use crate::patience::ms;
use crate::porter::What;

pub(crate) fn a_report_says_who_publishes_and_plays_what_from_where_and_how_well(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut camera = house.publisher("cam");
    let mut player = house.player("cam");
    let waiting = house.waiting_player("nobody");
    camera.stream(ms(5_000));
    player.watch(camera.sent());

    let report = house.report();

    let [(name, cam), (other, nobody)] = &report.streams[..] else { panic!("{report:?}") };
    assert_eq!((name.as_str(), other.as_str()), ("live/cam", "live/nobody"));
    assert_eq!((cam.state, cam.players), (StreamState::Live, 1));
    assert_eq!((nobody.state, nobody.players), (StreamState::Waiting, 1));
    assert_eq!(cam.keyframe_interval, Some(Duration::from_secs(2)));
    let tracks: Vec<_> = cam.tracks.iter().map(|track| (track.kind, track.codec.to_string())).collect();
    assert_eq!(tracks, [(TrackKind::Video, "H.264".to_owned()), (TrackKind::Audio, "AAC".to_owned())]);
    let described: Vec<_> = cam.tracks.iter().map(|track| track.description.to_string()).collect();
    assert_eq!(described, ["Main, level 3.0, 160x128", "LC, 44100 Hz, mono"]);
    let frames = cam.tracks[0].rate.map(|rate| rate.frames_per_second.round());
    assert_eq!(frames, Some(25.0));

    let seen: Vec<_> = report
        .connections
        .iter()
        .map(|connection| {
            let [role] = &connection.roles[..] else { panic!("{connection:?}") };
            (connection.peer.address, role.name.to_string(), role.activity)
        })
        .collect();
    let [publishes, plays, waits] = &seen[..] else { panic!("{seen:?}") };
    assert!(matches!(publishes.2, Activity::Publishing { .. }) && publishes.1 == "live/cam");
    assert!(matches!(plays.2, Activity::Playing(lag) if lag.time.is_zero()) && plays.1 == "live/cam");
    assert!(waits.2 == Activity::Waiting && waits.1 == "live/nobody");
    assert_eq!([publishes.0, plays.0, waits.0], [camera.address, player.address, waiting.address]);
}

pub(crate) fn the_tracks_of_a_publisher_are_told_wherever_it_and_its_stream_are(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let mut cameras = ["cam", "cam?role=backup", "other"].map(|name| house.publisher(name));
    for camera in &mut cameras {
        camera.stream(ms(500));
        for track in [(TrackKind::Video, "avc1.4D401E"), (TrackKind::Audio, "mp4a.40.2")] {
            let told = What::Described(track.0, track.1.to_owned());
            house.until(|seen| seen.who == Some(camera.address) && seen.what == told);
        }
    }
}

pub(crate) fn everybody_who_asks_for_a_report_at_the_same_time_gets_the_whole_of_it(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let cameras: Vec<_> = (0..6).map(|number| house.publisher(&format!("cam{number}"))).collect();
    thread::scope(|scope| {
        let reports = [(); 4].map(|()| scope.spawn(|| house.report()));
        for report in reports {
            let report = report.join().expect("it is given");
            assert_eq!((report.streams.len(), report.connections.len()), (6, cameras.len()));
        }
    });
}

pub(crate) fn a_report_does_not_wait_for_a_connection_that_is_closing(adapter: &dyn Adapter) {
    let house = House::open(adapter);
    let camera = house.publisher("cam");
    // Whoever is told to leave is waited for, and this client does not leave.
    let mut stranger = TcpStream::connect(house.address).expect("the server listens");
    stranger.write_all(b"GET / HTTP/1.1").expect("the server takes it");
    house.until(|seen| seen.what == What::Closed("http"));
    let report = house.report();
    assert_eq!(report.connections.len(), 1);
    assert_eq!(report.connections[0].peer.address, camera.address);
    drop(stranger);
}
