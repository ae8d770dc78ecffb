//! A stage for benchmarks: a stream, its camera and its players, driven as an adapter does, but without sockets.

use std::hint::black_box;
use std::io::IoSlice;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sol_core::amf::{Properties, Value};
use sol_core::chunk::{ChunkReader, MessageHeader, write_message};
use sol_core::frame::Frame;
use sol_core::hub::{
    Bid, Coalesce, Hub, Playhead, Publication, Purpose, Read, Stream, StreamConfig, StreamId, Streams,
    TooManyStreams,
};
use sol_core::ids::{ChunkSize, ChunkStreamId, MessageStreamId, MessageType};
use sol_core::load::Load;
use sol_core::media::{Content, FrameKind, Media, TrackId};
use sol_core::name::StreamName;
use sol_core::participant::{Event, Participant};
use sol_core::quirk::Tolerance;
use sol_core::session::{Session, SessionConfig};
use sol_core::time::Instant;
use sol_core::timestamp::Timestamp;
use sol_tests::peer::pattern::Pattern;
use sol_tests::peer::script::{Player, Publisher};

/// A stream that is live, with players that have read all there is.
pub(crate) struct Stage {
    streams: Local,
    camera: Participant<StreamId>,
    script: Publisher,
    players: Vec<Participant<StreamId>>,
    now: Instant,
}

impl Stage {
    /// With five seconds of media on the tape.
    pub(crate) fn with_players(count: usize) -> Self {
        let mut stage = Self {
            streams: Local(Hub::new(
                StreamConfig { coalesce: Coalesce::NONE, ..StreamConfig::default() }.into(),
                SessionConfig::default().chunk_size,
            )),
            camera: participant(),
            script: Publisher::new("live", "cam", Pattern::new()),
            players: Vec::new(),
            now: Instant::EPOCH,
        };
        for millis in (0..5_000).step_by(10) {
            stage.advance(Duration::from_millis(millis));
        }
        let join = stage.recorded_join();
        for _ in 0..count {
            let mut player = participant();
            stage.replay(&mut player, &join);
            stage.players.push(player);
        }
        stage
    }

    /// What the camera sends next, as bytes.
    pub(crate) fn next_message(&mut self) -> Vec<u8> {
        loop {
            let due = self.script.next_due().expect("a pattern has no end");
            self.script.advance(due);
            let bytes = self.script.take_output();
            if !bytes.is_empty() {
                return bytes;
            }
        }
    }

    /// The camera's bytes become a frame on the tape.
    pub(crate) fn ingest(&mut self, bytes: &[u8]) {
        self.camera.handle_input(bytes, &mut self.streams, self.now);
    }

    /// Each player reads what is new and writes it.
    pub(crate) fn deliver(&mut self) {
        for player in &mut self.players {
            player.handle_advanced(&mut self.streams, self.now);
            drain(player, &mut self.streams, self.now, |_| {});
        }
    }

    /// What a player sends from its first byte until it plays, in the portions in which it does.
    pub(crate) fn recorded_join(&mut self) -> Vec<Vec<u8>> {
        let (mut participant, mut script) = (participant(), Player::new("live", "cam"));
        let mut said = Vec::new();
        while script.media().is_empty() {
            let bytes = script.take_output();
            participant.handle_input(&bytes, &mut self.streams, self.now);
            let heard = answer(&mut participant, &mut self.streams, self.now);
            script.feed(&heard).expect("the server speaks RTMP");
            said.push(bytes);
        }
        said
    }

    /// A player comes, says all that, and is sent everything up to the newest frame.
    pub(crate) fn join(&mut self, said: &[Vec<u8>]) {
        let mut player = participant();
        self.replay(&mut player, said);
        self.players.push(player);
    }

    /// The handshake alone, of such a conversation.
    pub(crate) fn handshake(said: &[Vec<u8>]) -> Session {
        let mut session = Session::accept(Arc::new(SessionConfig::default()), [7; 32], Instant::EPOCH);
        session.handle_input(&said[0], Instant::EPOCH);
        session
    }

    fn replay(&mut self, player: &mut Participant<StreamId>, said: &[Vec<u8>]) {
        for bytes in said {
            player.handle_input(bytes, &mut self.streams, self.now);
            allow(player, &mut self.streams, self.now);
            drain(player, &mut self.streams, self.now, |slice| {
                black_box(slice);
            });
        }
    }

    fn advance(&mut self, to: Duration) {
        self.now = Instant::from_epoch(to);
        self.script.advance(to);
        // A few turns: the handshake and the first commands need an answer each.
        for _ in 0..4 {
            let bytes = self.script.take_output();
            self.camera.handle_input(&bytes, &mut self.streams, self.now);
            let heard = answer(&mut self.camera, &mut self.streams, self.now);
            self.script.feed(&heard, to).expect("the server speaks RTMP");
        }
    }
}

fn participant() -> Participant<StreamId> {
    Participant::new(Session::accept(Arc::new(SessionConfig::default()), [7; 32], Instant::EPOCH))
}

fn allow(participant: &mut Participant<StreamId>, streams: &mut Local, now: Instant) {
    while let Some(event) = participant.poll_event() {
        if let Event::Requested(request) = event {
            participant.allow(request.id, streams, now).expect("it waits");
        }
    }
}

