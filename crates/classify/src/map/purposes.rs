//! `[purposes]`: what data is used for, and on which legal basis.

use std::collections::BTreeMap;

use crate::name::{PurposeName, kind};

use super::model::{Basis, CONSENT_BITS, Purpose};
use super::problems::{Problems, quoted};
use super::read::{Declared, Item, Section, name};

/// Characters of a notice's version.
const NOTICE_LENGTH_MAX: usize = 64;

/// The declared purposes.
pub(super) type Purposes = Declared<kind::Purpose, Purpose>;

pub(super) fn read(root: &mut Section<'_>, problems: &mut Problems<'_>) -> Purposes {
    let mut purposes = Purposes::new();
    let mut bits = BTreeMap::new();
    for (text, item) in root.section("purposes", problems).entries() {
        let key = item.key.clone();
        let name = name(&key, text, problems);
        let (Some(name), Some(section)) = (name, item.section(problems)) else {
            continue;
        };
        let purpose = read_one(name, section, problems);
        if let Some(bit) = purpose.bit
            && let Some(first) = bits.insert(bit, key.clone())
        {
            let problem = format!(
                "bit {bit} is that of `{first}` (line {})",
                problems.line(&first)
            );
            problems.add(
                &format!("{key}.bit"),
                problem,
                "give each purpose its own bit",
            );
        }
        purposes.insert(purpose.name.clone(), purpose);
    }
    purposes
}

fn read_one(name: PurposeName, mut section: Section<'_>, problems: &mut Problems<'_>) -> Purpose {
    let basis = section.required(
        "basis",
        "`basis = \"contract\"` or another legal basis",
        problems,
    );
    let basis = basis.and_then(|item| item.word::<Basis>(problems));
    let bit = section.optional("bit");
    let notice = section.optional("notice");
    let gpc = section.optional("gpc");
    if let (Some(item), Some(basis)) = (&gpc, basis)
        && basis != Basis::Consent
    {
        let problem =
            format!("Global Privacy Control takes a consent back, but the basis is `{basis}`");
        problems.add(&item.key, problem, "drop it, or make the basis `consent`");
    }
    match basis {
        Some(Basis::Consent) => {
            check_consent(&section.key, bit.as_ref(), notice.as_ref(), problems)
        }
        Some(basis) if let Some(bit) = &bit => {
            let problem = format!("a bit in the consent map, but the basis is `{basis}`");
            problems.add(
                &bit.key,
                problem,
                "drop the bit, or make the basis `consent`",
            );
        }
        _ => {}
    }
    section.finish(problems);
    let bit = bit.and_then(|item| item.integer(0, u16::from(CONSENT_BITS) - 1, problems));
    Purpose {
        name,
        basis: basis.unwrap_or(Basis::Consent),
        bit: bit.and_then(|bit| u8::try_from(bit).ok()),
        notice: notice.and_then(|item| notice_version(&item, problems)),
        gpc: gpc.is_some_and(|item| item.boolean(problems)),
    }
}

/// Notes a problem if no such purpose is declared.
pub(super) fn check_known(key: &str, name: &str, purposes: &Purposes, problems: &mut Problems<'_>) {
    if purposes.get(name).is_none() {
        let known = purposes.names();
        let advice = format!("declare it under `[purposes]`, or use one of: {known}");
        problems.add(key, format!("unknown purpose {}", quoted(name)), advice);
    }
}

/// A version is kept with every answer and stands in the audit log, so it is short and of one line.
fn notice_version(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let version = item.words(problems)?;
    if !is_version(&version) {
        no_version(&item.key, problems);
        return None;
    }
    Some(version)
}

/// Whether a text can be a version: it is what `notice` gives, so that a heading with blanks around it names none.
pub(super) fn is_version(text: &str) -> bool {
    let is_short = text.chars().count() <= NOTICE_LENGTH_MAX;
    is_short && !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

/// Says that `key` is none.
pub(super) fn no_version(key: &str, problems: &mut Problems<'_>) {
    let advice = format!(
        "name the version in one line of at most {NOTICE_LENGTH_MAX} characters, as `\"2026-11\"`"
    );
    problems.add(key, "it is no version of a notice", advice);
}

/// A purpose that rests on consent has a place in the consent map and a text that people agreed to.
fn check_consent(
    key: &str,
    bit: Option<&Item<'_>>,
    notice: Option<&Item<'_>>,
    problems: &mut Problems<'_>,
) {
    if bit.is_none() {
        let advice = "add a number from 0 to 31 that no other purpose has and that never changes";
        problems.add(key, "it rests on consent but has no `bit`", advice);
    }
    if notice.is_none() {
        let advice = "add the version of the text that people agree to, as `notice = \"2026-11\"`";
        problems.add(key, "it rests on consent but has no `notice`", advice);
    }
}
