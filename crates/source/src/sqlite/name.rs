//! Names in SQL text.

/// A name as an identifier: in double quotes, with those inside doubled. Names come from catalogs
/// and data maps and may hold anything.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The column of a blind index has this ending.
pub(crate) const INDEX_COLUMN_ENDING: &str = "_px";

/// Everything of ours in an application's schema begins with this.
pub(crate) const OWN_PREFIX: &str = "privet_";

/// The guards that refuse plaintext in sealed columns begin with this.
pub(crate) const GUARD_PREFIX: &str = "privet_guard_";

/// The table that is there while old values may still be in the file: from before the first value is sealed until
/// free pages and logs are known to be empty.
pub(crate) const UNCLEAN_TABLE: &str = "privet_unclean";

/// Whether this name is kept for what is ours. The engine does not tell `A` from `a`.
pub(crate) fn is_ours(name: &str) -> bool {
    name.get(..OWN_PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX))
}
