//! Story: what the observations of one connection mean to somebody who looks for what went wrong.
//!
//! Everything that is rare is told: handshake, commands, control messages, configurations, departures from the
//! specification, holes. What comes all the time is counted, and told one by one if that is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use sol_tokio::sol_core::handshake::PeerVersion;
use sol_tokio::sol_core::ids::{ChunkSize, MessageStreamId, MessageType};
use sol_tokio::sol_core::media::Media;
use sol_tokio::sol_core::message::{Aggregate, Command, Control, Message, Part};
use sol_tokio::sol_core::observer::{Observed, ObservedMessage, Party, Second, WhyUnfinished};

use super::calls::{Call, Calls};
use super::controls::Controls;
use super::extraction::Extraction;
use super::feed::{Asked, Feed};
use super::note::{Note, Said, bytes_of, count_of, grouped, index, kept, say, shown, time_of};
use super::totals::Totals;
use super::words::{Status, command_words, foreign_said, media_said, status_of, type_name};

#[derive(Debug)]
pub(super) struct Story {
    pub(super) totals: Totals,
    /// Each message is told.
    tells_all: bool,
    calls: Calls,
    feeds: BTreeMap<FeedKey, Feed>,
    /// What the client asked for, by message stream.
    asked: BTreeMap<u32, Asked>,
    controls: Controls,
    first_packets: [Option<Duration>; 2],
    skipped: [u64; 2],
    /// Holes in the recording, and messages that they damaged.
    holes: [u64; 2],
    damaged: [u64; 2],
    footings: [u64; 2],
    /// Whose answers may have come without being read.
    is_unread: [bool; 2],
    /// The last thing of those that streams need which the server refused, as long as nothing began after it.
    refusal: Option<String>,
    /// What the client asked for and was not answered.
    unanswered: Vec<&'static str>,
    /// The client ended what it had asked for.
    has_ended_stream: bool,
    has_told_of_many: bool,
}

/// Whose media a feed has, and on which message stream, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FeedKey {
    is_from_client: bool,
    stream: Option<u32>,
}

/// Where the story goes.
pub(super) struct Telling<'a> {
    pub(super) notes: &'a mut Vec<Note>,
    pub(super) extraction: Option<&'a mut Extraction>,
}

impl Story {
    pub(super) fn new(totals: Totals, tells_all: bool) -> Story {
        Story {
            totals,
            tells_all,
            calls: Calls::default(),
            feeds: BTreeMap::new(),
            asked: BTreeMap::new(),
            controls: Controls::default(),
            first_packets: [None; 2],
            skipped: [0; 2],
            holes: [0; 2],
            damaged: [0; 2],
            footings: [0; 2],
            is_unread: [false; 2],
            has_told_of_many: false,
            refusal: None,
            unanswered: Vec::new(),
            has_ended_stream: false,
        }
    }

