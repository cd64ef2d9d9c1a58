//! The data map may not say anything else of a bit than what people said yes to.

use privet_classify::{Basis, DataMap};

use crate::port::{ConsentBit, DataStore};
use crate::{Error, Result};

/// Compares the data map with what the ledger's bits stand for.
///
/// # Errors
/// [`Error::Unready`]: with such a map, a yes to one thing would be taken for a yes to another, or a purpose that people
/// could say no to would go on without them.
pub(crate) async fn check_bits(data: &dyn DataStore, map: &DataMap) -> Result<()> {
    let bits = data.consent_bits().await?;
    match bits.iter().find_map(|bit| contradiction(map, bit)) {
        None => Ok(()),
        Some(text) => Err(Error::unready("consent_basis", text)),
    }
}

/// What the map says differently; a purpose that it no longer has is used for nothing and needs no bit.
fn contradiction(map: &DataMap, known: &ConsentBit) -> Option<String> {
    let ConsentBit { bit, purpose } = known;
    match map.purpose(purpose) {
        Some(now) if now.basis != Basis::Consent => Some(format!(
            "people agreed to purpose `{purpose}`, which the data map now rests on `{}`: what rested on consent stays so; \
             write `basis = \"consent\", bit = {bit}` again, or give the new use a name of its own",
            now.basis
        )),
        Some(now) if now.bit != Some(*bit) => Some(format!(
            "people agreed to purpose `{purpose}` under bit {bit}, and the data map now gives it another: write `bit = {bit}` \
             again"
        )),
        Some(_) => None,
        None => {
            let other = map.purposes().find(|other| other.bit == Some(*bit))?;
            Some(format!(
                "bit {bit} stands for purpose `{purpose}`, to which people agreed, and the data map now gives it to `{}`: \
                 give that one a bit of its own",
                other.name
            ))
        }
    }
}
