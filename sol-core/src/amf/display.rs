//! Values as people read them: `{app: "live", fpad: false}`.
//!
//! Invariants: what a peer wrote cannot break a line or hide in it, since control characters are escaped; and no value is shown
//! at a length out of all proportion to its message, since long texts are cut. AMF3 can name one text thousands of times.

use std::fmt::{self, Display, Formatter, Write};

use super::input::cut;
use super::{Value, amf3};
use crate::limits;

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            Value::Boolean(truth) => truth.fmt(f),
            Value::String(text) => quoted(f, text),
            Value::Object(properties) | Value::EcmaArray(properties) => members(f, properties.iter()),
            Value::Null => f.write_str("null"),
            Value::Undefined => f.write_str("undefined"),
            Value::Reference(index) => write!(f, "#{index}"),
            Value::StrictArray(elements) => list(f, elements),
            Value::Date(date) => write!(f, "date({})", date.unix_millis),
            Value::Unsupported => f.write_str("unsupported"),
            Value::Xml(text) => xml(f, text),
            Value::TypedObject { class, properties } => {
                name(f, class)?;
                f.write_char(' ')?;
                members(f, properties.iter())
            }
            Value::Amf3(value) => value.fmt(f),
        }
    }
}

impl Display for amf3::Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            amf3::Value::Undefined => f.write_str("undefined"),
            amf3::Value::Null => f.write_str("null"),
            amf3::Value::Boolean(truth) => truth.fmt(f),
            amf3::Value::Integer(number) => number.fmt(f),
            amf3::Value::Double(number) => number.fmt(f),
            amf3::Value::String(text) => quoted(f, text),
            amf3::Value::XmlDocument(text) | amf3::Value::Xml(text) => xml(f, text),
            amf3::Value::Date(unix_millis) => write!(f, "date({unix_millis})"),
            amf3::Value::Array { named, dense } if named.is_empty() => list(f, dense),
            amf3::Value::Array { named, dense } => {
                members(f, named.iter().map(|(name, value)| (&**name, value)))?;
                f.write_char(' ')?;
                list(f, dense)
            }
            amf3::Value::Object(object) => {
                if !object.class.is_empty() {
                    name(f, &object.class)?;
                    f.write_char(' ')?;
                }
                let all = object.sealed.iter().chain(object.dynamic.iter().flatten());
                members(f, all.map(|(name, value)| (&**name, value)))
            }
            amf3::Value::ArrayCollection(value) => value.fmt(f),
            amf3::Value::ByteArray(bytes) => write!(f, "bytes({})", bytes.len()),
            amf3::Value::IntVector { items, .. } => vector(f, items),
            amf3::Value::UintVector { items, .. } => vector(f, items),
            amf3::Value::DoubleVector { items, .. } => vector(f, items),
            amf3::Value::ObjectVector { items, .. } => list(f, items),
            amf3::Value::Dictionary { entries, .. } => {
                f.write_char('{')?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", separator(index))?;
                }
                f.write_char('}')
            }
            amf3::Value::Reference(index) => write!(f, "#{index}"),
        }
    }
}

fn members<'a, V: Display + 'a>(
    f: &mut Formatter<'_>,
    members: impl Iterator<Item = (&'a str, &'a V)>,
) -> fmt::Result {
    f.write_char('{')?;
    for (index, (key, value)) in members.enumerate() {
        f.write_str(separator(index))?;
        name(f, key)?;
        write!(f, ": {value}")?;
    }
    f.write_char('}')
}

fn list<V: Display>(f: &mut Formatter<'_>, elements: &[V]) -> fmt::Result {
    f.write_char('[')?;
    for (index, value) in elements.iter().enumerate() {
        write!(f, "{}{value}", separator(index))?;
    }
    f.write_char(']')
}

/// A vector counts as one value whatever its length, so only its first items are shown.
fn vector<V: Display>(f: &mut Formatter<'_>, items: &[V]) -> fmt::Result {
    const SHOWN: usize = 8;
    match items.get(..SHOWN) {
        Some(first) if items.len() > SHOWN => {
            list(f, first)?;
            write!(f, " and {} more", items.len() - SHOWN)
        }
        _ => list(f, items),
    }
}

fn xml(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("xml(")?;
    quoted(f, text)?;
    f.write_char(')')
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    name(f, text)?;
    f.write_char('"')
}

fn name(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    let shown = cut(text, limits::AMF_SHOWN_BYTES);
    write!(f, "{}", shown.escape_debug())?;
    if shown.len() < text.len() { f.write_char('…') } else { Ok(()) }
}

fn separator(index: usize) -> &'static str {
    if index == 0 { "" } else { ", " }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amf::{Date, Properties};

    #[test]
    fn values_are_shown_as_people_write_them() {
        let inner = Properties::new().with("width", 160.0).with("ok", true);
        let all = Properties::new()
            .with("app", "live")
            .with("inner", Value::EcmaArray(inner.clone()))
            .with("list", Value::StrictArray(vec![1.5.into(), Value::Null, Value::Undefined]))
            .with("when", Value::Date(Date { unix_millis: 1e12, zone_minutes: 0 }))
            .with("typed", Value::TypedObject { class: "Meta".to_owned(), properties: inner })
            .with("again", Value::Reference(1));
        assert_eq!(
            Value::Object(all).to_string(),
            r#"{app: "live", inner: {width: 160, ok: true}, list: [1.5, null, undefined], when: date(1000000000000), typed: Meta {width: 160, ok: true}, again: #1}"#
        );
    }

    #[test]
    fn values_of_amf3_look_the_same() {
        let object = amf3::Object {
            class: "".into(),
            sealed: vec![("id".into(), amf3::Value::Integer(-1))],
            dynamic: Some(vec![("audio".into(), amf3::Value::ByteArray(vec![0; 400].into()))]),
        };
        let table = [
            (amf3::Value::Object(object), "{id: -1, audio: bytes(400)}"),
            (amf3::Value::Array { named: vec![], dense: vec![true.into(), "x".into()] }, r#"[true, "x"]"#),
            (amf3::Value::Array { named: vec![("n".into(), 2.0.into())], dense: vec![] }, "{n: 2} []"),
            (
                amf3::Value::IntVector { fixed: false, items: (0..10).collect() },
                "[0, 1, 2, 3, 4, 5, 6, 7] and 2 more",
            ),
            (
                amf3::Value::Dictionary { weak: false, entries: vec![("k".into(), amf3::Value::Null)] },
                r#"{"k": null}"#,
            ),
        ];
        for (value, shown) in table {
            assert_eq!(Value::Amf3(value).to_string(), shown);
        }
    }

    #[test]
    fn what_a_peer_wrote_breaks_no_line() {
        let value = Value::Object(Properties::new().with("a\nb", "x\"\r\n\u{1b}[2J"));
        assert_eq!(value.to_string(), r#"{a\nb: "x\"\r\n\u{1b}[2J"}"#);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "é".repeat(limits::AMF_SHOWN_BYTES);
        let shown = Value::from(text).to_string();
        assert_eq!(shown.chars().count(), limits::AMF_SHOWN_BYTES / 2 + "\"…\"".chars().count());
    }
}
