//! Writing AMF3.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BufMut;

use super::{ARRAY_COLLECTION, Form, Kind, Object, Value, marker};

/// Appends AMF3 values that share one set of tables to a buffer. Values inside AMF0 have tables of their own
/// each; [`crate::amf::amf0::Writer`] sees to that.
///
/// Strings and traits that are repeated are written as references; long strings only where the same `Arc` is
/// repeated, as in values that were read. Reading the bytes gives the same values, except for what AMF3
/// cannot say: integers beyond 29 bits become doubles, elements with an empty name are left out, and a
/// reference to an object that this writer has not begun becomes undefined.
#[derive(Debug)]
pub struct Writer<'a> {
    output: &'a mut Vec<u8>,
    strings: BTreeMap<Key, usize>,
    traits: BTreeMap<Traits, usize>,
    objects: Vec<Kind>,
}

impl<'a> Writer<'a> {
    /// A writer with empty tables, which appends to `output`.
    pub fn new(output: &'a mut Vec<u8>) -> Self {
        Self { output, strings: BTreeMap::new(), traits: BTreeMap::new(), objects: Vec::new() }
    }

    /// Appends one value. Recurses as deep as the value is nested.
    pub fn write_value(&mut self, value: &Value) {
        match value {
            Value::Undefined => self.output.put_u8(marker::UNDEFINED),
            Value::Null => self.output.put_u8(marker::NULL),
            Value::Boolean(false) => self.output.put_u8(marker::FALSE),
            Value::Boolean(true) => self.output.put_u8(marker::TRUE),
            Value::Integer(number) if (INTEGER_MIN..=INTEGER_MAX).contains(number) => {
                self.output.put_u8(marker::INTEGER);
                self.write_u29(number.cast_unsigned() & U29_MAX);
            }
            Value::Integer(number) => self.write_value(&Value::Double(f64::from(*number))),
            Value::Double(number) => {
                self.output.put_u8(marker::DOUBLE);
                self.output.put_f64(*number);
            }
            Value::String(text) => {
                self.output.put_u8(marker::STRING);
                self.write_text(text);
            }
            Value::XmlDocument(text) => {
                self.begin(Kind::XmlDocument, text.len());
                self.output.put_slice(text.as_bytes());
            }
            Value::Date(unix_millis) => {
                self.begin(Kind::Date, 0);
                self.output.put_f64(*unix_millis);
            }
            Value::Array { named, dense } => {
                self.begin(Kind::Array, dense.len());
                self.write_named(named);
                self.write_items(dense);
            }
            Value::Object(object) => self.write_object(object),
            Value::ArrayCollection(inner) => {
                let class = Key(ARRAY_COLLECTION.into());
                self.begin_object(Traits { class, form: Form::External, sealed: Vec::new() });
                self.write_value(inner);
            }
            Value::Xml(text) => {
                self.begin(Kind::Xml, text.len());
                self.output.put_slice(text.as_bytes());
            }
            Value::ByteArray(bytes) => {
                self.begin(Kind::ByteArray, bytes.len());
                self.output.put_slice(bytes);
            }
            Value::IntVector { fixed, items } => {
                self.begin_vector(Kind::IntVector, items.len(), *fixed);
                items.iter().for_each(|item| self.output.put_i32(*item));
            }
            Value::UintVector { fixed, items } => {
                self.begin_vector(Kind::UintVector, items.len(), *fixed);
                items.iter().for_each(|item| self.output.put_u32(*item));
            }
            Value::DoubleVector { fixed, items } => {
                self.begin_vector(Kind::DoubleVector, items.len(), *fixed);
                items.iter().for_each(|item| self.output.put_f64(*item));
            }
            Value::ObjectVector { fixed, class, items } => {
                self.begin_vector(Kind::ObjectVector, items.len(), *fixed);
                self.write_text(class);
                self.write_items(items);
            }
            Value::Dictionary { weak, entries } => {
                self.begin(Kind::Dictionary, entries.len());
                self.output.put_u8(u8::from(*weak));
                for (key, value) in entries {
                    self.write_value(key);
                    self.write_value(value);
                }
            }
            Value::Reference(index) => self.write_reference(*index as usize),
        }
    }

    fn write_object(&mut self, object: &Object) {
        let form = if object.dynamic.is_some() { Form::Dynamic } else { Form::Sealed };
        let sealed = object.sealed.iter().map(|(name, _)| Key(Arc::clone(name))).collect();
        self.begin_object(Traits { class: Key(Arc::clone(&object.class)), form, sealed });
        for (_, value) in &object.sealed {
            self.write_value(value);
        }
        if let Some(dynamic) = &object.dynamic {
            self.write_named(dynamic);
        }
    }

