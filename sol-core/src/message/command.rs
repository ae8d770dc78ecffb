//! Commands (RTMP 1.0, 7.1.1 and 7.2): a name, a transaction, an object, arguments.
//!
//! Clients differ in what they leave out and what they fill with null, so arguments are asked for by type, not
//! by position.

use bytes::Bytes;

use super::MessageError;
use crate::amf::{Properties, Value, amf0};
use crate::quirk::{NotTolerated, Quirk, Tolerance};

/// One command or the answer to one.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// `connect`, `publish`, `_result` …
    pub name: String,
    /// What the answer will repeat; zero if none is wanted or the peer left it out.
    pub transaction: f64,
    /// The command object; null where the command has none.
    pub object: Value,
    /// What follows the command object.
    pub arguments: Vec<Value>,
}

impl Command {
    /// A command without arguments.
    pub fn new(name: impl Into<String>, transaction: f64, object: impl Into<Value>) -> Self {
        Self { name: name.into(), transaction, object: object.into(), arguments: Vec::new() }
    }

    /// This command with one more argument.
    #[must_use]
    pub fn with(mut self, argument: impl Into<Value>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// An `onStatus` of a NetStream (7.2.2): `level` is `"status"` or `"error"`.
    pub fn on_status(level: &str, code: &str, description: &str) -> Self {
        let status =
            Properties::new().with("level", level).with("code", code).with("description", description);
        Command::new("onStatus", 0.0, Value::Null).with(status)
    }

    /// Understands an AMF0 payload; `None` if it has no name or breaks AMF before the arguments.
    ///
    /// # Errors
    /// Only in strict mode.
    pub fn parse(body: &[u8], tolerance: &mut Tolerance) -> Result<Option<Self>, NotTolerated> {
        Ok(Self::read(body, tolerance)?.ok())
    }

    /// The same, and why not.
    pub(super) fn read(
        body: &[u8],
        tolerance: &mut Tolerance,
    ) -> Result<Result<Self, MessageError>, NotTolerated> {
        let mut reader = amf0::Reader::new(body);
        let mut values = Vec::new();
        while !reader.is_empty() {
            match reader.read_value() {
                Ok(value) => values.push(value),
                // Bytes behind the name and a transaction are no reason to leave a command unanswered.
                Err(_) if values.len() >= 2 => {
                    tolerance.tolerate(Quirk::UnreadableMessage)?;
                    break;
                }
                Err(error) => return Ok(Err(error.into())),
            }
        }
        if reader.tolerated().missing_ends > 0 {
            tolerance.tolerate(Quirk::AmfEndMissing)?;
        }
        if reader.tolerated().malformed_strings > 0 {
            tolerance.tolerate(Quirk::AmfTextMalformed)?;
        }
        let mut values = values.into_iter().peekable();
        let Some(Value::String(name)) = values.next() else { return Ok(Err(MessageError::NameMissing)) };
        let transaction = values.next_if(|value| value.as_number().is_some());
        let object = values.next_if(|value| value.is_nullish() || value.properties().is_some());
        Ok(Ok(Command {
            name,
            transaction: transaction.and_then(|value| value.as_number()).unwrap_or(0.0),
            object: object.unwrap_or(Value::Null),
            arguments: values.collect(),
        }))
    }

    /// The AMF0 payload.
    pub fn body(&self) -> Bytes {
        let mut values = vec![Value::from(self.name.as_str()), Value::Number(self.transaction)];
        values.push(self.object.clone());
        values.extend_from_slice(&self.arguments);
        amf0::write_all(&values).into()
    }

    /// The strings among the arguments, in order.
    pub fn strings(&self) -> impl Iterator<Item = &str> {
        self.arguments.iter().filter_map(Value::as_str)
    }

    /// The first flag among the arguments: a boolean, or a number as some clients write it.
    pub fn flag(&self) -> Option<bool> {
        self.arguments.iter().find_map(Value::as_bool)
    }

    /// The numbers among the arguments, in order.
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        self.arguments.iter().filter_map(Value::as_number)
    }
}
