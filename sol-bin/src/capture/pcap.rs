//! The pcap format (draft-ietf-opsawg-pcap): a header for all packets, and a small one for each.
//!
//! Five magic numbers tell the byte order, the unit of time, and a kind of file that kernels of long ago wrote, in which
//! the header of a packet is longer.

use std::io::Read;
use std::time::Duration;

use pcap_parser::{
    LegacyPcapBlock, PcapHeader, parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified,
    parse_pcap_header,
};

use super::file::{BrokenRule, CutOff, FileError, Found, Packet, read};
use super::input::Input;
use super::limits::PACKET_BYTES;
use super::link::LinkType;

#[derive(Debug)]
pub(super) struct Pcap {
    header: PcapHeader,
}

impl Pcap {
    /// Whether these are the first bytes of such a file.
    pub(super) fn is_begun_by(front: &[u8]) -> bool {
        let magic = front.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        magic.is_some_and(|magic| MAGICS.contains(&magic))
    }

    /// Reads the header, whose magic was seen.
    pub(super) fn begin<R: Read>(input: &mut Input<R>) -> Result<Pcap, FileError> {
        let bytes = read(input, |input| input.peek(HEADER_BYTES))?;
        let broken = |rule| FileError::Broken { at: 0, rule };
        let Ok((_, header)) = parse_pcap_header(bytes) else {
            return Err(FileError::HeaderCutOff);
        };
        let (major, minor) = (header.version_major, header.version_minor);
        if major != 2 {
            return Err(broken(BrokenRule::PcapVersion { major, minor }));
        }
        input.pass(HEADER_BYTES);
        Ok(Pcap { header })
    }

    pub(super) fn find<'a, R: Read>(&mut self, input: &'a mut Input<R>) -> Result<Found<'a>, FileError> {
        let at = input.position();
        let header_bytes =
            if self.header.is_modified_format() { MODIFIED_PACKET_HEADER_BYTES } else { PACKET_HEADER_BYTES };
        let front = read(input, |input| input.peek(header_bytes))?;
        if front.is_empty() {
            return Ok(Found::End);
        }
        let Some(&[.., a, b, c, d]) = front.first_chunk::<12>().filter(|_| front.len() == header_bytes)
        else {
            return Ok(Found::CutOff(CutOff { at, bytes: front.len() as u64 }));
        };
        let declared = if self.header.is_bigendian() {
            u32::from_be_bytes([a, b, c, d])
        } else {
            u32::from_le_bytes([a, b, c, d])
        };
        let captured = usize::try_from(declared).ok().filter(|&length| length <= PACKET_BYTES);
        let Some(captured) = captured else {
            return Err(FileError::Broken { at, rule: BrokenRule::PacketTooLong { declared } });
        };
        let length = header_bytes + captured;
        let bytes = read(input, |input| input.peek(length))?;
        let parse = if self.header.is_modified_format() {
            parse_pcap_frame_modified
        } else if self.header.is_bigendian() {
            parse_pcap_frame_be
        } else {
            parse_pcap_frame
        };
        match parse(bytes) {
            Ok((_, frame)) => Ok(Found::Packet(self.packet(&frame), length)),
            Err(_) => Ok(Found::CutOff(CutOff { at, bytes: bytes.len() as u64 })),
        }
    }

    fn packet<'a>(&self, frame: &LegacyPcapBlock<'a>) -> Packet<'a> {
        let fraction = u64::from(frame.ts_usec);
        let fraction = if self.header.is_nanosecond_precision() {
            Duration::from_nanos(fraction)
        } else {
            Duration::from_micros(fraction)
        };
        Packet {
            at: Duration::from_secs(frame.ts_sec.into()) + fraction,
            // Above the sixteen bits stands how long a frame check sequence is.
            link: LinkType(self.header.network.0 as u16),
            bytes: frame.data,
            length: usize::try_from(frame.origlen).unwrap_or(usize::MAX).max(frame.data.len()),
        }
    }
}

/// Microseconds, nanoseconds and the modified kind, and the first two in the other byte order.
const MAGICS: [u32; 5] = [0xA1B2_C3D4, 0xA1B2_3C4D, 0xA1B2_CD34, 0xD4C3_B2A1, 0x4D3C_B2A1];

const HEADER_BYTES: usize = 24;
const PACKET_HEADER_BYTES: usize = 16;
const MODIFIED_PACKET_HEADER_BYTES: usize = 24;
