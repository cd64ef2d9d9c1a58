//! Copies of what is held of people, with rows of applications' databases on both engines, against an answer that is known:
//! everybody gets their own rows, all of them, and nobody else's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use privet_seal::Zeroizing;
use privet_vault::port::{FileStore as _, Source};
use privet_vault::subject_request::{RequestOrigin, RequestRun, SubjectRequestState};
use privet_vault::{Caller, JobState, SealItem, SubjectName, SubjectRequestId, Vault};
use rusqlite::Connection;
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::bed::{Setting, Stores, adopt, caller, parts, sqlite};
use crate::copies::{CONTROLLER, Copy, Places, copy};
use crate::postgres;
use crate::rights::known::{self, Club};

/// A club, adopted, whose members ask.
struct World {
    vault: Vault,
    places: Places,
    job: Caller,
    operator: Caller,
    stores: Stores,
    /// Where the club's file is, if it is one.
    file: Option<(TempDir, PathBuf)>,
}

impl World {
    async fn on_sqlite(club: &Club) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("club.sqlite");
        let file = Connection::open(&path).unwrap();
        file.execute_batch(&sealable(&known::sqlite_schema()))
            .unwrap();
        file.execute_batch(&club.inserts()).unwrap();
        let source = Arc::new(sqlite("club", &path));
        let mut world = Self::new(source).await;
        world.file = Some((dir, path));
        world
    }

    async fn on_postgres(club: &Club) -> Self {
        let database = postgres::new_database();
        postgres::run_sql(&database, &sealable(&known::postgres_schema()));
        postgres::run_sql(&database, &club.inserts());
        Self::new(Arc::new(postgres::source(
            "club",
            &postgres::url(&database),
        )))
        .await
    }

    async fn new(source: Arc<dyn Source>) -> Self {
        let setting = Setting {
            map: format!("{CONTROLLER}{}", known::MAP),
            ..Setting::default()
        };
        let stores = Stores::new().await;
        let vault = Vault::start(parts(&stores, source, &setting))
            .await
            .unwrap();
        let places = Places::new();
        vault.make_copies(places.parts(None));
        let adopted = adopt(&vault, &"club".parse().unwrap(), false).await;
        assert_eq!(adopted.state, JobState::Done, "{adopted:#?}");
        Self {
            job: caller(&vault, "job").await,
            operator: caller(&vault, "operator").await,
            vault,
            places,
            stores,
            file: None,
        }
    }

    async fn ask(&self, member: u32) -> SubjectRequestId {
        let name: SubjectName = format!("member:{member}").parse().unwrap();
        let origin = RequestOrigin::default();
        let asked = self.vault.request_access(&self.job, &name, origin).await;
        asked.unwrap().id
    }

    async fn run(&self) -> RequestRun {
        self.vault.run_requests(&self.operator).await.unwrap()
    }

    async fn copy(&self, request: SubjectRequestId) -> Copy {
        copy(&self.vault, &self.job, request).await
    }

    async fn failure(&self, request: SubjectRequestId) -> (SubjectRequestState, Option<String>) {
        let row = self.stores.keys.subject_request(request).await.unwrap();
        let progress = row.unwrap().progress;
        (progress.state, progress.failure)
    }

    /// As an application seals a value before it writes it.
    async fn sealed(&self, name: &SubjectName, field: &str, value: &str) -> String {
        let item = SealItem {
            subject: name.clone(),
            field: field.to_owned(),
            value: Zeroizing::new(value.to_owned()),
        };
        let sealed = self.vault.seal_values(&self.job, &[item]).await;
        sealed.unwrap().remove(0).sealed
    }

    fn execute(&self, sql: &str) {
        let (_, path) = self.file.as_ref().unwrap();
        let file = Connection::open(path).unwrap();
        file.execute_batch(sql).unwrap();
    }
}

/// Sealed values are never the same twice, so that a column of them is not made unique.
fn sealable(schema: &str) -> String {
    schema.replace("name TEXT NOT NULL UNIQUE", "name TEXT NOT NULL")
}

fn collected(count: u64) -> RequestRun {
    RequestRun {
        collected: count,
        ..RequestRun::default()
    }
}

