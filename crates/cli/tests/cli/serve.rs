//! `privet init`, `check`, `serve`, `adopt` and `token` over one's own database, with and without TLS.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{Place, Ran, get, mode};

#[test]
fn an_environment_of_one_s_own() {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    let before = place.run(&["check", "--source", "shop"]);
    assert_eq!(before.code, Some(1));
    assert!(
        before
            .stdout
            .contains("values in plaintext: run `privet adopt shop`"),
        "{before:?}"
    );

    let server = place.server(&["serve"]);
    for name in ["operator", "auditor"] {
        let made = format!("made a first token for `{name}`");
        assert!(server.said().contains(&made), "{}", server.said());
    }
    pages(&server.said());
    let warned =
        "warning: source `shop` is not adopted, so the console shows personal data in it as it is";
    assert!(server.said().contains(warned), "{}", server.said());
    place.run(&["token", "issue", "on_call", "--keep"]).ok();
    assert!(look(&place, "is it sealed?").contains(warned));
    assert_eq!(mode(&place.dir().join("tokens/operator")), 0o600);
    let shop = fs::read(place.path("shop.sqlite")).unwrap();
    let dry = place.run(&["adopt", "shop", "--dry-run"]).ok();
    assert!(
        dry.contains("Nothing was changed. `privet adopt shop` seals"),
        "{dry}"
    );
    assert_eq!(
        fs::read(place.path("shop.sqlite")).unwrap(),
        shop,
        "nothing was changed"
    );
    let done = place.run(&["adopt", "shop"]).ok();
    assert!(done.contains("no plaintext is left"), "{done}");
    let after = place.run(&["check", "--source", "shop"]).ok();
    assert!(after.ends_with("No problems.\n"), "{after}");
    assert!(!look(&place, "and now?").contains("warning"));

    tokens(&place);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.edit("policy/principals.toml", |text| {
        text.replace("[people.auditor]", "[people.other]")
    });
    let again = place.server(&["serve"]);
    assert!(
        !again.said().contains("first token for `operator`"),
        "the operator has one"
    );
    assert!(again.said().contains("first token for `other`"));
    assert!(!again.said().contains("warning"), "{}", again.said());
    let listed = place.run(&["token", "list"]).ok();
    let states = |principal: &str| -> Vec<bool> {
        let rows = listed.lines().filter(|row| row.contains(principal));
        rows.map(|row| row.contains("not in the policy")).collect()
    };
    assert!(states("auditor").contains(&true), "{listed}");
    assert!(!states("operator").contains(&true), "{listed}");
    assert!(!listed.contains('.'), "seconds are enough: {listed}");
}

/// The first start prints a link that opens the auditor's pages.
fn pages(said: &str) {
    let (_, rest) = said
        .split_once("to read sessions as `auditor`, open ")
        .unwrap();
    let link = rest.split(' ').next().unwrap();
    let (api, path) = link.rsplit_once("/login").unwrap();
    let page = get(api, &format!("/login{path}"));
    assert!(page.contains("Log in with this link"), "{page}");
    assert!(page.contains("default-src 'none'"), "{page}");
}

/// A look with the console; answers what it said on the side.
fn look(place: &Place, reason: &str) -> String {
    let console = [
        "console",
        "--reason",
        reason,
        "--link",
        "https://tickets.example.com/5",
    ];
    let ran = Ran::of(
        place
            .command(&console)
            .stdin(fs::File::open("/dev/null").unwrap()),
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stderr
}

/// The operator gives tokens out and takes them back.
fn tokens(place: &Place) {
    fs::remove_file(place.dir().join("tokens/auditor")).unwrap();
    let none = place.run(&["session", "list"]).failed();
    assert!(none.contains("privet token issue auditor --keep"), "{none}");
    let kept = place.run(&["token", "issue", "auditor", "--keep"]).ok();
    assert!(
        !kept.contains("pvt_"),
        "a token that is kept is not shown: {kept}"
    );
    assert_eq!(mode(&place.dir().join("tokens/auditor")), 0o600);
    place.run(&["session", "list"]).ok();

    let shown = place
        .run(&["token", "issue", "auditor", "--note", "laptop"])
        .ok();
    assert!(
        shown.starts_with("pvt_staging_"),
        "nothing but the token: {shown}"
    );
    let list = |token: &str| {
        Ran::of(
            place
                .command(&["session", "list"])
                .env("PRIVET_TOKEN", token),
        )
    };
    list(shown.trim()).ok();
    let tokens = place.run(&["token", "list", "--json"]).json();
    let laptop = tokens["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["note"] == "laptop");
    place
        .run(&["token", "revoke", laptop.unwrap()["id"].as_str().unwrap()])
        .ok();
    let refused = list(shown.trim()).failed();
    assert!(
        refused.contains("that of the variable PRIVET_TOKEN"),
        "{refused}"
    );
    assert!(!refused.contains("pvt_"), "{refused}");
    let unknown = place.run(&["token", "issue", "nobody"]).failed();
    assert!(unknown.contains("(unknown_principal)"), "{unknown}");
}

/// A certificate for `localhost` that signs itself.
fn certificate(folder: &Path) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    fs::write(folder.join("server.crt"), certificate.pem()).unwrap();
    fs::write(folder.join("server.pem"), key.serialize_pem()).unwrap();
}

/// Gives both doors a certificate, and every address.
pub(crate) fn offer_tls(place: &Place) {
    certificate(&place.dir());
    let tls = "tls = { certificate = \"server.crt\", key = \"server.pem\", name = \"localhost\" }";
    place.edit("privet.toml", |text| {
        text.replace("127.0.0.1:0\"\n", &format!("0.0.0.0:0\"\n{tls}\n"))
    });
}

#[test]
fn tls_and_tokens_work_in_the_final_binary() {
    let place = Place::new();
    place.init(&[]);
    offer_tls(&place);
    let _server = place.server(&["serve"]);
    place.run(&["token", "issue", "on_call", "--keep"]).ok();
    let said = fs::read(place.dir().join("server.json")).unwrap();
    let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
    assert!(
        said["api"]
            .as_str()
            .unwrap()
            .starts_with("https://localhost:"),
        "{said}"
    );

    let token = fs::read_to_string(place.dir().join("tokens/on_call")).unwrap();
    let (_, port) = said["gateway"].as_str().unwrap().rsplit_once(':').unwrap();
    let psql = |mode: &str| {
        let root = place.dir().join("server.crt");
        Ran::of(
            Command::new("psql")
                .env("PGPASSWORD", token.trim())
                .args(["-X", "-A", "-t", "-c", "SHOW server_version"])
                .arg(format!(
                    "host=localhost hostaddr=127.0.0.1 port={port} user=on_call dbname=shop sslmode={mode} sslrootcert={}",
                    root.display()
                )),
        )
    };
    psql("verify-full").ok();
    let open = psql("disable");
    assert_ne!(
        open.code,
        Some(0),
        "without TLS only loopback is served: {open:?}"
    );
}
