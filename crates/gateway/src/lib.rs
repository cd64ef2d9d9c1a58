//! The SQL door: PostgreSQL wire protocol.
