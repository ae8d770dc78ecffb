use bytes::Bytes;

use super::*;

#[test]
fn where_the_publisher_has_moved_the_new_stream_follows_the_old_one_in_time() {
    let mut seam = Seam::default();
    assert_eq!(passed(&mut seam, &film(1_000, 0..50)), times(1_000, 0..50));
    let new = film(0, 50..75);
    come(&mut seam, &new);
    assert_eq!(seam.change_over(false), None, "the old one may have more");
    let begun = seam.change_over(true).unwrap();
    assert_eq!(stamped(&begun), times(1_000, 50..75));
    assert_eq!(passed(&mut seam, &film(0, 50..100).split_off(2 * 25)), times(1_000, 75..100));
}

#[test]
fn what_the_old_one_still_has_when_the_new_one_begins_is_not_lost() {
    let mut seam = Seam::default();
    passed(&mut seam, &film(0, 0..48));
    come(&mut seam, &film(7, 50..52));
    assert_eq!(seam.change_over(false), None);
    assert_eq!(passed(&mut seam, &film(0, 48..50)), times(0, 48..50));
    assert_eq!(stamped(&seam.change_over(true).unwrap()), times(0, 50..52));
}

/// The same payloads again, as of a clip that is looped.
#[test]
fn a_clip_that_begins_again_at_the_other_server_is_not_taken_for_what_has_been() {
    let mut seam = Seam::default();
    let again = |from: u32| film(from, 0..25);
    passed(&mut seam, &again(0));
    come(&mut seam, &again(0)[..10]);
    assert_eq!(seam.change_over(false), None);
    assert_eq!(stamped(&seam.change_over(true).unwrap()).len(), 10);
}

#[test]
fn where_both_have_the_stream_no_frame_comes_twice_or_is_left_out() {
    for is_over in [false, true] {
        let mut seam = Seam::default();
        passed(&mut seam, &film(40_000, 0..30));
        // It begins at a keyframe that has been, and has a time of its own.
        come(&mut seam, &film(0, 25..29));
        assert_eq!(seam.change_over(false), None, "nothing has come beside it yet");
        passed(&mut seam, &film(40_000, 30..31));
        assert_eq!(seam.change_over(false), None, "the new one is behind");
        if !is_over {
            come(&mut seam, &film(0, 25..33).split_off(2 * 4));
        } else {
            come(&mut seam, &film(0, 25..31).split_off(2 * 4));
        }
        let begun = stamped(&seam.change_over(is_over).unwrap());
        let rest = film(0, 25..40).split_off(if is_over { 2 * 6 } else { 2 * 8 });
        let all = [begun, passed(&mut seam, &rest)].concat();
        assert_eq!(all, times(40_000, 31..40));
    }
}

#[test]
fn where_the_old_one_ends_before_the_new_one_has_all_that_it_had_the_rest_is_left_out_as_it_comes() {
    let mut seam = Seam::default();
    passed(&mut seam, &film(0, 0..27));
    come(&mut seam, &film(0, 25..26));
    passed(&mut seam, &film(0, 27..30));
    come(&mut seam, &film(0, 25..28).split_off(2));
    let begun = seam.change_over(true).unwrap();
    assert_eq!(stamped(&begun), []);
    assert_eq!(passed(&mut seam, &film(0, 28..33)), times(0, 30..33));
}

#[test]
fn pictures_in_front_of_the_first_keyframe_are_of_no_use_and_what_is_known_is_not_told_again() {
    let mut seam = Seam::default();
    let configuration = |byte| video(0, &[0x17, 0, 0, 0, 0, byte]);
    seam.here(configuration(1));
    passed(&mut seam, &film(0, 0..25));
    seam.there(configuration(1));
    seam.there(video(0, &[0x27, 1, 0, 0, 0, 99]));
    seam.there(configuration(2));
    come(&mut seam, &film(0, 25..26));
    let begun = seam.change_over(true).unwrap();
    assert_eq!(begun[0].content, configuration(2).content);
    assert_eq!(stamped(&begun[1..]), times(0, 25..26));
}

#[test]
fn time_never_goes_back_whatever_the_other_server_says() {
    let mut seam = Seam::default();
    passed(&mut seam, &film(0, 0..25));
    seam.here(sound(5_000, 1));
    come(&mut seam, &film(0, 25..30));
    let begun = seam.change_over(true).unwrap();
    let sounds: Vec<u32> = begun
        .iter()
        .filter(|media| matches!(media.content, Content::Audio(_)))
        .map(|media| media.timestamp.millis())
        .collect();
    assert_eq!(sounds, [5_000; 5]);
}

#[test]
fn what_waits_is_bounded_and_begins_at_a_keyframe() {
    let mut seam = Seam::default();
    passed(&mut seam, &film(0, 0..25));
    come(&mut seam, &film(0, 25..10_000));
    assert!(seam.coming.len() <= KEPT_MESSAGES + 50, "{}", seam.coming.len());
    let begun = seam.change_over(true).unwrap();
    assert_eq!(stamped(&begun)[0].0, 1_000);
    passed(&mut seam, &film(0, 25..10_000));
    assert!(seam.passed.len() <= KEPT_MESSAGES);
}

/// A second of pictures is a group; with each picture a sound. Nothing is like anything else.
fn film(began: u32, pictures: std::ops::Range<u32>) -> Vec<Media> {
    let each = |picture: u32| {
        let at = began + 40 * picture;
        let first = if picture.is_multiple_of(25) { 0x17 } else { 0x27 };
        let [.., high, low] = picture.to_be_bytes();
        [video(at, &[first, 1, 0, 0, 0, high, low]), sound(at, picture)]
    };
    pictures.flat_map(each).collect()
}

fn video(millis: u32, payload: &[u8]) -> Media {
    Media {
        timestamp: Timestamp::from_millis(millis),
        content: Content::Video(Bytes::copy_from_slice(payload)),
    }
}

fn sound(millis: u32, number: u32) -> Media {
    let [.., high, low] = number.to_be_bytes();
    let payload = Bytes::copy_from_slice(&[0xAF, 1, high, low]);
    Media { timestamp: Timestamp::from_millis(millis), content: Content::Audio(payload) }
}

fn come(seam: &mut Seam, media: &[Media]) {
    for media in media {
        seam.there(media.clone());
    }
}

fn passed(seam: &mut Seam, media: &[Media]) -> Vec<(u32, Content)> {
    stamped(&media.iter().filter_map(|media| seam.here(media.clone())).collect::<Vec<_>>())
}

fn stamped(media: &[Media]) -> Vec<(u32, Content)> {
    media.iter().map(|media| (media.timestamp.millis(), media.content.clone())).collect()
}

/// The film as it is to be seen, where it began at that time.
fn times(began: u32, pictures: std::ops::Range<u32>) -> Vec<(u32, Content)> {
    stamped(&film(began, pictures))
}
