//! Differences packed into as few bits as the largest of them has, eight together, which begin at a byte.

/// Numbers that are packed together.
pub(crate) const TOGETHER: usize = 8;
/// Bytes that have to be there behind the last packed number, whatever they hold.
pub(crate) const BEHIND: usize = 8;

/// Differences of one width.
pub(crate) struct Packed<'a> {
    /// They, and at least [`BEHIND`] bytes more.
    pub(crate) bytes: &'a [u8],
    /// The bits of each.
    pub(crate) width: usize,
    /// How many they are.
    pub(crate) count: usize,
    /// What each of them is above.
    pub(crate) least: i64,
}

impl Packed<'_> {
    /// Adds a number for each, the first of which comes after `before`; the last. `None`: there are fewer bytes, or the differences
    /// are too wide.
    pub(crate) fn add_up(&self, before: i64, out: &mut Vec<i64>) -> Option<i64> {
        // With the width known, what each number takes is shifts by constants.
        macro_rules! widths {
            ($($width:literal)*) => {
                match self.width {
                    $($width => self.of_width::<$width>(before, out),)*
                    _ => None,
                }
            };
        }
        widths!(
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
            29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57
        )
    }

    fn of_width<const WIDTH: usize>(&self, before: i64, out: &mut Vec<i64>) -> Option<i64> {
        let mut last = before;
        let mut bytes = self.bytes;
        let mut left = self.count;
        while left > 0 {
            let group = bytes.get(..WIDTH + BEHIND)?;
            let mut numbers = [0; TOGETHER];
            for (place, number) in numbers.iter_mut().enumerate() {
                let bit = place * WIDTH;
                let word = group.get(bit / 8..)?.first_chunk()?;
                let above = u64::from_le_bytes(*word) >> (bit % 8) & ((1 << WIDTH) - 1);
                last = last.wrapping_add(self.least.wrapping_add(above.cast_signed()));
                *number = last;
            }
            if left < TOGETHER {
                let numbers = numbers.get(..left)?;
                out.extend_from_slice(numbers);
                return numbers.last().copied();
            }
            out.extend_from_slice(&numbers);
            left -= TOGETHER;
            bytes = bytes.get(WIDTH..)?;
        }
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The widest: more bits would not lie in eight bytes from wherever they begin.
    const WIDTH_MAX: usize = 57;

    /// Packed bit by bit, and added up again; what lies behind does not matter.
    #[test]
    fn differences_are_read_as_they_were_packed() {
        let mut x = 3_u64;
        for width in 0..=WIDTH_MAX {
            for (behind, count) in [(0, 64_usize), (0xff, 27), (0x55, 1), (0, 0)] {
                let differences: Vec<u64> = (0..count)
                    .map(|_| {
                        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        x >> 6 & ((1 << width) - 1)
                    })
                    .collect();
                let size_bytes = count.div_ceil(TOGETHER) * width;
                let mut bytes = vec![behind; size_bytes + BEHIND];
                bytes[..size_bytes].fill(0);
                for bit in 0..count * width {
                    let set = differences[bit / width] >> (bit % width) & 1 == 1;
                    bytes[bit / 8] |= u8::from(set) << (bit % 8);
                }
                let mut last = 1_000;
                let expected: Vec<i64> = differences
                    .iter()
                    .map(|above| {
                        last += above.cast_signed() - 5;
                        last
                    })
                    .collect();
                let mut packed = Packed {
                    bytes: &bytes,
                    width,
                    count,
                    least: -5,
                };
                let mut out = Vec::new();
                assert_eq!(packed.add_up(1_000, &mut out), Some(last), "{width}");
                assert_eq!(out, expected, "{width}");
                packed.bytes = &bytes[1..];
                let short = packed.add_up(1_000, &mut Vec::new());
                assert_eq!(short.is_none(), count > 0, "{width}");
            }
        }
        let wide = Packed {
            bytes: &[0; 999],
            width: WIDTH_MAX + 1,
            count: 8,
            least: 0,
        };
        assert_eq!(wide.add_up(0, &mut Vec::new()), None);
    }
}
