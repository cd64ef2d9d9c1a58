//! People whose consent changes at odd times, what telemetry records of them through the handles that it is lent, and how all
//! of their ids are severed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use privet_classify::DataMap;
use privet_seal::{Secret32, Zeroizing};
use privet_vault::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::bed::{Bed, MAP, hand_clock, parts, root, values};
use crate::engine::{folder, new_stores};
use crate::evidence::{Copy, Evidence, Id, LogEntry, Record};
use crate::unwrapping::{places, tenant_keys, unwrapped};

/// How many people come, answer or go at the same time.
const AT_ONCE: usize = 50;
/// People who answer much more often than all others, each another number of times.
const OFTEN: usize = 12;
/// Things that everybody uses.
const THINGS: usize = 20;
/// What people who left had answered stays as proof.
const KEEPING: &str = "[consent]\nkeep = { for = \"3y\", why = \"proof\" }\n";
/// Of how many who left an auditor reads it for one of them.
const LEFT_FOR_ONE_READ: usize = 5;

/// Who it was.
pub(crate) struct Person {
    puid: Id,
    oid: Id,
    tyid: Id,
}

impl Person {
    /// Whether a claim names them: by account, by operational id, or by an id that should be found nowhere.
    pub(crate) fn is(&self, claim: Id) -> bool {
        [self.puid, self.oid, self.tyid].contains(&claim)
    }
}

pub(crate) struct World {
    bed: Bed,
    callers: [Caller; 2],
    auditor: Caller,
    random: StdRng,
    people: Vec<Oid>,
    puids: Vec<Id>,
    /// How many answers of people who left were read.
    kept_read: usize,
    stream: Vec<Record>,
    severed: Vec<Id>,
    salts: Vec<(Id, Secret32)>,
    answers: BTreeMap<Id, Id>,
    before: Option<Copy>,
    after: Option<Copy>,
}

impl World {
    pub(crate) async fn lived(people: usize) -> Self {
        let bed = keeping().await;
        let callers = [bed.caller("job").await, bed.caller("operator").await];
        let auditor = bed.caller("auditor").await;
        let mut world = Self {
            bed,
            callers,
            auditor,
            random: StdRng::seed_from_u64(20_261_126),
            people: Vec::new(),
            puids: Vec::new(),
            kept_read: 0,
            stream: Vec::new(),
            severed: Vec::new(),
            salts: Vec::new(),
            answers: BTreeMap::new(),
            before: None,
            after: None,
        };
        world.come(people).await;
        // Some answer before telemetry sees them, most afterwards, a few all the time.
        world.answer_at_odd_times(people / 2).await;
        world.act().await;
        world.answer_at_odd_times(people).await;
        world.answer_often().await;
        world.act().await;
        world.remember().await;
        world.before = Some(world.copy());
        world.sever().await;
        world.after = Some(world.copy());
        world
    }

    /// An odd while passes, and the server has read the shared sequence not long ago. Time stands still while people do
    /// something, or the server would find that it has not read it for a second.
    async fn pass(&mut self) {
        let while_ms = self.random.random_range(1..60);
        self.bed.clock.advance(Duration::from_millis(while_ms));
        let lent = self.bed.vault.pseudonymizer();
        let fresh = async {
            while lent.warm(&[], &mut Vec::new()).is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(300), fresh)
            .await
            .unwrap();
    }

    async fn come(&mut self, count: usize) {
        let numbers: Vec<usize> = (0..count).collect();
        for chunk in numbers.chunks(AT_ONCE) {
            self.pass().await;
            let mut coming = Vec::new();
            for number in chunk {
                let (vault, job) = (self.bed.vault.clone(), self.callers[0].clone());
                let email = format!("person{number}@example.com");
                coming.push(tokio::spawn(async move {
                    let values = values(&[("email", &email)]);
                    vault.create_subject(&job, values, &[]).await.unwrap()
                }));
            }
            for came in coming {
                self.people.push(came.await.unwrap());
            }
        }
    }

    /// As many answers as said, of people by chance: one in ten of them answers much more often than the others.
    async fn answer_at_odd_times(&mut self, count: usize) {
        let all = self.people.len();
        let often = all / 10;
        let mut left = count;
        while left > 0 {
            let mut chunk = Vec::new();
            while chunk.len() < AT_ONCE.min(left) {
                let among = if self.random.random_bool(0.5) {
                    often
                } else {
                    all
                };
                let person = self.people[self.random.random_range(0..among)];
                if !chunk.contains(&person) {
                    chunk.push(person);
                }
            }
            left -= chunk.len();
            self.pass().await;
            self.answer(chunk).await;
        }
    }

