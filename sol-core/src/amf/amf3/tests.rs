//! Tests of AMF3: bytes by hand, then laws for arbitrary values and bytes.

use quickcheck_macros::quickcheck;

use super::*;
use crate::amf::AmfError;
use crate::amf::samples::{Amf3Message, Footprint, Soup, write_amf3};
use crate::limits;

// --- Every marker -----------------------------------------------------------------------------------------

#[test]
fn values_without_content_are_one_byte() {
    let values = [Value::Undefined, Value::Null, Value::Boolean(false), Value::Boolean(true)];
    assert_same_both_ways(b"\x00\x01\x02\x03", &values);
}

#[test]
fn integers_have_29_bits_in_one_to_four_bytes() {
    for (number, bytes) in [
        (0, &b"\x04\x00"[..]),
        (0x7F, b"\x04\x7F"),
        (0x80, b"\x04\x81\x00"),
        (0x3FFF, b"\x04\xFF\x7F"),
        (0x4000, b"\x04\x81\x80\x00"),
        (0x001F_FFFF, b"\x04\xFF\xFF\x7F"),
        (0x0020_0000, b"\x04\x80\xC0\x80\x00"),
        (0x0FFF_FFFF, b"\x04\xBF\xFF\xFF\xFF"),
        (-0x1000_0000, b"\x04\xC0\x80\x80\x00"),
        (-1, b"\x04\xFF\xFF\xFF\xFF"),
    ] {
        assert_same_both_ways(bytes, &[Value::Integer(number)]);
    }
}

#[test]
fn integer_in_more_bytes_than_it_needs_is_read() {
    assert_eq!(read(b"\x04\x80\x80\x80\x05"), Ok(Value::Integer(5)));
}

#[test]
fn integer_beyond_29_bits_is_written_as_a_double() {
    for number in [0x1000_0000, -0x1000_0001, i32::MAX, i32::MIN] {
        let bytes = write_amf3(&[Value::Integer(number)]);
        assert_eq!(read(&bytes), Ok(Value::Double(number.into())));
    }
}

#[test]
fn doubles_and_dates_have_eight_bytes() {
    assert_same_both_ways(b"\x05\x40\x0C\0\0\0\0\0\0", &[Value::Double(3.5)]);
    assert_same_both_ways(b"\x08\x01\x40\x8F\x40\0\0\0\0\0", &[Value::Date(1_000.0)]);
}

#[test]
fn repeated_strings_are_references_but_the_empty_string_never_is() {
    let values = ["hi", "", "ho", "", "hi", "ho"].map(Value::from);
    assert_same_both_ways(b"\x06\x05hi\x06\x01\x06\x05ho\x06\x01\x06\x00\x06\x02", &values);
}

