//! The protected console: a PostgreSQL client with our prompt.
