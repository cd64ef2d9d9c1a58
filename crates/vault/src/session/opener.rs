//! The handle that opens sealed cells of a result for one statement of one grant, and reveals nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use privet_seal::SealedText;

use super::grant::LiveGrant;
use super::lock;
use crate::Vault;

/// Values opened by one statement, per field.
pub(crate) type Counts = Arc<Mutex<BTreeMap<u16, u64>>>;

/// Opens sealed text under a grant whose entry is durable. It counts what it opens, and stops by itself when the
/// grant ends, the subject is erased, the token is revoked or the key store falls silent. Of a key it shows nothing.
pub struct Opener {
    vault: Vault,
    grant: Option<(Arc<LiveGrant>, Counts)>,
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
            sealed: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// Appends the value of a sealed cell to `out`; `false` leaves `out` as it is and the cell sealed, whatever the
    /// cause. The value's own header decides, never the row it lies in.
    pub fn open_text(&mut self, cell: &[u8], out: &mut Vec<u8>) -> bool {
        let Some((grant, counts)) = &self.grant else {
            return false;
        };
        let Some(text) = SealedText::recognize(cell) else {
            return false;
        };
        let field = text.field();
        if !grant.covers(field.0) || !grant.is_live(&self.vault) {
            return false;
        }
        let Some(cipher) = grant.open().cipher(text.key_id()) else {
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
}
