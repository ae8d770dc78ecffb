//! The client's role: what a session asks of a server, one thing after the other, and how it takes the answers.
//!
//! ```text
//! handshake ─▶ connect ─▶ createStream ─▶ publish or play ─▶ under way ─▶ Closing
//! ```
//!
//! Only the four answers that matter are waited for. `releaseStream` and `FCPublish`, which servers of Adobe's days want in
//! front of `createStream`, leave with it and may be refused.

use std::fmt;
use std::sync::Arc;

use crate::amf::{Properties, Value};
use crate::frame::Frame;
use crate::ids::MessageStreamId;
use crate::limits;
use crate::media::{Content, FrameKind, Media};
use crate::message::{Command, Control, UserControl};
use crate::quirk::Quirk;
use crate::time::Instant;

use super::capabilities::Capabilities;
use super::close::{CloseReason, ServerWord, spoken};
use super::event::{Event, RequestKind, Welcome};
use super::reconnect::ReconnectRequest;
use super::target::Target;
use super::timers::Timer;
use super::{Session, reply};

/// A session's task as a client.
#[derive(Debug)]
pub(super) struct Client {
    target: Target,
    step: Step,
    /// The number of the last call.
    transaction: u32,
    /// The NetStream that the server made, once it has.
    stream: MessageStreamId,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Handshake,
    /// The answer to a call with that number.
    Answer(Call, u32),
    /// It publishes or plays.
    UnderWay,
    /// It has said goodbye.
    Leaving,
}

/// What a client asks a server for, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// To talk at all, with an app.
    Connect,
    /// A NetStream.
    CreateStream,
    /// To send a stream.
    Publish,
    /// To receive a stream.
    Play,
}

