//! Players that have a stream in another form than it was published in.

use super::*;
use crate::hub::FormRefused;
use crate::media::{Codec, CodecSet, Form, FourCc, Unfit};

const LEGACY: Form = Form::Legacy(TrackId(0));
const ONE: Form = Form::OneTrack(TrackId(0));
const SECOND: Form = Form::OneTrack(TrackId(1));

#[test]
fn what_the_form_does_not_change_is_the_same_memory() {
    let mut camera = Camera::begin();
    camera.group(0, 3);
    let mut plain = camera.stream.subscribe();
    let mut legacy = camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap();
    camera.group(120, 3);
    let theirs = wires(&camera, &mut plain);
    let ours = wires(&camera, &mut legacy);
    assert_eq!(theirs.len(), 3 + 6);
    assert_eq!(ours[3..], theirs[3..], "the preamble apart");
}

#[test]
fn a_form_of_a_running_stream_begins_at_its_newest_sync_point_behind_its_own_preamble() {
    let mut camera = enhanced(new_stream());
    for second in 0..3 {
        group(&mut camera, second * 1_000);
    }
    let mut player = camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap();
    let expected = [
        (&b"\x17\0\0\0\0conf"[..], 2_000),
        (b"\x17\x01\0\0\x42key", 2_000),
        (b"\xAF\x01sound", 2_000),
        (b"\x27\x01\0\0\0inter", 2_040),
    ];
    assert_eq!(payloads(&camera, &mut player), expected.map(owned));
    group(&mut camera, 3_000);
    assert_eq!(payloads(&camera, &mut player)[0], owned((b"\x17\x01\0\0\x42key", 3_000)));
    camera.check();
}

#[test]
fn another_track_begins_at_its_own_keyframe() {
    let mut camera = Camera::begin();
    camera.frame(0, b"\x96\x00avc1\x01conf");
    camera.group(0, 5);
    camera.frame(200, b"\x96\x03avc1\x01key1");
    camera.group(240, 5);
    camera.frame(440, b"\xA6\x03avc1\x01inter1");
    let mut player = camera.stream.subscribe_to(SECOND, CodecSet::NONE).unwrap();
    camera.frame(480, b"\x96\x03avc1\x01key2");
    let read = payloads(&camera, &mut player);
    let expected =
        [(&b"\x17\x01\0\0\0key1"[..], 200), (b"\x27\x01\0\0\0inter1", 440), (b"\x17\x01\0\0\0key2", 480)];
    assert_eq!(read[3..], expected.map(owned), "{read:?}");
    assert_eq!(read[2], owned((b"\x17\0\0\0\0conf", 200)));
    let mut late = camera.stream.subscribe_to(SECOND, CodecSet::NONE).unwrap();
    assert_eq!(payloads(&camera, &mut late)[3..], [owned((b"\x17\x01\0\0\0key2", 480))]);
}

#[test]
fn a_track_that_the_stream_does_not_have_is_refused_from_its_second_keyframe_on() {
    let mut camera = Camera::begin();
    assert!(camera.stream.subscribe_to(SECOND, CodecSet::NONE).is_ok(), "it may yet come");
    camera.group(0, 3);
    assert!(camera.stream.subscribe_to(SECOND, CodecSet::NONE).is_ok(), "so it may");
    camera.group(120, 3);
    let third = Form::Legacy(TrackId(2));
    assert_eq!(
        camera.stream.subscribe_to(third, CodecSet::NONE).unwrap_err(),
        FormRefused::Unfit(Unfit::NoSuchTrack(TrackId(2)))
    );
    assert_eq!(camera.stream.form_count(), 1, "nothing is made for it");
}

#[test]
fn what_the_form_cannot_carry_is_refused_by_name() {
    let mut camera = Camera::begin_without_configurations();
    let mut waits = camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap();
    camera.frame(0, b"\x90hvc1conf");
    camera.frame(0, b"\x93hvc1key");
    let unfit = FormRefused::Unfit(Unfit::ForForm { form: LEGACY, codec: Codec::Hevc });
    assert_eq!(camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap_err(), unfit);
    let ended = Read::Ended(Ending::Unfit(Unfit::ForForm { form: LEGACY, codec: Codec::Hevc }));
    assert_eq!(camera.stream.read(&mut waits), ended, "though nothing was shown before");
    let mut player = camera.stream.subscribe_to(ONE, CodecSet::NONE).unwrap();
    assert_eq!(payloads(&camera, &mut player).len(), 2);
}

