//! One hundred words of one person in everything that a server keeps of them, and in an application's database: once they have left, none
//! of the words is in any file, and nothing that was sealed for them opens. The same after everything was put back as a backup had it.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use privet_seal::SealedRef;
use rusqlite::Connection;
use rustix::process::Signal;
use serde_json::{Value, json};
use zip::ZipArchive;

use crate::support::{PATIENCE, Place, Server, ask, post};
use crate::telemetry::token;

/// What all of the words begin with.
const STEM: &str = "quokka";
/// The same in hexadecimal, and in base64 at each of the three places in a group where it can begin.
const STEM_ENCODED: [&str; 4] = ["71756f6b6b61", "cXVva2th", "F1b2trY", "xdW9ra2"];

const SETTINGS: &str = "
[requests]
cooling_days = 0
[log.mirror]
place = \"../mirror\"
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
"#;

/// Hands the words out: letters alone, as names are made of.
#[derive(Default)]
struct Words(u8);

impl Words {
    fn next(&mut self) -> String {
        let letter = |number| char::from(b'a' + number);
        let word = format!("{STEM}{}{}", letter(self.0 / 10), letter(self.0 % 10));
        self.0 += 1;
        word
    }
}

/// A person, their words, and everything that was sealed for them.
struct World {
    place: Place,
    words: Words,
    oid: String,
    /// Values in the application's database, with their fields.
    sealed: Vec<(String, String)>,
    /// Keys that sealed something of theirs: id, and what is stored of it.
    keys: Vec<(Vec<u8>, Vec<u8>)>,
}

impl World {
    fn new() -> Self {
        let place = Place::new();
        place.init(&["--environment", "staging", "--tenant", "acme"]);
        fs::create_dir(place.path("mirror")).unwrap();
        place.edit("privet.toml", |text| text + SETTINGS);
        place.edit("datamap.toml", |map| {
            let body = "body        = { field = \"message\" }\n";
            let topic = "topic       = { class = \"CC\", clear = true }\n";
            assert!(map.contains(body));
            map.replace(body, &format!("{body}{topic}")) + MAP
        });
        Self {
            place,
            words: Words::default(),
            oid: String::new(),
            sealed: Vec::new(),
            keys: Vec::new(),
        }
    }

    fn shop(&self) -> Connection {
        Connection::open(self.place.path("shop.sqlite")).unwrap()
    }

    /// A server that says all it can.
    fn serve(&self) -> Server {
        let mut command = self.place.command(&["serve"]);
        command.env("PRIVET_LOG", "trace");
        match self.place.spawn(command).ready(PATIENCE) {
            Ok(server) => server,
            Err(starting) => panic!("{}", starting.end()),
        }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (api, job) = (self.place.said_in_file("api"), token(&self.place, "job"));
        let answered = decided(|| ask(method, &api, path, &job, body));
        assert!((200..300).contains(&answered.0), "{path}: {answered:?}");
        answered.1
    }

    /// What the application has of customer 1: 49 words, sealed and not.
    fn write_rows(&mut self) {
        let shop = self.shop();
        shop.execute_batch("ALTER TABLE support_message ADD COLUMN topic TEXT")
            .unwrap();
        let [first, last, email, address, note] = [(); 5].map(|()| self.words.next());
        let customer = "UPDATE customer SET first_name = ?1, last_name = ?2, email = ?3 || '@example.com', address = ?4, note = ?5
            WHERE customer_id = 1";
        shop.execute(customer, [first, last, email, address, note])
            .unwrap();
        // Of years that no law asks for any more.
        let invoices =
            "SELECT invoice_id FROM invoice JOIN orders USING (order_id) WHERE customer_id = 1";
        let mut invoices = shop.prepare(invoices).unwrap();
        let invoices = invoices.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        for invoice in invoices.map(Result::unwrap) {
            let [name, address] = [(); 2].map(|()| self.words.next());
            let billed = "UPDATE invoice SET invoice_date = '2010-01-01', billing_name = ?1, billing_address = ?2 WHERE invoice_id = ?3";
            shop.execute(billed, (name, address, invoice)).unwrap();
        }
        for message in 0..20 {
            let [body, topic] = [(); 2].map(|()| self.words.next());
            let sent = "INSERT INTO support_message VALUES (?1, 1, '2026-01-01', ?2, ?3)";
            shop.execute(sent, (1_000 + message, body, topic)).unwrap();
        }
    }

