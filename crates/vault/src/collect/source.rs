//! The rows of people in applications' databases, with their sealed values opened.
//!
//! Whoever calls has put on record what is gathered, and for whom, before the first row is read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use privet_seal::{FieldNumber, SealedRef, SealedText, TOMBSTONE_PREFIX, Value, Zeroizing};

use crate::keyring::OpenSubject;
use crate::port::{PersonalRow, ReadPlan, RootKeys, RowKey, Source, SourceError, SqlValue};
use crate::rows::{ReadColumn, reading};
use crate::{Error, Result, SourceName, SubjectRef, Vault};

/// How many rows the first reading of a table asks for.
const ROWS_FIRST: u32 = 64;
/// How many rows are read at once at most.
const ROWS_MAX: u32 = 2_000;
/// When rows read at once are larger than this together, fewer are read the next time.
const PAGE_BYTES_MAX: usize = 2 << 20;

/// Why rows were not gathered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    /// The vault's own part failed.
    #[error(transparent)]
    Vault(#[from] Error),
    /// A database cannot be read now: try again later.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The data map and a database do not fit: somebody has to correct one of them.
    #[error("source `{source_name}` is not as the data map says: {}", problems.join("; "))]
    Unfit {
        /// The database.
        source_name: SourceName,
        /// One sentence each.
        problems: Vec<String>,
    },
}

/// A table of an application's database, to be read for a batch of people.
#[derive(Clone)]
pub(crate) struct SourceCollection {
    /// The database.
    pub(crate) source: SourceName,
    /// The table.
    pub(crate) table: String,
    /// What each row's values are, position by position.
    pub(crate) columns: Arc<[ReadColumn]>,
    /// Whether a row is told as the fact of a change that the person made: the key, and the time in the last column.
    pub(crate) is_fact: bool,
    plan: Arc<ReadPlan>,
    port: Arc<dyn Source>,
    people: Arc<People>,
}

/// A database that knows somebody of a batch.
pub(crate) struct KnownTo {
    /// The database.
    pub(crate) name: SourceName,
    /// Whom it knows.
    pub(crate) people: Vec<SubjectRef>,
    /// What is read of it.
    pub(crate) tables: Result<Vec<SourceCollection>, CollectError>,
}

/// The people of a batch, as one database names them.
struct People {
    keys: RootKeys,
    /// By table and key.
    by_key: HashMap<String, HashMap<String, SubjectRef>>,
}

/// Reads a collection from its first row to its last.
pub(crate) struct SourceReader<'c> {
    collection: &'c SourceCollection,
    after: Option<RowKey>,
    rows_max: u32,
    is_over: bool,
}

/// A row of at least one person of the batch.
pub(crate) struct CollectedRow {
    /// Whose, each once; `true` for those who only may see it.
    pub(crate) people: Vec<(SubjectRef, bool)>,
    /// One value per column of the collection.
    pub(crate) values: Vec<CollectedValue>,
}

/// A value, overwritten when it is dropped.
pub(crate) enum CollectedValue {
    /// NULL.
    Null,
    /// A whole number.
    Integer(i64),
    /// A double.
    Real(f64),
    /// Text.
    Text(Zeroizing<String>),
    /// Bytes.
    Bytes(Zeroizing<Vec<u8>>),
    /// A sealed value that does not open: of somebody who left, or in a row that is not its own.
    Unreadable,
}

impl CollectedValue {
    fn size_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Null | Self::Integer(_) | Self::Real(_) | Self::Unreadable => 8,
        }
    }
}

impl From<&SqlValue> for CollectedValue {
    fn from(value: &SqlValue) -> Self {
        match value {
            SqlValue::Null => Self::Null,
            SqlValue::Integer(integer) => Self::Integer(*integer),
            SqlValue::Real(real) => Self::Real(*real),
            SqlValue::Text(text) => Self::Text(Zeroizing::new(text.clone())),
            SqlValue::Blob(bytes) => Self::Bytes(Zeroizing::new(bytes.clone())),
        }
    }
}

