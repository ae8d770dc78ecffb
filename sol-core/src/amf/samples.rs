//! Arbitrary values and bytes for the tests of both formats.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use quickcheck::{Arbitrary, Gen};

use super::{Date, Properties, Value, amf0, amf3};

/// The values of one AMF0 message; references name objects of the message.
#[derive(Clone, Debug)]
pub(super) struct Amf0Message(pub(super) Vec<Value>);

/// AMF3 values that share their tables.
#[derive(Clone, Debug)]
pub(super) struct Amf3Message(pub(super) Vec<amf3::Value>);

/// Bytes that a reader gets far with: a message with a few bytes changed, or mostly markers and short
/// lengths.
#[derive(Clone, Debug)]
pub(super) struct Soup(pub(super) Vec<u8>);

impl Arbitrary for Amf0Message {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut maker = Maker { g, begun: 0 };
        Self((0..maker.below(4)).map(|_| maker.amf0(0)).collect())
    }
}

impl Arbitrary for Amf3Message {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut maker = Maker { g, begun: 0 };
        Self((0..maker.below(4)).map(|_| maker.amf3(0)).collect())
    }
}

impl Arbitrary for Soup {
    fn arbitrary(g: &mut Gen) -> Self {
        let mut bytes = match u8::arbitrary(g) % 3 {
            0 => amf0::write_all(&Amf0Message::arbitrary(g).0),
            1 => write_amf3(&Amf3Message::arbitrary(g).0),
            _ => (0..g.size() * 4).map(|_| u8::arbitrary(g) % 24).collect(),
        };
        for _ in 0..u8::arbitrary(g) % 4 {
            let place = usize::arbitrary(g).checked_rem(bytes.len());
            if let Some(place) = place {
                bytes[place] = u8::arbitrary(g);
            }
        }
        Self(bytes)
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(self.0.shrink().map(Soup))
    }
}

pub(super) fn write_amf3(values: &[amf3::Value]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = amf3::Writer::new(&mut bytes);
    values.iter().for_each(|value| writer.write_value(value));
    bytes
}

/// Makes values in the order in which they are written, so that it knows which objects have begun.
struct Maker<'g> {
    g: &'g mut Gen,
    begun: usize,
}

impl Maker<'_> {
    fn amf0(&mut self, depth: usize) -> Value {
        match self.below(if depth < DEPTH_MAX { 14 } else { 9 }) {
            0 => Value::Number(f64::arbitrary(self.g)),
            1 => Value::Boolean(bool::arbitrary(self.g)),
            2 => Value::String(self.text()),
            3 => Value::Null,
            4 => Value::Undefined,
            5 => Value::Date(Date {
                unix_millis: f64::arbitrary(self.g),
                zone_minutes: i16::arbitrary(self.g),
            }),
            6 => Value::Unsupported,
            7 => Value::Xml(self.text()),
            8 if self.begun == 0 => Value::Null,
            8 => Value::Reference(self.below(self.begun) as u16),
            9 => Value::Object(self.properties(depth)),
            10 => Value::EcmaArray(self.properties(depth)),
            11 => Value::TypedObject { class: self.text(), properties: self.properties(depth) },
            12 => {
                self.begun += 1;
                Value::StrictArray((0..self.below(4)).map(|_| self.amf0(depth + 1)).collect())
            }
            _ => Value::Amf3(Maker { g: self.g, begun: 0 }.amf3(depth)),
        }
    }

    fn properties(&mut self, depth: usize) -> Properties {
        self.begun += 1;
        let mut properties = Properties::new();
        for _ in 0..self.below(4) {
            let name = self.text();
            properties.push(name, self.amf0(depth + 1));
        }
        properties
    }

    fn amf3(&mut self, depth: usize) -> amf3::Value {
        let kind = self.below(if depth < DEPTH_MAX { 19 } else { 14 });
        self.begun += usize::from(kind >= 7);
        match kind {
            0 => amf3::Value::Undefined,
            1 => amf3::Value::Null,
            2 => amf3::Value::Boolean(bool::arbitrary(self.g)),
            3 => amf3::Value::Integer(i32::arbitrary(self.g) >> 3),
            4 => amf3::Value::Double(f64::arbitrary(self.g)),
            5 => amf3::Value::String(self.text().into()),
            6 if self.begun == 0 => amf3::Value::Null,
            6 => amf3::Value::Reference(self.below(self.begun) as u32),
            7 => amf3::Value::XmlDocument(self.text().into()),
            8 => amf3::Value::Date(f64::arbitrary(self.g)),
            9 => amf3::Value::Xml(self.text().into()),
            10 => amf3::Value::ByteArray(Bytes::from(Vec::arbitrary(self.g))),
            11 => amf3::Value::IntVector { fixed: bool::arbitrary(self.g), items: Vec::arbitrary(self.g) },
            12 => amf3::Value::UintVector { fixed: bool::arbitrary(self.g), items: Vec::arbitrary(self.g) },
            13 => amf3::Value::DoubleVector { fixed: bool::arbitrary(self.g), items: Vec::arbitrary(self.g) },
            14 => amf3::Value::Array { named: self.named(depth), dense: self.items(depth) },
            15 => {
                let sealed = (0..self.below(4)).map(|_| (self.text().into(), self.amf3(depth + 1)));
                amf3::Value::Object(amf3::Object {
                    sealed: sealed.collect(),
                    class: self.text().into(),
                    dynamic: bool::arbitrary(self.g).then(|| self.named(depth)),
                })
            }
            16 => amf3::Value::ArrayCollection(Box::new(self.amf3(depth + 1))),
            17 => amf3::Value::ObjectVector {
                fixed: bool::arbitrary(self.g),
                class: self.text().into(),
                items: self.items(depth),
            },
            _ => amf3::Value::Dictionary {
                weak: bool::arbitrary(self.g),
                entries: (0..self.below(4)).map(|_| (self.amf3(depth + 1), self.amf3(depth + 1))).collect(),
            },
        }
    }

    fn named(&mut self, depth: usize) -> Vec<(Arc<str>, amf3::Value)> {
        (0..self.below(4)).map(|_| (format!("{}.", self.text()).into(), self.amf3(depth + 1))).collect()
    }

    fn items(&mut self, depth: usize) -> Vec<amf3::Value> {
        (0..self.below(4)).map(|_| self.amf3(depth + 1)).collect()
    }

    /// Often one of a few texts, so that tables are used.
    fn text(&mut self) -> String {
        match self.below(4) {
            0 => String::arbitrary(self.g),
            1 => String::new(),
            2 => "code".to_owned(),
            _ => "größe".to_owned(),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::arbitrary(self.g) % end
    }
}

