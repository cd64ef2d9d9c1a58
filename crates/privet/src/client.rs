//! The client: one environment, one token, and the way of every call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use privet_wire::{Health, SecretBuffer, Whoami};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::answer::{bytes, read, read_success, retry_after, wrong};
use crate::call::Call;
use crate::http::Http;
use crate::retry::{Budget, Failure, is_worth_repeating, pause};
use crate::{Environment, Error, Limits, Settings, Token, Transport, TransportError};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Where a server says which environment it is. What fails here was before anything else was sent.
pub(crate) const LIVE: &str = "/health/live";
/// Longer than any call takes.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

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

impl Client {
    /// A client as the variables of the process say: see [`Settings::from_env`].
    ///
    /// ```
    /// # fn example() -> Result<(), privet::Error> {
    /// let client = privet::Client::from_env()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] or [`Error::OtherToken`]. Nothing is sent yet.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(Settings::from_env()?)
    }

    /// A client of these settings.
    ///
    /// ```
    /// # let settings = privet::Settings::new("staging".parse()?, format!("pvt_staging_{}", "0".repeat(56)).parse()?);
    /// let client = privet::Client::new(settings.address("http://127.0.0.1:7300"))?;
    /// assert_eq!(client.address(), "http://127.0.0.1:7300");
    /// # Ok::<(), privet::Error>(())
    /// ```
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
    /// ```
    /// # fn example(settings: privet::Settings, transport: impl privet::Transport) -> Result<(), privet::Error> {
    /// let client = privet::Client::with_transport(settings, transport)?;
    /// # Ok(())
    /// # }
    /// ```
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
        let shared = Shared {
            transport,
            environment: settings.environment,
            address,
            bearer: bearer(&settings.token)?,
            checked: OnceCell::new(),
            budget: Budget::new(),
        };
        Ok(Self {
            shared: Arc::new(shared),
            limits: settings.limits,
        })
    }

    /// The environment.
    ///
    /// ```
    /// # let settings = privet::Settings::new("staging".parse()?, format!("pvt_staging_{}", "0".repeat(56)).parse()?);
    /// assert_eq!(privet::Client::new(settings)?.environment().as_str(), "staging");
    /// # Ok::<(), privet::Error>(())
    /// ```
    pub fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    /// Where the server is.
    ///
    /// ```
    /// # let settings = privet::Settings::new("staging".parse()?, format!("pvt_staging_{}", "0".repeat(56)).parse()?);
    /// assert_eq!(privet::Client::new(settings)?.address(), "https://privet.staging.internal:7300");
    /// # Ok::<(), privet::Error>(())
    /// ```
    pub fn address(&self) -> &str {
        &self.shared.address
    }

    /// The limits of its calls.
    ///
    /// ```
    /// # let settings = privet::Settings::new("staging".parse()?, format!("pvt_staging_{}", "0".repeat(56)).parse()?);
    /// assert_eq!(privet::Client::new(settings)?.limits(), &privet::Limits::default());
    /// # Ok::<(), privet::Error>(())
    /// ```
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The same client with another deadline for its calls.
    ///
    /// ```
    /// # let settings = privet::Settings::new("staging".parse()?, format!("pvt_staging_{}", "0".repeat(56)).parse()?);
    /// # let client = privet::Client::new(settings)?;
    /// use std::time::Duration;
    ///
    /// // A page that is waited for.
    /// let hasty = client.with_deadline(Duration::from_secs(1));
    /// assert_eq!(hasty.limits().deadline, Duration::from_secs(1));
    /// # Ok::<(), privet::Error>(())
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let mut other = self.clone();
        other.limits.deadline = deadline;
        other
    }

    /// The same client for a call that waits at the server that much longer.
    pub(crate) fn with_patience(&self, longer: Duration) -> Self {
        let mut other = self.clone();
        other.limits.attempt = other.limits.attempt.saturating_add(longer);
        other.limits.deadline = other.limits.deadline.saturating_add(longer);
        other
    }

    /// Whether the server would reveal what may be revealed, and why not. Needs no right.
    ///
    /// ```
    /// # async fn example(client: privet::Client) -> Result<(), privet::Error> {
    /// for reason in client.health().await?.reasons {
    ///     println!("nothing is revealed: {}", reason.text);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When nothing answers that is Privet.
    pub async fn health(&self) -> Result<Health, Error> {
        let call = Call::get("/health/ready");
        let begun = Instant::now();
        let answer = self.attempt(&call, false, self.deadline()).await;
        match answer {
            // The reasons are the answer here.
            Ok(answer) if answer.status() == StatusCode::SERVICE_UNAVAILABLE => {
                read(call.template, &answer)
            }
            Ok(answer) => read_success(call.template, &answer),
            Err(lost) => Err(self.lost(&call, lost, begun)),
        }
    }

    /// Whose token this is, and where.
    ///
    /// ```
    /// # async fn example(client: privet::Client) -> Result<(), privet::Error> {
    /// assert_eq!(client.whoami().await?.environment, client.environment().as_str());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As every call: [`Error::Refused`] with the server's reason, or why there is no answer.
    pub async fn whoami(&self) -> Result<Whoami, Error> {
        self.call(Call::get("/v1/whoami")).await
    }

    /// Makes a call and reads its answer.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        self.call_until(&call, self.deadline()).await
    }

    /// Makes a call whose answer is no JSON.
    pub(crate) async fn call_bytes(&self, call: Call) -> Result<Bytes, Error> {
        let answer = self.sent(&call, self.deadline()).await?;
        bytes(call.template, answer)
    }

    /// Makes several calls, a few at once, under one deadline. The answers come in the calls' order.
    pub(crate) async fn call_all<T: DeserializeOwned>(
        &self,
        calls: Vec<Call>,
    ) -> Vec<Result<T, Error>> {
        let deadline = self.deadline();
        stream::iter(calls)
            .map(|call| async move { self.call_until(&call, deadline).await })
            .buffered(self.limits.requests_at_once.max(1))
            .collect()
            .await
    }

    /// When a call that begins now has to be over.
    fn deadline(&self) -> Instant {
        after(Instant::now(), self.limits.deadline)
    }

    async fn call_until<T: DeserializeOwned>(
        &self,
        call: &Call,
        deadline: Instant,
    ) -> Result<T, Error> {
        let answer = self.sent(call, deadline).await?;
        read_success(call.template, &answer)
    }

    /// Sends a call as often as is right.
    async fn sent(&self, call: &Call, deadline: Instant) -> Result<Response<Bytes>, Error> {
        let begun = Instant::now();
        // Another call may be asking: that is not waited for any longer than for an answer.
        let checked = timeout_at(deadline, self.check_server(deadline)).await;
        checked.unwrap_or_else(|_| Err(self.lost(&Call::get(LIVE), Lost::Late, begun)))?;
        self.repeated(call, true, deadline).await
    }

    /// Asks the server which environment it is, once, without the token.
    async fn check_server(&self, deadline: Instant) -> Result<(), Error> {
        let check = || async {
            let call = Call::get(LIVE);
            let answer = self.repeated(&call, false, deadline).await;
            let answer = answer.map_err(before_the_call)?;
            let health: Health = read_success(LIVE, &answer).map_err(before_the_call)?;
            // Whoever answers here has proved nothing yet: what it says is not repeated unless it is a name.
            let server = health.environment.parse::<Environment>();
            let server = server.map_err(|_| wrong(LIVE, answer.status()))?;
            if server == self.shared.environment {
                return Ok(());
            }
            Err(Error::OtherServer {
                address: self.shared.address.clone(),
                server: server.to_string(),
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
        let begun = Instant::now();
        let mut number = 1;
        let mut may_have_arrived = false;
        loop {
            let ended = match self.attempt(call, with_token, deadline).await {
                Ok(answer) if answer.status().is_success() => {
                    self.shared.budget.answered();
                    return Ok(answer);
                }
                ended => ended,
            };
            let failure = failure(&ended);
            may_have_arrived |= failure.is_none_or(Failure::may_have_arrived);
            let asked = ended.as_ref().ok().and_then(retry_after);
            number += 1;
            let pause = pause(&self.limits, number, fastrand::f64(), asked);
            let again = after(Instant::now(), pause);
            let worth = number <= self.limits.attempts_max
                && failure.is_some_and(|failure| is_worth_repeating(call.repeat, failure))
                && again < deadline
                && self.shared.budget.take();
            if !worth {
                return ended.map_err(|lost| match lost {
                    // This time it did not leave, and before it may have been done.
                    Lost::Unsent(source) if may_have_arrived => {
                        self.lost(call, Lost::Broken(source), begun)
                    }
                    lost => self.lost(call, lost, begun),
                });
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
        let until = deadline.min(after(Instant::now(), self.limits.attempt));
        match timeout_at(until, self.shared.transport.send(request)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(TransportError::Unsent(source))) => Err(Lost::Unsent(source)),
            Ok(Err(TransportError::Broken(source))) => Err(Lost::Broken(source)),
            Ok(Err(TransportError::TooLarge)) => Err(Lost::TooLarge),
            Err(_) => Err(Lost::Late),
        }
    }

    fn lost(&self, call: &Call, lost: Lost, begun: Instant) -> Error {
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
                after: Duration::from_millis(
                    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                ),
            },
            Lost::TooLarge => Error::AnswerTooLarge {
                call: call.template,
                bytes_max: self.limits.answer_bytes_max,
            },
        }
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

/// What keeps a call from being sent is no sign that it was done.
fn before_the_call(error: Error) -> Error {
    match error {
        Error::Broken { address, source } => Error::Unreachable { address, source },
        Error::Refused(problem) => Error::Answer {
            call: LIVE,
            status: problem.status,
        },
        error => error,
    }
}

/// So much later. What is later than clocks go is in a year.
fn after(start: Instant, wait: Duration) -> Instant {
    let end = start.checked_add(wait.min(YEAR));
    end.unwrap_or(start)
}

/// The header that bears the token. Its bytes are overwritten when the client and its last request are gone.
fn bearer(token: &Token) -> Result<HeaderValue, Error> {
    let mut text = SecretBuffer::with_capacity(128);
    text.push(b"Bearer ");
    text.push(token.text().as_bytes());
    let mut bearer = HeaderValue::from_maybe_shared(text.into_bytes())
        .map_err(|_| Error::setting("the token holds what a header cannot"))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}
