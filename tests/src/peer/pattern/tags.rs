//! Tags: in which headers a pattern stands, as RTMP has always had them or as Enhanced RTMP v2 has them.
//!
//! What stands behind a header is the same in all of them, so that what a player gets in other tags than were sent can be told
//! as well: it is what the same pattern makes in those.

use bytes::Bytes;

use crate::peer::message::TypeId;

/// In which tags a pattern comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tags {
    /// H.264 and AAC by their numbers.
    #[default]
    Legacy,
    /// The same by FourCC.
    Enhanced,
    /// By FourCC, and that of HEVC: no decoder takes it for long.
    Hevc,
    /// Several tracks in each message, one of them the default one. Each is what a pattern with the next mark makes.
    Tracks(u8),
}

impl Tags {
    /// How many tracks there are.
    pub(super) fn tracks(self) -> u8 {
        match self {
            Tags::Legacy | Tags::Enhanced | Tags::Hevc => 1,
            Tags::Tracks(tracks) => tracks,
        }
    }

    /// What `videocodecid` and `audiocodecid` say.
    pub(super) fn codec_ids(self) -> [u32; 2] {
        match self {
            Tags::Legacy => [7, 10],
            Tags::Enhanced | Tags::Tracks(_) | Tags::Hevc => {
                [self.video_four_cc(), AUDIO_FOUR_CC].map(|four_cc| u32::from_be_bytes(*four_cc))
            }
        }
    }

    /// A message that stands in legacy tags, of each track, in these tags.
    pub(super) fn wrap(self, type_id: TypeId, tracks: &[Bytes]) -> Bytes {
        let first = &tracks[0];
        if self == Tags::Legacy {
            return first.clone();
        }
        let is_video = type_id == TypeId::VIDEO;
        let four_cc = if is_video { self.video_four_cc() } else { AUDIO_FOUR_CC };
        // Sequence headers and coded frames have the numbers that they have in legacy tags.
        let (packet, body_at) = (first[1], if is_video { legacy_body_of_video(first) } else { 2 });
        let (above, multitrack) = if is_video { (0x80 | first[0] & 0x70, 6) } else { (0x90, 5) };
        if self == Tags::Hevc && is_video && packet == SEQUENCE_START {
            return [&[above | packet], &four_cc[..], HEVC_RECORD].concat().into();
        }
        if tracks.len() == 1 {
            return [&[above | packet], &four_cc[..], &first[body_at..]].concat().into();
        }
        let mut message = [&[above | multitrack, 0x10 | packet], &four_cc[..]].concat();
        for (id, track) in (0..).zip(tracks) {
            let body = &track[body_at..];
            let [_, size @ ..] = (body.len() as u32).to_be_bytes();
            message.push(id);
            message.extend(size);
            message.extend(body);
        }
        message.into()
    }

    fn video_four_cc(self) -> &'static [u8; 4] {
        match self {
            Tags::Legacy | Tags::Enhanced | Tags::Tracks(_) => b"avc1",
            Tags::Hevc => b"hvc1",
        }
    }
}

/// Whether a message is a decoder configuration, by its first bytes.
pub fn is_config(type_id: TypeId, payload: &[u8]) -> bool {
    packet(type_id, payload) == Some(SEQUENCE_START)
}

/// What stands behind the header, of the first track.
pub(super) fn content(type_id: TypeId, payload: &[u8]) -> Option<&[u8]> {
    let first = *payload.first()?;
    let Some(multitrack) = multitrack_of(type_id, first) else {
        return payload.get(if type_id == TypeId::VIDEO { 5 } else { 2 }..);
    };
    let mut at = 1 + FOUR_CC_BYTES;
    if first & 0x0F == multitrack {
        let has_size = payload.get(1)? & 0xF0 != 0;
        at += 2 + if has_size { 3 } else { 0 };
    }
    let has_composition = type_id == TypeId::VIDEO && packet(type_id, payload)? == CODED_FRAMES;
    payload.get(at + if has_composition { 3 } else { 0 }..)
}

/// The packet type, which is in the second byte where the tag is a legacy one or has several tracks.
fn packet(type_id: TypeId, payload: &[u8]) -> Option<u8> {
    let first = *payload.first()?;
    match multitrack_of(type_id, first) {
        None => payload.get(1).copied(),
        Some(multitrack) if first & 0x0F == multitrack => Some(payload.get(1)? & 0x0F),
        Some(_) => Some(first & 0x0F),
    }
}

/// Which packet type stands for several tracks; none where the tag is a legacy one.
fn multitrack_of(type_id: TypeId, first: u8) -> Option<u8> {
    match type_id {
        TypeId::VIDEO => (first & 0x80 != 0).then_some(6),
        _ => (first >> 4 == 9).then_some(5),
    }
}

/// A sequence header has no composition time by FourCC.
fn legacy_body_of_video(payload: &[u8]) -> usize {
    if payload[1] == SEQUENCE_START { 5 } else { 2 }
}

/// A configuration record of HEVC: Main, level 2, lengths of four bytes, and a parameter set that is none.
const HEVC_RECORD: &[u8] = &[
    1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0x3C, 0xF0, 0, 0xFC, 0xFD, 0xF8, 0xF8, 0, 0, 0x0F, 1, 0xA0, 0,
    1, 0, 2, 0x40, 1,
];

const AUDIO_FOUR_CC: &[u8; 4] = b"mp4a";
const FOUR_CC_BYTES: usize = 4;
const SEQUENCE_START: u8 = 0;
const CODED_FRAMES: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_of_the_specification() {
        let config = Bytes::from_static(&[0x17, 0, 0, 0, 0, 1, 2]);
        let picture = Bytes::from_static(&[0x27, 1, 0, 0, 40, 9]);
        let sound = Bytes::from_static(&[0xAF, 1, 8]);
        let wrap = |tags: Tags, type_id, of: &Bytes| {
            tags.wrap(type_id, &vec![of.clone(); tags.tracks().into()]).to_vec()
        };
        assert_eq!(wrap(Tags::Enhanced, TypeId::VIDEO, &config), b"\x90avc1\x01\x02");
        assert_eq!(wrap(Tags::Hevc, TypeId::VIDEO, &picture), b"\xA1hvc1\0\0\x28\x09");
        assert_eq!(wrap(Tags::Enhanced, TypeId::AUDIO, &sound), b"\x91mp4a\x08");
        assert_eq!(
            wrap(Tags::Tracks(2), TypeId::VIDEO, &picture),
            b"\xA6\x11avc1\0\0\0\x04\0\0\x28\x09\x01\0\0\x04\0\0\x28\x09"
        );
        assert_eq!(
            wrap(Tags::Tracks(2), TypeId::AUDIO, &sound),
            b"\x95\x11mp4a\0\0\0\x01\x08\x01\0\0\x01\x08"
        );
    }

    #[test]
    fn what_stands_behind_a_header_is_found_in_all_tags() {
        for tags in [Tags::Legacy, Tags::Enhanced, Tags::Hevc, Tags::Tracks(3)] {
            for (type_id, header) in [(TypeId::VIDEO, &[0x17, 1, 0, 0, 40][..]), (TypeId::AUDIO, &[0xAF, 1])]
            {
                let legacy = Bytes::from([header, b"content"].concat());
                let message = tags.wrap(type_id, &vec![legacy; tags.tracks().into()]);
                assert!(content(type_id, &message).unwrap().starts_with(b"content"), "{tags:?}");
                assert!(!is_config(type_id, &message));
            }
        }
    }
}
