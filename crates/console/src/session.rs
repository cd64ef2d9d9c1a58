//! The connection to the gateway: one task drives it, notices and the mode come out of it, and Ctrl-C cancels what
//! runs.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use privet_postgres::{Tls, is_loopback};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, SimpleQueryMessage, Socket};

use crate::display::ResultSet;
use crate::mode::Mode;
use crate::terminal;
use crate::tls::{self, Transport};
use crate::{ConsoleConfig, Error};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What comes back from a statement, in order.
pub(crate) enum Outcome {
    /// Rows.
    Rows(ResultSet),
    /// A statement without rows: how many it changed.
    Done(u64),
    /// Something to read.
    Note(String),
}

/// One connection.
pub(crate) struct Session {
    client: Client,
    /// What cancel requests go through.
    tls: Option<Tls>,
    notices: mpsc::UnboundedReceiver<String>,
    mode: watch::Receiver<Mode>,
    /// The gateway's last words.
    farewell: watch::Receiver<Option<String>>,
    /// Turns true when the mode changes or the connection ends, so that a waiting prompt looks up.
    news: Arc<AtomicBool>,
    /// Asks the connection's task to answer once it has looked at everything that it received.
    settle: mpsc::UnboundedSender<oneshot::Sender<()>>,
    /// Rows of one result that are kept for showing.
    rows_max: usize,
}

impl Session {
    /// Connects and logs in.
    pub(crate) async fn connect(config: &ConsoleConfig, rows_max: usize) -> Result<Self, Error> {
        let address = match config.host.contains(':') {
            true => format!("[{}]:{}", config.host, config.port),
            false => format!("{}:{}", config.host, config.port),
        };
        let mut settings = tokio_postgres::Config::new();
        settings
            .host(&config.host)
            .port(config.port)
            .user(&config.user)
            .password(&config.token)
            .dbname(&config.database)
            .application_name("privet console")
            .connect_timeout(CONNECT_TIMEOUT);
        match &config.transport {
            Transport::Plain if !is_loopback(&config.host) => Err(Error::Plain { address }),
            Transport::Plain => {
                settings
                    .ssl_mode(SslMode::Disable)
                    .channel_binding(ChannelBinding::Disable);
                match settings.connect(NoTls).await {
                    Ok((client, connection)) => Ok(Self::drive(client, connection, None, rows_max)),
                    Err(source) => Err(refused(source, address)),
                }
            }
            Transport::Tls { trust, name } => {
                let tls = tls::to(name, trust)?;
                // Bound to the certificate, the login cannot be relayed by somebody else who is trusted, nor the token
                // be asked for in clear.
                settings
                    .ssl_mode(SslMode::Require)
                    .channel_binding(ChannelBinding::Require);
                match settings.connect(tls.clone()).await {
                    Ok((client, connection)) => {
                        Ok(Self::drive(client, connection, Some(tls), rows_max))
                    }
                    Err(error) => match tls::explain(&error, name) {
                        Some(why) => Err(Error::Tls { why }),
                        None => Err(refused(error, address)),
                    },
                }
            }
        }
    }

    /// Starts the task that reads the connection.
    fn drive<S>(
        client: Client,
        mut connection: Connection<Socket, S>,
        tls: Option<Tls>,
        rows_max: usize,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (say, notices) = mpsc::unbounded_channel();
        let mode_of = |parameter: Option<&str>| parameter.map(Mode::parse).unwrap_or_default();
        let (settle, mut unsettled) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
        let (show, mode) = watch::channel(mode_of(connection.parameter("privet.mode")));
        let (last, farewell) = watch::channel(None);
        let news = Arc::new(AtomicBool::new(false));
        let ring = Arc::clone(&news);
        tokio::spawn(async move {
            loop {
                let message = poll_fn(|context| {
                    let polled = connection.poll_message(context);
                    // The driver keeps parameters to itself, so they are looked at after each step.
                    let changed = show.send_if_modified(|known| {
                        let now = mode_of(connection.parameter("privet.mode"));
                        std::mem::replace(known, now.clone()) != now
                    });
                    if changed {
                        ring.store(true, Ordering::Release);
                    }
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
                        let _ = say.send(notice.message().to_owned());
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        let words = error.as_db_error().map(|said| said.message().to_owned());
                        let _ = last.send(words);
                        break;
                    }
                    None => break,
                }
            }
            // The client's half must know before the prompt looks.
            drop(connection);
            ring.store(true, Ordering::Release);
        });
        Self {
            client,
            tls,
            notices,
            mode,
            farewell,
            news,
            settle,
            rows_max,
        }
    }

