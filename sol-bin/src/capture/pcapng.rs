//! The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, in which packets name the interface that they were
//! captured on, or in the simple kind of block none.
//!
//! Blocks that hold no packets and describe no interfaces are passed over unread. A file may be of several sections,
//! each with interfaces and a byte order of its own.

use std::io::Read;
use std::time::Duration;

use pcap_parser::{
    Block, EnhancedPacketBlock, InterfaceDescriptionBlock, OptionCode, PcapNGOption, SimplePacketBlock,
};
use pcap_parser::{parse_block_be, parse_block_le};

use super::file::{BrokenRule, CutOff, FileError, Found, Packet, read};
use super::input::Input;
use super::limits::{BLOCK_BYTES, INTERFACES, PACKET_BYTES};
use super::link::LinkType;

#[derive(Debug)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    /// When the last packet was that says when it was.
    latest: Duration,
}

/// How a section writes its numbers.
#[derive(Clone, Copy, Debug)]
enum Order {
    Little,
    Big,
}

/// What of an interface concerns its packets.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    /// Most bytes that were captured of a packet; 0 for all.
    snap_length: u32,
    units_per_second: u64,
    offset_seconds: i64,
}

/// What was written before the enhanced packet: the same, but for half as long a number of the interface, and how many
/// packets were lost (appendix A of the draft).
struct OldPacket<'a> {
    interface: u32,
    units: u64,
    bytes: &'a [u8],
    length: u32,
}

impl Pcapng {
    /// Whether these are the first bytes of such a file.
    pub(super) fn is_begun_by(front: &[u8]) -> bool {
        front.starts_with(&SECTION.to_le_bytes())
    }

    /// At the beginning of a file, whose magic was seen.
    pub(super) fn new() -> Pcapng {
        Pcapng { order: Order::Little, interfaces: Vec::new(), latest: Duration::ZERO }
    }

