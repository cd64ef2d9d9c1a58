//! Erasing single fields clears them in applications' databases, seals anew what stays there, and destroys the key before it after
//! a while.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use privet_seal::{KeyKind, Zeroizing};
use privet_store::{FailNth, Faults, Moment};
use privet_vault::audit::Entry;
use privet_vault::port::{FieldErasure, KeyStore, Source, StoreError};
use privet_vault::receipt::{ErasureContent, ReceiptKey, verify_erasure};
use privet_vault::{
    ClearedTable, FieldsErased, Parts, SealItem, SubjectName, SubjectRequestId, Vault,
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::bed::{MAP, ROWS, SCHEMA, Setting, Stores, adopt, caller, opened, parts, sqlite};
use crate::leaving::{Calendar, until, with_rules};
use crate::postgres;

const HOUR: Duration = Duration::from_secs(3_600);
const TOMBSTONE: &str = "pv1_AQAAAAAA";
const CONTROLLER: &str = "[controller]\nname = \"Shop Ltd\"\ncontact = \"privacy@shop.example\"\n";

/// Somebody's database, on either engine.
enum Database {
    File(TempDir),
    Server(String),
}

impl Database {
    fn file(sql: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = Connection::open(dir.path().join("shop.sqlite")).unwrap();
        file.execute_batch(sql).unwrap();
        Self::File(dir)
    }

    fn server(sql: &str) -> Self {
        let database = postgres::new_database();
        postgres::run_sql(&database, sql);
        Self::Server(database)
    }

    fn source(&self) -> Arc<dyn Source> {
        match self {
            Self::File(dir) => Arc::new(sqlite("shop", &path(dir))),
            Self::Server(database) => Arc::new(postgres::source("shop", &postgres::url(database))),
        }
    }

    /// The only value of a statement's only row; NULL as nothing.
    fn value(&self, sql: &str) -> String {
        match self {
            Self::File(dir) => {
                let file = Connection::open(path(dir)).unwrap();
                let value = file.query_row(sql, [], |row| row.get::<_, Option<String>>(0));
                value.unwrap().unwrap_or_default()
            }
            Self::Server(database) => postgres::run_sql(database, sql),
        }
    }

    fn execute(&self, sql: &str) {
        match self {
            Self::File(dir) => Connection::open(path(dir))
                .unwrap()
                .execute_batch(sql)
                .unwrap(),
            Self::Server(database) => drop(postgres::run_sql(database, sql)),
        }
    }
}

fn path(dir: &TempDir) -> PathBuf {
    dir.path().join("shop.sqlite")
}

/// A shop, its stores, and time that is moved by hand.
struct World {
    database: Database,
    stores: Stores,
    clock: Arc<Calendar>,
    setting: Setting,
}

impl World {
    async fn new(database: Database, map: String) -> Self {
        Self {
            database,
            stores: Stores::new().await,
            clock: Arc::default(),
            setting: Setting {
                map: format!("{map}\n{CONTROLLER}"),
                ..Setting::default()
            },
        }
    }

    async fn file() -> Self {
        let database = Database::file(&format!("{SCHEMA}{ROWS}"));
        Self::new(database, with_rules(MAP)).await
    }

    async fn server() -> Self {
        let sql = format!("{}{}", postgres::SCHEMA, postgres::ROWS);
        Self::new(Database::server(&sql), with_rules(&postgres::map())).await
    }

    fn parts(&self) -> Parts {
        let mut parts = parts(&self.stores, self.database.source(), &self.setting);
        parts.clock = self.clock.clone();
        parts
    }

    async fn start(&self) -> Vault {
        let vault = Vault::start(self.parts()).await.unwrap();
        vault.sign_receipts(signer());
        vault
    }

    /// A server over the shop, which is sealed.
    async fn adopted(&self) -> Vault {
        let vault = self.start().await;
        let status = adopt(&vault, &"shop".parse().unwrap(), false).await;
        assert_eq!(status.problems, [""; 0]);
        vault
    }

    fn customer(&self, column: &str) -> String {
        let sql = format!("SELECT CAST({column} AS TEXT) FROM customer WHERE id = 1");
        self.database.value(&sql)
    }

    async fn pending(&self) -> Vec<FieldErasure> {
        self.stores.keys.field_erasures().await.unwrap()
    }

    /// After the grace, a server that starts ends what is left to end.
    async fn later(&self) -> Vault {
        self.clock.advance(HOUR);
        let vault = self.start().await;
        until("the end of the old key", async || {
            self.pending().await.is_empty()
        })
        .await;
        vault
    }

    /// How many operational keys a person has.
    async fn operational_keys(&self) -> usize {
        let (shop, keys) = ("shop".parse().unwrap(), ["1".to_owned()]);
        let named = self.stores.keys.subjects_by_alias(&shop, "customer", &keys);
        let reference = named.await.unwrap()[0].as_ref().unwrap().1.reference;
        let keys = self.stores.keys.keys_of_subjects(&[reference]).await;
        let keys = keys.unwrap().concat().into_iter();
        keys.filter(|key| key.kind == KeyKind::SubjectOperational)
            .count()
    }
}

fn signer() -> ReceiptKey {
    ReceiptKey::from_seed(&[9; 32]).unwrap()
}

/// The receipt of a request, once what it waits for is over.
async fn receipt(vault: &Vault, id: SubjectRequestId) -> ErasureContent {
    let operator = caller(vault, "operator").await;
    until("the receipt", async || {
        vault.run_requests(&operator).await.unwrap();
        vault.erasure_receipt_by_id(id).await.is_ok()
    })
    .await;
    let receipt = vault.erasure_receipt_by_id(id).await.unwrap();
    let content = verify_erasure(receipt.as_bytes(), &signer().public()).unwrap();
    let log = vault.audit().verifier_key().clone();
    content.log.check(&[log]).unwrap();
    content
}

/// Keys of both sides, databases that came later, and those where something is left.
fn told(content: &ErasureContent) -> (u64, u64, &[String], &[String]) {
    let keys = &content.destroyed.keys;
    let (later, outstanding) = (&content.later[..], &content.outstanding[..]);
    (keys.account, keys.operational, later, outstanding)
}

async fn erase(vault: &Vault, fields: &[&str]) -> Result<FieldsErased, privet_vault::Error> {
    let operator = caller(vault, "operator").await;
    let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
    let subject: SubjectName = "customer:1".parse().unwrap();
    vault
        .erase_fields(&operator, &subject, &fields, Some("knew the marker"))
        .await
}

/// A value sealed for the application now.
async fn sealed(vault: &Vault, field: &str, value: &str) -> String {
    let job = caller(vault, "job").await;
    let item = SealItem {
        subject: "customer:1".parse().unwrap(),
        field: field.to_owned(),
        value: Zeroizing::new(value.to_owned()),
    };
    let sealed = vault.seal_values(&job, &[item]).await.unwrap().remove(0);
    sealed.sealed
}

/// `customer 1 2 0 0`: cleared, sealed anew, kept, unreadable.
fn counts(erased: &FieldsErased) -> Vec<String> {
    let tables = erased.sources.tables.iter();
    tables
        .map(|((_, table), rows)| {
            let ClearedTable {
                cleared,
                resealed,
                kept,
                unreadable,
            } = rows;
            format!("{table} {cleared} {resealed} {kept} {unreadable}")
        })
        .collect()
}

/// What the log says of both sides: what, which, and how many keys.
async fn sides(vault: &Vault) -> Vec<String> {
    let entries = vault.audit().entries(0, 4_000).await.unwrap();
    let entries = entries.iter().map(|bytes| Entry::parse(bytes).unwrap());
    entries
        .filter(|entry| entry.t.starts_with("erasure.fields_"))
        .map(|entry| {
            let side = entry.facts["side"].as_str().unwrap().to_owned();
            let keys = entry.counts.get("keys").copied().unwrap_or_default();
            format!("{} {side} {keys}", entry.t)
        })
        .collect()
}

#[tokio::test]
async fn a_field_is_cleared_in_databases_and_the_rest_sealed_anew() {
    for world in [World::file().await, World::server().await] {
        let vault = world.adopted().await;
        let before = ["email", "name", "birthday"].map(|column| world.customer(column));
        let others =
            "SELECT count(email) || ' ' || min(name) || max(name) FROM customer WHERE id <> 1";
        let theirs = world.database.value(others);
        let addresses = "SELECT min(address) || max(address) FROM invoice WHERE customer_id = 1";
        let of_law = world.database.value(addresses);
        let erased = erase(&vault, &["email"]).await.unwrap();
        assert_eq!(counts(&erased), ["customer 1 2 0 0", "message 0 1 0 0"]);
        assert_eq!(
            (erased.sources.outstanding.len(), erased.elsewhere.len()),
            (0, 0)
        );
        assert!(world.customer("email").starts_with(TOMBSTONE));
        assert_eq!(world.customer("email_px"), "");
        let open = async |vault: &Vault, field: &str, text: &str| {
            opened(vault, "customer:1", field, text).await
        };
        let name = world.customer("name");
        assert_ne!(name, before[1]);
        assert_eq!(open(&vault, "name", &name).await, "Ada Marker");
        let birthday = world.customer("birthday");
        assert_eq!(open(&vault, "birthday", &birthday).await, "1990-12-31");
        let message = world.database.value("SELECT body FROM message");
        let message = open(&vault, "message", &message).await;
        assert_eq!(message, "Marker: where is my lamp?");
        assert_eq!(world.database.value(others), theirs);
        assert_eq!(world.database.value(addresses), of_law);
        // What applications may hold still opens.
        assert_eq!(open(&vault, "name", &before[1]).await, "Ada Marker");
        assert_eq!(world.operational_keys().await, 2);
        let intents = [
            "intended operational 0",
            "intended account 0",
            "done account 1",
        ];
        let intents = intents.map(|text| format!("erasure.fields_{text}"));
        assert_eq!(sides(&vault).await, intents);
        drop(vault);

        let vault = world.later().await;
        for (field, old) in ["email", "name", "birthday"].into_iter().zip(&before) {
            assert_eq!(open(&vault, field, old).await, "Unreadable", "{field}");
        }
        assert_eq!(open(&vault, "name", &name).await, "Ada Marker");
        assert_eq!(world.operational_keys().await, 1);
        let end = "erasure.fields_done operational 1".to_owned();
        assert!(sides(&vault).await.contains(&end));
    }
}

#[tokio::test]
async fn what_comes_late_is_erased_or_sealed_anew_and_what_is_newer_stays() {
    for world in [World::file().await, World::server().await] {
        let vault = world.adopted().await;
        // Sealed before the erasure, and not written yet.
        let late = sealed(&vault, "birthday", "1990-12-30").await;
        let erased_late = sealed(&vault, "email", "late@marker.example").await;
        erase(&vault, &["email", "message"]).await.unwrap();
        let message = "SELECT coalesce(body, '') FROM message";
        assert_eq!(world.database.value(message), "");
        let newer = sealed(&vault, "message", "a new lamp").await;
        world.database.execute(&format!(
            "UPDATE customer SET birthday = '{late}', email = '{erased_late}' WHERE id = 1;
             UPDATE message SET body = '{newer}'"
        ));
        assert_eq!(
            opened(&vault, "customer:1", "birthday", &late).await,
            "1990-12-30"
        );
        drop(vault);

        let vault = world.later().await;
        let birthday = world.customer("birthday");
        assert_ne!(birthday, late);
        let open = async |field: &str, text: &str| opened(&vault, "customer:1", field, text).await;
        assert_eq!(open("birthday", &birthday).await, "1990-12-30");
        assert!(world.customer("email").starts_with(TOMBSTONE));
        assert_eq!(world.database.value(message), newer);
        assert_eq!(open("message", &newer).await, "a new lamp");
        assert_eq!(open("email", &erased_late).await, "Unreadable");
    }
}

#[tokio::test]
async fn what_was_never_sealed_is_cleared_but_for_what_law_keeps() {
    for world in [World::file().await, World::server().await] {
        let vault = world.start().await;
        let job = caller(&vault, "job").await;
        let alias: [SubjectName; 1] = ["customer:1".parse().unwrap()];
        let made = vault.create_subject(&job, Default::default(), &alias);
        made.await.unwrap();
        world
            .database
            .execute("UPDATE invoice SET at = '2015-01-01' WHERE address LIKE '1 %'");
        let erased = erase(&vault, &["birthday", "billing_address"])
            .await
            .unwrap();
        assert_eq!(counts(&erased), ["customer 1 0 0 0", "invoice 1 0 1 0"]);
        assert_eq!(
            ["birthday", "name", "email"]
                .map(|column| world.customer(column).starts_with(TOMBSTONE)),
            [true, false, false]
        );
        let addresses = "SELECT count(address) || max(address) FROM invoice WHERE customer_id = 1";
        assert_eq!(world.database.value(addresses), "12 Marker St");
        // What is written after a database was cleared is newer than what was erased.
        world
            .database
            .execute("UPDATE customer SET birthday = '1990-12-29' WHERE id = 1");
        drop(vault);
        world.later().await;
        assert_eq!(world.customer("birthday"), "1990-12-29");
    }
}

#[tokio::test]
async fn what_law_keeps_stays_until_its_day() {
    for world in [World::file().await, World::server().await] {
        let vault = world.adopted().await;
        let addresses = "SELECT min(address) || max(address) FROM invoice WHERE customer_id = 1";
        let of_law = world.database.value(addresses);
        let erased = erase(&vault, &["billing_address"]).await.unwrap();
        assert_eq!(
            counts(&erased),
            ["customer 0 3 0 0", "invoice 0 0 2 0", "message 0 1 0 0"]
        );
        assert_eq!(erased.kept.len(), 2);
        drop(vault);
        world.later().await;
        assert_eq!(world.database.value(addresses), of_law);
    }
}

#[tokio::test]
async fn a_database_that_is_away_keeps_the_old_key_and_nothing_else_waiting() {
    let world = World::file().await;
    drop(world.adopted().await);
    let Database::File(dir) = &world.database else {
        panic!()
    };
    let (here, away) = (path(dir), dir.path().join("away.sqlite"));
    let name = world.customer("name");
    let other = "SELECT name FROM customer WHERE id = 2";
    let theirs = world.database.value(other);
    rename(&here, &away);
    let vault = world.start().await;
    let erased = erase(&vault, &["email"]).await.unwrap();
    let why: Vec<_> = erased.sources.outstanding.values().collect();
    assert!(
        why.len() == 1 && why[0].contains("cannot be reached"),
        "{why:?}"
    );
    assert_eq!((counts(&erased), erased.elsewhere.len()), (vec![], 0));
    drop(vault);
    // However long it takes, the old key is needed.
    world.clock.advance(HOUR);
    let vault = world.start().await;
    assert_eq!(
        opened(&vault, "customer:1", "name", &name).await,
        "Ada Marker"
    );
    assert_eq!(world.pending().await.len(), 1);
    drop(vault);
    rename(&away, &here);
    let vault = world.later().await;
    assert!(world.customer("email").starts_with(TOMBSTONE));
    let anew = world.customer("name");
    assert_eq!(
        opened(&vault, "customer:1", "name", &anew).await,
        "Ada Marker"
    );
    assert_eq!(
        opened(&vault, "customer:1", "name", &name).await,
        "Unreadable"
    );
    assert_eq!(world.database.value(other), theirs);
}

#[tokio::test]
async fn there_is_a_receipt_once_the_old_key_is_gone_everywhere() {
    let world = World::file().await;
    let vault = world.adopted().await;
    let erased = erase(&vault, &["email"]).await.unwrap();
    assert_eq!(erased.receipt, None);
    let operator = caller(&vault, "operator").await;
    vault.run_requests(&operator).await.unwrap();
    let early = vault.erasure_receipt_by_id(erased.request).await;
    assert_eq!(early.unwrap_err().code(), "no_receipt");
    drop(vault);
    let vault = world.later().await;
    let content = receipt(&vault, erased.request).await;
    assert_eq!(told(&content), (1, 1, &[][..], &[][..]));
    let [table] = &content.tables[..] else {
        panic!("{content:?}")
    };
    let counts = (&*table.table, table.cleared, table.deleted, table.kept);
    assert_eq!(counts, ("customer", 1, 0, 0));
    assert_eq!(content.fields[0].elsewhere, []);
    let entry = vault.audit().entry(content.log.index).await.unwrap();
    let entry = Entry::parse(&entry).unwrap();
    assert_eq!(entry.facts["side"], "all");
    assert_eq!(entry.facts["request"], erased.request.to_string());
    let end = "erasure.fields_done operational 1".to_owned();
    let place = |text: &String, sides: &[String]| sides.iter().position(|one| one == text);
    let sides = sides(&vault).await;
    let all = "erasure.fields_done all 0".to_owned();
    assert!(place(&end, &sides) < place(&all, &sides), "{sides:?}");
}

#[tokio::test]
async fn a_database_that_is_away_for_a_day_is_named_in_the_receipt() {
    for days in [0, 1] {
        let world = World::file().await;
        drop(world.adopted().await);
        let Database::File(dir) = &world.database else {
            panic!()
        };
        let (here, away) = (path(dir), dir.path().join("away.sqlite"));
        rename(&here, &away);
        let vault = world.start().await;
        let erased = erase(&vault, &["email"]).await.unwrap();
        drop(vault);
        world.clock.advance(days * 24 * HOUR + HOUR);
        let vault = world.start().await;
        let operator = caller(&vault, "operator").await;
        vault.run_requests(&operator).await.unwrap();
        let shop = ["shop".to_owned()];
        let early = vault.erasure_receipt_by_id(erased.request).await;
        assert_eq!(early.is_ok(), days == 1);
        if days == 1 {
            let content = receipt(&vault, erased.request).await;
            assert_eq!(told(&content), (1, 0, &[][..], &shop[..]));
        }
        drop(vault);
        rename(&away, &here);
        let vault = world.later().await;
        let content = receipt(&vault, erased.request).await;
        let expected = match days {
            0 => (1, 1, &shop[..], &[][..]),
            _ => (1, 0, &[][..], &shop[..]),
        };
        assert_eq!(told(&content), expected);
        // Which of its columns stay was not known when it was away.
        let elsewhere = &content.fields[0].elsewhere;
        assert_eq!((elsewhere.len(), &*elsewhere[0].column), (1, "email"));
        assert_eq!(content.tables, []);
    }
}

fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

#[tokio::test]
async fn whoever_is_unknown_to_databases_keeps_their_key() {
    let world = World::file().await;
    let vault = world.adopted().await;
    let (job, operator) = (
        caller(&vault, "job").await,
        caller(&vault, "operator").await,
    );
    let made = vault.create_subject(&job, Default::default(), &[]).await;
    let subject = SubjectName::Oid(made.unwrap());
    let fields = ["email".to_owned()];
    let erased = vault.erase_fields(&operator, &subject, &fields, Some("by letter"));
    let erased = erased.await.unwrap();
    assert_eq!(
        (counts(&erased), erased.sources.old_key_until),
        (vec![], None)
    );
    // Their rows, if there are any, are the application's to find.
    assert_eq!(erased.elsewhere.len(), 1);
    assert_eq!(world.pending().await, []);
}

#[tokio::test]
async fn two_erasures_of_one_person_end_one_after_the_other() {
    for world in [World::file().await, World::server().await] {
        let vault = world.adopted().await;
        let name = world.customer("name");
        erase(&vault, &["email"]).await.unwrap();
        let between = sealed(&vault, "birthday", "1990-12-30").await;
        let erased = erase(&vault, &["birthday"]).await.unwrap();
        assert_eq!(counts(&erased), ["customer 1 1 0 0", "message 0 1 0 0"]);
        assert_eq!(world.operational_keys().await, 3);
        drop(vault);
        let vault = world.later().await;
        assert_eq!(world.operational_keys().await, 1);
        assert!(world.customer("birthday").starts_with(TOMBSTONE));
        let open = async |field: &str, text: &str| opened(&vault, "customer:1", field, text).await;
        assert_eq!(open("name", &world.customer("name")).await, "Ada Marker");
        assert_eq!(open("name", &name).await, "Unreadable");
        assert_eq!(open("birthday", &between).await, "Unreadable");
    }
}

#[tokio::test]
async fn a_key_that_is_no_key_of_theirs_is_cleared_with_the_field() {
    let world = World::file().await;
    let vault = world.adopted().await;
    // Somebody else's value in this person's row opens for nobody, and goes with the field.
    world.database.execute(
        "UPDATE customer SET birthday = (SELECT birthday FROM customer WHERE id = 2) WHERE id = 1",
    );
    erase(&vault, &["birthday"]).await.unwrap();
    assert!(world.customer("birthday").starts_with(TOMBSTONE));
    let other = world
        .database
        .value("SELECT birthday FROM customer WHERE id = 2");
    assert_eq!(
        opened(&vault, "customer:2", "birthday", &other).await,
        "19880229"
    );
}

/// Wherever a server dies, another one finishes what was begun, and nothing that stays is lost.
#[tokio::test]
async fn an_erasure_that_is_cut_short_anywhere_is_finished() {
    let mut cut_short = 0;
    for (dies, nth) in [false, true]
        .into_iter()
        .flat_map(|dies| (1..40).step_by(2).map(move |nth| (dies, nth)))
    {
        let case = format!("{dies} {nth}");
        let world = World::file().await;
        drop(world.adopted().await);
        let before = ["email", "name"].map(|column| world.customer(column));
        let faults = Faults::new();
        let mut failing = world.parts();
        let keys: Arc<dyn KeyStore> = world.stores.keys.clone();
        failing.keys = Arc::new(FailNth::new(keys, &faults));
        let vault = Vault::start(failing).await.unwrap();
        let operator = caller(&vault, "operator").await;
        let error = StoreError::Unavailable("crash".into());
        match dies {
            true => faults.die_at(nth, error),
            false => faults.fail_nth(nth, Moment::After, error),
        }
        let (subject, fields) = ("customer:1".parse().unwrap(), ["email".to_owned()]);
        let erased = vault
            .erase_fields(&operator, &subject, &fields, Some("knew the marker"))
            .await;
        faults.clear();
        drop(vault);
        if erased.is_ok() {
            continue;
        }
        let begun = !world.pending().await.is_empty();
        let vault = world.later().await;
        let open = async |field: &str, text: &str| opened(&vault, "customer:1", field, text).await;
        assert_eq!(
            open("name", &world.customer("name")).await,
            "Ada Marker",
            "{case}"
        );
        if !begun {
            let email = world.customer("email");
            assert!(
                [&before[0], TOMBSTONE]
                    .iter()
                    .any(|text| email.starts_with(*text)),
                "{case}"
            );
            continue;
        }
        cut_short += 1;
        assert!(world.customer("email").starts_with(TOMBSTONE), "{case}");
        for (field, old) in ["email", "name"].into_iter().zip(&before) {
            assert_eq!(open(field, old).await, "Unreadable", "{case} {field}");
        }
        assert_eq!(world.operational_keys().await, 1, "{case}");
    }
    assert!(cut_short >= 4, "{cut_short}");
}
