//! Serving: what Sol itself would have answered a recorded client, beside what the recorded server did.
//!
//! The client's bytes drive a real server session at their recorded times; everything is allowed. They are fixed, so this is
//! no dialogue: where Sol answers something else, the client still says what it said to the other server. Media, pings and
//! acknowledgements are left out on both sides: nobody publishes what a player asks for, and they come by the clock.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sol_tokio::sol_core::media::Content;
use sol_tokio::sol_core::message::{Command, Control, Message, UserControl};
use sol_tokio::sol_core::observer::{Observed, Observer, Party};
use sol_tokio::sol_core::session::{Event, PeerEnd, Session, SessionConfig, SessionTimers};
use sol_tokio::sol_core::time::Instant;

use super::calls::{Call, Calls};
use super::note::{KEPT, Said, count_of, grouped, kept, say, shown};
use super::words::status_of;

#[derive(Debug)]
pub(super) struct Serving {
    session: Session,
    /// Looks on at the client and Sol.
    onlooker: Box<Observer>,
    began: Duration,
    recorded: Answers,
    ours: Answers,
    refused: Vec<String>,
    closed: Option<String>,
    /// Bytes of the client are missing from here on.
    is_cut: bool,
    /// Some of what the recorded server said up to there is missing.
    misses_answers: bool,
}

/// What one server said.
#[derive(Debug, Default)]
struct Answers {
    calls: Calls,
    lines: Vec<Line>,
    /// The numbers that it gave to NetStreams.
    streams: Vec<f64>,
}

/// One answer: what it is, by which it is compared, and how it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    key: String,
    words: String,
}

impl Serving {
    /// A client connects. Sessions with one seed say the same on every run.
    pub(super) fn new(at: Duration) -> Serving {
        // Nobody delivers media to a recorded player, which would count as life and as a dialogue that goes on. Pings are left
        // out, and a recording with a wrong time may have years of them.
        let never = Duration::MAX;
        let timers =
            SessionTimers { command: never, silence: never, ping: never, ..SessionTimers::default() };
        let config = SessionConfig { timers, ..SessionConfig::default() };
        Serving {
            session: Session::accept(Arc::new(config), [7; 32], Instant::EPOCH),
            onlooker: Box::new(Observer::new()),
            began: at,
            recorded: Answers::default(),
            ours: Answers::default(),
            refused: Vec::new(),
            closed: None,
            is_cut: false,
            misses_answers: false,
        }
    }

    /// The client sent bytes.
    pub(super) fn handle_bytes(&mut self, bytes: &[u8], at: Duration) {
        if self.is_cut {
            return;
        }
        let now = self.wait_until(at);
        self.onlooker.handle_bytes(Party::Client, bytes);
        self.look();
        self.session.handle_input(bytes, now);
        self.drain(now);
    }

    /// Bytes are not in the recording. Where they are the client's, nothing can be said from here on.
    pub(super) fn handle_missing(&mut self, from: Party) {
        match from {
            Party::Client => self.is_cut = true,
            Party::Server => self.misses_answers |= !self.is_cut,
        }
    }

    /// The client has sent all that it had to send.
    pub(super) fn handle_end(&mut self, end: PeerEnd, at: Duration) {
        if !self.is_cut {
            let now = self.wait_until(at);
            self.session.handle_end(end, now);
            self.drain(now);
        }
    }

    /// The recorded client or server said this.
    pub(super) fn hear(&mut self, from: Party, message: &Message) {
        if !self.is_cut {
            self.recorded.hear(from, message);
        }
    }

