use super::*;

const MAIN: TrackId = TrackId::DEFAULT;

fn of_video(payload: &[u8]) -> FrameKind {
    FrameKind::of(&Content::Video(payload.to_vec().into()))
}

fn of_audio(payload: &[u8]) -> FrameKind {
    FrameKind::of(&Content::Audio(payload.to_vec().into()))
}

#[test]
fn avc_tells_configuration_keyframe_and_interframe_apart() {
    assert_eq!(of_video(&[0x17, 0, 0, 0, 0, 1, 0x64]), FrameKind::VideoConfig(MAIN));
    assert_eq!(of_video(&[0x17, 1, 0, 0, 0, 0]), FrameKind::Keyframe(MAIN));
    assert_eq!(of_video(&[0x27, 1, 0, 0, 40, 0]), FrameKind::Interframe);
    assert_eq!(of_video(&[0x17, 2, 0, 0, 0]), FrameKind::VideoEnd);
}

#[test]
fn a_configuration_without_content_does_not_count() {
    for payload in [&[0x17][..], &[0x17, 0], &[0x17, 0, 0, 0, 0], b"\x90hvc1"] {
        assert_eq!(of_video(payload), FrameKind::Interframe, "{payload:?}");
    }
    assert_eq!(of_audio(b"\x90Opus"), FrameKind::AudioConfig(MAIN), "Opus may have nothing to say");
    assert_eq!(of_video(b"\x90av01"), FrameKind::VideoConfig(MAIN), "as FFmpeg has of AV1");
}

#[test]
fn codecs_without_configuration_go_by_the_frame_type() {
    assert_eq!(of_video(&[0x12, 0, 0]), FrameKind::Keyframe(MAIN));
    assert_eq!(of_video(&[0x22, 0, 0]), FrameKind::Interframe);
    assert_eq!(of_video(&[0x32, 0, 0]), FrameKind::Interframe);
    assert_eq!(of_video(&[0x52, 0]), FrameKind::Interframe, "a seek command is no picture");
}

#[test]
fn only_the_aac_specific_config_configures_a_legacy_audio_track() {
    assert_eq!(of_audio(&[0xAF, 0, 0x12, 0x10]), FrameKind::AudioConfig(MAIN));
    assert_eq!(of_audio(&[0xAF, 1, 0x21]), FrameKind::Audio);
    assert_eq!(of_audio(&[0x2F, 0, 0]), FrameKind::Audio, "MP3 has no configuration");
    assert_eq!(of_audio(&[]), FrameKind::Audio, "silence");
    assert_eq!(of_audio(&[0xAF]), FrameKind::Audio);
}

#[test]
fn enhanced_video_is_read_through_mod_ex_and_multitrack() {
    let tag = |head: &[u8], tail: &[u8]| of_video(&[head, b"hvc1", tail].concat());
    assert_eq!(tag(&[0x90], &[1]), FrameKind::VideoConfig(MAIN));
    assert_eq!(tag(&[0x91], &[0, 0, 0, 1]), FrameKind::Keyframe(MAIN));
    assert_eq!(tag(&[0xA3], &[1]), FrameKind::Interframe);
    assert_eq!(tag(&[0xA2], &[]), FrameKind::VideoEnd);
    assert_eq!(tag(&[0x96, 0x00], &[1, 9]), FrameKind::VideoConfig(TrackId(1)));
    assert_eq!(tag(&[0x96, 0x01], &[1, 0, 0, 0, 9]), FrameKind::Keyframe(TrackId(1)));
    // ModEx with three bytes of nanoseconds, then CodedFramesX.
    assert_eq!(tag(&[0x97, 2, 0, 0, 1, 0x03], &[1]), FrameKind::Keyframe(MAIN));
    // ModEx whose size needs the wide form.
    let wide = [&[0x97, 0xFF, 0x00, 0xFF][..], &[0; 256], &[0x00], b"av01", &[1]].concat();
    assert_eq!(of_video(&wide), FrameKind::VideoConfig(MAIN));
}

#[test]
fn metadata_counts_for_what_follows_where_it_tells_of_colours() {
    let colours = b"\x02\x00\x09colorInfo\x06";
    let tag = |head: &[u8], tail: &[u8]| of_video(&[head, b"hvc1", tail].concat());
    assert_eq!(tag(&[0xD4], colours), FrameKind::VideoMetadata(MAIN), "its frame type is ignored");
    assert_eq!(tag(&[0xD7, 2, 0, 0, 1, 0x04], colours), FrameKind::VideoMetadata(MAIN), "behind ModEx");
    assert_eq!(tag(&[0x96, 0x04], &[&[2][..], colours].concat()), FrameKind::VideoMetadata(TrackId(2)));
    assert_eq!(tag(&[0xD4], b"\x02\x00\x03foo\x06"), FrameKind::Interframe);
}

