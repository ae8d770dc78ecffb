//! Every bound on what a capture file can make the reader hold, in one table, with the reason for each number.
//!
//! A file may have any size; what is held of it is the sum of these rows.

use std::time::Duration;

// --- The file ---------------------------------------------------------------------------------------------

/// Longest packet. Capture programs stop at 256 KiB; a frame of a loopback or of an offloading card has 64 KiB.
pub const PACKET_BYTES: usize = 1024 * 1024;

/// Longest block of a pcapng file that is looked into: a packet with what may be said about it. Others are passed over
/// without being held.
pub const BLOCK_BYTES: usize = PACKET_BYTES + 64 * 1024;

/// What is read from the file at once.
pub const READ_BYTES: usize = 256 * 1024;

/// Interfaces of one section of a pcapng file. A machine with a thousand containers has as many.
pub const INTERFACES: usize = 65_536;

// --- IP ---------------------------------------------------------------------------------------------------

/// Packets that are being put together from fragments. Each may have 64 KiB; the oldest is given up for another one.
pub const FRAGMENTED_PACKETS: usize = 64;

// --- TCP --------------------------------------------------------------------------------------------------

/// Connections that are open at once. Beyond it the one that was silent for longest is let go.
pub const CONNECTIONS: usize = 16_384;

/// Connections that are over and still known, so that what comes late is not taken for another one.
pub const CLOSED_CONNECTIONS: usize = 1_024;

/// Bytes of one direction that wait for those before them. A sender may have a window of some megabytes under way when
/// a segment is lost. What is no farther than this from what came is near: a number that has nothing to do with the
/// connection is that by chance in one of 256 cases.
pub const WAITING_BYTES: usize = 8 * 1024 * 1024;

/// The same over all connections together; beyond it whoever has waited for longest waits no longer.
pub const WAITING_BYTES_TOTAL: usize = 64 * 1024 * 1024;

/// What a waiting segment counts besides its bytes: its place in the list.
pub const WAITING_OVERHEAD: usize = 128;

/// How far ahead of what is expected a segment may be when the capture has paused: the largest window of TCP (RFC 7323,
/// 2.3), beyond which ahead and behind look the same.
pub const WINDOW_BYTES: u32 = 1 << 30;

/// Segments in a row, near each other, that are not near what came: then the capture has paused if they answer the peer,
/// and it is another connection whose beginning was not captured if they do not. Those before the last are not kept.
pub const ASTRAY_SEGMENTS: u32 = 4;

/// The last bytes of a direction that are kept to be compared with when they come again.
pub const RECENT_BYTES: usize = 4 * 1024;

/// Captures of several queues or processors have packets in another order than the wire had. What the peer has
/// acknowledged, and what came before a reset, may still come within so many segments of the connection …
pub const DISORDER_SEGMENTS: u64 = 32;

/// … and within so long.
pub const DISORDER_TIME: Duration = Duration::from_secs(1);

/// A hole whose acknowledgements are not captured, as in a capture of one way, is given up when bytes have waited behind
/// it for so long. A segment that is lost several times in a row comes again within some seconds (RFC 6298).
pub const UNHEARD_TIME: Duration = Duration::from_secs(10);

/// Bytes of a direction without a SYN that are held before the first of them is taken for its beginning.
pub const SETTLING_BYTES: usize = 256 * 1024;
