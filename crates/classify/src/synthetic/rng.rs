//! A small generator of repeatable choices: SplitMix64 (Steele, Lea, Flood: Fast Splittable
//! Pseudorandom Number Generators, OOPSLA 2014). The `rand` crate was not taken, because its
//! generators may change from one version to the next, and with them everybody who lives in a demo.

/// Repeatable choices; no use for secrets.
#[derive(Debug)]
pub(super) struct Rng {
    state: u64,
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is chosen for one kind of thing, index by index: a seed and a name, which keeps different
/// things apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    state: u64,
}

impl Stream {
    pub(super) fn new(seed: u64, what: &str) -> Self {
        let state = what
            .bytes()
            .fold(mix(seed), |state, byte| mix(state ^ u64::from(byte)));
        Self { state }
    }

    /// The choices for one index.
    pub(super) fn at(self, index: u64) -> Rng {
        Rng {
            state: mix(self.state ^ mix(index.wrapping_add(GAMMA))),
        }
    }
}

impl Rng {
    /// The choices for one index of one seed; `what` keeps different things apart.
    pub(super) fn new(seed: u64, index: u64, what: &str) -> Self {
        Stream::new(seed, what).at(index)
    }

    /// 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// A number below `bound`, which is not 0. The high half of a product: the bias of at most
    /// `bound / 2^64` does not matter here.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// One of `list`; nothing if the list is empty.
    pub(super) fn pick(&mut self, list: &[&'static str]) -> &'static str {
        let index = usize::try_from(self.below(list.len() as u64)).unwrap_or(0);
        list.get(index).copied().unwrap_or_default()
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_never_changes() {
        // The known output of SplitMix64 for the state 1234567.
        let mut rng = Rng { state: 1_234_567 };
        assert_eq!(rng.next(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn choices_spread_over_the_list() {
        let mut seen = [0_u32; 10];
        for index in 0..1000 {
            let digit = Rng::new(1, index, "digits").below(10);
            seen[usize::try_from(digit).unwrap()] += 1;
        }
        assert!(
            seen.iter().all(|count| (60..140).contains(count)),
            "{seen:?}"
        );
    }
}
