//! Packet file: the packets of a capture, one after the other, whatever the kind of the file.
//!
//! The kind is told by the first bytes. A file that ends within a packet, as one does whose program was killed or is
//! still running, gives the packets before; [`PacketFile::cut_off`] tells of the rest.
//!
//! Invariants: one packet is held at a time. After an error or the end there are no more packets.

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use super::input::Input;
use super::limits;
use super::link::LinkType;
use super::pcap::Pcap;
use super::pcapng::Pcapng;

/// The packets of a file.
#[derive(Debug)]
pub struct PacketFile<R> {
    input: Input<R>,
    format: Format,
    /// The packet that was given last is passed when the next is asked for.
    given_bytes: usize,
    cut_off: Option<CutOff>,
    is_over: bool,
}

/// A packet as it was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When, since 1970 (UTC), as its file says.
    pub at: Duration,
    /// What its first header is.
    pub link: LinkType,
    /// What was captured of it.
    pub bytes: &'a [u8],
    /// How many bytes it had on the wire, no fewer than `bytes` has.
    pub length: usize,
}

/// The file ends in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// Where that begins in the file.
    pub at: u64,
    /// How many bytes of it are there.
    pub bytes: u64,
}

/// The kinds of files, with what is known of this one.
#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// What a format finds next in its file.
pub(super) enum Found<'a> {
    /// A packet, and how many bytes of the file it takes.
    Packet(Packet<'a>, usize),
    /// The end of the file.
    End,
    /// The end of the file, in the middle of something.
    CutOff(CutOff),
}

impl<R: Read> PacketFile<R> {
    /// Looks at the first bytes.
    ///
    /// # Errors
    /// The reader fails, or what it gives is no capture.
    pub fn open(reader: R) -> Result<PacketFile<R>, FileError> {
        let mut input = Input::new(reader);
        let front = read(&mut input, |input| input.peek(MAGIC_BYTES))?;
        let format = if Pcap::is_begun_by(front) {
            Format::Pcap(Pcap::begin(&mut input)?)
        } else if Pcapng::is_begun_by(front) {
            Format::Pcapng(Pcapng::new())
        } else {
            return Err(FileError::stranger(front));
        };
        Ok(PacketFile { input, format, given_bytes: 0, cut_off: None, is_over: false })
    }

    /// The next packet; `None` at the end.
    ///
    /// # Errors
    /// The reader fails, or the file breaks a rule of its format.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, FileError> {
        if self.is_over {
            return Ok(None);
        }
        self.input.pass(std::mem::take(&mut self.given_bytes));
        // Until a packet is found.
        self.is_over = true;
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.find(&mut self.input)?,
            Format::Pcapng(pcapng) => pcapng.find(&mut self.input)?,
        };
        match found {
            Found::Packet(packet, length) => {
                self.given_bytes = length;
                self.is_over = false;
                Ok(Some(packet))
            }
            Found::End => Ok(None),
            Found::CutOff(cut_off) => {
                self.cut_off = Some(cut_off);
                Ok(None)
            }
        }
    }

    /// From where to where in the file the last packet is.
    #[cfg(test)]
    pub(super) fn place(&self) -> (u64, u64) {
        let from = self.input.position();
        (from, from + self.given_bytes as u64)
    }

    /// Where the file ends in the middle of something, once that is known.
    pub fn cut_off(&self) -> Option<CutOff> {
        self.cut_off
    }
}

/// Why a file cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system fails to read it.
    #[error("cannot be read behind byte {at}")]
    Read {
        /// How far it could be read.
        at: u64,
        /// What the system says.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// It would have to be unpacked.
    #[error("is compressed ({kind}); {} unpacks it", kind.program())]
    Compressed {
        /// How.
        kind: Compression,
    },
    /// Its first bytes are not those of a capture.
    #[error("is no capture: it begins with {front}{known}, and neither a pcap nor a pcapng file does")]
    NoCapture {
        /// Its first bytes.
        front: Front,
        /// What it is, as far as that is known.
        known: Known,
    },
    /// There is nothing but a part of the header.
    #[error("ends within its header")]
    HeaderCutOff,
    /// A rule of the format is broken.
    #[error("byte {at}: {rule}")]
    Broken {
        /// Where what breaks it begins.
        at: u64,
        /// Which.
        rule: BrokenRule,
    },
}

