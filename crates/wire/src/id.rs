//! Identifiers as they stand in JSON: UUIDs in lower case with hyphens, each its own type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A text that is no id. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a UUID such as `0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d`")]
pub struct NotAnId;

macro_rules! id {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid)]
        pub struct $name(Uuid);

        impl $name {
            /// The id that these 16 bytes are.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The id's 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)
            }
        }
    };
}

id!(
    /// The persistent id of a subject's account. It is told when the account was closed and something of it is kept.
    Puid
);
id!(
    /// The operational id of a subject: what applications store and show.
    Oid
);
id!(
    /// What a person asks for.
    SubjectRequestId
);
id!(
    /// A supervised stretch of work.
    SessionId
);
id!(
    /// What a decrypted session may open.
    GrantId
);
id!(
    /// A question to a second person: may this be decrypted?
    GrantRequestId
);
id!(
    /// One token of a principal; not secret.
    TokenId
);
id!(
    /// A long run inside the server.
    JobId
);
