//! What is told of media, message by message.

use super::*;

#[test]
fn what_changes_is_told_and_what_repeats_is_not() {
    let mut feed = Told::new(Some(("publish", 0)));
    feed.take(100, 0, video(&[0x17, 0, 0, 0, 0, 1, 66, 0, 30, 0xFF, 0xE0, 0, 0]));
    feed.take(101, 0, audio(&[0xAF, 0, 0x12, 0x10]));
    feed.take(110, 0, picture(true));
    feed.take(120, 20, audio(&[0xAF, 1, 9]));
    assert_eq!(
        feed.told(),
        [
            "video configuration: H.264 Baseline, level 3.0",
            "audio configuration: AAC LC, 44100 Hz, stereo",
            "first video: H.264, a keyframe, 100 bytes, time 0 ms, 110 ms after publish",
            "first audio: AAC, 3 bytes, time 20 ms, 120 ms after publish",
        ]
    );
    feed.take(130, 40, picture(false));
    feed.take(131, 40, audio(&[0xAF, 0, 0x12, 0x10]));
    assert_eq!(feed.told(), [""; 0]);
    feed.take(140, 40, audio(&[0xAF, 0, 0x11, 0x90]));
    feed.take(150, 60, audio(&[0x2F, 9]));
    assert_eq!(
        feed.told(),
        ["another audio configuration: AAC LC, 48000 Hz, stereo", "audio changes to MP3"]
    );
}

#[test]
fn a_picture_that_cannot_be_shown_is_told_until_a_keyframe_comes() {
    let mut feed = Told::new(None);
    for millis in 0..3 {
        feed.take(millis, millis as u32, picture(false));
    }
    assert_eq!(feed.told(), ["first video: H.264, no keyframe, 100 bytes, time 0 ms"]);
    feed.take(3, 3, picture(true));
    assert_eq!(feed.told(), ["first keyframe of video, behind 3 other frames"]);
}

#[test]
fn times_that_jump_are_told_three_times_and_then_counted() {
    let mut feed = Told::new(None);
    for step in 0..8 {
        // Two seconds of pictures, and back again.
        feed.take(step * 40, if step % 2 == 0 { 2_000 } else { 0 }, picture(true));
    }
    let told = feed.told();
    assert_eq!(told[1], "video time jumps back by 2.0 s, from 2,000 ms to 0 ms");
    assert_eq!(told[2], "video time jumps ahead by 2.0 s, from 0 ms to 2,000 ms");
    assert_eq!(told.len(), 1 + 3, "{told:?}");
    assert!(feed.end().contains(&"4 further jumps of video times".to_owned()));
}

#[test]
fn slow_streams_do_not_jump() {
    let mut feed = Told::new(None);
    for second in 0..4 {
        feed.take(second * 1_000, second as u32 * 400, picture(true));
    }
    assert_eq!(feed.told().len(), 1, "it is told that it begins, and nothing else");
}

#[test]
fn pictures_that_come_seldom_do_not_jump_and_have_a_rate() {
    let mut feed = Told::new(None);
    for second in 0..11 {
        feed.take(second * 1_000, second as u32 * 1_000, picture(true));
    }
    feed.take(10_500, 16_000, picture(true));
    let told = feed.told();
    let rates = "in 10.0 s: video 1 kbit/s, 1.0 pictures/s, keyframe every 1.0 s, times went on by 9.0 s";
    assert_eq!(told[1..], [rates, "video time jumps ahead by 6.0 s, from 10,000 ms to 16,000 ms"]);
}

#[test]
fn the_last_rates_end_with_the_last_picture_and_are_those_of_the_sender() {
    let mut feed = Told::new(None);
    // A burst of what the server had, and then 15 a second.
    for step in 0..31 {
        let at = if step < 10 { 0 } else { (step - 10) * 67 };
        feed.take(at, step as u32 * 67, picture(step == 0));
    }
    let told = feed.end();
    let rates = told.iter().find(|words| words.starts_with("in 1.3 s: video 19 kbit/s, 14.9 pictures/s,"));
    assert!(rates.is_some(), "{told:?}");
}

#[test]
fn the_track_has_one_name_for_programs_whatever_is_told_of_it() {
    let mut feed = Told::new(None);
    for rate in [0x10, 0x90, 0x10] {
        feed.take(0, 0, audio(&[0xAF, 0, 0x12, rate]));
    }
    feed.take(0, 0, picture(false));
    feed.take(0, 0, picture(true));
    let tracks: Vec<_> =
        feed.said.drain(..).map(|said| said.at(Duration::ZERO, 1, None).fields["track"].clone()).collect();
    assert_eq!(tracks, ["audio", "audio", "audio", "video", "video"]);
}

