//! The connection to the gateway: one task drives it, notices and the mode come out of it, and Ctrl-C cancels what
//! runs.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::{AsyncMessage, Client, NoTls, SimpleQueryMessage};

use crate::display::ResultSet;
use crate::meta::{self, Asks};
use crate::mode::Mode;
use crate::{ConsoleConfig, Error};

/// Rows of one result that are kept for showing.
const ROWS_MAX: usize = 5_000;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What comes back from a statement, in order.
pub(crate) enum Outcome {
    /// Rows.
    Rows(ResultSet),
    /// A statement without rows: how many it changed.
    Done(u64),
}

/// One connection.
pub(crate) struct Session {
    client: Client,
    notices: mpsc::UnboundedReceiver<String>,
    mode: watch::Receiver<Mode>,
    /// Asks the connection's task to answer once it has looked at everything that it received.
    settle: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

impl Session {
    pub(crate) async fn connect(config: &ConsoleConfig) -> Result<Self, Error> {
        let address = format!("{}:{}", config.host, config.port);
        let (client, mut connection) = tokio_postgres::Config::new()
            .host(&config.host)
            .port(config.port)
            .user(&config.user)
            .password(&config.token)
            .dbname(&config.database)
            .application_name("privet console")
            .connect_timeout(CONNECT_TIMEOUT)
            .connect(NoTls)
            .await
            .map_err(|error| match error.as_db_error() {
                Some(_) => Error::from_server(error),
                None => Error::Unreachable {
                    address,
                    source: error,
                },
            })?;
        let (say, notices) = mpsc::unbounded_channel();
        let mode_of = |parameter: Option<&str>| parameter.map(Mode::parse).unwrap_or_default();
        let (settle, mut unsettled) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
        let (show, mode) = watch::channel(mode_of(connection.parameter("privet.mode")));
        tokio::spawn(async move {
            loop {
                let message = poll_fn(|context| {
                    let polled = connection.poll_message(context);
                    // The driver keeps parameters to itself, so they are looked at after each step.
                    let _ = show.send_if_modified(|known| {
                        let now = mode_of(connection.parameter("privet.mode"));
                        std::mem::replace(known, now.clone()) != now
                    });
                    polled
                });
                let message = tokio::select! {
                    biased;
                    message = message => message,
                    Some(settled) = unsettled.recv() => {
                        let _ = settled.send(());
                        continue;
                    }
                };
                match message {
                    Some(Ok(AsyncMessage::Notice(notice))) => {
                        let mut text = notice.message().to_owned();
                        if let Some(hint) = notice.hint() {
                            text.push_str("\n  hint: ");
                            text.push_str(hint);
                        }
                        let _ = say.send(text);
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                }
            }
        });
        Ok(Self {
            client,
            notices,
            mode,
            settle,
        })
    }

    /// Runs SQL; Ctrl-C cancels it.
    async fn run(&self, sql: &str) -> Result<Vec<Outcome>, Error> {
        let mut work = pin!(self.collect(sql));
        let outcome = tokio::select! {
            outcome = &mut work => Some(outcome),
            _ = tokio::signal::ctrl_c() => None,
        };
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                let _ = self.client.cancel_token().cancel_query(NoTls).await;
                work.await
            }
        };
        self.settled().await;
        outcome
    }

    /// Waits until mode and notices are as the server said before the end of the last statement: the driver hands that
    /// end on before the connection's task gets to look at what came with it.
    async fn settled(&self) {
        let (settled, wait) = oneshot::channel();
        if self.settle.send(settled).is_ok() {
            // An error means that the connection is gone, and with it the mode.
            let _ = wait.await;
        }
    }

