//! What only the tokio adapter has: transports other than sockets, futures that may be dropped, tasks that can be counted.
//!
//! What it has in common with the others is in the conformance suite. Each test has a server of its own on a port that the
//! system chose. The limit on a whole test is a safety net against one that hangs; nothing is measured.

mod client;
mod dropping;
mod events;
mod house;
mod reasons;
mod reporting;
mod tasks;
mod transports;
