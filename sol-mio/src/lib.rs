//! Sol on mio: an RTMP server on event loops of its own, without any async runtime.
//!
//! ```no_run
//! use std::net::TcpListener;
//! use std::num::NonZeroU32;
//!
//! use sol_mio::{Answer, Application, Peer, Refusal, Request, Server, ServerConfig};
//!
//! struct Doorman;
//!
//! impl Application for Doorman {
//!     fn authorize(&self, _peer: &Peer, request: &Request, answer: Answer) {
//!         let known = request.name.as_str().starts_with("live/");
//!         if known { answer.allow() } else { answer.refuse(Refusal::Denied("No such app.".into())) }
//!     }
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     let server = Server::start(ServerConfig::default(), NonZeroU32::MIN, Doorman)?;
//!     server.listen(TcpListener::bind("[::]:1935")?)?;
//!     server.wait();
//!     Ok(())
//! }
//! ```
//!
//! The protocol is in [`sol_core`]; this crate owns sockets, clock, entropy and threads, and decides nothing about RTMP. Each
//! loop is a thread with an epoll instance and a [`sol_core::server::Server`] of its own, and connections go round the loops as
//! they come. What is published on one loop crosses once to every other that has players of it; see
//! [`sol_core::crossing`]. One loop for each core is enough: while media flow, loops share nothing but each other's inboxes.

mod application;
mod client;
mod clock;
mod connection;
mod event_loop;
mod inbox;
mod lingering;
mod listener;
mod outside;
mod publisher;
mod server;

pub use application::{Answer, Application};
pub use client::Client;
pub use publisher::Publisher;
pub use server::Server;

pub use sol_core;
pub use sol_core::embed::*;
