//! The rows of people, read for them and erased when they leave, on both engines, against an answer that is known: a schema
//! with references of tables to themselves and in circles, keys of several columns, and rows of two people, filled by chance
//! that is always the same.

pub(crate) mod known;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::date;
use privet_classify::DataMap;
use privet_vault::SourceName;
use privet_vault::check::{Rights, rights};
use privet_vault::port::{ErasePlan, ReadPlan, RootKeys, Source, SqlValue};
use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use crate::bed::sqlite;
use crate::postgres;
use known::{Club, MAP, With};

/// A database with a club in it.
enum Database {
    File(TempDir),
    Server(String),
}

struct World {
    source: Arc<dyn Source>,
    database: Database,
    rights: Rights,
}

const NAME: &str = "club";

impl World {
    async fn on_sqlite(map: &str, club: &Club) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("club.sqlite");
        let file = Connection::open(&path).unwrap();
        file.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        file.execute_batch(&known::sqlite_schema()).unwrap();
        file.execute_batch(&club.inserts()).unwrap();
        let source = Arc::new(sqlite(NAME, &path));
        Self::new(map, source, Database::File(dir)).await
    }

    async fn on_postgres(map: &str, club: &Club) -> Self {
        let database = postgres::new_database();
        postgres::run_sql(&database, &known::postgres_schema());
        postgres::run_sql(&database, &club.inserts());
        let source = Arc::new(postgres::source(NAME, &postgres::url(&database)));
        Self::new(map, source, Database::Server(database)).await
    }

    async fn new(map: &str, source: Arc<dyn Source>, database: Database) -> Self {
        let map = DataMap::parse(map).unwrap();
        assert_eq!(map.gaps(), [""; 0]);
        let name: SourceName = NAME.parse().unwrap();
        let catalog = source.catalog().await.unwrap();
        let rights = rights(&map, &name, &catalog, date(2026, 11, 20)).unwrap();
        Self {
            source,
            database,
            rights,
        }
    }

    fn execute(&self, sql: &str) {
        match &self.database {
            Database::File(dir) => {
                let file = Connection::open(dir.path().join("club.sqlite")).unwrap();
                file.execute_batch(sql).unwrap();
            }
            Database::Server(database) => drop(postgres::run_sql(database, sql)),
        }
    }

    /// A table's rows as text, columns with `|` between, NULL as nothing.
    fn rows(&self, table: &str, columns: &[&str]) -> BTreeSet<String> {
        let text = columns
            .iter()
            .map(|column| format!("coalesce(cast({column} AS text), '')"));
        let text = text.collect::<Vec<_>>().join(" || '|' || ");
        let sql = format!("SELECT {text} FROM {table}");
        match &self.database {
            Database::File(dir) => {
                let file = Connection::open(dir.path().join("club.sqlite")).unwrap();
                let mut select = file.prepare(&sql).unwrap();
                let rows = select.query_map([], |row| row.get(0)).unwrap();
                rows.map(Result::unwrap).collect()
            }
            Database::Server(database) => {
                let printed = postgres::run_sql(database, &sql);
                let lines = printed.lines().filter(|line| !line.is_empty());
                lines.map(str::to_owned).collect()
            }
        }
    }

    /// Every row of a club, table by table.
    fn club(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        let tables = known::TABLES.iter();
        tables
            .map(|(table, columns)| (*table, self.rows(table, columns)))
            .collect()
    }

    /// What each of these people gets: tables and the columns that tell their rows apart.
    async fn copies(&self, people: &[&str], rows_max: u32) -> BTreeMap<String, BTreeSet<String>> {
        let keys = people.iter().map(|key| (*key).to_owned()).collect();
        let keys = RootKeys::from([("member".to_owned(), keys)]);
        let mut copies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for plan in &self.rights.reads {
            let (mut after, mut last) = (None, None);
            loop {
                let read = self.source.rows_of(plan, &keys, after.as_ref(), rows_max);
                let rows = read.await.unwrap();
                let Some(end) = rows.last() else { break };
                after = Some(end.key.clone());
                for row in &rows {
                    let name = identity(plan, &row.values);
                    assert_ne!(Some(&name), last.as_ref(), "{name} came twice");
                    let mut whose = row.people.iter().flatten().peekable();
                    assert!(whose.peek().is_some(), "{name} is nobody's");
                    let asked: BTreeSet<_> =
                        whose.filter(|key| people.contains(&key.as_str())).collect();
                    assert!(!asked.is_empty(), "{name} is of nobody who asked");
                    for person in asked {
                        let copy = copies.entry(person.clone()).or_default();
                        assert!(copy.insert(name.clone()), "{name} came twice");
                    }
                    last = Some(name);
                }
            }
        }
        copies
    }

    /// Erases somebody, at once or in batches; answers how many rows were deleted or changed.
    async fn erase(&self, root: &str, person: &str, rows_max: u32) -> u64 {
        let plans = self.plans(root);
        let before = self.club();
        let at_once = self.source.erase_at_once(plans, person, rows_max);
        if let Some(erased) = at_once.await.unwrap() {
            assert!(erased.iter().all(|erased| !erased.more));
            let rows: u64 = erased.iter().flat_map(|erased| &erased.rows).sum();
            assert!(rows <= rows_max.into());
            return rows;
        }
        assert_eq!(self.club(), before);
        let mut rows = 0;
        for plan in plans {
            loop {
                let erased = self.source.erase(plan, person, rows_max).await.unwrap();
                rows += erased.rows.iter().sum::<u64>();
                if !erased.more {
                    break;
                }
            }
        }
        self.source.scrub().await.unwrap();
        rows
    }

    fn plans(&self, root: &str) -> &[ErasePlan] {
        let mut roots = self.rights.erases.iter();
        &roots.find(|(name, _)| name == root).unwrap().1
    }
}

