//! Channels: which an audio track has, and in which order (Enhanced RTMP v2, "Enhanced Audio", MultichannelConfig).
//!
//! The body of a packet of that type: an order, a count, and what belongs to the order. What follows behind that is not kept.
//!
//! Invariants: there is one channel at least, and 255 at most. What was read and is written reads the same again.

use std::iter;
use std::num::{NonZeroU8, NonZeroU32};

use smallvec::SmallVec;

use crate::limits;

/// Which channels an audio track has, and in which order they stand in its frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultichannelConfig {
    /// So many; which they are is known to the codec or to the application.
    Unspecified(NonZeroU8),
    /// Each speaker that is there once, in the order of [`Speaker::of`].
    Native(SpeakerMask),
    /// For each channel a speaker.
    Custom(Speakers),
}

/// A set of speakers; their channels come in the order of the numbers of [`Speaker::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeakerMask(pub NonZeroU32);

/// A list of speakers: one at least, and 255 at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speakers(SmallVec<[Speaker; 8]>);

/// Where a channel is heard, as in the 22.2 layout (SMPTE ST 2036-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "their names say all there is to say")]
pub enum Speaker {
    FrontLeft,
    FrontRight,
    FrontCenter,
    LowFrequency1,
    BackLeft,
    BackRight,
    FrontLeftCenter,
    FrontRightCenter,
    BackCenter,
    SideLeft,
    SideRight,
    TopCenter,
    TopFrontLeft,
    TopFrontCenter,
    TopFrontRight,
    TopBackLeft,
    TopBackCenter,
    TopBackRight,
    LowFrequency2,
    TopSideLeft,
    TopSideRight,
    BottomFrontCenter,
    BottomFrontLeft,
    BottomFrontRight,
    /// A number that no specification assigns: 24 to 253.
    Reserved(u8),
    /// The channel has no sound.
    Unused,
    /// The channel has sound, and nobody says where it is heard.
    Unknown,
}

/// A MultichannelConfig that breaks a rule of its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelsError {
    /// It ends before all is said.
    #[error("the channel configuration ends before all is said")]
    EndsEarly,
    /// A number that stands for no order.
    #[error("channel order {0}, which no specification assigns")]
    UnknownOrder(u8),
    /// No channels.
    #[error("a channel configuration without channels")]
    NoChannels,
    /// More channels than [`limits::TAG_CHANNELS`](crate::limits::TAG_CHANNELS).
    #[error("more than {} channels", limits::TAG_CHANNELS)]
    TooManyChannels,
    /// The mask has another number of speakers than the count says.
    #[error("{count} channels with a mask of {in_mask}")]
    CountDiffers {
        /// As it says itself.
        count: u8,
        /// Bits of the mask.
        in_mask: u32,
    },
}

impl MultichannelConfig {
    /// Reads the body of a track in a message of [`PacketType::MultichannelConfig`](super::PacketType::MultichannelConfig).
    ///
    /// # Errors
    /// [`ChannelsError`].
    pub fn read(body: &[u8]) -> Result<Self, ChannelsError> {
        let (&[order, count], rest) = body.split_first_chunk().ok_or(ChannelsError::EndsEarly)?;
        match order {
            UNSPECIFIED => {
                NonZeroU8::new(count).map(MultichannelConfig::Unspecified).ok_or(ChannelsError::NoChannels)
            }
            NATIVE => {
                let mask = u32::from_be_bytes(*rest.first_chunk().ok_or(ChannelsError::EndsEarly)?);
                let in_mask = mask.count_ones();
                if in_mask != u32::from(count) {
                    return Err(ChannelsError::CountDiffers { count, in_mask });
                }
                let mask = NonZeroU32::new(mask).ok_or(ChannelsError::NoChannels)?;
                Ok(MultichannelConfig::Native(SpeakerMask(mask)))
            }
            CUSTOM => {
                let numbers = rest.get(..usize::from(count)).ok_or(ChannelsError::EndsEarly)?;
                Speakers::new(numbers.iter().copied().map(Speaker::of)).map(MultichannelConfig::Custom)
            }
            order => Err(ChannelsError::UnknownOrder(order)),
        }
    }

    /// Writes it.
    pub fn write(&self, into: &mut Vec<u8>) {
        let order = match self {
            MultichannelConfig::Unspecified(_) => UNSPECIFIED,
            MultichannelConfig::Native(_) => NATIVE,
            MultichannelConfig::Custom(_) => CUSTOM,
        };
        into.extend_from_slice(&[order, self.count().get()]);
        match self {
            MultichannelConfig::Unspecified(_) => {}
            MultichannelConfig::Native(mask) => into.extend_from_slice(&mask.0.get().to_be_bytes()),
            MultichannelConfig::Custom(speakers) => {
                into.extend(speakers.0.iter().copied().map(Speaker::number));
            }
        }
    }

