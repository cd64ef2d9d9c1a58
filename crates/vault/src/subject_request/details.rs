//! What is known of how a request came: sealed under the request's own key, and bound to whose it is and what it asks for,
//! so that a row of the key store cannot be given to another person unnoticed.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use privet_seal::{Entropy, Nonce, Zeroizing};
use serde::{Deserialize, Serialize};

use super::machine::SubjectRequestKind;
use crate::keyring::RequestKey;
use crate::{Caller, Error, PrincipalKind, PrincipalName, Result, SubjectRef, SubjectRequestId};

/// The version of the JSON inside.
const VERSION: u8 = 1;
/// Keeps this use of a record key apart from any other.
const LABEL: &[u8; 17] = b"privet/v1/request";
/// What says how an identity was checked, at most.
pub(crate) const CHECKED_BYTES_MAX: usize = 2_000;
/// An older letter was found too late to be entered as if it had just come.
const RECEIVED_DAYS_MAX: i32 = 366;

/// How a request came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestChannel {
    /// Through an application, in which the person is logged in.
    App,
    /// By mail.
    Mail,
    /// By phone.
    Phone,
    /// By letter.
    Letter,
    /// The person came.
    InPerson,
    /// Through an agent whom they authorized.
    Agent,
}

impl RequestChannel {
    /// Every channel.
    pub const ALL: [Self; 6] = [
        Self::App,
        Self::Mail,
        Self::Phone,
        Self::Letter,
        Self::InPerson,
        Self::Agent,
    ];

    /// Its stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Mail => "mail",
            Self::Phone => "phone",
            Self::Letter => "letter",
            Self::InPerson => "in_person",
            Self::Agent => "agent",
        }
    }
}

/// How a request came, as whoever enters it states it.
#[derive(Clone, Default)]
pub struct RequestOrigin {
    /// How it came; through an application if nothing is said.
    pub channel: Option<RequestChannel>,
    /// The day (UTC) on which it came, if that was not today: the law counts from there.
    pub received_on: Option<Date>,
    /// How it was made sure that it is this person who asks. An application has done so by its login.
    pub checked: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for RequestOrigin {
    // How an identity was checked is personal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestOrigin")
            .field("channel", &self.channel)
            .field("received_on", &self.received_on)
            .finish_non_exhaustive()
    }
}

/// An origin that can be kept.
pub(super) struct CheckedOrigin {
    pub(super) received_at: Timestamp,
    channel: RequestChannel,
    checked: Option<Zeroizing<String>>,
}

impl RequestOrigin {
    /// Refuses what does not say enough: people of the staff state how the request came and how they know who asks.
    pub(super) fn check(self, caller: &Caller, now: Timestamp) -> Result<CheckedOrigin> {
        let channel = self.channel.unwrap_or(RequestChannel::App);
        let checked = self.checked.filter(|text| !text.trim().is_empty());
        let is_staff = caller.principal().kind == PrincipalKind::Person;
        if is_staff && (channel == RequestChannel::App || checked.is_none()) {
            return Err(Error::invalid(
                "identity_unchecked",
                "say how the request came (`mail`, `phone`, `letter` or `in_person`) and how you made sure that it is this \
                 person who asks",
            ));
        }
        if checked
            .as_ref()
            .is_some_and(|text| text.len() > CHECKED_BYTES_MAX)
        {
            return Err(Error::invalid(
                "identity_unchecked",
                format!("how the identity was checked takes at most {CHECKED_BYTES_MAX} bytes"),
            ));
        }
        Ok(CheckedOrigin {
            received_at: received_at(self.received_on, now)?,
            channel,
            checked,
        })
    }
}

fn received_at(on: Option<Date>, now: Timestamp) -> Result<Timestamp> {
    let Some(on) = on else { return Ok(now) };
    let today = now.to_zoned(TimeZone::UTC).date();
    let earliest = today.saturating_sub(RECEIVED_DAYS_MAX.days());
    let begin = on.to_zoned(TimeZone::UTC).map(|begin| begin.timestamp());
    match begin {
        Ok(begin) if on <= today && on >= earliest => Ok(begin),
        _ => Err(Error::invalid(
            "received_on",
            format!("a request is received today or within the {RECEIVED_DAYS_MAX} days before"),
        )),
    }
}

/// Which request it is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) request: SubjectRequestId,
    pub(super) subject: SubjectRef,
    pub(super) kind: SubjectRequestKind,
}

impl Bound {
    fn associated_data(&self) -> Vec<u8> {
        let kind = match self.kind {
            SubjectRequestKind::Access => 1,
            SubjectRequestKind::Erasure => 2,
        };
        let (request, subject) = (self.request.as_bytes(), self.subject.as_bytes());
        [&LABEL[..], request, subject, &[kind]].concat()
    }
}

/// What is kept of how a request came.
#[derive(Serialize, Deserialize)]
pub(super) struct Details {
    v: u8,
    /// Who entered it; nobody of a closing, whose intent in the log says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<PrincipalName>,
    pub(super) channel: RequestChannel,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_text",
        deserialize_with = "wiped_on_drop"
    )]
    pub(super) checked: Option<Zeroizing<String>>,
}

fn as_text<S: serde::Serializer>(
    text: &Option<Zeroizing<String>>,
    to: S,
) -> std::result::Result<S::Ok, S::Error> {
    text.as_deref().serialize(to)
}

fn wiped_on_drop<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Zeroizing::new))
}

impl Details {
    pub(super) fn new(caller: &Caller, origin: CheckedOrigin) -> Self {
        Self {
            v: VERSION,
            by: Some(caller.principal().name.clone()),
            channel: origin.channel,
            checked: origin.checked,
        }
    }

    /// Of a subject that is closed at once, which the log says by whom.
    pub(super) fn of_closing() -> Self {
        Self {
            v: VERSION,
            by: None,
            channel: RequestChannel::App,
            checked: None,
        }
    }

    pub(super) fn seal(
        &self,
        bound: Bound,
        key: &RequestKey,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>> {
        let mut json = Zeroizing::new(Vec::with_capacity(CHECKED_BYTES_MAX * 2));
        serde_json::to_writer(&mut *json, self)
            .map_err(|_| Error::Internal("details of a request cannot be JSON"))?;
        let (aad, nonce) = (bound.associated_data(), Nonce::random(entropy));
        let sealed = key.records().seal(&json, &aad, nonce);
        sealed.map_err(|_| Error::Internal("details of a request are too long"))
    }

    /// # Errors
    /// [`Error::Internal`] if they are not this request's, of this person: the row was changed outside Privet.
    pub(super) fn open(sealed: &[u8], bound: Bound, key: &RequestKey) -> Result<Self> {
        const BROKEN: Error = Error::Internal("a request's row was changed outside Privet");
        let opened = key.records().open(sealed, &bound.associated_data());
        let opened = opened.map_err(|_| BROKEN)?;
        let details: Self = serde_json::from_slice(&opened).map_err(|_| BROKEN)?;
        if details.v == VERSION {
            Ok(details)
        } else {
            Err(BROKEN)
        }
    }
}
