//! One person, two servers and the time: everything that bears on their requests, small enough to be explored in every
//! order. The rows lie in a real store, and what happens to them is the vault's own [`RequestBook`].

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use privet_seal::{KeyId, KeyKind};
use privet_store::MemoryStores;
use privet_vault::port::{
    ConsentEnd, KeyRow, KeyStore, NewSubject, StoreError, SubjectRequestFilter, SubjectRequestRow,
    SubjectRow,
};
use privet_vault::subject_request::{
    Event, Outcome, Progress, RequestBook, RequestRules, Step, SubjectRequestKind,
};
use privet_vault::{Oid, Puid, RequestRunId, SubjectRef, SubjectRequestId};

pub(crate) const PERSON: SubjectRef = SubjectRef::from_bytes([0x40; 16]);
const START: Timestamp = Timestamp::constant(1_763_660_000, 0);

/// Short times, so that few ticks lead through all of them.
pub(crate) fn rules() -> RequestRules {
    RequestRules {
        batch_at: Time::constant(2, 0, 0, 0),
        cooling: SignedDuration::from_hours(30),
        file_life: SignedDuration::from_hours(30),
        ..RequestRules::default()
    }
}

/// What a server has in its hands.
#[derive(Debug, Clone)]
pub(crate) enum Hand {
    /// It has seen that something is due.
    Looked(Box<SubjectRequestRow>),
    /// It has taken the step, and done the work or not.
    Holding {
        request: SubjectRequestId,
        run: RequestRunId,
        step: Step,
        /// It has stored what is about to be destroyed.
        prepared: bool,
        worked: bool,
    },
}

/// All of it at one moment.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    /// Whether the person is known: not destroyed.
    pub(crate) known: bool,
    pub(crate) rows: Vec<SubjectRequestRow>,
    /// Requests whose key is there.
    pub(crate) keys: BTreeSet<SubjectRequestId>,
    /// Files, each by its request and the attempt that wrote it.
    pub(crate) files: BTreeSet<(SubjectRequestId, RequestRunId)>,
    /// Requests of which a mail went out.
    pub(crate) mailed: BTreeSet<SubjectRequestId>,
    pub(crate) hands: [Option<Hand>; 2],
    /// The person looks at a request that they are about to cancel.
    pub(crate) cancelling: Option<SubjectRequestRow>,
    /// How many requests of each kind may still be asked for.
    pub(crate) asks: [u8; 2],
    /// Attempts so far: each has a name of its own.
    runs: u8,
}

impl World {
    pub(crate) fn new(asks: [u8; 2]) -> Self {
        Self {
            now: START,
            known: true,
            rows: Vec::new(),
            keys: BTreeSet::new(),
            files: BTreeSet::new(),
            mailed: BTreeSet::new(),
            hands: [None, None],
            cancelling: None,
            asks,
            runs: 0,
        }
    }

    pub(crate) fn row(&self, id: SubjectRequestId) -> Option<&SubjectRequestRow> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// Whether what was looked at is still what is there.
    pub(crate) fn is_current(&self, seen: &SubjectRequestRow) -> bool {
        self.row(seen.id)
            .is_some_and(|row| row.version == seen.version)
    }

    /// The step that a request's lease is for, if this attempt has it.
    pub(crate) fn holds(&self, request: SubjectRequestId, run: RequestRunId) -> bool {
        let lease = self
            .row(request)
            .and_then(|row| row.progress.lease.as_ref());
        lease.is_some_and(|lease| lease.run == run)
    }

    fn next_run(&mut self) -> RequestRunId {
        self.runs += 1;
        RequestRunId::from_bytes([self.runs; 16])
    }
}

/// A store with what a world has in it.
pub(crate) struct Stored {
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) book: RequestBook,
}

impl Stored {
    pub(crate) async fn of(world: &World) -> Self {
        let keys = MemoryStores::new().keys;
        let has_living = world.rows.iter().any(|row| row.subject.is_some());
        assert!(
            world.known || !has_living,
            "requests end with their subject"
        );
        if world.known {
            keys.add_subjects(vec![person()]).await.unwrap();
        }
        for row in &world.rows {
            let added = keys.add_subject_request(row.clone(), Some(key_of(row.id)));
            added.await.unwrap();
            if !world.keys.contains(&row.id) {
                keys.destroy_keys(&[key_of(row.id).id]).await.unwrap();
            }
        }
        let book = RequestBook::new(Arc::clone(&keys), rules());
        Self { keys, book }
    }

