//! Replies: what the server's commands say (RTMP 1.0, 7.2), worded so that every client studied understands.

use crate::amf::{Properties, Value};
use crate::message::Command;

use super::close::Refusal;
use super::connect_reply::ConnectReply;
use super::event::RequestKind;

/// What a client wants objects written in. Our answers are AMF0 either way, which every client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectEncoding {
    Amf0,
    Amf3,
}

impl ObjectEncoding {
    /// What `objectEncoding` in `connect` asks for.
    pub(super) fn of(number: Option<f64>) -> Self {
        if number == Some(3.0) { ObjectEncoding::Amf3 } else { ObjectEncoding::Amf0 }
    }

    fn number(self) -> f64 {
        match self {
            ObjectEncoding::Amf0 => 0.0,
            ObjectEncoding::Amf3 => 3.0,
        }
    }
}

/// `connect` is accepted.
pub(super) fn connected(transaction: f64, encoding: ObjectEncoding, reply: &ConnectReply) -> Command {
    Command::new("_result", transaction, reply.server()).with(reply.status(encoding.number()))
}

/// `connect` is refused. GStreamer needs the description.
pub(super) fn connect_rejected(transaction: f64, description: &str) -> Command {
    let status = Properties::new()
        .with("level", "error")
        .with("code", "NetConnection.Connect.Rejected")
        .with("description", description);
    Command::new("_error", transaction, Value::Null).with(status)
}

/// `createStream` made the stream `id`.
pub(super) fn stream_created(transaction: f64, id: u32) -> Command {
    result(transaction).with(f64::from(id))
}

/// The length of a live stream is not known.
pub(super) fn stream_length(transaction: f64) -> Command {
    result(transaction).with(0.0)
}

/// Done, with nothing to say.
pub(super) fn done(transaction: f64) -> Command {
    result(transaction).with(Value::Undefined)
}

/// A call that could not be done.
pub(super) fn call_failed(transaction: f64, description: &str) -> Command {
    let status = Properties::new()
        .with("level", "error")
        .with("code", "NetConnection.Call.Failed")
        .with("description", description);
    Command::new("_error", transaction, Value::Null).with(status)
}

/// `onFCPublish` and its kin, which the encoders of Adobe's days wait for.
pub(super) fn on_fc(name: &str, code: &str, stream: &str) -> Command {
    let status = Properties::new().with("level", "status").with("code", code).with("description", stream);
    Command::new(name, 0.0, Value::Null).with(status)
}

/// Publishing begins.
pub(super) fn publish_start(name: &str) -> Command {
    Command::on_status("status", "NetStream.Publish.Start", &format!("{name} is now published."))
}

/// Publishing ended, as the publisher wanted.
pub(super) fn unpublished(name: &str) -> Command {
    Command::on_status("status", "NetStream.Unpublish.Success", &format!("{name} is now unpublished."))
}

/// Another publisher has taken the place of this one. What a name in use is told, so that every encoder knows the code.
pub(super) fn replaced(name: &str) -> Command {
    let description = format!("Another publisher took over {name}.");
    Command::on_status("error", "NetStream.Publish.BadName", &description)
}

/// What was played before is over.
pub(super) fn play_reset(name: &str) -> Command {
    Command::on_status("status", "NetStream.Play.Reset", &format!("Playing and resetting {name}."))
}

/// Playing begins.
pub(super) fn play_start(name: &str) -> Command {
    Command::on_status("status", "NetStream.Play.Start", &format!("Started playing {name}."))
}

/// A player pauses.
pub(super) fn pause_notify(name: &str) -> Command {
    Command::on_status("status", "NetStream.Pause.Notify", &format!("Pausing {name}."))
}

/// A player goes on.
pub(super) fn unpause_notify(name: &str) -> Command {
    Command::on_status("status", "NetStream.Unpause.Notify", &format!("Unpausing {name}."))
}

/// A live stream has no other place to go to. Not an error: at any of those FFmpeg stops playing.
pub(super) fn seek_failed(name: &str) -> Command {
    Command::on_status("status", "NetStream.Seek.Failed", &format!("{name} is live and cannot be sought in."))
}

/// The player is given up.
pub(super) fn insufficient_bandwidth(name: &str) -> Command {
    Command::on_status(
        "warning",
        "NetStream.Play.InsufficientBW",
        &format!("The connection is too slow for {name}."),
    )
}

/// The stream that is played has ended.
pub(super) fn play_unpublish_notify(name: &str) -> Command {
    Command::on_status("status", "NetStream.Play.UnpublishNotify", &format!("{name} is no longer published."))
}

/// The server goes (Enhanced RTMP v2 lists the code with level error).
pub(super) fn app_shutdown() -> Command {
    Command::on_status("error", "NetConnection.Connect.AppShutdown", "The server shuts down.")
}

/// Publishing or playing is refused. The codes are those that OBS, FFmpeg and GStreamer act upon.
pub(super) fn refused(kind: RequestKind, why: &Refusal) -> Command {
    let code = match (kind, why) {
        (RequestKind::Publish, Refusal::NameInUse) => "NetStream.Publish.BadName",
        (RequestKind::Publish, Refusal::Denied(_)) => "NetStream.Publish.Denied",
        (
            RequestKind::Publish,
            Refusal::Rejected(_)
            | Refusal::NotFound
            | Refusal::NoSuchTrack(_)
            | Refusal::Unfit(_)
            | Refusal::Draining,
        ) => "NetStream.Publish.Rejected",
        (RequestKind::Play, Refusal::NotFound | Refusal::NoSuchTrack(_)) => "NetStream.Play.StreamNotFound",
        (
            RequestKind::Play,
            Refusal::NameInUse
            | Refusal::Denied(_)
            | Refusal::Rejected(_)
            | Refusal::Unfit(_)
            | Refusal::Draining,
        ) => "NetStream.Play.Failed",
    };
    Command::on_status("error", code, &why.to_string())
}

fn result(transaction: f64) -> Command {
    Command::new("_result", transaction, Value::Null)
}
