//! Messages: what the chunks carried, as typed values (RTMP 1.0, 5.4, 6.2, 7.1).
//!
//! Each message is understood once, here; later code never looks at payload bytes again, except for the codec
//! headers of audio and video (`media`).

mod aggregate;
mod command;
mod control;
mod data;
mod user_control;

pub use aggregate::{Aggregate, Part};
pub use command::Command;
pub use control::{BandwidthLimit, Control};
pub use data::Data;
pub use user_control::UserControl;

use bytes::Bytes;

use crate::amf::AmfError;
use crate::chunk::RawMessage;
use crate::ids::MessageType;
use crate::media::{Content, Media};
use crate::quirk::{NotTolerated, Quirk, Tolerance};

/// One message, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Types 1, 2, 3, 5 and 6: the connection speaks of itself.
    Control(Control),
    /// Type 4.
    UserControl(UserControl),
    /// Types 8 and 9, and data messages (15, 18), which travel with them.
    Media(Media),
    /// Types 17 and 20.
    Command(Command),
    /// Types 16 and 19, kept whole.
    SharedObject(Bytes),
    /// Type 22.
    Aggregate(Aggregate),
    /// A type that no specification assigns, kept whole.
    Unknown {
        /// Which.
        kind: MessageType,
        /// The payload.
        body: Bytes,
    },
    /// A known type whose payload breaks its format, kept whole.
    Unreadable {
        /// Which.
        kind: MessageType,
        /// The payload.
        body: Bytes,
        /// The rule that it breaks.
        why: MessageError,
    },
}

/// Why a payload could not be read. Every variant is one rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// RTMP 1.0, 5.4.
    #[error("control message of {length} bytes ends before its fields")]
    ControlTooShort {
        /// Of the payload, in bytes.
        length: usize,
    },
    /// RTMP 1.0, 7.1.7.
    #[error("user control message of {length} bytes ends before the fields of its event")]
    UserControlTooShort {
        /// Of the payload, in bytes.
        length: usize,
    },
    /// Commands and data begin with a string (RTMP 1.0, 7.1.1 and 7.1.2).
    #[error("message does not begin with a name")]
    NameMissing,
    /// The values cannot be told apart.
    #[error(transparent)]
    Amf(#[from] AmfError),
}

impl Message {
    /// Understands one message. Tolerated departures are counted in `tolerance`.
    ///
    /// # Errors
    /// Only in strict mode.
    pub fn parse(raw: &RawMessage, tolerance: &mut Tolerance) -> Result<Message, NotTolerated> {
        let body = raw.body.clone();
        let media = |content| Ok(Message::Media(Media { timestamp: raw.timestamp, content }));
        let parsed = match raw.kind {
            MessageType::SET_CHUNK_SIZE
            | MessageType::ABORT
            | MessageType::ACKNOWLEDGEMENT
            | MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE
            | MessageType::SET_PEER_BANDWIDTH => match Control::parse(raw.kind, &body) {
                Some(control) => Ok(Message::Control(control)),
                None => {
                    // The chunk reader has counted the two kinds that it acts upon.
                    if !matches!(raw.kind, MessageType::SET_CHUNK_SIZE | MessageType::ABORT) {
                        tolerance.tolerate(Quirk::ControlTooShort)?;
                    }
                    let why = MessageError::ControlTooShort { length: body.len() };
                    return Ok(Message::Unreadable { kind: raw.kind, body, why });
                }
            },
            MessageType::USER_CONTROL => match UserControl::parse(&body) {
                Some(event) => Ok(Message::UserControl(event)),
                None => {
                    tolerance.tolerate(Quirk::UserControlTooShort)?;
                    let why = MessageError::UserControlTooShort { length: body.len() };
                    return Ok(Message::Unreadable { kind: raw.kind, body, why });
                }
            },
            MessageType::AUDIO => media(Content::Audio(body)),
            MessageType::VIDEO => media(Content::Video(body)),
            MessageType::AMF3_DATA | MessageType::DATA => {
                let body = strip_format_byte(raw, MessageType::AMF3_DATA, tolerance)?;
                Data::read(body).and_then(|data| media(Content::Data(data)))
            }
            MessageType::AMF3_COMMAND | MessageType::COMMAND => {
                let body = strip_format_byte(raw, MessageType::AMF3_COMMAND, tolerance)?;
                Command::read(&body, tolerance)?.map(Message::Command)
            }
            MessageType::AMF3_SHARED_OBJECT | MessageType::SHARED_OBJECT => Ok(Message::SharedObject(body)),
            MessageType::AGGREGATE => Ok(Message::Aggregate(Aggregate::new(raw.timestamp, body))),
            kind => {
                tolerance.tolerate(Quirk::UnknownMessageType)?;
                return Ok(Message::Unknown { kind, body });
            }
        };
        match parsed {
            Ok(message) => Ok(message),
            Err(why) => {
                tolerance.tolerate(Quirk::UnreadableMessage)?;
                Ok(Message::Unreadable { kind: raw.kind, body: raw.body.clone(), why })
            }
        }
    }
}

/// Types 15 and 17 begin with a format byte of zero, then AMF0 in which single values switch to AMF3.
fn strip_format_byte(
    raw: &RawMessage,
    amf3: MessageType,
    tolerance: &mut Tolerance,
) -> Result<Bytes, NotTolerated> {
    if raw.kind != amf3 {
        return Ok(raw.body.clone());
    }
    if raw.body.first() == Some(&0) {
        return Ok(raw.body.slice(1..));
    }
    tolerance.tolerate(Quirk::Amf3FormatByteMissing)?;
    Ok(raw.body.clone())
}

#[cfg(test)]
mod tests;
