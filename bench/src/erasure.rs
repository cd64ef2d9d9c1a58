//! Erasing people: one with ten fields in the vault and a thousand rows in an application's database, from the call to its answer;
//! what everybody else notices meanwhile; and the destruction of keys alone, in a large key store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use privet_classify::synthetic::{Person, support_message};
use privet_seal::{Entropy, KeyId, KeyKind, WRAPPED_SIZE_BYTES, Zeroizing};
use privet_source::sample::create_shop;
use privet_source::{RunnerProgram, SqliteSource};
use privet_store::SqliteStores;
use privet_vault::audit::AuditLimits;
use privet_vault::port::{ConsentEnd, KeyRow, NewSubject, Source, SubjectRow};
use privet_vault::{
    AdoptOrder, Caller, Closed, FieldValues, Oid, Puid, RevealRequest, SourceName, SubjectName,
    SubjectRef, TenantName, ThreadEntropy, Vault,
};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::place::{self, Place, SEED};
use crate::report::{Report, Row, median, percentile};
use crate::{adopt, folder, machine};

/// Whose rows lie around.
const CUSTOMERS: u32 = 2_000;
/// Who leaves, one after the other: the first of these customers.
const LEAVERS: u32 = 400;
/// Messages of each who leaves; with their orders and invoices they are a thousand rows or a few more.
const MESSAGES: u32 = 996;
/// How many leave while nobody else does anything.
const MEASURED: usize = 60;
/// Pairs of windows with and without somebody who leaves.
const PAIRS: usize = 7;
const WINDOW: Duration = Duration::from_secs(2);
/// Between two people who leave in such a window.
const PACE: Duration = Duration::from_millis(500);
/// Who reveals meanwhile, at the same time.
const READERS: u64 = 8;
const OTHERS: u64 = 1_000;
/// Subjects of the key store; with `--long=ROWS` as many as that says.
const SUBJECTS: u32 = 1_000_000;
const DESTROYED: u64 = 40;

pub(crate) fn run(report: &mut Report) -> Result<()> {
    let folder = folder::scratch("erasure")?;
    let shop = Shop::make(&folder)?;
    let place = Place::make(folder.clone())?;
    Runtime::new()?.block_on(erase(&place, &shop, report))?;
    std::fs::remove_dir_all(folder)?;
    let subjects = report.rows_long().unwrap_or(SUBJECTS);
    Runtime::new()?.block_on(destroy(subjects, report))
}

/// Who is still to leave.
type Leavers = std::ops::RangeInclusive<u32>;

/// An application's database, and a copy of it for what the database does alone.
struct Shop {
    path: PathBuf,
    copy: PathBuf,
}

impl Shop {
    fn make(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("shop.sqlite");
        create_shop(&path, CUSTOMERS, SEED)?;
        let mut connection = Connection::open(&path)?;
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare(
                "INSERT INTO support_message (customer_id, received_on, body) VALUES (?1, '2026-11-02', ?2)",
            )?;
            for customer in 1..=LEAVERS {
                for nth in 0..MESSAGES {
                    insert.execute(params![customer, support_message(SEED, nth.into())])?;
                }
            }
        }
        transaction.commit()?;
        let copy = folder.join("copy.sqlite");
        Ok(Self { path, copy })
    }

    /// Copies the adopted database.
    fn copied(&self) -> Result<Connection> {
        let adopted = Connection::open(&self.path)?;
        adopted.execute("VACUUM INTO ?1", [self.copy.to_string_lossy()])?;
        let mode: String = adopted.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        let copy = Connection::open(&self.copy)?;
        copy.pragma_update(None, "journal_mode", mode)?;
        copy.pragma_update(None, "synchronous", "FULL")?;
        Ok(copy)
    }
}

async fn erase(place: &Place, shop: &Shop, report: &mut Report) -> Result<()> {
    let name: SourceName = "shop".parse()?;
    // Nobody connects here, so nothing is ever run by this program.
    let runner = RunnerProgram {
        program: std::env::current_exe()?,
        args: Vec::new(),
    };
    let source: Arc<dyn Source> =
        Arc::new(SqliteSource::new(name.clone(), shop.path.clone(), runner));
    let sources = BTreeMap::from([(name.clone(), source)]);
    let vault = place.vault(AuditLimits::default(), sources).await?;
    adopt::run_job(&vault, &name, AdoptOrder::SEAL).await?;
    let (job, _) = place::caller(&vault, "job").await?;
    for customer in 1..=LEAVERS {
        vault
            .write_fields(&job, &named(customer)?, values(customer))
            .await?;
    }
    let others = place::subjects(&vault, &job, OTHERS).await?;
    let mut leavers: Leavers = 1..=LEAVERS;
    alone(&vault, &job, &shop.copied()?, &mut leavers, report).await?;
    meanwhile(&vault, &job, others, &mut leavers, report).await?;
    vault.audit().shutdown().await;
    Ok(())
}

fn named(customer: u32) -> Result<SubjectName> {
    Ok(format!("customer:{customer}").parse()?)
}

