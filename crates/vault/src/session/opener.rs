//! The handle that opens sealed cells of a result for one statement of one grant, and reveals nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use privet_seal::SealedText;

use super::grant::LiveGrant;
use crate::Vault;

/// Values opened by one statement, per field. Opening counts without a lock: it would take as long as the rest.
pub(crate) struct Counts(Box<[(u16, AtomicU64)]>);

impl Counts {
    /// None yet, of these fields.
    pub(super) fn of(fields: &BTreeSet<u16>) -> Self {
        let counts = fields.iter().map(|field| (*field, AtomicU64::new(0)));
        Self(counts.collect())
    }

    /// Whether values of a field are counted, so that one may be opened; `None` for other fields.
    fn of_field(&self, field: u16) -> Option<&AtomicU64> {
        let at = self.0.binary_search_by_key(&field, |(field, _)| *field);
        self.0.get(at.ok()?).map(|(_, count)| count)
    }

    /// What was counted, and nothing from here on. Fields without a value are left out.
    pub(super) fn take(&self) -> Vec<(u16, u64)> {
        let counts = self.0.iter();
        let counts = counts.map(|(field, count)| (*field, count.swap(0, Ordering::AcqRel)));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

/// A reading of the vault's clock. What is opened at a moment is opened as of it: take one for what is in hand, and never
/// keep it over a wait.
#[derive(Debug, Clone, Copy)]
pub struct Moment(Duration);

/// How long a look at a grant's time and at the shared sequence holds.
const LOOK: Duration = Duration::from_millis(1);

/// Opens sealed text under a grant whose entry is durable. It counts what it opens, and stops by itself when the
/// grant ends, the subject is erased, the token is revoked or the key store falls silent. Of a key it shows nothing.
pub struct Opener {
    vault: Vault,
    grant: Option<(Arc<LiveGrant>, Arc<Counts>)>,
    /// Up to when the last look at the grant holds, on the clock that never goes backwards.
    looked: Duration,
    sealed: Vec<u8>,
    /// The last value, until the next one or the end.
    plain: Vec<u8>,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener")
            .field("opens", &self.grant.is_some())
            .finish_non_exhaustive()
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.plain);
    }
}

impl Opener {
    pub(crate) fn new(vault: Vault, grant: Option<(Arc<LiveGrant>, Arc<Counts>)>) -> Self {
        Self {
            vault,
            grant,
            looked: Duration::ZERO,
            sealed: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// The time now.
    pub fn moment(&self) -> Moment {
        Moment(self.vault.inner.clock.monotonic())
    }

    /// Appends the value of a sealed cell to `out`; `false` leaves `out` as it is and the cell sealed, whatever the
    /// cause. The value's own header decides, never the row it lies in.
    pub fn open_text(&mut self, cell: &[u8], out: &mut Vec<u8>) -> bool {
        self.open_text_at(self.moment(), cell, out)
    }

    /// The same for one of many cells that are in hand at a moment: reading the clock for each took longer than decrypting
    /// it.
    pub fn open_text_at(&mut self, at: Moment, cell: &[u8], out: &mut Vec<u8>) -> bool {
        if !self.is_live(at) {
            return false;
        }
        let Some((grant, counts)) = &self.grant else {
            return false;
        };
        let Some(text) = SealedText::recognize(cell) else {
            return false;
        };
        let field = text.field();
        let Some(count) = counts.of_field(field.0) else {
            return false;
        };
        let Some(cipher) = grant.cipher(text.key_id()) else {
            return false;
        };
        let Ok(sealed) = text.decode_into(&mut self.sealed) else {
            return false;
        };
        let Ok(value) = cipher.open_into(field, &sealed, &mut self.plain) else {
            return false;
        };
        value.append_text(out);
        count.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Whether the grant opens anything at this moment. That it was ended is seen at once, its time and the shared sequence
    /// within [`LOOK`].
    fn is_live(&mut self, at: Moment) -> bool {
        let Some((grant, _)) = &self.grant else {
            return false;
        };
        if at.0 < self.looked {
            return !grant.is_ended();
        }
        let is_live = grant.is_live(&self.vault);
        if is_live {
            self.looked = at.0 + LOOK;
        }
        is_live
    }
}