    pub(super) fn find<'a, R: Read>(&mut self, input: &'a mut Input<R>) -> Result<Found<'a>, FileError> {
        loop {
            let at = input.position();
            let broken = |rule| FileError::Broken { at, rule };
            let front = read(input, |input| input.peek(BLOCK_FRONT_BYTES))?;
            if front.is_empty() {
                return Ok(Found::End);
            }
            let Some([kind, length, mark]) = words(front) else {
                return Ok(Found::CutOff(CutOff { at, bytes: front.len() as u64 }));
            };
            // The type of a section header reads the same in both orders, and what it says of them is behind it.
            if u32::from_le_bytes(kind) == SECTION {
                self.order = Order::of_mark(mark).map_err(broken)?;
            }
            let kind = self.order.number(kind);
            let declared = self.order.number(length);
            if !declared.is_multiple_of(4) {
                return Err(broken(BrokenRule::BlockUneven { declared }));
            }
            let fields = fields_of(kind);
            let least = fields.unwrap_or(FRAME_BYTES);
            if declared < least {
                return Err(broken(BrokenRule::BlockTooShort { kind, declared, least }));
            }
            if fields.is_none() {
                let length = u64::from(declared);
                let skipped = read(input, |input| input.skip(length))?;
                if skipped < length {
                    return Ok(Found::CutOff(CutOff { at, bytes: skipped }));
                }
                continue;
            }
            let length = usize::try_from(declared).ok().filter(|&length| length <= BLOCK_BYTES);
            let length = length.ok_or(broken(BrokenRule::BlockTooLong { kind, declared }))?;
            let bytes = read(input, |input| input.peek(length))?;
            if bytes.len() < length {
                return Ok(Found::CutOff(CutOff { at, bytes: bytes.len() as u64 }));
            }
            let back = bytes.last_chunk().map_or(declared, |bytes| self.order.number(*bytes));
            if back != declared {
                return Err(broken(BrokenRule::BlockLengthsDiffer { front: declared, back }));
            }
            if matches!(kind, PACKET | OLD_PACKET | SIMPLE_PACKET) {
                // The same bytes once more: the compiler lets none of those before live as long as the packet.
                let bytes = read(input, |input| input.peek(length))?;
                if kind == OLD_PACKET {
                    let block = OldPacket::read(bytes, self.order);
                    let block = block.ok_or(broken(unfit(kind, bytes, self.order)))?;
                    let packet = self.old_packet(&block).map_err(broken)?;
                    return Ok(Found::Packet(packet, length));
                }
                let packet = match self.order.parse(bytes).ok_or(broken(unfit(kind, bytes, self.order)))? {
                    Block::EnhancedPacket(block) => self.packet(&block),
                    Block::SimplePacket(block) => self.simple_packet(&block),
                    _ => return Err(broken(BrokenRule::BlockUnreadable { kind })),
                };
                return Ok(Found::Packet(packet.map_err(broken)?, length));
            }
            match self.order.parse(bytes) {
                Some(Block::SectionHeader(_)) => self.interfaces.clear(),
                Some(Block::InterfaceDescription(block)) if self.interfaces.len() < INTERFACES => {
                    self.interfaces.push(Interface::read(&block, self.order).map_err(broken)?);
                }
                Some(Block::InterfaceDescription(_)) => return Err(broken(BrokenRule::TooManyInterfaces)),
                _ => return Err(broken(BrokenRule::BlockUnreadable { kind })),
            }
            input.pass(length);
        }
    }

    fn packet<'a>(&mut self, block: &EnhancedPacketBlock<'a>) -> Result<Packet<'a>, BrokenRule> {
        // Behind the packet is its padding.
        let bytes = &block.data[..block.data.len().min(block.caplen as usize)];
        let units = u64::from(block.ts_high) << 32 | u64::from(block.ts_low);
        self.packet_of(block.if_id, units, bytes, block.origlen)
    }

    fn old_packet<'a>(&mut self, block: &OldPacket<'a>) -> Result<Packet<'a>, BrokenRule> {
        self.packet_of(block.interface, block.units, block.bytes, block.length)
    }

    fn packet_of<'a>(
        &mut self,
        interface: u32,
        units: u64,
        bytes: &'a [u8],
        length: u32,
    ) -> Result<Packet<'a>, BrokenRule> {
        let interface = self.interface(interface)?;
        if bytes.len() > PACKET_BYTES {
            return Err(BrokenRule::PacketTooLong { declared: bytes.len() as u32 });
        }
        self.latest = interface.time(units);
        let length = bytes.len().max(length as usize);
        Ok(Packet { at: self.latest, link: interface.link, bytes, length })
    }

    /// One that says neither its interface, which is the first, nor its time, nor how much of it was captured.
    fn simple_packet<'a>(&self, block: &SimplePacketBlock<'a>) -> Result<Packet<'a>, BrokenRule> {
        let interface = self.interface(0)?;
        let length = block.origlen as usize;
        let snap_length =
            if interface.snap_length == 0 { usize::MAX } else { interface.snap_length as usize };
        // Behind the packet is its padding.
        let bytes = &block.data[..block.data.len().min(length).min(snap_length)];
        Ok(Packet { at: self.latest, link: interface.link, bytes, length })
    }

    fn interface(&self, number: u32) -> Result<Interface, BrokenRule> {
        let known = self.interfaces.len();
        let interface = self.interfaces.get(number as usize).copied();
        interface.ok_or(BrokenRule::NoSuchInterface { interface: number, known })
    }
}

impl<'a> OldPacket<'a> {
    /// A block that is whole; nothing if its packet does not fit into it.
    fn read(block: &'a [u8], order: Order) -> Option<OldPacket<'a>> {
        let (fields, behind) = block.split_first_chunk::<{ OLD_PACKET_FIELD_BYTES as usize - 4 }>()?;
        let (words, _) = fields.as_chunks();
        let [_, _, [a, b, _, _], high, low, captured, length] = *words else { return None };
        let interface = match order {
            Order::Little => u16::from_le_bytes([a, b]),
            Order::Big => u16::from_be_bytes([a, b]),
        };
        Some(OldPacket {
            interface: interface.into(),
            units: u64::from(order.number(high)) << 32 | u64::from(order.number(low)),
            bytes: behind.get(..behind.len() - 4)?.get(..order.number(captured) as usize)?,
            length: order.number(length),
        })
    }
}

impl Interface {
    fn read(block: &InterfaceDescriptionBlock<'_>, order: Order) -> Result<Interface, BrokenRule> {
        let option = |code| block.options.iter().find(|option| option.code == code).map(PcapNGOption::value);
        let code = option(OptionCode::IfTsresol).and_then(|value| value.first()).copied();
        let offset = option(OptionCode::IfTsoffset).and_then(|value| value.first_chunk());
        Ok(Interface {
            link: LinkType(block.linktype.0 as u16),
            snap_length: block.snaplen,
            units_per_second: units_per_second(code.unwrap_or(MICROSECONDS))?,
            offset_seconds: offset.map_or(0, |bytes| order.long(*bytes)),
        })
    }

