//! What an operator decides for a whole server.

use std::sync::Arc;

use crate::hub::StreamConfig;
use crate::limits;
use crate::per_app::PerApp;
use crate::session::SessionConfig;

/// What holds for all connections and all streams of a server, in whatever it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// What holds for each session.
    pub session: SessionConfig,
    /// What holds for each stream, by its app. From a [`StreamConfig`] for all of them.
    pub stream: PerApp<Arc<StreamConfig>>,
    /// SO_SNDBUF of accepted connections, in bytes, for whoever has sockets; `None` leaves it to the kernel, which may grow it
    /// to megabytes for a player that is stalled. Linux doubles the number for its own bookkeeping, and caps it at
    /// `net.core.wmem_max`. Throughput to one player is at most about this much for each round trip.
    pub send_buffer_bytes: Option<u32>,
    /// Connections at once; more are turned away. At most [`limits::CONNECTIONS`], the default.
    pub connections_max: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            session: SessionConfig::default(),
            stream: PerApp::default(),
            send_buffer_bytes: Some(256 * 1024),
            connections_max: limits::CONNECTIONS,
        }
    }
}
