//! Normal form: a video payload as FLV and Enhanced RTMP have it, made of what some encoders send in its place.
//!
//! - Start codes where lengths belong (ITU-T H.264 and H.265, annex B), and bare parameter sets where a configuration record does.
//! - Units of no length, which some decoders take for the end of the picture.
//! - H.264 and HEVC without a configuration, but with parameter sets in their keyframes: it is made of those.
//! - The ids 12, 13 and 14, which no specification assigns: HEVC, AV1 and VP8 have a FourCC.
//!
//! Invariants: whatever is in normal form stays the same bytes; of that, each length is looked at once and nothing is allocated.
//! What cannot be understood stays as it is, and so does what would become too long. What is known of a publication is bounded by
//! [`limits::NORMAL_FORM_TRACKS`] and [`limits::PARAMETER_SETS_BYTES`].

mod packet;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::limits;

use super::description::{h264_record_of, hevc_record_of};
use super::units::{StartCodeUnits, Units, has_start_code};
use super::{Codec, Tag, TrackId};

use packet::{Packet, PacketKind};

/// What is known of the video tracks of a publication.
#[derive(Debug, Default)]
pub(crate) struct NormalForm {
    tracks: Vec<Track>,
}

/// What is to be sent of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Normalised {
    /// The payload: it is in normal form, or nobody knows what it is.
    AsItIs,
    /// These in its place, in order. There may be none.
    Instead(Vec<Bytes>, Vec<Oddity>),
}

/// In which way a payload was not in normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// Units stood behind start codes.
    StartCodes,
    /// Some units were empty, or there were none.
    EmptyUnits,
    /// A configuration was missing, or empty.
    NoConfiguration,
    /// Its codec had an id that no specification assigns.
    UnofficialId,
}

#[derive(Debug)]
struct Track {
    id: TrackId,
    codec: Codec,
    /// Of the length in front of each unit.
    length_bytes: usize,
    configuration: Configuration,
    /// Parameter sets that came in place of a configuration and are too few for one, behind their start codes.
    gathered: Vec<u8>,
}

/// What decoders know of a track.
#[derive(Debug)]
enum Configuration {
    /// No parameter sets.
    Missing,
    /// Those that the publisher has sent as a configuration.
    Sent,
    /// Those out of a keyframe, as this record.
    Built(Vec<u8>),
}

impl NormalForm {
    /// What is to be sent in the place of a message; of audio that is the message.
    pub(crate) fn apply(&mut self, tag: &Tag<'_>) -> Normalised {
        let Some(packet) = Packet::of(tag) else { return Normalised::AsItIs };
        let mut oddities = Vec::new();
        if packet.is_unofficial() {
            oddities.push(Oddity::UnofficialId);
        }
        let payloads = match packet.kind {
            PacketKind::Configuration => self.configuration(&packet, &mut oddities),
            PacketKind::Coded => self.coded(&packet, &mut oddities),
            PacketKind::End => None,
        };
        let payloads =
            payloads.or_else(|| packet.is_unofficial().then(|| vec![packet.with_body(packet.body)]));
        match payloads {
            Some(payloads) if payloads.iter().all(|payload| payload.len() <= limits::MESSAGE_BYTES) => {
                Normalised::Instead(payloads.into_iter().map(Bytes::from).collect(), oddities)
            }
            Some(_) => {
                self.forget_what_was_not_sent(&packet);
                Normalised::AsItIs
            }
            None => Normalised::AsItIs,
        }
    }

    /// What is to be sent in the place of a configuration, if that is something else.
    fn configuration(&mut self, packet: &Packet<'_>, oddities: &mut Vec<Oddity>) -> Option<Vec<Vec<u8>>> {
        let family = Family::of(packet.codec)?;
        if packet.body.is_empty() {
            // It would only make players forget what they know.
            oddities.push(Oddity::NoConfiguration);
            return Some(Vec::new());
        }
        let track = self.track(packet)?;
        if StartCodeUnits::new(packet.body).is_none() {
            track.know(family, packet.body);
            return None;
        }
        oddities.push(Oddity::StartCodes);
        let record = track.gather(family, packet.body);
        Some(record.map(|record| packet.with_body(&record)).into_iter().collect())
    }

