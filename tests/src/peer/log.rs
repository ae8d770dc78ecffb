//! Log of a peer: every message that came, and what it meant.
//!
//! Meaning is checked by the book while it is written down: shapes of commands, transactions that
//! are open, streams that exist, acknowledgements that can be true.

use std::collections::{BTreeMap, BTreeSet};

use super::Peer;
use super::amf::{self, Amf};
use super::message::{Command, MediaReceived, Received, StreamId, TypeId, UserControl};
use super::oddity::Oddity;

/// What a peer received, in order; `Peer` offers it under the same names.
#[derive(Debug, Default)]
pub(super) struct Log {
    received: Vec<Received>,
    media: Vec<MediaReceived>,
    commands: Vec<Command>,
    statuses: Vec<Status>,
    user_controls: Vec<UserControl>,
    acknowledgements: Vec<u32>,
    announced: Announced,
    created: Vec<StreamId>,
    /// Streams on which messages may come: the connection, those created, those that the peer used.
    known: BTreeSet<StreamId>,
    /// Commands that wait for their answer.
    open: BTreeMap<u32, String>,
    /// Whether the peer asked for AMF3.
    amf3: bool,
}

/// A status that the server told: of a stream, or the answer to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The stream, or 0.
    pub stream: StreamId,
    /// "status", "warning" or "error".
    pub level: String,
    /// "NetStream.Play.Start" and the like.
    pub code: String,
    /// For people.
    pub description: String,
}

/// What the server said about the connection, each as last said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// Acknowledge whenever so many bytes have come.
    pub window_ack_bytes: Option<u32>,
    /// How much this peer may send unacknowledged, and the limit type.
    pub peer_bandwidth: Option<(u32, u8)>,
    /// The size of the server's chunks.
    pub chunk_size: Option<u32>,
}

impl Log {
    pub(super) fn new(amf3: bool) -> Log {
        Log { amf3, ..Log::default() }
    }

    /// Notes a command that this peer sends, so that its answer is known.
    pub(super) fn ask(&mut self, transaction: u32, name: &str) {
        if transaction != 0 {
            self.open.insert(transaction, name.to_owned());
        }
    }

    /// Notes a stream that this peer uses.
    pub(super) fn know(&mut self, stream: StreamId) {
        self.known.insert(stream);
    }

    /// Writes a message down. `sent` is how many bytes have left this peer.
    pub(super) fn take(&mut self, message: Received, sent: u64) -> Result<(), Oddity> {
        let Received { type_id, stream, timestamp_ms, ref payload, .. } = message;
        if !type_id.is_control() && stream != StreamId::CONNECTION && !self.known.contains(&stream) {
            return Err(Oddity::UnknownStream { type_id, stream });
        }
        if matches!(type_id, TypeId::DATA_AMF3 | TypeId::SHARED_OBJECT_AMF3 | TypeId::COMMAND_AMF3)
            && !self.amf3
        {
            return Err(Oddity::Amf3NotAgreed(type_id));
        }
        match type_id {
            TypeId::SET_CHUNK_SIZE => self.announced.chunk_size = Some(word(type_id, payload)?),
            TypeId::WINDOW_ACK_SIZE => self.announced.window_ack_bytes = Some(size(type_id, payload)?),
            TypeId::SET_PEER_BANDWIDTH => match payload.split_at_checked(4) {
                Some((bytes, &[limit @ 0..=2])) => {
                    self.announced.peer_bandwidth = Some((size(type_id, bytes)?, limit));
                }
                _ => return Err(control(type_id, payload)),
            },
            TypeId::ACKNOWLEDGEMENT => self.take_acknowledgement(word(type_id, payload)?, sent)?,
            TypeId::USER_CONTROL => match UserControl::read(payload) {
                // Only clients tell how much they buffer.
                None | Some(UserControl::SetBufferLength { .. }) => return Err(control(type_id, payload)),
                Some(event) => self.user_controls.push(event),
            },
            TypeId::COMMAND_AMF0 => self.take_command(stream, payload)?,
            TypeId::COMMAND_AMF3 => match payload.split_first() {
                Some((0, values)) => self.take_command(stream, values)?,
                _ => return Err(Oddity::CommandShape(stream)),
            },
            TypeId::AUDIO | TypeId::VIDEO | TypeId::DATA_AMF0 | TypeId::DATA_AMF3 => {
                if stream == StreamId::CONNECTION {
                    return Err(Oddity::UnknownStream { type_id, stream });
                }
                self.media.push(MediaReceived { stream, type_id, timestamp_ms, payload: payload.clone() });
            }
            _ => {}
        }
        self.received.push(message);
        Ok(())
    }

    fn take_acknowledgement(&mut self, sequence: u32, sent: u64) -> Result<(), Oddity> {
        // The number wraps, so beyond 4 GiB nothing can be said.
        if sent <= u64::from(u32::MAX) {
            if u64::from(sequence) > sent {
                return Err(Oddity::AcknowledgedTooMuch { sequence, sent });
            }
            if let Some(&before) = self.acknowledgements.last().filter(|&&before| before > sequence) {
                return Err(Oddity::AcknowledgedBackwards { sequence, before });
            }
        }
        self.acknowledgements.push(sequence);
        Ok(())
    }

