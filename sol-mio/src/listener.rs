//! Listener: a socket on which one loop accepts connections for all.

use std::io;
use std::net::{SocketAddr, TcpStream};

use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use sol_core::server::TurnedAway;
use sol_core::time::Instant;

/// A listening socket and what is known of its readiness.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    /// Connections may wait.
    pub(crate) is_ready: bool,
    /// The system was short of something; not before then.
    pub(crate) pauses_until: Option<Instant>,
}

impl Listener {
    pub(crate) fn new(socket: std::net::TcpListener, registry: &Registry, token: Token) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let mut socket = TcpListener::from_std(socket);
        registry.register(&mut socket, token, Interest::READABLE)?;
        // One may have come before.
        Ok(Self { socket, is_ready: true, pauses_until: None })
    }

    /// The next connection; `None` where there is none at present.
    pub(crate) fn accept(&mut self, now: Instant) -> Option<Result<(TcpStream, SocketAddr), TurnedAway>> {
        if !self.is_ready || self.pauses_until.is_some_and(|until| until > now) {
            return None;
        }
        self.pauses_until = None;
        loop {
            match self.socket.accept() {
                Ok((socket, address)) => return Some(Ok((socket.into(), address))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_ready = false;
                    return None;
                }
                Err(error) => {
                    let why = TurnedAway::Accept(error);
                    self.pauses_until = why.pause().map(|pause| now + pause);
                    return Some(Err(why));
                }
            }
        }
    }
}
