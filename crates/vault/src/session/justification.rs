//! Justified sessions: the reason, its checks, and the clockwork that ends them.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use privet_seal::Secret32;

use super::gathered::Gathered;
use super::lock;
use crate::audit::SideKey;
use crate::port::SessionRow;
use crate::{Error, Result, SessionId, SessionLimits};

const REASON_CHARS_MIN: usize = 8;
const REASON_CHARS_MAX: usize = 2_000;
const LINK_CHARS_MAX: usize = 2_000;

/// A live session of this server, shared by the connections that joined it.
pub(crate) struct LiveSession {
    key: Arc<SideKey>,
    /// Combined with a subject's key for what a grant shows.
    secret: Secret32,
    /// When this server got to know it, and how old it was then.
    known: Duration,
    age: Duration,
    state: Mutex<State>,
    /// How many connections of this server have joined it.
    connections: AtomicU32,
    /// Statements that are still to be written, of all its connections: one entry takes what ran in an interval.
    gathered: Mutex<Gathered>,
    /// Held while they are written.
    writing: tokio::sync::Mutex<()>,
    /// Whether the row has changed since somebody began to write it.
    unsaved: AtomicBool,
    /// Held while the row is written.
    saving: tokio::sync::Mutex<()>,
}

struct State {
    row: SessionRow,
    /// When it was last seen active, and how long it had been idle then.
    active: Duration,
    idle: Duration,
    probes: u32,
    stopped: Option<&'static str>,
}

impl LiveSession {
    /// A session as its row says, at this moment by both clocks.
    pub(crate) fn new(
        row: SessionRow,
        key: Arc<SideKey>,
        secret: Secret32,
        now: Duration,
        at: Timestamp,
    ) -> Self {
        let age = since(row.started_at, at);
        let state = State {
            active: now,
            idle: since(row.active_at, at),
            row,
            probes: 0,
            stopped: None,
        };
        Self {
            key,
            secret,
            known: now,
            age,
            state: Mutex::new(state),
            connections: AtomicU32::new(0),
            gathered: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            unsaved: AtomicBool::new(false),
            saving: tokio::sync::Mutex::default(),
        }
    }

    /// The number of a connection that joins, from 1 on.
    pub(super) fn next_connection(&self) -> u32 {
        self.connections
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1)
    }

    pub(super) fn gathered(&self) -> &Mutex<Gathered> {
        &self.gathered
    }

    /// Notes that the row has changed; `false`: somebody is about to write it.
    pub(super) fn wants_saving(&self) -> bool {
        !self.unsaved.swap(true, Ordering::AcqRel)
    }

    /// Waits for its turn to write the row. What changes from here on has to be written anew.
    pub(super) async fn saving(&self) -> Saving<'_> {
        let turn = self.saving.lock().await;
        self.unsaved.store(false, Ordering::Release);
        Saving {
            row: self.row(),
            _turn: turn,
        }
    }

    pub(super) fn writing(&self) -> &tokio::sync::Mutex<()> {
        &self.writing
    }

    pub(crate) fn id(&self) -> SessionId {
        lock(&self.state).row.id
    }

    pub(crate) fn key(&self) -> &Arc<SideKey> {
        &self.key
    }

    pub(crate) fn secret(&self) -> &Secret32 {
        &self.secret
    }

    pub(crate) fn row(&self) -> SessionRow {
        lock(&self.state).row.clone()
    }

    /// Ends the session for every connection, with a reason for the client.
    pub(crate) fn stop(&self, why: &'static str) {
        lock(&self.state).stopped.get_or_insert(why);
    }

    /// When it was justified.
    pub(crate) fn started_at(&self) -> Timestamp {
        lock(&self.state).row.started_at
    }

    /// Why the session ended, if it did: stopped, idle for too long, or too old.
    pub(crate) fn ended(&self, now: Duration, limits: &SessionLimits) -> Option<&'static str> {
        let state = lock(&self.state);
        if state.stopped.is_some() {
            return state.stopped;
        }
        if state.idle_for(now) > limits.idle {
            return Some("it was idle for too long");
        }
        let age = self.age.saturating_add(now.saturating_sub(self.known));
        (age > limits.whole).then_some("its time was over")
    }

    /// For how long nothing was done in it that this server knows of.
    pub(crate) fn idle_for(&self, now: Duration) -> Duration {
        lock(&self.state).idle_for(now)
    }

    /// Notes that it was active on another server.
    pub(crate) fn seen_active(&self, active_at: Timestamp, now: Duration, at: Timestamp) {
        let mut state = lock(&self.state);
        let idle = since(active_at, at);
        if idle < state.idle_for(now) {
            (state.active, state.idle) = (now, idle);
            state.row.active_at = state.row.active_at.max(active_at);
        }
    }

    /// Refuses when the session ended.
    pub(crate) fn check(&self, now: Duration, limits: &SessionLimits) -> Result<()> {
        self.ended(now, limits).map_or(Ok(()), |why| {
            Err(Error::denied(
                "session_ended",
                format!("the session ended because {why}: state a reason again"),
            ))
        })
    }

    /// Notes activity.
    pub(crate) fn touch(&self, now: Duration, at: Timestamp, change: impl FnOnce(&mut SessionRow)) {
        let mut state = lock(&self.state);
        (state.active, state.idle) = (now, Duration::ZERO);
        state.row.active_at = at;
        change(&mut state.row);
    }

    /// Counts equality probes; refuses past the limit.
    pub(crate) fn probe(&self, count: u32, limits: &SessionLimits) -> Result<()> {
        let mut state = lock(&self.state);
        if state.probes.saturating_add(count) > limits.probes_max {
            return Err(Error::limited(
                "probe_limit",
                format!(
                    "this session has used its {} equality searches: each asks whether a person \
                     is in there; start a session with a new reason",
                    limits.probes_max
                ),
            ));
        }
        state.probes += count;
        Ok(())
    }
}

