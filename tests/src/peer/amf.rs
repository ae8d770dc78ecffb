//! AMF0 values: a small writer and a strict reader.
//!
//! Knows what commands and metadata are made of. References, typed objects, XML and the
//! switch to AMF3 are faults here: no server of ours has a reason to write them.
//!
//! Invariant: `read_all(&write_all(values))` gives `values` again.

use std::fmt;

/// One value. Property order is kept; a property may occur twice if somebody wrote it twice.
#[derive(Clone, Debug, PartialEq)]
pub enum Amf {
    /// A double.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// A string of up to 65 535 bytes.
    String(String),
    /// An anonymous object.
    Object(Vec<(String, Amf)>),
    /// Nothing.
    Null,
    /// Not even nothing.
    Undefined,
    /// An object with a count in front.
    EcmaArray(Vec<(String, Amf)>),
    /// A list.
    StrictArray(Vec<Amf>),
    /// Milliseconds since 1970 with a time zone that the specification wants to be 0.
    Date {
        /// Milliseconds since 1970.
        unix_ms: f64,
        /// Reserved.
        zone: i16,
    },
    /// A string with four bytes of length.
    LongString(String),
}

impl Amf {
    /// An object of these properties.
    pub fn object<const N: usize>(properties: [(&str, Amf); N]) -> Amf {
        Amf::Object(properties.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// An ECMA array of these properties.
    pub fn ecma_array<const N: usize>(properties: [(&str, Amf); N]) -> Amf {
        Amf::EcmaArray(properties.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// Appends the value. Panics where a length does not fit into its field.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Amf::Number(number) => {
                out.push(NUMBER);
                out.extend(number.to_be_bytes());
            }
            Amf::Boolean(value) => out.extend([BOOLEAN, u8::from(*value)]),
            Amf::String(text) => {
                out.push(STRING);
                write_key(text, out);
            }
            Amf::Object(properties) => {
                out.push(OBJECT);
                write_properties(properties, out);
            }
            Amf::Null => out.push(NULL),
            Amf::Undefined => out.push(UNDEFINED),
            Amf::EcmaArray(properties) => {
                out.push(ECMA_ARRAY);
                write_length(properties.len(), out);
                write_properties(properties, out);
            }
            Amf::StrictArray(values) => {
                out.push(STRICT_ARRAY);
                write_length(values.len(), out);
                for value in values {
                    value.write(out);
                }
            }
            Amf::Date { unix_ms, zone } => {
                out.push(DATE);
                out.extend(unix_ms.to_be_bytes());
                out.extend(zone.to_be_bytes());
            }
            Amf::LongString(text) => {
                out.push(LONG_STRING);
                write_length(text.len(), out);
                out.extend(text.as_bytes());
            }
        }
    }

    /// The text of a string, short or long.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Amf::String(text) | Amf::LongString(text) => Some(text),
            _ => None,
        }
    }

    /// The number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Amf::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The first property of this name, of an object or an ECMA array.
    pub fn property(&self, name: &str) -> Option<&Amf> {
        let (Amf::Object(properties) | Amf::EcmaArray(properties)) = self else { return None };
        properties.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl From<&str> for Amf {
    fn from(text: &str) -> Amf {
        Amf::String(text.to_owned())
    }
}

impl From<f64> for Amf {
    fn from(number: f64) -> Amf {
        Amf::Number(number)
    }
}

impl From<bool> for Amf {
    fn from(value: bool) -> Amf {
        Amf::Boolean(value)
    }
}

/// The values one behind the other, as a command carries them.
pub fn write_all(values: &[Amf]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        value.write(&mut out);
    }
    out
}

/// Reads values up to the end of the bytes.
pub fn read_all(bytes: &[u8]) -> Result<Vec<Amf>, AmfOddity> {
    let mut reader = Reader { rest: bytes };
    let mut values = Vec::new();
    while !reader.rest.is_empty() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

/// A rule of AMF0 that the bytes broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmfOddity {
    /// The bytes end inside a value.
    Truncated,
    /// A marker that no server of ours has a reason to write.
    Marker(u8),
    /// A boolean that is neither 0 nor 1.
    Boolean(u8),
    /// Text that is not UTF-8.
    NotUtf8,
    /// An empty key that no end marker follows.
    EmptyKey,
    /// Objects within objects, deeper than anybody needs.
    TooDeep,
}

impl fmt::Display for AmfOddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AmfOddity::Truncated => f.write_str("AMF ends inside a value"),
            AmfOddity::Marker(marker) => write!(f, "AMF marker {marker:#04x} is unexpected"),
            AmfOddity::Boolean(byte) => write!(f, "AMF boolean is {byte}, neither 0 nor 1"),
            AmfOddity::NotUtf8 => f.write_str("AMF text is not UTF-8"),
            AmfOddity::EmptyKey => f.write_str("AMF object has an empty key without the end marker"),
            AmfOddity::TooDeep => write!(f, "AMF values are nested deeper than {DEPTH_MAX}"),
        }
    }
}

