//! Receipts of erasure, of everything or of single fields: what was destroyed and when, what is kept and why, and from when on
//! nothing brings it back. They hold nothing that leads to whose it was.

use jiff::Timestamp;
use jiff::civil::Date;
use privet_tlog::note::VerifierKey;
use privet_tlog::{Checkpoint, Hash, Proof as LogProof};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::proof::Proof;
use super::{Controller, ReceiptError};
use crate::SubjectRequestId;

const KIND: &str = "ErasureReceipt";
/// The version of receipts of everything. They are as they always were, so that what checks them need not know of the other.
const WHOLE: &str = "urn:privet:erasure-receipt:1#";
/// The version of receipts of single fields: nobody who knows the first one alone takes one for a receipt of everything.
const OF_FIELDS: &str = "urn:privet:erasure-receipt:2#";

/// What a receipt of erasure says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureContent {
    /// The request that was carried out; the receipt is found by it.
    pub request: SubjectRequestId,
    /// Who erased; always there in a receipt that is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<Controller>,
    /// When the request came.
    pub received_at: Timestamp,
    /// The fields that were erased of somebody who stays; nothing where everything was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ErasedField>,
    /// What is gone.
    pub destroyed: Destroyed,
    /// Where the log says so.
    pub log: LogPlace,
    /// What law keeps, each under a key of its own.
    pub kept: Vec<KeptByLaw>,
    /// What was done in applications' databases.
    pub tables: Vec<ErasedTable>,
    /// Databases where rows were erased some time later than the keys, uncounted.
    pub later: Vec<String>,
    /// Databases where rows were still to be erased when this was written; that goes on by itself.
    pub outstanding: Vec<String>,
    /// What became of telemetry.
    pub telemetry: TelemetryEnd,
    /// From when on no backup brings it back.
    pub backups: BackupsEnd,
}

/// A field that was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasedField {
    /// Its name in the data map.
    pub field: String,
    /// Columns of applications' databases that may hold it besides, and were not touched.
    pub elsewhere: Vec<UntouchedColumn>,
}

/// A column of an application's database that was not touched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UntouchedColumn {
    /// The database's name in the data map.
    pub source: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
}

/// What was destroyed, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destroyed {
    /// When that was on record.
    pub at: Timestamp,
    /// Keys, by what they were for.
    pub keys: DestroyedKeys,
    /// What tied ids and rows of applications to the person.
    #[serde(with = "text")]
    pub links: u64,
    /// Sealed values of the vault.
    #[serde(with = "text")]
    pub values: u64,
}

/// Numbers of destroyed keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestroyedKeys {
    /// Of values that the vault held, and of the answers to consent.
    #[serde(with = "text")]
    pub account: u64,
    /// Of values that applications hold.
    #[serde(with = "text")]
    pub operational: u64,
    /// Of values that law had kept until now.
    #[serde(with = "text")]
    pub retention: u64,
    /// Salts of telemetry ids.
    #[serde(with = "text")]
    pub telemetry: u64,
    /// Of requests and their files.
    #[serde(with = "text")]
    pub requests: u64,
}

/// An entry of the audit log, and the proof that the log holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPlace {
    /// The log.
    pub origin: String,
    /// The entry's index.
    #[serde(with = "text")]
    pub index: u64,
    /// The entry's leaf hash (RFC 6962, section 2.1), in base64.
    pub leaf: String,
    /// A C2SP tlog-proof.
    pub proof: String,
}

impl LogPlace {
    /// Checks that the log holds the entry, and returns the checkpoint that proves it.
    ///
    /// # Errors
    /// [`ReceiptError::NotInLog`] if the checkpoint is not signed by one of `keys`, or the proof does not lead to it.
    pub fn check(&self, keys: &[VerifierKey]) -> Result<Checkpoint, ReceiptError> {
        const NOT: ReceiptError = ReceiptError::NotInLog;
        let proof = LogProof::parse(self.proof.as_bytes()).map_err(|_| NOT)?;
        let leaf = Hash::from_base64(&self.leaf).map_err(|_| NOT)?;
        let checkpoint = proof.verify_leaf(&leaf, keys).map_err(|_| NOT)?;
        match proof.index == self.index && checkpoint.origin.as_str() == self.origin {
            true => Ok(checkpoint),
            false => Err(NOT),
        }
    }
}

/// What law keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptByLaw {
    /// The field, or `consent` for the answers to consent.
    pub what: String,
    /// The legal basis; absent if the data map has no such rule any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Why, in the data map's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The day on which it is destroyed.
    pub until: Date,
}

/// What was done in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasedTable {
    /// The database's name in the data map.
    pub source: String,
    /// The table.
    pub table: String,
    /// Rows deleted.
    #[serde(with = "text")]
    pub deleted: u64,
    /// Rows that stay, without what was personal in them.
    #[serde(with = "text")]
    pub cleared: u64,
    /// Rows that stay and have lost a reference to a deleted one.
    #[serde(with = "text")]
    pub detached: u64,
    /// Rows with values that law keeps for now.
    #[serde(with = "text")]
    pub kept: u64,
}

/// What became of telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TelemetryEnd {
    /// The salt of the person's id is destroyed: nothing ties their events to them, or to each other's future.
    Severed,
    /// Telemetry had no id of theirs.
    None,
    /// Single fields were erased alone: the person stays, and so does their id.
    Stays,
}

/// From when on no backup brings it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupsEnd {
    /// The last day on which a backup that holds the destroyed keys may be there.
    pub until: Date,
    /// Which backups those are.
    pub hold_keys: KeyBackups,
}

/// Which backups hold keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyBackups {
    /// Those of the key store alone.
    OfKeys,
    /// Those of the data as well: the environment is one for development.
    OfKeysAndData,
}

/// A whole receipt.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErasureDocument {
    #[serde(rename = "@context")]
    context: Json,
    id: String,
    #[serde(rename = "type")]
    kind: String,
    erasure: ErasureContent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proof: Option<Proof>,
}

impl ErasureDocument {
    pub(super) fn of(content: &ErasureContent) -> Self {
        let version = match content.fields.is_empty() {
            true => WHOLE,
            false => OF_FIELDS,
        };
        Self {
            context: json!([
                "https://w3id.org/security/data-integrity/v2",
                { "@vocab": version }
            ]),
            id: format!("urn:uuid:{}", content.request),
            kind: KIND.to_owned(),
            erasure: content.clone(),
            proof: None,
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

    /// What it says. Whatever is the same in every receipt has to be so in this one.
    pub(super) fn content(&self) -> Result<ErasureContent, ReceiptError> {
        let expected = Self::of(&self.erasure).unsecured()?;
        let stays = self.erasure.telemetry == TelemetryEnd::Stays;
        let is_told = self.erasure.controller.is_some() && stays != self.erasure.fields.is_empty();
        match expected == self.unsecured()? && is_told {
            true => Ok(self.erasure.clone()),
            false => Err(ReceiptError::Form),
        }
    }
}

/// Numbers as decimal text: canonical JSON here has no others.
mod text {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        let number = text
            .parse()
            .map_err(|_| de::Error::custom("not a number"))?;
        // One spelling alone.
        match ToString::to_string(&number) == text {
            true => Ok(number),
            false => Err(de::Error::custom("not a number")),
        }
    }
}
