//! A day with Privet: an engineer, an auditor, an operator, a job, and a crash in between.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Place, Ran, post, privet};

const PEOPLE: &str = "SELECT email FROM customer ORDER BY customer_id LIMIT 3";

/// The engineer looks for one customer, and sees that one.
fn look(place: &Place, email: &str, ticket: &str) {
    let justify = format!("CALL privet.justify('customer cannot sign in', '{ticket}')");
    let decrypt =
        format!("CALL privet.decrypt(consent => '{ticket}#yes', subject => 'customer:1')");
    let search = format!("SELECT customer_id FROM customer WHERE email_px = '~eq:email:{email}~'");
    let shown = place
        .psql("on_call", &[&justify, PEOPLE, &search, &decrypt, PEOPLE])
        .ok();
    let lines: Vec<&str> = shown.lines().collect();
    let [_, first, second, third, found, _, opened, still, sealed] = lines[..] else {
        panic!("{shown}");
    };
    assert!(
        [first, second, third]
            .iter()
            .all(|cell| cell.starts_with("pv1_")),
        "{shown}"
    );
    assert_eq!(found, "1");
    assert_eq!(opened, email, "this customer agreed");
    assert_eq!([still, sealed], [second, third], "and no other");
}

fn sessions(place: &Place) -> Vec<Value> {
    let page = place.run(&["session", "list", "--json"]).json();
    page["sessions"].as_array().unwrap().clone()
}

/// The auditor reads what was done, and gives a verdict.
/// All of a session in one file, checked far away from the folder.
fn proven(place: &Place, id: &str) {
    let file = place.path("session.proof-bundle");
    let file = file.to_str().unwrap();
    place.run(&["session", "prove", id, "-o", file]).ok();
    let key = std::fs::read_to_string(place.dir().join("log.pub")).unwrap();
    let check = |file: &str| {
        let arguments = ["audit", "check", "--bundle", file, "--key", key.trim()];
        Ran::of(privet().current_dir("/").args(arguments))
    };
    let said = check(file).ok();
    assert!(said.starts_with("proved: ") && said.contains(id), "{said}");
    let text = std::fs::read_to_string(file).unwrap();
    let changed = text.replacen("\"t\":\"session.opened\"", "\"t\":\"session.closed\"", 1);
    assert_ne!(changed, text);
    std::fs::write(file, changed).unwrap();
    let refused = check(file).failed();
    assert!(
        refused.contains("does not prove what is in it"),
        "{refused}"
    );
}

fn review(place: &Place) {
    // What a statement showed is counted behind it.
    let counted = |session: &Value| session["decrypted"] == true && session["opened"] != 0;
    let session = (0..100)
        .find_map(|_| sessions(place).into_iter().find(counted))
        .unwrap();
    assert_eq!(session["principal"], "on_call");
    assert_eq!(session["verdict"], "pending");
    assert_eq!(session["opened"], 1);
    let id = session["id"].as_str().unwrap();

    let detail = place.run(&["session", "show", id, "--json"]).json();
    assert_eq!(detail["session"]["reason"], "customer cannot sign in");
    assert_eq!(detail["grants"][0]["subject"], "customer:1");
    assert_eq!(
        detail["grants"][0]["evidence"],
        "https://tickets.example.com/1#yes"
    );
    let statements = detail["statements"].as_array().unwrap();
    assert!(
        statements
            .iter()
            .any(|step| step["sql"] == PEOPLE && step["decrypted"] == true)
    );
    let for_people = place.run(&["session", "show", id]).ok();
    assert!(for_people.contains("opened 1 × email"), "{for_people}");
    assert!(for_people.contains("all times in UTC"), "{for_people}");

    proven(place, id);
    let noticed = place.run(&["session", "findings"]).ok();
    assert!(noticed.starts_with("nothing to look at\n"), "{noticed}");
    let own = ["session", "review", id, "approved", "--as", "on_call"];
    let refused = place.run(&own).failed();
    assert!(refused.contains("(policy_denied)"), "{refused}");
    place
        .run(&["session", "review", id, "flagged", "--note", "look again"])
        .ok();
    let flagged = place.run(&["session", "show", id, "--json"]).json();
    assert_eq!(flagged["session"]["verdict"], "flagged");
    assert_eq!(flagged["notes"][0]["text"], "look again");
    assert!(
        place
            .run(&["session", "list", "--pending", "--decrypted"])
            .ok()
            .contains("no sessions")
    );
}

