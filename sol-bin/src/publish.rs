//! `sol publish`: sends an FLV file to a server, as fast as it is meant to be seen.

mod pace;
mod replica;
mod source;

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::clock;
use anyhow::Context;
use clap::Args;
use sol_tokio::sol_core::ids::ChunkSize;
use sol_tokio::sol_core::session::{Event, ReconnectRequest, Target};
use sol_tokio::sol_core::url::RtmpUrl;
use sol_tokio::{Client, CloseReason, Media, SessionConfig};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::Exit;
use crate::remote::{
    Arrived, Manners, Moves, Moving, Parting, Voice, leave, megabytes, move_to, obeying, there, welcome, word,
};
use crate::signals::Signals;
use pace::Pace;
use replica::Replica;
use source::{Source, Taken};

/// What `sol publish` is told.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// An FLV file, or - for standard input
    file: PathBuf,

    /// Where to publish, such as rtmp://localhost/live/cam
    url: RtmpUrl,

    /// Begin again when the file ends; times go on
    #[arg(long = "loop")]
    is_looped: bool,

    /// So many times as fast as it is meant to be seen
    #[arg(long, value_name = "X", default_value = "1", value_parser = speed)]
    speed: f64,

    /// Connect again when the connection is lost, after 1 s, 2 s, 4 s and so on up to 30 s
    #[arg(long)]
    reconnect: bool,

    /// Bytes of payload in each chunk that is sent
    #[arg(long, value_name = "BYTES", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(128..=0xFF_FFFF))]
    chunk_size: u32,

    #[command(flatten)]
    manners: Manners,
}

/// Publishes until the file ends, a signal comes, or it cannot go on.
pub(crate) fn run(asked: &Publish) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        !(asked.is_looped && source::is_standard_input(&asked.file)),
        "standard input cannot begin again; --loop needs a file"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let exit = runtime.block_on(publish(asked));
    // The resolver may take its time, and nobody waits for it any more.
    runtime.shutdown_background();
    exit
}

async fn publish(asked: &Publish) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let source = Source::open(&asked.file, asked.is_looped)?;
    let voice = Voice::new(source.bytes().filter(|_| !asked.is_looped));
    let mut publisher = Publisher {
        asked,
        source,
        voice,
        replica: Replica::default(),
        pending: None,
        sent: Sent::nothing(),
        url: asked.url.clone(),
        moves: Moves::none(),
        left: JoinSet::new(),
        is_over: false,
        failure: None,
    };
    // Nobody is to see a publication of what is no FLV file.
    tokio::select! {
        first = publisher.take_first() => first?,
        _ = signals.next() => return Ok(Exit::Stopped),
    }
    publisher.sent.since = Instant::now();
    let exit = publisher.go_on(&mut signals).await;
    // What was sent there last may still be on its way.
    tokio::select! {
        () = std::future::ready(()), if matches!(exit, Ok(Exit::Interrupted)) => {}
        () = async { while publisher.left.join_next().await.is_some() {} } => {}
        _ = signals.next() => {}
    }
    publisher.voice.fall_silent();
    exit
}

/// A file on its way to a server.
struct Publisher<'a> {
    asked: &'a Publish,
    source: Source,
    voice: Voice,
    /// What the next server has to know first.
    replica: Replica,
    /// Was taken from the source, and not sent yet.
    pending: Option<Media>,
    sent: Sent,
    /// Where it publishes: its server may have sent it elsewhere.
    url: RtmpUrl,
    moves: Moves,
    /// Connections that it has moved away from, until they are closed.
    left: JoinSet<()>,
    /// It is told to end.
    is_over: bool,
    /// The source cannot be read on.
    failure: Option<anyhow::Error>,
}

/// What has left, on all connections together.
struct Sent {
    since: Instant,
    messages: u64,
    bytes: u64,
    /// Of the media's own time.
    time: Duration,
}

impl Sent {
    fn nothing() -> Self {
        Self { since: Instant::now(), messages: 0, bytes: 0, time: Duration::ZERO }
    }

    /// How fast, where 1 is as it is meant to be seen.
    fn speed(&self) -> f64 {
        self.time.as_secs_f64() / self.since.elapsed().as_secs_f64().max(0.001)
    }
}