/// `letter|17`: the table, and what tells its rows apart.
fn identity(plan: &ReadPlan, values: &[SqlValue]) -> String {
    let key = known::KEYS.iter().find(|(table, _)| *table == plan.table);
    let columns = key.unwrap().1.iter();
    let texts = columns.map(|column| {
        let at = plan.columns.iter().position(|name| name == column).unwrap();
        match &values[at] {
            SqlValue::Integer(integer) => integer.to_string(),
            SqlValue::Text(text) => text.clone(),
            other => format!("{other:?}"),
        }
    });
    format!("{}|{}", plan.table, texts.collect::<Vec<_>>().join("|"))
}

async fn worlds(map: &str, club: &Club) -> [World; 2] {
    [
        World::on_sqlite(map, club).await,
        World::on_postgres(map, club).await,
    ]
}

/// Clubs by chance, from this one on: many where the long form of the tests was asked for.
fn seeds(first: u64) -> impl Iterator<Item = u64> {
    let count = match std::env::var_os("PRIVET_TEST_LONG") {
        Some(_) => 20,
        None => 1,
    };
    (first..).take(count)
}

#[tokio::test]
async fn everybody_gets_their_rows_and_nobody_elses() {
    for seed in seeds(7) {
        get_their_rows(&Club::new(seed)).await;
    }
}

async fn get_their_rows(club: &Club) {
    for world in worlds(MAP, club).await {
        for (people, rows_max) in [
            (vec![3, 5, 8, 21, 34], 7),
            (vec![1], 1_000),
            (vec![40, 2], 1),
        ] {
            let keys: Vec<String> = people.iter().map(ToString::to_string).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let expected: BTreeMap<String, BTreeSet<String>> = people
                .iter()
                .map(|person| (person.to_string(), club.copy_of(*person)))
                .collect();
            let found = world.copies(&keys, rows_max).await;
            assert_eq!(found, expected);
        }
        let nobody = world.copies(&["041", "4 1", "x", "1000"], 10).await;
        assert_eq!(nobody, BTreeMap::new());
    }
}

#[tokio::test]
async fn who_leaves_takes_their_rows_and_nobody_elses() {
    for seed in seeds(11) {
        take_their_rows(&Club::new(seed)).await;
    }
}

