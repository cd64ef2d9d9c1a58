//! Runs the job once:
//!
//! ```text
//! PRIVET_ENV=dev PRIVET_TOKEN_FILE=… SHOP_DATABASE=shop.sqlite cargo run -p reminder-job | sendmail -t
//! ```

use anyhow::{Context as _, Result};
use privet::Client;
use privet_tracing::{Policy, panics, redacted};
use reminder_job::{fields, run};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<()> {
    panics::install();
    let policy = fields::ATTRIBUTES
        .iter()
        .fold(Policy::new(), |policy, (name, class)| {
            policy.field(name, *class)
        });
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    let stack = tracing_subscriber::registry().with(filter.from_env_lossy());
    redacted(stack.with(lines), policy).init();

    let file =
        std::env::var("SHOP_DATABASE").context("`SHOP_DATABASE` is not set: name the file")?;
    let options = SqliteConnectOptions::new().filename(file);
    let database = SqlitePool::connect_with(options).await?;
    let outcome = run(&database, &Client::from_env()?, &mut std::io::stdout()).await?;
    tracing::info!(written = outcome.written, gone = outcome.gone, "done");
    Ok(())
}