impl Publisher<'_> {
    /// Publishes on one connection after the other.
    async fn go_on(&mut self, signals: &mut Signals) -> anyhow::Result<Exit> {
        let mut has_published = false;
        let mut patience = PATIENCE_LEAST;
        loop {
            let began = Instant::now();
            let published_before = self.sent.messages;
            let parting = self.attempt(signals).await;
            if let Some(error) = self.failure.take() {
                return Err(error);
            }
            has_published |= self.sent.messages > published_before;
            if parting.exit == Exit::Interrupted {
                return Ok(Exit::Interrupted);
            }
            if parting.exit == Exit::Stopped {
                self.voice.fall_silent();
                self.voice.say(self.summary());
                return Ok(Exit::Stopped);
            }
            // A name that somebody else has is believed to be free again soon only where that was this program itself.
            let may_return = parting.is_passing && (has_published || parting.exit == Exit::Unreachable);
            if !(self.asked.reconnect && may_return) || self.is_over {
                self.voice.fall_silent();
                self.voice.say(parting.words);
                if self.sent.messages > 0 {
                    self.voice.say(self.summary());
                }
                return Ok(parting.exit);
            }
            if began.elapsed() > PATIENCE_MOST {
                patience = PATIENCE_LEAST;
            }
            self.voice.say(format_args!("{}; again in {} s", parting.words, patience.as_secs()));
            tokio::select! {
                () = sleep(patience) => {}
                _ = signals.next() => return Ok(Exit::Stopped),
            }
            patience = (2 * patience).min(PATIENCE_MOST);
        }
    }

    /// Waits for the first message of the source.
    async fn take_first(&mut self) -> anyhow::Result<()> {
        while self.pending.is_none() {
            match self.source.next().await? {
                Some(Taken::Media(media)) => self.pending = self.replica.admit(media),
                Some(Taken::Damage(damage)) => self.voice.say(format_args!("warning: {damage}")),
                None => return Err(self.source.nothing()),
            }
        }
        Ok(())
    }

    /// Publishes on one connection, or on one that its server sends it to, until that is over.
    async fn attempt(&mut self, signals: &mut Signals) -> Parting {
        let asked = self.asked;
        let url = self.url.clone();
        let connecting = asked.manners.connect(&url, obeying(Target::publish(&url)), self.config());
        let mut client = tokio::select! {
            connected = connecting => match connected {
                Ok(client) => client,
                Err(parting) => return parting,
            },
            _ = signals.next() => return Parting::by_hand(),
        };
        let mut pace = Pace::new(asked.speed);
        let mut is_granted = false;
        let mut is_leaving = false;
        let mut moving: Option<Moving> = None;
        let mut arrived: Option<Arrived> = None;
        loop {
            if is_leaving {
                moving = None;
                if let Some(there) = arrived.take() {
                    self.left.spawn(leave(there.client));
                }
            }
            // One at a time: to hear, to take from the source, to wait for the moment, to send.
            let may_take = is_granted && !is_leaving && self.pending.is_none();
            let due =
                self.pending.as_ref().filter(|_| is_granted && !is_leaving).map(|media| pace.due(media));
            if let Some(due) = due.filter(|due| *due <= Instant::now()) {
                if self.pending.as_ref().is_some_and(|media| self.replica.may_begin_with(media))
                    && let Some(there) = arrived.take()
                {
                    self.change_over(&mut client, there);
                }
                tokio::select! {
                    has_room = client.room() => if has_room {
                        self.send(&mut client, &mut pace, due);
                        continue;
                    },
                    _ = signals.next() => {
                        self.is_over = true;
                        is_leaving = true;
                        client.leave();
                        continue;
                    }
                }
            }
            tokio::select! {
                biased;
                _ = signals.next() => {
                    if self.is_over {
                        return Parting { exit: Exit::Interrupted, ..Parting::by_hand() };
                    }
                    self.is_over = true;
                    is_leaving = true;
                    client.leave();
                }
                event = client.next() => match event {
                    Some(Event::Welcomed(said)) => self.voice.say(welcome(&self.url, &said)),
                    Some(Event::Granted(_)) => {
                        self.voice.say(format_args!("publishing at {}", place(&self.url)));
                        is_granted = true;
                        self.replica.begin(&mut client, self.pending.as_ref());
                        self.pending = self.pending.take().and_then(|media| self.replica.admit(media));
                    }
                    Some(Event::Told(said)) => self.voice.say(word(&said)),
                    Some(Event::Reconnect(request)) if is_granted && !is_leaving => {
                        arrived = None;
                        moving = self.set_out(&request);
                    }
                    Some(Event::Closed { why: CloseReason::Left, .. }) if !client.has_parted() => {
                        return Parting::half_heard(&self.url);
                    }
                    Some(Event::Closed { why, .. }) => match arrived.take().filter(|_| !is_leaving) {
                        // What comes up to the next keyframe would be of no use there.
                        Some(there) => self.change_over(&mut client, there),
                        None => return Parting::of(&self.url, &why),
                    },
                    Some(_) => {}
                    None => unreachable!("the end is told once, and ends this"),
                },
                outcome = there(&mut moving) => {
                    moving = None;
                    match outcome {
                        Ok(there) => arrived = Some(there),
                        Err(parting) => self.stay(&parting.words),
                    }
                }
                why = end_of(&mut arrived) => {
                    arrived = None;
                    self.stay(&why);
                }
                taken = self.source.next(), if may_take => match taken {
                    Ok(Some(Taken::Media(media))) => self.pending = self.replica.admit(media),
                    Ok(Some(Taken::Damage(damage))) => self.voice.say(format_args!("warning: {damage}")),
                    end @ (Ok(None) | Err(_)) => {
                        self.failure = end.err();
                        is_leaving = true;
                        client.leave();
                    }
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
        }
    }

    fn config(&self) -> SessionConfig {
        let chunk_size = ChunkSize::new(self.asked.chunk_size).expect("its range was checked");
        SessionConfig { chunk_size, ..SessionConfig::default() }
    }

    /// Its server asks it to reconnect.
    fn set_out(&mut self, request: &ReconnectRequest) -> Option<Moving> {
        match self.moves.follow(&self.url, request) {
            Ok(url) => {
                let target = obeying(Target::publish(&url));
                Some(move_to(self.asked.manners.clone(), url, target, self.config()))
            }
            Err(why) => {
                self.stay(&why);
                None
            }
        }
    }

    /// It does not move.
    fn stay(&self, why: &str) {
        let here = self.url.authority();
        self.voice
            .say(format_args!("{here} asks for another connection, and there is none: {why}; staying there"));
    }

    /// Goes on over another connection, beginning with what comes next; the old one closes in good order.
    fn change_over(&mut self, client: &mut Client, there: Arrived) {
        self.url = there.url;
        let old = std::mem::replace(client, there.client);
        self.left.spawn(leave(old));
        self.voice.say(format_args!("moved; publishing at {}", place(&self.url)));
        self.replica.begin(client, self.pending.as_ref());
        self.pending = self.pending.take().and_then(|media| self.replica.admit(media));
    }

    fn send(&mut self, client: &mut Client, pace: &mut Pace, due: Instant) {
        let Some(media) = self.pending.take() else { return };
        client.send(&media);
        self.sent.messages += 1;
        self.sent.bytes += media.content.payload().len() as u64;
        self.sent.time += pace.went(&media, due);
        if self.voice.is_watched() {
            let taken = client.session().traffic().acknowledged_bytes();
            let server =
                taken.map_or_else(String::new, |bytes| format!(", {} at the server", megabytes(bytes)));
            let line = format!(
                "{}  {} sent{server}  {:.2}x",
                clock(self.sent.time.as_secs()),
                megabytes(self.sent.bytes),
                self.sent.speed()
            );
            self.voice.show(self.source.taken_bytes(), line);
        }
    }

    fn summary(&self) -> String {
        format!(
            "sent {} messages, {}, {} of media at {:.2} times its speed",
            self.sent.messages,
            megabytes(self.sent.bytes),
            clock(self.sent.time.as_secs()),
            self.sent.speed()
        )
    }
}

/// A server and its app. The stream's name is often a secret.
fn place(url: &RtmpUrl) -> String {
    format!("rtmp://{}/{}", url.authority(), url.app_name())
}

/// Waits until a connection is over that waits for its first keyframe; for ever where there is none. Why, in words.
async fn end_of(arrived: &mut Option<Arrived>) -> String {
    let Some(Arrived { client, url }) = arrived else { return std::future::pending().await };
    loop {
        if let Some(Event::Closed { why, .. }) = client.next().await {
            return Parting::of(url, &why).words;
        }
    }
}

/// Reads what stands behind `--speed`.
fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.1..=100.0).contains(speed));
    speed.ok_or_else(|| "a number from 0.1 to 100".to_owned())
}

/// Before another attempt to connect.
const PATIENCE_LEAST: Duration = Duration::from_secs(1);

/// The longest of these, and how long a connection must have lasted for the next one to be tried soon again.
const PATIENCE_MOST: Duration = Duration::from_secs(30);
