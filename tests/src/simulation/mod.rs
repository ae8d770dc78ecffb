//! Simulation: a seed is a world. Publishers and players of many temperaments live in it for a minute or more, over links that
//! stall and break, with operators that are slow and strangers that talk nonsense; and what must hold of a server is held
//! against each of them.
//!
//! ```sh
//! cargo run --release -p sol-tests --bin simulate -- --seeds 1000
//! ```
//!
//! What holds in each world, and by whom it is seen to:
//!
//! - A player gets its preamble and a keyframe when it joins and behind a gap, and everything else in order, byte by byte as it
//!   was sent; what is missing is what the server says it lost (`play`).
//! - Times on the wire are as far from each other as the film's messages are due, whatever its clock does; where that is
//!   beyond telling, they keep to what the timeline promises of any clock (`times`). No player sees a track go back (`course`).
//! - Nobody is told of an end for a publisher's fault before its grace is over (`published`).
//! - A name has one publisher of each role at a time, and only who may takes a place (`bidding`); what has begun ends, with its
//!   reason, before its session (`ledger`).
//! - Where publishers take turns, each is seen in order and once, from a keyframe on, and in time (`turns`); who is on air, and who
//!   is to be, is looked at where nothing has befallen them for a while (`ledger::steady`).
//! - The server writes by the book, keeps to its bounds, forgets no deadline, tells `Closed` once and last, and keeps nothing of
//!   those who have left ([`world`](crate::world)).
//! - The same seed makes the same run, to the byte.
//!
//! Invariant: a run is a function of its seed.

mod actor;
mod bidding;
mod clock;
mod course;
mod director;
mod film;
mod ledger;
mod play;
mod publication;
mod published;
mod setting;
mod story;
mod times;
mod totals;
mod troubles;
mod turns;

pub use story::Story;
pub use totals::{Totals, Turn};

use std::any::Any;

use crate::world::{Transcript, seed};
use director::Director;

/// Lives through the world of that number. All that its server said, in one number; and what happened.
///
/// # Panics
/// If something did not hold, in words.
pub fn live_through(number: u64, story: Story) -> (Transcript, Totals) {
    Director::new(seed(number), story).run()
}

/// What a world says of what did not hold in it, in one line.
pub fn in_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked without a word");
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
