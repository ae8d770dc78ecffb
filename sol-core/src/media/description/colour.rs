//! Colour: what the numbers of a picture mean (ITU-T H.273), and whether that is more than a common display can show.
//!
//! A decoder configuration says it, and beside it the metadata packet of a video track (Enhanced RTMP v2, "Metadata Frame").

use std::fmt;

use crate::amf::{Properties, Value, amf0};

use super::bits::Bits;

/// Where a picture has samples of colour, beside those of brightness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// Nowhere.
    Monochrome,
    /// One for each square of four pixels.
    C420,
    /// One for two pixels of a row.
    C422,
    /// One for each pixel.
    C444,
}

impl Chroma {
    /// By its number in H.264 and those after it (chroma_format_idc).
    pub(super) fn of_format(number: u32) -> Option<Chroma> {
        match number {
            0 => Some(Chroma::Monochrome),
            1 => Some(Chroma::C420),
            2 => Some(Chroma::C422),
            3 => Some(Chroma::C444),
            _ => None,
        }
    }

    /// Its number there.
    pub(super) fn format(self) -> u8 {
        match self {
            Chroma::Monochrome => 0,
            Chroma::C420 => 1,
            Chroma::C422 => 2,
            Chroma::C444 => 3,
        }
    }

    /// Pixels for each sample, across and down.
    pub(super) fn pixels(self) -> (u32, u32) {
        match self {
            Chroma::C420 => (2, 2),
            Chroma::C422 => (2, 1),
            Chroma::Monochrome | Chroma::C444 => (1, 1),
        }
    }
}

impl fmt::Display for Chroma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Chroma::Monochrome => "4:0:0",
            Chroma::C420 => "4:2:0",
            Chroma::C422 => "4:2:2",
            Chroma::C444 => "4:4:4",
        })
    }
}

/// What a picture's numbers mean, by the numbers of H.273. [`Colour::UNSPECIFIED`] is one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Which red, green and blue: 1 is BT.709, 9 BT.2020.
    pub primaries: u8,
    /// From number to light: 1 is BT.709, 16 PQ, 18 HLG.
    pub transfer: u8,
    /// From brightness and colour to red, green and blue.
    pub matrix: u8,
    /// Whether all numbers are used; `None` where nobody says so.
    pub is_full_range: Option<bool>,
}

impl Colour {
    /// "Nobody says": what a number means then is up to the player.
    pub const UNSPECIFIED: u8 = 2;

    /// Which kind of high dynamic range this is, in pictures whose samples have so many bits.
    pub const fn hdr(self, bit_depth: Option<u8>) -> Option<Hdr> {
        const BT_2020: u8 = 9;
        match (self.transfer, self.primaries, bit_depth) {
            (16, BT_2020, Some(10..)) => Some(Hdr::Hdr10),
            (16, _, _) => Some(Hdr::Pq),
            (18, _, _) => Some(Hdr::Hlg),
            _ => None,
        }
    }

    /// Three numbers of eight bits.
    pub(super) fn read(bits: &mut Bits<'_>, is_full_range: Option<bool>) -> Option<Colour> {
        let [primaries, transfer, matrix] = [bits.byte(8)?, bits.byte(8)?, bits.byte(8)?];
        Some(Colour { primaries, transfer, matrix, is_full_range })
    }

    /// Whether a codec string need not tell of it: BT.709, or nothing said.
    pub(super) fn is_common(self) -> bool {
        let numbers = [self.primaries, self.transfer, self.matrix];
        self.is_full_range != Some(true) && (numbers == [1; 3] || numbers == [Self::UNSPECIFIED; 3])
    }

    /// `None` where nothing is said.
    fn known(self) -> Option<Colour> {
        let is_unknown = self.is_full_range.is_none()
            && [self.primaries, self.transfer, self.matrix].iter().all(|&number| number == Self::UNSPECIFIED);
        (!is_unknown).then_some(self)
    }

    /// What somebody else says counts, where that one says something.
    pub(super) fn with(self, other: Colour) -> Colour {
        let or = |said: u8, own: u8| if said == Self::UNSPECIFIED { own } else { said };
        Colour {
            primaries: or(other.primaries, self.primaries),
            transfer: or(other.transfer, self.transfer),
            matrix: or(other.matrix, self.matrix),
            is_full_range: other.is_full_range.or(self.is_full_range),
        }
    }
}

