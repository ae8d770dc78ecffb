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

impl Kind {
    fn number(self) -> u8 {
        match self {
            Kind::Audio => 8,
            Kind::Video => 9,
            Kind::Other(number) => number,
        }
    }
}

impl Tag {
    /// The same, so much later.
    pub fn later(&self, by_ms: u32) -> Self {
        Self { timestamp_ms: self.timestamp_ms + by_ms, ..self.clone() }
    }

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

/// A file of these tags, wherever they came from.
pub fn file<'a>(tags: impl IntoIterator<Item = &'a Tag>) -> Vec<u8> {
    let mut file = b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec();
    for Tag { kind, timestamp_ms, body, .. } in tags {
        let [high, time @ ..] = timestamp_ms.to_be_bytes();
        let [_, length @ ..] = (body.len() as u32).to_be_bytes();
        let stream = [0, 0, 0];
        file.push(kind.number());
        file.extend([length, time].concat());
        file.push(high);
        file.extend(stream);
        file.extend(body);
        file.extend(((TAG_HEADER + body.len()) as u32).to_be_bytes());
    }
    file
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_tags_has_those_tags() {
        let tag = |kind, timestamp_ms, body: &[u8], end| Tag { kind, timestamp_ms, body: body.to_vec(), end };
        let written = [
            tag(Kind::Other(18), 0, b"metadata", 13 + 11 + 8 + 4),
            tag(Kind::Video, 0x0102_0304, &[7; 300], 36 + 11 + 300 + 4),
            tag(Kind::Audio, 5, b"", 351 + 11 + 4),
        ];
        assert_eq!(tags(&file(&written)), written);
    }
}
