//! The JSON-LD of a receipt: a closed shape, written and read by the same types, so that a member that nobody here knows is
//! refused instead of being read over.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use privet_classify::Language;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::proof::Proof;
use super::{Controller, ReceiptContent, ReceiptError};
use crate::audit::Hex;
use crate::{ConsentChannel, NameError, Oid, Puid};

/// The schema version that ISO/IEC TS 27560 wants, as DPV names its profile for receipts.
const SCHEMA: &str = "https://w3id.org/dpv/schema/dpv-27560#receipt";
/// Keeps this use of an id apart from any other.
const LABEL: &[u8] = b"privet/v1/consent-receipt";
/// The hash of a notice's text.
const SHA_256: &str = "spdx:checksumAlgorithm_sha256";
/// How long a yes holds; the same for every one.
const ENDS: &str = "withdrawal, another version of the notice, or the end of the account";

/// Who gave an answer: the operational id, or of somebody who left the account's, since nothing leads to the operational one any
/// more. No receipt says which of the two it is; they are never alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptSubject([u8; 16]);

impl From<Oid> for ReceiptSubject {
    fn from(oid: Oid) -> Self {
        Self(*oid.as_bytes())
    }
}

impl From<Puid> for ReceiptSubject {
    fn from(puid: Puid) -> Self {
        Self(*puid.as_bytes())
    }
}

impl fmt::Display for ReceiptSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Oid::from_bytes(self.0), f)
    }
}

impl FromStr for ReceiptSubject {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.parse().map(|oid: Oid| Self::from(oid))
    }
}

/// What was said to one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptAnswer {
    /// The purpose.
    pub purpose: String,
    /// The version of the notice that was in force.
    pub notice: String,
    /// The text that the person was shown, where it is known: of a yes alone.
    pub text: Option<ReceiptText>,
    /// What it was.
    pub kind: AnswerKind,
}

/// The text of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptText {
    /// Its language.
    pub language: Language,
    /// SHA-256 over it.
    pub sha256: [u8; 32],
}

/// What an answer was, beside the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnswerKind {
    /// Yes.
    #[serde(rename = "dpv:ConsentGiven")]
    Given,
    /// Yes once more, such as to a new version of the notice.
    #[serde(rename = "dpv:RenewedConsentGiven")]
    Renewed,
    /// No, without a yes before.
    #[serde(rename = "dpv:ConsentRefused")]
    Refused,
    /// No, after a yes.
    #[serde(rename = "dpv:ConsentWithdrawn")]
    Withdrawn,
}

impl AnswerKind {
    /// Whether it was yes.
    pub fn is_yes(self) -> bool {
        matches!(self, Self::Given | Self::Renewed)
    }
}

/// A whole receipt.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(rename = "@context")]
    context: Json,
    #[serde(rename = "@id")]
    id: String,
    #[serde(rename = "@type")]
    kind: Kind,
    #[serde(rename = "dct:conformsTo")]
    schema: Iri,
    #[serde(rename = "dct:identifier")]
    identifier: uuid::Uuid,
    #[serde(rename = "dct:created")]
    created: Timestamp,
    #[serde(rename = "dpv:hasRecordOfActivity")]
    records: Vec<ConsentRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proof: Option<Proof>,
}