    /// Both beside each other, in lines of two columns.
    pub(super) fn said(&self, is_server_recorded: bool) -> Vec<Said> {
        let rows = beside(&self.recorded.lines, &self.ours.lines);
        let words = |line: &Option<Line>| line.as_ref().map(|line| line.words.replace(KEPT, " "));
        let pairs: Vec<_> = rows
            .iter()
            .map(|(recorded, ours)| json!({ "recorded": words(recorded), "sol": words(ours) }))
            .collect();
        let same = rows.iter().filter(|(recorded, ours)| recorded.is_some() && ours.is_some()).count();
        let mut front = format!(
            "beside each other: {} alike, {} only the server gave, {} only Sol would give",
            count_of(same as u64, "answer is", "answers are"),
            self.recorded.lines.len() - same,
            self.ours.lines.len() - same,
        );
        if self.is_cut {
            front.push_str(", up to where bytes of the client are missing");
        }
        if !is_server_recorded {
            front.push_str("; the recording has nothing that the server said");
        } else if self.misses_answers {
            front.push_str("; what the server said is not all recorded");
        }
        let mut streams = self.recorded.streams.iter().zip(&self.ours.streams);
        if let Some((theirs, ours)) = streams.find(|(theirs, ours)| theirs != ours) {
            front.push_str(&format!(
                "; the client speaks on stream {theirs}, as it was told, where Sol would have said {ours}"
            ));
        }
        let mut said = vec![
            say("served", front)
                .with("rows", pairs)
                .with("refused", self.refused.clone())
                .with("cut", self.is_cut)
                .with("is_server_recorded", is_server_recorded && !self.misses_answers)
                .with_known("closed", self.closed.clone()),
        ];
        let width = rows.iter().filter_map(|(recorded, _)| Some(recorded.as_ref()?.words.chars().count()));
        let width = width.max().unwrap_or(0).clamp(8, COLUMN);
        let header =
            say("row", format!("  {:width$}  {}", "recorded", "Sol").replace(' ', &KEPT.to_string()));
        let rows = rows.into_iter().map(|(recorded, ours)| {
            let sign = match (&recorded, &ours) {
                (Some(_), Some(_)) => '=',
                (Some(_), None) => '-',
                _ => '+',
            };
            let text = |line: Option<Line>| line.map(|line| cut(&line.words, COLUMN)).unwrap_or_default();
            let (recorded, ours) = (text(recorded), text(ours));
            let row = format!("{sign} {recorded:width$}  {ours}");
            say("row", row.trim_end().replace(' ', &KEPT.to_string()))
        });
        said.push(header);
        said.extend(rows);
        said.extend(self.refused.iter().map(|what| say("row", format!("Sol would refuse: {what}"))));
        said.extend(self.closed.iter().map(|why| say("row", format!("the session of Sol ends: {why}"))));
        said
    }

    /// Deadlines come while nothing happens.
    fn wait_until(&mut self, at: Duration) -> Instant {
        let now = Instant::from_epoch(at.saturating_sub(self.began));
        while let Some(deadline) = self.session.poll_timeout()
            && deadline.at <= now
            && self.closed.is_none()
        {
            self.session.handle_timeout(deadline.at);
            self.drain(deadline.at);
        }
        now
    }

    /// Takes what the session has to say, and allows what it asks for.
    fn drain(&mut self, now: Instant) {
        loop {
            while let Some(event) = self.session.poll_event() {
                match event {
                    Event::Requested(request) => {
                        self.session.allow(request.id, now).expect("it was just asked");
                    }
                    Event::Refused { kind, why, .. } => self.refused.push(format!("{kind:?}: {why}")),
                    Event::Closed { why, .. } => self.closed = Some(why.to_string()),
                    _ => {}
                }
            }
            let mut slices = [IoSlice::new(&[]); 16];
            let count = self.session.outbound(&mut slices);
            if count == 0 {
                break;
            }
            let bytes = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect::<Vec<u8>>();
            self.session.handle_sent(bytes.len(), now);
            self.onlooker.handle_bytes(Party::Server, &bytes);
        }
        self.look();
    }

    fn look(&mut self) {
        while let Some(observation) = self.onlooker.poll() {
            if let Observed::Message(message) = observation.what {
                self.ours.hear(observation.from, &message.meaning);
            }
        }
    }
}

impl Answers {
    fn hear(&mut self, from: Party, message: &Message) {
        if let (Party::Client, Message::Command(Command { name, transaction, .. })) = (from, message) {
            let (transaction, name) = (*transaction, kept(name));
            self.calls.note(Call { from, transaction, name, at: Duration::ZERO });
        }
        if from == Party::Server
            && self.lines.len() < LINES
            && let Some(line) = self.line_of(message)
        {
            self.lines.push(line);
        }
    }

