//! Quirks: named departures from the specification that real peers are known for.
//!
//! The reader takes what real encoders send, counts each tolerance under its name, and refuses it where the
//! configuration says `strict`. What Sol writes never needs one.

use std::fmt;

macro_rules! quirks {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One tolerated departure from the specification.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Quirk {
            $($(#[$doc])* $variant,)*
        }

        impl Quirk {
            /// Every quirk, in the order in which they are counted.
            pub const ALL: &[Quirk] = &[$(Quirk::$variant,)*];

            /// The stable name, as it stands in logs.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Quirk::$variant => $name,)*
                }
            }
        }
    };
}

quirks! {
    /// A chunk stream began with format 1: no absolute time, no message stream id (librtmp's pings).
    FirstHeaderWithoutStream = "first-header-without-stream",
    /// Format 3 began a message right after format 0, where the repeated time is no believable distance
    /// (GStreamer): taken as "the same time".
    Format3KeepsTime = "format3-keeps-time",
    /// Format-3 chunks leave out the extended timestamp that 5.3.1.3 repeats (OBS before 2024).
    ExtendedTimestampOmitted = "extended-timestamp-omitted",
    /// A new message began on a chunk stream before its last one was whole; the unfinished one is dropped.
    MessageInterrupted = "message-interrupted",
    /// Set Chunk Size asked for more than 16 MiB, or set the top bit; clamped.
    ChunkSizeClamped = "chunk-size-clamped",
    /// Set Chunk Size asked for zero; the old size stays.
    ChunkSizeZero = "chunk-size-zero",
    /// A protocol control message shorter than its fixed size; ignored.
    ControlTooShort = "control-too-short",
    /// A user control message that ends before its fields; ignored.
    UserControlTooShort = "user-control-too-short",
    /// A message type that no specification assigns; skipped.
    UnknownMessageType = "unknown-message-type",
    /// A command, data message or aggregate that could not be read; skipped.
    UnreadableMessage = "unreadable-message",
    /// An AMF object or array whose end marker is missing at the end of the message.
    AmfEndMissing = "amf-end-missing",
    /// A string that is not UTF-8; its broken parts are replaced.
    AmfTextMalformed = "amf-text-malformed",
    /// A type 15 or 17 message that does not begin with a zero byte (AMF0 at once).
    Amf3FormatByteMissing = "amf3-format-byte-missing",
    /// `publish` or `play` on a message stream that `createStream` never made; made in passing.
    StreamNotCreated = "stream-not-created",
    /// A command for a message stream that does not exist, or with arguments that name none; ignored.
    StreamUnknown = "stream-unknown",
    /// Audio, video or data on a message stream that is not publishing; dropped.
    MediaOutsidePublication = "media-outside-publication",
    /// A command other than `connect` before `connect`; ignored.
    CommandBeforeConnect = "command-before-connect",
    /// A second `connect` on one connection; ignored.
    ConnectRepeated = "connect-repeated",
    /// Video without any payload; not passed on. Audio without any is silence.
    MediaEmpty = "media-empty",
    /// An aggregate of more parts than anybody needs; the rest is dropped.
    AggregateTooLong = "aggregate-too-long",
    /// An aggregate whose last part lacks its back pointer.
    BackPointerMissing = "back-pointer-missing",
    /// `deleteStream` with the name of the stream where its number belongs (GStreamer).
    StreamNamedByKey = "stream-named-by-key",
    /// `tcUrl` in lower case.
    TcUrlLowerCase = "tcurl-lower-case",
    /// Quotes around app or URL, handed on from somebody's shell.
    UrlQuoted = "url-quoted",
    /// A server's answer with another number than the call; taken for the one that is awaited (nginx-rtmp has 0).
    AnswerUnnumbered = "answer-unnumbered",
    /// A server sent media to a player before it said that playing begins.
    PlayStartMissing = "play-start-missing",
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often each quirk was tolerated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuirkCounts([u32; Quirk::ALL.len()]);

impl Default for QuirkCounts {
    fn default() -> Self {
        Self([0; Quirk::ALL.len()])
    }
}

impl QuirkCounts {
    /// Counts one more; stops at the largest number instead of wrapping.
    pub fn count(&mut self, quirk: Quirk) {
        let counter = &mut self.0[quirk as usize];
        *counter = counter.saturating_add(1);
    }

    /// How often `quirk` was tolerated.
    pub fn get(&self, quirk: Quirk) -> u32 {
        self.0[quirk as usize]
    }

    /// The quirks that were seen, with their counts.
    pub fn seen(&self) -> impl Iterator<Item = (Quirk, u32)> + '_ {
        Quirk::ALL.iter().map(|&quirk| (quirk, self.get(quirk))).filter(|&(_, count)| count > 0)
    }
}

/// Quirks of one connection and whether they are tolerated.
#[derive(Clone, Debug, Default)]
pub struct Tolerance {
    strict: bool,
    counts: QuirkCounts,
}

/// A quirk that a strict configuration does not tolerate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not tolerated in strict mode: {0}")]
pub struct NotTolerated(pub Quirk);

impl Tolerance {
    /// Tolerates and counts, or, when `strict`, refuses.
    pub fn new(strict: bool) -> Self {
        Self { strict, counts: QuirkCounts::default() }
    }

    /// Counts `quirk`.
    ///
    /// # Errors
    /// [`NotTolerated`] in strict mode.
    pub fn tolerate(&mut self, quirk: Quirk) -> Result<(), NotTolerated> {
        self.counts.count(quirk);
        if self.strict { Err(NotTolerated(quirk)) } else { Ok(()) }
    }

    /// What was tolerated so far.
    pub fn counts(&self) -> &QuirkCounts {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_is_counted_under_its_own_number() {
        for (index, quirk) in Quirk::ALL.iter().enumerate() {
            assert_eq!(*quirk as usize, index, "{quirk}");
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Quirk::ALL.iter().map(|quirk| quirk.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Quirk::ALL.len());
    }

    #[test]
    fn strict_mode_refuses_what_it_counts() {
        let mut tolerance = Tolerance::new(true);
        assert_eq!(tolerance.tolerate(Quirk::ChunkSizeZero), Err(NotTolerated(Quirk::ChunkSizeZero)));
        assert_eq!(tolerance.counts().seen().collect::<Vec<_>>(), [(Quirk::ChunkSizeZero, 1)]);
    }
}