/// How much a list of values holds: the number of values, and their bytes in memory with shared text counted
/// once.
#[derive(Debug, Default)]
pub(super) struct Footprint {
    pub(super) values: usize,
    pub(super) bytes: usize,
    seen: BTreeSet<*const u8>,
}

impl Footprint {
    pub(super) fn add_amf0(&mut self, value: &Value) {
        self.values += 1;
        self.bytes += size_of::<Value>();
        match value {
            Value::Number(_) | Value::Boolean(_) | Value::Null | Value::Undefined => {}
            Value::Reference(_) | Value::Date(_) | Value::Unsupported => {}
            Value::String(text) | Value::Xml(text) => self.bytes += text.len(),
            Value::Object(properties) | Value::EcmaArray(properties) => self.add_properties(properties),
            Value::TypedObject { class, properties } => {
                self.bytes += class.len();
                self.add_properties(properties);
            }
            Value::StrictArray(elements) => elements.iter().for_each(|element| self.add_amf0(element)),
            Value::Amf3(value) => {
                self.values -= 1;
                self.add_amf3(value);
            }
        }
    }

    pub(super) fn add_amf3(&mut self, value: &amf3::Value) {
        self.values += 1;
        self.bytes += size_of::<amf3::Value>();
        match value {
            amf3::Value::Undefined | amf3::Value::Null | amf3::Value::Boolean(_) => {}
            amf3::Value::Integer(_) | amf3::Value::Double(_) => {}
            amf3::Value::Date(_) | amf3::Value::Reference(_) => {}
            amf3::Value::String(text) | amf3::Value::Xml(text) | amf3::Value::XmlDocument(text) => {
                self.add_text(text);
            }
            amf3::Value::Array { named, dense } => {
                self.add_named(named);
                self.add_items(dense);
            }
            amf3::Value::Object(object) => {
                self.add_text(&object.class);
                self.add_named(&object.sealed);
                self.add_named(object.dynamic.as_deref().unwrap_or_default());
            }
            amf3::Value::ArrayCollection(inner) => self.add_amf3(inner),
            amf3::Value::ByteArray(bytes) => self.bytes += bytes.len(),
            amf3::Value::IntVector { items, .. } => self.bytes += items.len() * 4,
            amf3::Value::UintVector { items, .. } => self.bytes += items.len() * 4,
            amf3::Value::DoubleVector { items, .. } => self.bytes += items.len() * 8,
            amf3::Value::ObjectVector { class, items, .. } => {
                self.add_text(class);
                self.add_items(items);
            }
            amf3::Value::Dictionary { entries, .. } => {
                for (key, value) in entries {
                    self.add_amf3(key);
                    self.add_amf3(value);
                }
            }
        }
    }

    fn add_properties(&mut self, properties: &Properties) {
        for (name, value) in properties.iter() {
            self.bytes += size_of::<String>() + name.len();
            self.add_amf0(value);
        }
    }

    fn add_named(&mut self, named: &[(Arc<str>, amf3::Value)]) {
        for (name, value) in named {
            self.bytes += size_of::<Arc<str>>();
            self.add_text(name);
            self.add_amf3(value);
        }
    }

    fn add_items(&mut self, items: &[amf3::Value]) {
        items.iter().for_each(|item| self.add_amf3(item));
    }

    fn add_text(&mut self, text: &Arc<str>) {
        if self.seen.insert(text.as_ptr()) {
            self.bytes += text.len();
        }
    }
}

/// With at most six values in each container, this keeps a message far below `limits::AMF_VALUES`.
const DEPTH_MAX: usize = 4;
