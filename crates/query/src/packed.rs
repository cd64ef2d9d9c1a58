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
    /// What each of them is above.
    pub(crate) least: i64,
}

impl Packed<'_> {
    /// Fills in a number for each difference, the first of which comes after `before`; the last. `None`: there are fewer bytes, or
    /// the differences are too wide.
    pub(crate) fn add_up(&self, before: i64, numbers: &mut [[i64; TOGETHER]]) -> Option<i64> {
        // With the width known, what each number takes is shifts by constants, of bytes that are surely there.
        macro_rules! widths {
            ($($width:literal)*) => {
                match self.width {
                    $($width => self.of_width::<$width, { $width + BEHIND }>(before, numbers),)*
                    _ => None,
                }
            };
        }
        widths!(
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28
            29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57
        )
    }

    /// `READ` are the bytes of a group, and those behind it.
    fn of_width<const WIDTH: usize, const READ: usize>(
        &self,
        before: i64,
        numbers: &mut [[i64; TOGETHER]],
    ) -> Option<i64> {
        let mut last = before;
        let mut bytes = self.bytes;
        for group in numbers {
            let packed = bytes.first_chunk::<READ>()?;
            // All are taken apart before the first is added: each sum waits for the one before it.
            let mut above = [0; TOGETHER];
            for (place, above) in above.iter_mut().enumerate() {
                let bit = place * WIDTH;
                let word = packed.get(bit / 8..)?.first_chunk()?;
                *above =
                    (u64::from_le_bytes(*word) >> (bit % 8) & ((1 << WIDTH) - 1)).cast_signed();
            }
            for (number, above) in group.iter_mut().zip(above) {
                last = last.wrapping_add(self.least.wrapping_add(above));
                *number = last;
            }
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
            for (behind, count) in [(0, 64_usize), (0xff, 24), (0x55, 8), (0, 0)] {
                let differences: Vec<u64> = (0..count)
                    .map(|_| {
                        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        x >> 6 & ((1 << width) - 1)
                    })
                    .collect();
                let size_bytes = count / TOGETHER * width;
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
                    least: -5,
                };
                let mut numbers = vec![[0; TOGETHER]; count / TOGETHER];
                assert_eq!(packed.add_up(1_000, &mut numbers), Some(last), "{width}");
                assert_eq!(numbers.as_flattened(), expected, "{width}");
                packed.bytes = &bytes[1..];
                let short = packed.add_up(1_000, &mut numbers);
                assert_eq!(short.is_none(), count > 0, "{width}");
            }
        }
        let wide = Packed {
            bytes: &[0; 999],
            width: WIDTH_MAX + 1,
            least: 0,
        };
        assert_eq!(wide.add_up(0, &mut [[0; TOGETHER]]), None);
    }
}
