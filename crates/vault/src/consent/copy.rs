//! What a person gets of the ledger with the copy of their data: every answer, and receipts of them.

use privet_archive::{Document, Row, Value};

use super::change::mask;
use super::event::ConsentEvent;
use super::receipt::Said;
use crate::keyring::OpenSubject;
use crate::port::ConsentBit;
use crate::receipt::ReceiptSubject;
use crate::{Result, Vault};

/// Answers that are read together.
const PAGE: u32 = 100;
/// Receipts in one copy: each has some KiB, and they are in memory together.
const RECEIPTS_MAX: usize = 1_000;

impl Vault {
    /// Answers, newest first: those with a number below `before`, with the number before which older ones are. A row for each
    /// purpose that an answer was about.
    pub(crate) async fn answers_for_copy(
        &self,
        open: &OpenSubject,
        before: Option<u64>,
        count_max: u32,
    ) -> Result<(Vec<Row>, Option<u64>)> {
        let page = self.past_consents(open, before, count_max).await?;
        let bits = self.inner.data.consent_bits().await?;
        let mut rows = Vec::new();
        for (event, row) in &page.events {
            let evidence = row.evidence.as_ref().and_then(|sealed| {
                let key = open.consent_key()?;
                key.open_evidence(event.state.number, sealed).ok()
            });
            rows.extend(self.answer_rows(&bits, event, evidence.as_ref().map(|e| e.as_str())));
        }
        Ok((rows, page.before))
    }

    fn answer_rows<'a>(
        &'a self,
        bits: &'a [ConsentBit],
        event: &'a ConsentEvent,
        evidence: Option<&'a str>,
    ) -> impl Iterator<Item = Row> + 'a {
        let about = event.granted | event.withdrawn;
        let answers = event.state.answers.iter();
        let answers = answers.filter(move |answer| about & mask(answer.bit) != 0);
        answers.map(move |answer| {
            let language = event.language.as_ref();
            Row::new(vec![
                i64::try_from(event.state.number).map_or(Value::Null, Value::Integer),
                Value::text(event.state.at.to_string()),
                Value::text(self.name_of(bits, answer.bit)),
                Value::Boolean(answer.agreed),
                Value::text(answer.notice.as_str()),
                Value::text(event.channel.as_str()),
                language.map_or(Value::Null, |language| Value::text(language.as_str())),
                evidence.map_or(Value::Null, Value::text),
            ])
        })
    }

    /// Receipts of a person's last answers, the newest first, at most 1,000; none where this server signs none. `title` is put before the number.
    pub(crate) async fn receipts_for_copy(
        &self,
        open: &OpenSubject,
        title: &str,
    ) -> Result<Vec<Document>> {
        let Ok(issuer) = self.issuer() else {
            return Ok(Vec::new());
        };
        let bits = self.inner.data.consent_bits().await?;
        let mut events = Vec::new();
        let mut before = None;
        while events.len() <= RECEIPTS_MAX {
            let page = self.past_consents(open, before, PAGE).await?;
            events.extend(page.events.into_iter().map(|(event, _)| event));
            before = page.before;
            if before.is_none() {
                break;
            }
        }
        let mut documents = Vec::new();
        for (at, event) in events.iter().enumerate().take(RECEIPTS_MAX) {
            let number = event.state.number;
            let former = events.get(at + 1).map(|event| &event.state);
            let texts = self.texts_of(event).await?;
            let said = Said {
                event,
                before: former.filter(|former| former.number + 1 == number),
                texts: &texts,
            };
            let subject = ReceiptSubject::from(open.row.oid);
            let receipt = self.signed_receipt(&issuer, subject, &bits, &said)?;
            documents.push(Document {
                name: format!("consent-{number}"),
                extension: "jsonld",
                title: format!("{title} {number}"),
                content: receipt.into_bytes(),
            });
        }
        Ok(documents)
    }
}
