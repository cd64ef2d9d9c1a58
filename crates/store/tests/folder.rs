//! The folder of the SQLite stores: its lock, its rights, its formats, what survives, and reading beside a server.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use privet_seal::{KeyId, KeyKind};
use privet_store::{SqliteOptions, SqliteStores};
use privet_vault::Puid;
use privet_vault::port::{KeyRow, StoreError, ValueWrite};
use rusqlite::Connection;
use tempfile::tempdir;

const PUID: Puid = Puid::from_bytes([1; 16]);

fn value(sealed: &[u8]) -> ValueWrite {
    ValueWrite {
        puid: PUID,
        field: 1,
        sealed: Some(sealed.to_vec()),
        index: Vec::new(),
    }
}

fn execute(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn content_survives_reopening() {
    let dir = tempdir().unwrap();
    let stores = SqliteStores::open(dir.path()).unwrap();
    stores
        .data
        .put_values(vec![value(b"sealed")])
        .await
        .unwrap();
    drop(stores);

    let stores = SqliteStores::open(dir.path()).unwrap();
    let found = stores.data.values(&[PUID], &[1, 2]).await.unwrap();
    assert_eq!(found, [[Some(b"sealed".to_vec()), None]]);
}

#[test]
fn a_second_server_is_kept_out_until_the_first_has_gone() {
    let dir = tempdir().unwrap();
    let first = SqliteStores::open(dir.path()).unwrap();
    assert_eq!(
        SqliteStores::open(dir.path()).unwrap_err(),
        StoreError::InUse
    );
    let one_port = first.log.clone();
    drop(first);
    assert_eq!(
        SqliteStores::open(dir.path()).unwrap_err(),
        StoreError::InUse
    );
    drop(one_port);
    SqliteStores::open(dir.path()).unwrap();
}

#[test]
fn files_are_for_their_owner_alone() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("keys.sqlite");
    drop(SqliteStores::open(dir.path()).unwrap());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();

    let stores = SqliteStores::open(dir.path()).unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    drop(stores);
}

#[test]
fn a_newer_format_is_refused() {
    let dir = tempdir().unwrap();
    drop(SqliteStores::open(dir.path()).unwrap());
    execute(&dir.path().join("log.sqlite"), "PRAGMA user_version = 7");

    let newer = StoreError::NewerVersion { found: 7, known: 1 };
    assert_eq!(SqliteStores::open(dir.path()).unwrap_err(), newer);
    assert_eq!(SqliteStores::open_read_only(dir.path()).unwrap_err(), newer);
}

#[test]
fn a_file_of_another_program_is_left_alone() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("data.sqlite");
    execute(&path, "CREATE TABLE mine (x)");
    let error = SqliteStores::open(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
    execute(&path, "INSERT INTO mine VALUES (1)");
}

#[test]
fn a_file_that_is_no_database_is_reported_with_what_to_do() {
    let dir = tempdir().unwrap();
    std::fs::write(dir.path().join("keys.sqlite"), [b'x'; 9000]).unwrap();
    let error = SqliteStores::open(dir.path()).unwrap_err();
    assert!(
        error.to_string().contains("restore it from its backup"),
        "{error}"
    );
}

#[tokio::test]
async fn reading_beside_a_server_sees_what_it_wrote_and_writes_nothing() {
    let dir = tempdir().unwrap();
    assert!(
        SqliteStores::open_read_only(dir.path()).is_err(),
        "nothing is there yet"
    );
    let server = SqliteStores::open(dir.path()).unwrap();
    let beside = SqliteStores::open_read_only(dir.path()).unwrap();
    server
        .data
        .put_values(vec![value(b"sealed")])
        .await
        .unwrap();

    let found = beside.data.values(&[PUID], &[1]).await.unwrap();
    assert_eq!(found, [[Some(b"sealed".to_vec())]]);
    let refused = beside
        .data
        .put_values(vec![value(b"other")])
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}

#[tokio::test]
async fn a_copy_is_readable_where_no_server_runs() {
    let dir = tempdir().unwrap();
    let server = SqliteStores::open(dir.path()).unwrap();
    server
        .data
        .put_values(vec![value(b"sealed")])
        .await
        .unwrap();
    drop(server);

    let stores = SqliteStores::open_read_only(dir.path()).unwrap();
    let found = stores.data.values(&[PUID], &[1]).await.unwrap();
    assert_eq!(found, [[Some(b"sealed".to_vec())]]);
}

/// A server that does not wait long for other programs.
fn impatient(dir: &Path) -> SqliteStores {
    let options = SqliteOptions {
        busy_wait: Duration::from_millis(20),
        ..SqliteOptions::default()
    };
    SqliteStores::open_with(dir, &options).unwrap()
}

#[tokio::test]
async fn another_programs_lock_is_waited_for_and_then_named() {
    let dir = tempdir().unwrap();
    let stores = impatient(dir.path());
    let other = Connection::open(dir.path().join("data.sqlite")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = stores
        .data
        .put_values(vec![value(b"sealed")])
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("locked by another program"),
        "{refused}"
    );
    assert_eq!(
        stores.data.fields_of(PUID).await,
        Ok(vec![]),
        "reading goes on"
    );
    other.execute_batch("ROLLBACK").unwrap();
    stores
        .data
        .put_values(vec![value(b"sealed")])
        .await
        .unwrap();
}

#[tokio::test]
async fn an_erasure_that_another_program_holds_up_is_finished_by_repeating_it() {
    let dir = tempdir().unwrap();
    let stores = impatient(dir.path());
    let key = KeyRow {
        id: KeyId([1; 16]),
        tenant: "acme".parse().unwrap(),
        kind: KeyKind::Session,
        owner: [2; 16],
        generation: 1,
        wrapped: (0..78).collect(),
        commitment: [3; 32],
        created_at: Timestamp::UNIX_EPOCH,
        expires_on: None,
        told: 0,
    };
    stores.keys.add_keys(vec![key.clone()]).await.unwrap();
    let path = dir.path().join("keys.sqlite");
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("BEGIN; SELECT count(*) FROM wrapped_key")
        .unwrap();

    let refused = stores.keys.destroy_keys(&[key.id]).await.unwrap_err();
    assert!(
        refused.to_string().contains("repeat the deletion"),
        "{refused}"
    );
    assert_eq!(stores.keys.keys_by_id(&[key.id]).await, Ok(vec![None]));
    stores.keys.sequence().await.unwrap();
    drop(other);
    assert_eq!(stores.keys.destroy_keys(&[key.id]).await, Ok(0));
    for path in [path, dir.path().join("keys.sqlite-wal")] {
        let bytes = std::fs::read(path).unwrap();
        assert!(memchr::memmem::find(&bytes, &key.wrapped[18..]).is_none());
    }
}

#[tokio::test]
async fn a_damaged_page_is_reported_with_what_to_do() {
    let dir = tempdir().unwrap();
    let stores = SqliteStores::open(dir.path()).unwrap();
    stores
        .data
        .put_values(vec![value(b"sealed")])
        .await
        .unwrap();
    drop(stores);
    let path = dir.path().join("data.sqlite");
    let mut bytes = std::fs::read(&path).unwrap();
    // Every page but the first, which holds the header and the schema.
    bytes[4096..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();

    let stores = SqliteStores::open(dir.path()).unwrap();
    let error = stores.data.values(&[PUID], &[1]).await.unwrap_err();
    assert!(
        error.to_string().contains("restore it from its backup"),
        "{error}"
    );
    assert_eq!(
        stores.keys.sequence().await,
        Ok(0),
        "the other files are well"
    );
}
