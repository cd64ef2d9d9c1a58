//! The telemetry door of a real server: a program sends with its token, and a kill loses nothing that was acknowledged.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use privet_telemetry_store::{Access, Machine, Settings, Store, Table};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{PATIENCE, Place, Server, ask, post};

const SETTINGS: &str = "
[telemetry]
listen = \"127.0.0.1:0\"
store_seconds = 1
";

const MAP: &str = r#"
[telemetry.attributes]
"order.id" = "UPI"
"http.request.method" = "SYS"
[telemetry.events]
"order.placed" = { exportable = true }
"page.read" = { purpose = "improvement" }
"#;

fn logs(event: &str, oid: &str) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let attributes = [
        text("user.id", oid),
        text("order.id", "canary-4711"),
        text("http.request.method", "PUT"),
        text("user.name", "canary"),
    ];
    let record = json!({
        "timeUnixNano": "7",
        "eventName": event,
        "body": {"stringValue": "canary"},
        "attributes": attributes,
    });
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
}

pub(crate) fn token(place: &Place, name: &str) -> String {
    let path = place.dir().join("tokens").join(name);
    fs::read_to_string(path).unwrap().trim().to_owned()
}

/// Asks again what a server on a busy machine cannot decide yet, as clients do.
fn decided(ask: impl Fn() -> (u16, Value)) -> (u16, Value) {
    let began = Instant::now();
    loop {
        let answered = ask();
        if answered.0 != 503 || began.elapsed() > PATIENCE {
            return answered;
        }
    }
}

/// Sends one record; answers the status, and how many were rejected.
pub(crate) fn send(place: &Place, as_whom: &str, event: &str, oid: &str) -> (u16, Value) {
    let door = place.said_in_file("telemetry");
    let token = token(place, as_whom);
    let (status, answer) = decided(|| post(&door, "/v1/logs", &token, &logs(event, oid)));
    (
        status,
        answer["partialSuccess"]["rejectedLogRecords"].clone(),
    )
}

/// A new person.
pub(crate) fn subject(place: &Place) -> String {
    let api = place.said_in_file("api");
    let token = token(place, "job");
    let body = json!({"fields": {}});
    let made = decided(|| post(&api, "/v1/subjects", &token, &body));
    assert_eq!(made.0, 201, "{made:?}");
    made.1["oid"].as_str().unwrap().to_owned()
}

/// Every file in a folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// How many rows of a table are stored.
fn stored(place: &Place, table: Table) -> u64 {
    let address = place.dir().join("telemetry").display().to_string();
    let store = Store::open(&address, Settings::new(Access::Read), Arc::new(Machine)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let snapshot = runtime.block_on(store.snapshot()).unwrap();
    snapshot.files(table).map(|file| file.rows).sum()
}

/// A folder with these settings of the door, and what it is to know.
pub(crate) fn prepared(settings: &str) -> Place {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    place.edit("privet.toml", |text| text + settings);
    place.edit("datamap.toml", |text| text + MAP);
    place
}

pub(crate) fn with_door() -> (Place, Server) {
    let place = prepared(SETTINGS);
    let server = place.server(&["serve"]);
    place.run(&["token", "issue", "job", "--keep"]).ok();
    (place, server)
}

#[test]
fn what_a_program_sends_is_stored_once() {
    let (place, server) = with_door();
    let oid = subject(&place);
    let taken = (200, Value::Null);
    assert_eq!(send(&place, "job", "order.placed", &oid), taken);
    // Whoever looks after the server may not send.
    assert_eq!(send(&place, "operator", "order.placed", &oid).0, 403);
    server.kill();

    let server = place.server(&["serve"]);
    assert_eq!(send(&place, "job", "order.placed", &oid), taken);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    assert_eq!(stored(&place, Table::Logs), 2);

    // Nothing is stored again by a start that has nothing to store.
    let server = place.server(&["serve"]);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    assert_eq!(stored(&place, Table::Logs), 2);

    let mut searched = 0;
    for folder in ["telemetry", "telemetry-journal"] {
        for path in files(&place.dir().join(folder)) {
            let bytes = fs::read(&path).unwrap();
            for marker in ["canary", &oid] {
                let found = bytes
                    .windows(marker.len())
                    .any(|window| window == marker.as_bytes());
                assert!(!found, "`{marker}` is in {}", path.display());
            }
            searched += 1;
        }
    }
    assert!(searched > 3, "{searched}");
}

/// A purpose on consent, before the person agrees, while they do, and after they said no.
#[test]
fn a_record_for_a_purpose_is_taken_while_its_person_agrees() {
    let (place, server) = with_door();
    let oid = subject(&place);
    let answer = |body: Value| {
        let path = format!("/v1/subjects/{oid}/consent");
        let api = place.said_in_file("api");
        let token = token(&place, "job");
        let answered = decided(|| ask("PUT", &api, &path, &token, &body));
        assert_eq!(answered.0, 200, "{answered:?}");
    };
    let read = || send(&place, "job", "page.read", &oid);
    let (taken, rejected) = ((200, Value::Null), (200, json!("1")));
    assert_eq!(read(), rejected);
    // From here on telemetry knows the person, and is told what they answer.
    assert_eq!(send(&place, "job", "order.placed", &oid), taken);
    answer(json!({"grant": [{"purpose": "improvement", "notice": "2026-11"}], "channel": "web"}));
    assert_eq!(read(), taken);
    answer(json!({"withdraw": ["improvement"], "channel": "web"}));
    assert_eq!(read(), rejected);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    assert_eq!(stored(&place, Table::Logs), 2);
    assert_eq!(stored(&place, Table::Consents), 2);
}

/// What a collector got: path, head and body of each request.
type Got = Arc<Mutex<Vec<(String, String, Vec<u8>)>>>;

/// A collector that takes whatever comes, over HTTP/1.1.
fn collector() -> (String, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let got = Got::default();
    let keeping = Arc::clone(&got);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let keeping = Arc::clone(&keeping);
            // A server that is killed leaves in the middle of a request.
            std::thread::spawn(move || while keep(stream.as_ref().unwrap(), &keeping).is_some() {});
        }
    });
    (address, got)
}

