//! Commands of a client, and how the server's side answers each (RTMP 1.0, 7.2, and the customs of Flash Media Server).

use std::sync::Arc;

use smallvec::SmallVec;

use crate::amf::Value;
use crate::ids::{MessageStreamId, RequestId};
use crate::limits;
use crate::media::TrackKind;
use crate::message::{BandwidthLimit, Command, Control, UserControl};
use crate::name::{App, StreamName, app_of_url};
use crate::quirk::Quirk;

use super::capabilities::Capabilities;
use super::close::{CloseReason, Refusal};
use super::event::{Connected, Event, Request, RequestKind};
use super::net_stream::Doing;
use super::timers::Timer;
use super::{Session, reply};

impl Session {
    /// Answers one command. An error closes the session; only strict mode has any.
    pub(super) fn command(&mut self, stream: MessageStreamId, command: &Command) -> Result<(), CloseReason> {
        if command.name == "connect" {
            return self.welcome(command);
        }
        if !self.phase.is_connected() {
            return Ok(self.tolerance.tolerate(Quirk::CommandBeforeConnect)?);
        }
        match command.name.as_str() {
            "createStream" => self.create_stream(command),
            "releaseStream" | "FCUnsubscribe" => self.answer(command, reply::done),
            "FCPublish" => self.fc(command, "onFCPublish", "NetStream.Publish.Start"),
            "FCSubscribe" => self.fc(command, "onFCSubscribe", "NetStream.Play.Start"),
            "FCUnpublish" => {
                self.fc(command, "onFCUnpublish", "NetStream.Unpublish.Success");
                self.stop_by_name(command);
            }
            "publish" => self.request(stream, command, RequestKind::Publish)?,
            "play" => self.request(stream, command, RequestKind::Play)?,
            "closeStream" if self.streams.contains(stream) => self.stop(stream),
            "closeStream" => self.tolerance.tolerate(Quirk::StreamUnknown)?,
            "deleteStream" => self.delete_stream(command)?,
            "pause" | "pauseRaw" => self.pause(stream, command),
            "receiveAudio" => self.select(stream, TrackKind::Audio, command),
            "receiveVideo" => self.select(stream, TrackKind::Video, command),
            "seek" => {
                if let Some(name) = self.streams.played(stream) {
                    let failed = reply::seek_failed(name.as_str());
                    self.send_status(stream, &failed);
                }
            }
            "ping" => self.answer(command, reply::done),
            "close" => return Err(CloseReason::ClosedByPeer),
            "getStreamLength" => self.answer(command, reply::stream_length),
            "_checkbw" => self.answer(command, reply::done),
            // Answers, to nothing that we ask.
            "_result" | "_error" | "onStatus" => {}
            _ => self.answer(command, |transaction| {
                reply::call_failed(transaction, "The method is not known here.")
            }),
        }
        Ok(())
    }

    fn welcome(&mut self, command: &Command) -> Result<(), CloseReason> {
        let Some(greeting) = self.phase.greeting() else {
            return Ok(self.tolerance.tolerate(Quirk::ConnectRepeated)?);
        };
        let field = |name: &str| command.object.properties().and_then(|properties| properties.get(name));
        // Whole, for a query string stands at the end: only what is shown is cut.
        let text = |name: &str| field(name).and_then(Value::as_str).unwrap_or_default();
        let mut tc_url = text("tcUrl");
        if tc_url.is_empty() {
            tc_url = text("tcurl");
            if !tc_url.is_empty() {
                self.tolerance.tolerate(Quirk::TcUrlLowerCase)?;
            }
        }
        let mut app = text("app");
        if app.is_empty() {
            app = app_of_url(tc_url);
        }
        if [app, tc_url].iter().any(|text| text.starts_with(['\'', '"'])) {
            self.tolerance.tolerate(Quirk::UrlQuoted)?;
        }
        let encoding = reply::ObjectEncoding::of(field("objectEncoding").and_then(Value::as_number));
        self.app = match App::new(app).and_then(|app| app.or_query_of(tc_url)) {
            Ok(app) => app,
            Err(error) => {
                self.send_command(&reply::connect_rejected(command.transaction, &error.to_string()));
                return Err(CloseReason::ConnectRefused(error));
            }
        };
        // In one write: each small segment of its own would wait for a delayed acknowledgement.
        self.send_window(self.config.window_bytes);
        let limit = BandwidthLimit::Dynamic;
        self.send_control(Control::SetPeerBandwidth { window: self.config.window_bytes, limit });
        self.send_control(Control::SetChunkSize(self.config.chunk_size.get()));
        self.chunk_size_sent = self.config.chunk_size;
        self.send_command(&reply::connected(command.transaction, encoding, &self.config.connect_reply));
        self.capabilities = Arc::new(Capabilities::read(command.object.properties().into_iter()));
        self.phase.connected();
        self.settle(None);
        self.events.push_back(Event::Connected(Connected {
            greeting,
            app: cut(app, limits::CLIENT_TEXT_BYTES),
            flash_ver: cut(text("flashVer"), limits::CLIENT_TEXT_BYTES),
            tc_url: cut(tc_url, limits::CLIENT_TEXT_BYTES),
            capabilities: Arc::clone(&self.capabilities),
        }));
        self.say_reconnect();
        Ok(())
    }

    fn create_stream(&mut self, command: &Command) {
        match self.streams.create() {
            Some(id) => self.send_command(&reply::stream_created(command.transaction, id.get())),
            None => self.answer(command, |transaction| {
                reply::call_failed(transaction, &format!("No more than {} streams.", limits::NET_STREAMS))
            }),
        }
    }

