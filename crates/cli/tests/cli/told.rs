//! People are told by mail that their copy is ready: the executable, and a mail server that is not ours, which puts off, refuses, hangs, or
//! takes a mail just before the executable is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::mail_server::{Kind, MailServer};
use crate::support::{PATIENCE, Place, Server, browse, is_long, post};
use crate::telemetry::token;

/// Mail through that server, and pages to lead to.
fn settings(port: u16) -> String {
    format!(
        r#"
[mail]
server = "localhost"
encryption = "none"
port = {port}
from = "privacy@books.example"
user = "privet"
password_file = "mail.password"
seconds_max = 5

[people]
address = "https://me.books.example"
mail_login = true

[people.login]
name = "Books"
issuer = "https://login.books.example"
client_id = "privet"
subject = "{{sub}}"
"#
    )
}

/// A server that writes to people, and the mail server; nothing where that is not installed.
fn writing() -> Option<(Place, Server, MailServer)> {
    let mail = MailServer::start(Kind::Plain)?;
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    let secret = place.dir().join("mail.password");
    fs::write(&secret, "hunter2\n").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    place.edit("privet.toml", |text| {
        format!("{text}{}", settings(mail.port))
    });
    let server = place.server(&["serve"]);
    for principal in ["job", "operator"] {
        place.run(&["token", "issue", principal, "--keep"]).ok();
    }
    Some((place, server, mail))
}

/// Somebody of that address asks for their copy; the request.
fn asks(place: &Place, fields: &Value) -> String {
    let (api, job) = (place.said_in_file("api"), token(place, "job"));
    let made = post(&api, "/v1/subjects", &job, &json!({ "fields": fields }));
    let oid = made.1["oid"].as_str().unwrap_or_else(|| panic!("{made:?}"));
    let path = format!("/v1/subjects/{oid}/access");
    let asked = post(&api, &path, &job, &json!({}));
    asked.1["id"].as_str().unwrap().to_owned()
}

fn addressed(place: &Place, email: &str) -> String {
    asks(place, &json!({ "email": email }))
}

/// Where the request stands, once it is there: mail goes beside what has requests carried out.
fn once(place: &Place, request: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let patience = Instant::now() + PATIENCE;
    loop {
        let shown = place.run(&["request", "show", request, "--json"]).json();
        if is_so(&shown) {
            return shown;
        }
        assert!(Instant::now() < patience, "{shown}");
    }
}

fn notified(place: &Place, request: &str) {
    once(place, request, |shown| shown["state"] == "notified");
}

fn failed(place: &Place, request: &str, code: &str) {
    let shown = once(place, request, |shown| shown["failure"] == code);
    assert_eq!(shown["state"], "ready");
}

