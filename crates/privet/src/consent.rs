//! Consent: what people say yes and no to.

use bytes::Bytes;
use http::Method;
use privet_wire::{
    Consent, ConsentChannel, ConsentGrant, ConsentHistory, ConsentHistoryQuery, ConsentQuery,
    GpcAnswer, HonourGpc, ImportAnswer, ImportedConsent, KeptConsent, Notice, Oid, Personal, Puid,
    PutConsent, ReadKeptConsent,
};

use crate::call::Call;
use crate::retry::Repeat;
use crate::{Client, Error, Purpose};

/// What a person answered. What is not named stays as it is.
///
/// ```
/// use privet::wire::ConsentChannel;
/// use privet::{ConsentAnswers, Purpose};
///
/// let answers = ConsentAnswers::new(ConsentChannel::Web)
///     .grant(&Purpose::new("improvement"), "2026-11")
///     .withdraw(&Purpose::new("marketing"));
/// ```
#[derive(Debug, Clone)]
pub struct ConsentAnswers(PutConsent);

impl ConsentAnswers {
    /// Nothing yet, that came in this way.
    ///
    /// ```
    /// use privet::wire::ConsentChannel;
    /// let nothing_yet = privet::ConsentAnswers::new(ConsentChannel::App);
    /// ```
    pub fn new(channel: ConsentChannel) -> Self {
        Self(PutConsent {
            grant: Vec::new(),
            withdraw: Vec::new(),
            channel,
            language: None,
            evidence: None,
        })
    }

    /// Yes to a purpose, under the notice that the person was shown.
    ///
    /// ```
    /// # use privet::{ConsentAnswers, Purpose, wire::ConsentChannel};
    /// let yes = ConsentAnswers::new(ConsentChannel::Web).grant(&Purpose::new("marketing"), "2026-11");
    /// ```
    #[must_use]
    pub fn grant(mut self, purpose: &Purpose, notice: impl Into<String>) -> Self {
        self.0.grant.push(ConsentGrant {
            purpose: purpose.to_string(),
            notice: notice.into(),
        });
        self
    }

    /// No to a purpose.
    ///
    /// ```
    /// # use privet::{ConsentAnswers, Purpose, wire::ConsentChannel};
    /// let no = ConsentAnswers::new(ConsentChannel::Gpc).withdraw(&Purpose::new("marketing"));
    /// ```
    #[must_use]
    pub fn withdraw(mut self, purpose: &Purpose) -> Self {
        self.0.withdraw.push(purpose.to_string());
        self
    }

    /// The language of the text that the person was shown, as a tag of BCP 47. Its receipt then bears that text's hash.
    ///
    /// ```
    /// # use privet::{ConsentAnswers, Purpose, wire::ConsentChannel};
    /// let marketing = Purpose::new("marketing");
    /// let yes = ConsentAnswers::new(ConsentChannel::Web).grant(&marketing, "2026-11").language("de");
    /// ```
    #[must_use]
    pub fn language(mut self, tag: impl Into<String>) -> Self {
        self.0.language = Some(tag.into());
        self
    }

    /// What shows that it was given. It is kept sealed.
    ///
    /// ```
    /// # use privet::{ConsentAnswers, wire::ConsentChannel};
    /// let answers = ConsentAnswers::new(ConsentChannel::Support).evidence("call 4711, recorded");
    /// assert!(!format!("{answers:?}").contains("4711"));
    /// ```
    #[must_use]
    pub fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.0.evidence = Some(Personal::new(evidence));
        self
    }
}

const CONSENT: &str = "/v1/subjects/{oid}/consent";

impl Client {
    /// The texts of a notice: what to show a person before they are asked, for each purpose and in each language.
    /// [`consent`](Self::consent) says which version is in force. A text never changes, so that it may be kept.
    ///
    /// ```
    /// # async fn example(client: privet::Client) -> Result<(), privet::Error> {
    /// let notice = client.notice("2026-11").await?;
    /// for text in notice.texts.iter().filter(|text| text.language == "de") {
    ///     println!("{}: {}", text.purpose, text.text);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if the server has no texts of that version.
    pub async fn notice(&self, version: &str) -> Result<Notice, Error> {
        self.call(Call::get("/v1/notices/{version}").name(version))
            .await
    }

    /// Records what a person answered, and tells what holds from then on. Every call that begins later goes by it.
    ///
    /// ```
    /// # use privet::{Client, ConsentAnswers, Error, Purpose, wire::{ConsentChannel, Oid}};
    /// # async fn example(client: Client, oid: Oid) -> Result<(), Error> {
    /// let no = ConsentAnswers::new(ConsentChannel::Web).withdraw(&Purpose::new("marketing"));
    /// let now = client.record_consent(oid, &no).await?;
    /// assert!(now.purposes.iter().all(|one| one.purpose != "marketing" || !one.agreed));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `notice_outdated` if the person was shown another notice than the one in force.
    pub async fn record_consent(
        &self,
        oid: Oid,
        answers: &ConsentAnswers,
    ) -> Result<Consent, Error> {
        // To say the same twice says nothing else.
        let call = Call::new(Method::PUT, CONSENT, Repeat::Harmless).id(oid);
        self.call(call.json(&answers.0)?).await
    }

