//! Stores in PostgreSQL: three clusters, what is refused, and a day of work on them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use privet_cluster::Cluster;
use rustix::process::Signal;

use crate::console::{WHY, script};
use crate::support::{PATIENCE, Place, Server, post};

/// One cluster a store, as outside of development.
static CLUSTERS: LazyLock<[Cluster; 3]> =
    LazyLock::new(|| [(); 3].map(|()| Cluster::start().unwrap()));

/// A standby of the keys' cluster.
static STANDBY: LazyLock<Cluster> = LazyLock::new(|| CLUSTERS[1].standby().unwrap());

/// Addresses of three new databases.
fn new_databases() -> [String; 3] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("privet_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let made = CLUSTERS
        .each_ref()
        .map(|cluster| cluster.database(&name).unwrap());
    STANDBY.catches_up_with(&CLUSTERS[1]).unwrap();
    made
}

/// The keys are backed up by the standby.
fn section([data, keys, log]: &[String; 3]) -> String {
    let backup = keys.replace(&CLUSTERS[1].port().to_string(), &STANDBY.port().to_string());
    format!(
        "[stores]\ndata = \"{data}\"\nkeys = \"{keys}\"\nlog = \"{log}\"\nkey_backup = \"{backup}\"\n"
    )
}

/// A folder made by `privet init`, for production, whose stores are these databases.
fn place_on(databases: &[String; 3]) -> Place {
    let place = Place::new();
    place.init(&["--environment", "staging", "--tenant", "acme"]);
    let stores = section(databases);
    place.edit("privet.toml", |text| {
        let text = text.replace("development = true", "development = false");
        let text = text.replace("[log]\n", &format!("{stores}\n[log]\n"));
        format!("{text}\n[log.mirror]\nplace = \"mirror\"\n")
    });
    fs::create_dir(place.dir().join("mirror")).unwrap();
    close(&place);
    place
}

fn close(place: &Place) {
    let settings = place.dir().join("privet.toml");
    fs::set_permissions(settings, fs::Permissions::from_mode(0o600)).unwrap();
}

fn adopted(place: &Place) -> Server {
    let server = place.server(&["serve"]);
    for name in ["on_call", "auditor", "job"] {
        place.run(&["token", "issue", name, "--keep"]).ok();
    }
    let done = place.run(&["adopt", "shop"]).ok();
    assert!(done.contains("no plaintext is left"), "{done}");
    server
}

#[test]
fn a_day_of_work_on_three_clusters() {
    let place = place_on(&new_databases());
    let before = place.run(&["check"]).ok();
    assert!(before.ends_with("No problems.\n"), "{before}");
    let none = place.run(&["audit", "verify"]).failed();
    assert!(
        none.contains("holds no store yet: start the server once"),
        "{none}"
    );

    let server = adopted(&place);
    assert!(
        !place.dir().join("stores").exists(),
        "nothing lies in files"
    );
    let look = "CALL privet.decrypt(consent => 'https://consents.example.com/3', subject => 'customer:3');\nSELECT email FROM customer WHERE customer_id = 3;\n";
    let looked = script(&place, &WHY, look).ok();
    assert!(looked.contains('@'), "{looked}");
    let sessions = place.run(&["session", "list", "--json"]).json();
    assert_eq!(
        sessions["sessions"].as_array().unwrap().len(),
        1,
        "{sessions}"
    );

    // The log is read where it lies, beside its server.
    let verified = place.run(&["audit", "verify"]).ok();
    assert!(verified.starts_with("verified: "), "{verified}");
    let proof = place.run(&["audit", "prove", "0"]).ok();
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1"), "{proof}");
    let copy = place.path("copy");
    place.run(&["audit", "export", copy.to_str().unwrap()]).ok();
    place.run(&["audit", "verify", copy.to_str().unwrap()]).ok();
    assert_eq!(server.stop(Signal::TERM), Some(0));

    // What was sealed opens after a restart, and the log goes on.
    let server = place.server(&["serve"]);
    assert!(!server.said().contains("first token"), "{}", server.said());
    let size = |text: &str| {
        text.split(' ')
            .nth(1)
            .unwrap()
            .replace(',', "")
            .parse::<u64>()
            .unwrap()
    };
    let again = place.run(&["audit", "verify"]).ok();
    assert!(size(&again) > size(&verified), "{again}");
    server.kill();
    // A server that was killed is not waited for.
    place.server(&["serve"]);
}

#[test]
fn stores_that_one_restore_would_roll_back_are_refused() {
    let [data, _, log] = new_databases();
    let other = CLUSTERS[0].database("other").unwrap();
    let keys = other.replace("127.0.0.1", "localhost");
    let place = place_on(&[data, keys, log]);
    let refused = place.start(&["serve"]).ready(PATIENCE);
    let said = refused.err().unwrap().end();
    let wanted = "the data store and the key store lie in one cluster";
    assert!(
        said.contains(wanted) && said.contains("`development = true`"),
        "{said}"
    );
    let found = place.run(&["check"]);
    assert_eq!(found.code, Some(1));
    assert!(found.stdout.contains(wanted), "{found:?}");

    place.edit("privet.toml", |text| {
        text.replace("development = false", "development = true")
    });
    place.run(&["check"]).ok();
    let server = place.server(&["serve"]);
    let noted = "backups of the data hold the keys";
    assert!(server.said().contains(noted), "{}", server.said());
}

