//! The SQL that a plan becomes.

use privet_vault::port::{Hop, RowKey, SealPlan};
use tokio_postgres::{Client, Row};

use super::catalog;
use super::error::Failing;
use super::name::{Relation, quoted};

/// What a plan's statements share: rows of the table as `t`, with their subjects.
#[derive(Debug)]
pub(super) struct PlanSql {
    pub(super) relation: Relation,
    /// The columns that tell rows apart and in whose order they are gone through.
    pub(super) key: Key,
    /// `FROM "public"."table" AS t LEFT JOIN …`.
    pub(super) from: String,
    /// The subject's key as text, or NULL.
    pub(super) subject: String,
    /// The same where there is no `from` but only a row `t`.
    pub(super) subject_of_t: String,
}

impl PlanSql {
    /// Fits the plan to the table as it is now.
    pub(super) async fn new(client: &Client, plan: &SealPlan) -> Result<Self, Failing> {
        let (oid, relation) = table(client, &plan.table).await?;
        let key = Key::of(client, oid, &plan.table).await?;
        let mut from = format!("FROM ONLY {} AS t", relation.sql());
        let (mut apart, mut first) = (String::new(), String::new());
        let mut here = "t".to_owned();
        for (number, hop) in plan.hops.iter().enumerate() {
            let there = format!("h{number}");
            let (_, parent) = table(client, &hop.parent).await?;
            let parent = format!("{} AS {there}", parent.sql());
            let on = joined(hop, &here, &there);
            from.push_str(&format!(" LEFT JOIN {parent} ON {on}"));
            if number == 0 {
                first = on;
                apart = format!("FROM {parent}");
            } else {
                apart.push_str(&format!(" LEFT JOIN {parent} ON {on}"));
            }
            here = there;
        }
        let subject = format!("{here}.{}::text COLLATE \"C\"", quoted(&plan.root_column));
        let subject_of_t = if plan.hops.is_empty() {
            subject.clone()
        } else {
            format!("(SELECT {subject} {apart} WHERE {first})")
        };
        Ok(Self {
            relation,
            key,
            from,
            subject,
            subject_of_t,
        })
    }

    /// The key's columns as text, to be read.
    pub(super) fn key_texts(&self) -> Vec<String> {
        self.key.texts()
    }

    /// `ORDER BY` the key.
    pub(super) fn order(&self) -> String {
        self.key.order()
    }

    /// Whether a row comes after the key that is given in parameters from `$first` on.
    pub(super) fn beyond(&self, first: usize) -> String {
        self.key.beyond(first)
    }

    /// The key of a row that holds its columns' texts from `first` on.
    pub(super) fn row_key(&self, row: &Row, first: usize) -> Result<RowKey, Failing> {
        self.key.of_row(row, first)
    }
}

/// The columns that tell the rows of a table apart, with their types.
#[derive(Debug)]
pub(super) struct Key(Vec<(String, String)>);

impl Key {
    /// The primary key, or else the shortest unique index over columns that are never NULL.
    pub(super) async fn of(client: &Client, oid: u32, called: &str) -> Result<Self, Failing> {
        let sql = "SELECT array_agg(a.attname::text ORDER BY u.position),
                      array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY u.position)
               FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
               CROSS JOIN unnest(i.indkey::int2[], i.indoption::int2[], i.indcollation::oid[])
                          WITH ORDINALITY AS u(number, ordering, collating, position)
               LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number AND u.number <> 0
               WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'
                 AND u.position <= i.indnkeyatts
               GROUP BY i.indexrelid, i.indisprimary, c.relname
               HAVING bool_and(coalesce(a.attnotnull AND u.ordering = 0 AND u.collating = a.attcollation, false))
               ORDER BY NOT i.indisprimary, count(*), c.relname LIMIT 1";
        let Some(row) = client.query_opt(sql, &[&oid]).await? else {
            return Err(Failing::Unfit(format!(
                "table `{called}` has neither a primary key nor a unique index over columns that are NOT NULL, so that its \
             rows cannot be gone through in order: give it one (`ALTER TABLE … ADD PRIMARY KEY (…)`)"
            )));
        };
        let (names, types): (Vec<String>, Vec<String>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Self(names.into_iter().zip(types).collect()))
    }

    /// How many columns it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Its columns as text, to be read.
    pub(super) fn texts(&self) -> Vec<String> {
        let texts = self.0.iter();
        texts
            .map(|(name, _)| format!("{}::text", of_t(name)))
            .collect()
    }

    /// `ORDER BY` it.
    pub(super) fn order(&self) -> String {
        let names: Vec<String> = self.0.iter().map(|(name, _)| of_t(name)).collect();
        format!("ORDER BY {}", names.join(", "))
    }

    /// Whether a row comes after the key that is given in parameters from `$first` on.
    pub(super) fn beyond(&self, first: usize) -> String {
        let names: Vec<String> = self.0.iter().map(|(name, _)| of_t(name)).collect();
        let types = self.0.iter().enumerate();
        let given: Vec<String> = types
            .map(|(at, (_, kind))| format!("${}::text::{kind}", first + at))
            .collect();
        format!("({}) > ({})", names.join(", "), given.join(", "))
    }

    /// The key of a row that holds its columns' texts from `first` on.
    pub(super) fn of_row(&self, row: &Row, first: usize) -> Result<RowKey, Failing> {
        let texts = (0..self.0.len()).map(|at| row.try_get::<_, String>(first + at));
        Ok(RowKey::Columns(texts.collect::<Result<_, _>>()?))
    }
}

async fn table(client: &Client, called: &str) -> Result<(u32, Relation), Failing> {
    let found = catalog::find(client, called).await?;
    found.ok_or_else(|| Failing::Unfit(format!("there is no table `{called}`")))
}

/// The condition under which a row `there` is the one that `here` refers to by this step.
pub(super) fn joined(hop: &Hop, here: &str, there: &str) -> String {
    let pairs = hop.columns.iter().map(|(column, parent_column)| {
        format!(
            "{there}.{} = {here}.{}",
            quoted(parent_column),
            quoted(column)
        )
    });
    pairs.collect::<Vec<_>>().join(" AND ")
}

/// The shortest sealed value as text has this many characters.
pub(super) const SEALED_CHARS_MIN: usize = 71;

/// Whether this text is what the gateway would recognize as a sealed value; NULL for NULL. Ranges of letters mean what
/// they say in collation `C` alone.
pub(super) fn is_sealed(expression: &str) -> String {
    format!(
        "(length({expression}) >= {SEALED_CHARS_MIN} AND {expression}::text COLLATE \"C\" ~ '^pv1_[A-Za-z0-9_-]*$')"
    )
}

/// Whether this text is neither NULL nor a sealed value.
pub(super) fn is_plain(expression: &str) -> String {
    format!(
        "({expression} IS NOT NULL AND NOT {})",
        is_sealed(expression)
    )
}

/// Column `email` of the plan as `t."email"`.
pub(super) fn of_t(column: &str) -> String {
    format!("t.{}", quoted(column))
}
