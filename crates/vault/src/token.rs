//! Tokens: `pvt_<environment>_<secret><checksum>`, shown once, stored as SHA-256 for HTTP and as a SCRAM verifier
//! for SQL, bound to one principal and one environment, expiring.

mod text;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use privet_seal::Zeroizing;

use crate::audit::{EntryKind, Record};
use crate::policy::Action;
use crate::port::{ScramVerifier, StoreError, TokenRow};
use crate::recent::Recent;
use crate::{Caller, Clock, Error, PrincipalName, Result, TokenId, Vault};

use text::{check_shape, new_text, scram_verifier, sha256};

/// A token is 192 random bits, so the count only has to satisfy clients (RFC 7677 section 4: at least 4096).
const ITERATIONS: u32 = 4096;
/// How many tokens stay ready, and how long.
const TOKENS_MAX: usize = 10_000;
const CACHE_AGE: Duration = Duration::from_secs(60);
/// The longest life of a token.
const DAYS_MAX: u32 = 366;

/// A token that was just issued: the only moment at which its text exists.
pub struct IssuedToken {
    /// Its id, which is not secret.
    pub id: TokenId,
    /// The text to hand over.
    pub text: Zeroizing<String>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedToken")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A token as operators see it.
#[derive(Debug, Clone)]
pub struct ListedToken {
    /// What is stored: nothing of it can be used to log in.
    pub row: TokenRow,
    /// Whether it is good for anything now.
    pub state: TokenState,
}

/// Whether a token is good for anything now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It opens the doors.
    Live,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
    /// Its principal is not in the policy bundle any more.
    Orphaned,
}

/// What a SQL client that names a user is checked against. For unknown users, users without a live token and wrong
/// token ids it is a mock that no password satisfies, with a salt that stays the same for the name.
#[derive(Debug)]
pub struct ScramLookup {
    verifier: ScramVerifier,
    token: Option<TokenRow>,
}

impl ScramLookup {
    /// The verifier to run the exchange with.
    pub fn verifier(&self) -> &ScramVerifier {
        &self.verifier
    }
}

/// Tokens ready for use, and the key of mock salts.
pub(crate) struct Tokens {
    ready: Recent<[u8; 32], Arc<TokenRow>>,
    by_id: Recent<TokenId, [u8; 32]>,
    /// Those revoked since the start: whoever was let in before must stop, too.
    revoked: RwLock<HashSet<TokenId>>,
    mock: hmac::Key,
}

impl Tokens {
    /// `mock_secret` stays the same over restarts: a salt that changed would tell that nobody has the name.
    pub(crate) fn new(mock_secret: &[u8; 32], clock: &Arc<dyn Clock>) -> Self {
        Self {
            ready: Recent::new(TOKENS_MAX, CACHE_AGE, Arc::clone(clock)),
            by_id: Recent::new(TOKENS_MAX, CACHE_AGE, Arc::clone(clock)),
            revoked: RwLock::default(),
            mock: hmac::Key::new(hmac::HMAC_SHA256, mock_secret),
        }
    }

    /// Ends a token for callers who were let in with it and for those who come.
    pub(crate) fn revoke(&self, token: TokenId) {
        self.revoked
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(token);
        match self.by_id.forget(&token) {
            Some(sha256) => drop(self.ready.forget(&sha256)),
            // It may be among those that are just being read.
            None => self.ready.forget_all(),
        }
    }

    fn is_revoked(&self, token: TokenId) -> bool {
        let revoked = self.revoked.read();
        revoked
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&token)
    }

    /// Lets go of tokens that were ready for long enough.
    pub(crate) fn drop_old(&self) {
        self.ready.drop_old();
        self.by_id.drop_old();
    }

    fn mock_verifier(&self, user: &str) -> ScramVerifier {
        let part = |label: &str| {
            let tag = hmac::sign(&self.mock, format!("{label}:{user}").as_bytes());
            let mut bytes = [0; 32];
            bytes.copy_from_slice(tag.as_ref());
            bytes
        };
        let mut salt = [0; 16];
        salt.iter_mut()
            .zip(part("salt"))
            .for_each(|(to, from)| *to = from);
        ScramVerifier {
            iterations: ITERATIONS,
            salt,
            stored_key: part("stored"),
            server_key: part("server"),
        }
    }
}

