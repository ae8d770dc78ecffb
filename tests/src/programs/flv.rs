//! Tags of an FLV file (Adobe FLV 10.1, annex E): a header of 13 bytes, then tag after tag with its size behind it.

/// One message of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// What it carries.
    pub kind: Kind,
    /// When it is due; of pictures, when they are decoded.
    pub timestamp_ms: u32,
    /// What an RTMP message would carry.
    pub body: Vec<u8>,
    /// Where in the file the tag ends, with the size behind it.
    pub end: usize,
}

/// What a tag carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Video,
    /// Metadata, or anything else.
    Other(u8),
}

impl Tag {
    /// What a decoder needs before the first picture or sound: of H.264 and AAC, and of all codecs of Enhanced RTMP.
    pub fn is_configuration(&self) -> bool {
        match (self.kind, self.enhanced()) {
            // SequenceStart, and Metadata, which is of colours, or MultichannelConfig.
            (Kind::Video | Kind::Audio, Some(packet_type)) => matches!(packet_type, 0 | 4),
            (Kind::Video, None) => self.is_avc(0),
            (Kind::Audio, None) => self.body.starts_with(&[0xAF, 0]),
            (Kind::Other(_), _) => false,
        }
    }

    /// An H.264 picture, and one that a decoder can begin with.
    pub fn is_keyframe(&self) -> bool {
        self.is_picture() && self.body[0] >> 4 == 1
    }

    /// An H.264 picture.
    pub fn is_picture(&self) -> bool {
        self.kind == Kind::Video && self.is_avc(1)
    }

    /// The packet type of Enhanced RTMP v2, of one track among several as well.
    fn enhanced(&self) -> Option<u8> {
        let first = *self.body.first()?;
        let (is_enhanced, multitrack) = match self.kind {
            Kind::Video => (first & 0x80 != 0, 6),
            Kind::Audio => (first >> 4 == 9, 5),
            Kind::Other(_) => (false, 0),
        };
        let packet_type = first & 0x0F;
        let packet_type = if packet_type == multitrack { self.body.get(1)? & 0x0F } else { packet_type };
        is_enhanced.then_some(packet_type)
    }

    fn is_avc(&self, packet_type: u8) -> bool {
        self.body.len() >= 2 && self.body[0] & 0x0F == 7 && self.body[1] == packet_type
    }
}

/// All tags of a file. A last one that is cut off is left out: programs that are stopped write such.
///
/// # Panics
/// If it is no FLV file.
pub fn tags(file: &[u8]) -> Vec<Tag> {
    assert!(file.starts_with(b"FLV\x01"), "an FLV file of {} bytes begins with FLV", file.len());
    let mut tags = Vec::new();
    let mut rest = HEADER;
    while let Some(tag) = tag_at(file, rest) {
        rest = tag.end;
        tags.push(tag);
    }
    tags
}

fn tag_at(file: &[u8], start: usize) -> Option<Tag> {
    let head = file.get(start..start + TAG_HEADER)?;
    let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
    let body_at = start + TAG_HEADER;
    let end = body_at + length + SIZE_BEHIND;
    file.get(..end)?;
    // The highest eight bits come last.
    let timestamp_ms = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
    let kind = match head[0] {
        8 => Kind::Audio,
        9 => Kind::Video,
        other => Kind::Other(other),
    };
    Some(Tag { kind, timestamp_ms, body: file[body_at..body_at + length].to_vec(), end })
}

const HEADER: usize = 13;
const TAG_HEADER: usize = 11;
const SIZE_BEHIND: usize = 4;
