//! Tests of AMF0: bytes by hand and from captures, then laws for arbitrary values and bytes.

use bytes::Bytes;
use quickcheck_macros::quickcheck;

use super::*;
use crate::amf::samples::{Amf0Message, Footprint, Soup};
use crate::limits;

// --- Real peers -------------------------------------------------------------------------------------------

#[test]
fn connect_of_obs_29_is_read() {
    let message = b"\x02\0\x07connect\0\x3F\xF0\0\0\0\0\0\0\x03\
        \0\x03app\x02\0\x04live\
        \0\x04type\x02\0\x0Anonprivate\
        \0\x0EsupportsGoAway\x01\x01\
        \0\x08flashVer\x02\0\x1FFMLE/3.0 (compatible; FMSc/1.0)\
        \0\x06swfUrl\x02\0\x1Brtmp://127.0.0.1:19350/live\
        \0\x05tcUrl\x02\0\x1Brtmp://127.0.0.1:19350/live\
        \0\0\x09";
    let expected = [
        Value::from("connect"),
        Value::from(1.0),
        Value::Object(
            Properties::new()
                .with("app", "live")
                .with("type", "nonprivate")
                .with("supportsGoAway", true)
                .with("flashVer", "FMLE/3.0 (compatible; FMSc/1.0)")
                .with("swfUrl", "rtmp://127.0.0.1:19350/live")
                .with("tcUrl", "rtmp://127.0.0.1:19350/live"),
        ),
    ];
    assert_same_both_ways(message, &expected);
}

#[test]
fn extra_arguments_of_ffmpeg_connect_are_read() {
    let message = b"\x01\x01\x02\0\x05hello\0\x40\x0C\0\0\0\0\0\0\x03\
        \0\x05codes\0\x40\x1C\0\0\0\0\0\0\
        \0\x03str\x02\0\x03abc\
        \0\0\x09";
    let expected = [
        Value::from(true),
        Value::from("hello"),
        Value::from(3.5),
        Value::from(Properties::new().with("codes", 7.0).with("str", "abc")),
    ];
    assert_same_both_ways(message, &expected);
}

#[test]
fn metadata_of_ffmpeg_is_an_ecma_array() {
    let message = b"\x02\0\x0D@setDataFrame\x02\0\x0AonMetaData\x08\0\0\0\x0D\
        \0\x08duration\0\x40\x08\0\0\0\0\0\0\
        \0\x05width\0\x40\x64\0\0\0\0\0\0\
        \0\x06height\0\x40\x5E\0\0\0\0\0\0\
        \0\x0Dvideodatarate\0\x40\x55\xF9\0\0\0\0\0\
        \0\x09framerate\0\x40\x2E\0\0\0\0\0\0\
        \0\x0Cvideocodecid\0\x40\x1C\0\0\0\0\0\0\
        \0\x0Daudiodatarate\0\x40\x47\x70\0\0\0\0\0\
        \0\x0Faudiosamplerate\0\x40\xE5\x88\x80\0\0\0\0\
        \0\x0Faudiosamplesize\0\x40\x30\0\0\0\0\0\0\
        \0\x06stereo\x01\x01\
        \0\x0Caudiocodecid\0\x40\x24\0\0\0\0\0\0\
        \0\x07encoder\x02\0\x0DLavf59.27.100\
        \0\x08filesize\0\0\0\0\0\0\0\0\0\
        \0\0\x09";
    let metadata = Properties::new()
        .with("duration", 3.0)
        .with("width", 160.0)
        .with("height", 120.0)
        .with("videodatarate", 87.890625)
        .with("framerate", 15.0)
        .with("videocodecid", 7.0)
        .with("audiodatarate", 46.875)
        .with("audiosamplerate", 44_100.0)
        .with("audiosamplesize", 16.0)
        .with("stereo", true)
        .with("audiocodecid", 10.0)
        .with("encoder", "Lavf59.27.100")
        .with("filesize", 0.0);
    let expected = ["@setDataFrame".into(), "onMetaData".into(), Value::EcmaArray(metadata)];
    assert_same_both_ways(message, &expected);
}