async fn take_their_rows(club: &Club) {
    for (with, rows_max) in [(With::Owner, 3), (With::Either, 1_000)] {
        let mut club = club.clone();
        let map = known::map(with);
        let mut worlds = worlds(&map, &club).await;
        for person in [4, 9, 1, 40] {
            club.erase(person, with);
            for world in &mut worlds {
                let key = person.to_string();
                assert!(world.erase("member", &key, rows_max).await > 0);
                assert_eq!(world.club(), club.rows(), "{with:?} {person}");
                // Whatever it was broken off at, it may be done again.
                assert_eq!(world.erase("member", &key, rows_max).await, 0);
            }
        }
        for world in &worlds {
            assert_eq!(world.erase("member", "1000", rows_max).await, 0);
            assert_eq!(world.erase("member", "no number", rows_max).await, 0);
            assert_eq!(world.club(), club.rows());
        }
    }
}

#[tokio::test]
async fn rows_that_stay_are_cleared_but_for_what_law_keeps() {
    let club = Club::new(7);
    for world in worlds(MAP, &club).await {
        world.execute(
            "INSERT INTO guest VALUES (1, 'Ada', '+1 555 0100', 'UK', 'south'), (2, 'Bo', NULL, NULL, 'north'),
               (3, 'Cy', '+1 555 0101', 'NO', NULL);
             INSERT INTO stay VALUES (1, 1, '2015-05-05', 'a quiet room', '1 Lane'), (2, 1, '2024-12-31 10:00:00', 'a bath', '2 Lane'),
               (3, 1, 'soon', NULL, '3 Lane'), (4, 2, '2024-01-01', 'breakfast', '4 Lane'), (5, 1, '2025-01-01', 'tea', NULL),
               (6, 3, '2019-01-01', 'a view', '6 Lane'), (7, 1, '2019-01-01', NULL, '7 Lane'), (8, 1, '2018-12-31', NULL, '8 Lane')",
        );
        let others = |rows: BTreeSet<String>, of: &str| -> Vec<String> {
            rows.into_iter().filter(|row| row.starts_with(of)).collect()
        };
        let guest = ["id", "name", "phone", "country", "region"];
        let stay = ["guest_id", "id", "arrived_on", "wish", "bill"];
        let before = (world.rows("guest", &guest), world.rows("stay", &stay));
        assert!(world.erase("guest", "1", 2).await > 0);
        let (guests, stays) = (world.rows("guest", &guest), world.rows("stay", &stay));
        let own: Vec<&str> = guests
            .iter()
            .find(|row| row.starts_with("1|"))
            .unwrap()
            .split('|')
            .collect();
        let is_tombstone = |text: &str| {
            text.starts_with("pv1_AQAAAAAAAAAAAAAAAAAAAAAA")
                && text.len() == 71
                && privet_seal::SealedText::recognize(text).is_none()
        };
        assert!(is_tombstone(own[1]) && is_tombstone(own[2]), "{own:?}");
        assert_eq!(own[3..], ["", "south"]);
        // What was retained for seven years from the end of its year on stays; a wish does not.
        assert_eq!(
            others(stays.clone(), "1|"),
            [
                "1|1|2015-05-05||",
                "1|2|2024-12-31 10:00:00||2 Lane",
                "1|3|soon||",
                "1|5|2025-01-01||",
                "1|7|2019-01-01||7 Lane",
                "1|8|2018-12-31||"
            ]
        );
        assert_eq!(others(guests, "2|"), others(before.0.clone(), "2|"));
        assert_eq!(others(stays.clone(), "2|"), others(before.1.clone(), "2|"));
        let kept = world.plans("guest").iter().flat_map(|plan| &plan.steps);
        let kept: Vec<_> = kept.filter(|step| !step.retained.is_empty()).collect();
        assert_eq!(kept.len(), 1);
        let retained = world.source.retained(kept[0], "1").await.unwrap();
        assert_eq!(
            (retained.rows, retained.first),
            (2, vec![Some("2019-01-01".to_owned())])
        );
        // A second one gets another tombstone where no value may stand twice.
        assert!(world.erase("guest", "3", 2).await > 0);
        assert_eq!(world.erase("guest", "1", 2).await, 0);
        assert_eq!(world.erase("guest", "3", 2).await, 0);
        let gone = world.rows("guest", &["name"]);
        assert_eq!(gone.iter().filter(|name| is_tombstone(name)).count(), 2);
    }
}