    /// What the store says now.
    async fn read_into(&self, world: &mut World) {
        let filter = SubjectRequestFilter {
            count_max: 100,
            ..SubjectRequestFilter::default()
        };
        world.rows = self.keys.subject_requests(&filter).await.unwrap();
        let found = self.keys.subjects_by_reference(&[PERSON]).await.unwrap();
        world.known = found[0].is_some();
        let ids: Vec<_> = world.asked().map(|id| (id, key_of(id).id)).collect();
        let keys: Vec<_> = ids.iter().map(|(_, key)| *key).collect();
        let keys = self.keys.keys_by_id(&keys).await.unwrap();
        let there = ids.iter().zip(&keys).filter(|(_, key)| key.is_some());
        world.keys = there.map(|((id, _), _)| *id).collect();
    }
}

impl World {
    /// Every request there ever was.
    fn asked(&self) -> impl Iterator<Item = SubjectRequestId> + use<> {
        (0..8_u8).map(request_id)
    }
}

fn request_id(n: u8) -> SubjectRequestId {
    SubjectRequestId::from_bytes([n + 1; 16])
}

fn key_of(request: SubjectRequestId) -> KeyRow {
    key(KeyKind::Request, *request.as_bytes())
}

fn key(kind: KeyKind, owner: [u8; 16]) -> KeyRow {
    let mut id = owner;
    id[0] ^= 0x80;
    KeyRow {
        id: KeyId(id),
        tenant: "acme".parse().unwrap(),
        kind,
        owner,
        generation: 1,
        wrapped: vec![1; 90],
        commitment: [1; 32],
        created_at: START,
        expires_on: None,
        told: 0,
    }
}

fn person() -> NewSubject {
    NewSubject {
        subject: SubjectRow {
            reference: PERSON,
            tenant: "acme".parse().unwrap(),
            puid: Puid::from_bytes([1; 16]),
            oid: Oid::from_bytes([2; 16]),
            created_at: START,
            mac: [0; 32],
        },
        keys: vec![key(KeyKind::SubjectAccount, *PERSON.as_bytes())],
        aliases: Vec::new(),
    }
}

/// What can happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Ask(SubjectRequestKind),
    LookToCancel(SubjectRequestId),
    Cancel,
    /// Both at once.
    CancelNow(SubjectRequestId),
    Look(usize, SubjectRequestId),
    Claim(usize),
    /// Both at once.
    Take(usize, SubjectRequestId),
    Work(usize),
    Finish(usize),
    Fail(usize),
    /// The mail server refuses the mail for good, or there is no address.
    GiveUp(usize),
    /// The log's mirror does not answer.
    Unconfirmed(usize),
    Prolong(usize),
    Crash(usize),
    Expire(SubjectRequestId),
    Sweep,
    /// A lease and a pause are over.
    Wait,
    /// A batch, a cooling-off time or a file's time comes nearer.
    NextDay,
}

/// What the store answered to an action, where it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The store was not asked.
    None,
    Asked(Result<(), StoreError>),
    Outcome(Option<Outcome>),
    /// The claim succeeded or not.
    Claimed(bool),
}

/// Does it; the world afterwards, and what the store answered.
pub(crate) async fn act(before: &World, action: Action) -> (World, Answer) {
    let mut world = before.clone();
    let answer = match action {
        Action::Ask(kind) => ask(&mut world, kind).await,
        Action::LookToCancel(id) => {
            world.cancelling = world.row(id).cloned();
            Answer::None
        }
        Action::Cancel => {
            let seen = world.cancelling.take().unwrap();
            step(&mut world, &seen, &Event::Cancelled).await
        }
        Action::CancelNow(id) => apply(&mut world, id, &Event::Cancelled).await,
        Action::Look(server, id) => {
            world.hands[server] = world.row(id).cloned().map(Box::new).map(Hand::Looked);
            Answer::None
        }
        Action::Claim(server) => claim(&mut world, server).await,
        Action::Take(server, id) => {
            world.hands[server] = world.row(id).cloned().map(Box::new).map(Hand::Looked);
            claim(&mut world, server).await
        }
        Action::Work(server) => work(&mut world, server).await,
        Action::Finish(server) => finish(&mut world, server).await,
        Action::Fail(server) | Action::Unconfirmed(server) => fail(&mut world, server).await,
        Action::GiveUp(server) => give_up(&mut world, server).await,
        Action::Prolong(server) => {
            let Some(Hand::Holding { request, run, .. }) = world.hands[server] else {
                unreachable!()
            };
            apply(&mut world, request, &Event::Prolonged { run }).await
        }
        Action::Crash(server) => {
            world.hands[server] = None;
            Answer::None
        }
        Action::Expire(id) => {
            let seen = world.row(id).cloned().unwrap();
            step(&mut world, &seen, &Event::Passed).await
        }
        Action::Sweep => {
            let rows = world.rows.clone();
            let row = |id| rows.iter().find(|row| row.id == id);
            world
                .files
                .retain(|(id, run)| row(*id).is_some_and(|row| row.progress.needs(*run)));
            Answer::None
        }
        Action::Wait => {
            world.now += rules().lease + SignedDuration::from_secs(1);
            Answer::None
        }
        Action::NextDay => {
            world.now += SignedDuration::from_hours(24);
            Answer::None
        }
    };
    (world, answer)
}

