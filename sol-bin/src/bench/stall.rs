//! Stall: players that stop reading, beside others that go on.

use std::io;
use std::net::TcpStream;

use super::Stall;
use super::client::is_closed;
use super::fanout::{end, join, measure, publish};
use super::outcome::Outcome;
use super::viewer::{Line, Origin};
use crate::nofile;

/// Watches those who go on, and then looks who of the others is still connected.
pub(super) fn run(asked: &Stall) -> anyhow::Result<Outcome> {
    nofile::raise();
    asked.pattern.check()?;
    let publishing = publish(std::slice::from_ref(&asked.url), asked.pattern)?;
    let origin = [Origin::Rtmp(asked.url.clone(), 0)];
    let (stalled, _) = join(&origin, asked.stalled as usize)?;
    let stalled: Vec<TcpStream> = stalled.into_iter().map(Line::into_socket).collect();
    let (lines, joins) = join(&origin, asked.players as usize)?;
    let mut outcome = measure(&publishing, lines, asked.pattern, &asked.watch, asked.server_pid)?;
    let closed = stalled.iter().map(is_closed).collect::<io::Result<Vec<bool>>>()?;
    outcome.what = format!("stall {}", asked.url);
    outcome.joins = joins;
    outcome.stalled = Some((asked.stalled, closed.into_iter().filter(|&closed| closed).count() as u32));
    end(publishing, &mut outcome);
    Ok(outcome)
}
