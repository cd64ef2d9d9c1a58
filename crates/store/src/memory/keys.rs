//! The key store in memory.

mod field_erasure;
mod salt;
mod subject_request;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::Date;
use privet_seal::{KeyId, KeyKind};
use privet_vault::port::{
    AliasRow, Change, ChangeKind, ConsentEnd, ConsentPlace, ConsentTold, FieldErasure,
    GrantRequestRow, GrantRow, KeyRow, KeyStore, NewSubject, OrphanRow, Orphans, RequestDecision,
    RetentionKey, StoreError, StreamRow, SubjectRequestRow, SubjectRow, Telling, TokenRow,
};
use privet_vault::{
    GrantId, GrantRequestId, Oid, PrincipalName, Puid, SessionId, SourceName, SubjectRef,
    TenantName, TokenId,
};

use super::Shared;
use crate::write::{CHANGES_MAX, SUBJECT_KINDS, TRIMMED_MAX};

#[derive(Default)]
pub(super) struct MemoryKeys(Shared<State>);

#[derive(Clone, Default)]
struct State {
    keys: Vec<KeyRow>,
    subjects: Vec<SubjectRow>,
    aliases: Vec<AliasRow>,
    tokens: Vec<TokenRow>,
    /// In the order in which they were given.
    grants: Vec<GrantRow>,
    requests: Vec<GrantRequestRow>,
    subject_requests: Vec<SubjectRequestRow>,
    changes: Vec<ChangeKind>,
    /// How many changes were before those, and are no more.
    trimmed: u64,
    log_positions: BTreeMap<String, u64>,
    orphans: BTreeSet<Puid>,
    orphan_places: BTreeSet<ConsentPlace>,
    /// With the day from which on they are to be erased, where law keeps something of them.
    orphan_rows: BTreeMap<OrphanRow, Option<Date>>,
    stream: Vec<StreamRow>,
    field_erasures: Vec<FieldErasure>,
}

#[async_trait]
impl KeyStore for MemoryKeys {
    async fn add_keys(&self, keys: Vec<KeyRow>) -> Result<(), StoreError> {
        self.0
            .write(|state| keys.into_iter().try_for_each(|key| state.add_key(key)))
    }

