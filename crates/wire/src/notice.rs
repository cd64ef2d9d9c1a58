//! Notices: what people are shown when they are asked for their consent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A version of a notice, in force or former.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// The version.
    #[schema(example = "2026-11")]
    pub version: String,
    /// The texts, by purpose and language.
    pub texts: Vec<NoticeText>,
}

/// What a notice says of one purpose, in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeText {
    /// The purpose.
    #[schema(example = "marketing")]
    pub purpose: String,
    /// The language, as a tag of BCP 47.
    #[schema(example = "de")]
    pub language: String,
    /// The text. Its lines end in line feeds.
    pub text: String,
    /// SHA-256 over the text, in hexadecimal, as receipts bear it.
    pub sha256: String,
    /// When the server had it first. It has not changed since.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}
