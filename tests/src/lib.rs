//! The test kit of Sol.
//!
//! [`peer`] is an RTMP client written apart from the core, from the protocol alone, so that
//! one misreading of the specification cannot agree with itself. [`captures`] loads recorded
//! traffic of programs that nobody of this project wrote, with the truth that tshark told of it. [`fuzzing`] says
//! what must hold whatever bytes come. [`vectors`] are messages and what they say, written from the specification.
//! [`world`] is a virtual network of peers around the server. [`programs`] runs real players and encoders, and `sol`
//! itself. [`simulation`] makes worlds from seeds.
//!
//! Without its feature `kit` it has the peer alone.

#![forbid(unsafe_code)]

#[cfg(feature = "kit")]
pub mod captures;
#[cfg(feature = "kit")]
pub mod fuzzing;
pub mod peer;
#[cfg(feature = "kit")]
pub mod programs;
#[cfg(feature = "kit")]
pub mod simulation;
#[cfg(feature = "kit")]
pub mod strangers;
#[cfg(feature = "kit")]
pub mod vectors;
#[cfg(feature = "kit")]
pub mod wire;
#[cfg(feature = "kit")]
pub mod world;
