//! Scenarios: a server among its clients, one claim per test.
//!
//! Each is a dialogue with times in a virtual [`World`](sol_tests::world::World), which asserts the driving
//! contract in every one of them. No socket, no clock, no thread.

mod acknowledging;
mod backups;
mod beginning;
mod calling;
mod capabilities;
mod choosing;
mod crossing;
mod draining;
mod ending;
mod forms;
mod gathering;
mod idling;
mod joining;
mod keyframes;
mod lagging;
mod late_answers;
mod marks;
mod messages;
mod naming;
mod net_streams;
mod odd_video;
mod one_publisher;
mod peers;
mod per_app;
mod refusing;
mod returning;
mod same_again;
mod silence;
mod strangers;
mod takeover;
mod timers;
mod user_control;
mod waiting;
