//! Entry bundles: up to 256 entries, each behind its length as 16-bit big-endian number (tlog-tiles).

use crate::{BundleError, TILE_WIDTH};

/// Longest entry that a bundle can carry, in bytes.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// Most entries in a bundle.
pub const BUNDLE_ENTRIES_MAX: usize = TILE_WIDTH as usize;

/// How a bundle is written and read.
#[derive(Clone, Copy, Debug)]
pub struct EntryBundle;

impl EntryBundle {
    /// The bundle that holds `entries` in their order.
    ///
    /// # Errors
    /// [`BundleError`] if an entry is longer than [`ENTRY_BYTES_MAX`], or if there are more than 256.
    pub fn encode<E: AsRef<[u8]>>(
        entries: impl IntoIterator<Item = E>,
    ) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::new();
        for (number, entry) in entries.into_iter().enumerate() {
            if number == BUNDLE_ENTRIES_MAX {
                return Err(BundleError::TooManyEntries);
            }
            let entry = entry.as_ref();
            let length = u16::try_from(entry.len())
                .map_err(|_| BundleError::EntryTooLong { entry: number })?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        Ok(bytes)
    }

    /// The entries of a bundle, one by one; an error ends the iteration.
    pub fn decode(bytes: &[u8]) -> Entries<'_> {
        Entries {
            rest: bytes,
            number: 0,
        }
    }
}

/// Iterator over the entries of a bundle; see [`EntryBundle::decode`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Entries<'a> {
    fn read(&mut self) -> Result<&'a [u8], BundleError> {
        let truncated = BundleError::Truncated { entry: self.number };
        if self.number == BUNDLE_ENTRIES_MAX {
            return Err(BundleError::TooManyEntries);
        }
        let (length, rest) = self.rest.split_first_chunk::<2>().ok_or(truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or(truncated)?;
        self.rest = rest;
        self.number += 1;
        Ok(entry)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let entry = self.read();
        if entry.is_err() {
            self.rest = &[];
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
        EntryBundle::decode(bytes).collect()
    }

    #[test]
    fn entries_come_back() {
        let longest = vec![7; ENTRY_BYTES_MAX];
        let entries: Vec<&[u8]> = vec![b"one", b"", &longest];
        let bytes = EntryBundle::encode(&entries).unwrap();
        assert_eq!(&bytes[..7], b"\x00\x03one\x00\x00");
        assert_eq!(decode(&bytes), Ok(entries));
        assert_eq!(decode(b""), Ok(vec![]));
    }

    #[test]
    fn errors_name_the_entry() {
        use BundleError::{EntryTooLong, TooManyEntries, Truncated};
        for (bytes, error) in [
            (b"\x00".as_slice(), Truncated { entry: 0 }),
            (b"\x00\x01", Truncated { entry: 0 }),
            (b"\x00\x01a\x00", Truncated { entry: 1 }),
            (b"\x00\x01a\x00\x02b", Truncated { entry: 1 }),
            (b"\x00\x00\x00\x00\xff\xff", Truncated { entry: 2 }),
            (&[0; 514], TooManyEntries),
        ] {
            assert_eq!(decode(bytes), Err(error));
            assert_eq!(EntryBundle::decode(bytes).filter(Result::is_err).count(), 1);
        }
        let too_long = vec![0; ENTRY_BYTES_MAX + 1];
        assert_eq!(
            EntryBundle::encode([&[][..], &too_long]),
            Err(EntryTooLong { entry: 1 })
        );
        assert_eq!(EntryBundle::encode([""; 257]), Err(TooManyEntries));
        assert_eq!(
            EntryBundle::encode([""; 256]).map(|bytes| bytes.len()),
            Ok(512)
        );
    }
}