#[test]
fn silence_is_told_when_it_ends_and_rates_by_the_interval() {
    let mut feed = Told::new(None);
    for step in 0..500 {
        feed.take(step * 40, step as u32 * 40, picture(step % 50 == 0));
    }
    assert_eq!(
        feed.told()[1..],
        ["in 10.0 s: video 20 kbit/s, 25.0 pictures/s, keyframe every 2.0 s, times went on by 10.0 s"]
    );
    feed.take(25_000, 20_000, picture(true));
    assert_eq!(
        feed.told(),
        [
            "no media for 5.0 s",
            "in 15.0 s: video 13 kbit/s, 25.0 pictures/s, keyframe every 2.0 s, times went on by 10.0 s"
        ]
    );
    let packets = "packets of video: H.264 (legacy) 501 CodedFrames";
    assert_eq!(feed.end(), [packets], "too little for a rate");
    feed.take(25_200, 20_200, picture(true));
    feed.take(25_300, 20_300, picture(true));
    assert_eq!(feed.told(), ["media that come behind the end of their stream"]);
}

#[test]
fn times_go_on_by_the_clock_of_the_recording_where_headers_are_missing() {
    let mut feed = Feed::new(None);
    let at = Duration::from_millis;
    let mut time = |millis: u64, time: ObservedTime| {
        let timestamp = match time {
            ObservedTime::Absolute(time) | ObservedTime::Relative(time) => time,
        };
        let media = Media { timestamp, content: picture(true) };
        feed.in_time(&media, time, at(millis)).timestamp.millis()
    };
    let stamp = Timestamp::from_millis;
    assert_eq!(time(1_000, ObservedTime::Absolute(stamp(5_000))), 5_000);
    // A hole: 300 ms later, counted from an unknown beginning.
    assert_eq!(time(1_300, ObservedTime::Relative(stamp(7))), 5_300);
    assert_eq!(time(1_345, ObservedTime::Relative(stamp(47))), 5_340);
    assert_eq!(time(1_400, ObservedTime::Absolute(stamp(5_380))), 5_380);
}

#[test]
fn data_are_told_once_for_each_name_and_metadata_whenever_they_change() {
    let mut feed = Told::new(None);
    let data = |name: &str, number: f64| {
        let values = [name.into(), sol_tokio::sol_core::amf::Properties::new().with("n", number).into()];
        Content::Data(Data::parse(amf0::write_all(&values).into()).expect("it has a name"))
    };
    for (name, number) in [("onTextData", 1.0), ("onTextData", 2.0), ("onMetaData", 1.0), ("onMetaData", 1.0)]
    {
        feed.take(0, 0, data(name, number));
    }
    for number in [2.0, 2.0, 2.0] {
        feed.take(0, 0, data("onMetaData", number));
    }
    assert_eq!(
        feed.told(),
        ["first onTextData n: 1", "onMetaData n: 1", "onMetaData again, the same", "onMetaData n: 2"]
    );
    assert_eq!(feed.end(), ["onMetaData 2 more times, the same"]);
}

/// A feed, and what it has told.
struct Told {
    feed: Feed,
    said: Vec<Said>,
}

impl Told {
    fn new(asked: Option<(&'static str, u64)>) -> Told {
        let asked = asked.map(|(verb, millis)| Asked {
            verb,
            name: "cam".to_owned(),
            at: Duration::from_millis(millis),
        });
        Told { feed: Feed::new(asked), said: Vec::new() }
    }

    fn take(&mut self, at: u64, time: u32, content: Content) {
        let media = Media { timestamp: Timestamp::from_millis(time), content };
        self.feed.take(&media, Duration::from_millis(at), &mut self.said);
    }

    fn end(&mut self) -> Vec<String> {
        self.feed.end(&mut self.said);
        self.told()
    }

    fn told(&mut self) -> Vec<String> {
        let words = |said: Said| said.at(Duration::ZERO, 1, None).words.replace('\u{a0}', " ");
        self.said.drain(..).map(words).collect()
    }
}

fn video(payload: &[u8]) -> Content {
    Content::Video(payload.to_vec().into())
}

fn audio(payload: &[u8]) -> Content {
    Content::Audio(payload.to_vec().into())
}

fn picture(is_key: bool) -> Content {
    let mut payload = vec![0; 100];
    payload[..2].copy_from_slice(&[if is_key { 0x17 } else { 0x27 }, 1]);
    Content::Video(payload.into())
}
