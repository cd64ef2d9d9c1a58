//! Texts of notices as a store keeps them: what people were shown when they were asked, for as long as anybody may ask what it
//! was. They are nobody's data.

use jiff::Timestamp;

/// What was shown for one purpose, in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// The version of the notice.
    pub version: String,
    /// The purpose's name in the data map.
    pub purpose: String,
    /// The language, as a tag of BCP 47.
    pub language: String,
    /// The text.
    pub text: String,
    /// SHA-256 over the text.
    pub sha256: [u8; 32],
    /// When a server had it first.
    pub since: Timestamp,
}
