//! A client of a source that a PostgreSQL server runs: its frames are forwarded, one connection to the server for one
//! client, two directions that do not wait for each other.
//!
//! Most frames pass as they came, after a look at their header ([`client`], [`server`]). What takes more than a look (no
//! reason yet, a session command, an equality marker, a decrypted connection) goes the slow way ([`consider`]), frame by
//! frame. No SQL is understood to decide what may be seen: the server holds sealed values only, and a cell is opened by
//! what its own bytes say.

mod call;
mod client;
mod consider;
mod courtesy;
mod gate;
mod link;
mod prepared;
mod refusal;
mod server;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use privet_vault::port::{RunMode, Upstream};
use privet_vault::{Mode, Moment, Opener, Permit};
use tokio::time::{Instant, Sleep};

use client::Event;
use link::Link;
use prepared::Prepared;
use refusal::Refusals;

use crate::fault::Fault;
use crate::frame::TransactionStatus;
use crate::session::{Session, stopping_fault};
use crate::stream::{End, WRITE_BYTES};

/// How often a connection is looked at that nothing moves: its limits of time, and whether a grant has ended.
const TICK: Duration = Duration::from_secs(1);

/// A client and the server's connection that is its own.
pub(crate) struct Forward {
    session: Session,
    link: Link,
    /// What the client wanted set at its start; another connection gets the same.
    settings: Vec<(String, String)>,
    prepared: Prepared,
    refusals: Refusals,
    /// Whether statements that this door is not for are refused before the server does it.
    refuses_early: bool,
    cycle: Cycle,
    /// What a decrypted connection sends as one, until its entry is durable.
    unit: Unit,
    /// Whether the last unit that was sent ended in a Flush.
    flushed: bool,
    /// The unit whose rows are on their way.
    shown: Option<Shown>,
    /// ReadyForQuery messages that are still to come. Where a server ignores a Sync (in the middle of a COPY) it is too
    /// high for a while, never too low: what waits for zero waits too long at worst.
    outstanding: u32,
    /// Whether the last of these was asked for by a Query: a COPY that it began has no Sync at its end.
    copy_in_query: bool,
    /// What the last ReadyForQuery said.
    status: TransactionStatus,
    /// Bytes of a client's frame that pass as they come, or are thrown away.
    rest: Rest,
    /// Whether frames may take the fast way.
    is_plain: bool,
    quiet: Quiet,
}

/// What the client sent since its last Sync or Query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cycle {
    /// Nothing.
    Done,
    /// Session commands alone, which were answered here.
    Local,
    /// Messages that the server has, or will have.
    Forwarded,
}

/// The rest of a frame that is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Passes(usize),
    IsDropped(usize),
}

/// What a decrypted connection sends to the server as one, under one entry.
#[derive(Default)]
struct Unit {
    bytes: Vec<u8>,
    statements: Vec<(String, Vec<Option<String>>)>,
    /// Whether a portal runs, even one that was bound in an earlier unit.
    executes: bool,
    /// The type of its last message.
    last: u8,
}

impl Unit {
    /// Whether it runs nothing: a Sync alone, for one.
    fn shows_nothing(&self) -> bool {
        self.statements.is_empty() && !self.executes
    }
}

/// Rows that a decrypted connection shows.
struct Shown {
    opener: Opener,
    /// When the server's bytes were looked at.
    at: Moment,
    permit: Option<Permit>,
    rows: u64,
    /// Whether the client was told of a row that was too long to be opened.
    told_long: bool,
}

/// How long nothing has moved, in looks.
struct Quiet {
    tick: Pin<Box<Sleep>>,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Something moved since the last look.
    moved: bool,
    looks: u32,
}

impl Forward {
    /// A client that was greeted, and its server. `None` when the system has no randomness.
    pub(crate) fn new(
        session: Session,
        upstream: Upstream,
        settings: Vec<(String, String)>,
        refuses_early: bool,
    ) -> Option<Self> {
        let mut secret = [0; 8];
        aws_lc_rs::rand::fill(&mut secret).ok()?;
        let link = Link::new(upstream, RunMode::Ordinary);
        link.answer_cancels(&session.running);
        let mut stopping = session.stopping.clone();
        let quiet = Quiet {
            tick: Box::pin(tokio::time::sleep(TICK)),
            stop: Box::pin(async move { crate::session::stopped(&mut stopping).await }),
            moved: false,
            looks: 0,
        };
        let mut forward = Self {
            session,
            link,
            settings,
            prepared: Prepared::default(),
            refusals: Refusals::new(secret),
            refuses_early,
            cycle: Cycle::Done,
            unit: Unit::default(),
            flushed: false,
            shown: None,
            outstanding: 0,
            copy_in_query: false,
            status: TransactionStatus::Idle,
            rest: Rest::Passes(0),
            is_plain: false,
            quiet,
        };
        forward.settle();
        Some(forward)
    }