/// The job reveals what its purpose needs.
fn reveal(place: &Place) -> (u16, Value) {
    let facts = place.facts();
    let token = facts["tokens"]["job"].as_str().unwrap();
    let request = json!({
        "subjects": [facts["sample"]["oid"]], "fields": ["email"], "purpose": "service"
    });
    post(
        facts["api"].as_str().unwrap(),
        "/v1/reveal",
        token,
        &request,
    )
}

/// The operator takes the engineer's token away.
fn revoke(place: &Place) {
    let list = place.run(&["token", "list", "--json"]).json();
    let tokens = list["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), 4);
    let token = tokens
        .iter()
        .find(|token| token["principal"] == "on_call")
        .unwrap();
    place
        .run(&["token", "revoke", token["id"].as_str().unwrap()])
        .ok();
    let refused = place.psql("on_call", &["SELECT 1"]);
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains("authentication failed"),
        "{refused:?}"
    );
    let console = place.run(&[
        "console",
        "--reason",
        "just looking",
        "--link",
        "https://example.com",
    ]);
    let said = console.failed();
    assert!(
        said.contains("(unauthenticated; the token is that of"),
        "{said}"
    );
}

#[test]
fn a_day_with_privet() {
    let place = Place::new();
    let server = place.demo(&["--customers", "20"]);
    let facts = place.facts();
    let email = facts["sample"]["email"].as_str().unwrap().to_owned();

    let unjustified = place.psql("on_call", &[PEOPLE]);
    assert_ne!(unjustified.code, Some(0));
    assert!(
        unjustified.stderr.contains("CALL privet.justify("),
        "{unjustified:?}"
    );
    look(&place, &email, "https://tickets.example.com/1");
    review(&place);
    let (status, revealed) = reveal(&place);
    assert_eq!(
        (status, &revealed["subjects"][0]["values"]["email"]),
        (200, &json!(email))
    );
    let verified = place.run(&["audit", "verify", "--json"]).json();
    assert_eq!(verified["ok"], true);

    server.kill();
    let gone = place.run(&["session", "list"]).failed();
    assert!(
        gone.contains("does not answer") && gone.contains("privet demo --dir"),
        "{gone}"
    );

    let server = place.demo(&[]);
    assert_eq!(place.facts()["tokens"], facts["tokens"]);
    assert!(
        sessions(&place)
            .iter()
            .any(|session| session["verdict"] == "flagged")
    );
    let (status, revealed) = reveal(&place);
    assert_eq!(
        (status, &revealed["subjects"][0]["values"]["email"]),
        (200, &json!(email))
    );
    // The session outlived the server, but not what was open in it.
    let joined = place.psql("on_call", &[PEOPLE]).ok();
    assert!(
        joined.lines().all(|cell| cell.starts_with("pv1_")),
        "{joined}"
    );
    look(&place, &email, "https://tickets.example.com/2");
    let grown = place.run(&["audit", "verify", "--json"]).json();
    assert!(grown["size"].as_u64() > verified["size"].as_u64());
    revoke(&place);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    let stopped = place.run(&["session", "list"]).failed();
    assert!(stopped.contains("no server runs here"), "{stopped}");
}

#[test]
fn our_console_works_from_a_pipe() {
    let place = Place::new();
    let _server = place.demo(&["--customers", "3"]);
    let script = place.path("script.sql");
    std::fs::write(&script, "SELECT count(*) AS customers FROM customer;\n").unwrap();
    let mut command = place.command(&[
        "console",
        "--reason",
        "how many are there?",
        "--link",
        "https://tickets.example.com/3",
    ]);
    let ran = Ran::of(command.stdin(std::fs::File::open(&script).unwrap()));
    assert!(
        ran.stdout.contains("customers") && ran.stdout.contains('3'),
        "{ran:?}"
    );
    assert_eq!(ran.code, Some(0));
}
