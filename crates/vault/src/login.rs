//! Logins of people to the pages: by a link that works once, or by a token. A login is a secret that a browser keeps in a
//! cookie; the server keeps its SHA-256, and ends it with the token that it rests on.
//!
//! Logins live in memory: a server that starts again asks for them again.

mod attempts;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use privet_seal::{Entropy, Zeroizing};

use crate::audit::{EntryKind, Record};
use crate::session::lock;
use crate::vault::hex;
use crate::{Caller, Error, PrincipalKind, PrincipalName, Result, Vault};

pub(crate) use attempts::Attempts;

/// How long a link may be used.
const CODE_LIFE: Duration = Duration::from_secs(10 * 60);
/// A login ends after this much idleness …
const IDLE: Duration = Duration::from_secs(30 * 60);
/// … and after this in any case.
const WHOLE: Duration = Duration::from_secs(12 * 3_600);
/// Links of one person that wait to be used.
const CODES_EACH: usize = 5;
/// Browsers in which one person is logged in.
const LOGINS_EACH: usize = 10;
/// Links and logins of everybody.
const CODES_MAX: usize = 1_000;
const LOGINS_MAX: usize = 10_000;
/// Random bytes of a code and of a login.
const SECRET_BYTES: usize = 32;
/// Keeps the form token apart from what is stored.
const FORM_LABEL: &[u8] = b"privet/v1/form";

/// A link's code that was just made: the only moment at which its text exists.
pub struct LoginCode {
    /// What the link carries.
    pub text: Zeroizing<String>,
    /// Until when it may be used.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for LoginCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginCode")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Somebody who is logged in, for one request.
pub struct LoggedIn {
    /// Who.
    pub caller: Caller,
    /// What each form that changes something must carry: nobody else can know it.
    pub form_token: Zeroizing<String>,
}

impl std::fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoggedIn")
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

type Hash = [u8; 32];

/// The links and logins of this server.
#[derive(Default)]
pub(crate) struct Logins {
    codes: Mutex<HashMap<Hash, Code>>,
    open: Mutex<HashMap<Hash, Login>>,
    attempts: Mutex<Attempts>,
}

struct Code {
    caller: Caller,
    made: Duration,
    expires_at: Timestamp,
}

struct Login {
    caller: Caller,
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

impl Code {
    fn is_over(&self, now: Duration, at: Timestamp) -> bool {
        now.saturating_sub(self.made) > CODE_LIFE || at >= self.expires_at
    }
}

impl Vault {
    /// Makes a code that logs its holder in as this caller, once. It ends with the caller's token.
    ///
    /// # Errors
    /// [`Error::Denied`] with code `people_only` for a job, [`Error::Unauthenticated`] when the token has ended,
    /// [`Error::Limited`] when too many links wait.
    pub async fn login_code(&self, caller: &Caller) -> Result<LoginCode> {
        self.alive(caller)?;
        check_person(caller)?;
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let text = secret(&*self.inner.entropy);
        let expires_at = after(at, CODE_LIFE)?;
        let code = Code {
            caller: caller.clone(),
            made: now,
            expires_at,
        };
        {
            let mut codes = lock(&self.inner.logins.codes);
            codes.retain(|_, code| !code.is_over(now, at));
            forget_oldest(&mut codes, &caller.principal().name, CODES_EACH, |code| {
                (&code.caller, code.made)
            });
            if codes.len() >= CODES_MAX {
                return Err(Error::limited(
                    "login_limit",
                    "too many login links wait to be used: try again in some minutes",
                ));
            }
            codes.insert(sha256(&text), code);
        }
        self.record(Record::by(EntryKind::LoginLinked, caller))
            .await?;
        Ok(LoginCode { text, expires_at })
    }

    /// Logs in with a link's code, which is spent by that; answers the secret for the cookie.
    ///
    /// # Errors
    /// [`Error::Denied`] with code `login_code` for a code that was used, is too old or never was one, [`Error::Limited`] with
    /// code `login_limit` after too many attempts.
    pub async fn login_by_code(&self, code: &str, address: &str) -> Result<Zeroizing<String>> {
        self.attempt(address)?;
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let spent = lock(&self.inner.logins.codes).remove(&sha256(code));
        let spent = spent.filter(|code| !code.is_over(now, at));
        let code = spent.ok_or_else(|| {
            Error::denied(
                "login_code",
                "this login link was used already, or its ten minutes are over: make a new one with \
                 `privet login-link`",
            )
        })?;
        self.log_in(at_address(code.caller, address)).await
    }

    /// Logs in with a token; answers the secret for the cookie.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for every token that is not valid here, [`Error::Denied`] with code `people_only` for a
    /// job's, [`Error::Limited`] with code `login_limit` after too many attempts.
    pub async fn login_by_token(&self, token: &str, address: &str) -> Result<Zeroizing<String>> {
        self.attempt(address)?;
        let caller = self.authenticate(token.trim(), address).await?;
        check_person(&caller)?;
        self.log_in(caller).await
    }

