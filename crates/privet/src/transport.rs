//! How a request reaches the server: over HTTP, or within the process in tests.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// Carries requests. Over the network it is the library's own; `privet-testing` has one within the process, and one that
/// fails on order.
///
/// A request's URI is a path with its query; where the server is, is the transport's affair. An attempt that takes too long
/// is dropped by the caller.
///
/// ```
/// use bytes::Bytes;
/// use privet::{Transport, TransportError};
///
/// /// Counts what another transport carries.
/// struct Counted<T>(T, std::sync::atomic::AtomicUsize);
///
/// #[async_trait::async_trait]
/// impl<T: Transport> Transport for Counted<T> {
///     async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
///         self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
///         self.0.send(request).await
///     }
/// }
/// ```
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and reads the whole answer.
    ///
    /// ```
    /// # async fn example(transport: impl privet::Transport) -> Result<(), privet::TransportError> {
    /// let mut request = http::Request::new(bytes::Bytes::new());
    /// *request.uri_mut() = http::Uri::from_static("/health/live");
    /// assert!(transport.send(request).await?.status().is_success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TransportError`] when there is no whole answer.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError>;
}

/// Why there is no answer. The sources name no path, header or body.
///
/// ```
/// let error = privet::TransportError::Unsent("the cable is not in".into());
/// assert_eq!(error.to_string(), "the request was not sent");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The request did not leave: it can be sent again whatever it asks for.
    #[error("the request was not sent")]
    Unsent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request may have arrived.
    #[error("the connection broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is longer than the transport reads.
    #[error("the answer is too long")]
    TooLarge,
}