#[test]
fn enhanced_audio_configures_its_own_track() {
    assert_eq!(of_audio(b"\x90Opus\x01\x02"), FrameKind::AudioConfig(MAIN));
    assert_eq!(of_audio(b"\x91Opus\x01"), FrameKind::Audio);
    assert_eq!(of_audio(b"\x92Opus"), FrameKind::AudioEnd);
    assert_eq!(of_audio(b"\x94Opus\x01\x02\x00\x00\x00\x03"), FrameKind::AudioLayout(MAIN));
    assert_eq!(of_audio(b"\x95\x00mp4a\x01\x12\x10"), FrameKind::AudioConfig(TrackId(1)));
}

#[test]
fn a_message_of_several_tracks_counts_for_the_default_one_or_else_for_the_first() {
    let two = |first: u8, second: u8| {
        let tracks = [[first, 0, 0, 1, 9], [second, 0, 0, 1, 9]].concat();
        [&b"\x96\x10av01"[..], &tracks].concat()
    };
    assert_eq!(of_video(&two(3, 0)), FrameKind::VideoConfig(MAIN));
    assert_eq!(of_video(&two(3, 2)), FrameKind::VideoConfig(TrackId(3)));
}

#[test]
fn configurations_are_found_behind_every_kind_of_header() {
    let found = [
        &b"\x17\0\0\0\0abc"[..],
        b"\x90hvc1abc",
        b"\x97\x02\0\0\x01\x00hvc1abc",
        b"\x96\x00hvc1\x01abc",
        b"\x96\x10hvc1\x01\0\0\x03abc",
    ];
    for payload in found {
        assert_eq!(Tag::of_video(payload).unwrap().configuration(), Some(&b"abc"[..]), "{payload:?}");
    }
    for payload in [&b"\x95av01abc"[..], b"\x17\x01\0\0\0abc", b"\x91hvc1\0\0\0abc"] {
        assert_eq!(Tag::of_video(payload).unwrap().configuration(), None, "{payload:?}");
    }
    for payload in [&b"\xAF\0abc"[..], b"\x90Opusabc", b"\x95\x00mp4a\x01abc", b"\x94Opusabc"] {
        assert_eq!(Tag::of_audio(payload).unwrap().configuration(), Some(&b"abc"[..]), "{payload:?}");
    }
    for payload in [&b"\xAF\x01abc"[..], b"\x2Fabc", b"\x91Opusabc", b""] {
        assert_eq!(Tag::of_audio(payload).unwrap().configuration(), None, "{payload:?}");
    }
}

#[test]
fn composition_time_is_signed_and_stands_behind_the_header_of_its_track() {
    let composition_millis = |payload: &[u8]| Tag::of_video(payload).unwrap().composition_millis();
    assert_eq!(composition_millis(&[0x27, 1, 0, 0, 40, 9]), Some(40));
    assert_eq!(composition_millis(&[0x27, 1, 0xFF, 0xFF, 0xD8, 9]), Some(-40));
    assert_eq!(composition_millis(b"\x91hvc1\x00\x00\x42"), Some(0x42));
    assert_eq!(composition_millis(b"\x93hvc1\x01"), Some(0), "the short form has none to say");
    assert_eq!(composition_millis(b"\x96\x01avc1\x01\x00\x01\x02"), Some(0x0102), "one track");
    assert_eq!(composition_millis(b"\x96\x11avc1\x01\x00\x00\x03\x00\x01\x02"), Some(0x0102), "of several");
    for payload in [&[0x17, 0, 0, 0, 0, 1][..], &[0x12, 0, 0], b"\x91av01\x00\x00\x42", b"\x93av01\x00"] {
        assert_eq!(composition_millis(payload), None, "{payload:?}");
    }
}

#[test]
fn audio_has_no_composition_time_whatever_its_four_cc() {
    let tag = Tag::of_audio(b"\x91avc1\x00\x00\x42").unwrap();
    assert_eq!(tag.composition_millis(), None);
    let Tag::Enhanced(EnhancedTag { tracks, .. }) = tag else { panic!("{tag:?}") };
    assert_eq!(tracks[0].body, b"\x00\x00\x42");
}

