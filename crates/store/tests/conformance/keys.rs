//! What the key store promises.

use privet_seal::KeyKind;
use privet_vault::port::{
    AliasRow, Change, ChangeKind, ConsentEnd, ConsentPlace, ConsentTold, GrantRow, KeyRow,
    NewSubject, OrphanRow, Orphans, RetentionKey, StoreError, SubjectRow, TokenRow,
};
use privet_vault::{Puid, SourceName, SubjectRef};

use crate::rows::{
    alias, at, bytes, day, grant, grant_id, key, key_id, oid, place, puid, reference,
    retention_key, session_id, subject, subject_row, token, token_id, wide,
};
use crate::{Stores, on_each};

const ZEROS: [u8; 16] = [0; 16];

async fn changes(stores: &Stores) -> Vec<ChangeKind> {
    let changes = stores.keys.changes_after(0).await.unwrap();
    let positions: Vec<_> = changes.iter().map(|change| change.sequence).collect();
    assert_eq!(positions, (1..=changes.len() as u64).collect::<Vec<_>>());
    assert_eq!(stores.keys.sequence().await, Ok(changes.len() as u64));
    changes.iter().map(|change| change.kind).collect()
}

#[tokio::test]
async fn a_key_comes_back_as_it_was_added() {
    on_each(async |stores| {
        let plain = key(1, KeyKind::Session, [1; 16], 1);
        let expiring = KeyRow {
            expires_on: Some(day(30)),
            ..key(2, KeyKind::Side, [2; 16], 1)
        };
        stores
            .keys
            .add_keys(vec![plain.clone(), expiring.clone()])
            .await
            .unwrap();
        stores.reopen().await;
        let found = stores
            .keys
            .keys_by_id(&[key_id(2), key_id(3), key_id(1)])
            .await
            .unwrap();
        assert_eq!(found, [Some(expiring), None, Some(plain)]);
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_key_is_kept_apart() {
    on_each(async |stores| {
        let keys: Vec<_> = (0..)
            .zip(KeyKind::ALL)
            .map(|(n, kind)| key(n, kind, ZEROS, 1))
            .collect();
        stores.keys.add_keys(keys.clone()).await.unwrap();
        for key in keys {
            let found = stores
                .keys
                .keys_of(&key.tenant, key.kind, ZEROS)
                .await
                .unwrap();
            assert_eq!(found, [key]);
        }
    })
    .await;
}

#[tokio::test]
async fn keys_are_found_by_owner_and_kind() {
    on_each(async |stores| {
        let other = |mut row: KeyRow| {
            row.tenant = "other".parse().unwrap();
            row
        };
        let rows = vec![
            key(1, KeyKind::Index, [1; 16], 1),
            key(2, KeyKind::Index, [1; 16], 3),
            key(3, KeyKind::Index, [1; 16], 2),
            key(4, KeyKind::Index, [0; 16], 1),
            key(5, KeyKind::Tenant, ZEROS, 2),
            key(6, KeyKind::Tenant, ZEROS, 1),
            other(key(7, KeyKind::Tenant, ZEROS, 1)),
            other(key(8, KeyKind::Index, [1; 16], 1)),
            key(9, KeyKind::Link, ZEROS, 1),
        ];
        stores.keys.add_keys(rows).await.unwrap();
        let numbers = |found: Vec<KeyRow>| {
            let number = |row: &KeyRow| (1..10).find(|n| key_id(*n) == row.id).unwrap();
            found.iter().map(number).collect::<Vec<_>>()
        };
        let (acme, other) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let index = KeyKind::Index;
        let of = async |tenant, owner| stores.keys.keys_of(tenant, index, owner).await.unwrap();
        assert_eq!(numbers(of(&acme, [1; 16]).await), [2, 3, 1]);
        assert_eq!(numbers(of(&other, [1; 16]).await), [8]);
        assert_eq!(numbers(of(&other, [0; 16]).await), [0; 0]);
        assert_eq!(
            numbers(stores.keys.keys_of_kind(&acme, index).await.unwrap()),
            [4, 1, 3, 2]
        );
        assert_eq!(numbers(stores.keys.tenant_keys().await.unwrap()), [6, 5, 7]);
    })
    .await;
}

#[tokio::test]
async fn a_key_for_the_same_place_or_id_is_a_conflict_and_nothing_is_added() {
    on_each(async |stores| {
        stores
            .keys
            .add_keys(vec![key(1, KeyKind::Index, [1; 16], 1)])
            .await
            .unwrap();
        let fresh = key(2, KeyKind::Index, [1; 16], 2);
        for clash in [
            key(3, KeyKind::Index, [1; 16], 1),
            key(1, KeyKind::Index, [9; 16], 1),
        ] {
            let refused = stores.keys.add_keys(vec![fresh.clone(), clash]).await;
            assert_eq!(refused, Err(StoreError::Conflict));
        }
        assert_eq!(stores.keys.keys_by_id(&[key_id(2)]).await.unwrap(), [None]);
    })
    .await;
}

#[tokio::test]
async fn destroyed_keys_are_gone_and_counted() {
    on_each(async |stores| {
        let rows = (1..5)
            .map(|n| key(n, KeyKind::Session, [n as u8; 16], 1))
            .collect();
        stores.keys.add_keys(rows).await.unwrap();
        let ids = [key_id(1), key_id(3), key_id(77), key_id(1)];
        assert_eq!(stores.keys.destroy_keys(&ids).await, Ok(2));
        assert_eq!(stores.keys.destroy_keys(&ids).await, Ok(0));
        assert_eq!(stores.keys.destroy_keys(&[]).await, Ok(0));
        stores.reopen().await;
        let left = stores
            .keys
            .keys_by_id(&[key_id(1), key_id(2), key_id(3)])
            .await
            .unwrap();
        assert_eq!(
            left.iter().map(Option::is_some).collect::<Vec<_>>(),
            [false, true, false]
        );
    })
    .await;
}

#[tokio::test]
async fn keys_die_on_their_day() {
    on_each(async |stores| {
        let expiring = |n: u32, expires_on| KeyRow {
            expires_on,
            ..key(n, KeyKind::Side, [n as u8; 16], 1)
        };
        let rows = vec![
            expiring(1, Some(day(9))),
            expiring(2, Some(day(10))),
            expiring(3, Some(day(11))),
            expiring(4, None),
            expiring(5, None),
        ];
        stores.keys.add_keys(rows).await.unwrap();
        stores
            .keys
            .set_key_expiry(key_id(4), day(10))
            .await
            .unwrap();
        stores
            .keys
            .set_key_expiry(key_id(1), day(12))
            .await
            .unwrap();
        stores
            .keys
            .set_key_expiry(key_id(99), day(12))
            .await
            .unwrap();
        assert_eq!(stores.keys.destroy_expired_keys(day(10)).await, Ok(2));
        assert_eq!(stores.keys.destroy_expired_keys(day(10)).await, Ok(0));
        let ids: Vec<_> = (1..6).map(key_id).collect();
        let left = stores.keys.keys_by_id(&ids).await.unwrap();
        let left: Vec<_> = left.iter().map(Option::is_some).collect();
        assert_eq!(left, [true, false, true, false, true]);
    })
    .await;
}

#[tokio::test]
async fn a_subject_is_found_by_each_of_its_names() {
    on_each(async |stores| {
        let subjects = vec![subject(1), subject(2), subject(3)];
        stores.keys.add_subjects(subjects).await.unwrap();
        stores
            .keys
            .add_alias(alias("employee", 2, 1))
            .await
            .unwrap();
        stores.reopen().await;
        let row = |n| Some(subject_row(n));
        let by_oid = stores
            .keys
            .subjects_by_oid(&[oid(3), oid(9), oid(1)])
            .await
            .unwrap();
        assert!(by_oid == [row(3), None, row(1)]);
        let by_puid = stores
            .keys
            .subjects_by_puid(&[puid(2), puid(9)])
            .await
            .unwrap();
        assert!(by_puid == [row(2), None]);
        let by_reference = stores
            .keys
            .subjects_by_reference(&[reference(1)])
            .await
            .unwrap();
        assert!(by_reference == [row(1)]);

        let shop = "shop".parse().unwrap();
        let names = ["3".to_owned(), "9".to_owned(), "2".to_owned()];
        let found = stores
            .keys
            .subjects_by_alias(&shop, "customer", &names)
            .await
            .unwrap();
        let expected = |n| Some((alias("customer", n, n), subject_row(n)));
        assert!(found == [expected(3), None, expected(2)]);
        let found = stores
            .keys
            .subjects_by_alias(&shop, "employee", &names[2..])
            .await
            .unwrap();
        assert!(found == [Some((alias("employee", 2, 1), subject_row(1)))]);
        let elsewhere = "crm".parse().unwrap();
        let none = stores
            .keys
            .subjects_by_alias(&elsewhere, "customer", &names)
            .await
            .unwrap();
        assert!(none == [None, None, None]);

        let aliases = stores.keys.aliases_of(reference(1)).await.unwrap();
        assert_eq!(aliases, [alias("customer", 1, 1), alias("employee", 2, 1)]);
        assert_eq!(stores.keys.subject_count().await, Ok(3));
    })
    .await;
}

#[tokio::test]
async fn keys_of_subjects_are_all_but_those_of_requests() {
    on_each(async |stores| {
        let owner = *reference(1).as_bytes();
        stores
            .keys
            .add_subjects(vec![subject(1), subject(2)])
            .await
            .unwrap();
        let rows = vec![
            retention_key(1, day(30)),
            key(15, KeyKind::SubjectAccount, owner, 2),
            key(16, KeyKind::Salt, owner, 1),
            key(17, KeyKind::Request, owner, 1),
        ];
        stores.keys.add_keys(rows.clone()).await.unwrap();
        let found = stores
            .keys
            .keys_of_subjects(&[reference(2), reference(9), reference(1)])
            .await
            .unwrap();
        assert_eq!(found[0], subject(2).keys);
        assert!(found[1].is_empty());
        let [account, operational] = subject(1).keys.try_into().unwrap();
        assert_eq!(
            found[2],
            [rows[1].clone(), account, operational, rows[0].clone()]
        );
    })
    .await;
}

#[tokio::test]
async fn a_subject_that_clashes_is_a_conflict_and_nothing_is_added() {
    on_each(async |stores| {
        stores.keys.add_subjects(vec![subject(1)]).await.unwrap();
        let with = |change: &dyn Fn(&mut NewSubject)| {
            let mut new = subject(3);
            change(&mut new);
            new
        };
        let clashes = [
            with(&|new| new.subject.puid = puid(1)),
            with(&|new| new.subject.oid = oid(1)),
            with(&|new| new.subject.reference = reference(1)),
            with(&|new| new.keys[0].id = key_id(10)),
            with(&|new| new.aliases[0].key = "1".to_owned()),
            with(&|new| new.aliases[0].subject = reference(9)),
        ];
        for clash in clashes {
            let refused = stores.keys.add_subjects(vec![subject(2), clash]).await;
            assert_eq!(refused, Err(StoreError::Conflict));
        }
        assert_eq!(stores.keys.subject_count().await, Ok(1));
        assert!(stores.keys.keys_of_subjects(&[reference(2)]).await.unwrap()[0].is_empty());
        assert!(
            stores
                .keys
                .aliases_of(reference(2))
                .await
                .unwrap()
                .is_empty()
        );

        let taken = stores.keys.add_alias(alias("customer", 1, 1)).await;
        assert_eq!(taken, Err(StoreError::Conflict));
        let unknown = stores.keys.add_alias(alias("customer", 5, 5)).await;
        assert_eq!(unknown, Err(StoreError::Conflict));
    })
    .await;
}

#[tokio::test]
async fn erasure_takes_keys_links_and_grants_of_one_subject() {
    on_each(async |stores| {
        let owner = *reference(1).as_bytes();
        stores
            .keys
            .add_subjects(vec![subject(1), subject(2)])
            .await
            .unwrap();
        stores
            .keys
            .add_keys(vec![key(16, KeyKind::Salt, owner, 1)])
            .await
            .unwrap();
        for row in [grant(1, 1, 1), grant(2, 1, 2), grant(3, 2, 1)] {
            stores.keys.add_grant(row).await.unwrap();
        }
        stores.keys.end_grant(grant_id(1), at(5)).await.unwrap();

        let kept = stores
            .keys
            .destroy_subject(reference(1), day(1), at(9), None, ConsentEnd::default())
            .await;
        assert_eq!(kept, Ok(vec![]));
        stores.reopen().await;
        let gone = [key_id(10), key_id(11), key_id(16)];
        assert_eq!(
            stores.keys.keys_by_id(&gone).await.unwrap(),
            [None, None, None]
        );
        assert!(stores.keys.subjects_by_oid(&[oid(1)]).await.unwrap() == [None]);
        assert!(stores.keys.subjects_by_puid(&[puid(1)]).await.unwrap() == [None]);
        assert!(
            stores
                .keys
                .aliases_of(reference(1))
                .await
                .unwrap()
                .is_empty()
        );
        let ended = async |n| {
            stores
                .keys
                .grant(grant_id(n))
                .await
                .unwrap()
                .unwrap()
                .ended_at
        };
        assert_eq!(ended(1).await, Some(at(5)), "ended before");
        assert_eq!(ended(2).await, None, "another subject's");
        assert_eq!(ended(3).await, Some(at(9)));
        let last = changes(stores).await.split_off(4);
        assert_eq!(
            last,
            [
                ChangeKind::GrantEnded(grant_id(3)),
                ChangeKind::Erased(reference(1))
            ]
        );

        assert_eq!(stores.keys.subject_count().await, Ok(1));
        assert_eq!(
            stores.keys.keys_of_subjects(&[reference(2)]).await.unwrap()[0].len(),
            2
        );
        // Without the row's name, which nobody gets before the row is erased.
        let mut again = subject(1);
        again.aliases.clear();
        stores.keys.add_subjects(vec![again]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_retention_key_outlives_its_subject_until_its_day() {
    on_each(async |stores| {
        stores.keys.add_subjects(vec![subject(1)]).await.unwrap();
        let later = KeyRow {
            generation: 9,
            ..retention_key(1, day(20))
        };
        let sooner = KeyRow {
            id: key_id(13),
            ..retention_key(1, day(10))
        };
        stores.keys.add_keys(vec![later, sooner]).await.unwrap();
        let destroy = async |today| {
            stores
                .keys
                .destroy_subject(reference(1), day(today), at(9), None, ConsentEnd::default())
                .await
                .unwrap()
        };
        let both = [
            RetentionKey {
                id: key_id(13),
                expires_on: day(10),
            },
            RetentionKey {
                id: key_id(12),
                expires_on: day(20),
            },
        ];
        assert_eq!(destroy(9).await, both);
        assert_eq!(destroy(9).await, both, "repeating it is harmless");
        assert_eq!(changes(stores).await, [ChangeKind::Erased(reference(1))]);
        let kept = stores.keys.keys_of_subjects(&[reference(1)]).await.unwrap();
        assert_eq!(kept[0].len(), 2, "the retention keys alone");

        assert_eq!(destroy(10).await, both[1..]);
        assert_eq!(
            changes(stores).await.len(),
            2,
            "caches must forget the key that died"
        );
        assert!(destroy(20).await.is_empty());
        assert!(destroy(20).await.is_empty());
        assert_eq!(changes(stores).await.len(), 3);
    })
    .await;
}

/// The key of subject `n`'s answers.
fn consent_key(n: u32) -> KeyRow {
    KeyRow {
        generation: KeyRow::CONSENT_GENERATION,
        expires_on: None,
        ..retention_key(n, day(1))
    }
}

#[tokio::test]
async fn a_consent_key_says_which_answer_was_told_last() {
    on_each(async |stores| {
        let keys = &stores.keys;
        keys.add_subjects(vec![subject(1), subject(2)])
            .await
            .unwrap();
        // Another retention key of theirs is not meant.
        let other = KeyRow {
            id: key_id(19),
            ..retention_key(1, day(9))
        };
        keys.add_keys(vec![consent_key(1), consent_key(2), other])
            .await
            .unwrap();
        let tell = async |list: &[(u32, u64)]| {
            let told = list.iter().map(|(n, number)| ConsentTold {
                subject: reference(*n),
                number: *number,
                telling: None,
            });
            stores.keys.consent_changed(told.collect()).await.unwrap();
        };
        tell(&[(1, 2), (2, 1), (9, 4), (1, 3), (1, 1)]).await;
        // Whoever is late takes nothing back.
        tell(&[(1, 2), (2, 0)]).await;
        stores.reopen().await;
        let ids = [consent_key(1).id, consent_key(2).id, key_id(19)];
        let rows = stores.keys.keys_by_id(&ids).await.unwrap();
        let told: Vec<_> = rows.iter().flatten().map(|row| row.told).collect();
        assert_eq!(told, [3, 1, 0]);
        let of_subject = stores.keys.keys_of_subjects(&[reference(1)]).await.unwrap();
        let told = of_subject[0].iter().map(|row| row.told);
        assert_eq!(told.max(), Some(3));
    })
    .await;
}

#[tokio::test]
async fn what_is_kept_has_another_key_from_the_moment_on_in_which_its_subject_ends() {
    on_each(async |stores| {
        let keys = &stores.keys;
        keys.add_subjects(vec![subject(1)]).await.unwrap();
        keys.add_keys(vec![consent_key(1)]).await.unwrap();
        let kept = KeyRow {
            id: key_id(99),
            owner: bytes(12, 1),
            expires_on: Some(day(20)),
            told: 7,
            ..consent_key(1)
        };
        // An erasure that is repeated keeps what it kept.
        for id in [99, 98] {
            let end = ConsentEnd {
                places: Vec::new(),
                kept: Some(KeyRow {
                    id: key_id(id),
                    ..kept.clone()
                }),
            };
            let left = stores
                .keys
                .destroy_subject(reference(1), day(1), at(9), None, end)
                .await;
            assert_eq!(left, Ok(vec![]));
        }
        stores.reopen().await;
        let ids = [consent_key(1).id, key_id(99), key_id(98)];
        let rows = stores.keys.keys_by_id(&ids).await.unwrap();
        assert_eq!(rows, [None, Some(kept.clone()), None]);
        let kind = KeyKind::SubjectRetention;
        let owners = stores.keys.expired_owners(kind, day(20), 9).await;
        assert_eq!(owners, Ok(vec![kept.owner]));
    })
    .await;
}

#[tokio::test]
async fn erasing_nobody_is_no_change() {
    on_each(async |stores| {
        let kept = stores
            .keys
            .destroy_subject(reference(1), day(1), at(9), None, ConsentEnd::default())
            .await;
        assert_eq!(kept, Ok(vec![]));
        assert_eq!(stores.keys.sequence().await, Ok(0));
    })
    .await;
}

#[tokio::test]
async fn tokens_are_listed_newest_first_and_revoked_once() {
    on_each(async |stores| {
        for row in [token(1, "ada"), token(3, "ada"), token(2, "bob")] {
            stores.keys.add_token(row).await.unwrap();
        }
        stores.reopen().await;
        let all = [token(3, "ada"), token(2, "bob"), token(1, "ada")];
        assert_eq!(stores.keys.tokens().await.unwrap(), all);
        let ada = "ada".parse().unwrap();
        assert_eq!(
            stores.keys.tokens_of(&ada).await.unwrap(),
            [token(3, "ada"), token(1, "ada")]
        );
        assert!(
            stores
                .keys
                .tokens_of(&"eve".parse().unwrap())
                .await
                .unwrap()
                .is_empty()
        );
        let by_hash = async |n| stores.keys.token_by_sha256(wide(13, n)).await.unwrap();
        assert_eq!(by_hash(2).await, Some(token(2, "bob")));
        assert_eq!(by_hash(9).await, None);

        assert_eq!(
            stores.keys.revoke_token(token_id(2), at(50)).await,
            Ok(true)
        );
        assert_eq!(
            stores.keys.revoke_token(token_id(2), at(60)).await,
            Ok(false)
        );
        assert_eq!(
            stores.keys.revoke_token(token_id(9), at(60)).await,
            Ok(false)
        );
        let revoked = TokenRow {
            revoked_at: Some(at(50)),
            ..token(2, "bob")
        };
        assert_eq!(by_hash(2).await, Some(revoked));
        assert_eq!(
            changes(stores).await,
            [ChangeKind::TokenRevoked(token_id(2))]
        );
    })
    .await;
}

#[tokio::test]
async fn a_token_that_exists_is_a_conflict() {
    on_each(async |stores| {
        stores.keys.add_token(token(1, "ada")).await.unwrap();
        let same_id = TokenRow {
            id: token_id(1),
            ..token(2, "ada")
        };
        let same_hash = TokenRow {
            sha256: wide(13, 1),
            ..token(2, "ada")
        };
        for clash in [same_id, same_hash] {
            assert_eq!(
                stores.keys.add_token(clash).await,
                Err(StoreError::Conflict)
            );
        }
        assert_eq!(stores.keys.tokens().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn grants_advance_the_sequence_and_end_once() {
    on_each(async |stores| {
        let none = GrantRow {
            fields: vec![],
            ended_at: Some(at(3)),
            ..grant(1, 7, 1)
        };
        stores.keys.add_grant(grant(5, 7, 1)).await.unwrap();
        stores.keys.add_grant(none.clone()).await.unwrap();
        stores.keys.add_grant(grant(2, 8, 1)).await.unwrap();
        assert_eq!(
            stores.keys.add_grant(grant(2, 9, 2)).await,
            Err(StoreError::Conflict)
        );
        stores.reopen().await;
        let of = async |n| stores.keys.grants_of(session_id(n)).await.unwrap();
        assert_eq!(of(7).await, [grant(5, 7, 1), none], "oldest first");
        assert!(of(9).await.is_empty());
        assert_eq!(
            stores.keys.grant(grant_id(2)).await,
            Ok(Some(grant(2, 8, 1)))
        );
        assert_eq!(stores.keys.grant(grant_id(9)).await, Ok(None));

        assert_eq!(stores.keys.end_grant(grant_id(5), at(50)).await, Ok(true));
        assert_eq!(stores.keys.end_grant(grant_id(5), at(60)).await, Ok(false));
        assert_eq!(stores.keys.end_grant(grant_id(1), at(60)).await, Ok(false));
        assert_eq!(stores.keys.end_grant(grant_id(9), at(60)).await, Ok(false));
        let ended = stores
            .keys
            .grant(grant_id(5))
            .await
            .unwrap()
            .unwrap()
            .ended_at;
        assert_eq!(ended, Some(at(50)));
        let granted = |n| ChangeKind::Granted(grant_id(n));
        let expected = [
            granted(5),
            granted(1),
            granted(2),
            ChangeKind::GrantEnded(grant_id(5)),
        ];
        assert_eq!(changes(stores).await, expected);
    })
    .await;
}

#[tokio::test]
async fn an_ended_session_takes_its_place_in_the_sequence() {
    on_each(async |stores| {
        stores.keys.add_grant(grant(5, 1, 1)).await.unwrap();
        stores.keys.end_session(session_id(1)).await.unwrap();
        stores.keys.end_grant(grant_id(5), at(9)).await.unwrap();
        stores.reopen().await;
        let expected = [
            ChangeKind::Granted(grant_id(5)),
            ChangeKind::SessionEnded(session_id(1)),
            ChangeKind::GrantEnded(grant_id(5)),
        ];
        assert_eq!(changes(stores).await, expected);
    })
    .await;
}

#[tokio::test]
async fn changes_of_consent_take_their_places_in_the_order_of_the_list() {
    on_each(async |stores| {
        let keys = &stores.keys;
        keys.add_grant(grant(5, 1, 1)).await.unwrap();
        keys.consent_changed(Vec::new()).await.unwrap();
        let list = [3, 1, 3, 2].map(reference);
        let told = |subject: &SubjectRef| ConsentTold {
            subject: *subject,
            number: 1,
            telling: None,
        };
        keys.consent_changed(list.iter().map(told).collect())
            .await
            .unwrap();
        keys.end_grant(grant_id(5), at(9)).await.unwrap();
        stores.reopen().await;
        let [first, second, third, fourth] = list.map(ChangeKind::ConsentChanged);
        let expected = [
            ChangeKind::Granted(grant_id(5)),
            first,
            second,
            third,
            fourth,
            ChangeKind::GrantEnded(grant_id(5)),
        ];
        assert_eq!(changes(stores).await, expected);
    })
    .await;
}

#[tokio::test]
async fn changes_of_long_ago_go_and_the_last_one_stays() {
    on_each(async |stores| {
        let keys = &stores.keys;
        assert_eq!(keys.trim_changes(9).await, Ok(0));
        assert_eq!(keys.sequence().await, Ok(0));
        for n in 0..5 {
            keys.add_grant(grant(n, 1, 1)).await.unwrap();
        }
        let left = async |stores: &Stores| {
            let changes = stores.keys.changes_after(0).await.unwrap();
            changes
                .iter()
                .map(|change| change.sequence)
                .collect::<Vec<_>>()
        };
        let steps = [(0, 0, 1), (2, 2, 3), (1, 0, 3), (5, 2, 5), (99, 0, 5)];
        for (through, count, first) in steps {
            assert_eq!(keys.trim_changes(through).await, Ok(count));
            let rest = first..=5;
            assert_eq!(left(stores).await, rest.collect::<Vec<u64>>(), "{through}");
            assert_eq!(keys.sequence().await, Ok(5));
        }
        let last = Change {
            sequence: 5,
            kind: ChangeKind::Granted(grant_id(4)),
        };
        assert_eq!(keys.changes_after(4).await, Ok(vec![last]));
        stores.reopen().await;
        // Positions go on, and none is used again.
        stores.keys.add_grant(grant(7, 1, 1)).await.unwrap();
        assert_eq!(left(stores).await, [5, 6]);
        assert_eq!(stores.keys.sequence().await, Ok(6));
    })
    .await;
}

#[tokio::test]
async fn changes_are_read_from_any_position_a_thousand_at_a_time() {
    on_each(async |stores| {
        for n in 0..4 {
            stores.keys.add_grant(grant(n, 1, 1)).await.unwrap();
        }
        let after = async |position| stores.keys.changes_after(position).await.unwrap();
        let third = Change {
            sequence: 3,
            kind: ChangeKind::Granted(grant_id(2)),
        };
        assert_eq!(after(2).await[0], third);
        assert!(after(4).await.is_empty());
        assert!(after(1 << 60).await.is_empty());

        let mut tasks = tokio::task::JoinSet::new();
        for n in 4..1100 {
            let keys = stores.keys.clone();
            tasks.spawn(async move { keys.add_grant(grant(n, 1, 1)).await.unwrap() });
        }
        tasks.join_all().await;
        assert_eq!(
            stores.keys.sequence().await,
            Ok(1100),
            "each took a position of its own"
        );
        let first = after(0).await;
        assert_eq!(first.len(), 1000);
        assert_eq!(after(first[999].sequence).await.len(), 100);
    })
    .await;
}

#[tokio::test]
async fn a_log_position_only_moves_forward() {
    on_each(async |stores| {
        assert_eq!(stores.keys.log_position("a").await, Ok(0));
        stores.keys.set_log_position("a", 5).await.unwrap();
        stores.keys.set_log_position("a", 3).await.unwrap();
        stores.keys.set_log_position("b", 9).await.unwrap();
        stores.reopen().await;
        assert_eq!(stores.keys.log_position("a").await, Ok(5));
        assert_eq!(stores.keys.log_position("b").await, Ok(9));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_stored_exactly_is_refused() {
    on_each(async |stores| {
        // The model holds any moment; a store that cannot must say so and not store another.
        let far = jiff::Timestamp::MAX;
        let new = SubjectRow {
            created_at: far,
            ..subject_row(1)
        };
        let new = NewSubject {
            subject: new.clone(),
            keys: vec![],
            aliases: vec![],
        };
        match stores.keys.add_subjects(vec![new]).await {
            Ok(()) => {
                let found = stores.keys.subjects_by_oid(&[oid(1)]).await.unwrap();
                assert!(found[0].as_ref().is_some_and(|row| row.created_at == far));
            }
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn rows_of_an_erased_subject_are_known_until_they_are_erased() {
    on_each(async |stores| {
        let (shop, crm) = (source("shop"), source("crm"));
        destroy_with_rows(stores, &shop, &crm).await;
        stores.reopen().await;
        let keys = &stores.keys;
        let due = async |source: &SourceName, today, after: Option<&OrphanRow>, count_max| {
            keys.orphan_rows(source, today, after, count_max)
                .await
                .unwrap()
        };
        let row = |source: &SourceName, table: &str, key: &str| OrphanRow {
            source: source.clone(),
            table: table.to_owned(),
            key: key.to_owned(),
        };
        let all = [
            row(&shop, "customer", "10"),
            row(&shop, "customer", "9"),
            row(&shop, "person", "9"),
        ];
        assert_eq!(due(&shop, day(1), None, 10).await, all);
        assert_eq!(due(&shop, day(1), None, 2).await, all[..2]);
        assert_eq!(due(&shop, day(1), Some(&all[0]), 1).await, all[1..2]);
        assert_eq!(due(&shop, day(1), Some(&all[2]), 1).await, []);
        assert_eq!(
            due(&crm, day(1), None, 10).await,
            [row(&crm, "contact", "Ada")]
        );
        // The row would be erased as somebody else's.
        let again = |key: &str| named(&shop, "customer", key, 2);
        assert_eq!(keys.add_alias(again("9")).await, Err(StoreError::Conflict));
        let mut third = subject(3);
        third.aliases = vec![again("8"), again("10")];
        for alias in &mut third.aliases {
            alias.subject = reference(3);
        }
        let added = keys.add_subjects(vec![third]).await;
        assert_eq!(added, Err(StoreError::Conflict));
        assert_eq!(keys.subject_count().await, Ok(1));
        let asked = ["8", "9", "10"].map(str::to_owned);
        assert_eq!(
            keys.orphaned(&shop, "customer", &asked).await,
            Ok(vec![false, true, true])
        );
        assert_eq!(
            keys.orphaned(&crm, "customer", &asked).await,
            Ok(vec![false; 3])
        );
        // What law keeps is looked at again on its day, and is nobody else's until then.
        keys.settle_orphan_row(&all[1], Some(day(9))).await.unwrap();
        keys.settle_orphan_row(&all[0], None).await.unwrap();
        keys.settle_orphan_row(&all[0], Some(day(9))).await.unwrap();
        assert_eq!(due(&shop, day(8), None, 10).await, all[2..]);
        assert_eq!(due(&shop, day(9), None, 10).await, all[1..]);
        assert_eq!(keys.add_alias(again("9")).await, Err(StoreError::Conflict));
        keys.settle_orphan_row(&all[1], None).await.unwrap();
        keys.add_alias(again("9")).await.unwrap();
        keys.add_alias(again("10")).await.unwrap();
        assert_eq!(due(&shop, day(9), None, 10).await, all[2..]);
    })
    .await;
}

/// Subject 1 with rows in two sources, destroyed twice, and subject 2.
async fn destroy_with_rows(stores: &Stores, shop: &SourceName, crm: &SourceName) {
    let keys = &stores.keys;
    let mut first = subject(1);
    first.aliases = vec![
        named(shop, "person", "9", 1),
        named(shop, "customer", "10", 1),
        named(shop, "customer", "9", 1),
        named(crm, "contact", "Ada", 1),
    ];
    keys.add_subjects(vec![first, subject(2)]).await.unwrap();
    let rows = keys.orphan_rows(shop, day(1), None, 10).await;
    assert_eq!(rows, Ok(vec![]));
    for _ in 0..2 {
        keys.destroy_subject(reference(1), day(1), at(0), None, ConsentEnd::default())
            .await
            .unwrap();
    }
}

fn source(name: &str) -> SourceName {
    name.parse().unwrap()
}

fn named(source: &SourceName, table: &str, key: &str, n: u32) -> AliasRow {
    AliasRow {
        source: source.clone(),
        table: table.to_owned(),
        key: key.to_owned(),
        subject: reference(n),
        mac: [1; 32],
    }
}

#[tokio::test]
async fn an_erased_account_id_is_known_until_its_values_are_deleted() {
    on_each(async |stores| {
        let subjects = (1..=3).map(subject).collect();
        stores.keys.add_subjects(subjects).await.unwrap();
        assert_eq!(stores.keys.orphans().await, Ok(Orphans::default()));
        for n in [2, 1] {
            for _ in 0..2 {
                stores
                    .keys
                    .destroy_subject(reference(n), day(1), at(0), None, ConsentEnd::default())
                    .await
                    .unwrap();
            }
        }
        let orphans = |mut puids: Vec<Puid>, mut places: Vec<ConsentPlace>| {
            puids.sort();
            places.sort();
            Orphans { puids, places }
        };
        let all = orphans(vec![puid(1), puid(2)], vec![]);
        assert_eq!(stores.keys.orphans().await, Ok(all));
        let second = orphans(vec![puid(2)], vec![]);
        stores.keys.remove_orphans(&second).await.unwrap();
        stores.reopen().await;
        let first = orphans(vec![puid(1)], vec![]);
        assert_eq!(stores.keys.orphans().await, Ok(first));
        // Where answers lie is known as long, also when it is said again.
        for _ in 0..2 {
            let end = ConsentEnd {
                places: vec![place(3, 2), place(3, 1)],
                kept: None,
            };
            stores
                .keys
                .destroy_subject(reference(3), day(1), at(0), None, end)
                .await
                .unwrap();
        }
        let all = orphans(vec![puid(1), puid(3)], vec![place(3, 1), place(3, 2)]);
        assert_eq!(stores.keys.orphans().await, Ok(all));
        let some = orphans(vec![puid(3)], vec![place(3, 1), place(9, 9)]);
        stores.keys.remove_orphans(&some).await.unwrap();
        stores.reopen().await;
        let left = orphans(vec![puid(1)], vec![place(3, 2)]);
        assert_eq!(stores.keys.orphans().await, Ok(left.clone()));
        stores.keys.remove_orphans(&left).await.unwrap();
        assert_eq!(stores.keys.orphans().await, Ok(Orphans::default()));
    })
    .await;
}
