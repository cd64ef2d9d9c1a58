//! Consent: what people say yes and no to, recorded and read.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privet_vault::{self as vault, ConsentChannel as Channel, LanguageError, Oid, SubjectName};
use privet_wire::{
    Consent, ConsentAnswer, ConsentChannel, ConsentEvent, ConsentGrant, ConsentHistory,
    ConsentHistoryQuery, ConsentQuery, GpcAnswer, GpcSupport, HonourGpc, PurposeConsent,
    PutConsent, ReceiptKey, VerificationMethod,
};

use crate::answer::{Answer, plain};
use crate::authenticated::Authenticated;
use crate::body::{Json, Params, PathId, PathIds};
use crate::convert::language_in;
use crate::openapi::Refusals;
use crate::refusal::Refusal;
use crate::router::Api;

/// Records what a person answered when they were asked, or took back. Whoever calls afterwards for a purpose that rests on
/// consent is answered by it.
#[utoipa::path(put, path = "/v1/subjects/{oid}/consent", tag = "consent", request_body = PutConsent,
    params(("oid" = privet_wire::Oid, Path)),
    responses((status = 200, body = Consent), Refusals))]
pub(crate) async fn record(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
    Json(body): Json<PutConsent>,
) -> Result<Answer, Refusal> {
    let grant = body.grant.into_iter().map(|grant| vault::ConsentGrant {
        purpose: grant.purpose,
        notice: grant.notice,
    });
    let change = vault::ConsentChange {
        grant: grant.collect(),
        withdraw: body.withdraw,
        channel: channel_in(body.channel),
        language: language_in(body.language.as_deref()).map_err(no_language)?,
        evidence: body.evidence.map(privet_wire::Personal::into_inner),
    };
    let name = SubjectName::Oid(oid);
    let view = api.vault.record_consent(&caller, &name, &change).await?;
    let mut consent = consent_out(view);
    if api.vault.receipt_key().is_ok() {
        let number = consent.number;
        consent.receipt = Some(format!("/v1/subjects/{oid}/consent/receipts/{number}"));
    }
    Answer::ok(&consent)
}

/// What a person agrees to now, or agreed to at a moment. Reading it is put on record.
#[utoipa::path(get, path = "/v1/subjects/{oid}/consent", tag = "consent",
    params(("oid" = privet_wire::Oid, Path), ConsentQuery),
    responses((status = 200, body = Consent), Refusals))]
pub(crate) async fn show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
    Params(query): Params<ConsentQuery>,
) -> Result<Answer, Refusal> {
    let name = SubjectName::Oid(oid);
    let view = api.vault.consent(&caller, &name, query.as_of).await?;
    Answer::ok(&consent_out(view))
}

/// Every time a person answered, newest first, at most 100 at once. Reading it is put on record.
#[utoipa::path(get, path = "/v1/subjects/{oid}/consent/history", tag = "consent",
    params(("oid" = privet_wire::Oid, Path), ConsentHistoryQuery),
    responses((status = 200, body = ConsentHistory), Refusals))]
pub(crate) async fn history(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
    Params(query): Params<ConsentHistoryQuery>,
) -> Result<Answer, Refusal> {
    let name = SubjectName::Oid(oid);
    // Numbers fit into what a store counts with; one beyond that names no answer.
    if query
        .before
        .is_some_and(|before| i64::try_from(before).is_err())
    {
        return Err(Refusal::malformed(
            "invalid_query",
            "`before` is a number that a page names",
        ));
    }
    let history = api
        .vault
        .consent_history(&caller, &name, query.before)
        .await?;
    Answer::ok(&ConsentHistory {
        events: history.events.into_iter().map(event_out).collect(),
        before: history.before,
    })
}

/// The signed receipt of one answer: JSON-LD in the W3C DPV profile of ISO/IEC TS 27560, canonical (RFC 8785), with a proof of W3C
/// Data Integrity. The same each time it is asked for. Reading it is put on record.
#[utoipa::path(get, path = "/v1/subjects/{oid}/consent/receipts/{number}", tag = "consent",
    params(("oid" = privet_wire::Oid, Path), ("number" = u64, Path, description = "The answer's number among the person's own")),
    responses((status = 200, content_type = "application/ld+json"), Refusals))]