    /// Some change their mind so often that nobody else has answered as many times.
    async fn answer_often(&mut self) {
        let some: Vec<Oid> = self.people.iter().rev().take(OFTEN).copied().collect();
        for round in 0..2 * OFTEN + 20 {
            let still = some.iter().enumerate();
            let still = still.filter(|(nth, _)| round < 2 * nth + 20);
            let chunk: Vec<Oid> = still.map(|(_, person)| *person).collect();
            if chunk.is_empty() {
                break;
            }
            self.pass().await;
            self.answer(chunk).await;
        }
    }

    /// All of these answer at once, and telemetry is told.
    async fn answer(&mut self, people: Vec<Oid>) {
        let mut answering = Vec::new();
        for person in people {
            let (vault, job) = (self.bed.vault.clone(), self.callers[0].clone());
            let change = change(self.random.random(), self.random.random());
            answering.push(tokio::spawn(async move {
                let subject = SubjectName::Oid(person);
                vault.record_consent(&job, &subject, &change).await.unwrap();
            }));
        }
        for answered in answering {
            answered.await.unwrap();
        }
        self.tell().await;
    }

    /// Everybody does something: with a thing that all use, and with one of their own.
    async fn act(&mut self) {
        let lent = self.bed.vault.pseudonymizer();
        for chunk in self.people.clone().chunks(500) {
            self.pass().await;
            let stamps = lent.stamps(chunk).await.unwrap();
            let objects = lent.objects().await.unwrap();
            for (person, stamp) in chunk.iter().zip(stamps) {
                let stamp = stamp.unwrap();
                let theirs = format!("diary of {person}");
                let shared = format!("page {}", self.random.random_range(0..THINGS));
                for thing in [theirs, shared] {
                    let object = objects.id(Some(&stamp), thing.as_bytes()).to_text();
                    self.stream.push(Record {
                        tyid: *stamp.tyid.as_bytes(),
                        at_ms: self.bed.vault.time().as_millisecond(),
                        bits: stamp.bits,
                        stamp: stamp.number,
                        is_consent: false,
                        is_final: false,
                        object: Some(object),
                    });
                }
            }
        }
    }

    /// What the door does with what waits.
    async fn tell(&mut self) {
        loop {
            let rows = self.bed.vault.stream_events(1_000).await.unwrap();
            let Some(last) = rows.last().map(|row| row.number) else {
                return;
            };
            self.stream.extend(rows.into_iter().map(|row| Record {
                tyid: *row.event.tyid.as_bytes(),
                at_ms: row.event.at.as_millisecond(),
                bits: row.event.bits,
                stamp: row.event.stamp,
                is_consent: true,
                is_final: row.event.is_final,
                object: None,
            }));
            self.bed.vault.stream_events_written(last).await.unwrap();
        }
    }

    /// Who everybody is, and their salts: what only whoever has the key store knows.
    async fn remember(&mut self) {
        let keys = &self.bed.stores.keys;
        let lent = self.bed.vault.pseudonymizer();
        let wrapping = tenant_keys(&self.bed.stores).await;
        for chunk in self.people.clone().chunks(500) {
            let rows = keys.subjects_by_oid(chunk).await.unwrap();
            let rows: Vec<_> = rows.into_iter().map(Option::unwrap).collect();
            let references: Vec<_> = rows.iter().map(|row| row.reference).collect();
            let salts = keys.salts_of(&references).await.unwrap();
            let stamps = lent.stamps(chunk).await.unwrap();
            for ((row, salt), stamp) in rows.iter().zip(salts).zip(stamps) {
                self.puids.push(*row.puid.as_bytes());
                self.severed.push(*stamp.unwrap().tyid.as_bytes());
                let secret = unwrapped(&wrapping, &salt.unwrap());
                self.salts.push((*row.oid.as_bytes(), secret));
                let theirs = places(&self.bed.stores, row.reference).await;
                let whose = theirs.iter().map(|place| (place.0, *row.puid.as_bytes()));
                self.answers.extend(whose);
            }
        }
    }

