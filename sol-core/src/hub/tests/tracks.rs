//! Streams of several tracks.

use super::*;

#[test]
fn tracks_of_one_message_stand_in_the_preamble_each_by_itself() {
    let mut camera = Camera::begin_without_configurations();
    let both =
        |a: u8, b: u8| video_content(&[&b"\x96\x10av01"[..], &[0, 0, 0, 1, a, 1, 0, 0, 1, b]].concat());
    let second = |body: u8| video_content(&[&b"\x96\x00av01\x01"[..], &[body]].concat());
    camera.send(0, both(7, 8));
    camera.send(0, second(9));
    camera.send(0, both(7, 9));
    let mut player = camera.stream.subscribe();
    let payloads: Vec<Vec<u8>> = std::iter::from_fn(|| match camera.stream.read(&mut player) {
        Read::Frame(frame) => Some(frame.payload().flatten().copied().collect()),
        _ => None,
    })
    .collect();
    assert_eq!(payloads, [&b"\x90av01\x07"[..], b"\x96\x00av01\x01\x09"]);
}

#[test]
fn a_track_without_a_record_takes_none_from_the_others() {
    for both in [&b"\x96\x10hvc1\0\0\0\x01a\x01\0\0\0"[..], b"\x96\x10hvc1\x01\0\0\0\0\0\0\x01a"] {
        let mut camera = Camera::begin_without_configurations();
        camera.send(0, video_content(both));
        let mut player = camera.stream.subscribe();
        let read = camera.read_all(&mut player);
        assert_eq!(read, [(VIDEO_CONFIG, 0)], "{both:?}");
    }
}

#[test]
fn what_breaks_a_rule_of_its_header_is_left_out_and_counted() {
    let mut camera = Camera::begin();
    let mut player = camera.stream.subscribe();
    camera.group(0, 2);
    camera.read_all(&mut player);
    for payload in [&b"\x96\x16hvc1\x00"[..], b"\x97\xFF", b"\x91hvc1\x00"] {
        camera.send(40, video_content(payload));
    }
    camera.send(40, audio_content(b"\x95\x30Opus"));
    assert_eq!(camera.read_all(&mut player), []);
    assert_eq!(camera.corrections().count(Correction::Malformed), 4);
}
