//! Questions over buckets of real servers: credentials in the environment and in files, TLS, a service that does not answer.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::io::Write;
use std::path::Path as FilePath;
use std::process::{Command, Stdio};
use std::sync::Arc;

use privet_buckets::{Bucket, Service, Tls};
use privet_telemetry_store::{
    Access, Common, Log, Machine, Record, Rows, Settings, Stamped, Store,
};
use serde_json::{Value, json};

const COUNT: &str = "SELECT count(*) AS rows, count(DISTINCT tyid) AS people FROM logs";

fn installed() -> &'static FilePath {
    FilePath::new(env!("CARGO_TARGET_TMPDIR"))
}

fn left_out(service: Service) {
    let program = service.program();
    println!("left out: {program} is not installed (`./test` installs it)");
}

/// Four rows of each of two people.
async fn fill(address: &str, options: &[(String, String)]) {
    let settings = Settings {
        options: options.to_vec(),
        ..Settings::new(Access::Write)
    };
    let store = Store::open(address, settings, Arc::new(Machine)).unwrap();
    let mut rows = Rows::new(Vec::new()).unwrap();
    for row in 0..8 {
        let log = Log {
            common: Common {
                time_ns: row,
                person: Some(Stamped {
                    tyid: [1 + u8::try_from(row % 2).unwrap(); 16],
                    ..Stamped::default()
                }),
                ..Common::default()
            },
            ..Log::default()
        };
        rows.push("a tenant/with: 100% of Ä?&#", &Record::Log(log), &[])
            .unwrap();
    }
    store.append(rows.finish().unwrap(), None).await.unwrap();
}

async fn asked(address: String, options: Vec<(String, String)>) -> (String, Value) {
    tokio::task::spawn_blocking(move || ask(&address, &options, 600_000))
        .await
        .unwrap()
}

/// What the program answers; the first of both people agrees.
fn ask(address: &str, options: &[(String, String)], time_ms: u64) -> (String, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_privet-query"))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let header = json!({
        "format": 1, "purpose": "improvement", "sql": COUNT, "output": "csv", "store": address,
        "options": options, "people": 1, "limits": {"time_ms": time_ms},
    });
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{header}").unwrap();
    input.write_all(&[1; 16]).unwrap();
    let ended = child.wait_with_output().unwrap();
    drop(input);
    let said = String::from_utf8(ended.stderr).unwrap();
    let last = said.lines().last().unwrap();
    let answer = String::from_utf8(ended.stdout).unwrap();
    (answer, serde_json::from_str(last).unwrap())
}

async fn is_asked(service: Service) {
    let Some(bucket) = Bucket::start(service, installed()).unwrap() else {
        return left_out(service);
    };
    let (address, options) = (bucket.address(), bucket.options());
    fill(&address, &options).await;
    let (answer, last) = asked(address, options).await;
    assert_eq!(answer, "rows,people\n4,1\n", "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3() {
    is_asked(Service::S3).await;
}

/// The credentials are in a file, which the program may read, walled in as it is.
#[tokio::test(flavor = "multi_thread")]
async fn google() {
    is_asked(Service::Google).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn azure() {
    is_asked(Service::Azure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_shows_no_key() {
    let service = Service::Azure;
    let Some(bucket) = Bucket::start(service, installed()).unwrap() else {
        return left_out(service);
    };
    let wrong = "d3Jvbmcga2V5IGNhbmFyeQ==";
    let with_wrong_key = |(key, value): (String, String)| match key.ends_with("_KEY") {
        true => (key, wrong.to_owned()),
        false => (key, value),
    };
    let options = bucket.options().into_iter().map(with_wrong_key).collect();
    let (answer, last) = asked(bucket.address(), options).await;
    assert_eq!((&*answer, &last["error"]["code"]), ("", &json!("store")));
    assert!(!last.to_string().contains(wrong), "{last}");
}

/// A certificate by one's own authority is trusted when the settings say so, and not otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn over_tls() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = Tls {
        certificate: &certificate,
        key: &key,
    };
    let Some(bucket) = Bucket::start_tls(tls, installed()).unwrap() else {
        return left_out(Service::S3);
    };
    let mut options = bucket.options();
    options.push((Store::AUTHORITIES.to_owned(), certificate));
    fill(&bucket.address(), &options).await;
    let (answer, last) = asked(bucket.address(), options.clone()).await;
    assert_eq!(answer, "rows,people\n4,1\n", "{last}");
    options.pop();
    let (answer, last) = asked(bucket.address(), options).await;
    assert_eq!((&*answer, &last["error"]["code"]), ("", &json!("store")));
}

/// A service that takes a request and never answers it keeps nobody waiting longer than a question may take.
#[test]
fn a_service_that_does_not_answer_is_not_waited_for() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let options = [
        ("aws_endpoint", &*endpoint),
        ("aws_allow_http", "true"),
        ("aws_skip_signature", "true"),
        ("aws_proxy_url", "http://127.0.0.1:1"),
        ("aws_proxy_excludes", "127.0.0.1"),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let (answer, last) = ask("s3://bucket", &options, 500);
    assert_eq!(answer, "");
    assert_eq!(last["error"]["code"], json!("time"), "{last}");
}
