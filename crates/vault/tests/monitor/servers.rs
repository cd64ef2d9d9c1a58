//! Two servers on the same stores, each with a log of its own: what one grants holds on the other, what one takes away
//! ends on the other within a second, and one that cannot read the shared sequence opens nothing.

use std::sync::Arc;
use std::time::Duration;

use privet_store::{FailNth, Faults, MemoryStores, Moment};
use privet_tlog::ProofBundle;
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::{Entry, EntryKind};
use privet_vault::port::{StoreError, Verdict};
use privet_vault::{Caller, Connection, Mode, Opener, Parts, SessionId, StepQuery, Vault};

use crate::bed::{Bed, PRINCIPALS, hand_clock, parts, parts_of_another, policy_of, request, root};
use crate::engine::new_stores;
use crate::granting::entries;
use crate::sessions::{LINK, REASON, decrypt, sealed, statement};

const OTHER: &str = "privet.example/test/2";

/// Two servers.
pub(crate) struct Pair {
    pub(crate) one: Bed,
    pub(crate) two: Bed,
}

impl Pair {
    async fn new() -> Self {
        Self::ruled("").await
    }

    /// Two with more policies.
    pub(crate) async fn ruled(policies: &str) -> Self {
        let (stores, clock) = (new_stores().await, hand_clock());
        let ruled = |mut parts: Parts| {
            parts.policy = policy_of(&parts.config.environment, policies, PRINCIPALS);
            Vault::start(parts)
        };
        let one = ruled(parts(&stores, &clock, "test", root()));
        let two = ruled(parts_of_another(&stores, &clock, OTHER));
        let bed = |vault: Vault| Bed {
            vault,
            clock: clock.clone(),
            stores: same(&stores),
        };
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        Self {
            one: bed(one),
            two: bed(two),
        }
    }

    /// A connection to each with one token, from one address.
    pub(crate) async fn desk(&self) -> [Connection; 2] {
        let token = self.one.token("on_call").await;
        [
            connection(&self.one, &token, "192.0.2.1").await,
            connection(&self.two, &token, "192.0.2.1").await,
        ]
    }
}

fn same(stores: &MemoryStores) -> MemoryStores {
    MemoryStores {
        data: stores.data.clone(),
        keys: stores.keys.clone(),
        log: stores.log.clone(),
    }
}

async fn connection(bed: &Bed, token: &str, address: &str) -> Connection {
    let caller = bed.vault.authenticate(token, address).await.unwrap();
    bed.vault.connect(caller, "shop").await.unwrap()
}

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for what must happen by itself. It takes no second: a server that has not read the shared sequence for one
/// opens nothing, which is tested with a clock of the test's own, and it is read several times a second.
async fn within_reason(mut happened: impl FnMut() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("it never happened"));
}

fn opens(opener: &mut Opener, cell: &str) -> bool {
    opener.open_text(cell.as_bytes(), &mut Vec::new())
}

#[tokio::test]
async fn a_reason_that_was_stated_on_one_server_holds_on_the_other() {
    let pair = Pair::new().await;
    let token = pair.one.token("on_call").await;
    let mut first = connection(&pair.one, &token, "192.0.2.1").await;
    let mut early = connection(&pair.two, &token, "192.0.2.1").await;
    let session = first.justify(REASON, Some(LINK)).await.unwrap();
    // Whether it was open already or is opened afterwards.
    early.join().await.unwrap();
    let late = connection(&pair.two, &token, "192.0.2.1").await;
    for joined in [&early, &late] {
        assert_eq!(joined.mode(), Mode::Protected);
        assert_eq!(joined.status().session, Some(session));
    }
    // Saying the same again joins it; from elsewhere or with another token it is not theirs.
    let other_token = pair.one.token("on_call").await;
    for (token, address) in [(&token, "192.0.2.2"), (&other_token, "192.0.2.1")] {
        let mut stranger = connection(&pair.two, token, address).await;
        assert_eq!(stranger.mode(), Mode::Unjustified);
        let error = stranger.justify(REASON, Some(LINK)).await.unwrap_err();
        assert_eq!(error.code(), "reason_repeated");
    }
    assert_eq!(pair.one.count(EntryKind::SessionOpened).await, 1);
    assert_eq!(pair.two.count(EntryKind::SessionOpened).await, 0);
    assert_eq!(pair.two.count(EntryKind::SessionJoined).await, 2);
}