    /// What the vault has: 6 words in values, 10 in evidence of answers, 10 in reasons of looks.
    fn write_account(&mut self) {
        let [first, last, email, address, note, message] = [(); 6].map(|()| self.words.next());
        let fields = json!({
            "first_name": first, "last_name": last, "email": format!("{email}@example.com"), "address": address, "note": note,
            "message": message
        });
        let made = json!({"fields": fields, "aliases": ["shop/customer:1"]});
        self.oid = self.call("POST", "/v1/subjects", &made)["oid"]
            .as_str()
            .unwrap()
            .to_owned();
        for yes in [true, false].into_iter().cycle().take(10) {
            let grant = json!([{"purpose": "improvement", "notice": "2026-11"}]);
            let mut answer = match yes {
                true => json!({"grant": grant, "channel": "web"}),
                false => json!({"withdraw": ["improvement"], "channel": "web"}),
            };
            answer["evidence"] = self.words.next().into();
            self.call(
                "PUT",
                &format!("/v1/subjects/{}/consent", self.oid),
                &answer,
            );
        }
        for _ in 0..10 {
            let reason = format!("the customer says {}", self.words.next());
            let look = json!({"subjects": [self.oid], "fields": ["email"], "purpose": "service", "reason": reason});
            let shown = self.call("POST", "/v1/reveal", &look);
            assert!(shown.to_string().contains(&email), "{shown}");
        }
    }

    /// What telemetry is sent: 20 words, in places that are known and in others.
    fn send_telemetry(&mut self) {
        let (door, job) = (
            self.place.said_in_file("telemetry"),
            token(&self.place, "job"),
        );
        for _ in 0..5 {
            let text =
                |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
            let attributes = [
                text("user.id", &self.oid),
                text("order.id", &self.words.next()),
                text("user.name", &self.words.next()),
                text(&self.words.next(), "unknown"),
                text("http.request.method", "PUT"),
            ];
            let record = json!({
                "timeUnixNano": "7", "eventName": "order.placed", "body": {"stringValue": self.words.next()},
                "attributes": attributes,
            });
            let body = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
            let sent = decided(|| post(&door, "/v1/logs", &job, &body));
            assert_eq!(sent.0, 200, "{sent:?}");
        }
    }

    /// A request of theirs, entered with a word of theirs.
    fn asked(&mut self, what: &str) -> String {
        let checked = format!("they knew {}", self.words.next());
        let how = ["--channel", "phone", "--checked", &checked, "--json"];
        let asked = [&["request", what, &self.oid], &how[..]].concat();
        let request = self.place.run(&asked).json();
        request["id"].as_str().unwrap().to_owned()
    }

    /// Four requests that come to nothing but one copy, which is fetched.
    fn take_copy(&mut self) -> PathBuf {
        for _ in 0..3 {
            let request = self.asked("access");
            self.place.run(&["request", "cancel", &request]).ok();
        }
        let request = self.asked("access");
        self.place.run(&["request", "run"]).ok();
        let out = self.place.path("download.zip");
        let fetch = [
            "request",
            "file",
            &request,
            "--as",
            "job",
            "--out",
            out.to_str().unwrap(),
        ];
        self.place.run(&fetch).ok();
        out
    }

    /// Reads from the files what is sealed for them, and under which keys.
    fn remember(&mut self) {
        let shop = self.shop();
        let columns = [
            (
                "customer",
                "customer_id = 1",
                &["first_name", "last_name", "email", "address", "note"][..],
            ),
            (
                "invoice",
                "order_id IN (SELECT order_id FROM orders WHERE customer_id = 1)",
                &["billing_name", "billing_address"],
            ),
            ("support_message", "customer_id = 1", &["body"]),
        ];
        for (table, theirs, names) in columns {
            for name in names {
                let mut select = shop
                    .prepare(&format!("SELECT {name} FROM {table} WHERE {theirs}"))
                    .unwrap();
                let values = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
                let field = if *name == "body" { "message" } else { name };
                self.sealed
                    .extend(values.map(|value| (field.to_owned(), value.unwrap())));
            }
        }
        let texts = self
            .sealed
            .iter()
            .map(|(_, text)| privet_seal::from_text(text).unwrap());
        let mut sealed: Vec<Vec<u8>> = texts.map(|bytes| bytes.to_vec()).collect();
        let data = Connection::open(self.place.dir().join("stores/data.sqlite")).unwrap();
        let mut select = data.prepare("SELECT sealed FROM value").unwrap();
        let values = select
            .query_map([], |row| row.get::<_, Vec<u8>>(0))
            .unwrap();
        let values: Vec<_> = values.map(Result::unwrap).collect();
        assert_eq!(values.len(), 6, "nobody else is held by the vault itself");
        sealed.extend(values);
        let ids = sealed
            .iter()
            .map(|sealed| SealedRef::parse(sealed).unwrap().key_id().0.to_vec());
        let mut ids: Vec<Vec<u8>> = ids.collect();
        ids.sort();
        ids.dedup();
        for id in ids {
            let stored = self.stored_key(&id).unwrap();
            self.keys.push((id, stored));
        }
    }

