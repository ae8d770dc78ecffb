//! Scripts: a publisher and a player that walk their way by themselves, reacting to the answers.
//!
//! Handshake, connect, createStream, publish or play. A test feeds them bytes and time and takes
//! their output; what it wants beyond the common path it does through `peer_mut`.

use std::fmt;
use std::iter::Peekable;
use std::time::Duration;

use super::message::{MediaReceived, StreamId, UserControl};
use super::pattern::{MediaRole, MediaSent, Pattern, PatternMedia};
use super::run::{Run, check_run};
use super::{Amf, Oddity, Peer, PeerOptions};

/// A publisher of a pattern.
#[derive(Debug)]
pub struct Publisher {
    walk: Walk,
    /// None where whoever drives it sends what it likes.
    media: Option<Peekable<PatternMedia>>,
    sent: Vec<MediaSent>,
    began: Option<Duration>,
}

impl Publisher {
    /// A publisher that has just been connected.
    pub fn new(app: &str, name: &str, pattern: Pattern) -> Publisher {
        Publisher::with_options(app, name, pattern, PeerOptions::default())
    }

    /// The same, behaving as the options say.
    pub fn with_options(app: &str, name: &str, pattern: Pattern, options: PeerOptions) -> Publisher {
        Publisher {
            walk: Walk::new(app, name, Errand::Publish, options),
            media: Some(pattern.media().peekable()),
            sent: Vec::new(),
            began: None,
        }
    }

    /// A publisher that sends nothing by itself.
    pub fn by_hand(app: &str, name: &str) -> Publisher {
        let walk = Walk::new(app, name, Errand::Publish, PeerOptions::default());
        Publisher { walk, media: None, sent: Vec::new(), began: None }
    }

    /// Takes bytes as they came. `now` counts from any fixed moment; the pattern begins when the
    /// publisher is told that it may.
    pub fn feed(&mut self, bytes: &[u8], now: Duration) -> Result<(), Oddity> {
        self.walk.feed(bytes)?;
        self.advance(now);
        Ok(())
    }

    /// Queues all media that is due. Before publishing is granted and after it has ended, nothing is.
    pub fn advance(&mut self, now: Duration) {
        let Phase::Live(stream) = self.walk.phase else { return };
        let began = *self.began.get_or_insert(now);
        let elapsed = now.saturating_sub(began);
        let Some(coming) = &mut self.media else { return };
        while let Some(media) = coming.next_if(|media| media.due <= elapsed) {
            let payload = media.payload.clone();
            self.walk.peer.send_media(stream, media.type_id, media.timestamp_ms, payload);
            self.sent.push(media);
        }
    }

    /// When media is due next; `None` where nothing is.
    pub fn next_due(&mut self) -> Option<Duration> {
        let began = self.began.filter(|_| matches!(self.walk.phase, Phase::Live(_)))?;
        Some(began + self.media.as_mut()?.peek()?.due)
    }

    /// What the client would give to one `write`; to be called until it is empty.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.walk.peer.take_output()
    }

    /// Ends the stream in good order, as FFmpeg does: FCUnpublish, deleteStream. What is due and
    /// was not queued is never sent.
    pub fn finish(&mut self) {
        let name = self.walk.name.as_str().into();
        self.walk.peer.call(StreamId::CONNECTION, "FCUnpublish", &[Amf::Null, name]);
        self.walk.finish();
    }

    /// How far it has come.
    pub fn phase(&self) -> &Phase {
        &self.walk.phase
    }

    /// All media that was queued, in order.
    pub fn sent(&self) -> &[MediaSent] {
        &self.sent
    }

    /// The client beneath.
    pub fn peer(&self) -> &Peer {
        &self.walk.peer
    }

    /// The client beneath, to do what the script does not.
    pub fn peer_mut(&mut self) -> &mut Peer {
        &mut self.walk.peer
    }
}

/// A player.
#[derive(Debug)]
pub struct Player {
    walk: Walk,
}

