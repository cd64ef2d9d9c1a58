//! The runner behind a client, and the state of its transaction as PostgreSQL's clients understand it.

use privet_vault::port::{RunError, Runner};
use privet_vault::{Connection, GrantId, Mode};

use crate::fault::Fault;
use crate::frame::TransactionStatus;

/// The transaction of one client.
///
/// PostgreSQL refuses everything after an error until the transaction ends; SQLite would go on, and a COMMIT would
/// keep half of what the client meant as a whole. So the state is kept here.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    state: State,
    /// Made for several statements in one message or run, not by a BEGIN.
    implicit: bool,
    /// Whether the engine has been told.
    begun: bool,
    /// What it is told.
    sql: &'static str,
    /// `BEGIN READ ONLY`.
    read_only: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Open,
    Failed,
}

impl Transaction {
    /// What ReadyForQuery says.
    pub(super) fn status(&self) -> TransactionStatus {
        match self.state {
            State::Idle => TransactionStatus::Idle,
            State::Open => TransactionStatus::Open,
            State::Failed => TransactionStatus::Failed,
        }
    }

    /// Opens one; the engine hears of it with the first statement.
    pub(super) fn open(&mut self, sql: &'static str, read_only: bool, implicit: bool) {
        *self = Self {
            state: State::Open,
            implicit,
            begun: false,
            sql,
            read_only,
        };
    }

    /// Makes an implicit one explicit, as PostgreSQL does when a BEGIN comes in the middle.
    pub(super) fn make_explicit(&mut self) {
        self.implicit = false;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    pub(super) fn is_failed(&self) -> bool {
        self.state == State::Failed
    }

    pub(super) fn is_implicit(&self) -> bool {
        self.implicit && self.state != State::Idle
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.read_only && self.state == State::Open
    }

    /// What the engine must be told before the next statement.
    pub(super) fn to_begin(&self) -> Option<&'static str> {
        (self.state == State::Open && !self.begun).then_some(self.sql)
    }

    pub(super) fn began(&mut self) {
        self.begun = true;
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// A statement failed.
    pub(super) fn fail(&mut self) {
        if self.state == State::Open {
            self.state = State::Failed;
        }
    }

    /// Back to a savepoint: the failure is undone.
    pub(super) fn recover(&mut self) {
        if self.state == State::Failed {
            self.state = State::Open;
        }
    }

    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

/// The runner of a client, made when it is first needed.
#[derive(Default)]
pub(super) struct Engine {
    runner: Option<Box<dyn Runner>>,
    /// The grant under which the runner was made: another mode needs another runner.
    grant: Option<GrantId>,
    pub(super) transaction: Transaction,
}

impl Engine {
    /// The runner that fits the connection's mode. Inside a transaction the mode's change waits for its end; a runner
    /// of a decrypted connection can only read, so that is the safe side.
    pub(super) async fn runner(
        &mut self,
        connection: &Connection,
    ) -> Result<&mut Box<dyn Runner>, Fault> {
        let grant = match connection.mode() {
            Mode::Decrypted { grant, .. } => Some(grant),
            Mode::Protected | Mode::Unjustified => None,
        };
        if grant != self.grant && !self.transaction.has_begun() {
            self.runner = None;
        }
        match &mut self.runner {
            Some(runner) => Ok(runner),
            none => {
                let runner = connection.runner().await?;
                self.grant = grant;
                Ok(none.insert(runner))
            }
        }
    }

    /// The runner, if there is one.
    pub(super) fn made(&mut self) -> Option<&mut Box<dyn Runner>> {
        self.runner.as_mut()
    }

    /// Ends what the runner does and whatever it held.
    pub(super) fn drop_runner(&mut self) {
        self.runner = None;
    }

    /// Takes note of an error of the runner: one that crashed is replaced, and its transaction is gone.
    pub(super) fn failed(&mut self, error: RunError) -> Fault {
        const CRASHED: &str = "57P02";
        if error.code == CRASHED || error.code.starts_with("XX") {
            self.drop_runner();
        }
        error.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_transaction_stays_failed_until_it_ends_or_goes_back() {
        let mut transaction = Transaction::default();
        transaction.fail();
        assert_eq!(transaction.status(), TransactionStatus::Idle);
        transaction.open("BEGIN", false, false);
        assert_eq!(transaction.to_begin(), Some("BEGIN"));
        transaction.began();
        assert_eq!(transaction.to_begin(), None);
        transaction.fail();
        assert_eq!(transaction.status(), TransactionStatus::Failed);
        transaction.recover();
        assert_eq!(transaction.status(), TransactionStatus::Open);
        transaction.end();
        assert!(transaction.is_idle() && !transaction.has_begun());
    }
}