    /// What is to be sent in the place of a picture, if that is something else.
    fn coded(&mut self, packet: &Packet<'_>, oddities: &mut Vec<Oddity>) -> Option<Vec<Vec<u8>>> {
        let family = Family::of(packet.codec)?;
        if packet.body.is_empty() {
            // There is nothing to show, as with units of no length.
            oddities.push(Oddity::EmptyUnits);
            return Some(Vec::new());
        }
        let track = self.track(packet)?;
        let length_bytes = track.length_bytes;
        let body = match Shape::of(packet.body, length_bytes, family) {
            Shape::Lengths => None,
            Shape::WithEmptyUnits => {
                oddities.push(Oddity::EmptyUnits);
                Some(behind_lengths(Units::new(packet.body, length_bytes), length_bytes)?)
            }
            Shape::StartCodes(units) => {
                let body = behind_lengths(units, length_bytes)?;
                oddities.push(Oddity::StartCodes);
                Some(body)
            }
            Shape::Unknown => return None,
        };
        if body.as_ref().is_some_and(Vec::is_empty) {
            return Some(Vec::new());
        }
        let mut payloads = Vec::new();
        if packet.is_keyframe() {
            let units = Units::new(body.as_deref().unwrap_or(packet.body), length_bytes);
            if let Some(record) = track.configuration.learn(units, family, length_bytes) {
                oddities.push(Oddity::NoConfiguration);
                payloads.push(packet.configuration(record));
            }
        }
        if body.is_none() && payloads.is_empty() {
            return None;
        }
        payloads.push(match &body {
            Some(body) => packet.with_body(body),
            None => packet.with_body(packet.body),
        });
        Some(payloads)
    }

    /// What was made of a packet is too long to be sent, and the record out of it was not sent either.
    fn forget_what_was_not_sent(&mut self, packet: &Packet<'_>) {
        if let Some(track) = self.track(packet)
            && matches!(track.configuration, Configuration::Built(_))
        {
            track.configuration = Configuration::Missing;
        }
    }

    /// The track of a packet; `None` where there are too many.
    fn track(&mut self, packet: &Packet<'_>) -> Option<&mut Track> {
        let index = match self.tracks.iter().position(|track| track.id == packet.track) {
            Some(index) => index,
            None if self.tracks.len() < limits::NORMAL_FORM_TRACKS => {
                self.tracks.push(Track::new(packet));
                self.tracks.len() - 1
            }
            None => return None,
        };
        let track = &mut self.tracks[index];
        if track.codec != packet.codec {
            *track = Track::new(packet);
        }
        Some(track)
    }
}

/// What tests have is payloads.
#[cfg(test)]
impl NormalForm {
    pub(crate) fn apply_to(&mut self, payload: &Bytes) -> Normalised {
        Tag::of_video(payload).map_or(Normalised::AsItIs, |tag| self.apply(&tag))
    }
}

impl Track {
    fn new(packet: &Packet<'_>) -> Self {
        Self {
            id: packet.track,
            codec: packet.codec,
            length_bytes: LENGTH_BYTES,
            configuration: Configuration::Missing,
            gathered: Vec::new(),
        }
    }

    /// A configuration comes that is no parameter sets behind start codes.
    fn know(&mut self, family: Family, body: &[u8]) {
        let record = body.starts_with(&[RECORD_VERSION]).then_some(body);
        self.length_bytes = record.and_then(|record| family.length_bytes(record)).unwrap_or(LENGTH_BYTES);
        let has_sets = record.is_some_and(|record| family.has_sets(record));
        self.configuration = if has_sets { Configuration::Sent } else { Configuration::Missing };
        self.gathered = Vec::new();
    }

    /// Parameter sets come in place of a configuration: the record of them, or of those before as well. Some encoders send each
    /// kind by itself. `None` while there are too few, or none that can be used: then they may come in a keyframe.
    fn gather(&mut self, family: Family, sets: &[u8]) -> Option<Vec<u8>> {
        let record_of = |sets| family.record(StartCodeUnits::new(sets)?, LENGTH_BYTES);
        let record = record_of(sets).or_else(|| {
            if self.gathered.len() + sets.len() > limits::PARAMETER_SETS_BYTES {
                self.gathered = Vec::new();
                return None;
            }
            self.gathered.extend_from_slice(sets);
            record_of(&self.gathered)
        });
        if record.is_some() {
            self.length_bytes = LENGTH_BYTES;
            self.configuration = Configuration::Sent;
            self.gathered = Vec::new();
        } else if matches!(self.configuration, Configuration::Sent) {
            self.configuration = Configuration::Missing;
        }
        record
    }
}

