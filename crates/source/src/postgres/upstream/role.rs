//! The guard: what the role behind the door may do. A role that may more is refused, whatever the door's own list of
//! refused statements says, so that nothing rests on understanding SQL.

use std::sync::Once;

use privet_vault::port::RunMode;

use super::talk::{Refusal, Row, Talk};

/// What must not be written through the door, and what was said of this source already.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Blind-index columns: table (with its schema, where the data map says so) and column.
    index_columns: Vec<(String, String)>,
    warned: Once,
}

impl Guard {
    /// Guards these blind-index columns.
    pub(crate) fn new(index_columns: Vec<(String, String)>) -> Self {
        Self {
            index_columns,
            warned: Once::new(),
        }
    }
}

/// Roles that this one is, or may become: a right of any of them is one that it has.
const ROLES: &str = "WITH RECURSIVE roles(oid) AS (
    SELECT r.oid FROM pg_roles r WHERE r.rolname IN (current_user, session_user)
    UNION
    SELECT m.roleid FROM pg_auth_members m JOIN roles ON m.member = roles.oid
)";

/// What no role behind the door may have or do: kind, and the object it is about.
const EXCESS: &str = "
SELECT 'superuser', r.rolname::text FROM pg_roles r JOIN roles USING (oid) WHERE r.rolsuper
UNION ALL
SELECT 'createrole', r.rolname::text FROM pg_roles r JOIN roles USING (oid) WHERE r.rolcreaterole
UNION ALL
SELECT 'replication', r.rolname::text FROM pg_roles r JOIN roles USING (oid) WHERE r.rolreplication
UNION ALL
SELECT 'member', r.rolname::text FROM pg_roles r JOIN roles USING (oid)
 WHERE r.rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_monitor',
                     'pg_read_all_stats', 'pg_stat_scan_tables', 'pg_signal_backend', 'pg_write_all_data',
                     'pg_create_subscription', 'pg_maintain', 'pg_signal_autovacuum_worker')
UNION ALL
SELECT 'function', p.oid::regprocedure::text FROM pg_proc p
 WHERE p.pronamespace = 'pg_catalog'::regnamespace
   AND p.proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_ls_dir', 'pg_stat_file', 'lo_import', 'lo_export')
   AND EXISTS (SELECT FROM roles WHERE has_function_privilege(roles.oid, p.oid, 'EXECUTE'))
UNION ALL
SELECT 'schema', n.nspname::text FROM pg_namespace n
 WHERE n.nspname IN ('privet', 'privet_data', 'privet_keys', 'privet_log')
   AND EXISTS (SELECT FROM roles WHERE has_schema_privilege(roles.oid, n.oid, 'CREATE'))
UNION ALL
SELECT 'relation', c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('privet', 'privet_data', 'privet_keys', 'privet_log') AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
   AND EXISTS (SELECT FROM roles WHERE
       CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(roles.oid, c.oid, 'USAGE, SELECT, UPDATE')
            ELSE has_any_column_privilege(roles.oid, c.oid, 'SELECT, INSERT, UPDATE')
              OR has_table_privilege(roles.oid, c.oid, 'DELETE, TRUNCATE') END)";

/// Blind-index columns that the role may write, and the tables of which it could give itself that right.
const INDEXES: &str = "
UNION ALL
SELECT 'index', g.relation::regclass::text || '.' || quote_ident(g.name) FROM guarded g
 WHERE EXISTS (SELECT FROM roles WHERE has_column_privilege(roles.oid, g.relation, g.number, 'INSERT, UPDATE'))
UNION ALL
SELECT DISTINCT 'owner', g.relation::regclass::text FROM guarded g JOIN roles ON g.owner = roles.oid";

/// What the role of decrypted sessions may write.
const WRITES: &str = "
UNION ALL
SELECT 'write', c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
   AND n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast%'
   AND EXISTS (SELECT FROM roles WHERE has_any_column_privilege(roles.oid, c.oid, 'INSERT, UPDATE')
                                    OR has_table_privilege(roles.oid, c.oid, 'DELETE, TRUNCATE'))
UNION ALL
SELECT 'create', n.nspname::text FROM pg_namespace n
 WHERE n.nspname NOT LIKE 'pg\\_temp\\_%' AND n.nspname NOT LIKE 'pg\\_toast%'
   AND EXISTS (SELECT FROM roles WHERE has_schema_privilege(roles.oid, n.oid, 'CREATE'))";