impl Player {
    /// A player that has just been connected.
    pub fn new(app: &str, name: &str) -> Player {
        let chunk_size = super::ChunkSizeHabit::Never;
        Player::with_options(app, name, PeerOptions { chunk_size, ..PeerOptions::default() })
    }

    /// The same, behaving as the options say.
    pub fn with_options(app: &str, name: &str, options: PeerOptions) -> Player {
        Player { walk: Walk::new(app, name, Errand::Play, options) }
    }

    /// Takes bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Oddity> {
        self.walk.feed(bytes)
    }

    /// What the client would give to one `write`; to be called until it is empty.
    pub fn take_output(&mut self) -> Vec<u8> {
        self.walk.peer.take_output()
    }

    /// Ends playing in good order: deleteStream.
    pub fn finish(&mut self) {
        self.walk.finish();
    }

    /// How far it has come.
    pub fn phase(&self) -> &Phase {
        &self.walk.phase
    }

    /// Audio, video and data, in order.
    pub fn media(&self) -> &[MediaReceived] {
        self.walk.peer.media()
    }

    /// Holds what came against what a publisher sent.
    pub fn check_run(&self, sent: &[MediaSent]) -> Result<Run, String> {
        check_run(self.media(), sent)
    }

    /// The client beneath.
    pub fn peer(&self) -> &Peer {
        &self.walk.peer
    }

    /// The client beneath, to do what the script does not.
    pub fn peer_mut(&mut self) -> &mut Peer {
        &mut self.walk.peer
    }
}

/// What drives a client. Bytes and time go in, bytes come out.
pub trait Script: fmt::Debug + 'static {
    /// Takes bytes as they came.
    fn feed(&mut self, bytes: &[u8], now: Duration) -> Result<(), Oddity>;

    /// Does what is due.
    fn advance(&mut self, _now: Duration) {}

    /// When something is due next.
    fn next_due(&mut self) -> Option<Duration> {
        None
    }

    /// The next write; to be called until it is empty.
    fn take_output(&mut self) -> Vec<u8>;

    /// Whether it closes its connection behind what it has said.
    fn has_left(&self) -> bool {
        false
    }

    /// The RTMP client beneath, if there is one.
    fn peer(&self) -> Option<&Peer>;
}

impl Script for Publisher {
    fn feed(&mut self, bytes: &[u8], now: Duration) -> Result<(), Oddity> {
        self.feed(bytes, now)
    }

    fn advance(&mut self, now: Duration) {
        self.advance(now);
    }

    fn next_due(&mut self) -> Option<Duration> {
        self.next_due()
    }

    fn take_output(&mut self) -> Vec<u8> {
        self.take_output()
    }

    fn peer(&self) -> Option<&Peer> {
        Some(self.peer())
    }
}

impl Script for Player {
    fn feed(&mut self, bytes: &[u8], _now: Duration) -> Result<(), Oddity> {
        self.feed(bytes)
    }

    fn take_output(&mut self) -> Vec<u8> {
        self.take_output()
    }

    fn peer(&self) -> Option<&Peer> {
        Some(self.peer())
    }
}

/// A client by hand: the test says all that it does.
impl Script for Peer {
    fn feed(&mut self, bytes: &[u8], _now: Duration) -> Result<(), Oddity> {
        self.feed(bytes)
    }

    fn take_output(&mut self) -> Vec<u8> {
        self.take_output()
    }

    fn peer(&self) -> Option<&Peer> {
        Some(self)
    }
}

/// How far a script has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The handshake is under way, connect is queued behind it or sent.
    Connecting,
    /// createStream was sent.
    CreatingStream,
    /// publish or play was sent, on this stream.
    Starting(StreamId),
    /// Publishing or playing, on this stream.
    Live(StreamId),
    /// The server said no, with this code, or with `_error` and no code.
    Refused(String),
    /// The server ended it, with this code.
    EndedByServer(String),
    /// The script ended it.
    Finished,
}

impl Phase {
    /// Whether the server has said yes or no.
    pub fn is_decided(&self) -> bool {
        matches!(self, Phase::Live(_) | Phase::Refused(_) | Phase::EndedByServer(_))
    }
}

