//! `privet demo`: what it makes, how it goes on, how it stops.

use std::fs;
use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Place, mode, with_any_ports};

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn the_facts_are_as_promised_and_a_second_start_continues() {
    let place = Place::new();
    let demo = place.demo(&["--customers", "20"]);
    let facts = place.facts();
    assert_eq!(
        keys(&facts),
        [
            "environment",
            "api",
            "gateway",
            "database",
            "tokens",
            "sample"
        ]
    );
    assert_eq!(
        keys(&facts["tokens"]),
        ["on_call", "auditor", "operator", "job"]
    );
    assert_eq!(keys(&facts["sample"]), ["oid", "alias", "email"]);
    assert_eq!(facts["sample"]["alias"], "customer:1");
    assert!(
        facts["api"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    let secrets = [
        "demo.json",
        "pgpass",
        "root.key",
        "log.key",
        "receipt.key",
        "tokens/job",
        "server.json",
    ];
    for secret in secrets {
        assert_eq!(mode(&place.dir().join(secret)), 0o600, "{secret}");
    }
    assert_eq!(demo.stop(Signal::INT), Some(0));
    assert!(!place.dir().join("server.json").exists());

    let demo = place.demo(&["--customers", "7"]);
    let again = place.facts();
    for same in ["tokens", "sample", "environment", "database"] {
        assert_eq!(again[same], facts[same], "{same}");
    }
    let count = "SELECT count(*) FROM customer";
    let justified =
        "CALL privet.justify('is everybody still here?', 'https://tickets.example.com/2')";
    assert_eq!(
        place.psql("on_call", &[justified, count]).ok(),
        "CALL\n20\n"
    );
    assert_eq!(demo.stop(Signal::TERM), Some(0));
}

#[test]
fn a_taken_port_moves_on_and_says_so() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let wanted = taken.local_addr().unwrap().to_string();
    let demo = place.server(&[
        "demo",
        "--customers",
        "3",
        "--api",
        &wanted,
        "--gateway",
        "127.0.0.1:0",
    ]);
    let facts = place.facts();
    assert_ne!(facts["api"], format!("http://{wanted}"));
    let (_, said) = demo.stop_and_tell(Signal::INT);
    let moved = format!("Port {port} was taken, so the API listens on ");
    assert!(said.contains(&moved), "{said}");
    assert_eq!(said.matches("was taken").count(), 1, "{said}");
}

#[test]
fn fresh_starts_over_but_asks_first() {
    let place = Place::new();
    let demo = place.demo(&["--customers", "3"]);
    let before = place.facts();
    let running = place.run(&with_any_ports(&["--fresh", "--yes"])).failed();
    assert!(running.contains("stop it first"), "{running}");
    place.run(&["token", "list"]).ok();
    assert_eq!(demo.stop(Signal::INT), Some(0));

    let refused = place.run(&with_any_ports(&["--fresh"])).failed();
    assert!(refused.contains("say --yes"), "{refused}");
    assert_eq!(place.facts(), before, "nothing was deleted");

    let _demo = place.demo(&["--customers", "3", "--fresh", "--yes"]);
    assert_ne!(place.facts()["tokens"], before["tokens"]);
    assert_ne!(place.facts()["sample"]["oid"], before["sample"]["oid"]);
}

#[test]
fn what_is_not_a_demo_is_not_deleted() {
    let place = Place::new();
    fs::create_dir(place.dir()).unwrap();
    let thesis = place.dir().join("thesis.txt");
    fs::write(&thesis, "years of work").unwrap();
    let refused = place.run(&with_any_ports(&["--fresh", "--yes"])).failed();
    assert!(refused.contains("is not a demo folder"), "{refused}");
    let refused = place.run(&with_any_ports(&[])).failed();
    assert!(refused.contains("holds something else"), "{refused}");
    assert_eq!(fs::read_to_string(&thesis).unwrap(), "years of work");
}
