use super::*;
use crate::media::Content;

const LEGACY: Form = Form::Legacy(TrackId(0));
const ONE: Form = Form::OneTrack(TrackId(0));
const SECOND: Form = Form::OneTrack(TrackId(1));

/// What a fresh publication's first message becomes.
fn video(form: Form, payload: &[u8]) -> Reformed {
    reform(&mut Reformer::new(form), &Content::Video(payload.to_vec().into()))
}

fn audio(form: Form, payload: &[u8]) -> Reformed {
    reform(&mut Reformer::new(form), &Content::Audio(payload.to_vec().into()))
}

fn reform(reformer: &mut Reformer, content: &Content) -> Reformed {
    let reformed = reformer.reform(FrameKind::of(content), content.payload());
    if let Reformed::Other(kind, payload) = &reformed {
        let content = match content {
            Content::Video(_) => Content::Video(payload.clone().into()),
            Content::Audio(_) | Content::Data(_) => Content::Audio(payload.clone().into()),
        };
        assert_eq!(*kind, FrameKind::of(&content), "it is what it says");
    }
    reformed
}

fn other(payload: &[u8]) -> Option<Vec<u8>> {
    Some(payload.to_vec())
}

/// The payload that was made.
fn made(reformed: Reformed) -> Option<Vec<u8>> {
    match reformed {
        Reformed::Other(_, payload) => Some(payload),
        Reformed::Same | Reformed::Nothing | Reformed::Unfit(_) => None,
    }
}

#[test]
fn a_query_says_which_form_and_which_track() {
    let of = |query: &str| Form::of_query(query, Form::Full);
    assert_eq!(of("token=a&form=legacy"), Ok(LEGACY));
    assert_eq!(of("form=one-track"), Ok(ONE));
    assert_eq!(of("track=1"), Ok(SECOND));
    assert_eq!(of("form=full&track=1"), Ok(SECOND), "a track of its own is not all of it");
    assert_eq!(of("form=legacy&track=255"), Ok(Form::Legacy(TrackId(255))));
    assert_eq!(of("form=legacy&form=full"), Ok(Form::Full), "the last counts");
    assert_eq!(of("platform=legacy&form"), Ok(Form::Full));
    assert_eq!(Form::of_query("", LEGACY), Ok(LEGACY));
    assert_eq!(Form::of_query("track=2", LEGACY), Ok(Form::Legacy(TrackId(2))));
    assert_eq!(Form::of_query("form=full", LEGACY), Ok(Form::Full));
}

#[test]
fn what_a_query_cannot_mean_is_named_briefly_and_forges_no_log_line() {
    let of = |query: &str| Form::of_query(query, Form::Full).unwrap_err().to_string();
    assert_eq!(of("form=hls"), "there is no form \"hls\"; choose full, one-track or legacy");
    assert_eq!(of("track=256"), "\"256\" is no track; a track is a number from 0 to 255");
    assert_eq!(of("track=-1"), "\"-1\" is no track; a track is a number from 0 to 255");
    assert!(of("form=a\nb").contains("\"a\u{FFFD}b\""));
    assert!(of(&format!("form={}", "ä".repeat(1_000))).len() < 200);
}

#[test]
fn what_has_no_more_than_the_form_goes_as_it_is() {
    for form in [LEGACY, ONE] {
        assert_eq!(video(form, &[0x17, 1, 0, 0, 0, 9]), Reformed::Same);
        assert_eq!(video(form, &[0x12, 9]), Reformed::Same, "Sorenson");
        assert_eq!(audio(form, &[0xAF, 0, 0x12, 0x10]), Reformed::Same);
        assert_eq!(audio(form, &[]), Reformed::Same, "silence");
    }
    assert_eq!(video(ONE, b"\x91hvc1\0\0\0abc"), Reformed::Same);
    assert_eq!(audio(ONE, b"\x91Opusabc"), Reformed::Same);
}

#[test]
fn avc_aac_and_mp3_get_legacy_tags() {
    for form in [LEGACY, ONE] {
        assert_eq!(made(video(form, b"\x90avc1abc")), other(b"\x17\0\0\0\0abc"));
        assert_eq!(made(video(form, b"\x91avc1\xFF\xFF\xD8abc")), other(b"\x17\x01\xFF\xFF\xD8abc"));
        assert_eq!(made(video(form, b"\xA3avc1abc")), other(b"\x27\x01\0\0\0abc"));
        assert_eq!(made(video(form, b"\xB3avc1abc")), other(b"\x27\x01\0\0\0abc"), "disposable");
        assert_eq!(made(video(form, b"\x92avc1")), other(b"\x17\x02\0\0\0"));
        assert_eq!(made(audio(form, b"\x90mp4a\x12\x10")), other(b"\xAF\0\x12\x10"));
        assert_eq!(made(audio(form, b"\x91mp4aabc")), other(b"\xAF\x01abc"));
        assert_eq!(made(audio(form, b"\x91.mp3\xFF\xFB\x90\x64")), other(b"\x2F\xFF\xFB\x90\x64"));
        for nothing in [&b"\x92mp4a"[..], b"\x94mp4a\x01\x02\0\0\0\x03", b"\x90.mp3"] {
            assert_eq!(audio(form, nothing), Reformed::Nothing, "{nothing:?}");
        }
        assert_eq!(video(form, b"\xD4avc1\x02\0\x09colorInfo\x06"), Reformed::Nothing);
    }
}