/// High dynamic range, by how numbers become light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hdr {
    /// Perceptual quantiser (SMPTE ST 2084), and not all that makes HDR10 of it.
    Pq,
    /// The same with the colours of BT.2020 in ten bits or more: HDR10, and those that build on it.
    Hdr10,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
}

impl Hdr {
    /// The stable name, as it stands in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Hdr::Pq => "PQ",
            Hdr::Hdr10 => "HDR10",
            Hdr::Hlg => "HLG",
        }
    }
}

impl fmt::Display for Hdr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a publisher says of its colours beside the configuration: `colorInfo`. All empty where it takes back what it has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColourInfo {
    /// Bits of a sample.
    pub bit_depth: Option<u8>,
    /// What the numbers mean.
    pub colour: Option<Colour>,
    /// How bright it is.
    pub light: Option<ContentLight>,
    /// The display at which it was made.
    pub mastering: Option<MasteringDisplay>,
}

/// How bright pictures are, in candela per square metre (CTA-861.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentLight {
    /// The brightest pixel of all.
    pub max: u32,
    /// The brightest picture, on average.
    pub frame_average_max: u32,
}

/// A display on which somebody has made a picture look right (SMPTE ST 2086).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MasteringDisplay {
    /// Its red.
    pub red: Primary,
    /// Its green.
    pub green: Primary,
    /// Its blue.
    pub blue: Primary,
    /// Its white.
    pub white: Primary,
    /// The brightest it can show, in ten thousandths of a candela per square metre.
    pub luminance_max: u32,
    /// The darkest.
    pub luminance_min: u32,
}

/// A colour by its place in the diagram of CIE 1931, in units of 0.00002: 50 000 is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are called that")]
pub struct Primary {
    pub x: u16,
    pub y: u16,
}

impl ColourInfo {
    /// Reads the body of a metadata packet: names and values in AMF. `None` where it says nothing of colours; what else stands
    /// in it is for others. Costs time in proportion to its length.
    pub fn of(body: &[u8]) -> Option<ColourInfo> {
        let mut reader = amf0::Reader::new(body);
        while !reader.is_empty() {
            let name = reader.read_value().ok()?;
            let value = reader.read_value().ok()?;
            if name.as_str() == Some("colorInfo") {
                // Undefined, or an empty object, takes back what was said.
                return Some(value.properties().map(Self::read).unwrap_or_default());
            }
        }
        None
    }

    fn read(properties: &Properties) -> ColourInfo {
        let within = |name| properties.get(name).and_then(Value::properties);
        let config = within("colorConfig");
        let colour = config.and_then(|config| {
            let number = |name| number(config, name, 1.0).and_then(|number| u8::try_from(number).ok());
            let or_unspecified = |name| number(name).unwrap_or(Colour::UNSPECIFIED);
            let colour = Colour {
                primaries: or_unspecified("colorPrimaries"),
                transfer: or_unspecified("transferCharacteristics"),
                matrix: or_unspecified("matrixCoefficients"),
                is_full_range: None,
            };
            colour.known()
        });
        let bit_depth = config.and_then(|config| number(config, "bitDepth", 1.0));
        ColourInfo {
            bit_depth: bit_depth
                .and_then(|bits| u8::try_from(bits).ok())
                .filter(|bits| (1..=16).contains(bits)),
            colour,
            light: within("hdrCll").and_then(ContentLight::read),
            mastering: within("hdrMdcv").and_then(MasteringDisplay::read),
        }
    }
}

impl ContentLight {
    fn read(properties: &Properties) -> Option<ContentLight> {
        let max = number(properties, "maxCLL", 1.0)?;
        Some(ContentLight { max, frame_average_max: number(properties, "maxFall", 1.0)? })
    }
}

impl MasteringDisplay {
    fn read(properties: &Properties) -> Option<MasteringDisplay> {
        let place = |name| number(properties, name, 50_000.0).and_then(|number| u16::try_from(number).ok());
        let primary = |x, y| Some(Primary { x: place(x)?, y: place(y)? });
        Some(MasteringDisplay {
            red: primary("redX", "redY")?,
            green: primary("greenX", "greenY")?,
            blue: primary("blueX", "blueY")?,
            white: primary("whitePointX", "whitePointY")?,
            luminance_max: number(properties, "maxLuminance", 10_000.0)?,
            luminance_min: number(properties, "minLuminance", 10_000.0)?,
        })
    }
}

