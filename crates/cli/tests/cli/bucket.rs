//! Telemetry in a bucket of a real object store, from `privet.toml` and a file of credentials to the answer of a question.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use privet_buckets::{Bucket, Service};
use serde_json::Value;

use crate::query::counted;
use crate::support::{PATIENCE, Place};
use crate::telemetry::{prepared, send, subject};

/// Settings, and the file of credentials that they name.
fn settings(bucket: &Bucket, service: Service) -> (String, String) {
    let options = bucket.options();
    let value = |key: &str| {
        let found = options.iter().find(|(name, _)| name == key);
        found.unwrap().1.clone()
    };
    let credentials = match service {
        Service::Google => fs::read_to_string(value("GOOGLE_SERVICE_ACCOUNT")).unwrap(),
        _ => {
            let secret = |(name, _): &&(String, String)| name.contains("KEY");
            let lines = options.iter().filter(secret);
            lines
                .map(|(name, value)| format!("{name}={value}\n"))
                .collect()
        }
    };
    let settings = format!(
        "\n[telemetry]\nlisten = \"127.0.0.1:0\"\nstore_seconds = 1\nstore = \"{}\"\n\
         [telemetry.bucket]\nendpoint = \"{}\"\ncredentials = \"bucket.credentials\"\n",
        bucket.address(),
        bucket.endpoint(),
    );
    (settings, credentials)
}

fn write(place: &Place, credentials: &str, mode: u32) {
    let path = place.dir().join("bucket.credentials");
    fs::write(&path, credentials).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

/// `false`: the service's program is not installed.
fn works(service: Service) -> bool {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let Some(bucket) = Bucket::start(service, installed).unwrap() else {
        return false;
    };
    let (settings, credentials) = settings(&bucket, service);
    let place = prepared(&settings);
    // What others may read is not used.
    write(&place, &credentials, 0o644);
    let Err(dying) = place.start(&["serve"]).ready(PATIENCE) else {
        panic!("it serves");
    };
    let said = dying.end();
    assert!(said.contains("chmod 600"), "{said}");

    write(&place, &credentials, 0o600);
    let server = place.server(&["serve"]);
    place.run(&["token", "issue", "job", "--keep"]).ok();
    let oid = subject(&place);
    let taken = (200, Value::Null);
    assert_eq!(send(&place, "job", "order.placed", &oid), taken);
    server.kill();
    let _server = place.server(&["serve"]);
    assert_eq!(send(&place, "job", "order.placed", &oid), taken);
    let deadline = Instant::now() + PATIENCE;
    while counted(&place, "service", "job") != "events\n2\n" {
        assert!(Instant::now() < deadline);
    }
    // Nothing of it is on this machine, nor a key in what the server says.
    assert!(!place.dir().join("telemetry").exists());
    let log = fs::read_to_string(place.path("server.log")).unwrap();
    assert!(
        !log.contains("for-tests") && !log.contains("disable_oauth"),
        "{log}"
    );
    true
}

#[test]
fn s3() {
    if !works(Service::S3) {
        println!("left out: moto is not installed (`./test` installs it)");
    }
}

#[test]
fn google() {
    if !works(Service::Google) {
        println!("left out: Python is not installed");
    }
}
