//! Codec: which decoder a frame is for, by the first bytes of its payload.
//!
//! Legacy ids (FLV 10.1, E.4.2.1 and E.4.3.1) with the unofficial 12, 13 and 14, and the FourCCs of Enhanced RTMP v2.
//! Whatever is not known is named by its number or its FourCC.

use std::fmt;

use super::{Content, FourCc, Tag, TrackId};

/// A codec of audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their names say all there is to say")]
pub enum Codec {
    H264,
    Hevc,
    Vvc,
    Av1,
    Vp8,
    Vp9,
    /// A dialect of H.263, in the oldest FLV files.
    Sorenson,
    Vp6,
    ScreenVideo,
    Aac,
    Mp3,
    Opus,
    Flac,
    Ac3,
    Eac3,
    Speex,
    Nellymoser,
    Pcm,
    Adpcm,
    G711ALaw,
    G711MuLaw,
    /// A legacy id that no specification assigns to video.
    UnknownVideo(u8),
    /// A legacy id that no specification assigns to audio.
    UnknownAudio(u8),
    /// A FourCC that no specification assigns.
    UnknownFourCc(FourCc),
}

impl Codec {
    /// The codec of a payload and the track that it belongs to, the default one or the first where there are several; `None`
    /// for data, silence, commands to a player, and what breaks a rule of its header.
    pub fn of(content: &Content) -> Option<(TrackId, Codec)> {
        Tag::of(content)?.ok()?.main_track()
    }

    /// The same, of an audio payload.
    pub fn of_audio(payload: &[u8]) -> Option<(TrackId, Codec)> {
        Tag::of_audio(payload).ok()?.main_track()
    }

    /// The same, of a video payload.
    pub fn of_video(payload: &[u8]) -> Option<(TrackId, Codec)> {
        Tag::of_video(payload).ok()?.main_track()
    }

    /// Whether a tag without FourCC can carry it, by a number that a specification assigns; or that none does, which says nothing of
    /// what it is.
    pub(crate) const fn has_legacy_tag(self) -> bool {
        match self {
            Codec::H264
            | Codec::Sorenson
            | Codec::Vp6
            | Codec::ScreenVideo
            | Codec::Aac
            | Codec::Mp3
            | Codec::Speex
            | Codec::Nellymoser
            | Codec::Pcm
            | Codec::Adpcm
            | Codec::G711ALaw
            | Codec::G711MuLaw
            | Codec::UnknownVideo(_)
            | Codec::UnknownAudio(_) => true,
            Codec::Hevc
            | Codec::Vvc
            | Codec::Av1
            | Codec::Vp8
            | Codec::Vp9
            | Codec::Opus
            | Codec::Flac
            | Codec::Ac3
            | Codec::Eac3
            | Codec::UnknownFourCc(_) => false,
        }
    }

    /// Whether its pictures may be shown in another order than they are sent in, so that enhanced tags say when.
    pub(super) const fn has_composition_time(self) -> bool {
        matches!(self, Codec::H264 | Codec::Hevc | Codec::Vvc)
    }

    /// The number of a codec that has a FourCC as well.
    pub(super) fn legacy_id(self) -> Option<u8> {
        match self {
            Codec::H264 => Some(7),
            Codec::Aac => Some(10),
            Codec::Mp3 => Some(2),
            _ => None,
        }
    }

    /// The codec that has this FourCC.
    pub fn of_four_cc(four_cc: FourCc) -> Self {
        match &four_cc.get() {
            b"avc1" => Codec::H264,
            b"hvc1" => Codec::Hevc,
            b"vvc1" => Codec::Vvc,
            b"av01" => Codec::Av1,
            b"vp08" => Codec::Vp8,
            b"vp09" => Codec::Vp9,
            b"mp4a" => Codec::Aac,
            b".mp3" => Codec::Mp3,
            b"Opus" => Codec::Opus,
            b"fLaC" => Codec::Flac,
            b"ac-3" => Codec::Ac3,
            b"ec-3" => Codec::Eac3,
            _ => Codec::UnknownFourCc(four_cc),
        }
    }

    pub(super) fn of_legacy_video(id: u8) -> Self {
        match id {
            2 => Codec::Sorenson,
            3 | 6 => Codec::ScreenVideo,
            4 | 5 => Codec::Vp6,
            7 => Codec::H264,
            12 => Codec::Hevc,
            13 => Codec::Av1,
            14 => Codec::Vp8,
            id => Codec::UnknownVideo(id),
        }
    }