#[test]
fn a_mirror_shows_nothing_of_a_stream_that_the_form_cannot_carry() {
    let mut mirror = new_stream();
    let publication = mirror.mirror().unwrap();
    let mut waits = mirror.subscribe_to(LEGACY, CodecSet::NONE).unwrap();
    let mut camera = Camera::begin_without_configurations();
    camera.send(0, audio_content(&[0xAF, 0, 0x12, 0x10]));
    camera.frame(0, b"\x90av01conf");
    camera.frame(0, b"\x91av01key");
    let mut relay = camera.stream.relay();
    while let Some(passage) = camera.stream.carry(&mut relay) {
        mirror.append_ready(&publication, passage).unwrap();
    }
    let unfit = Unfit::ForForm { form: LEGACY, codec: Codec::Av1 };
    assert_eq!(mirror.read(&mut waits), Read::Ended(Ending::Unfit(unfit)));
}

#[test]
fn a_codec_that_comes_later_ends_the_form_and_the_next_publication_may_go_on() {
    let config = StreamConfig { grace: Duration::from_secs(10), ..StreamConfig::default() };
    let mut camera = Camera::begin_on(Stream::new(Arc::new(config), chunk_size()));
    camera.group(0, 3);
    let mut player = camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap();
    assert_eq!(camera.stream.read_past_preamble(&mut player), Read::CaughtUp);
    camera.frame(120, b"\x90av01conf");
    camera.frame(120, b"\x91av01key");
    let ended = Read::Ended(Ending::Unfit(Unfit::ForForm { form: LEGACY, codec: Codec::Av1 }));
    assert_eq!(camera.stream.read(&mut player), ended);
    assert_eq!(camera.stream.read(&mut player), Read::CaughtUp);
    camera.returns();
    camera.group(0, 3);
    let mut late = camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap();
    assert_eq!(payloads(&camera, &mut late).len(), 3, "there is no configuration of that publication");
    camera.check();
}

#[test]
fn a_player_is_told_of_a_codec_that_it_does_not_take_now_or_when_it_comes() {
    let without = CodecSet::of([FourCc::new(*b"hvc1"), FourCc::new(*b"Opus")]);
    let unfit = Unfit::ForPlayer(Codec::Hevc);
    let mut camera = Camera::begin();
    camera.group(0, 3);
    let mut players = [Form::Full, ONE].map(|form| camera.stream.subscribe_to(form, without).unwrap());
    for player in &mut players {
        assert_eq!(camera.stream.read_past_preamble(player), Read::CaughtUp);
    }
    camera.frame(120, b"\x96\x00hvc1\x01conf");
    assert!(matches!(camera.stream.read(&mut players[0]), Read::Frame(_)), "another track is left to it");
    camera.frame(120, b"\x90hvc1conf");
    for player in &mut players {
        assert_eq!(camera.stream.read(player), Read::Ended(Ending::Unfit(unfit)));
    }
    let refused = camera.stream.subscribe_to(Form::Full, without).unwrap_err();
    assert_eq!(refused, FormRefused::Unfit(unfit));
    assert_eq!(camera.stream.players(), 2, "nothing is left of whoever was refused");
}

#[test]
fn the_end_of_a_stream_is_the_end_of_its_forms() {
    let mut camera = Camera::begin();
    camera.group(0, 3);
    let mut player = camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap();
    let stream = camera.end();
    assert_eq!(stream.read_past_preamble(&mut player), Read::Ended(Ending::Unpublished));
}