    /// Something was seen.
    pub(super) fn observe(&mut self, from: Party, at: Duration, what: Observed, telling: &mut Telling<'_>) {
        self.is_unread[index(from)] |= hides_answers(&what);
        let said = match what {
            Observed::FirstPacket(greeting) => {
                self.first_packets[index(from)] = Some(at);
                self.totals.greet(from, &greeting);
                let name = if from == Party::Client { "C0 and C1" } else { "S0 and S1" };
                let mut words = format!("handshake, {name}: {}", greeting.kind);
                if greeting.peer_version != PeerVersion::ZERO {
                    words.push_str(&format!(", version {}", greeting.peer_version));
                }
                if let (Party::Server, Some(first)) = (from, self.first_packets[0]) {
                    let took = time_of(at.saturating_sub(first));
                    words.push_str(&format!(", {took} after the client's"));
                }
                say("handshake", words)
                    .with("packet", if from == Party::Client { "C1" } else { "S1" })
                    .with("kind", greeting.kind.to_string())
                    .with("version", greeting.peer_version.to_string())
                    .with("peer_time_ms", greeting.peer_time.millis())
            }
            Observed::SecondPacket(second) => self.second_packet(from, at, second),
            Observed::HandshakeCut { bytes } => {
                say("handshake-cut", format!("the handshake ends after {}", bytes_of(bytes as u64)))
                    .with("bytes", bytes)
            }
            Observed::Foreign(foreign) => foreign_said(from, &foreign),
            Observed::Message(message) => return self.message(from, at, &message, telling),
            Observed::Unfinished(message, why) => {
                let why_word = match why {
                    WhyUnfinished::Interrupted => "interrupted",
                    WhyUnfinished::Aborted => "aborted",
                    WhyUnfinished::Damaged => "damaged",
                    WhyUnfinished::FootingLost => "footing-lost",
                    WhyUnfinished::Ended => "ended",
                };
                let damaged = &mut self.damaged[index(from)];
                let is_by_hole = matches!(why, WhyUnfinished::Damaged | WhyUnfinished::FootingLost);
                *damaged += u64::from(is_by_hole);
                if is_by_hole && *damaged > HOLES_TOLD && !self.tells_all {
                    return;
                }
                let name = type_name(message.kind);
                let came = grouped(message.received as u64);
                let words =
                    format!("{name} is not whole, {came} of {}: {why}", bytes_of(message.length as u64));
                say("unfinished", words)
                    .with("type", message.kind.get())
                    .with("length", message.length)
                    .with("received", message.received)
                    .with("why", why_word)
            }
            Observed::Broken(rule) => {
                say("broken", format!("a rule of RTMP is broken: {rule}")).with("rule", rule.to_string())
            }
            Observed::Missing { bytes } => {
                let holes = &mut self.holes[index(from)];
                *holes += 1;
                if *holes > HOLES_TOLD && !self.tells_all {
                    return;
                }
                let verb = if bytes == 1 { "is" } else { "are" };
                say("missing", format!("{} {verb} not in the recording", bytes_of(bytes)))
                    .with("bytes", bytes)
            }
            Observed::Skipped { chunk_stream, bytes } => {
                self.skipped[index(from)] += 1;
                if self.skipped[index(from)] > SKIPPED_TOLD && !self.tells_all {
                    return;
                }
                let words = format!(
                    "a chunk of {} on chunk stream {chunk_stream} leans on a header before it that was not seen",
                    bytes_of(bytes)
                );
                say("skipped", words).with("chunk_stream", chunk_stream.get()).with("bytes", bytes)
            }
            Observed::Footing { skipped, chunk_size } => {
                let footings = &mut self.footings[index(from)];
                *footings += 1;
                if *footings > HOLES_TOLD && !self.tells_all {
                    return;
                }
                let mut words = format!("understood from here on, behind {}", bytes_of(skipped));
                if let Some(size) = chunk_size {
                    words.push_str(&format!("; chunks seem to be of {size}"));
                }
                say("footing", words)
                    .with("skipped", skipped)
                    .with_known("chunk_size", chunk_size.map(ChunkSize::get))
            }
            Observed::NotUnderstood { bytes } => {
                say("not-understood", format!("the last {} are not understood", bytes_of(bytes)))
                    .with("bytes", bytes)
            }
        };
        self.tell(said, from, at, telling);
    }

    /// A departure from the specification was met for the first time.
    pub(super) fn quirk(&self, name: &str, from: Party, at: Duration, telling: &mut Telling<'_>) {
        let said = say("quirk", format!("quirk: {name}")).with("quirk", name);
        self.tell(said, from, at, telling);
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, at: Duration, telling: &mut Telling<'_>) {
        let keys: Vec<_> = self.feeds.keys().copied().collect();
        for key in keys {
            self.end_feed(key, at, telling);
        }
        for (from, said) in self.controls.end() {
            self.tell(said, from, at, telling);
        }
        for from in [Party::Client, Party::Server].into_iter().filter(|_| !self.tells_all) {
            let more = self.holes[index(from)].saturating_sub(HOLES_TOLD);
            if more > 0 {
                let damaged = count_of(self.damaged[index(from)], "message", "messages");
                let words = format!(
                    "{} in the recording; they damage {damaged} in all",
                    count_of(more, "further hole", "further holes")
                );
                self.tell(say("holes", words).with("count", more), from, at, telling);
            }
        }
    }

