//! Questions to telemetry: who may ask for what, whose events they are answered from, and what is on record.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use privet_classify::DataMap;
use privet_store::{FailNth, Faults, Moment};
use privet_vault::audit::{Entry, EntryKind};
use privet_vault::port::{
    People, QueryAnswer, QueryEngine, QueryError, QueryFormat, QueryTask, StoreError,
};
use privet_vault::{
    Caller, ConsentChange, ConsentChannel, ConsentGrant, Error, Oid, QueryOrder, QueryRun,
    SubjectName, Vault,
};

use crate::bed::{Bed, MAP, bed, hand_clock, parts, root};
use crate::engine::new_stores;
use crate::servers::Pair;

const SQL: &str = "SELECT count(*) FROM logs WHERE body = 'of Ada Lovelace'";

/// Writes down what it is asked, and answers with pieces that were laid out before.
#[derive(Default)]
struct Recorder {
    tasks: Mutex<Vec<QueryTask>>,
    pieces: Mutex<VecDeque<Result<Vec<u8>, QueryError>>>,
    refusal: Mutex<Option<QueryError>>,
    /// Whether it never comes to an answer.
    hangs: AtomicBool,
}

struct Laid(VecDeque<Result<Vec<u8>, QueryError>>, u64);

#[async_trait]
impl QueryEngine for Recorder {
    async fn start(&self, task: QueryTask) -> Result<Box<dyn QueryAnswer>, QueryError> {
        self.tasks.lock().unwrap().push(task);
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if let Some(error) = self.refusal.lock().unwrap().take() {
            return Err(error);
        }
        let pieces = std::mem::take(&mut *self.pieces.lock().unwrap());
        Ok(Box::new(Laid(pieces, 0)))
    }
}

#[async_trait]
impl QueryAnswer for Laid {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, QueryError> {
        self.1 += 1;
        self.0.pop_front().transpose()
    }

    fn rows(&self) -> u64 {
        self.1
    }
}

impl Recorder {
    fn on(vault: &Vault) -> Arc<Self> {
        let recorder = Arc::new(Self::default());
        vault.answer_queries(recorder.clone());
        recorder
    }

    /// Whose events the last question was answered from.
    fn people(&self) -> People {
        self.tasks.lock().unwrap().last().unwrap().people.clone()
    }

    fn asked(&self) -> usize {
        self.tasks.lock().unwrap().len()
    }
}

fn order(purpose: &str) -> QueryOrder {
    QueryOrder {
        purpose: purpose.to_owned(),
        sql: SQL.to_owned(),
        format: QueryFormat::Csv,
    }
}

async fn ask(vault: &Vault, caller: &Caller, purpose: &str) -> Result<QueryRun, String> {
    let run = vault.query(caller, &order(purpose)).await;
    run.map_err(|error| error.code().to_owned())
}

/// Whose events a question for `improvement` is answered from now.
async fn agreeing(vault: &Vault, recorder: &Recorder, caller: &Caller) -> Vec<[u8; 16]> {
    ask(vault, caller, "improvement").await.unwrap();
    match recorder.people() {
        People::Agreeing(ids) => ids.to_vec(),
        People::Everybody => panic!("everybody"),
    }
}

/// Their id for telemetry at this moment; the first look makes it.
async fn tyid(vault: &Vault, subject: &SubjectName) -> [u8; 16] {
    let stamps = vault.pseudonymizer().stamps(&[oid(subject)]).await;
    *stamps.unwrap()[0].unwrap().tyid.as_bytes()
}

fn oid(subject: &SubjectName) -> Oid {
    match subject {
        SubjectName::Oid(oid) => *oid,
        SubjectName::Alias { .. } => panic!("an alias"),
    }
}

