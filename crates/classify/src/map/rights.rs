//! What a table says about people's rights: who else may see a row, what they get a copy of, what is left when they leave.

use super::check::clear_column;
use super::fields::Fields;
use super::model::{EraseRule, EraseWith, ExportRule, RetainFrom, Source, SubjectPath, Table};
use super::problems::Problems;
use super::read::{Item, Section};
use super::sources::column_key;
use super::subject;

/// The keys of a table that this module reads.
#[derive(Debug)]
pub(super) struct Rights {
    pub(super) shared: Vec<SubjectPath>,
    pub(super) erase: Option<EraseRule>,
    pub(super) erase_with: EraseWith,
    pub(super) export: ExportRule,
}

impl Rights {
    pub(super) fn read(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Self {
        let shared = section.optional("shared");
        let erase = section.optional("erase");
        let erase_with = section.optional("erase_with");
        let export = section.optional("export");
        let at = section.optional("at");
        let why = section.optional("why");
        Self {
            shared: shared.map_or_else(Vec::new, |item| read_shared(&item, problems)),
            erase: erase.and_then(|item| item.word(problems)),
            erase_with: erase_with
                .and_then(|item| item.word(problems))
                .unwrap_or_default(),
            export: read_export(export, at, why, problems),
        }
    }
}

fn read_shared(item: &Item<'_>, problems: &mut Problems<'_>) -> Vec<SubjectPath> {
    let texts = item.strings(problems).unwrap_or_default();
    let mut paths: Vec<SubjectPath> = Vec::with_capacity(texts.len());
    for text in texts {
        let Some(path) = subject::read_step(&item.key, text, problems) else {
            continue;
        };
        if paths.contains(&path) {
            problems.add(&item.key, "a path is there twice", "state it once");
        } else {
            paths.push(path);
        }
    }
    paths
}

fn read_export(
    export: Option<Item<'_>>,
    at: Option<Item<'_>>,
    why: Option<Item<'_>>,
    problems: &mut Problems<'_>,
) -> ExportRule {
    let is_fact = export.as_ref().is_some_and(Item::is_string);
    let mut unwanted = |item: Option<&Item<'_>>, only: &str| {
        if let Some(item) = item {
            let advice = format!("leave it out, or state `{only}`");
            problems.add(&item.key, "it says something about another rule", advice);
        }
    };
    let Some(export) = export else {
        unwanted(at.as_ref(), "export = \"fact\"");
        unwanted(why.as_ref(), "export = false");
        return ExportRule::Whole;
    };
    if is_fact {
        unwanted(why.as_ref(), "export = false");
        return read_fact(&export, at, problems).unwrap_or_default();
    }
    unwanted(at.as_ref(), "export = \"fact\"");
    if export.boolean_or(EXPORT, problems) != Some(false) {
        if let Some(why) = why {
            problems.add(
                &why.key,
                "it says something about another rule",
                "leave it out, or state `export = false`",
            );
        }
        return ExportRule::Whole;
    }
    match why {
        Some(why) => ExportRule::Nothing {
            why: why.words(problems).unwrap_or_default(),
        },
        None => {
            let problem = "a person would not get a copy of it, and nothing says why";
            problems.add(&export.key, problem, WHY);
            ExportRule::Whole
        }
    }
}

/// What `export` may be.
const EXPORT: (&str, &str) = (
    "`true`, `false` or `\"fact\"`",
    "write `\"fact\"` in quotes, the others without",
);
/// What is to be done where a reason is missing.
const WHY: &str = "add the reason in words, as `why = \"…\"`";

fn read_fact(
    export: &Item<'_>,
    at: Option<Item<'_>>,
    problems: &mut Problems<'_>,
) -> Option<ExportRule> {
    if export.string(problems)? != "fact" {
        let (wanted, advice) = EXPORT;
        problems.add(&export.key, format!("expected {wanted}"), advice);
        return None;
    }
    let Some(at) = at else {
        let problem = "nothing says when the change was made";
        problems.add(
            &export.key,
            problem,
            "add the column with the time, as `at = \"changed_at\"`",
        );
        return None;
    };
    Some(ExportRule::Fact {
        at: at.name(problems)?,
    })
}

/// The keys of a column that this module reads.
#[derive(Debug, Default)]
pub(super) struct ColumnRights {
    pub(super) keep: Option<String>,
    pub(super) withheld: Option<String>,
}

