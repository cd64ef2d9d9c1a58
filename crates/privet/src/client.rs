//! The client: one environment, one token, and the way of every call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use privet_wire::{Health, Problem, SecretBuffer, Whoami};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep_until, timeout_at};
use zeroize::Zeroizing;

use crate::http::Http;
use crate::retry::{Budget, Failure, Repeat, is_worth_repeating, pause};
use crate::{Environment, Error, Limits, Settings, Transport, TransportError};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Calls the server of one environment with one token. Clones are cheap and share connections.
///
/// Before the token is sent for the first time, the server is asked which environment it is.
///
/// ```no_run
/// # async fn run() -> Result<(), privet::Error> {
/// let client = privet::Client::from_env()?;
/// println!("I am {}", client.whoami().await?.principal);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    limits: Limits,
}

struct Shared {
    transport: Box<dyn Transport>,
    environment: Environment,
    /// For messages.
    address: String,
    bearer: HeaderValue,
    /// Set once the server has said that it is of the environment.
    checked: OnceCell<()>,
    budget: Budget,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("environment", &self.shared.environment)
            .field("address", &self.shared.address)
            .finish_non_exhaustive()
    }
}

/// One call: what is asked for, and what asking twice would do.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path's template, for messages.
    pub(crate) template: &'static str,
    /// The path with its query.
    pub(crate) path: String,
    pub(crate) body: Bytes,
    pub(crate) repeat: Repeat,
}

impl Call {
    pub(crate) fn get(template: &'static str) -> Self {
        Self {
            method: Method::GET,
            template,
            path: template.to_owned(),
            body: Bytes::new(),
            repeat: Repeat::Harmless,
        }
    }

    pub(crate) fn new(method: Method, template: &'static str, repeat: Repeat) -> Self {
        Self {
            method,
            repeat,
            ..Self::get(template)
        }
    }

    /// Puts the id where the template has `{…}`. Ids are UUIDs and numbers: nothing has to be escaped.
    pub(crate) fn id(mut self, id: impl fmt::Display) -> Self {
        if let (Some(start), Some(end)) = (self.template.find('{'), self.template.find('}')) {
            self.path.replace_range(start..=end, &id.to_string());
        }
        self
    }

    pub(crate) fn query(mut self, query: &impl Serialize) -> Result<Self, Error> {
        let query = serde_urlencoded::to_string(query)
            .map_err(|_| Error::setting("a query holds what a URL cannot"))?;
        if !query.is_empty() {
            self.path.push('?');
            self.path.push_str(&query);
        }
        Ok(self)
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, Error> {
        let mut buffer = SecretBuffer::with_capacity(512);
        serde_json::to_writer(&mut buffer, body)
            .map_err(|_| Error::setting("a body holds what JSON cannot"))?;
        self.body = buffer.into_bytes();
        Ok(self)
    }
}

impl Client {
    /// A client as the variables of the process say: see [`Settings::from_env`].
    ///
    /// # Errors
    /// [`Error::Setting`] or [`Error::OtherToken`]. Nothing is sent yet.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(Settings::from_env()?)
    }

