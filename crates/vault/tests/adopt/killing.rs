//! A server that is killed in mid-adoption, at whatever moment, goes on where it was.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use privet_store::SqliteStores;
use privet_vault::{AdoptOrder, JobState, Vault};
use rusqlite::Connection;

use crate::bed::{SCHEMA, Setting, Stores, adopt, caller, opened, parts, sqlite};

const FOLDER: &str = "PRIVET_TEST_KILL_FOLDER";
const CUSTOMERS: u64 = 12_000;

async fn vault(folder: &Path) -> Vault {
    let SqliteStores {
        data, keys, log, ..
    } = SqliteStores::open(&folder.join("stores")).unwrap();
    let source = Arc::new(sqlite("shop", &folder.join("shop.sqlite")));
    Vault::start(parts(
        &Stores { data, keys, log },
        source,
        &Setting::default(),
    ))
    .await
    .unwrap()
}

/// Not a test by itself: the process that the other one kills. It says how far it is, so that it can be killed then.
#[tokio::test]
async fn the_killed_one() {
    let Some(folder) = env::var_os(FOLDER) else {
        return;
    };
    let vault = vault(&PathBuf::from(folder)).await;
    let operator = caller(&vault, "operator").await;
    let id = vault
        .adopt_start(&operator, &"shop".parse().unwrap(), AdoptOrder::SEAL)
        .await
        .unwrap();
    let mut watched = vault.adopt_follow(&operator, id).await.unwrap();
    loop {
        let status = watched.borrow_and_update().clone();
        writeln!(std::io::stderr(), "at {:?} {}", status.state, status.done).unwrap();
        if status.state.is_over() {
            return;
        }
        watched.changed().await.unwrap();
    }
}

/// Runs the other one until it has said `lines` things, then kills it. `false`: it had come to its end.
fn kill_after(folder: &Path, lines: usize) -> bool {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["killing::the_killed_one", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let last = said
        .filter(|line| line.starts_with("at "))
        .take(lines)
        .last()
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    !last.starts_with("at Done")
}

#[tokio::test]
async fn a_killed_adoption_goes_on_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let shop = Connection::open(dir.path().join("shop.sqlite")).unwrap();
    shop.execute_batch(&format!(
        "{SCHEMA} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CUSTOMERS})
         INSERT INTO customer SELECT i, 'Marker ' || i, 'm' || i || '@marker.example', '1990-01-01', 'UK' FROM n;
         INSERT INTO invoice SELECT id, id, '2024-01-01', id || ' Marker St' FROM customer;"
    ))
    .unwrap();
    drop(shop);
    // Each takes up what the one before left; the numbers say how many batches it gets through first.
    let mut killed = 0;
    for lines in [6, 8, 3, 9, 6, 10] {
        killed += u32::from(kill_after(dir.path(), lines));
    }
    assert!(killed >= 4, "only {killed} were killed before their end");
    let vault = vault(dir.path()).await;
    let status = adopt(&vault, &"shop".parse().unwrap(), false).await;
    assert_eq!(
        (status.state, status.left),
        (JobState::Done, 0),
        "{status:?}"
    );
    let shop = Connection::open(dir.path().join("shop.sqlite")).unwrap();
    let counted = "SELECT count(*) FROM customer WHERE name LIKE 'pv1_%' AND email LIKE 'pv1_%' AND email_px LIKE 'px1_%'";
    let sealed: i64 = shop.query_row(counted, [], |row| row.get(0)).unwrap();
    assert_eq!(sealed.unsigned_abs(), CUSTOMERS);
    for id in [
        1, 1_999, 2_000, 2_001, 4_000, 4_001, 6_001, 8_001, 10_001, CUSTOMERS,
    ] {
        let sql = format!(
            "SELECT name, (SELECT address FROM invoice WHERE id = {id}) FROM customer WHERE id = {id}"
        );
        let (name, address): (String, String) = shop
            .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        let subject = format!("customer:{id}");
        assert_eq!(
            opened(&vault, &subject, "name", &name).await,
            format!("Marker {id}")
        );
        assert_eq!(
            opened(&vault, &subject, "billing_address", &address).await,
            format!("{id} Marker St")
        );
    }
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes.windows(6).any(|window| window == b"Marker"),
                "{}",
                path.display()
            );
        }
    }
}