/// What the vault holds of a customer besides: with the two fields of invoices these are ten.
fn values(customer: u32) -> FieldValues {
    let person = Person::new(SEED ^ 1, customer.into());
    [
        ("first_name", person.first_name.clone()),
        ("last_name", person.last_name.clone()),
        ("email", person.email.clone()),
        ("phone", person.phone.clone()),
        ("address", person.address.to_string()),
        ("birthday", person.birthday.to_string()),
        ("note", person.note.clone()),
        ("message", support_message(SEED, customer.into())),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Some(Zeroizing::new(value))))
    .collect()
}

/// Nobody else does anything; each erasure beside the same deletions by the database alone, in turn.
async fn alone(
    vault: &Vault,
    job: &Caller,
    copy: &Connection,
    leavers: &mut Leavers,
    report: &mut Report,
) -> Result<()> {
    let (mut whole_ms, mut database_ms, mut own_ms) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = 0;
    for customer in leavers.take(MEASURED) {
        let started = Instant::now();
        let (closed, at_once) = leave(vault, job, customer).await?;
        let whole = started.elapsed().as_secs_f64() * 1e3;
        rows = at_once;
        if closed.values_deleted < 8 {
            bail!("only {} values were deleted", closed.values_deleted);
        }
        let started = Instant::now();
        delete(copy, customer)?;
        let database = started.elapsed().as_secs_f64() * 1e3;
        whole_ms.push(whole);
        database_ms.push(database);
        own_ms.push(whole - database);
    }
    whole_ms.sort_by(f64::total_cmp);
    report.row(
        Row::new(
            "erase somebody, from the call to the answer",
            median(whole_ms.clone()),
            "ms",
        )
        .limit("the same rows by SQLite alone", median(database_ms)),
    );
    report.row(Row::new("  our own work", median(own_ms), "ms").at_most(15.0));
    report.row(
        Row::new(
            "  95 of 100 take at most",
            percentile(&whole_ms, 0.95),
            "ms",
        )
        .at_most(180.0),
    );
    report.note(format!(
        "Ten fields, of which the vault holds eight, and {rows} rows in an application's database of SQLite with {CUSTOMERS} customers. The \
         answer comes when keys and values are destroyed, the log has both entries, and the application's rows are deleted or \
         tombstones. The same statements run on a copy of the database, in one transaction, in turn."
    ));
    Ok(())
}

/// Erases a customer; answers how many rows of applications' databases that took.
async fn leave(vault: &Vault, job: &Caller, customer: u32) -> Result<(Closed, u64)> {
    let closed = vault.close_subject(job, &named(customer)?).await?;
    let tables = closed.rows.erased.values();
    let rows = tables
        .map(|table| table.deleted + table.cleared + table.kept)
        .sum();
    if rows < u64::from(MESSAGES) {
        bail!("customer {customer} had {rows} rows: {:?}", closed.rows);
    }
    Ok((closed, rows))
}

/// What the data map asks of the database, without anybody who asks it.
fn delete(copy: &Connection, customer: u32) -> Result<()> {
    copy.execute_batch("BEGIN IMMEDIATE")?;
    for statement in [
        "DELETE FROM support_message WHERE customer_id = ?1",
        "UPDATE invoice SET billing_name = billing_name, billing_address = billing_address
         WHERE order_id IN (SELECT order_id FROM orders WHERE customer_id = ?1)",
        "UPDATE customer SET first_name = first_name, last_name = last_name, email = email, phone = phone, address = address,
         birthday = birthday, note = note WHERE customer_id = ?1",
    ] {
        copy.prepare_cached(statement)?.execute([customer])?;
    }
    Ok(copy.execute_batch("COMMIT")?)
}

/// What those notice who reveal meanwhile: windows with and without people who leave, in turn.
async fn meanwhile(
    vault: &Vault,
    job: &Caller,
    others: Vec<Oid>,
    leavers: &mut Leavers,
    report: &mut Report,
) -> Result<()> {
    let others = Arc::new(others);
    let mut shares = Vec::new();
    let (mut quiet, mut left) = (Vec::new(), 0);
    window(vault, job, &others, None).await?;
    for pair in 0..PAIRS {
        // Whoever comes first is not always the same.
        let (without, with);
        if pair % 2 == 0 {
            without = window(vault, job, &others, None).await?.0;
            with = window(vault, job, &others, Some(leavers)).await?;
        } else {
            with = window(vault, job, &others, Some(leavers)).await?;
            without = window(vault, job, &others, None).await?.0;
        }
        quiet.push(without);
        left += with.1;
        shares.push((1.0 - with.0 / without) * 100.0);
    }
    report.row(
        Row::new("everybody else is slower meanwhile by", median(shares), "%")
            .limit("their reveals per second otherwise", median(quiet))
            .at_most(10.0),
    );
    report.note(format!(
        "{READERS} readers reveal a field as fast as they can while somebody leaves every {} ms; {PAIRS} pairs of windows of {} s in \
         turn, in which {left} people left.",
        PACE.as_millis(),
        WINDOW.as_secs()
    ));
    Ok(())
}

