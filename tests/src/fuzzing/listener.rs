//! Listener: what comes out of a session must be by the book, whatever went into it.
//!
//! What must hold: the messages are well-formed; a player's time goes back no further than a publisher's clock may, and that of
//! a track not at all; and its picture begins with a keyframe. Whoever drives a session by hand may send it anything, so that
//! the latter are for servers.

use std::collections::BTreeMap;

use bytes::Bytes;
use sol_core::ids::MessageType;
use sol_core::limits;
use sol_core::media::{Codec, Content, FrameKind, TrackId};

use crate::peer::amf;
use crate::peer::codec::ChunkReader;
use crate::peer::message::{Received, StreamId, TypeId, UserControl};

/// The other end of a session's output.
#[derive(Debug)]
pub(super) struct Listener {
    /// Bytes of the handshake that are still to come.
    greeting_left: usize,
    reader: ChunkReader,
    /// Messages of media, by the NetStreams that they came on.
    pub(super) media: Vec<StreamId>,
    pub(super) bytes: u64,
    /// What has come on each NetStream since it was told that playing starts. `None`: whatever comes is right.
    plays: Option<BTreeMap<StreamId, Play>>,
    /// Whether times of a stream go on whatever its publisher's clock does.
    repairs: bool,
}

#[derive(Debug, Default)]
struct Play {
    latest_millis: Option<u32>,
    /// Of the tracks that have nothing said of which they are, audio and video.
    track_millis: [Option<u32>; 2],
    has_keyframe: bool,
}

impl Listener {
    pub(super) fn new() -> Self {
        Self {
            greeting_left: GREETING_BYTES,
            reader: ChunkReader::new(),
            media: Vec::new(),
            bytes: 0,
            plays: None,
            repairs: false,
        }
    }

    /// Of a server, which has the media from its streams, whose times it puts right or not.
    pub(super) fn of_a_server(repairs: bool) -> Self {
        Self { plays: Some(BTreeMap::new()), repairs, ..Self::new() }
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        let (greeting, chunks) = bytes.split_at(self.greeting_left.min(bytes.len()));
        if let Some(&version) = greeting.first().filter(|_| self.greeting_left == GREETING_BYTES) {
            assert_eq!(version, 3);
        }
        self.greeting_left -= greeting.len();
        self.reader.feed(chunks);
        while let Some(message) = self.reader.poll().unwrap_or_else(|oddity| panic!("{oddity}")) {
            self.take(&message);
        }
    }

    fn take(&mut self, message: &Received) {
        match message.type_id {
            TypeId::COMMAND_AMF0 | TypeId::COMMAND_AMF3 => {
                let values = amf::read_all(&message.payload).unwrap_or_else(|oddity| panic!("{oddity}"));
                assert!(matches!(values[..], [amf::Amf::String(_), amf::Amf::Number(_), ..]), "{values:?}");
                let Some(plays) = &mut self.plays else { return };
                match status(&values) {
                    Some("NetStream.Play.Start") => {
                        plays.insert(message.stream, Play::default());
                    }
                    // It goes on where somebody who joins would begin.
                    Some("NetStream.Unpause.Notify") => {
                        if let Some(play) = plays.get_mut(&message.stream) {
                            (play.latest_millis, play.track_millis) = (None, [None; 2]);
                        }
                    }
                    _ => {}
                }
            }
            TypeId::USER_CONTROL => {
                assert!(UserControl::read(&message.payload).is_some(), "{:?}", message.payload);
            }
            TypeId::AUDIO | TypeId::VIDEO | TypeId::DATA_AMF0 | TypeId::DATA_AMF3 => {
                self.media.push(message.stream);
                if message.type_id == TypeId::AUDIO || message.type_id == TypeId::VIDEO {
                    self.watch(message);
                }
            }
            _ => {}
        }
    }
}

impl Listener {
    fn watch(&mut self, message: &Received) {
        let Some(plays) = &mut self.plays else { return };
        let play = plays.get_mut(&message.stream).expect("playing starts before anything comes of it");
        let step = play.latest_millis.map_or(0, |latest| message.timestamp_ms.wrapping_sub(latest) as i32);
        assert!(
            !self.repairs || step >= -(limits::CLOCK_BACK_MILLIS as i32),
            "a player's time goes back by {step} ms"
        );
        if play.latest_millis.is_none() || step > 0 {
            play.latest_millis = Some(message.timestamp_ms);
        }
        if let Some(track) = track(message).filter(|_| self.repairs) {
            let latest = play.track_millis[track].replace(message.timestamp_ms).unwrap_or_default();
            assert!(
                message.timestamp_ms >= latest,
                "a track goes back from {latest} to {}",
                message.timestamp_ms
            );
        }
        if message.type_id == TypeId::VIDEO {
            let what = picture(&message.payload);
            assert!(play.has_keyframe || what != Some(Picture::Other), "a picture that builds on none");
            play.has_keyframe |= what == Some(Picture::Keyframe);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Picture {
    Keyframe,
    Other,
}

/// What a video message is, where it is a picture. What says so further behind may be a keyframe, and is nothing else.
fn picture(payload: &[u8]) -> Option<Picture> {
    let first = *payload.first()?;
    let (is_coded, may_be_coded) = match (first & 0x80, first & 0x0F) {
        // Coded frames, with a composition time or without; several tracks; more behind this.
        (0x80, packet_type) => (matches!(packet_type, 1 | 3), matches!(packet_type, 6 | 7)),
        // AVC says in a second byte whether it is a configuration, or the end.
        (_, 7) => (payload.get(1) == Some(&1), false),
        (_, codec) => (matches!(codec, 2..=6), codec > 7),
    };
    match first >> 4 & 7 {
        1 | 4 if is_coded || may_be_coded => Some(Picture::Keyframe),
        2 | 3 if is_coded => Some(Picture::Other),
        _ => None,
    }
}

/// Which of the two, where it is a frame of a track of which nothing is said.
fn track(message: &Received) -> Option<usize> {
    let payload = Bytes::copy_from_slice(&message.payload);
    let content = Content::of_tag(MessageType::new(message.type_id.0), payload)?;
    let kind = FrameKind::of(&content);
    let id = Codec::of(&content).map_or(TrackId::DEFAULT, |(id, _)| id);
    (kind.is_coded() && id == TrackId::DEFAULT).then_some(usize::from(kind.is_video()))
}

fn status(values: &[amf::Amf]) -> Option<&str> {
    let [amf::Amf::String(name), _, _, amf::Amf::Object(status), ..] = values else { return None };
    let (_, code) = status.iter().find(|(key, _)| key == "code").filter(|_| name == "onStatus")?;
    if let amf::Amf::String(code) = code { Some(code) } else { None }
}

/// S0, S1 and S2, or C0, C1 and C2.
const GREETING_BYTES: usize = 1 + 2 * 1_536;
