//! Target: what a client session asks of a server, and how it introduces itself.

use std::time::Duration;

use crate::amf::{Properties, Value};
use crate::handshake::Offer;
use crate::url::RtmpUrl;

use super::capabilities::{Ability, Capabilities, Extensions, FourCcList, FourCcMap, VideoFunctions};
use super::event::RequestKind;

/// What a client session asks of a server. Everything that is sent can be changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// To publish or to play.
    pub kind: RequestKind,
    /// What is published or played, with its query string, as the server is told.
    pub stream: String,
    /// The object of the `connect` command, in the order in which it is sent: `app`, `tcUrl`, `flashVer` and whatever else
    /// the server looks at.
    pub connect: Properties,
    /// What is stated of Enhanced RTMP, behind all that. By default what is true of whoever takes and passes on media as they
    /// are; whoever obeys a ReconnectRequest adds [`Extensions::RECONNECT`].
    pub capabilities: Capabilities,
    /// What stands behind that object; nothing by default.
    pub arguments: Vec<Value>,
    /// The handshake that is offered.
    pub handshake: Offer,
    /// Where a play starts, in seconds of a recording, or -1: a live stream; -2: a live stream or else a recording. The
    /// second by default. 7.2.2.1 has seconds; FFmpeg and librtmp send milliseconds, so servers look at the sign alone.
    pub start: f64,
    /// How much a player says that it buffers. Some servers send so much faster than real time.
    pub buffer: Duration,
}

impl Target {
    /// Publishes to a URL.
    pub fn publish(url: &RtmpUrl) -> Self {
        Self::new(RequestKind::Publish, url)
    }

    /// Plays from a URL.
    pub fn play(url: &RtmpUrl) -> Self {
        Self::new(RequestKind::Play, url)
    }

    fn new(kind: RequestKind, url: &RtmpUrl) -> Self {
        let connect = Properties::new().with("app", url.app());
        let connect = match kind {
            // Some networks take streams only from what calls itself an encoder of Adobe's.
            RequestKind::Publish => connect
                .with("type", "nonprivate")
                .with("flashVer", concat!("FMLE/3.0 (compatible; Sol/", env!("CARGO_PKG_VERSION"), ")"))
                .with("tcUrl", url.tc_url()),
            // Words and numbers of FFmpeg's, which no server has refused yet: all codecs that Flash knew.
            RequestKind::Play => connect
                .with("flashVer", "LNX 9,0,124,2")
                .with("tcUrl", url.tc_url())
                .with("fpad", false)
                .with("capabilities", 15.0)
                .with("audioCodecs", 4_071.0)
                .with("videoCodecs", 252.0),
        };
        Self {
            kind,
            stream: url.stream().to_owned(),
            connect,
            capabilities: Capabilities::of_client(kind),
            arguments: Vec::new(),
            handshake: Offer::default(),
            start: -2.0,
            buffer: Duration::from_secs(3),
        }
    }
}

impl Capabilities {
    /// What a client states that sends what it has, or takes what comes, as it is: any codec, several tracks and ModEx among
    /// them.
    ///
    /// It decodes and encodes nothing itself. That a player seeks is FFmpeg's word.
    fn of_client(kind: RequestKind) -> Self {
        let functions = VideoFunctions::HDR | VideoFunctions::METADATA;
        Self {
            four_ccs: Some(FourCcList::any()),
            video: Some(FourCcMap::any(Ability::FORWARD)),
            audio: Some(FourCcMap::any(Ability::FORWARD)),
            extensions: Some(Extensions::MULTITRACK | Extensions::MOD_EX | Extensions::TIMESTAMP_NANO_OFFSET),
            video_functions: Some(match kind {
                RequestKind::Publish => functions,
                RequestKind::Play => functions | VideoFunctions::CLIENT_SEEK,
            }),
        }
    }
}