    async fn log_in(&self, caller: Caller) -> Result<Zeroizing<String>> {
        self.alive(&caller)?;
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let secret = secret(&*self.inner.entropy);
        self.record(Record::by(EntryKind::LoginOpened, &caller))
            .await?;
        let mut open = lock(&self.inner.logins.open);
        open.retain(|_, login| !login.is_over(now, at));
        forget_oldest(&mut open, &caller.principal().name, LOGINS_EACH, |login| {
            (&login.caller, login.active)
        });
        if open.len() >= LOGINS_MAX {
            return Err(Error::limited(
                "login_limit",
                "too many people are logged in: try again in some minutes",
            ));
        }
        let expires_at = after(at, WHOLE)?;
        let login = Login {
            caller,
            began: now,
            active: now,
            expires_at,
        };
        open.insert(sha256(&secret), login);
        Ok(secret)
    }

    /// Whoever a cookie's secret logs in.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] for a login that is over, whose token has ended, or that never was one.
    pub fn logged_in(&self, secret: &str, address: &str) -> Result<LoggedIn> {
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let mut open = lock(&self.inner.logins.open);
        let hash = sha256(secret);
        let login = open.get_mut(&hash).ok_or(Error::Unauthenticated)?;
        if login.is_over(now, at) || self.alive(&login.caller).is_err() {
            open.remove(&hash);
            return Err(Error::Unauthenticated);
        }
        login.active = now;
        Ok(LoggedIn {
            caller: at_address(login.caller.clone(), address),
            form_token: form_token(secret),
        })
    }

    /// Ends a login; harmless for one that is over.
    ///
    /// # Errors
    /// [`Error::AuditUnavailable`] when it cannot be put on record; the login is over all the same.
    pub async fn log_out(&self, secret: &str) -> Result<()> {
        let ended = lock(&self.inner.logins.open).remove(&sha256(secret));
        match ended {
            None => Ok(()),
            Some(login) => {
                let record = Record::by(EntryKind::LoginEnded, &login.caller);
                self.record(record).await.map(drop)
            }
        }
    }

    /// Lets go of links and logins that are over: nobody may come back for them.
    pub(crate) fn drop_old_logins(&self) {
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let logins = &self.inner.logins;
        lock(&logins.codes).retain(|_, code| !code.is_over(now, at));
        lock(&logins.open).retain(|_, login| !login.is_over(now, at));
    }

    fn attempt(&self, address: &str) -> Result<()> {
        let now = self.inner.clock.monotonic();
        if lock(&self.inner.logins.attempts).allows(address, now) {
            return Ok(());
        }
        Err(Error::limited(
            "login_limit",
            "too many attempts to log in: wait a minute, then try again",
        ))
    }
}

/// Makes room for one more of this person's: the one that was touched longest ago goes.
fn forget_oldest<T>(
    map: &mut HashMap<Hash, T>,
    whose: &PrincipalName,
    each_max: usize,
    of: impl Fn(&T) -> (&Caller, Duration),
) {
    let theirs = |(hash, value): (&Hash, &T)| {
        let (caller, touched) = of(value);
        (caller.principal().name == *whose).then_some((touched, *hash))
    };
    let mut theirs: Vec<_> = map.iter().filter_map(theirs).collect();
    if theirs.len() >= each_max {
        theirs.sort_unstable();
        let surplus = theirs.len() + 1 - each_max;
        for (_, hash) in theirs.into_iter().take(surplus) {
            map.remove(&hash);
        }
    }
}

fn check_person(caller: &Caller) -> Result<()> {
    if caller.principal().kind == PrincipalKind::Person {
        return Ok(());
    }
    Err(Error::denied(
        "people_only",
        "the pages are for people: a program uses the API with its token",
    ))
}

fn at_address(caller: Caller, address: &str) -> Caller {
    Caller {
        address: address.to_owned(),
        ..caller
    }
}

pub(crate) fn secret(entropy: &dyn Entropy) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    entropy.fill(&mut *bytes);
    Zeroizing::new(hex(&*bytes))
}

pub(crate) fn sha256(text: &str) -> Hash {
    hashed(&[text.as_bytes()])
}

/// Follows from the login's secret and tells nothing of it.
pub(crate) fn form_token(secret: &str) -> Zeroizing<String> {
    Zeroizing::new(hex(&hashed(&[FORM_LABEL, secret.as_bytes()])))
}

fn hashed(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    // SHA-256 always yields 32 bytes, so both sides have the same length.
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

pub(crate) fn after(at: Timestamp, span: Duration) -> Result<Timestamp> {
    SignedDuration::try_from(span)
        .ok()
        .and_then(|span| at.checked_add(span).ok())
        .ok_or(Error::Internal("clock out of range"))
}
