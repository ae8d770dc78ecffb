//! Connection: a socket, and what is known of its readiness.
//!
//! Readiness is edge-triggered: it is told once, and holds until the socket says that it would block. Whoever stops earlier,
//! because a budget is used up or nothing more is wanted, has to remember that there is more.

use std::io::{self, IoSlice, Read, Write};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};
use sol_core::server::{KeepAlive, Peer, SocketConfig};

/// One connection that is served.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: Peer,
    socket: TcpStream,
    /// Bytes may have come, or the end.
    pub(crate) is_readable: bool,
    /// Bytes may be taken.
    pub(crate) is_writable: bool,
    /// Bytes written since it was attended to last.
    pub(crate) written: usize,
    /// It is among those that are attended to in the next turn.
    pub(crate) is_queued: bool,
}

/// What one attempt to read or write gave.
pub(crate) enum Outcome {
    /// So many bytes.
    Bytes(usize),
    /// The peer has finished sending.
    Finished,
    /// Nothing at present.
    Blocked,
    Failed(io::Error),
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, peer: Peer) -> Self {
        Self { peer, socket, is_readable: false, is_writable: true, written: 0, is_queued: false }
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Outcome {
        loop {
            match self.socket.read(buffer) {
                Ok(0) => return Outcome::Finished,
                Ok(count) => return Outcome::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_readable = false;
                    return Outcome::Blocked;
                }
                Err(error) => return Outcome::Failed(error),
            }
        }
    }

    pub(crate) fn write(&mut self, slices: &[IoSlice<'_>]) -> Outcome {
        loop {
            let written = match slices {
                // Spares the kernel a list of one.
                [one] => self.socket.write(one),
                several => self.socket.write_vectored(several),
            };
            match written {
                Ok(count) => return Outcome::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_writable = false;
                    return Outcome::Blocked;
                }
                Err(error) => return Outcome::Failed(error),
            }
        }
    }

    pub(crate) fn shutdown(&self, how: std::net::Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }

    /// Closes with a reset, so that the kernel keeps nothing for a peer that takes nothing.
    pub(crate) fn reset(self) {
        // Where that fails, the kernel's own patience ends it.
        let _ = SockRef::from(&self.socket).set_linger(Some(std::time::Duration::ZERO));
    }

    pub(crate) fn into_socket(self) -> TcpStream {
        self.socket
    }
}

/// Readies a socket that was accepted.
pub(crate) fn prepare(socket: &std::net::TcpStream, config: SocketConfig) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    // 43 ms and more are lost wherever a small answer waits for a delayed acknowledgement.
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    if let Some(bytes) = config.send_buffer_bytes {
        socket.set_send_buffer_size(bytes as usize)?;
    }
    let KeepAlive { idle, interval, probes } = config.keep_alive();
    let keep_alive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(probes);
    socket.set_tcp_keepalive(&keep_alive)
}
