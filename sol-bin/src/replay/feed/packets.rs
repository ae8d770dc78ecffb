//! Packets: of which kinds the packets of each track were, and how many of each.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sol_tokio::sol_core::media::{
    Content, EnhancedTag, LegacyPacket, LegacyTag, PacketType, Tag, TrackId, TrackKind, Wrapping,
};

use super::track_name;
use crate::replay::note::{Said, grouped, say};

/// Counts by track, and by the codec and the kind of packet.
#[derive(Debug, Default)]
pub(super) struct Packets {
    tracks: BTreeMap<(TrackKind, TrackId), BTreeMap<(String, String), u64>>,
}

impl Packets {
    /// A message has come.
    pub(super) fn count(&mut self, content: &Content) {
        let kind = match content {
            Content::Video(_) => TrackKind::Video,
            Content::Audio(_) => TrackKind::Audio,
            Content::Data(_) => return,
        };
        match Tag::of(content) {
            Some(Ok(Tag::Legacy(tag))) => {
                self.add(kind, TrackId::DEFAULT, format!("{} (legacy)", tag.codec), legacy(&tag).to_owned());
            }
            Some(Ok(Tag::Enhanced(tag))) => {
                for track in &tag.tracks {
                    self.add(kind, track.id, track.four_cc.to_string(), enhanced(&tag));
                }
            }
            Some(Ok(Tag::Silence | Tag::Command(_)) | Err(_)) | None => {}
        }
    }

    /// What came of each track, if anything.
    pub(super) fn said(&mut self) -> impl Iterator<Item = Said> {
        std::mem::take(&mut self.tracks).into_iter().map(|((kind, id), counts)| {
            let track = track_name(kind, id);
            let mut words = format!("packets of {track}:");
            let mut fields = Map::new();
            let mut last = None;
            for ((codec, packet), count) in &counts {
                let comma = if last.is_none() { "" } else { "," };
                let codec_words =
                    if last.replace(codec) == Some(codec) { String::new() } else { format!(" {codec}") };
                words.push_str(&format!("{comma}{codec_words} {} {packet}", grouped(*count)));
                let of_codec = fields.entry(codec.as_str()).or_insert_with(|| Value::Object(Map::new()));
                of_codec[packet] = (*count).into();
            }
            say("packets", words).with("track", track).with("packets", fields)
        })
    }

    /// A peer may name more kinds than anybody wants to read: those beyond are not told.
    fn add(&mut self, kind: TrackKind, id: TrackId, codec: String, packet: String) {
        let counts = self.tracks.entry((kind, id)).or_default();
        if counts.len() < KINDS_TOLD || counts.contains_key(&(codec.clone(), packet.clone())) {
            *counts.entry((codec, packet)).or_default() += 1;
        }
    }
}

fn legacy(tag: &LegacyTag<'_>) -> &'static str {
    match tag.packet {
        LegacyPacket::SequenceStart => "SequenceStart",
        LegacyPacket::Coded(_) | LegacyPacket::Plain => "CodedFrames",
        LegacyPacket::SequenceEnd => "SequenceEnd",
        LegacyPacket::Reserved(_) => "of a reserved type",
    }
}

/// The kind of a packet, and how it is wrapped.
fn enhanced(tag: &EnhancedTag<'_>) -> String {
    let packet = match tag.packet {
        PacketType::SequenceStart => "SequenceStart",
        PacketType::CodedFrames => "CodedFrames",
        PacketType::SequenceEnd => "SequenceEnd",
        PacketType::CodedFramesX => "CodedFramesX",
        PacketType::Metadata => "Metadata",
        PacketType::Mpeg2TsSequenceStart => "MPEG2TSSequenceStart",
        PacketType::MultichannelConfig => "MultichannelConfig",
        PacketType::Reserved(_) => "of a reserved type",
    };
    let wrapping = match tag.wrapping {
        Wrapping::Plain => "",
        Wrapping::OneTrack => " in Multitrack.OneTrack",
        Wrapping::ManyTracks => " in Multitrack.ManyTracks",
        Wrapping::ManyTracksManyCodecs => " in Multitrack.ManyTracksManyCodecs",
    };
    let mod_ex = if tag.mod_ex.is_empty() { "" } else { " behind ModEx" };
    format!("{packet}{wrapping}{mod_ex}")
}

/// Kinds of packets of one track, its codecs told apart.
const KINDS_TOLD: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn packets_are_told_by_track_codec_and_kind() {
        let mut packets = Packets::default();
        let video = |payload: &[u8]| Content::Video(payload.to_vec().into());
        for payload in [
            &b"\x17\0\0\0\0conf"[..],
            b"\x17\x01\0\0\0key",
            b"\x27\x01\0\0\0inter",
            b"\x96\x20avc1\x01\0\0\x01ahvc1\0\0\0\x01b",
            b"\x97\x02\0\0\x01\x03hvc1key",
            b"\x96\xF0broken",
        ] {
            packets.count(&video(payload));
        }
        packets.count(&Content::Audio(b"\x94Opus\x01\x02\0\0\0\x03".to_vec().into()));
        packets.count(&Content::Audio(Default::default()));
        let said: Vec<String> = packets.said().map(|said| said.at(Duration::ZERO, 1, None).words).collect();
        let expected = [
            "packets of video: H.264 (legacy) 2 CodedFrames, 1 SequenceStart, hvc1 1 CodedFramesX behind ModEx, \
             1 SequenceStart in Multitrack.ManyTracksManyCodecs",
            "packets of video track 1: avc1 1 SequenceStart in Multitrack.ManyTracksManyCodecs",
            "packets of audio: Opus 1 MultichannelConfig",
        ];
        assert_eq!(said, expected);
        assert_eq!(packets.said().count(), 0, "they are told once");
    }

    #[test]
    fn no_more_kinds_are_told_than_anybody_reads() {
        let mut packets = Packets::default();
        for byte in 0..=255_u8 {
            let payload = [&b"\x90"[..], &[byte, b'a', b'b', b'c', 1]].concat();
            packets.count(&Content::Video(payload.into()));
        }
        let said = packets.said().next().unwrap().at(Duration::ZERO, 1, None).words;
        assert_eq!(said.matches("SequenceStart").count(), KINDS_TOLD);
    }
}