    fn time(&self, units: u64) -> Duration {
        let seconds = units / self.units_per_second;
        let rest = u128::from(units % self.units_per_second) * 1_000_000_000;
        let nanos = rest / u128::from(self.units_per_second);
        let nanos = u32::try_from(nanos).expect("less than a second");
        Duration::new(seconds.saturating_add_signed(self.offset_seconds), nanos)
    }
}

impl Order {
    fn of_mark(mark: [u8; 4]) -> Result<Order, BrokenRule> {
        match u32::from_be_bytes(mark) {
            BYTE_ORDER_MARK => Ok(Order::Big),
            0x4D3C_2B1A => Ok(Order::Little),
            mark => Err(BrokenRule::NoByteOrder { mark }),
        }
    }

    fn number(self, bytes: [u8; 4]) -> u32 {
        match self {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        }
    }

    fn long(self, bytes: [u8; 8]) -> i64 {
        match self {
            Order::Little => i64::from_le_bytes(bytes),
            Order::Big => i64::from_be_bytes(bytes),
        }
    }

    /// A block that is whole, or nothing.
    fn parse(self, block: &[u8]) -> Option<Block<'_>> {
        let parsed = match self {
            Order::Little => parse_block_le(block),
            Order::Big => parse_block_be(block),
        };
        parsed.ok().map(|(_, block)| block)
    }
}

/// The rule that a packet block breaks which is whole and cannot be read.
fn unfit(kind: u32, block: &[u8], order: Order) -> BrokenRule {
    let declared = block.get(20..).and_then(|behind| behind.first_chunk()).map(|bytes| order.number(*bytes));
    match declared {
        Some(declared) if kind != SIMPLE_PACKET => {
            BrokenRule::PacketOutsideBlock { declared, block: block.len() as u32 }
        }
        _ => BrokenRule::BlockUnreadable { kind },
    }
}

/// What `if_tsresol` says: a negative power of ten, or with the highest bit of two.
fn units_per_second(code: u8) -> Result<u64, BrokenRule> {
    let exponent = u32::from(code & 0x7F);
    let units = if code & 0x80 == 0 { 10_u64.checked_pow(exponent) } else { 1_u64.checked_shl(exponent) };
    units.ok_or(BrokenRule::TimeResolution { code })
}

fn words(front: &[u8]) -> Option<[[u8; 4]; 3]> {
    let (words, _) = front.as_chunks();
    words.try_into().ok()
}

/// How long a block of this type is without what is optional; nothing for those that are passed over.
fn fields_of(kind: u32) -> Option<u32> {
    match kind {
        SECTION => Some(28),
        INTERFACE => Some(20),
        OLD_PACKET => Some(OLD_PACKET_FIELD_BYTES),
        SIMPLE_PACKET => Some(16),
        PACKET => Some(32),
        _ => None,
    }
}

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;

const BYTE_ORDER_MARK: u32 = 0x1A2B_3C4D;

/// Type and length, and what a section header has next; every block has as many.
const BLOCK_FRONT_BYTES: usize = 12;

/// An old packet's block without packet and options.
const OLD_PACKET_FIELD_BYTES: u32 = 32;

/// Type and both lengths of a block.
const FRAME_BYTES: u32 = 12;

/// The unit of time of an interface that names none.
const MICROSECONDS: u8 = 6;