    /// What the key store has of a key.
    fn stored_key(&self, id: &[u8]) -> Option<Vec<u8>> {
        let keys = Connection::open(self.place.dir().join("stores/keys.sqlite")).unwrap();
        let sql = "SELECT wrapped FROM wrapped_key WHERE id = ?1";
        let mut select = keys.prepare(sql).unwrap();
        let mut rows = select.query_map([id], |row| row.get(0)).unwrap();
        rows.next().map(Result::unwrap)
    }

    /// How many of the sealed values open, by any name that their person ever had.
    fn opening(&self) -> usize {
        let (api, job) = (self.place.said_in_file("api"), token(&self.place, "job"));
        let open = |subject: &str| {
            let items = self.sealed.iter().map(
                |(field, sealed)| json!({"subject": subject, "field": field, "sealed": sealed}),
            );
            let items: Vec<Value> = items.collect();
            let order = json!({"items": items, "purpose": "service"});
            let (status, opened) = decided(|| post(&api, "/v1/open", &job, &order));
            match opened["items"].as_array() {
                Some(items) => items.iter().filter(|item| !item["value"].is_null()).count(),
                None => {
                    let none = [(404, "not_found"), (422, "unreadable")];
                    let said = (status, opened["code"].as_str().unwrap());
                    assert!(none.contains(&said), "{opened}");
                    0
                }
            }
        };
        open("shop/customer:1").max(open(&self.oid))
    }

    /// Every file but the copy that they took with them, and the backup.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.place.path("")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap();
                if name == "download.zip" || name == "backup" {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        found
    }

    /// Nothing of theirs is in any file: no word, and no key.
    fn nothing_is_left(&self) {
        let files = self.files();
        let is_there = |name: &str| files.iter().any(|path| path.ends_with(name));
        for name in [
            "data.sqlite",
            "keys.sqlite",
            "log.sqlite",
            "shop.sqlite",
            "server.log",
        ] {
            assert!(is_there(name), "{name} was not looked into: {files:?}");
        }
        for folder in ["mirror", "telemetry"] {
            let folder = Path::new(folder);
            let is_in = |path: &PathBuf| path.components().any(|part| part.as_os_str() == folder);
            assert!(
                files.iter().any(is_in),
                "{} was not looked into",
                folder.display()
            );
        }
        for path in files {
            let bytes = fs::read(&path).unwrap();
            assert_eq!(word_in(&bytes), None, "in {}", path.display());
            for (_, stored) in &self.keys {
                assert!(!contains(&bytes, stored), "a key is in {}", path.display());
            }
        }
        for (id, _) in &self.keys {
            assert_eq!(self.stored_key(id), None);
        }
    }

    /// What telemetry's compressed files hold, as whoever may read it gets it.
    fn telemetry(&self) -> String {
        let sql = "SELECT * FROM logs";
        let asked = [
            "query",
            "--purpose",
            "service",
            "--as",
            "job",
            "--format",
            "csv",
            sql,
        ];
        let patience = Instant::now() + PATIENCE;
        loop {
            let said = self.place.run(&asked).ok();
            if said.matches("order.placed").count() == 5 {
                return said;
            }
            assert!(Instant::now() < patience, "{said}");
        }
    }

    /// Runs what is due until none of their messages is left.
    fn until_rows_are_gone(&self) {
        let patience = Instant::now() + PATIENCE;
        let left = || {
            let sql = "SELECT count(*) FROM support_message WHERE customer_id = 1";
            self.shop()
                .query_row::<i64, _, _>(sql, [], |row| row.get(0))
                .unwrap()
        };
        while left() > 0 {
            assert!(Instant::now() < patience, "{} rows are left", left());
            self.place.run(&["request", "run"]).ok();
        }
    }
}

