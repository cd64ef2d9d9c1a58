//! The closed list of what an entry can say happened. `docs/formats/audit-entries.md` has an example of each.

use std::fmt;
use std::str::FromStr;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $name:literal,)+) => {
        /// What happened. Names are stable: an entry is read for years, so a kind is never renamed or reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EntryKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl EntryKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// The stable name, as entries spell it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }
    };
}

kinds! {
    /// A subject was made, with its keys and references.
    SubjectCreated = "subject.created",
    /// Field values of a subject were written or deleted.
    SubjectUpdated = "subject.updated",
    /// Somebody asked which fields a subject has values for.
    SubjectDescribed = "subject.described",
    /// Making, describing or writing a subject was refused.
    SubjectDenied = "subject.denied",
    /// A person said yes to purposes.
    ConsentGranted = "consent.granted",
    /// A person said no to purposes.
    ConsentWithdrawn = "consent.withdrawn",
    /// Answers that people gave elsewhere were taken over; before the first is.
    ConsentImported = "consent.imported",
    /// Somebody read what a person agrees to.
    ConsentRead = "consent.read",
    /// Somebody read what is kept of the answers of a person who left; before it is looked for.
    KeptConsentRead = "consent.kept_read",
    /// Recording or reading a person's consent was refused.
    ConsentDenied = "consent.denied",
    /// The text of a notice is kept from here on, as it is.
    NoticeKept = "notice.kept",
    /// A person's telemetry id was made anew; the former one has ended.
    TelemetryIdRotated = "telemetry_id.rotated",
    /// Making a person's telemetry id anew was refused.
    TelemetryIdDenied = "telemetry_id.denied",
    /// Somebody asked telemetry; before anything of it is shown.
    QueryStarted = "query.started",
    /// How a question to telemetry ended, and how much was shown.
    QueryFinished = "query.finished",
    /// A question to telemetry was refused.
    QueryDenied = "query.denied",
    /// Values left the vault, in the form that the entry states.
    Reveal = "reveal",
    /// A reveal was refused.
    RevealDenied = "reveal.denied",
    /// A subject was sought by a value.
    Lookup = "lookup",
    /// A look-up was refused.
    LookupDenied = "lookup.denied",
    /// Values were sealed for an application that keeps them itself.
    Seal = "seal",
    /// Sealing was refused.
    SealDenied = "seal.denied",
    /// Sealed values of an application were opened.
    Open = "open",
    /// Opening was refused.
    OpenDenied = "open.denied",
    /// Somebody said why and began a session.
    SessionOpened = "session.opened",
    /// A further connection joined a session.
    SessionJoined = "session.joined",
    /// The statements that protected connections of a session ran within one interval.
    SessionStatements = "session.statements",
    /// A session, or a command in it, was refused.
    SessionRefused = "session.refused",
    /// A session ended.
    SessionEnded = "session.ended",
    /// Somebody read the record of sessions.
    SessionRead = "session.read",
    /// An auditor gave a verdict.
    SessionReviewed = "session.reviewed",
    /// An auditor commented on a session.
    SessionCommented = "session.commented",
    /// A session may open the values of its subjects from here on.
    GrantIssued = "grant.issued",
    /// A grant was refused.
    GrantDenied = "grant.denied",
    /// A grant ended: expired, given back or revoked.
    GrantEnded = "grant.ended",
    /// Somebody asked for a grant that a second person has to approve.
    GrantRequested = "grant.requested",
    /// A second person approved a grant.
    GrantApproved = "grant.approved",
    /// A request for a grant was rejected, withdrawn, or its approval taken back.
    GrantRejected = "grant.rejected",
    /// Somebody read the list of grants or of requests for them.
    GrantRead = "grant.read",
    /// A statement of a decrypted session, before its first opened row leaves.
    StatementOpened = "statement.opened",
    /// What a statement of a decrypted session showed.
    StatementShown = "statement.shown",
    /// Equality search: somebody asked whether a value is in there.
    Probe = "probe",
    /// An equality search was refused.
    ProbeDenied = "probe.denied",
    /// Sending telemetry was refused.
    TelemetryDenied = "telemetry.denied",
    /// What the server noticed by itself, and somebody should look at.
    Finding = "finding",
    /// A token was issued.
    TokenIssued = "token.issued",
    /// A token was revoked.
    TokenRevoked = "token.revoked",
    /// Listing, issuing or revoking tokens was refused.
    TokenDenied = "token.denied",
    /// A link was made that logs its holder in to the pages once.
    LoginLinked = "login.linked",
    /// Somebody logged in to the pages.
    LoginOpened = "login.opened",
    /// Somebody logged out of the pages.
    LoginEnded = "login.ended",
    /// Sealing an application's database in place began or went on.
    AdoptStarted = "adopt.started",
    /// Sealing an application's database in place ended.
    AdoptFinished = "adopt.finished",
    /// An adoption, or taking one back, was refused.
    AdoptDenied = "adopt.denied",
    /// Somebody asked for an adoption to be taken back.
    UndoRequested = "undo.requested",
    /// Somebody else approved it; it begins.
    UndoStarted = "undo.started",
    /// Values of these subjects are opened, to be written back in plaintext; durable before the first is.
    UndoOpened = "undo.opened",
    /// Taking an adoption back ended.
    UndoFinished = "undo.finished",
    /// Keys and links will be destroyed; durable before the first one is.
    ErasureIntended = "erasure.intended",
    /// Keys and links are destroyed.
    ErasureDone = "erasure.done",
    /// Single fields of a person will be erased; durable before the key is destroyed that opens them.
    ErasureFieldsIntended = "erasure.fields_intended",
    /// Single fields of a person are erased.
    ErasureFieldsDone = "erasure.fields_done",
    /// Rows of people who left were erased in applications' databases.
    ErasureRows = "erasure.rows",
    /// An erasure was refused.
    ErasureDenied = "erasure.denied",
    /// A person's request was entered.
    RequestAsked = "request.asked",
    /// A person's request was taken back.
    RequestCancelled = "request.cancelled",
    /// Somebody had the requests carried out that are due, without waiting for the batch.
    RequestRun = "request.run",
    /// Everything that is held of somebody is opened, for the copy that they asked for; before the first value is.
    RequestCollecting = "request.collecting",
    /// The file of a request is handed out; before its first byte is.
    RequestFileRead = "request.file_read",
    /// The file of a request is over; its key is destroyed.
    RequestExpired = "request.expired",
    /// Somebody read which requests there are.
    RequestRead = "request.read",
    /// Entering, reading, taking back or running requests was refused.
    RequestDenied = "request.denied",
    /// A person's address is opened, for a mail to them; before it is.
    MailSending = "mail.sending",
    /// The mail server took a mail to a person.
    MailSent = "mail.sent",
    /// Keys were destroyed because their day had come.
    KeysExpired = "keys.expired",
    /// The policy bundle in force from here on.
    PolicyLoaded = "policy.loaded",
    /// A server began to write this log.
    LogOpened = "log.opened",
    /// Written each minute, so that silence is visible.
    LogHeartbeat = "log.heartbeat",
    /// Somebody read the log.
    LogRead = "log.read",
    /// Reading the log was refused.
    LogDenied = "log.denied",
    /// The log, or something that watches it, worked worse than it should.
    LogDegraded = "log.degraded",
    /// A server stopped writing this log in good order.
    LogClosed = "log.closed",
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of an entry's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of entry")]
pub struct UnknownKind;

impl FromStr for EntryKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_read_back() {
        for kind in EntryKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert_eq!("reveal.all".parse::<EntryKind>(), Err(UnknownKind));
    }
}