impl Call {
    /// The command.
    pub const fn name(self) -> &'static str {
        match self {
            Call::Connect => "connect",
            Call::CreateStream => "createStream",
            Call::Publish => "publish",
            Call::Play => "play",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Client {
    pub(super) fn new(target: Target) -> Self {
        Self { target, step: Step::Handshake, transaction: 0, stream: MessageStreamId::CONNECTION }
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.step == Step::UnderWay
    }

    pub(super) fn is_publishing(&self) -> bool {
        self.is_under_way() && self.target.kind == RequestKind::Publish
    }

    /// Whether it may send media there.
    pub(super) fn publishes(&self, stream: MessageStreamId) -> bool {
        self.is_publishing() && self.stream == stream
    }

    fn is_playing(&self) -> bool {
        self.target.kind == RequestKind::Play && self.is_under_way()
    }

    /// What it waits to be answered.
    pub(super) fn call(&self) -> Option<Call> {
        match self.step {
            Step::Answer(call, _) => Some(call),
            Step::Handshake | Step::UnderWay | Step::Leaving => None,
        }
    }

    fn next_transaction(&mut self) -> u32 {
        self.transaction += 1;
        self.transaction
    }
}

impl Session {
    /// Sends audio, video or data with the publisher's time, as [`Session::send_frame`] does. Metadata are announced in the
    /// way of encoders, by `@setDataFrame`. Without effect unless this is a client that publishes, and has been allowed to.
    ///
    /// # Panics
    /// If the payload is longer than [`limits::MESSAGE_BYTES`].
    pub fn send_media(&mut self, media: &Media, now: Instant) {
        self.touch(now);
        let Some(client) = self.client.as_ref().filter(|client| client.is_under_way()) else { return };
        let (stream, kind) = (client.stream, FrameKind::of(&media.content));
        let frame = |payload: &[u8]| Frame::new(kind, media.timestamp, payload, self.config.chunk_size);
        let payload = media.content.payload();
        let frame = match kind {
            FrameKind::Metadata => frame(&[SET_DATA_FRAME, payload].concat()),
            _ => frame(payload),
        };
        self.send_frame(stream, frame);
    }

    /// Ends what a client does, says so, and closes as [`CloseReason::Left`], behind everything that was queued, for as long
    /// as the server takes it. What it has not taken then is lost, and [`Event::Closed`] says to reset. Without effect in the
    /// server's role.
    pub fn leave(&mut self, now: Instant) {
        self.touch(now);
        if self.client.is_some() && self.phase.is_open() {
            self.say_goodbye();
            self.close_for(CloseReason::Left);
        }
        self.debug_check();
    }

    /// What a client has asked for and waits to be answered; `None` in the server's role too.
    pub fn asked(&self) -> Option<Call> {
        self.client.as_ref().and_then(|client| client.call())
    }

    /// The handshake is over.
    pub(super) fn say_connect(&mut self) {
        let Some(client) = &self.client else { return };
        let object = client.target.capabilities.behind(client.target.connect.clone());
        let mut command = Command::new(Call::Connect.name(), 0.0, object);
        command.arguments.clone_from(&client.target.arguments);
        self.call(Call::Connect, MessageStreamId::CONNECTION, command);
    }

    /// What a server says to a client.
    pub(super) fn heed(&mut self, command: &Command) -> Result<(), CloseReason> {
        match command.name.as_str() {
            "_result" => self.heed_result(command),
            "_error" => self.heed_error(command),
            "onStatus" => self.heed_status(command),
            "close" => Err(CloseReason::Dismissed(ServerWord::of(command))),
            // Notices of Flash Media Server, and measurements of bandwidth that it begins.
            _ if command.transaction == 0.0 || command.name.starts_with("on") => Ok(()),
            _ => {
                self.send_command(&reply::done(command.transaction));
                Ok(())
            }
        }
    }

    fn heed_result(&mut self, command: &Command) -> Result<(), CloseReason> {
        let Some((call, asked)) = self.awaited() else { return Ok(()) };
        match call {
            // Nothing else is on its way, so whatever number it has (nginx-rtmp is known for 0), this is it.
            Call::Connect => {
                if command.transaction != f64::from(asked) {
                    self.tolerance.tolerate(Quirk::AnswerUnnumbered)?;
                }
                self.heed_welcome(command);
            }
            Call::CreateStream => {
                let number = command.numbers().next();
                if command.transaction != f64::from(asked) {
                    // The answers to `releaseStream` and `FCPublish`, which give nothing.
                    if number.is_none() {
                        return Ok(());
                    }
                    self.tolerance.tolerate(Quirk::AnswerUnnumbered)?;
                }
                let Some(number) = number.filter(|&number| number >= 1.0) else {
                    let why =
                        ServerWord { description: "it made no stream".to_owned(), ..ServerWord::default() };
                    return Err(CloseReason::RefusedByServer(call, why));
                };
                self.ask_for_stream(MessageStreamId::new(number as u32));
            }
            // A status says more.
            Call::Publish | Call::Play => {}
        }
        Ok(())
    }

    fn heed_error(&mut self, command: &Command) -> Result<(), CloseReason> {
        let Some((call, asked)) = self.awaited() else { return Ok(()) };
        let is_meant = match call {
            Call::Connect => true,
            // Beside it two calls are on their way that servers may not know.
            Call::CreateStream => command.transaction == f64::from(asked),
            Call::Publish | Call::Play => [0.0, f64::from(asked)].contains(&command.transaction),
        };
        if !is_meant {
            return Ok(());
        }
        Err(match redirection(command) {
            Some(to) => CloseReason::Redirected { to },
            None => CloseReason::RefusedByServer(call, ServerWord::of(command)),
        })
    }

    /// `connect` was accepted: the next calls leave in one write.
    fn heed_welcome(&mut self, command: &Command) {
        let Some(greeting) = self.phase.greeting() else { return };
        self.phase.connected();
        let objects = [&command.object].into_iter().chain(&command.arguments).filter_map(Value::properties);
        let said = |name: &str| {
            let found = objects.clone().filter_map(|properties| properties.get(name)).find_map(Value::as_str);
            spoken(found.unwrap_or_default())
        };
        let (server, description) = (said("fmsVer"), said("description"));
        self.capabilities = Arc::new(Capabilities::read(objects));
        let capabilities = Arc::clone(&self.capabilities);
        self.events.push_back(Event::Welcomed(Welcome { greeting, server, description, capabilities }));
        // Flash Media Server dislikes it in front of `connect`.
        self.send_control(Control::SetChunkSize(self.config.chunk_size.get()));
        self.chunk_size_sent = self.config.chunk_size;
        self.send_window(self.config.window_bytes);
        let Some(Client { target, .. }) = self.client.as_deref() else { return };
        if target.kind == RequestKind::Publish {
            let key = target.stream.clone();
            for name in ["releaseStream", "FCPublish"] {
                let number = self.client.as_mut().map_or(0, |client| client.next_transaction());
                self.send_command(&Command::new(name, f64::from(number), Value::Null).with(key.as_str()));
            }
        }
        let create = Command::new(Call::CreateStream.name(), 0.0, Value::Null);
        self.call(Call::CreateStream, MessageStreamId::CONNECTION, create);
    }

    /// There is a NetStream: asks to publish or to play on it.
    fn ask_for_stream(&mut self, stream: MessageStreamId) {
        let Some(client) = self.client.as_deref_mut() else { return };
        client.stream = stream;
        let (key, buffer, start) = (client.target.stream.clone(), client.target.buffer, client.target.start);
        match client.target.kind {
            RequestKind::Publish => {
                let command = Command::new(Call::Publish.name(), 0.0, Value::Null).with(key).with("live");
                self.call(Call::Publish, stream, command);
            }
            RequestKind::Play => {
                self.reader.set_message_bytes_max(limits::MESSAGE_BYTES);
                let command =
                    Command::new(Call::Play.name(), 0.0, Value::Null).with(key).with(start * 1_000.0);
                self.call(Call::Play, stream, command);
                self.send_user_control(&UserControl::SetBufferLength { stream, length: buffer });
            }
        }
    }

    fn heed_status(&mut self, command: &Command) -> Result<(), CloseReason> {
        let word = ServerWord::of(command);
        let Some(client) = self.client.as_deref() else { return Ok(()) };
        let is_error = word.level == "error";
        match (client.step, word.code.as_str()) {
            (_, ReconnectRequest::CODE) => {
                self.events.push_back(Event::Reconnect(ReconnectRequest::of(command)));
            }
            (Step::Answer(Call::Publish, _), "NetStream.Publish.Start")
            | (Step::Answer(Call::Play, _), "NetStream.Play.Start") => self.begin(),
            (Step::Answer(call, _), code) if is_error || REFUSALS.contains(&code) => {
                return Err(match redirection(command) {
                    Some(to) => CloseReason::Redirected { to },
                    None => CloseReason::RefusedByServer(call, word),
                });
            }
            (Step::UnderWay, code) if client.is_playing() && PLAY_ENDS.contains(&code) => {
                return Err(self.end_of_play());
            }
            (Step::UnderWay, code) if is_error || DISMISSALS.contains(&code) => {
                return Err(CloseReason::Dismissed(word));
            }
            (Step::Handshake | Step::Answer(..) | Step::UnderWay | Step::Leaving, _) => {
                self.events.push_back(Event::Told(word));
            }
        }
        Ok(())
    }

    /// The server says that a stream has no more to come. nginx-rtmp says nothing else.
    pub(super) fn heed_eof(&mut self, stream: MessageStreamId) -> Result<(), CloseReason> {
        match &self.client {
            Some(client) if client.is_playing() && client.stream == stream => Err(self.end_of_play()),
            _ => Ok(()),
        }
    }

    /// Media came to a client.
    pub(super) fn heed_media(&mut self, media: Media) -> Result<(), CloseReason> {
        let Some(client) = self.client.as_deref() else { return Ok(()) };
        if client.call() == Some(Call::Play) {
            self.tolerance.tolerate(Quirk::PlayStartMissing)?;
            self.begin();
        } else if !client.is_playing() {
            return Ok(self.tolerance.tolerate(Quirk::MediaOutsidePublication)?);
        }
        let is_for_flash = matches!(
            &media.content,
            Content::Data(data) if matches!(data.name(), "|RtmpSampleAccess" | "onStatus" | "onPlayStatus")
        );
        let is_empty = media.content.payload().is_empty() && !matches!(media.content, Content::Audio(_));
        if is_empty {
            return Ok(self.tolerance.tolerate(Quirk::MediaEmpty)?);
        }
        // Whatever number the server gives the stream, there is but one.
        let stream = self.client.as_deref().map_or(MessageStreamId::CONNECTION, |client| client.stream);
        if !is_for_flash {
            self.events.push_back(Event::Media { stream, media });
        }
        Ok(())
    }

    /// What it asked for is granted.
    fn begin(&mut self) {
        let Some(client) = self.client.as_deref_mut() else { return };
        client.step = Step::UnderWay;
        let stream = client.stream;
        self.timers.stop(Timer::Reply);
        self.events.push_back(Event::Granted(stream));
    }

    fn end_of_play(&mut self) -> CloseReason {
        self.say_goodbye();
        CloseReason::StreamEnded
    }

    /// Says that a client needs its NetStream no longer, if it has one.
    pub(super) fn say_goodbye(&mut self) {
        let Some(client) = self.client.as_deref_mut() else { return };
        let (stream, has_stream) = (client.stream, client.stream != MessageStreamId::CONNECTION);
        client.step = Step::Leaving;
        if !has_stream || !self.phase.is_connected() {
            return;
        }
        let (key, kind) = (client.target.stream.clone(), client.target.kind);
        let mut number = || f64::from(client.next_transaction());
        let mut commands = Vec::new();
        if kind == RequestKind::Publish {
            commands.push(Command::new("FCUnpublish", number(), Value::Null).with(key));
        }
        commands.push(Command::new("deleteStream", number(), Value::Null).with(f64::from(stream.get())));
        for command in &commands {
            self.send_command(command);
        }
    }

    /// Sends a call whose answer is waited for.
    fn call(&mut self, call: Call, stream: MessageStreamId, mut command: Command) {
        let Some(client) = self.client.as_deref_mut() else { return };
        let number = client.next_transaction();
        client.step = Step::Answer(call, number);
        command.transaction = f64::from(number);
        if stream == MessageStreamId::CONNECTION {
            self.send_command(&command);
        } else {
            self.send_status(stream, &command);
        }
        self.timers.set(Timer::Reply, self.now + limits::REPLY_TIME);
    }

    fn awaited(&self) -> Option<(Call, u32)> {
        match self.client.as_deref()?.step {
            Step::Answer(call, number) => Some((call, number)),
            Step::Handshake | Step::UnderWay | Step::Leaving => None,
        }
    }
}

/// Where a server sends its clients instead: in an object of its own, with code 302. FMS says so in answer to `connect`, SRS in
/// a status; there `redirect` is the `tcUrl` alone, and `redirect2` has the stream as well.
fn redirection(command: &Command) -> Option<String> {
    let objects = [&command.object].into_iter().chain(&command.arguments).filter_map(Value::properties);
    let redirect = |properties: &Properties| {
        let told = ["redirect2", "redirect"].into_iter().filter_map(|name| properties.get(name));
        told.filter_map(Value::as_str).find(|to| !to.is_empty()).map(spoken)
    };
    let mut all = objects.flat_map(|outer| [Some(outer), outer.get("ex").and_then(Value::properties)]);
    all.find_map(|properties| properties.and_then(redirect))
}

/// `@setDataFrame` as an AMF0 string.
const SET_DATA_FRAME: &[u8] = b"\x02\0\x0D@setDataFrame";

/// Refusals that some servers send without the level of an error.
const REFUSALS: &[&str] = &[
    "NetStream.Failed",
    "NetStream.Play.Failed",
    "NetStream.Play.StreamNotFound",
    "NetStream.Play.BadAuth",
    "NetStream.Publish.BadAuth",
    "NetStream.Publish.BadName",
    "NetStream.Publish.Denied",
    "NetStream.Publish.Rejected",
    "NetStream.Publish.Unauthorized",
];

/// What ends a play.
const PLAY_ENDS: &[&str] =
    &["NetStream.Play.Complete", "NetStream.Play.Stop", "NetStream.Play.UnpublishNotify"];

/// What ends a connection or a publication, also without the level of an error.
const DISMISSALS: &[&str] = &[
    "NetConnection.Connect.AppShutdown",
    "NetConnection.Connect.Closed",
    "NetStream.Publish.BadName",
    "NetStream.Unpublish.Success",
];