#[test]
fn two_servers_do_not_write_one_log() {
    let databases = new_databases();
    let first = place_on(&databases);
    let _server = first.server(&["serve"]);
    let second = place_on(&databases);
    for name in ["root.key", "log.key", "log.pub"] {
        fs::copy(first.dir().join(name), second.dir().join(name)).unwrap();
    }
    let refused = second.start(&["serve"]).ready(PATIENCE);
    let said = refused.err().unwrap().end();
    assert!(
        said.contains("another server writes the log `privet.example/"),
        "{said}"
    );
    assert!(said.contains("[log]"), "{said}");
    // The first one goes on.
    first.run(&["token", "list"]).ok();
}

#[test]
fn what_is_wrong_with_addresses_is_said_without_repeating_them() {
    let databases = new_databases();
    let check = |change: &dyn Fn(String) -> String| {
        let place = place_on(&databases);
        place.edit("privet.toml", change);
        let found = place.run(&["check"]);
        assert_eq!(found.code, Some(1), "{found:?}");
        let password = CLUSTERS[0].password();
        assert!(!format!("{found:?}").contains(password), "{found:?}");
        found.stdout + &found.stderr
    };
    let [data, keys, _] = &databases;
    let line = format!("keys = \"{keys}\"\n");
    let said = check(&|text| text.replace(&line, ""));
    assert!(said.contains("lacks `keys`"), "{said}");
    let said = check(&|text| text.replace(&line, &format!("{line}folder = \"stores\"\n")));
    assert!(said.contains("are of no use"), "{said}");
    let said = check(&|text| text.replace(keys, &format!("{keys}?sslmode=require")));
    assert!(said.contains("does not check who answers"), "{said}");
    let said = check(&|text| text.replace(keys, &format!("{keys}_missing")));
    assert!(
        said.contains("the database of the key store does not exist"),
        "{said}"
    );
    let said = check(&|text| text.replace(&format!("\"{data}\""), &format!("\"{data}")));
    assert!(said.contains("because: line "), "{said}");

    // Whoever may read the settings must not find a password in them.
    let place = place_on(&databases);
    let settings = place.dir().join("privet.toml");
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o644)).unwrap();
    let found = place.run(&["check"]);
    assert!(
        found.stdout.contains("`data` in [stores] holds a password")
            && found.stdout.contains("`password_file=`")
            && found.stdout.contains("chmod 600"),
        "{found:?}"
    );
    let password = place.dir().join("password");
    fs::write(&password, CLUSTERS[0].password()).unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    place.edit("privet.toml", |text| {
        let text = text.replace(&format!(":{}@", CLUSTERS[0].password()), "@");
        databases.iter().fold(text, |text, url| {
            let bare = url.replace(&format!(":{}@", CLUSTERS[0].password()), "@");
            text.replace(
                &format!("{bare}\""),
                &format!("{bare}?password_file=password\""),
            )
        })
    });
    place.run(&["check"]).ok();
}

/// A second server on the stores of the first: the same but for its log.
fn beside(first: &Place, databases: &[String; 3]) -> Place {
    let second = Place::new();
    fs::create_dir(second.dir()).unwrap();
    fs::copy(first.dir().join("root.key"), second.dir().join("root.key")).unwrap();
    let mut common = vec!["--environment", "staging", "--tenant", "acme"];
    common.extend(["--origin", "privet.example/staging/2"]);
    second.init(&common);
    let (own, shop) = (second.path("shop.sqlite"), first.path("shop.sqlite"));
    second.edit("privet.toml", |text| {
        let text = text.replace(own.to_str().unwrap(), shop.to_str().unwrap());
        text.replace("[log]\n", &format!("{}\n[log]\n", section(databases)))
    });
    close(&second);
    // People have their tokens with them.
    fs::create_dir(second.dir().join("tokens")).unwrap();
    for token in fs::read_dir(first.dir().join("tokens")).unwrap() {
        let token = token.unwrap();
        fs::copy(
            token.path(),
            second.dir().join("tokens").join(token.file_name()),
        )
        .unwrap();
    }
    second
}

