//! The suite of the client library against the Privet in memory.

#![expect(clippy::unwrap_used, reason = "tests")]

use async_trait::async_trait;
use privet::Client;
use privet_testing::{Place, SUITE_MAP, TestPrivet, suite};

struct InMemory(TestPrivet);

#[async_trait]
impl Place for InMemory {
    async fn client(&self, principal: &str) -> Client {
        self.0.client(principal).await.unwrap()
    }
}

#[tokio::test]
async fn the_privet_in_memory_passes_the_suite() {
    let privet = TestPrivet::start(SUITE_MAP).await.unwrap();
    suite(&InMemory(privet)).await;
}
