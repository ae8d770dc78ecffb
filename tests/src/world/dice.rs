//! Dice: the only chance in a world, and a seed decides it.
//!
//! splitmix64 (Steele, Lea, Flood, 2014): one addition, two multiplications, any seed is a good one.

/// What decides all chance of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

/// The seed of that number.
pub const fn seed(number: u64) -> Seed {
    Seed(number)
}

/// A row of numbers that look random and are always the same for a seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall as the seed says.
    pub fn new(seed: Seed) -> Dice {
        Dice(seed.0)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 1 to `most`.
    pub fn up_to(&mut self, most: usize) -> usize {
        1 + (self.roll() % most as u64) as usize
    }

    /// One of those.
    pub fn pick<T: Copy>(&mut self, those: &[T]) -> T {
        those[self.up_to(those.len()) - 1]
    }

    /// Whether it is one of so many times.
    pub fn one_in(&mut self, count: usize) -> bool {
        self.up_to(count) == 1
    }

    /// Other dice, so that who rolls often does not change what others get.
    pub fn fork(&mut self) -> Dice {
        Dice(self.roll())
    }

    /// The seed of the row from here on.
    pub fn seed(&self) -> Seed {
        Seed(self.0)
    }

    pub(super) fn entropy(&mut self) -> [u8; 32] {
        let mut entropy = [0; 32];
        for eight in entropy.chunks_mut(8) {
            eight.copy_from_slice(&self.roll().to_be_bytes());
        }
        entropy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_is_that_of_splitmix64() {
        let mut dice = Dice::new(seed(1_234_567));
        let row = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([dice.roll(), dice.roll(), dice.roll()], row);
    }
}
