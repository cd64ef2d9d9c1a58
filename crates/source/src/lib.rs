//! Applications' databases: catalog, batches, guarded execution.
//!
//! [`SqliteSource`] implements the vault's port [`Source`](privet_vault::port::Source) for a file of
//! SQLite: what tables there are, reading rows with their subjects, writing sealed values back so that
//! no plaintext stays in the file, and running a client's statements in a child process. [`PostgresSource`] implements
//! it for a database of PostgreSQL, which keeps being used meanwhile.
//!
//! ```no_run
//! use privet_source::{RunnerProgram, SqliteSource};
//! use privet_vault::port::Source;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let program = RunnerProgram {
//!     program: std::env::current_exe()?,
//!     args: vec!["sqlite-runner".into()],
//! };
//! let shop = SqliteSource::new("shop".parse()?, "shop.sqlite".into(), program);
//! for table in shop.catalog().await?.tables {
//!     println!("{}: {} columns", table.name, table.columns.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Inserts`] writes invented rows as SQL for either.
//!
//! What this crate does not do: it holds no keys and seals nothing (the vault does, between reading and
//! writing), knows no data map (it is given plans), and decides nothing about who may see what.

mod insert;
mod postgres;
mod runner;
mod sqlite;

pub mod sample;

pub use insert::Inserts;
pub use postgres::{PostgresAddresses, PostgresSource, RolePlan, RoleTable};
pub use runner::child::runner_main;
pub use runner::{RunnerProgram, SqliteRunner};
pub use sqlite::SqliteSource;