/// Settings by which the server would write what is typed through the door into its own log.
const LOGGED: &str = "
UNION ALL
SELECT 'logged', s.name FROM pg_settings s
 WHERE (s.name = 'log_min_error_statement' AND s.setting <> 'panic')
    OR (s.name = 'log_error_verbosity' AND s.setting <> 'terse')
    OR (s.name = 'log_statement' AND s.setting <> 'none')
    OR (s.name = 'log_min_duration_statement' AND s.setting <> '-1')";

/// What is named of each kind; there may be thousands of tables.
const NAMED_MAX: usize = 5;

/// What the role may do that it must not, one sentence each, with how it is taken away.
pub(super) async fn excess(
    talk: &mut Talk,
    mode: RunMode,
    guard: &Guard,
) -> Result<Vec<String>, Refusal> {
    // The client's search path must not lead to operators and functions of somebody else's.
    talk.ask("BEGIN READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp")
        .await?;
    let rows = talk.ask(&question(mode, guard)).await?;
    talk.ask("COMMIT").await?;
    let of_kind = |kind: &str| -> Vec<String> {
        let about = |row: &Row| match row.as_slice() {
            [Some(found), Some(object)] if found == kind => Some(object.clone()),
            _ => None,
        };
        rows.iter().filter_map(about).collect()
    };
    let logged = of_kind("logged");
    if !logged.is_empty() {
        guard.warned.call_once(|| {
            tracing::warn!(
                settings = logged.join(", "),
                "the database server may log what is typed through this door: see docs/postgres.md"
            );
        });
    }
    let excess = KINDS.iter().filter_map(|(kind, sentence)| {
        let objects = of_kind(kind);
        (!objects.is_empty()).then(|| sentence.replace("{}", &listed(&objects)))
    });
    Ok(excess.collect())
}

/// What each kind means.
const KINDS: [(&str, &str); 11] = [
    ("superuser", "it is a superuser, or may become one ({})"),
    ("createrole", "it may make and change roles ({})"),
    ("replication", "it may replicate the whole cluster ({})"),
    ("member", "it is a member of {}: revoke that"),
    (
        "function",
        "it may reach files of the server by {}: revoke EXECUTE",
    ),
    (
        "schema",
        "it may create objects in Privet's schema {}: revoke CREATE",
    ),
    ("relation", "it has rights on Privet's own {}: revoke them"),
    (
        "index",
        "it may write the blind index {}: grant INSERT and UPDATE on the other columns instead of the table",
    ),
    (
        "owner",
        "it owns {}, or may become who does: give the table to another role",
    ),
    (
        "write",
        "it may write {}: the role of decrypted sessions reads, and nothing else",
    ),
    (
        "create",
        "it may create objects in schema {}: revoke CREATE",
    ),
];

fn listed(objects: &[String]) -> String {
    let named: Vec<String> = objects
        .iter()
        .take(NAMED_MAX)
        .map(|object| format!("`{object}`"))
        .collect();
    match objects.len().saturating_sub(NAMED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn question(mode: RunMode, guard: &Guard) -> String {
    let mut sql = String::from(ROLES);
    if !guard.index_columns.is_empty() {
        let rows = guard.index_columns.iter().map(|(table, column)| {
            let (schema, table) = match table.split_once('.') {
                Some((schema, table)) => (literal(schema), table),
                // In whichever schema it lies.
                None => ("NULL".to_owned(), table.as_str()),
            };
            format!(
                "({schema}::name, {}::name, {}::name)",
                literal(table),
                literal(column)
            )
        });
        let rows: Vec<String> = rows.collect();
        sql.push_str(&format!(
            ", named(schema, relation, name) AS (VALUES {}), guarded(relation, owner, number, name) AS (
    SELECT c.oid, c.relowner, a.attnum, a.attname FROM named
      JOIN pg_class c ON c.relname = named.relation AND c.relkind IN ('r', 'p')
      JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = coalesce(named.schema, n.nspname)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = named.name AND NOT a.attisdropped
)",
            rows.join(", ")
        ));
    }
    sql.push_str(EXCESS);
    if !guard.index_columns.is_empty() {
        sql.push_str(INDEXES);
    }
    if mode == RunMode::ReadOnly {
        sql.push_str(WRITES);
    }
    sql.push_str(LOGGED);
    sql
}

/// A text literal, whatever `standard_conforming_strings` says.
fn literal(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\'', "''");
    format!("E'{escaped}'")
}
