//! What a principal wants to do, as policies name it.

use std::fmt;

use crate::Form;

/// One action. Each form of a reveal is an action of its own, so that a decision says which form is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Make a new subject.
    CreateSubject,
    /// See that a subject exists and which fields are filled, no values.
    DescribeSubject,
    /// Store values in the vault.
    WriteFields,
    /// Show a value that the vault holds, in this form.
    Reveal(Form),
    /// Find a subject by the value of a field.
    Lookup,
    /// Encrypt a value for an application's own database.
    Seal,
    /// Show a value that an application keeps sealed in its own database, in this form.
    Open(Form),
    /// Erase single fields of a subject, so that no copy of them opens again.
    EraseFields,
    /// Destroy a subject's keys and links.
    CloseSubject,
    /// Enter a subject's wish to see everything that is held of them.
    RequestAccess,
    /// Enter a subject's wish to be forgotten.
    RequestErasure,
    /// Take such a wish back.
    CancelRequest,
    /// See which requests there are, and where each stands.
    ReadRequests,
    /// Carry out at once what waits for the daily batch.
    RunRequests,
    /// Receive the file with everything that is held of a subject, to hand it to them.
    ReadRequestFile,
    /// Send requests of people on their behalf, as an agent whom they authorized, and see where these stand.
    ActForPeople,
    /// See what a subject agrees to, and agreed to before.
    ReadConsent,
    /// See what is kept of the answers of a subject that was closed, with their evidence.
    ReadKeptConsent,
    /// Put a subject's answers into the consent ledger.
    RecordConsent,
    /// Put answers into it that were given elsewhere, and earlier, of many subjects at once.
    ImportConsent,
    /// Send logs, spans and metrics to the telemetry door.
    SendTelemetry,
    /// Give a subject another telemetry id, and let go of what was recorded under the former one.
    RotateTelemetryId,
    /// Ask telemetry for a purpose that rests on consent: shows nobody but those who agree.
    Query,
    /// Ask telemetry for a purpose that rests on anything else: shows everybody.
    QueryEverybody,
    /// Connect to the protected console.
    OpenSession,
    /// Ask for a grant. Decided per field before the grant exists, so the context's `grant` says nothing here.
    Decrypt,
    /// Ask for a grant that a second person has to approve.
    RequestDecrypt,
    /// Be the second person who approves a grant, or says no. Never for oneself.
    ApproveDecrypt,
    /// Take a grant at once in an emergency, asking nobody; it is short and reviewed first.
    BreakGlass,
    /// End somebody else's grant.
    RevokeGrant,
    /// Search an application's database for an exact value from the console.
    Probe,
    /// See who looked at one's own data, and say that it was not right. For subjects alone.
    SeeLooks,
    /// Read the audit log.
    ReadLog,
    /// List supervised sessions and read them.
    ReadSessions,
    /// Approve or flag a session.
    ReviewSession,
    /// Issue, list and revoke tokens.
    ManageTokens,
    /// Seal the classified columns of an application's database.
    Adopt,
}

/// What sort of resource an action is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The tenant as a whole.
    Tenant,
    /// A source where the question names one, else the tenant.
    Source,
    /// A field, which the question must name.
    Field,
}

impl Action {
    /// All actions, in the order of the golden matrix.
    pub const ALL: [Self; 43] = [
        Self::CreateSubject,
        Self::DescribeSubject,
        Self::WriteFields,
        Self::Reveal(Form::Clear),
        Self::Reveal(Form::Masked),
        Self::Reveal(Form::Pseudonym),
        Self::Reveal(Form::Sealed),
        Self::Lookup,
        Self::Seal,
        Self::Open(Form::Clear),
        Self::Open(Form::Masked),
        Self::Open(Form::Pseudonym),
        Self::Open(Form::Sealed),
        Self::EraseFields,
        Self::CloseSubject,
        Self::RequestAccess,
        Self::RequestErasure,
        Self::CancelRequest,
        Self::ReadRequests,
        Self::RunRequests,
        Self::ReadRequestFile,
        Self::ActForPeople,
        Self::ReadConsent,
        Self::ReadKeptConsent,
        Self::RecordConsent,
        Self::ImportConsent,
        Self::SendTelemetry,
        Self::RotateTelemetryId,
        Self::Query,
        Self::QueryEverybody,
        Self::OpenSession,
        Self::Decrypt,
        Self::RequestDecrypt,
        Self::ApproveDecrypt,
        Self::BreakGlass,
        Self::RevokeGrant,
        Self::Probe,
        Self::SeeLooks,
        Self::ReadLog,
        Self::ReadSessions,
        Self::ReviewSession,
        Self::ManageTokens,
        Self::Adopt,
    ];

