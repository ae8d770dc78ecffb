//! The test kit of Sol.
//!
//! [`peer`] is an RTMP client written apart from the core, from the protocol alone, so that
//! one misreading of the specification cannot agree with itself. [`captures`] loads recorded
//! traffic of programs that nobody of this project wrote, with the truth that tshark told of it. [`fuzzing`] says
//! what must hold whatever bytes come. [`vectors`] are messages and what they say, written from the specification.
//! [`world`] is a virtual network of peers around the server. [`programs`] runs real players and encoders, and `sol`
//! itself. [`simulation`] makes worlds from seeds.

#![forbid(unsafe_code)]

pub mod captures;
pub mod fuzzing;
pub mod peer;
pub mod programs;
pub mod simulation;
pub mod strangers;
pub mod vectors;
pub mod wire;
pub mod world;
