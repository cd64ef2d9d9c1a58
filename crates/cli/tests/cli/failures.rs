//! What goes wrong, said so that a person knows what to do. A person reviews these texts when they change.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use privet_store::SqliteStores;
use privet_tlog::note::SigningKey;
use privet_vault::audit::{AuditLimits, AuditLog};
use privet_vault::{Clock, ThreadEntropy};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{PATIENCE, Place, Ran, post, privet, with_any_ports};

/// What a server says that does not come to serve.
fn refusal(place: &Place) -> String {
    match place.start(&["serve"]).ready(PATIENCE) {
        Ok(_) => panic!("it serves"),
        Err(starting) => place.redacted(&starting.end()),
    }
}

#[test]
fn without_a_folder() {
    let place = Place::new();
    let mut said = String::new();
    let empty = place.path("empty");
    fs::create_dir(&empty).unwrap();
    let commands: [&[&str]; 3] = [&["serve"], &["token", "list"], &["check", "--json"]];
    for command in commands {
        let ran = Ran::of(privet().current_dir(&empty).args(command));
        said.push_str(&format!(
            "$ privet {}\n{}\n",
            command.join(" "),
            ran.failed()
        ));
    }
    fs::create_dir(empty.join("privet-demo")).unwrap();
    fs::write(empty.join("privet-demo/privet.toml"), "").unwrap();
    let ran = Ran::of(privet().current_dir(&empty).args(["session", "list"]));
    said.push_str(&format!("$ privet session list\n{}", ran.failed()));
    insta::assert_snapshot!("without_a_folder", said);
}

#[test]
fn without_a_server_or_a_token() {
    let place = Place::new();
    place.init(&[]);
    let mut said = String::new();
    for command in [
        &["token", "list"][..],
        &["adopt", "shop"],
        &["console"],
        &["audit", "tail"],
    ] {
        let failed = place.redacted(&place.run(command).failed());
        said.push_str(&format!("$ privet {}\n{failed}\n", command.join(" ")));
    }
    let _server = place.server(&["serve"]);
    std::fs::remove_file(place.dir().join("tokens/auditor")).unwrap();
    let failed = place.redacted(&place.run(&["session", "list"]).failed());
    said.push_str(&format!("$ privet session list\n{failed}"));
    insta::assert_snapshot!("without_a_server_or_a_token", said);
}

