//! Session commands: what `CALL privet.…` does.

use privet_vault::port::SqlValue;
use privet_vault::{DecryptRequest, Granted, Mode};

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
                emergency,
            } => {
                outside()?;
                let request = DecryptRequest {
                    consent,
                    subject,
                    fields,
                    minutes,
                    emergency,
                };
                let granted = self.connection.decrypt(&request).await?;
                self.tell(&granted, granted.note.clone());
                true
            }
            Command::Join { grant } => {
                outside()?;
                self.join_grant(&grant).await?;
                true
            }
            Command::Requests => {
                answer = Some(self.requests().await?);
                false
            }
            Command::Decide {
                request,
                approved,
                note,
            } => {
                self.decide(&request, approved, &note).await?;
                false
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

    /// Uses a grant of another connection, or makes that of a request that was approved.
    async fn join_grant(&mut self, grant: &str) -> Result<(), Fault> {
        let grant = grant.parse().map_err(|_| {
            Fault::error("22023", "a grant or a request is named by its id").hint(commands::JOIN)
        })?;
        let granted = self.connection.join_grant(grant).await?;
        let note = match granted.reused {
            true => "joined the grant: the connection is read-only now, and what it prepared or kept in \
                     temporary tables is gone"
                .to_owned(),
            false => granted.note.clone(),
        };
        self.tell(&granted, note);
        Ok(())
    }

    /// Says what was granted; of an emergency as a warning, which clients show more loudly.
    fn tell(&mut self, granted: &Granted, note: String) {
        let fault = match granted.emergency {
            true => Fault::warning("01000", note),
            false => Fault::notice(note),
        };
        self.wire.out.notice(&fault.hint(commands::ENCRYPT));
    }

    /// What waits for whoever is connected.
    async fn requests(&self) -> Result<Answer, Fault> {
        let requests = self.connection.grant_requests().await?;
        let now = self.connection.time();
        let rows = requests.into_iter().map(|view| {
            let state = view.state(now);
            let text = |text: Option<String>| text.map_or(SqlValue::Null, text_value);
            vec![
                text_value(view.row.id.to_string()),
                text_value(state.as_str()),
                text_value(view.row.principal.to_string()),
                text_value(view.row.source.to_string()),
                text(view.subject),
                text_value(view.fields.join(", ")),
                text_value(view.row.minutes.to_string()),
                text(view.evidence),
                text(view.reason),
                text(view.link),
                text_value(view.row.expires_at.strftime(SECONDS).to_string()),
            ]
        });
        Ok(Answer {
            rows: rows.collect(),
            columns: request_columns(),
            tag: "CALL",
        })
    }

    async fn decide(&mut self, request: &str, approved: bool, note: &str) -> Result<(), Fault> {
        let id = request
            .parse()
            .map_err(|_| Fault::error("22023", "a request is named by its id"))?;
        let told = match approved {
            true => {
                self.connection.approve_request(id, note).await?;
                "approved: the engineer says it again, and works under a grant then"
            }
            false => {
                self.connection.reject_request(id, note).await?;
                "denied: nothing opens by this request"
            }
        };
        self.wire.out.notice(&Fault::notice(told));
        Ok(())
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
            Procedure::Requests => request_columns(),
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
                ..
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
            Mode::Decrypted {
                emergency: true, ..
            } => "decrypted (emergency)",
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

/// The columns of what waits for a second person.
fn request_columns() -> Vec<(String, Type)> {
    let names = [
        "request", "state", "who", "source", "subject", "fields", "minutes", "consent", "reason",
        "link", "until",
    ];
    names.map(|name| (name.to_owned(), Type::Text)).into()
}