/// Reveals per second, and how many left meanwhile.
async fn window(
    vault: &Vault,
    job: &Caller,
    others: &Arc<Vec<Oid>>,
    leavers: Option<&mut Leavers>,
) -> Result<(f64, u32)> {
    let (is_over, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut readers = JoinSet::new();
    let started = Instant::now();
    for reader in 0..READERS {
        let (vault, job, others) = (vault.clone(), job.clone(), Arc::clone(others));
        let (is_over, count) = (Arc::clone(&is_over), Arc::clone(&count));
        readers.spawn(async move {
            for oid in others.iter().cycle().skip(reader as usize * 97) {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                vault.reveal(&job, &email_of(*oid)).await?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        });
    }
    let mut left = 0;
    match leavers {
        None => tokio::time::sleep(WINDOW).await,
        Some(leavers) => {
            let mut ticks = tokio::time::interval(PACE);
            while started.elapsed() < WINDOW {
                ticks.tick().await;
                let customer = leavers.next().context("nobody is left who could leave")?;
                leave(vault, job, customer).await?;
                left += 1;
            }
        }
    }
    let revealed = count.load(Ordering::Relaxed);
    let seconds = started.elapsed().as_secs_f64();
    is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = readers.join_next().await {
        ended??;
    }
    Ok((revealed as f64 / seconds, left))
}

fn email_of(oid: Oid) -> RevealRequest {
    RevealRequest {
        subjects: vec![SubjectName::Oid(oid)],
        fields: vec!["email".to_owned()],
        purpose: "service".to_owned(),
        form: None,
        reason: None,
    }
}

/// The destruction of keys and links alone, as the key store does it.
async fn destroy(subjects: u32, report: &mut Report) -> Result<()> {
    let finished = folder::path(&format!("keys-{subjects}"))?;
    if !finished.is_dir() {
        let unfinished = folder::scratch("keys")?;
        std::fs::create_dir_all(&unfinished)?;
        fill(&unfinished, subjects).await?;
        std::fs::rename(&unfinished, &finished)?;
    }
    let SqliteStores { keys, .. } = SqliteStores::open(&finished)?;
    // Whoever leaves is made for it: the stores are used again.
    let tenant: TenantName = "acme".parse()?;
    let leaving: Vec<NewSubject> = (0..DESTROYED).map(|_| subject(&tenant)).collect();
    keys.add_subjects(leaving.clone()).await?;
    let (mut destroyed_ms, mut commit_ms) = (Vec::new(), Vec::new());
    let now = machine::now();
    // A log of this run alone: where a store knows a position already, it writes nothing.
    let log = format!("bench.example/log/{}", now.as_nanosecond());
    for (nth, new) in leaving.iter().enumerate() {
        let started = Instant::now();
        keys.destroy_subject(
            new.subject.reference,
            now.to_zoned(TimeZone::UTC).date(),
            now,
            None,
            ConsentEnd::default(),
        )
        .await?;
        destroyed_ms.push(started.elapsed().as_secs_f64() * 1e3);
        let started = Instant::now();
        keys.set_log_position(&log, nth as u64 + 1).await?;
        commit_ms.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let (destroyed, commit) = (median(destroyed_ms), median(commit_ms));
    report.row(
        Row::new(
            format!("destroy the keys of one of {subjects} subjects"),
            destroyed,
            "ms",
        )
        .limit("a commit of the same store", commit),
    );
    report.row(Row::new("  beyond two such commits", destroyed - 2.0 * commit, "ms").at_most(1.0));
    Ok(())
}

async fn fill(folder: &Path, subjects: u32) -> Result<()> {
    let SqliteStores { keys, .. } = SqliteStores::open(folder)?;
    let tenant: TenantName = "acme".parse()?;
    let mut left = subjects;
    while left > 0 {
        let count = left.min(10_000);
        let people = (0..count).map(|_| subject(&tenant));
        keys.add_subjects(people.collect()).await?;
        left -= count;
    }
    Ok(())
}

/// Somebody with keys that open nothing, of the length that wrapped keys have.
fn subject(tenant: &TenantName) -> NewSubject {
    let random = || {
        let mut bytes = [0; 16];
        ThreadEntropy.fill(&mut bytes);
        bytes
    };
    let subject = SubjectRow {
        reference: SubjectRef::from_bytes(random()),
        tenant: tenant.clone(),
        puid: Puid::from_bytes(random()),
        oid: Oid::from_bytes(random()),
        created_at: Timestamp::UNIX_EPOCH,
        mac: [7; 32],
    };
    let keys = [KeyKind::SubjectAccount, KeyKind::SubjectOperational];
    let keys = keys.map(|kind| KeyRow {
        id: KeyId::random(&ThreadEntropy),
        tenant: tenant.clone(),
        kind,
        owner: *subject.reference.as_bytes(),
        generation: 1,
        wrapped: vec![7; WRAPPED_SIZE_BYTES],
        commitment: [7; 32],
        created_at: Timestamp::UNIX_EPOCH,
        expires_on: None,
        told: 0,
    });
    NewSubject {
        subject,
        keys: keys.into(),
        aliases: Vec::new(),
    }
}