/// A number that is not below zero, in units of which there are so many in 1.
fn number(properties: &Properties, name: &str, units: f64) -> Option<u32> {
    let number = (properties.get(name)?.as_number()? * units).round();
    // NaN is within no range.
    (0.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(info: Value) -> Vec<u8> {
        amf0::write_all(&[Value::from("colorInfo"), info])
    }

    fn hdr10() -> Properties {
        let config = Properties::new()
            .with("bitDepth", 10.0)
            .with("colorPrimaries", 9.0)
            .with("transferCharacteristics", 16.0)
            .with("matrixCoefficients", 9.0);
        let light = Properties::new().with("maxFall", 400.0).with("maxCLL", 1_000.0);
        let mastering = Properties::new()
            .with("redX", 0.68)
            .with("redY", 0.32)
            .with("greenX", 0.265)
            .with("greenY", 0.69)
            .with("blueX", 0.15)
            .with("blueY", 0.06)
            .with("whitePointX", 0.3127)
            .with("whitePointY", 0.329)
            .with("maxLuminance", 1_000.0)
            .with("minLuminance", 0.005);
        Properties::new()
            .with("colorConfig", Value::Object(config))
            .with("hdrCll", Value::Object(light))
            .with("hdrMdcv", Value::Object(mastering))
    }

    #[test]
    fn a_metadata_packet_says_what_colours_mean_and_how_bright_they_are() {
        let info = ColourInfo::of(&packet(Value::Object(hdr10()))).unwrap();
        assert_eq!(info.bit_depth, Some(10));
        let colour = Colour { primaries: 9, transfer: 16, matrix: 9, is_full_range: None };
        assert_eq!((info.colour, colour.hdr(info.bit_depth)), (Some(colour), Some(Hdr::Hdr10)));
        assert_eq!(info.light, Some(ContentLight { max: 1_000, frame_average_max: 400 }));
        let mastering = info.mastering.unwrap();
        assert_eq!(mastering.red, Primary { x: 34_000, y: 16_000 });
        assert_eq!(mastering.green, Primary { x: 13_250, y: 34_500 });
        assert_eq!(mastering.blue, Primary { x: 7_500, y: 3_000 });
        assert_eq!(mastering.white, Primary { x: 15_635, y: 16_450 });
        assert_eq!((mastering.luminance_max, mastering.luminance_min), (10_000_000, 50));
    }

    #[test]
    fn hdr10_is_pq_with_wide_colours_in_ten_bits() {
        let hdr = |primaries, transfer, bits| {
            Colour { primaries, transfer, matrix: 9, is_full_range: None }.hdr(bits).map(Hdr::name)
        };
        assert_eq!([hdr(9, 16, Some(10)), hdr(9, 16, Some(12))], [Some("HDR10"); 2]);
        let less = [hdr(9, 16, Some(8)), hdr(9, 16, None), hdr(1, 16, Some(10)), hdr(2, 16, Some(10))];
        assert_eq!(less, [Some("PQ"); 4]);
        assert_eq!([hdr(9, 18, Some(8)), hdr(9, 1, Some(10))], [Some("HLG"), None]);
    }

    #[test]
    fn undefined_and_an_empty_object_take_back_what_was_said() {
        for nothing in [Value::Undefined, Value::Object(Properties::new()), Value::Null] {
            assert_eq!(ColourInfo::of(&packet(nothing)), Some(ColourInfo::default()));
        }
    }

    #[test]
    fn what_is_no_number_or_cannot_be_one_is_not_said() {
        let config = Properties::new()
            .with("bitDepth", 1_000.0)
            .with("colorPrimaries", f64::NAN)
            .with("transferCharacteristics", -1.0)
            .with("matrixCoefficients", "nine");
        let light = Properties::new().with("maxFall", 1e300).with("maxCLL", 1.0);
        let info = Properties::new()
            .with("colorConfig", Value::Object(config))
            .with("hdrCll", Value::Object(light))
            .with("hdrMdcv", 7.0);
        assert_eq!(ColourInfo::of(&packet(Value::Object(info))), Some(ColourInfo::default()));
    }

    #[test]
    fn a_packet_that_says_something_else_says_nothing_of_colours() {
        let other = [Value::from("other"), Value::from(1.0)];
        assert_eq!(ColourInfo::of(&amf0::write_all(&other)), None);
        let behind = [&amf0::write_all(&other)[..], &packet(Value::Object(hdr10()))].concat();
        assert_eq!(ColourInfo::of(&behind).unwrap().bit_depth, Some(10));
    }
}
