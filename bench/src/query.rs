//! A client of PostgreSQL's protocol that does as little as it can: it logs in, sends queries and counts frames.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::BytesMut;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Where to connect, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
    /// `options` of the start-up message.
    pub(crate) options: String,
    /// What is said before anything is measured.
    pub(crate) first: Vec<String>,
}

/// A connection that has logged in.
pub(crate) struct Client {
    stream: TcpStream,
    input: BytesMut,
}

/// One answer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Answer {
    pub(crate) rows: u64,
    pub(crate) first_row: Option<Duration>,
    pub(crate) whole: Duration,
}

impl Client {
    pub(crate) async fn connect(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", target.port)).await?;
        stream.set_nodelay(true)?;
        let mut client = Self {
            stream,
            input: BytesMut::new(),
        };
        let mut parameters = vec![
            ("user", target.user.as_str()),
            ("database", target.database.as_str()),
        ];
        if !target.options.is_empty() {
            parameters.push(("options", target.options.as_str()));
        }
        let mut message = BytesMut::new();
        frontend::startup_message(parameters, &mut message)?;
        client.stream.write_all(&message).await?;
        client.log_in(&target.password).await?;
        for sql in &target.first {
            client.ask(&query(sql)?).await?;
        }
        Ok(client)
    }

    async fn log_in(&mut self, password: &str) -> Result<()> {
        let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        loop {
            let (tag, body) = self.frame().await?;
            let mut message = BytesMut::new();
            match (tag, body.get(3)) {
                (b'Z', _) => return Ok(()),
                (b'E', _) => bail!("{}", String::from_utf8_lossy(&body)),
                (b'R', Some(10)) => {
                    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut message)?;
                }
                (b'R', Some(11)) => {
                    scram.update(body.get(4..).context("a short frame")?)?;
                    frontend::sasl_response(scram.message(), &mut message)?;
                }
                _ => continue,
            }
            self.stream.write_all(&message).await?;
        }
    }

    async fn frame(&mut self) -> Result<(u8, BytesMut)> {
        loop {
            if let Some(head) = self.input.first_chunk::<5>() {
                let [tag, length @ ..] = *head;
                let whole = usize::try_from(u32::from_be_bytes(length))? + 1;
                if self.input.len() >= whole {
                    let mut frame = self.input.split_to(whole);
                    return Ok((tag, frame.split_off(5)));
                }
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }

    /// Sends a query and reads its whole answer.
    pub(crate) async fn ask(&mut self, query: &[u8]) -> Result<Answer> {
        let asked = Instant::now();
        self.stream.write_all(query).await?;
        let mut answer = Answer::default();
        let mut error = None;
        let mut at = 0;
        loop {
            while let Some(head) = self
                .input
                .get(at..)
                .and_then(|rest| rest.first_chunk::<5>())
            {
                let [tag, length @ ..] = *head;
                let whole = usize::try_from(u32::from_be_bytes(length))? + 1;
                let Some(frame) = self.input.get(at..at + whole) else {
                    break;
                };
                match tag {
                    b'D' => {
                        answer.first_row.get_or_insert_with(|| asked.elapsed());
                        answer.rows += 1;
                    }
                    b'E' => error = Some(String::from_utf8_lossy(frame).into_owned()),
                    b'Z' => {
                        self.input.clear();
                        answer.whole = asked.elapsed();
                        return match error {
                            None => Ok(answer),
                            Some(error) => bail!("{error}"),
                        };
                    }
                    _ => {}
                }
                at += whole;
            }
            let _ = self.input.split_to(at);
            at = 0;
            self.input.reserve(64 * 1024);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }
}

/// A Query message.
pub(crate) fn query(sql: &str) -> Result<Vec<u8>> {
    let mut message = BytesMut::new();
    frontend::query(sql, &mut message)?;
    Ok(message.to_vec())
}

/// Queries per second of some clients that each wait for their answer, and the rows of one.
pub(crate) async fn rate(
    target: &Target,
    clients: usize,
    sql: &str,
    time: Duration,
) -> Result<f64> {
    let message = query(sql)?;
    let mut connected = Vec::new();
    for _ in 0..clients {
        connected.push(Client::connect(target).await?);
    }
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for mut client in connected {
        let message = message.clone();
        tasks.spawn(async move {
            let mut asked = 0_u64;
            while started.elapsed() < time {
                client.ask(&message).await?;
                asked += 1;
            }
            anyhow::Ok(asked)
        });
    }
    let mut asked = 0;
    while let Some(done) = tasks.join_next().await {
        asked += done??;
    }
    Ok(asked as f64 / started.elapsed().as_secs_f64())
}
