//! Associated data: parts in a fixed order, each after its length in 16 bits, so that no two
//! different lists of parts have the same bytes.

/// Room for the longest list: a wrapped key's, 193 bytes with names of 64 bytes.
const CAPACITY: usize = 208;

/// Enough for a value's associated data with names of 31 bytes together.
const ORDINARY: usize = 80;

/// The parts so far, on the stack: sealing a value must not allocate.
pub(crate) struct AssociatedData {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl AssociatedData {
    /// Starts with the label that keeps one use of a key apart from every other.
    pub(crate) fn new(label: &str) -> Self {
        Self {
            bytes: [0; CAPACITY],
            len: 0,
        }
        .with(label.as_bytes())
    }

    /// Appends one part after its length.
    #[expect(
        clippy::expect_used,
        reason = "lengths are bounded by the types of the parts"
    )]
    pub(crate) fn with(mut self, part: &[u8]) -> Self {
        // INVARIANT: callers pass labels, names of at most 64 bytes and numbers of fixed size,
        // never a caller's own bytes. Cutting a part short instead would unbind it.
        let room = self
            .bytes
            .get_mut(self.len..)
            .expect("length is within capacity");
        let (length, room) = room
            .split_first_chunk_mut::<2>()
            .expect("room for a length");
        *length = u16::try_from(part.len())
            .expect("a part is short")
            .to_be_bytes();
        room.get_mut(..part.len())
            .expect("room for the part")
            .copy_from_slice(part);
        self.len += 2 + part.len();
        self
    }

    /// Passes on these bytes with the last two replaced by a number of 16 bits.
    ///
    /// With names of ordinary length a short copy does, which shows in the time it takes to seal
    /// a short value.
    #[inline]
    pub(crate) fn ending_in<R>(&self, number: u16, then: impl FnOnce(&[u8]) -> R) -> R {
        match self.bytes.first_chunk::<ORDINARY>() {
            Some(short) if self.len <= ORDINARY => {
                then(end_in(&mut short.clone(), self.len, number))
            }
            _ => then(end_in(&mut self.bytes.clone(), self.len, number)),
        }
    }
}

#[inline]
fn end_in<const N: usize>(bytes: &mut [u8; N], len: usize, number: u16) -> &[u8] {
    let bytes = bytes.get_mut(..len).unwrap_or_default();
    if let Some(end) = bytes.last_chunk_mut() {
        *end = number.to_be_bytes();
    }
    bytes
}

impl AsRef<[u8]> for AssociatedData {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}
