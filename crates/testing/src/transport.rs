//! Requests within the process, and troubles on order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use privet::{Transport, TransportError};
use tower::ServiceExt as _;

/// What happens to a request in the place of an answer.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// # let map = "[purposes]\nservice = { basis = \"contract\" }";
/// use privet_testing::{TestPrivet, Trouble};
///
/// let privet = TestPrivet::start(map).await?;
/// let client = privet.client("job").await?;
/// privet.transport().trouble([Trouble::Status(503), Trouble::AnswerLost]);
/// // Who one is can be asked again.
/// assert_eq!(client.whoami().await?.principal, "job");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It does not reach the server.
    Unreachable,
    /// The server does what was asked, and the answer is lost.
    AnswerLost,
    /// The server does not answer at all.
    Silence,
    /// What stands before the server answers with this status, without a problem's body.
    Status(u16),
}

/// Carries requests to a router in the same process.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// # let map = "[purposes]\nservice = { basis = \"contract\" }";
/// # let privet = privet_testing::TestPrivet::start(map).await?;
/// let transport: privet_testing::InProcess = privet.transport().clone();
/// let client = privet::Client::with_transport(privet.settings("job").await?, transport)?;
/// assert_eq!(client.whoami().await?.principal, "job");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct InProcess {
    router: Router,
    troubles: Arc<Mutex<VecDeque<Trouble>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl InProcess {
    pub(crate) fn new(router: Router) -> Self {
        Self {
            router,
            troubles: Arc::default(),
            seen: Arc::default(),
        }
    }

    /// The next requests meet these, one each.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// # use privet_testing::{TestPrivet, Trouble};
    /// # let privet = TestPrivet::start(map).await?;
    /// let client = privet.client("job").await?;
    /// privet.transport().trouble([Trouble::Unreachable; 4]);
    /// assert!(client.whoami().await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        let mut waiting = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(troubles);
    }

    /// The requests so far, as method and path, and whether they bore a token: `POST /v1/seal token`.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let map = "[purposes]\nservice = { basis = \"contract\" }";
    /// # let privet = privet_testing::TestPrivet::start(map).await?;
    /// privet.client("job").await?.whoami().await?;
    /// assert_eq!(privet.transport().seen(), ["GET /health/live", "GET /v1/whoami token"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn seen(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    fn see(&self, request: &Request<Bytes>) -> Option<Trouble> {
        let token = match request.headers().contains_key(http::header::AUTHORIZATION) {
            true => " token",
            false => "",
        };
        let line = format!("{} {}{token}", request.method(), request.uri().path());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(line);
        let mut waiting = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let trouble = self.see(&request);
        match trouble {
            Some(Trouble::Unreachable) => {
                return Err(TransportError::Unsent("no way there".into()));
            }
            Some(Trouble::Silence) => std::future::pending::<()>().await,
            Some(Trouble::Status(status)) => {
                let mut answer = Response::new(Bytes::new());
                *answer.status_mut() =
                    StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                return Ok(answer);
            }
            Some(Trouble::AnswerLost) | None => {}
        }
        let answered = self.router.clone().oneshot(request.map(Body::from)).await;
        let answer = match answered {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let (head, body) = answer.into_parts();
        let body = body.collect().await;
        let body = body.map_err(|error| TransportError::Broken(error.into()))?;
        if trouble == Some(Trouble::AnswerLost) {
            return Err(TransportError::Broken("the answer was lost".into()));
        }
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}