#[test]
fn files_that_are_not_right() {
    let place = Place::new();
    place.init(&[]);
    let mut said = String::new();
    let mut wrong = |name: &str, change: &dyn Fn(String) -> String| {
        let path = place.dir().join(name);
        let right = fs::read_to_string(&path).unwrap();
        place.edit(name, change);
        said.push_str(&format!("{name}:\n{}\n", refusal(&place)));
        fs::write(&path, right).unwrap();
    };
    wrong("privet.toml", &|text| text.replace("tenant =", "tenent ="));
    wrong("privet.toml", &|text| {
        text.replace("shop.sqlite", "gone.sqlite")
    });
    wrong("datamap.toml", &|text| {
        text.replace("number = 2", "number = 1")
    });
    wrong("datamap.toml", &|text| {
        text.replace(r#"from = "invoice_date""#, r#"from = "closure""#)
    });
    wrong("policy/staff.cedar", &|text| {
        text.replace("principal", "principle")
    });
    wrong("policy/principals.toml", &|text| {
        text.replace("[\"service\"]", "[\"servize\"]")
    });
    wrong("privet.toml", &|text| {
        text.replace("[sources.shop]", "[sources.till]")
    });
    wrong("log.key", &|_| "not a key".to_owned());
    wrong("root.key", &|_| "not a key".to_owned());
    insta::assert_snapshot!("files_that_are_not_right", said);
    // And with everything as it was, it serves.
    place.server(&["serve"]).stop(Signal::TERM);
}

#[test]
fn a_key_file_that_others_may_read() {
    let place = Place::new();
    place.init(&[]);
    let key = place.dir().join("root.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let checked = place.run(&["check"]);
    assert!(checked.stdout.contains("has mode 0644"), "{checked:?}");
    insta::assert_snapshot!("a_key_file_that_others_may_read", refusal(&place));
}

#[test]
fn a_root_key_under_a_passphrase() {
    let place = Place::new();
    let shop = place.path("shop.sqlite");
    privet_source::sample::create_shop(&shop, 1, 5).unwrap();
    let init = ["init", "--passphrase-env", "PASSPHRASE"];
    let unset = place.redacted(&place.run(&init).failed());
    let made = Ran::of(place.command(&init).env("PASSPHRASE", "correct horse"));
    made.ok();
    place.edit("privet.toml", |text| {
        text.replace(":7300", ":0").replace(":7432", ":0")
    });
    let serve = |passphrase: Option<&str>| {
        let mut command = place.command(&["serve"]);
        if let Some(passphrase) = passphrase {
            command.env("PASSPHRASE", passphrase);
        }
        place.redacted(&Ran::of(&mut command).failed())
    };
    let said = format!(
        "not set at init:\n{unset}\nnot set:\n{}\nwrong:\n{}",
        serve(None),
        serve(Some("battery staple"))
    );
    insta::assert_snapshot!("a_root_key_under_a_passphrase", said);
}

#[test]
fn stores_of_another_environment_or_root_key() {
    let place = Place::new();
    place.init(&["--environment", "dev"]);
    place.server(&["serve"]).stop(Signal::TERM);
    let mut said = String::new();
    place.edit("privet.toml", |text| {
        text.replace("environment = \"dev\"", "environment = \"prod\"")
    });
    said.push_str(&format!("another environment:\n{}\n", refusal(&place)));
    place.edit("privet.toml", |text| {
        text.replace("environment = \"prod\"", "environment = \"dev\"")
    });
    let (key, kept) = (place.dir().join("root.key"), place.path("kept"));
    fs::rename(&key, &kept).unwrap();
    let other = privet_seal::FileKeyProvider::create(&ThreadEntropy);
    fs::write(&key, other.encode(&ThreadEntropy)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    said.push_str(&format!("another root key:\n{}", refusal(&place)));
    insta::assert_snapshot!("stores_of_another_environment_or_root_key", said);
    fs::rename(&kept, &key).unwrap();
    place.server(&["serve"]).stop(Signal::TERM);
}

#[test]
fn two_servers_on_one_store() {
    let place = Place::new();
    place.init(&[]);
    let server = place.server(&["serve"]);
    let second = place.redacted(&place.run(&["serve"]).failed());
    insta::assert_snapshot!("two_servers_on_one_store", second);
    place.run(&["token", "list"]).ok();
    assert_eq!(server.stop(Signal::TERM), Some(0));
}

#[test]
fn a_port_that_is_taken() {
    let place = Place::new();
    place.init(&[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    place.edit("privet.toml", |text| {
        text.replacen("127.0.0.1:0", &address, 1)
    });
    let said = refusal(&place).replace(&address, "ADDRESS");
    // The first token is news, not a failure.
    let said: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("made a first"))
        .collect();
    insta::assert_snapshot!("a_port_that_is_taken", said.join("\n"));
}

#[test]
fn a_store_from_a_newer_version() {
    let place = Place::new();
    place.init(&[]);
    place.server(&["serve"]).stop(Signal::TERM);
    let mut said = String::new();
    for name in ["data", "keys", "log"] {
        let path = place.dir().join(format!("stores/{name}.sqlite"));
        let right = fs::read(&path).unwrap();
        let mut newer = right.clone();
        // `PRAGMA user_version`: the database header's bytes 60 to 63 (SQLite file format, section 1.3).
        newer[60..64].copy_from_slice(&999_u32.to_be_bytes());
        fs::write(&path, newer).unwrap();
        said.push_str(&format!("{name}:\n{}\n", refusal(&place)));
        fs::write(&path, right).unwrap();
    }
    insta::assert_snapshot!("a_store_from_a_newer_version", said);
    place.server(&["serve"]).stop(Signal::TERM);
}

/// A clock that is a day ahead.
struct Ahead;

impl Clock for Ahead {
    #[expect(
        clippy::disallowed_methods,
        reason = "the server under test reads the wall clock"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now() + Duration::from_secs(24 * 3_600)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_clock_that_went_back() {
    let place = Place::new();
    place.init(&["--environment", "demo"]);
    place.server(&["serve"]).stop(Signal::TERM);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let stores = SqliteStores::open(&place.dir().join("stores")).unwrap();
        let key = fs::read_to_string(place.dir().join("log.key")).unwrap();
        let log = AuditLog::start(
            stores.log,
            "privet.example/demo/1".to_owned(),
            "demo".parse().unwrap(),
            SigningKey::from_secret_text(key.trim()).unwrap(),
            Arc::new(Ahead),
            Arc::new(ThreadEntropy),
            AuditLimits::default(),
        );
        log.await.unwrap().shutdown().await;
    });
    drop(runtime);
    let said = refusal(&place);
    assert!(said.contains("set the clock right"), "{said}");
    assert!(
        said.contains("the last entry of the audit log is of"),
        "{said}"
    );
}

/// A disk of its own for the stores, full but for a little, in a mount namespace of the server's own.
const SMALL_DISK: &str = r#"
    mount -t tmpfs -o size=4m small "$1" && cp -a "$2"/stores/. "$1" &&
    head -c 2m /dev/zero > "$1"/filler && shift && shift && exec "$@""#;

#[test]
fn a_disk_that_is_really_full() {
    let place = Place::new();
    let server = place.demo(&["--customers", "3"]);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    let small = place.path("small");
    fs::create_dir(&small).unwrap();
    let namespace = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount"]);
        unshare.args(command);
        unshare
    };
    let may = namespace(&["mount", "-t", "tmpfs", "small", "/mnt"]).output();
    if !may.is_ok_and(|ran| ran.status.success()) {
        writeln!(
            std::io::stderr(),
            "\nSKIPPED: a_disk_that_is_really_full (this system gives no mount namespaces)"
        )
        .unwrap();
        return;
    }
    place.edit("privet.toml", |text| {
        format!("{text}\n[stores]\nfolder = \"../small\"\n")
    });
    let mut command = namespace(&["sh", "-c", SMALL_DISK, "sh"]);
    command.arg(&small).arg(place.dir());
    command.arg(privet().get_program());
    command.args(with_any_ports(&["--dir"])).arg(place.dir());
    let server = match place.spawn(command).ready(PATIENCE) {
        Ok(server) => server,
        Err(starting) => panic!("{}", starting.end()),
    };

    let facts = place.facts();
    let fact = |path: &str| facts.pointer(path).unwrap().as_str().unwrap();
    let reveal = || {
        let request = json!({
            "subjects": [fact("/sample/oid")], "fields": ["email"], "purpose": "service",
            "reason": "x".repeat(4_000)
        });
        post(fact("/api"), "/v1/reveal", fact("/tokens/job"), &request)
    };
    let refused = (0..2_000)
        .map(|_| reveal())
        .find(|(status, _)| *status != 200);
    let (status, problem) = refused.expect("2 MiB are not filled by 8 MB");
    assert_eq!(
        (status, problem["code"].as_str()),
        (503, Some("audit_disk_full")),
        "{problem}"
    );
    let console = place.psql(
        "on_call",
        &["CALL privet.justify('customer cannot sign in')"],
    );
    assert!(console.stderr.contains("disk"), "{console:?}");
    // Room is made from outside, as an operator would; the server goes on by itself.
    let inside = format!("/proc/{}/root{}/filler", server.pid(), small.display());
    fs::remove_file(inside).unwrap();
    let again = (0..100)
        .map(|_| reveal())
        .find(|(status, _)| *status == 200);
    assert!(again.is_some(), "{}", server.said());
    assert_eq!(server.stop(Signal::TERM), Some(0));
}

#[test]
fn a_full_disk() {
    let place = Place::new();
    let server = place.demo(&["--customers", "3"]);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.edit("privet.toml", |text| {
        format!("{text}\n[stores]\nfile_mib_max = 1\n")
    });
    let server = place.demo(&[]);
    let facts = place.facts();
    let token = facts["tokens"]["job"].as_str().unwrap();
    let reveal = |reason_chars| {
        let request = json!({
            "subjects": [facts["sample"]["oid"]], "fields": ["email"], "purpose": "service",
            "reason": "x".repeat(reason_chars)
        });
        let api = facts["api"].as_str().unwrap();
        post(api, "/v1/reveal", token, &request)
    };
    // First with what is large, then with what is small, so that there is room for nothing.
    let refused = [4_000, 1].map(|chars| {
        (0..2_000)
            .map(|_| reveal(chars))
            .find(|(status, _)| *status != 200)
    });
    let [_, Some((status, problem))] = refused else {
        panic!("a MiB is not filled by 8 MB")
    };
    assert_eq!(
        (status, problem["code"].as_str()),
        (503, Some("audit_disk_full")),
        "{problem}"
    );
    assert!(
        problem.get("subjects").is_none(),
        "nothing was revealed: {problem}"
    );
    // The server lives, says so, and stops in order.
    assert_eq!(server.stop(Signal::TERM), Some(0));
    let starting = place.start(&with_any_ports(&[])).ready(PATIENCE);
    let said = starting.err().expect("it serves without a log").end();
    assert!(
        said.contains("disk is full: make room, it then goes on by itself"),
        "{said}"
    );

    place.edit("privet.toml", |text| {
        text.replace("file_mib_max = 1", "file_mib_max = 100")
    });
    let _server = place.demo(&[]);
    place.run(&["audit", "verify"]).ok();
    let facts = place.facts();
    let request = json!({
        "subjects": [facts["sample"]["oid"]], "fields": ["email"], "purpose": "service"
    });
    let api = facts["api"].as_str().unwrap();
    let again = post(api, "/v1/reveal", token, &request);
    assert_eq!(again.0, 200, "{again:?}");
}

/// Limits of grants have bounds: what is out of them is named before anything starts.
#[test]
fn a_grant_for_a_day_is_refused() {
    let place = Place::new();
    place.init(&[]);
    place.edit("privet.toml", |text| {
        text + "\n[grants]\nminutes_max = 1440\n"
    });
    for command in [&["check"][..], &["serve"]] {
        let said = place.run(command).failed();
        assert!(
            said.contains("`minutes_max` in [grants] is `1440`: it can be 1 to 480"),
            "{said}"
        );
    }
}