pub(crate) async fn receipt(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathIds(oid, number): PathIds<Oid, u64>,
) -> Result<Response, Refusal> {
    let name = SubjectName::Oid(oid);
    let receipt = api.vault.consent_receipt(&caller, &name, number).await?;
    Ok(plain("application/ld+json", receipt.into_bytes()))
}

/// What receipts of consent can be checked with, without asking anybody.
#[utoipa::path(get, path = "/v1/consent/receipt-key", tag = "consent", security(()),
    responses((status = 200, body = ReceiptKey)))]
pub(crate) async fn receipt_key(State(api): State<Api>) -> Result<Answer, Refusal> {
    let key = api.vault.receipt_key()?;
    let (id, method) = (key.to_string(), key.verification_method());
    Answer::ok(&ReceiptKey {
        context: vec!["https://www.w3.org/ns/cid/v1".to_owned()],
        id: id.clone(),
        verification_method: vec![VerificationMethod {
            id: method.clone(),
            kind: "Multikey".to_owned(),
            controller: id,
            public_key_multibase: key.multibase(),
        }],
        assertion_method: vec![method],
    })
}

/// Honours Global Privacy Control: withdraws what the data map marks for it, if the person's own request bore the signal. It is
/// recorded once, and what the person agreed to afterwards in spite of it stays.
#[utoipa::path(post, path = "/v1/subjects/{oid}/consent/gpc", tag = "consent", request_body = HonourGpc,
    params(("oid" = privet_wire::Oid, Path)),
    responses((status = 200, body = GpcAnswer), Refusals))]
pub(crate) async fn honour_gpc(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    PathId(oid): PathId<Oid>,
    Json(body): Json<HonourGpc>,
) -> Result<Answer, Refusal> {
    let name = SubjectName::Oid(oid);
    let outcome = api.vault.honour_gpc(&caller, &name, &body.sec_gpc).await?;
    Answer::ok(&GpcAnswer {
        signal: outcome.is_signal,
        withdrawn: outcome.withdrawn,
    })
}

/// Whether Global Privacy Control is honoured, in the form that a web site publishes.
#[utoipa::path(get, path = "/.well-known/gpc.json", tag = "consent", security(()),
    responses((status = 200, body = GpcSupport)))]
pub(crate) async fn gpc_support(State(api): State<Api>) -> Result<Answer, Refusal> {
    let map = api.vault.map();
    let since = map.consent().gpc_since;
    Answer::ok(&GpcSupport {
        gpc: map.purposes().any(|purpose| purpose.gpc),
        last_update: since.map(|day| day.to_string()),
    })
}

fn consent_out(view: vault::ConsentView) -> Consent {
    let purposes = view.purposes.into_iter().map(|purpose| PurposeConsent {
        purpose: purpose.purpose,
        agreed: purpose.agreed,
        answer: purpose.answer.map(|agreed| match agreed {
            true => ConsentAnswer::Yes,
            false => ConsentAnswer::No,
        }),
        since: purpose.since,
        notice: purpose.notice,
        current_notice: purpose.current_notice,
    });
    Consent {
        number: view.number,
        lost: view.lost,
        purposes: purposes.collect(),
        receipt: None,
    }
}

pub(super) fn event_out(event: vault::PastConsent) -> ConsentEvent {
    let granted = event.granted.into_iter();
    ConsentEvent {
        number: event.number,
        at: event.at,
        granted: granted
            .map(|(purpose, notice)| ConsentGrant { purpose, notice })
            .collect(),
        withdrawn: event.withdrawn,
        channel: channel_out(event.channel),
        language: event.language.map(Into::into),
        has_evidence: event.has_evidence,
        evidence: event.evidence.map(Into::into),
    }
}

fn no_language(error: LanguageError) -> Refusal {
    Refusal::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "language_invalid",
        error.to_string(),
    )
}

fn channel_in(channel: ConsentChannel) -> Channel {
    match channel {
        ConsentChannel::Web => Channel::Web,
        ConsentChannel::App => Channel::App,
        ConsentChannel::Support => Channel::Support,
        ConsentChannel::Import => Channel::Import,
        ConsentChannel::Gpc => Channel::Gpc,
    }
}

fn channel_out(channel: Channel) -> ConsentChannel {
    match channel {
        Channel::Web => ConsentChannel::Web,
        Channel::App => ConsentChannel::App,
        Channel::Support => ConsentChannel::Support,
        Channel::Import => ConsentChannel::Import,
        Channel::Gpc => ConsentChannel::Gpc,
    }
}
