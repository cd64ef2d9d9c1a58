//! Our own stores: SQLite and PostgreSQL for servers, memory for tests.
//!
//! Three stores that one restore cannot roll back together stand behind the ports of [`privet_vault::port`]: *data*
//! (sealed values, blind indexes, consent, sessions), *keys* (wrapped keys, links between ids, tokens, grants, and the sequence
//! that orders what takes rights away) and *log* (the audit log with its side records).
//!
//! ```
//! use privet_store::SqliteStores;
//!
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path();
//! let stores = SqliteStores::open(dir)?;
//! assert!(SqliteStores::open(dir).is_err(), "one server at a time");
//! let beside = SqliteStores::open_read_only(dir)?;
//! # drop((stores, beside));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What lies where
//!
//! | File | Table | Key | Holds |
//! |---|---|---|---|
//! | `data.sqlite` | `value` | puid, field | the sealed value |
//! | | `value_index` | puid, field, blind index | one row per live index version; a partial unique index where the field is unique |
//! | | `consent_event` | place | one answer of somebody, sealed, and its sealed evidence: neither whose nor what it was, nor when, nor which belong to the same person |
//! | | `consent_bit` | bit | the purpose that a bit of the consent map stands for, once somebody said yes to it |
//! | | `session` | session | facts of a session and its verdict |
//! | | `session_entry` | session, origin, position | which log entries belong to it |
//! | `keys.sqlite` | `wrapped_key` | key id; owner, kind, generation, tenant | the wrapped key, its commitment, its day of expiry |
//! | | `subject` | reference; puid; oid | the link between a subject's three ids, with its MAC |
//! | | `alias` | source, table, row key | an application's row as a name of a subject, with its MAC |
//! | | `token`, `access_grant` | id | token hashes and SCRAM verifiers; grants |
//! | | `change` | sequence | grants, their ends, revocations, erasures, changes of consent in order, for a day |
//! | | `log_position` | origin | how far that log's erasures were carried out here |
//! | | `orphan`, `orphan_place` | puid; place | an erased subject's account id, and where its answers lie, until what is there is deleted |
//! | | `orphan_row` | source, table, row key | a row of an application's table that named an erased subject, until it is erased there, or from which day on it may be |
//! | | `scrub` | | a row while an erasure's bytes may still be in the file |
//! | `log.sqlite` | `log` | origin | size, signed checkpoint, time of the last entry |
//! | | `entry`, `tile` | log, position; log, level, number | exact entry bytes; hashes (C2SP tlog-tiles) |
//! | | `side` | SHA-256 | sealed side records |
//!
//! No row holds plaintext personal data, with one exception: an alias names a row of an application's table by that
//! row's own key, without which it could not be found. `privet.lock` is the server's lock on the folder.
//!
//! On PostgreSQL each store is a schema of the file's name (`privet_data`, `privet_keys`, `privet_log`) with the same
//! tables, but for what follows from its engine: index rows are found through their value's row, `sequence_head` orders
//! the changes of several servers, and a vacuum takes the place of `scrub`.
//!
//! # Promises
//!
//! - A writing method is durable when it returns (write-ahead log, `synchronous=FULL`), or nothing of it happened.
//! - A reading method sees everything that was committed before it was called, and one snapshot.
//! - Destroyed keys and links are in no row when the destroying method returns: deleted rows are overwritten, and the
//!   write-ahead log is emptied. They are in no file when `settle_destroyed` returns: the key file is searched for what was
//!   destroyed (see `sqlite/scrub.rs` for why). On PostgreSQL they are in no table then; dead rows follow with the next vacuum, which is asked for at once, and
//!   write-ahead logs, archives and replicas count as backups.
//! - Errors hold no values: of what the engine says only its code is kept.
//!
//! A folder of SQLite files has one server. Several servers may share databases, each with a log of its own origin.
//!
//! What this crate does not do: it opens, wraps and decides nothing, and it knows no clock.

mod fail;
mod memory;
mod postgres;
mod sqlite;
mod write;

pub use fail::{FailNth, Faults, Gate, Moment};
pub use memory::MemoryStores;
pub use postgres::{
    Clusters, PostgresAddresses, PostgresKeyReplica, PostgresOptions, PostgresStores,
};
pub use sqlite::{SqliteKeyCopy, SqliteOptions, SqliteStores, StoresLock};