#[test]
fn announcement_of_the_vod_track_of_obs_29_nests_objects_and_a_strict_array() {
    let message = b"\x02\0\x17onExpectAdditionalMedia\x03\
        \0\x11processingIntents\x0A\0\0\0\x01\x02\0\x1CArchiveProgramNarrationAudio\
        \0\x0FadditionalMedia\x03\0\x07stream0\x03\
        \0\x04type\0\x40\x20\0\0\0\0\0\0\
        \0\x0BmediaLabels\x03\0\x0BcontentType\x02\0\x04PNAR\0\0\x09\
        \0\0\x09\0\0\x09\0\0\x09";
    let stream0 = Properties::new()
        .with("type", 8.0)
        .with("mediaLabels", Properties::new().with("contentType", "PNAR"));
    let announced = Properties::new()
        .with("processingIntents", Value::StrictArray(vec!["ArchiveProgramNarrationAudio".into()]))
        .with("additionalMedia", Properties::new().with("stream0", stream0));
    assert_same_both_ways(message, &["onExpectAdditionalMedia".into(), announced.into()]);
}

#[test]
fn vod_track_of_obs_29_is_an_amf3_byte_array_inside_amf0() {
    let message = b"\x02\0\x0FadditionalMedia\x03\
        \0\x02id\x02\0\x07stream0\
        \0\x05media\x11\x0C\x0F\xAF\0\x12\x10\x56\xE5\0\
        \0\0\x09";
    let config = amf3::Value::ByteArray(Bytes::from_static(b"\xAF\0\x12\x10\x56\xE5\0"));
    let media = Properties::new().with("id", "stream0").with("media", config);
    assert_same_both_ways(message, &["additionalMedia".into(), media.into()]);
}

// --- Every marker -----------------------------------------------------------------------------------------

#[test]
fn values_without_content_are_one_byte() {
    assert_same_both_ways(b"\x05\x06\x0D", &[Value::Null, Value::Undefined, Value::Unsupported]);
}

#[test]
fn any_byte_but_zero_is_true() {
    assert_eq!(read_all(b"\x01\x00\x01\x01\x01\xFF"), Ok(vec![false.into(), true.into(), true.into()]));
}

#[test]
fn date_has_milliseconds_and_a_time_zone() {
    let date = Date { unix_millis: 1_000.0, zone_minutes: -60 };
    assert_same_both_ways(b"\x0B\x40\x8F\x40\0\0\0\0\0\xFF\xC4", &[Value::Date(date)]);
}

#[test]
fn xml_has_a_long_length() {
    assert_same_both_ways(b"\x0F\0\0\0\x04<a/>", &[Value::Xml("<a/>".to_owned())]);
}

#[test]
fn typed_object_begins_with_its_class() {
    let typed = Value::TypedObject {
        class: "org.amf.A".to_owned(),
        properties: Properties::new().with("foo", "bar"),
    };
    assert_same_both_ways(b"\x10\0\x09org.amf.A\0\x03foo\x02\0\x03bar\0\0\x09", &[typed]);
}

#[test]
fn marker_of_a_string_depends_on_its_length() {
    for (length, head) in
        [(65_535, &b"\x02\xFF\xFF"[..]), (65_536, b"\x0C\0\x01\0\0"), (65_537, b"\x0C\0\x01\0\x01")]
    {
        let message = [head, &vec![b'x'; length]].concat();
        assert_same_both_ways(&message, &["x".repeat(length).into()]);
    }
}

#[test]
fn short_text_behind_the_long_marker_is_read() {
    assert_eq!(read_all(b"\x0C\0\0\0\x02hi"), Ok(vec!["hi".into()]));
}

