//! `[sources.*]`: the databases of applications, their tables and columns.

use crate::class::Class;
use crate::name::{ColumnName, FieldName, SourceName, TableName, TenantName, kind};

use super::fields::Fields;
use super::model::{Column, Source, Table, TenantRule, Treatment};
use super::problems::Problems;
use super::read::{Declared, Item, Section, name};
use super::rights::{ColumnRights, Rights};
use super::{check, rights, subject};

/// The declared sources.
pub(super) type Sources = Declared<kind::Source, Source>;

pub(super) fn read(
    root: &mut Section<'_>,
    fields: &Fields,
    problems: &mut Problems<'_>,
) -> Sources {
    let mut sources = Sources::new();
    for (text, item) in root.section("sources", problems).entries() {
        let name = name(&item.key, text, problems);
        let (Some(name), Some(section)) = (name, item.section(problems)) else {
            continue;
        };
        let key = section.key.clone();
        let source = read_one(name, section, fields, problems);
        check::source(&key, &source, fields, problems);
        subject::check(&key, &source, problems);
        rights::check(&key, &source, fields, problems);
        sources.insert(source.name.clone(), source);
    }
    sources
}

fn read_one(
    name: SourceName,
    mut section: Section<'_>,
    fields: &Fields,
    problems: &mut Problems<'_>,
) -> Source {
    let tenant = read_tenant(&mut section, problems);
    let mut tables = Vec::new();
    let mut listed = section.section("tables", problems);
    for (text, item) in listed.entries() {
        let name = self::name(&item.key, text, problems);
        let (Some(name), Some(section)) = (name, item.section(problems)) else {
            continue;
        };
        tables.push(read_table(name, section, fields, problems));
    }
    if tables.is_empty() {
        let advice = "list each table with personal data, as `[sources.shop.tables.customer]`";
        problems.add(&section.key, "it lists no tables", advice);
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    section.finish(problems);
    Source {
        name,
        tenant,
        tables,
    }
}

fn read_tenant(section: &mut Section<'_>, problems: &mut Problems<'_>) -> TenantRule {
    let fixed = section.optional("tenant");
    let column = section.optional("tenant_column");
    let advice =
        "state `tenant = \"acme\"` for one tenant, or `tenant_column` for a column that names it";
    let rule = match (fixed, column) {
        (Some(fixed), None) => fixed.name(problems).map(TenantRule::Fixed),
        (None, Some(column)) => column.name(problems).map(TenantRule::Column),
        (Some(_), Some(column)) => {
            problems.add(
                &column.key,
                "both `tenant` and `tenant_column` are there",
                advice,
            );
            None
        }
        (None, None) => {
            problems.add(&section.key, "`tenant` is missing", advice);
            None
        }
    };
    rule.unwrap_or_else(|| TenantRule::Fixed(TenantName::stand_in()))
}

fn read_table(
    name: TableName,
    mut section: Section<'_>,
    fields: &Fields,
    problems: &mut Problems<'_>,
) -> Table {
    let subject = section
        .optional("subject")
        .and_then(|item| subject::read(&item, problems));
    let rights = Rights::read(&mut section, problems);
    let listed = section.required(
        "columns",
        "every column of the table with its field or class",
        problems,
    );
    let mut columns = Vec::new();
    if let Some(mut listed) = listed.and_then(|item| item.section(problems)) {
        for (text, item) in listed.entries() {
            let name = self::name(&item.key, text, problems);
            let mut section = item.section(problems);
            let rights = section
                .as_mut()
                .map(|section| ColumnRights::read(section, problems));
            let treatment = section.map(|section| read_column(section, fields, problems));
            if let Some(name) = name {
                let ColumnRights { keep, withheld } = rights.unwrap_or_default();
                columns.push(Column {
                    name,
                    treatment: treatment.unwrap_or(STAND_IN),
                    keep,
                    withheld,
                });
            }
        }
    }
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    section.finish(problems);
    let Rights {
        shared,
        erase,
        erase_with,
        export,
    } = rights;
    Table {
        name,
        subject,
        shared,
        erase,
        erase_with,
        export,
        columns,
    }
}

/// In place of a treatment that was reported; what is left as it is brings no second message.
const STAND_IN: Treatment = Treatment::Class {
    class: Class::Sys,
    clear: false,
};

fn read_column(
    mut section: Section<'_>,
    fields: &Fields,
    problems: &mut Problems<'_>,
) -> Treatment {
    let field = section.optional("field");
    let class = section.optional("class");
    let clear = section.optional("clear");
    let key = section.key.clone();
    section.finish(problems);
    match (field, class) {
        (Some(field), None) => {
            if let Some(clear) = clear {
                let advice = "drop `clear`, or state `class` in place of `field`";
                problems.add(
                    &clear.key,
                    "a field is sealed, so it cannot stay clear",
                    advice,
                );
            }
            read_field(&field, fields, problems).map_or(STAND_IN, Treatment::Field)
        }
        (None, Some(class)) => {
            let clear = clear.is_some_and(|item| item.boolean(problems));
            let Some(class) = class.word(problems) else {
                return STAND_IN;
            };
            check_clear(&key, class, clear, problems);
            Treatment::Class { class, clear }
        }
        (Some(_), Some(class)) => {
            let advice =
                "keep `field` to seal the column (a field has its class), or `class` to leave it";
            problems.add(&class.key, "both `field` and `class` are there", advice);
            STAND_IN
        }
        (None, None) => {
            let advice =
                "state `field = \"…\"` to seal it, or `class = \"…\"` to leave it as it is";
            problems.add(&key, "neither `field` nor `class` is there", advice);
            STAND_IN
        }
    }
}

fn read_field(item: &Item<'_>, fields: &Fields, problems: &mut Problems<'_>) -> Option<FieldName> {
    let name: FieldName = item.name(problems)?;
    if fields.get(name.as_str()).is_none() {
        let advice = format!(
            "declare `[fields.{name}]`, or use one of: {}",
            fields.names()
        );
        problems.add(&item.key, format!("unknown field `{name}`"), advice);
    }
    Some(name)
}

/// What is about a person stays readable only on purpose, and what identifies one never.
fn check_clear(key: &str, class: Class, clear: bool, problems: &mut Problems<'_>) {
    if class == Class::Uii {
        let advice = "declare a field and state `field = \"…\"`, so that it is sealed";
        problems.add(
            key,
            "identifying values (`UII`) must not stay readable",
            advice,
        );
    } else if class.is_about_a_person() && !clear {
        let problem = format!("class `{class}` without a field would stay readable");
        let advice =
            "state `field = \"…\"` to seal it, or `clear = true` to leave it readable on purpose";
        problems.add(key, problem, advice);
    }
}

/// The dotted key of a column, for messages.
pub(super) fn column_key(source_key: &str, table: &Table, column: &ColumnName) -> String {
    format!("{source_key}.tables.{}.columns.{column}", table.name)
}