    /// Serves the client until it goes, then leaves nothing behind.
    pub(crate) async fn serve(mut self) {
        let end = self.serve_frames().await.err();
        self.finish_shown();
        let mid_frame = self.link.passing > 0;
        let Session {
            wire,
            connection,
            running,
            ..
        } = self.session;
        running.end();
        self.link.close().await;
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "a connection's end could not be put on record");
        }
        match end {
            // In the middle of a frame, a word of ours would be taken for a part of it.
            Some(End::Told(fault)) if !mid_frame => wire.end(Some(&fault)).await,
            Some(End::Gone) => {}
            _ => wire.end(None).await,
        }
    }

    async fn serve_frames(&mut self) -> Result<(), End> {
        loop {
            let event = std::future::poll_fn(|context| self.poll_event(context)).await?;
            match event {
                Event::Frame(frame) => self.consider(frame).await?,
                Event::TooLong { tag, bytes_max } => self.refuse_too_long(tag, bytes_max).await?,
                Event::Terminated => return Ok(()),
                Event::Looked => self.settle(),
            }
        }
    }

    /// Moves what can be moved, until something has to be considered.
    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, End>> {
        loop {
            let mut moved = self.poll_answers(context)?;
            if self.link.waiting() < WRITE_BYTES {
                if let Some(event) = self.client_frames()? {
                    return Poll::Ready(Ok(event));
                }
                if self.session.wire.poll_receive(context)?.is_ready() {
                    moved = true;
                    if let Some(event) = self.client_frames()? {
                        return Poll::Ready(Ok(event));
                    }
                }
            }
            moved |= self.poll_requests(context);
            if !moved {
                break;
            }
            self.quiet.moved = true;
        }
        self.poll_quiet(context)
    }

    /// Moves answers towards the client; whether anything moved.
    fn poll_answers(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let mut moved = false;
        if self.session.wire.out.len() < WRITE_BYTES {
            if self.link.poll_receive(context).is_ready() {
                moved = true;
            }
            self.server_frames()?;
        }
        let waiting = self.session.wire.out.len();
        if waiting > 0 {
            let sent = self.session.wire.poll_send(context)?.is_ready();
            moved |= sent;
        }
        if self.link.is_gone && self.session.wire.out.len() == 0 {
            return Err(self.server_gone());
        }
        Ok(moved)
    }

    /// Moves requests towards the server; whether room was made.
    fn poll_requests(&mut self, context: &mut Context<'_>) -> bool {
        let full = self.link.waiting() >= WRITE_BYTES;
        let sent = self.link.poll_send(context).is_ready();
        full && sent
    }

    /// Nothing moves: time goes on, and the server may be told to stop.
    fn poll_quiet(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, End>> {
        if self.quiet.stop.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(stopping_fault()));
        }
        if self.quiet.tick.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.quiet.tick.as_mut().reset(Instant::now() + TICK);
        if self.quiet.tick.as_mut().poll(context).is_ready() {
            context.waker().wake_by_ref();
        }
        if std::mem::take(&mut self.quiet.moved) {
            self.quiet.looks = 0;
            return Poll::Pending;
        }
        self.quiet.looks = self.quiet.looks.saturating_add(1);
        self.session.wire.relax();
        self.link.relax();
        self.check_patience()?;
        if self.session.shows_decrypted() {
            return Poll::Ready(Ok(Event::Looked));
        }
        Poll::Pending
    }

    /// Ends a connection that has made nothing of its time.
    fn check_patience(&mut self) -> Result<(), End> {
        let patience = self.session.wire.patience();
        let quiet = TICK * self.quiet.looks;
        if self.session.wire.out.len() > 0 && quiet >= patience.write {
            return Err(End::Gone);
        }
        let inside = !self.session.wire.input.is_empty() || self.rest != Rest::Passes(0);
        if inside && self.link.waiting() == 0 && quiet >= patience.message {
            return Err(End::Told(Fault::fatal(
                "08P01",
                "a message took too long to arrive",
            )));
        }
        if self.outstanding == 0 && quiet >= patience.idle {
            return Err(End::Told(Fault::fatal(
                "57P05",
                "the connection was idle for too long",
            )));
        }
        Ok(())
    }

    /// What the client is told when the server has closed the connection.
    fn server_gone(&self) -> End {
        End::Told(
            Fault::fatal("57P01", "the database server has closed the connection")
                .hint("connect again; what was not committed is lost"),
        )
    }

    /// Takes note of the mode after something may have changed it, and tells the client where it may be told.
    fn settle(&mut self) {
        if self.link.passing == 0 {
            self.session.report_mode();
        }
        self.is_plain = self.link.mode == RunMode::Ordinary
            && self.cycle != Cycle::Local
            && self.session.connection.mode() == Mode::Protected;
    }

    /// Puts on record what was shown, if anything was.
    fn finish_shown(&mut self) {
        if let Some(shown) = self.shown.take() {
            self.session.shown(shown.permit, shown.rows);
        }
    }

    /// Waits until the server has answered everything. Meanwhile nothing is taken from the client.
    async fn quiesce(&mut self) -> Result<(), End> {
        std::future::poll_fn(|context| {
            loop {
                let mut moved = self.poll_answers(context)?;
                moved |= self.poll_requests(context);
                if self.outstanding == 0 {
                    return Poll::Ready(Ok(()));
                }
                if !moved {
                    break;
                }
            }
            match self.poll_quiet(context)? {
                Poll::Ready(_) => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}
