//! Corrections: what was wrong with a publisher's timestamps and payloads, by name, and how often it was mended.
//!
//! A wrap at 2³² ms is none: it is what the protocol says.

use std::fmt;

macro_rules! corrections {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One way in which a stream departs from what its publisher sends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Correction {
            $($(#[$doc])* $variant,)*
        }

        impl Correction {
            /// Every correction, in the order in which they are counted.
            pub const ALL: &[Correction] = &[$(Correction::$variant,)*];

            /// The stable name, as it stands in logs.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Correction::$variant => $name,)*
                }
            }
        }
    };
}

corrections! {
    /// A track's time went back by no more than [`limits::CLOCK_BACK_MILLIS`](crate::limits::CLOCK_BACK_MILLIS): the frame has
    /// the time of the one before it.
    Disorder = "disorder",
    /// A track has had the same time for [`limits::TRACK_BACK_MILLIS`](crate::limits::TRACK_BACK_MILLIS), or not gone on for
    /// longer than disorder lasts, though frames came: they are due when they come.
    Standstill = "standstill",
    /// A track's time went back to the first second of its clock: the encoder began anew, or its clip did. It goes on one frame
    /// later.
    Restart = "restart",
    /// A track's time went back further, to some other place. It goes on one frame later.
    StepBack = "step-back",
    /// A track's time leapt ahead by more than the timeline follows. It goes on one frame later.
    Leap = "leap",
    /// A track has another clock than the one before it: its first frame is taken to be due when it came.
    OtherClock = "other-clock",
    /// A clock counts microseconds. Its frames have been [`Correction::Leap`]s until that was clear.
    Microseconds = "microseconds",
    /// Audio, or pictures that need an earlier one, in front of the first keyframe of a publisher that goes on with a stream
    /// that shows pictures. Left out: nobody could show it in its place.
    BeforePicture = "before-picture",
    /// Audio or video whose header breaks a rule ([`TagError`](crate::media::TagError)). Left out: no player could do anything
    /// with it.
    Malformed = "malformed",
    /// The units of a picture, or the parameter sets of a configuration, stood behind start codes: they have lengths, or a record.
    StartCodes = "start-codes",
    /// Units of a picture were empty. Left out, and the picture with them if it had no others.
    EmptyUnits = "empty-units",
    /// Decoders could not know the parameter sets of a keyframe: a configuration is made of them. One that was empty is left out.
    NoConfiguration = "no-configuration",
    /// A codec had a number that no specification assigns: it has its FourCC.
    UnofficialId = "unofficial-id",
}

/// How often each [`Correction`] was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Corrections([u64; Correction::ALL.len()]);

impl Corrections {
    /// None at all.
    pub const NONE: Corrections = Corrections([0; Correction::ALL.len()]);

    /// How often this one was made.
    pub const fn count(&self, correction: Correction) -> u64 {
        self.0[correction as usize]
    }

    /// Whether none was made.
    pub fn are_none(&self) -> bool {
        *self == Self::NONE
    }

    /// How many were made in all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that were made, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Correction, u64)> {
        Correction::ALL.iter().map(|&each| (each, self.count(each))).filter(|&(_, count)| count > 0)
    }

    pub(super) fn add_all(&mut self, others: Corrections) {
        self.0.iter_mut().zip(others.0).for_each(|(count, more)| *count += more);
    }

    pub(super) fn add(&mut self, correction: Correction) {
        self.0[correction as usize] += 1;
    }
}

/// `restart 1, disorder 20`; nothing where there are none.
impl fmt::Display for Corrections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (correction, count)) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{} {count}", correction.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_were_made_are_shown_with_their_number() {
        let mut corrections = Corrections::NONE;
        assert_eq!((corrections.to_string().as_str(), corrections.are_none()), ("", true));
        corrections.add(Correction::Leap);
        corrections.add(Correction::Disorder);
        corrections.add(Correction::Disorder);
        assert_eq!((corrections.to_string().as_str(), corrections.are_none()), ("disorder 2, leap 1", false));
    }
}