impl std::error::Error for AmfOddity {}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Amf, AmfOddity> {
        if depth > DEPTH_MAX {
            return Err(AmfOddity::TooDeep);
        }
        let value = match self.byte()? {
            NUMBER => Amf::Number(f64::from_be_bytes(self.array()?)),
            BOOLEAN => match self.byte()? {
                0 => Amf::Boolean(false),
                1 => Amf::Boolean(true),
                other => return Err(AmfOddity::Boolean(other)),
            },
            STRING => Amf::String(self.key()?),
            OBJECT => Amf::Object(self.properties(depth)?),
            NULL => Amf::Null,
            UNDEFINED => Amf::Undefined,
            ECMA_ARRAY => {
                // 2.10 calls the count a hint, and relayed metadata has the hint of its publisher.
                self.length()?;
                Amf::EcmaArray(self.properties(depth)?)
            }
            STRICT_ARRAY => {
                let count = self.length()?;
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Amf::StrictArray(values)
            }
            DATE => Amf::Date {
                unix_ms: f64::from_be_bytes(self.array()?),
                zone: i16::from_be_bytes(self.array()?),
            },
            LONG_STRING => {
                let length = self.length()?;
                Amf::LongString(self.text(length)?)
            }
            other => return Err(AmfOddity::Marker(other)),
        };
        Ok(value)
    }

    fn properties(&mut self, depth: usize) -> Result<Vec<(String, Amf)>, AmfOddity> {
        let mut properties = Vec::new();
        loop {
            let key = self.key()?;
            if key.is_empty() {
                return match self.byte()? {
                    OBJECT_END => Ok(properties),
                    _ => Err(AmfOddity::EmptyKey),
                };
            }
            properties.push((key, self.value(depth + 1)?));
        }
    }

    fn key(&mut self) -> Result<String, AmfOddity> {
        let length = u16::from_be_bytes(self.array()?);
        self.text(usize::from(length))
    }

    fn text(&mut self, length: usize) -> Result<String, AmfOddity> {
        let (text, rest) = self.rest.split_at_checked(length).ok_or(AmfOddity::Truncated)?;
        self.rest = rest;
        String::from_utf8(text.to_vec()).map_err(|_| AmfOddity::NotUtf8)
    }

    fn length(&mut self) -> Result<usize, AmfOddity> {
        Ok(u32::from_be_bytes(self.array()?) as usize)
    }

    fn byte(&mut self) -> Result<u8, AmfOddity> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], AmfOddity> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(AmfOddity::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

fn write_properties(properties: &[(String, Amf)], out: &mut Vec<u8>) {
    for (key, value) in properties {
        write_key(key, out);
        value.write(out);
    }
    out.extend([0, 0, OBJECT_END]);
}

fn write_key(text: &str, out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).expect("a test writes short strings of at most 65 535 bytes");
    out.extend(length.to_be_bytes());
    out.extend(text.as_bytes());
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    let length = u32::try_from(length).expect("a test writes lengths of at most 32 bits");
    out.extend(length.to_be_bytes());
}

const NUMBER: u8 = 0x00;
const BOOLEAN: u8 = 0x01;
const STRING: u8 = 0x02;
const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const ECMA_ARRAY: u8 = 0x08;
const OBJECT_END: u8 = 0x09;
const STRICT_ARRAY: u8 = 0x0A;
const DATE: u8 = 0x0B;
const LONG_STRING: u8 = 0x0C;

const DEPTH_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_the_specification_draws_them() {
        assert_eq!(write_all(&[Amf::from(1.0)]), [0, 0x3F, 0xF0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(write_all(&[Amf::from("ab"), Amf::from(true)]), [2, 0, 2, b'a', b'b', 1, 1]);
        assert_eq!(write_all(&[Amf::object([("k", Amf::Null)])]), [3, 0, 1, b'k', 5, 0, 0, 9]);
        assert_eq!(
            write_all(&[Amf::ecma_array([("k", Amf::Undefined)])]),
            [8, 0, 0, 0, 1, 0, 1, b'k', 6, 0, 0, 9]
        );
        assert_eq!(write_all(&[Amf::StrictArray(vec![Amf::Null])]), [10, 0, 0, 0, 1, 5]);
        assert_eq!(
            write_all(&[Amf::Date { unix_ms: 0.0, zone: -1 }]),
            [11, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        );
        assert_eq!(write_all(&[Amf::LongString("a".into())]), [12, 0, 0, 0, 1, b'a']);
    }

    #[test]
    fn every_value_is_read_as_it_was_written() {
        let values = every_value();
        assert_eq!(read_all(&write_all(&values)), Ok(values));
    }

    #[test]
    fn a_value_cut_anywhere_is_truncated() {
        for value in every_value() {
            let bytes = write_all(std::slice::from_ref(&value));
            for cut in 1..bytes.len() {
                assert_eq!(read_all(&bytes[..cut]), Err(AmfOddity::Truncated), "{value:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn the_count_of_an_ecma_array_is_only_a_hint() {
        let bytes = [8, 0, 0, 0, 9, 0, 1, b'k', 5, 0, 0, 9];
        assert_eq!(read_all(&bytes), Ok(vec![Amf::ecma_array([("k", Amf::Null)])]));
    }

    #[test]
    fn what_is_odd_is_named() {
        assert_eq!(read_all(&[0x11, 0]), Err(AmfOddity::Marker(0x11)));
        assert_eq!(read_all(&[1, 2]), Err(AmfOddity::Boolean(2)));
        assert_eq!(read_all(&[2, 0, 1, 0xFF]), Err(AmfOddity::NotUtf8));
        assert_eq!(read_all(&[3, 0, 0, 5]), Err(AmfOddity::EmptyKey));
        let nested = [10, 0, 0, 0, 1].repeat(DEPTH_MAX + 2);
        assert_eq!(read_all(&nested), Err(AmfOddity::TooDeep));
    }

    fn every_value() -> Vec<Amf> {
        vec![
            Amf::Number(-0.5),
            Amf::Boolean(false),
            Amf::from("snow ❄"),
            Amf::object([("a", Amf::object([("b", Amf::from(2.0))])), ("a", Amf::Null)]),
            Amf::Null,
            Amf::Undefined,
            Amf::ecma_array([("list", Amf::StrictArray(vec![Amf::from("x"), Amf::Null]))]),
            Amf::StrictArray(vec![]),
            Amf::Date { unix_ms: 1e12, zone: 0 },
            Amf::LongString("y".repeat(70_000)),
        ]
    }
}