fn keep(stream: &TcpStream, got: &Got) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let read = reader.read_line(&mut head).ok()?;
        (read > 0).then_some(())?;
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let lower = head.to_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length?.trim().parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    got.lock().unwrap().push((path, lower, body));
    let mut stream = stream;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .ok()
}

/// Whether the bytes are in a request to that path.
fn has(got: &Got, path: &str, bytes: &str) -> bool {
    let got = got.lock().unwrap();
    let mut bodies = got
        .iter()
        .filter(|(of, _, _)| of == path)
        .map(|(_, _, body)| body);
    bodies.any(|body| {
        body.windows(bytes.len())
            .any(|window| window == bytes.as_bytes())
    })
}

/// Asks the server for its numbers until they are so.
fn wait_until(place: &Place, are_so: impl Fn(&str) -> bool) {
    let began = Instant::now();
    while !are_so(&metrics(place)) {
        assert!(began.elapsed() < PATIENCE, "it does not come to that");
        // Asked as fast as it answers, the machine would run out of ports.
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// The numbers that the API shows.
fn metrics(place: &Place) -> String {
    let api = place.said_in_file("api");
    let address = api.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A folder whose server forwards to that address, and its settings without that.
fn forwarding_to(address: &str) -> (Place, String) {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    place.edit("privet.toml", |text| text + SETTINGS);
    let without = fs::read_to_string(place.dir().join("privet.toml")).unwrap();
    let forward = format!(
        "[telemetry.forward]\nendpoint = \"{address}\"\ncompression = \"none\"\nheaders_file = \"collector.headers\"\n"
    );
    place.edit("privet.toml", |text| text + &forward);
    place.edit("datamap.toml", |text| text + MAP);
    write_private(&place.dir().join("collector.headers"), "X-Who: staging\n");
    (place, without)
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// With a collector that is not there when the server is killed, and is there when it starts anew.
#[test]
fn a_collector_gets_what_is_stored_over_a_kill() {
    let (address, got) = collector();
    // A port that is taken, and at which nobody listens.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nowhere = format!("http://{}", nobody.local_addr().unwrap());
    let (place, without) = forwarding_to(&nowhere);
    let with = fs::read_to_string(place.dir().join("privet.toml")).unwrap();
    let server = place.server(&["serve"]);
    place.run(&["token", "issue", "job", "--keep"]).ok();
    let oid = subject(&place);
    assert_eq!(
        send(&place, "job", "order.placed", &oid),
        (200, Value::Null)
    );
    let drained = "privet_telemetry_forward_waiting_bytes 0\n";
    let fine = "privet_telemetry_forward_failing_since_seconds 0\n";
    wait_until(&place, |text| {
        !text.contains(drained) && !text.contains(fine)
    });
    server.kill();

    // Whoever takes the collector away is told what still waits for one.
    place.edit("privet.toml", |_| without.clone());
    let server = place.server(&["serve"]);
    let said = server.said();
    assert!(said.contains("waits for a collector"), "{said}");
    assert_eq!(server.stop(Signal::TERM), Some(0));

    place.edit("privet.toml", |_| with.replace(&nowhere, &address));
    let server = place.server(&["serve"]);
    wait_until(&place, |_| has(&got, "/v1/logs", "order.placed"));
    let body =
        json!({"grant": [{"purpose": "improvement", "notice": "2026-11"}], "channel": "web"});
    let path = format!("/v1/subjects/{oid}/consent");
    let api = place.said_in_file("api");
    let token = token(&place, "job");
    let answered = decided(|| ask("PUT", &api, &path, &token, &body));
    assert_eq!(answered.0, 200, "{answered:?}");
    wait_until(&place, |text| {
        has(&got, "/v1/logs", "privet.final") && text.contains(drained)
    });
    let text = metrics(&place);
    for line in [
        "privet_telemetry_forward_dropped_total{reason=\"refused\"} 0\n",
        "privet_telemetry_stored_rows_total{table=\"links\"} 0\n",
        fine,
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert_eq!(server.stop(Signal::TERM), Some(0));
    for secret in ["canary", oid.as_str()] {
        assert!(!has(&got, "/v1/logs", secret), "{secret}");
    }
    let got = got.lock().unwrap();
    assert!(
        got.iter()
            .all(|(_, head, _)| head.contains("x-who: staging"))
    );
}

#[test]
fn a_door_into_the_network_wants_a_certificate() {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    let settings = SETTINGS.replace("127.0.0.1", "0.0.0.0");
    place.edit("privet.toml", |text| text + &settings);
    let Err(dying) = place.start(&["serve"]).ready(PATIENCE) else {
        panic!("it serves");
    };
    let said = dying.end();
    assert!(said.contains("TLS is required"), "{said}");
}

/// What can be wrong: changes of the settings, and what is said.
fn wrong() -> Vec<(String, &'static str)> {
    let own = [
        ("listen = \"0.0.0.0:0\"", "TLS is required"),
        (
            "tls = { certificate = \"no.crt\", key = \"no.key\" }",
            "`FOLDER/privet/no.crt` holds no certificate",
        ),
        ("store = \"ftp://hunter2\"", "address is not understood"),
        (
            "store = \"file/below\"",
            "`FOLDER/privet/file` is not a folder",
        ),
        (
            "journal = \"telemetry/journal\"",
            "lies in the folder of `store`",
        ),
        ("journal = \"file\"", "`FOLDER/privet/file` is not a folder"),
        ("journal_mib_max = 0", "nothing is ever taken"),
    ];
    let of_forward = [
        ("endpoint = \"http://c.example\"", "through TLS alone"),
        (
            "endpoint = \"https://hunter2@c.example\"",
            "no user, password",
        ),
        (
            "endpoint = \"https://c.example\"\nqueue_mib_max = 1",
            "less than 64",
        ),
        (
            "endpoint = \"https://c.example\"\nheaders_file = \"collector.headers\"",
            "line 1 of `FOLDER/privet/collector.headers` is no header",
        ),
        (
            "endpoint = \"https://c.example\"\nheaders_env = \"NO_SUCH_VARIABLE\"",
            "`NO_SUCH_VARIABLE`: set it",
        ),
        (
            "endpoint = \"https://c.example\"\nauthorities = \"empty.pem\"",
            "no certificate in PEM",
        ),
    ];
    let own = own.map(|(change, said)| (format!("{change}\n"), said));
    let of_forward =
        of_forward.map(|(change, said)| (format!("[telemetry.forward]\n{change}\n"), said));
    own.into_iter().chain(of_forward).collect()
}

/// Each by itself, and nothing secret in what is said.
#[test]
fn check_names_what_keeps_the_door_from_opening() {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    place.edit("privet.toml", |text| text + SETTINGS);
    place.edit("datamap.toml", |text| text + MAP);
    let good = fs::read_to_string(place.dir().join("privet.toml")).unwrap();
    let check = || -> Vec<String> {
        let report: Value = serde_json::from_str(&place.run(&["check", "--json"]).stdout).unwrap();
        let problems = report["problems"].as_array().unwrap().iter();
        let said = problems.map(|said| place.redacted(said.as_str().unwrap()));
        said.collect()
    };
    assert_eq!(check(), [""; 0]);
    // It makes nothing that a server makes.
    assert!(!place.dir().join("telemetry").exists());

    write_private(&place.dir().join("collector.headers"), "hunter2\n");
    for name in ["file", "empty.pem"] {
        fs::write(place.dir().join(name), "").unwrap();
    }
    for (change, said) in wrong() {
        let listen = match change.starts_with("listen") {
            true => "",
            false => "listen = \"127.0.0.1:0\"\n",
        };
        let settings = format!("\n[telemetry]\n{listen}{change}");
        place.edit("privet.toml", |_| good.replace(SETTINGS, &settings));
        let problems = check();
        let [problem] = &*problems else {
            panic!("{change}: {problems:?}");
        };
        let is_right = problem.contains(said) && !problem.contains("hunter2");
        assert!(is_right, "{change}: {problem}");
    }
    // A collector that is written as it should be is not asked anything.
    let forward = "[telemetry.forward]\nendpoint = \"https://c.example\"\nprotocol = \"grpc\"\n";
    place.edit("privet.toml", |_| {
        good.replace(SETTINGS, &format!("{SETTINGS}{forward}"))
    });
    assert_eq!(check(), [""; 0]);
}
