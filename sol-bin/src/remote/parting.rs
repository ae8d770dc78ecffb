//! Parting: why a connection to a server is over, for the person who asked for it: by whom, why, and what to do.

use std::io;

use sol_tokio::sol_core::session::{Call, CloseReason, ServerWord};
use sol_tokio::sol_core::url::RtmpUrl;

use crate::Exit;

/// The end of one connection.
#[derive(Debug)]
pub(crate) struct Parting {
    pub(crate) exit: Exit,
    /// For a person, in one line.
    pub(crate) words: String,
    /// Another attempt may do better.
    pub(crate) is_passing: bool,
}

impl Parting {
    /// The person at the terminal wants no more.
    pub(crate) fn by_hand() -> Self {
        Self { exit: Exit::Stopped, words: "left".to_owned(), is_passing: false }
    }

    /// No connection came about.
    pub(crate) fn unreachable(url: &RtmpUrl, error: &io::Error) -> Self {
        let place = format!("{}:{}", url.host(), url.port());
        let why = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                "nobody listens there; is the server running, and the port right?".to_owned()
            }
            io::ErrorKind::TimedOut => "no answer; is a firewall in between?".to_owned(),
            _ => error.to_string(),
        };
        Self { exit: Exit::Unreachable, words: format!("cannot connect to {place}: {why}"), is_passing: true }
    }

    /// All was sent, and nobody knows whether it has arrived.
    pub(crate) fn half_heard(url: &RtmpUrl) -> Self {
        let words = format!("{} has not closed; the end of it may not have arrived there", url.authority());
        Self { exit: Exit::Unreachable, words, is_passing: false }
    }

    /// A session is over.
    pub(crate) fn of(url: &RtmpUrl, why: &CloseReason) -> Self {
        let server = url.authority();
        let of_exit = |exit, words: String| Self { exit, words, is_passing: false };
        let lost = |words: String| Self { exit: Exit::Unreachable, words, is_passing: true };
        match why {
            CloseReason::Left | CloseReason::Shutdown => of_exit(Exit::Stopped, "left".to_owned()),
            CloseReason::StreamEnded => of_exit(Exit::Stopped, "the stream has ended".to_owned()),
            CloseReason::RefusedByServer(call, word) => Self::refused(url, *call, word),
            CloseReason::Redirected { to } => {
                of_exit(Exit::Refused, format!("{server} sends its clients to {to}; use that URL"))
            }
            // Whoever came back would replace that one in turn.
            CloseReason::Dismissed(word) if word.code == "NetStream.Publish.BadName" => {
                of_exit(Exit::Refused, format!("{server} ended it: {word}"))
            }
            CloseReason::Dismissed(word) => lost(format!("{server} ended it: {word}")),
            CloseReason::Handshake(error) => {
                of_exit(Exit::Refused, format!("{server} is no RTMP server: {error}"))
            }
            CloseReason::NotTolerated(_) | CloseReason::Chunk(_) => {
                of_exit(Exit::Refused, format!("{server} does not keep to the protocol: {why}"))
            }
            CloseReason::HandshakeTimeout => {
                lost(format!("{server} takes connections and says nothing; is it an RTMP server?"))
            }
            CloseReason::NoReply(_) | CloseReason::Silent => lost(format!("{server} does not answer: {why}")),
            CloseReason::Stalled => lost(format!("{server} takes no more: {why}")),
            CloseReason::PeerLeft => lost(format!("{server} closed the connection")),
            CloseReason::PeerReset => lost(format!("{server} reset the connection")),
            CloseReason::ConnectionLost
            | CloseReason::CommandTimeout
            | CloseReason::AnswersUnread
            | CloseReason::TooMuchHeld
            | CloseReason::ConnectRefused(_)
            | CloseReason::Refused
            | CloseReason::TimelineFull
            | CloseReason::Unfit(_)
            | CloseReason::TooSlow
            | CloseReason::Replaced
            | CloseReason::ClosedByPeer => lost(format!("the connection to {server} is over: {why}")),
        }
    }

    fn refused(url: &RtmpUrl, call: Call, word: &ServerWord) -> Self {
        let server = url.authority();
        let app = url.app_name();
        if call == Call::Play && word.code == "NetStream.Play.StreamNotFound" {
            let words = format!(
                "{server} has no stream {app}/{}: {word}; with --wait, sol waits until it begins",
                url.stream_name()
            );
            return Self { exit: Exit::NoStream, words, is_passing: true };
        }
        let what = match call {
            Call::Connect => format!("connections to the app {app}"),
            Call::CreateStream => "another stream".to_owned(),
            // The stream's name is often a secret.
            Call::Publish => "this publisher".to_owned(),
            Call::Play => format!("{} to players", url.stream_name()),
        };
        let advice = match (call, word.code.as_str()) {
            (_, "NetStream.Publish.BadName") => {
                "; somebody publishes under that name: choose another, or wait until the server gives up the one before"
            }
            (
                _,
                "NetStream.Publish.Denied"
                | "NetStream.Publish.BadAuth"
                | "NetStream.Publish.Unauthorized"
                | "NetStream.Play.BadAuth",
            ) => "; see that the stream key and its token are right",
            (Call::Connect, _) => "; see that the app in the URL is right",
            _ => "",
        };
        let words = format!("{server} refuses {what}: {word}{advice}");
        Self { exit: Exit::Refused, words, is_passing: word.code == "NetStream.Publish.BadName" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_who_refuses_what_and_what_to_do_and_never_the_token() {
        let url: RtmpUrl = "rtmp://host:1936/live/cam?token=secret".parse().unwrap();
        let told = |call, code: &str| {
            let word = ServerWord { level: "error".into(), code: code.into(), description: "No.".into() };
            Parting::of(&url, &CloseReason::RefusedByServer(call, word))
        };
        let table = [
            (
                told(Call::Publish, "NetStream.Publish.BadName"),
                Exit::Refused,
                "host:1936 refuses this publisher: No. (NetStream.Publish.BadName); somebody publishes under that \
                 name: choose another, or wait until the server gives up the one before",
            ),
            (
                told(Call::Play, "NetStream.Play.StreamNotFound"),
                Exit::NoStream,
                "host:1936 has no stream live/cam: No. (NetStream.Play.StreamNotFound); with --wait, sol waits until it \
                 begins",
            ),
            (
                told(Call::Connect, "NetConnection.Connect.Rejected"),
                Exit::Refused,
                "host:1936 refuses connections to the app live: No. (NetConnection.Connect.Rejected); see that the app \
                 in the URL is right",
            ),
        ];
        for (parting, exit, words) in table {
            assert_eq!((parting.exit, parting.words.as_str()), (exit, words));
        }
    }

    #[test]
    fn what_another_attempt_may_mend_is_told_apart() {
        let url: RtmpUrl = "rtmp://host/live/cam".parse().unwrap();
        let refused = CloseReason::RefusedByServer(Call::Publish, ServerWord::default());
        assert!(!Parting::of(&url, &refused).is_passing);
        for why in [CloseReason::PeerLeft, CloseReason::Silent, CloseReason::Stalled] {
            assert!(Parting::of(&url, &why).is_passing, "{why}");
        }
        let error = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(
            Parting::unreachable(&url, &error).words,
            "cannot connect to host:1935: nobody listens there; is the server running, and the port right?"
        );
    }
}