/// The lines of a mail's head that make it the same mail, and its text.
fn identity(mail: &Value) -> Vec<String> {
    let text = mail["text"].as_str().unwrap();
    let is_it = |line: &&str| {
        ["Message-ID:", "Date:", "To:", "Subject:"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    text.split("\r\n")
        .filter(is_it)
        .map(str::to_owned)
        .collect()
}

#[test]
fn who_asked_gets_one_mail_with_a_link_and_nothing_of_theirs() {
    let Some((place, server, mut mail)) = writing() else {
        return;
    };
    let name = json!({ "email": "ok@mail.example", "last_name": "Lovelace" });
    let request = asks(&place, &name);
    place.run(&["request", "run"]).ok();
    notified(&place, &request);
    place.run(&["request", "run"]).ok();
    let sent = mail.next();
    assert_eq!(sent["to"], json!(["ok@mail.example"]));
    let text = sent["text"].as_str().unwrap();
    assert!(text.contains("https://me.books.example/me/copy"), "{text}");
    assert!(text.contains(&request), "{text}");
    assert!(!text.contains("Lovelace"), "{text}");
    let id = format!("Message-ID: <copy-{request}@books.example>");
    assert!(identity(&sent).contains(&id), "{text}");
    assert_eq!(mail.count(), 1);
    let said = server.said();
    assert!(!said.contains("mail.example"), "{said}");
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.run(&["audit", "verify"]).ok();
}

#[test]
fn a_mail_server_that_defers_delays_and_one_that_refuses_or_hangs_loses_no_file() {
    let Some((place, server, mut mail)) = writing() else {
        return;
    };
    let once_deferred = addressed(&place, "once@mail.example");
    let refused = addressed(&place, "refuse@mail.example");
    let hung = addressed(&place, "hang@mail.example");
    let nowhere = asks(&place, &json!({ "last_name": "Lovelace" }));
    place.run(&["request", "run"]).ok();
    failed(&place, &once_deferred, "mail_deferred");
    failed(&place, &refused, "mail_refused");
    failed(&place, &nowhere, "no_address");
    failed(&place, &hung, "mail_deferred");
    let shown = place.run(&["request", "show", &refused]).ok();
    let why = "nobody was told: the mail server refuses mail to their address for good";
    assert!(shown.contains(why), "{shown}");
    let shown = place.run(&["request", "show", &nowhere]).ok();
    let why = "nobody was told: no address of theirs is held here";
    assert!(shown.contains(why), "{shown}");

    // What was put off is tried again, and what hangs holds up neither that nor whoever asks meanwhile.
    place.run(&["request", "run"]).ok();
    notified(&place, &once_deferred);
    let later = addressed(&place, "ok@mail.example");
    place.run(&["request", "run"]).ok();
    notified(&place, &later);
    let to = [mail.next(), mail.next()].map(|mail| mail["to"][0].as_str().unwrap().to_owned());
    assert_eq!(to, ["once@mail.example", "ok@mail.example"]);
    for request in [&once_deferred, &refused, &hung, &nowhere] {
        let out = place.path(&format!("{request}.zip"));
        let fetch = ["request", "file", request, "--as", "job", "--out"];
        place
            .run(&[&fetch[..], &[out.to_str().unwrap()]].concat())
            .ok();
    }
    assert_eq!(mail.count(), 1);
    let said = server.said();
    assert!(!said.contains("mail.example"), "{said}");
}

/// The mail server has answered, and the executable is killed before it knows: the same mail comes once more.
#[test]
fn a_mail_whose_answer_was_lost_with_the_server_comes_again_as_the_same() {
    let Some((place, server, mut mail)) = writing() else {
        return;
    };
    let request = addressed(&place, "hold@mail.example");
    place.run(&["request", "run"]).ok();
    let first = mail.next();
    // It stands still while the answer comes, and never gets to read it.
    let pid = Pid::from_raw(server.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    mail.answer();
    server.kill();

    let server = place.server(&["serve"]);
    let shown = place.run(&["request", "show", &request, "--json"]).json();
    assert_eq!(
        (&shown["state"], &shown["failure"]),
        (&json!("ready"), &json!("server_stopped"))
    );
    place.run(&["request", "run"]).ok();
    notified(&place, &request);
    let second = mail.next();
    assert_eq!(identity(&first).len(), 4);
    assert_eq!(identity(&first), identity(&second));
    place.run(&["request", "run"]).ok();
    assert_eq!(mail.count(), 1);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.run(&["audit", "verify"]).ok();
}

/// Everybody is told at least once, however often the server is killed meanwhile, and who is told twice gets the same mail.
#[test]
fn a_server_that_is_killed_at_any_moment_tells_everybody() {
    let kills = if is_long() { 500 } else { 25 };
    let Some((place, mut server, mut mail)) = writing() else {
        return;
    };
    let mut random = 1_u64;
    let mut requests = BTreeSet::new();
    for kill in 0..kills {
        requests.insert(addressed(&place, &format!("ok{kill}@mail.example")));
        let mut run = place.command(&["request", "run"]);
        let run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        std::thread::park_timeout(Duration::from_millis((random >> 33) % 400));
        server.kill();
        run.unwrap().wait().unwrap();
        server = place.server(&["serve"]);
    }
    for request in &requests {
        once(&place, request, |shown| {
            place.run(&["request", "run"]).ok();
            shown["state"] == "notified"
        });
    }
    let mut mails: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sent in mail.rest() {
        let identity = identity(&sent);
        let id = identity.iter().find(|line| line.starts_with("Message-ID:"));
        let first = mails.entry(id.unwrap().clone()).or_insert(identity.clone());
        assert_eq!(*first, identity);
    }
    let told: BTreeSet<String> = mails.into_keys().collect();
    let id = |request: &String| format!("Message-ID: <copy-{request}@books.example>");
    assert_eq!(told, requests.iter().map(id).collect());
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.run(&["audit", "verify"]).ok();
}

/// The link in a mail, whatever the mail was encoded with.
fn link(mail: &Value) -> String {
    let text = mail["text"].as_str().unwrap();
    let text = text.replace("=\r\n", "").replace("=3D", "=");
    let (_, rest) = text.split_once("/me/login/link?code=").unwrap();
    let code: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!(code.len(), 64, "{text}");
    code
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &str) -> String {
    let set = answer
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    let pairs: Vec<&str> = set.filter_map(|cookie| cookie.split(';').next()).collect();
    pairs.join("; ")
}

#[test]
fn a_person_logs_in_by_a_link_that_came_by_mail() {
    let Some((place, server, mut mail)) = writing() else {
        return;
    };
    addressed(&place, "ok@mail.example");
    let api = place.said_in_file("api");
    let page = browse(&api, "GET", "/me/login", "", "");
    assert!(page.contains("Send me a link"), "{page}");
    let ask = |email: &str| {
        browse(
            &api,
            "POST",
            "/me/login/mail",
            "",
            &format!("email={email}"),
        )
    };
    let unknown = ask("nobody%40mail.example");
    let asked = ask("ok%40mail.example");
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&unknown), body(&asked));
    let sent = mail.next();
    assert_eq!(sent["to"], json!(["ok@mail.example"]));
    let code = link(&sent);
    let page = browse(&api, "GET", &format!("/me/login/link?code={code}"), "", "");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("referrer-policy: no-referrer"), "{page}");
    let spend = |cookie: &str| {
        browse(
            &api,
            "POST",
            "/me/login/link",
            cookie,
            &format!("code={code}"),
        )
    };
    for other in [String::new(), cookies(&unknown)] {
        let refused = spend(&other);
        assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    }
    let inside = spend(&cookies(&asked));
    assert!(inside.starts_with("HTTP/1.1 303"), "{inside}");
    let own = browse(&api, "GET", "/me", &cookies(&inside), "");
    assert!(own.starts_with("HTTP/1.1 200"), "{own}");
    let again = spend(&cookies(&asked));
    assert!(again.starts_with("HTTP/1.1 403"), "{again}");
    assert_eq!(mail.count(), 1);
    let said = server.said();
    assert!(
        !said.contains("mail.example") && !said.contains(&code),
        "{said}"
    );
}

