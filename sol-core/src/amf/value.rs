//! A value as AMF0 knows it (AMF0, 2.1), and the properties of its objects.
//!
//! Encoders disagree on which kind of object they send and on the types inside, so most callers ask
//! ([`Value::as_str`], [`Value::properties`]) rather than match. The questions see through the switch to
//! AMF3.

use super::amf3;

/// One AMF0 value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number; AMF0 has no integers.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// Text of any length; the writer picks the marker for short or long strings.
    String(String),
    /// An object without a class.
    Object(Properties),
    /// Explicitly nothing.
    Null,
    /// Not set.
    Undefined,
    /// An object or array of the same message, counted from 0 in the order in which they begin. Objects may
    /// contain themselves in this way, hence references stay references.
    Reference(u16),
    /// An array with names in place of positions. Encoders use it for metadata.
    EcmaArray(Properties),
    /// An array with positions.
    StrictArray(Vec<Value>),
    /// A point in time.
    Date(Date),
    /// Something that the peer could not encode.
    Unsupported,
    /// An XML document.
    Xml(String),
    /// An object of a class.
    TypedObject {
        /// The name that both sides registered for the class.
        class: String,
        /// Its members.
        properties: Properties,
    },
    /// A value in AMF3, with reference tables of its own.
    Amf3(amf3::Value),
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Amf3(value) => value.as_str(),
            _ => None,
        }
    }

    /// The number of a number. Text that looks like one is none.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Amf3(value) => value.as_number(),
            _ => None,
        }
    }

    /// The truth of a boolean, or of a number: zero and NaN are false, as in ActionScript. Encoders send
    /// flags both ways.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(truth) => Some(*truth),
            Value::Number(number) => Some(*number != 0.0 && !number.is_nan()),
            Value::Amf3(value) => value.as_bool(),
            _ => None,
        }
    }

    /// The properties of an object with or without a class, or of an ECMA array. Objects in AMF3 have
    /// [`amf3::Value::get`].
    pub fn properties(&self) -> Option<&Properties> {
        match self {
            Value::Object(properties)
            | Value::EcmaArray(properties)
            | Value::TypedObject { properties, .. } => Some(properties),
            _ => None,
        }
    }

    /// Whether it refers to another object of its message, or one within it does. Such a value means something only where it is.
    pub(crate) fn refers(&self) -> bool {
        match self {
            Value::Reference(_) => true,
            Value::Object(properties)
            | Value::EcmaArray(properties)
            | Value::TypedObject { properties, .. } => properties.iter().any(|(_, value)| value.refers()),
            Value::StrictArray(elements) => elements.iter().any(Value::refers),
            Value::Number(_)
            | Value::Boolean(_)
            | Value::String(_)
            | Value::Null
            | Value::Undefined
            | Value::Date(_)
            | Value::Unsupported
            | Value::Xml(_)
            | Value::Amf3(_) => false,
        }
    }

    /// Whether this is how a peer says "nothing here": null and undefined are used alike.
    pub fn is_nullish(&self) -> bool {
        match self {
            Value::Null | Value::Undefined => true,
            Value::Amf3(value) => value.is_nullish(),
            _ => false,
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Boolean(truth)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<Properties> for Value {
    fn from(properties: Properties) -> Self {
        Value::Object(properties)
    }
}

impl From<amf3::Value> for Value {
    fn from(value: amf3::Value) -> Self {
        Value::Amf3(value)
    }
}

/// A point in time (AMF0, 2.13).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Date {
    /// Milliseconds since 1970-01-01 00:00 UTC.
    pub unix_millis: f64,
    /// Offset of the sender's time zone in minutes. Reserved: senders write 0, receivers ignore it.
    pub zone_minutes: i16,
}

/// Named values in the order in which they came, repeated names included.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties(Vec<(String, Value)>);

impl Properties {
    /// No properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// These properties and one more: `Properties::new().with("level", "status").with("objectEncoding",
    /// 0.0)`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.push(name, value);
        self
    }

    /// Appends a property, also if one of that name is there.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.push((name.into(), value.into()));
    }

    /// The value of `name`. Where a name is repeated the last one counts, as for every peer that decodes into
    /// a map. Costs a walk over all properties, at most `limits::AMF_VALUES`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// All names and values in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> + ExactSizeIterator {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Number of properties, repeated names counted each time.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_keep_order_and_repetitions_and_the_last_of_a_name_counts() {
        let properties = Properties::new().with("b", 1.0).with("a", true).with("b", "two");
        let names: Vec<&str> = properties.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b", "a", "b"]);
        assert_eq!(properties.len(), 3);
        assert_eq!(properties.get("b"), Some(&Value::from("two")));
        assert_eq!(properties.get("c"), None);
    }

    #[test]
    fn every_kind_of_object_shows_its_properties() {
        let properties = Properties::new().with("width", 320.0);
        let kinds = [
            Value::Object(properties.clone()),
            Value::EcmaArray(properties.clone()),
            Value::TypedObject { class: "Meta".to_owned(), properties: properties.clone() },
        ];
        for kind in kinds {
            assert_eq!(kind.properties(), Some(&properties));
        }
        assert_eq!(Value::StrictArray(vec![]).properties(), None);
    }

    #[test]
    fn numbers_are_flags_too_but_flags_are_no_numbers() {
        assert_eq!(Value::Number(1.0).as_bool(), Some(true));
        assert_eq!(Value::Number(0.0).as_bool(), Some(false));
        assert_eq!(Value::Number(f64::NAN).as_bool(), Some(false));
        assert_eq!(Value::Amf3(amf3::Value::Double(f64::NAN)).as_bool(), Some(false));
        assert_eq!(Value::from("true").as_bool(), None);
        assert_eq!(Value::Boolean(true).as_number(), None);
    }

    #[test]
    fn questions_see_through_the_switch_to_amf3() {
        assert_eq!(Value::Amf3(amf3::Value::from("key")).as_str(), Some("key"));
        assert_eq!(Value::Amf3(amf3::Value::Integer(5)).as_number(), Some(5.0));
        assert_eq!(Value::Amf3(amf3::Value::Boolean(true)).as_bool(), Some(true));
        assert!(Value::Amf3(amf3::Value::Null).is_nullish());
        assert!(!Value::Amf3(amf3::Value::Integer(0)).is_nullish());
    }

    #[test]
    fn null_and_undefined_are_nothing_and_zero_is_something() {
        assert!(Value::Null.is_nullish());
        assert!(Value::Undefined.is_nullish());
        assert!(!Value::Number(0.0).is_nullish());
        assert!(!Value::from("").is_nullish());
    }
}
