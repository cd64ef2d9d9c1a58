//! The executable killed at any moment: `privet demo` in its first start, which the next one goes on with, so that nothing is lost or
//! left open; and a server that makes people's copies.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{PATIENCE, Place, is_long, post, with_any_ports};
use crate::telemetry::token;

#[test]
fn a_demo_that_is_killed_at_any_moment_continues() {
    let (kills, step, customers) = if is_long() {
        (80, 40, "2000")
    } else {
        (8, 150, "300")
    };
    let place = Place::new();
    let arguments = with_any_ports(&["--customers", customers]);
    let mut ready = 0;
    for kill in 0..kills {
        // Later each time, so that every part of the start is hit.
        let patience = Duration::from_millis(20 + step * kill);
        match place.start(&arguments).ready(patience) {
            Err(starting) => starting.kill(),
            Ok(server) => {
                ready += 1;
                server.kill();
            }
        }
    }
    let server = match place.start(&arguments).ready(PATIENCE) {
        Ok(server) => server,
        Err(starting) => panic!(
            "it does not continue ({ready} starts were ready): {}",
            starting.end()
        ),
    };
    place.run(&["audit", "verify"]).ok();
    let checked = place.run(&["check", "--source", "shop", "--json"]).json();
    assert_eq!(checked["ok"], true, "{checked}");
    no_plaintext(&place);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.run(&["audit", "verify"]).ok();
}

/// Nobody's address is in the source's file, its free pages, or a log beside it. (All synthetic people have one of these.)
fn no_plaintext(place: &Place) {
    let mut looked = 0;
    for entry in fs::read_dir(place.dir()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("shop.sqlite") {
            let bytes = fs::read(&path).unwrap();
            let address = b"@example.";
            let found = bytes.windows(address.len()).any(|window| window == address);
            assert!(!found, "an address is in {}", path.display());
            looked += 1;
        }
    }
    assert!(looked > 0);
}

/// Each request becomes one file, however often the server is killed meanwhile, and nothing else stays where files lie.
#[test]
fn a_server_that_is_killed_makes_each_copy_once() {
    const PEOPLE: usize = 6;
    let kills = if is_long() { 500 } else { 25 };
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    let mut server = place.server(&["serve"]);
    for principal in ["job", "operator"] {
        place.run(&["token", "issue", principal, "--keep"]).ok();
    }
    let job = token(&place, "job");
    let body = json!({"fields": {}});
    let people: Vec<String> = (0..PEOPLE)
        .map(|_| {
            let made = post(&place.said_in_file("api"), "/v1/subjects", &job, &body);
            made.1["oid"].as_str().unwrap().to_owned()
        })
        .collect();
    let mut requests = BTreeSet::new();
    let mut random = 20_261_126_u64;
    for _ in 0..kills {
        let api = place.said_in_file("api");
        for oid in &people {
            let asked = post(
                &api,
                &format!("/v1/subjects/{oid}/access"),
                &job,
                &json!({}),
            );
            match asked.0 {
                201 => requests.insert(asked.1["id"].as_str().unwrap().to_owned()),
                // One runs already.
                409 => true,
                _ => panic!("{asked:?}"),
            };
        }
        let mut run = place.command(&["request", "run"]);
        let mut run = run
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        std::thread::park_timeout(Duration::from_millis((random >> 33) % 400));
        server.kill();
        run.wait().unwrap();
        server = place.server(&["serve"]);
    }
    place.run(&["request", "run"]).ok();
    let mut made = 0;
    for request in &requests {
        let shown = place.run(&["request", "show", request, "--json"]).json();
        assert_eq!(shown["state"], "ready", "{shown}");
        let out = place.path(&format!("{request}.zip"));
        let fetch = ["request", "file", request, "--as", "job", "--out"];
        place
            .run(&[&fetch[..], &[out.to_str().unwrap()]].concat())
            .ok();
        made += 1;
    }
    assert!(made >= PEOPLE, "{made}");
    assert_eq!(files(&place.dir().join("requests")), made);
    assert_eq!(files(&place.dir().join("request-spools")), 0);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.run(&["audit", "verify"]).ok();
}

/// The files in a folder and in those below.
fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let counts = entries.map(|entry| match entry.file_type().unwrap().is_dir() {
        true => files(&entry.path()),
        false => 1,
    });
    counts.sum()
}