    /// One half has the id made anew and goes on, the other half leaves, in no order.
    async fn sever(&mut self) {
        let mut order: Vec<usize> = (0..self.people.len()).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, self.random.random_range(0..=place));
        }
        for chunk in order.chunks(AT_ONCE) {
            self.pass().await;
            let mut severing = Vec::new();
            for number in chunk {
                let (vault, [job, operator]) = (self.bed.vault.clone(), self.callers.clone());
                let subject = SubjectName::Oid(self.people[*number]);
                let leaves = number % 2 == 0;
                severing.push(tokio::spawn(async move {
                    if leaves {
                        let closed = vault.close_subject(&operator, &subject).await.unwrap();
                        return closed.consent;
                    }
                    let rotated = vault.rotate_telemetry_id(&job, &subject, true).await;
                    assert!(matches!(rotated.unwrap(), Rotation::Rotated { .. }));
                    None
                }));
            }
            let mut kept = Vec::new();
            for severed in severing {
                kept.extend(severed.await.unwrap());
            }
            self.tell().await;
            self.read_some(&kept).await;
        }
        self.people = self.people.iter().skip(1).step_by(2).copied().collect();
        self.act().await;
    }

    /// An auditor reads what is kept of some who have just left, in the order in which they left: the log has an entry of each, right
    /// beside that of the end of their id.
    async fn read_some(&mut self, kept: &[ConsentKept]) {
        for kept in kept.iter().step_by(LEFT_FOR_ONE_READ) {
            let order = KeptConsentOrder {
                puid: kept.puid,
                reason: Zeroizing::new("somebody claims that they never agreed".to_owned()),
                before: None,
            };
            let found = self.bed.vault.kept_consent(&self.auditor, &order).await;
            self.kept_read += found.unwrap().answers.len();
        }
    }

    /// How many answers of people who left were read.
    pub(crate) fn kept_read(&self) -> usize {
        self.kept_read
    }

    /// The data store as it lies there, as a backup would have it.
    fn copy(&self) -> Copy {
        let copy = folder().join("copy.sqlite");
        let _ = std::fs::remove_file(&copy);
        let file = rusqlite::Connection::open(folder().join("data.sqlite")).unwrap();
        file.execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
            .unwrap();
        Copy::read(&copy)
    }

    /// Whose each severed id was.
    pub(crate) fn truth(&self) -> BTreeMap<Id, Person> {
        let people = self.severed.iter().zip(&self.puids).zip(&self.salts);
        let person = |((tyid, puid), (oid, _)): ((&Id, &Id), &(Id, Secret32))| {
            let person = Person {
                puid: *puid,
                oid: *oid,
                tyid: *tyid,
            };
            (*tyid, person)
        };
        people.map(person).collect()
    }

    /// Whose answer lies at each place, as only the keys say.
    pub(crate) fn owners_of_answers(&self) -> &BTreeMap<Id, Id> {
        &self.answers
    }

    pub(crate) fn salts_of_before(&self) -> &[(Id, Secret32)] {
        &self.salts
    }

    /// What the attacker has of all this.
    pub(crate) async fn evidence(&mut self) -> Evidence {
        let audit = self.bed.vault.audit();
        let mut log = Vec::new();
        while (log.len() as u64) < audit.size() {
            let read = audit.entries(log.len() as u64, 1_000).await.unwrap();
            log.extend(read.iter().map(|entry| LogEntry::read(entry)));
        }
        self.bed.vault.stop().await;
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.retain(|file| {
            file.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("log.sqlite")
        });
        assert!(!files.is_empty());
        let log_file = files
            .iter()
            .flat_map(|file| std::fs::read(file).unwrap())
            .collect();
        Evidence {
            before: self.before.take().unwrap(),
            after: self.after.take().unwrap(),
            stream: std::mem::take(&mut self.stream),
            log,
            log_file,
            oids: self.salts.iter().map(|(oid, _)| *oid).collect(),
            named: OnceLock::new(),
        }
    }
}

/// A server that keeps what people answered who leave.
async fn keeping() -> Bed {
    let (stores, clock) = (new_stores().await, hand_clock());
    let mut parts = parts(&stores, &clock, "test", root());
    parts.map = DataMap::parse(&[MAP, KEEPING].concat()).unwrap();
    let vault = Vault::start(parts).await.unwrap();
    Bed {
        vault,
        clock,
        stores,
    }
}

fn change(yes: bool, marketing: bool) -> ConsentChange {
    let purpose = if marketing {
        "marketing"
    } else {
        "improvement"
    };
    let grant = ConsentGrant {
        purpose: purpose.to_owned(),
        notice: "2026-11".to_owned(),
    };
    ConsentChange {
        grant: if yes { vec![grant] } else { Vec::new() },
        withdraw: if yes {
            Vec::new()
        } else {
            vec![purpose.to_owned()]
        },
        channel: ConsentChannel::Web,
        language: None,
        evidence: None,
    }
}