    async fn tenant_keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        let mut found = self.0.read().keys_where(|key| key.kind == KeyKind::Tenant);
        found.sort_by_key(|key| (key.tenant.clone(), key.owner, key.generation));
        Ok(found)
    }

    async fn keys_of(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
        owner: [u8; 16],
    ) -> Result<Vec<KeyRow>, StoreError> {
        let mut found = self
            .0
            .read()
            .keys_where(|key| key.tenant == *tenant && key.kind == kind && key.owner == owner);
        found.sort_by_key(|key| Reverse(key.generation));
        Ok(found)
    }

    async fn keys_of_subjects(
        &self,
        subjects: &[SubjectRef],
    ) -> Result<Vec<Vec<KeyRow>>, StoreError> {
        let state = self.0.read();
        let kinds = [
            KeyKind::SubjectAccount,
            KeyKind::SubjectOperational,
            KeyKind::SubjectRetention,
        ];
        let keys = |subject: &SubjectRef| {
            let mut found = state
                .keys_where(|key| key.owner == *subject.as_bytes() && kinds.contains(&key.kind));
            found.sort_by_key(|key| (key.kind.code(), Reverse(key.generation)));
            found
        };
        Ok(subjects.iter().map(keys).collect())
    }

    async fn keys_of_kind(
        &self,
        tenant: &TenantName,
        kind: KeyKind,
    ) -> Result<Vec<KeyRow>, StoreError> {
        let mut found = self
            .0
            .read()
            .keys_where(|key| key.tenant == *tenant && key.kind == kind);
        found.sort_by_key(|key| (key.owner, key.generation));
        Ok(found)
    }

    async fn keys_by_id(&self, ids: &[KeyId]) -> Result<Vec<Option<KeyRow>>, StoreError> {
        let state = self.0.read();
        Ok(ids
            .iter()
            .map(|id| state.keys.iter().find(|key| key.id == *id).cloned())
            .collect())
    }

    async fn destroy_keys(&self, ids: &[KeyId]) -> Result<u64, StoreError> {
        self.0
            .write(|state| Ok(state.destroy_keys(|key| ids.contains(&key.id))))
    }

    async fn set_key_expiry(&self, id: KeyId, expires_on: Date) -> Result<(), StoreError> {
        self.0.write(|state| {
            state
                .keys
                .iter_mut()
                .filter(|key| key.id == id)
                .for_each(|key| key.expires_on = Some(expires_on));
            Ok(())
        })
    }

    async fn destroy_expired_keys(&self, today: Date) -> Result<u64, StoreError> {
        self.0.write(|state| {
            Ok(state.destroy_keys(|key| key.expires_on.is_some_and(|day| day <= today)))
        })
    }

    async fn add_subjects(&self, subjects: Vec<NewSubject>) -> Result<(), StoreError> {
        self.0.write(|state| {
            for NewSubject { subject, .. } in &subjects {
                state.add_subject(subject.clone())?;
            }
            for NewSubject { keys, aliases, .. } in subjects {
                keys.into_iter().try_for_each(|key| state.add_key(key))?;
                aliases
                    .into_iter()
                    .try_for_each(|alias| state.add_alias(alias))?;
            }
            Ok(())
        })
    }

    async fn add_alias(&self, alias: AliasRow) -> Result<(), StoreError> {
        self.0.write(|state| state.add_alias(alias))
    }

    async fn subjects_by_oid(&self, oids: &[Oid]) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        let state = self.0.read();
        Ok(oids
            .iter()
            .map(|oid| state.subject(|row| row.oid == *oid))
            .collect())
    }

    async fn subjects_by_puid(
        &self,
        puids: &[Puid],
    ) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        let state = self.0.read();
        Ok(puids
            .iter()
            .map(|puid| state.subject(|row| row.puid == *puid))
            .collect())
    }

    async fn subjects_by_reference(
        &self,
        references: &[SubjectRef],
    ) -> Result<Vec<Option<SubjectRow>>, StoreError> {
        let state = self.0.read();
        Ok(references
            .iter()
            .map(|id| state.subject(|row| row.reference == *id))
            .collect())
    }

    async fn subjects_by_alias(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<Option<(AliasRow, SubjectRow)>>, StoreError> {
        let state = self.0.read();
        let find = |key: &String| {
            let alias = state.aliases.iter().find(|alias| {
                alias.source == *source && alias.table == table && alias.key == *key
            })?;
            let subject = state.subject(|row| row.reference == alias.subject)?;
            Some((alias.clone(), subject))
        };
        Ok(keys.iter().map(find).collect())
    }

    async fn aliases_of(&self, subject: SubjectRef) -> Result<Vec<AliasRow>, StoreError> {
        let state = self.0.read();
        let mut found: Vec<_> = state
            .aliases
            .iter()
            .filter(|alias| alias.subject == subject)
            .cloned()
            .collect();
        found.sort_by_key(|alias| (alias.source.clone(), alias.table.clone(), alias.key.clone()));
        Ok(found)
    }

    async fn subject_count(&self) -> Result<u64, StoreError> {
        Ok(self.0.read().subjects.len() as u64)
    }

    async fn destroy_subject(
        &self,
        subject: SubjectRef,
        today: Date,
        at: Timestamp,
        telling: Option<Telling>,
        consent: ConsentEnd,
    ) -> Result<Vec<RetentionKey>, StoreError> {
        self.0.write(|state| {
            let known = state.subject(|row| row.reference == subject).is_some();
            let telling = telling.filter(|_| known);
            if let Some(telling) = &telling {
                state.check_salt(subject, telling)?;
            }
            state.end_requests_of(subject, at);
            state.field_erasures.retain(|row| row.subject != subject);
            let kept = state.destroy_subject(subject, today, at);
            state.end_consent(consent)?;
            state.tell(telling.and_then(|telling| telling.event));
            Ok(kept)
        })
    }

    async fn settle_destroyed(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn begin_field_erasures(
        &self,
        begun: Vec<(KeyRow, FieldErasure)>,
    ) -> Result<(), StoreError> {
        self.0.write(|state| state.begin_field_erasures(begun))
    }

    async fn fields_cleared(
        &self,
        erasure: &FieldErasure,
        source: &SourceName,
    ) -> Result<(), StoreError> {
        self.0.write(|state| {
            state.fields_cleared(erasure, source);
            Ok(())
        })
    }

    async fn field_erasures(&self) -> Result<Vec<FieldErasure>, StoreError> {
        Ok(self.0.read().field_erasures.clone())
    }

    async fn end_field_erasure(
        &self,
        subject: SubjectRef,
        kind: KeyKind,
        generation: u32,
    ) -> Result<u64, StoreError> {
        self.0
            .write(|state| state.end_field_erasure(subject, kind, generation))
    }

    async fn salts_of(&self, subjects: &[SubjectRef]) -> Result<Vec<Option<KeyRow>>, StoreError> {
        let state = self.0.read();
        Ok(subjects.iter().map(|id| state.salt_of(*id)).collect())
    }

    async fn subjects_with_salts(
        &self,
        after: Option<SubjectRef>,
        count_max: u32,
    ) -> Result<Vec<SubjectRow>, StoreError> {
        Ok(self.0.read().subjects_with_salts(after, count_max))
    }

    async fn add_salts(&self, salts: Vec<KeyRow>) -> Result<(), StoreError> {
        self.0.write(|state| state.add_salts(salts))
    }

    async fn rotate_salt(&self, salt: KeyRow, telling: Telling) -> Result<(), StoreError> {
        self.0.write(|state| state.rotate_salt(salt, telling))
    }

    async fn stream_events(&self, count_max: u32) -> Result<Vec<StreamRow>, StoreError> {
        let state = self.0.read();
        let waiting = state.stream.iter().take(count_max as usize);
        Ok(waiting.cloned().collect())
    }

    async fn remove_stream_events(&self, through: u64) -> Result<(), StoreError> {
        self.0.write(|state| {
            state.stream.retain(|row| row.number > through);
            Ok(())
        })
    }

    async fn orphans(&self) -> Result<Orphans, StoreError> {
        let state = self.0.read();
        Ok(Orphans {
            puids: state.orphans.iter().copied().collect(),
            places: state.orphan_places.iter().copied().collect(),
        })
    }

    async fn remove_orphans(&self, orphans: &Orphans) -> Result<(), StoreError> {
        let Orphans { puids, places } = orphans;
        self.0.write(|state| {
            state.orphans.retain(|puid| !puids.contains(puid));
            state.orphan_places.retain(|place| !places.contains(place));
            Ok(())
        })
    }

    async fn orphan_rows(
        &self,
        source: &SourceName,
        today: Date,
        after: Option<&OrphanRow>,
        count_max: u32,
    ) -> Result<Vec<OrphanRow>, StoreError> {
        let state = self.0.read();
        let rows = state.orphan_rows.iter().filter(|(row, due)| {
            row.source == *source
                && due.is_none_or(|due| due <= today)
                && after.is_none_or(|after| *row > after)
        });
        let rows = rows.map(|(row, _)| row.clone());
        Ok(rows.take(count_max as usize).collect())
    }

    async fn orphaned(
        &self,
        source: &SourceName,
        table: &str,
        keys: &[String],
    ) -> Result<Vec<bool>, StoreError> {
        let state = self.0.read();
        let orphaned = keys.iter().map(|key| {
            let row = OrphanRow {
                source: source.clone(),
                table: table.to_owned(),
                key: key.clone(),
            };
            state.orphan_rows.contains_key(&row)
        });
        Ok(orphaned.collect())
    }

    async fn settle_orphan_row(
        &self,
        row: &OrphanRow,
        again: Option<Date>,
    ) -> Result<(), StoreError> {
        self.0.write(|state| {
            match again {
                None => {
                    state.orphan_rows.remove(row);
                }
                Some(_) => {
                    if let Some(due) = state.orphan_rows.get_mut(row) {
                        *due = again;
                    }
                }
            }
            Ok(())
        })
    }

    async fn add_token(&self, token: TokenRow) -> Result<(), StoreError> {
        self.0.write(|state| {
            let known = |row: &TokenRow| row.id == token.id || row.sha256 == token.sha256;
            if state.tokens.iter().any(known) {
                return Err(StoreError::Conflict);
            }
            state.tokens.push(token);
            Ok(())
        })
    }

    async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        Ok(self.0.read().tokens_where(|_| true))
    }

    async fn token_by_sha256(&self, sha256: [u8; 32]) -> Result<Option<TokenRow>, StoreError> {
        Ok(self
            .0
            .read()
            .tokens
            .iter()
            .find(|token| token.sha256 == sha256)
            .cloned())
    }

    async fn tokens_of(&self, principal: &PrincipalName) -> Result<Vec<TokenRow>, StoreError> {
        Ok(self
            .0
            .read()
            .tokens_where(|token| token.principal == *principal))
    }

    async fn revoke_token(&self, token: TokenId, at: Timestamp) -> Result<bool, StoreError> {
        self.0.write(|state| {
            let live = |row: &&mut TokenRow| row.id == token && row.revoked_at.is_none();
            let Some(row) = state.tokens.iter_mut().find(live) else {
                return Ok(false);
            };
            row.revoked_at = Some(at);
            state.changes.push(ChangeKind::TokenRevoked(token));
            Ok(true)
        })
    }

    async fn add_grant(&self, grant: GrantRow) -> Result<(), StoreError> {
        self.0.write(|state| {
            if state.grants.iter().any(|row| row.id == grant.id) {
                return Err(StoreError::Conflict);
            }
            state.changes.push(ChangeKind::Granted(grant.id));
            state.grants.push(grant);
            Ok(())
        })
    }

    async fn grant(&self, id: GrantId) -> Result<Option<GrantRow>, StoreError> {
        Ok(self
            .0
            .read()
            .grants
            .iter()
            .find(|grant| grant.id == id)
            .cloned())
    }

    async fn grants_of(&self, session: SessionId) -> Result<Vec<GrantRow>, StoreError> {
        let state = self.0.read();
        Ok(state
            .grants
            .iter()
            .filter(|grant| grant.session == session)
            .cloned()
            .collect())
    }

    async fn grants_since(
        &self,
        since: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRow>, StoreError> {
        let state = self.0.read();
        let since = state.grants.iter().rev().filter(|row| row.ends_at >= since);
        Ok(since.take(count_max as usize).cloned().collect())
    }

    async fn add_request(&self, request: GrantRequestRow) -> Result<(), StoreError> {
        self.0.write(|state| {
            if state.requests.iter().any(|row| row.id == request.id) {
                return Err(StoreError::Conflict);
            }
            state.requests.push(request);
            Ok(())
        })
    }

    async fn request(&self, id: GrantRequestId) -> Result<Option<GrantRequestRow>, StoreError> {
        let state = self.0.read();
        Ok(state.requests.iter().find(|row| row.id == id).cloned())
    }

    async fn requests_of(&self, session: SessionId) -> Result<Vec<GrantRequestRow>, StoreError> {
        Ok(self.0.read().requests_where(|row| row.session == session))
    }

    async fn live_requests(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        let mut live = self.0.read().requests_where(|row| row.expires_at > now);
        live.truncate(count_max as usize);
        Ok(live)
    }

    async fn decide_request(
        &self,
        id: GrantRequestId,
        decision: RequestDecision,
    ) -> Result<bool, StoreError> {
        self.0.write(|state| {
            let open = |row: &&mut GrantRequestRow| row.id == id && row.takes(&decision);
            let Some(row) = state.requests.iter_mut().find(open) else {
                return Ok(false);
            };
            row.decision = Some(decision);
            Ok(true)
        })
    }

    async fn requests_to_tell(
        &self,
        now: Timestamp,
        count_max: u32,
    ) -> Result<Vec<GrantRequestRow>, StoreError> {
        let due = |row: &GrantRequestRow| row.tell_at.is_some_and(|at| at <= now);
        let mut rows = self
            .0
            .read()
            .requests_where(|row| due(row) && row.is_waiting(now));
        rows.sort_by_key(|row| (row.tell_at, row.id));
        rows.truncate(count_max as usize);
        Ok(rows)
    }

    async fn tell_request(
        &self,
        id: GrantRequestId,
        seen: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        self.0.write(|state| {
            let is_it = |row: &&mut GrantRequestRow| row.id == id && row.tell_at == Some(seen);
            let Some(row) = state.requests.iter_mut().find(is_it) else {
                return Ok(false);
            };
            row.tell_at = next;
            Ok(true)
        })
    }

    async fn use_request(
        &self,
        id: GrantRequestId,
        grant: GrantId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.0.write(|state| {
            let usable = |row: &&mut GrantRequestRow| row.id == id && row.is_usable(at);
            let Some(row) = state.requests.iter_mut().find(usable) else {
                return Ok(false);
            };
            row.grant = Some(grant);
            Ok(true)
        })
    }

    async fn expired_owners(
        &self,
        kind: KeyKind,
        today: Date,
        count_max: u32,
    ) -> Result<Vec<[u8; 16]>, StoreError> {
        let expired = |key: &KeyRow| {
            key.kind == kind && key.expires_on.is_some_and(|expires_on| expires_on <= today)
        };
        let mut owners: Vec<_> = self.0.read().keys_where(expired);
        owners.sort_by_key(|key| key.owner);
        owners.truncate(count_max as usize);
        Ok(owners.into_iter().map(|key| key.owner).collect())
    }

    async fn end_grant(&self, id: GrantId, at: Timestamp) -> Result<bool, StoreError> {
        self.0
            .write(|state| Ok(state.end_grants(at, |grant| grant.id == id) > 0))
    }

    async fn end_session(&self, session: SessionId) -> Result<(), StoreError> {
        self.0.write(|state| {
            state.changes.push(ChangeKind::SessionEnded(session));
            Ok(())
        })
    }

    async fn consent_changed(&self, changes: Vec<ConsentTold>) -> Result<(), StoreError> {
        self.0.write(|state| {
            changes
                .into_iter()
                .try_for_each(|told| state.consent_changed(told))
        })
    }

    async fn sequence(&self) -> Result<u64, StoreError> {
        Ok(self.0.read().sequence())
    }

    async fn changes_after(&self, position: u64) -> Result<Vec<Change>, StoreError> {
        let state = self.0.read();
        let positions = state.trimmed + 1..;
        let changes = positions
            .zip(&state.changes)
            .map(|(sequence, kind)| Change {
                sequence,
                kind: *kind,
            });
        let after = changes.filter(|change| change.sequence > position);
        Ok(after.take(CHANGES_MAX as usize).collect())
    }

    async fn trim_changes(&self, through: u64) -> Result<u64, StoreError> {
        self.0.write(|state| {
            let through = through.min(state.sequence().saturating_sub(1));
            let count = through.saturating_sub(state.trimmed);
            let count = count.min(TRIMMED_MAX.into());
            state.changes.drain(..count as usize);
            state.trimmed += count;
            Ok(count)
        })
    }

    async fn log_position(&self, origin: &str) -> Result<u64, StoreError> {
        Ok(self
            .0
            .read()
            .log_positions
            .get(origin)
            .copied()
            .unwrap_or(0))
    }

    async fn set_log_position(&self, origin: &str, position: u64) -> Result<(), StoreError> {
        self.0.write(|state| {
            let stored = state.log_positions.entry(origin.to_owned()).or_default();
            *stored = position.max(*stored);
            Ok(())
        })
    }
}

impl State {
    fn sequence(&self) -> u64 {
        self.trimmed + self.changes.len() as u64
    }

    fn keys_where(&self, wanted: impl Fn(&KeyRow) -> bool) -> Vec<KeyRow> {
        self.keys
            .iter()
            .filter(|key| wanted(key))
            .cloned()
            .collect()
    }

    fn add_key(&mut self, key: KeyRow) -> Result<(), StoreError> {
        let same_place = |row: &KeyRow| {
            (&row.tenant, row.kind, row.owner, row.generation)
                == (&key.tenant, key.kind, key.owner, key.generation)
        };
        if self
            .keys
            .iter()
            .any(|row| row.id == key.id || same_place(row))
        {
            return Err(StoreError::Conflict);
        }
        self.keys.push(key);
        Ok(())
    }

    fn destroy_keys(&mut self, doomed: impl Fn(&KeyRow) -> bool) -> u64 {
        let before = self.keys.len();
        self.keys.retain(|key| !doomed(key));
        (before - self.keys.len()) as u64
    }

    fn subject(&self, wanted: impl Fn(&SubjectRow) -> bool) -> Option<SubjectRow> {
        self.subjects.iter().find(|row| wanted(row)).cloned()
    }

    fn add_subject(&mut self, subject: SubjectRow) -> Result<(), StoreError> {
        let known = |row: &SubjectRow| {
            row.reference == subject.reference || row.puid == subject.puid || row.oid == subject.oid
        };
        if self.subjects.iter().any(known) {
            return Err(StoreError::Conflict);
        }
        self.subjects.push(subject);
        Ok(())
    }

    fn add_alias(&mut self, alias: AliasRow) -> Result<(), StoreError> {
        let taken = |row: &AliasRow| {
            (&row.source, &row.table, &row.key) == (&alias.source, &alias.table, &alias.key)
        };
        // An unknown subject was erased meanwhile.
        let known = self
            .subjects
            .iter()
            .any(|row| row.reference == alias.subject);
        let row = OrphanRow {
            source: alias.source.clone(),
            table: alias.table.clone(),
            key: alias.key.clone(),
        };
        if !known || self.aliases.iter().any(taken) || self.orphan_rows.contains_key(&row) {
            return Err(StoreError::Conflict);
        }
        self.aliases.push(alias);
        Ok(())
    }

    /// The oldest first.
    fn requests_where(&self, wanted: impl Fn(&GrantRequestRow) -> bool) -> Vec<GrantRequestRow> {
        let found = self.requests.iter().filter(|row| wanted(row));
        let mut found: Vec<_> = found.cloned().collect();
        found.sort_by_key(|row| (row.asked_at, row.id));
        found
    }

    fn tokens_where(&self, wanted: impl Fn(&TokenRow) -> bool) -> Vec<TokenRow> {
        let mut found: Vec<_> = self
            .tokens
            .iter()
            .filter(|token| wanted(token))
            .cloned()
            .collect();
        found.sort_by_key(|token| Reverse((token.created_at, token.id)));
        found
    }

    fn end_grants(&mut self, at: Timestamp, wanted: impl Fn(&GrantRow) -> bool) -> u64 {
        let mut count = 0;
        for grant in &mut self.grants {
            if wanted(grant) && grant.ended_at.is_none() {
                grant.ended_at = Some(at);
                self.changes.push(ChangeKind::GrantEnded(grant.id));
                count += 1;
            }
        }
        count
    }

    fn destroy_subject(
        &mut self,
        subject: SubjectRef,
        today: Date,
        at: Timestamp,
    ) -> Vec<RetentionKey> {
        let mut count = self.destroy_keys(|key| {
            let must_stay = key.kind == KeyKind::SubjectRetention
                && key.expires_on.is_some_and(|day| day > today);
            key.owner == *subject.as_bytes() && SUBJECT_KINDS.contains(&key.kind) && !must_stay
        });
        let links = self.aliases.len() + self.subjects.len();
        for alias in self.aliases.iter().filter(|alias| alias.subject == subject) {
            let row = OrphanRow {
                source: alias.source.clone(),
                table: alias.table.clone(),
                key: alias.key.clone(),
            };
            self.orphan_rows.insert(row, None);
        }
        self.aliases.retain(|alias| alias.subject != subject);
        let gone = self.subjects.iter().filter(|row| row.reference == subject);
        self.orphans.extend(gone.map(|row| row.puid));
        self.subjects.retain(|row| row.reference != subject);
        count += (links - self.aliases.len() - self.subjects.len()) as u64;
        count += self.end_grants(at, |grant| grant.subjects.contains(&subject));
        if count > 0 {
            self.changes.push(ChangeKind::Erased(subject));
        }
        let mut kept: Vec<_> = self
            .keys
            .iter()
            .filter(|key| key.owner == *subject.as_bytes() && key.kind == KeyKind::SubjectRetention)
            .filter_map(|key| {
                Some(RetentionKey {
                    id: key.id,
                    expires_on: key.expires_on?,
                })
            })
            .collect();
        kept.sort_by_key(|key| (key.expires_on, *key.id.as_bytes()));
        kept
    }
}
