//! What people are shown when they are asked. The data map has the texts of the notices in force; each that a server ever had is
//! kept, and its hash is in the audit log, so that it can be told what somebody said yes to when nobody shows that text any more.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use privet_classify::{DataMap, Language, NoticeText as MapText};

use super::change::{ConsentChange, mask};
use super::event::ConsentEvent;
use crate::audit::{Actor, EntryKind, Record};
use crate::port::{DataStore, NoticeRow, StoreError};
use crate::vault::hex;
use crate::{Caller, Error, Result, Vault};

/// A version of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The version.
    pub version: String,
    /// The texts, by purpose and language; never empty.
    pub texts: Vec<NoticeText>,
}

/// What a notice says of one purpose, in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeText {
    /// The purpose.
    pub purpose: String,
    /// The language, as a tag of BCP 47.
    pub language: String,
    /// The text.
    pub text: String,
    /// SHA-256 over the text, as receipts bear it.
    pub sha256: [u8; 32],
    /// When a server had it first. It has not changed since.
    pub since: Timestamp,
}

impl From<NoticeRow> for NoticeText {
    fn from(row: NoticeRow) -> Self {
        Self {
            purpose: row.purpose,
            language: row.language,
            text: row.text,
            sha256: row.sha256,
            since: row.since,
        }
    }
}

impl Vault {
    /// The texts of a notice, in force or former: what a person is to be shown before they are asked, or was shown. They are
    /// nobody's data, so that whoever has a token may read them.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a version that has no texts here.
    pub async fn notice(&self, caller: &Caller, version: &str) -> Result<Notice> {
        self.alive(caller)?;
        let rows = self.kept_texts(BTreeSet::from([version])).await?;
        if rows.is_empty() {
            return Err(Error::NotFound("notice"));
        }
        Ok(Notice {
            version: version.to_owned(),
            texts: rows.into_iter().map(NoticeText::from).collect(),
        })
    }

    /// Keeps the texts of the data map that are new. Their entries are durable first.
    ///
    /// # Errors
    /// [`Error::Unready`] where another server was first with another text.
    pub(crate) async fn keep_notices(&self) -> Result<()> {
        let (data, map) = (&*self.inner.data, &self.inner.map);
        let known = data.notices(&versions_of(map)).await?;
        // Another server may have been first since the map was looked at.
        refuse(&differing(&known, map))?;
        let is_new = |text: &&MapText| !known.iter().any(|row| is_of(row, text));
        let since = self.now();
        let news = map.notice_texts().filter(is_new).map(|text| NoticeRow {
            version: text.version.clone(),
            purpose: text.purpose.to_string(),
            language: text.language.to_string(),
            text: text.text.clone(),
            sha256: hash(&text.text),
            since,
        });
        let news: Vec<NoticeRow> = news.collect();
        if news.is_empty() {
            return Ok(());
        }
        for row in &news {
            let record = Record::new(EntryKind::NoticeKept, Actor::System)
                .fact("version", row.version.as_str())
                .fact("purpose", row.purpose.as_str())
                .fact("language", row.language.as_str())
                .fact("sha256", hex(&row.sha256));
            self.record_patiently(record).await?;
        }
        data.add_notices(news).await?;
        refuse_changed(data, map).await
    }

    /// The kept texts of these versions, each of which is the one that its hash is of.
    pub(crate) async fn kept_texts(&self, versions: BTreeSet<&str>) -> Result<Vec<NoticeRow>> {
        if versions.is_empty() {
            return Ok(Vec::new());
        }
        let versions: Vec<String> = versions.into_iter().map(str::to_owned).collect();
        let rows = self.inner.data.notices(&versions).await?;
        match rows.iter().all(|row| hash(&row.text) == row.sha256) {
            true => Ok(rows),
            false => Err(Error::Internal("a kept text of a notice was changed")),
        }
    }

