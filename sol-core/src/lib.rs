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
//! A server is all of this and sockets in place of the `Vec`:
//!
//! ```
//! use sol_core::{participant::Event, server::{Output, Server, ServerConfig}, time::Instant};
//! use std::{collections::BTreeMap, io::{IoSlice, Write}};
//!
//! let (mut server, mut sockets) = (Server::new(ServerConfig::default()), BTreeMap::new());
//! let now = Instant::EPOCH; // time is how long ago you began
//! let client = server.open([7; 32], now)?; // somebody connects; the seed is to be random, and its own
//! sockets.insert(client, Vec::new());
//! server.handle_input(client, &[3; 1537], now); // touch: bytes come, the first half of a handshake …
//! while let Some(output) = server.poll() { // … then drain
//!     match output {
//!         Output::Event(id, Event::Requested(request)) => server.allow(id, request.id, now)?,
//!         Output::Event(id, Event::Closed { .. }) => drop(sockets.remove(&id)), // its field `hangup` says how
//!         Output::Writable(id) => {
//!             let mut slices = [IoSlice::new(&[]); 16];
//!             let count = server.outbound(id, &mut slices);
//!             let socket = sockets.get_mut(&id).expect("it is open until `Closed`");
//!             server.handle_sent(id, socket.write_vectored(&slices[..count])?, now);
//!         }
//!         _ => {} // for your log, and for sockets that do not take or give everything at once
//!     }
//! }
//! assert_eq!(sockets[&client].len(), 3073); // the other half of the handshake
//! assert!(server.poll_timeout() > Some(now)); // when to say `handle_timeout`, and drain again
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `docs/driving-the-core.md` goes on from here: answers that come later, sockets that take no more, hanging up, threads. The
//! folder `examples` has complete servers.
//!
//! What a peer can make the server hold or do is bounded by the table in [`limits`]. What real encoders get wrong is
//! tolerated and counted by name: [`quirk`].

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

/// So does the code in the guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/driving-the-core.md")]
pub struct DrivingTheCore;
