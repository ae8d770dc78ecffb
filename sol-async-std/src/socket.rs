//! What is asked of a TCP socket, whichever library it comes from.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use sol_core::server::{KeepAlive, SocketConfig};

/// Whose it is.
pub(crate) fn peer_address(socket: &impl AsFd) -> io::Result<SocketAddr> {
    let address = SockRef::from(socket).peer_addr()?;
    address.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

/// Has it send small messages at once, hold no more than so many bytes in the kernel, and find out when its peer's host is out of
/// reach.
pub(crate) fn prepare(socket: &impl AsFd, config: SocketConfig) -> io::Result<()> {
    let socket = SockRef::from(socket);
    // 43 ms and more are lost wherever a small message waits for a delayed acknowledgement.
    socket.set_tcp_nodelay(true)?;
    if let Some(bytes) = config.send_buffer_bytes {
        socket.set_send_buffer_size(bytes as usize)?;
    }
    let KeepAlive { idle, interval, probes } = config.keep_alive();
    let keep_alive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(probes);
    socket.set_tcp_keepalive(&keep_alive)
}

/// Says that nothing more comes. Where that fails, the peer has gone.
pub(crate) fn finish(socket: &impl AsFd) {
    let _ = SockRef::from(socket).shutdown(Shutdown::Write);
}

/// Has its close become a reset. Where that fails, the kernel's own patience ends it.
pub(crate) fn reset(socket: &impl AsFd) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}
