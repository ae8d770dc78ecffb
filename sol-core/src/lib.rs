// What this crate is stands in its README. Here its links lead to documentation: of two definitions the first counts.
//! [`server::Server`]: server::Server
//! [`participant::Participant`]: participant::Participant
//! [`hub::Streams`]: hub::Streams
//! [`session::Session`]: session::Session
//! [`session`]: session
//! [`docs/driving-the-core.md`]: session
//! [`limits`]: limits
//! [`quirk`]: quirk
#![doc = include_str!("../README.md")]

pub mod amf;
pub mod chunk;
pub mod crossing;
pub mod embed;
pub mod entropy;
pub mod flv;
pub mod frame;
pub mod handshake;
pub mod hub;
pub mod ids;
pub mod limits;
pub mod load;
pub mod media;
pub mod message;
pub mod name;
pub mod observer;
pub mod participant;
pub mod per_app;
pub mod quirk;
pub mod server;
pub mod session;
pub mod time;
pub mod timestamp;
pub mod url;

/// The code in the README of the repository compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// So does the code in the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/driving-the-core.md")]
pub struct DrivingTheCore;
