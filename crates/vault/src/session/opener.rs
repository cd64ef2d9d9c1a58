//! The handle that opens sealed cells of a result for one statement of one grant, and reveals nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use privet_seal::SealedText;

use super::grant::LiveGrant;
use super::lock;
use crate::Vault;

/// Values opened by one statement, per field.
pub(crate) type Counts = Arc<Mutex<BTreeMap<u16, u64>>>;

/// How long a look at a grant's time and at the shared sequence holds.
const LOOK: Duration = Duration::from_millis(1);

/// Opens sealed text under a grant whose entry is durable. It counts what it opens, and stops by itself when the
/// grant ends, the subject is erased, the token is revoked or the key store falls silent. Of a key it shows nothing.
pub struct Opener {
    vault: Vault,
    grant: Option<(Arc<LiveGrant>, Counts)>,
    /// Up to when the last look at the grant holds, on the clock that never goes backwards.
    looked: Duration,
    sealed: Vec<u8>,
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
    pub(crate) fn new(vault: Vault, grant: Option<(Arc<LiveGrant>, Counts)>) -> Self {
        Self {
            vault,
            grant,
            looked: Duration::ZERO,
            sealed: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// Appends the value of a sealed cell to `out`; `false` leaves `out` as it is and the cell sealed, whatever the
    /// cause. The value's own header decides, never the row it lies in.
    pub fn open_text(&mut self, cell: &[u8], out: &mut Vec<u8>) -> bool {
        if !self.is_live() {
            return false;
        }
        let Some((grant, counts)) = &self.grant else {
            return false;
        };
        let Some(text) = SealedText::recognize(cell) else {
            return false;
        };
        let field = text.field();
        if !grant.covers(field.0) {
            return false;
        }
        let Some(cipher) = grant.cipher(text.key_id()) else {
            return false;
        };
        let Ok(sealed) = text.decode_into(&mut self.sealed) else {
            return false;
        };
        let Ok(value) = cipher.open_into(field, &sealed, &mut self.plain) else {
            return false;
        };
        out.extend_from_slice(value.as_text().as_bytes());
        zeroize::Zeroize::zeroize(&mut self.plain);
        *lock(counts).entry(field.0).or_default() += 1;
        true
    }

    /// Whether the grant opens anything now. That it was ended is seen at once, its time and the shared sequence within
    /// [`LOOK`]: reading three clocks for each cell took longer than opening it.
    fn is_live(&mut self) -> bool {
        let Some((grant, _)) = &self.grant else {
            return false;
        };
        let now = self.vault.inner.clock.monotonic();
        if now < self.looked {
            return !grant.is_ended();
        }
        let is_live = grant.is_live(&self.vault);
        if is_live {
            self.looked = now + LOOK;
        }
        is_live
    }
}
