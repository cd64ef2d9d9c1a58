//! A person with very many rows: neither their copy nor their erasure takes more of the server's memory than anybody's.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::time::Instant;

use rusqlite::Connection;
use serde_json::{Value, json};
use zip::ZipArchive;

use crate::support::{PATIENCE, Place, Server, is_long, post};
use crate::telemetry::token;

/// By how much the most memory that the server ever held may grow with them: less than their texts alone would take.
const COPY_BYTES: u64 = 16 << 20;
/// What SQLite keeps of a file that is written, at most, comes on top.
const CACHE_BYTES: u64 = 64 << 20;

/// A million of them where the long form of the tests was asked for.
fn count() -> u32 {
    if is_long() { 1_000_000 } else { 100_000 }
}

/// Gives the first customer messages, long ones; every hundredth is the second's.
fn write_messages(place: &Place) {
    let shop = Connection::open(place.path("shop.sqlite")).unwrap();
    let words = "my lamp is broken ".repeat(14);
    shop.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         INSERT INTO support_message SELECT 100000 + i, CASE WHEN i % 100 = 0 THEN 2 ELSE 1 END, '2026-01-01', ?2 || i FROM n",
        rusqlite::params![count(), words],
    )
    .unwrap();
}

/// The most memory that the server has ever held (proc_pid_status(5)).
fn peak_bytes(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().trim_end_matches(" kB");
    kib.parse::<u64>().unwrap() * 1024
}

/// Runs what is due until a request is in this state.
fn once(place: &Place, request: &str, state: &str) {
    let patience = Instant::now() + PATIENCE * if is_long() { 60 } else { 5 };
    loop {
        place.run(&["request", "run"]);
        let shown = place.run(&["request", "show", request, "--json"]).json();
        if shown["state"] == state {
            return;
        }
        assert!(Instant::now() < patience, "{shown}");
    }
}

fn asked(place: &Place, what: &[&str]) -> String {
    let how = [
        "--channel",
        "letter",
        "--checked",
        "knew the contract's number",
        "--json",
    ];
    let asked = [&["request"], what, &how].concat();
    let request: Value = place.run(&asked).json();
    request["id"].as_str().unwrap().to_owned()
}

/// A customer's operational id.
fn oid_of(place: &Place, customer: u32) -> String {
    let (api, job) = (place.said_in_file("api"), token(place, "job"));
    let body = json!({"fields": {}, "aliases": [format!("shop/customer:{customer}")]});
    let made = post(&api, "/v1/subjects", &job, &body);
    made.1["oid"].as_str().unwrap().to_owned()
}

/// How many messages are in somebody's copy.
fn messages_in_copy(place: &Place, oid: &str) -> u32 {
    let request = asked(place, &["access", oid]);
    once(place, &request, "ready");
    let out = place.path(&format!("{request}.zip"));
    let fetch = [
        "request",
        "file",
        &request,
        "--as",
        "job",
        "--out",
        out.to_str().unwrap(),
    ];
    place.run(&fetch).ok();
    let mut archive = ZipArchive::new(File::open(&out).unwrap()).unwrap();
    let names =
        (0..archive.len()).map(|at| archive.by_index(at).unwrap().name().unwrap().into_owned());
    let names: Vec<String> = names.collect();
    let name = names
        .iter()
        .find(|name| name.ends_with("shop.support_message.jsonl"));
    let name = name.unwrap_or_else(|| panic!("{names:?}"));
    let lines = BufReader::new(archive.by_name(name).unwrap()).lines();
    let is_whole = |line: &String| line.contains("my lamp is broken");
    lines
        .map(Result::unwrap)
        .filter(is_whole)
        .count()
        .try_into()
        .unwrap()
}

#[test]
fn a_person_with_very_many_rows_takes_no_more_memory() {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    write_messages(&place);
    place.edit("privet.toml", |settings| {
        format!("{settings}\n[requests]\ncooling_days = 0\n")
    });
    let server = place.server(&["serve"]);
    for principal in ["job", "operator"] {
        place.run(&["token", "issue", principal, "--keep"]).ok();
    }
    let [much, little] = [1, 2].map(|customer| oid_of(&place, customer));
    place.run(&["adopt", "shop"]).ok();
    drop(server);

    let mut command = place.command(&["serve"]);
    // Memory that one thread freed is used by another, so that what is measured is what is kept.
    command.env("MALLOC_ARENA_MAX", "1");
    let server = place.spawn(command).ready(PATIENCE);
    let Ok(server) = server else {
        panic!("no server")
    };
    // Everybody's copy goes through the whole table.
    assert_eq!(messages_in_copy(&place, &little), count() / 100);
    let first = peak_bytes(&server);
    assert_eq!(messages_in_copy(&place, &much), count() - count() / 100);
    let copied = peak_bytes(&server);
    println!("peak after a small copy {first} bytes, after a large one {copied} bytes");
    assert!(
        copied - first < COPY_BYTES,
        "from {first} to {copied} bytes"
    );

    let request = asked(&place, &["erase", &much]);
    once(&place, &request, "done");
    let shop = Connection::open(place.path("shop.sqlite")).unwrap();
    let left = || {
        let sql = "SELECT count(*) FROM support_message WHERE customer_id = 1";
        shop.query_row::<i64, _, _>(sql, [], |row| row.get(0))
            .unwrap()
    };
    let patience = Instant::now() + PATIENCE * if is_long() { 60 } else { 5 };
    while left() > 0 {
        assert!(Instant::now() < patience, "{} rows are left", left());
        place.run(&["request", "run"]).ok();
    }
    let erased = peak_bytes(&server);
    println!("peak after the erasure {erased} bytes");
    assert!(
        erased - copied < COPY_BYTES + CACHE_BYTES,
        "from {copied} to {erased} bytes"
    );
    place.run(&["audit", "verify"]).ok();
}
