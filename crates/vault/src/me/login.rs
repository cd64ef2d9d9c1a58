//! Logins of people to their own pages, proved by the application's identity provider. They have nothing in common with
//! those of the staff: another secret, in another cookie, in another table.
//!
//! Both the logins under way and those that are open live in memory: a server that starts again asks for them again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use privet_seal::Zeroizing;

use super::Me;
use super::mail_login::MailLogins;
use super::refusals::{not_proved, refused, strange, too_many, unknown};
use crate::audit::{EntryKind, Record};
use crate::keyring::OpenSubject;
use crate::login::{Attempts, after, form_token, secret, sha256};
use crate::port::{IdentityProvider, LoginAttempt, LoginProof};
use crate::session::lock;
use crate::{Caller, Error, Principal, PrincipalKind, Result, SubjectRef, TokenId, Vault};

/// How long somebody may take at the provider.
const ATTEMPT_LIFE: Duration = Duration::from_secs(10 * 60);
/// A login ends after this much idleness …
const IDLE: Duration = Duration::from_secs(30 * 60);
/// … and after this in any case.
const WHOLE: Duration = Duration::from_secs(8 * 3_600);
/// Browsers in which one person is logged in.
const LOGINS_EACH: usize = 10;
/// Logins under way, and open ones, of everybody.
const ATTEMPTS_MAX: usize = 20_000;
const LOGINS_MAX: usize = 100_000;
/// Bytes of what comes back from a provider.
const PROOF_BYTES_MAX: usize = 4 * 1_024;
/// What policies and messages call whoever acts on their own behalf.
const NAME: &str = "subject";

/// What the operator decides about people's own pages.
#[derive(Clone)]
pub struct OwnPages {
    /// Who proves who somebody is.
    pub provider: Arc<dyn IdentityProvider>,
    /// A look at their data is shown to people this long after it took place, so that an investigation under a legal hold is
    /// not told to whom it is about.
    pub looks_after: SignedDuration,
}

impl std::fmt::Debug for OwnPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnPages")
            .field("provider", &self.provider.name())
            .field("looks_after", &self.looks_after)
            .finish()
    }
}

/// A login that a browser has begun.
pub struct OwnLoginBegun {
    /// Where the browser goes.
    pub address: String,
    /// What it keeps meanwhile, and nobody else can know.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for OwnLoginBegun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnLoginBegun").finish_non_exhaustive()
    }
}

/// What a browser came back from the provider with.
#[derive(Clone, Copy)]
pub struct OwnAnswer<'a> {
    /// The state that it was sent with.
    pub state: &'a str,
    /// The code; `None`: the provider said no.
    pub code: Option<&'a str>,
    /// Who answers, where the provider says so.
    pub issuer: Option<&'a str>,
}

impl std::fmt::Debug for OwnAnswer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnAnswer").finish_non_exhaustive()
    }
}

/// Somebody who is logged in to their own pages, for one request.
#[derive(Debug)]
pub struct OwnLogin {
    /// What they can do.
    pub me: Me,
    /// What each form that changes something must carry.
    pub form_token: FormToken,
}

/// Nobody but a login's own pages knows it.
pub struct FormToken(Zeroizing<String>);

impl FormToken {
    /// Its text, for a form and for comparing.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for FormToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FormToken").finish_non_exhaustive()
    }
}

type Hash = [u8; 32];

/// People's logins on this server.
#[derive(Default)]
pub(crate) struct OwnLogins {
    pages: OnceLock<OwnPages>,
    begun: Mutex<HashMap<Hash, Begun>>,
    open: Mutex<HashMap<Hash, Login>>,
    attempts: Mutex<Attempts>,
    changes: Mutex<Attempts>,
    pub(super) mail: MailLogins,
}

struct Begun {
    attempt: LoginAttempt,
    at: Duration,
    expires_at: Timestamp,
}

impl Begun {
    fn is_over(&self, now: Duration, at: Timestamp) -> bool {
        now.saturating_sub(self.at) > ATTEMPT_LIFE || at >= self.expires_at
    }
}

struct Login {
    subject: SubjectRef,
    token: TokenId,
    began: Duration,
    active: Duration,
    /// By the wall clock, since the other one stands still while a machine sleeps.
    expires_at: Timestamp,
}

