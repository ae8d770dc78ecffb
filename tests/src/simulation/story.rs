//! Story: a world's timeline for people, where somebody wants to read it.

use std::fmt;
use std::time::Duration;

/// To whom it is told, line by line; to nobody mostly.
#[derive(Default)]
pub struct Story(Option<Teller>);

type Teller = Box<dyn FnMut(&str)>;

impl Story {
    /// Every line goes there.
    pub fn told_to(teller: impl FnMut(&str) + 'static) -> Story {
        Story(Some(Box::new(teller)))
    }

    pub(super) fn tell(&mut self, now: Duration, line: impl FnOnce() -> String) {
        if let Some(teller) = &mut self.0 {
            teller(&format!("{:>9.3} s  {}", now.as_secs_f64(), line()));
        }
    }
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "told" } else { "untold" })
    }
}
