//! The moment of an input: the host's clocks and its chance. The core has none of its own.
//!
//! One input may need several random numbers. Draw `n` (from 0) is `mix(word[n mod 4] + (n + 1) * GOLDEN)`, where
//! `word` is the entropy read as four little-endian words and `mix` is the finaliser of SplitMix64 (Steele, Lea,
//! Flood, 2014): one step per draw, so draws are independent and a script replays exactly on every platform.

/// When an input happened, and the chance that it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock, ms since 1970 (UTC). May jump, may be wrong by years: only for timestamps.
    pub unix_ms: i64,
    /// A clock that never runs backwards, ms from any start: for every delay.
    pub monotonic_ms: u64,
    /// 32 bytes of the host's randomness, fresh for each input.
    pub entropy: [u8; 32],
}

/// The random numbers of one moment.
#[derive(Debug)]
pub(crate) struct Chance {
    words: [u64; 4],
    counter: u64,
}

impl Chance {
    pub(crate) fn of(moment: &Moment) -> Self {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(moment.entropy.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Self { words, counter: 0 }
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(GOLDEN);
        let [first, second, third, fourth] = self.words;
        self.words = [second, third, fourth, first];
        mix(first.wrapping_add(self.counter))
    }
}

/// The finaliser of SplitMix64: one to one, and each bit of the input moves half of the output.
pub(crate) fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// 2^64 divided by the golden ratio: SplitMix64's step.
pub(crate) const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_entropy_gives_the_same_draws() {
        let moment = Moment { unix_ms: 0, monotonic_ms: 0, entropy: [7; 32] };
        let draws = || -> Vec<u64> {
            let mut chance = Chance::of(&moment);
            (0..9).map(|_| chance.draw()).collect()
        };
        assert_eq!(draws(), draws());
    }

    #[test]
    fn draws_differ_even_when_all_words_are_equal() {
        let mut chance = Chance::of(&Moment { unix_ms: 0, monotonic_ms: 0, entropy: [0; 32] });
        let mut draws: Vec<u64> = (0..100).map(|_| chance.draw()).collect();
        draws.sort_unstable();
        draws.dedup();
        assert_eq!(draws.len(), 100);
    }

    #[test]
    fn the_first_draw_is_that_of_splitmix64_with_seed_zero() {
        let mut chance = Chance::of(&Moment { unix_ms: 0, monotonic_ms: 0, entropy: [0; 32] });
        assert_eq!(chance.draw(), 0xe220_a839_7b1d_cdaf);
    }
}