fn failed(count: u64) -> RequestRun {
    RequestRun {
        failed: count,
        ..RequestRun::default()
    }
}

/// `letter|17` for each row of the club that is in a copy; none comes twice.
fn rows_in(copy: &Copy) -> BTreeSet<String> {
    let mut rows = BTreeSet::new();
    for (table, key) in known::KEYS {
        for row in copy.rows(&format!("club.{table}")) {
            let texts = key.iter().map(|column| match &row[*column] {
                Json::String(text) => text.clone(),
                other => other.to_string(),
            });
            let name = format!("{table}|{}", texts.collect::<Vec<_>>().join("|"));
            assert!(rows.insert(name.clone()), "{name} came twice");
        }
    }
    rows
}

#[tokio::test]
async fn everybody_gets_all_of_their_own_and_nothing_of_anybody_else() {
    let club = Club::new(7);
    for world in [
        World::on_sqlite(&club).await,
        World::on_postgres(&club).await,
    ] {
        let people = [1, 3, 5, 8, 21, 34, 40];
        for member in people {
            let name = format!("member:{member}").parse().unwrap();
            let phone = format!("+1 202 555 01{member:02}");
            let values = [("phone".to_owned(), Some(Zeroizing::new(phone)))];
            let values = values.into_iter().collect();
            world
                .vault
                .write_fields(&world.job, &name, values)
                .await
                .unwrap();
        }
        let mut requests = BTreeMap::new();
        for member in people {
            requests.insert(member, world.ask(member).await);
        }
        assert_eq!(world.run().await, collected(7));
        assert_eq!(world.run().await, RequestRun::default());
        for (member, request) in requests {
            let copy = world.copy(request).await;
            assert_eq!(rows_in(&copy), club.copy_of(member), "{member}");
            let own = copy.rows("club.member");
            assert_eq!(own[0]["name"], format!("Member {member}"));
            let account = copy.rows("account");
            assert_eq!(account.len(), 1);
            assert_eq!(account[0]["phone"], format!("+1 202 555 01{member:02}"));
            for other in people.iter().filter(|other| **other != member) {
                assert!(
                    !copy.holds(&format!("Member {other}\"")),
                    "{other} in {member}'s"
                );
                assert!(
                    !copy.holds(&format!("555 01{other:02}")),
                    "{other} in {member}'s"
                );
            }
            // A change is told as a fact: which, and when.
            for row in copy.rows("club.change") {
                let columns: BTreeSet<&str> = row
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(String::as_str)
                    .collect();
                assert_eq!(columns, BTreeSet::from(["changed_at", "id"]));
            }
            // What law keeps, and why, stands on the page; so does in whose name it is.
            assert!(copy.text("index.html").contains("Example Ltd"));
        }
        assert_eq!(world.places.spools_left(), 0);
        assert!(!world.places.hold("Member 3"), "files are sealed");
    }
}

#[tokio::test]
async fn a_database_that_is_away_delays_those_whom_it_knows_and_nobody_else() {
    let world = World::on_sqlite(&Club::new(7)).await;
    let values = [(
        "phone".to_owned(),
        Some(Zeroizing::new("+1 202 555 0177".to_owned())),
    )];
    let values = values.into_iter().collect();
    let stranger = world.vault.create_subject(&world.job, values, &[]).await;
    let stranger = SubjectName::Oid(stranger.unwrap());
    let origin = RequestOrigin::default();
    let asked = world
        .vault
        .request_access(&world.job, &stranger, origin)
        .await;
    let (theirs, of_member) = (asked.unwrap().id, world.ask(3).await);

    let (_, path) = world.file.as_ref().unwrap();
    let away = path.with_extension("away");
    std::fs::rename(path, &away).unwrap();
    let run = world.run().await;
    assert_eq!((run.collected, run.failed), (1, 1));
    let account = world.copy(theirs).await.rows("account");
    assert_eq!(account[0]["phone"], "+1 202 555 0177");
    let state = world.failure(of_member).await;
    assert_eq!(
        state,
        (
            SubjectRequestState::Collecting,
            Some("source_unavailable".to_owned())
        )
    );
    assert_eq!(world.places.spools_left(), 0);

    std::fs::rename(&away, path).unwrap();
    assert_eq!(world.run().await, collected(1));
    assert_eq!(
        world.failure(of_member).await,
        (SubjectRequestState::Ready, None)
    );
    assert_eq!(
        rows_in(&world.copy(of_member).await),
        Club::new(7).copy_of(3)
    );
}