impl ColumnRights {
    pub(super) fn read(section: &mut Section<'_>, problems: &mut Problems<'_>) -> Self {
        let keep = section.optional("keep");
        let export = section.optional("export");
        let why = section.optional("why");
        let is_withheld = export
            .as_ref()
            .is_some_and(|item| item.boolean_or(EXPORT, problems) == Some(false));
        let withheld = match (is_withheld, why, export) {
            (true, Some(why), _) => why.words(problems),
            (true, None, Some(export)) => {
                let problem = "a person would not get a copy of it, and nothing says why";
                problems.add(&export.key, problem, WHY);
                None
            }
            (false, Some(why), _) => {
                let advice = "leave it out, or state `export = false`";
                problems.add(&why.key, "it says something about another rule", advice);
                None
            }
            (_, None, _) => None,
        };
        Self {
            keep: keep.and_then(|item| item.words(problems)),
            withheld,
        }
    }
}

/// Checks that the rules of a source's tables can be followed together.
pub(super) fn check(key: &str, source: &Source, fields: &Fields, problems: &mut Problems<'_>) {
    for table in &source.tables {
        let table_key = format!("{key}.tables.{}", table.name);
        needs_subject(&table_key, table, problems);
        if let ExportRule::Fact { at } = &table.export {
            let what = format!("the time of a change in `{}`", table.name);
            clear_column(
                &format!("{table_key}.at"),
                &what,
                table,
                at.as_str(),
                problems,
            );
        }
        for column in table.columns.iter().filter(|column| column.keep.is_some()) {
            let problem = match (&table.erase, column.field()) {
                (_, Some(_)) => "a sealed value cannot be read any more when the person has left",
                (Some(EraseRule::Row), None) => {
                    "it says that the value stays, but the row is deleted"
                }
                _ => continue,
            };
            let key = format!("{}.keep", column_key(key, table, &column.name));
            problems.add(&key, problem, "leave `keep` out, or state another `erase`");
        }
        parents_stay(&table_key, source, table, fields, problems);
    }
}

fn needs_subject(key: &str, table: &Table, problems: &mut Problems<'_>) {
    // A subject that cannot be read has been reported.
    if table.subject.is_none() && !problems.any(&format!("{key}.subject")) {
        let rules = [
            ("erase", table.erase.is_some()),
            ("shared", !table.shared.is_empty()),
        ];
        for (rule, _) in rules.iter().filter(|(_, is_there)| *is_there) {
            let advice =
                "add `subject = \"…\"`: the column that names the person, or `column -> table`";
            problems.add(
                &format!("{key}.{rule}"),
                "nothing says whose a row is",
                advice,
            );
        }
    }
    if table.erase_with == EraseWith::Either && table.shared.is_empty() {
        let advice =
            "leave it out, or say with whom rows are shared: `shared = [\"column -> table\"]`";
        problems.add(
            &format!("{key}.erase_with"),
            "its rows are nobody else's",
            advice,
        );
    }
}

/// A row that stays needs the row that says whose it is: a table whose rows are deleted cannot lie on the way of one whose
/// rows are not, nor of one with values that a law wants kept.
fn parents_stay(
    key: &str,
    source: &Source,
    table: &Table,
    fields: &Fields,
    problems: &mut Problems<'_>,
) {
    let retained = table.sealed_columns().find(|(_, field)| {
        let field = fields.get(field.as_str());
        let retain = field.and_then(|field| field.retain.as_ref());
        retain.is_some_and(|retain| matches!(retain.from, RetainFrom::Column(_)))
    });
    let Some(chain) = subject::chain(source, &table.name) else {
        return;
    };
    for hop in &chain.hops {
        let above = source.table(hop.parent_table.as_str());
        if !above.is_some_and(|above| above.erase == Some(EraseRule::Row)) || above == Some(table) {
            continue;
        }
        let parent = &hop.parent_table;
        if let Some((column, field)) = retained {
            let problem = format!(
                "its column `{}` is kept for as long as field `{field}` says, but rows of `{parent}`, which say whose it is, \
                 are deleted",
                column.name
            );
            let advice = format!("state `erase = \"tombstone\"` or `\"null\"` for `{parent}`");
            problems.add(key, problem, advice);
        } else if table.erase != Some(EraseRule::Row) {
            let problem =
                format!("its rows would be nobody's when those of `{parent}` are deleted");
            let advice =
                format!("state `erase = \"row\"` here, too, or another `erase` for `{parent}`");
            problems.add(key, problem, advice);
        } else {
            continue;
        }
        return;
    }
}
