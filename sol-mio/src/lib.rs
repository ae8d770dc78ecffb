// What this crate is stands in its README. Here its links lead to documentation: of two definitions the first counts.
//! [`sol-core`]: sol_core
//! [`Application`]: Application
//! [`Answer`]: Answer
//! [`Publisher`]: Publisher
//! [`Client`]: Client
//! [`Server::report`]: Server::report
//! [`docs/driving-the-core.md`]: sol_core::session
#![doc = include_str!("../README.md")]

mod application;
mod census;
mod client;
mod clock;
mod connection;
mod event_loop;
mod inbox;
mod lingering;
mod listener;
mod publisher;
mod server;
mod within;

pub use application::{Answer, Application};
pub use client::Client;
pub use publisher::Publisher;
pub use server::Server;

pub use sol_core;
pub use sol_core::embed::*;
