//! A server over stores in PostgreSQL that is killed while it adopts a database of PostgreSQL, or takes that back, at
//! whatever moment: the next one goes on, nothing is lost, and nothing is done twice.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use privet_store::MemoryStores;
use privet_vault::{
    AdoptOrder, Caller, Form, JobId, JobState, OpenItem, RevealedValue, SourceName, Vault,
};

use crate::bed::{Setting, Stores, caller, ended, parts};
use crate::engine::{new_database, stores_at};
use crate::postgres::{self, SCHEMA, map, run_sql, source};

/// Where the child finds its shop and its stores, and what it is to do there.
const SHOP: &str = "PRIVET_TEST_KILL_SHOP";
const STORES: &str = "PRIVET_TEST_KILL_STORES";
const WORK: &str = "PRIVET_TEST_KILL_WORK";

const CUSTOMERS: u64 = 6_000;
const REASON: &str = "the pilot with this database is over";

/// What a server is killed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Adopt,
    Undo,
}

impl Work {
    const fn word(self) -> &'static str {
        match self {
            Self::Adopt => "adopt",
            Self::Undo => "undo",
        }
    }

    /// Starts it; answers who may watch it.
    async fn start(self, vault: &Vault) -> (Caller, JobId) {
        let shop: SourceName = "shop".parse().unwrap();
        let operator = caller(vault, "operator").await;
        if self == Self::Adopt {
            let job = vault.adopt_start(&operator, &shop, AdoptOrder::SEAL).await;
            return (operator, job.unwrap());
        }
        let auditor = caller(vault, "auditor").await;
        let asked = vault.undo_request(&operator, &shop, REASON).await.unwrap();
        let job = vault.undo_approve(&auditor, asked.id).await.unwrap();
        (auditor, job)
    }
}

async fn vault(shop: &str, stores: &str) -> (Vault, Stores) {
    let MemoryStores { data, keys, log } = stores_at(stores).await;
    let stores = Stores { data, keys, log };
    let setting = Setting {
        map: map(),
        ..Setting::default()
    };
    let parts = parts(&stores, Arc::new(source("shop", shop)), &setting);
    (Vault::start(parts).await.unwrap(), stores)
}

/// Not a test by itself: the process that the others kill. It says how far it is, so that it can be killed then.
#[tokio::test]
async fn the_killed_one() {
    let (Ok(shop), Ok(stores), Ok(work)) = (env::var(SHOP), env::var(STORES), env::var(WORK))
    else {
        return;
    };
    let (vault, _) = vault(&shop, &stores).await;
    let work = [Work::Adopt, Work::Undo]
        .into_iter()
        .find(|one| one.word() == work);
    let (watcher, job) = work.unwrap().start(&vault).await;
    let mut watched = vault.adopt_follow(&watcher, job).await.unwrap();
    loop {
        let status = watched.borrow_and_update().clone();
        let said = format!("at {:?} {} {}", status.state, status.done, status.total);
        writeln!(std::io::stderr(), "{said}").unwrap();
        if status.state.is_over() {
            return;
        }
        watched.changed().await.unwrap();
    }
}

/// When to kill: at the first thing it says that is so far.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// It has begun to change things.
    Begun,
    /// So many in a hundred of the values that it has to do are done.
    Share(u64),
    /// It removes what is no longer needed.
    Finishing,
}

impl Moment {
    fn is_at(self, line: &str) -> bool {
        let mut words = line.split(' ').skip(1);
        let state = words.next().unwrap();
        let [done, total] =
            [words.next(), words.next()].map(|n| n.unwrap().parse::<u64>().unwrap());
        let working = matches!(state, "Sealing" | "Opening");
        match self {
            Self::Begun => working,
            Self::Share(share) => working && done > 0 && done * 100 >= total * share,
            Self::Finishing => state == "Finishing",
        }
    }
}

