//! Session commands: what `CALL privet.…` does.

use privet_vault::port::SqlValue;
use privet_vault::{DecryptRequest, Mode};

use super::{SECONDS, Session};
use crate::answer::{Answer, text_value};
use crate::commands::{self, Command, Procedure};
use crate::fault::Fault;
use crate::frame::TransactionStatus;
use crate::value::Type;

/// What a session command did.
pub(crate) struct Called {
    /// Rows, if it has any.
    pub(crate) answer: Option<Answer>,
    /// Whether the mode may have changed, so that what runs statements must be made anew.
    pub(crate) mode_changed: bool,
}

impl Session {
    /// Does what a session command says; an error about its arguments shows the call as it should be.
    pub(crate) async fn call(
        &mut self,
        command: Command,
        status: TransactionStatus,
    ) -> Result<Called, Fault> {
        let example = command.example();
        self.obey(command, status)
            .await
            .map_err(|fault| match fault.hint {
                None if fault.code.starts_with("22") => fault.hint(example),
                _ => fault,
            })
    }

    async fn obey(&mut self, command: Command, status: TransactionStatus) -> Result<Called, Fault> {
        let outside = || match status {
            TransactionStatus::Idle => Ok(()),
            _ => Err(Fault::error(
                "25001",
                "end the transaction first: the mode changes outside of transactions only",
            )),
        };
        let mut answer = None;
        let mode_changed = match command {
            Command::Status => {
                answer = Some(self.status());
                false
            }
            Command::Justify { reason, link } => {
                outside()?;
                self.justify(&reason, link.as_deref()).await?;
                true
            }
            Command::Decrypt {
                consent,
                subject,
                fields,
                minutes,
            } => {
                outside()?;
                let request = DecryptRequest {
                    consent,
                    subject,
                    fields,
                    minutes,
                };
                let granted = self.connection.decrypt(&request).await?;
                self.wire
                    .out
                    .notice(&Fault::notice(granted.note).hint(commands::ENCRYPT));
                true
            }
            Command::Join { grant } => {
                outside()?;
                let grant = grant.parse().map_err(|_| {
                    Fault::error("22023", "a grant is named by its id").hint(commands::JOIN)
                })?;
                self.connection.join_grant(grant).await?;
                let note = "joined the grant: the connection is read-only now, and what it prepared or kept in \
                            temporary tables is gone";
                self.wire
                    .out
                    .notice(&Fault::notice(note).hint(commands::ENCRYPT));
                true
            }
            Command::Encrypt => {
                outside()?;
                self.connection.encrypt().await?;
                // The client asked for it: no word about a grant that ended by itself.
                self.shown_mode.clear();
                true
            }
        };
        self.report_mode();
        Ok(Called {
            answer,
            mode_changed,
        })
    }

    pub(super) async fn justify(
        &mut self,
        reason: &str,
        link: Option<&str>,
    ) -> Result<(), privet_vault::Error> {
        self.connection.justify(reason, link).await?;
        let note = "protected session: personal data stays sealed, every statement is on record, and a colleague \
                    reviews it. One customer's data opens with that customer's consent";
        self.wire
            .out
            .notice(&Fault::notice(note).hint(commands::DECRYPT));
        Ok(())
    }

    /// The columns of what a session command answers; most answer none.
    pub(crate) fn columns(&self, procedure: Procedure) -> Vec<(String, Type)> {
        match procedure {
            Procedure::Status => self.status().columns,
            _ => Vec::new(),
        }
    }

    fn status(&self) -> Answer {
        let status = self.connection.status();
        let (subject, until, grant) = match &status.mode {
            Mode::Decrypted {
                subject,
                until,
                grant,
            } => (
                text_value(subject),
                text_value(until.strftime(SECONDS).to_string()),
                text_value(grant.to_string()),
            ),
            _ => (SqlValue::Null, SqlValue::Null, SqlValue::Null),
        };
        let mode = match &status.mode {
            Mode::Unjustified => "unjustified",
            Mode::Protected => "protected",
            Mode::Decrypted { .. } => "decrypted",
        };
        let session = status
            .session
            .map_or(SqlValue::Null, |session| text_value(session.to_string()));
        let cells = [
            ("principal", text_value(status.principal)),
            ("environment", text_value(status.environment)),
            ("source", text_value(status.source)),
            ("session", session),
            ("mode", text_value(mode)),
            ("subject", subject),
            ("until", until),
            ("grant", grant),
        ];
        let (columns, row) = cells
            .into_iter()
            .map(|(name, cell)| ((name.to_owned(), Type::Text), cell))
            .unzip();
        Answer {
            columns,
            rows: vec![row],
            tag: "CALL",
        }
    }
}