    /// Takes over answers that people gave elsewhere, at most [`IMPORT_LINES_MAX`](privet_wire::IMPORT_LINES_MAX) of them, and tells what
    /// became of each, in their order. The answers of one person are in order of time. One that was taken over before adds nothing; one
    /// that failed has to be sent again before later ones of the same person, which would go before it for ever.
    ///
    /// ```
    /// # use privet::{Client, Error, wire::{ImportedConsent, ImportOutcome}};
    /// # async fn example(client: Client, answers: Vec<ImportedConsent>) -> Result<(), Error> {
    /// let lines = client.import_consent(&answers).await?.lines;
    /// let again = lines.iter().filter(|line| line.outcome == ImportOutcome::Failed);
    /// println!("{} to be sent again", again.count());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; what is wrong with an answer is its outcome.
    pub async fn import_consent(&self, answers: &[ImportedConsent]) -> Result<ImportAnswer, Error> {
        let call = Call::new(Method::POST, "/v1/consent/import", Repeat::Harmless);
        self.call(call.json_lines(answers)?).await
    }

    /// Honours Global Privacy Control: withdraws what the data map marks for it, once, if the person's own request bore the
    /// signal. `values` are those of every `Sec-GPC` header of that request, as they came.
    ///
    /// ```
    /// # use privet::{Client, Error, wire::Oid};
    /// # async fn example(client: Client, oid: Oid) -> Result<(), Error> {
    /// let headers = ["1"];
    /// let done = client.honour_gpc(oid, headers).await?;
    /// println!("withdrawn: {}", done.withdrawn.join(", "));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if there is no such subject.
    pub async fn honour_gpc(
        &self,
        oid: Oid,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<GpcAnswer, Error> {
        let body = HonourGpc {
            sec_gpc: values.into_iter().map(Into::into).collect(),
        };
        let template = "/v1/subjects/{oid}/consent/gpc";
        let call = Call::new(Method::POST, template, Repeat::Harmless).id(oid);
        self.call(call.json(&body)?).await
    }

    /// What a person agrees to, now or at a moment.
    ///
    /// ```
    /// # use privet::{Client, Error, wire::{ConsentQuery, Oid}};
    /// # async fn example(client: Client, oid: Oid) -> Result<(), Error> {
    /// for one in client.consent(oid, &ConsentQuery::default()).await?.purposes {
    ///     println!("{}: {}", one.purpose, one.agreed);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if there is no such subject.
    pub async fn consent(&self, oid: Oid, query: &ConsentQuery) -> Result<Consent, Error> {
        self.call(Call::get(CONSENT).id(oid).query(query)?).await
    }

    /// Every time a person answered, newest first, a page at a time.
    ///
    /// ```
    /// # use privet::{Client, Error, wire::{ConsentHistoryQuery, Oid}};
    /// # async fn example(client: Client, oid: Oid) -> Result<(), Error> {
    /// let newest = client.consent_history(oid, &ConsentHistoryQuery::default()).await?;
    /// println!("{} answers", newest.events.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if there is no such subject.
    pub async fn consent_history(
        &self,
        oid: Oid,
        query: &ConsentHistoryQuery,
    ) -> Result<ConsentHistory, Error> {
        let call = Call::get("/v1/subjects/{oid}/consent/history").id(oid);
        self.call(call.query(query)?).await
    }

    /// What law keeps of the answers of somebody who left, newest first, a page at a time, with their evidence and receipts. The
    /// `puid` is what [`close`](Self::close) told. The reason is put on record, sealed.
    ///
    /// ```
    /// # use privet::{Client, Error, wire::Puid};
    /// # async fn example(client: Client, puid: Puid) -> Result<(), Error> {
    /// let kept = client.kept_consent(puid, "claim 4711 about an advertisement", None).await?;
    /// println!("{} answers, kept until {}", kept.answers.len(), kept.until);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if nothing is kept, or no longer; `reason_too_weak` if the reason says nothing.
    pub async fn kept_consent(
        &self,
        puid: Puid,
        reason: impl Into<String>,
        before: Option<u64>,
    ) -> Result<KeptConsent, Error> {
        let body = ReadKeptConsent {
            puid,
            reason: Personal::new(reason),
            before,
        };
        let call = Call::new(Method::POST, "/v1/kept-consent", Repeat::Harmless);
        self.call(call.json(&body)?).await
    }

    /// The signed receipt of one answer, for the person to keep: JSON-LD that anybody can check without the server. An answer's
    /// number is the one that [`record_consent`](Self::record_consent) told, or the history.
    ///
    /// ```
    /// # use privet::{Client, Error, wire::Oid};
    /// # async fn example(client: Client, oid: Oid) -> Result<(), Error> {
    /// let receipt = client.consent_receipt(oid, 1).await?;
    /// assert!(receipt.starts_with(b"{\"@context\":"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call; `not_found` if there is no such subject or answer, `receipts_off` if the server gives none.
    pub async fn consent_receipt(&self, oid: Oid, number: u64) -> Result<Bytes, Error> {
        let call = Call::get("/v1/subjects/{oid}/consent/receipts/{number}");
        self.call_bytes(call.id(oid).id(number)).await
    }
}
