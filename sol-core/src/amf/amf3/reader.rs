//! Reading AMF3.

use std::sync::Arc;

use bytes::Bytes;

use super::{ARRAY_COLLECTION, Form, Kind, Object, Value, marker};
use crate::amf::input::Input;
use crate::amf::{AmfError, Tolerated};

/// Reads AMF3 values that share one set of tables. Values inside AMF0 have tables of their own each;
/// [`crate::amf::amf0::Reader`] sees to that.
///
/// After an error the position is anywhere in the bytes; what follows cannot be trusted.
#[derive(Debug)]
pub struct Reader<'a> {
    input: Input<'a>,
    tables: Tables,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, with empty tables and the whole budget of values.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { input: Input::new(bytes), tables: Tables::default() }
    }

    /// The next value. At the end of the bytes there is none: ask [`Reader::is_empty`] before.
    ///
    /// # Errors
    /// The rule that the bytes break.
    pub fn read_value(&mut self) -> Result<Value, AmfError> {
        self.tables.read_value(&mut self.input)
    }

    /// Whether all bytes were read.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// The bytes that were not read.
    pub fn remaining(&self) -> &'a [u8] {
        self.input.remaining()
    }

    /// What was accepted although the specification does not allow it.
    pub fn tolerated(&self) -> Tolerated {
        self.input.tolerated()
    }
}

/// What references can name (AMF3, 2.2).
#[derive(Debug, Default)]
pub(in crate::amf) struct Tables {
    strings: Vec<Arc<str>>,
    traits: Vec<Arc<Traits>>,
    objects_begun: usize,
}

impl Tables {
    pub(in crate::amf) fn read_value(&mut self, input: &mut Input<'_>) -> Result<Value, AmfError> {
        input.count_value()?;
        let kind = match input.take_u8()? {
            marker::UNDEFINED => return Ok(Value::Undefined),
            marker::NULL => return Ok(Value::Null),
            marker::FALSE => return Ok(Value::Boolean(false)),
            marker::TRUE => return Ok(Value::Boolean(true)),
            marker::INTEGER => return Ok(Value::Integer(signed(read_u29(input)?))),
            marker::DOUBLE => return Ok(Value::Double(input.take_f64()?)),
            marker::STRING => return Ok(Value::String(self.read_text(input)?)),
            marker::XML_DOCUMENT => Kind::XmlDocument,
            marker::DATE => Kind::Date,
            marker::ARRAY => Kind::Array,
            marker::OBJECT => Kind::Object,
            marker::XML => Kind::Xml,
            marker::BYTE_ARRAY => Kind::ByteArray,
            marker::INT_VECTOR => Kind::IntVector,
            marker::UINT_VECTOR => Kind::UintVector,
            marker::DOUBLE_VECTOR => Kind::DoubleVector,
            marker::OBJECT_VECTOR => Kind::ObjectVector,
            marker::DICTIONARY => Kind::Dictionary,
            unknown => return Err(AmfError::UnknownAmf3Marker(unknown)),
        };
        let head = read_u29(input)?;
        let count = (head >> 1) as usize;
        if head & 1 == 0 {
            // The marker in front of a reference only repeats the kind of what it names; it is not compared.
            if count >= self.objects_begun {
                return Err(AmfError::DanglingAmf3Object { index: count, begun: self.objects_begun });
            }
            return Ok(Value::Reference(head >> 1));
        }
        self.objects_begun += 1;
        self.read_content(kind, count, input)
    }

    /// Reads what follows the marker and the number in front of it. For an object `count` is no count, but
    /// the number without its lowest bit.
    fn read_content(&mut self, kind: Kind, count: usize, input: &mut Input<'_>) -> Result<Value, AmfError> {
        Ok(match kind {
            Kind::XmlDocument => Value::XmlDocument(input.take_text(count)?.into()),
            Kind::Date => Value::Date(input.take_f64()?),
            Kind::Array => {
                input.enter()?;
                let named = self.read_named(input)?;
                let dense = self.read_items(count, input)?;
                input.leave();
                Value::Array { named, dense }
            }
            Kind::Object => {
                let traits = self.read_traits(count, input)?;
                input.enter()?;
                let object = self.read_members(&traits, input)?;
                input.leave();
                object
            }
            Kind::Xml => Value::Xml(input.take_text(count)?.into()),
            Kind::ByteArray => Value::ByteArray(Bytes::copy_from_slice(input.take(count)?)),
            Kind::IntVector => {
                let fixed = input.take_u8()? != 0;
                Value::IntVector { fixed, items: input.take_numbers(count, i32::from_be_bytes)? }
            }
            Kind::UintVector => {
                let fixed = input.take_u8()? != 0;
                Value::UintVector { fixed, items: input.take_numbers(count, u32::from_be_bytes)? }
            }
            Kind::DoubleVector => {
                let fixed = input.take_u8()? != 0;
                Value::DoubleVector { fixed, items: input.take_numbers(count, f64::from_be_bytes)? }
            }
            Kind::ObjectVector => {
                input.enter()?;
                let fixed = input.take_u8()? != 0;
                let class = self.read_text(input)?;
                let items = self.read_items(count, input)?;
                input.leave();
                Value::ObjectVector { fixed, class, items }
            }
            Kind::Dictionary => {
                input.enter()?;
                let weak = input.take_u8()? != 0;
                let mut entries = Vec::new();
                for _ in 0..count {
                    entries.push((self.read_value(input)?, self.read_value(input)?));
                }
                input.leave();
                Value::Dictionary { weak, entries }
            }
        })
    }

