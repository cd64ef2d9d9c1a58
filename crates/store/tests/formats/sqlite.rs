//! Files of SQLite.

use std::path::Path;

use privet_store::SqliteStores;
use rusqlite::Connection;
use tempfile::tempdir;

use crate::rows::{self, Grants, Literals};

const LITERALS: Literals = Literals {
    id: |byte| format!("x'{}'", format!("{byte:02x}").repeat(16)),
    bytes: |byte, count| format!("x'{}'", format!("{byte:02x}").repeat(count)),
    subjects: str::to_owned,
    fields: "1,3",
    indexes: false,
};

/// Each older format of a store, from 1.
const DATA: [&str; 4] = [
    include_str!("schemas/sqlite-data-1.sql"),
    include_str!("schemas/sqlite-data-2.sql"),
    include_str!("schemas/sqlite-data-3.sql"),
    include_str!("schemas/sqlite-data-4.sql"),
];
const KEYS: [(&str, Grants); 7] = [
    (include_str!("schemas/sqlite-keys-1.sql"), Grants::OfOne),
    (include_str!("schemas/sqlite-keys-2.sql"), Grants::OfOne),
    (include_str!("schemas/sqlite-keys-3.sql"), Grants::OfSeveral),
    (include_str!("schemas/sqlite-keys-4.sql"), Grants::OfSeveral),
    (include_str!("schemas/sqlite-keys-5.sql"), Grants::OfSeveral),
    (include_str!("schemas/sqlite-keys-6.sql"), Grants::OfSeveral),
    (include_str!("schemas/sqlite-keys-7.sql"), Grants::OfSeveral),
];

/// Writes a file as the version with that format did.
fn write(path: &Path, application: &[u8; 4], version: usize, schema: &str, rows: &str) {
    let file = Connection::open(path).unwrap();
    let application = i32::from_be_bytes(*application);
    file.execute_batch(&format!(
        "PRAGMA journal_mode = wal; PRAGMA secure_delete = on; PRAGMA foreign_keys = on;
         PRAGMA application_id = {application}; PRAGMA user_version = {version}; {schema}; {rows}"
    ))
    .unwrap();
}

/// Format and tables of a file.
fn schema(path: &Path) -> Vec<String> {
    let file = Connection::open(path).unwrap();
    let mut select = file
        .prepare(
            "SELECT 'format ' || user_version FROM pragma_user_version
             UNION ALL SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1",
        )
        .unwrap();
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn data_of_each_older_format_are_read() {
    let new = tempdir().unwrap();
    drop(SqliteStores::open(new.path()).unwrap());
    for (version, old) in (1..).zip(DATA) {
        let dir = tempdir().unwrap();
        let path = dir.path().join("data.sqlite");
        write(&path, b"PvtD", version, old, &rows::data(&LITERALS));
        let stores = SqliteStores::open(dir.path()).unwrap();
        rows::find_data(&*stores.data).await;
        drop(stores);
        assert_eq!(schema(&path), schema(&new.path().join("data.sqlite")));
    }
}

#[tokio::test]
async fn keys_of_each_older_format_are_read() {
    let new = tempdir().unwrap();
    drop(SqliteStores::open(new.path()).unwrap());
    for (version, (old, grants)) in (1..).zip(KEYS) {
        let dir = tempdir().unwrap();
        let path = dir.path().join("keys.sqlite");
        let rows = rows::keys(&LITERALS, grants);
        write(&path, b"PvtK", version, old, &rows);
        let stores = SqliteStores::open(dir.path()).unwrap();
        rows::find_keys(&*stores.keys).await;
        drop(stores);
        assert_eq!(schema(&path), schema(&new.path().join("keys.sqlite")));
    }
}

/// Whoever adds a format adds the one before it here.
#[test]
fn no_format_is_missing() {
    let dir = tempdir().unwrap();
    drop(SqliteStores::open(dir.path()).unwrap());
    for (name, known) in [("data", DATA.len()), ("keys", KEYS.len()), ("log", 0)] {
        let file = Connection::open(dir.path().join(format!("{name}.sqlite"))).unwrap();
        let version = file.pragma_query_value(None, "user_version", |row| row.get(0));
        let version: u32 = version.unwrap();
        assert_eq!(version as usize, known + 1, "{name}");
    }
}