#[tokio::test]
async fn the_application_may_refuse_and_its_triggers_fire() {
    let club = Club::new(7);
    let [file, server] = worlds(MAP, &club).await;
    file.execute(
        "CREATE TABLE gone (letter INTEGER);
         CREATE TRIGGER letter_gone AFTER DELETE ON letter BEGIN INSERT INTO gone VALUES (OLD.id); END;
         CREATE TRIGGER no_profile BEFORE DELETE ON profile WHEN OLD.member_id = 4
           BEGIN SELECT RAISE(ABORT, 'Marker may not go'); END;",
    );
    server.execute(
        "CREATE TABLE gone (letter INTEGER);
         CREATE FUNCTION letter_gone() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN INSERT INTO gone VALUES (OLD.id); RETURN OLD; END';
         CREATE TRIGGER letter_gone AFTER DELETE ON letter FOR EACH ROW EXECUTE FUNCTION letter_gone();
         CREATE FUNCTION no_profile() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN IF OLD.member_id = 4 THEN RAISE EXCEPTION ''Marker may not go''; END IF; RETURN OLD; END';
         CREATE TRIGGER no_profile BEFORE DELETE ON profile FOR EACH ROW EXECUTE FUNCTION no_profile();",
    );
    for world in [file, server] {
        let letters = club.letters_of(9);
        assert!(!letters.is_empty());
        world.erase("member", "9", 5).await;
        let gone = world.rows("gone", &["letter"]);
        assert_eq!(gone, letters.iter().map(ToString::to_string).collect());
        let (plans, before) = (world.plans("member"), world.club());
        let at_once = world.source.erase_at_once(plans, "4", 1_000).await;
        assert_eq!(at_once.unwrap(), None);
        assert_eq!(world.club(), before);
        let mut refused = Vec::new();
        for plan in plans {
            if let Err(error) = world.source.erase(plan, "4", 100).await {
                refused.push(error.to_string());
            }
        }
        // The profile, and the member whom it refers to.
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(refused[0].contains("table `profile`"), "{refused:?}");
        assert!(refused[1].contains("table `member`"), "{refused:?}");
        assert!(
            !refused.iter().any(|text| text.contains("Marker")),
            "{refused:?}"
        );
        assert!(world.rows("profile", &["member_id"]).contains("4"));
    }
}

