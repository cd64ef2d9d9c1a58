//! Handlers: one file per resource with parameters, handler and answer.

pub(crate) mod audit;
pub(crate) mod consent;
pub(crate) mod consent_import;
pub(crate) mod drp;
pub(crate) mod grants;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod kept_consent;
pub(crate) mod logins;
pub(crate) mod lookup;
pub(crate) mod metrics;
pub(crate) mod notices;
pub(crate) mod open;
pub(crate) mod query;
pub(crate) mod requests;
pub(crate) mod reveal;
pub(crate) mod seal;
pub(crate) mod sessions;
pub(crate) mod subjects;
pub(crate) mod summary;
pub(crate) mod telemetry_id;
pub(crate) mod tokens;
pub(crate) mod whoami;
