//! Finding the rows of people: joins along ways, and keys compared so that an index serves.

use privet_vault::port::Way;
use tokio_postgres::Client;

use super::catalog;
use super::error::Failing;
use super::name::{Relation, quoted};
use super::plan::joined;

/// A table that is read or erased: where it lies, and whether it is only the sum of others.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) oid: u32,
    pub(super) relation: Relation,
    /// Its rows lie in partitions.
    pub(super) is_partitioned: bool,
}

impl Target {
    pub(super) async fn find(client: &Client, called: &str) -> Result<Self, Failing> {
        let found = catalog::find(client, called).await?;
        let (oid, relation) =
            found.ok_or_else(|| Failing::Unfit(format!("there is no table `{called}`")))?;
        let sql = "SELECT relkind = 'p' FROM pg_class WHERE oid = $1";
        let is_partitioned = client.query_one(sql, &[&oid]).await?.try_get(0)?;
        Ok(Self {
            oid,
            relation,
            is_partitioned,
        })
    }

    /// The table in `FROM`. Tables that inherit are listed by themselves.
    pub(super) fn from(&self) -> String {
        if self.is_partitioned {
            self.relation.sql()
        } else {
            format!("ONLY {}", self.relation.sql())
        }
    }
}

/// The end of a way, where a person's key stands.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// `w0h1."id"`.
    column: String,
    kind: Kind,
}

/// How the text of a key becomes a value of its column. Other types are compared as text, without an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Uuid,
    Text,
    Other,
}

impl Person {
    /// Adds the joins of a way to `from`, where `kind` is `JOIN` or `LEFT JOIN`.
    pub(super) async fn join(
        client: &Client,
        from: &mut String,
        table: u32,
        way: &Way,
        position: usize,
        kind: &str,
    ) -> Result<Self, Failing> {
        let (mut here, mut oid) = ("t".to_owned(), table);
        for (number, hop) in way.hops.iter().enumerate() {
            let there = format!("w{position}h{number}");
            let parent = Target::find(client, &hop.parent).await?;
            from.push_str(&format!(
                " {kind} {} AS {there} ON {}",
                parent.relation.sql(),
                joined(hop, &here, &there)
            ));
            (here, oid) = (there, parent.oid);
        }
        let sql = "SELECT t.typname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                   WHERE a.attrelid = $1 AND a.attname = $2 AND NOT a.attisdropped";
        let row = client.query_opt(sql, &[&oid, &way.root_column]).await?;
        let row = row.ok_or_else(|| {
            Failing::Unfit(format!(
                "table `{}` has no column `{}`",
                way.root_table, way.root_column
            ))
        })?;
        let kind = match row.try_get::<_, String>(0)?.as_str() {
            "int2" | "int4" | "int8" => Kind::Integer,
            "uuid" => Kind::Uuid,
            "text" | "varchar" => Kind::Text,
            _ => Kind::Other,
        };
        Ok(Self {
            column: format!("{here}.{}", quoted(&way.root_column)),
            kind,
        })
    }

    /// The key as text, or NULL.
    pub(super) fn text(&self) -> String {
        format!("{}::text COLLATE \"C\"", self.column)
    }

    /// Whether the key is one of those in the array `$parameter` of texts, each of which [fits](Self::fits).
    pub(super) fn is_among(&self, parameter: usize) -> String {
        let list = format!("${parameter}::text[]");
        match self.kind {
            Kind::Integer => format!("{} = ANY ({list}::int8[])", self.column),
            Kind::Uuid => format!("{} = ANY ({list}::uuid[])", self.column),
            Kind::Text => format!(
                "({} = ANY ({list}) AND {} = ANY ({list}))",
                self.column,
                self.text()
            ),
            Kind::Other => format!("{} = ANY ({list})", self.text()),
        }
    }

    /// Whether a key can be one of this column: written as the column would write it, and nothing that it could not read.
    pub(super) fn fits(&self, key: &str) -> bool {
        match self.kind {
            Kind::Integer => key
                .parse::<i64>()
                .is_ok_and(|number| number.to_string() == key),
            Kind::Uuid => is_uuid(key),
            Kind::Text | Kind::Other => !key.contains('\0'),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.bytes().all(is_hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(kind: Kind, key: &str) -> bool {
        let column = "t.id".to_owned();
        Person { column, kind }.fits(key)
    }

    #[test]
    fn only_keys_as_the_column_writes_them_are_looked_for() {
        for key in ["42", "-1", "0", "9223372036854775807"] {
            assert!(fits(Kind::Integer, key), "{key}");
        }
        for key in ["042", "+1", "1.0", " 1", "", "x", "9223372036854775808"] {
            assert!(!fits(Kind::Integer, key), "{key}");
        }
        assert!(fits(Kind::Uuid, "6fa459ea-ee8a-4ca4-894e-db77e160355e"));
        for key in [
            "6FA459EA-EE8A-4CA4-894E-DB77E160355E",
            "6fa459eaee8a4ca4894edb77e160355e",
            "6fa459ea-ee8a-4ca4-894e-db77e160355g",
        ] {
            assert!(!fits(Kind::Uuid, key), "{key}");
        }
        assert!(fits(Kind::Text, "Ada") && !fits(Kind::Text, "a\0b"));
    }
}
