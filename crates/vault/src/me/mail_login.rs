//! Logins of people by a link that they get by mail. Whoever asks is answered before anything is looked up, and always the same; what is looked up
//! afterwards, and that somebody is written to, is on record. The link is good once, for ten minutes, in the browser that asked for it.
//!
//! Links that wait live in memory, as all of people's logins do: a server that starts again asks for them again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use privet_classify::Field;
use privet_seal::Zeroizing;
use tokio::sync::Semaphore;

use super::refusals::{strange_link, too_many, unknown};
use crate::audit::{Actor, EntryKind, Record};
use crate::login::{after, secret, sha256};
use crate::mail::Unwritten;
use crate::port::{LoginLink, MailNotice};
use crate::session::lock;
use crate::vault::hex;
use crate::{Error, Result, SubjectRef, Vault};

/// How long a link may be used.
const LINK_LIFE: Duration = Duration::from_secs(10 * 60);
/// Browsers that wait for a link.
const WAITING_MAX: usize = 20_000;
/// Mails to one address …
const EACH_MAX: u32 = 3;
/// … in this time.
const EACH_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Addresses that are counted; with more of them, nobody gets a link until the time of some is over.
const COUNTED_MAX: usize = 10_000;
/// Links that are being sent, or wait for that.
const SENDING_MAX: usize = 200;
/// The longest address (RFC 5321, section 4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 254;

type Hash = [u8; 32];

/// Links of this server that wait.
pub(super) struct MailLogins {
    is_open: AtomicBool,
    waiting: Mutex<HashMap<Hash, Waiting>>,
    each: Mutex<HashMap<Vec<u8>, Counted>>,
    sending: Arc<Semaphore>,
}

impl Default for MailLogins {
    fn default() -> Self {
        Self {
            is_open: AtomicBool::default(),
            waiting: Mutex::default(),
            each: Mutex::default(),
            sending: Arc::new(Semaphore::new(SENDING_MAX)),
        }
    }
}

/// A browser that asked for a link, under the hash of its cookie.
struct Waiting {
    /// What the link carries, hashed, and whom it lets in; nothing, where nobody has the address, or until it is looked up.
    link: Option<(Hash, SubjectRef)>,
    at: Duration,
    expires_at: Timestamp,
}

impl Waiting {
    fn is_over(&self, now: Duration, at: Timestamp) -> bool {
        now.saturating_sub(self.at) > LINK_LIFE || at >= self.expires_at
    }
}

/// Mails to one address.
struct Counted {
    began: Duration,
    count: u32,
}

impl MailLogins {
    /// Counts a mail to the address of this blind index; `false` when it is one too many.
    fn allows(&self, index: &[u8], now: Duration) -> bool {
        let mut each = lock(&self.each);
        each.retain(|_, counted| now.saturating_sub(counted.began) < EACH_WINDOW);
        if let Some(counted) = each.get_mut(index) {
            counted.count = counted.count.saturating_add(1);
            return counted.count <= EACH_MAX;
        }
        if each.len() >= COUNTED_MAX {
            return false;
        }
        let (began, count) = (now, 1);
        each.insert(index.to_vec(), Counted { began, count });
        true
    }

    pub(super) fn drop_old(&self, now: Duration, at: Timestamp) {
        lock(&self.waiting).retain(|_, waiting| !waiting.is_over(now, at));
    }
}

impl Vault {
    /// Lets people log in by a link that they get by mail, once their own pages are open.
    pub fn open_mail_login(&self) {
        self.inner.own.mail.is_open.store(true, Ordering::Release);
    }

    /// Whether people can log in by a link that they get by mail: the operator wants it, mail is sent, and the data map says where people's address is
    /// and lets it be looked up.
    pub fn has_mail_login(&self) -> bool {
        self.mail_login_field().is_some()
    }

    fn mail_login_field(&self) -> Option<&Field> {
        let is_open = self.inner.own.mail.is_open.load(Ordering::Acquire);
        let field = self.inner.map.contact()?;
        let may = is_open && self.inner.own.pages().is_some() && self.writes_to_people();
        (may && field.lookup.is_some()).then_some(field)
    }

    fn mail_login(&self) -> Result<&Field> {
        self.mail_login_field().ok_or_else(|| {
            Error::unready(
                "mail_login_off",
                "this server sends no links to log in with: log in as always",
            )
        })
    }