#[test]
fn repeated_strings_are_shared() {
    let mut reader = Reader::new(b"\x06\x05hi\x06\x00");
    let (Ok(Value::String(first)), Ok(Value::String(second))) = (reader.read_value(), reader.read_value())
    else {
        panic!("both are strings");
    };
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn xml_of_both_kinds_is_no_string_for_references() {
    let values = [Value::XmlDocument("<a/>".into()), Value::Xml("<a/>".into()), "<a/>".into(), "<a/>".into()];
    assert_same_both_ways(b"\x07\x09<a/>\x0B\x09<a/>\x06\x09<a/>\x06\x00", &values);
}

#[test]
fn array_has_names_first_and_positions_second() {
    let array = Value::Array {
        named: vec![("a".into(), Value::Integer(1)), ("b".into(), Value::from("a"))],
        dense: vec![Value::Null, Value::from(true)],
    };
    assert_eq!(array.get("b"), Some(&Value::from("a")));
    assert_eq!(array.get("c"), None);
    assert_same_both_ways(b"\x09\x05\x03a\x04\x01\x03b\x06\x00\x01\x01\x03", &[array]);
}

#[test]
fn byte_array_and_vectors_of_numbers_are_packed() {
    assert_same_both_ways(b"\x0C\x07\x01\x02\x03", &[Value::ByteArray(Bytes::from_static(&[1, 2, 3]))]);
    assert_same_both_ways(
        b"\x0D\x05\x01\xFF\xFF\xFF\xFF\0\0\0\x02",
        &[Value::IntVector { fixed: true, items: vec![-1, 2] }],
    );
    assert_same_both_ways(
        b"\x0E\x03\0\xFF\xFF\xFF\xFF",
        &[Value::UintVector { fixed: false, items: vec![0xFFFF_FFFF] }],
    );
    assert_same_both_ways(
        b"\x0F\x03\0\x40\x0C\0\0\0\0\0\0",
        &[Value::DoubleVector { fixed: false, items: vec![3.5] }],
    );
}

#[test]
fn vector_of_objects_names_its_class() {
    let vector = Value::ObjectVector { fixed: true, class: "C".into(), items: vec![Value::Null] };
    assert_same_both_ways(b"\x10\x03\x01\x03C\x01", &[vector]);
}

#[test]
fn dictionary_has_any_value_as_a_key() {
    let dictionary = Value::Dictionary {
        weak: true,
        entries: vec![(Value::Integer(1), "x".into()), (Value::Reference(0), Value::Null)],
    };
    assert_same_both_ways(b"\x11\x05\x01\x04\x01\x06\x03x\x11\x00\x01", &[dictionary]);
}

#[test]
fn markers_that_nobody_defined_are_refused() {
    for marker in 0x12..=0xFF {
        assert_eq!(read(&[marker]), Err(AmfError::UnknownAmf3Marker(marker)));
    }
}

// --- Objects ----------------------------------------------------------------------------------------------

#[test]
fn object_without_a_class_has_only_dynamic_members() {
    let object =
        Value::Object(Object { dynamic: Some(vec![("code".into(), "x".into())]), ..Object::default() });
    assert_eq!(object.get("code"), Some(&Value::from("x")));
    assert_same_both_ways(b"\x0A\x0B\x01\x09code\x06\x03x\x01", &[object]);
}

#[test]
fn members_that_a_class_declares_are_named_once() {
    let point = |x, y| {
        Value::Object(Object {
            class: "Point".into(),
            sealed: vec![("x".into(), Value::Integer(x)), ("y".into(), Value::Integer(y))],
            dynamic: None,
        })
    };
    assert_same_both_ways(
        b"\x0A\x23\x0BPoint\x03x\x03y\x04\x01\x04\x02\x0A\x01\x04\x03\x04\x04",
        &[point(1, 2), point(3, 4)],
    );
}

#[test]
fn objects_that_differ_in_form_have_traits_of_their_own() {
    let closed = Value::Object(Object { class: "C".into(), ..Object::default() });
    let open = Value::Object(Object { class: "C".into(), dynamic: Some(vec![]), ..Object::default() });
    assert_same_both_ways(
        b"\x0A\x03\x03C\x0A\x0B\x00\x01\x0A\x01\x0A\x05\x01",
        &[closed.clone(), open.clone(), closed, open],
    );
}

#[test]
fn a_dynamic_member_hides_a_declared_one_of_that_name() {
    let object = Value::Object(Object {
        sealed: vec![("a".into(), Value::Integer(1))],
        dynamic: Some(vec![("a".into(), Value::Integer(2))]),
        ..Object::default()
    });
    assert_eq!(object.get("a"), Some(&Value::Integer(2)));
}

#[test]
fn array_collection_wraps_one_value() {
    let message = b"\x0A\x07\x43flex.messaging.io.ArrayCollection\x09\x03\x01\x01\x0A\x01\x01";
    let array = Value::Array { named: vec![], dense: vec![Value::Null] };
    assert_same_both_ways(
        message,
        &[Value::ArrayCollection(Box::new(array)), Value::ArrayCollection(Box::new(Value::Null))],
    );
}

#[test]
fn other_classes_with_a_form_of_their_own_are_refused_by_name() {
    assert_eq!(read(b"\x0A\x07\x05DSK"), Err(AmfError::Externalizable { class: "DS".to_owned() }));
    let long = [&b"\x0A\x07\x83\x49"[..], &[b'x'; 228]].concat();
    assert_eq!(read(&long[..]), Err(AmfError::Externalizable { class: "x".repeat(64) }));
}

#[test]
fn names_that_would_end_the_list_are_left_out() {
    let named = vec![("".into(), Value::Integer(1)), ("a".into(), Value::Integer(2))];
    let bytes = write_amf3(&[Value::Array { named, dense: vec![] }]);
    assert_eq!(bytes, b"\x09\x01\x03a\x04\x02\x01");
}

// --- References -------------------------------------------------------------------------------------------

#[test]
fn everything_from_xml_to_dictionary_can_be_referred_to() {
    let values = [
        Value::XmlDocument("".into()),
        Value::Date(0.0),
        Value::Array { named: vec![], dense: vec![] },
        Value::Object(Object::default()),
        Value::Xml("".into()),
        Value::ByteArray(Bytes::new()),
        Value::IntVector { fixed: false, items: vec![] },
        Value::UintVector { fixed: false, items: vec![] },
        Value::DoubleVector { fixed: false, items: vec![] },
        Value::ObjectVector { fixed: false, class: "".into(), items: vec![] },
        Value::Dictionary { weak: false, entries: vec![] },
    ];
    let references = (0..11).map(Value::Reference);
    let message = write_amf3(&values.iter().cloned().chain(references.clone()).collect::<Vec<_>>());
    // A reference has the marker of what it names.
    let tail = b"\x07\x00\x08\x02\x09\x04\x0A\x06\x0B\x08\x0C\x0A\x0D\x0C\x0E\x0E\x0F\x10\x10\x12\x11\x14";
    assert!(message.ends_with(tail));
    assert_same_both_ways(&message, &values.into_iter().chain(references).collect::<Vec<_>>());
}

#[test]
fn an_array_may_contain_itself() {
    assert_same_both_ways(
        b"\x09\x03\x01\x09\x00",
        &[Value::Array { named: vec![], dense: vec![Value::Reference(0)] }],
    );
}

#[test]
fn references_to_what_was_not_sent_are_refused() {
    assert_eq!(read(b"\x09\x00"), Err(AmfError::DanglingAmf3Object { index: 0, begun: 0 }));
    assert_eq!(read(b"\x09\x03\x01\x0A\x02"), Err(AmfError::DanglingAmf3Object { index: 1, begun: 1 }));
    assert_eq!(read(b"\x06\x00"), Err(AmfError::DanglingAmf3String { index: 0, known: 0 }));
    assert_eq!(read(b"\x0A\x01"), Err(AmfError::DanglingAmf3Traits { index: 0, known: 0 }));
}

#[test]
fn reference_to_what_was_not_written_becomes_undefined() {
    assert_eq!(write_amf3(&[Value::Reference(0)]), b"\x00");
}

// --- Limits -----------------------------------------------------------------------------------------------

#[test]
fn containers_nest_up_to_the_limit() {
    let too_deep = Err(AmfError::TooDeep { limit: limits::AMF_DEPTH });
    // An array, an object with one declared member, a collection, a vector, a dictionary.
    let collection = b"\x0A\x07\x43flex.messaging.io.ArrayCollection";
    for head in [&b"\x09\x03\x01"[..], b"\x0A\x13\x01\x03a", collection, b"\x10\x03\x00\x01", b"\x11\x03\x00"]
    {
        let deepest = head.repeat(limits::AMF_DEPTH);
        assert!(matches!(read(&deepest), Err(AmfError::Truncated { .. })));
        assert_eq!(read(&[&deepest, head].concat()), too_deep);
    }
}

#[test]
fn containers_side_by_side_are_not_nested() {
    let collection = b"\x0A\x07\x43flex.messaging.io.ArrayCollection\x01";
    let containers =
        [&b"\x09\x01\x01"[..], b"\x0A\x0B\x01\x01", collection, b"\x10\x01\x00\x01", b"\x11\x01\x00"];
    for container in containers {
        let message = container.repeat(100);
        let mut reader = Reader::new(&message);
        while !reader.is_empty() {
            reader.read_value().unwrap();
        }
    }
}

#[test]
fn a_message_has_values_up_to_the_limit_however_they_are_grouped() {
    let too_many = Err(AmfError::TooManyValues { limit: limits::AMF_VALUES });
    let nulls = vec![marker::NULL; limits::AMF_VALUES];
    let heads = [&b"\x09\x81\x81\x01\x01"[..], b"\x10\x81\x81\x01\x00\x01", b"\x11\x81\x81\x01\x00"];
    for head in heads {
        assert_eq!(read(&[head, &nulls].concat()), too_many);
    }
}

#[test]
fn traits_with_more_members_than_values_are_left_are_refused_at_once() {
    // 2²⁵ − 1 members, and none of their names.
    let too_many = Err(AmfError::TooManyValues { limit: limits::AMF_VALUES });
    assert_eq!(read(b"\x0A\xFF\xFF\xFF\xF3\x01"), too_many);
}

#[test]
fn vectors_of_numbers_are_one_value_and_take_the_memory_of_their_bytes() {
    let items = vec![7; limits::AMF_VALUES + 1];
    let vector = Value::IntVector { fixed: false, items };
    assert_eq!(read(&write_amf3(std::slice::from_ref(&vector))), Ok(vector));
    assert_eq!(
        read(b"\x0F\xFF\xFF\xFF\xFF\x00"),
        Err(AmfError::Truncated { needed: 0x0FFF_FFFF * 8, left: 0 })
    );
}

#[test]
fn a_long_string_that_is_named_a_thousand_times_is_in_memory_once() {
    let long = "x".repeat(100_000);
    let message = write_amf3(&vec![Value::from(long.as_str()); 1_000]);
    assert!(message.len() < 102_100);
    let mut reader = Reader::new(&message);
    let mut footprint = Footprint::default();
    while !reader.is_empty() {
        footprint.add_amf3(&reader.read_value().unwrap());
        assert!(footprint.bytes < 300_000);
    }
    assert_eq!(footprint.values, 1_000);
}

#[test]
fn long_strings_are_written_once_where_they_share_their_memory() {
    let long = Value::from("x".repeat(257).as_str());
    let twin = Value::from("x".repeat(257).as_str());
    let once = write_amf3(std::slice::from_ref(&long));
    assert_eq!(write_amf3(&[long.clone(), long.clone()]), [&once[..], b"\x06\x00"].concat());
    assert_eq!(write_amf3(&[long, twin]), [&once[..], &once].concat());
}

#[test]
fn traits_with_a_long_class_are_written_once_where_they_share_their_memory() {
    let object = Value::Object(Object { class: "C".repeat(300).into(), ..Object::default() });
    let once = write_amf3(std::slice::from_ref(&object));
    assert_eq!(write_amf3(&[object.clone(), object]), [&once[..], b"\x0A\x01"].concat());
}

// --- Laws -------------------------------------------------------------------------------------------------

#[quickcheck]
fn what_was_written_is_read_back(message: Amf3Message) -> bool {
    let bytes = write_amf3(&message.0);
    let mut reader = Reader::new(&bytes);
    let values: Vec<Value> = message.0.iter().map(|_| reader.read_value().unwrap()).collect();
    // Printed, since NaN is not equal to itself; written again, since all NaNs print alike.
    reader.is_empty()
        && reader.tolerated().is_none()
        && format!("{values:?}") == format!("{:?}", message.0)
        && write_amf3(&values) == bytes
}

#[quickcheck]
fn a_value_cut_short_is_truncated(message: Amf3Message) {
    let Some(value) = message.0.first() else { return };
    let bytes = write_amf3(std::slice::from_ref(value));
    for end in 0..bytes.len() {
        assert!(matches!(read(&bytes[..end]), Err(AmfError::Truncated { .. })));
    }
}

#[quickcheck]
fn any_bytes_cost_in_proportion_to_their_number(soup: Soup) {
    let mut reader = Reader::new(&soup.0);
    let mut footprint = Footprint::default();
    while let Ok(value) = reader.read_value() {
        footprint.add_amf3(&value);
    }
    let consumed = soup.0.len() - reader.remaining().len();
    assert!(footprint.values <= consumed);
    assert!(footprint.bytes <= 128 * consumed, "{footprint:?}");
}

#[quickcheck]
fn what_was_read_can_be_written_and_read_again(soup: Soup) {
    let mut reader = Reader::new(&soup.0);
    let values: Vec<Value> = std::iter::from_fn(|| reader.read_value().ok()).collect();
    let bytes = write_amf3(&values);
    let mut again = Reader::new(&bytes);
    for value in &values {
        assert_eq!(format!("{:?}", again.read_value().unwrap()), format!("{value:?}"));
    }
    assert!(again.is_empty());
}

fn read(bytes: &[u8]) -> Result<Value, AmfError> {
    Reader::new(bytes).read_value()
}

fn assert_same_both_ways(bytes: &[u8], values: &[Value]) {
    let mut reader = Reader::new(bytes);
    for value in values {
        assert_eq!(reader.read_value().as_ref(), Ok(value));
    }
    assert!(reader.is_empty());
    assert_eq!(write_amf3(values), bytes);
}
