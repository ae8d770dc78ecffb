//! Text: what every frame of a pattern says of itself, where decoders do not look.

use crate::peer::message::TypeId;

use super::{NAL_LENGTH, picture, sound, tags};

/// What every frame of a pattern says of itself: eight and sixteen hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameText {
    /// Mark of the pattern.
    pub mark: u32,
    /// Number within the pattern.
    pub sequence: u64,
}

impl FrameText {
    /// Reads it from an audio or video message, of several tracks that of the first; `None` where it is none of a pattern's frames.
    pub fn read(type_id: TypeId, payload: &[u8]) -> Option<FrameText> {
        let content = match type_id {
            TypeId::VIDEO => picture::sei_content(tags::content(type_id, payload)?.get(NAL_LENGTH..)?)?,
            TypeId::AUDIO => tags::content(type_id, payload)?.get(sound::TEXT_AT..)?,
            _ => return None,
        };
        let text = std::str::from_utf8(content.get(..TEXT_BYTES)?).ok()?;
        let (mark, sequence) = text.split_at(8);
        Some(FrameText {
            mark: u32::from_str_radix(mark, 16).ok()?,
            sequence: u64::from_str_radix(sequence, 16).ok()?,
        })
    }

    pub(super) fn write(self) -> Vec<u8> {
        format!("{:08x}{:016x}", self.mark, self.sequence).into_bytes()
    }
}

const TEXT_BYTES: usize = 24;
