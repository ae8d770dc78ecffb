//! User control messages (RTMP 1.0, 6.2 and 7.1.7): type 4, events of streams and of the line.

use std::time::Duration;

use bytes::Bytes;

use crate::ids::MessageStreamId;
use crate::timestamp::Timestamp;

/// The event of a type 4 message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserControl {
    /// The stream can be used from here on (0).
    StreamBegin(MessageStreamId),
    /// Playback of the stream is over (1).
    StreamEof(MessageStreamId),
    /// Nothing has come for the stream for a while (2).
    StreamDry(MessageStreamId),
    /// How much the player buffers (3).
    SetBufferLength {
        /// The stream.
        stream: MessageStreamId,
        /// Milliseconds on the wire.
        length: Duration,
    },
    /// The stream is a recording (4).
    StreamIsRecorded(MessageStreamId),
    /// Is anybody there? With the sender's time (6).
    PingRequest(Timestamp),
    /// Yes. With the time of the request (7).
    PingResponse(Timestamp),
    /// Any other event, kept whole, so that a trace loses nothing.
    Unknown {
        /// The event type.
        event: u16,
        /// What follows it.
        body: Bytes,
    },
}

impl UserControl {
    /// Understands a payload; `None` if it ends before the fields of its event. What follows them is ignored.
    pub fn parse(body: &Bytes) -> Option<Self> {
        let event = u16::from_be_bytes(*body.first_chunk()?);
        let field = |index: usize| -> Option<u32> {
            Some(u32::from_be_bytes(*body.get(2 + 4 * index..)?.first_chunk()?))
        };
        let stream = || field(0).map(MessageStreamId::new);
        Some(match event {
            0 => UserControl::StreamBegin(stream()?),
            1 => UserControl::StreamEof(stream()?),
            2 => UserControl::StreamDry(stream()?),
            3 => UserControl::SetBufferLength {
                stream: stream()?,
                length: Duration::from_millis(field(1)?.into()),
            },
            4 => UserControl::StreamIsRecorded(stream()?),
            6 => UserControl::PingRequest(Timestamp::from_millis(field(0)?)),
            7 => UserControl::PingResponse(Timestamp::from_millis(field(0)?)),
            event => UserControl::Unknown { event, body: body.slice(2..) },
        })
    }

    /// The payload.
    pub fn body(&self) -> Vec<u8> {
        let one = |event: u16, field: u32| [&event.to_be_bytes()[..], &field.to_be_bytes()].concat();
        match self {
            UserControl::StreamBegin(stream) => one(0, stream.get()),
            UserControl::StreamEof(stream) => one(1, stream.get()),
            UserControl::StreamDry(stream) => one(2, stream.get()),
            UserControl::SetBufferLength { stream, length } => {
                let millis = u32::try_from(length.as_millis()).unwrap_or(u32::MAX);
                [one(3, stream.get()), millis.to_be_bytes().to_vec()].concat()
            }
            UserControl::StreamIsRecorded(stream) => one(4, stream.get()),
            UserControl::PingRequest(time) => one(6, time.millis()),
            UserControl::PingResponse(time) => one(7, time.millis()),
            UserControl::Unknown { event, body } => [&event.to_be_bytes()[..], body].concat(),
        }
    }
}