#[tokio::test]
async fn a_database_that_lost_a_column_is_pointed_out_and_tried_again() {
    let world = World::on_sqlite(&Club::new(7)).await;
    let request = world.ask(3).await;
    world.execute("ALTER TABLE enclosure RENAME COLUMN what TO content");
    for _ in 0..2 {
        assert_eq!(world.run().await, failed(1));
        let state = world.failure(request).await;
        assert_eq!(
            state,
            (
                SubjectRequestState::Collecting,
                Some("source_unfit".to_owned())
            )
        );
    }
    world.execute("ALTER TABLE enclosure RENAME COLUMN content TO what");
    assert_eq!(world.run().await, collected(1));
    assert_eq!(rows_in(&world.copy(request).await), Club::new(7).copy_of(3));
    assert_eq!(world.places.files.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn hostile_values_stay_values() {
    let world = World::on_sqlite(&Club::new(7)).await;
    let hostile = [
        "=cmd|' /C calc'!A0",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "\u{202e}gnp.exe\r\n,\"x\"",
        "pv1_not_sealed",
    ];
    for (no, text) in hostile.iter().enumerate() {
        let text = text.replace('\'', "''");
        world.execute(&format!(
            "INSERT INTO letter VALUES ({0}, 3, NULL, NULL); INSERT INTO enclosure VALUES ({0}, 0, '{text}')",
            1_000 + no
        ));
    }
    let request = world.ask(3).await;
    assert_eq!(world.run().await, collected(1));
    let copy = world.copy(request).await;
    let rows = copy.rows("club.enclosure");
    let found: Vec<&str> = rows
        .iter()
        .filter(|row| row["letter_id"].as_i64() >= Some(1_000))
        .map(|row| row["what"].as_str().unwrap())
        .collect();
    assert_eq!(found, hostile);
    assert!(
        copy.text("data/club.enclosure.csv")
            .contains("\"'=cmd|' /C calc'!A0\"")
    );
    assert!(!copy.text("index.html").contains("<script"));
    let names = copy.files.keys();
    assert!(
        names
            .clone()
            .all(|name| !name.contains("..") && !name.starts_with('/')),
        "{names:?}"
    );
}

/// Who has two numbers gets the rows of both, each once.
#[tokio::test]
async fn a_person_of_two_numbers_gets_the_rows_of_both() {
    let (world, club) = (World::on_sqlite(&Club::new(7)).await, Club::new(7));
    world.execute(
        "INSERT INTO member SELECT column1, NULL, NULL, (SELECT name FROM member WHERE id = 1) FROM (VALUES (50), (51));
         INSERT INTO letter VALUES (1001, 50, 51, NULL), (1002, 51, NULL, 1001), (1003, 51, 3, NULL);
         INSERT INTO booking VALUES (3, 1, 50), (3, 2, 51)",
    );
    let names = ["club/member:50", "club/member:51"].map(|name| name.parse().unwrap());
    let made = world
        .vault
        .create_subject(&world.job, BTreeMap::new(), &names);
    made.await.unwrap();
    let asked = world.ask(51).await;
    // They are one person, who waits for one copy.
    let name: SubjectName = "member:50".parse().unwrap();
    let again = world
        .vault
        .request_access(&world.job, &name, RequestOrigin::default())
        .await;
    assert_eq!(again.unwrap_err().code(), "request_running");
    let other = world.ask(3).await;
    assert_eq!(world.run().await, collected(2));
    let copy = world.copy(asked).await;
    let both = [
        "member|50",
        "member|51",
        "letter|1001",
        "letter|1002",
        "letter|1003",
        "booking|3|1",
        "booking|3|2",
    ];
    assert_eq!(rows_in(&copy), both.map(str::to_owned).into());
    let mut others = club.copy_of(3);
    others.insert("letter|1003".to_owned());
    assert_eq!(rows_in(&world.copy(other).await), others);
}

/// The application made one account of two. What was sealed for the other stays theirs and opens for nobody else; both get what is
/// left of each, and the one who leaves does not take the other's rows.
#[tokio::test]
async fn people_whom_the_application_merged_get_what_is_left_of_each() {
    let world = World::on_sqlite(&Club::new(7)).await;
    world.execute(
        "INSERT INTO guest SELECT column1, (SELECT name FROM member WHERE id = 1), NULL, column2, NULL
           FROM (VALUES (1, 'UK'), (2, 'NO'))",
    );
    let mut people = Vec::new();
    for number in [1, 2] {
        let name = format!("club/guest:{number}").parse().unwrap();
        let made =
            world
                .vault
                .create_subject(&world.job, BTreeMap::new(), std::slice::from_ref(&name));
        made.await.unwrap();
        let bill = world.sealed(&name, "bill", &format!("{number} Lane")).await;
        world.execute(&format!(
            "INSERT INTO stay VALUES ({number}, {number}, '2026-01-0{number}', 'tea', '{bill}')"
        ));
        people.push(name);
    }
    let mut requests = Vec::new();
    for name in &people {
        let asked = world
            .vault
            .request_access(&world.job, name, RequestOrigin::default())
            .await;
        requests.push(asked.unwrap().id);
    }
    world.execute("UPDATE stay SET guest_id = 1; DELETE FROM guest WHERE id = 2");
    assert_eq!(world.run().await, collected(2));
    let (left, gone) = (world.copy(requests[0]).await, world.copy(requests[1]).await);
    let stays: Vec<_> = left
        .rows("club.stay")
        .iter()
        .map(|row| row["bill"].clone())
        .collect();
    assert_eq!(stays, [Json::from("1 Lane"), Json::Null]);
    assert!(gone.rows("club.stay").is_empty() && gone.rows("club.guest").is_empty());
    assert!(!left.holds("2 Lane") && !gone.holds("1 Lane"));

    let closed = world
        .vault
        .close_subject(&world.operator, &people[1])
        .await
        .unwrap();
    assert!(closed.rows.outstanding.is_empty(), "{:?}", closed.rows);
    world
        .vault
        .cancel_request(&world.operator, requests[0])
        .await
        .unwrap();
    let again = world
        .vault
        .request_access(&world.job, &people[0], RequestOrigin::default())
        .await;
    let again = again.unwrap().id;
    assert_eq!(world.run().await, collected(1));
    assert_eq!(world.copy(again).await.rows("club.stay").len(), 2);
    let closed = world
        .vault
        .close_subject(&world.operator, &people[0])
        .await
        .unwrap();
    assert!(closed.rows.outstanding.is_empty(), "{:?}", closed.rows);
    let (_, path) = world.file.as_ref().unwrap();
    let file = Connection::open(path).unwrap();
    let wishes = "SELECT count(wish) FROM stay";
    assert_eq!(
        file.query_row::<i64, _, _>(wishes, [], |row| row.get(0)),
        Ok(0)
    );
}

/// Many rows of one person; `PRIVET_COPY_ROWS` says how many.
#[tokio::test]
async fn a_person_with_very_many_rows_gets_them_all() {
    let count = std::env::var("PRIVET_COPY_ROWS").map_or(5_000, |rows| rows.parse().unwrap());
    let world = World::on_sqlite(&Club::new(7)).await;
    world.execute(&format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO change SELECT 1000 + i, 3, 'at ' || i FROM n"
    ));
    let (request, other) = (world.ask(3).await, world.ask(4).await);
    assert_eq!(world.run().await, collected(2));
    let copy = world.copy(request).await;
    let at = copy.rows("club.change").into_iter().filter_map(|row| {
        let number: u32 = row["changed_at"]
            .as_str()?
            .strip_prefix("at ")?
            .parse()
            .ok()?;
        Some(number)
    });
    assert!(at.eq(1..=count));
    let other = world.copy(other).await;
    assert_eq!(rows_in(&other), Club::new(7).copy_of(4));
    assert!(!other.holds("at 1"));
}