impl Vault {
    /// Every table that holds rows of somebody in this batch, or may: sources by name, tables as the data map lists them.
    /// Sources that know nobody of the batch are not asked, and one that cannot be asked holds up nobody whom it does not know.
    ///
    /// # Errors
    /// Those of the key store; nothing was read then.
    pub(crate) async fn source_collections(&self, people: &[SubjectRef]) -> Result<Vec<KnownTo>> {
        let mut all = Vec::new();
        for (name, people) in self.people_by_source(people).await? {
            // What the data map knows no more is nobody's to read.
            if self.inner.map.source(name.as_str()).is_none() {
                continue;
            }
            let mut known: Vec<SubjectRef> = (people.by_key.values())
                .flat_map(|of_table| of_table.values().copied())
                .collect();
            known.sort_unstable();
            known.dedup();
            all.push(KnownTo {
                tables: self.tables_of(&name, Arc::new(people)).await,
                people: known,
                name,
            });
        }
        Ok(all)
    }

    async fn tables_of(
        &self,
        name: &SourceName,
        people: Arc<People>,
    ) -> Result<Vec<SourceCollection>, CollectError> {
        let unfit = |problems| CollectError::Unfit {
            source_name: name.clone(),
            problems,
        };
        let port = self.inner.sources.get(name).ok_or_else(|| {
            unfit(vec![format!(
                "this server does not know where it is: add `[sources.{name}]` to `privet.toml`"
            )])
        })?;
        let catalog = port.catalog().await?;
        let tables = reading(&self.inner.map, name, &catalog).map_err(unfit)?;
        let collections = tables.into_iter().map(|table| SourceCollection {
            source: name.clone(),
            table: table.plan.table.clone(),
            columns: table.columns,
            is_fact: table.is_fact,
            plan: table.plan,
            port: Arc::clone(port),
            people: Arc::clone(&people),
        });
        Ok(collections.collect())
    }

    /// By which names sources know these people.
    async fn people_by_source(
        &self,
        people: &[SubjectRef],
    ) -> Result<BTreeMap<SourceName, People>> {
        let mut known: BTreeMap<SourceName, People> = BTreeMap::new();
        let rows = self.inner.keys.subjects_by_reference(people).await?;
        for row in rows.into_iter().flatten() {
            let tenant = self.inner.keyring.tenant(&row.tenant, self.now()).await?;
            for alias in self.inner.keys.aliases_of(row.reference).await? {
                // A row that was put there could let one person have another's data.
                tenant.check_alias(&alias)?;
                let people = known.entry(alias.source).or_insert_with(|| People {
                    keys: RootKeys::new(),
                    by_key: HashMap::new(),
                });
                let keys = people.keys.entry(alias.table.clone()).or_default();
                keys.push(alias.key.clone());
                let of_table = people.by_key.entry(alias.table).or_default();
                of_table.insert(alias.key, row.reference);
            }
        }
        Ok(known)
    }
}

impl SourceCollection {
    /// Begins to read, also again: what is read a second time is the same, unless the application wrote meanwhile.
    pub(crate) fn read(&self) -> SourceReader<'_> {
        SourceReader {
            collection: self,
            after: None,
            rows_max: ROWS_FIRST,
            is_over: false,
        }
    }
}