async fn answers(bed: &Bed, subject: &SubjectName, agrees: bool) {
    let purpose = "improvement".to_owned();
    let change = ConsentChange {
        grant: match agrees {
            true => vec![ConsentGrant {
                purpose: purpose.clone(),
                notice: "2026-11".to_owned(),
            }],
            false => Vec::new(),
        },
        withdraw: match agrees {
            true => Vec::new(),
            false => vec![purpose],
        },
        channel: ConsentChannel::App,
        language: None,
        evidence: None,
    };
    let job = bed.caller("job").await;
    let recorded = bed.vault.record_consent(&job, subject, &change).await;
    recorded.unwrap();
}

/// The last entry of a kind, as text.
async fn last(bed: &Bed, kind: EntryKind) -> String {
    let log = bed.vault.audit();
    let entries = log.entries(0, 10_000).await.unwrap();
    let of_kind = |entry: &&Vec<u8>| Entry::parse(entry).unwrap().kind() == Some(kind);
    let found = entries.iter().rfind(of_kind).unwrap();
    String::from_utf8(found.clone()).unwrap()
}

#[tokio::test]
async fn who_may_ask_for_what_is_policy() {
    let bed = bed().await;
    let recorder = Recorder::on(&bed.vault);
    let codes = async |name: &str| {
        let caller = bed.caller(name).await;
        let mut codes = Vec::new();
        for purpose in ["improvement", "marketing", "service", "support", "nothing"] {
            let asked = ask(&bed.vault, &caller, purpose).await;
            codes.push(asked.err().unwrap_or_else(|| "yes".to_owned()));
        }
        codes.join(" ")
    };
    let denied = "policy_denied policy_denied policy_denied policy_denied unknown_purpose";
    assert_eq!(codes("on_call").await, denied);
    assert_eq!(codes("auditor").await, denied);
    assert_eq!(codes("operator").await, denied);
    assert_eq!(
        codes("analyst").await,
        "yes yes policy_denied policy_denied unknown_purpose"
    );
    assert_eq!(
        codes("mailer").await,
        "yes yes yes policy_denied unknown_purpose"
    );
    assert_eq!(bed.count(EntryKind::QueryDenied).await, 4 * 3 + 2 + 1);
    assert_eq!(bed.count(EntryKind::QueryStarted).await, 5);
    assert_eq!(recorder.asked(), 5);
    // The mailer's last one was for a purpose that does not rest on consent.
    assert_eq!(recorder.people(), People::Everybody);
}

#[tokio::test]
async fn a_question_is_answered_from_those_who_agree_when_it_starts() {
    let pair = Pair::ruled("").await;
    let (one, two) = (&pair.one, &pair.two);
    let on_two = Recorder::on(&two.vault);
    let analyst = two.caller("analyst").await;
    let now = || agreeing(&two.vault, &on_two, &analyst);

    let [ada, bob, cyd] = ["ada", "bob", "cyd"].map(|name| format!("{name}@example.com"));
    let ada = one.subject(&ada).await;
    let bob = one.subject(&bob).await;
    let cyd = one.subject(&cyd).await;
    answers(one, &ada, true).await;
    assert!(now().await.is_empty(), "telemetry knows nobody yet");

    let of_ada = tyid(&one.vault, &ada).await;
    assert_eq!(now().await, [of_ada]);
    let of_bob = tyid(&one.vault, &bob).await;
    assert_eq!(now().await, [of_ada], "bob was never asked");
    answers(one, &bob, true).await;
    let mut both = [of_ada, of_bob];
    both.sort_unstable();
    assert_eq!(now().await, both);
    answers(one, &ada, false).await;
    assert_eq!(now().await, [of_bob]);
    answers(one, &cyd, true).await;
    assert_eq!(now().await, [of_bob], "nothing is known of cyd there");

    let operator = one.caller("job").await;
    one.vault.close_subject(&operator, &bob).await.unwrap();
    assert!(now().await.is_empty());
    let of_cyd = tyid(&one.vault, &cyd).await;
    assert_eq!(now().await, [of_cyd]);
    // A server that starts now finds the same.
    let mut again = crate::bed::parts_of_another(&two.stores, &two.clock, "privet.example/test/3");
    again.signer = privet_tlog::note::SigningKey::from_seed(
        privet_tlog::note::KeyName::new("privet.example/test/3").unwrap(),
        &[9; 32],
    )
    .unwrap();
    let three = Vault::start(again).await.unwrap();
    let on_three = Recorder::on(&three);
    assert_eq!(agreeing(&three, &on_three, &analyst).await, [of_cyd]);
}

