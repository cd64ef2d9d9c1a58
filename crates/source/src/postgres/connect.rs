//! Connections to a database server, and what is set on them.

use std::time::Duration;

use privet_postgres::Address;
use tokio_postgres::Client;

use super::error::Failing;

/// How long connecting may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Values come and go as text, so that how text is written must not depend on the role's settings. With
/// `row_security` off, a statement that a policy would silently narrow fails instead.
const SETTINGS: &str =
    "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC';
    SET bytea_output = 'hex'; SET extra_float_digits = 1; SET standard_conforming_strings = on;
    SET row_security = off; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/// A connection with these settings; it ends when the client is dropped.
pub(super) async fn connect(address: &Address) -> Result<Client, Failing> {
    let mut config = address.config();
    config
        .application_name("privet")
        .connect_timeout(CONNECT_WAIT);
    let (client, connection) = config.connect(address.tls().clone()).await?;
    // Whoever uses the client is told of its errors.
    tokio::spawn(async move { drop(connection.await) });
    client.batch_execute(SETTINGS).await?;
    Ok(client)
}
