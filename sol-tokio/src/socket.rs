//! What is asked of a TCP socket.

use std::io;

use socket2::{SockRef, TcpKeepalive};
use sol_core::server::{KeepAlive, SocketConfig};
use tokio::net::TcpStream;

/// Has it send small messages at once, hold no more than so many bytes in the kernel, and find out when its peer's host is out of
/// reach.
pub(crate) fn prepare(socket: &TcpStream, config: SocketConfig) -> io::Result<()> {
    // 43 ms and more are lost wherever a small message waits for a delayed acknowledgement.
    socket.set_nodelay(true)?;
    let socket = SockRef::from(socket);
    if let Some(bytes) = config.send_buffer_bytes {
        socket.set_send_buffer_size(bytes as usize)?;
    }
    let KeepAlive { idle, interval, probes } = config.keep_alive();
    let keep_alive = TcpKeepalive::new().with_time(idle).with_interval(interval).with_retries(probes);
    socket.set_tcp_keepalive(&keep_alive)
}
