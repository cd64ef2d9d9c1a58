//! Receipts: what a person is handed when they said yes or no, or were erased, and what anybody can check afterwards without
//! this server.
//!
//! A receipt of consent is JSON-LD in the words of the W3C Data Privacy Vocabulary (its profile of ISO/IEC TS 27560), with a proof of
//! W3C Data Integrity beside it; a receipt of erasure has the same proof. Which members there are, and what each says, is in
//! `docs/formats/consent-receipts.md` and `erasure-receipts.md`.
//!
//! ```
//! use privet_vault::receipt::ReceiptPublicKey;
//!
//! let key: ReceiptPublicKey = "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2".parse()?;
//! assert_eq!(key.multibase(), "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2");
//! # Ok::<(), privet_vault::receipt::ReceiptKeyError>(())
//! ```

mod canonical;
mod document;
mod erasure;
mod key;
mod proof;

use jiff::Timestamp;

pub use document::{AnswerKind, ReceiptAnswer, ReceiptSubject, ReceiptText};
pub use erasure::{
    BackupsEnd, Destroyed, DestroyedKeys, ErasedField, ErasedTable, ErasureContent, KeptByLaw,
    KeyBackups, LogPlace, TelemetryEnd, UntouchedColumn,
};
pub use key::{ReceiptKey, ReceiptKeyError, ReceiptPublicKey};

use canonical::canonical;
use document::Document;
use erasure::ErasureDocument;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ConsentChannel;

/// Bytes of a receipt that is read: one that names all 32 purposes has some twenty thousand.
const BYTES_MAX: usize = 256 * 1024;

/// Whose data it is about: who asked for the consent, and answers for what is done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    /// The name, as people know it.
    pub name: String,
    /// Where it can be reached.
    pub contact: String,
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptContent {
    /// Who said it.
    pub subject: ReceiptSubject,
    /// The number of the answer among the person's own.
    pub number: u64,
    /// Whom they said it to.
    pub controller: Controller,
    /// When.
    pub at: Timestamp,
    /// How the answer came.
    pub channel: ConsentChannel,
    /// What was said to each purpose that was asked about.
    pub answers: Vec<ReceiptAnswer>,
}

/// A signed receipt. One of consent is personal: it says who agreed to what.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt(Vec<u8>);

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}

impl Receipt {
    /// Signs. The same content under the same key gives the same bytes.
    ///
    /// # Errors
    /// [`ReceiptError::Unwritable`], which no content of the ledger leads to.
    pub fn sign(content: &ReceiptContent, key: &ReceiptKey) -> Result<Self, ReceiptError> {
        let mut document = Document::of(content)?;
        document.proof = Some(proof::make(&document.unsecured()?, key)?);
        Ok(Self(canonical(&document)?))
    }

    /// Signs what became of somebody's erasure. The same content under the same key gives the same bytes.
    ///
    /// # Errors
    /// [`ReceiptError::Unwritable`] for content without a controller, or that says of somebody who stays that nothing does.
    pub fn sign_erasure(content: &ErasureContent, key: &ReceiptKey) -> Result<Self, ReceiptError> {
        let mut document = ErasureDocument::of(content);
        document.content().map_err(|_| ReceiptError::Unwritable)?;
        document.proof = Some(proof::make(&document.unsecured()?, key)?);
        Ok(Self(canonical(&document)?))
    }

    /// The receipt as it is handed out: canonical JSON (RFC 8785), UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same, by value.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Checks a receipt by its bytes and a public key alone, and says what it says. Its JSON may have been written anew in
/// between: members in another order, or with white space.
///
/// # Errors
/// [`ReceiptError::Form`] for what is no receipt of this version, whoever signed it; [`ReceiptError::OtherKey`] and
/// [`ReceiptError::Altered`] for one that this key did not sign, or not so.
pub fn verify(bytes: &[u8], key: &ReceiptPublicKey) -> Result<ReceiptContent, ReceiptError> {
    let document: Document = read(bytes)?;
    let made = document.proof.as_ref().ok_or(ReceiptError::Form)?;
    proof::check(&document.unsecured()?, made, key)?;
    document.content()
}

/// The same for a receipt of erasure. That the log holds what it names is [checked](LogPlace::check) with another key.
///
/// # Errors
/// As [`verify`].
pub fn verify_erasure(
    bytes: &[u8],
    key: &ReceiptPublicKey,
) -> Result<ErasureContent, ReceiptError> {
    let document: ErasureDocument = read(bytes)?;
    let made = document.proof.as_ref().ok_or(ReceiptError::Form)?;
    proof::check(&document.unsecured()?, made, key)?;
    document.content()
}

/// Reads a document's form, and nothing that it does not have.
fn read<D: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<D, ReceiptError> {
    if bytes.len() > BYTES_MAX {
        return Err(ReceiptError::Form);
    }
    let document: D = serde_json::from_slice(bytes).map_err(|_| ReceiptError::Form)?;
    // A member that is absent for us and present for somebody else, such as a `null`, would be read and not signed.
    let raw: serde_json::Value = serde_json::from_slice(bytes).map_err(|_| ReceiptError::Form)?;
    match canonical(&raw)? == canonical(&document)? {
        true => Ok(document),
        false => Err(ReceiptError::Form),
    }
}

/// Why a receipt does not hold. It never says what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a receipt, or one of another version.
    #[error("it is not a receipt of the form that this version knows")]
    Form,
    /// It names another key.
    #[error("it names another key than the one that it is checked with")]
    OtherKey,
    /// The key did not sign it as it is.
    #[error("it was altered, or was not signed with this key")]
    Altered,
    /// The log does not hold what it names, as far as the keys go that it was checked with.
    #[error("the log's proof in it does not hold under this log's key")]
    NotInLog,
    /// It cannot be written.
    #[error("a receipt cannot be written")]
    Unwritable,
}