impl Vault {
    /// The caller that a bearer token proves.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for every token that is not valid here, whatever the cause.
    pub async fn authenticate(&self, bearer: &str, address: &str) -> Result<Caller> {
        check_shape(bearer, &self.inner.config.environment)?;
        let sha256 = sha256(bearer);
        let tokens = &self.inner.tokens;
        let row = match tokens.ready.get(&sha256) {
            Some(row) => row,
            None => {
                let mark = tokens.ready.mark();
                let found = self.inner.keys.token_by_sha256(sha256).await?;
                let row = Arc::new(found.ok_or(Error::Unauthenticated)?);
                tokens.by_id.insert(tokens.by_id.mark(), row.id, sha256);
                tokens.ready.insert(mark, sha256, Arc::clone(&row));
                row
            }
        };
        self.caller(&row, address)
    }

    /// What a SQL client that calls itself `user` (`person` or `person+tokenid`) is checked against.
    pub async fn scram_lookup(&self, user: &str) -> Result<ScramLookup> {
        let (name, wanted) = match user.split_once('+') {
            Some((name, id)) => (name, id.parse::<TokenId>().ok()),
            None => (user, None),
        };
        let named_token = user.contains('+');
        let rows = match name.parse::<PrincipalName>() {
            Ok(name) => self.inner.keys.tokens_of(&name).await?,
            Err(_) => Vec::new(),
        };
        let now = self.now();
        let token = rows
            .into_iter()
            .filter(|row| is_live(row, now))
            .find(|row| !named_token || wanted == Some(row.id));
        let verifier = match &token {
            Some(row) => row.scram.clone(),
            None => self.inner.tokens.mock_verifier(user),
        };
        Ok(ScramLookup { verifier, token })
    }

    /// The caller, once the exchange with the looked-up verifier succeeded.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for a mock and for a token that ended meanwhile.
    pub fn scram_authenticated(&self, lookup: ScramLookup, address: &str) -> Result<Caller> {
        let row = lookup.token.ok_or(Error::Unauthenticated)?;
        self.caller(&row, address)
    }

    fn caller(&self, row: &TokenRow, address: &str) -> Result<Caller> {
        // The row may have been read before its token was revoked: a SCRAM exchange takes a while.
        if !is_live(row, self.now()) || self.inner.tokens.is_revoked(row.id) {
            return Err(Error::Unauthenticated);
        }
        let principal = self
            .inner
            .policy
            .principal(&row.principal)
            .ok_or(Error::Unauthenticated)?;
        Ok(Caller {
            principal: principal.clone(),
            token: row.id,
            expires_at: row.expires_at,
            address: address.to_owned(),
        })
    }

    /// Refuses a caller whose token was revoked or has expired since it was shown: a connection may live for hours.
    pub(crate) fn alive(&self, caller: &Caller) -> Result<()> {
        if self.inner.tokens.is_revoked(caller.token) || self.now() >= caller.expires_at {
            return Err(Error::Unauthenticated);
        }
        Ok(())
    }

    /// Issues a token for a principal of the bundle.
    pub async fn issue_token(
        &self,
        caller: &Caller,
        principal: &PrincipalName,
        days: u32,
        note: &str,
    ) -> Result<IssuedToken> {
        let decision = self
            .permit(caller, Action::ManageTokens, EntryKind::TokenDenied)
            .await?;
        let issued = self.new_token(principal, days, note).await?;
        let record = Record::by(EntryKind::TokenIssued, caller)
            .ruling(self.ruling(&decision))
            .fact("principal", principal.as_str())
            .fact("token", issued.id.to_string());
        self.record(record).await?;
        Ok(issued)
    }

    /// Issues a token with nobody logged in: for the first start, by whoever holds the stores and the root key.
    pub async fn issue_first_token(
        &self,
        principal: &PrincipalName,
        days: u32,
    ) -> Result<IssuedToken> {
        let issued = self.new_token(principal, days, "first start").await?;
        let record = Record::new(EntryKind::TokenIssued, crate::audit::Actor::System)
            .fact("principal", principal.as_str())
            .fact("token", issued.id.to_string());
        self.record_patiently(record).await?;
        Ok(issued)
    }

