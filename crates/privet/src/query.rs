//! Questions to telemetry, for applications that process what people do.

use bytes::Bytes;
use http::Method;
use privet_wire::QueryRequest;

use crate::call::Call;
use crate::retry::Repeat;
use crate::{Client, Error};

impl Client {
    /// Asks telemetry for a purpose; answers the bytes in the format asked for. Of purposes that rest on consent, nobody's
    /// events but those of people who agree at this moment are in it, so ask anew each time: an answer that is kept grows old.
    ///
    /// A long question takes longer [`Limits`](crate::Limits) than a look at one person.
    ///
    /// ```
    /// # async fn example(client: privet::Client) -> Result<(), privet::Error> {
    /// use privet::wire::{QueryFormat, QueryRequest};
    ///
    /// let order = QueryRequest {
    ///     purpose: "improvement".to_owned(),
    ///     sql: "SELECT event, count(*) FROM logs GROUP BY event".to_owned(),
    ///     format: QueryFormat::Csv,
    /// };
    /// let csv: bytes::Bytes = client.query(&order).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::whoami`]; the server refuses with `query_invalid` what is no statement that reads, with `query_limit` what
    /// takes more than it may.
    pub async fn query(&self, order: &QueryRequest) -> Result<Bytes, Error> {
        let call = Call::new(Method::POST, "/v1/query", Repeat::Undone);
        self.call_bytes(call.json(order)?).await
    }
}
