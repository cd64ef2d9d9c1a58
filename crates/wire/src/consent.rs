//! Consent: what people say yes and no to.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Oid, Personal};

/// What a person answered. What is not named stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutConsent {
    /// What they say yes to, each purpose by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grant: Vec<ConsentGrant>,
    /// Purposes that they say no to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["marketing"]))]
    pub withdraw: Vec<String>,
    /// How the answer came.
    pub channel: ConsentChannel,
    /// The language of the text that the person was shown, as a tag of BCP 47, where it is known. With a yes, there has to be a
    /// text in it: the receipt then bears its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "de")]
    pub language: Option<String>,
    /// What shows that it was given, such as where the form lies; kept sealed. At most 16 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Personal>,
}

/// A yes to one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentGrant {
    /// A purpose of the data map that rests on consent.
    #[schema(example = "marketing")]
    pub purpose: String,
    /// The version of the notice that the person was shown; the one in force, or the answer is a refusal.
    #[schema(example = "2026-11")]
    pub notice: String,
}

/// How an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsentChannel {
    /// On a web page.
    Web,
    /// In an application on the person's own device.
    App,
    /// Said or written to somebody of the staff.
    Support,
    /// Taken over from another system.
    Import,
    /// Global Privacy Control: the browser says no for the person. It never says yes.
    Gpc,
}

/// Lines of one import.
pub const IMPORT_LINES_MAX: usize = 500;

/// One answer that was given elsewhere: a line of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedConsent {
    /// Who gave it.
    pub subject: Oid,
    /// What they said yes to, each purpose by itself, under the notice that they were shown. One that is no longer in force is kept
    /// as what it was, and agrees to nothing now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grant: Vec<ConsentGrant>,
    /// Purposes that they said no to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["marketing"]))]
    pub withdraw: Vec<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The language of the text that the person was shown, as a tag of BCP 47, where it is known. With a yes, there has to be a
    /// text in it: the receipt then bears its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "de")]
    pub language: Option<String>,
    /// What shows that it was given; kept sealed. At most 16 KiB; required with a yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Personal>,
}

/// What became of the lines of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportAnswer {
    /// Each line that is not blank, in their order.
    pub lines: Vec<ImportedLine>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedLine {
    /// The line, from 1.
    pub line: u32,
    /// What became of it.
    pub outcome: ImportOutcome,
    /// The number of the answer that was recorded, among the person's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Why it was not taken over, as a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportOutcome {
    /// The answer is recorded.
    Recorded,
    /// It was taken over before.
    Known,
    /// The person has answered since, or said no at the same moment: that holds, and nothing was recorded.
    Older,
    /// There is nobody of this id.
    Unknown,
    /// It cannot be taken over as it is.
    Invalid,
    /// It could not be taken over this time: send it again.
    Failed,
}

impl fmt::Display for ImportOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recorded => "recorded",
            Self::Known => "known",
            Self::Older => "older",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
            Self::Failed => "failed",
        })
    }
}

/// The signal of a person's own request to an application, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HonourGpc {
    /// The values of every `Sec-GPC` header of that request. One that is exactly `1` is a signal, and several are one;
    /// anything else is none.
    #[schema(example = json!(["1"]))]
    pub sec_gpc: Vec<String>,
}

/// What a signal did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GpcAnswer {
    /// Whether there was a signal.
    pub signal: bool,
    /// Purposes that it withdrew now; empty when all were withdrawn before.
    pub withdrawn: Vec<String>,
}

/// Whether Global Privacy Control is honoured, as a web site says it at `/.well-known/gpc.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GpcSupport {
    /// Whether it is.
    pub gpc: bool,
    /// The day on which that was said last, as `2026-11-26`.
    #[serde(
        rename = "lastUpdate",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub last_update: Option<String>,
}

/// Of which moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ConsentQuery {
    /// What held at this moment; without it, now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
}

/// What a person agrees to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Consent {
    /// The number of the person's last answer, counted from 1; 0 if there is none.
    pub number: u64,
    /// Whether the data store lost that answer: it went back to an older copy, or rows were taken out of it. The person agrees
    /// to nothing until they answer again: ask them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// Every purpose of the data map that rests on consent.
    pub purposes: Vec<PurposeConsent>,
    /// Where the signed receipt of the answer is that was just recorded; absent where nothing was, and where the server gives no
    /// receipts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/v1/subjects/0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d/consent/receipts/1")]
    pub receipt: Option<String>,
}

/// What receipts of consent can be checked with: a `did:key` as a controlled identifier document (W3C Controlled Identifiers
/// 1.0).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptKey {
    /// The document's vocabulary.
    #[serde(rename = "@context")]
    pub context: Vec<String>,
    /// The key's name.
    #[schema(example = "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2")]
    pub id: String,
    /// The key.
    #[serde(rename = "verificationMethod")]
    pub verification_method: Vec<VerificationMethod>,
    /// Which keys may sign receipts.
    #[serde(rename = "assertionMethod")]
    pub assertion_method: Vec<String>,
}

/// A key, as proofs name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerificationMethod {
    /// What a proof names it by.
    pub id: String,
    /// `Multikey`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whose it is.
    pub controller: String,
    /// An Ed25519 public key.
    #[serde(rename = "publicKeyMultibase")]
    pub public_key_multibase: String,
}

/// What a person said to one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PurposeConsent {
    /// The purpose.
    pub purpose: String,
    /// Whether the person's data may be used for it: the last answer was yes, and to the notice in force. Of a moment in the
    /// past: whether it was yes to the notice named.
    pub agreed: bool,
    /// The last answer; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<ConsentAnswer>,
    /// Since when that is the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// The version of the notice that was in force then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// The version in force now: what to show when the person is asked.
    pub current_notice: String,
}

/// Yes or no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsentAnswer {
    /// The person said yes.
    Yes,
    /// The person said no, or took a yes back.
    No,
}

/// Which part of the history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ConsentHistoryQuery {
    /// Answers before this number, as a page's `before` names it; without it, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// Every time a person answered, a page at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsentHistory {
    /// Newest first.
    pub events: Vec<ConsentEvent>,
    /// Where older answers go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// One time a person answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsentEvent {
    /// Its number among the person's own answers. Of two, the one with the higher number is the later one.
    pub number: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What was said yes to.
    pub granted: Vec<ConsentGrant>,
    /// What was said no to.
    pub withdrawn: Vec<String>,
    /// How the answer came.
    pub channel: ConsentChannel,
    /// The language of the text that the person was shown, where it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Whether evidence was given with it.
    pub has_evidence: bool,
    /// The evidence; not for people of the staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Personal>,
}
