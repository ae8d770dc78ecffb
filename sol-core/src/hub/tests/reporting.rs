//! What a stream says of itself to its operator.

use super::*;

#[test]
fn a_report_names_codecs_rates_and_the_keyframe_interval_by_what_is_on_the_tape() {
    let mut camera = Camera::begin();
    for group in 0..3 {
        camera.group(group * 400, 10);
        camera.audio(group * 400 + 20);
    }
    let report = camera.stream.report();
    assert_eq!(
        (report.state, report.keyframe_interval),
        (StreamState::Live, Some(Duration::from_millis(400)))
    );
    let [video, audio] = &report.tracks[..] else { panic!("{report:?}") };
    assert_eq!((video.kind, video.codec.to_string()), (TrackKind::Video, "H.264".to_owned()));
    // 29 intervals of 40 ms; each frame but the last weighs.
    let bytes = 3 * KEY.len() + 26 * INTER.len();
    let bits_per_second = (bytes as f64 * 8.0 / 1.16).round() as u64;
    assert_eq!(video.rate, Some(TrackRate { bits_per_second, frames_per_second: 25.0 }));
    assert_eq!((audio.kind, audio.codec.to_string()), (TrackKind::Audio, "AAC".to_owned()));
    assert_eq!(audio.rate, Some(TrackRate { bits_per_second: 60, frames_per_second: 2.5 }));
    assert_eq!(report.tape_bytes, camera.stream.tape_bytes());
}

#[test]
fn a_report_of_a_stream_that_has_only_begun_names_its_codecs_and_no_rates() {
    let camera = Camera::begin();
    let report = camera.stream.report();
    assert_eq!(report.tracks.iter().map(|track| track.rate).collect::<Vec<_>>(), [None, None]);
    assert_eq!(report.keyframe_interval, None);
}

#[test]
fn a_report_says_whether_a_stream_is_live_in_its_grace_or_waited_for() {
    let mut stream = new_stream();
    assert_eq!(stream.report().state, StreamState::Waiting);
    stream.config_for_test(StreamConfig::default());
    let publication = stream.publish(&Bid::default(), Instant::EPOCH).unwrap();
    assert_eq!(stream.report().state, StreamState::Live);
    stream.abandon(publication, Instant::EPOCH);
    assert_eq!(stream.report().state, StreamState::Grace);
    stream.handle_timeout(Instant::EPOCH + Duration::from_secs(10));
    assert_eq!(stream.report().state, StreamState::Waiting);
}

#[test]
fn a_keyframe_interval_is_that_of_pictures_also_where_sound_comes_first() {
    let mut camera = Camera::begin();
    for second in 0..3 {
        camera.audio(second * 1_000 + 17 * second);
        camera.group(second * 1_000, 25);
    }
    assert_eq!(camera.stream.report().keyframe_interval, Some(Duration::from_secs(1)));
}

#[test]
fn a_report_has_nothing_of_a_publisher_that_another_has_replaced() {
    let mut stream = new_stream();
    stream.config_for_test(StreamConfig::default());
    let mut camera = Camera::begin_on(stream);
    camera.group(0, 10);
    let Camera { mut stream, publication, .. } = camera;
    stream.abandon(publication, Instant::EPOCH);
    let report = stream.report();
    assert_eq!((report.state, report.tracks.len()), (StreamState::Grace, 2), "it may yet return");
    let mut player = stream.subscribe();

    let mut radio = Camera::without_configurations_on(stream);
    let seen: Vec<_> = radio.read_all(&mut player);
    assert_eq!(seen.len(), 13);
    radio.audio(0);
    radio.now = radio.now + limits::RETURN_TIME;
    radio.audio(0);
    radio.audio(500);
    let [audio] = &radio.stream.report().tracks[..] else { panic!("{:?}", radio.stream.report()) };
    assert_eq!(audio.kind, TrackKind::Audio);
    // In front of the splice, and yet behind by all that comes after it.
    assert!(radio.stream.lag(&player).bytes > 0);
}

#[test]
fn the_slowest_player_that_reads_is_the_lag_of_a_report() {
    let (mut camera, mut slow) = Camera::watched();
    let mut fast = camera.stream.subscribe();
    let mut paused = camera.stream.subscribe();
    camera.stream.pause(&mut paused);
    camera.group(1_000, 10);
    camera.read_all(&mut fast);
    let lag = camera.stream.lag(&slow);
    assert_eq!(lag.time, Duration::from_millis(360));
    assert!(lag.bytes > 0);
    let report = camera.stream.report();
    assert_eq!((report.players, report.lag_max), (3, Duration::from_millis(360)));
    assert_eq!((camera.stream.lag(&fast), camera.stream.lag(&paused)), (Lag::default(), Lag::default()));
    camera.read_all(&mut slow);
    assert_eq!(camera.stream.report().lag_max, Duration::ZERO);
}

#[test]
fn a_codec_that_changes_is_measured_from_the_change_on() {
    let mut camera = Camera::begin();
    camera.group(0, 10);
    camera.frame(400, b"\x91hvc1\0\0\0\0");
    camera.frame(500, b"\xA1hvc1\0\0\0\0");
    let video = &camera.stream.report().tracks[0];
    assert_eq!(video.codec.to_string(), "HEVC");
    assert_eq!(video.rate.map(|rate| rate.frames_per_second), Some(10.0));
}