#[test]
fn switch_to_amf3_holds_for_one_value_with_tables_of_its_own() {
    let message = b"\x11\x06\x05hi\x05\x11\x06\x05hi";
    let hi = Value::Amf3("hi".into());
    assert_same_both_ways(message, &[hi.clone(), Value::Null, hi]);
    assert_eq!(
        read_all(b"\x11\x06\x05hi\x11\x06\0"),
        Err(AmfError::DanglingAmf3String { index: 0, known: 0 })
    );
}

#[test]
fn reserved_markers_are_refused() {
    assert_eq!(read_all(b"\x04"), Err(AmfError::ReservedMarker(4)));
    assert_eq!(read_all(b"\x0E\0"), Err(AmfError::ReservedMarker(14)));
}

#[test]
fn markers_that_nobody_defined_are_refused() {
    for marker in 0x12..=0xFF {
        assert_eq!(read_all(&[marker]), Err(AmfError::UnknownMarker(marker)));
    }
}

// --- Objects ----------------------------------------------------------------------------------------------

#[test]
fn count_of_an_ecma_array_is_only_a_hint() {
    let expected = Value::EcmaArray(Properties::new().with("a", Value::Null));
    for count in [0_u32, 1, 2, 0xFFFF_FFFF] {
        let message = [&b"\x08"[..], &count.to_be_bytes(), b"\0\x01a\x05\0\0\x09"].concat();
        let mut reader = Reader::new(&message);
        assert_eq!(reader.read_value(), Ok(expected.clone()));
        assert!(reader.is_empty());
        assert!(reader.tolerated().is_none());
    }
}

#[test]
fn empty_name_in_front_of_a_value_is_a_name() {
    let properties = Properties::new().with("", Value::Null).with("a", true);
    assert_same_both_ways(b"\x03\0\0\x05\0\x01a\x01\x01\0\0\x09", &[properties.into()]);
}

#[test]
fn end_marker_behind_a_name_is_refused() {
    assert_eq!(read_all(b"\x03\0\x01a\x09"), Err(AmfError::StrayObjectEnd));
    assert_eq!(read_all(b"\x09"), Err(AmfError::StrayObjectEnd));
}

#[test]
fn missing_end_of_the_last_object_is_tolerated_and_counted() {
    let inner = Properties::new().with("b", Value::Null);
    for (message, missing_ends, value) in [
        (&b"\x03"[..], 1, Value::Object(Properties::new())),
        (b"\x03\0\x01b\x05", 1, Value::Object(inner.clone())),
        (b"\x08\0\0\0\x01\0\x01b\x05", 1, Value::EcmaArray(inner.clone())),
        (
            b"\x10\0\x01C\0\x01b\x05",
            1,
            Value::TypedObject { class: "C".to_owned(), properties: inner.clone() },
        ),
        (b"\x03\0\x01a\x03\0\x01b\x05", 2, Value::Object(Properties::new().with("a", inner.clone()))),
        (b"\x03\0\x01a\x03\0\x01b\x05\0\0\x09", 1, Value::Object(Properties::new().with("a", inner.clone()))),
    ] {
        let mut reader = Reader::new(message);
        assert_eq!(reader.read_value(), Ok(value));
        assert_eq!(reader.tolerated(), Tolerated { missing_ends, malformed_strings: 0 });
    }
}

#[test]
fn object_cut_elsewhere_than_behind_a_property_is_refused() {
    for message in
        [&b"\x03\0"[..], b"\x03\0\x01", b"\x03\0\x01a", b"\x03\0\0", b"\x03\0\x01a\x01", b"\x08\0\0"]
    {
        assert!(matches!(read_all(message), Err(AmfError::Truncated { .. })), "{message:?}");
    }
}

#[test]
fn missing_end_does_not_complete_a_strict_array() {
    let truncated = Err(AmfError::Truncated { needed: 1, left: 0 });
    assert_eq!(read_all(b"\x0A\0\0\0\x02\x03\0\x01b\x05"), truncated);
}

