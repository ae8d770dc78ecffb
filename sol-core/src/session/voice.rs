//! Voice: what a session says, as messages in its outbox.

use bytes::{Bytes, BytesMut};

use crate::chunk::{MessageHeader, chunked_len, write_message};
use crate::ids::{ChunkStreamId, MessageStreamId, MessageType};
use crate::limits;
use crate::message::{Command, Control, UserControl};
use crate::name::StreamName;
use crate::time::Instant;
use crate::timestamp::Timestamp;

use super::capabilities::Stated;
use super::close::{CloseReason, Farewell, Refusal};
use super::event::{Event, RequestKind};
use super::net_stream::Doing;
use super::timers::Timer;
use super::{Session, reply};

impl Session {
    pub(super) fn send_control(&mut self, control: Control) {
        self.send(ChunkStreamId::CONTROL, MessageStreamId::CONNECTION, control.kind(), &control.body());
    }

    /// After so many bytes the peer is to acknowledge.
    pub(super) fn send_window(&mut self, window: u32) {
        self.window_sent = Some(window);
        self.send_control(Control::WindowAcknowledgementSize(window));
    }

    pub(super) fn send_user_control(&mut self, event: &UserControl) {
        self.send(
            ChunkStreamId::CONTROL,
            MessageStreamId::CONNECTION,
            MessageType::USER_CONTROL,
            &event.body(),
        );
    }

    /// A command on the connection.
    pub(super) fn send_command(&mut self, command: &Command) {
        self.send(ChunkStreamId::COMMAND, MessageStreamId::CONNECTION, MessageType::COMMAND, &command.body());
    }

    /// A command on a NetStream.
    pub(super) fn send_status(&mut self, stream: MessageStreamId, status: &Command) {
        self.send(ChunkStreamId::STATUS, stream, MessageType::COMMAND, &status.body());
    }

    pub(super) fn acknowledge(&mut self, total: u32) {
        let control = Control::Acknowledgement(total);
        self.send_chatter(control.kind(), &control.body());
    }

    pub(super) fn ping(&mut self) {
        self.expect_ping();
        let request = UserControl::PingRequest(ping_number(self.now));
        if self.send_chatter(MessageType::USER_CONTROL, &request.body()) {
            self.pinged = Some(self.now);
        }
    }

    /// Playing begins, if the NetStream was allowed to and has not been told.
    pub(super) fn say_play_start(&mut self, stream: MessageStreamId) {
        let Some(Doing::Allowed(name)) = self.streams.get(stream) else { return };
        let name = name.clone();
        self.send_user_control(&UserControl::StreamBegin(stream));
        self.send_status(stream, &reply::play_reset(name.as_str()));
        self.send_status(stream, &reply::play_start(name.as_str()));
        self.streams.set(stream, Doing::Playing(name));
    }

    pub(super) fn send_play_end(&mut self, stream: MessageStreamId, name: &str) {
        self.send_status(stream, &reply::play_unpublish_notify(name));
        self.send_user_control(&UserControl::StreamEof(stream));
    }

    pub(super) fn refuse_request(
        &mut self,
        stream: MessageStreamId,
        kind: RequestKind,
        name: Option<StreamName>,
        why: Refusal,
    ) {
        self.send_status(stream, &reply::refused(kind, &why));
        self.events.push_back(Event::Refused { stream, kind, name, why });
        self.refusals_so_far += 1;
        if self.refusals_so_far == limits::REFUSALS {
            self.close_for(CloseReason::Refused);
        }
        self.settle(Some(Farewell::Refused));
    }

    /// Asks a client to reconnect, if the server drains and the client obeys.
    pub(super) fn say_reconnect(&mut self) {
        let Some(request) = &self.draining else { return };
        if self.phase.is_connected() && self.capabilities.reconnect() == Stated::Yes {
            self.send_command(&request.command(&self.app));
        }
    }

    pub(super) fn say_shutdown(&mut self) {
        let doings: Vec<_> = self.streams.iter().map(|(stream, doing)| (stream, doing.clone())).collect();
        let mut plays = false;
        for (stream, doing) in doings {
            if let Doing::Playing(name) = doing {
                self.send_play_end(stream, name.as_str());
                plays = true;
            }
        }
        // To a player the end of its stream says it all, and to FFmpeg any error would undo that. It may have come
        // just before, where the publisher was closed first.
        if self.phase.is_connected() && !plays && !self.timers.is_set(Timer::Farewell) {
            self.send_command(&reply::app_shutdown());
        }
    }

    fn send(&mut self, chunk_stream: ChunkStreamId, stream: MessageStreamId, kind: MessageType, body: &[u8]) {
        if self.phase.is_open() {
            self.expect_progress();
            self.outbox.push_answer(self.written(chunk_stream, stream, kind, body));
        }
    }

    /// What may be left out: a peer that reads nothing must not be taken for stalled because of it. Whether it was not.
    fn send_chatter(&mut self, kind: MessageType, body: &[u8]) -> bool {
        let is_said = self.phase.is_open() && self.outbox.bytes() < limits::OUTBOX_BYTES_CHATTER;
        if is_said {
            let bytes = self.written(ChunkStreamId::CONTROL, MessageStreamId::CONNECTION, kind, body);
            self.outbox.push_chatter(bytes);
        }
        is_said
    }

    fn written(
        &self,
        chunk_stream: ChunkStreamId,
        stream: MessageStreamId,
        kind: MessageType,
        body: &[u8],
    ) -> Bytes {
        let length = u32::try_from(body.len()).expect("answers are short");
        let header = MessageHeader { chunk_stream, stream, timestamp: Timestamp::ZERO, kind, length };
        let mut bytes = BytesMut::with_capacity(chunked_len(&header, self.chunk_size_sent));
        write_message(&header, body, self.chunk_size_sent, &mut bytes);
        bytes.freeze()
    }
}

/// What a ping that is sent at this moment carries: milliseconds of the driver's clock.
pub(super) fn ping_number(at: Instant) -> Timestamp {
    Timestamp::from_millis(at.since_epoch().as_millis() as u32)
}
