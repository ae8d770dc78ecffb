//! Sol on tokio: an RTMP server for any tokio runtime.
//!
//! ```no_run
//! use sol_tokio::{Application, Peer, Refusal, Request, Server, ServerConfig};
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
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let server = Server::new(ServerConfig::default(), Doorman);
//!     server.serve(tokio::net::TcpListener::bind("[::]:1935").await?).await;
//!     Ok(())
//! }
//! ```
//!
//! The protocol is in [`sol_core`]; this crate owns sockets, clock, entropy and locks, and decides nothing about
//! RTMP. Each connection has a task, and frames reach its players without it. No lock is held across an await, so a slow
//! policy or a slow player delays nobody else.
//!
//! `examples/embedded.rs` has a server inside an application that is asked for keys and ends in good order.

mod application;
mod armed;
mod client;
mod clock;
mod connection;
mod line;
mod link;
mod load;
mod publisher;
mod report;
mod server;
mod streams;

pub use application::Application;
pub use client::Client;
pub use publisher::Publisher;
pub use server::Server;

pub use sol_core;
pub use sol_core::embed::*;
