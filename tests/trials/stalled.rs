//! Players that stop reading: what they cost the server, the kernel and the other players.

use std::thread;
use std::time::{Duration, Instant};

use sol_tests::peer::pattern::Pattern;
use sol_tests::programs::{Log, Sol};

use crate::broadcast::{Broadcast, Viewer, percentiles};
use crate::{kernel, megabytes};

pub(crate) fn run() -> Result<(), String> {
    let mut sol = Sol::start();
    sol.extend_deadline(Duration::from_secs(600));
    let (broadcast, viewers) = Broadcast::begin(&sol, Pattern::new().video_kilobits(8_000), PLAYERS);
    thread::sleep(BEFORE);

    let (stalled, healthy): (Vec<_>, Vec<_>) =
        viewers.into_iter().enumerate().partition(|(index, _)| index % 2 == 0);
    let began = Instant::now();
    for (_, viewer) in &stalled {
        viewer.stall();
    }
    println!("{} of {PLAYERS} players have stopped reading", stalled.len());
    println!("   s   RSS MB   kernel MB of the stalled (largest socket)   of the others");
    let mut samples = Vec::new();
    let (mut largest, mut most_at_once) = (0, 0);
    while began.elapsed() < WATCHED {
        let resident = sol.resident_bytes();
        let memory = kernel::send_memory(sol.address());
        let of = |viewers: &[(usize, Viewer)]| -> Vec<u64> {
            let is_one = |address| viewers.iter().any(|(_, viewer)| viewer.address == address);
            memory.iter().filter(|(address, _)| is_one(*address)).map(|&(_, bytes)| bytes).collect()
        };
        let (theirs, others) = (of(&stalled), of(&healthy));
        most_at_once = theirs.len().max(most_at_once);
        largest = theirs.iter().copied().max().unwrap_or_default().max(largest);
        samples.push((began.elapsed(), resident));
        if samples.len() % 5 == 1 {
            println!(
                "{:4}   {:6.2}   {:6.2} in {:2} sockets ({:.3})   {:.2} in {}",
                began.elapsed().as_secs(),
                megabytes(resident),
                megabytes(theirs.iter().sum()),
                theirs.len(),
                megabytes(theirs.iter().copied().max().unwrap_or_default()),
                megabytes(others.iter().sum()),
                others.len(),
            );
        }
        thread::sleep(Duration::from_secs(1));
    }
    broadcast.end()?;
    for (_, viewer) in stalled {
        // What they got until then was right.
        viewer.join()?;
    }
    let mut delays = Vec::new();
    let mut frames = Vec::new();
    for (_, viewer) in healthy {
        let watched = viewer.join()?;
        frames.push(watched.frames);
        delays.extend(watched.delays);
    }
    println!(
        "the others got {:?} frames each, every byte verified; {}",
        range(&frames),
        percentiles(delays, began)
    );
    let growth = growth_over(&samples, WATCHED.saturating_sub(Duration::from_secs(30)));
    println!("RSS grew by {:.3} MB over the last 30 s (slope of a line through the samples)", growth / 1e6);
    println!("the kernel never held more than {:.3} MB for one stalled socket", megabytes(largest));
    if most_at_once != PLAYERS / 2 || largest > KERNEL_BYTES_MAX {
        return Err(format!("{most_at_once} stalled sockets were seen, {largest} bytes in the largest"));
    }
    check(&sol.stop(), growth, &frames)
}

fn check(log: &Log, growth: f64, frames: &[usize]) -> Result<(), String> {
    let ends = log.of("disconnect");
    let count = |reason: &str| ends.iter().filter(|end| end.text("reason") == reason).count();
    println!("closed as stalled: {}, stream-ended: {}", count("stalled"), count("stream-ended"));
    let lossless = log
        .of("play ended")
        .iter()
        .filter(|end| end.text("reason") == "stream-ended" && end.count("gaps") == 0)
        .count();
    if count("stalled") != PLAYERS / 2 {
        return Err(format!("{} players were closed as stalled", count("stalled")));
    }
    if lossless != PLAYERS / 2 || range(frames).0 != range(frames).1 || range(frames).0 == 0 {
        return Err("one of the others lost something".to_owned());
    }
    if growth.abs() >= 1e6 {
        return Err("RSS did not come to rest".to_owned());
    }
    Ok(())
}

/// Bytes by which the line through the samples from `from` on rises in 30 s: least squares.
fn growth_over(samples: &[(Duration, u64)], from: Duration) -> f64 {
    let late: Vec<(f64, f64)> = samples
        .iter()
        .filter(|(at, _)| *at >= from)
        .map(|&(at, bytes)| (at.as_secs_f64(), bytes as f64))
        .collect();
    let count = late.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| late.iter().map(of).sum::<f64>() / count;
    let (mid, height) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let rise: f64 = late.iter().map(|(at, bytes)| (at - mid) * (bytes - height)).sum();
    let run: f64 = late.iter().map(|(at, _)| (at - mid).powi(2)).sum();
    rise / run * 30.0
}

fn range(frames: &[usize]) -> (usize, usize) {
    (frames.iter().copied().min().unwrap_or_default(), frames.iter().copied().max().unwrap_or_default())
}

const PLAYERS: usize = 50;

/// Everybody reads for so long.
const BEFORE: Duration = Duration::from_secs(5);

/// Then half of them do not.
const WATCHED: Duration = Duration::from_secs(60);

/// For one socket that its peer does not empty: what SO_SNDBUF allows, and what the kernel adds to that.
const KERNEL_BYTES_MAX: u64 = 1_000_000;
