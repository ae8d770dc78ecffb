//! Why a connection is not served.

use std::io;

use crate::session::Stage;

/// A connection was not taken, or could not be. The server goes on.
#[derive(Debug, thiserror::Error)]
pub enum TurnedAway {
    /// As many are open as may be.
    #[error("{max} connections are open already")]
    TooManyConnections {
        /// How many that is.
        max: usize,
    },
    /// The server is about to go.
    #[error("the server takes no connections any more")]
    Draining,
    /// The server is shutting down.
    #[error("the server shuts down")]
    Shutdown,
    /// The system could not accept it: no file descriptors or memory left, or it broke before it was accepted.
    #[error("cannot accept a connection: {0}")]
    Accept(io::Error),
    /// The system has no entropy to seed its session with.
    #[error("cannot have entropy: {0}")]
    Entropy(io::Error),
}

impl TurnedAway {
    /// Why nobody is taken in at that stage, if so.
    pub fn at(stage: &Stage) -> Option<Self> {
        match stage {
            Stage::Serving => None,
            Stage::Draining(_) => Some(TurnedAway::Draining),
            Stage::ShutDown => Some(TurnedAway::Shutdown),
        }
    }

    /// The stable code, as it stands in logs.
    pub const fn code(&self) -> &'static str {
        match self {
            TurnedAway::TooManyConnections { .. } => "too-many-connections",
            TurnedAway::Draining => "draining",
            TurnedAway::Shutdown => "shutdown",
            TurnedAway::Accept(_) => "accept-failed",
            TurnedAway::Entropy(_) => "no-entropy",
        }
    }

    /// How long to wait before the next connection is accepted: a moment where the system is short of something, and not at
    /// all where only the connection itself was at fault.
    pub fn pause(&self) -> Option<std::time::Duration> {
        let TurnedAway::Accept(error) = self else { return None };
        // Linux passes on what the network says of one connection that waits to be accepted (accept(2)).
        let is_one_connections_fault = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::NetworkDown
                | io::ErrorKind::NetworkUnreachable
        );
        (!is_one_connections_fault).then_some(crate::limits::ACCEPT_PAUSE)
    }
}