    /// What may have led to the end of the connection, in words.
    pub(super) fn reasons(&self, is_answer_recorded: bool) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Some(asked) = self.unanswered.first().filter(|_| is_answer_recorded && !self.is_unread[1]) {
            reasons.push(format!("{asked} was not answered"));
        }
        if let Some(refusal) = &self.refusal {
            reasons.push(format!("the last refusal was {}", shown(refusal)));
        }
        if let Some((verb, _)) = self.totals.streams.last().filter(|_| self.refusal.is_none()) {
            let noun = if *verb == "publish" { "publication" } else { "play" };
            reasons.push(if self.has_ended_stream {
                format!("the {noun} was ended in good order")
            } else {
                format!("the {noun} was not ended")
            });
        }
        reasons
    }

    /// The client turned out to be the server.
    pub(super) fn exchange(&mut self) {
        self.totals.exchange();
        self.calls.exchange();
        let feeds = std::mem::take(&mut self.feeds);
        self.feeds = feeds
            .into_iter()
            .map(|(key, feed)| (FeedKey::of(key.from().other(), key.stream), feed))
            .collect();
        self.first_packets.reverse();
        self.controls.exchange();
        self.skipped.reverse();
        self.holes.reverse();
        self.damaged.reverse();
        self.footings.reverse();
        self.is_unread.reverse();
    }

    fn tell(&self, said: Said, from: Party, at: Duration, telling: &mut Telling<'_>) {
        telling.notes.push(said.at(at, self.totals.number, Some(from)));
    }

    fn second_packet(&self, from: Party, at: Duration, second: Option<Second>) -> Said {
        let name = if from == Party::Client { "C2" } else { "S2" };
        let what = match second {
            Some(Second::Echo) => "an echo",
            Some(Second::Signed) => "signed",
            Some(Second::Unrelated) => "neither an echo nor signed",
            None => "in reply to a packet that was not recorded",
        };
        let mut words = format!("handshake, {name}: {what}");
        if let Some(first) = self.first_packets[index(from.other())] {
            let took = time_of(at.saturating_sub(first));
            let its = if from == Party::Client { "S1" } else { "C1" };
            words.push_str(&format!(", {took} after {its}"));
        }
        let word = match second {
            Some(Second::Echo) => "echo",
            Some(Second::Signed) => "signed",
            Some(Second::Unrelated) => "unrelated",
            None => "unknown",
        };
        say("handshake", words).with("packet", name).with("reply", word)
    }

    fn message(&mut self, from: Party, at: Duration, message: &ObservedMessage, telling: &mut Telling<'_>) {
        self.totals.of(from).count(message.kind);
        let said = match &message.meaning {
            Message::Control(control) => {
                if let Control::SetChunkSize(bytes) = control {
                    self.totals.of(from).chunk_size(*bytes);
                }
                self.controls.control(from, *control, self.tells_all)
            }
            Message::UserControl(event) => self.controls.user_control(from, at, event, self.tells_all),
            Message::Command(command) => return self.command(from, at, message, command, telling),
            Message::Media(media) => return self.media(from, at, message, media, telling),
            Message::Aggregate(aggregate) => return self.aggregate(from, at, message, aggregate, telling),
            Message::SharedObject(body) => Some(say(
                "shared-object",
                format!("shared object message of {}", bytes_of(body.len() as u64)),
            )),
            Message::Unknown { kind, body } => {
                let words = format!(
                    "message of type {kind}, which means nothing, of {}",
                    bytes_of(body.len() as u64)
                );
                Some(say("unknown", words).with("bytes", body.len()))
            }
            Message::Unreadable { kind, body, why } => {
                let words =
                    format!("{} of {} cannot be read: {why}", type_name(*kind), bytes_of(body.len() as u64));
                Some(say("unreadable", words).with("why", why.to_string()))
            }
        };
        let said = said.or_else(|| self.tells_all.then(|| say("message", type_name(message.kind))));
        if let Some(said) = said {
            self.tell(said.with("type", message.kind.get()), from, at, telling);
        }
    }

    fn command(
        &mut self,
        from: Party,
        at: Duration,
        message: &ObservedMessage,
        command: &Command,
        telling: &mut Telling<'_>,
    ) {
        self.totals.of(from).command(&command.name);
        let stream = message.stream.map(MessageStreamId::get);
        let is_answer = matches!(command.name.as_str(), "_result" | "_error");
        let call = is_answer.then(|| self.calls.answered(from, command.transaction)).flatten();
        if !is_answer && command.transaction != 0.0 {
            let Command { name, transaction, .. } = command;
            self.calls.note(Call { from, transaction: *transaction, name: kept(name), at });
        }
        let status = status_of(command);
        if from == Party::Server {
            self.judge(command, status.as_ref(), call.as_ref());
        }
        let said = say("command", command_words(command, status.as_ref(), call.as_ref(), at, stream))
            .with("type", message.kind.get())
            .with("name", command.name.as_str())
            .with("transaction", command.transaction)
            .with_known("stream", stream)
            .with_known("answers", call.as_ref().map(|call| call.name.as_str()))
            .with_known("level", status.as_ref().and_then(|status| status.level.as_deref()))
            .with_known("code", status.as_ref().and_then(|status| status.code.as_deref()))
            .with_known("description", status.as_ref().and_then(|status| status.description.as_deref()));
        let said = match command.name.as_str() {
            "publish" | "play" => said.with_known("stream_name", command.strings().next()),
            _ => said,
        };
        self.tell(said, from, at, telling);
        if from == Party::Server {
            let answers = match (command.name.as_str(), &call) {
                ("_result" | "_error", Some(call)) => Some(call.name.as_str()),
                // An onStatus of a stream answers whatever was asked of one.
                ("onStatus", _) => {
                    let is_of_stream = |asked: &&&str| !matches!(**asked, "connect" | "createStream");
                    self.unanswered.iter().find(is_of_stream).copied()
                }
                _ => None,
            };
            if let Some(index) = self.unanswered.iter().position(|asked| Some(*asked) == answers) {
                self.unanswered.remove(index);
            }
        }
        if from == Party::Client {
            self.follow(at, command, stream, telling);
        }
    }

    /// Whether the server refuses what a stream needs, or begins one. That it does not know releaseStream has no consequence.
    fn judge(&mut self, command: &Command, status: Option<&Status>, call: Option<&Call>) {
        let is_needed = match call {
            Some(call) => matches!(call.name.as_str(), "connect" | "createStream" | "publish" | "play"),
            None => command.name == "onStatus",
        };
        let code = status.and_then(|status| status.code.as_deref());
        if is_needed && (command.name == "_error" || status.is_some_and(Status::is_error)) {
            self.refusal = Some(kept(code.unwrap_or(&command.name)));
        }
        if matches!(code, Some("NetStream.Publish.Start" | "NetStream.Play.Start")) {
            self.refusal = None;
        }
    }

    /// Something is to be answered.
    fn ask(&mut self, what: &'static str) {
        if self.unanswered.len() < ASKED {
            self.unanswered.push(what);
        }
    }

    /// What a client's command means for what comes.
    fn follow(&mut self, at: Duration, command: &Command, stream: Option<u32>, telling: &mut Telling<'_>) {
        match command.name.as_str() {
            "connect" => {
                let properties = command.object.properties();
                let text = |name: &str| properties?.get(name)?.as_str().map(kept);
                self.ask("connect");
                self.totals.app = self.totals.app.take().or_else(|| text("app"));
                self.totals.flash_ver = self.totals.flash_ver.take().or_else(|| text("flashVer"));
            }
            "createStream" => self.ask("createStream"),
            "publish" | "play" => {
                let verb = if command.name == "publish" { "publish" } else { "play" };
                self.has_ended_stream = false;
                let name = kept(command.strings().next().unwrap_or_default());
                self.totals.ask_for(verb, &name);
                let number = stream.unwrap_or(0);
                let from = if verb == "publish" { Party::Client } else { Party::Server };
                let key = FeedKey::of(from, Some(number));
                self.end_feed(key, at, telling);
                self.feeds.remove(&key);
                self.ask(verb);
                if self.asked.len() < FEEDS || self.asked.contains_key(&number) {
                    self.asked.insert(number, Asked { verb, name, at });
                }
            }
            "deleteStream" | "closeStream" => {
                let named = command.numbers().next().map(|number| number as u32);
                let number = if command.name == "deleteStream" { named.or(stream) } else { stream };
                for from in [Party::Client, Party::Server] {
                    self.end_feed(FeedKey::of(from, number), at, telling);
                }
                self.has_ended_stream = true;
                if let Some(number) = number {
                    self.asked.remove(&number);
                }
            }
            _ => {}
        }
    }

    fn aggregate(
        &mut self,
        from: Party,
        at: Duration,
        message: &ObservedMessage,
        aggregate: &Aggregate,
        telling: &mut Telling<'_>,
    ) {
        if self.tells_all {
            let words = format!("aggregate of {}", bytes_of(message.body.len() as u64));
            self.tell(say("message", words).with("type", message.kind.get()), from, at, telling);
        }
        for part in aggregate.clone() {
            match part {
                Part::Media(media) => self.media(from, at, message, &media, telling),
                Part::Unknown(_) | Part::NoBackPointer | Part::Truncated | Part::TooMany => {
                    if let Some(quirk) = part.quirk() {
                        let words = format!("in an aggregate: {quirk}");
                        self.tell(say("aggregate", words).with("quirk", quirk.name()), from, at, telling);
                    }
                }
            }
        }
    }

    fn media(
        &mut self,
        from: Party,
        at: Duration,
        message: &ObservedMessage,
        media: &Media,
        telling: &mut Telling<'_>,
    ) {
        if self.tells_all {
            self.tell(media_said(message, media), from, at, telling);
        }
        let number = message.stream.map(MessageStreamId::get);
        let key = self.key_of(from, number);
        if !self.feeds.contains_key(&key) {
            if self.feeds.len() == FEEDS && !self.forget_one() {
                if !std::mem::replace(&mut self.has_told_of_many, true) {
                    let words = format!("more than {FEEDS} streams at once: the others are not followed");
                    self.tell(say("not-followed", words), from, at, telling);
                }
                return;
            }
            self.feeds.insert(key, Feed::new(self.asked_for(from, number)));
        }
        let feed = self.feeds.get_mut(&key).expect("it is there");
        let media = feed.in_time(media, message.time, at);
        let mut said = Vec::new();
        feed.take(&media, at, &mut said);
        if let Some(extraction) = telling.extraction.as_deref_mut()
            && !feed.is_over()
            && !feed.has_no_file
            && let Err(error) = extract(feed, media, self.totals.number, extraction)
        {
            feed.has_no_file = true;
            feed.recording = None;
            said.push(not_extracted(extraction, &error));
        }
        self.tell_of_feed(said, key, at, telling);
    }

    /// Makes room for a feed, if one is over.
    fn forget_one(&mut self) -> bool {
        let over = self.feeds.iter().find(|(_, feed)| feed.is_over()).map(|(key, _)| *key);
        over.is_some_and(|key| self.feeds.remove(&key).is_some())
    }

    /// The feed of a message. Where headers with the number of the stream are missing, it is the only one of this side.
    fn key_of(&mut self, from: Party, number: Option<u32>) -> FeedKey {
        let key = FeedKey::of(from, number);
        let mut others = self.feeds.keys().filter(|other| other.from() == from).copied();
        match (others.next(), others.next()) {
            (Some(only), None) if number.is_none() => only,
            (Some(only), None) if only.stream.is_none() => {
                let feed = self.feeds.remove(&only).expect("it is there");
                self.feeds.insert(key, feed);
                key
            }
            _ => key,
        }
    }

    /// What was asked for on a message stream, if media of this side are that. Where the number of the stream was not
    /// recorded, the only thing that was asked for.
    fn asked_for(&self, from: Party, number: Option<u32>) -> Option<Asked> {
        let verb = if from == Party::Client { "publish" } else { "play" };
        let asked = match number {
            Some(number) => self.asked.get(&number),
            None if self.asked.len() == 1 => self.asked.values().next(),
            None => None,
        };
        asked.filter(|asked| asked.verb == verb).cloned()
    }

    fn end_feed(&mut self, key: FeedKey, at: Duration, telling: &mut Telling<'_>) {
        let Some(feed) = self.feeds.get_mut(&key) else { return };
        let mut said = Vec::new();
        feed.end(&mut said);
        if let Some(recording) = feed.recording.take()
            && let Err(error) = recording.finish()
            && let Some(extraction) = telling.extraction.as_deref_mut()
        {
            said.push(not_extracted(extraction, &error));
        }
        self.tell_of_feed(said, key, at, telling);
    }

    /// Says of which stream it is, where there are several.
    fn tell_of_feed(&self, said: Vec<Said>, key: FeedKey, at: Duration, telling: &mut Telling<'_>) {
        let is_one_of_several = self.feeds.iter().any(|(other, feed)| *other != key && !feed.is_over());
        for said in said {
            let said = said.with_known("stream", key.stream);
            let said = match key.stream.filter(|_| is_one_of_several) {
                Some(number) => said.behind(&format!("stream {number}: ")),
                None => said,
            };
            self.tell(said, key.from(), at, telling);
        }
    }
}

