//! Data messages (RTMP 1.0, 7.1.2): metadata, cue points, captions.
//!
//! Publishers send metadata as `@setDataFrame`, `onMetaData`, object, or as `onMetaData`, object. Players get the
//! second form. Apart from the name the values are passed on as they came, byte by byte.

use bytes::Bytes;

use super::MessageError;
use crate::amf::{Value, amf0};

/// One data message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    name: String,
    payload: Bytes,
}

impl Data {
    /// The same in memory of its own.
    pub(crate) fn detached(&self) -> Self {
        Self { name: self.name.clone(), payload: Bytes::copy_from_slice(&self.payload) }
    }

    /// Understands an AMF0 payload as far as its name; `None` if it has none.
    pub fn parse(body: Bytes) -> Option<Self> {
        Self::read(body).ok()
    }

    /// The same, or why not.
    pub(super) fn read(body: Bytes) -> Result<Self, MessageError> {
        let mut reader = amf0::Reader::new(&body);
        let Value::String(mut name) = reader.read_value()? else { return Err(MessageError::NameMissing) };
        let mut payload = body.clone();
        if name == "@setDataFrame" {
            payload = body.slice(body.len() - reader.remaining().len()..);
            let Value::String(inner) = reader.read_value()? else { return Err(MessageError::NameMissing) };
            name = inner;
        }
        Ok(Self { name, payload })
    }

    /// The handler that the message is for: `onMetaData`, `onTextData`, `onCuePoint` …
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the stream's metadata, which later players need as well.
    pub fn is_metadata(&self) -> bool {
        self.name == "onMetaData"
    }

    /// Whether this asks the server to forget metadata, and is no message to players.
    pub fn is_clear(&self) -> bool {
        self.name == "@clearDataFrame"
    }

    /// The AMF0 values from the name on, as a player gets them.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }
}
