//! What only whoever has the key store and the root key can find out: secrets, and where somebody's answers lie.

use privet_seal::{KeyKind, KeyProvider, PlaceKey, Scope, Secret32, WrapContext, WrappingKey};
use privet_store::MemoryStores;
use privet_vault::SubjectRef;
use privet_vault::port::{ConsentPlace, ConsentRow, KeyRow};

use crate::bed::root;

/// More answers than anybody gives in a test that looks at rows.
const NUMBERS_MAX: u64 = 64;

/// What the tenant's keys are wrapped with.
pub(crate) async fn tenant_keys(stores: &MemoryStores) -> Vec<WrappingKey> {
    let scope = Scope::new("test", "acme").unwrap();
    let rows = stores.keys.tenant_keys().await.unwrap();
    let open = |row: &KeyRow| {
        let secret = root().unwrap(&context(&scope, row), &row.wrapped, &row.commitment);
        WrappingKey::new(row.id, secret.unwrap())
    };
    rows.iter().map(open).collect()
}

/// The secret in a row.
pub(crate) fn unwrapped(keys: &[WrappingKey], row: &KeyRow) -> Secret32 {
    let scope = Scope::new("test", "acme").unwrap();
    let mut opened = keys.iter().filter_map(|key| {
        let context = context(&scope, row);
        key.unwrap(&context, &row.wrapped, &row.commitment).ok()
    });
    opened.next().unwrap()
}

fn context<'s>(scope: &'s Scope, row: &KeyRow) -> WrapContext<'s> {
    WrapContext {
        scope,
        key_id: row.id,
        subject: (row.kind != KeyKind::Tenant).then_some(row.owner),
        kind: row.kind,
        generation: row.generation,
    }
}

/// The key of a subject's answers.
pub(crate) async fn consent_key(stores: &MemoryStores, subject: SubjectRef) -> Option<KeyRow> {
    let keys = stores.keys.keys_of_subjects(&[subject]).await.unwrap();
    keys.into_iter().flatten().find(KeyRow::is_of_consent)
}

/// Where a subject's answers lie, from the first; nowhere, as long as they have no key.
pub(crate) async fn places(stores: &MemoryStores, subject: SubjectRef) -> Vec<ConsentPlace> {
    match consent_key(stores, subject).await {
        None => Vec::new(),
        Some(row) => places_under(&tenant_keys(stores).await, &row),
    }
}

/// Where lies what was sealed under a key.
pub(crate) fn places_under(keys: &[WrappingKey], row: &KeyRow) -> Vec<ConsentPlace> {
    let places = PlaceKey::derive(&unwrapped(keys, row));
    let numbers = 1..=NUMBERS_MAX;
    numbers.map(|n| ConsentPlace(places.place(n))).collect()
}

/// What lies there, oldest first.
pub(crate) async fn rows(stores: &MemoryStores, places: &[ConsentPlace]) -> Vec<ConsentRow> {
    let rows = stores.data.consent_rows(places).await.unwrap();
    rows.into_iter().flatten().collect()
}
