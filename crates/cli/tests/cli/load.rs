//! The server killed at any moment under load: no acknowledged write is lost, and no value was ever revealed without
//! its entry.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Instant;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Place, is_long};

const WRITERS: usize = 4;
const REVEALERS: usize = 4;

/// What came back before the connection ended.
struct Reply(Vec<u8>);

impl Reply {
    /// Whether something of an answer that may hold values arrived, if only its first bytes.
    fn began(&self) -> bool {
        self.0.starts_with(b"HTTP/1.1 200")
    }

    /// Status and body, if all of it arrived.
    fn whole(&self) -> Option<(u16, Value)> {
        let text = std::str::from_utf8(&self.0).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = match body {
            "" if status == 204 => Value::Null,
            body => serde_json::from_str(body).ok()?,
        };
        Some((status, body))
    }
}

/// A request over a connection of its own; the server may die at any moment of it.
fn call(api: &str, token: &str, method: &str, path: &str, body: &Value) -> Reply {
    let address = api.strip_prefix("http://").unwrap();
    let mut received = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(address) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(request.as_bytes()).is_ok() {
            // What arrived before the connection broke counts.
            let _ = stream.read_to_end(&mut received);
        }
    }
    Reply(received)
}

/// One person as a client knows them: the last address that was acknowledged, and one that may have been stored.
struct Known {
    oid: String,
    acknowledged: String,
    tried: Option<String>,
}

/// What the clients saw, over all rounds.
#[derive(Default)]
struct Seen {
    people: Mutex<Vec<Known>>,
    /// People whose erasure was acknowledged.
    closed: Mutex<Vec<String>>,
    /// Each reveal of which anything arrived, by its reason; with the entry that a whole answer named.
    revealed: Mutex<BTreeMap<String, Option<u64>>>,
    /// The console's, by the remark in the statement.
    opened: Mutex<BTreeSet<String>>,
}

/// Makes people, changes their addresses, and erases every fourth, until the server is gone.
fn write(api: &str, [job, operator]: [&str; 2], who: &str, seen: &Seen, done: &Sender<()>) {
    for n in 0.. {
        let first = format!("{who}.{n}.a@example.com");
        let body = json!({ "fields": { "email": first } });
        let made = call(api, job, "POST", "/v1/subjects", &body).whole();
        let Some((201, made)) = made else {
            assert!(made.is_none(), "{made:?}");
            return;
        };
        let mut known = Known {
            oid: made["oid"].as_str().unwrap().to_owned(),
            acknowledged: first,
            tried: None,
        };
        let _ = done.send(());
        let second = format!("{who}.{n}.b@example.com");
        let body = json!({ "fields": { "email": second } });
        let path = format!("/v1/subjects/{}/fields", known.oid);
        let changed = call(api, job, "PUT", &path, &body).whole();
        match &changed {
            Some((200 | 204, _)) => known.acknowledged = second,
            other => {
                assert!(other.is_none(), "{other:?}");
                known.tried = Some(second);
            }
        }
        let _ = done.send(());
        if changed.is_some() && n % 4 == 3 {
            let path = format!("/v1/subjects/{}/close", known.oid);
            match call(api, operator, "POST", &path, &json!({})).whole() {
                Some((200, _)) => seen.closed.lock().unwrap().push(known.oid),
                other => {
                    // Whether it happened is not known.
                    assert!(other.is_none(), "{other:?}");
                    return;
                }
            }
            continue;
        }
        seen.people.lock().unwrap().push(known);
        if changed.is_none() {
            return;
        }
    }
}

/// Reveals one person's address again and again until the server is gone.
fn reveal(api: &str, token: &str, who: &str, subject: &str, seen: &Seen, done: &Sender<()>) {
    for n in 0.. {
        let reason = format!("{who}.{n}.");
        let body = json!({
            "subjects": [subject], "fields": ["email"], "purpose": "service", "reason": reason
        });
        let reply = call(api, token, "POST", "/v1/reveal", &body);
        let whole = reply.whole();
        if reply.began() {
            let entry = whole.as_ref().and_then(|(_, body)| body["entry"].as_u64());
            seen.revealed.lock().unwrap().insert(reason, entry);
        }
        let _ = done.send(());
        match whole {
            Some((200, _)) => {}
            None => return,
            other => panic!("{other:?}"),
        }
    }
}