    /// A client of these settings.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn new(settings: Settings) -> Result<Self, Error> {
        settings.check_token()?;
        let address = settings.url()?.as_str().trim_end_matches('/').to_owned();
        let transport = Http::new(&settings)?;
        Self::made(settings, address, Box::new(transport))
    }

    /// A client whose requests another transport carries; the address of the settings is not used.
    ///
    /// # Errors
    /// [`Error::OtherToken`].
    pub fn with_transport(settings: Settings, transport: impl Transport) -> Result<Self, Error> {
        settings.check_token()?;
        Self::made(
            settings,
            "another transport".to_owned(),
            Box::new(transport),
        )
    }

    fn made(
        settings: Settings,
        address: String,
        transport: Box<dyn Transport>,
    ) -> Result<Self, Error> {
        let bearer = Zeroizing::new(format!("Bearer {}", settings.token.text()));
        let mut bearer = HeaderValue::from_str(&bearer)
            .map_err(|_| Error::setting("the token holds what a header cannot"))?;
        bearer.set_sensitive(true);
        let shared = Shared {
            transport,
            environment: settings.environment,
            address,
            bearer,
            checked: OnceCell::new(),
            budget: Budget::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            limits: settings.limits,
        })
    }

    /// The environment.
    pub fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    /// Where the server is.
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// The limits of its calls.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The same client with another deadline for its calls.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let mut other = self.clone();
        other.limits.deadline = deadline;
        other
    }

    /// The same client for a call that waits at the server that much longer.
    pub(crate) fn with_patience(&self, longer: Duration) -> Self {
        let mut other = self.clone();
        other.limits.attempt += longer;
        other.limits.deadline += longer;
        other
    }

    /// Whether the server would reveal what may be revealed, and why not. Needs no right.
    ///
    /// # Errors
    /// When nothing answers that is Privet.
    pub async fn health(&self) -> Result<Health, Error> {
        let call = Call::get("/health/ready");
        let answer = self
            .attempt(&call, false, Instant::now() + self.limits.deadline)
            .await;
        match answer {
            // The reasons are the answer here.
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                read(&call, &answer)
            }
            Ok(answer) => self.read_success(&call, &answer),
            Err(attempt) => Err(self.lost(&call, attempt)),
        }
    }

    /// Whose token this is, and where.
    ///
    /// # Errors
    /// As every call: [`Error::Refused`] with the server's reason, or why there is no answer.
    pub async fn whoami(&self) -> Result<Whoami, Error> {
        self.call(Call::get("/v1/whoami")).await
    }

    /// Makes a call and reads its answer.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let deadline = Instant::now() + self.limits.deadline;
        self.call_until(&call, deadline).await
    }

    /// Makes a call whose answer is no JSON.
    pub(crate) async fn call_bytes(&self, call: Call) -> Result<Bytes, Error> {
        let deadline = Instant::now() + self.limits.deadline;
        let answer = self.sent(&call, deadline).await?;
        self.success(&call, &answer)?;
        Ok(answer.into_body())
    }

    /// Makes several calls, a few at once, under one deadline. The answers come in the calls' order.
    pub(crate) async fn call_all<T: DeserializeOwned>(
        &self,
        calls: Vec<Call>,
    ) -> Vec<Result<T, Error>> {
        let deadline = Instant::now() + self.limits.deadline;
        stream::iter(calls)
            .map(|call| async move { self.call_until(&call, deadline).await })
            .buffered(self.limits.requests_at_once.max(1))
            .collect()
            .await
    }

    async fn call_until<T: DeserializeOwned>(
        &self,
        call: &Call,
        deadline: Instant,
    ) -> Result<T, Error> {
        let answer = self.sent(call, deadline).await?;
        self.read_success(call, &answer)
    }

    /// Sends a call as often as is right.
    async fn sent(&self, call: &Call, deadline: Instant) -> Result<Response<Bytes>, Error> {
        // Another call may be asking: that is not waited for any longer than for an answer.
        let checked = timeout_at(deadline, self.check_server(deadline)).await;
        checked.unwrap_or_else(|_| Err(self.lost(call, Lost::Late)))?;
        self.repeated(call, true, deadline).await
    }

    /// Asks the server which environment it is, once, without the token.
    async fn check_server(&self, deadline: Instant) -> Result<(), Error> {
        let check = || async {
            let call = Call::get("/health/live");
            let answer = self.repeated(&call, false, deadline).await?;
            let health: Health = self.read_success(&call, &answer)?;
            if health.environment == self.shared.environment.as_str() {
                return Ok(());
            }
            Err(Error::OtherServer {
                address: self.shared.address.clone(),
                server: health.environment,
                wanted: self.shared.environment.to_string(),
            })
        };
        self.shared.checked.get_or_try_init(check).await.copied()
    }

    async fn repeated(
        &self,
        call: &Call,
        with_token: bool,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Error> {
        let mut number = 1;
        loop {
            let ended = match self.attempt(call, with_token, deadline).await {
                Ok(answer) if answer.status().is_success() => {
                    self.shared.budget.answered();
                    return Ok(answer);
                }
                ended => ended,
            };
            let asked = ended.as_ref().ok().and_then(retry_after);
            number += 1;
            let again = Instant::now() + pause(&self.limits, number, fastrand::f64(), asked);
            let worth = number <= self.limits.attempts_max
                && failure(&ended).is_some_and(|failure| is_worth_repeating(call.repeat, failure))
                && again < deadline
                && self.shared.budget.take();
            if !worth {
                return ended.map_err(|lost| self.lost(call, lost));
            }
            sleep_until(again).await;
        }
    }

    /// Sends a call once.
    async fn attempt(
        &self,
        call: &Call,
        with_token: bool,
        deadline: Instant,
    ) -> Result<Response<Bytes>, Lost> {
        let mut request = Request::new(call.body.clone());
        *request.method_mut() = call.method.clone();
        // INVARIANT: paths are templates of this crate with ids and encoded queries in them.
        *request.uri_mut() = call
            .path
            .parse()
            .map_err(|error: http::uri::InvalidUri| Lost::Unsent(error.into()))?;
        if !call.body.is_empty() {
            request.headers_mut().insert(CONTENT_TYPE, JSON);
        }
        if with_token {
            request
                .headers_mut()
                .insert(AUTHORIZATION, self.shared.bearer.clone());
        }
        let until = deadline.min(Instant::now() + self.limits.attempt);
        match timeout_at(until, self.shared.transport.send(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(TransportError::Unsent(source))) => Err(Lost::Unsent(source)),
            Ok(Err(TransportError::Broken(source))) => Err(Lost::Broken(source)),
            Ok(Err(TransportError::TooLarge)) => Err(Lost::TooLarge),
            Err(_) => Err(Lost::Late),
        }
    }

    fn lost(&self, call: &Call, lost: Lost) -> Error {
        let address = || self.shared.address.clone();
        match lost {
            Lost::Unsent(source) => Error::Unreachable {
                address: address(),
                source,
            },
            Lost::Broken(source) => Error::Broken {
                address: address(),
                source,
            },
            Lost::Late => Error::Deadline {
                call: call.template,
                after: self.limits.deadline,
            },
            Lost::TooLarge => Error::AnswerTooLarge {
                call: call.template,
                bytes_max: self.limits.answer_bytes_max,
            },
        }
    }

    fn success(&self, call: &Call, answer: &Response<Bytes>) -> Result<(), Error> {
        if answer.status().is_success() {
            return Ok(());
        }
        match serde_json::from_slice::<Problem>(answer.body()) {
            Ok(problem) => Err(Error::Refused(Box::new(problem))),
            Err(_) => Err(not_privet(call, answer)),
        }
    }

    fn read_success<T: DeserializeOwned>(
        &self,
        call: &Call,
        answer: &Response<Bytes>,
    ) -> Result<T, Error> {
        self.success(call, answer)?;
        read(call, answer)
    }
}