impl SourceReader<'_> {
    /// The next rows, in the order of their key; `None` when there are no more.
    ///
    /// # Errors
    /// [`CollectError`]. The same rows come when it is called again.
    pub(crate) async fn next(
        &mut self,
        vault: &Vault,
    ) -> Result<Option<Vec<CollectedRow>>, CollectError> {
        if self.is_over {
            return Ok(None);
        }
        let SourceCollection {
            plan, port, people, ..
        } = self.collection;
        let read = port.rows_of(plan, &people.keys, self.after.as_ref(), self.rows_max);
        let read = read.await?;
        let Some(last) = read.last() else {
            self.is_over = true;
            return Ok(None);
        };
        let last = last.key.clone();
        let rows = self.open(vault, read).await?;
        let values = rows.iter().flat_map(|row| &row.values);
        let size_bytes: usize = values.map(CollectedValue::size_bytes).sum();
        self.rows_max = if size_bytes > PAGE_BYTES_MAX {
            (self.rows_max / 2).max(1)
        } else if size_bytes < PAGE_BYTES_MAX / 4 {
            self.rows_max.saturating_mul(2).min(ROWS_MAX)
        } else {
            self.rows_max
        };
        self.after = Some(last);
        Ok(Some(rows))
    }

    /// Opens what is sealed with the keys of the one whose row it is, also for others who may see it.
    async fn open(
        &self,
        vault: &Vault,
        read: Vec<PersonalRow>,
    ) -> Result<Vec<CollectedRow>, CollectError> {
        let SourceCollection { plan, columns, .. } = self.collection;
        let owners = if columns.iter().any(|column| column.field.is_some()) {
            self.owners(vault, &read).await?
        } else {
            HashMap::new()
        };
        let (columns, plan) = (Arc::clone(columns), Arc::clone(plan));
        let people = Arc::clone(&self.collection.people);
        let work = tokio::task::spawn_blocking(move || {
            let rows = read.into_iter().map(|row| {
                let owner = row.people.first().and_then(Option::as_ref);
                let owner = owner.and_then(|key| owners.get(key)).map(Arc::as_ref);
                let values = columns.iter().zip(&row.values);
                CollectedRow {
                    people: whose(&row, &plan, &people),
                    values: values
                        .map(|(column, value)| opened(column, value, owner))
                        .collect(),
                }
            });
            rows.collect()
        });
        let rows = work.await;
        Ok(rows.map_err(|_| Error::Internal("opening rows of a source broke off"))?)
    }

    /// Those whose rows these are, by their key, with their keys opened; without those who left meanwhile.
    async fn owners(
        &self,
        vault: &Vault,
        read: &[PersonalRow],
    ) -> Result<HashMap<String, Arc<OpenSubject>>> {
        let SourceCollection { plan, source, .. } = self.collection;
        let Some(way) = plan.ways.first() else {
            return Ok(HashMap::new());
        };
        let mut keys: Vec<String> = read
            .iter()
            .filter_map(|row| row.people.first().cloned().flatten())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let mark = vault.inner.keyring.mark();
        let open = vault.by_alias(source, &way.root_table, &keys).await?;
        // Whatever the sequence said meanwhile is forgotten by now, and shows.
        vault.follow_patiently().await?;
        let erased = vault.erased_since(mark, &open).await?;
        let open = keys.into_iter().zip(open).zip(erased);
        Ok(open
            .filter_map(|((key, open), erased)| Some((key, open.filter(|_| !erased)?)))
            .collect())
    }
}

/// The people of the batch to whom a row leads, each once and rather as its owner.
fn whose(row: &PersonalRow, plan: &ReadPlan, people: &People) -> Vec<(SubjectRef, bool)> {
    let mut whose: Vec<(SubjectRef, bool)> = Vec::new();
    for (position, (key, way)) in row.people.iter().zip(&plan.ways).enumerate() {
        let found = key.as_ref().and_then(|key| {
            let of_table = people.by_key.get(&way.root_table)?;
            of_table.get(key).copied()
        });
        if let Some(person) = found
            && !whose.iter().any(|(known, _)| *known == person)
        {
            whose.push((person, position > 0));
        }
    }
    whose
}

/// What was sealed, if it is this owner's and of this field; everything that was not sealed as it is.
fn opened(column: &ReadColumn, value: &SqlValue, owner: Option<&OpenSubject>) -> CollectedValue {
    let (Some(field), SqlValue::Text(text)) = (&column.field, value) else {
        return value.into();
    };
    if text.starts_with(TOMBSTONE_PREFIX) {
        return CollectedValue::Unreadable;
    }
    if SealedText::recognize(text).is_none() {
        return value.into();
    }
    let open = || {
        let bytes = privet_seal::from_text(text).ok()?;
        let sealed = SealedRef::parse(&bytes).ok()?;
        let cipher = owner?.cipher(sealed.key_id())?;
        let opened = cipher.open(FieldNumber(field.number), &sealed).ok()?;
        Some(collected(opened.as_value()))
    };
    open().unwrap_or(CollectedValue::Unreadable)
}

/// What was opened.
pub(super) fn collected(value: Value<'_>) -> CollectedValue {
    match value {
        Value::Text(text) => CollectedValue::Text(Zeroizing::new(text.to_owned())),
        Value::Integer(integer) => CollectedValue::Integer(integer),
        Value::Real(real) => CollectedValue::Real(real),
        Value::Bytes(bytes) => CollectedValue::Bytes(Zeroizing::new(bytes.to_vec())),
    }
}