    /// What is compared of a server's message; nothing of media and of what comes by the clock.
    fn line_of(&mut self, message: &Message) -> Option<Line> {
        let line = |key: String, more: String| {
            let words = if more.is_empty() { key.clone() } else { format!("{key} {more}") };
            Some(Line { key, words })
        };
        match message {
            Message::Control(Control::SetChunkSize(bytes)) => {
                line("Set Chunk Size".to_owned(), grouped((*bytes).into()))
            }
            Message::Control(Control::WindowAcknowledgementSize(bytes)) => {
                line("Window Acknowledgement Size".to_owned(), grouped((*bytes).into()))
            }
            Message::Control(Control::SetPeerBandwidth { window, .. }) => {
                line("Set Peer Bandwidth".to_owned(), grouped((*window).into()))
            }
            Message::Control(Control::Abort(_)) => line("Abort".to_owned(), String::new()),
            Message::Control(Control::Acknowledgement(_)) => None,
            Message::UserControl(event) => {
                let (name, stream) = match event {
                    UserControl::StreamBegin(stream) => ("StreamBegin", stream.get().to_string()),
                    UserControl::StreamEof(stream) => ("StreamEOF", stream.get().to_string()),
                    UserControl::StreamDry(stream) => ("StreamDry", stream.get().to_string()),
                    UserControl::StreamIsRecorded(stream) => ("StreamIsRecorded", stream.get().to_string()),
                    UserControl::SetBufferLength { stream, .. } => {
                        ("SetBufferLength", stream.get().to_string())
                    }
                    UserControl::Unknown { event, .. } => ("user control event", event.to_string()),
                    UserControl::PingRequest(_) | UserControl::PingResponse(_) => return None,
                };
                line(name.to_owned(), stream)
            }
            Message::Command(command) => {
                let is_answer = matches!(command.name.as_str(), "_result" | "_error");
                let call =
                    is_answer.then(|| self.calls.answered(Party::Server, command.transaction)).flatten();
                if call.as_ref().is_some_and(|call| call.name == "createStream") {
                    self.streams.extend(command.numbers().next().filter(|_| self.streams.len() < LINES));
                }
                let code = status_of(command).and_then(|status| status.code);
                let of = call.map(|call| call.name).or(code.clone()).unwrap_or_default();
                let key = format!("{} {}", shown(&command.name), shown(of));
                let more = code.filter(|code| !key.ends_with(code.as_str())).unwrap_or_default();
                let more = shown(more.trim_start_matches("NetConnection."));
                line(key.trim_end().to_owned(), more)
            }
            Message::Media(media) => match &media.content {
                Content::Data(data) if !data.is_metadata() => {
                    line(format!("data {}", shown(data.name())), String::new())
                }
                Content::Data(_) | Content::Audio(_) | Content::Video(_) => None,
            },
            Message::Aggregate(_) | Message::SharedObject(_) => None,
            Message::Unknown { kind, .. } | Message::Unreadable { kind, .. } => {
                line(format!("message of type {kind}"), String::new())
            }
        }
    }
}

/// Pairs what is the same, in the order of both, as much as can be.
fn beside(these: &[Line], those: &[Line]) -> Vec<(Option<Line>, Option<Line>)> {
    // How many pairs there are from here to the end of both.
    let mut pairs = vec![vec![0_usize; those.len() + 1]; these.len() + 1];
    for this in (0..these.len()).rev() {
        for that in (0..those.len()).rev() {
            pairs[this][that] = if these[this].key == those[that].key {
                pairs[this + 1][that + 1] + 1
            } else {
                pairs[this + 1][that].max(pairs[this][that + 1])
            };
        }
    }
    let (mut this, mut that) = (0, 0);
    let mut rows = Vec::new();
    while this < these.len() || that < those.len() {
        let both = this < these.len() && that < those.len();
        if both && these[this].key == those[that].key {
            rows.push((Some(these[this].clone()), Some(those[that].clone())));
            (this, that) = (this + 1, that + 1);
        } else if that == those.len() || (both && pairs[this + 1][that] >= pairs[this][that + 1]) {
            rows.push((Some(these[this].clone()), None));
            this += 1;
        } else {
            rows.push((None, Some(those[that].clone())));
            that += 1;
        }
    }
    rows
}

fn cut(words: &str, width: usize) -> String {
    if words.chars().count() <= width {
        return words.to_owned();
    }
    words.chars().take(width - 1).chain(['…']).collect()
}

