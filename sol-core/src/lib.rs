//! Sol's heart: a live-streaming server for RTMP as a pure state machine.
//!
//! Bytes, answers and time go in; bytes, events and deadlines come out. There is no socket in here, no clock, thread,
//! lock or source of randomness. So the same code runs under any runtime or none, replays captured traffic, and is
//! simulated on a virtual network, to the byte the same each time.
//!
//! | You have | You drive |
//! |---|---|
//! | one thread, many connections | [`server::Server`] |
//! | a task or thread per connection | [`participant::Participant`], and [`hub::Streams`] of your own |
//! | one connection and no streams | [`session::Session`] |
//!
//! All three are driven in the same way, by *touch, then drain*; [`session`] has the contract.
//!
//! ```
//! use std::io::IoSlice;
//! use std::time::Duration;
//!
//! use sol_core::participant::Event;
//! use sol_core::server::{Server, ServerConfig};
//! use sol_core::time::Instant;
//!
//! let mut server = Server::new(ServerConfig::default());
//! let mut now = Instant::EPOCH;
//!
//! // A client connects. The seed must be random and its own; here it is not.
//! let client = server.open([7; 32], now)?;
//!
//! // Touch: its first bytes arrive. They are the first half of a handshake.
//! let mut c0_c1 = vec![3];
//! c0_c1.resize(1 + 1536, 0);
//! server.handle_input(client, &c0_c1, now);
//!
//! // Drain: what happened, ...
//! while let Some((session, event)) = server.poll_event() {
//!     match event {
//!         Event::Requested(request) => server.allow(session, request.id, now)?,
//!         Event::Closed { why, .. } => println!("{session} is over: {why}"),
//!         other => println!("{session}: {other:?}"),
//!     }
//! }
//! // ... what is to be written, ...
//! while let Some(session) = server.poll_writable() {
//!     let mut slices = [IoSlice::new(&[]); 16];
//!     let count = server.outbound(session, &mut slices);
//!     let written: usize = slices[..count].iter().map(|slice| slice.len()).sum(); // socket.write_vectored(..)?
//!     server.handle_sent(session, written, now);
//!     assert_eq!(written, 1 + 1536 + 1536); // S0, S1 and S2
//! }
//! // ... and when to come back at the latest.
//! now = server.poll_timeout().expect("somebody is connected");
//! assert_eq!(now, Instant::from_epoch(Duration::from_secs(10)));
//! server.handle_timeout(now);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a peer can make the server hold or do is bounded by the table in [`limits`]. What real encoders get wrong is
//! tolerated and counted by name: [`quirk`].

pub mod amf;
pub mod chunk;
pub mod crossing;
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
pub mod participant;
pub mod per_app;
pub mod quirk;
pub mod server;
pub mod session;
pub mod time;
pub mod timestamp;
pub mod url;

/// The code in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
