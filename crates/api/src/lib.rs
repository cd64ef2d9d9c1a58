//! The HTTP door: the monitor's calls as JSON, described by OpenAPI 3.1 at `/openapi.json`, and the auditor's pages.
//!
//! [`serve()`] runs it on a listener until it is told to stop; [`router()`] is the same without a network, for tests and
//! for calls in process. Programs show a bearer token, people a cookie; everything else is decided by the vault, of which
//! this crate sees only the surface: no store, no key, no policy.
//!
//! ```no_run
//! # async fn run(vault: privet_vault::Vault) -> Result<(), Box<dyn std::error::Error>> {
//! use privet_api::{ApiConfig, serve};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:7300").await?;
//! let (_stop, stopped) = tokio::sync::watch::channel(false);
//! serve(ApiConfig::default(), vault, listener, stopped).await?;
//! # Ok(())
//! # }
//! ```
//!
//! A request takes this way: accept loop (limits on connections, headers, idleness; TLS) → edge (request id, time
//! limit, panics, metrics, log) → route → token → body → vault → answer. Errors are problem details (RFC 9457) with a
//! stable code, listed in `docs/errors.md`; on the pages they are pages. Neither logs nor metrics nor errors hold a path's values, a query or a body.
//!
//! What it does not do: HTTP/2, CORS (programs call it, browsers load its own pages alone), limits on rates of calls.

mod config;
mod error;

mod serve;
mod stall;
mod tls;

mod edge;
mod metrics;
mod refusal;
mod router;

mod answer;
mod authenticated;
mod body;
mod convert;
mod drp;
mod file;
mod openapi;
mod pages;
mod routes;
mod shown;
mod summary_text;

pub use config::{ApiConfig, Limits, TlsFiles};
pub use drp::Drp;
pub use error::Error;
pub use privet_drp::{Agents, BusinessId};
pub use router::{Access, Listed, listed, router};
pub use routes::logins::login_path;
pub use serve::serve;
