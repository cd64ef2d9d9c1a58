//! A connection on which a stranger's SQL may run: SQLite's authorizer, its limits, and triggers on
//! what only Privet writes ([`Guarded`]).
//!
//! The authorizer is asked while a statement is compiled, also for what triggers, views and virtual
//! tables do inside, so nothing here rests on reading SQL. It works together with `DEFENSIVE` and
//! `TRUSTED_SCHEMA = OFF` (<https://sqlite.org/security.html>).

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use privet_vault::port::RunMode;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::control::Control;
use super::failure::{Code, Failure};
use super::frame::{Open, SQL_SIZE_BYTES_MAX, VALUE_SIZE_BYTES_MAX};
use super::guarded::Guarded;
use super::limit::{FILE_GROWTH_BYTES_MAX, file_size};
use crate::sqlite::name::{OWN_PREFIX, is_ours};

/// How long a statement waits for another program's lock.
const BUSY: Duration = Duration::from_secs(5);
/// The clock is read after this many instructions of SQLite's machine: about 10 µs.
const PROGRESS_OPS: i32 = 1_000;

/// Why the authorizer said no, for the message: SQLite itself only says "not authorized".
#[derive(Clone, Default)]
pub(crate) struct Refusal(Arc<Mutex<Option<String>>>);

impl Refusal {
    fn set(&self, why: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// What was refused since the last call.
    pub(crate) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A guarded connection, why it refused, and what it guards.
pub(crate) type Opened = (Connection, Refusal, Guarded);

/// Opens the database for a stranger's statements.
pub(crate) fn open(open: &Open, control: &Arc<Control>) -> Result<Opened, Failure> {
    let path = Path::new(OsStr::from_bytes(&open.path));
    let access = match open.mode {
        RunMode::Ordinary => OpenFlags::SQLITE_OPEN_READ_WRITE,
        RunMode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
    };
    let connection = open_file(path, access)?;
    connection.busy_timeout(BUSY)?;
    configure(&connection, open, path)?;
    let guarded = Guarded::default();
    if open.mode == RunMode::Ordinary {
        guarded.follow(&connection)?;
    }
    bound(&connection)?;
    let stop = Arc::clone(control);
    connection.progress_handler(PROGRESS_OPS, Some(move || stop.must_stop()))?;
    let refusal = Refusal::default();
    let (told, mode, tables) = (refusal.clone(), open.mode, guarded.clone());
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        match refused(&context, mode, &tables) {
            None => Authorization::Allow,
            Some(why) => {
                told.set(why);
                Authorization::Deny
            }
        }
    }))?;
    Ok((connection, refusal, guarded))
}

/// Opens the file and reads from it once.
fn open_file(path: &Path, access: OpenFlags) -> Result<Connection, Failure> {
    let opened = |access| {
        let flags = access | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    let first = match opened(access) {
        // A program was killed in the middle of a transaction. Only who may write can roll that back, and whoever
        // writes next would do so before anything else.
        Err(error) if is_read_only(&error) => {
            opened(OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|_| opened(access))
        }
        first => first,
    };
    first.map_err(|error| match error.sqlite_error_code() {
        // The engine's message names the path, which is not the client's business.
        Some(ErrorCode::CannotOpen) => Failure::new(Code::Io, "unable to open database file"),
        _ => error.into(),
    })
}

fn is_read_only(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ReadOnly)
}

fn configure(connection: &Connection, open: &Open, path: &Path) -> Result<(), Failure> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false)?;
    let page_size: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages_max = (file_size(path) + FILE_GROWTH_BYTES_MAX) / u64::from(page_size.max(512));
    let memory = open.memory_bytes_max;
    // The hard limit answers "out of memory" before the operating system's limit ends the process.
    connection.execute_batch(&format!(
        "PRAGMA temp_store = MEMORY;
         PRAGMA cell_size_check = ON;
         PRAGMA mmap_size = 0;
         PRAGMA cache_size = -8192;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA soft_heap_limit = {};
         PRAGMA hard_heap_limit = {memory};
         PRAGMA max_page_count = {pages_max};",
        memory / 2,
    ))?;
    if open.mode == RunMode::ReadOnly {
        connection.execute_batch("PRAGMA query_only = ON")?;
    }
    Ok(())
}

