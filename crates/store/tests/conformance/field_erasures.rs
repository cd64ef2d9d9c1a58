//! Generations of keys: fields that are being erased, and values that are sealed anew.

use privet_seal::KeyKind;
use privet_vault::SubjectRef;
use privet_vault::port::{
    Change, ChangeKind, ConsentEnd, FieldErasure, KeyRow, StoreError, ValueSwap,
};

use crate::rows::{at, day, index, key, key_id, puid, reference, retention_key, subject, value};
use crate::{Stores, on_each};

/// Account key of subject `n`, with an id of its own for each generation.
fn generation(n: u32, generation: u32) -> KeyRow {
    let owner = *reference(n).as_bytes();
    let id = 1_000 * n + generation;
    key(id, KeyKind::SubjectAccount, owner, generation)
}

fn erasure(n: u32, generation: u32, fields: &[u16]) -> FieldErasure {
    FieldErasure {
        subject: reference(n),
        kind: KeyKind::SubjectAccount,
        generation,
        fields: fields.to_vec(),
        sources: vec!["shop".parse().unwrap(), "crm".parse().unwrap()],
        until: Some(at(7)),
    }
}

async fn begin(stores: &Stores, key: KeyRow, fields: &[u16]) -> Result<(), StoreError> {
    let erasure = FieldErasure {
        subject: SubjectRef::from_bytes(key.owner),
        kind: key.kind,
        generation: key.generation,
        ..erasure(0, 0, fields)
    };
    let begun = vec![(key, erasure)];
    stores.keys.begin_field_erasures(begun).await
}

async fn account_keys(stores: &Stores, n: u32) -> Vec<u32> {
    let (tenant, owner) = ("acme".parse().unwrap(), *reference(n).as_bytes());
    let keys = stores.keys.keys_of(&tenant, KeyKind::SubjectAccount, owner);
    let keys = keys.await.unwrap();
    keys.iter().map(|key| key.generation).collect()
}

async fn replaced(stores: &Stores) -> Vec<Change> {
    let changes = stores.keys.changes_after(0).await.unwrap();
    let of_keys = changes
        .into_iter()
        .filter(|change| matches!(change.kind, ChangeKind::KeysReplaced(_)));
    of_keys.collect()
}