/// Columns of one side.
const COLUMN: usize = 42;

/// Of one side. Dialogues have a dozen.
const LINES: usize = 500;

#[cfg(test)]
mod tests {
    use sol_tokio::sol_core::amf::Value;

    use super::*;

    #[test]
    fn a_command_of_the_server_that_has_a_number_leaves_the_call_of_that_number() {
        let mut answers = Answers::default();
        let command = |name: &str| Message::Command(Command::new(name, 5.0, Value::Null));
        answers.hear(Party::Client, &command("createStream"));
        for name in ["onBWCheck", "_result"] {
            answers.hear(Party::Server, &command(name));
        }
        let words: Vec<_> = answers.lines.into_iter().map(|line| line.words).collect();
        assert_eq!(words, ["onBWCheck", "_result createStream"]);
    }

    #[test]
    fn a_stream_that_sol_numbers_otherwise_is_named() {
        let words = |number: f64| {
            let mut serving = Serving::new(Duration::ZERO);
            for (answers, number) in [(&mut serving.recorded, number), (&mut serving.ours, 1.0)] {
                let command = |name: &str| Command::new(name, 4.0, Value::Null);
                answers.hear(Party::Client, &Message::Command(command("createStream")));
                answers.hear(Party::Server, &Message::Command(command("_result").with(number)));
            }
            serving.said(true).remove(0).at(Duration::ZERO, 1, None).words
        };
        let sentence = "the client speaks on stream 5, as it was told, where Sol would have said 1";
        assert!(words(5.0).ends_with(sentence), "{}", words(5.0));
        assert!(!words(1.0).contains("as it was told"));
    }

    #[test]
    fn nothing_is_compared_behind_a_hole_of_the_client() {
        let mut serving = Serving::new(Duration::ZERO);
        let command = |name: &str| Message::Command(Command::new(name, 0.0, Value::Null));
        serving.hear(Party::Server, &command("before"));
        serving.handle_missing(Party::Client);
        serving.hear(Party::Server, &command("behind"));
        serving.handle_missing(Party::Server);
        let said = serving.said(true).remove(0).at(Duration::ZERO, 1, None);
        assert_eq!(
            said.words,
            "beside each other: 0 answers are alike, 1 only the server gave, 0 only Sol would give, up to where \
             bytes of the client are missing"
        );
        assert_eq!(said.fields["cut"], true);
    }

    #[test]
    fn it_is_said_where_not_all_of_the_server_was_recorded() {
        let ending = |serving: &Serving, is_server_recorded| {
            let words = serving.said(is_server_recorded).remove(0).at(Duration::ZERO, 1, None).words;
            words.split_once("; ").map(|(_, ending)| ending.to_owned())
        };
        let mut serving = Serving::new(Duration::ZERO);
        assert_eq!(ending(&serving, true), None);
        assert_eq!(
            ending(&serving, false).as_deref(),
            Some("the recording has nothing that the server said")
        );
        serving.handle_missing(Party::Server);
        assert_eq!(ending(&serving, true).as_deref(), Some("what the server said is not all recorded"));
    }

    #[test]
    fn a_recorded_client_that_is_silent_is_not_thrown_out() {
        let mut serving = Serving::new(Duration::ZERO);
        let hello = [&[3][..], &[0; 2 * 1_536]].concat();
        serving.handle_bytes(&hello, Duration::ZERO);
        serving.handle_bytes(&[], Duration::from_secs(600));
        assert_eq!(serving.closed, None);
    }

    #[test]
    fn what_is_the_same_stands_beside_each_other_and_the_rest_alone() {
        let lines = |keys: &str| -> Vec<Line> {
            keys.chars().map(|key| Line { key: key.to_string(), words: format!("{key}!") }).collect()
        };
        let rows = beside(&lines("abcd"), &lines("bxd"));
        let shown: Vec<_> = rows
            .into_iter()
            .map(|(this, that)| {
                let words = |line: Option<Line>| line.map_or("  ".to_owned(), |line| line.words);
                format!("{}{}", words(this), words(that))
            })
            .collect();
        assert_eq!(shown, ["a!  ", "b!b!", "c!  ", "  x!", "d!d!"]);
    }
}
