//! Words: how commands, media messages and other protocols are told, each in a line.

use std::time::Duration;

use sol_tokio::sol_core::amf::Value;
use sol_tokio::sol_core::ids::{MessageStreamId, MessageType};
use sol_tokio::sol_core::media::{Codec, Content, FrameKind, Media};
use sol_tokio::sol_core::message::{BandwidthLimit, Command};
use sol_tokio::sol_core::observer::{Foreign, ObservedMessage, ObservedTime, Party};

use super::calls::Call;
use super::feed::unbraced;
use super::note::{Said, bytes_of, millis_of, name_of, say, shown, time_of};

/// What an `onStatus`, or an answer that looks like one, says.
pub(super) struct Status {
    pub(super) level: Option<String>,
    pub(super) code: Option<String>,
    pub(super) description: Option<String>,
    /// Whatever else.
    more: String,
}

impl Status {
    pub(super) fn is_error(&self) -> bool {
        self.level.as_deref() == Some("error")
    }
}

pub(super) fn status_of(command: &Command) -> Option<Status> {
    let properties = command.arguments.iter().find_map(Value::properties)?;
    let text = |name: &str| properties.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = text("code")?;
    let more: Vec<_> = properties
        .iter()
        .filter(|(name, _)| !matches!(*name, "level" | "code" | "description"))
        .map(|(name, value)| format!("{}: {value}", shown(name)))
        .collect();
    Some(Status {
        level: text("level"),
        code: Some(code),
        description: text("description"),
        more: more.join(", "),
    })
}

pub(super) fn command_words(
    command: &Command,
    status: Option<&Status>,
    call: Option<&Call>,
    at: Duration,
    stream: Option<u32>,
) -> String {
    let mut words = shown(&command.name);
    if command.transaction != 0.0 {
        words.push_str(&format!("({})", command.transaction));
    }
    if let Some(call) = call {
        let took = time_of(at.saturating_sub(call.at));
        words.push_str(&format!(" to {}, after {took}", shown(&call.name)));
    }
    match status {
        Some(status) => {
            words.push_str(if call.is_some() { ": " } else { " " });
            words.push_str(&shown(status.code.as_deref().unwrap_or_default()));
            if let Some(level) = &status.level {
                words.push_str(&format!(" ({})", shown(level)));
            }
            if let Some(description) = &status.description {
                words.push_str(&format!(" \"{}\"", shown(description)));
            }
            if !status.more.is_empty() {
                words.push_str(", ");
                words.push_str(&status.more);
            }
            if !command.object.is_nullish() {
                words.push_str(&format!("; {}", unbraced(&command.object)));
            }
            let place = command.arguments.iter().position(|value| value.properties().is_some());
            let others = command.arguments.iter().enumerate().filter(|(index, _)| Some(*index) != place);
            for (_, other) in others.filter(|(_, value)| !value.is_nullish()) {
                words.push_str(&format!("; {other}"));
            }
        }
        None => {
            let mut values = Vec::new();
            if !command.object.is_nullish() {
                values.push(unbraced(&command.object));
            }
            values.extend(command.arguments.iter().map(Value::to_string));
            if !values.is_empty() {
                words.push_str(if call.is_some() { ": " } else { " " });
                words.push_str(&values.join(", "));
            }
        }
    }
    if let Some(stream) = stream.filter(|stream| *stream != 0) {
        words.push_str(&format!(" on stream {stream}"));
    }
    words
}

/// A message of media, on its own.
pub(super) fn media_said(message: &ObservedMessage, media: &Media) -> Said {
    let kind = match FrameKind::of(&media.content) {
        FrameKind::AudioConfig(_) => "audio configuration",
        FrameKind::AudioLayout(_) => "audio channel layout",
        FrameKind::Audio => "audio",
        FrameKind::AudioEnd => "end of audio",
        FrameKind::VideoConfig(_) => "video configuration",
        FrameKind::VideoMetadata(_) => "video metadata",
        FrameKind::Keyframe(_) => "keyframe",
        FrameKind::Interframe => "video",
        FrameKind::VideoEnd => "end of video",
        FrameKind::Metadata => "metadata",
        FrameKind::Data => "data",
    };
    let bytes = media.content.payload().len();
    let time = match message.time {
        ObservedTime::Absolute(_) => millis_of(media.timestamp),
        ObservedTime::Relative(_) => format!("+{}", millis_of(media.timestamp)),
    };
    let mut words = format!("{kind}, {}, time {time}", bytes_of(bytes as u64));
    if let Content::Data(data) = &media.content {
        words = format!("{kind} {}, {}, time {time}", shown(data.name()), bytes_of(bytes as u64));
    }
    let composition = media.content.composition_millis();
    if let Some(millis) = composition.filter(|millis| *millis != 0) {
        words.push_str(&format!(", shown {millis} ms later"));
    }
    say("media", words)
        .with("type", message.kind.get())
        .with("frame", kind)
        .with_known("codec", Codec::of(&media.content).map(|(_, codec)| codec.to_string()))
        .with("bytes", bytes)
        .with("time_ms", media.timestamp.millis())
        .with_known("composition_ms", composition)
        .with_known("stream", message.stream.map(MessageStreamId::get))
        .with("chunk_stream", message.chunk_stream.get())
}

/// What one side speaks that is no RTMP.
pub(super) fn foreign_said(from: Party, foreign: &Foreign) -> Said {
    let protocol = protocol_of(foreign);
    let words = match (foreign, from) {
        (Foreign::Unknown { first }, _) => {
            format!("what the {} says is not understood as RTMP (first byte 0x{first:02x})", name_of(from))
        }
        _ => format!("the {} speaks {foreign}, which is not read", name_of(from)),
    };
    say("foreign", words).with("protocol", protocol)
}

/// A stable word for it.
pub(super) fn protocol_of(foreign: &Foreign) -> &'static str {
    match foreign {
        Foreign::Rtmpe { .. } => "rtmpe",
        Foreign::Rtmpt => "rtmpt",
        Foreign::Http => "http",
        Foreign::Tls => "tls",
        Foreign::Unknown { .. } => "unknown",
    }
}

pub(super) fn limit_name(limit: BandwidthLimit) -> String {
    match limit {
        BandwidthLimit::Hard => "hard".to_owned(),
        BandwidthLimit::Soft => "soft".to_owned(),
        BandwidthLimit::Dynamic => "dynamic".to_owned(),
        BandwidthLimit::Unknown(number) => format!("limit type {number}"),
    }
}

/// What a message of this type is called.
pub(super) fn type_name(kind: MessageType) -> String {
    let name = match kind {
        MessageType::SET_CHUNK_SIZE => "Set Chunk Size",
        MessageType::ABORT => "Abort",
        MessageType::ACKNOWLEDGEMENT => "Acknowledgement",
        MessageType::USER_CONTROL => "User Control",
        MessageType::WINDOW_ACKNOWLEDGEMENT_SIZE => "Window Acknowledgement Size",
        MessageType::SET_PEER_BANDWIDTH => "Set Peer Bandwidth",
        MessageType::AUDIO => "audio message",
        MessageType::VIDEO => "video message",
        MessageType::AMF3_DATA | MessageType::DATA => "data message",
        MessageType::AMF3_SHARED_OBJECT | MessageType::SHARED_OBJECT => "shared object message",
        MessageType::AMF3_COMMAND | MessageType::COMMAND => "command",
        MessageType::AGGREGATE => "aggregate",
        kind => return format!("message of type {kind}"),
    };
    name.to_owned()
}