    /// `publish` or `play`: asks the application.
    fn request(
        &mut self,
        stream: MessageStreamId,
        command: &Command,
        kind: RequestKind,
    ) -> Result<(), CloseReason> {
        if !self.streams.contains(stream) {
            self.tolerance.tolerate(Quirk::StreamNotCreated)?;
            if !self.streams.create_as(stream) {
                let why = format!("No more than {} streams.", limits::NET_STREAMS);
                self.refuse_request(stream, kind, None, Refusal::Rejected(why.into()));
                return Ok(());
            }
        }
        // `play` with a false reset asks to put a name behind the one that plays. The spec has it as a boolean or a number
        // behind start and duration (7.2.2.1).
        if kind == RequestKind::Play
            && self.streams.played(stream).is_some()
            && command.arguments.get(3).and_then(Value::as_bool) == Some(false)
        {
            let why = "Playlists are not supported; play one stream at a time.";
            self.refuse_request(stream, kind, None, Refusal::Rejected(why.into()));
            return Ok(());
        }
        self.stop(stream);
        let (name, query) = match StreamName::join(&self.app, command.strings().next().unwrap_or_default()) {
            Ok(joined) => joined,
            Err(error) => {
                self.refuse_request(stream, kind, None, Refusal::Rejected(error.to_string().into()));
                return Ok(());
            }
        };
        if self.is_draining() {
            self.refuse_request(stream, kind, Some(name), Refusal::Draining);
            return Ok(());
        }
        self.requests_so_far += 1;
        let request = Request { id: RequestId::new(self.requests_so_far), stream, kind, name, query };
        self.streams.set(stream, Doing::Waiting(request.clone()));
        self.settle(None);
        // Nothing is read until the answer comes, so the peer's silence means nothing.
        self.timers.stop(Timer::Ping);
        self.timers.stop(Timer::Silence);
        self.timers.set(Timer::Answer, self.now + self.config.timers.answer);
        self.events.push_back(Event::Requested(request));
        Ok(())
    }

    /// `deleteStream` names the stream by number. GStreamer names it by its name.
    fn delete_stream(&mut self, command: &Command) -> Result<(), CloseReason> {
        let Some(number) = command.numbers().next() else {
            let quirk = if command.strings().next().is_some() {
                Quirk::StreamNamedByKey
            } else {
                Quirk::StreamUnknown
            };
            self.tolerance.tolerate(quirk)?;
            self.stop_by_name(command);
            return Ok(());
        };
        let id = MessageStreamId::new(number as u32);
        self.stop(id);
        match self.streams.delete(id) {
            Some(_) => Ok(()),
            None => Ok(self.tolerance.tolerate(Quirk::StreamUnknown)?),
        }
    }

    fn pause(&mut self, stream: MessageStreamId, command: &Command) {
        let Some(name) = self.streams.played(stream) else { return };
        let name = name.as_str().to_owned();
        let paused = command.flag().unwrap_or(true);
        // What has not been told that it plays is not told that it pauses.
        match (self.streams.has_started(stream), paused) {
            (true, true) => {
                self.send_status(stream, &reply::pause_notify(&name));
                self.send_user_control(&UserControl::StreamEof(stream));
            }
            (true, false) => {
                self.send_user_control(&UserControl::StreamBegin(stream));
                self.send_status(stream, &reply::unpause_notify(&name));
            }
            (false, _) => {}
        }
        self.events.push_back(Event::Paused { stream, paused });
    }

    fn select(&mut self, stream: MessageStreamId, track: TrackKind, command: &Command) {
        self.answer(command, reply::done);
        if let (Some(_), Some(wanted)) = (self.streams.played(stream), command.flag()) {
            self.events.push_back(Event::Selected { stream, track, wanted });
        }
    }

    /// A NetStream ends what it does, as the peer wants.
    fn stop(&mut self, stream: MessageStreamId) {
        match self.streams.set(stream, Doing::Nothing) {
            Some(Doing::Publishing(name)) => {
                self.send_status(stream, &reply::unpublished(name.as_str()));
                self.events.push_back(Event::Stopped(stream));
            }
            Some(Doing::Playing(_)) => {
                self.send_user_control(&UserControl::StreamEof(stream));
                self.events.push_back(Event::Stopped(stream));
            }
            Some(Doing::Allowed(_)) => self.events.push_back(Event::Stopped(stream)),
            Some(Doing::Nothing | Doing::Replaced | Doing::Waiting(..)) | None => return,
        }
        self.settle(None);
    }

    /// The publication of the name that a command gives ends, if it is one of this connection.
    fn stop_by_name(&mut self, command: &Command) {
        let Ok((wanted, _)) = StreamName::join(&self.app, command.strings().next().unwrap_or_default())
        else {
            return;
        };
        let is_it = |doing: &Doing| matches!(doing, Doing::Publishing(name) if *name == wanted);
        let those = self.streams.iter().filter(|(_, doing)| is_it(doing)).map(|(stream, _)| stream);
        // Of a publisher and its backup on one connection it says nothing; deleteStream does, behind it.
        if let [stream] = those.collect::<SmallVec<[_; 2]>>()[..] {
            self.stop(stream);
        }
    }

    /// The calls that Flash Media Server knew beside the specification: a result, and a notice of their own.
    fn fc(&mut self, command: &Command, notice: &str, code: &str) {
        self.answer(command, reply::done);
        let stream = command.strings().next().unwrap_or_default();
        let shown = cut(stream, limits::NAME_BYTES);
        self.send_command(&reply::on_fc(notice, code, &shown));
    }

    /// Answers a call; transaction 0 wants no answer.
    fn answer(&mut self, command: &Command, answer: impl FnOnce(f64) -> Command) {
        if command.transaction != 0.0 {
            self.send_command(&answer(command.transaction));
        }
    }
}

/// No more than the first `bytes_max` bytes of a text, whole characters only.
pub(super) fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}
