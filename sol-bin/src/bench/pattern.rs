//! Pattern: the media of a bench: H.264 and AAC by their headers, inside numbers, send times and filler.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use sol_tokio::sol_core::ids::MessageType;
use sol_tokio::sol_core::limits;

/// What is published.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Pattern {
    /// Video bit rate in kbit/s; audio adds 128
    #[arg(long, value_name = "KBPS", default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(50..=500_000))]
    pub bitrate: u32,

    /// Pictures per second
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    pub fps: u32,

    /// Seconds between keyframes
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub gop: u32,

    /// Bytes of payload in each chunk that is sent to a server
    #[arg(long, value_name = "BYTES", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(128..=0xFF_FFFF))]
    pub chunk_size: u32,
}

/// One message, before it is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// Which of the streams of a run it is of.
    pub stream: u32,
    pub sequence: u64,
    pub kind: ItemKind,
    /// When it is sent, from the first one on; also its timestamp.
    pub due: Duration,
    /// Bytes of payload.
    pub length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    Keyframe,
    Interframe,
    Sound,
}

/// What a player reads out of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub sequence: u64,
    pub sent_at_nanos: u64,
}

impl Pattern {
    /// All messages of one of the streams, without end, in the order in which they are due.
    pub(super) fn items(self, stream: u32) -> impl Iterator<Item = Item> {
        let per_group = u64::from(self.fps * self.gop);
        let unit = self.unit_bytes();
        let (mut picture, mut sound) = (0_u64, 0_u64);
        (0..).map(move |sequence| {
            let picture_due = Duration::from_nanos(picture * 1_000_000_000 / u64::from(self.fps));
            let sound_due = Duration::from_nanos(sound * SOUND_NANOS);
            let (kind, due, length) = if sound_due < picture_due {
                sound += 1;
                (ItemKind::Sound, sound_due, SOUND_BYTES)
            } else {
                let is_key = picture.is_multiple_of(per_group);
                picture += 1;
                let (kind, weight) =
                    if is_key { (ItemKind::Keyframe, KEYFRAME_WEIGHT) } else { (ItemKind::Interframe, 1) };
                (kind, picture_due, (unit * weight) as usize)
            };
            Item { stream, sequence, kind, due, length: length.max(SHORTEST) }
        })
    }

    /// Whether there can be messages of that size.
    pub(super) fn check(self) -> anyhow::Result<()> {
        let unit = self.unit_bytes();
        if unit < SHORTEST as u64 {
            bail!("{} kbit/s are too little for {} pictures per second", self.bitrate, self.fps);
        }
        if unit * KEYFRAME_WEIGHT > limits::MESSAGE_BYTES as u64 {
            bail!("no message of RTMP is as long as a keyframe would be; have more pictures, or fewer bits");
        }
        Ok(())
    }

    /// Bytes of a picture that is no keyframe.
    fn unit_bytes(self) -> u64 {
        let group_bytes = u64::from(self.bitrate) * 1_000 / 8 * u64::from(self.gop);
        group_bytes / (u64::from(self.fps * self.gop) - 1 + KEYFRAME_WEIGHT)
    }

    /// Bits per second of payload.
    pub(super) fn bits_per_second(self) -> f64 {
        f64::from(self.bitrate) * 1_000.0 + SOUND_BYTES as f64 * 8.0 * 1e9 / SOUND_NANOS as f64
    }
}

impl ItemKind {
    fn head(self) -> &'static [u8] {
        match self {
            // AVC, one NAL unit whose length nobody checks: an IDR slice, or another one.
            ItemKind::Keyframe => &[0x17, 1, 0, 0, 0, 0, 0, 1, 0, 0x65],
            ItemKind::Interframe => &[0x27, 1, 0, 0, 0, 0, 0, 1, 0, 0x41],
            ItemKind::Sound => &[0xAF, 1],
        }
    }

    /// As which message it is sent.
    pub(super) fn message_type(self) -> MessageType {
        match self {
            ItemKind::Keyframe | ItemKind::Interframe => MessageType::VIDEO,
            ItemKind::Sound => MessageType::AUDIO,
        }
    }
}

