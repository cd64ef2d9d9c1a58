//! The claims of an ID token beside those that every one has.

use std::collections::HashMap;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What else stands in a token. It is about a person, and is dropped once the one claim was read.
#[derive(Serialize, Deserialize)]
pub(crate) struct MoreClaims {
    #[serde(flatten)]
    claims: HashMap<String, Value>,
}

impl AdditionalClaims for MoreClaims {}

impl std::fmt::Debug for MoreClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MoreClaims").finish_non_exhaustive()
    }
}

impl MoreClaims {
    /// A claim that is a text or a whole number, as text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.claims.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
            _ => None,
        }
    }
}
