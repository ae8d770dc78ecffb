//! Metadata: the script tag that a seekable file begins with, which is written again at its end with what is known then.
//!
//! Invariant: however often it is written, it is as long. What is not used is an array of zeros: FFmpeg gives up at strings of
//! 1 024 bytes and shows shorter ones to its users, GStreamer gives up at arrays of anything but numbers.

use bytes::Bytes;

use super::summary::Summary;
use crate::amf::{Properties, Value, amf0};
use crate::limits;
use crate::media::Content;

/// The body of the tag.
#[derive(Debug)]
pub(super) struct Metadata {
    /// What the publisher says.
    theirs: Properties,
    length: usize,
}

impl Metadata {
    /// With nothing from a publisher.
    pub(super) fn new() -> Self {
        Self::with(Properties::new())
    }

    /// With what a publisher says; `None` if `content` is something else than metadata, or cannot be taken apart.
    pub(super) fn of(content: &Content) -> Option<Self> {
        let Content::Data(message) = content else { return None };
        if !message.is_metadata() || message.payload().len() > limits::FLV_METADATA_BYTES {
            return None;
        }
        let values = amf0::read_all(message.payload()).ok()?;
        let [_, Value::Object(said) | Value::EcmaArray(said)] = &values[..] else { return None };
        let mut theirs = Properties::new();
        for (name, value) in said.iter() {
            // References count the objects before them, which will be others.
            if value.refers() {
                return None;
            }
            // For most readers an empty name is the end.
            if !OF_A_FILE.contains(&name) && !name.starts_with(PADDING) && !name.is_empty() {
                theirs.push(name, value.clone());
            }
        }
        Some(Self::with(theirs))
    }

    fn with(theirs: Properties) -> Self {
        let mut metadata = Self { theirs, length: 0 };
        metadata.length = metadata.written(&Summary::longest().properties(u64::MAX), 0).len();
        metadata
    }

    /// The body with nothing about the file: one whose writer is killed claims nothing.
    pub(super) fn unfinished(&self) -> Bytes {
        self.filled(&Properties::new())
    }

    /// The body with what is known at the end of a file.
    pub(super) fn finished(&self, summary: &Summary, filesize: u64) -> Bytes {
        self.filled(&summary.properties(filesize))
    }

    fn filled(&self, ours: &Properties) -> Bytes {
        let spare = self.length - self.written(ours, 0).len();
        let body = self.written(ours, spare);
        debug_assert_eq!(body.len(), self.length, "the tag is as long as when it was written first");
        body.into()
    }

    fn written(&self, ours: &Properties, spare: usize) -> Vec<u8> {
        let mut all = ours.clone();
        for (name, value) in self.theirs.iter() {
            all.push(name, value.clone());
        }
        // Its name takes what is less than a number.
        let name = format!("{PADDING}{}", ".".repeat(spare % NUMBER_LEN));
        all.push(name, Value::StrictArray(vec![Value::Number(0.0); spare / NUMBER_LEN]));
        amf0::write_all(&["onMetaData".into(), Value::EcmaArray(all)])
    }
}

/// What is said of a file, and so not of the one that is written: publishers of files send it along.
const OF_A_FILE: [&str; 15] = [
    "duration",
    "lasttimestamp",
    "lastkeyframetimestamp",
    "lastkeyframelocation",
    "filesize",
    "datasize",
    "videosize",
    "audiosize",
    "hasVideo",
    "hasAudio",
    "hasMetadata",
    "hasKeyframes",
    "hasCuePoints",
    "canSeekToEnd",
    "keyframes",
];

const PADDING: &str = "padding";

/// Of AMF0: a marker and eight bytes.
const NUMBER_LEN: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Data;

    #[test]
    fn any_room_is_filled() {
        let mut metadata = Metadata::new();
        let bare = metadata.written(&Properties::new(), 0).len();
        for length in bare..bare + 100 {
            metadata.length = length;
            let body = metadata.unfinished();
            assert_eq!(body.len(), length);
            assert!(amf0::read_all(&body).is_ok());
        }
    }

    #[test]
    fn the_longest_body_can_be_read_with_sixty_values_of_a_publisher() {
        let theirs =
            (0..60).fold(Properties::new(), |theirs, number| theirs.with(format!("of {number}"), 1.0));
        let metadata = Metadata::with(theirs);
        let body = metadata.finished(&Summary::longest(), u64::MAX);
        assert_eq!(body.len(), metadata.unfinished().len());
        assert!(amf0::read_all(&body).is_ok());
        // Also when all of the room is filled.
        assert!(amf0::read_all(&metadata.unfinished()).is_ok());
    }

    #[test]
    fn what_a_publisher_says_of_another_file_is_left_out() {
        let theirs = Properties::new()
            .with("duration", 3_600.0)
            .with("width", 320.0)
            .with("keyframes", Properties::new().with("times", 1.0))
            .with("padding..", Value::StrictArray(vec![0.0.into()]))
            .with("", 1.0);
        let metadata = Metadata::of(&content("onMetaData", Value::EcmaArray(theirs))).unwrap();
        assert_eq!(metadata.theirs, Properties::new().with("width", 320.0));
    }

    #[test]
    fn what_cannot_be_taken_apart_is_not_merged() {
        let object = |value: Value| Value::Object(Properties::new().with("a", value));
        assert!(Metadata::of(&content("onMetaData", object(1.0.into()))).is_some());
        for (name, value) in [
            ("onTextData", object(1.0.into())),
            ("onMetaData", Value::Null),
            ("onMetaData", object(Value::Reference(0))),
            ("onMetaData", object(Value::StrictArray(vec![object(Value::Reference(0))]))),
            ("onMetaData", object(" ".repeat(limits::FLV_METADATA_BYTES).into())),
        ] {
            assert!(Metadata::of(&content(name, value.clone())).is_none(), "{name} {value:?}");
        }
        let broken = Data::parse([&amf0::write_all(&["onMetaData".into()])[..], &[0xFF]].concat().into());
        assert!(Metadata::of(&Content::Data(broken.unwrap())).is_none());
        assert!(Metadata::of(&Content::Audio(Bytes::new())).is_none());
    }

    fn content(name: &str, value: Value) -> Content {
        Content::Data(Data::parse(amf0::write_all(&[name.into(), value]).into()).unwrap())
    }
}