#[test]
fn references_name_objects_that_have_begun_even_those_around_them() {
    let object = Properties::new().with("self", Value::Reference(0));
    let array = Value::StrictArray(vec![Value::Reference(1), Value::Reference(0)]);
    assert_same_both_ways(
        b"\x03\0\x04self\x07\0\0\0\0\x09\x0A\0\0\0\x02\x07\0\x01\x07\0\0",
        &[object.into(), array],
    );
}

#[test]
fn reference_to_what_has_not_begun_is_refused() {
    assert_eq!(read_all(b"\x07\0\0"), Err(AmfError::DanglingReference { index: 0, begun: 0 }));
    // Dates and strings are not counted.
    assert_eq!(
        read_all(b"\x03\0\0\x09\x02\0\0\x07\0\x01"),
        Err(AmfError::DanglingReference { index: 1, begun: 1 })
    );
}

#[test]
fn all_four_kinds_of_object_can_be_referred_to() {
    let objects = b"\x03\0\0\x09\x08\0\0\0\0\0\0\x09\x0A\0\0\0\0\x10\0\0\0\0\x09";
    assert!(read_all(&[&objects[..], b"\x07\0\x03"].concat()).is_ok());
    assert_eq!(
        read_all(&[&objects[..], b"\x07\0\x04"].concat()),
        Err(AmfError::DanglingReference { index: 4, begun: 4 })
    );
}

#[test]
fn text_that_is_not_utf8_is_replaced_and_counted() {
    let message = b"\x02\0\x03a\xFFb\x03\0\x01\xE9\x05\0\0\x09";
    let mut reader = Reader::new(message);
    assert_eq!(reader.read_value(), Ok("a\u{FFFD}b".into()));
    assert_eq!(reader.read_value(), Ok(Properties::new().with("\u{FFFD}", Value::Null).into()));
    assert_eq!(reader.tolerated(), Tolerated { missing_ends: 0, malformed_strings: 2 });
}

#[test]
fn what_amf0_cannot_say_is_written_as_near_as_it_can() {
    let long = "é".repeat(40_000);
    let message =
        write_all(&[Properties::new().with(long.as_str(), Value::Null).into(), Value::Reference(1)]);
    let cut = "é".repeat(32_767);
    assert_eq!(
        read_all(&message),
        Ok(vec![Properties::new().with(cut, Value::Null).into(), Value::Undefined])
    );
}

// --- Limits -----------------------------------------------------------------------------------------------

#[test]
fn containers_nest_up_to_the_limit() {
    let nested = |depth: usize| b"\x0A\0\0\0\x01".repeat(depth);
    let deepest = [nested(limits::AMF_DEPTH), vec![marker::NULL]].concat();
    assert!(read_all(&deepest).is_ok());
    let too_deep = Err(AmfError::TooDeep { limit: limits::AMF_DEPTH });
    assert_eq!(read_all(&nested(limits::AMF_DEPTH + 1)), too_deep);
    assert_eq!(read_all(&b"\x03\0\x01a".repeat(1_000_000)), too_deep);
}

#[test]
fn containers_side_by_side_are_not_nested() {
    for container in [&b"\x03\0\0\x09"[..], b"\x08\0\0\0\0\0\0\x09", b"\x0A\0\0\0\0", b"\x10\0\0\0\0\x09"] {
        assert_eq!(read_all(&container.repeat(100)).map(|values| values.len()), Ok(100));
    }
}

#[test]
fn amf3_inside_amf0_is_as_deep_as_both() {
    let amf3 = |depth: usize| b"\x09\x03\x01".repeat(depth);
    let half = limits::AMF_DEPTH / 2;
    let deepest = [&b"\x0A\0\0\0\x01".repeat(half)[..], b"\x11", &amf3(half), b"\x01"].concat();
    assert!(read_all(&deepest).is_ok());
    let deeper = [&b"\x0A\0\0\0\x01".repeat(half)[..], b"\x11", &amf3(half + 1), b"\x01"].concat();
    assert_eq!(read_all(&deeper), Err(AmfError::TooDeep { limit: limits::AMF_DEPTH }));
}

