//! `privet source`: what the operator of an application's database needs of us.

use anyhow::{Context as _, Result, bail};
use privet_classify::DataMap;
use privet_postgres::Address;
use privet_source::{RolePlan, RoleTable};
use privet_vault::SourceName;
use serde_json::json;

use crate::arguments::{Source, Sources};
use crate::folder::{Folder, SETTINGS};
use crate::output::{self, Style, line};
use crate::serve::data_map;
use crate::settings::{self, Settings};

/// The roles' names, unless anything else is said.
const CONSOLE: &str = "privet_console";
const READER: &str = "privet_reader";

pub(crate) fn run(folder: &Folder, sources: &Sources, style: Style) -> Result<()> {
    let Source::Roles {
        source,
        console,
        reader,
        schema,
    } = &sources.command;
    let settings = Settings::read(folder)?;
    let map = data_map(folder, &settings)?;
    let (known_console, known_reader) = names(&settings, source)?;
    let plan = RolePlan {
        console: console.clone().unwrap_or(known_console),
        reader: reader.clone().unwrap_or(known_reader),
        schema: schema.clone(),
        tables: tables(&map, source)?,
    };
    if plan.console == plan.reader {
        bail!(
            "the role of decrypted sessions only reads, so it cannot be `{}` as well: name two roles",
            plan.console
        );
    }
    match style {
        Style::Programs => output::json(&json!({
            "source": source, "console": plan.console, "reader": plan.reader, "sql": plan.sql(),
        })),
        Style::People => line(plan.sql().trim_end()),
    }
}

/// The roles as the settings name them; a source that they do not have yet may still be one on a server.
fn names(settings: &Settings, source: &SourceName) -> Result<(String, String)> {
    match settings.sources.get(source) {
        None => Ok((CONSOLE.to_owned(), READER.to_owned())),
        Some(settings::Source::Sqlite(_)) => bail!(
            "source `{source}` is a file: there are no roles in it, and the process that runs its statements has no keys"
        ),
        Some(settings::Source::Postgres(roles)) => {
            let user = |role: &str, text: &str| {
                let place = format!("`postgres.{role}` in [sources.{source}] of `{SETTINGS}`");
                Address::user_of(text).with_context(|| format!("{place} is not right"))
            };
            Ok((
                user("console", &roles.console)?,
                user("reader", &roles.reader)?,
            ))
        }
    }
}

fn tables(map: &DataMap, source: &SourceName) -> Result<Vec<RoleTable>> {
    let known = map.source(source.as_str()).with_context(|| {
        format!("the data map does not say what is in source `{source}`: add [sources.{source}]")
    })?;
    let tables = known.tables.iter().map(|table| RoleTable {
        name: table.name.to_string(),
        columns: table
            .columns
            .iter()
            .map(|column| column.name.to_string())
            .collect(),
        has_index: table.sealed_columns().any(|(_, field)| {
            let field = map.field(field.as_str());
            field.is_some_and(|field| field.lookup.is_some())
        }),
    });
    Ok(tables.collect())
}
