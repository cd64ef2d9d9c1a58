//! The program from outside: requests through its standard input, as the server makes them, over a store in a folder.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use privet_telemetry_store::{
    Access, Common, Log, Machine, Record, Rows, Settings, Stamped, Store,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A question that never ends by itself.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000000000)";

/// 300 rows of each of three people.
fn store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().to_str().unwrap();
    let store = Store::open(address, Settings::new(Access::Write), Arc::new(Machine)).unwrap();
    let mut rows = Rows::new(Vec::new()).unwrap();
    for n in 0..900 {
        let log = Log {
            common: Common {
                time_ns: n,
                received_ms: 0,
                person: Some(Stamped {
                    tyid: [1 + (n % 3) as u8; 16],
                    ..Stamped::default()
                }),
                ..Common::default()
            },
            severity: Some(n as i32),
            body: (n == 0).then_some("a \u{1b}[31m \"word\",\nand more"),
            ..Log::default()
        };
        rows.push("acme", &Record::Log(log), &[]).unwrap();
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime
        .block_on(store.append(rows.finish().unwrap(), None))
        .unwrap();
    folder
}

fn header(store: &Path, sql: &str, output: &str, limits: Value) -> Value {
    json!({
        "format": 1, "purpose": "improvement", "sql": sql, "output": output, "store": store,
        "people": 2, "limits": limits,
    })
}

struct Ended {
    status: ExitStatus,
    output: Vec<u8>,
    lines: Vec<Value>,
}

impl Ended {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.output).unwrap()
    }

    fn last(&self) -> &Value {
        self.lines.last().unwrap()
    }

    fn code(&self) -> &str {
        self.last()["error"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("{:?}", self.lines))
    }
}

fn start(header: &Value) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_privet-query"))
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.as_mut().unwrap();
    writeln!(input, "{header}").unwrap();
    // The first and the third person agree.
    if header["people"] == 2 {
        input.write_all(&[[1; 16], [3; 16]].concat()).unwrap();
    }
    child
}

fn end(mut child: Child) -> Ended {
    // Standard input stays open until the answer is there.
    let input = child.stdin.take();
    let ended = child.wait_with_output().unwrap();
    drop(input);
    let lines = ended
        .stderr
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    Ended {
        status: ended.status,
        output: ended.stdout,
        lines: lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect(),
    }
}

fn ask(store: &TempDir, sql: &str, output: &str, limits: Value) -> Ended {
    end(start(&header(store.path(), sql, output, limits)))
}

#[test]
fn every_format_is_written() {
    let store = store();
    let ask = |sql: &str, output: &str| {
        let ended = ask(&store, sql, output, json!({}));
        assert!(ended.status.success(), "{output}: {:?}", ended.lines);
        assert!(ended.lines[0]["started"]["confined"].is_boolean());
        ended
    };
    let sum = "SELECT count(*) AS rows, sum(severity) AS sum FROM logs";
    // 0, 3, 6 … and 2, 5, 8 …
    let expected = (0..900).filter(|n| n % 3 != 1).sum::<i64>();
    let csv = ask(sum, "csv");
    assert_eq!(csv.text(), format!("rows,sum\n600,{expected}\n"));
    let done = &csv.last()["done"];
    assert_eq!(
        (&done["rows"], &done["people"], &done["version"]),
        (&json!(1), &json!(2), &json!(1))
    );
    let line: Value = serde_json::from_str(ask(sum, "json").text()).unwrap();
    assert_eq!(line, json!({"rows": 600, "sum": expected}));
    assert!(ask(sum, "table").text().contains("| 600  |"));
    // A terminal is not moved, a spreadsheet finds its columns.
    let words = "SELECT body FROM logs WHERE body IS NOT NULL";
    assert!(!ask(words, "table").text().contains('\u{1b}'));
    assert_eq!(
        ask(words, "csv").text(),
        "body\n\"a \u{1b}[31m \"\"word\"\",\nand more\"\n"
    );
    let all = "SELECT * FROM logs ORDER BY severity";
    let rows = |sizes: Vec<usize>| sizes.into_iter().sum::<usize>();
    let parquet = ask(all, "parquet").output;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(parquet)).unwrap();
    assert_eq!(
        rows(
            reader
                .build()
                .unwrap()
                .map(|batch| batch.unwrap().num_rows())
                .collect()
        ),
        600
    );
    let arrow = ask(all, "arrow").output;
    let reader = StreamReader::try_new(arrow.as_slice(), None).unwrap();
    assert_eq!(
        rows(reader.map(|batch| batch.unwrap().num_rows()).collect()),
        600
    );
    // No rows are an answer, too.
    let none = "SELECT severity FROM logs WHERE severity < 0";
    assert_eq!(ask(none, "csv").text(), "severity\n");
    assert_eq!(ask(none, "json").text(), "");
}