/// What was said to one purpose.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsentRecord {
    #[serde(rename = "@type")]
    kind: Kind,
    /// The receipt's, with the answer's number and the purpose.
    #[serde(rename = "dct:identifier")]
    identifier: String,
    #[serde(rename = "dpv:hasDataSubject")]
    subject: Named,
    #[serde(rename = "dpv:hasDataController")]
    controller: NamedController,
    #[serde(rename = "dpv:hasProcess")]
    process: Process,
    #[serde(rename = "dpv:hasNotice")]
    notice: NoticeShown,
    #[serde(rename = "dpv:hasConsentStatus")]
    status: Status,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Process {
    #[serde(rename = "@type")]
    kind: Kind,
    #[serde(rename = "dpv:hasLegalBasis")]
    basis: Iri,
    #[serde(rename = "dpv:hasPurpose")]
    purpose: Named,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    #[serde(rename = "@type")]
    kind: AnswerKind,
    #[serde(
        rename = "dpv:hasDuration",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    duration: Option<Duration>,
    #[serde(rename = "dpv:hasIndicationMethod")]
    channel: ConsentChannel,
    #[serde(rename = "dpv:isIndicatedAtTime")]
    at: Timestamp,
    #[serde(rename = "dpv:isIndicatedBy")]
    by: Iri,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Duration {
    #[serde(rename = "@type")]
    kind: Kind,
    #[serde(rename = "rdf:value")]
    ends: String,
}

/// Something of a kind, by the name that the controller gave it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    #[serde(rename = "@type")]
    kind: Kind,
    #[serde(rename = "dct:identifier")]
    identifier: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeShown {
    #[serde(rename = "@type")]
    kind: Kind,
    #[serde(rename = "dct:identifier")]
    identifier: String,
    #[serde(
        rename = "dct:language",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    language: Option<Language>,
    #[serde(
        rename = "spdx:checksum",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    checksum: Option<Checksum>,
}

/// A hash, as DCAT 3 has it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checksum {
    #[serde(rename = "@type")]
    kind: Kind,
    #[serde(rename = "spdx:algorithm")]
    algorithm: Iri,
    #[serde(rename = "spdx:checksumValue")]
    value: Hex<32>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedController {
    #[serde(rename = "@type")]
    kind: Kind,
    #[serde(rename = "dpv:hasContact")]
    contact: String,
    #[serde(rename = "dpv:hasName")]
    name: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Iri {
    #[serde(rename = "@id")]
    id: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    #[serde(rename = "dpv:ConsentReceipt")]
    Receipt,
    #[serde(rename = "dpv:ConsentRecord")]
    Record,
    #[serde(rename = "dpv:DataSubject")]
    Subject,
    #[serde(rename = "dpv:DataController")]
    Controller,
    #[serde(rename = "dpv:Process")]
    Process,
    #[serde(rename = "dpv:Purpose")]
    Purpose,
    #[serde(rename = "dpv:ConsentNotice")]
    Notice,
    #[serde(rename = "dpv:UntilEventDuration")]
    UntilEvent,
    #[serde(rename = "spdx:Checksum")]
    Checksum,
}

/// The vocabularies. That of hashes is named only where there is one, so that every other receipt is the bytes that it was
/// before there were any.
fn context(content: &ReceiptContent) -> Json {
    let mut vocabularies = json!({
        "dct": "http://purl.org/dc/terms/",
        "dpv": "https://w3id.org/dpv#",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    });
    let has_hash = content.answers.iter().any(|answer| answer.text.is_some());
    if has_hash && let Some(members) = vocabularies.as_object_mut() {
        members.insert("spdx".to_owned(), "http://spdx.org/rdf/terms#".into());
    }
    json!(["https://w3id.org/security/data-integrity/v2", vocabularies])
}

impl Document {
    pub(super) fn of(content: &ReceiptContent) -> Result<Self, ReceiptError> {
        let identifier = identifier(content.subject, content.number);
        let record = |answer| record(content, answer);
        let document = Self {
            context: context(content),
            id: identifier.urn().to_string(),
            kind: Kind::Receipt,
            schema: iri(SCHEMA),
            identifier,
            created: content.at,
            records: content.answers.iter().map(record).collect(),
            proof: None,
        };
        // What is signed here must be read here.
        match document.content()? == *content {
            true => Ok(document),
            false => Err(ReceiptError::Unwritable),
        }
    }

    /// What the proof is about.
    pub(super) fn unsecured(&self) -> Result<Json, ReceiptError> {
        let unsecured = Self {
            proof: None,
            ..self.clone()
        };
        serde_json::to_value(unsecured).map_err(|_| ReceiptError::Unwritable)
    }

    /// What it says. Whatever is the same in every receipt has to be so in this one, and whatever is said twice has to be the
    /// same.
    pub(super) fn content(&self) -> Result<ReceiptContent, ReceiptError> {
        let first = self.records.first().ok_or(ReceiptError::Form)?;
        let subject: ReceiptSubject =
            (first.subject.identifier.parse()).map_err(|_| ReceiptError::Form)?;
        let number = first.identifier.split_once('#');
        let number = number.and_then(|(_, rest)| rest.split_once('.'));
        let number = number.and_then(|(number, _)| number.parse().ok());
        let answers = self.records.iter().map(|record| {
            Ok(ReceiptAnswer {
                purpose: record.process.purpose.identifier.clone(),
                notice: record.notice.identifier.clone(),
                text: record.notice.text(record.status.kind)?,
                kind: record.status.kind,
            })
        });
        let content = ReceiptContent {
            subject,
            number: number.ok_or(ReceiptError::Form)?,
            controller: Controller {
                name: first.controller.name.clone(),
                contact: first.controller.contact.clone(),
            },
            at: self.created,
            channel: first.status.channel,
            answers: answers.collect::<Result<_, _>>()?,
        };
        let expected = content.answers.iter().map(|one| record(&content, one));
        let same = |one: &Self, records: Vec<ConsentRecord>| {
            let mut other = one.clone();
            other.context = context(&content);
            other.identifier = identifier(content.subject, content.number);
            other.id = other.identifier.urn().to_string();
            other.kind = Kind::Receipt;
            other.schema = iri(SCHEMA);
            other.records = records;
            Ok::<_, ReceiptError>(other.unsecured()? == one.unsecured()?)
        };
        match same(self, expected.collect())? {
            true => Ok(content),
            false => Err(ReceiptError::Form),
        }
    }
}

impl NoticeShown {
    fn of(answer: &ReceiptAnswer) -> Self {
        Self {
            kind: Kind::Notice,
            identifier: answer.notice.clone(),
            language: answer.text.as_ref().map(|text| text.language.clone()),
            checksum: answer.text.as_ref().map(|text| Checksum {
                kind: Kind::Checksum,
                algorithm: iri(SHA_256),
                value: Hex(text.sha256),
            }),
        }
    }

    /// Both or neither, and of a yes alone; how they are spelled is seen when they are written again.
    fn text(&self, said: AnswerKind) -> Result<Option<ReceiptText>, ReceiptError> {
        let (Some(language), Some(checksum)) = (&self.language, &self.checksum) else {
            return Ok(None);
        };
        if !said.is_yes() {
            return Err(ReceiptError::Form);
        }
        Ok(Some(ReceiptText {
            language: language.clone(),
            sha256: checksum.value.0,
        }))
    }
}

fn record(content: &ReceiptContent, answer: &ReceiptAnswer) -> ConsentRecord {
    let identifier = identifier(content.subject, content.number);
    let controller = &content.controller;
    ConsentRecord {
        kind: Kind::Record,
        identifier: format!("{identifier}#{}.{}", content.number, answer.purpose),
        subject: named(Kind::Subject, content.subject.to_string()),
        controller: NamedController {
            kind: Kind::Controller,
            contact: controller.contact.clone(),
            name: controller.name.clone(),
        },
        process: Process {
            kind: Kind::Process,
            basis: iri("dpv:Consent"),
            purpose: named(Kind::Purpose, answer.purpose.clone()),
        },
        notice: NoticeShown::of(answer),
        status: Status {
            kind: answer.kind,
            duration: answer.kind.is_yes().then(|| Duration {
                kind: Kind::UntilEvent,
                ends: ENDS.to_owned(),
            }),
            channel: content.channel,
            at: content.at,
            by: iri("dpv:DataSubject"),
        },
    }
}

fn named(kind: Kind, identifier: String) -> Named {
    Named { kind, identifier }
}

fn iri(id: &str) -> Iri {
    Iri { id: id.to_owned() }
}

/// The receipt's id: of version 8 (RFC 9562, section 5.8), from whose receipt it is and of which answer alone, so that it
/// leads to nothing that the receipt does not say, above all to no row of the ledger.
fn identifier(subject: ReceiptSubject, number: u64) -> uuid::Uuid {
    let mut context = Context::new(&SHA256);
    context.update(LABEL);
    context.update(&subject.0);
    context.update(&number.to_be_bytes());
    let hash = context.finish();
    let mut bytes = [0; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash.as_ref()) {
        *byte = *hashed;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