#[test]
fn a_message_has_values_up_to_the_limit_however_they_are_grouped() {
    let too_many = Err(AmfError::TooManyValues { limit: limits::AMF_VALUES });
    let nulls = vec![marker::NULL; limits::AMF_VALUES];
    assert_eq!(read_all(&nulls).map(|values| values.len()), Ok(limits::AMF_VALUES));
    assert_eq!(read_all(&[&nulls[..], &[marker::NULL]].concat()), too_many);
    assert_eq!(read_all(&[&b"\x0A\0\0\xFF\xFF"[..], &nulls].concat()), too_many);
    assert_eq!(read_all(&b"\x11\x01".repeat(limits::AMF_VALUES + 1)), too_many);
}

#[test]
fn declared_counts_take_no_memory() {
    assert_eq!(read_all(b"\x0A\xFF\xFF\xFF\xFF\x05"), Err(AmfError::Truncated { needed: 1, left: 0 }));
    assert_eq!(
        read_all(b"\x0C\xFF\xFF\xFF\xFFab"),
        Err(AmfError::Truncated { needed: 0xFFFF_FFFF, left: 2 })
    );
}

// --- Laws -------------------------------------------------------------------------------------------------

#[quickcheck]
fn what_was_written_is_read_back_with_nothing_tolerated(message: Amf0Message) -> bool {
    let bytes = write_all(&message.0);
    let mut reader = Reader::new(&bytes);
    let values: Vec<Value> = message.0.iter().map(|_| reader.read_value().unwrap()).collect();
    // Printed, since NaN is not equal to itself; written again, since all NaNs print alike.
    reader.is_empty()
        && reader.tolerated().is_none()
        && format!("{values:?}") == format!("{:?}", message.0)
        && write_all(&values) == bytes
}

#[quickcheck]
fn a_prefix_is_an_error_or_has_whole_values_or_a_tolerated_end(message: Amf0Message) {
    let bytes = write_all(&message.0);
    for end in 0..bytes.len() {
        let mut reader = Reader::new(&bytes[..end]);
        let mut values = Vec::new();
        let mut failed = false;
        while !reader.is_empty() && !failed {
            match reader.read_value() {
                Ok(value) => values.push(value),
                Err(error) => {
                    assert!(matches!(error, AmfError::Truncated { .. }), "{error}");
                    failed = true;
                }
            }
        }
        if !failed && reader.tolerated().is_none() {
            assert!(values.len() < message.0.len());
            assert_eq!(format!("{values:?}"), format!("{:?}", &message.0[..values.len()]));
        }
    }
}

#[quickcheck]
fn any_bytes_cost_in_proportion_to_their_number(soup: Soup) {
    let mut reader = Reader::new(&soup.0);
    let mut footprint = Footprint::default();
    while let Ok(value) = reader.read_value() {
        footprint.add_amf0(&value);
    }
    let consumed = soup.0.len() - reader.remaining().len();
    assert!(footprint.values <= consumed);
    assert!(footprint.bytes <= 128 * consumed, "{footprint:?}");
}

#[quickcheck]
fn what_was_read_can_be_written_and_read_again(soup: Soup) {
    if let Ok(values) = read_all(&soup.0) {
        let bytes = write_all(&values);
        let again = read_all(&bytes).unwrap();
        assert_eq!(format!("{again:?}"), format!("{values:?}"));
    }
}

fn assert_same_both_ways(message: &[u8], values: &[Value]) {
    let mut reader = Reader::new(message);
    for value in values {
        assert_eq!(reader.read_value().as_ref(), Ok(value));
    }
    assert!(reader.is_empty());
    assert!(reader.tolerated().is_none());
    assert_eq!(write_all(values), message);
}
