//! Chance that can be repeated: the same seed gives the same numbers, on every machine. For
//! made-up traffic only; keys and secrets take theirs from [`crate::time::Entropy`].

/// SplitMix64 (Steele, Lea, Flood 2014): its state is a counter, so any place in it costs the same,
/// and its output is a bijection of that counter, so nothing comes twice.
#[derive(Debug, Clone)]
pub struct Chance(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads a number over all 64 bits; two numbers never become the same.
pub fn mix(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    /// That of one thing among many of a seed: always the same for it, whatever came before.
    pub fn of(seed: u64, what: &[u64]) -> Chance {
        Chance(what.iter().fold(seed, |state, part| mix(state.wrapping_add(STEP) ^ part)))
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// From 0 to `count` − 1.
    pub fn below(&mut self, count: usize) -> usize {
        debug_assert!(count > 0, "nothing to choose from");
        ((u128::from(self.number()) * count as u128) >> 64) as usize
    }

    /// Both ends included.
    pub fn between(&mut self, lowest: u64, highest: u64) -> u64 {
        lowest + self.below((highest - lowest) as usize + 1) as u64
    }

    /// Whether something happens that happens so many times in a hundred.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// One of several things, each as often as its weight says.
    pub fn weighted<T: Copy>(&mut self, among: &[(usize, T)]) -> T {
        let total = among.iter().map(|(weight, _)| weight).sum();
        let mut place = self.below(total);
        for (weight, thing) in among {
            if place < *weight {
                return *thing;
            }
            place -= weight;
        }
        unreachable!("the place is below the sum of the weights")
    }

    /// A duration: mostly near the shorter end, now and then near the longer, as calls and replies
    /// are.
    pub fn skewed(&mut self, shortest: u64, longest: u64) -> u64 {
        let (one, other) = (self.between(0, 1_000), self.between(0, 1_000));
        shortest + (longest - shortest) * one * other / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_numbers_of_splitmix64() {
        let mut chance = Chance::new(1_234_567);
        let numbers = [chance.number(), chance.number(), chance.number()];
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn things_come_as_often_as_they_weigh() {
        let mut chance = Chance::new(1);
        let mut seen = [0_usize; 3];
        for _ in 0..10_000 {
            seen[chance.weighted(&[(70, 0), (30, 1), (0, 2)])] += 1;
        }
        assert_eq!(seen[2], 0);
        assert!((6_800..7_200).contains(&seen[0]), "{seen:?}");
    }

    #[test]
    fn what_lies_between_includes_both_ends() {
        let mut chance = Chance::new(2);
        let seen: std::collections::BTreeSet<u64> =
            (0..200).map(|_| chance.between(3, 5)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<u64>>(), [3, 4, 5]);
        assert!((0..1_000).all(|_| (10..=90).contains(&chance.skewed(10, 90))));
    }
}
