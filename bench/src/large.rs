//! Stores with a log of a million entries and the keys and values of many subjects, made once and kept beside the
//! build.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use privet_seal::{Entropy, KeyId, RecordKey, Secret32};
use privet_store::SqliteStores;
use privet_tlog::note::{KeyName, SigningKey};
use privet_vault::audit::{
    Actor, AuditLimits, AuditLog, EntryKind, Record, Ruling, SideKey, SubjectUse,
};
use privet_vault::port::LogStore;
use privet_vault::{
    Form, PrincipalKind, PrincipalName, SubjectRef, SystemClock, ThreadEntropy, TokenId,
};
use tokio::task::JoinSet;

use crate::folder;
use crate::place::{self, Place};

/// The origin of every log that benchmarks write.
pub(crate) const ORIGIN: &str = "bench.example/log/1";

/// Entries of the long log.
pub(crate) const ENTRIES: u64 = 1_000_000;

/// Subjects, each with a name and an e-mail address.
pub(crate) const SUBJECTS: u64 = 100_000;

/// Goes up when what is made changes, so that what an older program left is made anew.
const VERSION: u32 = 2;

/// Large batches, and nobody in a hurry.
const PATIENT: AuditLimits = AuditLimits {
    deadline: Duration::from_secs(3600),
    queue_max: 16_384,
    batch_max: 8_192,
};

/// The folder with those stores.
pub(crate) async fn place() -> Result<Place> {
    let name = format!("large-{VERSION}");
    let finished = folder::path(&name)?;
    if !finished.is_dir() {
        let unfinished = folder::scratch(&name)?;
        let place = Place::make(unfinished.clone())?;
        log(&place).await?;
        subjects(&place).await?;
        std::fs::rename(&unfinished, &finished)?;
    }
    Ok(Place::at(finished))
}

async fn log(place: &Place) -> Result<()> {
    let stores = SqliteStores::open(&place.stores())?;
    let log = open(Arc::clone(&stores.log), PATIENT).await?;
    let key = Arc::new(side_key());
    let job: PrincipalName = "job".parse()?;
    // The entries that the log writes by itself come on top of those.
    let each = ENTRIES / PATIENT.batch_max as u64 + 1;
    let mut callers = JoinSet::new();
    for _ in 0..PATIENT.batch_max {
        let (log, key, job) = (log.clone(), Arc::clone(&key), job.clone());
        callers.spawn(async move {
            for _ in 0..each {
                log.record(reveal(&job), &key).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended??;
    }
    log.shutdown().await;
    Ok(())
}

async fn subjects(place: &Place) -> Result<()> {
    let vault = place.vault(PATIENT, BTreeMap::new()).await?;
    let (job, _) = place::caller(&vault, "job").await?;
    place::subjects(&vault, &job, SUBJECTS).await?;
    vault.audit().shutdown().await;
    Ok(())
}

/// Opens the log of a store for writing.
pub(crate) async fn open(store: Arc<dyn LogStore>, limits: AuditLimits) -> Result<AuditLog> {
    let opened = AuditLog::start(
        store,
        ORIGIN.to_owned(),
        "bench".parse()?,
        signing_key()?,
        Arc::new(SystemClock::start()),
        Arc::new(ThreadEntropy),
        limits,
    );
    Ok(opened.await?)
}

/// Signs the checkpoints of every log here. It protects nothing.
pub(crate) fn signing_key() -> Result<SigningKey> {
    Ok(SigningKey::from_seed(KeyName::new(ORIGIN)?, &[7; 32])?)
}

/// A key of side records that no key store knows.
pub(crate) fn side_key() -> SideKey {
    let secret = Secret32::generate(&ThreadEntropy);
    SideKey::new(KeyId::random(&ThreadEntropy), RecordKey::from(secret))
}

/// What the vault records when a job reveals one field of one subject.
pub(crate) fn reveal(job: &PrincipalName) -> Record {
    let mut reference = [0; 16];
    ThreadEntropy.fill(&mut reference);
    let actor = Actor::Principal {
        kind: PrincipalKind::Job,
        name: job.clone(),
        token: Some(TokenId::from_bytes([7; 16])),
    };
    Record::new(EntryKind::Reveal, actor)
        .purpose("service")
        .form(Form::Clear)
        .ruling(Ruling {
            allow: true,
            policies: Arc::from([Box::from("jobs-read-for-their-purposes")]),
            bundle: [7; 32],
        })
        .subject(SubjectUse {
            reference: SubjectRef::from_bytes(reference),
            fields: Arc::from([1]),
            count: 1,
        })
}
