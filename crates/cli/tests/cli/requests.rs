//! `privet request`: what people ask for is entered, shown, taken back and carried out once.

use std::fs;

use serde_json::json;

use crate::support::{Place, Ran, Server, post, privet};
use crate::telemetry::token;

/// A server whose erasures wait for so many days, and people.
fn with_people(cooling_days: u32, count: usize) -> (Place, Server, Vec<String>) {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    place.edit("privet.toml", |settings| {
        format!("{settings}\n[requests]\ncooling_days = {cooling_days}\n")
    });
    let server = place.server(&["serve"]);
    for principal in ["job", "operator"] {
        place.run(&["token", "issue", principal, "--keep"]).ok();
    }
    let api = place.said_in_file("api");
    let people = (0..count).map(|_| {
        let body = json!({"fields": {}});
        let made = post(&api, "/v1/subjects", &token(&place, "job"), &body);
        made.1["oid"].as_str().unwrap().to_owned()
    });
    let people = people.collect();
    (place, server, people)
}

fn erase(oid: &str) -> [&str; 7] {
    let checked = "knew the number of the contract";
    [
        "request",
        "erase",
        oid,
        "--channel",
        "phone",
        "--checked",
        checked,
    ]
}

fn entered(place: &Place, oid: &str) -> String {
    let mut asked = erase(oid).to_vec();
    asked.push("--json");
    let request = place.run(&asked).json();
    request["id"].as_str().unwrap().to_owned()
}

#[test]
fn who_asked_to_be_forgotten_can_change_their_mind() {
    let (place, _server, people) = with_people(7, 1);
    let [oid] = &people[..] else { unreachable!() };
    assert_eq!(place.run(&["request", "list"]).ok(), "no requests\n");
    let request = entered(&place, oid);

    let twice = place.run(&erase(oid)).failed();
    assert!(twice.contains("request_running"), "{twice}");
    assert!(twice.contains(&request), "{twice}");
    let list = place.run(&["request", "list", "--running"]).ok();
    assert!(
        list.contains(&request) && list.contains("cooling"),
        "{list}"
    );
    let shown = place.run(&["request", "show", &request]).ok();
    assert!(shown.contains("knew the number of the contract"), "{shown}");
    assert!(shown.contains("by phone"), "{shown}");
    // Nobody is erased before their days are over, whoever is in a hurry.
    let ran = place.run(&["request", "run"]).ok();
    assert_eq!(
        ran,
        "0 erased, 0 confirmed, 0 collected, 0 expired, 0 failed\n"
    );

    place.run(&["request", "cancel", &request]).ok();
    let again = place.run(&["request", "cancel", &request]).failed();
    assert!(again.contains("request_ended"), "{again}");
    let shown = place.run(&["request", "show", &request]).ok();
    assert!(shown.contains("cancelled"), "{shown}");
    assert!(!shown.contains("knew the number"), "{shown}");
    assert_eq!(
        place.run(&["request", "list", "--running"]).ok(),
        "no requests\n"
    );
}

#[test]
fn who_asked_to_be_forgotten_is() {
    let (place, _server, people) = with_people(0, 2);
    let [oid, other] = &people[..] else {
        unreachable!()
    };
    let request = entered(&place, oid);
    // The server may have been faster.
    place.run(&["request", "run"]).ok();
    let shown = place.run(&["request", "show", &request, "--json"]).json();
    assert_eq!(shown["state"], "done");
    assert!(
        shown["subject"].is_null() && shown["checked"].is_null(),
        "{shown}"
    );
    let gone = place.run(&["consent", "show", oid]).failed();
    assert!(gone.contains("not_found"), "{gone}");
    let gone = place.run(&erase(oid)).failed();
    assert!(gone.contains("not_found"), "{gone}");
    place.run(&["consent", "show", other]).ok();
    has_a_receipt(&place, &request, oid);
    let verified = place.run(&["audit", "verify"]).ok();
    assert!(!verified.is_empty());
}