#[test]
fn two_servers_on_the_same_stores_are_one() {
    let databases = new_databases();
    let first = place_on(&databases);
    let one = adopted(&first);
    let second = beside(&first, &databases);
    let two = second.server(&["serve"]);
    assert!(!two.said().contains("first token"), "{}", two.said());

    // A reason that was stated on one holds on the other, and both are read as one session.
    let on = |place: &Place, sql: &str| script(place, &WHY, sql).ok();
    assert!(on(&first, "SELECT 'on the first';\n").contains("on the first"));
    assert!(on(&second, "SELECT 'on the second';\n").contains("on the second"));
    let listed = second.run(&["session", "list", "--json"]).json();
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1, "{listed}");
    let id = sessions[0]["id"].as_str().unwrap();
    for place in [&first, &second] {
        let shown = place.run(&["session", "show", id]).ok();
        for statement in ["on the first", "on the second"] {
            assert!(shown.contains(statement), "{shown}");
        }
        place.run(&["audit", "verify"]).ok();
    }

    // What one takes away is gone on the other.
    let tokens = first.run(&["token", "list", "--json"]).json();
    let tokens = tokens["tokens"].as_array().unwrap();
    let job = tokens
        .iter()
        .find(|token| token["principal"] == "job")
        .unwrap();
    let text = fs::read_to_string(second.dir().join("tokens/job")).unwrap();
    let api = fs::read(second.dir().join("server.json")).unwrap();
    let api: serde_json::Value = serde_json::from_slice(&api).unwrap();
    let reveal = || {
        let body = serde_json::json!({
            "subjects": ["customer:3"], "fields": ["email"], "purpose": "service"
        });
        post(
            api["api"].as_str().unwrap(),
            "/v1/reveal",
            text.trim(),
            &body,
        )
        .0
    };
    // A server that could not read the shared sequence for a second, on a busy machine, says 503 and goes on.
    let answers = |code: u16| {
        let began = Instant::now();
        while reveal() != code {
            assert!(began.elapsed() < PATIENCE, "no {code}");
        }
    };
    answers(200);
    first
        .run(&["token", "revoke", job["id"].as_str().unwrap()])
        .ok();
    answers(401);

    // One that dies leaves the other at work, and comes back.
    one.kill();
    assert!(on(&second, "SELECT 'still here';\n").contains("still here"));
    first.server(&["serve"]);
    assert!(on(&second, "SELECT 'and now';\n").contains("and now"));
}

/// What `privet source roles` prints from a data map runs on a server, under the names that the settings have.
#[test]
fn the_roles_of_a_source_are_printed() {
    let place = Place::new();
    place.init(&[]);
    let file = place.run(&["source", "roles", "shop"]).failed();
    assert!(file.contains("source `shop` is a file"), "{file}");
    let unknown = place.run(&["source", "roles", "crm"]).failed();
    assert!(unknown.contains("add [sources.crm]"), "{unknown}");

    // No file of these addresses is there yet, and no server is asked.
    let address =
        |role: &str| format!("\"postgresql://{role}@db.example/shop?password_file=later\"");
    place.edit("privet.toml", |text| {
        let (before, _) = text.split_once("sqlite = ").unwrap();
        let (console, reader) = (address("ops_console"), address("ops_reader"));
        format!("{before}postgres = {{ console = {console}, reader = {reader} }}\n")
    });
    let sql = place.run(&["source", "roles", "shop"]).ok();
    let told = place.run(&["source", "roles", "shop", "--json"]).json();
    assert_eq!(told["console"], "ops_console");
    assert_eq!(told["sql"].as_str().unwrap().trim_end(), sql.trim_end());
    // The one table with a blind index is granted by column, and that column is not among them.
    assert!(sql.contains("DELETE ON \"public\".\"customer\""), "{sql}");
    assert!(
        sql.contains("INSERT (") && !sql.contains("email_px"),
        "{sql}"
    );
    let same = ["source", "roles", "shop", "--console", "ops_reader"];
    let same = place.run(&same).failed();
    assert!(same.contains("name two roles"), "{same}");

    let cluster = &CLUSTERS[0];
    cluster.database("roles").unwrap();
    cluster.sql("roles", SHOP).unwrap();
    for _ in 0..2 {
        cluster.sql("roles", &sql).unwrap();
    }
    let may = |role: &str, right: &str| {
        let question = format!("SELECT {right}");
        let text = question.replace("ROLE", &format!("'{role}'"));
        cluster.sql("roles", &text).unwrap().trim() == "t"
    };
    let written = "has_column_privilege(ROLE, 'customer', 'email', 'UPDATE')";
    assert!(may("ops_console", written) && !may("ops_reader", written));
    let index = "has_column_privilege(ROLE, 'customer', 'email_px', 'INSERT, UPDATE')";
    assert!(!may("ops_console", index) && !may("ops_reader", index));
    let read = "has_table_privilege(ROLE, 'invoice', 'SELECT')";
    assert!(may("ops_console", read) && may("ops_reader", read));
}

/// The demo's shop as it is after an adoption.
const SHOP: &str = "
    CREATE TABLE customer (customer_id integer PRIMARY KEY, first_name text, last_name text, email text, phone text,
        address text, birthday text, note text, country text, joined_on text, email_px text UNIQUE, phone_px text);
    CREATE TABLE orders (order_id integer PRIMARY KEY, customer_id integer, product_id integer, quantity integer,
        ordered_on text);
    CREATE TABLE invoice (invoice_id integer PRIMARY KEY, order_id integer, invoice_date text, billing_name text,
        billing_address text, total_cents integer);
    CREATE TABLE support_message (message_id integer PRIMARY KEY, customer_id integer, received_on text, body text);";
