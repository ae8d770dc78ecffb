//! AMF3: the later format, which RTMP carries one value at a time inside AMF0 (Adobe AMF3 specification,
//! January 2013).
//!
//! Strings, objects and *traits* (a class with the names of its fixed members) are sent once; a repetition is
//! a number that refers to a table of what was sent before. A short message can so name a long string
//! thousands of times: repeated strings are shared (`Arc`), never copied, and objects referred to stay
//! references.
//!
//! Invariant: a [`Value::Reference`] that was read refers to an object of the same tables that has begun.

mod reader;
mod writer;

use std::sync::Arc;

use bytes::Bytes;

pub use reader::Reader;
pub(super) use reader::Tables;
pub use writer::Writer;

/// One AMF3 value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Not set.
    Undefined,
    /// Explicitly nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// An integer of 29 bits, sign included. The writer sends a wider one as a double, as Flash does.
    Integer(i32),
    /// A number.
    Double(f64),
    /// Text.
    String(Arc<str>),
    /// An XML document of the old kind (flash.xml.XMLDocument).
    XmlDocument(Arc<str>),
    /// Milliseconds since 1970-01-01 00:00 UTC.
    Date(f64),
    /// An array.
    Array {
        /// The elements with names. The format has no empty name; the writer leaves such an element out.
        named: Vec<(Arc<str>, Value)>,
        /// The elements with positions, from 0.
        dense: Vec<Value>,
    },
    /// An object.
    Object(Object),
    /// A flex.messaging.io.ArrayCollection: the one class with a form of its own that is understood, since it
    /// is only a wrapper around one value, usually an array.
    ArrayCollection(Box<Value>),
    /// An XML document of the new kind (E4X).
    Xml(Arc<str>),
    /// Bytes. OBS sends coded audio in one of these.
    ByteArray(Bytes),
    /// A vector of integers. It counts as one value, whatever its length.
    IntVector {
        /// Whether the length may not change.
        fixed: bool,
        /// The elements.
        items: Vec<i32>,
    },
    /// A vector of unsigned integers. It counts as one value, whatever its length.
    UintVector {
        /// Whether the length may not change.
        fixed: bool,
        /// The elements.
        items: Vec<u32>,
    },
    /// A vector of doubles. It counts as one value, whatever its length.
    DoubleVector {
        /// Whether the length may not change.
        fixed: bool,
        /// The elements.
        items: Vec<f64>,
    },
    /// A vector of objects of one class.
    ObjectVector {
        /// Whether the length may not change.
        fixed: bool,
        /// The class of the elements; empty or `*` for any.
        class: Arc<str>,
        /// The elements.
        items: Vec<Value>,
    },
    /// A map whose keys are any values.
    Dictionary {
        /// Whether keys are held weakly.
        weak: bool,
        /// Keys and values in the order in which they came.
        entries: Vec<(Value, Value)>,
    },
    /// Anything from [`Value::XmlDocument`] to [`Value::Dictionary`] that has begun within the same tables,
    /// counted from 0 in that order. Objects may contain themselves in this way, hence references stay
    /// references.
    Reference(u32),
}

/// An object (AMF3, 3.12).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    /// The class; empty for an object without one.
    pub class: Arc<str>,
    /// The members that the class declares.
    pub sealed: Vec<(Arc<str>, Value)>,
    /// The members added to this object; `None` where the class does not allow any. The format has no empty
    /// name here; the writer leaves such a member out.
    pub dynamic: Option<Vec<(Arc<str>, Value)>>,
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number of an integer or a double.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Integer(number) => Some(f64::from(*number)),
            Value::Double(number) => Some(*number),
            _ => None,
        }
    }

    /// The truth of a boolean or of a number: zero and NaN are false, as in ActionScript.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(truth) => Some(*truth),
            _ => self.as_number().map(|number| number != 0.0 && !number.is_nan()),
        }
    }

    /// Whether this is null or undefined.
    pub fn is_nullish(&self) -> bool {
        matches!(self, Value::Null | Value::Undefined)
    }

    /// The member `name` of an object, or the element `name` of an array. Where a name is repeated the last
    /// one counts. Costs a walk over all members, at most `limits::AMF_VALUES`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let (first, second): (&[_], &[_]) = match self {
            Value::Object(object) => (&object.sealed, object.dynamic.as_deref().unwrap_or_default()),
            Value::Array { named, .. } => (named, &[]),
            _ => return None,
        };
        first.iter().chain(second).rev().find(|(known, _)| &**known == name).map(|(_, value)| value)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Boolean(truth)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.into())
    }
}

/// The kinds of value that enter the table of objects. On the wire each is a marker and a number whose lowest
/// bit tells a reference from a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    XmlDocument,
    Date,
    Array,
    Object,
    Xml,
    ByteArray,
    IntVector,
    UintVector,
    DoubleVector,
    ObjectVector,
    Dictionary,
}

/// How the members that follow the traits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// The sealed members.
    Sealed,
    /// The sealed members, then named ones up to an empty name.
    Dynamic,
    /// As only the class knows.
    External,
}

const ARRAY_COLLECTION: &str = "flex.messaging.io.ArrayCollection";

/// Type markers (AMF3, 3.1).
mod marker {
    pub(super) const UNDEFINED: u8 = 0x00;
    pub(super) const NULL: u8 = 0x01;
    pub(super) const FALSE: u8 = 0x02;
    pub(super) const TRUE: u8 = 0x03;
    pub(super) const INTEGER: u8 = 0x04;
    pub(super) const DOUBLE: u8 = 0x05;
    pub(super) const STRING: u8 = 0x06;
    pub(super) const XML_DOCUMENT: u8 = 0x07;
    pub(super) const DATE: u8 = 0x08;
    pub(super) const ARRAY: u8 = 0x09;
    pub(super) const OBJECT: u8 = 0x0A;
    pub(super) const XML: u8 = 0x0B;
    pub(super) const BYTE_ARRAY: u8 = 0x0C;
    pub(super) const INT_VECTOR: u8 = 0x0D;
    pub(super) const UINT_VECTOR: u8 = 0x0E;
    pub(super) const DOUBLE_VECTOR: u8 = 0x0F;
    pub(super) const OBJECT_VECTOR: u8 = 0x10;
    pub(super) const DICTIONARY: u8 = 0x11;
}

#[cfg(test)]
mod tests;
