//! Protocol control messages (RTMP 1.0, 5.4): the connection speaks of itself.

use crate::ids::MessageType;

/// Types 1, 2, 3, 5 and 6. Always on message stream 0 and chunk stream 2 when written; taken from anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The sender's chunk size from the next chunk on, as it stands on the wire (5.4.1).
    SetChunkSize(u32),
    /// The unfinished message of this chunk stream is void (5.4.2).
    Abort(u32),
    /// Bytes received so far, modulo 2³² (5.4.3).
    Acknowledgement(u32),
    /// Bytes after which the sender wants an acknowledgement (5.4.4).
    WindowAcknowledgementSize(u32),
    /// How much the peer may have unacknowledged (5.4.5).
    SetPeerBandwidth {
        /// Bytes.
        window: u32,
        /// How binding the window is.
        limit: BandwidthLimit,
    },
}

/// How binding a Set Peer Bandwidth is (RTMP 1.0, 5.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandwidthLimit {
    /// The window replaces the one in force.
    Hard,
    /// The smaller of both holds.
    Soft,
    /// Hard, if the last one was hard; else to be ignored.
    Dynamic,
    /// Not assigned.
    Unknown(u8),
}

impl Control {
    /// Understands the payload of a message of type `kind`; `None` if it is no control message or too short.
    pub fn parse(kind: MessageType, body: &[u8]) -> Option<Self> {
        let value = u32::from_be_bytes(*body.first_chunk()?);
        Some(match kind {
            MessageType::SET_CHUNK_SIZE => Control::SetChunkSize(value),
            MessageType::ABORT => Control::Abort(value),
            MessageType::ACKNOWLEDGEMENT => Control::Acknowledgement(value),
            MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE => Control::WindowAcknowledgementSize(value),
            MessageType::SET_PEER_BANDWIDTH => {
                let limit = match *body.get(4)? {
                    0 => BandwidthLimit::Hard,
                    1 => BandwidthLimit::Soft,
                    2 => BandwidthLimit::Dynamic,
                    other => BandwidthLimit::Unknown(other),
                };
                Control::SetPeerBandwidth { window: value, limit }
            }
            _ => return None,
        })
    }

    /// The type of the message.
    pub const fn kind(self) -> MessageType {
        match self {
            Control::SetChunkSize(_) => MessageType::SET_CHUNK_SIZE,
            Control::Abort(_) => MessageType::ABORT,
            Control::Acknowledgement(_) => MessageType::ACKNOWLEDGEMENT,
            Control::WindowAcknowledgementSize(_) => MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE,
            Control::SetPeerBandwidth { .. } => MessageType::SET_PEER_BANDWIDTH,
        }
    }

    /// The payload.
    pub fn body(self) -> Vec<u8> {
        match self {
            Control::SetChunkSize(value)
            | Control::Abort(value)
            | Control::Acknowledgement(value)
            | Control::WindowAcknowledgementSize(value) => value.to_be_bytes().to_vec(),
            Control::SetPeerBandwidth { window, limit } => {
                let mut body = window.to_be_bytes().to_vec();
                body.push(match limit {
                    BandwidthLimit::Hard => 0,
                    BandwidthLimit::Soft => 1,
                    BandwidthLimit::Dynamic => 2,
                    BandwidthLimit::Unknown(other) => other,
                });
                body
            }
        }
    }
}
