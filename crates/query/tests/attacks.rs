//! Attacks, one a file: the first line says what it tries, the second what has to be in the answer. Each is also run in a world
//! in which those who do not agree have never been: whatever it answers, also an error, has to be the same in both.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use privet_query::{Limits, Output, People, Session, Writing};
use privet_telemetry_store::{
    Access, Attribute, Common, Consent, Log, Machine, Record, Rows, Settings, Snapshot, Stamped,
    Store, Type, Value,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// 1 November 2026.
const FIRST_DAY_MS: i64 = 20_758 * DAY_MS;
const AGREE: [u8; 3] = [0xa1, 0xa2, 0xa3];
const OTHERS: [u8; 3] = [0xa0, 0xb1, 0xff];

fn attribute(name: &str, of: Type) -> Attribute {
    Attribute::new(name, of).unwrap()
}

/// What the data map says, which knows nothing of `hidden` any more.
fn attributes() -> Vec<Attribute> {
    vec![attribute("n", Type::Int), attribute("secret", Type::String)]
}

struct Event {
    person: Option<u8>,
    tenant: &'static str,
    day: i64,
    n: i64,
}

/// Ten events of each person; those of others differ in all that could show.
fn events(with_others: bool) -> Vec<Event> {
    let mut events = Vec::new();
    for n in 1..=10 {
        for person in AGREE {
            events.push(Event {
                person: Some(person),
                tenant: "acme",
                day: n % 2,
                n,
            });
        }
        if with_others {
            for (index, person) in OTHERS.into_iter().enumerate() {
                let tenant = if index == 0 { "acme" } else { "others" };
                events.push(Event {
                    person: Some(person),
                    tenant,
                    day: n % 3,
                    n: 1000,
                });
            }
            events.push(Event {
                person: None,
                tenant: "acme",
                day: n % 4,
                n: 1000,
            });
        }
    }
    events
}

fn common(event: &Event, stamp: u32) -> Common<'static> {
    let is_other = event.n == 1000;
    Common {
        time_ns: if is_other { 0 } else { event.n * 1000 },
        received_ms: FIRST_DAY_MS + event.day * DAY_MS,
        person: event.person.map(|person| Stamped {
            tyid: [person; 16],
            consent: if is_other { u32::MAX } else { 5 },
            stamp,
            notice: "2026-11",
        }),
        ..Common::default()
    }
}

/// Several files, written one after the other, so that people's rows lie in more than one.
async fn world(with_others: bool) -> Snapshot {
    let store = Store::open("memory://", Settings::new(Access::Write), Arc::new(Machine)).unwrap();
    let mut columns = attributes();
    columns.push(attribute("hidden", Type::Double));
    for half in 0..2 {
        let mut rows = Rows::new(columns.clone()).unwrap();
        for event in events(with_others)
            .iter()
            .filter(|event| event.n % 2 == half)
        {
            let is_other = event.n == 1000;
            let log = Record::Log(Log {
                common: common(event, 1),
                body: Some(if is_other { "no number" } else { "1" }),
                ..Log::default()
            });
            let values = [
                (0, Value::Int(event.n)),
                (1, Value::String("s")),
                (2, Value::Double(0.5)),
            ];
            let values = &values[..if is_other { 3 } else { 1 }];
            rows.push(event.tenant, &log, values).unwrap();
            if event.n == 1 || is_other {
                let consent = Consent {
                    common: common(event, 1),
                    is_final: false,
                };
                rows.push(event.tenant, &Record::Consent(consent), &[])
                    .unwrap();
            }
        }
        store.append(rows.finish().unwrap(), None).await.unwrap();
    }
    store.snapshot().await.unwrap()
}

fn people() -> People {
    People::from_sorted_bytes(&AGREE.map(|person| [person; 16]).concat()).unwrap()
}

/// An answer as text, its lines sorted: without an ORDER BY the order is nobody's promise.
async fn ask(
    snapshot: &Snapshot,
    people: &People,
    sql: &str,
    partitions: usize,
) -> Result<String, String> {
    let limits = Limits {
        partitions,
        ..Limits::default()
    };
    let output = Shared::default();
    let answered = async {
        let session = Session::new(snapshot, &attributes(), people, &limits)?;
        let mut batches = session.ask(sql).await?;
        let schema = batches.schema();
        let mut writing = Writing::begin(output.clone(), Output::Table, &schema, &limits)?;
        while let Some(batch) = batches.next().await {
            writing.write(&batch?)?;
        }
        writing.end()
    };
    answered
        .await
        .map_err(|error: privet_query::Error| error.to_string())?;
    let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    Ok(lines.join("\n"))
}

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Statement, and what its answer has to hold, by name.
fn attacks(kind: &str) -> BTreeMap<String, (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/attacks")
        .join(kind);
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut parts = text.splitn(3, '\n');
            parts.next().unwrap();
            let expected = parts
                .next()
                .unwrap()
                .trim_start_matches("--")
                .trim()
                .to_owned();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, (parts.next().unwrap().to_owned(), expected))
        })
        .collect()
}

/// Large stacks, as the program's own threads have.
fn run(test: impl Future<Output = ()> + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(64 << 20)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { tokio::spawn(test).await.unwrap() });
}

#[test]
fn what_is_allowed_shows_only_people_who_agree() {
    run(async {
        let (all, without) = (world(true).await, world(false).await);
        let mut wrong = Vec::new();
        for (name, (sql, expected)) in attacks("allowed") {
            for partitions in [1, 3] {
                let answer = ask(&all, &people(), &sql, partitions).await;
                let cell = format!("| {expected} ");
                if !answer.as_ref().is_ok_and(|text| text.contains(&cell)) {
                    wrong.push(format!("{name}: {answer:?}"));
                }
                let other = ask(&without, &people(), &sql, partitions).await;
                if answer != other {
                    wrong.push(format!("{name} differs: {answer:?}, {other:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn what_is_refused_says_the_same_whoever_is_there() {
    run(async {
        let (all, without) = (world(true).await, world(false).await);
        let mut wrong = Vec::new();
        for (name, (sql, expected)) in attacks("refused") {
            let answer = ask(&all, &people(), &sql, 2).await;
            match &answer {
                Err(error) if error.contains(&expected) => {}
                other => wrong.push(format!("{name}: {other:?}")),
            }
            if answer != ask(&without, &people(), &sql, 2).await {
                wrong.push(format!("{name} differs"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// The attacks are worth something: without the filter, nearly all of them would show others.
#[test]
fn without_the_filter_others_show() {
    run(async {
        let (all, without) = (world(true).await, world(false).await);
        let mut differ = 0;
        let attacks = attacks("allowed");
        for (sql, _) in attacks.values() {
            let answers = (
                ask(&all, &People::Everybody, sql, 1).await,
                ask(&without, &People::Everybody, sql, 1).await,
            );
            differ += usize::from(answers.0 != answers.1);
        }
        assert!(
            differ * 4 > attacks.len() * 3,
            "{differ} of {}",
            attacks.len()
        );
    });
}
