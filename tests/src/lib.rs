//! The test kit of Sol.
//!
//! [`peer`] is an RTMP client written apart from the core, from the protocol alone, so that
//! one misreading of the specification cannot agree with itself. [`captures`] loads recorded
//! traffic of programs that nobody of this project wrote, with the truth that tshark told of it.

#![forbid(unsafe_code)]

pub mod captures;
pub mod peer;
