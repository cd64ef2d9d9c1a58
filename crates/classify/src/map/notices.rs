//! `[notices]` and `[former_notices]`: the texts that people are shown when they are asked.

use std::collections::BTreeMap;

use crate::language::Language;
use crate::name::PurposeName;

use super::consent::no_language;
use super::model::{Basis, NoticeText, Purpose};
use super::problems::Problems;
use super::purposes::{self, Purposes};
use super::read::{Item, Section, name};

/// Bytes of one text; a page has some three thousand.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// The texts by version, purpose and language.
pub(super) type Texts = BTreeMap<(String, PurposeName, Language), NoticeText>;

/// Which of the two sections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Texts that people are asked under.
    Now,
    /// Texts that they were asked under.
    Before,
}

/// Reads both sections. `plain` is the language of texts that say none.
pub(super) fn read(
    root: &mut Section<'_>,
    purposes: &Purposes,
    plain: Option<&Language>,
    problems: &mut Problems<'_>,
) -> Texts {
    let mut texts = Texts::new();
    for (section, of) in [("notices", Of::Now), ("former_notices", Of::Before)] {
        for (version, item) in root.section(section, problems).entries() {
            let reader = Reader {
                version,
                of,
                purposes,
                plain,
            };
            reader.version(item, &mut texts, problems);
        }
    }
    texts
}

/// Reads the texts of one version.
struct Reader<'a> {
    version: &'a str,
    of: Of,
    purposes: &'a Purposes,
    plain: Option<&'a Language>,
}

impl Reader<'_> {
    fn version(&self, item: Item<'_>, texts: &mut Texts, problems: &mut Problems<'_>) {
        let key = item.key.clone();
        if !purposes::is_version(self.version) {
            purposes::no_version(&key, problems);
            return;
        }
        let Some(mut section) = item.section(problems) else {
            return;
        };
        if self.of == Of::Now && !self.purposes.values().any(|one| self.is_under(one)) {
            let advice =
                "correct the version, or put the texts of the past under `[former_notices]`";
            problems.add(
                &key,
                "no purpose names this version as its `notice`",
                advice,
            );
            return;
        }
        let mut covered = Vec::new();
        for (purpose, item) in section.entries() {
            covered.push(purpose);
            self.purpose(purpose, item, texts, problems);
        }
        if self.of == Of::Now {
            self.check_covered(&key, &covered, problems);
        }
    }

    fn is_under(&self, purpose: &Purpose) -> bool {
        purpose.notice.as_deref() == Some(self.version)
    }

    /// Whoever is asked is asked for each of these purposes.
    fn check_covered(&self, key: &str, covered: &[&str], problems: &mut Problems<'_>) {
        let asked = self.purposes.values();
        let asked = asked.filter(|one| one.basis == Basis::Consent && self.is_under(one));
        for purpose in asked.filter(|one| !covered.contains(&one.name.as_str())) {
            let problem = format!(
                "it has no text for purpose `{}`, which names it",
                purpose.name
            );
            problems.add(key, problem, format!("add `{} = \"…\"`", purpose.name));
        }
    }

    fn purpose(&self, text: &str, item: Item<'_>, texts: &mut Texts, problems: &mut Problems<'_>) {
        let key = item.key.clone();
        let Some(name) = name(&key, text, problems) else {
            return;
        };
        let Some(purpose) = self.purposes.get(text) else {
            purposes::check_known(&key, text, self.purposes, problems);
            return;
        };
        match (self.of, self.is_under(purpose)) {
            (Of::Now, true) | (Of::Before, false) => self.texts(&name, item, texts, problems),
            (Of::Now, false) => problems.add(
                &key,
                "the purpose names another version as its `notice`",
                "put a text of the past under `[former_notices]`",
            ),
            (Of::Before, true) => problems.add(
                &key,
                "the purpose names this version as its `notice`",
                "put the text in force under `[notices]`",
            ),
        }
    }

    /// The text of one purpose, in one language or several.
    fn texts(
        &self,
        purpose: &PurposeName,
        item: Item<'_>,
        texts: &mut Texts,
        problems: &mut Problems<'_>,
    ) {
        let key = item.key.clone();
        if !item.is_table() {
            let Some(text) = read_text(&item, problems) else {
                return;
            };
            match self.plain {
                Some(language) => self.add(&key, purpose, language.clone(), text, texts, problems),
                None => problems.add(
                    &key,
                    "nothing says which language it is in",
                    "write `{ en = \"…\" }`, or `language = \"en\"` under `[consent]` for all texts that say none",
                ),
            }
            return;
        }
        let mut section = match item.section(problems) {
            Some(section) => section,
            None => return,
        };
        let entries = section.entries();
        if entries.is_empty() {
            problems.add(&key, "it is in no language", "write `{ en = \"…\" }`");
        }
        for (tag, item) in entries {
            let text = read_text(&item, problems);
            match (tag.parse::<Language>(), text) {
                (Ok(language), Some(text)) => {
                    self.add(&item.key, purpose, language, text, texts, problems);
                }
                (Ok(_), None) => {}
                (Err(_), _) => no_language(&item.key, tag, problems),
            }
        }
    }

    fn add(
        &self,
        key: &str,
        purpose: &PurposeName,
        language: Language,
        text: String,
        texts: &mut Texts,
        problems: &mut Problems<'_>,
    ) {
        let notice = NoticeText {
            version: self.version.to_owned(),
            purpose: purpose.clone(),
            language: language.clone(),
            text,
        };
        let place = (self.version.to_owned(), purpose.clone(), language);
        if let Some(twin) = texts.insert(place, notice) {
            let problem = format!("the text in `{}` is there already", twin.language);
            problems.add(key, problem, "give each language once");
        }
    }
}

/// A text as it is kept: without white space around it, and of lines that end in a line feed alone, so that it is the same
/// bytes wherever the file was written.
fn read_text(item: &Item<'_>, problems: &mut Problems<'_>) -> Option<String> {
    let text = item.words(problems)?;
    if text.len() > TEXT_BYTES_MAX {
        let problem = format!("it has {} bytes", text.len());
        let advice = format!("say it in at most {TEXT_BYTES_MAX}, and link to the rest");
        problems.add(&item.key, problem, advice);
        return None;
    }
    let control = |c: &char| c.is_control() && *c != '\n';
    if let Some(control) = text.chars().find(control) {
        let problem = format!("it has a control character, U+{:04X}", u32::from(control));
        let advice = "take it out; the only one in a text is the line feed, U+000A";
        problems.add(&item.key, problem, advice);
        return None;
    }
    Some(text)
}
