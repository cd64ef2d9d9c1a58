//! Recent pseudonyms of a thread, so that the same few users of a request cost one HMAC each.
//!
//! A table with one place per hash, 256 places: no list to keep in order, no lock, no growth. It
//! holds the values themselves (at most 40 bytes each; longer ones are not kept), because a
//! pseudonym found by a hash alone could be another person's. They are overwritten when another
//! value takes the place and when the thread ends.

use std::cell::RefCell;
use std::fmt;

use zeroize::Zeroize;

use super::pseudonym::Pseudonym;

const PLACES: usize = 256;
const VALUE_BYTES_MAX: usize = 40;

thread_local! {
    static RECENT: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

struct Place {
    /// The key that made the pseudonym; 0 for none.
    instance: u64,
    len: usize,
    value: [u8; VALUE_BYTES_MAX],
    pseudonym: Pseudonym,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

/// Writes the pseudonym of `value` under the key `instance`: the kept one, else what `make` makes.
pub(super) fn with(
    instance: u64,
    value: &[u8],
    make: impl FnOnce() -> Pseudonym,
    write: impl FnOnce(&str) -> fmt::Result,
) -> fmt::Result {
    let at = place_of(instance, value);
    let found = RECENT.try_with(|recent| {
        let places = recent.try_borrow().ok()?;
        places.get(at)?.find(instance, value)
    });
    // None too while the thread ends, and inside of a value's own `Display`: then it is made anew.
    let pseudonym = found.ok().flatten().unwrap_or_else(|| {
        let made = make();
        keep(at, instance, value, &made);
        made
    });
    // Written outside of the borrow: a sink may show another classified value.
    write(pseudonym.as_str())
}

fn keep(at: usize, instance: u64, value: &[u8], pseudonym: &Pseudonym) {
    if value.len() > VALUE_BYTES_MAX {
        return;
    }
    // What cannot be kept is made again the next time.
    let _ = RECENT.try_with(|recent| {
        let mut places = recent.try_borrow_mut().ok()?;
        if places.is_empty() {
            places.resize_with(PLACES, Place::default);
        }
        let place = places.get_mut(at)?;
        // All of it is written, so that nothing is left of the value before.
        place.value = [0; VALUE_BYTES_MAX];
        place.value.get_mut(..value.len())?.copy_from_slice(value);
        place.len = value.len();
        place.instance = instance;
        place.pseudonym = *pseudonym;
        Some(())
    });
}

impl Place {
    fn find(&self, instance: u64, value: &[u8]) -> Option<Pseudonym> {
        let same = self.instance == instance && self.value.get(..self.len) == Some(value);
        same.then_some(self.pseudonym)
    }
}

impl Default for Place {
    fn default() -> Self {
        Self {
            instance: 0,
            len: 0,
            value: [0; VALUE_BYTES_MAX],
            pseudonym: Pseudonym::default(),
        }
    }
}

/// A multiplicative hash. Whoever finds values that share a place makes them slow, not wrong.
fn place_of(instance: u64, value: &[u8]) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = instance.wrapping_mul(ODD) ^ value.len() as u64;
    let (words, rest) = value.as_chunks::<8>();
    for word in words {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(ODD);
    }
    for byte in rest {
        hash = (hash.rotate_left(23) ^ u64::from(*byte)).wrapping_mul(ODD);
    }
    usize::try_from(hash >> 56).unwrap_or(0)
}