#[test]
fn a_player_of_a_form_that_lags_goes_on_at_a_keyframe_and_one_that_pauses_does_not_lag() {
    let mut camera = enhanced(new_stream());
    group(&mut camera, 0);
    let [mut slow, mut pauses] = [0, 1].map(|_| camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap());
    for player in [&mut slow, &mut pauses] {
        camera.stream.read_past_preamble(player);
        player.fall_behind();
    }
    camera.stream.pause(&mut pauses);
    for second in 1..8 {
        group(&mut camera, second * 1_000);
    }
    assert!(matches!(camera.stream.read(&mut slow), Read::Gap(gap) if gap.frames == 6 * 3));
    assert_eq!(payloads(&camera, &mut slow)[1], owned((b"\x17\x01\0\0\x42key", 7_000)));
    assert_eq!(camera.stream.read(&mut pauses), Read::CaughtUp);
    camera.stream.resume(&mut pauses);
    assert_eq!(payloads(&camera, &mut pauses)[1], owned((b"\x17\x01\0\0\x42key", 7_000)));
}

#[test]
fn forms_that_nobody_reads_linger_and_make_room_for_others() {
    let mut camera = Camera::begin();
    let tracks: Vec<Form> =
        (1..=limits::TRACK_FORMS as u8 + 1).map(|track| Form::OneTrack(TrackId(track))).collect();
    let mut players: Vec<Playhead> =
        tracks[1..].iter().map(|&form| camera.stream.subscribe_to(form, CodecSet::NONE).unwrap()).collect();
    assert_eq!(camera.stream.subscribe_to(tracks[0], CodecSet::NONE).unwrap_err(), FormRefused::TooManyForms);
    for form in [LEGACY, ONE] {
        assert!(
            camera.stream.subscribe_to(form, CodecSet::NONE).is_ok(),
            "those of the default track have a place"
        );
    }
    players.pop();
    assert_eq!(
        camera.stream.subscribe_to(tracks[0], CodecSet::NONE).unwrap_err(),
        FormRefused::TooManyForms,
        "it may be wanted again"
    );
    camera.frame(0, b"\x96\x00avc1\x01conf");
    for second in 0..3 {
        camera.group(second * 1_000, 3);
    }
    players.push(camera.stream.subscribe_to(tracks[0], CodecSet::NONE).unwrap());
    camera.check();
    assert_eq!(camera.stream.players(), limits::TRACK_FORMS);
    drop(players);
    camera.group(0, 3);
    assert!(!camera.stream.forms.are_none(), "they linger");
    for second in 1..=limits::FORM_LINGER.as_secs() as u32 + 1 {
        camera.group(second * 1_000, 3);
    }
    assert!(camera.stream.forms.are_none());
}

#[test]
fn whoever_begins_anew_when_the_timeline_is_full_gets_the_configurations_of_its_form() {
    let mut camera = enhanced(new_stream());
    group(&mut camera, 0);
    let mut player = camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap();
    camera.stream.timeline.follow(Timestamp::from_millis(limits::TIMELINE_TIME.as_millis() as u32));
    group(&mut camera, 1_000);
    assert_eq!(camera.stream.read_past_preamble(&mut player), Read::Ended(Ending::TimelineFull));
    let mut anew = camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap();
    assert_eq!(payloads(&camera, &mut anew)[0], owned((b"\x17\0\0\0\0conf", 0)));
}

#[test]
fn sound_of_another_track_alone_has_sync_points_too() {
    let mut camera = Camera::begin_without_configurations();
    let sound = |camera: &mut Camera, millis: u32| {
        camera.send(millis, audio_content(b"\xAF\x01zero"));
        camera.send(millis, audio_content(b"\x95\x01mp4a\x01one"));
    };
    (0..60).for_each(|index| sound(&mut camera, index * 40));
    let mut player = camera.stream.subscribe_to(SECOND, CodecSet::NONE).unwrap();
    let read = payloads(&camera, &mut player);
    let (first, last) = (&read[0], &read[read.len() - 1]);
    assert_eq!((first, last), (&owned((b"\xAF\x01one", 2_000)), &owned((b"\xAF\x01one", 2_360))));
}

