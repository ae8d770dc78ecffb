//! `sol play`: takes a stream from a server, tells how it is, and writes it into an FLV file.

mod meter;
mod seam;

use std::path::PathBuf;
use std::time::Duration;

use crate::recording::Recording;
use anyhow::Context;
use clap::Args;
use sol_tokio::sol_core::session::{Event, ReconnectRequest, Target};
use sol_tokio::sol_core::url::RtmpUrl;
use sol_tokio::{Client, Media, SessionConfig};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::Exit;
use crate::config::Time;
use crate::remote::{
    Arrived, Manners, Moves, Moving, Parting, Voice, leave, move_to, obeying, there, welcome, word,
};
use crate::signals::Signals;
use meter::Meter;
use seam::Seam;

/// What `sol play` is told.
#[derive(Debug, Args)]
pub(crate) struct Play {
    /// What to play, such as rtmp://localhost/live/cam
    url: RtmpUrl,

    /// Write the stream into this FLV file, or with - to standard output
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,

    /// Replace the file if there is one
    #[arg(long, requires = "output")]
    overwrite: bool,

    /// Print a line each second: bit rates, pictures per second, keyframe interval, delay, gaps
    #[arg(long)]
    stats: bool,

    /// Stop after so long, counted from the first message, such as 10s or 1m30s
    #[arg(long, value_name = "TIME")]
    duration: Option<Time<1, 604_800_000>>,

    /// Wait for a stream that nobody publishes yet, and for a server that is not there yet
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    manners: Manners,
}

/// Plays until the stream ends, a signal comes, or it cannot go on.
pub(crate) fn run(asked: &Play) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let exit = runtime.block_on(play(asked));
    // The resolver may take its time, and nobody waits for it any more.
    runtime.shutdown_background();
    exit
}

async fn play(asked: &Play) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let recording = asked.output.as_deref().map(|path| Recording::open(path, asked.overwrite)).transpose()?;
    let mut player = Player {
        asked,
        voice: Voice::new(None),
        recording,
        meter: Meter::new(),
        seam: Seam::default(),
        url: asked.url.clone(),
        moves: Moves::none(),
        left: JoinSet::new(),
        is_over: false,
    };
    let parting = player.go_on(&mut signals).await;
    tokio::select! {
        () = async { while player.left.join_next().await.is_some() {} } => {}
        _ = signals.next() => {}
    }
    player.voice.fall_silent();
    // Whatever happened, what has come is a whole file.
    let recorded = player.recording.take().map(Recording::finish).transpose();
    let parting = parting?;
    if parting.exit != Exit::Stopped {
        player.voice.say(&parting.words);
    }
    if player.meter.has_begun() {
        player.voice.say(player.meter.summary());
    }
    recorded?;
    Ok(parting.exit)
}

/// A stream on its way from a server.
struct Player<'a> {
    asked: &'a Play,
    voice: Voice,
    recording: Option<Recording>,
    meter: Meter,
    /// Where it goes over to another connection.
    seam: Seam,
    /// What it plays: its server may have sent it elsewhere.
    url: RtmpUrl,
    moves: Moves,
    /// Connections that it has moved away from, until they are closed.
    left: JoinSet<()>,
    /// It is told to end.
    is_over: bool,
}

