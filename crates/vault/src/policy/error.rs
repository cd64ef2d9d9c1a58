//! What is wrong with a bundle, in the words of whoever has to mend it.

use std::fmt;

/// The name that messages give to the schema.
pub(super) const SCHEMA: &str = "schema.cedarschema";
/// The name that messages give to the list of principals.
pub(super) const PRINCIPALS: &str = "principals.toml";

/// Every problem of a bundle that does not load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    problems: Vec<Problem>,
}

impl PolicyError {
    /// Sorted by file and line, so that the order does not depend on which check ran first.
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { problems }
    }

    /// The problems, by file and line.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the policy bundle does not load")?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for PolicyError {}

/// One problem of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file's name within the bundle.
    pub file: String,
    /// The line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub text: String,
}

impl Problem {
    /// A problem at a byte offset of `source`, the text of `file`.
    pub(super) fn at(file: &str, source: &str, offset: Option<usize>, text: String) -> Self {
        Self {
            file: file.to_owned(),
            line: offset.map(|offset| line(source, offset)),
            text,
        }
    }

    /// A problem of Cedar's, which knows its place in `source` and often what to do.
    pub(super) fn cedar(file: &str, source: &str, diagnostic: &dyn miette::Diagnostic) -> Self {
        let text = match diagnostic.help() {
            Some(help) => format!("{diagnostic}: {help}"),
            None => diagnostic.to_string(),
        };
        Self::at(file, source, offset(diagnostic), text)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

/// Where Cedar says that a problem lies.
pub(super) fn offset(diagnostic: &dyn miette::Diagnostic) -> Option<usize> {
    diagnostic.labels()?.next().map(|label| label.offset())
}

fn line(source: &str, offset: usize) -> usize {
    1 + source
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}