/// What a script is out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errand {
    Publish,
    Play,
}

/// The way from the first byte to the media, common to both.
#[derive(Debug)]
struct Walk {
    peer: Peer,
    name: String,
    errand: Errand,
    phase: Phase,
    statuses_seen: usize,
}

impl Walk {
    fn new(app: &str, name: &str, errand: Errand, options: PeerOptions) -> Walk {
        let mut peer = Peer::new(options);
        peer.connect(app);
        Walk { peer, name: name.to_owned(), errand, phase: Phase::Connecting, statuses_seen: 0 }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Oddity> {
        self.peer.feed(bytes)?;
        // One read may hold the answers to several steps, but only to those that were asked.
        self.step_connected();
        self.step_created();
        self.step_statuses();
        Ok(())
    }

    fn finish(&mut self) {
        if let Phase::Starting(stream) | Phase::Live(stream) = self.phase {
            self.peer.delete_stream(stream);
        }
        self.phase = Phase::Finished;
    }

    fn step_connected(&mut self) {
        if self.phase != Phase::Connecting {
            return;
        }
        let Some(answer) = self.peer.answer_to("connect") else { return };
        if answer.name == "_error" {
            self.phase = Phase::Refused(answer.text("code").unwrap_or_default().to_owned());
            return;
        }
        if self.errand == Errand::Publish {
            let name = Amf::from(self.name.as_str());
            self.peer.call(StreamId::CONNECTION, "releaseStream", &[Amf::Null, name.clone()]);
            self.peer.call(StreamId::CONNECTION, "FCPublish", &[Amf::Null, name]);
        }
        self.peer.create_stream();
        self.phase = Phase::CreatingStream;
    }

    fn step_created(&mut self) {
        if self.phase != Phase::CreatingStream {
            return;
        }
        let Some(answer) = self.peer.answer_to("createStream") else { return };
        let Some(&stream) = self.peer.created_streams().last().filter(|_| answer.name == "_result") else {
            self.phase = Phase::Refused(answer.text("code").unwrap_or_default().to_owned());
            return;
        };
        match self.errand {
            Errand::Publish => self.peer.publish(stream, &self.name),
            Errand::Play => {
                self.peer.play(stream, &self.name);
                self.peer.send_user_control(UserControl::SetBufferLength { stream, length_ms: 3_000 });
            }
        }
        self.phase = Phase::Starting(stream);
    }

    fn step_statuses(&mut self) {
        let statuses = self.peer.statuses_in_full();
        for status in &statuses[self.statuses_seen..] {
            let code = status.code.as_str();
            self.phase = match (&self.phase, code) {
                (&Phase::Starting(stream), _) if status.stream == stream && code == self.errand.granted() => {
                    Phase::Live(stream)
                }
                (Phase::Starting(_), _) if status.level == "error" => Phase::Refused(code.to_owned()),
                (Phase::Live(_), _) if status.level == "error" => Phase::EndedByServer(code.to_owned()),
                (Phase::Live(_), code) if self.errand.ended().contains(&code) => {
                    Phase::EndedByServer(code.to_owned())
                }
                _ => continue,
            };
        }
        self.statuses_seen = statuses.len();
    }
}

impl Errand {
    fn granted(self) -> &'static str {
        match self {
            Errand::Publish => "NetStream.Publish.Start",
            Errand::Play => "NetStream.Play.Start",
        }
    }

    /// What FFmpeg and librtmp take for the end.
    fn ended(self) -> &'static [&'static str] {
        match self {
            Errand::Publish => &["NetStream.Unpublish.Success"],
            Errand::Play => {
                &["NetStream.Play.Stop", "NetStream.Play.Complete", "NetStream.Play.UnpublishNotify"]
            }
        }
    }
}

impl MediaSent {
    /// Whether a player may begin here.
    pub fn is_keyframe(&self) -> bool {
        self.role == MediaRole::Keyframe
    }
}
