//! Simple handshake: the form of the specification (RTMP 1.0, 5.2.3 and 5.2.4).
//!
//! S1 is our time, a zero word and random bytes. S2 gives C1 back, with the time of reading in its second
//! word.
//!
//! Invariant: S2 repeats C1's time and random bytes to the bit. Streamlabs checks it.

use super::{Packet, TIME_AT, VERSION_AT, random_packet, set_word};
use crate::entropy::Entropy;
use crate::timestamp::Timestamp;

/// S1 and S2 for `c1`, read at `time`. The zero word in S1 tells a digest client too that no digest follows.
pub(super) fn answer(c1: &Packet, entropy: &mut Entropy, now: Timestamp) -> (Packet, Packet) {
    let mut s1 = random_packet(entropy);
    set_word(&mut s1, TIME_AT, now.millis().to_be_bytes());
    set_word(&mut s1, VERSION_AT, [0; 4]);

    (s1, echo(c1, now))
}

/// What gives a packet back that was read at `time`: S2 for a C1, C2 for an S1.
pub(super) fn echo(packet: &Packet, time: Timestamp) -> Packet {
    let mut echo = *packet;
    set_word(&mut echo, VERSION_AT, time.millis().to_be_bytes());
    echo
}