impl Configuration {
    /// A keyframe is to be sent: the record that is to be sent in front of it, if decoders would not know its parameter sets.
    fn learn(&mut self, units: Units<'_>, family: Family, length_bytes: usize) -> Option<&[u8]> {
        if matches!(self, Configuration::Sent) {
            return None;
        }
        let record = family.record(units, length_bytes)?;
        if let Configuration::Built(known) = self
            && *known == record
        {
            return None;
        }
        *self = Configuration::Built(record);
        match self {
            Configuration::Built(record) => Some(record),
            Configuration::Missing | Configuration::Sent => None,
        }
    }
}

/// How the units of a picture are told apart.
enum Shape<'a> {
    Lengths,
    WithEmptyUnits,
    StartCodes(StartCodeUnits<'a>),
    Unknown,
}

impl<'a> Shape<'a> {
    /// A start code may be a length as well, of one byte or of 256 to 511: lengths that add up to the whole are lengths. They are
    /// too where only what stands behind the last unit is none.
    fn of(body: &'a [u8], length_bytes: usize, family: Family) -> Shape<'a> {
        let mut has_empty = false;
        let mut units = Units::new(body, length_bytes);
        for unit in units.by_ref() {
            has_empty |= unit.is_empty();
        }
        if units.rest().is_empty() {
            return if has_empty { Shape::WithEmptyUnits } else { Shape::Lengths };
        }
        if family.begins_behind_a_length(body, length_bytes) {
            return Shape::Unknown;
        }
        match StartCodeUnits::new(body) {
            Some(units) if units.clone().next().is_some_and(|unit| family.may_begin_with(unit)) => {
                Shape::StartCodes(units)
            }
            Some(_) | None => Shape::Unknown,
        }
    }
}

/// Units behind their lengths, those that are empty left out. `None` where one is too long for its length.
fn behind_lengths<'a>(units: impl Iterator<Item = &'a [u8]>, length_bytes: usize) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    for unit in units.filter(|unit| !unit.is_empty()) {
        let length = u32::try_from(unit.len()).ok()?.to_be_bytes();
        let (left_out, length) = length.split_at(length.len() - length_bytes);
        if left_out.iter().any(|&byte| byte != 0) {
            return None;
        }
        body.extend_from_slice(length);
        body.extend_from_slice(unit);
    }
    Some(body)
}

/// Codecs whose pictures consist of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    H264,
    Hevc,
}

/// What a unit is to a configuration.
enum UnitKind {
    VideoSet,
    SequenceSet,
    PictureSet,
    /// A part of the picture itself: parameter sets stand in front of it.
    Slice,
    Other,
}

impl Family {
    fn of(codec: Codec) -> Option<Family> {
        match codec {
            Codec::H264 => Some(Family::H264),
            Codec::Hevc => Some(Family::Hevc),
            Codec::Vvc
            | Codec::Av1
            | Codec::Vp8
            | Codec::Vp9
            | Codec::Sorenson
            | Codec::Vp6
            | Codec::ScreenVideo
            | Codec::Aac
            | Codec::Mp3
            | Codec::Opus
            | Codec::Flac
            | Codec::Ac3
            | Codec::Eac3
            | Codec::Speex
            | Codec::Nellymoser
            | Codec::Pcm
            | Codec::Adpcm
            | Codec::G711ALaw
            | Codec::G711MuLaw
            | Codec::UnknownVideo(_)
            | Codec::UnknownAudio(_)
            | Codec::UnknownFourCc(_) => None,
        }
    }

