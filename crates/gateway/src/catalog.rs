//! PostgreSQL's catalogs, as far as psql's `\d`, `\dt`, `\l`, `\dn` and the start of graphical clients ask for them,
//! answered from the source's own description of itself.
//!
//! Questions are recognized by the table they ask and the result columns they want, not by their whole text, so that
//! psql 13 to 18 are served alike. What is not recognized is an error with a way out, never a wrong answer.

mod pattern;
mod question;
mod relations;
mod server;
#[cfg(test)]
mod tests;

use privet_vault::port::{Catalog, SqlValue, TableInfo};

use crate::answer::{Answer, Select, text_value, truth};
use crate::fault::Fault;
use crate::settings::Settings;
use crate::text::Token;
use question::Question;
use relations::{Relation, Relations};
use server::{databases, roles, schemas, settings};

/// Whether a question needs the columns of views, which a source's description of itself leaves out.
pub(crate) fn asks_columns(tokens: &[Token<'_>]) -> bool {
    tokens.iter().any(|token| token.is_word("pg_attribute"))
}

/// What the answers are made from.
pub(crate) struct Source<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Who asks.
    pub(crate) user: &'a str,
    /// Its description of itself.
    pub(crate) catalog: &'a Catalog,
    /// Views with their columns, as far as they were asked for.
    pub(crate) views: &'a [TableInfo],
    /// Sealed columns: table, column, field.
    pub(crate) sealed: &'a [(String, String, String)],
    /// The session's settings.
    pub(crate) settings: &'a Settings,
}

/// Answers a question to the catalogs; `parameters` are those of an extended query.
///
/// # Errors
/// A question that is not understood.
pub(crate) fn answer(
    sql: &str,
    tokens: &[Token<'_>],
    parameters: &[SqlValue],
    source: &Source<'_>,
) -> Result<Answer, Fault> {
    let select = Select::parse(tokens).ok_or_else(not_understood)?;
    let asked = Question {
        sql,
        select: &select,
        parameters,
    };
    let relations = Relations::of(source);
    match asked.table().as_deref() {
        Some("pg_class") if asked.has("pg_inherits") => Ok(asked.none()),
        Some("pg_class") if asked.has("pg_index") && asked.operand("c.oid").is_some() => {
            indexes(&asked, &relations)
        }
        Some("pg_class") if asked.operand("c.oid").is_some() => details(&asked, &relations),
        Some("pg_class") if asked.says_nothing() => Ok(asked.none()),
        Some("pg_class") => list(&asked, &relations, source),
        Some("pg_attribute") => attributes(&asked, &relations),
        Some("pg_constraint") => constraints(&asked, &relations),
        Some("pg_trigger") => triggers(&asked, &relations, source),
        Some("pg_database") => Ok(databases(&asked, source)),
        Some("pg_namespace") => Ok(schemas(&asked, source)),
        Some("pg_settings") => settings(&asked, source),
        Some("pg_roles") => Ok(roles(&asked, source)),
        Some(
            "pg_policy"
            | "pg_statistic_ext"
            | "pg_publication"
            | "pg_inherits"
            | "pg_proc"
            | "pg_extension"
            | "pg_enum"
            | "pg_type"
            | "pg_rewrite"
            | "pg_attrdef"
            | "pg_get_keywords"
            | "pg_event_trigger"
            | "pg_foreign_server"
            | "pg_description"
            | "pg_partitioned_table"
            | "pg_sequence"
            | "pg_matviews",
        ) => Ok(asked.none()),
        _ => Err(not_understood()),
    }
}

fn not_understood() -> Fault {
    let message =
        "this question to PostgreSQL's catalogs is not understood here: the database is SQLite";
    Fault::error("0A000", message).hint(
        "SELECT name FROM sqlite_schema WHERE type = 'table'; or use `\\d`, `\\dt`, `\\d table`, or `privet console`",
    )
}

/// `\d`, `\dt`, `\dv`, `\di`, `\d name`'s search, and completion.
fn list(
    asked: &Question<'_>,
    relations: &Relations<'_>,
    source: &Source<'_>,
) -> Result<Answer, Fault> {
    let names = asked.pattern("relname")?;
    let schemas = asked.pattern("n.nspname")?;
    let kinds = asked.kinds();
    if names.is_none() && kinds.is_none() {
        return Err(not_understood());
    }
    let shown = relations.all().filter(|relation| {
        kinds
            .as_ref()
            .is_none_or(|kinds| kinds.contains(&relation.kind))
            && names
                .as_ref()
                .is_none_or(|names| names.matches(relation.name))
            && schemas
                .as_ref()
                .is_none_or(|schemas| schemas.matches("public"))
    });
    Ok(asked.rows(shown, |relation, expression| match expression {
        "c.oid" => SqlValue::Integer(relation.oid.into()),
        "n.nspname" => text_value("public"),
        "c.relname" | "quote_ident(c.relname)" | "relname" | "c.oid::regclass" => {
            text_value(relation.name)
        }
        "c2.relname" => text_value(relation.table),
        "c.relkind" => text_value(relation.kind.to_string()),
        "pg_get_userbyid(c.relowner)" => text_value(source.name),
        _ if expression.starts_with("case c.relkind") => text_value(relation.kind_word()),
        _ if expression.starts_with("case c.relpersistence") => text_value("permanent"),
        _ => SqlValue::Null,
    }))
}

/// `\d name`: what the relation has.
fn details(asked: &Question<'_>, relations: &Relations<'_>) -> Result<Answer, Fault> {
    let relation = wanted(asked, "c.oid", relations)?;
    Ok(
        asked.rows(relation, |relation, expression| match expression {
            "c.relchecks" | "c.reltablespace" => SqlValue::Integer(0),
            "c.relkind" => text_value(relation.kind.to_string()),
            "c.relhasindex" => {
                truth(relation.info.is_some_and(|table| {
                    !table.indexes.is_empty() || !table.primary_key.is_empty()
                }))
            }
            // psql asks for foreign keys only where there are triggers, which enforce them in PostgreSQL.
            "c.relhastriggers" => truth(relation.kind == 'r'),
            "c.relpersistence" => text_value("p"),
            "c.relreplident" => text_value("d"),
            "c.relname" => text_value(relation.name),
            "''" => text_value(""),
            _ if expression.starts_with("c.rel") || expression == "false" => truth(false),
            _ if expression.starts_with("case when c.reloftype") => text_value(""),
            _ => SqlValue::Null,
        }),
    )
}

/// The relation that a comparison with `column` names, if it is still there.
fn wanted<'r>(
    asked: &Question<'_>,
    column: &str,
    relations: &'r Relations<'_>,
) -> Result<Option<&'r Relation<'r>>, Fault> {
    let oid = asked.operand(column).ok_or_else(not_understood)?;
    let oid: u32 = oid.trim().parse().map_err(|_| not_understood())?;
    Ok(relations.all().find(|relation| relation.oid == oid))
}