fn answer(participant: &mut Participant<StreamId>, streams: &mut Local, now: Instant) -> Vec<u8> {
    allow(participant, streams, now);
    let mut said = Vec::new();
    drain(participant, streams, now, |slice| said.extend(slice));
    said
}

fn drain(
    participant: &mut Participant<StreamId>,
    streams: &mut Local,
    now: Instant,
    mut write: impl FnMut(&[u8]),
) {
    while participant.session().has_output() {
        let mut slices = [IoSlice::new(&[]); 64];
        let count = participant.outbound(&mut slices);
        slices[..count].iter().for_each(|slice| write(slice));
        let taken = slices[..count].iter().map(|slice| slice.len()).sum();
        participant.handle_sent(taken, streams, now);
    }
}

/// A hub for one thread, whose players are told by the benchmark when there is more.
struct Local(Hub);

impl Streams for Local {
    type Handle = StreamId;

    fn hold(&mut self, name: &StreamName, purpose: Purpose) -> Result<StreamId, TooManyStreams> {
        self.0.hold(name, purpose)
    }

    fn release(&mut self, name: &StreamName, _handle: StreamId) {
        self.0.release(name);
    }

    fn read<R>(&mut self, handle: &StreamId, look: impl FnOnce(&Stream) -> R) -> R {
        look(self.0.stream(*handle))
    }

    fn write<R>(&mut self, handle: &StreamId, change: impl FnOnce(&mut Stream) -> R) -> R {
        change(self.0.stream_mut(*handle))
    }

    fn read_or_arm<R>(&mut self, handle: &StreamId, look: impl FnOnce(&Stream) -> ControlFlow<R, R>) -> R {
        match look(self.0.stream(*handle)) {
            ControlFlow::Continue(seen) | ControlFlow::Break(seen) => seen,
        }
    }

    fn load(&mut self, _now: Instant) -> Load {
        Load::IDLE
    }

    fn advanced(&mut self, _handle: &StreamId) {}

    fn schedule(&mut self, _handle: &StreamId) {}
}

/// A stream alone, with one playhead that has read all.
pub(crate) struct Tape {
    stream: Stream,
    publication: Publication,
    playhead: Playhead,
    picture: Media,
}

impl Tape {
    pub(crate) fn new() -> Self {
        let mut stream = Stream::new(Arc::new(StreamConfig::default()), SessionConfig::default().chunk_size);
        let publication = stream.publish(&Bid::default(), Instant::EPOCH).expect("nobody else does");
        let mut payload = vec![0x27, 1, 0, 0, 0];
        payload.resize(PICTURE_BYTES, 0x55);
        let picture = |head| Content::Video(Bytes::from([&[head][..], &payload[1..]].concat()));
        let media = |content| Media { timestamp: Timestamp::ZERO, content };
        stream.append(&publication, &media(picture(0x17)), Instant::EPOCH).expect("it has begun");
        let mut playhead = stream.subscribe();
        while stream.read(&mut playhead) != Read::CaughtUp {}
        Self { stream, publication, playhead, picture: media(picture(0x27)) }
    }

    pub(crate) fn with_a_picture() -> Self {
        let mut tape = Self::new();
        tape.append();
        tape
    }

    pub(crate) fn append(&mut self) {
        self.stream.append(&self.publication, &self.picture, Instant::EPOCH).expect("it lasts");
    }

    pub(crate) fn read(&mut self) -> Read {
        self.stream.read(&mut self.playhead)
    }
}

/// A picture in chunks of 4,096 bytes.
pub(crate) fn chunked_picture() -> Vec<u8> {
    let payload = picture();
    let header = MessageHeader {
        chunk_stream: ChunkStreamId::VIDEO,
        stream: MessageStreamId::new(1),
        timestamp: Timestamp::ZERO,
        kind: MessageType::VIDEO,
        length: PICTURE_BYTES as u32,
    };
    let mut bytes = vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 16, 0];
    write_message(
        &header,
        &payload,
        ChunkSize::new(4_096).expect("a chunk may have 4,096 bytes"),
        &mut bytes,
    );
    bytes
}

/// Puts the picture together.
pub(crate) fn read_chunks(bytes: &[u8]) {
    let (mut reader, mut rest, mut tolerance) = (ChunkReader::new(), bytes, Tolerance::new(true));
    while !rest.is_empty() {
        black_box(reader.read(&mut rest, &mut tolerance).expect("they are by the book"));
    }
}

/// A picture's payload.
pub(crate) fn picture() -> Vec<u8> {
    vec![0x55; PICTURE_BYTES]
}

/// Chunks a picture for all players.
pub(crate) fn chunk(payload: &[u8]) -> Frame {
    let kind = FrameKind::Keyframe(TrackId::DEFAULT);
    Frame::new(kind, Timestamp::ZERO, payload, SessionConfig::default().chunk_size)
}

/// A `connect` as FFmpeg sends it.
pub(crate) fn connect() -> Vec<Value> {
    let object = Properties::new()
        .with("app", "live")
        .with("type", "nonprivate")
        .with("flashVer", "FMLE/3.0 (compatible; Lavf61.7.100)")
        .with("tcUrl", "rtmp://localhost:1935/live");
    vec!["connect".into(), 1.0.into(), object.into()]
}

/// 4 Mbit/s at 30 pictures a second.
const PICTURE_BYTES: usize = 16_667;
