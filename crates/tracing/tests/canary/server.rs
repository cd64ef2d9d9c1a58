//! A real PostgreSQL, which writes all that it is asked to do into its log: each statement with its values, and with each
//! error the row that it is about.

use privet_cluster::{Cluster, Setup};
use tokio_postgres::{Client, Error, NoTls};

/// The server, with the log of somebody who looks for an error.
pub(crate) fn start() -> Cluster {
    Setup::new()
        .setting("log_statement", "all")
        .setting("log_min_error_statement", "error")
        .setting("log_error_verbosity", "verbose")
        .setting("log_parameter_max_length", "-1")
        .setting("log_parameter_max_length_on_error", "-1")
        .start()
        .unwrap()
}

/// The application's connection to it.
pub(crate) struct Server(Client);

impl Server {
    pub(crate) async fn connect(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let table = "CREATE TABLE ticket (customer text, email text UNIQUE, body text, \
                     priority integer CHECK (priority < 10))";
        client.batch_execute(table).await.unwrap();
        Self(client)
    }

    pub(crate) async fn keep(&self, row: &[String; 3], priority: i32) -> Result<u64, Error> {
        let [customer, email, body] = row;
        let insert = "INSERT INTO ticket VALUES ($1, $2, $3, $4)";
        self.0
            .execute(insert, &[customer, email, body, &priority])
            .await
    }
}
