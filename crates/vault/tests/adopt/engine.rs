//! The stores that these tests run on: in memory here, on PostgreSQL in `../adopt_postgres`.

use privet_store::MemoryStores;

/// Stores that no other test uses.
pub(crate) async fn new_stores() -> MemoryStores {
    MemoryStores::new()
}