#[tokio::test]
async fn what_a_database_lost_is_named_and_nothing_is_planned() {
    let club = Club::new(7);
    let map = DataMap::parse(MAP).unwrap();
    for world in worlds(MAP, &club).await {
        world.execute(
            "ALTER TABLE enclosure DROP COLUMN what; ALTER TABLE profile ADD COLUMN bio TEXT",
        );
        world.source.close().await;
        let catalog = world.source.catalog().await.unwrap();
        let found = rights(&map, &NAME.parse().unwrap(), &catalog, date(2026, 11, 20));
        assert_eq!(
            found.unwrap_err(),
            [
                "column `bio` of table `profile` is not classified: state its field or class in the data map",
                "table `enclosure` has no column `what`: correct its name, or take it out of the data map",
            ]
        );
        // A plan from before says so, too.
        let plan = world
            .rights
            .reads
            .iter()
            .find(|plan| plan.table == "enclosure");
        let keys = RootKeys::from([("member".to_owned(), vec!["1".to_owned()])]);
        let read = world.source.rows_of(plan.unwrap(), &keys, None, 10).await;
        let error = read.unwrap_err().to_string();
        assert!(error.contains("what"), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_a_problem_before_anything_is() {
    let club = Club::new(7);
    let check = |map: String, part: &'static str| {
        let club = &club;
        async move {
            for world in worlds(MAP, club).await {
                let map = DataMap::parse(&map).unwrap();
                let catalog = world.source.catalog().await.unwrap();
                let found = rights(&map, &NAME.parse().unwrap(), &catalog, date(2026, 11, 20));
                let found = found.unwrap_err();
                assert!(found.iter().any(|one| one.contains(part)), "{found:?}");
            }
        }
    };
    let nulled = MAP.replace(
        "erase = \"tombstone\"\n[sources.club.tables.guest.columns]",
        "erase = \"null\"\n[sources.club.tables.guest.columns]",
    );
    check(
        nulled,
        "column `name` of table `guest` cannot become NULL: state `erase = \"tombstone\"`",
    )
    .await;
    let either = MAP.replace("erase_with = \"owner\"", "erase_with = \"either\"");
    check(
        either,
        "rows of `letter` lead to a person by `answers_to`, and would have to lose it",
    )
    .await;
    let dues = "[sources.club.tables.dues]\nsubject = \"guest_id -> guest\"\nerase = \"null\"\n\
                columns = { member_id = { class = \"UPI\" }, guest_id = { class = \"UPI\" } }\n";
    check(
        format!("{MAP}{dues}"),
        "rows of `dues` stay when a person leaves, and `member_id` in them",
    )
    .await;
}

#[tokio::test]
async fn who_has_a_key_of_any_type_is_found() {
    for (kind, keys) in [
        ("bigint", ["9007199254740993", "-4"]),
        ("text", ["Ada", "ada"]),
        (
            "uuid",
            [
                "6fa459ea-ee8a-4ca4-894e-db77e160355e",
                "6fa459ea-ee8a-4ca4-894e-db77e160355f",
            ],
        ),
        ("numeric(20,2)", ["1.50", "2.00"]),
        ("varchar(40)", ["a'b", "x\ty"]),
    ] {
        let database = postgres::new_database();
        let values = keys.map(|key| format!("('{}')", key.replace('\'', "''")));
        postgres::run_sql(
            &database,
            &format!(
                "CREATE TABLE person (id {kind} PRIMARY KEY); INSERT INTO person VALUES {}",
                values.join(", ")
            ),
        );
        let source = Arc::new(postgres::source("any", &postgres::url(&database)));
        find_each(source, &keys).await;
    }
    for (kind, values, keys) in [
        (
            "INTEGER PRIMARY KEY",
            vec![Value::Integer(7), Value::Integer(-4)],
            ["7", "-4"],
        ),
        (
            "",
            vec![Value::Integer(7), Value::Text("8".into())],
            ["7", "8"],
        ),
        (
            "TEXT COLLATE NOCASE",
            vec![Value::Text("Ada".into()), Value::Text("ada".into())],
            ["Ada", "ada"],
        ),
        (
            "REAL",
            vec![Value::Real(1.5), Value::Real(2.0)],
            ["1.5", "2.0"],
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("any.sqlite");
        let file = Connection::open(&path).unwrap();
        file.execute_batch(&format!("CREATE TABLE person (id {kind})"))
            .unwrap();
        for value in &values {
            file.execute("INSERT INTO person VALUES (?1)", [value])
                .unwrap();
        }
        find_each(Arc::new(sqlite("any", &path)), &keys).await;
    }
}

/// Reads each of two people, then erases the first.
async fn find_each(source: Arc<dyn Source>, keys: &[&str; 2]) {
    let map = "[sources.any]\ntenant = \"acme\"\n[sources.any.tables.person]\nsubject = \"id\"\nerase = \"row\"\n\
               columns = { id = { class = \"UPI\" } }\n";
    let map = DataMap::parse(map).unwrap();
    let catalog = source.catalog().await.unwrap();
    let rights = rights(&map, source.name(), &catalog, date(2026, 11, 20)).unwrap();
    let found = async || {
        let all = keys.iter().map(|key| (*key).to_owned()).collect();
        let all = RootKeys::from([("person".to_owned(), all)]);
        let rows = source
            .rows_of(&rights.reads[0], &all, None, 10)
            .await
            .unwrap();
        let mut found: Vec<String> = rows
            .iter()
            .map(|row| row.people[0].clone().unwrap())
            .collect();
        found.sort();
        found
    };
    let mut expected = keys.map(str::to_owned);
    expected.sort();
    assert_eq!(found().await, expected);
    let plan = &rights.erases[0].1[0];
    assert_eq!(source.erase(plan, keys[0], 10).await.unwrap().rows, [1]);
    assert_eq!(found().await, [keys[1]]);
}