async fn ask(world: &mut World, kind: SubjectRequestKind) -> Answer {
    let asked = world.asks.iter().sum::<u8>();
    world.asks[kind as usize] -= 1;
    let row = SubjectRequestRow {
        id: request_id(asked),
        subject: Some(PERSON),
        kind,
        received_at: world.now,
        asked_at: world.now,
        details: vec![1],
        version: 1,
        progress: Progress::asked(kind, true, world.now, &rules()),
    };
    let stored = Stored::of(world).await;
    let key = key_of(row.id);
    let added = stored.keys.add_subject_request(row, Some(key)).await;
    stored.read_into(world).await;
    Answer::Asked(added)
}

async fn step(world: &mut World, seen: &SubjectRequestRow, event: &Event) -> Answer {
    let stored = Stored::of(world).await;
    let outcome = stored.book.step(seen, event, world.now).await.unwrap();
    stored.read_into(world).await;
    Answer::Outcome(Some(outcome))
}

async fn apply(world: &mut World, id: SubjectRequestId, event: &Event) -> Answer {
    let stored = Stored::of(world).await;
    let outcome = stored.book.apply(id, event, world.now).await.unwrap();
    stored.read_into(world).await;
    Answer::Outcome(outcome)
}

async fn claim(world: &mut World, server: usize) -> Answer {
    let Some(Hand::Looked(seen)) = world.hands[server].take() else {
        unreachable!()
    };
    let run = world.next_run();
    let stored = Stored::of(world).await;
    let name = format!("server {server}");
    let claimed = stored.book.claim(&seen, run, &name, false, world.now);
    let claimed = claimed.await.unwrap();
    stored.read_into(world).await;
    let is_mine = claimed.is_some();
    world.hands[server] = claimed.map(|(row, step)| Hand::Holding {
        request: row.id,
        run,
        step,
        prepared: false,
        worked: false,
    });
    Answer::Claimed(is_mine)
}

async fn work(world: &mut World, server: usize) -> Answer {
    let Some(Hand::Holding {
        request,
        run,
        step,
        prepared,
        worked,
    }) = &mut world.hands[server]
    else {
        unreachable!()
    };
    let (request, run, step) = (*request, *run, *step);
    if step == Step::Destroy && !*prepared {
        *prepared = true;
        let receipt = vec![1];
        let answer = apply(world, request, &Event::Prepared { run, receipt }).await;
        if !matches!(answer, Answer::Outcome(Some(Outcome::Changed(..)))) {
            // It is another attempt's by now.
            world.hands[server] = None;
        }
        return answer;
    }
    *worked = true;
    match step {
        Step::Collect => {
            world.files.insert((request, run));
        }
        Step::Notify => {
            world.mailed.insert(request);
        }
        Step::Destroy => {
            let stored = Stored::of(world).await;
            let today = jiff::civil::Date::constant(2026, 1, 1);
            let consent = ConsentEnd::default();
            let keys = &stored.keys;
            let destroyed = keys.destroy_subject(PERSON, today, world.now, None, consent);
            destroyed.await.unwrap();
            stored.read_into(world).await;
        }
        Step::Confirm => {}
    }
    Answer::None
}

async fn finish(world: &mut World, server: usize) -> Answer {
    let Some(Hand::Holding {
        request, run, step, ..
    }) = world.hands[server].take()
    else {
        unreachable!()
    };
    let event = match step {
        Step::Collect => Event::Collected { run, size_bytes: 1 },
        Step::Notify => Event::Told { run },
        Step::Destroy | Step::Confirm => {
            let receipt = Some(vec![2]);
            Event::Confirmed { run, receipt }
        }
    };
    let answer = apply(world, request, &event).await;
    if !matches!(answer, Answer::Outcome(Some(Outcome::Changed(..)))) {
        world.files.remove(&(request, run));
    }
    answer
}

async fn fail(world: &mut World, server: usize) -> Answer {
    let Some(Hand::Holding { request, run, .. }) = world.hands[server].take() else {
        unreachable!()
    };
    world.files.remove(&(request, run));
    let event = Event::Failed {
        run,
        code: "source_unavailable".into(),
        at_least: SignedDuration::ZERO,
        jitter: 0,
    };
    apply(world, request, &event).await
}

async fn give_up(world: &mut World, server: usize) -> Answer {
    let Some(Hand::Holding { request, run, .. }) = world.hands[server].take() else {
        unreachable!()
    };
    let event = Event::Untold {
        run,
        code: "no_address".into(),
    };
    apply(world, request, &event).await
}
