//! The same telemetry ids from Python's `uuid`, Node's package `uuid` and PostgreSQL's `pgcrypto` and `uuid-ossp`. Python and
//! PostgreSQL are needed by other tests as well; what else is not installed is said and left out (`./test` installs it).

use std::path::Path;
use std::process::Command;

use privet_cluster::Cluster;
use serde_json::Value as Json;

use crate::{bytes, cases, vectors_file};

/// Runs a program that reads the vectors' file and answers how many ids it made, all of them right.
fn checked_by(command: &mut Command) {
    let output = command.arg(vectors_file()).output().unwrap();
    let [said, error] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{said}{error}");
    assert_eq!(
        said.trim(),
        format!("{} ids", cases("tyids").len()),
        "{error}"
    );
}

#[test]
fn python() {
    let script = r#"
import hashlib, json, sys, uuid
def tyid(salt, oid):
    if sys.version_info >= (3, 12):
        return uuid.uuid5(uuid.UUID(bytes=salt), oid)
    return uuid.UUID(bytes=hashlib.sha1(salt + oid).digest()[:16], version=5)
cases = json.load(open(sys.argv[1]))["tyids"]
for salt, oid, expected in cases:
    made = str(tyid(bytes.fromhex(salt), bytes.fromhex(oid)))
    assert made == expected, (salt, oid, made, expected)
print(len(cases), "ids")
"#;
    checked_by(Command::new("/usr/bin/python3").args(["-c", script]));
}

#[test]
fn node() {
    let script = r#"
const { v5 } = require('uuid')
const { tyids } = JSON.parse(require('fs').readFileSync(process.argv[1]))
for (const [salt, oid, expected] of tyids) {
  const made = v5(Buffer.from(oid, 'hex'), Buffer.from(salt, 'hex'))
  if (made !== expected) throw new Error(`${salt} ${oid} ${made} ${expected}`)
}
console.log(tyids.length, 'ids')
"#;
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node_modules");
    let paths = format!("{}:/usr/share/nodejs", installed.display());
    let has_uuid = Command::new("node")
        .args(["-e", "require('uuid').v5.URL"])
        .env("NODE_PATH", &paths)
        .output();
    if !has_uuid.is_ok_and(|output| output.status.success()) {
        println!("left out: Node's package `uuid` is not installed");
        return;
    }
    checked_by(
        Command::new("node")
            .args(["-e", script])
            .env("NODE_PATH", &paths),
    );
}

/// As an application would write it.
const TYID: &str = "
CREATE EXTENSION pgcrypto;
CREATE FUNCTION tyid(salt bytea, oid bytea) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT encode(set_byte(set_byte(hash, 6, get_byte(hash, 6) & 15 | 80), 8, get_byte(hash, 8) & 63 | 128), 'hex')::uuid
    FROM substring(digest(salt || oid, 'sha1') FROM 1 FOR 16) AS hash
$$;";

#[test]
fn postgresql() {
    let cluster = Cluster::start().unwrap();
    // Text of this encoding is bytes, so that `uuid-ossp` takes an id as a name, unless it holds a zero.
    let made =
        "CREATE DATABASE ids TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'";
    cluster.sql("postgres", made).unwrap();
    cluster.sql("ids", TYID).unwrap();
    let cases = cases("tyids");
    let wrong = "SELECT count(*), count(*) FILTER (WHERE tyid(salt, oid) = expected) FROM v";
    let count = cases.len();
    assert_eq!(asked(&cluster, &cases, wrong), format!("{count}|{count}"));
    let available = "SELECT count(*) FROM pg_available_extensions WHERE name = 'uuid-ossp'";
    if cluster.sql("ids", available).unwrap().trim() == "0" {
        println!("left out: PostgreSQL's extension `uuid-ossp` is not installed");
        return;
    }
    cluster
        .sql("ids", "CREATE EXTENSION \"uuid-ossp\"")
        .unwrap();
    let fit: Vec<Json> = cases
        .into_iter()
        .filter(|case| !bytes(&case[1]).contains(&0))
        .collect();
    assert!(fit.len() > 900, "{}", fit.len());
    let wrong = "SELECT count(*), count(*) FILTER (WHERE expected =
        uuid_generate_v5(encode(salt, 'hex')::uuid, convert_from(oid, 'SQL_ASCII'))) FROM v";
    let count = fit.len();
    assert_eq!(asked(&cluster, &fit, wrong), format!("{count}|{count}"));
}

/// What a query answers with the cases as table `v`.
fn asked(cluster: &Cluster, cases: &[Json], query: &str) -> String {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let row = |case: &Json| {
        let [salt, oid, tyid] = [0, 1, 2].map(|place| text(&case[place]));
        format!("('\\x{salt}'::bytea, '\\x{oid}'::bytea, '{tyid}'::uuid)")
    };
    let rows: Vec<String> = cases.iter().map(row).collect();
    let with = format!(
        "WITH v (salt, oid, expected) AS (VALUES {})",
        rows.join(", ")
    );
    cluster
        .sql("ids", &format!("{with} {query};"))
        .unwrap()
        .trim()
        .to_owned()
}
