// What this crate is stands in its README. Here its links lead to documentation: of two definitions the first counts.
//! [`sol-core`]: sol_core
//! [`Application`]: Application
//! [`Publisher`]: Publisher
//! [`Client`]: Client
//! [`Server::report`]: Server::report
//! [`Server::serve_connection`]: Server::serve_connection
//! [`docs/driving-the-core.md`]: sol_core::session
#![doc = include_str!("../README.md")]

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
mod socket;
mod streams;

pub use application::Application;
pub use client::Client;
pub use publisher::Publisher;
pub use server::Server;

pub use sol_core;
pub use sol_core::embed::*;
