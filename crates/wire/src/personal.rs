//! Text that may be personal or secret.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use zeroize::Zeroizing;

/// Text that may be personal or secret: a value, a reason, a token. It is a JSON string on the wire, shows nothing in
/// `Debug`, and is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String)]
pub struct Personal(Zeroizing<String>);

impl Personal {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Hands the text on, still to be overwritten.
    pub fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

impl From<Zeroizing<String>> for Personal {
    fn from(text: Zeroizing<String>) -> Self {
        Self(text)
    }
}

impl Deref for Personal {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Serialize for Personal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Personal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// How `Option<Personal>` is described inside a map, where the derive macro cannot.
pub(crate) struct MaybePersonal;

impl PartialSchema for MaybePersonal {
    fn schema() -> RefOr<Schema> {
        let text_or_null = SchemaType::from_iter([Type::String, Type::Null]);
        ObjectBuilder::new().schema_type(text_or_null).into()
    }
}

impl ToSchema for MaybePersonal {
    fn name() -> Cow<'static, str> {
        "MaybePersonal".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personal_text_shows_nothing() {
        let value: Personal = serde_json::from_str("\"ada@example.com\"").unwrap();
        assert_eq!(value.as_str(), "ada@example.com");
        assert_eq!(format!("{value:?}"), "…");
        assert_eq!(
            serde_json::to_string(&value).unwrap(),
            "\"ada@example.com\""
        );
    }
}
