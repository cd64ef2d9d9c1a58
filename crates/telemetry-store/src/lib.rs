//! Treated telemetry as Parquet files on an object store: the tables and their columns, how files are named, added,
//! merged and dropped, and how a reader finds those that count. The crate knows no keys, no consent and no OTLP: what it
//! is given has been treated already.
