//! VP8 and VP9: their configuration record (VP Codec ISO Media File Format Binding, "VP Codec Configuration Box").

use super::bits::Bits;
use super::{Chroma, Codec, Colour, Description, named};

/// A VPCodecConfigurationRecord; as FFmpeg sends it, behind the version and flags of the box around it.
pub(super) fn describe(codec: Codec, record: &[u8]) -> Option<Description> {
    const VERSION_AND_FLAGS: &[u8] = &[1, 0, 0, 0];
    let record = record.strip_prefix(VERSION_AND_FLAGS).unwrap_or(record);
    let mut bits = Bits::of(record);
    let (profile, level) = (bits.byte(8)?, bits.byte(8)?);
    let (bit_depth, subsampling) = (bits.byte(4)?, bits.byte(3)?);
    let is_full_range = bits.flag()?;
    let colour = Colour::read(&mut bits, Some(is_full_range))?;
    let chroma = match subsampling {
        0 | 1 => Chroma::C420,
        2 => Chroma::C422,
        3 => Chroma::C444,
        _ => return None,
    };
    if profile > 3 || !matches!(bit_depth, 8 | 10 | 12) {
        return None;
    }
    let name = if codec == Codec::Vp8 { "vp08" } else { "vp09" };
    let mut codec_string = format!("{name}.{profile:02}.{level:02}.{bit_depth:02}");
    let Colour { primaries, transfer, matrix, .. } = colour;
    if chroma != Chroma::C420 || !colour.is_common() {
        // All of these, or none ("Codecs Parameter String").
        let range = u8::from(is_full_range);
        codec_string
            .push_str(&format!(".{subsampling:02}.{primaries:02}.{transfer:02}.{matrix:02}.{range:02}"));
    }
    let described = Description::of_codec(codec);
    Some(Description {
        // There is no way to leave out the level alone.
        codec_string: if level > 0 { Some(codec_string) } else { described.codec_string },
        profile: Some(named(None, profile)),
        level: Some(level).filter(|&level| level > 0).map(|level| format!("{}.{}", level / 10, level % 10)),
        bit_depth: Some(bit_depth),
        chroma: Some(chroma),
        colour: Some(colour),
        ..described
    })
}
