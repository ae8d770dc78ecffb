//! Floor: a bare loop that sends, in a process of its own: one system call for each player and message, or for each player
//! and what has gathered. It understands nothing and decides nothing, so no server that sends as often can cost less.

use std::io::{self, BufRead, BufReader, IoSlice, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use sol_tokio::sol_core::ids::MessageStreamId;

use super::client::{CHUNK_SIZE_UNASKED, announcement, lane_of, message};
use super::fanout::{join, measure};
use super::outcome::Outcome;
use super::pattern::Item;
use super::viewer::Origin;
use super::{Floor, FloorServer, monotonic_nanos, relay};
use crate::nofile;

/// Starts the loop, and plays from it.
pub(super) fn run(asked: &Floor) -> anyhow::Result<Outcome> {
    if let Some(publishers) = asked.publishers {
        return relay::run(asked, publishers);
    }
    nofile::raise();
    asked.pattern.check()?;
    anyhow::ensure!(asked.players > 0, "nobody plays; without --publishers there is nothing else to do");
    let pattern = asked.pattern;
    let mut bare = Bare::start(
        "floor-server",
        &[
            ("--players", u64::from(asked.players)),
            ("--gather", asked.gather),
            ("--bitrate", pattern.bitrate.into()),
            ("--fps", pattern.fps.into()),
            ("--gop", pattern.gop.into()),
            ("--chunk-size", pattern.chunk_size.into()),
        ],
    )?;
    let origin = [Origin::Floor((Ipv4Addr::LOCALHOST, bare.port()?).into())];
    let (lines, _) = join(&origin, asked.players as usize)?;
    let mut outcome = measure(&[], lines, asked.pattern, &asked.watch, Some(bare.pid()))?;
    outcome.what = match asked.gather {
        0 => "floor: a bare loop, one send for each player and message".to_owned(),
        gather => format!("floor: a bare loop, one send for each player and {gather} ms"),
    };
    Ok(outcome)
}

/// The process with the loop; goes with this.
pub(super) struct Bare(Child);

impl Bare {
    /// Starts this program again, as one of the hidden commands of `sol bench`.
    pub(super) fn start(what: &str, options: &[(&str, u64)]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program does not find itself")?;
        let mut command = Command::new(program);
        command.args(["bench", what]);
        for (option, value) in options {
            command.args([*option, &value.to_string()]);
        }
        let child = command.stdout(Stdio::piped()).spawn().context("cannot start the bare loop")?;
        Ok(Self(child))
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Where it listens: what it says first.
    pub(super) fn port(&mut self) -> anyhow::Result<u16> {
        let stdout = self.0.stdout.take().context("its output is a pipe")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        line.trim().parse().context("the bare loop did not begin")
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The loop itself. Ends when its players have gone.
pub(super) fn serve(asked: &FloorServer) -> anyhow::Result<()> {
    nofile::raise();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?.port())?;
    let mut players = Vec::with_capacity(asked.players);
    while players.len() < asked.players {
        let (mut player, _) = listener.accept()?;
        player.set_nodelay(true)?;
        player.write_all(&announcement(CHUNK_SIZE_UNASKED))?;
        players.push(player);
    }
    let (began, began_nanos) = (Instant::now(), monotonic_nanos());
    let gather = Duration::from_millis(asked.gather);
    let mut items = asked.pattern.items(0).peekable();
    let mut gathered: Vec<Vec<u8>> = Vec::new();
    let mut sent = Duration::ZERO;
    while !players.is_empty() {
        let next = items.peek().context("a pattern has no end")?;
        // As a server does: the first message after a rest leaves at once.
        thread::sleep(next.due.max(sent + gather).saturating_sub(began.elapsed()));
        let now = began.elapsed();
        sent = now;
        gathered.clear();
        // Whatever is due by now leaves together; without gathering, each by itself.
        while let Some(item) =
            items.next_if(|item| item.due <= now && (gathered.is_empty() || !gather.is_zero()))
        {
            // Under way since it was due: what waits here waits for its players.
            gathered.push(media(&item, began_nanos + item.due.as_nanos() as u64));
        }
        players.retain_mut(|player| send_all(player, &gathered).is_ok());
    }
    Ok(())
}

fn media(item: &Item, sent_at_nanos: u64) -> Vec<u8> {
    let (kind, payload) = (item.kind.message_type(), item.payload(sent_at_nanos));
    message(lane_of(kind), kind, MessageStreamId::new(1), item.due, &payload, CHUNK_SIZE_UNASKED)
}

/// One `writev` where the socket takes it all.
fn send_all(player: &mut TcpStream, messages: &[Vec<u8>]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = messages.iter().map(|message| IoSlice::new(message)).collect();
    let mut rest = &mut slices[..];
    while !rest.is_empty() {
        let count = player.write_vectored(rest)?;
        IoSlice::advance_slices(&mut rest, count);
    }
    Ok(())
}
