//! Applications' databases: catalog, batches, guarded execution.
