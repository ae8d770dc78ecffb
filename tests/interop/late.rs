//! Streams that have run for hours and weeks, by the clock of their publisher.

use std::ops::Range;

use sol_core::limits;
use sol_tests::peer::amf::Amf;
use sol_tests::peer::message::{Command, StreamId, TypeId};
use sol_tests::peer::script::{self, Phase};
use sol_tests::programs::flv::{Kind, Tag};
use sol_tests::programs::{DEADLINE, Family, Player, Sol, packets_by_vlc};
use sol_tests::wire::Wire;

use crate::clip::Clip;
use crate::payload_runs;
use crate::players::{assert_ended_well, assert_received_by_any, one_of_each};

#[test]
fn every_player_joins_a_stream_that_has_run_for_five_hours() {
    let clip = Clip::open("h264_aac.flv");
    let remuxed = packets_by_vlc(clip.bytes());
    let mut sol = Sol::start();
    sol.extend_deadline(2 * DEADLINE);
    let keyframe = clip.keyframe(1);
    let joined = clip.tag_of_picture(keyframe + 8);

    let mut camera = Camera::start(&sol, &clip);
    camera.run_until(FIVE_HOURS_MS);
    camera.send(0..joined, FIVE_HOURS_MS);
    let players = one_of_each(&sol.url("live/cam"));
    let mut watcher = watch(&sol);
    sol.wait_for(players.len() + 1, "play");
    camera.send(joined..clip.tags().len(), FIVE_HOURS_MS);
    camera.finish();

    for recording in players.map(Player::finish) {
        assert_ended_well(&recording);
        assert_received_by_any(&recording, &remuxed, &clip, keyframe);
    }
    watcher.run_to_the_end().unwrap();
    assert!(times_of(&watcher).min() >= Some(FIVE_HOURS_MS));
    sol.stop();
}

/// At 2³¹ ms flv.js and mpegts.js stand still for good.
#[test]
fn players_are_sent_away_before_their_streams_time_is_more_than_players_bear_and_may_return() {
    let clip = Clip::open("h264_aac.flv");
    let remuxed = packets_by_vlc(clip.bytes());
    let mut sol = Sol::start();
    sol.extend_deadline(3 * DEADLINE);
    let [joined, filled, over] = [1, 2, 3].map(|group| clip.keyframe(group));
    let amid_the_group_filled = clip.tags()[clip.tag_of_picture(filled + 8)].timestamp_ms;
    let start = limits::TIMELINE_TIME.as_millis() as u32 - amid_the_group_filled;

    let mut camera = Camera::start(&sol, &clip);
    camera.run_until(start);
    camera.send(0..clip.tag_of_picture(joined + 8), start);
    let before = one_of_each(&sol.url("live/cam"));
    let mut sent_away = watch(&sol);
    let count = before.len() + 1;
    sol.wait_for(count, "play");
    camera.send(clip.tag_of_picture(joined + 8)..clip.tag_of_picture(over + 8), start);

    // They leave though the stream goes on, with all that came before the group that begins anew.
    let before = before.map(Player::finish);
    sent_away.run_to_the_end().unwrap();
    let mut come_later = watch(&sol);
    let returned = one_of_each(&sol.url("live/cam"));
    sol.wait_for(2 * count, "play");
    camera.send(clip.tag_of_picture(over + 8)..clip.tags().len(), start);
    camera.finish();

    let sounds_before = |tag: usize| {
        let sounds = clip.tags()[..tag].iter().filter(|tag| tag.kind == Kind::Audio);
        sounds.filter(|tag| !tag.is_configuration()).count()
    };
    let [first_sound, end_of_sounds] = [joined, over].map(|group| sounds_before(clip.tag_of_picture(group)));
    for recording in before {
        assert_ended_well(&recording);
        let family = recording.family;
        let is_vlc = family == Family::Vlc;
        let [pictures, sounds] = payload_runs(&recording, if is_vlc { &remuxed } else { &clip.packets });
        assert_eq!((pictures.start, sounds.start), (joined, first_sound), "{family}");
        let got = pictures.end + sounds.end;
        let all = over + end_of_sounds;
        // rtmp2src may throw its last message away; VLC's muxer keeps the last sounds for itself.
        match family {
            Family::Rtmp2src => assert!(got == all || got + 1 == all, "{family}: {got} of {all}"),
            Family::Vlc => assert!(pictures.end == over && got <= all, "{family}: {got} of {all}"),
            Family::Ffmpeg | Family::Rtmpdump | Family::Rtmpsrc | Family::Curl | Family::Mpv => {
                assert_eq!(got, all, "{family}");
            }
        }
    }
    for recording in returned.map(Player::finish) {
        assert_ended_well(&recording);
        assert_received_by_any(&recording, &remuxed, &clip, over);
    }
    come_later.run_to_the_end().unwrap();
    let full_ms = limits::TIMELINE_TIME.as_millis() as u32;
    let last = times_of(&sent_away).max().expect("it got something");
    // The group that was under way, and no more.
    assert!((full_ms..full_ms + 2_000).contains(&last), "{last}");
    assert!(times_of(&sent_away).min() >= Some(start));
    assert!(times_of(&come_later).max().expect("it got something") < 10_000);
    let log = sol.stop();
    let (full, ended): (Vec<_>, Vec<_>) =
        log.of("play ended").into_iter().partition(|end| end.text("reason") == "timeline-full");
    assert_eq!((full.len(), ended.len()), (count, count));
    for end in ended {
        assert_eq!(end.text("reason"), "stream-ended", "{end}");
    }
    let closed = log.of("disconnect").into_iter().filter(|end| end.text("reason") == "timeline-full");
    assert_eq!(closed.count(), count);
}

