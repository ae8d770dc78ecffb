//! Kernel: what it holds for the server's sockets, as `ss` of the package iproute2 tells it.

use std::net::SocketAddr;
use std::process::Command;

/// Bytes of kernel memory that the server's end of each connection uses for what it sends, by the peer's address.
/// Bookkeeping of the kernel is included.
pub(crate) fn send_memory(server: SocketAddr) -> Vec<(SocketAddr, u64)> {
    let filter = format!("sport = :{}", server.port());
    let output = Command::new("ss").args(["--tcp", "--memory", "--numeric", "--no-header", &filter]).output();
    let output = output.expect("ss is missing: apt-get install iproute2");
    assert!(output.status.success(), "ss: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // A line of addresses, and behind it, on the same line or the next, what the socket holds.
    let mut memory = Vec::new();
    let mut peer = None;
    for word in text.split_whitespace() {
        if let Some(held) = word.strip_prefix("skmem:(") {
            let queued = held.split(',').find_map(|field| field.strip_prefix('w')?.parse().ok());
            memory.extend(peer.take().zip(queued));
        } else if let Ok(address) = word.parse::<SocketAddr>() {
            // The last address of a line is the peer's.
            peer = Some(address);
        }
    }
    memory
}
