//! Where the applications' databases are, and how commands open them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, bail};
use privet_classify::DataMap;
use privet_source::{PostgresAddresses, PostgresSource, RunnerProgram, SqliteSource};
use privet_vault::SourceName;
use privet_vault::port::Source;

use crate::command::RUNNER_COMMAND;
use crate::folder::Folder;
use crate::serve::this_program;
use crate::settings::{self, PostgresRoles, Settings};
use crate::stores::address;

/// The applications' databases by name. Statements on a file run in child processes that hold no keys, those on a server
/// run there.
///
/// # Errors
/// When a file is not there, or an address is not right; no server is asked.
pub(crate) fn open(
    folder: &Folder,
    settings: &Settings,
    map: &DataMap,
) -> Result<BTreeMap<SourceName, Arc<dyn Source>>> {
    let mut sources: BTreeMap<_, Arc<dyn Source>> = BTreeMap::new();
    for (name, source) in &settings.sources {
        let source: Arc<dyn Source> = match source {
            settings::Source::Sqlite(path) => {
                let path = folder.join(path);
                if !path.is_file() {
                    bail!("source `{name}`: there is no file `{}`", path.display());
                }
                let program = RunnerProgram {
                    program: this_program()?,
                    args: vec![RUNNER_COMMAND.to_owned()],
                };
                Arc::new(SqliteSource::new(name.clone(), path, program))
            }
            settings::Source::Postgres(roles) => {
                let addresses = addresses(folder, settings, name, roles)?;
                let indexes = index_columns(map, name);
                Arc::new(PostgresSource::new(name.clone(), addresses, indexes))
            }
        };
        sources.insert(name.clone(), source);
    }
    Ok(sources)
}

fn addresses(
    folder: &Folder,
    settings: &Settings,
    name: &SourceName,
    roles: &PostgresRoles,
) -> Result<PostgresAddresses> {
    let read = |role: &str, text: &str| {
        let place = format!("`postgres.{role}` in [sources.{name}]");
        address(folder, settings.development, &place, text).map(Arc::new)
    };
    Ok(PostgresAddresses {
        console: read("console", &roles.console)?,
        reader: read("reader", &roles.reader)?,
        owner: match &roles.owner {
            Some(owner) => Some(read("owner", owner)?),
            None => None,
        },
    })
}

/// The blind indexes of a source, which no client may write: table and column.
fn index_columns(map: &DataMap, source: &SourceName) -> Vec<(String, String)> {
    let Some(source) = map.source(source.as_str()) else {
        return Vec::new();
    };
    let columns = source.tables.iter().flat_map(|table| {
        table.sealed_columns().filter_map(|(column, _)| {
            let index = column.name.index_column()?;
            Some((table.name.to_string(), index.to_string()))
        })
    });
    columns.collect()
}
