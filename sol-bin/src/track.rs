//! Track: what is said of one in a log line, by the names of its fields.

use std::fmt::Display;

use sol_tokio::sol_core::media::description::{Chroma, Hdr};
use sol_tokio::sol_core::media::{Description, TrackId, TrackKind};
use tracing::field::{DisplayValue, display};

/// The fields of a line about one track; those that nobody knows are left out.
#[derive(Debug)]
pub(crate) struct TrackFields<'a> {
    /// Its number, of a video track.
    pub(crate) video: Option<u8>,
    /// The same, of an audio track.
    pub(crate) audio: Option<u8>,
    /// With profile and level, where they are known: `avc1.64001F`.
    pub(crate) codec: String,
    pub(crate) profile: Option<&'a str>,
    pub(crate) level: Option<DisplayValue<&'a String>>,
    pub(crate) size: Option<DisplayValue<String>>,
    /// By the configuration, to the hundredth.
    pub(crate) frames_per_second: Option<f64>,
    /// Where it is not eight, or of sound.
    pub(crate) bit_depth: Option<u8>,
    /// Where it is not 4:2:0.
    pub(crate) chroma: Option<DisplayValue<String>>,
    pub(crate) hdr: Option<DisplayValue<&'static str>>,
    pub(crate) sample_rate: Option<u32>,
    pub(crate) channels: Option<u8>,
}

impl<'a> TrackFields<'a> {
    pub(crate) fn of(kind: TrackKind, id: TrackId, description: &'a Description) -> Self {
        let number = |of| (kind == of).then_some(id.0);
        let codec = description.codec_string.clone();
        Self {
            video: number(TrackKind::Video),
            audio: number(TrackKind::Audio),
            codec: codec.unwrap_or_else(|| description.codec.to_string()),
            profile: description.profile.as_deref(),
            level: description.level.as_ref().map(display),
            size: shown(description.size),
            frames_per_second: description.frame_rate.map(|rate| (rate.per_second() * 100.0).round() / 100.0),
            bit_depth: description.bit_depth.filter(|&bits| bits != 8 || kind == TrackKind::Audio),
            chroma: shown(description.chroma.filter(|&chroma| chroma != Chroma::C420)),
            hdr: description.hdr().map(Hdr::name).map(display),
            sample_rate: description.sample_rate,
            channels: description.channels,
        }
    }
}

fn shown(value: Option<impl Display>) -> Option<DisplayValue<String>> {
    value.map(|value| display(value.to_string()))
}