fn bound(connection: &Connection) -> Result<(), Failure> {
    let set = |limit, value: usize| {
        connection
            .set_limit(limit, i32::try_from(value).unwrap_or(i32::MAX))
            .map(|_| ())
    };
    set(Limit::SQLITE_LIMIT_LENGTH, VALUE_SIZE_BYTES_MAX)?;
    set(Limit::SQLITE_LIMIT_SQL_LENGTH, SQL_SIZE_BYTES_MAX)?;
    set(Limit::SQLITE_LIMIT_EXPR_DEPTH, 500)?;
    set(Limit::SQLITE_LIMIT_COMPOUND_SELECT, 200)?;
    set(Limit::SQLITE_LIMIT_VDBE_OP, 5_000_000)?;
    set(Limit::SQLITE_LIMIT_FUNCTION_ARG, 127)?;
    set(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    set(Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 5_000)?;
    set(Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 100)?;
    set(Limit::SQLITE_LIMIT_WORKER_THREADS, 0)?;
    Ok(())
}

/// Pragmas that describe the database; a value is only ever the name of a table or index.
const PRAGMAS: &[&str] = &[
    "application_id",
    "collation_list",
    "compile_options",
    "data_version",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "journal_mode",
    "module_list",
    "page_count",
    "page_size",
    "pragma_list",
    "quick_check",
    "schema_version",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// Of these, the ones whose value is a name or a number of errors and sets nothing.
const PRAGMAS_WITH_VALUE: &[&str] = &[
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Functions that reach beyond the database. Most are not even built in; a SQLite that has them must
/// not let them through.
const FUNCTIONS: &[&str] = &[
    "edit",
    "fts3_tokenizer",
    "fsdir",
    "load_extension",
    "lsmode",
    "readfile",
    "sqlite_log",
    "writefile",
    "zipfile",
];

/// Why this is refused; `None`: it is not.
fn refused(context: &AuthContext<'_>, mode: RunMode, guarded: &Guarded) -> Option<String> {
    if guarded.is_at_work() {
        return None;
    }
    match &context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => {
            Some("other files cannot be reached here: ATTACH, DETACH and VACUUM are refused".into())
        }
        AuthAction::CreateVtable { .. } | AuthAction::DropVtable { .. } => {
            Some("virtual tables are neither made nor dropped here".into())
        }
        AuthAction::Function { function_name } => contains(FUNCTIONS, function_name)
            .then(|| format!("the function `{function_name}` is refused here")),
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => refused_pragma(pragma_name, pragma_value.is_some()),
        AuthAction::Unknown { .. } => Some("this kind of statement is not known here".into()),
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Recursive
        | AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. } => None,
        writing => match mode {
            RunMode::ReadOnly => Some("a decrypted session only reads".into()),
            RunMode::Ordinary => refused_change(writing, guarded),
        },
    }
}

fn refused_pragma(name: &str, has_value: bool) -> Option<String> {
    let list = if has_value {
        PRAGMAS_WITH_VALUE
    } else {
        PRAGMAS
    };
    (!contains(list, name)).then(|| {
        let how = if has_value && contains(PRAGMAS, name) {
            "cannot be set"
        } else {
            "is refused"
        };
        format!("`PRAGMA {name}` {how} here")
    })
}

/// What keeps sealed columns sealed stays as it is; a migration is the application's own business, on
/// its own connection.
fn refused_change(action: &AuthAction<'_>, guarded: &Guarded) -> Option<String> {
    // What Privet will make one day must not be there already and do nothing.
    if new_name(action).is_some_and(is_ours) {
        return Some(format!(
            "names that begin with `{OWN_PREFIX}` are Privet's own"
        ));
    }
    match action {
        AuthAction::AlterTable { table_name, .. } => {
            let sealed = guarded.has(table_name) || is_ours(table_name);
            sealed
                .then(|| format!("table `{table_name}` has sealed columns and is not altered here"))
        }
        // A trigger that skips the row runs before the guard and could keep what an application writes in clear.
        AuthAction::CreateTrigger { table_name, .. }
        | AuthAction::CreateTempTrigger { table_name, .. }
            if guarded.has(table_name) =>
        {
            Some(format!(
                "table `{table_name}` has sealed columns: triggers on it are not made here"
            ))
        }
        // Whoever writes next would run it, on a connection that knows nothing of the triggers of this one.
        AuthAction::CreateTrigger { .. } if !guarded.is_empty() => Some(
            "a trigger outlives this session and its guards: leave triggers to the application's migrations".into(),
        ),
        AuthAction::DropTrigger {
            trigger_name,
            table_name,
        }
        | AuthAction::DropTempTrigger {
            trigger_name,
            table_name,
        } => is_ours(trigger_name).then(|| {
            format!(
                "table `{table_name}` has sealed columns: it and its guards are not dropped here"
            )
        }),
        AuthAction::DropIndex { index_name, .. } => {
            is_ours(index_name).then(|| format!("index `{index_name}` belongs to Privet"))
        }
        AuthAction::DropTable { table_name } => {
            is_ours(table_name).then(|| format!("table `{table_name}` belongs to Privet"))
        }
        _ => None,
    }
}

/// What something that is about to be made will be called.
fn new_name<'a>(action: &AuthAction<'a>) -> Option<&'a str> {
    match *action {
        AuthAction::CreateIndex { index_name, .. }
        | AuthAction::CreateTempIndex { index_name, .. } => Some(index_name),
        AuthAction::CreateTable { table_name } | AuthAction::CreateTempTable { table_name } => {
            Some(table_name)
        }
        AuthAction::CreateTrigger { trigger_name, .. }
        | AuthAction::CreateTempTrigger { trigger_name, .. } => Some(trigger_name),
        AuthAction::CreateView { view_name } | AuthAction::CreateTempView { view_name } => {
            Some(view_name)
        }
        _ => None,
    }
}

fn contains(list: &[&str], name: &str) -> bool {
    list.iter().any(|listed| listed.eq_ignore_ascii_case(name))
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let why = refusal.take();
        Self::new(
            Code::NotAllowed,
            why.unwrap_or_else(|| "not allowed here".into()),
        )
    }
}
