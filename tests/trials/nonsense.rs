//! Strangers of every kind, many at once, beside a stream that must not notice.

use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sol_tests::peer::pattern::Pattern;
use sol_tests::programs::{Log, Sol};
use sol_tests::strangers::{STRANGERS, Stranger, Visit};

use crate::broadcast::{Broadcast, NAME, Viewer, Watched, percentiles};
use crate::megabytes;

pub(crate) fn run() -> Result<(), String> {
    let mut sol = Sol::start();
    sol.extend_deadline(Duration::from_secs(600));
    let (broadcast, viewers) = Broadcast::begin(&sol, Pattern::new().video_kilobits(4_000), PLAYERS);
    thread::sleep(BEFORE);

    let resident_before = sol.resident_bytes();
    let came_at = Instant::now();
    println!("{} strangers come, {EACH} of each kind", EACH * STRANGERS.len());
    let visits: Vec<(&Stranger, JoinHandle<io::Result<SocketAddr>>)> = (0..EACH * STRANGERS.len())
        .map(|number| {
            let stranger = &STRANGERS[number % STRANGERS.len()];
            let stream = NAME.to_owned();
            let visit = Visit { server: sol.address(), number, stream, length: LENGTH, patience: DURING };
            (stranger, thread::spawn(move || stranger.visit(&visit)))
        })
        .collect();
    let mut resident_most = resident_before;
    while came_at.elapsed() < DURING {
        resident_most = resident_most.max(sol.resident_bytes());
        thread::sleep(Duration::from_millis(200));
    }
    let mut came: Vec<(&Stranger, SocketAddr)> = Vec::new();
    for (stranger, visit) in visits {
        let address = visit.join().map_err(|_| format!("{} panicked", stranger.what))?;
        came.push((stranger, address.map_err(|error| error.to_string())?));
    }
    if resident_most > resident_before + STRANGERS_BYTES_MAX {
        return Err(format!("{resident_most} bytes are resident, {resident_before} were before"));
    }
    println!("RSS before {:.2} MB, at most {:.2} MB", megabytes(resident_before), megabytes(resident_most));

    broadcast.end()?;
    let watched = viewers.into_iter().map(Viewer::join).collect::<Result<Vec<_>, _>>()?;
    tell_delays(&watched, came_at);
    check(&sol.stop(), &came, &watched)
}

fn tell_delays(watched: &[Watched], came_at: Instant) {
    let (before, during): (Vec<_>, Vec<_>) =
        watched.iter().flat_map(|watched| watched.delays.iter().copied()).partition(|(at, _)| *at < came_at);
    for (when, delays) in [("before", before), ("during", during)] {
        println!("{PLAYERS} players of the healthy stream, {when}: {}", percentiles(delays, came_at));
    }
}

fn check(log: &Log, came: &[(&Stranger, SocketAddr)], watched: &[Watched]) -> Result<(), String> {
    let ends = log.of("disconnect");
    let mut wrong = Vec::new();
    for stranger in STRANGERS {
        let seconds: Vec<f64> = came
            .iter()
            .filter(|(came, _)| came.what == stranger.what)
            .filter_map(|(_, address)| {
                let end = ends.iter().find(|end| end.text("peer") == address.to_string())?;
                (end.text("reason") == stranger.reason).then(|| end.number("seconds"))
            })
            .collect();
        let longest = seconds.iter().copied().fold(0.0, f64::max);
        println!(
            "{:3} of {EACH} closed as {:18} within {longest:6.3} s: {}",
            seconds.len(),
            stranger.reason,
            stranger.what
        );
        if seconds.len() != EACH {
            wrong.push(stranger.what);
        }
    }
    if !wrong.is_empty() {
        return Err(format!("closed for another reason, or not at all: {}", wrong.join("; ")));
    }
    let frames = watched[0].frames;
    let whole = |peer: SocketAddr| {
        let mut ends = log.of("play ended").into_iter();
        ends.any(|end| end.text("peer") == peer.to_string() && end.count("gaps") == 0)
    };
    println!("the healthy stream: {frames} frames to each player, every byte verified, no gap");
    if watched.iter().any(|watched| watched.frames != frames || !whole(watched.address)) {
        return Err("a player of the healthy stream lost something".to_owned());
    }
    Ok(())
}

const PLAYERS: usize = 5;

/// Strangers of each kind.
const EACH: usize = 10;

/// The healthy stream is alone for so long.
const BEFORE: Duration = Duration::from_secs(30);

/// Then there are strangers for so long: more than the longest timer.
const DURING: Duration = Duration::from_secs(75);

/// Who leaves by itself stays for so long.
const LENGTH: Duration = Duration::from_secs(60);

/// What they may cost all together: the streams that forty of them publish, most of all.
const STRANGERS_BYTES_MAX: u64 = 30_000_000;
