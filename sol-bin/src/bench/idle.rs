//! Idle: connections that ask for nothing, and what they cost.

use std::io;
use std::thread;
use std::time::Instant;

use anyhow::Context;

use super::Idle;
use super::client::{Client, is_closed};
use super::outcome::Outcome;
use super::usage::Usage;
use crate::nofile;

/// Makes them, and looks at the server's memory before and after.
pub(super) fn run(asked: &Idle) -> anyhow::Result<Outcome> {
    nofile::raise();
    let before = Usage::of(asked.server_pid)?;
    let began = Instant::now();
    let share = |number: u32| asked.connections / MAKERS + u32::from(number < asked.connections % MAKERS);
    let makers: Vec<_> = (0..MAKERS)
        .map(|number| {
            let (target, count) = (asked.url.clone(), share(number));
            thread::spawn(move || {
                (0..count).map(|_| Client::idle(&target)).collect::<anyhow::Result<Vec<Client>>>()
            })
        })
        .collect();
    let mut clients = Vec::new();
    for maker in makers {
        let made = maker.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a client's thread panicked")))?;
        clients.extend(made);
    }
    let after = Usage::of(asked.server_pid).context("the server has gone")?;
    // It may, where they ask for nothing for long.
    let closed =
        clients.iter().map(|client| is_closed(client.socket())).collect::<io::Result<Vec<bool>>>()?;
    let mut outcome = Outcome::of(None, 0, began.elapsed());
    outcome.what = format!("idle {}", asked.url);
    outcome.closed = closed.into_iter().filter(|&closed| closed).count() as u64;
    outcome.server_cpu = Some(after.cpu.saturating_sub(before.cpu));
    outcome.server_resident_bytes = Some(after.resident_bytes);
    outcome.idle = Some((asked.connections, after.resident_bytes.saturating_sub(before.resident_bytes)));
    Ok(outcome)
}

/// Connections that are made at the same time.
const MAKERS: u32 = 4;
