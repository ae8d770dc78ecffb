//! Patience: servers in which no time runs out, nobody is too slow, and nothing is gathered, so that a machine that is busy
//! with something else changes nothing. A claim in which something is to run out makes that short, and nothing else.

use std::time::Duration;

use sol_core::hub::{Coalesce, StreamConfig, Takeover};
use sol_core::server::ServerConfig;
use sol_core::session::{SessionConfig, SessionTimers};

pub(crate) fn patient() -> ServerConfig {
    ServerConfig {
        session: SessionConfig { timers: patient_timers(), ..SessionConfig::default() },
        stream: patient_stream().into(),
        ..ServerConfig::default()
    }
}

pub(crate) fn patient_stream() -> StreamConfig {
    StreamConfig {
        waiting: HOUR,
        grace: HOUR,
        takeover: Takeover::Refuse,
        coalesce: Coalesce::NONE,
        lag_max: HOUR,
        lag_bytes_max: u64::MAX,
        gap_max: HOUR,
        patience: u32::MAX,
        ..StreamConfig::default()
    }
}

/// With other timers.
pub(crate) fn timed(change: impl FnOnce(&mut SessionTimers)) -> ServerConfig {
    let mut config = patient();
    change(&mut config.session.timers);
    config
}

/// With other streams.
pub(crate) fn streaming(change: impl FnOnce(&mut StreamConfig)) -> ServerConfig {
    let mut stream = patient_stream();
    change(&mut stream);
    ServerConfig { stream: stream.into(), ..patient() }
}

pub(crate) fn patient_timers() -> SessionTimers {
    SessionTimers {
        handshake: HOUR,
        command: HOUR,
        answer: HOUR,
        ping: HOUR,
        silence: HOUR,
        stall: HOUR,
        farewell: HOUR,
    }
}

pub(crate) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const HOUR: Duration = Duration::from_secs(3_600);
