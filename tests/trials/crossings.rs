//! Crossings: a thousand players over four loops. Every byte that they get is verified, and it is counted what crossed for them.

use std::thread;
use std::time::Duration;

use sol_tests::peer::pattern::Pattern;
use sol_tests::programs::{Log, Sol};

use crate::broadcast::Broadcast;

/// One stream, for twenty seconds. Each other loop has a quarter of the players, and each frame once.
pub(crate) fn run() -> Result<(), String> {
    let loops = LOOPS.to_string();
    let mut sol = Sol::start_with("127.0.0.1:0", &["--runtime", "mio", "--loops", &loops]);
    sol.extend_deadline(Duration::from_secs(300));
    let (broadcast, viewers) = Broadcast::begin(&sol, Pattern::new().video_kilobits(400), PLAYERS);
    thread::sleep(TIME);
    let sent_before = broadcast.sent();
    let report = sol.report();
    let sent_after = broadcast.sent();
    broadcast.end()?;

    let mut frames = 0;
    for viewer in viewers {
        frames += viewer.join()?.frames;
    }
    println!("{PLAYERS} players have got {frames} frames, each of them as it was sent and in order");
    let crossings = crossed(&report);
    for (to, count) in &crossings {
        println!("to loop {to}: {count} frames, when {sent_before} to {sent_after} messages were sent");
    }
    let are_once = crossings.iter().all(|(_, count)| (sent_before..=sent_after).contains(count));
    let others: Vec<u64> = crossings.iter().map(|(to, _)| *to).collect();
    if others.len() != LOOPS - 1 {
        return Err(format!("it crossed to the loops {others:?}"));
    }
    if !are_once {
        return Err("frames crossed more than once, or not at all".to_owned());
    }
    let log = sol.stop();
    let gaps: u64 = log.of("play ended").iter().map(|line| line.count("gaps")).sum();
    if gaps > 0 { Err(format!("{gaps} gaps")) } else { Ok(()) }
}

/// To which loops the stream crosses, and how many frames have.
fn crossed(report: &Log) -> Vec<(u64, u64)> {
    report.of("crossing").iter().map(|line| (line.count("to"), line.count("frames"))).collect()
}

const LOOPS: usize = 4;
const PLAYERS: usize = 1_000;
const TIME: Duration = Duration::from_secs(20);