    /// Begins a login by mail, and answers what the browser keeps until the link is opened. Whether anybody has this address is not known yet, and nothing
    /// that is answered here, or how long it takes, depends on it.
    ///
    /// # Errors
    /// [`Error::Unready`] with code `mail_login_off` where there is no such login; [`Error::Limited`] after too many attempts.
    pub fn begin_mail_login(&self, email: &str, address: &str) -> Result<Zeroizing<String>> {
        self.mail_login()?;
        self.attempt_own(address)?;
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let cookie = secret(&*self.inner.entropy);
        let hash = sha256(&cookie);
        let waiting = Waiting {
            link: None,
            at: now,
            expires_at: after(at, LINK_LIFE)?,
        };
        let own = &self.inner.own.mail;
        {
            let mut all = lock(&own.waiting);
            all.retain(|_, waiting| !waiting.is_over(now, at));
            if all.len() >= WAITING_MAX {
                return Err(too_many());
            }
            all.insert(hash, waiting);
        }
        let Ok(place) = Arc::clone(&own.sending).try_acquire_owned() else {
            tracing::warn!("a link to log in with was not sent: too many wait for the mail server");
            return Ok(cookie);
        };
        let (vault, email) = (self.clone(), Zeroizing::new(email.trim().to_owned()));
        tokio::spawn(async move {
            let sent = vault.send_login_link(hash, &email).await;
            drop(place);
            let why = match sent {
                Ok(()) => return,
                Err(Unwritten::Vault(error)) => error.to_string(),
                Err(Unwritten::Mail(error)) => error.to_string(),
                Err(Unwritten::NoAddress) => "their address does not open".to_owned(),
            };
            tracing::warn!(why, "a link to log in with was not sent");
        });
        Ok(cookie)
    }

    /// Looks for whose address it is, and sends them the link. It goes to the address that is held, and not to what was typed.
    async fn send_login_link(&self, waiting: Hash, email: &str) -> Result<(), Unwritten> {
        let field = self.mail_login()?;
        if email.len() > ADDRESS_BYTES_MAX {
            return Ok(());
        }
        self.fresh()?;
        let now = self.now();
        let keyring = &self.inner.keyring;
        let tenant = keyring.tenant(&self.inner.config.tenant, now).await?;
        let Ok(indexes) = keyring.indexes(&tenant, field, email, now).await else {
            // It is no address, and nobody's.
            return Ok(());
        };
        let own = &self.inner.own.mail;
        let Some(index) = indexes.first() else {
            return Ok(());
        };
        if !own.allows(index.as_bytes(), self.inner.clock.monotonic()) {
            return Ok(());
        }
        let hits = self.hits(field, email, &indexes, now).await?;
        let mut record = Record::new(EntryKind::Lookup, Actor::System)
            .fact("field", u64::from(field.number))
            .count("hits", hits.len() as u64);
        for open in &hits {
            record = record.subject(open.used(vec![field.number], 1));
        }
        self.record_patiently(record).await?;
        // Of several who share an address, nobody can tell which one asks.
        let [open] = &hits[..] else { return Ok(()) };
        let code = secret(&*self.inner.entropy);
        let mut attempt = [0; 16];
        self.inner.entropy.fill(&mut attempt);
        match lock(&own.waiting).get_mut(&waiting) {
            Some(waiting) => waiting.link = Some((sha256(&code), open.row.reference)),
            None => return Ok(()),
        }
        let notice = MailNotice::LoginLink {
            attempt: hex(&attempt),
            link: LoginLink(code),
        };
        self.write_to(open, &notice, now).await?;
        self.written_to(&notice).await;
        Ok(())
    }

    /// Logs in with a link's code, in the browser that asked for it: with that, the link is spent. Answers the secret for the cookie.
    ///
    /// # Errors
    /// [`Error::Denied`] with code `own_login_link` for a code that was used, is too old, is another browser's, or never was one, `own_unknown` for somebody
    /// who left since; [`Error::Unready`] with code `mail_login_off`; [`Error::Limited`] after too many attempts.
    pub async fn finish_mail_login(
        &self,
        cookie: &str,
        code: &str,
        address: &str,
    ) -> Result<Zeroizing<String>> {
        self.mail_login()?;
        self.attempt_own(address)?;
        let (now, at) = (self.inner.clock.monotonic(), self.now());
        let (hash, code) = (sha256(cookie), sha256(code));
        let subject = {
            let mut all = lock(&self.inner.own.mail.waiting);
            let waiting = all.get(&hash).filter(|waiting| !waiting.is_over(now, at));
            let link = waiting.and_then(|waiting| waiting.link);
            let (_, subject) = link
                .filter(|(wanted, _)| *wanted == code)
                .ok_or_else(strange_link)?;
            all.remove(&hash);
            subject
        };
        let open = self.subject_by_reference(subject).await?;
        let open = open.ok_or_else(unknown)?;
        self.let_in(&open, address).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_gets_few_mails_and_memory_has_an_end() {
        let logins = MailLogins::default();
        let second = Duration::from_secs(1);
        for _ in 0..EACH_MAX {
            assert!(logins.allows(b"ada", second));
        }
        assert!(!logins.allows(b"ada", second));
        assert!(logins.allows(b"bob", second));
        assert!(logins.allows(b"ada", second + EACH_WINDOW));
        for n in 0..COUNTED_MAX + 10 {
            logins.allows(&n.to_be_bytes(), second + EACH_WINDOW);
        }
        assert_eq!(lock(&logins.each).len(), COUNTED_MAX);
        assert!(!logins.allows(b"eve", second + EACH_WINDOW));
    }
}
