//! What code says beside a data map.

use std::collections::BTreeMap;

use privet_classify::{Class, DataMap};
use quote::ToTokens as _;
use serde::Serialize;
use syn::visit::Visit as _;

use crate::generate::{FIRST_LINE, generate_for_client, names, type_of};
use crate::visit::Visitor;

/// Something at a place in the code.
///
/// ```
/// use privet_classify::DataMap;
///
/// let map = DataMap::parse("")?;
/// let report = privet_code::check(&map, &[("src/mail.rs", "fn send() {\n    info!(\"mail to {to}\");\n}\n")]);
/// let finding = report.problems.first().ok_or("nothing found")?;
/// assert_eq!((finding.file.as_str(), finding.line), ("src/mail.rs", 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file, as it was named to [`check()`].
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is there, and for a problem what to do.
    pub what: String,
}

/// What was found in the code.
///
/// ```
/// use privet_classify::DataMap;
///
/// let code = "fn to(c: &Customer) -> &str { c.email.reveal(because(\"the receipt is mailed there\")) }";
/// let report = privet_code::check(&DataMap::parse("")?, &[("src/mail.rs", code)]);
/// assert!(report.problems.is_empty());
/// assert_eq!(report.reveals[0].what, "the receipt is mailed there");
/// # Ok::<(), privet_classify::MapErrors>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Where code and map disagree, and where a value can reach a log past its class.
    pub problems: Vec<Finding>,
    /// Each place where a value leaves its class, with the reason that is stated there.
    pub reveals: Vec<Finding>,
}

/// Compares Rust files, each a name and a text, with a data map.
///
/// Problems are: generated types that differ from the map, or that are nowhere; a field marked `SYS`
/// whose name the map knows as something else; a log message with a value in it; a file that is not
/// Rust.
///
/// ```
/// # use privet_classify::DataMap;
/// let report = privet_code::check(&DataMap::parse("")?, &[("src/main.rs", "fn main() {}")]);
/// assert_eq!(report, privet_code::Report::default());
/// # Ok::<(), privet_classify::MapErrors>(())
/// ```
#[must_use]
pub fn check(map: &DataMap, files: &[(&str, &str)]) -> Report {
    let mut report = Report::default();
    let mut generated = false;
    for (name, text) in files {
        let file = match syn::parse_file(text) {
            Ok(file) => file,
            Err(error) => {
                let line = error.span().start().line;
                // What the parser expected; it does not quote what it found.
                report.problem(name, line, format!("this is not Rust: {error}"));
                continue;
            }
        };
        if text.lines().any(|line| line.trim() == FIRST_LINE) {
            generated = true;
            report.types(map, name, &file);
            continue;
        }
        let mut visitor = Visitor::default();
        visitor.visit_file(&file);
        report.marked(map, name, &visitor);
        for (line, what) in visitor.problems {
            report.problem(name, line, what);
        }
        for (line, what) in visitor.reveals {
            let file = (*name).to_owned();
            report.reveals.push(Finding { file, line, what });
        }
    }
    if !generated && map.fields().len() > 0 {
        let what = "no file has the types of the data map: write one with \
                    `privet classify --lang rust > src/fields.rs`";
        report.problem("", 0, what.to_owned());
    }
    report.problems.sort();
    report.reveals.sort();
    report
}

impl Report {
    fn problem(&mut self, file: &str, line: usize, what: String) {
        self.problems.push(Finding {
            file: file.to_owned(),
            line,
            what,
        });
    }

    /// The generated types against the map's fields. Compared as tokens: a formatter may have been
    /// over the file.
    fn types(&mut self, map: &DataMap, name: &str, file: &syn::File) {
        let mut expected: BTreeMap<String, String> = names(map)
            .into_iter()
            .map(|(name, field)| (name, type_of(field)))
            .collect();
        let again = "make the file anew with `privet classify --lang rust`";
        for item in &file.items {
            let syn::Item::Type(alias) = item else {
                continue;
            };
            let line = alias.ident.span().start().line;
            let alias_name = alias.ident.to_string();
            match expected.remove(&alias_name) {
                None => {
                    let what =
                        format!("the data map has no field for type `{alias_name}`; {again}");
                    self.problem(name, line, what);
                }
                Some(expected)
                    if tokens(&expected) == Some(alias.ty.to_token_stream().to_string()) => {}
                Some(expected) => {
                    let what = format!("the data map has `{alias_name}` as `{expected}`; {again}");
                    self.problem(name, line, what);
                }
            }
        }
        let made = syn::parse_file(&generate_for_client(map)).ok();
        for part in [ATTRIBUTES, "field", "purpose"] {
            let found = part_named(file, part);
            // Names for the client library are there only where they were asked for.
            if found.is_none() && part != ATTRIBUTES {
                continue;
            }
            let (line, found) = found.unwrap_or((1, String::new()));
            let wanted = made.as_ref().and_then(|made| part_named(made, part));
            if found != wanted.unwrap_or_default().1 {
                let what = format!("`{part}` differs from the data map; {again}");
                self.problem(name, line, what);
            }
        }
        for missing in expected.keys() {
            let what =
                format!("type `{missing}` is missing, its field is in the data map; {again}");
            self.problem(name, 1, what);
        }
    }

    /// Fields that the code calls `SYS` and the map does not.
    fn marked(&mut self, map: &DataMap, name: &str, visitor: &Visitor) {
        for (line, field) in &visitor.system_fields {
            let class = map.field(field).map(|field| field.class);
            if let Some(class) = class.filter(|class| *class != Class::Sys) {
                let what = format!(
                    "field `{field}` is marked `SYS`, and is `{class}` in the data map; \
                     give it the type that `privet classify` made for it"
                );
                self.problem(name, *line, what);
            }
        }
    }
}

/// The classes of attributes in generated code.
const ATTRIBUTES: &str = "ATTRIBUTES";

/// The line and the tokens of a constant or module of that name, without what a formatter changes.
fn part_named(file: &syn::File, name: &str) -> Option<(usize, String)> {
    let mut items = file.items.iter();
    let (line, text) = items.find_map(|item| match item {
        syn::Item::Const(item) if item.ident == name => Some((
            item.ident.span().start().line,
            item.expr.to_token_stream().to_string(),
        )),
        syn::Item::Mod(item) if item.ident == name => Some((
            item.ident.span().start().line,
            item.to_token_stream().to_string(),
        )),
        _ => None,
    })?;
    // Formatters put a comma behind the last one, and take it away.
    let text = text.replace(' ', "").replace(",]", "]").replace(",)", ")");
    Some((line, text))
}

fn tokens(ty: &str) -> Option<String> {
    let ty: syn::Type = syn::parse_str(ty).ok()?;
    Some(ty.to_token_stream().to_string())
}