/// How an attempt ended without an answer.
enum Lost {
    Unsent(Box<dyn std::error::Error + Send + Sync>),
    Broken(Box<dyn std::error::Error + Send + Sync>),
    Late,
    TooLarge,
}

/// What kept the attempt from success; nothing if another one would end the same way.
fn failure(ended: &Result<Response<Bytes>, Lost>) -> Option<Failure> {
    match ended {
        Ok(answer) => Some(Failure::Status(answer.status())),
        Err(Lost::Unsent(_)) => Some(Failure::Unsent),
        Err(Lost::Broken(_) | Lost::Late) => Some(Failure::Lost),
        Err(Lost::TooLarge) => None,
    }
}

fn read<T: DeserializeOwned>(call: &Call, answer: &Response<Bytes>) -> Result<T, Error> {
    // An answer without content is `()`.
    let content: &[u8] = match answer.body().as_ref() {
        [] => b"null",
        content => content,
    };
    // What the parser says may quote a value.
    serde_json::from_slice(content).map_err(|_| not_privet(call, answer))
}

fn not_privet(call: &Call, answer: &Response<Bytes>) -> Error {
    Error::Answer {
        call: call.template,
        status: answer.status().as_u16(),
    }
}

fn retry_after(answer: &Response<Bytes>) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}