/// Whoever is first, what is read ahead and what a question reads is the same, and a server that stops waits for neither.
#[tokio::test]
async fn what_was_read_ahead_is_what_a_question_reads() {
    let bed = bed().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let person = bed.subject(&format!("person{n}@example.com")).await;
        answers(&bed, &person, n % 2 == 0).await;
        let id = tyid(&bed.vault, &person).await;
        if n % 2 == 0 {
            ids.push(id);
        }
    }
    ids.sort_unstable();
    let token = bed.token("analyst").await;
    bed.vault.stop().await;
    for is_ahead in [false, true, true] {
        let vault = Vault::start(parts(&bed.stores, &bed.clock, "test", root())).await;
        let vault = vault.unwrap();
        let recorder = Recorder::on(&vault);
        if is_ahead {
            vault.call_roll_ahead();
            vault.call_roll_ahead();
        }
        let analyst = vault.authenticate(&token, "192.0.2.1").await.unwrap();
        assert_eq!(agreeing(&vault, &recorder, &analyst).await, ids);
        vault.call_roll_ahead();
        vault.stop().await;
    }
    // A vault that is gone: the reading ends by itself.
    let vault = Vault::start(parts(&bed.stores, &bed.clock, "test", root())).await;
    vault.unwrap().call_roll_ahead();
}

#[tokio::test]
async fn a_yes_to_another_notice_is_none() {
    let (stores, clock) = (new_stores().await, hand_clock());
    let vault = Vault::start(parts(&stores, &clock, "test", root())).await;
    let bed = Bed {
        vault: vault.unwrap(),
        clock,
        stores,
    };
    let ada = bed.subject("ada@example.com").await;
    answers(&bed, &ada, true).await;
    let of_ada = tyid(&bed.vault, &ada).await;
    let recorder = Recorder::on(&bed.vault);
    let analyst = bed.caller("analyst").await;
    assert_eq!(agreeing(&bed.vault, &recorder, &analyst).await, [of_ada]);

    let mut changed =
        crate::bed::parts_of_another(&bed.stores, &bed.clock, "privet.example/test/2");
    let map = MAP.replace("notice = \"2026-11\"", "notice = \"2026-12\"");
    changed.map = DataMap::parse(&map).unwrap();
    let vault = Vault::start(changed).await.unwrap();
    let recorder = Recorder::on(&vault);
    assert!(agreeing(&vault, &recorder, &analyst).await.is_empty());
}

