//! `privet synth`: invented people, as subjects for the vault or as rows for an application's tables.

mod encode;

use std::io::{self, ErrorKind, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use privet_classify::DataMap;
use privet_classify::synthetic::{LeftOut, Records, Table, Tables, Why};

use super::classify::map_of;
use crate::arguments::{Form, Synth};
use crate::output::{Progress, count, note};
use crate::target::Target;
use encode::Encoder;

/// How many rows are written between two looks at the bar.
const ROWS_PER_LOOK: u64 = 4_096;

pub(crate) fn run(dir: Option<PathBuf>, synth: &Synth) -> Result<()> {
    let map = map_of(dir, synth.map.as_deref())?;
    let done = match &synth.source {
        None => subjects(&map, synth),
        Some(source) => rows(&map, source.as_str(), synth),
    };
    match done {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        other => other,
    }
}

/// Whoever reads has enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
    })
}

fn subjects(map: &DataMap, synth: &Synth) -> Result<()> {
    if synth.format == Form::Sql {
        let names: Vec<_> = map
            .sources()
            .map(|source| format!("`{}`", source.name))
            .collect();
        let names = match names.as_slice() {
            [] => "the data map has none yet".to_owned(),
            names => format!("the data map has {}", names.join(", ")),
        };
        bail!("SQL is for the tables of a source: name it with --source ({names})");
    }
    let records = Records::new(map, synth.seed);
    if records.fields().len() == 0 {
        bail!("the data map has no fields, so there is nothing to say about anybody");
    }
    records.check(synth.count)?;
    let target = Target::open(synth.out.as_deref(), synth.force)?;
    let bar = Bar::new(synth, "subjects", synth.count);
    let write = |target: &mut Target| -> io::Result<()> {
        let mut encoder = Encoder::of(synth.format, target)?;
        encoder.fields(records.fields())?;
        for index in 0..synth.count {
            let subject = records.subject(index).map_err(io::Error::other)?;
            encoder.subject(&subject)?;
            bar.step();
        }
        encoder.end()
    };
    written(write, target, &bar)?.keep()?;
    bar.end();
    told(synth, &format!("{} subjects", count(synth.count)));
    Ok(())
}

fn rows(map: &DataMap, source: &str, synth: &Synth) -> Result<()> {
    let mut tables = match synth.uuids {
        true => Tables::with_uuids(map, source, synth.seed)?,
        false => Tables::new(map, source, synth.seed)?,
    };
    for filled in &synth.fills {
        tables.fill(filled.table.as_str(), filled.column.as_str(), &filled.fill)?;
    }
    let asked = match &synth.table {
        None => tables.tables(),
        Some(name) => std::slice::from_ref(tables.table(name.as_str())?),
    };
    let is_asked = |left: &LeftOut<'_>| asked.iter().any(|table| table.name() == left.table);
    tables.left_out().filter(is_asked).for_each(say_left_out);
    let (with_values, without): (Vec<_>, Vec<_>) = asked
        .iter()
        .partition(|table| table.columns().next().is_some());
    for table in without {
        note(format!(
            "left out: table `{}`: there are values for none of its columns",
            table.name()
        ));
    }
    if with_values.is_empty() {
        bail!("there is nothing to write: say what stands in columns with --fill");
    }
    let mut total: u64 = 0;
    for table in &with_values {
        let rows = table.rows(synth.count);
        table.check(rows)?;
        total = total.saturating_add(rows);
    }
    let bar = Bar::new(synth, "rows", total);
    let several = synth.table.is_none() && asked.len() > 1;
    let in_folder = synth.out.as_deref().is_some_and(is_folder);
    if synth.format == Form::Csv && (several || in_folder) {
        files(&with_values, synth, &bar)?;
    } else {
        one(&with_values, synth, &bar)?;
    }
    bar.end();
    told(synth, &format!("{} rows", count(total)));
    Ok(())
}

fn say_left_out(left: LeftOut<'_>) {
    let LeftOut { table, column, why } = left;
    if why != Why::Asked {
        note(format!(
            "left out: column `{column}` of table `{table}`: {why}; if it needs values, see --fill"
        ));
    }
}

/// All tables, one after the other.
fn one(tables: &[&Table], synth: &Synth, bar: &Bar) -> Result<()> {
    let target = Target::open(synth.out.as_deref(), synth.force)?;
    let write = |target: &mut Target| -> io::Result<()> {
        let mut encoder = Encoder::of(synth.format, target)?;
        for table in tables {
            write_table(&mut encoder, table, synth.count, bar)?;
        }
        encoder.end()
    };
    written(write, target, bar)?.keep()
}

/// A file for each table, which appear together.
fn files(tables: &[&Table], synth: &Synth, bar: &Bar) -> Result<()> {
    let Some(folder) = synth.out.as_deref() else {
        bail!(
            "CSV holds one table: name a folder with --out, for a file each, or one table with --table"
        );
    };
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    let targets = tables
        .iter()
        .map(|table| Target::open(Some(&csv_file(folder, table)), synth.force));
    // Before the first is filled, all are known to be free.
    let targets = targets.collect::<Result<Vec<_>>>()?;
    let mut complete = Vec::with_capacity(targets.len());
    for (table, target) in tables.iter().zip(targets) {
        let write = |target: &mut Target| -> io::Result<()> {
            let mut encoder = Encoder::of(synth.format, target)?;
            write_table(&mut encoder, table, synth.count, bar)?;
            encoder.end()
        };
        complete.push(written(write, target, bar)?);
    }
    complete.into_iter().try_for_each(Target::keep)
}

/// A folder that is there, or a path that is written as one.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn csv_file(folder: &Path, table: &Table) -> PathBuf {
    folder.join(format!("{}.csv", table.name()))
}

fn write_table(encoder: &mut Encoder<'_>, table: &Table, people: u64, bar: &Bar) -> io::Result<()> {
    encoder.table(table)?;
    for index in 0..table.rows(people) {
        let row = table.row(index).map_err(io::Error::other)?;
        encoder.row(table, &row)?;
        bar.step();
    }
    Ok(())
}

/// Writes; on an error the bar goes before it is told.
fn written(
    write: impl FnOnce(&mut Target) -> io::Result<()>,
    mut target: Target,
    bar: &Bar,
) -> Result<Target> {
    match write(&mut target) {
        Ok(()) => Ok(target),
        Err(error) => {
            bar.end();
            Err(error).with_context(|| format!("cannot write {}", target.shown()))
        }
    }
}

/// What was written where; nothing where it can be seen.
fn told(synth: &Synth, what: &str) {
    if let Some(path) = &synth.out {
        note(format!("{what} in `{}`", path.display()));
    }
}

/// A progress bar that is not in the way of output on the same terminal.
struct Bar {
    bar: Option<Progress>,
    done: std::cell::Cell<u64>,
    of: u64,
}

impl Bar {
    fn new(synth: &Synth, unit: &'static str, of: u64) -> Self {
        let apart = synth.out.is_some() || !io::stdout().is_terminal();
        Self {
            bar: apart.then(|| Progress::of(unit)),
            done: std::cell::Cell::new(0),
            of,
        }
    }

    fn step(&self) {
        let done = self.done.get() + 1;
        self.done.set(done);
        if let Some(bar) = &self.bar
            && done.is_multiple_of(ROWS_PER_LOOK)
        {
            bar.show("inventing", done, self.of, None);
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.clear();
        }
    }
}
