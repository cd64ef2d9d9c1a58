//! Why a message is not taken.

/// Why a message of an agent is refused. No text repeats anything that the message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is longer than [`MESSAGE_BYTES_MAX`](crate::MESSAGE_BYTES_MAX).
    #[error("the message is longer than 64 KiB")]
    TooLarge,
    /// It is not base64, or too short to be signed.
    #[error("the message is not a signature and the signed bytes in base64")]
    Encoding,
    /// The signature is not this agent's over these bytes.
    #[error("the signature does not verify with the key of this agent")]
    Signature,
    /// What was signed is not the JSON object that the protocol describes.
    #[error("the signed message is not what section 2 of the Data Rights Protocol describes")]
    Malformed,
    /// It is of another version.
    #[error("the message is not of version 1.0 of the Data Rights Protocol")]
    Version,
    /// It says that another agent sent it.
    #[error("`agent-id` names another agent than the one that authenticated")]
    Agent,
    /// It is meant for another business.
    #[error("`business-id` names another business")]
    Business,
    /// It was issued after now.
    #[error("`issued-at` is in the future: set the clock right, and send it again")]
    NotYet,
    /// It is no longer valid.
    #[error("`expires-at` has passed: sign the request anew")]
    Expired,
    /// It would be valid for too long, so that somebody else could repeat it.
    #[error("the request is valid for longer than a day: sign it for some minutes")]
    Window,
    /// It asks for a right that is unknown or not supported.
    #[error("this right is not supported")]
    Unsupported,
}

impl Refusal {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "drp_too_large",
            Self::Encoding => "drp_encoding",
            Self::Signature => "drp_signature",
            Self::Malformed => "drp_malformed",
            Self::Version => "drp_version",
            Self::Agent => "drp_agent",
            Self::Business => "drp_business",
            Self::NotYet => "drp_not_yet",
            Self::Expired => "drp_expired",
            Self::Window => "drp_window",
            Self::Unsupported => "drp_unsupported",
        }
    }

    /// The HTTP status that answers it.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::TooLarge => 413,
            Self::Signature | Self::Agent | Self::Business => 403,
            _ => 400,
        }
    }

    /// Whether the same bytes can never be taken, as section 3.06 calls `fatal`.
    pub const fn is_fatal(self) -> bool {
        !matches!(self, Self::NotYet)
    }
}