#[tokio::test]
async fn saying_the_same_on_the_other_server_joins_the_session() {
    let pair = Pair::new().await;
    let [mut first, mut second] = pair.desk().await;
    let session = first.justify(REASON, Some(LINK)).await.unwrap();
    assert_eq!(second.justify(REASON, Some(LINK)).await.unwrap(), session);
    assert_eq!(pair.two.count(EntryKind::SessionOpened).await, 0);
}

#[tokio::test]
async fn a_grant_of_one_server_is_joined_on_the_other_and_ends_there() {
    let pair = Pair::new().await;
    let ada = pair.one.subject("ada@example.com").await;
    let email = sealed(&pair.one, &ada, "email", "ada@example.com").await;
    let phone = sealed(&pair.one, &ada, "phone", "+1 202 555 0143").await;
    let [mut first, mut second] = pair.desk().await;
    first.justify(REASON, Some(LINK)).await.unwrap();
    let granted = first
        .decrypt(&decrypt(&ada, Some(&["email"])))
        .await
        .unwrap();
    second.join().await.unwrap();
    second.join_grant(granted.grant).await.unwrap();
    let Mode::Decrypted { subject, until, .. } = second.mode() else {
        panic!("{:?}", second.mode());
    };
    assert_eq!((subject, until), (ada.to_string(), granted.until));
    second.record(statement("SELECT 1")).await.unwrap();
    let mut opener = second.opener();
    assert!(opens(&mut opener, &email));
    assert!(!opens(&mut opener, &phone), "not granted");

    first.encrypt().await.unwrap();
    within_reason(|| !opens(&mut opener, &email)).await;
    assert_eq!(second.mode(), Mode::Protected);
    // It ended for good.
    let error = second.join_grant(granted.grant).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
}

#[tokio::test]
async fn a_grant_belongs_to_its_session_on_every_server() {
    let pair = Pair::new().await;
    let ada = pair.one.subject("ada@example.com").await;
    let [mut first, _] = pair.desk().await;
    first.justify(REASON, Some(LINK)).await.unwrap();
    let granted = first.decrypt(&decrypt(&ada, None)).await.unwrap();
    let [_, mut stranger] = pair.desk().await;
    stranger
        .justify("the invoice of yesterday is missing", None)
        .await
        .unwrap();
    let error = stranger.join_grant(granted.grant).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
    assert_eq!(stranger.mode(), Mode::Protected);
}

/// Takes something away on the first server, twice; it ends on the second in the middle of a result.
async fn arrives(
    take: impl AsyncFn(&Pair, &str, privet_vault::SessionId, &privet_vault::SubjectName),
) {
    let pair = Pair::new().await;
    for round in 0..2 {
        let ada = pair.one.subject(&format!("ada{round}@example.com")).await;
        let cell = sealed(&pair.one, &ada, "email", "ada@example.com").await;
        let token = pair.one.token("on_call").await;
        let mut first = connection(&pair.one, &token, "192.0.2.1").await;
        let mut second = connection(&pair.two, &token, "192.0.2.1").await;
        let reason = format!("customer {round} cannot log in since the update");
        let session = first.justify(&reason, Some(LINK)).await.unwrap();
        second.join().await.unwrap();
        second.decrypt(&decrypt(&ada, None)).await.unwrap();
        second.record(statement("SELECT 1")).await.unwrap();
        let mut opener = second.opener();
        assert!(opens(&mut opener, &cell));
        take(&pair, &token, session, &ada).await;
        within_reason(|| !opens(&mut opener, &cell)).await;
    }
}