#[test]
fn a_track_that_has_not_come_by_the_second_keyframe_is_not_waited_for_and_may_come_later() {
    let mut camera = Camera::begin();
    let mut waits = camera.stream.subscribe_to(SECOND, CodecSet::NONE).unwrap();
    camera.group(0, 3);
    assert_eq!(camera.stream.read_past_preamble(&mut waits), Read::CaughtUp, "the default one stands in");
    camera.group(120, 3);
    let missing = Unfit::NoSuchTrack(TrackId(1));
    assert_eq!(camera.stream.read_past_preamble(&mut waits), Read::Ended(Ending::Unfit(missing)));
    assert_eq!(camera.stream.subscribe_to(SECOND, CodecSet::NONE).unwrap_err(), FormRefused::Unfit(missing));
    camera.frame(240, b"\x96\x00avc1\x01conf");
    camera.frame(240, b"\x96\x03avc1\x01key");
    let mut player = camera.stream.subscribe_to(SECOND, CodecSet::NONE).unwrap();
    let read = payloads(&camera, &mut player);
    assert_eq!(read[read.len() - 1], owned((b"\x17\x01\0\0\0key", 240)));
    camera.check();
}

#[test]
fn nothing_of_the_track_that_stood_in_stays_in_the_preamble() {
    let mut camera = Camera::begin();
    camera.group(0, 3);
    let mut first = camera.stream.subscribe_to(SECOND, CodecSet::NONE).unwrap();
    camera.send(40, audio_content(b"\x95\x01ac-3\x01sound"));
    camera.stream.read_past_preamble(&mut first);
    camera.group(120, 3);
    let mut late = camera.stream.subscribe_to(SECOND, CodecSet::NONE).unwrap();
    let read = camera.read_all(&mut late);
    assert!(read.iter().all(|(kind, _)| *kind != AUDIO_CONFIG), "AC-3 has no configuration: {read:?}");
}

#[test]
fn a_track_that_sends_no_keyframes_is_shown_all_the_same() {
    let mut camera = Camera::begin();
    camera.group(0, 3);
    camera.frame(0, b"\x96\x00avc1\x01conf");
    let mut player = camera.stream.subscribe_to(SECOND, CodecSet::NONE).unwrap();
    let mut read = Vec::new();
    for index in 1..limits::KEYFRAME_TIME.as_millis() as u32 / 400 + 4 {
        camera.group(index * 400, 3);
        camera.frame(index * 400 + 80, b"\xA6\x03avc1\x01inter");
        read.extend(payloads(&camera, &mut player));
    }
    let inter = owned((b"\x27\x01\0\0\0inter", 0)).0;
    let shown = read.iter().filter(|(payload, _)| *payload == inter).count();
    assert!((1..5).contains(&shown), "once that is clear: {read:?}");
}

#[test]
fn forms_that_nobody_reads_end_with_their_publication() {
    let mut camera = Camera::begin();
    camera.group(0, 3);
    drop(camera.stream.subscribe_to(LEGACY, CodecSet::NONE).unwrap());
    assert_eq!(camera.stream.form_count(), 1);
    assert_eq!(camera.end().form_count(), 0);
}

/// H.264 by FourCC, and AAC.
fn enhanced(stream: Stream) -> Camera {
    let mut camera = Camera::without_configurations_on(stream);
    camera.frame(0, b"\x90avc1conf");
    camera
}

fn group(camera: &mut Camera, millis: u32) {
    camera.frame(millis, b"\x91avc1\0\0\x42key");
    camera.send(millis, audio_content(b"\x91mp4asound"));
    camera.frame(millis + 40, b"\xA3avc1inter");
}

fn owned((payload, millis): (&[u8], u32)) -> (String, u32) {
    (payload.escape_ascii().to_string(), millis)
}

fn payloads(camera: &Camera, player: &mut Playhead) -> Vec<(String, u32)> {
    std::iter::from_fn(|| match camera.stream.read(player) {
        Read::Frame(frame) => Some(owned((&frame.whole_payload(), frame.timestamp().millis()))),
        _ => None,
    })
    .collect()
}

/// Where each frame stands in memory.
fn wires(camera: &Camera, player: &mut Playhead) -> Vec<*const u8> {
    std::iter::from_fn(|| match camera.stream.read(player) {
        Read::Frame(frame) => Some(frame.wire().as_ptr()),
        _ => None,
    })
    .collect()
}

impl Camera {
    fn check(&self) {
        self.stream.check_tape();
    }

    /// The publisher vanishes and comes back.
    fn returns(&mut self) {
        let publication = self.publication.duplicate();
        self.stream.abandon(publication, self.now);
        self.publication = self.stream.publish(&Bid::default(), self.now).unwrap();
    }
}