    /// The texts that an event's yes was to, where it says in which language they were shown.
    pub(super) async fn texts_of(&self, event: &ConsentEvent) -> Result<Vec<NoticeRow>> {
        let Some(language) = &event.language else {
            return Ok(Vec::new());
        };
        let answers = event.state.answers.iter();
        let granted = answers.filter(|answer| event.granted & mask(answer.bit) != 0);
        let versions = granted.map(|answer| answer.notice.as_str());
        let mut rows = self.kept_texts(versions.collect()).await?;
        rows.retain(|row| row.language == language.as_str());
        Ok(rows)
    }

    /// Refuses a language in which nobody can have been shown what is said yes to: with `kept`, the texts that are no longer in
    /// the data map. Saying no takes no text.
    pub(super) fn check_language(&self, change: &ConsentChange, kept: &[NoticeRow]) -> Result<()> {
        let Some(language) = &change.language else {
            return Ok(());
        };
        for grant in &change.grant {
            let mapped = self.inner.map.notice_texts().filter(|text| {
                (text.version.as_str(), text.purpose.as_str()) == (&grant.notice, &grant.purpose)
            });
            let mapped = mapped.map(|text| text.language.as_str());
            let kept = kept.iter().filter(|row| {
                (row.version.as_str(), row.purpose.as_str()) == (&grant.notice, &grant.purpose)
            });
            let known: BTreeSet<&str> = mapped
                .chain(kept.map(|row| row.language.as_str()))
                .collect();
            if !known.contains(language.as_str()) {
                return Err(no_such_text(
                    &grant.purpose,
                    &grant.notice,
                    language,
                    &known,
                ));
            }
        }
        Ok(())
    }
}

/// Refuses a data map that says something else than what people were shown.
///
/// # Errors
/// [`Error::Unready`], with every text that differs.
pub(crate) async fn refuse_changed(data: &dyn DataStore, map: &DataMap) -> Result<()> {
    refuse(&changed(data, map).await?)
}

fn refuse(differing: &[String]) -> Result<()> {
    match differing {
        [] => Ok(()),
        texts => Err(Error::unready("notice_changed", texts.join("; "))),
    }
}

/// The texts of a data map that are not what is kept under their version, one sentence each.
pub(crate) async fn changed(
    data: &dyn DataStore,
    map: &DataMap,
) -> std::result::Result<Vec<String>, StoreError> {
    let versions = versions_of(map);
    if versions.is_empty() {
        return Ok(Vec::new());
    }
    Ok(differing(&data.notices(&versions).await?, map))
}

fn differing(known: &[NoticeRow], map: &DataMap) -> Vec<String> {
    let differing = map.notice_texts().filter_map(|text| {
        let row = known.iter().find(|row| is_of(row, text))?;
        (row.text != text.text).then(|| {
            format!(
                "the text of notice `{}` for purpose `{}` in `{}` is not the one that is kept since {}: a text that people \
                 answered cannot be changed: put that one back, or give this one a version of its own",
                text.version,
                text.purpose,
                text.language,
                row.since.to_zoned(TimeZone::UTC).date(),
            )
        })
    });
    differing.collect()
}

fn versions_of(map: &DataMap) -> Vec<String> {
    let versions: BTreeSet<&String> = map.notice_texts().map(|text| &text.version).collect();
    versions.into_iter().cloned().collect()
}

fn is_of(row: &NoticeRow, text: &MapText) -> bool {
    row.version == text.version
        && row.purpose == text.purpose.as_str()
        && row.language == text.language.as_str()
}

fn hash(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    // SHA-256 has 32 bytes.
    for (byte, hashed) in hash
        .iter_mut()
        .zip(digest(&SHA256, text.as_bytes()).as_ref())
    {
        *byte = *hashed;
    }
    hash
}

fn no_such_text(purpose: &str, notice: &str, language: &Language, known: &BTreeSet<&str>) -> Error {
    let known: Vec<String> = known.iter().map(|tag| format!("`{tag}`")).collect();
    let known = match known.as_slice() {
        [] => "none".to_owned(),
        known => known.join(", "),
    };
    Error::invalid(
        "language_unknown",
        format!(
            "there is no text of notice `{notice}` for purpose `{purpose}` in `{language}`: name the language of the text that \
             was shown, or leave it out; there is: {known}"
        ),
    )
}
