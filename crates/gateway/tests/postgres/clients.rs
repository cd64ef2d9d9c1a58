//! Drivers and tools as people use them: psycopg 3, SQLAlchemy, node-postgres, pgbench, pg_dump. `./test` installs what
//! they need.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use tokio::process::Command;

use crate::world::{CLUSTER, CUSTOMERS, World};

/// Runs a program against the door, as Ann.
async fn run(world: &World, command: &mut Command) -> Output {
    let running = command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", world.address.port().to_string())
        .env("PGUSER", "ann")
        .env("PGPASSWORD", world.token("ann"))
        .env("PGDATABASE", "shop")
        .env("PGSSLMODE", "disable")
        .kill_on_drop(true)
        .output();
    let ran = tokio::time::timeout(Duration::from_secs(120), running).await;
    ran.unwrap().unwrap()
}

fn said(output: &Output) -> String {
    let [out, error] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    format!("{out}\n{error}")
}

fn script(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/clients");
    folder.join(name)
}

async fn runs(mut command: Command) {
    let world = World::start().await;
    let output = run(&world, &mut command).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("ok"), "{}", said(&output));
    world.stop().await;
}

/// Debian's Python, for which Debian has the drivers.
fn python(name: &str) -> Command {
    let mut python = Command::new("/usr/bin/python3");
    python.arg("-W").arg("ignore").arg(script(name));
    python
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psycopg_3() {
    runs(python("psycopg3.py")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlalchemy() {
    runs(python("sqlalchemy_1.py")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_postgres() {
    let mut node = Command::new("node");
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node_modules");
    let paths = format!("{}:/usr/share/nodejs", installed.display());
    node.arg(script("node_postgres.js")).env("NODE_PATH", paths);
    runs(node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pgbench_in_all_three_modes() {
    let world = World::start().await;
    world.sql(
        "CREATE TABLE pgbench_accounts AS SELECT i AS aid, 1 AS bid, 0 AS abalance FROM generate_series(1, 100000) i;
         CREATE TABLE pgbench_branches AS SELECT 1 AS bid, 0 AS bbalance;
         CREATE TABLE pgbench_tellers AS SELECT i AS tid, 1 AS bid, 0 AS tbalance FROM generate_series(1, 10) i;
         CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp);
         ALTER TABLE pgbench_accounts ADD PRIMARY KEY (aid)",
    );
    let role = format!("{}_console", world.database);
    world.sql(&format!(
        "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role};
         REVOKE INSERT, UPDATE ON customer FROM {role}"
    ));
    for mode in ["simple", "extended", "prepared"] {
        let mut pgbench = Command::new(CLUSTER.program("pgbench"));
        pgbench
            .args(["-n", "-c", "4", "-j", "2", "-t", "100", "-M", mode])
            .env("PGOPTIONS", "-c privet.reason=pgbench\\ is\\ tried");
        let output = run(&world, &mut pgbench).await;
        assert!(output.status.success(), "{mode}: {}", said(&output));
        assert!(
            said(&output).contains("actually processed: 400/400"),
            "{}",
            said(&output)
        );
    }
    let counted = world.sql("SELECT count(*) FROM pgbench_history");
    assert_eq!(counted.trim(), "1200");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_is_sealed() {
    let world = World::start().await;
    let mut dump = Command::new(CLUSTER.program("pg_dump"));
    dump.env("PGOPTIONS", "-c privet.reason=a\\ dump\\ is\\ tried")
        .args(["--schema", "public", "--no-owner"]);
    let output = run(&world, &mut dump).await;
    assert!(output.status.success(), "{}", said(&output));
    let dumped = said(&output);
    assert!(
        dumped.contains("COPY public.customer") && dumped.contains("pv1_"),
        "{dumped}"
    );
    for value in CUSTOMERS.iter().flatten() {
        assert!(!dumped.contains(value), "`{value}` is in the dump");
    }
    world.stop().await;
}
