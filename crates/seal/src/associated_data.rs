//! Associated data: parts in a fixed order, each after its length in 16 bits, so that no two
//! different lists of parts have the same bytes.

/// Room for the longest list: a wrapped key's, 193 bytes with names of 64 bytes.
const CAPACITY: usize = 208;

/// The parts so far, on the stack: sealing a value must not allocate.
#[derive(Clone)]
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
    #[inline]
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
}

impl AsRef<[u8]> for AssociatedData {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}