/// Decrypts one person in the console again and again until the server is gone.
fn look(place: &Place, who: &str, email: &str, seen: &Seen, done: &Sender<()>) {
    for n in 0.. {
        let remark = format!("{who}.{n}.");
        let justify = format!(
            "CALL privet.justify('cannot sign in, {remark}', 'https://tickets.example.com/1')"
        );
        let decrypt = "CALL privet.decrypt(consent => 'https://tickets.example.com/1#yes', subject => 'customer:1')";
        let look = format!("SELECT email /* {remark} */ FROM customer WHERE customer_id = 1");
        let ran = place.psql("on_call", &[&justify, decrypt, &look]);
        if ran.stdout.contains(email) {
            seen.opened.lock().unwrap().insert(remark);
        }
        let _ = done.send(());
        if ran.code != Some(0) {
            assert!(!ran.stderr.contains("ERROR:"), "{ran:?}");
            return;
        }
    }
}

/// One round: load, and a kill after so many answers; the last not before the console has shown somebody.
fn round(place: &Place, number: usize, answers: usize, last: bool, seen: &Seen) {
    let server = place.demo(&["--customers", "3"]);
    let facts = place.facts();
    let fact = |path: &str| facts.pointer(path).and_then(Value::as_str).unwrap();
    let (api, token) = (fact("/api"), fact("/tokens/job"));
    let operator = fact("/tokens/operator");
    let (oid, email) = (fact("/sample/oid"), fact("/sample/email"));
    let (done, answered) = mpsc::channel();
    let done = &done;
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let who = format!("w{number}.{writer}");
            scope.spawn(move || write(api, [token, operator], &who, seen, done));
        }
        for revealer in 0..REVEALERS {
            let who = format!("r{number}.{revealer}");
            scope.spawn(move || reveal(api, token, &who, oid, seen, done));
        }
        scope.spawn(move || look(place, &format!("c{number}"), email, seen, done));
        let shown = || !seen.opened.lock().unwrap().is_empty();
        let (mut count, started) = (0, Instant::now());
        while count < answers || (last && !shown()) {
            answered.recv_timeout(PATIENCE).unwrap();
            assert!(started.elapsed() < PATIENCE, "nothing was shown");
            count += 1;
        }
        server.kill();
    });
}

/// Every entry with its details, by pages.
fn entries(place: &Place) -> Vec<Value> {
    let facts = place.facts();
    let auditor = facts["tokens"]["auditor"].as_str().unwrap();
    let api = facts["api"].as_str().unwrap();
    let mut all: Vec<Value> = Vec::new();
    loop {
        let path = format!(
            "/v1/audit/entries?details=true&count=100&first={}",
            all.len()
        );
        let (status, page) = call(api, auditor, "GET", &path, &json!({}))
            .whole()
            .unwrap();
        assert_eq!(status, 200, "{page}");
        let page = page["entries"].as_array().unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page.iter().cloned());
    }
}