impl Player<'_> {
    /// Plays on one connection, or on one after the other until the stream is there.
    async fn go_on(&mut self, signals: &mut Signals) -> anyhow::Result<Parting> {
        let mut is_waiting = false;
        loop {
            let parting = self.attempt(signals, !is_waiting).await?;
            let may_come =
                matches!(parting.exit, Exit::NoStream | Exit::Unreachable) && !self.meter.has_begun();
            if !(self.asked.wait && may_come) || self.is_over {
                return Ok(parting);
            }
            if !is_waiting {
                is_waiting = true;
                self.voice.say(format_args!("waiting for {}", self.asked.url.stream_name()));
            }
            tokio::select! {
                () = sleep(ASK_AGAIN) => {}
                _ = signals.next() => return Ok(Parting::by_hand()),
            }
        }
    }

    /// Plays on one connection, or on one that its server sends it to, until that is over.
    async fn attempt(&mut self, signals: &mut Signals, is_first: bool) -> anyhow::Result<Parting> {
        let url = self.url.clone();
        let connecting =
            self.asked.manners.connect(&url, obeying(Target::play(&url)), SessionConfig::default());
        let mut client = tokio::select! {
            connected = connecting => match connected {
                Ok(client) => client,
                Err(parting) => return Ok(parting),
            },
            _ = signals.next() => return Ok(Parting::by_hand()),
        };
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut granted_at = None;
        let mut ends_at: Option<Instant> = None;
        let mut moving: Option<Moving> = None;
        let mut going_to: Option<RtmpUrl> = None;
        let mut arrived: Option<Arrived> = None;
        // The stream that is followed has ended, and another one is on its way.
        let mut over: Option<Parting> = None;
        loop {
            tokio::select! {
                biased;
                _ = signals.next() => {
                    if self.is_over {
                        return Ok(Parting { exit: Exit::Interrupted, ..Parting::by_hand() });
                    }
                    if over.is_some() {
                        return Ok(Parting::by_hand());
                    }
                    self.end(&mut client);
                }
                event = client.next(), if over.is_none() => match event {
                    Some(Event::Welcomed(said)) if is_first => self.voice.say(welcome(&url, &said)),
                    Some(Event::Granted(_)) => granted_at = Some(Instant::now()),
                    Some(Event::Told(said)) if said.code == "NetStream.Play.Reset" => {}
                    Some(Event::Told(said)) => self.voice.say(word(&said)),
                    Some(Event::Reconnect(request)) if !self.is_over => {
                        arrived = None;
                        self.seam.stay();
                        going_to = self.set_out(&request);
                        moving = going_to.clone().map(|url| self.on_the_way_to(url, Duration::ZERO));
                    }
                    Some(Event::Media { media, .. }) => {
                        if !self.meter.has_begun() {
                            self.voice.say(format_args!("playing {}", url.stream_name()));
                            ticks.reset();
                            ends_at = self.asked.duration.map(|time| Instant::now() + time.duration());
                        }
                        if let Some(media) = self.seam.here(media)
                            && !self.take(media)?
                        {
                            self.end(&mut client);
                        }
                    }
                    Some(Event::Closed { why, .. }) => {
                        let parting = Parting::of(&self.url, &why);
                        if self.is_over || (moving.is_none() && arrived.is_none()) {
                            return Ok(parting);
                        }
                        over = Some(parting);
                    }
                    Some(_) => {}
                    None => unreachable!("the end is told once, and ends this"),
                },
                outcome = there(&mut moving) => match outcome {
                    Ok(there) => {
                        moving = None;
                        arrived = Some(there);
                    }
                    // Its publisher comes behind it.
                    Err(parting) if parting.exit == Exit::NoStream && over.is_none() => {
                        moving = going_to.clone().map(|url| self.on_the_way_to(url, ASK_AGAIN));
                    }
                    Err(parting) => {
                        moving = None;
                        if let Some(over) = over {
                            return Ok(over);
                        }
                        self.stay(&parting.words);
                    }
                },
                event = from_there(&mut arrived) => match event {
                    Some(Event::Media { media, .. }) => self.seam.there(media),
                    Some(Event::Closed { why, .. }) => {
                        let there = arrived.take().map(|there| Parting::of(&there.url, &why));
                        self.seam.stay();
                        if let Some(over) = over {
                            return Ok(over);
                        }
                        self.stay(&there.map_or_else(String::new, |there| there.words));
                    }
                    Some(_) | None => {}
                },
                _ = ticks.tick() => {
                    if self.meter.has_begun() {
                        let line = self.meter.line();
                        self.voice.show(0, &line);
                        if self.asked.stats {
                            self.tell(&line);
                        }
                    } else if granted_at.take_if(|at| at.elapsed() > QUIET).is_some() {
                        self.voice.say(format_args!("{} has begun, and nothing comes yet", url.stream_name()));
                    }
                }
                () = sleep_until(ends_at.unwrap_or_else(Instant::now)), if ends_at.is_some() && !self.is_over => {
                    if let Some(over) = over {
                        return Ok(over);
                    }
                    self.end(&mut client);
                }
            }
            if self.is_over {
                moving = None;
                if let Some(there) = arrived.take() {
                    self.left.spawn(leave(there.client));
                }
            }
            if arrived.is_some()
                && let Some(begun) = self.seam.change_over(over.is_some())
                && let Some(there) = arrived.take()
            {
                self.url = there.url;
                let old = std::mem::replace(&mut client, there.client);
                if over.take().is_none() {
                    self.left.spawn(leave(old));
                }
                self.voice.say(format_args!("moved; playing from {}", self.url.authority()));
                for media in begun {
                    if !self.take(media)? {
                        self.end(&mut client);
                    }
                }
            }
        }
    }

    /// Counts a message, and writes it. `false` where nobody reads it any more.
    fn take(&mut self, media: Media) -> anyhow::Result<bool> {
        self.meter.count(&media);
        match self.recording.as_mut().filter(|_| !self.is_over) {
            Some(recording) => recording.write(media),
            None => Ok(true),
        }
    }

    /// Its server asks it to reconnect.
    fn set_out(&mut self, request: &ReconnectRequest) -> Option<RtmpUrl> {
        self.moves.follow(&self.url, request).inspect_err(|why| self.stay(why)).ok()
    }

    fn on_the_way_to(&self, url: RtmpUrl, after: Duration) -> Moving {
        let target = obeying(Target::play(&url));
        let moving = move_to(self.asked.manners.clone(), url, target, SessionConfig::default());
        Box::pin(async move {
            sleep(after).await;
            moving.await
        })
    }

    /// It does not move.
    fn stay(&self, why: &str) {
        let here = self.url.authority();
        self.voice
            .say(format_args!("{here} asks for another connection, and there is none: {why}; staying there"));
    }

    fn end(&mut self, client: &mut Client) {
        self.is_over = true;
        client.leave();
    }

    /// A line of numbers, where they do not get between the bytes of a file.
    fn tell(&self, line: &str) {
        if self.asked.output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
            self.voice.say(line);
        } else {
            self.voice.print(line);
        }
    }
}

/// Waits for what comes of the connection that it moves to; for ever where there is none.
async fn from_there(arrived: &mut Option<Arrived>) -> Option<Event> {
    match arrived {
        Some(there) => there.client.next().await,
        None => std::future::pending().await,
    }
}

/// Between two lines of numbers.
const TICK: Duration = Duration::from_secs(1);

/// Before a server is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// After this a person wonders why nothing comes.
const QUIET: Duration = Duration::from_secs(2);
