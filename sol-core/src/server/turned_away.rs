//! Why a connection is not served.

use std::{fmt, io};

/// A connection was not taken, or could not be. The server goes on.
#[derive(Debug)]
pub enum TurnedAway {
    /// As many are open as may be.
    TooManyConnections {
        /// How many that is.
        max: usize,
    },
    /// The server is shutting down.
    Shutdown,
    /// The system could not accept it: no file descriptors or memory left, or it broke before it was accepted.
    Accept(io::Error),
    /// The system has no entropy to seed its session with.
    Entropy(io::Error),
}

impl TurnedAway {
    /// The stable code, as it stands in logs.
    pub const fn code(&self) -> &'static str {
        match self {
            TurnedAway::TooManyConnections { .. } => "too-many-connections",
            TurnedAway::Shutdown => "shutdown",
            TurnedAway::Accept(_) => "accept-failed",
            TurnedAway::Entropy(_) => "no-entropy",
        }
    }

    /// How long to wait before the next connection is accepted: a moment where the system is short of something, and not at
    /// all where only the connection itself was at fault.
    pub fn pause(&self) -> Option<std::time::Duration> {
        let TurnedAway::Accept(error) = self else { return None };
        let is_one_connections_fault = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionRefused
        );
        (!is_one_connections_fault).then_some(crate::limits::ACCEPT_PAUSE)
    }
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TurnedAway::TooManyConnections { max } => write!(f, "{max} connections are open already"),
            TurnedAway::Shutdown => write!(f, "the server shuts down"),
            TurnedAway::Accept(error) => write!(f, "cannot accept a connection: {error}"),
            TurnedAway::Entropy(error) => write!(f, "cannot have entropy: {error}"),
        }
    }
}

impl std::error::Error for TurnedAway {}
