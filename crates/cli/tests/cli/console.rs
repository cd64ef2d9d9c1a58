//! `privet console`: from a pipe, and through TLS.

use std::fs::{self, File};
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Place, Ran};

pub(crate) const WHY: [&str; 4] = [
    "--reason",
    "how many are there?",
    "--link",
    "https://tickets.example.com/3",
];

/// Runs statements from standard input.
pub(crate) fn script(place: &Place, arguments: &[&str], statements: &str) -> Ran {
    let path = place.path("script.sql");
    fs::write(&path, statements).unwrap();
    let mut command = place.command(&["console"]);
    Ran::of(command.args(arguments).stdin(File::open(&path).unwrap()))
}

#[test]
fn scripts_run_to_their_end_or_their_first_error() {
    let place = Place::new();
    let _server = place.demo(&["--customers", "3"]);
    let count = "SELECT count(*) AS customers FROM customer;\n";
    let first = script(&place, &WHY, count);
    assert!(first.stderr.contains("· protected session"), "{first:?}");
    assert!(first.stdout.contains("│         3 │"), "{first:?}");
    assert!(!first.stdout.contains('·'), "{first:?}");
    // The same reason within the same session joins it.
    script(&place, &WHY, count).ok();

    let failed = script(&place, &WHY, "SELECT 1;\nSELECT nosuch;\nSELECT 'never';");
    assert!(
        failed.stdout.contains("│ 1 │") && !failed.stdout.contains("never"),
        "{failed:?}"
    );
    assert!(failed.failed().contains("no such column: nosuch"));
    let asks = script(&place, &WHY, "decrypt!\nSELECT 'never';");
    assert!(!asks.stdout.contains("never"), "{asks:?}");
    assert!(asks.failed().contains("CALL privet.decrypt(consent =>"));
    let unknown = script(&place, &WHY, "\\nosuch\n").failed();
    assert!(unknown.contains("no command `\\nosuch`"), "{unknown}");
}

#[test]
fn programs_get_an_object_per_result() {
    let place = Place::new();
    let _server = place.demo(&["--customers", "3"]);
    let statements = "SELECT customer_id, NULL AS absent FROM customer ORDER BY 1 LIMIT 2;\n\
                      UPDATE product SET name = name WHERE 0;\n\\s\n";
    let ran = script(&place, &[&WHY[..], &["--json"]].concat(), statements);
    let lines: Vec<Value> = ran
        .ok()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            json!({ "columns": ["customer_id", "absent"], "rows": [["1", null], ["2", null]] }),
            json!({ "changed": 0 }),
        ]
    );
}