#[test]
fn a_descriptor_configures_av1_and_no_other_codec() {
    assert_eq!(of_video(b"\x95av01\x80"), FrameKind::VideoConfig(MAIN));
    assert_eq!(of_video(b"\x95av01"), FrameKind::Interframe);
    assert_eq!(of_video(b"\x95hvc1\x80"), FrameKind::Interframe);
}

#[test]
fn what_breaks_a_rule_of_its_header_is_told_by_the_rule() {
    let table = [
        (&b""[..], TagError::EndsInHeader),
        (&[0x17], TagError::EndsInHeader),
        (&[0x27, 1, 0, 0], TagError::EndsInHeader),
        (&[0x27, 1], TagError::EndsInHeader),
        (&[0x52], TagError::EndsInHeader),
        (b"\x96", TagError::EndsInHeader),
        (b"\x96\x00hv", TagError::EndsInHeader),
        (b"\x97\xFF\x00", TagError::EndsInHeader),
        (b"\x91hvc1\x00", TagError::EndsInHeader),
        (b"\xD1", TagError::EndsInHeader),
        (b"\x96\x06hvc1\x01", TagError::NestedMultitrack),
        (b"\x96\x07hvc1\x01", TagError::ModExInMultitrack),
        (b"\x96\x10av01", TagError::NoTracks),
        (b"\x96\x30hvc1\x01", TagError::UnknownWrapping(3)),
        (b"\x96\x10av01\x01\0\0\x03ab", TagError::TrackTooLong { declared: 3, left: 2 }),
    ];
    for (payload, error) in table {
        assert_eq!(Tag::of_video(payload), Err(error), "{payload:?}");
        assert_eq!(of_video(payload), FrameKind::Interframe, "it needs what came before: {payload:?}");
    }
    for payload in [&b"\x95"[..], b"\x95\x00mp4", b"\x97", b"\x97\xFF\x00", b"\x97\x02\x00\x00", b"\xAF"] {
        assert_eq!(Tag::of_audio(payload), Err(TagError::EndsInHeader), "{payload:?}");
        assert_eq!(of_audio(payload), FrameKind::Audio, "{payload:?}");
    }
}

#[test]
fn tracks_and_modifiers_beyond_the_bounds_are_refused() {
    let tracks = |count: usize| [&b"\x96\x10av01"[..], &[0; 4].repeat(count)].concat();
    assert!(Tag::of_video(&tracks(limits::TAG_TRACKS)).is_ok());
    assert_eq!(Tag::of_video(&tracks(limits::TAG_TRACKS + 1)), Err(TagError::TooManyTracks));
    let modifiers =
        |count: usize| [&[0x97][..], &[0, 9, 0x17].repeat(count - 1), b"\x00\x09\x11av01"].concat();
    assert!(Tag::of_video(&modifiers(limits::TAG_MODIFIERS)).is_ok());
    assert_eq!(Tag::of_video(&modifiers(limits::TAG_MODIFIERS + 1)), Err(TagError::TooManyModifiers));
}

#[test]
fn nanoseconds_are_the_first_three_bytes_of_their_modifier() {
    let nanos = |mod_ex: &[u8]| match Tag::of_video(&[b"\x97", mod_ex, b"av01"].concat()).unwrap() {
        Tag::Enhanced(tag) => tag.nanos(),
        other => panic!("{other:?}"),
    };
    assert_eq!(nanos(b"\x02\x0F\x42\x3F\x01"), Some(999_999));
    assert_eq!(nanos(b"\x03\x00\x00\x05\xEE\x01"), Some(5), "longer data");
    assert_eq!(nanos(b"\x00\xEE\x17\x02\x00\x00\x07\x01"), Some(7), "behind what is not understood");
    assert_eq!(nanos(b"\x02\x0F\x42\x40\x01"), None, "a whole millisecond is none");
    assert_eq!(nanos(b"\x01\x00\x05\x01"), None, "too short");
}

#[test]
fn mp3_in_a_legacy_tag_says_what_its_header_says() {
    let first = |header: [u8; 4]| LegacyTag::mp3(&header).first;
    assert_eq!(first([0xFF, 0xFB, 0x90, 0x64]), 0x2F, "MPEG 1, 44,100 Hz, joint stereo");
    assert_eq!(first([0xFF, 0xF3, 0x90, 0xC4]), 0x2A, "MPEG 2, 22,050 Hz, mono");
    assert_eq!(first([0xFF, 0xE3, 0x90, 0xC4]), 0x26, "MPEG 2.5, 11,025 Hz, mono");
    assert_eq!(first([0xFF, 0xE3, 0x98, 0xC4]), 0xE2, "8 kHz");
}