impl State {
    fn idle_for(&self, now: Duration) -> Duration {
        self.idle.saturating_add(now.saturating_sub(self.active))
    }
}

/// A session's row, to be written before another of it is.
pub(super) struct Saving<'a> {
    pub(super) row: SessionRow,
    _turn: tokio::sync::MutexGuard<'a, ()>,
}

/// The time between two moments; none if the second came first, as with another machine's clock it may seem.
fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// A reason that passed the checks of its form; whether it is a good one is the auditor's to say.
pub(crate) struct Reason {
    pub(crate) text: String,
    pub(crate) link: Option<String>,
}

impl Reason {
    pub(crate) fn check(text: &str, link: Option<&str>) -> Result<Self> {
        let text = text.trim();
        check_reason(text)?;
        let link = link.map(str::trim).filter(|link| !link.is_empty());
        if let Some(link) = link {
            check_url(link, "link_not_url", "the link to the ticket or incident")?;
        }
        Ok(Self {
            text: text.to_owned(),
            link: link.map(str::to_owned),
        })
    }

    /// Whether this is the reason of an earlier session again.
    pub(crate) fn repeats(&self, text: &str, link: Option<&str>) -> bool {
        let folded = |text: &str| {
            text.chars()
                .filter(|c| c.is_alphanumeric())
                .flat_map(char::to_lowercase)
                .collect::<String>()
        };
        folded(&self.text) == folded(text) && self.link.as_deref() == link
    }
}

/// Refuses a reason that says nothing, or says it at great length.
pub(crate) fn check_reason(text: &str) -> Result<()> {
    let text = text.trim();
    let chars = text.chars().count();
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
    if chars < REASON_CHARS_MIN || letters < REASON_CHARS_MIN - 2 || !varied(text) {
        return Err(Error::invalid(
            "reason_too_weak",
            "a reason says in a few words what you are here for, such as \
             'customer cannot log in since the update'",
        ));
    }
    if chars > REASON_CHARS_MAX {
        return Err(Error::invalid(
            "reason_too_long",
            format!("a reason has at most {REASON_CHARS_MAX} characters: link to the rest"),
        ));
    }
    Ok(())
}

/// "aaaaaaaa" and "........" are not reasons either.
fn varied(text: &str) -> bool {
    let mut distinct: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() >= 4
}

/// Evidence and links must be web addresses that somebody else can follow.
pub(crate) fn check_url(text: &str, code: &'static str, what: &str) -> Result<()> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let host = rest
        .and_then(|rest| rest.split(['/', '?', '#']).next())
        .unwrap_or_default();
    let name = host.rsplit('@').next().unwrap_or_default();
    let plain = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let right = name.chars().any(char::is_alphanumeric) && text.len() <= LINK_CHARS_MAX;
    if plain && right {
        return Ok(());
    }
    Err(Error::invalid(
        code,
        format!("{what} must be a web address, such as 'https://tickets.example.com/4711'"),
    ))
}