    fn take_command(&mut self, stream: StreamId, payload: &[u8]) -> Result<(), Oddity> {
        let mut values = amf::read_all(payload)?.into_iter();
        let (Some(Amf::String(name)), Some(Amf::Number(transaction))) = (values.next(), values.next()) else {
            return Err(Oddity::CommandShape(stream));
        };
        if transaction.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&transaction) {
            return Err(Oddity::CommandShape(stream));
        }
        let transaction = transaction as u32;
        let mut command = Command { stream, name, transaction, answers: None, values: values.collect() };

        match command.name.as_str() {
            "_result" | "_error" => {
                let asked = self.open.remove(&transaction).ok_or(Oddity::AnswerToNothing(transaction))?;
                if asked == "connect" {
                    self.statuses.push(status(&command)?);
                }
                if asked == "createStream" && command.name == "_result" {
                    let created = created_stream(&command).ok_or(Oddity::NoStreamId)?;
                    self.known.insert(created);
                    self.created.push(created);
                }
                command.answers = Some(asked);
            }
            "onStatus" => {
                if transaction != 0 || command.values.first() != Some(&Amf::Null) {
                    return Err(Oddity::StatusShape(stream));
                }
                self.statuses.push(status(&command)?);
            }
            _ => {}
        }
        self.commands.push(command);
        Ok(())
    }
}

/// What came, as far as it came.
impl Peer {
    /// All messages, in order.
    pub fn received(&self) -> &[Received] {
        &self.log.received
    }

    /// The messages since the last call, which are then forgotten: for long runs. All that is
    /// read out of messages stays.
    pub fn take_received(&mut self) -> Vec<Received> {
        std::mem::take(&mut self.log.received)
    }

    /// Audio, video and data of all streams, in order.
    pub fn media(&self) -> &[MediaReceived] {
        &self.log.media
    }

    /// Audio, video and data of one stream, in order.
    pub fn media_of(&self, stream: StreamId) -> Vec<MediaReceived> {
        self.log.media.iter().filter(|media| media.stream == stream).cloned().collect()
    }

    /// The media since the last call, which are then forgotten: for long runs.
    pub fn take_media(&mut self) -> Vec<MediaReceived> {
        std::mem::take(&mut self.log.media)
    }

    /// All commands, in order.
    pub fn commands(&self) -> &[Command] {
        &self.log.commands
    }

    /// The last answer to a command of this name, `_result` or `_error`.
    pub fn answer_to(&self, name: &str) -> Option<&Command> {
        self.log.commands.iter().rev().find(|command| command.answers.as_deref() == Some(name))
    }

    /// Stream and code of each status, in order; the answer to connect is one of stream 0.
    pub fn statuses(&self) -> Vec<(StreamId, &str)> {
        self.log.statuses.iter().map(|status| (status.stream, status.code.as_str())).collect()
    }

    /// The same with level and description.
    pub fn statuses_in_full(&self) -> &[Status] {
        &self.log.statuses
    }

    /// The streams that createStream gave, in order.
    pub fn created_streams(&self) -> &[StreamId] {
        &self.log.created
    }

    /// User Control events, in order.
    pub fn user_controls(&self) -> &[UserControl] {
        &self.log.user_controls
    }

    /// The numbers of the server's acknowledgements, in order.
    pub fn acknowledgements(&self) -> &[u32] {
        &self.log.acknowledgements
    }

    /// What the server announced.
    pub fn announced(&self) -> Announced {
        self.log.announced
    }
}

fn status(command: &Command) -> Result<Status, Oddity> {
    let stream = command.stream;
    let text = |property| command.text(property).map(str::to_owned);
    let (Some(level), Some(code)) = (text("level"), text("code")) else {
        return Err(Oddity::StatusShape(stream));
    };
    if !matches!(level.as_str(), "status" | "warning" | "error") {
        return Err(Oddity::StatusShape(stream));
    }
    Ok(Status { stream, level, code, description: text("description").unwrap_or_default() })
}

fn created_stream(command: &Command) -> Option<StreamId> {
    let number = command.values.get(1)?.as_number()?;
    let whole = number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number);
    whole.then_some(StreamId(number as u32))
}

/// A number that cannot be 0.
fn size(type_id: TypeId, payload: &[u8]) -> Result<u32, Oddity> {
    match word(type_id, payload)? {
        0 => Err(control(type_id, payload)),
        size => Ok(size),
    }
}

fn word(type_id: TypeId, payload: &[u8]) -> Result<u32, Oddity> {
    payload.try_into().map(u32::from_be_bytes).map_err(|_| control(type_id, payload))
}

fn control(type_id: TypeId, payload: &[u8]) -> Oddity {
    Oddity::Control { type_id, payload: payload.to_vec() }
}