#[test]
fn what_legacy_tags_cannot_carry_is_named() {
    assert_eq!(video(LEGACY, b"\x90hvc1abc"), Reformed::Unfit(Codec::Hevc));
    assert_eq!(video(LEGACY, b"\x96\x20av01\0\0\0\x01aavc1\x01\0\0\x01b"), Reformed::Unfit(Codec::Av1));
    assert_eq!(video(LEGACY, &[0x1C, 1, 0, 0, 0, 9]), Reformed::Unfit(Codec::Hevc), "an unofficial id");
    assert_eq!(audio(LEGACY, b"\x90fLaCabc"), Reformed::Unfit(Codec::Flac));
    assert_eq!(audio(LEGACY, b"\x95\x01Opus\x01abc"), Reformed::Nothing, "it is of another track");
}

#[test]
fn a_default_track_that_stands_in_is_not_named_before_it_is_to_be_shown() {
    let second = Form::Legacy(TrackId(1));
    assert_eq!(video(second, b"\x90hvc1abc"), Reformed::Nothing);
    assert_eq!(video(second, b"\x93hvc1abc"), Reformed::Unfit(Codec::Hevc));
    assert_eq!(made(video(second, b"\x96\x00avc1\x01abc")), other(b"\x17\0\0\0\0abc"));
}

#[test]
fn a_track_is_unwrapped_and_its_modifiers_are_gone() {
    assert_eq!(made(video(ONE, b"\x96\x01hvc1\0\0\0\x42abc")), other(b"\x91hvc1\0\0\x42abc"));
    assert_eq!(made(video(ONE, b"\x97\x02\0\0\x01\x03hvc1abc")), other(b"\x93hvc1abc"));
    let many = b"\x96\x20hvc1\x01\0\0\x01aav01\0\0\0\x01b";
    assert_eq!(made(video(ONE, many)), other(b"\x90av01b"));
    assert_eq!(made(video(SECOND, many)), other(b"\x90hvc1a"));
    assert_eq!(made(audio(SECOND, b"\x95\x01mp4a\x01abc")), other(b"\xAF\x01abc"));
    assert_eq!(made(audio(ONE, b"\x95\x04Opus\0\x01\x02\0\0\0\x03")), other(b"\x94Opus\x01\x02\0\0\0\x03"));
    for nothing in [&b"\x96\x01hvc1\x01\0\0\x42abc"[..], b"\x9Fhvc1abc", b"\xD1\x00"] {
        assert_eq!(video(ONE, nothing), Reformed::Nothing, "{nothing:?}");
    }
}

#[test]
fn a_track_is_not_seen_by_what_shows_nothing_of_it() {
    let mut reformer = Reformer::new(SECOND);
    let mut send = |payload: &[u8]| {
        let content = Content::Video(payload.to_vec().into());
        let reformed = reform(&mut reformer, &content);
        (reformed, reformer.take_change())
    };
    for nothing in [&b"\x96\x02avc1\x01"[..], b"\x96\x00avc1\x01", b"\x96\x0Favc1\x01abc"] {
        assert_eq!(send(nothing), (Reformed::Nothing, None), "{nothing:?}");
    }
    assert_eq!(send(&[0x17, 1, 0, 0, 0, 9]), (Reformed::Same, None), "it stands in");
    assert_eq!(send(b"\x96\x03avc1\x01abc").1, Some(TrackKind::Video));
    assert_eq!(send(b"\x96\x03avc1\x01abc").1, None, "it is known");
}

#[test]
fn the_default_track_stands_in_until_the_other_is_seen_and_of_each_kind_by_itself() {
    let mut reformer = Reformer::new(SECOND);
    let mut send = |content: Content| reform(&mut reformer, &content);
    let video = |payload: &[u8]| Content::Video(payload.to_vec().into());
    let audio = |payload: &[u8]| Content::Audio(payload.to_vec().into());
    assert_eq!(send(video(&[0x17, 1, 0, 0, 0, 9])), Reformed::Same);
    assert_eq!(send(audio(&[0xAF, 1, 9])), Reformed::Same);
    assert_eq!(made(send(video(b"\x96\x00avc1\x01abc"))), other(b"\x17\0\0\0\0abc"));
    assert_eq!(send(video(&[0x27, 1, 0, 0, 0, 9])), Reformed::Nothing);
    assert_eq!(send(audio(&[0xAF, 1, 9])), Reformed::Same);
    assert_eq!(made(send(video(b"\xA6\x03avc1\x01abc"))), other(b"\x27\x01\0\0\0abc"));
}