#[test]
fn what_a_login_by_mail_needs_is_said_beforehand() {
    let place = Place::new();
    place.init(&[]);
    let without = fs::read_to_string(place.dir().join("privet.toml")).unwrap();
    let map = fs::read_to_string(place.dir().join("datamap.toml")).unwrap();
    let all = settings(1).replace("password_file = \"mail.password\"\n", "");
    let all = all.replace("user = \"privet\"\n", "");
    let (_, people) = all.split_once("[people]").unwrap();
    let no_contact = map.replace("contact = true\n", "");
    let no_lookup = map.replace("lookup = { unique = true }\ncontact", "contact");
    let cases = [
        (
            format!("[people]{people}"),
            &map,
            "needs that mail is sent: add [mail]",
        ),
        (
            all.clone(),
            &no_contact,
            "add `contact = true` to the field that holds it",
        ),
        (
            all.clone(),
            &no_lookup,
            "add `lookup = { unique = true }` to `email`",
        ),
    ];
    for (more, map, found) in cases {
        place.edit("privet.toml", |_| format!("{without}\n{more}"));
        place.edit("datamap.toml", |_| map.clone());
        let checked = place.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{checked:?}");
        assert!(checked.stdout.contains(found), "{found}: {checked:?}");
        let refused = place.run(&["serve"]).failed();
        assert!(refused.contains(found), "{found}: {refused}");
    }
    place.edit("privet.toml", |_| format!("{without}\n{all}"));
    place.edit("datamap.toml", |_| map.clone());
    let checked = place.run(&["check"]).ok();
    let note = "people are written to at the address that the vault holds as `email`";
    assert!(checked.contains(note), "{checked}");
}