/// A certificate for `name` that signs itself.
fn certificate(folder: &Path, file: &str, name: &str) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let parameters = rcgen::CertificateParams::new(vec![name.into()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    fs::write(folder.join(format!("{file}.crt")), certificate.pem()).unwrap();
    fs::write(folder.join(format!("{file}.pem")), key.serialize_pem()).unwrap();
}

/// A server whose gateway shows a certificate for `localhost` where `name` is expected.
fn tls_place(name: &str) -> Place {
    let place = Place::new();
    place.init(&[]);
    certificate(&place.dir(), "server", "localhost");
    certificate(&place.dir(), "other", "localhost");
    let tls = format!(
        "tls = {{ certificate = \"server.crt\", key = \"server.pem\", name = \"{name}\" }}"
    );
    place.edit("privet.toml", |text| {
        let (before, after) = text.split_once("[gateway]").unwrap();
        let after = after.replace("127.0.0.1:0\"\n", &format!("0.0.0.0:0\"\n{tls}\n"));
        format!("{before}[gateway]{after}")
    });
    place
}

fn issued(place: &Place) -> (String, String) {
    place.run(&["token", "issue", "on_call", "--keep"]).ok();
    let said = fs::read(place.dir().join("server.json")).unwrap();
    let said: Value = serde_json::from_slice(&said).unwrap();
    let (_, port) = said["gateway"].as_str().unwrap().rsplit_once(':').unwrap();
    let token = fs::read_to_string(place.dir().join("tokens/on_call")).unwrap();
    (port.to_owned(), token.trim().to_owned())
}

#[test]
fn a_gateway_with_a_certificate_is_reached_through_tls_alone() {
    let place = tls_place("localhost");
    let _server = place.server(&["serve"]);
    let (port, token) = issued(&place);
    let asks = "SHOW server_version;\n";
    let trusted = script(&place, &WHY, asks).ok();
    assert!(trusted.contains("(Privet)"), "{trusted}");

    let other = place.dir().join("other.crt");
    let untrusted = script(
        &place,
        &[&WHY[..], &["--ca", other.to_str().unwrap()]].concat(),
        asks,
    );
    let said = untrusted.failed();
    assert!(
        said.contains("no trusted connection") && said.contains("--ca FILE"),
        "{said}"
    );
    let missing = script(&place, &[&WHY[..], &["--ca", "missing.crt"]].concat(), asks).failed();
    assert!(
        missing.contains("`missing.crt` cannot be used"),
        "{missing}"
    );

    // The same from elsewhere, where there is no folder.
    let own = place.dir().join("server.crt");
    let elsewhere = |host: &str, ca: &Path| {
        let path = place.path("script.sql");
        fs::write(&path, asks).unwrap();
        let gateway = format!("{host}:{port}");
        let mut command = crate::support::privet();
        command
            .args([
                "console",
                "shop",
                "--user",
                "on_call",
                "--gateway",
                &gateway,
                "--ca",
            ])
            .arg(ca)
            .args(WHY)
            .env("PRIVET_TOKEN", &token)
            .stdin(File::open(&path).unwrap());
        Ran::of(&mut command)
    };
    let reached = elsewhere("localhost", &own).ok();
    assert!(reached.contains("(Privet)"), "{reached}");
    let wrong_name = elsewhere("127.0.0.1", &own).failed();
    assert!(
        wrong_name.contains("its certificate is not for `127.0.0.1`"),
        "{wrong_name}"
    );
    let untrusted = elsewhere("localhost", &other).failed();
    assert!(untrusted.contains("--ca FILE"), "{untrusted}");
    for said in [&reached, &wrong_name, &untrusted] {
        assert!(!said.contains(&token), "{said}");
    }
}

#[test]
fn the_configured_name_is_checked() {
    let place = tls_place("privet.example");
    let _server = place.server(&["serve"]);
    issued(&place);
    let said = script(&place, &WHY, "SHOW server_version;\n").failed();
    assert!(
        said.contains("its certificate is not for `privet.example`"),
        "{said}"
    );
}

#[test]
fn a_gateway_without_tls_gets_nothing_from_who_asks_for_it() {
    let place = Place::new();
    let _server = place.demo(&["--customers", "3"]);
    certificate(&place.dir(), "some", "localhost");
    let ca = place.dir().join("some.crt");
    let ca = ca.to_str().unwrap();
    let said = script(&place, &[&WHY[..], &["--ca", ca]].concat(), "SELECT 1;").failed();
    assert!(said.contains("--ca is of no use"), "{said}");
    let facts = place.facts();
    let gateway = facts["gateway"].as_str().unwrap();
    let arguments = [
        "shop",
        "--gateway",
        gateway,
        "--user",
        "on_call",
        "--ca",
        ca,
    ];
    let said = script(&place, &[&WHY[..], &arguments].concat(), "SELECT 1;").failed();
    assert!(
        said.contains("does not speak TLS: nothing was sent"),
        "{said}"
    );
    // On this machine it needs none.
    let plain = ["shop", "--gateway", gateway, "--user", "on_call"];
    script(&place, &[&WHY[..], &plain].concat(), "SELECT 1;").ok();
}
