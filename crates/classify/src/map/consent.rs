//! `[consent]`: what holds for all consent.

use jiff::civil::Date;

use crate::language::{Language, LanguageError};

use super::model::{ConsentRules, KeptConsent};
use super::period::{self, Period};
use super::problems::{Problems, quoted};
use super::read::{Item, Section};

pub(super) fn read(root: &mut Section<'_>, problems: &mut Problems<'_>) -> ConsentRules {
    let mut section = root.section("consent", problems);
    let keep = section.optional("keep");
    let keep = keep.and_then(|item| item.section(problems));
    let language = section.optional("language");
    let gpc_since = section.optional("gpc_since");
    let rules = ConsentRules {
        keep: keep.map(|section| read_keep(section, problems)),
        language: language.and_then(|item| read_language(&item, problems)),
        gpc_since: gpc_since.and_then(|item| read_day(&item, problems)),
    };
    section.finish(problems);
    rules
}

fn read_language(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<Language> {
    let text = item.string(problems)?;
    let language = text.parse().ok();
    if language.is_none() {
        no_language(&item.key, text, problems);
    }
    language
}

/// Says that `text` is no tag of a language.
pub(super) fn no_language(key: &str, text: &str, problems: &mut Problems<'_>) {
    let error = LanguageError.to_string();
    let (what, advice) = error.split_once(": ").unwrap_or_default();
    problems.add(key, format!("{} is {what}", quoted(text)), advice);
}

fn read_day(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<Date> {
    let text = item.string(problems)?;
    let day = text.parse().ok();
    if day.is_none() {
        let problem = format!("{} is not a day", quoted(text));
        problems.add(&item.key, problem, "write it as `\"2026-11-26\"`");
    }
    day
}

fn read_keep(mut section: Section<'_>, problems: &mut Problems<'_>) -> KeptConsent {
    let for_ = section.required("for", "how long, as `for = \"3y\"`", problems);
    let why = section.required(
        "why",
        "the reason in words, as `why = \"proof of consent\"`",
        problems,
    );
    let keep = KeptConsent {
        for_: for_
            .and_then(|item| period::read(&item, problems))
            .unwrap_or(Period::ONE_DAY),
        why: why
            .and_then(|item| item.words(problems))
            .unwrap_or_default(),
    };
    section.finish(problems);
    keep
}
