//! AMF0: the format of RTMP commands and metadata (Adobe AMF0 specification, December 2007).
//!
//! A value is a marker byte and its content; a message is values one after the other. Lengths are big-endian.
//! Objects are name and value pairs up to an empty name with the end marker.
//!
//! Invariants: an ECMA array's count is only a hint, a strict array's is believed as its elements arrive. A
//! [`Value::Reference`] that was read refers to an object of the same message that has begun. What the writer
//! wrote, the reader accepts with nothing tolerated.

use bytes::BufMut;

use super::input::{Input, cut};
use super::{AmfError, Date, Properties, Tolerated, Value, amf3};

/// Reads the values of one message.
///
/// After an error the position is anywhere in the bytes; what follows cannot be trusted.
#[derive(Debug)]
pub struct Reader<'a> {
    input: Input<'a>,
    /// Objects and arrays that have begun: what a reference can name.
    begun: usize,
}

impl<'a> Reader<'a> {
    /// A reader of `message`, with the whole budget of values.
    pub fn new(message: &'a [u8]) -> Self {
        Self { input: Input::new(message), begun: 0 }
    }

    /// The next value. At the end of the message there is none: ask [`Reader::is_empty`] before.
    ///
    /// # Errors
    /// The rule that the bytes break.
    pub fn read_value(&mut self) -> Result<Value, AmfError> {
        self.input.count_value()?;
        let marker = self.input.take_u8()?;
        Ok(match marker {
            marker::NUMBER => Value::Number(self.input.take_f64()?),
            marker::BOOLEAN => Value::Boolean(self.input.take_u8()? != 0),
            marker::STRING => Value::String(self.read_short_text()?),
            marker::OBJECT => {
                self.begun += 1;
                Value::Object(self.read_properties()?)
            }
            marker::MOVIE_CLIP | marker::RECORD_SET => return Err(AmfError::ReservedMarker(marker)),
            marker::NULL => Value::Null,
            marker::UNDEFINED => Value::Undefined,
            marker::REFERENCE => Value::Reference(self.read_reference()?),
            marker::ECMA_ARRAY => {
                self.begun += 1;
                // 2.10: the count. Encoders that do not know it in advance write 0 or a guess.
                self.input.take_u32()?;
                Value::EcmaArray(self.read_properties()?)
            }
            marker::OBJECT_END => return Err(AmfError::StrayObjectEnd),
            marker::STRICT_ARRAY => {
                self.begun += 1;
                Value::StrictArray(self.read_elements()?)
            }
            marker::DATE => Value::Date(Date {
                unix_millis: self.input.take_f64()?,
                zone_minutes: self.input.take_i16()?,
            }),
            marker::LONG_STRING => Value::String(self.read_long_text()?),
            marker::UNSUPPORTED => Value::Unsupported,
            marker::XML_DOCUMENT => Value::Xml(self.read_long_text()?),
            marker::TYPED_OBJECT => {
                self.begun += 1;
                let class = self.read_short_text()?;
                Value::TypedObject { class, properties: self.read_properties()? }
            }
            marker::SWITCH_TO_AMF3 => {
                // 3.1: the switch holds for one value, and its reference tables begin empty.
                Value::Amf3(amf3::Tables::default().read_value(&mut self.input)?)
            }
            unknown => return Err(AmfError::UnknownMarker(unknown)),
        })
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

    fn read_properties(&mut self) -> Result<Properties, AmfError> {
        self.input.enter()?;
        let mut properties = Properties::new();
        loop {
            // Some encoders leave out the end marker of the last object of a message.
            if self.input.is_empty() {
                self.input.tolerate_missing_end();
                break;
            }
            let name = self.read_short_text()?;
            // An empty name in front of anything but the end marker is a name.
            if name.is_empty() && self.input.take_if(marker::OBJECT_END) {
                break;
            }
            let value = self.read_value()?;
            properties.push(name, value);
        }
        self.input.leave();
        Ok(properties)
    }

    fn read_elements(&mut self) -> Result<Vec<Value>, AmfError> {
        self.input.enter()?;
        let count = self.input.take_u32()?;
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(self.read_value()?);
        }
        self.input.leave();
        Ok(elements)
    }

    fn read_reference(&mut self) -> Result<u16, AmfError> {
        let index = self.input.take_u16()?;
        if usize::from(index) >= self.begun {
            return Err(AmfError::DanglingReference { index, begun: self.begun });
        }
        Ok(index)
    }

    fn read_short_text(&mut self) -> Result<String, AmfError> {
        let length = self.input.take_u16()?;
        Ok(self.input.take_text(length.into())?.into_owned())
    }

    fn read_long_text(&mut self) -> Result<String, AmfError> {
        let length = self.input.take_u32()?;
        Ok(self.input.take_text(length as usize)?.into_owned())
    }
}

/// Reads all values of `message`. To know what was tolerated, or to stop early, use a [`Reader`].
///
/// # Errors
/// The first rule that the bytes break; the values before it are dropped.
pub fn read_all(message: &[u8]) -> Result<Vec<Value>, AmfError> {
    let mut reader = Reader::new(message);
    let mut values = Vec::new();
    while !reader.is_empty() {
        values.push(reader.read_value()?);
    }
    Ok(values)
}

