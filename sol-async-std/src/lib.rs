//! Sol on async-std and smol: an RTMP server for any executor on async-io.
//!
//! ```no_run
//! use async_std::net::TcpListener;
//! use sol_async_std::{Application, Peer, Refusal, Request, Server, ServerConfig};
//!
//! struct Doorman;
//!
//! impl Application for Doorman {
//!     async fn authorize(&self, _peer: &Peer, request: &Request) -> Result<(), Refusal> {
//!         let known = request.name.as_str().starts_with("live/");
//!         if known { Ok(()) } else { Err(Refusal::Denied("No such app.".into())) }
//!     }
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     async_std::task::block_on(async {
//!         let server = Server::new(ServerConfig::default(), Doorman);
//!         server.serve(TcpListener::bind("[::]:1935").await?).await;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! The protocol is in [`sol_core`]; this crate owns sockets, clock, entropy and locks, and decides nothing about
//! RTMP. Each connection has a task, which is woken when a stream that it plays has something for it. No lock is held across
//! an await, so a slow policy or a slow player delays nobody else.
//!
//! # smol
//!
//! The same server takes smol's listeners, or any other's whose sockets speak `futures_io`, on an executor of your choice:
//!
//! ```no_run
//! use sol_async_std::{Server, ServerConfig};
//!
//! fn main() -> std::io::Result<()> {
//!     let executor = std::sync::Arc::new(smol::Executor::new());
//!     smol::block_on(executor.run(async {
//!         let listener = smol::net::TcpListener::bind("[::]:1935").await?;
//!         let server = Server::new(ServerConfig::default(), ());
//!         let spawn = |connection| executor.spawn(connection).detach();
//!         server.serve_incoming(listener.incoming(), spawn).await;
//!         Ok(())
//!     }))
//! }
//! ```
//!
//! Nothing that smol needs starts async-std's threads, and without the feature `async-std` nothing of it is built: write
//! `default-features = false`.
//!
//! # async-std is discontinued
//!
//! Its authors have given it up in favour of smol; see the README for what follows from that.

mod application;
mod client;
mod clock;
mod connection;
mod line;
#[cfg(feature = "async-std")]
mod on_async_std;
mod publisher;
mod server;
mod socket;
mod stage;
mod streams;
mod transport;

pub use application::Application;
pub use client::Client;
pub use publisher::Publisher;
pub use server::{Server, Serving};

pub use sol_core;
pub use sol_core::embed::*;

/// The code in the README compiles.
#[cfg(all(doctest, feature = "async-std"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
