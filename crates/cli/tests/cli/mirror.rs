//! The log's mirror as operators have it: required, compared at each start, and there when the stores are put back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Place, Server, get, is_long, post};

/// A folder made by `privet init` for production, whose mirror is in `place`.
fn place_with(mirror: Option<&str>) -> Place {
    let place = Place::new();
    place.init(&["--environment", "prod", "--tenant", "acme"]);
    place.edit("privet.toml", |text| {
        let text = text.replace("development = true", "development = false");
        match mirror {
            None => text,
            Some(mirror) => format!("{text}\n[log.mirror]\nplace = \"{mirror}\"\n"),
        }
    });
    place
}

#[test]
fn without_a_mirror_nothing_is_served_outside_of_development() {
    let place = place_with(None);
    let said = place.run(&["serve"]).failed();
    assert!(
        said.contains("under [log.mirror] of `privet.toml`"),
        "{said}"
    );
    assert!(!place.dir().join("stores").exists(), "nothing is made");
    let report = problems(&place);
    assert!(report.contains("the log has no mirror"), "{report}");

    let place = place_with(Some("/nowhere/at all"));
    let said = place.run(&["serve"]).failed();
    assert!(said.contains("mount the disk that holds it"), "{said}");
    let report = problems(&place);
    assert!(
        report.contains("`/nowhere/at all` is not there"),
        "{report}"
    );

    let place = place_with(Some("ftp://host/logs"));
    let report = problems(&place);
    assert!(report.contains("use a folder, `s3://…`"), "{report}");
}

/// What `privet check` has to say against a folder.
fn problems(place: &Place) -> String {
    let ran = place.run(&["check", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    report["problems"].to_string()
}

/// A folder for production with a mirror beside it, and the mirror's log.
fn mirrored() -> (Place, PathBuf) {
    let place = place_with(Some("../mirror"));
    let mirror = place.path("mirror");
    fs::create_dir(&mirror).unwrap();
    let report = place.run(&["check", "--json"]).json();
    let notes = report["notes"].to_string();
    assert!(
        notes.contains("is on the same disk as the stores"),
        "{notes}"
    );
    let settings = fs::read_to_string(place.dir().join("privet.toml")).unwrap();
    let origin = settings
        .lines()
        .find_map(|line| line.strip_prefix("origin = "));
    let origin: String = toml::from_str::<toml::Table>(&format!("origin = {}", origin.unwrap()))
        .unwrap()["origin"]
        .as_str()
        .unwrap()
        .to_owned();
    (place, mirror.join(privet_mirror::folder_name(&origin)))
}

struct Client {
    api: String,
    job: String,
    operator: String,
}

impl Client {
    fn of(place: &Place) -> Self {
        let token = |name: &str| {
            let path = place.dir().join("tokens").join(name);
            // Those of a week ago are in the key store of a week ago.
            if !path.exists() {
                place.run(&["token", "issue", name, "--keep"]).ok();
            }
            fs::read_to_string(path).unwrap().trim().to_owned()
        };
        Self {
            api: place.said_in_file("api"),
            job: token("job"),
            operator: token("operator"),
        }
    }

    fn create(&self, email: &str) -> String {
        let body = json!({ "fields": { "email": email } });
        let (status, answer) = post(&self.api, "/v1/subjects", &self.job, &body);
        assert_eq!(status, 201, "{answer}");
        answer["oid"].as_str().unwrap().to_owned()
    }

    fn close(&self, oid: &str) -> (u16, Value) {
        let path = format!("/v1/subjects/{oid}/close");
        post(&self.api, &path, &self.operator, &json!({}))
    }

    /// Closes, and waits until that is confirmed: by the answer, or on a slow machine some time after it.
    fn close_confirmed(&self, oid: &str) {
        let (status, closed) = self.close(oid);
        let confirmed = status == 200;
        assert!(confirmed || status == 202, "{closed}");
        assert_eq!(closed["confirmed"], confirmed, "{closed}");
        let until = Instant::now() + PATIENCE;
        while !get(&self.api, "/metrics").contains("privet_audit_mirror_entries_behind 0\n") {
            assert!(Instant::now() < until, "the mirror stays behind");
        }
    }

    fn reveal(&self, oid: &str) -> (u16, String) {
        let body = json!({ "subjects": [oid], "fields": ["email"], "purpose": "service" });
        let (status, answer) = post(&self.api, "/v1/reveal", &self.job, &body);
        (status, answer.to_string())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn served(place: &Place) -> Server {
    place.server(&["serve"])
}

#[test]
fn all_three_stores_of_last_week_bring_nobody_back() {
    let (place, mirror) = mirrored();
    let server = served(&place);
    let client = Client::of(&place);
    let (ada, bob) = (
        client.create("ada@example.com"),
        client.create("bob@example.com"),
    );
    assert_eq!(server.stop(Signal::TERM), Some(0));
    let (stores, week_ago) = (place.dir().join("stores"), place.path("week ago"));
    copy(&stores, &week_ago);

    let server = served(&place);
    let api = Client::of(&place);
    api.close_confirmed(&ada);
    // At this moment, whatever becomes of the process.
    server.kill();
    fs::remove_dir_all(&stores).unwrap();
    copy(&week_ago, &stores);

    // Without its mirror it opens nothing.
    let aside = place.path("aside");
    fs::rename(place.path("mirror"), &aside).unwrap();
    place.run(&["serve"]).failed();
    fs::rename(&aside, place.path("mirror")).unwrap();

    let server = served(&place);
    let client = Client::of(&place);
    let (status, answer) = client.reveal(&ada);
    assert!(status == 404 && !answer.contains("ada@"), "{answer}");
    assert_eq!(client.close(&ada).0, 404);
    let (status, answer) = client.reveal(&bob);
    assert!(
        status == 200 && answer.contains("bob@example.com"),
        "{answer}"
    );
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.run(&["audit", "verify"]).ok();
    place
        .run(&["audit", "verify", mirror.to_str().unwrap()])
        .ok();
}

/// Killed at any moment of its work, it leaves a mirror that a start goes on from, and never one that verifies no more.
#[test]
fn a_server_that_is_killed_while_it_writes_its_mirror_goes_on() {
    let (place, mirror) = mirrored();
    let kills = if is_long() { 60 } else { 8 };
    let mut confirmed: Vec<String> = Vec::new();
    for kill in 0..kills {
        let server = served(&place);
        let client = Client::of(&place);
        // Later each time, so that another part of the work is hit.
        let until = Instant::now() + Duration::from_millis(40 * kill);
        let mut person = 0;
        loop {
            let oid = client.create(&format!("person{kill}.{person}@example.com"));
            client.close_confirmed(&oid);
            confirmed.push(oid);
            person += 1;
            if Instant::now() >= until {
                break;
            }
        }
        // Something is on its way whenever that is.
        let body = json!({ "fields": { "email": format!("last{kill}@example.com") } });
        let (api, job) = (client.api.clone(), client.job.clone());
        let sending = std::thread::spawn(move || {
            // Whether it is answered before the end is not known.
            let _ = std::panic::catch_unwind(|| post(&api, "/v1/subjects", &job, &body));
        });
        server.kill();
        sending.join().unwrap();
        let path = mirror.to_str().unwrap();
        place.run(&["audit", "verify", path]).ok();
    }
    let server = served(&place);
    let client = Client::of(&place);
    for oid in &confirmed {
        assert_eq!(client.close(oid).0, 404);
    }
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.run(&["audit", "verify"]).ok();
    place
        .run(&["audit", "verify", mirror.to_str().unwrap()])
        .ok();
}
