//! What is asked of a TCP socket, whichever library it comes from.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use socket2::SockRef;

/// Whose it is.
pub(crate) fn peer_address(socket: &impl AsFd) -> io::Result<SocketAddr> {
    let address = SockRef::from(socket).peer_addr()?;
    address.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

/// Has it send small messages at once, and hold no more than so many bytes in the kernel.
pub(crate) fn prepare(socket: &impl AsFd, send_buffer_bytes: Option<u32>) -> io::Result<()> {
    let socket = SockRef::from(socket);
    // 43 ms and more are lost wherever a small message waits for a delayed acknowledgement.
    socket.set_tcp_nodelay(true)?;
    match send_buffer_bytes {
        Some(bytes) => socket.set_send_buffer_size(bytes as usize),
        None => Ok(()),
    }
}

/// Says that nothing more comes. Where that fails, the peer has gone.
pub(crate) fn finish(socket: &impl AsFd) {
    let _ = SockRef::from(socket).shutdown(Shutdown::Write);
}

/// Has its close become a reset. Where that fails, the kernel's own patience ends it.
pub(crate) fn reset(socket: &impl AsFd) {
    let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
}