#[tokio::test]
async fn a_key_is_replaced_and_the_older_ones_are_destroyed() {
    on_each(async |stores| {
        let keys = &stores.keys;
        let (one, two) = (subject(1), subject(2));
        keys.add_subjects(vec![one, two]).await.unwrap();
        keys.add_keys(vec![retention_key(1, day(9))]).await.unwrap();
        assert_eq!(keys.field_erasures().await, Ok(vec![]));
        begin(stores, generation(1, 2), &[1, 65_535]).await.unwrap();
        // Both open until it ends.
        assert_eq!(account_keys(stores, 1).await, [2, 1]);
        let change = |sequence| Change {
            sequence,
            kind: ChangeKind::KeysReplaced(reference(1)),
        };
        assert_eq!(replaced(stores).await, [change(1)]);
        stores.reopen().await;
        let keys = &stores.keys;
        let pending = vec![erasure(1, 2, &[1, 65_535])];
        assert_eq!(keys.field_erasures().await, Ok(pending));
        for expected in [1, 0] {
            let ended = keys.end_field_erasure(reference(1), KeyKind::SubjectAccount, 2);
            assert_eq!(
                ended.await,
                Ok(expected),
                "the second time there is nothing"
            );
        }
        assert_eq!(account_keys(stores, 1).await, [2]);
        assert_eq!(keys.field_erasures().await, Ok(vec![]));
        assert_eq!(replaced(stores).await, [change(1), change(2)]);
        // Of other kinds and other people nothing is gone.
        let left = keys
            .keys_of_subjects(&[reference(1), reference(2)])
            .await
            .unwrap();
        let kinds = |rows: &[KeyRow]| rows.iter().map(|row| row.kind).collect::<Vec<_>>();
        let (account, operational) = (KeyKind::SubjectAccount, KeyKind::SubjectOperational);
        let kept = KeyKind::SubjectRetention;
        assert_eq!(kinds(&left[0]), [account, operational, kept]);
        assert_eq!(kinds(&left[1]), [account, operational]);
        let old = keys.keys_by_id(&[key_id(10), key_id(1_002)]).await.unwrap();
        assert_eq!(old, [None, Some(generation(1, 2))]);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_not_the_newest_replaces_nothing() {
    on_each(async |stores| {
        let keys = &stores.keys;
        keys.add_subjects(vec![subject(1)]).await.unwrap();
        let begin = async |row: KeyRow| begin(stores, row, &[3]).await;
        let conflict = Err(StoreError::Conflict);
        // There is no such subject, and this generation exists.
        assert_eq!(begin(generation(9, 2)).await, conflict);
        let mut twin = generation(1, 1);
        twin.id = key_id(77);
        assert_eq!(begin(twin).await, conflict);
        assert_eq!(begin(generation(1, 2)).await, Ok(()));
        let mut twin = generation(1, 2);
        twin.id = key_id(78);
        assert_eq!(begin(twin).await, conflict);
        // One that a log names may be several ahead.
        assert_eq!(begin(generation(1, 5)).await, Ok(()));
        assert_eq!(begin(generation(1, 4)).await, conflict);
        let ids = [
            key_id(77),
            key_id(78),
            generation(9, 2).id,
            generation(1, 4).id,
        ];
        assert_eq!(keys.keys_by_id(&ids).await, Ok(vec![None; 4]));
        // All of it or nothing.
        let mut account = generation(1, 6);
        account.id = key_id(79);
        let operational = key(80, KeyKind::SubjectOperational, *reference(1).as_bytes(), 1);
        let both = [(account, 6), (operational, 1)];
        let both = both.map(|(key, generation)| {
            let erasure = erasure(1, generation, &[3]);
            (key, erasure)
        });
        assert_eq!(keys.begin_field_erasures(both.into()).await, conflict);
        assert_eq!(account_keys(stores, 1).await, [5, 2, 1]);
        // Nothing is destroyed without the key that takes its place, and nothing that came later is forgotten.
        let end = async |generation| {
            keys.end_field_erasure(reference(1), KeyKind::SubjectAccount, generation)
                .await
        };
        assert_eq!(end(6).await, Err(StoreError::Conflict));
        let operational = keys.end_field_erasure(reference(1), KeyKind::SubjectOperational, 2);
        assert_eq!(operational.await, Err(StoreError::Conflict));
        assert_eq!(account_keys(stores, 1).await, [5, 2, 1]);
        assert_eq!(end(2).await, Ok(1));
        assert_eq!(keys.field_erasures().await, Ok(vec![erasure(1, 5, &[3])]));
        assert_eq!(end(5).await, Ok(1));
        assert_eq!(account_keys(stores, 1).await, [5]);
        assert_eq!(replaced(stores).await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn databases_are_cleared_one_by_one() {
    on_each(async |stores| {
        let subjects = vec![subject(1), subject(2)];
        stores.keys.add_subjects(subjects).await.unwrap();
        let operational = |n: u32| {
            let owner = *reference(n).as_bytes();
            key(5_000 + n, KeyKind::SubjectOperational, owner, 2)
        };
        for n in [1, 2] {
            begin(stores, operational(n), &[3]).await.unwrap();
        }
        begin(stores, generation(1, 2), &[3]).await.unwrap();
        let of = |n: u32, kind: KeyKind, sources: &[&str]| FieldErasure {
            kind,
            sources: sources.iter().map(|name| name.parse().unwrap()).collect(),
            ..erasure(n, 2, &[3])
        };
        let both = ["shop", "crm"];
        let (account, kind) = (KeyKind::SubjectAccount, KeyKind::SubjectOperational);
        // Twice is once, and what nobody begun is nobody's.
        for (n, source) in [(1, "shop"), (1, "shop"), (1, "other"), (9, "shop")] {
            let cleared = of(n, kind, &[]);
            let source = source.parse().unwrap();
            stores.keys.fields_cleared(&cleared, &source).await.unwrap();
        }
        stores.reopen().await;
        let left = stores.keys.field_erasures().await.unwrap();
        let expected = [
            of(1, account, &both),
            of(1, kind, &["crm"]),
            of(2, kind, &both),
        ];
        assert_eq!(left, expected);
        let crm = "crm".parse().unwrap();
        stores.keys.fields_cleared(&left[1], &crm).await.unwrap();
        let left = stores.keys.field_erasures().await.unwrap();
        assert_eq!(left[1], of(1, kind, &[]));
    })
    .await;
}

#[tokio::test]
async fn whoever_is_destroyed_has_nothing_left_to_erase() {
    on_each(async |stores| {
        let keys = &stores.keys;
        keys.add_subjects(vec![subject(1), subject(2)])
            .await
            .unwrap();
        for n in [1, 2] {
            begin(stores, generation(n, 2), &[]).await.unwrap();
        }
        keys.destroy_subject(reference(1), day(1), at(0), None, ConsentEnd::default())
            .await
            .unwrap();
        assert_eq!(keys.field_erasures().await, Ok(vec![erasure(2, 2, &[])]));
        assert_eq!(account_keys(stores, 1).await, [] as [u32; 0]);
        let ended = keys.end_field_erasure(reference(1), KeyKind::SubjectAccount, 2);
        assert_eq!(ended.await, Err(StoreError::Conflict));
    })
    .await;
}

#[tokio::test]
async fn two_servers_replace_a_key_once() {
    on_each(async |stores| {
        stores.keys.add_subjects(vec![subject(1)]).await.unwrap();
        let mut servers = tokio::task::JoinSet::new();
        for server in 0..8_u32 {
            let keys = stores.keys.clone();
            servers.spawn(async move {
                let mut row = generation(1, 2);
                row.id = key_id(500 + server);
                let erasure = erasure(1, 2, &[server as u16]);
                keys.begin_field_erasures(vec![(row, erasure)]).await
            });
        }
        let begun = servers.join_all().await;
        let first = begun.iter().filter(|one| one.is_ok()).count();
        assert_eq!(first, 1, "{begun:?}");
        assert_eq!(account_keys(stores, 1).await, [2, 1]);
        assert_eq!(stores.keys.field_erasures().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_value_is_swapped_only_for_what_it_was_made_of() {
    on_each(async |stores| {
        let data = &stores.data;
        let writes = vec![
            value(1, 1, b"old mail", &[index(1, true)]),
            value(1, 2, b"old phone", &[index(2, false), index(3, false)]),
            value(1, 3, b"newer note", &[index(4, true)]),
            value(2, 2, b"old phone", &[index(2, false)]),
        ];
        data.put_values(writes).await.unwrap();
        let swap = |n: u32, field: u16, old: &[u8], new: Option<&[u8]>| ValueSwap {
            puid: puid(n),
            field,
            old: old.to_vec(),
            new: new.map(<[u8]>::to_vec),
        };
        let swaps = vec![
            swap(1, 3, b"old note", None),
            swap(1, 1, b"old mail", Some(b"new mail")),
            swap(3, 1, b"old mail", Some(b"new mail")),
            swap(1, 2, b"old phone", None),
            swap(1, 7, b"", None),
        ];
        let swapped = data.swap_values(swaps).await;
        assert_eq!(swapped, Ok(vec![false, true, false, true, false]));
        assert_eq!(data.swap_values(vec![]).await, Ok(vec![]));
        stores.reopen().await;
        let data = &stores.data;
        let some = |bytes: &[u8]| Some(bytes.to_vec());
        let found = data.values(&[puid(1), puid(2), puid(3)], &[1, 2, 3]).await;
        let expected = vec![
            vec![some(b"new mail"), None, some(b"newer note")],
            vec![None, some(b"old phone"), None],
            vec![None, None, None],
        ];
        assert_eq!(found, Ok(expected));
        let holders = async |field: u16, n: u8| data.lookup(field, [n; 18], 9).await.unwrap();
        assert_eq!(
            holders(1, 1).await,
            [puid(1)],
            "the same value has the same index"
        );
        assert_eq!(holders(2, 2).await, [puid(2)]);
        assert_eq!(holders(2, 3).await, []);
        assert_eq!(holders(3, 4).await, [puid(1)]);
        // What is deleted is free for others, and what was swapped is replaced like any other value.
        let writes = vec![
            value(3, 2, b"theirs", &[index(3, true)]),
            value(1, 1, b"newest", &[index(5, true)]),
            value(3, 1, b"their mail", &[index(1, true)]),
        ];
        data.put_values(writes).await.unwrap();
        assert_eq!(data.delete_subject(puid(1)).await, Ok(2));
    })
    .await;
}