    /// The members of a group, if none of them has a live token: then nobody can do what the group is for.
    ///
    /// # Errors
    /// [`Error::Store`] when the key store fails.
    pub async fn without_token(&self, group: &str) -> Result<Vec<PrincipalName>> {
        let members = self.inner.policy.principals();
        let names: Vec<PrincipalName> = members
            .filter(|member| member.groups.contains(group))
            .map(|member| member.name.clone())
            .collect();
        let now = self.now();
        for name in &names {
            let tokens = self.inner.keys.tokens_of(name).await?;
            if tokens.iter().any(|token| is_live(token, now)) {
                return Ok(Vec::new());
            }
        }
        Ok(names)
    }

    async fn new_token(&self, name: &PrincipalName, days: u32, note: &str) -> Result<IssuedToken> {
        let id = TokenId::random(&*self.inner.entropy);
        self.new_token_as(name, days, note, id).await
    }

    /// The same under an id that is given; [`Error::Conflict`] if there is such a token.
    pub(crate) async fn new_token_as(
        &self,
        name: &PrincipalName,
        days: u32,
        note: &str,
        id: TokenId,
    ) -> Result<IssuedToken> {
        if self.inner.policy.principal(name).is_none() {
            return Err(Error::invalid(
                "unknown_principal",
                format!("`{name}` is not in the policy bundle: add it to `principals.toml` first"),
            ));
        }
        if !(1..=DAYS_MAX).contains(&days) {
            return Err(Error::invalid(
                "days",
                format!("a token lives 1 to {DAYS_MAX} days"),
            ));
        }
        if note.chars().count() > 200 {
            return Err(Error::invalid("note", "a note has at most 200 characters"));
        }
        let entropy = &*self.inner.entropy;
        let text = new_text(&self.inner.config.environment, entropy);
        let now = self.now();
        let expires_at = now + jiff::SignedDuration::from_hours(24 * i64::from(days));
        let row = TokenRow {
            id,
            principal: name.clone(),
            sha256: sha256(&text),
            scram: scram_verifier(&text, entropy),
            created_at: now,
            expires_at,
            revoked_at: None,
            note: note.to_owned(),
        };
        match self.inner.keys.add_token(row).await {
            Ok(()) => {}
            Err(StoreError::Conflict) => {
                return Err(Error::conflict(
                    "token_known",
                    "there is such a token already",
                ));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(IssuedToken {
            id,
            text,
            expires_at,
        })
    }

    /// Every token, newest first.
    pub async fn tokens(&self, caller: &Caller) -> Result<Vec<ListedToken>> {
        self.permit(caller, Action::ManageTokens, EntryKind::TokenDenied)
            .await?;
        let (rows, now) = (self.inner.keys.tokens().await?, self.now());
        let listed = rows.into_iter().map(|row| {
            let state = self.token_state(&row, now);
            ListedToken { row, state }
        });
        Ok(listed.collect())
    }

    fn token_state(&self, row: &TokenRow, now: Timestamp) -> TokenState {
        if row.revoked_at.is_some() {
            TokenState::Revoked
        } else if !is_live(row, now) {
            TokenState::Expired
        } else if self.inner.policy.principal(&row.principal).is_none() {
            TokenState::Orphaned
        } else {
            TokenState::Live
        }
    }

    /// Revokes a token; it ends on every server within a second, here at once.
    pub async fn revoke_token(&self, caller: &Caller, token: TokenId) -> Result<()> {
        let decision = self
            .permit(caller, Action::ManageTokens, EntryKind::TokenDenied)
            .await?;
        let record = Record::by(EntryKind::TokenRevoked, caller)
            .ruling(self.ruling(&decision))
            .fact("token", token.to_string());
        if !self.inner.keys.revoke_token(token, self.now()).await? {
            return Err(Error::NotFound("token"));
        }
        self.catch_up().await?;
        self.record(record).await.map(drop)
    }
}

fn is_live(row: &TokenRow, now: Timestamp) -> bool {
    row.revoked_at.is_none() && now < row.expires_at
}