    /// H.264, table 7-1; H.265, table 7-1.
    fn kind_of(self, unit: &[u8]) -> UnitKind {
        let Some(&first) = unit.first() else { return UnitKind::Other };
        match self {
            Family::H264 => match first & 0x1F {
                1..=5 => UnitKind::Slice,
                7 => UnitKind::SequenceSet,
                8 => UnitKind::PictureSet,
                _ => UnitKind::Other,
            },
            Family::Hevc => match first >> 1 & 0x3F {
                0..=31 => UnitKind::Slice,
                32 => UnitKind::VideoSet,
                33 => UnitKind::SequenceSet,
                34 => UnitKind::PictureSet,
                _ => UnitKind::Other,
            },
        }
    }

    /// Whether a unit may stand at the beginning of a picture. What looks like a start code may be the length of a unit that was
    /// cut off.
    fn may_begin_with(self, unit: &[u8]) -> bool {
        let Some(&first) = unit.first() else { return false };
        let is_assigned = match self {
            Family::H264 => matches!(first & 0x1F, 1 | 2 | 5..=9 | 14 | 15),
            Family::Hevc => {
                let is_known = matches!(first >> 1 & 0x3F, 0..=9 | 16..=21 | 32..=35 | 39);
                // Of the base layer, and of a temporal layer whose number is never sent as 0 (H.265, 7.4.2.2).
                let is_base = unit.get(1).is_some_and(|&second| first & 1 == 0 && matches!(second, 1..=7));
                is_known && is_base
            }
        };
        first & FORBIDDEN == 0 && is_assigned
    }

    /// Whether a picture has a whole unit behind a length, which is no start code then.
    fn begins_behind_a_length(self, body: &[u8], length_bytes: usize) -> bool {
        let Some(unit) = Units::new(body, length_bytes).find(|unit| !unit.is_empty()) else { return false };
        // What a slice of a keyframe never begins with, and a message behind a start code often does (H.264, 7.4.1).
        const UNREFERENCED_KEY: u8 = 5;
        let is_message = self == Family::H264 && unit.first() == Some(&UNREFERENCED_KEY);
        // Within a unit there is no start code. Behind one that was taken for a length, the next is near.
        unit.len() > 1 && self.may_begin_with(unit) && !is_message && !has_start_code(unit)
    }

    /// A configuration record of the parameter sets among the units of a picture, or of those that stand alone.
    fn record<'a>(self, units: impl Iterator<Item = &'a [u8]>, length_bytes: usize) -> Option<Vec<u8>> {
        let (mut videos, mut sequences, mut pictures) = (Vec::new(), Vec::new(), Vec::new());
        for unit in units.take(limits::PARAMETER_SETS) {
            let sets = match self.kind_of(unit) {
                UnitKind::VideoSet => &mut videos,
                UnitKind::SequenceSet => &mut sequences,
                UnitKind::PictureSet => &mut pictures,
                UnitKind::Other => continue,
                UnitKind::Slice => break,
            };
            if !sets.contains(&unit) {
                sets.push(unit);
            }
        }
        let record = match self {
            Family::H264 => h264_record_of(&sequences, &pictures, length_bytes),
            Family::Hevc => hevc_record_of(&videos, &sequences, &pictures, length_bytes),
        };
        record.filter(|record| record.len() <= limits::PARAMETER_SETS_BYTES)
    }

    /// How many bytes a length has, by a configuration record.
    fn length_bytes(self, record: &[u8]) -> Option<usize> {
        let at = match self {
            Family::H264 => 4,
            Family::Hevc => 21,
        };
        record.get(at).map(|byte| usize::from(byte & 3) + 1)
    }

    /// Whether a configuration record has parameter sets.
    fn has_sets(self, record: &[u8]) -> bool {
        match self {
            Family::H264 => record.get(5).is_some_and(|count| count & 0x1F > 0),
            Family::Hevc => record.get(22).is_some_and(|&arrays| arrays > 0),
        }
    }
}

/// The first byte of a configuration record (ISO/IEC 14496-15, 5.3.3.1 and 8.3.3.1).
const RECORD_VERSION: u8 = 1;

/// Of the length in front of a unit, where no configuration says it.
const LENGTH_BYTES: usize = 4;

/// The first bit of a unit, which is never set (H.264, 7.4.1; H.265, 7.4.2.2).
const FORBIDDEN: u8 = 0x80;
