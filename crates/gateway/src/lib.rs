//! The SQL door: the PostgreSQL wire protocol, version 3, over sources whose personal columns are sealed.
//!
//! [`serve()`] accepts PostgreSQL clients (psql, drivers, graphical tools, our own console), logs them in with a token
//! (SCRAM-SHA-256, bound to TLS where there is TLS), asks for a reason, and runs their statements where no keys are. A
//! value that is sealed stays sealed on its way to the client, unless a grant covers it: then the vault's opener opens
//! it. Text is recognized by its own header, never by the statement it came from.
//!
//! ```no_run
//! # async fn example(vault: privet_vault::Vault) -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:5433").await?;
//! let shutdown = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
//! privet_gateway::serve(privet_gateway::Config::default(), vault, listener, shutdown).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What it does not do: it holds no keys, decides nothing that the vault decides, and does not parse SQL to find out
//! what may be seen. It knows the statements that it answers itself (session commands, settings, what clients ask of
//! PostgreSQL's catalogs) and hands on everything else.

mod answer;
mod cancel;
mod catalog;
mod commands;
mod error;
mod facts;
mod fault;
mod forward;
mod frame;
mod local;
mod scram;
mod serve;
mod session;
mod settings;
mod startup;
mod statement;
mod stream;
mod text;
mod threads;
mod tls;
mod value;

pub use error::Error;
pub use serve::{Config, serve};
pub use statement::asks_catalog_only;
pub use tls::Tls;