/// `\d name`: its columns; also completion of column names.
fn attributes(asked: &Question<'_>, relations: &Relations<'_>) -> Result<Answer, Fault> {
    let relation = match asked.operand("attrelid") {
        Some(oid) => relations
            .all()
            .find(|relation| oid.trim() == relation.oid.to_string()),
        None => {
            let name = asked.pattern("c.relname")?.ok_or_else(not_understood)?;
            relations.all().find(|relation| name.matches(relation.name))
        }
    };
    let names = asked.pattern("attname")?;
    let columns = relation.map(Relation::columns).unwrap_or_default();
    let shown = columns.into_iter().filter(|column| {
        names
            .as_ref()
            .is_none_or(|names| names.matches(&column.name))
    });
    Ok(asked.rows(shown, |column, expression| match expression {
        "a.attname" | "attname" => text_value(&column.name),
        "a.attnotnull" => truth(column.not_null),
        "a.attidentity" | "a.attgenerated" => text_value(""),
        "a.attstorage" => text_value("x"),
        _ if expression.starts_with("format_type(") => text_value(&column.type_word),
        _ => SqlValue::Null,
    }))
}

/// `\d name`: its indexes.
fn indexes(asked: &Question<'_>, relations: &Relations<'_>) -> Result<Answer, Fault> {
    let relation = wanted(asked, "c.oid", relations)?;
    let indexes = relation.map(Relation::indexes).unwrap_or_default();
    Ok(asked.rows(indexes, |index, expression| match expression {
        "c2.relname" => text_value(&index.name),
        "i.indisprimary" => truth(index.primary),
        "i.indisunique" => truth(index.unique),
        "i.indisvalid" => truth(true),
        "i.indisclustered" | "condeferrable" | "condeferred" | "i.indisreplident" => truth(false),
        "contype" if index.primary => text_value("p"),
        "contype" if index.constraint => text_value("u"),
        "c2.reltablespace" => SqlValue::Integer(0),
        _ if expression.starts_with("pg_get_indexdef(") => {
            text_value(format!(" USING btree ({})", index.columns))
        }
        _ => SqlValue::Null,
    }))
}

/// `\d name`: its foreign keys, and those that refer to it.
fn constraints(asked: &Question<'_>, relations: &Relations<'_>) -> Result<Answer, Fault> {
    let foreign = asked.operand("contype").is_some_and(|kind| kind == "f");
    if !foreign {
        return Ok(asked.none());
    }
    let keys = match asked.operand("conrelid") {
        Some(oid) => relations.foreign_keys(|key| key.oid.to_string() == oid),
        None => {
            // `confrelid IN (SELECT pg_partition_ancestors('N') …)` since psql 12, `confrelid = 'N'` before.
            let oid = asked.operand("confrelid").or_else(|| {
                let texts = asked
                    .select
                    .from
                    .iter()
                    .filter_map(|token| asked.literal(token));
                texts.into_iter().find(|text| text.parse::<u32>().is_ok())
            });
            let oid = oid.ok_or_else(not_understood)?;
            relations.foreign_keys(|key| {
                key.parent_oid
                    .is_some_and(|parent| parent.to_string() == oid)
            })
        }
    };
    Ok(asked.rows(keys, |key, expression| match expression {
        "conname" => text_value(&key.name),
        "true" => truth(true),
        _ if expression.starts_with("conrelid::") => text_value(&key.table),
        _ if expression.starts_with("pg_get_constraintdef(") => text_value(&key.definition),
        _ => SqlValue::Null,
    }))
}

/// `\d name`: its triggers.
fn triggers(
    asked: &Question<'_>,
    relations: &Relations<'_>,
    source: &Source<'_>,
) -> Result<Answer, Fault> {
    let relation = wanted(asked, "tgrelid", relations)?;
    let of_table = source.catalog.triggers.iter().filter(|(_, table)| {
        relation.is_some_and(|relation| relation.name.eq_ignore_ascii_case(table))
    });
    Ok(
        asked.rows(of_table, |(name, _), expression| match expression {
            "t.tgname" => text_value(name),
            "t.tgenabled" => text_value("O"),
            "t.tgisinternal" => truth(false),
            _ if expression.starts_with("pg_get_triggerdef(") => {
                text_value(format!("CREATE TRIGGER {name}"))
            }
            _ => SqlValue::Null,
        }),
    )
}