    /// Runs SQL. Ctrl-C cancels it; a second one gives up on a gateway that does not answer.
    pub(crate) async fn run(&self, sql: &str) -> Result<Vec<Outcome>, Error> {
        let mut work = pin!(self.collect(sql));
        let outcome = tokio::select! {
            outcome = &mut work => Some(outcome),
            _ = tokio::signal::ctrl_c() => None,
        };
        let outcome = match outcome {
            Some(outcome) => outcome,
            None => {
                // The terminal has written `^C`.
                terminal::note("")?;
                self.cancel().await;
                tokio::select! {
                    outcome = &mut work => outcome,
                    _ = tokio::signal::ctrl_c() => return Err(Error::Closed { why: None }),
                }
            }
        };
        self.settled().await;
        match outcome {
            Err(Error::Closed { .. }) => Err(Error::Closed {
                why: self.farewell(),
            }),
            outcome => outcome,
        }
    }

    async fn cancel(&self) {
        let token = self.client.cancel_token();
        // Whether it was heard shows in how the statement ends.
        let _ = match &self.tls {
            Some(tls) => token.cancel_query(tls.clone()).await,
            None => token.cancel_query(NoTls).await,
        };
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
            .map_err(|error| Error::from_server(&error))?;
        let mut stream = pin!(stream);
        let mut outcomes = Vec::new();
        let mut current: Option<ResultSet> = None;
        while let Some(message) = next(stream.as_mut()).await {
            match message.map_err(|error| Error::from_server(&error))? {
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
                    if set.rows.len() < self.rows_max {
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

    /// What the gateway said meanwhile.
    pub(crate) fn notices(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.notices.try_recv().ok()).collect()
    }

    /// The connection's mode.
    pub(crate) fn mode(&self) -> Mode {
        self.mode.borrow().clone()
    }

    /// Turns true when the mode changes or the connection ends.
    pub(crate) fn news(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.news)
    }

    /// Whether the connection has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The gateway's last words.
    pub(crate) fn farewell(&self) -> Option<String> {
        self.farewell.borrow().clone()
    }
}

fn refused(error: tokio_postgres::Error, address: String) -> Error {
    match error.as_db_error() {
        Some(_) => Error::from_server(&error),
        None => Error::Unreachable {
            address,
            source: error,
        },
    }
}

async fn next(
    mut stream: std::pin::Pin<&mut tokio_postgres::SimpleQueryStream>,
) -> Option<Result<SimpleQueryMessage, tokio_postgres::Error>> {
    use futures_core::Stream;
    poll_fn(|context| stream.as_mut().poll_next(context)).await
}

/// A string literal of SQL.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leaves_this_machine_through_tls_only() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // A documentation address (RFC 5737): nothing is there to be reached.
        for host in ["192.0.2.1", "2001:db8::1", "privet.example"] {
            let config = ConsoleConfig {
                host: host.to_owned(),
                port: 7432,
                transport: Transport::Plain,
                database: "shop".to_owned(),
                user: "ann".to_owned(),
                token: "pvt_test_0".to_owned(),
                reason: None,
                link: None,
                environment: "test".to_owned(),
                output: crate::Output::People,
            };
            let refused = runtime
                .block_on(Session::connect(&config, 1))
                .err()
                .unwrap();
            assert!(matches!(refused, Error::Plain { .. }), "{host}");
        }
    }
}
