//! The Chinook sample database, where the environment variable `PRIVET_CHINOOK` names its file.

use std::env;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use privet_classify::DataMap;
use privet_vault::check::{Report, check_source};
use privet_vault::{JobState, Vault};
use rusqlite::Connection;

use crate::bed::{Setting, Stores, adopt, opened, parts, sqlite};

/// The file is read-only where it comes from; its copy must not be.
fn copy(from: &Path, to: &Path) {
    std::fs::write(to, std::fs::read(from).unwrap()).unwrap();
}

#[tokio::test]
async fn chinook_is_adopted_and_passes_its_check() {
    let Some(original) = env::var_os("PRIVET_CHINOOK") else {
        writeln!(
            std::io::stderr(),
            "\nSKIPPED: chinook_is_adopted_and_passes_its_check (set PRIVET_CHINOOK to the path of chinook.sqlite)"
        )
        .unwrap();
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chinook.sqlite");
    copy(Path::new(&original), &path);
    let map = include_str!("../../../../examples/chinook/datamap.toml");
    let setting = Setting {
        map: map.to_owned(),
        tenant: "chinook",
        synthetic_only: false,
    };
    let stores = Stores::new().await;
    let source = Arc::new(sqlite("chinook", &path));
    let vault = Vault::start(parts(&stores, source.clone(), &setting))
        .await
        .unwrap();
    let name = "chinook".parse().unwrap();
    let plain = Connection::open(&original).unwrap();
    let status = adopt(&vault, &name, false).await;
    assert_eq!(
        (status.state, status.left),
        (JobState::Done, 0),
        "{status:#?}"
    );
    // 59 customers, 8 employees, 412 invoices.
    let rows: Vec<_> = status
        .tables
        .iter()
        .map(|table| (table.table.as_str(), table.rows, table.findings.len()))
        .collect();
    assert_eq!(
        rows,
        [("Customer", 59, 0), ("Employee", 8, 0), ("Invoice", 412, 0)]
    );
    assert_eq!(stores.keys.subject_count().await.unwrap(), 67);
    let map = DataMap::parse(map).unwrap();
    let report = check_source(&map, &*source).await.unwrap();
    assert_eq!(
        report,
        Report {
            problems: Vec::new(),
            notes: vec![
                "the data map does not list `Album`, `Artist`, `Genre`, `MediaType`, `Playlist`, `PlaylistTrack`, \
                 `Track`, so all that is in there is shown as it is"
                    .to_owned()
            ],
            sealed: status.done,
        }
    );
    values_open_as_what_they_were(&vault, &plain, &path).await;
}

async fn values_open_as_what_they_were(vault: &Vault, plain: &Connection, path: &Path) {
    let sealed = Connection::open(path).unwrap();
    for (subject, field, sql) in [
        (
            "Customer:1",
            "first_name",
            "SELECT FirstName FROM Customer WHERE CustomerId = 1",
        ),
        (
            "Customer:59",
            "email",
            "SELECT Email FROM Customer WHERE CustomerId = 59",
        ),
        (
            "Customer:2",
            "billing_city",
            "SELECT BillingCity FROM Invoice WHERE CustomerId = 2 LIMIT 1",
        ),
    ] {
        let get = |connection: &Connection| {
            connection
                .query_row::<String, _, _>(sql, [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(
            opened(vault, subject, field, &get(&sealed)).await,
            get(plain),
            "{sql}"
        );
    }
    let bytes = std::fs::read(path).unwrap();
    for text in ["luisg@embraer.com.br", "Gonçalves", "Theodor-Heuss"] {
        assert!(
            !bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes()),
            "{text}"
        );
    }
}
