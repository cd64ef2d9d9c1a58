//! Names, lines of addresses and free text: compared without regard to case, width and spacing.
//!
//! Compared means NFKC (Unicode Standard Annex 15), lower case, final sigma as sigma, one space for
//! any white space. Full case folding was left out: `ß` and `ss` stay apart, as they do in German
//! names.

use unicode_normalization::UnicodeNormalization;

use crate::synthetic;

use super::{ValueType, Wrong};

/// Any text but one with U+0000, which PostgreSQL cannot store.
pub(super) fn normalize(value: &str) -> Result<String, Wrong> {
    if value.contains('\0') {
        return Err(("it holds a zero character", "leave out U+0000"));
    }
    Ok(fold(value))
}

pub(super) fn normalize_name(value: &str) -> Result<String, Wrong> {
    let right = "write the name on one line, as `Ada Lovelace`";
    if value.trim().chars().any(char::is_control) {
        return Err(("it holds a line break or another control character", right));
    }
    not_blank(fold(value), right)
}

pub(super) fn normalize_address(value: &str) -> Result<String, Wrong> {
    let right = "write it as `12 Juniper Lane, Brookhaven 00412`, on one line or several";
    if value
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err(("it holds a control character", right));
    }
    not_blank(fold(value), right)
}

fn not_blank(folded: String, right: &'static str) -> Result<String, Wrong> {
    if folded.chars().any(char::is_alphanumeric) {
        Ok(folded)
    } else {
        Err(("it holds no letter and no digit", right))
    }
}

/// Whether the text was made by the generator, or is a value of another type that is reserved for
/// examples. Empty text says nothing about anybody.
pub(super) fn is_reserved(value: &str) -> bool {
    let others = [
        ValueType::Email,
        ValueType::Phone,
        ValueType::Name,
        ValueType::Address,
    ];
    value.trim().is_empty()
        || synthetic::is_listed_text(value)
        || others.iter().any(|kind| kind.is_reserved_example(value))
}

/// Folds width, case and spacing away.
pub(crate) fn fold(value: &str) -> String {
    let lower: String = value
        .nfkc()
        .flat_map(char::to_lowercase)
        .map(without_final_form)
        .collect();
    let composed: String = lower.nfkc().collect();
    let mut folded = String::with_capacity(composed.len());
    for word in composed.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}

/// `ς` is `σ` at the end of a word, so it depends on what follows; its capital does not.
fn without_final_form(c: char) -> char {
    if c == 'ς' { 'σ' } else { c }
}
