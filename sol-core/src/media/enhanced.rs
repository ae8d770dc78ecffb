//! Enhanced headers: what stands behind the first byte of an enhanced tag (Enhanced RTMP v2, "ModEx", "Multitrack").

use super::TrackId;

/// What the header of an enhanced tag says, of the first track where there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    /// The real packet type, behind ModEx and Multitrack.
    pub packet_type: u8,
    /// Which track it is for.
    pub track: TrackId,
    /// Its codec.
    pub four_cc: [u8; 4],
    /// What follows the header.
    pub body: &'a [u8],
}

impl<'a> Header<'a> {
    /// Understands a header from the packet type in the first byte on, where `multitrack` is the packet type behind which
    /// tracks stand. `None` if the tag ends inside its header.
    pub(super) fn parse(packet_type: u8, multitrack: u8, rest: &'a [u8]) -> Option<Self> {
        const ONE_TRACK: u8 = 0;
        const TRACK_SIZE_LEN: usize = 3;
        let (packet_type, rest) = skip_mod_ex(packet_type, rest)?;
        if packet_type != multitrack {
            let (four_cc, body) = rest.split_first_chunk()?;
            return Some(Self { packet_type, track: TrackId::DEFAULT, four_cc: *four_cc, body });
        }
        // Whether one FourCC holds for all tracks or each has its own, one stands before the first id. Where there may be
        // several tracks, each says how long it is.
        let (&[shape, a, b, c, d, track], body) = rest.split_first_chunk()?;
        let body =
            if shape >> 4 == ONE_TRACK { body } else { body.get(TRACK_SIZE_LEN..).unwrap_or_default() };
        Some(Self { packet_type: shape & 0x0F, track: TrackId(track), four_cc: [a, b, c, d], body })
    }
}

/// Skips the ModEx headers: the packet type behind them and the rest, or `None` if the tag ends inside one.
fn skip_mod_ex(mut packet_type: u8, mut rest: &[u8]) -> Option<(u8, &[u8])> {
    const MOD_EX: u8 = 7;
    while packet_type == MOD_EX {
        let (&size, behind) = rest.split_first()?;
        let (size, behind) = match size {
            0xFF => {
                let wide: [u8; 2] = *behind.first_chunk()?;
                (usize::from(u16::from_be_bytes(wide)) + 1, &behind[2..])
            }
            size => (usize::from(size) + 1, behind),
        };
        packet_type = *behind.get(size)? & 0x0F;
        rest = &behind[size + 1..];
    }
    Some((packet_type, rest))
}