    /// The action's id in policies, such as `reveal_masked`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateSubject => "create_subject",
            Self::DescribeSubject => "describe_subject",
            Self::WriteFields => "write_fields",
            Self::Reveal(Form::Clear) => "reveal_clear",
            Self::Reveal(Form::Masked) => "reveal_masked",
            Self::Reveal(Form::Pseudonym) => "reveal_pseudonym",
            Self::Reveal(Form::Sealed) => "reveal_sealed",
            Self::Lookup => "lookup",
            Self::Seal => "seal",
            Self::Open(Form::Clear) => "open_clear",
            Self::Open(Form::Masked) => "open_masked",
            Self::Open(Form::Pseudonym) => "open_pseudonym",
            Self::Open(Form::Sealed) => "open_sealed",
            Self::EraseFields => "erase_fields",
            Self::CloseSubject => "close_subject",
            Self::RequestAccess => "request_access",
            Self::RequestErasure => "request_erasure",
            Self::CancelRequest => "cancel_request",
            Self::ReadRequests => "read_requests",
            Self::RunRequests => "run_requests",
            Self::ReadRequestFile => "read_request_file",
            Self::ActForPeople => "act_for_people",
            Self::ReadConsent => "read_consent",
            Self::ReadKeptConsent => "read_kept_consent",
            Self::RecordConsent => "record_consent",
            Self::ImportConsent => "import_consent",
            Self::SendTelemetry => "send_telemetry",
            Self::RotateTelemetryId => "rotate_telemetry_id",
            Self::Query => "query",
            Self::QueryEverybody => "query_everybody",
            Self::OpenSession => "open_session",
            Self::Decrypt => "decrypt",
            Self::RequestDecrypt => "request_decrypt",
            Self::ApproveDecrypt => "approve_decrypt",
            Self::BreakGlass => "break_glass",
            Self::RevokeGrant => "revoke_grant",
            Self::Probe => "probe",
            Self::SeeLooks => "see_looks",
            Self::ReadLog => "read_log",
            Self::ReadSessions => "read_sessions",
            Self::ReviewSession => "review_session",
            Self::ManageTokens => "manage_tokens",
            Self::Adopt => "adopt",
        }
    }

    /// Must agree with the schema's `appliesTo`; loading a bundle tries each.
    pub(super) const fn target(self) -> Target {
        match self {
            Self::WriteFields
            | Self::EraseFields
            | Self::Reveal(_)
            | Self::Lookup
            | Self::Seal
            | Self::Open(_)
            | Self::Decrypt
            | Self::RequestDecrypt
            | Self::ApproveDecrypt
            | Self::BreakGlass
            | Self::Probe => Target::Field,
            Self::OpenSession
            | Self::Adopt
            | Self::ReadSessions
            | Self::ReviewSession
            | Self::RevokeGrant => Target::Source,
            Self::CreateSubject
            | Self::DescribeSubject
            | Self::CloseSubject
            | Self::RequestAccess
            | Self::RequestErasure
            | Self::CancelRequest
            | Self::ReadRequests
            | Self::RunRequests
            | Self::ReadRequestFile
            | Self::ActForPeople
            | Self::ReadConsent
            | Self::ReadKeptConsent
            | Self::RecordConsent
            | Self::ImportConsent
            | Self::SendTelemetry
            | Self::RotateTelemetryId
            | Self::Query
            | Self::QueryEverybody
            | Self::SeeLooks
            | Self::ReadLog
            | Self::ManageTokens => Target::Tenant,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