#[test]
fn everybody_is_everybody() {
    let store = store();
    let mut header = header(store.path(), "SELECT count(*) FROM logs", "csv", json!({}));
    header["people"] = json!("everybody");
    let ended = end(start(&header));
    assert_eq!(ended.text(), "count(*)\n900\n");
    assert_eq!(ended.last()["done"]["people"], Value::Null);
}

#[test]
fn an_endless_question_ends() {
    let store = store();
    let ended = ask(&store, ENDLESS, "csv", json!({"time_ms": 300}));
    assert_eq!((ended.code(), ended.status.success()), ("time", false));
    // Whoever asked goes away.
    let mut child = start(&header(
        store.path(),
        ENDLESS,
        "csv",
        json!({"time_ms": 600_000}),
    ));
    drop(child.stdin.take());
    assert_eq!(end(child).code(), "abandoned");
}

#[test]
fn nobody_who_reads_ends_it() {
    let store = store();
    let many = "SELECT value FROM generate_series(1, 100000000)";
    let limits =
        json!({"rows": 1_000_000_000_u64, "output_bytes": 1_u64 << 40, "time_ms": 600_000});
    let mut child = start(&header(store.path(), many, "csv", limits));
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 64]).unwrap();
    drop(output);
    assert_eq!(end(child).code(), "abandoned");
}

#[test]
fn answers_and_work_are_bounded() {
    let store = store();
    let many = "SELECT value FROM generate_series(1, 1000000)";
    let check = |sql: &str, output: &str, limits: Value| {
        let ended = ask(&store, sql, output, limits);
        assert_eq!(
            (ended.code(), ended.status.success()),
            ("limit", false),
            "{sql}"
        );
    };
    check(many, "csv", json!({"rows": 1000}));
    check(many, "json", json!({"output_bytes": 10_000}));
    check(many, "table", json!({}));
    let distinct = "SELECT count(*) FROM (SELECT DISTINCT value * 7919 % 3000017 FROM generate_series(1, 3000000))";
    check(distinct, "csv", json!({"memory_bytes": 8 << 20}));
}

#[test]
fn what_does_not_fit_is_spilled() {
    let store = store();
    let spill = tempfile::tempdir().unwrap();
    let sorted = "SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY value DESC) AS n FROM generate_series(1, 3000000))";
    let limits = json!({"memory_bytes": 24 << 20, "time_ms": 600_000});
    assert_eq!(ask(&store, sorted, "csv", limits.clone()).code(), "limit");
    let mut limits = limits;
    limits["spill_folder"] = json!(spill.path());
    let ended = ask(&store, sorted, "csv", limits);
    assert!(ended.status.success(), "{:?}", ended.lines);
    assert!(ended.text().ends_with("\n3000000\n"));
    assert_eq!(
        std::fs::read_dir(spill.path()).unwrap().count(),
        0,
        "left behind"
    );
}

/// Nesting that no stack holds must not end in the dark, nor may the longest statement.
#[test]
fn deep_statements_are_answered_or_refused() {
    let store = store();
    let sum = format!("SELECT {}1", "1+".repeat(800));
    let ended = ask(&store, &sum, "csv", json!({"time_ms": 600_000}));
    assert!(ended.last().get("done").is_some() || ended.last().get("error").is_some());
    for sql in [
        format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("SELECT {}1", "NOT ".repeat(10_000)),
        format!("SELECT {}1{}", "abs(".repeat(5_000), ")".repeat(5_000)),
        format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(3_000)),
    ] {
        let ended = ask(&store, &sql, "csv", json!({"time_ms": 600_000}));
        assert!(!ended.code().is_empty(), "{}", sql.len());
    }
}

#[test]
fn a_request_that_is_none_is_answered_with_nothing() {
    let store = store();
    let wrong = json!({"format": 1, "purpose": "x", "sql": "SELECT 1", "output": "csv", "store": store.path()});
    let ended = end(start(&wrong));
    assert_eq!((ended.code(), ended.output.len()), ("request", 0));
    let nowhere = store.path().join("nowhere");
    let ended = end(start(&header(&nowhere, "SELECT 1", "csv", json!({}))));
    assert_eq!(ended.code(), "store");
    assert!(!nowhere.exists());
}