/// Fetched, and checked far away from the folder with two public keys.
fn has_a_receipt(place: &Place, request: &str, oid: &str) {
    let file = place.path("erased.json");
    let out = file.to_str().unwrap();
    place.run(&["request", "receipt", request, "-o", out]).ok();
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(oid), "it leads to nobody");
    let again = place.run(&["request", "receipt", request]).ok();
    assert_eq!(again, text);
    let key = |name: &str| fs::read_to_string(place.dir().join(name)).unwrap();
    let (key, log_key) = (key("receipt.pub"), key("log.pub"));
    let check = |more: &[&str]| {
        let mut command = privet();
        command.current_dir("/").args(["request", "verify", out]);
        command.args(["--key", key.trim()]).args(more);
        Ran::of(&mut command)
    };
    let log_key = ["--log-key", log_key.trim()];
    let said = check(&log_key).ok();
    assert!(
        said.contains(&format!("verified: request {request}")),
        "{said}"
    );
    assert!(said.contains("1 keys of the account"), "{said}");
    assert!(said.contains("nothing brings it back after"), "{said}");
    assert!(said.contains("proved: entry "), "{said}");
    assert!(check(&[]).ok().contains("not proved without --log-key"));
    let in_folder = place.run(&["request", "verify", out, "--json"]).json();
    assert_eq!(in_folder["erasure"]["request"], request);
    fs::write(&file, text.replace("\"values\":\"0\"", "\"values\":\"1\"")).unwrap();
    let refused = check(&log_key).failed();
    assert!(refused.contains("altered"), "{refused}");
}

/// What the answer names is fetched, and checked without the folder.
fn has_a_receipt_of_email(place: &Place, erased: &str, oid: &str) {
    let line = erased.lines().find(|line| line.contains("receipt of"));
    let request = line.unwrap().split_whitespace().last().unwrap();
    let file = place.path("fields.json");
    let out = file.to_str().unwrap();
    place.run(&["request", "receipt", request, "-o", out]).ok();
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(oid), "{text}");
    let key = |name: &str| fs::read_to_string(place.dir().join(name)).unwrap();
    let (key, log_key) = (key("receipt.pub"), key("log.pub"));
    let verify = ["request", "verify", out, "--key", key.trim()];
    let verify = [&verify[..], &["--log-key", log_key.trim()]].concat();
    let said = place.run(&verify).ok();
    assert!(
        said.contains("erased: email, and nothing else of the person"),
        "{said}"
    );
    assert!(said.contains("1 keys of the account"), "{said}");
    assert!(said.contains("proved: entry "), "{said}");
    fs::write(&file, text.replace("\"email\"", "\"phone\"")).unwrap();
    assert!(place.run(&verify).failed().contains("altered"));
}

#[test]
fn a_request_says_how_the_person_was_known() {
    let (place, _server, people) = with_people(7, 1);
    let [oid] = &people[..] else { unreachable!() };
    let mut asked = erase(oid);
    asked[6] = " ";
    let unchecked = place.run(&asked).failed();
    assert!(unchecked.contains("checked"), "{unchecked}");
    let mut asked = erase(oid).to_vec();
    asked.extend(["--received", "2199-01-01"]);
    let future = place.run(&asked).failed();
    assert!(future.contains("received"), "{future}");
    assert_eq!(place.run(&["request", "list"]).ok(), "no requests\n");
}

#[test]
fn single_fields_of_somebody_who_stays_are_erased() {
    let (place, _server, people) = with_people(7, 1);
    let [oid] = &people[..] else { unreachable!() };
    let erase = |field, checked| {
        let arguments = ["request", "erase-fields", oid, field, "--checked", checked];
        place.run(&arguments)
    };
    let checked = "asked in the shop, with a passport";
    let erased = erase("email", checked).ok();
    assert!(erased.starts_with("erased: email\n"), "{erased}");
    assert!(erased.contains("0 values"), "nothing was there: {erased}");
    let unknown = erase("shoe_size", checked).failed();
    assert!(unknown.contains("unknown_field"), "{unknown}");
    let unchecked = erase("email", " ").failed();
    assert!(unchecked.contains("identity_unchecked"), "{unchecked}");
    let list = place.run(&["request", "list"]).ok();
    assert!(list.contains("erasure of email"), "{list}");
    has_a_receipt_of_email(&place, &erased, oid);
    place.run(&["consent", "show", oid]).ok();
    place.run(&["audit", "verify"]).ok();
}
