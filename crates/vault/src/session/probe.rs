//! Equality search: each marker is a question whether a person is in there.

use super::connection::Connection;
use super::justification::LiveSession;
use super::marker;
use crate::audit::{EntryKind, Record};
use crate::policy::Action;
use crate::vault::{Question, denied_by_policy};
use crate::{Error, Result};

impl Connection {
    /// Replaces equality markers by blind indexes; `None`: there are none. Each is a question whether a person is in
    /// there: it must be justified, allowed, counted and on record before the statement goes anywhere.
    pub async fn substitute_markers(&mut self, statement: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = marker::markers(statement)?;
        if found.is_empty() {
            return Ok(None);
        }
        let (session, _) = self.session()?;
        let vault = &self.vault;
        let count = u32::try_from(found.len()).unwrap_or(u32::MAX);
        session.probe(count, &vault.inner.config.sessions)?;
        let now = vault.now();
        let tenant = vault
            .inner
            .keyring
            .tenant(&vault.inner.config.tenant, now)
            .await?;
        let mut indexes = Vec::with_capacity(found.len());
        let mut fields = Vec::with_capacity(found.len());
        for marker in &found {
            let field = vault.field(&marker.field)?;
            if field.lookup.is_none() {
                return Err(Error::invalid(
                    "no_lookup",
                    format!("field `{}` has no `lookup` in the data map", field.name),
                ));
            }
            self.permit_probe(session, field).await?;
            let index = vault
                .inner
                .keyring
                .indexes(&tenant, field, &marker.value, now)
                .await?;
            let newest = index.first().ok_or(Error::Internal("no index key"))?;
            indexes.push(newest.to_text());
            fields.push(field.name.to_string());
        }
        let record = Record::by(EntryKind::Probe, &self.caller)
            .fact("fields", fields)
            .count("markers", u64::from(count))
            .personal("indexes", indexes.clone());
        vault.record_in(session, record).await?;
        marker::replace(statement, &found, &indexes).map(Some)
    }

    async fn permit_probe(
        &self,
        session: &LiveSession,
        field: &privet_classify::Field,
    ) -> Result<()> {
        let question = Question::about(Action::Probe)
            .field(field)
            .source(&self.source);
        let decision = self.vault.decide(&self.caller, &question)?;
        if decision.allowed {
            return Ok(());
        }
        let record =
            Record::by(EntryKind::ProbeDenied, &self.caller).ruling(self.vault.ruling(&decision));
        self.vault.record_in(session, record).await?;
        Err(denied_by_policy(&self.caller, Action::Probe))
    }
}
