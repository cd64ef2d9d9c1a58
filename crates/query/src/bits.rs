//! Collecting bits, a few at a time.

use datafusion::arrow::buffer::{BooleanBuffer, Buffer};

/// Bits of a word.
const WORD: usize = 64;

/// Bits so far. Arrow's own builder takes them singly or as ranges of bytes; what is decided here comes as runs of some ten.
pub(crate) struct Bits {
    words: Vec<u64>,
    /// Those that fill no word yet.
    rest: u64,
    len: usize,
}

impl Bits {
    pub(crate) fn with_capacity(bits: usize) -> Self {
        Self {
            words: Vec::with_capacity(bits.div_ceil(WORD)),
            rest: 0,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds the lowest `count` bits, a word at most; the others are 0.
    pub(crate) fn push(&mut self, bits: u64, count: usize) {
        let at = self.len % WORD;
        self.rest |= bits << at;
        self.len += count;
        if at + count >= WORD {
            self.words.push(self.rest);
            // What did not fit. A shift by a whole word would leave everything where it is.
            self.rest = if at == 0 { 0 } else { bits >> (WORD - at) };
        }
    }

    /// Adds `count` times the same bit.
    pub(crate) fn push_run(&mut self, bit: bool, mut count: usize) {
        let word = if bit { u64::MAX } else { 0 };
        if count > WORD {
            let first = (WORD - self.len % WORD) % WORD;
            self.push_some(word, first);
            count -= first;
            let words = self.words.len() + count / WORD;
            self.words.resize(words, word);
            self.len += count / WORD * WORD;
            count %= WORD;
        }
        self.push_some(word, count);
    }

    /// Adds the lowest `count` bits, a word at most, whatever the others are.
    fn push_some(&mut self, bits: u64, count: usize) {
        if count > 0 {
            self.push(bits & u64::MAX >> (WORD - count), count);
        }
    }

    pub(crate) fn finish(mut self) -> BooleanBuffer {
        if !self.len.is_multiple_of(WORD) {
            self.words.push(self.rest);
        }
        // The bits of a byte are in the order of Arrow's on either kind of machine; those of a word only where bytes are.
        let words = self.words.into_iter().map(u64::to_le);
        BooleanBuffer::new(Buffer::from_vec(words.collect()), 0, self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However bits come, they are in the order in which they came.
    #[test]
    fn bits_are_kept_in_order() {
        let mut x = 9_u64;
        let mut next = move |below: u64| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (x >> 33) % below
        };
        for _ in 0..500 {
            let mut bits = Bits::with_capacity(0);
            let mut expected = Vec::new();
            for _ in 0..next(40) {
                let longest = [3, 66, 300][usize::try_from(next(3)).unwrap()];
                let count = usize::try_from(next(longest)).unwrap();
                if next(2) == 0 {
                    let bit = next(2) == 0;
                    bits.push_run(bit, count);
                    expected.extend(std::iter::repeat_n(bit, count));
                } else {
                    let count = count.min(WORD);
                    let word = next(1 << 31) << 32 | next(1 << 31);
                    bits.push_some(word, count);
                    expected.extend((0..count).map(|place| word >> place & 1 == 1));
                }
            }
            assert_eq!(bits.len(), expected.len());
            assert_eq!(bits.finish().iter().collect::<Vec<_>>(), expected);
        }
    }
}
