//! What people ask for: to see everything that is held of them, or to be forgotten.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Oid, Personal, SubjectRequestId};

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectRequestKind {
    /// Everything that is held of them, as a file.
    Access,
    /// That they are forgotten.
    Erasure,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectRequestState {
    /// Access: for the next batch.
    Waiting,
    /// Access: what is held is gathered.
    Collecting,
    /// Access: the file is there.
    Ready,
    /// Access: the file is there, and the person was told.
    Notified,
    /// Access: the file's time is over.
    Expired,
    /// Erasure: it can still be taken back.
    Cooling,
    /// Erasure: it is carried out.
    Destroying,
    /// Erasure: it is carried out; that no restore undoes it is not confirmed yet.
    Confirming,
    /// Erasure: the person is forgotten, and that is confirmed.
    Done,
    /// Taken back.
    Cancelled,
}

/// How a request that still runs stands to its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestUrgency {
    /// There is time.
    InTime,
    /// The deadline is near.
    Soon,
    /// It has passed.
    Late,
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

/// How a request came. An application that passes it on says nothing of this; people of the staff say how it came and how they
/// made sure that it is this person who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AskRequest {
    /// How it came; `app` if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<RequestChannel>,
    /// The day (UTC) on which it came, if that was not today: the law counts from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    pub received_on: Option<Date>,
    /// How it was made sure that it is this person who asks; kept sealed, until the request ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Personal>,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubjectRequest {
    /// The request.
    pub id: SubjectRequestId,
    /// What is asked for.
    pub kind: SubjectRequestKind,
    /// How far it is.
    pub state: SubjectRequestState,
    /// The fields, where single ones are erased; absent where everything is. Whose they are is not known of such a request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Whose it is; nobody's once they are erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Oid>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// When it was entered.
    #[schema(value_type = String, format = DateTime)]
    pub asked_at: Timestamp,
    /// The last day on which an answer is in time.
    #[schema(value_type = String, format = Date)]
    pub due_on: Date,
    /// How it stands to that day, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub urgency: Option<RequestUrgency>,
    /// From when on the next step is taken, if one follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    /// Attempts at that step that failed.
    pub attempts: u32,
    /// The code of the last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

/// One request, with how it came.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubjectRequestDetail {
    /// Where it stands.
    #[serde(flatten)]
    pub request: SubjectRequest,
    /// Who entered it. Of an ended request nothing of how it came is known any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<RequestChannel>,
    /// How it was made sure that it was this person who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<Personal>,
}

impl fmt::Debug for SubjectRequestDetail {
    // How an identity was checked is personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectRequestDetail")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// Which requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SubjectRequestQuery {
    /// Those of one subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<Oid>,
    /// Those that run, alone.
    pub running: bool,
    /// Those behind this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<SubjectRequestId>,
    /// At most so many, 1 to 200; 200 if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// A page of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SubjectRequestPage {
    /// In the order in which they were entered, the oldest first.
    pub requests: Vec<SubjectRequest>,
    /// Behind which there may be more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<SubjectRequestId>,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestRun {
    /// People who were erased.
    pub erased: u64,
    /// Erasures of earlier runs that were confirmed.
    #[serde(default)]
    pub confirmed: u64,
    /// Files that were made.
    pub collected: u64,
    /// Files whose time was over.
    pub expired: u64,
    /// Steps that failed and are tried again.
    pub failed: u64,
    /// Whether it takes longer than an answer may, and goes on. Asked again, the server says what was done until then.
    #[serde(default)]
    pub running: bool,
}
