//! Data classes, value types, synthetic people and the data map: what Privet knows about personal
//! data before it has seen any. The class of a field says how personal it is, its value type how to
//! validate, normalize, mask and invent values, and the data map (`datamap.toml`) where such values
//! are, what they are used for and how long the law wants them kept.
//!
//! ```
//! use privet_classify::{DataMap, MaskRules, ValueType};
//!
//! let map = DataMap::parse(
//!     r#"
//!     [purposes]
//!     support = { basis = "legitimate_interest" }
//!     [fields.email]
//!     number = 1
//!     class = "UII"
//!     type = "email"
//!     lookup = { unique = true }
//!     purposes = ["support"]
//!     "#,
//! )?;
//! let email = map.field("email").map(|field| field.value_type);
//! assert_eq!(email, Some(ValueType::Email));
//! assert_eq!(ValueType::Email.normalize(" Ada@Example.ORG ")?, "ada@example.org");
//! assert_eq!(ValueType::Email.mask("ada@example.org", &MaskRules::default()), "•••••@•••••");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Not here: keys and sealing (`privet-seal`), decisions about who may see what (`privet-vault`),
//! and any look at a database: whether a table or column exists is for `privet check` to find out.
//! No I/O, no clock, no source of randomness.

mod because;
mod class;
mod classified;
mod error;
pub mod free_text;
mod language;
pub mod lines;
mod map;
mod name;
pub mod provenance;
mod redacted;
mod redactor;
pub mod synthetic;
pub mod taxonomy;
pub mod value;
mod value_type;
pub mod wire;

pub use because::{Because, because};
pub use class::Class;
pub use classified::{Cc, Classified, Oi, ParseClassifiedError, Sys, Udi, Uii, Upi};
pub use error::{MapError, MapErrors, NameError, SyntheticError, UnknownName, ValueError};
pub use language::{Language, LanguageError};
pub use map::{
    Attribute, AttributeType, Basis, CONSENT_BITS, Column, ConsentRules, Controller, DataMap,
    EraseRule, EraseWith, ExportRule, Field, Hop, KeptConsent, Lookup, MetricRule, NameRule,
    NoticeText, Period, PeriodError, PeriodUnit, Purpose, Retain, RetainFrom, Root, ScopeRule,
    Source, SubjectChain, SubjectPath, Table, Telemetry, TelemetryDefault, TenantRule, Treatment,
};
pub use name::{
    ColumnName, FieldName, Name, PurposeName, SourceName, TableName, TenantName, kind as name_kind,
};
pub use privet_classify_derive::Classified;
pub use redacted::Redacted;
#[doc(hidden)]
pub use redacted::derived;
pub use redactor::{
    AlreadyInstalled, KeyIdError, PseudonymKey, Redactor, Redactors, RedactorsBuilder, RulesError,
};
pub use value_type::{MaskRules, ValueType};