/// A publisher of a clip, as fast as the server takes it, whose clock the test moves.
struct Camera<'a> {
    wire: Wire<script::Publisher>,
    stream: StreamId,
    clip: &'a Clip,
}

impl<'a> Camera<'a> {
    /// Publishes `live/cam` and begins with what a decoder needs.
    fn start(sol: &Sol, clip: &'a Clip) -> Self {
        let wire = Wire::connect(sol.address(), script::Publisher::by_hand("live", "cam"));
        let mut wire = wire.expect("the server listens");
        let &Phase::Live(stream) = wire.decide().expect("the server answers") else { panic!("refused") };
        let mut camera = Self { wire, stream, clip };
        // Sound as well: a track that begins seconds after the others is taken to have a clock of its own.
        let is_sound = |tag: &Tag| tag.kind == Kind::Audio && !tag.is_configuration();
        let sound = clip.tags().iter().position(is_sound).expect("the clip has sound");
        camera.send(0..sound + 1, 0);
        camera
    }

    /// Sends a sound now and then until its clock is there.
    fn run_until(&mut self, end_ms: u32) {
        let sound = self.clip.tags().iter().find(|tag| tag.kind == Kind::Audio && !tag.is_configuration());
        let sound = sound.expect("the clip has sound");
        for at_ms in (STEP_MS..end_ms).step_by(STEP_MS as usize) {
            self.queue(sound, at_ms);
        }
        self.wire.flush().expect("the server takes it");
    }

    /// Sends tags of the clip, later than they say, until the server has them; no metadata, whose duration makes rtmpdump wait for more.
    fn send(&mut self, tags: Range<usize>, later_ms: u32) {
        for tag in &self.clip.tags()[tags] {
            if !matches!(tag.kind, Kind::Other(_)) {
                self.queue(tag, tag.timestamp_ms + later_ms);
            }
        }
        // An answer to what comes behind it tells that the server has it all.
        let transaction = self.wire.script.peer_mut().call(StreamId::CONNECTION, "FCPublish", &[Amf::Null]);
        let is_its_answer = |answer: &Command| answer.transaction == transaction;
        self.wire
            .run_until(|script| script.peer().commands().iter().any(is_its_answer))
            .expect("the server answers");
    }

    fn queue(&mut self, tag: &Tag, timestamp_ms: u32) {
        let type_id = match tag.kind {
            Kind::Audio => TypeId::AUDIO,
            Kind::Video => TypeId::VIDEO,
            Kind::Other(number) => TypeId(number),
        };
        let payload = tag.body.clone().into();
        self.wire.script.peer_mut().send_media(self.stream, type_id, timestamp_ms, payload);
    }

    fn finish(self) {
        self.wire.finish().expect("the server takes it");
    }
}

/// A player of `live/cam` that tells the times as they came.
fn watch(sol: &Sol) -> Wire<script::Player> {
    let wire = Wire::connect(sol.address(), script::Player::new("live", "cam"));
    let mut wire = wire.expect("the server listens");
    wire.decide().expect("the server answers");
    wire
}

/// Metadata is timeless.
fn times_of(watch: &Wire<script::Player>) -> impl Iterator<Item = u32> {
    let media = watch.script.media().iter();
    media.filter(|media| media.type_id != TypeId::DATA_AMF0).map(|media| media.timestamp_ms)
}

/// More than the 24 bits of a short timestamp hold (4 h 39 min 37 s).
const FIVE_HOURS_MS: u32 = 5 * 3_600_000;

/// Just below what is taken for another clock.
const STEP_MS: u32 = limits::CLOCK_AHEAD_MILLIS as u32 - 1_000;