    async fn collect(&self, sql: &str) -> Result<Vec<Outcome>, Error> {
        let stream = self
            .client
            .simple_query_raw(sql)
            .await
            .map_err(Error::from_server)?;
        let mut stream = pin!(stream);
        let mut outcomes = Vec::new();
        let mut current: Option<ResultSet> = None;
        while let Some(message) = next(stream.as_mut()).await {
            match message.map_err(Error::from_server)? {
                SimpleQueryMessage::RowDescription(columns) => {
                    let columns = columns
                        .iter()
                        .map(|column| column.name().to_owned())
                        .collect();
                    current = Some(ResultSet {
                        columns,
                        ..ResultSet::default()
                    });
                }
                SimpleQueryMessage::Row(row) => {
                    let Some(set) = &mut current else { continue };
                    if set.rows.len() < ROWS_MAX {
                        let cells = (0..row.len()).map(|i| row.get(i).map(str::to_owned));
                        set.rows.push(cells.collect());
                    } else {
                        set.more += 1;
                    }
                }
                SimpleQueryMessage::CommandComplete(count) => outcomes.push(match current.take() {
                    Some(set) => Outcome::Rows(set),
                    None => Outcome::Done(count),
                }),
                _ => {}
            }
        }
        Ok(outcomes)
    }
}

async fn next(
    mut stream: std::pin::Pin<&mut tokio_postgres::SimpleQueryStream>,
) -> Option<Result<SimpleQueryMessage, tokio_postgres::Error>> {
    use futures_core::Stream;
    poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// A session with the runtime that drives it, for the prompt's blocking world.
pub(crate) struct Work {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) session: Session,
    pub(crate) environment: String,
}

impl Work {
    /// Runs SQL to its end.
    pub(crate) fn run(&self, sql: &str) -> Result<Vec<Outcome>, Error> {
        self.runtime.block_on(self.session.run(sql))
    }

    /// Runs a command of the console; `None`: there is no such command.
    pub(crate) fn command(&self, command: &str) -> Option<Result<Vec<Outcome>, Error>> {
        Some(match meta::parse(command)? {
            Asks::Statement(sql) => self.run(&sql),
            Asks::Table(name) => self.describe(&name),
        })
    }

    fn describe(&self, table: &str) -> Result<Vec<Outcome>, Error> {
        let found = first_rows(self.run(&meta::find_table(table))?);
        let Some(id) = found
            .rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next()?)
        else {
            return Err(Error::Refused {
                message: format!("there is no table `{table}`"),
                hint: Some("\\dt lists the tables".to_owned()),
            });
        };
        let described = first_rows(self.run(&meta::columns(&id))?);
        let rows = described.rows.into_iter().map(|row| {
            let mut cells = row.into_iter();
            let (name, kind, _default, not_null) = (
                cells.next().flatten(),
                cells.next().flatten(),
                cells.next(),
                cells.next(),
            );
            let null = match not_null.flatten().as_deref() {
                Some("t") => "not null",
                _ => "",
            };
            vec![name, kind, Some(null.to_owned())]
        });
        let columns = ["column", "type", ""].map(str::to_owned).to_vec();
        Ok(vec![Outcome::Rows(ResultSet {
            columns,
            rows: rows.collect(),
            more: 0,
        })])
    }

    /// What the gateway said meanwhile.
    pub(crate) fn notices(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.session.notices.try_recv().ok()).collect()
    }

    /// The connection's mode.
    pub(crate) fn mode(&self) -> Mode {
        self.session.mode.borrow().clone()
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.session.client.is_closed()
    }

    /// States a reason that was given on the command line.
    pub(crate) fn justify_beforehand(
        &mut self,
        reason: Option<&str>,
        link: Option<&str>,
    ) -> Result<(), Error> {
        match reason {
            Some(reason) => self.justify(reason, link.unwrap_or_default()),
            None => Ok(()),
        }
    }

    /// States why; the gateway decides whether it is a reason.
    pub(crate) fn justify(&mut self, reason: &str, link: &str) -> Result<(), Error> {
        let sql = format!("CALL privet.justify({}, {})", quoted(reason), quoted(link));
        self.run(&sql).map(drop)
    }
}

fn first_rows(outcomes: Vec<Outcome>) -> ResultSet {
    let sets = outcomes.into_iter().filter_map(|outcome| match outcome {
        Outcome::Rows(set) => Some(set),
        Outcome::Done(_) => None,
    });
    sets.into_iter().next().unwrap_or_default()
}

/// A string literal of SQL.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
