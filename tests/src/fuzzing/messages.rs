//! Messages: whatever a payload says, it is understood as one thing, and what is understood can be written.

use bytes::Bytes;
use sol_core::chunk::RawMessage;
use sol_core::ids::{ChunkStreamId, MessageStreamId, MessageType};
use sol_core::limits;
use sol_core::media::{Content, FrameKind, Media};
use sol_core::message::{Command, Control, Data, Message, Part, UserControl};
use sol_core::quirk::Tolerance;
use sol_core::timestamp::Timestamp;

use super::amf::count_of_amf0;
use super::choices::Choices;

/// One message.
pub(super) fn messages(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let kind = MessageType::new(choices.byte());
    let raw = RawMessage {
        chunk_stream: ChunkStreamId::COMMAND,
        stream: MessageStreamId::new(1),
        timestamp: Timestamp::from_millis(choices.u32()),
        kind,
        body: Bytes::copy_from_slice(choices.rest()),
    };
    let (mut lenient, mut strict) = (Tolerance::new(false), Tolerance::new(true));
    let message = Message::parse(&raw, &mut lenient).expect("only strict mode refuses anything");
    let strictly = Message::parse(&raw, &mut strict);
    assert_eq!(strictly.is_err(), lenient.counts().seen().next().is_some(), "strict mode refuses quirks");
    match &message {
        Message::Control(control) => {
            assert_eq!(Control::parse(kind, &control.body()).as_ref(), Some(control));
            assert_eq!(control.kind(), kind);
        }
        Message::UserControl(event) => {
            assert_eq!(UserControl::parse(&event.body().into()).as_ref(), Some(event));
        }
        Message::Media(media) => {
            assert_eq!(media.timestamp, raw.timestamp);
            classify(media);
        }
        Message::Command(command) => {
            command.flag();
            assert!(command.strings().count() + command.numbers().count() <= command.arguments.len());
            // What is written has the transaction and the object that may have been left out, which count too.
            let count: usize =
                [&command.object].into_iter().chain(&command.arguments).map(count_of_amf0).sum();
            if count + 2 <= limits::AMF_VALUES {
                let again = Command::parse(&command.body(), &mut Tolerance::new(false));
                let again = again.expect("it is lenient");
                assert_eq!(format!("{again:?}"), format!("{:?}", Some(command)));
            }
        }
        Message::Aggregate(parts) => {
            let mut carried = 0;
            let parts: Vec<Part> = parts.clone().collect();
            for (index, part) in parts.iter().enumerate() {
                match part {
                    Part::Media(media) => {
                        carried += media.content.payload().len();
                        classify(media);
                    }
                    Part::Unknown(_) => {}
                    Part::NoBackPointer | Part::Truncated | Part::TooMany => {
                        assert_eq!(index, parts.len() - 1, "nothing is read behind it");
                    }
                }
            }
            assert!(carried <= raw.body.len());
        }
        Message::SharedObject(body) | Message::Unknown { body, .. } | Message::Unreadable { body, .. } => {
            assert_eq!(body, &raw.body, "it is kept whole");
        }
    }
}

/// What a frame is to a player is one thing.
fn classify(media: &Media) {
    let kind = FrameKind::of(&media.content);
    let (is_audio, is_video) = match &media.content {
        Content::Audio(_) => (true, false),
        Content::Video(_) => (false, true),
        Content::Data(data) => {
            assert_eq!(
                Data::parse(data.payload().clone()).map(|again| again.name() == data.name()),
                Some(true)
            );
            (false, false)
        }
    };
    assert_eq!((kind.is_audio(), kind.is_video()), (is_audio, is_video));
    assert!(!(kind.is_coded() && kind.is_preamble()), "what a decoder needs first is no frame");
    assert!(!kind.is_picture() || (kind.is_video() && kind.is_coded()));
    let content = Content::of_tag(media.content.kind(), media.content.payload().clone());
    assert_eq!(content.as_ref().map(FrameKind::of), Some(kind), "in a file it is the same");
}
