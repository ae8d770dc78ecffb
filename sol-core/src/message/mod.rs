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

use crate::chunk::RawMessage;
use crate::media::{Content, Media};
use crate::quirk::{NotTolerated, Quirk, Tolerance};

/// Message type ids (RTMP 1.0, 5.4, 6.2, 7.1; Enhanced RTMP v2 uses the same).
pub mod kind {
    #![allow(missing_docs)]
    pub const SET_CHUNK_SIZE: u8 = 1;
    pub const ABORT: u8 = 2;
    pub const ACKNOWLEDGEMENT: u8 = 3;
    pub const USER_CONTROL: u8 = 4;
    pub const WINDOW_ACKNOWLEDGEMENT_SIZE: u8 = 5;
    pub const SET_PEER_BANDWIDTH: u8 = 6;
    pub const AUDIO: u8 = 8;
    pub const VIDEO: u8 = 9;
    pub const AMF3_DATA: u8 = 15;
    pub const AMF3_SHARED_OBJECT: u8 = 16;
    pub const AMF3_COMMAND: u8 = 17;
    pub const DATA: u8 = 18;
    pub const SHARED_OBJECT: u8 = 19;
    pub const COMMAND: u8 = 20;
    pub const AGGREGATE: u8 = 22;
}

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
        /// The message type id.
        kind: u8,
        /// The payload.
        body: Bytes,
    },
    /// A known type whose payload breaks its format, kept whole.
    Unreadable {
        /// The message type id.
        kind: u8,
        /// The payload.
        body: Bytes,
    },
}

impl Message {
    /// Understands one message. Tolerated departures are counted in `tolerance`.
    ///
    /// # Errors
    /// Only in strict mode.
    pub fn parse(raw: &RawMessage, tolerance: &mut Tolerance) -> Result<Message, NotTolerated> {
        let body = raw.body.clone();
        let media = |content| Some(Message::Media(Media { timestamp: raw.timestamp, content }));
        let parsed = match raw.kind {
            kind::SET_CHUNK_SIZE
            | kind::ABORT
            | kind::ACKNOWLEDGEMENT
            | kind::WINDOW_ACKNOWLEDGEMENT_SIZE
            | kind::SET_PEER_BANDWIDTH => match Control::parse(raw.kind, &body) {
                Some(control) => Some(Message::Control(control)),
                None => {
                    // The chunk reader has counted the two kinds that it acts upon.
                    if !matches!(raw.kind, kind::SET_CHUNK_SIZE | kind::ABORT) {
                        tolerance.tolerate(Quirk::ControlTooShort)?;
                    }
                    return Ok(Message::Unreadable { kind: raw.kind, body });
                }
            },
            kind::USER_CONTROL => match UserControl::parse(&body) {
                Some(event) => Some(Message::UserControl(event)),
                None => {
                    tolerance.tolerate(Quirk::UserControlTooShort)?;
                    return Ok(Message::Unreadable { kind: raw.kind, body });
                }
            },
            kind::AUDIO => media(Content::Audio(body)),
            kind::VIDEO => media(Content::Video(body)),
            kind::AMF3_DATA | kind::DATA => {
                let body = strip_format_byte(raw, kind::AMF3_DATA, tolerance)?;
                Data::parse(body).and_then(|data| media(Content::Data(data)))
            }
            kind::AMF3_COMMAND | kind::COMMAND => {
                let body = strip_format_byte(raw, kind::AMF3_COMMAND, tolerance)?;
                Command::parse(&body, tolerance)?.map(Message::Command)
            }
            kind::AMF3_SHARED_OBJECT | kind::SHARED_OBJECT => Some(Message::SharedObject(body)),
            kind::AGGREGATE => Some(Message::Aggregate(Aggregate::new(raw.timestamp, body))),
            kind => {
                tolerance.tolerate(Quirk::UnknownMessageType)?;
                return Ok(Message::Unknown { kind, body });
            }
        };
        match parsed {
            Some(message) => Ok(message),
            None => {
                tolerance.tolerate(Quirk::UnreadableMessage)?;
                Ok(Message::Unreadable { kind: raw.kind, body: raw.body.clone() })
            }
        }
    }
}

/// Types 15 and 17 begin with a format byte of zero, then AMF0 in which single values switch to AMF3.
fn strip_format_byte(raw: &RawMessage, amf3: u8, tolerance: &mut Tolerance) -> Result<Bytes, NotTolerated> {
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
