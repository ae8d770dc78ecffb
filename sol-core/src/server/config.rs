//! What an operator decides for a whole server.

use std::sync::Arc;
use std::time::Duration;

use crate::hub::StreamConfig;
use crate::limits;
use crate::per_app::PerApp;
use crate::session::SessionConfig;

/// What holds for all connections and all streams of a server, in whatever it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// What holds for each session.
    pub session: SessionConfig,
    /// What holds for each stream, by its app. From a [`StreamConfig`] for all of them.
    pub stream: PerApp<Arc<StreamConfig>>,
    /// What is asked of the sockets of accepted connections.
    pub socket: SocketConfig,
    /// Connections at once; more are turned away. At most [`limits::CONNECTIONS`], the default.
    pub connections_max: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            session: SessionConfig::default(),
            stream: PerApp::default(),
            socket: SocketConfig::default(),
            connections_max: limits::CONNECTIONS,
        }
    }
}

/// What is asked of a socket, for whoever has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketConfig {
    /// SO_SNDBUF, in bytes; `None` leaves it to the kernel, which may grow it to megabytes for a player that is stalled. Linux
    /// doubles the number for its own bookkeeping, and caps it at `net.core.wmem_max`. Throughput to one player is at most
    /// about this much for each round trip.
    pub send_buffer_bytes: Option<u32>,
    /// How long the host of a peer may be out of reach while nothing is on its way there, before the connection is lost: see
    /// [`SocketConfig::keep_alive`]. From 3 s, below which it makes no difference.
    pub unreachable: Duration,
}

impl Default for SocketConfig {
    /// 256 KiB; [`limits::UNREACHABLE_TIME`].
    fn default() -> Self {
        Self { send_buffer_bytes: Some(256 * 1024), unreachable: limits::UNREACHABLE_TIME }
    }
}

impl SocketConfig {
    /// Longer ones are refused by Linux, which has 15 bits for them.
    const KEEP_IDLE_MAX: u64 = 32_767;

    /// TCP keep-alive by which a host that is out of reach is found out in time. A publisher is found out by nothing else
    /// before [`SessionTimers::silence`](crate::session::SessionTimers::silence): nobody sends it anything. (TCP_USER_TIMEOUT
    /// is not for servers of RTMP. Where it is set, Linux loses the connections of peers that live and do not read; OBS reads
    /// nothing while it publishes.)
    pub fn keep_alive(&self) -> KeepAlive {
        let seconds = self.unreachable.as_secs().clamp(3, 3 * Self::KEEP_IDLE_MAX);
        let (idle, interval) = (seconds / 3, (seconds / 6).max(1));
        let probes = ((seconds - idle) / interval) as u32;
        KeepAlive { idle: Duration::from_secs(idle), interval: Duration::from_secs(interval), probes }
    }
}

/// Settings of TCP keep-alive, in whole seconds since kernels take no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe (TCP_KEEPIDLE).
    pub idle: Duration,
    /// Between two probes (TCP_KEEPINTVL).
    pub interval: Duration,
    /// Probes without an answer, after which the connection is lost (TCP_KEEPCNT).
    pub probes: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_out_of_reach_is_found_out_in_the_time_that_was_asked_for() {
        for seconds in [3, 5, 15, 60, 600] {
            let unreachable = Duration::from_secs(seconds);
            let KeepAlive { idle, interval, probes } =
                SocketConfig { unreachable, ..SocketConfig::default() }.keep_alive();
            let found_out = idle + interval * probes;
            assert!(found_out <= unreachable && found_out + interval > unreachable, "{found_out:?}");
            assert!(probes >= 2, "one may be lost");
        }
    }

    #[test]
    fn no_time_is_too_short_or_too_long_for_a_kernel() {
        for unreachable in [Duration::ZERO, Duration::MAX] {
            let keep_alive = SocketConfig { unreachable, ..SocketConfig::default() }.keep_alive();
            assert!(keep_alive.idle >= Duration::from_secs(1) && keep_alive.probes >= 2, "{keep_alive:?}");
        }
    }
}
