//! Intake: what a session does with the bytes that come.
//!
//! Invariant: how input is cut changes nothing, as long as the output is drained. Acknowledgements fall on the byte at which
//! they are due, and what comes behind a request is held until that is answered.

use bytes::Buf;

use crate::chunk::RawMessage;
use crate::ids::MessageStreamId;
use crate::limits;
use crate::media::{Content, Media};
use crate::message::{Control, Message, Part, UserControl};
use crate::quirk::Quirk;
use crate::timestamp::Timestamp;

use super::Session;
use super::close::CloseReason;
use super::event::Event;
use super::net_stream::Doing;
use super::timers::Timer;
use super::voice::ping_number;

impl Session {
    /// Looks at input as far as may be, and holds the rest.
    pub(super) fn take(&mut self, mut input: &[u8]) {
        if self.waiting().is_some() {
            self.hold(input);
            return;
        }
        if let Err(reason) = self.look_at(&mut input) {
            self.close_for(reason);
        }
        if self.phase.is_open() && !input.is_empty() {
            self.hold(input);
        }
    }

    fn hold(&mut self, input: &[u8]) {
        if self.held.len() + input.len() > limits::HELD_INPUT_BYTES {
            self.close_for(CloseReason::TooMuchHeld);
        } else {
            self.held.extend_from_slice(input);
        }
    }

    /// A request was answered: looks at what came behind it, up to the next one.
    pub(super) fn resume(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        let mut input = &held[..];
        if let Err(reason) = self.look_at(&mut input) {
            self.close_for(reason);
        }
        if self.phase.is_open() && !input.is_empty() {
            let looked_at = held.len() - input.len();
            held.advance(looked_at);
            self.held = held;
        }
        self.debug_check();
    }

    /// Looks at input until it is used up, a request waits, or the session closes.
    fn look_at(&mut self, input: &mut &[u8]) -> Result<(), CloseReason> {
        if self.phase.is_handshake() {
            let before = input.len();
            let progress = self.handshake.read(input, &mut self.entropy, self.now)?;
            self.traffic.count_received(before - input.len());
            if let Some(reply) = progress.reply {
                self.expect_progress();
                self.outbox.push_answer(reply);
            }
            let Some(greeting) = progress.finished else { return Ok(()) };
            self.phase.greeted(greeting);
            self.heard();
            self.timers.stop(Timer::Handshake);
            match self.client {
                Some(_) => self.say_connect(),
                None => self.timers.set(Timer::Command, self.now + self.config.timers.command),
            }
        }
        while self.waiting().is_none() && self.phase.is_open() {
            let mut piece = &input[..self.traffic.before_acknowledgement(input.len())];
            let before = piece.len();
            let message = self.reader.read(&mut piece, &mut self.tolerance);
            let taken = before - piece.len();
            *input = &input[taken..];
            if let Some(total) = self.traffic.count_received(taken) {
                self.acknowledge(total);
            }
            match message? {
                Some(message) => self.understand(&message)?,
                None if input.is_empty() => break,
                None => {}
            }
        }
        Ok(())
    }

    /// One whole message came.
    fn understand(&mut self, raw: &RawMessage) -> Result<(), CloseReason> {
        self.traffic.count_message(raw.kind);
        match Message::parse(raw, &mut self.tolerance)? {
            Message::Control(control) => self.obey(control),
            Message::UserControl(UserControl::PingRequest(time)) => {
                self.send_user_control(&UserControl::PingResponse(time));
            }
            Message::UserControl(UserControl::PingResponse(number)) => self.hear_pong(number),
            Message::UserControl(UserControl::StreamEof(stream)) => self.heed_eof(stream)?,
            Message::UserControl(
                UserControl::StreamBegin(_)
                | UserControl::StreamDry(_)
                | UserControl::SetBufferLength { .. }
                | UserControl::StreamIsRecorded(_)
                | UserControl::Unknown { .. },
            ) => {}
            Message::Media(media) => self.media(raw.stream, media)?,
            Message::Aggregate(parts) => {
                for part in parts {
                    if let Some(quirk) = part.quirk() {
                        self.tolerance.tolerate(quirk)?;
                    }
                    if let Part::Media(media) = part {
                        self.media(raw.stream, media)?;
                    }
                }
            }
            Message::Command(command) => match self.client {
                Some(_) => self.heed(&command)?,
                None => self.command(raw.stream, &command)?,
            },
            Message::SharedObject(_) | Message::Unknown { .. } | Message::Unreadable { .. } => {}
        }
        if self.outbox.answer_bytes() > limits::OUTBOX_BYTES_CLOSE {
            return Err(CloseReason::AnswersUnread);
        }
        Ok(())
    }

    fn obey(&mut self, control: Control) {
        match control {
            Control::WindowAcknowledgementSize(window) => self.traffic.acknowledge_every(window),
            // 5.4.5: answered with the window that the peer wants, unless it was told that one last. It does not bind
            // us: no peer was seen that acknowledges reliably enough to wait for.
            Control::SetPeerBandwidth { window, .. } if self.window_sent != Some(window) => {
                self.send_window(window);
            }
            Control::SetPeerBandwidth { .. } => {}
            // The chunk reader has acted upon the first two.
            Control::SetChunkSize(_) | Control::Abort(_) => {}
            Control::Acknowledgement(total) => self.traffic.hear_acknowledged(total),
        }
    }

    /// A ping was answered, if the number is that of the last one. An answer to no ping of ours says nothing.
    fn hear_pong(&mut self, number: Timestamp) {
        if let Some(asked) = self.pinged.take_if(|asked| ping_number(*asked) == number) {
            self.round_trip = Some(self.now.saturating_since(asked));
        }
    }

    fn media(&mut self, stream: MessageStreamId, media: Media) -> Result<(), CloseReason> {
        if self.client.is_some() {
            return self.heed_media(media);
        }
        match self.streams.get(stream) {
            Some(Doing::Publishing(_)) => {}
            // It may not know yet.
            Some(Doing::Replaced) => return Ok(()),
            _ => return Ok(self.tolerance.tolerate(Quirk::MediaOutsidePublication)?),
        }
        if media.content.payload().is_empty() && !matches!(media.content, Content::Audio(_)) {
            return Ok(self.tolerance.tolerate(Quirk::MediaEmpty)?);
        }
        self.events.push_back(Event::Media { stream, media });
        Ok(())
    }
}