    pub(super) fn of_legacy_audio(id: u8) -> Self {
        match id {
            0 | 3 => Codec::Pcm,
            1 => Codec::Adpcm,
            2 | 14 => Codec::Mp3,
            4..=6 => Codec::Nellymoser,
            7 => Codec::G711ALaw,
            8 => Codec::G711MuLaw,
            10 => Codec::Aac,
            11 => Codec::Speex,
            id => Codec::UnknownAudio(id),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Codec::H264 => "H.264",
            Codec::Hevc => "HEVC",
            Codec::Vvc => "VVC",
            Codec::Av1 => "AV1",
            Codec::Vp8 => "VP8",
            Codec::Vp9 => "VP9",
            Codec::Sorenson => "Sorenson H.263",
            Codec::Vp6 => "VP6",
            Codec::ScreenVideo => "Screen Video",
            Codec::Aac => "AAC",
            Codec::Mp3 => "MP3",
            Codec::Opus => "Opus",
            Codec::Flac => "FLAC",
            Codec::Ac3 => "AC-3",
            Codec::Eac3 => "E-AC-3",
            Codec::Speex => "Speex",
            Codec::Nellymoser => "Nellymoser",
            Codec::Pcm => "PCM",
            Codec::Adpcm => "ADPCM",
            Codec::G711ALaw => "G.711 A-law",
            Codec::G711MuLaw => "G.711 mu-law",
            Codec::UnknownVideo(id) => return write!(f, "video codec {id}"),
            Codec::UnknownAudio(id) => return write!(f, "audio codec {id}"),
            Codec::UnknownFourCc(four_cc) => return write!(f, "FourCC {four_cc}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_tags_name_their_codec_by_number() {
        let table = [
            (&[0x17, 0][..], "H.264"),
            (&[0x2C, 2], "HEVC"),
            (&[0x1D, 0], "AV1"),
            (&[0x12], "Sorenson H.263"),
            (&[0x1F], "video codec 15"),
        ];
        for (payload, name) in table {
            let (track, codec) = Codec::of_video(payload).unwrap();
            assert_eq!((track, codec.to_string().as_str()), (TrackId::DEFAULT, name));
        }
        for (payload, name) in
            [([0xAF, 1], "AAC"), ([0x2F, 0], "MP3"), ([0xEF, 0], "MP3"), ([0xCF, 0], "audio codec 12")]
        {
            let (track, codec) = Codec::of_audio(&payload).unwrap();
            assert_eq!((track, codec.to_string().as_str()), (TrackId::DEFAULT, name));
        }
    }

    #[test]
    fn enhanced_tags_name_it_by_four_cc_behind_mod_ex_and_multitrack() {
        let video = |head: &[u8], tail: &[u8]| Codec::of_video(&[head, b"hvc1", tail].concat());
        assert_eq!(video(&[0x93], &[1]), Some((TrackId(0), Codec::Hevc)));
        assert_eq!(video(&[0x96, 0x03], &[3, 9]), Some((TrackId(3), Codec::Hevc)));
        assert_eq!(video(&[0x97, 2, 0, 0, 1, 0x03], &[1]), Some((TrackId(0), Codec::Hevc)));
        assert_eq!(
            video(&[0xD4], &[2]),
            Some((TrackId(0), Codec::Hevc)),
            "the frame type of metadata is ignored"
        );
        let audio = |head: &[u8], tail: &[u8]| Codec::of_audio(&[head, b"Opus", tail].concat());
        assert_eq!(audio(&[0x91], &[1]), Some((TrackId(0), Codec::Opus)));
        assert_eq!(audio(&[0x95, 0x01], &[2, 9]), Some((TrackId(2), Codec::Opus)));
    }

    #[test]
    fn every_codec_is_known_by_its_id_and_has_a_name() {
        let four_ccs = [
            (b"avc1", "H.264"),
            (b"hvc1", "HEVC"),
            (b"vvc1", "VVC"),
            (b"av01", "AV1"),
            (b"vp08", "VP8"),
            (b"vp09", "VP9"),
            (b"mp4a", "AAC"),
            (b".mp3", "MP3"),
            (b"Opus", "Opus"),
            (b"fLaC", "FLAC"),
            (b"ac-3", "AC-3"),
            (b"ec-3", "E-AC-3"),
        ];
        for (four_cc, name) in four_ccs {
            assert_eq!(Codec::of_four_cc(FourCc::new(*four_cc)).to_string(), name);
        }
        let name = |codec: Option<(TrackId, Codec)>| codec.map(|(_, codec)| codec.to_string());
        let of_video = |id: u8| name(Codec::of(&Content::Video(vec![0x10 | id, 0].into()))).unwrap();
        let of_audio = |id: u8| name(Codec::of(&Content::Audio(vec![id << 4 | 0x0F, 0].into()))).unwrap();
        let video = ["Sorenson H.263", "Screen Video", "VP6", "VP6", "Screen Video", "H.264"];
        assert_eq!((2..8).map(of_video).collect::<Vec<_>>(), video);
        assert_eq!([12, 13, 14, 15].map(of_video), ["HEVC", "AV1", "VP8", "video codec 15"]);
        let audio = ["PCM", "ADPCM", "MP3", "PCM", "Nellymoser", "Nellymoser", "Nellymoser"];
        assert_eq!((0..7).map(of_audio).collect::<Vec<_>>(), audio);
        assert_eq!([7, 8, 10, 11, 14].map(of_audio), ["G.711 A-law", "G.711 mu-law", "AAC", "Speex", "MP3"]);
    }

    #[test]
    fn what_is_for_no_decoder_has_no_codec() {
        for payload in [&b""[..], &[0x57, 0], &[0xD1, 0], b"\x91hv", b"\x96\x00hvc1"] {
            assert_eq!(Codec::of_video(payload), None, "{payload:?}");
        }
        for payload in [&b""[..], b"\x91Op", b"\x95\x01Opus"] {
            assert_eq!(Codec::of_audio(payload), None, "{payload:?}");
        }
    }

    #[test]
    fn a_four_cc_that_nobody_knows_forges_no_log_line() {
        let (_, codec) = Codec::of_video(b"\x91\nab\x00").unwrap();
        assert_eq!(codec.to_string(), "FourCC \\nab\\x00");
    }
}