impl Item {
    /// The payload, sent at that moment.
    pub(super) fn payload(&self, sent_at_nanos: u64) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.length);
        payload.extend(self.kind.head());
        payload.extend(MAGIC);
        payload.extend(self.stream.to_be_bytes());
        payload.extend(self.sequence.to_be_bytes());
        payload.extend(sent_at_nanos.to_be_bytes());
        let mut filler = Filler(u64::from(self.stream) << 40 | self.sequence);
        while payload.len() < self.length {
            let word = filler.word().to_be_bytes();
            payload.extend(&word[..word.len().min(self.length - payload.len())]);
        }
        payload
    }

    /// Reads a payload and looks at every byte of it, against what this item should be; what is wrong otherwise.
    pub(super) fn verify(&self, payload: &[u8]) -> Result<Seen, String> {
        let seen =
            Seen::read(payload).ok_or_else(|| format!("{} bytes are not of this bench", payload.len()))?;
        if seen.sequence != self.sequence || payload != self.payload(seen.sent_at_nanos) {
            return Err(format!("message {} came, and not as message {} was", seen.sequence, self.sequence));
        }
        Ok(seen)
    }
}

impl Seen {
    /// What a payload says of itself; `None` if it is not of a bench.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let head = [ItemKind::Keyframe, ItemKind::Interframe, ItemKind::Sound].map(ItemKind::head);
        let head = head.into_iter().find(|head| payload.starts_with(head))?;
        let rest = payload[head.len()..].strip_prefix(&MAGIC)?;
        let (_stream, rest) = rest.split_first_chunk::<4>()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let sent_at = rest.first_chunk()?;
        Some(Self { sequence: u64::from_be_bytes(*sequence), sent_at_nanos: u64::from_be_bytes(*sent_at) })
    }
}

/// Whether a video payload is a keyframe of a bench.
pub(super) fn is_keyframe(payload: &[u8]) -> bool {
    payload.starts_with(ItemKind::Keyframe.head())
}

/// Bytes that look random and are the same for a seed.
struct Filler(u64);

impl Filler {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ (mixed >> 29)
    }
}

/// What a decoder needs before the pictures: Main profile, level 3, 320 by 240.
pub(super) const VIDEO_CONFIG: &[u8] = &[
    0x17, 0, 0, 0, 0, 1, 0x4D, 0x40, 0x1E, 0xFF, 0xE1, 0, 8, 0x67, 0x4D, 0x40, 0x1E, 0xED, 0x85, 0x08, 0xC8,
    1, 0, 4, 0x68, 0xCE, 0x3C, 0x80,
];

/// And before the sounds: AAC-LC, 44.1 kHz, stereo.
pub(super) const AUDIO_CONFIG: &[u8] = &[0xAF, 0, 0x12, 0x10];

const MAGIC: [u8; 8] = *b"SOLBENCH";

/// A keyframe is so many times as large as another picture.
const KEYFRAME_WEIGHT: u64 = 8;

/// 1 024 samples at 44.1 kHz.
const SOUND_NANOS: u64 = 1_024 * 1_000_000_000 / 44_100;

/// 128 kbit/s.
const SOUND_BYTES: usize = 372;

/// Head, magic, stream, sequence, time.
const SHORTEST: usize = 10 + 8 + 4 + 8 + 8;

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERN: Pattern = Pattern { bitrate: 4_000, fps: 30, gop: 2, chunk_size: 4_096 };

    #[test]
    fn ten_seconds_have_the_bit_rate_the_pictures_and_the_keyframes_that_were_asked_for() {
        let items: Vec<Item> =
            PATTERN.items(0).take_while(|item| item.due < Duration::from_secs(10)).collect();
        let bits: usize = items.iter().map(|item| item.length * 8).sum();
        let expected = PATTERN.bits_per_second() * 10.0;
        assert!((bits as f64 - expected).abs() < expected * 0.01, "{bits} bits, not {expected}");
        let count = |kind| items.iter().filter(|item| item.kind == kind).count();
        assert_eq!((count(ItemKind::Keyframe), count(ItemKind::Interframe)), (5, 295));
        assert!(items.is_sorted_by_key(|item| item.due));
    }

    #[test]
    fn what_no_message_can_carry_or_tell_is_refused() {
        assert!(PATTERN.check().is_ok());
        for wrong in
            [Pattern { bitrate: 500_000, fps: 1, ..PATTERN }, Pattern { bitrate: 50, fps: 240, ..PATTERN }]
        {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_payload_is_verified_to_the_last_byte() {
        let other = PATTERN.items(8).next().unwrap();
        assert!(PATTERN.items(7).next().unwrap().verify(&other.payload(77)).is_err(), "of another stream");
        for item in PATTERN.items(7).take(5) {
            let payload = item.payload(77);
            assert_eq!(payload.len(), item.length);
            assert_eq!(item.verify(&payload), Ok(Seen { sequence: item.sequence, sent_at_nanos: 77 }));
            for at in [0, 12, 20, payload.len() - 1] {
                let mut broken = payload.clone();
                broken[at] ^= 1;
                assert!(item.verify(&broken).is_err(), "byte {at}");
            }
            assert!(item.verify(&payload[..payload.len() - 1]).is_err());
        }
    }
}
