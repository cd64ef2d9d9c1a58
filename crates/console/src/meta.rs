//! The console's own commands, apart from those that ask questions.

use crate::session::quoted;

/// What `\?` says.
pub(crate) const HELP: &str = "\
  SELECT …;      any statement; it ends with a semicolon and may span lines
  decrypt!       open one subject's values, on the evidence of that person's consent
  encrypt!       back to protected
  \\d             tables              \\d NAME   columns of a table
  \\dt            tables
  \\s             who, where, which session, which mode
  \\x             one line a column, on and off
  \\w             sealed values whole, on and off
  \\?             this help           \\q        leave (or Ctrl-D)

  Find a person by a value without writing it into any log:
    SELECT * FROM customer WHERE email_px = '~eq:email:someone@example.com~';
  Ctrl-C clears the line, or cancels the statement that runs. History is kept in memory alone.";

/// A command that is a statement in disguise.
pub(crate) fn as_sql(command: &str) -> Option<String> {
    let mut words = command.split_whitespace();
    match (words.next()?, words.next(), words.next()) {
        ("\\d" | "\\dt", None, _) => Some(TABLES.to_owned()),
        ("\\s", None, _) => Some("CALL privet.status()".to_owned()),
        ("\\d", Some(table), None) => Some(columns(table)),
        _ => None,
    }
}

const TABLES: &str = "\
SELECT n.nspname as \"Schema\", c.relname as \"Name\",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END as \"Type\",
  pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\"
FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r','p','v','')
ORDER BY 1,2";

/// The columns of a table, by the standard's own view (ISO/IEC 9075-11).
fn columns(table: &str) -> String {
    format!(
        "SELECT column_name, data_type, is_nullable FROM information_schema.columns \
         WHERE table_name = {} ORDER BY ordinal_position",
        quoted(table)
    )
}