/// A rule of pcap or pcapng that a file breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenRule {
    /// pcap has had no other since 1998.
    #[error("the pcap file has version {major}.{minor}, and only 2.x is known")]
    PcapVersion {
        /// Which it claims.
        major: u16,
        /// Which it claims.
        minor: u16,
    },
    /// A length that no packet has.
    #[error("a packet of {declared} bytes is longer than any ({})", limits::PACKET_BYTES)]
    PacketTooLong {
        /// Its length, as the file says.
        declared: u32,
    },
    /// A block that is too short for its own fields.
    #[error("a block of type 0x{kind:08X} has {declared} bytes, and needs {least}")]
    BlockTooShort {
        /// Its type.
        kind: u32,
        /// Its length, as it says.
        declared: u32,
        /// The length of its fields.
        least: u32,
    },
    /// A block that is longer than what it may hold.
    #[error("a block of type 0x{kind:08X} has {declared} bytes, more than {}", limits::BLOCK_BYTES)]
    BlockTooLong {
        /// Its type.
        kind: u32,
        /// Its length, as it says.
        declared: u32,
    },
    /// Blocks are made of words.
    #[error("the length of a block, {declared}, is no multiple of four")]
    BlockUneven {
        /// Its length, as it says.
        declared: u32,
    },
    /// Each block ends with its length.
    #[error("a block begins with the length {front} and ends with the length {back}")]
    BlockLengthsDiffer {
        /// The first.
        front: u32,
        /// The second.
        back: u32,
    },
    /// A section header says how its numbers are written.
    #[error("a section begins with the byte-order mark 0x{mark:08X}, which is none")]
    NoByteOrder {
        /// What stands there.
        mark: u32,
    },
    /// A packet is longer than the block that holds it.
    #[error("a packet of {declared} bytes does not fit into its block of {block}")]
    PacketOutsideBlock {
        /// Its length, as it says.
        declared: u32,
        /// That of its block.
        block: u32,
    },
    /// Interfaces are described before packets name them.
    #[error("a packet is of interface {interface}, and {known} are described")]
    NoSuchInterface {
        /// Which it names.
        interface: u32,
        /// How many there are.
        known: usize,
    },
    /// A number of fractions of a second that does not exist in 64 bits.
    #[error("an interface counts time in {} to the minus {}", if *code & 0x80 == 0 { 10 } else { 2 }, code & 0x7F)]
    TimeResolution {
        /// What stands in `if_tsresol`.
        code: u8,
    },
    /// More interfaces than a machine has.
    #[error("a section describes more than {} interfaces", limits::INTERFACES)]
    TooManyInterfaces,
    /// Something else that is wrong with a block.
    #[error("a block of type 0x{kind:08X} cannot be read")]
    BlockUnreadable {
        /// Its type.
        kind: u32,
    },
}

/// How files are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstandard,
    /// The format of xz-utils.
    Xz,
    /// The format of bzip2.
    Bzip2,
    /// The frame format of lz4.
    Lz4,
    /// A zip archive.
    Zip,
}

impl Compression {
    /// The program that undoes it.
    pub fn program(self) -> &'static str {
        match self {
            Compression::Gzip => "gunzip",
            Compression::Zstandard => "unzstd",
            Compression::Xz => "unxz",
            Compression::Bzip2 => "bunzip2",
            Compression::Lz4 => "unlz4",
            Compression::Zip => "unzip",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::Gzip => "gzip",
            Compression::Zstandard => "zstd",
            Compression::Xz => "xz",
            Compression::Bzip2 => "bzip2",
            Compression::Lz4 => "lz4",
            Compression::Zip => "zip",
        })
    }
}

/// The first bytes of a file that is no capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    bytes: [u8; 4],
    count: usize,
}

impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = &self.bytes[..self.count];
        if bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
            return write!(f, "\"{}\"", bytes.escape_ascii());
        }
        for (index, byte) in bytes.iter().enumerate() {
            write!(f, "{}{byte:02x}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// What a file is that is no capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Who knows.
    Nothing,
    /// A video file.
    Flv,
    /// A capture of another kind.
    OtherCapture(&'static str),
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Known::Nothing => Ok(()),
            Known::Flv => f.write_str(" as an FLV file does"),
            Known::OtherCapture(kind) => {
                write!(f, " as {kind} does, which `editcap -F pcap` of Wireshark converts")
            }
        }
    }
}

impl FileError {
    /// What to say of a file that begins so.
    fn stranger(front: &[u8]) -> FileError {
        let has = |magic: &[u8]| front.starts_with(magic);
        let compressed = |kind| FileError::Compressed { kind };
        if front.is_empty() {
            return FileError::Empty;
        } else if has(&[0x1F, 0x8B]) {
            return compressed(Compression::Gzip);
        } else if has(&[0x28, 0xB5, 0x2F, 0xFD]) {
            return compressed(Compression::Zstandard);
        } else if has(&[0xFD, b'7', b'z', b'X', b'Z']) {
            return compressed(Compression::Xz);
        } else if has(b"BZh") {
            return compressed(Compression::Bzip2);
        } else if has(&[0x04, 0x22, 0x4D, 0x18]) {
            return compressed(Compression::Lz4);
        } else if has(b"PK\x03\x04") {
            return compressed(Compression::Zip);
        }
        let known = if has(b"FLV") {
            Known::Flv
        } else if has(b"snoop") {
            Known::OtherCapture("a snoop capture")
        } else if has(b"GMBU") || has(b"RTSS") {
            Known::OtherCapture("a Network Monitor capture")
        } else {
            Known::Nothing
        };
        let count = front.len().min(4);
        let mut bytes = [0; 4];
        bytes[..count].copy_from_slice(&front[..count]);
        FileError::NoCapture { front: Front { bytes, count }, known }
    }
}

/// Asks something of the input; a failure tells where.
pub(super) fn read<'a, R: Read, T>(
    input: &'a mut Input<R>,
    ask: impl FnOnce(&'a mut Input<R>) -> io::Result<T>,
) -> Result<T, FileError> {
    let at = input.position();
    ask(input).map_err(|source| FileError::Read { at, source })
}

/// Enough to tell every kind of file.
const MAGIC_BYTES: usize = 8;
