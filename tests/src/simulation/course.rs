//! Course: how the time of one player goes on, whatever publishers' clocks do.

use std::fmt;

use sol_core::hub::Repair;
use sol_core::limits;

/// Of one player, from where it joined or went on.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// The latest time of each kind of frames, and of all.
    latest_ms: [u32; 3],
    head_ms: u32,
    /// Where the publication that it is at may begin.
    floor_ms: u32,
}

/// A time steps back.
pub(super) struct StepBack {
    latest_ms: u32,
    floor_ms: u32,
}

impl Course {
    /// Another publisher goes on: behind all that came of the one before, by a frame at least.
    pub(super) fn pass_border(&mut self) {
        self.floor_ms = self.head_ms + limits::RESUME_MILLIS;
    }

    /// A frame comes. No track goes back, if clocks are put right at all.
    pub(super) fn take(&mut self, kind: usize, time_ms: u32, repair: Repair) -> Result<(), StepBack> {
        let latest_ms = match repair {
            Repair::Off => 0,
            Repair::Monotonic | Repair::Resync => self.latest_ms[kind],
        };
        self.latest_ms[kind] = time_ms;
        self.head_ms = self.head_ms.max(time_ms);
        let is_behind = time_ms >= latest_ms.max(self.floor_ms);
        if is_behind { Ok(()) } else { Err(StepBack { latest_ms, floor_ms: self.floor_ms }) }
    }
}

impl fmt::Display for StepBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "its track had come to {}, and its publication begins at {} or later",
            self.latest_ms, self.floor_ms
        )
    }
}