#[tokio::test]
async fn a_question_is_on_record_before_it_starts_and_how_it_ended_after() {
    let bed = bed().await;
    let recorder = Recorder::on(&bed.vault);
    let analyst = bed.caller("analyst").await;
    let pieces = [Ok(b"n\n".to_vec()), Ok(b"7\n".to_vec())];
    *recorder.pieces.lock().unwrap() = pieces.into();
    let mut run = ask(&bed.vault, &analyst, "improvement").await.unwrap();
    assert_eq!(bed.count(EntryKind::QueryStarted).await, 1);
    let mut whole = Vec::new();
    while let Some(piece) = run.next().await.unwrap() {
        whole.extend(piece);
    }
    assert_eq!(whole, b"n\n7\n");
    drop(run);
    let started = last(&bed, EntryKind::QueryStarted).await;
    assert!(started.contains(r#""purpose":"improvement""#), "{started}");
    let finished = last(&bed, EntryKind::QueryFinished).await;
    assert!(finished.contains(r#""outcome":"whole""#), "{finished}");
    assert!(finished.contains(r#""bytes":4,"rows":3"#), "{finished}");
    // A statement may hold anything, so it is in no entry.
    assert!(!bed.log_text().await.contains("Lovelace"));
    assert_eq!(bed.count(EntryKind::QueryFinished).await, 1);
}

#[tokio::test]
async fn an_end_that_is_none_is_on_record_too() {
    let bed = bed().await;
    let recorder = Recorder::on(&bed.vault);
    let analyst = bed.caller("analyst").await;
    let ask = async || ask(&bed.vault, &analyst, "improvement").await;
    let ended = async |number| {
        // An end that nobody waits for is recorded by a task.
        while bed.count(EntryKind::QueryFinished).await < number {
            tokio::task::yield_now().await;
        }
        last(&bed, EntryKind::QueryFinished).await
    };

    drop(ask().await.unwrap());
    assert!(ended(1).await.contains(r#""outcome":"left""#));

    let limit = QueryError::Limit("it takes more memory than it may".to_owned());
    *recorder.pieces.lock().unwrap() = [Ok(b"n\n".to_vec()), Err(limit)].into();
    let mut run = ask().await.unwrap();
    run.next().await.unwrap();
    let error = run.next().await.unwrap_err();
    assert!(matches!(error, Error::Limited(_)), "{error}");
    assert!(ended(2).await.contains(r#""outcome":"query_limit""#));

    let wrong = QueryError::Invalid("no table `log`: there is `logs`".to_owned());
    *recorder.refusal.lock().unwrap() = Some(wrong);
    assert_eq!(ask().await.unwrap_err(), "query_invalid");
    assert!(ended(3).await.contains(r#""outcome":"query_invalid""#));

    // Whoever does not wait for the first word of an answer has asked all the same.
    recorder.hangs.store(true, Ordering::Relaxed);
    let asking = async {
        let waiting = ask();
        let asked = async {
            while recorder.asked() < 4 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = waiting => panic!("an answer"),
            () = asked => {}
        }
    };
    asking.await;
    assert!(ended(4).await.contains(r#""outcome":"left""#));
}

#[tokio::test]
async fn what_cannot_be_recorded_or_looked_up_is_not_asked() {
    let (stores, clock, faults) = (new_stores().await, hand_clock(), Faults::new());
    let mut parts = parts(&stores, &clock, "test", root());
    parts.data = Arc::new(FailNth::new(stores.data.clone(), &faults));
    parts.keys = Arc::new(FailNth::new(stores.keys.clone(), &faults));
    let vault = Vault::start(parts).await.unwrap();
    let bed = Bed {
        vault,
        clock,
        stores,
    };
    let recorder = Recorder::on(&bed.vault);
    let analyst = bed.caller("analyst").await;
    let ada = bed.subject("ada@example.com").await;
    answers(&bed, &ada, true).await;
    let of_ada = tyid(&bed.vault, &ada).await;
    let mut failed = 0;
    // Some of these calls are the server's own, in the background.
    for nth in 1..20 {
        let asked = recorder.asked();
        faults.fail_nth(nth, Moment::Before, StoreError::Unavailable("away".into()));
        let run = ask(&bed.vault, &analyst, "improvement").await;
        faults.clear();
        if let Err(code) = run {
            assert!(
                ["store_unavailable", "key_store_unread"].contains(&&*code),
                "{code}"
            );
            assert_eq!(recorder.asked(), asked);
            failed += 1;
        }
    }
    assert!(failed >= 1, "{failed}");
    assert_eq!(agreeing(&bed.vault, &recorder, &analyst).await, [of_ada]);
}

#[tokio::test]
async fn a_statement_has_its_limits_and_a_server_without_telemetry_says_so() {
    let bed = bed().await;
    let analyst = bed.caller("analyst").await;
    let asked = ask(&bed.vault, &analyst, "improvement").await;
    assert_eq!(asked.unwrap_err(), "telemetry_off");
    let recorder = Recorder::on(&bed.vault);
    for sql in [String::new(), " \n".to_owned(), "x".repeat(64 * 1024 + 1)] {
        let order = QueryOrder {
            sql,
            ..order("improvement")
        };
        let error = bed.vault.query(&analyst, &order).await.unwrap_err();
        assert_eq!(error.code(), "query_invalid");
    }
    assert_eq!(recorder.asked(), 0);
}
