//! `privet consent`: what is recorded is shown, and withdrawing is as easy.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Place, Ran, Server, post, privet};
use crate::telemetry::token;

/// A server, and a person whom nobody has asked yet.
fn with_person() -> (Place, Server, String) {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    let server = place.server(&["serve"]);
    place.run(&["token", "issue", "job", "--keep"]).ok();
    let api = place.said_in_file("api");
    let body = json!({"fields": {}});
    let made = post(&api, "/v1/subjects", &token(&place, "job"), &body);
    let oid = made.1["oid"].as_str().unwrap().to_owned();
    (place, server, oid)
}

/// A yes to `improvement` under a notice.
pub(crate) fn grant<'a>(oid: &'a str, notice: &'a str) -> [&'a str; 8] {
    let channel = "--channel";
    [
        "consent",
        "grant",
        oid,
        "improvement",
        "--notice",
        notice,
        channel,
        "support",
    ]
}

pub(crate) fn withdraw(oid: &str) -> [&str; 6] {
    [
        "consent",
        "withdraw",
        oid,
        "improvement",
        "--channel",
        "web",
    ]
}

/// What the table says of `improvement`.
fn row(said: &str) -> String {
    let mut lines = said.lines().map(str::trim_start);
    let row = lines.find(|line| line.starts_with("improvement"));
    let words = row.unwrap_or_else(|| panic!("{said}")).split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_a_person_answers_is_shown() {
    let (place, _server, oid) = with_person();
    let silent = "improvement no never asked 2026-11";
    assert_eq!(row(&place.run(&["consent", "show", &oid]).ok()), silent);
    let granted = row(&place.run(&grant(&oid, "2026-11")).ok());
    assert!(granted.starts_with("improvement yes yes 20"), "{granted}");
    assert!(granted.ends_with(" 2026-11 2026-11"), "{granted}");
    let old = place.run(&grant(&oid, "2025-01")).failed();
    assert!(old.contains("notice_outdated"), "{old}");
    let withdrawn = row(&place.run(&withdraw(&oid)).ok());
    assert!(withdrawn.starts_with("improvement no no 20"), "{withdrawn}");
    let before = ["consent", "show", &oid, "--as-of", "2000-01-01T00:00:00Z"];
    assert_eq!(row(&place.run(&before).ok()), silent);
    let nobody = "00000000-0000-4000-8000-000000000000";
    let unknown = place.run(&["consent", "show", nobody]).failed();
    assert!(unknown.contains("not_found"), "{unknown}");
}

#[test]
fn what_people_are_shown_is_bound_to_their_answer() {
    let (place, _server, oid) = with_person();
    let shown = place.run(&["consent", "notice", "2026-11"]).ok();
    assert!(shown.contains("improvement, in de, kept since"), "{shown}");
    assert!(shown.contains("We look at which parts"), "{shown}");
    let notice = place
        .run(&["consent", "notice", "2026-11", "--json"])
        .json();
    assert_eq!(notice["texts"].as_array().unwrap().len(), 6);
    let text = &notice["texts"][0];
    assert_eq!([&text["purpose"], &text["language"]], ["improvement", "de"]);
    let unknown = place.run(&["consent", "notice", "a/b ü"]).failed();
    assert!(unknown.contains("not_found"), "{unknown}");

    let mut german = grant(&oid, "2026-11").to_vec();
    german.extend(["--language", "de"]);
    place.run(&german).ok();
    let history = place.run(&["consent", "history", &oid]).ok();
    assert!(history.contains(" de "), "{history}");
    let receipt = place.path("receipt.json");
    let receipt = receipt.to_str().unwrap();
    place
        .run(&["consent", "receipt", &oid, "1", "--output", receipt])
        .ok();
    let verified = place.run(&["consent", "verify", receipt, "--json"]).json();
    let answer = &verified["answers"][0];
    assert_eq!(
        [&answer["language"], &answer["sha256"]],
        [&json!("de"), &text["sha256"]]
    );
    let verified = place.run(&["consent", "verify", receipt]).ok();
    assert!(verified.contains("was shown in de, SHA-256"), "{verified}");
    *german.last_mut().unwrap() = "fr";
    let refused = place.run(&german).failed();
    assert!(refused.contains("language_unknown"), "{refused}");
}

/// Another text is refused beside the running server and at the next start; none at all is warned of.
#[test]
fn a_text_that_was_shown_is_not_changed() {
    let (place, server, _) = with_person();
    let notice = place
        .run(&["consent", "notice", "2026-11", "--json"])
        .json();
    let said = place.run(&["check"]).ok();
    assert!(said.contains("No problems."), "{said}");
    place.edit("datamap.toml", |map| {
        map.replace("We look at which parts", "We sell which parts")
    });
    let found = || {
        let ran = place.run(&["check"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.stdout
    };
    let changed = found();
    assert!(
        changed.contains("notice `2026-11` for purpose `improvement` in `en` is not"),
        "{changed}"
    );
    drop(server);
    let refused = place.run(&["serve"]).failed();
    assert!(
        refused.contains("a text that people answered cannot be changed"),
        "{refused}"
    );
    place.edit("datamap.toml", |map| {
        let lines = map.lines().filter(|line| {
            let is_text = line.contains("= { en = ");
            !is_text && !line.starts_with("[notices")
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    let missing = found();
    let problem = "purpose `improvement` rests on consent, but the data map has no text of its notice `2026-11`";
    assert!(
        missing.contains(problem) && missing.contains("`marketing`"),
        "{missing}"
    );
    let _server = place.server(&["serve"]);
    let warned = fs::read_to_string(place.path("server.log")).unwrap();
    assert!(warned.contains(problem), "{warned}");
    let kept = place
        .run(&["consent", "notice", "2026-11", "--json"])
        .json();
    assert_eq!(kept, notice);
}

#[test]
fn every_answer_is_listed() {
    let (place, _server, oid) = with_person();
    let none = place.run(&["consent", "history", &oid]).ok();
    assert!(none.contains("never answered"), "{none}");
    place.run(&grant(&oid, "2026-11")).ok();
    place.run(&withdraw(&oid)).ok();
    let history = place.run(&["consent", "history", &oid, "--json"]).json();
    let events = history.as_array().unwrap().iter();
    let numbers: Vec<_> = events.map(|event| event["number"].clone()).collect();
    assert_eq!(numbers, [2, 1]);
    let last = place
        .run(&["consent", "history", &oid, "--count", "1"])
        .ok();
    assert!(last.contains("web") && !last.contains("support"), "{last}");
}

/// Without a line of our code: canonical JSON, base58 and `did:key` by hand, Ed25519 from Python's `cryptography`.
const CHECKS_RECEIPT: &str = r##"
import hashlib, json, sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
def base58(text):
    assert text[0] == "z"
    number = 0
    for letter in text[1:]:
        number = number * 58 + LETTERS.index(letter)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
receipt = json.load(open(sys.argv[1]))
trusted = open(sys.argv[2]).read().strip()
proof = receipt.pop("proof")
value = proof.pop("proofValue")
assert proof["type"] == "DataIntegrityProof" and proof["cryptosuite"] == "eddsa-jcs-2022"
assert proof["@context"] == receipt["@context"]
name = trusted.removeprefix("did:key:")
assert proof["verificationMethod"] == trusted + "#" + name
key = base58(name)
assert key[:2] == b"\xed\x01" and len(key) == 34
hashes = hashlib.sha256(canonical(proof)).digest() + hashlib.sha256(canonical(receipt)).digest()
signature = base58(value).rjust(64, b"\0")
Ed25519PublicKey.from_public_bytes(key[2:]).verify(signature, hashes)
record = receipt["dpv:hasRecordOfActivity"][0]
print(record["dpv:hasDataSubject"]["dct:identifier"], record["dpv:hasConsentStatus"]["@type"])
"##;

const PYTHON: &str = "/usr/bin/python3";

/// Whether Python has what the check needs; `./test` installs it.
fn has_cryptography() -> bool {
    let output = Command::new(PYTHON)
        .args(["-c", "import cryptography"])
        .output();
    output.is_ok_and(|output| output.status.success())
}

fn checked_by_python(receipt: &Path, key: &Path) -> Ran {
    let script = ["-c", CHECKS_RECEIPT];
    Ran::of(Command::new(PYTHON).args(script).arg(receipt).arg(key))
}

#[test]
fn a_receipt_is_handed_out_and_checked_anywhere() {
    let (place, server, oid) = with_person();
    place.run(&grant(&oid, "2026-11")).ok();
    place.run(&withdraw(&oid)).ok();
    let key = place.dir().join("receipt.pub");
    let file = place.path("receipt.json");
    let named = file.to_str().unwrap();
    let has_cryptography = has_cryptography();
    if !has_cryptography {
        println!("left out: Python's `cryptography` is not installed");
    }
    for (number, word, status) in [
        ("1", "yes", "ConsentGiven"),
        ("2", "no", "ConsentWithdrawn"),
    ] {
        let receipt = place.run(&["consent", "receipt", &oid, number]).ok();
        place
            .run(&["consent", "receipt", &oid, number, "--output", named])
            .ok();
        assert_eq!(fs::read_to_string(&file).unwrap(), receipt);
        if has_cryptography {
            let said = checked_by_python(&file, &key).ok();
            assert_eq!(said, format!("{oid} dpv:{status}\n"));
        }
        let checked = place.run(&["consent", "verify", named]).ok();
        assert!(
            checked.starts_with(&format!(
                "verified: answer {number} of {oid}, given to The demo's shop"
            )),
            "{checked}"
        );
        assert!(checked.contains(word), "{checked}");
    }
    let beyond = place.run(&["consent", "receipt", &oid, "3"]).failed();
    assert!(beyond.contains("not_found"), "{beyond}");
    drop(server);

    // Whoever checks has the file and the key, and nothing else.
    let key = fs::read_to_string(&key).unwrap();
    let alone = |file: &str, key: &str| {
        let arguments = ["consent", "verify", file, "--key", key, "--json"];
        Ran::of(privet().args(arguments).current_dir("/"))
    };
    let said: Value = alone(named, key.trim()).json();
    assert_eq!(said["answers"][0]["answer"], "no");
    assert_eq!(said["subject"], oid.as_str());
    let other = "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";
    assert!(alone(named, other).failed().contains("another key"));
    let right = fs::read_to_string(&file).unwrap();
    fs::write(&file, right.replace("ConsentWithdrawn", "ConsentRefused")).unwrap();
    assert!(alone(named, key.trim()).failed().contains("altered"));
    if has_cryptography {
        let ran = checked_by_python(&file, &place.dir().join("receipt.pub"));
        assert_ne!(ran.code, Some(0));
    }
    fs::write(&file, "{}").unwrap();
    assert!(alone(named, key.trim()).failed().contains("not a receipt"));
    assert!(
        alone(named, "z6Mk")
            .failed()
            .contains("--key is not a public key")
    );
}

#[test]
fn an_import_is_run_again_until_all_is_there() {
    let (place, _server, oid) = with_person();
    let file = place.path("answers.jsonl");
    let named = file.to_str().unwrap();
    let line = |said: Value, day: u32| {
        let mut line = said;
        line["subject"] = oid.as_str().into();
        line["at"] = format!("2025-03-{day:02}T09:30:00Z").into();
        line["evidence"] = format!("form {day} of the old system").into();
        format!("{line}\n")
    };
    let yes = json!({"grant": [{"purpose": "improvement", "notice": "2026-11"}]});
    let no = json!({"withdraw": ["improvement"]});
    // More than one call's worth, the last of them a yes.
    let (mut text, mut count) = (String::new(), 0);
    for day in 1..=30 {
        text.push_str(&line(
            if day % 2 == 0 {
                yes.clone()
            } else {
                no.clone()
            },
            day,
        ));
        text.push_str(&"\n".repeat(20));
        count += 1;
    }
    fs::write(&file, &text).unwrap();
    let first = place.run(&["consent", "import", named]).ok();
    assert_eq!(
        first,
        format!("{count} recorded, 0 known before, 0 left out\n")
    );
    let again = place.run(&["consent", "import", named]).ok();
    assert_eq!(
        again,
        format!("0 recorded, {count} known before, 0 left out\n")
    );
    let shown = row(&place.run(&["consent", "show", &oid]).ok());
    assert!(
        shown.starts_with("improvement yes yes 2025-03-30"),
        "{shown}"
    );

    let nobody = text.lines().next().unwrap();
    let nobody = nobody.replace(&oid, "00000000-0000-4000-8000-000000000000");
    let older = line(no, 29).replace("09:30", "10:30");
    fs::write(&file, format!("{nobody}\n{older}secret@example.com\n")).unwrap();
    let ran = place.run(&["consent", "import", named]);
    assert_eq!(ran.stdout, "0 recorded, 0 known before, 3 left out\n");
    let said = ran.failed();
    for part in [
        "line 1: unknown",
        "line 2: older",
        "line 3: malformed_json",
        "3 of 3 lines",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("secret"), "{said}");
    let missing = place.run(&["consent", "import", "no-such-file"]).failed();
    assert!(missing.contains("cannot read"), "{missing}");
}