    fn read_members(&mut self, traits: &Traits, input: &mut Input<'_>) -> Result<Value, AmfError> {
        if traits.form == Form::External {
            return self.read_external(&traits.class, input);
        }
        let mut sealed = Vec::new();
        for name in &traits.sealed {
            sealed.push((Arc::clone(name), self.read_value(input)?));
        }
        let dynamic = match traits.form {
            Form::Dynamic => Some(self.read_named(input)?),
            Form::Sealed | Form::External => None,
        };
        Ok(Value::Object(Object { class: Arc::clone(&traits.class), sealed, dynamic }))
    }

    fn read_external(&mut self, class: &str, input: &mut Input<'_>) -> Result<Value, AmfError> {
        if class != ARRAY_COLLECTION {
            return Err(AmfError::Externalizable { class: class.chars().take(64).collect() });
        }
        Ok(Value::ArrayCollection(Box::new(self.read_value(input)?)))
    }

    /// The traits that `flags` announces: the number behind an object's marker without its lowest bit.
    fn read_traits(&mut self, flags: usize, input: &mut Input<'_>) -> Result<Arc<Traits>, AmfError> {
        if flags & 0b001 == 0 {
            let (index, known) = (flags >> 1, self.traits.len());
            return self.traits.get(index).cloned().ok_or(AmfError::DanglingAmf3Traits { index, known });
        }
        let class = self.read_text(input)?;
        let mut sealed = Vec::new();
        let form = if flags & 0b010 != 0 {
            Form::External
        } else {
            let count = flags >> 3;
            // A value for each name follows, so more names than that are refused before they take memory.
            input.expect_values(count)?;
            for _ in 0..count {
                sealed.push(self.read_text(input)?);
            }
            if flags & 0b100 != 0 { Form::Dynamic } else { Form::Sealed }
        };
        let traits = Arc::new(Traits { class, form, sealed });
        self.traits.push(Arc::clone(&traits));
        Ok(traits)
    }

    /// Names with values, up to an empty name.
    fn read_named(&mut self, input: &mut Input<'_>) -> Result<Vec<(Arc<str>, Value)>, AmfError> {
        let mut named = Vec::new();
        loop {
            let name = self.read_text(input)?;
            if name.is_empty() {
                return Ok(named);
            }
            named.push((name, self.read_value(input)?));
        }
    }

    fn read_items(&mut self, count: usize, input: &mut Input<'_>) -> Result<Vec<Value>, AmfError> {
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(self.read_value(input)?);
        }
        Ok(items)
    }

    fn read_text(&mut self, input: &mut Input<'_>) -> Result<Arc<str>, AmfError> {
        let head = read_u29(input)?;
        let count = (head >> 1) as usize;
        if head & 1 == 0 {
            let known = self.strings.len();
            let text = self.strings.get(count);
            return text.cloned().ok_or(AmfError::DanglingAmf3String { index: count, known });
        }
        let text: Arc<str> = input.take_text(count)?.into();
        // 1.3.2: the empty string is never sent by reference.
        if !text.is_empty() {
            self.strings.push(Arc::clone(&text));
        }
        Ok(text)
    }
}

/// What comes in front of an object's members: its class and the names that the class declares.
#[derive(Debug)]
struct Traits {
    class: Arc<str>,
    form: Form,
    sealed: Vec<Arc<str>>,
}

/// An unsigned integer of 29 bits (AMF3, 1.3.1): seven bits in each of up to three bytes, whose highest bit
/// says that another byte follows, then all eight of the fourth.
fn read_u29(input: &mut Input<'_>) -> Result<u32, AmfError> {
    let mut number = 0;
    for _ in 0..3 {
        let byte = u32::from(input.take_u8()?);
        number = number << 7 | byte & 0x7F;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Ok(number << 8 | u32::from(input.take_u8()?))
}

/// The 29 bits as a number in two's complement.
fn signed(number: u32) -> i32 {
    (number << 3) as i32 >> 3
}
