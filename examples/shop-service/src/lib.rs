//! A shop's customer service, to show how an application uses Privet: an `axum` router over a SQLite database whose columns of
//! personal data are sealed.
//!
//! The database holds opaque ids, sealed values and blind indexes. Values are opened for one purpose, one customer at a time,
//! and each look is on record. What comes back bears its class, so that it reaches the customer and no log.

mod customers;
mod error;
// `privet classify --lang rust --client --map datamap.toml`
pub mod fields;

use axum::Router;
use axum::extract::MatchedPath;
use axum::routing::{get, post};
use privet::Client;
use sqlx::SqlitePool;

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct Shop {
    /// The shop's own database.
    pub database: SqlitePool,
    /// The way to Privet, as the principal of this service.
    pub privet: Client,
}

/// Makes the tables that are missing.
///
/// # Errors
/// What the database says.
pub async fn prepare(database: &SqlitePool) -> sqlx::Result<()> {
    sqlx::query(
        "CREATE TABLE IF NOT EXISTS customer (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL CHECK (name LIKE 'pv1~_%' ESCAPE '~'),
            email TEXT NOT NULL CHECK (email LIKE 'pv1~_%' ESCAPE '~'),
            email_px TEXT NOT NULL UNIQUE CHECK (email_px LIKE 'px1~_%' ESCAPE '~'),
            wish TEXT CHECK (wish LIKE 'pv1~_%' ESCAPE '~'))",
    )
    .execute(database)
    .await?;
    Ok(())
}

/// The service. Whether a customer is who they say they are is left out: that is the login's affair, before this.
pub fn app(shop: Shop) -> Router {
    let route = |parts: &http::Extensions| {
        parts
            .get::<MatchedPath>()
            .map(|path| path.as_str().to_owned())
    };
    Router::new()
        .route("/customers", post(customers::join))
        // A value in a path or a query would stand in every log on the way.
        .route("/customers/find", post(customers::find))
        .route(
            "/customers/{id}",
            get(customers::profile)
                .put(customers::wish)
                .delete(customers::leave),
        )
        .layer(privet_tracing::http::trace_layer(route))
        .with_state(shop)
}
