//! Runs the shop's customer service:
//!
//! ```text
//! PRIVET_ENV=dev PRIVET_TOKEN_FILE=… PRIVET_URL=http://127.0.0.1:7300 cargo run -p shop-service
//! ```
//!
//! `SHOP_DATABASE` names the SQLite file (`shop-service.sqlite`), `SHOP_LISTEN` the address (`127.0.0.1:8080`).

use anyhow::{Context as _, Result};
use privet::Client;
use privet_tracing::{Policy, panics, redacted};
use shop_service::{Shop, app, fields, prepare};
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() -> Result<()> {
    // First of all: from here on, no record shows what nobody listed.
    panics::install();
    let policy = Policy::new();
    let policy = fields::ATTRIBUTES
        .iter()
        .fold(policy, |policy, (name, class)| policy.field(name, *class));
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
    let stack = tracing_subscriber::registry()
        .with(filter.from_env_lossy())
        .with(tracing_subscriber::fmt::layer());
    redacted(stack, policy).init();

    let privet = Client::from_env()?;
    let who = privet.whoami().await.context("Privet")?;
    let file = std::env::var("SHOP_DATABASE").unwrap_or_else(|_| "shop-service.sqlite".to_owned());
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true);
    let database = SqlitePool::connect_with(options).await?;
    prepare(&database).await?;
    let listen = std::env::var("SHOP_LISTEN").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(&listen)
        .await
        .context(listen)?;
    tracing::info!(
        environment = who.environment,
        principal = who.principal,
        "serving customers"
    );
    axum::serve(listener, app(Shop { database, privet })).await?;
    Ok(())
}
