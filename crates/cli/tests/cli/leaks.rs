//! What must be nowhere: personal data, reasons, statements with values and tokens, in the log at its most talkative,
//! in the stores, and in the files of the folder that are no secrets.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Place, post, with_any_ports};

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// Uses every door, rightly and wrongly, with words that are to be found nowhere afterwards.
fn use_all_doors(place: &Place) -> Vec<String> {
    let facts = place.facts();
    let fact = |path: &str| facts.pointer(path).and_then(Value::as_str).unwrap();
    let (api, job) = (fact("/api"), fact("/tokens/job"));
    let email = fact("/sample/email");
    let call = |path: &str, body: Value| post(api, path, job, &body);
    let revealed = call(
        "/v1/reveal",
        json!({
            "subjects": ["shop/customer:1"], "fields": ["email", "phone", "first_name"], "purpose": "service",
            "reason": "the reason is quagga"
        }),
    );
    assert_eq!(revealed.0, 200, "{revealed:?}");
    let values = &revealed.1["subjects"][0]["values"];
    let lookup = json!({ "field": "email", "value": email, "purpose": "service" });
    assert_eq!(call("/v1/lookup", lookup).0, 200);
    let made = json!({ "fields": { "email": "quagga.one@example.com" } });
    assert_eq!(call("/v1/subjects", made).0, 201);
    for wrong in [
        json!({ "fields": { "email": "quagga.two@bank.com" } }),
        json!({ "fields": { "email": "quagga three" } }),
        json!({ "fields": { "quagga": "four" } }),
        json!({ "quagga": "five" }),
    ] {
        let (status, problem) = call("/v1/subjects", wrong);
        assert!((400..500).contains(&status), "{problem}");
        assert!(
            !holds(problem.to_string().as_bytes(), "quagga"),
            "{problem}"
        );
    }
    let path = "/v1/quagga?quagga=quagga";
    assert_eq!(post(api, path, "pvt_demo_quagga", &json!({})).0, 404);

    let search = format!("SELECT customer_id FROM customer WHERE email_px = '~eq:email:{email}~'");
    let said = place.psql(
        "on_call",
        &[
            "CALL privet.justify('a quagga cannot sign in', 'https://tickets.example.com/quagga')",
            &search,
            "CALL privet.decrypt(consent => 'https://tickets.example.com/quagga', subject => 'customer:1')",
            "SELECT email, first_name, phone, 'quagga' FROM customer WHERE customer_id = 1",
            "SELECT quagga FROM customer",
        ],
    );
    assert!(said.stdout.contains(email), "{said:?}");
    let mut words = vec!["quagga".to_owned()];
    let known = ["email", "phone"].map(|field| values[field].as_str().unwrap().to_owned());
    words.extend(known);
    words.push(format!("'{}'", values["first_name"].as_str().unwrap()));
    for token in facts["tokens"].as_object().unwrap().values() {
        words.push(token.as_str().unwrap().to_owned());
    }
    words
}

#[test]
fn nothing_personal_is_left_anywhere() {
    let place = Place::new();
    let mut command = place.command(&with_any_ports(&["--customers", "20"]));
    command.env("PRIVET_LOG", "trace");
    let server = match place.spawn(command).ready(PATIENCE) {
        Ok(server) => server,
        Err(starting) => panic!("{}", starting.end()),
    };
    let words = use_all_doors(&place);
    let log = server.said();
    assert!(log.contains("/v1/reveal"), "requests are logged: {log}");
    for word in &words {
        assert!(!holds(log.as_bytes(), word), "`{word}` is in the log");
    }
    // Beside a running server the write-ahead logs are there too; then what it leaves behind.
    look(&place, &words);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    look(&place, &words);
}

/// Looks into every file but those that are there to hold the tokens and the sample.
fn look(place: &Place, words: &[String]) {
    let mut found = Vec::new();
    files(&place.dir(), &mut found);
    let secret = |path: &PathBuf| {
        let name = path.strip_prefix(place.dir()).unwrap();
        name.starts_with("tokens")
            || ["demo.json", "pgpass"]
                .iter()
                .any(|known| name == Path::new(known))
    };
    found.retain(|path| !secret(path));
    assert!(found.iter().any(|path| path.ends_with("log.sqlite")));
    assert!(found.iter().any(|path| path.ends_with("shop.sqlite")));
    for path in found {
        let bytes = fs::read(&path).unwrap();
        for word in words {
            assert!(!holds(&bytes, word), "`{word}` is in {}", path.display());
        }
    }
}