impl Login {
    fn is_over(&self, now: Duration, at: Timestamp) -> bool {
        now.saturating_sub(self.active) > IDLE
            || now.saturating_sub(self.began) > WHOLE
            || at >= self.expires_at
    }
}

impl OwnLogins {
    /// Counts a change of one person; `false` when it is one too many.
    pub(super) fn allows_change(&self, subject: SubjectRef, vault: &Vault) -> bool {
        let now = vault.inner.clock.monotonic();
        lock(&self.changes).allows(&subject.to_string(), now)
    }

    pub(crate) fn pages(&self) -> Option<&OwnPages> {
        self.pages.get()
    }
}

impl Vault {
    /// Opens people's own pages, once. Without it, there are none.
    pub fn open_own_pages(&self, pages: OwnPages) {
        // A second one would be a mistake of the binary's; the first stays.
        let _ = self.inner.own.pages.set(pages);
    }

    /// The name of whom people log in with.
    ///
    /// # Errors
    /// [`Error::Unready`] with code `own_pages_off` where there are no such pages.
    pub fn own_provider(&self) -> Result<&str> {
        Ok(self.own_pages()?.provider.name())
    }

    fn own_pages(&self) -> Result<&OwnPages> {
        self.inner.own.pages().ok_or_else(|| {
            Error::unready(
                "own_pages_off",
                "this server has no pages for the people whom its data is about: ask its operator for a `[people]` section in `privet.toml`",
            )
        })
    }

    /// Begins a login: answers where the browser goes, and what it keeps until it comes back.
    ///
    /// # Errors
    /// [`Error::Unready`] with code `own_pages_off`, or `provider_unavailable` when the provider does not answer;
    /// [`Error::Limited`] after too many attempts.
    pub async fn begin_own_login(&self, address: &str) -> Result<OwnLoginBegun> {
        let provider = &self.own_pages()?.provider;
        self.attempt_own(address)?;
        let entropy = &*self.inner.entropy;
        let attempt = LoginAttempt {
            state: secret(entropy),
            nonce: secret(entropy),
            verifier: secret(entropy),
        };
        let leads_to = provider.address(&attempt).await;
        let leads_to = leads_to.map_err(|error| not_proved(&error))?;
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let begun = Begun {
            attempt,
            at: now,
            expires_at: after(at, ATTEMPT_LIFE)?,
        };
        let secret = secret(entropy);
        let mut open = lock(&self.inner.own.begun);
        open.retain(|_, begun| !begun.is_over(now, at));
        if open.len() >= ATTEMPTS_MAX {
            return Err(too_many());
        }
        open.insert(sha256(&secret), begun);
        Ok(OwnLoginBegun {
            address: leads_to,
            secret,
        })
    }

    /// Ends a login that was begun, whatever comes of it: with somebody who is held here, it answers the secret for the
    /// cookie.
    ///
    /// # Errors
    /// [`Error::Denied`] with code `own_login` for an answer that belongs to no login of this browser, `own_login_refused` for one
    /// that proves nobody, `own_unknown` for somebody of whom nothing is held; [`Error::Unready`] with code
    /// `provider_unavailable`; [`Error::Limited`] after too many attempts.
    pub async fn finish_own_login(
        &self,
        secret: &str,
        answer: OwnAnswer<'_>,
        address: &str,
    ) -> Result<Zeroizing<String>> {
        let provider = &self.own_pages()?.provider;
        self.attempt_own(address)?;
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        // It is spent by being looked at: an answer that fails cannot be tried again.
        let begun = lock(&self.inner.own.begun).remove(&sha256(secret));
        let begun = begun.filter(|begun| !begun.is_over(now, at));
        let begun = begun.filter(|begun| sha256(&begun.attempt.state) == sha256(answer.state));
        let Begun { attempt, .. } = begun.ok_or_else(strange)?;
        let code = answer
            .code
            .filter(|code| !code.is_empty() && code.len() <= PROOF_BYTES_MAX);
        let code = code.ok_or_else(refused)?;
        let issuer = answer.issuer;
        let proved = provider.prove(&attempt, LoginProof { code, issuer }).await;
        let name = proved.map_err(|error| not_proved(&error))?;
        let open = match self.subject(&name).await {
            Err(Error::NotFound(_)) => return Err(unknown()),
            found => found?,
        };
        self.let_in(&open, address).await
    }