#[tokio::test]
async fn a_revoked_token_ends_on_the_other_server() {
    arrives(async |pair, token, _, _| {
        let operator = pair.one.caller("operator").await;
        let caller = pair
            .one
            .vault
            .authenticate(token, "192.0.2.1")
            .await
            .unwrap();
        // Both servers have it ready.
        pair.two
            .vault
            .authenticate(token, "192.0.2.1")
            .await
            .unwrap();
        let id = caller.token();
        pair.one.vault.revoke_token(&operator, id).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_approval_ends_the_session_on_the_other_server() {
    arrives(async |pair, _, session, _| {
        let auditor = pair.one.caller("auditor").await;
        let approved = pair
            .one
            .vault
            .review(&auditor, session, Verdict::Approved, "fine");
        approved.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_erasure_ends_on_the_other_server() {
    arrives(async |pair, _, _, subject| {
        let job = pair.two.caller("job").await;
        let wish = request(subject, &["email"], "service");
        // The other server has the keys ready.
        let before = pair.two.vault.reveal(&job, &wish).await.unwrap();
        assert!(before.subjects[0].is_some());
        let operator = pair.one.caller("operator").await;
        pair.one
            .vault
            .close_subject(&operator, subject)
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_approval_ends_a_session_that_is_live_elsewhere_alone() {
    let pair = Pair::new().await;
    let [_, mut second] = pair.desk().await;
    let session = second.justify(REASON, Some(LINK)).await.unwrap();
    // The first server never had it.
    let auditor = pair.one.caller("auditor").await;
    let approved = pair
        .one
        .vault
        .review(&auditor, session, Verdict::Approved, "");
    approved.await.unwrap();
    within_reason(|| second.mode() == Mode::Unjustified).await;
    let error = second.record(statement("SELECT 1")).await.unwrap_err();
    assert_eq!(error.code(), "session_ended");
    // Nobody finds it again.
    second.join().await.unwrap();
    assert_eq!(second.mode(), Mode::Unjustified);
    let row = pair
        .two
        .stores
        .data
        .session(session)
        .await
        .unwrap()
        .unwrap();
    assert!(row.ended_at.is_some());
    assert_eq!(row.review.unwrap().verdict, Verdict::Approved);
}

#[tokio::test]
async fn an_end_that_could_not_be_told_is_told_later() {
    let (stores, clock, faults) = (new_stores().await, hand_clock(), Faults::new());
    let mut failing = parts(&stores, &clock, "test", root());
    failing.keys = Arc::new(FailNth::new(stores.keys.clone(), &faults));
    let one = Bed {
        vault: Vault::start(failing).await.unwrap(),
        clock: clock.clone(),
        stores: same(&stores),
    };
    let two = Vault::start(parts_of_another(&stores, &clock, OTHER));
    let two = Bed {
        vault: two.await.unwrap(),
        clock,
        stores,
    };
    let mut told = 0;
    for nth in 1..12 {
        let token = two.token("on_call").await;
        let mut console = connection(&two, &token, "192.0.2.1").await;
        let reason = format!("customer {nth} cannot log in since the update");
        let session = console.justify(&reason, Some(LINK)).await.unwrap();
        let auditor = one.caller("auditor").await;
        faults.fail_nth(nth, Moment::Before, StoreError::Unavailable("away".into()));
        let approved = one
            .vault
            .review(&auditor, session, Verdict::Approved, "")
            .await;
        faults.clear();
        let row = one.stores.data.session(session).await.unwrap().unwrap();
        if row.ended_at.is_none() {
            // The call that failed was one before the end.
            assert!(approved.is_err());
            continue;
        }
        told += 1;
        within_reason(|| console.mode() == Mode::Unjustified).await;
    }
    assert!(told >= 2, "{told}");
}

#[tokio::test]
async fn an_auditor_on_either_server_reads_all_of_a_session() {
    let pair = Pair::new().await;
    let ada = pair.one.subject("ada@example.com").await;
    let cell = sealed(&pair.one, &ada, "email", "ada@example.com").await;
    let [mut first, mut second] = pair.desk().await;
    let session = first.justify(REASON, Some(LINK)).await.unwrap();
    second.join().await.unwrap();
    let granted = first.decrypt(&decrypt(&ada, None)).await.unwrap();
    second.join_grant(granted.grant).await.unwrap();
    for (console, sql, times) in [(&mut first, "SELECT 1", 1), (&mut second, "SELECT 2", 2)] {
        let permit = console.record(statement(sql)).await.unwrap();
        let mut opener = console.opener();
        for _ in 0..times {
            assert!(opens(&mut opener, &cell));
        }
        console.shown(permit, 1);
    }
    first.close().await.unwrap();
    second.close().await.unwrap();
    for bed in [&pair.one, &pair.two] {
        // What was shown is written behind the result.
        while bed.count(EntryKind::StatementShown).await == 0 {
            tokio::task::yield_now().await;
        }
    }
    for (bed, [first, second]) in [
        (&pair.one, [None, Some(OTHER)]),
        (&pair.two, [Some(crate::bed::ORIGIN), None]),
    ] {
        let auditor = bed.caller("auditor").await;
        let view = bed.vault.session_view(&auditor, session).await.unwrap();
        assert_eq!(view.reason.as_deref(), Some(REASON));
        // The other server lists what it wrote a moment later.
        let steps = loop {
            let query = StepQuery::default();
            let page = bed.vault.session_steps(&auditor, session, query).await;
            let steps = page.unwrap().steps;
            if steps.iter().filter(|step| !step.opened.is_empty()).count() == 2 {
                break steps;
            }
            tokio::task::yield_now().await;
        };
        let mut shown: Vec<_> = steps
            .iter()
            .filter(|step| step.decrypted)
            .map(|step| {
                let sql = step.sql.as_deref().unwrap();
                (step.elsewhere.as_deref(), sql, &step.opened[..])
            })
            .collect();
        // Each server lists its own entries when it gets round to it: their order across servers is no promise.
        shown.sort_by_key(|(_, sql, _)| *sql);
        let email = |count| [("email".to_owned(), count)];
        let expected = [
            (first, "SELECT 1", &email(1)[..]),
            (second, "SELECT 2", &email(2)[..]),
        ];
        assert_eq!(shown, expected);
        proven(bed, &auditor, session).await;
    }
}

/// One file proves what both servers wrote, each under the checkpoint of its own log.
async fn proven(bed: &Bed, auditor: &Caller, session: SessionId) {
    let proof = bed.vault.session_proof(auditor, session).await.unwrap();
    let bundle = ProofBundle::parse(&proof).unwrap();
    let key = |origin: &str, seed| {
        SigningKey::from_seed(KeyName::new(origin).unwrap(), &[seed; 32]).unwrap()
    };
    let one = key(crate::bed::ORIGIN, 7).verifier();
    let two = key(OTHER, 8).verifier();
    let checkpoints = bundle.verify(&[one.clone(), two]).unwrap();
    assert_eq!(checkpoints.len(), 2);
    assert!(bundle.verify(&[one]).is_err());
    for log in &bundle.logs {
        assert!(log.entries.len() >= 2);
        for entry in &log.entries {
            let entry = Entry::parse(&entry.bytes).unwrap();
            assert_eq!(entry.session, Some(session));
        }
    }
}

#[tokio::test]
async fn work_on_one_server_keeps_the_session_on_the_other() {
    let pair = Pair::new().await;
    let [mut first, mut second] = pair.desk().await;
    first.justify(REASON, Some(LINK)).await.unwrap();
    second.join().await.unwrap();
    pair.one.clock.advance(Duration::from_secs(20 * 60));
    second.record(statement("SELECT 1")).await.unwrap();
    second.close().await.unwrap();
    pair.one.clock.advance(Duration::from_secs(20 * 60));
    // Idle for 40 minutes here, but not in all.
    first.join().await.unwrap();
    assert_eq!(first.mode(), Mode::Protected);
    pair.one.clock.advance(Duration::from_secs(31 * 60));
    first.join().await.unwrap();
    assert_eq!(first.mode(), Mode::Unjustified);
}

#[tokio::test]
async fn a_session_outlives_its_server_and_ends_in_time() {
    let (stores, clock) = (new_stores().await, hand_clock());
    let start = async || Bed {
        vault: Vault::start(parts(&stores, &clock, "test", root()))
            .await
            .unwrap(),
        clock: clock.clone(),
        stores: same(&stores),
    };
    let bed = start().await;
    let token = bed.token("on_call").await;
    let mut console = connection(&bed, &token, "192.0.2.1").await;
    let session = console.justify(REASON, Some(LINK)).await.unwrap();
    drop(console);
    bed.vault.stop().await;
    drop(bed);

    clock.advance(Duration::from_secs(10 * 60));
    let bed = start().await;
    let console = connection(&bed, &token, "192.0.2.1").await;
    assert_eq!(console.status().session, Some(session));
    drop(console);
    bed.vault.stop().await;
    drop(bed);

    // Nobody came back.
    clock.advance(Duration::from_secs(32 * 60));
    let bed = start().await;
    let row = bed.stores.data.session(session).await.unwrap().unwrap();
    assert!(row.ended_at.is_some());
    assert_eq!(bed.count(EntryKind::SessionEnded).await, 1);
    let console = connection(&bed, &token, "192.0.2.1").await;
    assert_eq!(console.mode(), Mode::Unjustified);
}

#[tokio::test]
async fn an_erasure_that_another_server_left_behind_is_finished() {
    let (stores, clock, faults) = (new_stores().await, hand_clock(), Faults::new());
    let mut failing = parts(&stores, &clock, "test", root());
    failing.keys = Arc::new(FailNth::new(stores.keys.clone(), &faults));
    let one = Bed {
        vault: Vault::start(failing).await.unwrap(),
        clock: clock.clone(),
        stores: same(&stores),
    };
    let ada = one.subject("ada@example.com").await;
    let operator = one.caller("operator").await;
    // It dies after the intent, before it destroyed anything.
    let mut intended = false;
    for nth in 1..40 {
        faults.die_at(nth, StoreError::Unavailable("dead".into()));
        let closed = one.vault.close_subject(&operator, &ada).await;
        if closed.is_err() && one.count(EntryKind::ErasureIntended).await > 0 {
            intended = true;
            break;
        }
        faults.clear();
    }
    assert!(intended, "no failing call came after the intent");
    drop(one);
    assert_eq!(stores.keys.subject_count().await, Ok(1));

    // Another server starts; the one that died does not.
    let two = Vault::start(parts_of_another(&stores, &clock, OTHER)).await;
    let two = Bed {
        vault: two.unwrap(),
        clock,
        stores,
    };
    assert_eq!(two.stores.keys.subject_count().await, Ok(0));
    assert!(two.count(EntryKind::ErasureDone).await >= 1);
    two.subject("ada@example.com").await;
}

#[tokio::test]
async fn a_server_that_is_cut_off_opens_nothing_while_the_other_goes_on() {
    let (stores, clock, faults) = (new_stores().await, hand_clock(), Faults::new());
    let mut cut = parts(&stores, &clock, "test", root());
    cut.keys = Arc::new(FailNth::new(stores.keys.clone(), &faults));
    let one = Bed {
        vault: Vault::start(cut).await.unwrap(),
        clock: clock.clone(),
        stores: same(&stores),
    };
    let two = Vault::start(parts_of_another(&stores, &clock, OTHER)).await;
    let two = Bed {
        vault: two.unwrap(),
        clock: clock.clone(),
        stores,
    };
    let ada = one.subject("ada@example.com").await;
    let wish = request(&ada, &["email"], "service");
    let (job_one, job_two) = (one.caller("job").await, two.caller("job").await);
    one.vault.reveal(&job_one, &wish).await.unwrap();
    // The next call of the first server's key store never ends: that of the sequence.
    let gate = faults.hold_nth(1);
    gate.reached().await;
    clock.advance(Duration::from_millis(1_100));
    let error = one.vault.reveal(&job_one, &wish).await.unwrap_err();
    assert_eq!(error.code(), "key_store_unread");
    // The second one reads on.
    let read_again = async {
        while two.vault.reveal(&job_two, &wish).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, read_again).await.unwrap();
    let error = one.vault.reveal(&job_one, &wish).await.unwrap_err();
    assert_eq!(error.code(), "key_store_unread");
    gate.open();
    let reads_again = async {
        while one.vault.reveal(&job_one, &wish).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reads_again).await.unwrap();
}

#[tokio::test]
async fn a_grant_that_is_revoked_on_one_server_ends_on_the_other_in_the_middle_of_a_result() {
    let pair = Pair::new().await;
    let ada = pair.one.subject("ada@example.com").await;
    let cell = sealed(&pair.one, &ada, "email", "ada@example.com").await;
    let [_, mut second] = pair.desk().await;
    second.justify(REASON, Some(LINK)).await.unwrap();
    let granted = second.decrypt(&decrypt(&ada, None)).await.unwrap();
    let permit = second.record(statement("SELECT email FROM customer"));
    let permit = permit.await.unwrap();
    let mut opener = second.opener();
    assert!(opens(&mut opener, &cell));

    let auditor = pair.one.caller("auditor").await;
    pair.one
        .vault
        .revoke_grant(&auditor, granted.grant, "the customer called")
        .await
        .unwrap();
    within_reason(|| !opens(&mut opener, &cell)).await;
    assert_eq!(second.mode(), Mode::Protected);
    second.shown(permit, 1);
    let ended = entries(&pair.one, EntryKind::GrantEnded).await;
    assert_eq!(ended.len(), 1, "on record where it was done");
    let error = second.join_grant(granted.grant).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
}
