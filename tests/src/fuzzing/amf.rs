//! AMF0 and AMF3: what was read can be written, and says the same again.

use sol_core::amf::{AmfError, Value, amf0, amf3};

use crate::peer::amf::{Amf, read_all};

/// The values of one AMF0 message.
pub(super) fn amf0(bytes: &[u8]) {
    let mut reader = amf0::Reader::new(bytes);
    let mut values = Vec::new();
    let mut broken = None;
    while !reader.is_empty() && broken.is_none() {
        match reader.read_value() {
            Ok(value) => values.push(value),
            Err(error) => broken = Some(error),
        }
    }
    assert!(broken.is_some() || reader.remaining().is_empty(), "read to the end, or not");
    let count: usize = values.iter().map(count_of_amf0).sum();
    assert!(count <= bytes.len() - reader.remaining().len(), "no value is made of nothing");
    values.iter().for_each(ask_amf0);

    let written = amf0::write_all(&values);
    let mut again = amf0::Reader::new(&written);
    for value in &values {
        let value_again = again.read_value().expect("what was read can be written and read again");
        // Printed, since NaN is not equal to itself.
        assert_eq!(format!("{value_again:?}"), format!("{value:?}"));
    }
    assert!(again.is_empty() && again.tolerated().is_none(), "what was written is by the book");

    agree(bytes, &values, broken.as_ref());
}

/// Values of AMF3 that share their tables.
pub(super) fn amf3(bytes: &[u8]) {
    let mut reader = amf3::Reader::new(bytes);
    let mut values = Vec::new();
    while !reader.is_empty()
        && let Ok(value) = reader.read_value()
    {
        values.push(value);
    }
    let count: usize = values.iter().map(count_of_amf3).sum();
    assert!(count <= bytes.len() - reader.remaining().len(), "no value is made of nothing");
    values.iter().for_each(ask_amf3);

    let mut written = Vec::new();
    let mut writer = amf3::Writer::new(&mut written);
    values.iter().for_each(|value| writer.write_value(value));
    let mut again = amf3::Reader::new(&written);
    for value in &values {
        let value_again = again.read_value().expect("what was read can be written and read again");
        assert_eq!(format!("{value_again:?}"), format!("{value:?}"));
    }
    assert!(again.is_empty() && again.tolerated().is_none(), "what was written is by the book");
}

/// The test kit's own reader knows less and is strict: what it reads, the core reads as well, and as the same.
fn agree(bytes: &[u8], values: &[Value], broken: Option<&AmfError>) {
    let Ok(theirs) = read_all(bytes) else { return };
    if matches!(broken, Some(AmfError::TooDeep { .. } | AmfError::TooManyValues { .. })) {
        return;
    }
    assert_eq!(broken, None, "it was read apart from the core");
    let theirs: Vec<Value> = theirs.iter().map(as_the_core_has_it).collect();
    assert_eq!(format!("{theirs:?}"), format!("{values:?}"));
}

fn as_the_core_has_it(value: &Amf) -> Value {
    let all = |properties: &[(String, Amf)]| {
        let mut all = sol_core::amf::Properties::new();
        properties.iter().for_each(|(name, value)| all.push(name.as_str(), as_the_core_has_it(value)));
        all
    };
    match value {
        Amf::Number(number) => Value::Number(*number),
        Amf::Boolean(truth) => Value::Boolean(*truth),
        Amf::String(text) | Amf::LongString(text) => Value::String(text.clone()),
        Amf::Object(properties) => Value::Object(all(properties)),
        Amf::Null => Value::Null,
        Amf::Undefined => Value::Undefined,
        Amf::EcmaArray(properties) => Value::EcmaArray(all(properties)),
        Amf::StrictArray(elements) => Value::StrictArray(elements.iter().map(as_the_core_has_it).collect()),
        Amf::Date { unix_ms, zone } => {
            Value::Date(sol_core::amf::Date { unix_millis: *unix_ms, zone_minutes: *zone })
        }
    }
}

fn ask_amf0(value: &Value) {
    assert!(!value.to_string().is_empty());
    value.as_str();
    value.as_number();
    value.as_bool();
    value.is_nullish();
    if let Some(properties) = value.properties() {
        assert_eq!(properties.iter().len(), properties.len());
        for (name, _) in properties.iter() {
            assert!(properties.get(name).is_some(), "what has a name is found by it");
        }
    }
}

fn ask_amf3(value: &amf3::Value) {
    assert!(!value.to_string().is_empty());
    value.as_str();
    value.as_number();
    value.as_bool();
    value.is_nullish();
    if let amf3::Value::Object(object) = value {
        for (name, _) in object.sealed.iter().chain(object.dynamic.iter().flatten()) {
            assert!(value.get(name).is_some(), "what has a name is found by it");
        }
    }
}

/// Values, those within counted alike.
pub(super) fn count_of_amf0(value: &Value) -> usize {
    let inside = match value {
        Value::Object(properties) | Value::EcmaArray(properties) | Value::TypedObject { properties, .. } => {
            properties.iter().map(|(_, value)| count_of_amf0(value)).sum()
        }
        Value::StrictArray(elements) => elements.iter().map(count_of_amf0).sum(),
        Value::Amf3(value) => count_of_amf3(value),
        Value::Number(_)
        | Value::Boolean(_)
        | Value::String(_)
        | Value::Null
        | Value::Undefined
        | Value::Reference(_)
        | Value::Date(_)
        | Value::Unsupported
        | Value::Xml(_) => 0,
    };
    1 + inside
}

fn count_of_amf3(value: &amf3::Value) -> usize {
    use amf3::Value as V;
    let inside = match value {
        V::Array { named, dense } => {
            named.iter().map(|(_, value)| value).chain(dense).map(count_of_amf3).sum()
        }
        V::Object(object) => {
            let members = object.sealed.iter().chain(object.dynamic.iter().flatten());
            members.map(|(_, value)| count_of_amf3(value)).sum()
        }
        V::ArrayCollection(inner) => count_of_amf3(inner),
        V::ObjectVector { items, .. } => items.iter().map(count_of_amf3).sum(),
        V::Dictionary { entries, .. } => {
            entries.iter().map(|(key, value)| count_of_amf3(key) + count_of_amf3(value)).sum()
        }
        V::Undefined
        | V::Null
        | V::Boolean(_)
        | V::Integer(_)
        | V::Double(_)
        | V::String(_)
        | V::XmlDocument(_)
        | V::Date(_)
        | V::Xml(_)
        | V::ByteArray(_)
        | V::IntVector { .. }
        | V::UintVector { .. }
        | V::DoubleVector { .. }
        | V::Reference(_) => 0,
    };
    1 + inside
}
