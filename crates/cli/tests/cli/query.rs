//! `privet query`: a real server, real events, the real program that answers; who is counted is who agrees when it is asked.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{PATIENCE, Place, ask};
use crate::telemetry::{send, subject, token, with_door};

const COUNT: &str = "SELECT count(*) AS events FROM logs WHERE event = 'order.placed'";

fn answers(place: &Place, oid: &str, agrees: bool) {
    let body = match agrees {
        true => {
            json!({"grant": [{"purpose": "improvement", "notice": "2026-11"}], "channel": "web"})
        }
        false => json!({"withdraw": ["improvement"], "channel": "web"}),
    };
    let api = place.said_in_file("api");
    let path = format!("/v1/subjects/{oid}/consent");
    let answered = ask("PUT", &api, &path, &token(place, "job"), &body);
    assert_eq!(answered.0, 200, "{answered:?}");
}

pub(crate) fn counted(place: &Place, purpose: &str, who: &str) -> String {
    let asked = [
        "query",
        "--purpose",
        purpose,
        "--as",
        who,
        "--format",
        "csv",
        COUNT,
    ];
    place.run(&asked).ok()
}

#[test]
fn a_question_counts_who_agrees_when_it_is_asked() {
    let program = Path::new(env!("CARGO_BIN_EXE_privet")).with_file_name("privet-query");
    assert!(
        program.exists(),
        "`{}` is missing: `cargo build -p privet-query` makes it",
        program.display()
    );
    let (place, _server) = with_door();
    place.run(&["token", "issue", "analyst", "--keep"]).ok();
    let [ada, bob] = [subject(&place), subject(&place)];
    for (oid, times) in [(&ada, 3), (&bob, 2)] {
        for _ in 0..times {
            assert_eq!(send(&place, "job", "order.placed", oid), (200, Value::Null));
        }
    }
    // What was acknowledged is stored within a second.
    let deadline = Instant::now() + PATIENCE;
    while counted(&place, "service", "job") != "events\n5\n" {
        assert!(Instant::now() < deadline);
    }
    let improvement = || counted(&place, "improvement", "analyst");
    assert_eq!(improvement(), "events\n0\n");
    answers(&place, &ada, true);
    assert_eq!(improvement(), "events\n3\n");
    answers(&place, &bob, true);
    assert_eq!(improvement(), "events\n5\n");
    answers(&place, &ada, false);
    assert_eq!(improvement(), "events\n2\n");

    let refused = place.run(&["query", "--purpose", "service", "--as", "analyst", COUNT]);
    assert!(refused.failed().contains("policy_denied"));
    let wrong = ["query", "--purpose", "improvement", "SELECT * FROM log"];
    assert!(place.run(&wrong).failed().contains("query_invalid"));
    let writes = ["query", "--purpose", "improvement", "DROP TABLE logs"];
    assert!(place.run(&writes).failed().contains("query_invalid"));

    let file = place.dir().join("orders.parquet");
    let name = file.to_str().unwrap();
    let asked = [
        "query",
        "--purpose",
        "improvement",
        "--out",
        name,
        "SELECT tyid, event FROM logs",
    ];
    place.run(&asked).ok();
    assert!(fs::read(&file).unwrap().starts_with(b"PAR1"));
    assert!(place.run(&asked).failed().contains("is there already"));
    // Nothing of a question stays.
    let left = fs::read_dir(place.dir().join("telemetry-queries")).unwrap();
    assert_eq!(left.count(), 0);
}
