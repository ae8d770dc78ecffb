//! Differences: what recorded servers and Sol do not answer alike, and why.
//!
//! A capture in which something else differs fails the test.

/// An answer that only one of two servers gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    /// The capture in which it is right.
    pub(super) only_in: Option<&'static str>,
    pub(super) answer: &'static str,
    #[expect(dead_code, reason = "it is for whoever reads the tables")]
    why: &'static str,
}

const fn anywhere(answer: &'static str, why: &'static str) -> Difference {
    Difference { only_in: None, answer, why }
}

const fn only_in(stem: &'static str, answer: &'static str, why: &'static str) -> Difference {
    Difference { only_in: Some(stem), answer, why }
}

/// What recorded servers say and Sol does not.
pub(super) const ONLY_RECORDED: &[Difference] = &[
    anywhere("data |RtmpSampleAccess", "nginx lets Flash Player look at samples; nothing else asks for it"),
    anywhere("StreamBegin 1", "nginx says it when a publisher comes, Sol as soon as it answers play"),
    anywhere(
        "StreamEOF 1",
        "nginx says it when a publisher goes; nobody publishes to the one client that is served",
    ),
    anywhere("onStatus NetStream.Play.Stop", "nginx says it when a publisher goes, or a file ends"),
    anywhere("onStatus NetStream.Play.PublishNotify", "nginx tells of a publisher, which is not there"),
    anywhere("onStatus NetStream.Play.UnpublishNotify", "nginx tells of a publisher, which is not there"),
    only_in(
        "pub-ffmpeg51-reconnect-samekey",
        "onStatus NetStream.Publish.BadName",
        "nginx has another publisher; here everything is allowed",
    ),
    only_in(
        "vod-rtmpdump24-start2",
        "StreamIsRecorded 1",
        "nginx plays a file; Sol has streams only that are live",
    ),
    only_in("vod-rtmpdump24-start2", "data onPlayStatus", "nginx plays a file"),
    anywhere(
        "StreamBegin 0",
        "FFmpeg begins a connection's control stream, which the specification asks of nobody",
    ),
    anywhere("onBWDone", "FFmpeg tells of a measurement that it does not make"),
    only_in(
        "pub-ffmpeg51-to-ffmpeg51-listen",
        "onFCPublish",
        "FFmpeg says it without a status, Sol with one: NetStream.Publish.Start",
    ),
    anywhere("FCUnpublish", "FFmpeg as a server takes leave with a client's command, which is a mistake"),
    anywhere("deleteStream", "FFmpeg as a server takes leave with a client's command, which is a mistake"),
    only_in(
        "play-before-publish-ffmpeg51",
        "onStatus NetStream.Play.Start",
        "nginx answers before a publisher comes, and begins the stream when one has",
    ),
];

/// What Sol says and recorded servers do not.
pub(super) const ONLY_SOL: &[Difference] = &[
    anywhere("_result releaseStream", "a command with a transaction is answered; nginx does not know it"),
    anywhere("_result FCPublish", "a command with a transaction is answered; nginx does not know it"),
    anywhere("_result FCUnpublish", "a command with a transaction is answered; nginx does not know it"),
    anywhere(
        "_result FCSubscribe",
        "a command with a transaction is answered; nginx and FFmpeg do not know it",
    ),
    anywhere(
        "_result getStreamLength",
        "a command with a transaction is answered; nginx and FFmpeg do not know it",
    ),
    anywhere("onFCPublish NetStream.Publish.Start", "what Flash Media Server says; librtmp waits for it"),
    anywhere("onFCUnpublish NetStream.Unpublish.Success", "what Flash Media Server says"),
    anywhere("onFCSubscribe NetStream.Play.Start", "what Flash Media Server says; librtmp waits for it"),
    anywhere(
        "StreamBegin 1",
        "publishers are told too that their stream begins; players before a publisher comes",
    ),
    only_in(
        "play-ertmp-hevc-rtmpdump26",
        "StreamEOF 1",
        "a player's stream ends with deleteStream; FFmpeg as a server has gone by then",
    ),
    anywhere(
        "onStatus NetStream.Play.Reset",
        "the specification asks for it before NetStream.Play.Start (7.2.2.1)",
    ),
    only_in(
        "pub-ffmpeg51-reconnect-samekey",
        "onStatus NetStream.Publish.Start",
        "nginx has another publisher; here everything is allowed",
    ),
    only_in(
        "pub-ffmpeg51-to-ffmpeg51-listen",
        "onStatus NetStream.Unpublish.Success",
        "FFmpeg as a server says nothing when a publisher goes",
    ),
    only_in(
        "play-before-publish-ffmpeg51",
        "onStatus NetStream.Play.Start",
        "it stands behind StreamBegin, as the specification has it (7.2.2.1)",
    ),
    only_in(
        "neg-ffmpeg51-unknown-app",
        "Window Acknowledgement Size 2,500,000",
        "nginx turns a client without a word away whose app it does not have",
    ),
    only_in(
        "neg-ffmpeg51-unknown-app",
        "Set Peer Bandwidth 2,500,000",
        "nginx turns a client without a word away whose app it does not have",
    ),
    only_in(
        "neg-ffmpeg51-unknown-app",
        "Set Chunk Size 65,536",
        "nginx turns a client without a word away whose app it does not have",
    ),
    only_in(
        "neg-ffmpeg51-unknown-app",
        "_result connect Connect.Success",
        "nginx turns a client without a word away whose app it does not have",
    ),
];
