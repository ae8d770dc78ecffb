//! A live-streaming server for RTMP as a pure state machine.

pub mod amf;
pub mod chunk;
pub mod entropy;
pub mod handshake;
pub mod hub;
pub mod ids;
pub mod limits;
pub mod media;
pub mod message;
pub mod name;
pub mod participant;
pub mod quirk;
pub mod server;
pub mod session;
pub mod time;
pub mod timestamp;