    pub(super) async fn let_in(
        &self,
        subject: &OpenSubject,
        address: &str,
    ) -> Result<Zeroizing<String>> {
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let entropy = &*self.inner.entropy;
        let login = Login {
            subject: subject.row.reference,
            token: TokenId::random(entropy),
            began: now,
            active: now,
            expires_at: after(at, WHOLE)?,
        };
        let secret = secret(entropy);
        let record = Record::by(EntryKind::LoginOpened, &login.caller(address)?);
        self.record(record.subject(subject.used([], 0))).await?;
        let mut open = lock(&self.inner.own.open);
        open.retain(|_, login| !login.is_over(now, at));
        let theirs = open
            .iter()
            .filter(|(_, other)| other.subject == login.subject);
        let mut theirs: Vec<_> = theirs.map(|(hash, other)| (other.active, *hash)).collect();
        if theirs.len() >= LOGINS_EACH {
            theirs.sort_unstable();
            let surplus = theirs.len() + 1 - LOGINS_EACH;
            theirs.iter().take(surplus).for_each(|(_, hash)| {
                open.remove(hash);
            });
        }
        if open.len() >= LOGINS_MAX {
            return Err(too_many());
        }
        open.insert(sha256(&secret), login);
        Ok(secret)
    }

    /// Whoever a cookie's secret logs in.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for a login that is over or never was one, and for somebody who is no longer held here.
    pub async fn me(&self, secret: &str, address: &str) -> Result<OwnLogin> {
        let hash = sha256(secret);
        let (subject, caller) = {
            let (now, at) = (self.inner.clock.monotonic(), self.now());
            let mut open = lock(&self.inner.own.open);
            let login = open.get_mut(&hash).ok_or(Error::Unauthenticated)?;
            if login.is_over(now, at) {
                open.remove(&hash);
                return Err(Error::Unauthenticated);
            }
            login.active = now;
            (login.subject, login.caller(address)?)
        };
        let Some(open) = self.subject_by_reference(subject).await? else {
            lock(&self.inner.own.open).remove(&hash);
            return Err(Error::Unauthenticated);
        };
        Ok(OwnLogin {
            me: Me {
                vault: self.clone(),
                caller,
                open,
            },
            form_token: FormToken(form_token(secret)),
        })
    }

    /// Ends a login; harmless for one that is over. Answers where the browser can be logged out of the provider, if it offers
    /// that.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] when it cannot be put on record; the login is over all the same.
    pub async fn leave_own_pages(&self, secret: &str, address: &str) -> Result<Option<String>> {
        let ended = lock(&self.inner.own.open).remove(&sha256(secret));
        if let Some(login) = ended {
            let mut record = Record::by(EntryKind::LoginEnded, &login.caller(address)?);
            if let Some(open) = self.subject_by_reference(login.subject).await? {
                record = record.subject(open.used([], 0));
            }
            self.record(record).await?;
        }
        Ok(self.own_pages()?.provider.farewell().await)
    }

    /// Lets go of logins that are over: nobody may come back for them.
    pub(crate) fn drop_old_own_logins(&self) {
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let own = &self.inner.own;
        lock(&own.begun).retain(|_, begun| !begun.is_over(now, at));
        lock(&own.open).retain(|_, login| !login.is_over(now, at));
        own.mail.drop_old(now, at);
    }

    pub(crate) async fn subject_by_reference(
        &self,
        subject: SubjectRef,
    ) -> Result<Option<Arc<OpenSubject>>> {
        self.fresh()?;
        let rows = self.inner.keys.subjects_by_reference(&[subject]).await?;
        let opened = self.inner.keyring.open_rows(rows, self.now()).await?;
        Ok(opened.into_iter().flatten().next())
    }

    pub(super) fn attempt_own(&self, address: &str) -> Result<()> {
        let now = self.inner.clock.monotonic();
        if lock(&self.inner.own.attempts).allows(address, now) {
            return Ok(());
        }
        Err(too_many())
    }
}

impl Login {
    fn caller(&self, address: &str) -> Result<Caller> {
        let name = NAME.parse();
        Ok(Caller {
            principal: Principal {
                name: name.map_err(|_| Error::Internal("a subject has no name"))?,
                kind: PrincipalKind::Subject,
                groups: std::collections::BTreeSet::new(),
            },
            token: self.token,
            expires_at: self.expires_at,
            address: address.to_owned(),
        })
    }
}