/// Nobody saw a value of which the log knows nothing.
fn everything_is_on_record(place: &Place, seen: &Seen) {
    let entries = entries(place);
    let of = |kind: &str| {
        let kind = kind.to_owned();
        entries.iter().filter(move |one| one["entry"]["t"] == kind)
    };
    let recorded: BTreeMap<&str, u64> = of("reveal")
        .filter_map(|one| {
            Some((
                one["details"]["reason"].as_str()?,
                one["index"].as_u64().unwrap(),
            ))
        })
        .collect();
    let revealed = seen.revealed.lock().unwrap();
    assert!(!revealed.is_empty());
    for (reason, said) in revealed.iter() {
        let index = recorded.get(reason.as_str());
        assert!(index.is_some(), "{reason} was revealed without its entry");
        if let Some(said) = said {
            assert_eq!(index, Some(said), "{reason}");
        }
    }
    let created = of("subject.created").count();
    let known = seen.people.lock().unwrap().len();
    assert!(created >= known, "{created} entries for {known} people");

    let sessions = place
        .run(&["session", "list", "--json", "--count", "200"])
        .json();
    let mut statements = String::new();
    for session in sessions["sessions"].as_array().unwrap() {
        let id = session["id"].as_str().unwrap();
        let shown = place.run(&["session", "show", id, "--json"]).json();
        for step in shown["statements"].as_array().unwrap() {
            if step["decrypted"] == true {
                statements.push_str(step["sql"].as_str().unwrap_or_default());
            }
        }
    }
    for remark in seen.opened.lock().unwrap().iter() {
        assert!(
            statements.contains(remark.as_str()),
            "{remark} was opened without its entry"
        );
    }
}

/// What was acknowledged is there, is the last that was written, and is found by its index.
fn nothing_is_lost(place: &Place, seen: &Seen) {
    let facts = place.facts();
    let token = facts["tokens"]["job"].as_str().unwrap();
    let api = facts["api"].as_str().unwrap();
    let people = seen.people.lock().unwrap();
    assert!(!people.is_empty());
    for some in people.chunks(500) {
        let oids: Vec<&str> = some.iter().map(|known| known.oid.as_str()).collect();
        let body = json!({ "subjects": oids, "fields": ["email"], "purpose": "service" });
        let (status, answer) = call(api, token, "POST", "/v1/reveal", &body)
            .whole()
            .unwrap();
        assert_eq!(status, 200, "{answer}");
        for (known, shown) in some.iter().zip(answer["subjects"].as_array().unwrap()) {
            let value = shown["values"]["email"].as_str().unwrap_or_default();
            let right = value == known.acknowledged || Some(value) == known.tried.as_deref();
            assert!(right, "{}: `{value}`, {shown}", known.acknowledged);
        }
    }
    let closed = seen.closed.lock().unwrap();
    for some in closed.chunks(500) {
        // With one who is there: of nobody at all the answer would be that there is none.
        let mut oids: Vec<&str> = some.iter().map(String::as_str).collect();
        oids.push(facts["sample"]["oid"].as_str().unwrap());
        let body = json!({ "subjects": oids, "fields": ["email"], "purpose": "service" });
        let (status, answer) = call(api, token, "POST", "/v1/reveal", &body)
            .whole()
            .unwrap();
        assert_eq!(status, 200, "{answer}");
        for shown in answer["subjects"]
            .as_array()
            .unwrap()
            .iter()
            .take(some.len())
        {
            assert_eq!(shown["found"], false, "an erasure was lost: {shown}");
        }
    }
    for known in people.iter().rev().take(40) {
        let find = |email: &str| {
            let body = json!({ "field": "email", "value": email, "purpose": "service" });
            let found = call(api, token, "POST", "/v1/lookup", &body)
                .whole()
                .unwrap();
            found.1["subjects"] == json!([known.oid])
        };
        let found = find(&known.acknowledged) || known.tried.as_deref().is_some_and(find);
        assert!(found, "{} is not found", known.acknowledged);
    }
}

#[test]
fn a_server_that_is_killed_under_load_loses_nothing_and_hides_nothing() {
    let kills: Vec<usize> = if is_long() {
        (0..40).map(|kill| 1 + kill * 37 % 1_000).collect()
    } else {
        vec![1, 40, 250]
    };
    let place = Place::new();
    let seen = Seen::default();
    for (number, answers) in kills.iter().enumerate() {
        round(&place, number, *answers, number + 1 == kills.len(), &seen);
    }
    let server = place.demo(&[]);
    place.run(&["audit", "verify"]).ok();
    nothing_is_lost(&place, &seen);
    everything_is_on_record(&place, &seen);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.run(&["audit", "verify"]).ok();
}