/// Appends the values of one message to a buffer.
///
/// Reading them back gives the same values, except for what AMF0 cannot say: a name longer than 65 535 bytes
/// is cut, and a reference to an object that this writer has not begun becomes undefined.
#[derive(Debug)]
pub struct Writer<'a> {
    output: &'a mut Vec<u8>,
    begun: usize,
}

impl<'a> Writer<'a> {
    /// A writer of one message, which appends to `output`.
    pub fn new(output: &'a mut Vec<u8>) -> Self {
        Self { output, begun: 0 }
    }

    /// Appends one value. Recurses as deep as the value is nested.
    pub fn write_value(&mut self, value: &Value) {
        match value {
            Value::Number(number) => {
                self.output.put_u8(marker::NUMBER);
                self.output.put_f64(*number);
            }
            Value::Boolean(truth) => {
                self.output.put_u8(marker::BOOLEAN);
                self.output.put_u8(u8::from(*truth));
            }
            Value::String(text) if text.len() > SHORT_TEXT_BYTES_MAX => {
                self.output.put_u8(marker::LONG_STRING);
                self.write_long_text(text);
            }
            Value::String(text) => {
                self.output.put_u8(marker::STRING);
                self.write_short_text(text);
            }
            Value::Object(properties) => {
                self.begin(marker::OBJECT);
                self.write_properties(properties);
            }
            Value::Null => self.output.put_u8(marker::NULL),
            Value::Undefined => self.output.put_u8(marker::UNDEFINED),
            Value::Reference(index) if usize::from(*index) < self.begun => {
                self.output.put_u8(marker::REFERENCE);
                self.output.put_u16(*index);
            }
            Value::Reference(_) => self.output.put_u8(marker::UNDEFINED),
            Value::EcmaArray(properties) => {
                self.begin(marker::ECMA_ARRAY);
                self.output.put_u32(length(properties.len()));
                self.write_properties(properties);
            }
            Value::StrictArray(elements) => {
                self.begin(marker::STRICT_ARRAY);
                self.output.put_u32(length(elements.len()));
                for element in elements {
                    self.write_value(element);
                }
            }
            Value::Date(date) => {
                self.output.put_u8(marker::DATE);
                self.output.put_f64(date.unix_millis);
                self.output.put_i16(date.zone_minutes);
            }
            Value::Unsupported => self.output.put_u8(marker::UNSUPPORTED),
            Value::Xml(text) => {
                self.output.put_u8(marker::XML_DOCUMENT);
                self.write_long_text(text);
            }
            Value::TypedObject { class, properties } => {
                self.begin(marker::TYPED_OBJECT);
                self.write_short_text(class);
                self.write_properties(properties);
            }
            Value::Amf3(value) => {
                self.output.put_u8(marker::SWITCH_TO_AMF3);
                amf3::Writer::new(self.output).write_value(value);
            }
        }
    }

    fn begin(&mut self, marker: u8) {
        self.output.put_u8(marker);
        self.begun += 1;
    }

    fn write_properties(&mut self, properties: &Properties) {
        for (name, value) in properties.iter() {
            self.write_short_text(name);
            self.write_value(value);
        }
        self.write_short_text("");
        self.output.put_u8(marker::OBJECT_END);
    }

    fn write_short_text(&mut self, text: &str) {
        let text = cut(text, SHORT_TEXT_BYTES_MAX);
        self.output.put_u16(u16::try_from(text.len()).expect("cut to what 16 bits can count"));
        self.output.put_slice(text.as_bytes());
    }

    fn write_long_text(&mut self, text: &str) {
        self.output.put_u32(length(text.len()));
        self.output.put_slice(text.as_bytes());
    }
}

/// The bytes of a message that consists of `values`.
pub fn write_all(values: &[Value]) -> Vec<u8> {
    let mut message = Vec::new();
    let mut writer = Writer::new(&mut message);
    for value in values {
        writer.write_value(value);
    }
    message
}

fn length(count: usize) -> u32 {
    u32::try_from(count).expect("no message of RTMP holds 2³² bytes or elements")
}

const SHORT_TEXT_BYTES_MAX: usize = 0xFFFF;

/// Type markers (AMF0, 2.1).
mod marker {
    pub(super) const NUMBER: u8 = 0x00;
    pub(super) const BOOLEAN: u8 = 0x01;
    pub(super) const STRING: u8 = 0x02;
    pub(super) const OBJECT: u8 = 0x03;
    pub(super) const MOVIE_CLIP: u8 = 0x04;
    pub(super) const NULL: u8 = 0x05;
    pub(super) const UNDEFINED: u8 = 0x06;
    pub(super) const REFERENCE: u8 = 0x07;
    pub(super) const ECMA_ARRAY: u8 = 0x08;
    pub(super) const OBJECT_END: u8 = 0x09;
    pub(super) const STRICT_ARRAY: u8 = 0x0A;
    pub(super) const DATE: u8 = 0x0B;
    pub(super) const LONG_STRING: u8 = 0x0C;
    pub(super) const UNSUPPORTED: u8 = 0x0D;
    pub(super) const RECORD_SET: u8 = 0x0E;
    pub(super) const XML_DOCUMENT: u8 = 0x0F;
    pub(super) const TYPED_OBJECT: u8 = 0x10;
    pub(super) const SWITCH_TO_AMF3: u8 = 0x11;
}

#[cfg(test)]
mod tests;
