//! Simulate: many worlds, each from its seed, on all cores. See `sol_tests::simulation`.
//!
//! ```sh
//! cargo run --release -p sol-tests --bin simulate -- --seeds 1000
//! ```
//!
//! One line for each world in which something did not hold, with how to run it alone; then how often everything happened, and what
//! of it was rare in a long run; last a line of totals. Ends with status 1 if something did not hold.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program for people")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use sol_tests::simulation::{Story, Totals, in_words, live_through};

fn main() -> ExitCode {
    let Some(order) = Order::read(std::env::args().skip(1)) else {
        println!("{USAGE}");
        return ExitCode::from(2);
    };
    panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(|location| format!(" ({}:{})", location.file(), location.line()));
        PANICKED_AT.set(at.unwrap_or_default());
    }));
    let began = Instant::now();
    let next = AtomicU64::new(order.first);
    let failed = AtomicU64::new(0);
    let totals = Mutex::new(Totals::default());
    let worlds = Mutex::new(BTreeMap::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut sum = Totals::default();
                while let Some(seed) = order.take(&next) {
                    match run(seed, &order) {
                        Ok(one) => {
                            sum.add(&one);
                            if order.is_cover {
                                worlds.lock().expect("no worker panics").insert(seed, one);
                            }
                        }
                        Err(broken) => {
                            failed.fetch_add(1, Ordering::Relaxed);
                            println!("seed {seed} failed: {broken} (alone: {PROGRAM} --seed {seed} --seeds 1 --verbose)");
                        }
                    }
                }
                totals.lock().expect("no worker panics").add(&sum);
            });
        }
    });
    let totals = totals.into_inner().expect("no worker panics");
    let seconds = began.elapsed().as_secs_f64();
    println!("{totals}");
    let rare = if order.seeds >= LONG_RUN { totals.rarer_than(OFTEN_ENOUGH) } else { Vec::new() };
    for (kind, name) in &rare {
        println!("rare in a run so long: {kind} {name}, {} times", totals.of((kind, name)));
    }
    if order.is_cover {
        println!(
            "everything that happened is in {:?}",
            cover(&worlds.into_inner().expect("no worker panics"))
        );
    }
    let failed = failed.into_inner();
    println!("{}; {failed} failed, {seconds:.0} s on {workers} cores", totals.line());
    match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Lives through one world, and says what did not hold in it.
fn run(seed: u64, order: &Order) -> Result<Totals, String> {
    let story =
        || if order.is_verbose { Story::told_to(|line| println!("{line}")) } else { Story::default() };
    let lived = || panic::catch_unwind(AssertUnwindSafe(|| live_through(seed, story())));
    let lived = || lived().map_err(|panic| in_words(panic.as_ref()) + &PANICKED_AT.take());
    let (transcript, totals) = lived()?;
    if order.is_twice {
        let again = lived()?;
        if again.0 != transcript {
            return Err(format!("it ran another way the second time: {:?}, not {transcript:?}", again.0));
        }
        if again.1 != totals {
            return Err("the server said the same the second time, and something else happened".to_owned());
        }
    }
    Ok(totals)
}

/// Few worlds in which together everything happens twice that happened twice in all of them.
fn cover(worlds: &BTreeMap<u64, Totals>) -> Vec<u64> {
    let (mut chosen, mut seeds) = (Totals::default(), Vec::new());
    loop {
        let missing = chosen.rarer_than(2);
        let shows = |totals: &Totals| missing.iter().filter(|&&turn| totals.of(turn) > 0).count();
        let others = worlds.iter().filter(|(seed, _)| !seeds.contains(*seed));
        let Some((&seed, totals)) = others.max_by_key(|(_, totals)| shows(totals)) else { break };
        if shows(totals) == 0 {
            break;
        }
        chosen.add(totals);
        seeds.push(seed);
    }
    seeds.sort_unstable();
    seeds
}

thread_local! {
    /// Where the last world of this thread failed.
    static PANICKED_AT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What is to be run.
#[derive(Clone, Copy, Debug)]
struct Order {
    first: u64,
    seeds: u64,
    is_verbose: bool,
    /// Each world twice, to see whether it runs the same way.
    is_twice: bool,
    /// Says which of them show everything.
    is_cover: bool,
}

impl Order {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Order> {
        let mut order = Order { first: 1, seeds: 100, is_verbose: false, is_twice: false, is_cover: false };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seeds" => order.seeds = words.next()?.parse().ok()?,
                "--seed" => order.first = words.next()?.parse().ok()?,
                "--verbose" => order.is_verbose = true,
                "--twice" => order.is_twice = true,
                "--cover" => order.is_cover = true,
                _ => return None,
            }
        }
        Some(order)
    }

    /// The next world that nobody has taken.
    fn take(&self, next: &AtomicU64) -> Option<u64> {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        (seed - self.first < self.seeds).then_some(seed)
    }
}

const PROGRAM: &str = "cargo run --release -p sol-tests --bin simulate --";

/// From so many worlds on, everything that can happen should happen so often.
const LONG_RUN: u64 = 2_000;
const OFTEN_ENOUGH: u64 = 100;

const USAGE: &str = "\
usage: simulate [--seeds COUNT] [--seed FIRST] [--twice] [--cover] [--verbose]
  --seeds    how many worlds; 100 unless said
  --seed     the first one's number; 1 unless said
  --twice    each world two times: it has to run the same way
  --cover    which of the worlds, few of them, show everything that happened in all
  --verbose  what happens in them, line by line; for one world";
