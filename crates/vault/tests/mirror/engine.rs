//! Stores that no other test uses, for what is not about them.

use privet_store::MemoryStores;

pub(crate) async fn new_stores() -> MemoryStores {
    MemoryStores::new()
}