/// Runs a server until that moment, then kills it. Says what it said last.
fn kill_at(shop: &str, stores: &str, work: Work, moment: Moment) -> String {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["killing::the_killed_one", "--exact", "--nocapture"])
        .env(SHOP, shop)
        .env(STORES, stores)
        .env(WORK, work.word())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut last = String::new();
    let said = BufReader::new(child.stderr.take().unwrap()).lines();
    for line in said.map_while(Result::ok) {
        if line.starts_with("at ") {
            let is_there = moment.is_at(&line);
            last = line;
            if is_there {
                break;
            }
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    last
}

fn check_killed(said: &str, moment: Moment) {
    // The end may have come before the kill; a failure may not.
    assert!(
        !said.is_empty() && !said.starts_with("at Failed"),
        "{moment:?}: {said}"
    );
}

async fn finished(vault: &Vault, work: Work) {
    let (watcher, job) = work.start(vault).await;
    let status = ended(vault, &watcher, job).await;
    assert_eq!(
        (status.state, status.left),
        (JobState::Done, 0),
        "{status:?}"
    );
}

/// Opens names and addresses of everybody and compares them.
async fn open_all(vault: &Vault, database: &str) {
    let job = caller(vault, "job").await;
    let client = postgres::client(database).await;
    let rows = client
        .query(
            "SELECT c.id, c.name::text, c.email::text, i.address::text FROM customer c JOIN invoice i ON i.customer_id = c.id
              ORDER BY c.id",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(rows.len() as u64, CUSTOMERS);
    for rows in rows.chunks(300) {
        let (mut items, mut expected) = (Vec::new(), Vec::new());
        for row in rows {
            let id: i64 = row.get(0);
            for (at, (field, value)) in [
                ("name", format!("Marker {id}")),
                ("email", format!("m{id}@marker.example")),
                ("billing_address", format!("{id} Marker St")),
            ]
            .into_iter()
            .enumerate()
            {
                items.push(OpenItem {
                    subject: format!("customer:{id}").parse().unwrap(),
                    field: field.to_owned(),
                    sealed: row.get(at + 1),
                });
                expected.push(value);
            }
        }
        let opened = vault.open_values(&job, &items, "service", Form::Clear);
        for (shown, expected) in opened.await.unwrap().iter().zip(&expected) {
            match shown {
                RevealedValue::Shown(text) => assert_eq!(**text, *expected),
                other => assert_eq!(format!("{other:?}"), *expected),
            }
        }
    }
}

#[tokio::test]
async fn killed_servers_adopt_and_undo_and_nothing_is_lost() {
    let (database, stores_url) = (postgres::new_database(), new_database());
    run_sql(
        &database,
        &format!(
            "{SCHEMA}
             INSERT INTO customer (id, name, email, birthday, country)
               SELECT i, 'Marker ' || i, 'm' || i || '@marker.example', '1990-01-01', 'UK'
                 FROM generate_series(1, {CUSTOMERS}) AS i;
             INSERT INTO invoice (customer_id, at, address)
               SELECT id, '2024-01-01', id || ' Marker St' FROM customer;"
        ),
    );
    let before = postgres::dump(&database);
    let shop = postgres::url(&database);
    let mut killed = Vec::new();
    for moment in [
        Moment::Begun,
        Moment::Share(1),
        Moment::Share(50),
        Moment::Share(100),
        Moment::Finishing,
    ] {
        let said = kill_at(&shop, &stores_url, Work::Adopt, moment);
        check_killed(&said, moment);
        killed.push(said);
    }
    assert!(
        killed[0].starts_with("at Sealing "),
        "nothing was killed in mid-work: {killed:?}"
    );
    let (vault_, stores) = vault(&shop, &stores_url).await;
    finished(&vault_, Work::Adopt).await;
    let sealed = "SELECT count(*) FROM customer JOIN invoice ON customer_id = customer.id
                   WHERE name LIKE 'pv1\\_%' AND email LIKE 'pv1\\_%' AND email_px LIKE 'px1\\_%'
                     AND birthday LIKE 'pv1\\_%' AND address LIKE 'pv1\\_%'";
    assert_eq!(run_sql(&database, sealed), CUSTOMERS.to_string());
    assert_eq!(stores.keys.subject_count().await.unwrap(), CUSTOMERS);
    open_all(&vault_, &database).await;
    assert!(!postgres::dump(&database).contains("Marker"));
    vault_.audit().shutdown().await;
    drop((vault_, stores));

    let mut killed = Vec::new();
    for moment in [
        Moment::Begun,
        Moment::Share(1),
        Moment::Share(50),
        Moment::Finishing,
    ] {
        let said = kill_at(&shop, &stores_url, Work::Undo, moment);
        check_killed(&said, moment);
        killed.push(said);
    }
    assert!(
        killed[0].starts_with("at Opening "),
        "nothing was killed in mid-work: {killed:?}"
    );
    let (vault_, _stores) = vault(&shop, &stores_url).await;
    finished(&vault_, Work::Undo).await;
    assert_eq!(postgres::dump(&database), before);
}