    /// How many channels there are.
    pub fn count(&self) -> NonZeroU8 {
        let count = match self {
            MultichannelConfig::Unspecified(count) => return *count,
            MultichannelConfig::Native(mask) => mask.0.count_ones().get() as u8,
            MultichannelConfig::Custom(speakers) => speakers.0.len() as u8,
        };
        NonZeroU8::new(count).expect("there is one channel at least")
    }

    /// The speaker of each channel, in order.
    pub fn speakers(&self) -> impl Iterator<Item = Speaker> {
        let (unknown, mask, listed) = match self {
            MultichannelConfig::Unspecified(count) => (count.get(), 0, &[][..]),
            MultichannelConfig::Native(mask) => (0, mask.0.get(), &[][..]),
            MultichannelConfig::Custom(speakers) => (0, 0, &speakers.0[..]),
        };
        let unknown = iter::repeat_n(Speaker::Unknown, unknown.into());
        let in_mask = (0..32).filter(move |number| mask >> number & 1 == 1).map(Speaker::of);
        unknown.chain(in_mask).chain(listed.iter().copied())
    }
}

impl Speakers {
    /// The speaker of each channel, in order.
    ///
    /// # Errors
    /// [`ChannelsError::NoChannels`] and [`ChannelsError::TooManyChannels`].
    pub fn new(speakers: impl IntoIterator<Item = Speaker>) -> Result<Self, ChannelsError> {
        let speakers: SmallVec<_> = speakers.into_iter().take(limits::TAG_CHANNELS + 1).collect();
        match speakers.len() {
            0 => Err(ChannelsError::NoChannels),
            count if count > limits::TAG_CHANNELS => Err(ChannelsError::TooManyChannels),
            _ => Ok(Self(speakers)),
        }
    }
}

impl Speaker {
    /// The speaker of that number, which is that of its bit in a mask too.
    pub fn of(number: u8) -> Self {
        match number {
            UNUSED => Speaker::Unused,
            UNKNOWN => Speaker::Unknown,
            number => NAMED.get(usize::from(number)).copied().unwrap_or(Speaker::Reserved(number)),
        }
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        match self {
            Speaker::FrontLeft => 0,
            Speaker::FrontRight => 1,
            Speaker::FrontCenter => 2,
            Speaker::LowFrequency1 => 3,
            Speaker::BackLeft => 4,
            Speaker::BackRight => 5,
            Speaker::FrontLeftCenter => 6,
            Speaker::FrontRightCenter => 7,
            Speaker::BackCenter => 8,
            Speaker::SideLeft => 9,
            Speaker::SideRight => 10,
            Speaker::TopCenter => 11,
            Speaker::TopFrontLeft => 12,
            Speaker::TopFrontCenter => 13,
            Speaker::TopFrontRight => 14,
            Speaker::TopBackLeft => 15,
            Speaker::TopBackCenter => 16,
            Speaker::TopBackRight => 17,
            Speaker::LowFrequency2 => 18,
            Speaker::TopSideLeft => 19,
            Speaker::TopSideRight => 20,
            Speaker::BottomFrontCenter => 21,
            Speaker::BottomFrontLeft => 22,
            Speaker::BottomFrontRight => 23,
            Speaker::Reserved(number) => number,
            Speaker::Unused => UNUSED,
            Speaker::Unknown => UNKNOWN,
        }
    }
}

/// Those of the 22.2 layout, by their numbers.
const NAMED: [Speaker; 24] = [
    Speaker::FrontLeft,
    Speaker::FrontRight,
    Speaker::FrontCenter,
    Speaker::LowFrequency1,
    Speaker::BackLeft,
    Speaker::BackRight,
    Speaker::FrontLeftCenter,
    Speaker::FrontRightCenter,
    Speaker::BackCenter,
    Speaker::SideLeft,
    Speaker::SideRight,
    Speaker::TopCenter,
    Speaker::TopFrontLeft,
    Speaker::TopFrontCenter,
    Speaker::TopFrontRight,
    Speaker::TopBackLeft,
    Speaker::TopBackCenter,
    Speaker::TopBackRight,
    Speaker::LowFrequency2,
    Speaker::TopSideLeft,
    Speaker::TopSideRight,
    Speaker::BottomFrontCenter,
    Speaker::BottomFrontLeft,
    Speaker::BottomFrontRight,
];
const UNUSED: u8 = 0xFE;
const UNKNOWN: u8 = 0xFF;

const UNSPECIFIED: u8 = 0;
const NATIVE: u8 = 1;
const CUSTOM: u8 = 2;

#[cfg(test)]
mod tests;