/// Asks again what a server on a busy machine cannot decide yet, as clients do.
fn decided(ask: impl Fn() -> (u16, Value)) -> (u16, Value) {
    let patience = Instant::now() + PATIENCE;
    loop {
        let answered = ask();
        if answered.0 != 503 || Instant::now() > patience {
            return answered;
        }
    }
}

fn contains(bytes: &[u8], sought: &[u8]) -> bool {
    let Some((first, rest)) = sought.split_first() else {
        return true;
    };
    let mut left = bytes;
    while let Some(at) = left.iter().position(|byte| byte == first) {
        left = &left[at + 1..];
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

/// In which form a word is among these bytes.
fn word_in(bytes: &[u8]) -> Option<String> {
    let lower = bytes.to_ascii_lowercase();
    let wide: Vec<u8> = STEM.bytes().flat_map(|byte| [byte, 0]).collect();
    let percent: String = STEM.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let forms = [STEM.as_bytes(), &wide, percent.as_bytes()];
    let plain = forms.into_iter().find(|form| contains(&lower, form));
    let encoded = STEM_ENCODED.iter().map(|form| form.as_bytes());
    let found = plain.or_else(|| encoded.into_iter().find(|form| contains(bytes, form)));
    found.map(|form| String::from_utf8_lossy(form).into_owned())
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, to).unwrap();
        }
    }
}

/// How many different words are in a copy.
fn words_in_copy(path: &Path) -> usize {
    let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut found = std::collections::BTreeSet::new();
    for at in 0..archive.len() {
        let mut text = Vec::new();
        archive
            .by_index(at)
            .unwrap()
            .read_to_end(&mut text)
            .unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        let words = text.split(STEM).skip(1);
        found.extend(words.map(|word| word.chars().take(2).collect::<String>()));
    }
    found.len()
}

#[test]
fn nothing_of_a_person_who_left_is_left() {
    let mut world = World::new();
    world.write_rows();
    let plain = fs::read(world.place.path("shop.sqlite")).unwrap();
    assert_eq!(
        word_in(&plain).as_deref(),
        Some(STEM),
        "the search finds what is there"
    );
    let server = world.serve();
    for principal in ["job", "operator"] {
        world
            .place
            .run(&["token", "issue", principal, "--keep"])
            .ok();
    }
    world.write_account();
    world.place.run(&["adopt", "shop"]).ok();
    world.send_telemetry();
    assert_eq!(word_in(world.telemetry().as_bytes()), None);
    let copy_of = world.take_copy();
    // Their rows, their account and their evidence: what was said of them to others, and what telemetry refused, is not in it.
    assert!(
        words_in_copy(&copy_of) >= 49 + 6 + 10,
        "{} words",
        words_in_copy(&copy_of)
    );
    world.remember();
    assert_eq!(
        world.opening(),
        world.sealed.len(),
        "everything opens before"
    );
    assert_eq!(server.stop(Signal::TERM), Some(0));
    let (folder, backup) = (world.place.dir(), world.place.path("backup"));
    copy(&folder, &backup.join("privet"));
    fs::copy(world.place.path("shop.sqlite"), backup.join("shop.sqlite")).unwrap();

    let server = world.serve();
    let request = world.asked("erase");
    assert_eq!(world.words.0, 100, "words");
    world.place.run(&["request", "run"]).ok();
    let shown = world
        .place
        .run(&["request", "show", &request, "--json"])
        .json();
    assert_eq!(shown["state"], "done", "{shown}");
    world.until_rows_are_gone();
    assert_eq!(world.opening(), 0);
    assert_eq!(word_in(world.telemetry().as_bytes()), None);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    world.nothing_is_left();

    // Everything is put back, but the mirror, which lies elsewhere.
    fs::remove_dir_all(&folder).unwrap();
    copy(&backup.join("privet"), &folder);
    fs::copy(backup.join("shop.sqlite"), world.place.path("shop.sqlite")).unwrap();
    assert!(
        world.stored_key(&world.keys[0].0).is_some(),
        "the backup is from before"
    );
    let server = world.serve();
    assert_eq!(world.opening(), 0);
    world.until_rows_are_gone();
    world.place.run(&["request", "run"]).ok();
    assert_eq!(server.stop(Signal::TERM), Some(0));
    world.nothing_is_left();
    let files = world.files();
    let requests = files
        .iter()
        .filter(|path| path.starts_with(folder.join("requests")));
    assert_eq!(requests.count(), 0, "files of requests");
}