impl FeedKey {
    fn of(from: Party, stream: Option<u32>) -> FeedKey {
        FeedKey { is_from_client: from == Party::Client, stream }
    }

    fn from(self) -> Party {
        if self.is_from_client { Party::Client } else { Party::Server }
    }
}

/// Writes a message into the file of its feed, which begins with the first.
fn extract(
    feed: &mut Feed,
    media: Media,
    connection: u64,
    extraction: &mut Extraction,
) -> anyhow::Result<()> {
    let recording = match feed.recording.take() {
        Some(recording) => recording,
        None => extraction.open(connection, feed.asked.as_ref())?,
    };
    feed.recording.insert(recording).write(media)?;
    Ok(())
}

/// A file failed; the others and what is told go on.
fn not_extracted(extraction: &mut Extraction, error: &anyhow::Error) -> Said {
    let why = format!("{error:#}");
    extraction.fail(&why);
    say("not-extracted", format!("not extracted: {}", shown(why)))
}

/// Whether an answer may have been in what cannot be read.
fn hides_answers(what: &Observed) -> bool {
    let is_command = |kind| matches!(kind, MessageType::COMMAND | MessageType::AMF3_COMMAND);
    match what {
        Observed::Broken(_)
        | Observed::Footing { .. }
        | Observed::Foreign(_)
        | Observed::NotUnderstood { .. } => true,
        Observed::Unfinished(message, _) => is_command(message.kind),
        Observed::Message(message) => {
            matches!(message.meaning, Message::Unreadable { .. }) && is_command(message.kind)
        }
        Observed::FirstPacket(_)
        | Observed::SecondPacket(_)
        | Observed::HandshakeCut { .. }
        | Observed::Missing { .. }
        | Observed::Skipped { .. } => false,
    }
}

/// NetStreams of one connection that are followed. Clients use one; players of several cameras a handful.
const FEEDS: usize = 64;

/// What may yet be answered, to tell of at the end.
const ASKED: usize = 16;

/// Of each side. Where packets were cut when they were captured, each of them has one.
const HOLES_TOLD: u64 = 5;

/// Of each side; they come by the chunk until a header is seen again.
const SKIPPED_TOLD: u64 = 3;