    fn write_reference(&mut self, index: usize) {
        match self.objects.get(index) {
            Some(kind) => {
                self.output.put_u8(kind.marker());
                self.write_number(index, 0, 1);
            }
            None => self.output.put_u8(marker::UNDEFINED),
        }
    }

    fn begin(&mut self, kind: Kind, count: usize) {
        self.objects.push(kind);
        self.output.put_u8(kind.marker());
        self.write_number(count, 1, 1);
    }

    fn begin_vector(&mut self, kind: Kind, count: usize, fixed: bool) {
        self.begin(kind, count);
        self.output.put_u8(u8::from(fixed));
    }

    fn begin_object(&mut self, traits: Traits) {
        self.objects.push(Kind::Object);
        self.output.put_u8(marker::OBJECT);
        if let Some(index) = self.traits.get(&traits) {
            self.write_number(*index, 0b01, 2);
            return;
        }
        match traits.form {
            Form::Sealed => self.write_number(traits.sealed.len(), 0b0011, 4),
            Form::Dynamic => self.write_number(traits.sealed.len(), 0b1011, 4),
            Form::External => self.write_number(0, 0b0111, 4),
        }
        self.write_text(&traits.class.0);
        for name in &traits.sealed {
            self.write_text(&name.0);
        }
        self.traits.insert(traits, self.traits.len());
    }

    fn write_named(&mut self, named: &[(Arc<str>, Value)]) {
        for (name, value) in named.iter().filter(|(name, _)| !name.is_empty()) {
            self.write_text(name);
            self.write_value(value);
        }
        self.write_text(&Arc::default());
    }

    fn write_items(&mut self, items: &[Value]) {
        for item in items {
            self.write_value(item);
        }
    }

    fn write_text(&mut self, text: &Arc<str>) {
        let key = Key(Arc::clone(text));
        if let Some(index) = self.strings.get(&key) {
            self.write_number(*index, 0, 1);
            return;
        }
        self.write_number(text.len(), 1, 1);
        self.output.put_slice(text.as_bytes());
        // 1.3.2: the empty string is never sent by reference.
        if !text.is_empty() {
            self.strings.insert(key, self.strings.len());
        }
    }

    /// Writes `number` with `flags` in the `flag_bits` lowest bits below it.
    fn write_number(&mut self, number: usize, flags: u32, flag_bits: u32) {
        let number = u32::try_from(number).ok().filter(|number| *number <= U29_MAX >> flag_bits);
        let number = number.expect("no value of an RTMP message has 2²⁸ bytes or 2²⁵ members");
        self.write_u29(number << flag_bits | flags);
    }

    fn write_u29(&mut self, number: u32) {
        let continued = |shift: u32| (number >> shift) as u8 | 0x80;
        match number {
            0..=0x7F => self.output.put_u8(number as u8),
            0x80..=0x3FFF => self.output.put_slice(&[continued(7), number as u8 & 0x7F]),
            0x4000..=0x001F_FFFF => {
                self.output.put_slice(&[continued(14), continued(7), number as u8 & 0x7F]);
            }
            _ => self.output.put_slice(&[continued(22), continued(15), continued(8), number as u8]),
        }
    }
}

/// What comes in front of an object's members: its class and the names that the class declares.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Traits {
    class: Key,
    form: Form,
    sealed: Vec<Key>,
}

/// A string in the writer's tables. Short ones are equal by content; of long ones only those are equal that
/// share their memory. A peer that repeats a string of megabytes by reference would otherwise make the server
/// compare megabytes for two bytes of input.
///
/// The order of addresses differs between runs; it shapes the tables, but nothing that is written.
#[derive(Clone, Debug)]
struct Key(Arc<str>);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| {
            if self.0.len() > KEY_BYTES_COMPARED_MAX {
                self.0.as_ptr().cmp(&other.0.as_ptr())
            } else {
                self.0.cmp(&other.0)
            }
        })
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

impl Kind {
    fn marker(self) -> u8 {
        match self {
            Kind::XmlDocument => marker::XML_DOCUMENT,
            Kind::Date => marker::DATE,
            Kind::Array => marker::ARRAY,
            Kind::Object => marker::OBJECT,
            Kind::Xml => marker::XML,
            Kind::ByteArray => marker::BYTE_ARRAY,
            Kind::IntVector => marker::INT_VECTOR,
            Kind::UintVector => marker::UINT_VECTOR,
            Kind::DoubleVector => marker::DOUBLE_VECTOR,
            Kind::ObjectVector => marker::OBJECT_VECTOR,
            Kind::Dictionary => marker::DICTIONARY,
        }
    }
}

/// Names of classes and members, and most values, are shorter.
const KEY_BYTES_COMPARED_MAX: usize = 256;
const U29_MAX: u32 = 0x1FFF_FFFF;
const INTEGER_MIN: i32 = -0x1000_0000;
const INTEGER_MAX: i32 = 0x0FFF_FFFF;
