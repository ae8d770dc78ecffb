//! Picture: profile and size, from the parameter sets of video codecs.

use super::Parameters;
use super::bits::Bits;

/// An AVCDecoderConfigurationRecord with an H.264 sequence parameter set (ITU-T H.264, 7.3.2.1.1).
pub(super) fn h264(record: &[u8]) -> Option<Parameters> {
    let &[_, profile, _, level, _, sets, high, low] = record.first_chunk()?;
    let name = match profile {
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 => "High",
        110 => "High 10",
        122 => "High 4:2:2",
        244 => "High 4:4:4 Predictive",
        _ => "",
    };
    let name = if name.is_empty() { format!("profile {profile}") } else { name.to_owned() };
    let profile = format!("{name}, level {}.{}", level / 10, level % 10);
    let length = usize::from(u16::from_be_bytes([high, low]));
    let set = record.get(8..8 + length).filter(|_| sets & 0x1F > 0);
    let size = set.and_then(|set| h264_size(&without_emulation(set)));
    Some(Parameters { profile: Some(profile), size, ..Parameters::default() })
}

fn h264_size(set: &[u8]) -> Option<(u32, u32)> {
    // The header of the NAL unit, then profile, constraints and level.
    let mut bits = Bits::of(set.get(1..)?);
    let profile = bits.read(8)?;
    bits.skip(16)?;
    bits.golomb()?;
    let mut chroma = 1;
    let mut is_separate = false;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        chroma = bits.golomb()?;
        if chroma == 3 {
            is_separate = bits.flag()?;
        }
        bits.golomb()?;
        bits.golomb()?;
        bits.skip(1)?;
        if bits.flag()? {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.flag()? {
                    skip_scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.golomb()?;
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.skip(1)?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    bits.golomb()?;
    bits.skip(1)?;
    let width = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
    let map_units = bits.golomb()?.checked_add(1)?;
    let frame_only = bits.flag()?;
    let fields = if frame_only { 1 } else { 2 };
    let height = map_units.checked_mul(16 * fields)?;
    if !frame_only {
        bits.skip(1)?;
    }
    bits.skip(1)?;
    if !bits.flag()? {
        return Some((width, height));
    }
    let has_planes = !is_separate && chroma != 0;
    let unit_x = if has_planes && chroma < 3 { 2 } else { 1 };
    let unit_y = fields * if has_planes && chroma == 1 { 2 } else { 1 };
    cropped((width, height), &mut bits, unit_x, unit_y)
}

/// A scaling list, whose values are not wanted (7.3.2.1.1.1).
fn skip_scaling_list(bits: &mut Bits<'_>, length: u32) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..length {
        if next != 0 {
            let code = i64::from(bits.golomb()?);
            let delta = if code % 2 == 0 { -(code / 2) } else { (code + 1) / 2 };
            next = (last + delta).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// An HEVCDecoderConfigurationRecord with a sequence parameter set (ITU-T H.265, 7.3.2.2.1).
pub(super) fn hevc(record: &[u8]) -> Option<Parameters> {
    const SEQUENCE_SET: u8 = 33;
    let profile = match record.get(1)? & 0x1F {
        1 => "Main".to_owned(),
        2 => "Main 10".to_owned(),
        3 => "Main Still Picture".to_owned(),
        4 => "Range Extensions".to_owned(),
        profile => format!("profile {profile}"),
    };
    let level = record.get(12)?;
    let profile = format!("{profile}, level {}.{}", level / 30, level % 30 / 3);
    let mut size = None;
    let mut rest = record.get(23..)?;
    for _ in 0..*record.get(22)? {
        let Some((&[kind, high, low], behind)) = rest.split_first_chunk() else { break };
        rest = behind;
        for _ in 0..u16::from_be_bytes([high, low]) {
            let Some((length, behind)) = rest.split_first_chunk() else { break };
            let length = usize::from(u16::from_be_bytes(*length));
            let Some(unit) = behind.get(..length) else { break };
            if kind & 0x3F == SEQUENCE_SET && size.is_none() {
                size = hevc_size(&without_emulation(unit));
            }
            rest = &behind[length..];
        }
    }
    Some(Parameters { profile: Some(profile), size, ..Parameters::default() })
}

fn hevc_size(set: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::of(set.get(2..)?);
    bits.skip(4)?;
    let sub_layers = bits.read(3)?;
    bits.skip(1)?;
    // profile_tier_level: the general part, then what is there for each sub-layer.
    bits.skip(88 + 8)?;
    let mut present = Vec::new();
    for _ in 0..sub_layers {
        present.push((bits.flag()?, bits.flag()?));
    }
    if sub_layers > 0 {
        bits.skip(2 * (8 - sub_layers))?;
    }
    for (has_profile, has_level) in present {
        bits.skip(if has_profile { 88 } else { 0 } + if has_level { 8 } else { 0 })?;
    }
    bits.golomb()?;
    let chroma = bits.golomb()?;
    let is_separate = chroma == 3 && bits.flag()?;
    let size = (bits.golomb()?, bits.golomb()?);
    if !bits.flag()? {
        return Some(size);
    }
    let unit_x = if !is_separate && matches!(chroma, 1 | 2) { 2 } else { 1 };
    let unit_y = if !is_separate && chroma == 1 { 2 } else { 1 };
    cropped(size, &mut bits, unit_x, unit_y)
}

/// An AV1CodecConfigurationRecord with a sequence header (AV1, 5.5).
pub(super) fn av1(record: &[u8]) -> Option<Parameters> {
    const SEQUENCE_HEADER: u8 = 1;
    let &[_, profile_and_level, _, _] = record.first_chunk()?;
    let (profile, level) = (profile_and_level >> 5, profile_and_level & 0x1F);
    let name = ["Main", "High", "Professional"].get(usize::from(profile));
    let name = name.map_or_else(|| format!("profile {profile}"), |name| (*name).to_owned());
    let profile = format!("{name}, level {}.{}", 2 + level / 4, level % 4);
    let units = record.get(4..)?;
    let (&header, mut unit) = units.split_first()?;
    if header & 0x04 != 0 {
        unit = unit.get(1..)?;
    }
    if header & 0x02 != 0 {
        // Its size, in bytes of seven bits.
        let length = unit.iter().position(|byte| byte & 0x80 == 0)?;
        unit = unit.get(length + 1..)?;
    }
    let size = if header >> 3 & 0x0F == SEQUENCE_HEADER { av1_size(unit) } else { None };
    Some(Parameters { profile: Some(profile), size, ..Parameters::default() })
}

fn av1_size(header: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::of(header);
    bits.skip(4)?;
    let is_reduced = bits.flag()?;
    if is_reduced {
        bits.skip(5)?;
    } else {
        let mut delay_bits = None;
        if bits.flag()? {
            // Timing.
            bits.skip(64)?;
            if bits.flag()? {
                bits.golomb()?;
            }
            if bits.flag()? {
                delay_bits = Some(bits.read(5)? + 1);
                bits.skip(32 + 10)?;
            }
        }
        let has_display_delay = bits.flag()?;
        for _ in 0..=bits.read(5)? {
            bits.skip(12)?;
            if bits.read(5)? > 7 {
                bits.skip(1)?;
            }
            if let Some(delay_bits) = delay_bits
                && bits.flag()?
            {
                bits.skip(2 * delay_bits + 1)?;
            }
            if has_display_delay && bits.flag()? {
                bits.skip(4)?;
            }
        }
    }
    let (width_bits, height_bits) = (bits.read(4)? + 1, bits.read(4)? + 1);
    Some((bits.read(width_bits)? + 1, bits.read(height_bits)? + 1))
}

/// Four offsets, in units of pixels, are taken off: left, right, top, bottom.
fn cropped((width, height): (u32, u32), bits: &mut Bits<'_>, unit_x: u32, unit_y: u32) -> Option<(u32, u32)> {
    let [left, right, top, bottom] = [bits.golomb()?, bits.golomb()?, bits.golomb()?, bits.golomb()?];
    let width = width.checked_sub(left.checked_add(right)?.checked_mul(unit_x)?)?;
    let height = height.checked_sub(top.checked_add(bottom)?.checked_mul(unit_y)?)?;
    Some((width, height))
}

/// A NAL unit without the bytes that keep start codes out of it (7.4.1).
fn without_emulation(unit: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(unit.len());
    let mut zeros = 0;
    for &byte in unit {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        plain.push(byte);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    // The records of real encoders: x264 in FFmpeg, x264 in OBS, x265, SVT-AV1 in OBS, libaom.

    #[test]
    fn h264_says_profile_level_and_a_size_that_is_cropped() {
        let record = "01640009ffe1001967640009acd942847e5c0440000003004000000783c489658001000468efbcb0";
        assert_eq!(h264(&bytes(record)).unwrap().words(), "High, level 0.9, 160x120");
        let record = "0164000dffe1001b6764000dacd94141fb016a02020280000003008000001e478a14cb01000468efbcb0";
        assert_eq!(h264(&bytes(record)).unwrap().words(), "High, level 1.3, 320x240");
    }

    #[test]
    fn hevc_says_it_behind_its_video_parameter_set() {
        let record = "0101600000009000000000001ef000fcfdf8f800000f04200001001840010c01ffff01600000030090000003000003001e95\
                      9009210001002942010101600000030090000003000003001ea01420796595924932bc05a020000003002000000301e1";
        assert_eq!(hevc(&bytes(record)).unwrap().words(), "Main, level 1.0, 160x120");
    }

    #[test]
    fn av1_says_it_in_its_sequence_header() {
        let record = "81000d000a0e0200000521e7fde017c080808092";
        assert_eq!(av1(&bytes(record)).unwrap().words(), "Main, level 2.0, 320x240");
        let record = "81000c000a0b020000051da7fb805f0008";
        assert_eq!(av1(&bytes(record)).unwrap().words(), "Main, level 2.0, 160x120");
    }

    #[test]
    fn a_record_that_is_cut_anywhere_makes_nobody_panic() {
        let record =
            bytes("0164000dffe1001b6764000dacd94141fb016a02020280000003008000001e478a14cb01000468efbcb0");
        for length in 0..record.len() {
            for read in [h264, hevc, av1] {
                read(&record[..length]);
            }
        }
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            hex.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
        digits.as_chunks().0.iter().map(|[high, low]| high << 4 | low).collect()
    }
}
