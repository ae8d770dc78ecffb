//! Sounds: the smallest AAC that every decoder takes, which is silence.
//!
//! A frame is data stream elements, which carry what nobody plays, then one channel without
//! spectrum. All elements happen to end on whole bytes. Clauses are those of ISO/IEC 14496-3.

/// AAC sequence header: AAC-LC, 44 100 Hz, mono. The flags of the first byte are always those.
pub(super) const AAC_CONFIG: &[u8] = &[0xAF, 0, 0x12, 0x08];

pub(super) const SAMPLE_RATE: u64 = 44_100;
pub(super) const FRAME_SAMPLES: u64 = 1_024;

/// An audio tag body that carries `text` and filler.
pub(super) fn frame(text: &[u8], filler: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xAF, 1];
    for content in std::iter::once(text).chain(filler.chunks(ELEMENT_BYTES_MAX)) {
        frame.push(DATA_STREAM_ELEMENT);
        frame.push(u8::try_from(content.len()).expect("shorter than the escape of the count"));
        frame.extend(content);
    }
    frame.extend(SILENCE_AND_END);
    frame
}

/// Where the text of a frame begins, behind its header.
pub(super) const TEXT_AT: usize = 2;

/// Element 4, tag 0, aligned to bytes (4.4.2.7).
const DATA_STREAM_ELEMENT: u8 = 0b1000_0001;
/// A count of 255 has an escape behind it.
const ELEMENT_BYTES_MAX: usize = 254;
/// A single channel without scale factor bands (4.4.2.1), then element 7, the end.
const SILENCE_AND_END: [u8; 4] = [0x01, 0xFE, 0x00, 0x07];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_first_and_filler_in_elements_of_its_own() {
        let frame = frame(b"text", &[0x55; 300]);
        assert_eq!(frame[..2 + TEXT_AT], [0xAF, 1, 0x81, 4]);
        assert_eq!(&frame[2 + TEXT_AT..2 + TEXT_AT + 4], b"text");
        let elements = &frame[2 + TEXT_AT + 4..];
        assert_eq!(elements[..3], [0x81, 254, 0x55]);
        assert_eq!(elements[256..259], [0x81, 46, 0x55]);
        assert_eq!(elements[304..], SILENCE_AND_END);
    }
}
