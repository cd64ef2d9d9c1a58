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

/// What a command of the console asks the server.
pub(crate) enum Asks {
    /// One statement.
    Statement(String),
    /// The columns of a table.
    Table(String),
}

/// Reads a command that asks the server something; `None`: there is no such command.
pub(crate) fn parse(command: &str) -> Option<Asks> {
    let mut words = command.split_whitespace();
    match (words.next()?, words.next(), words.next()) {
        ("encrypt!", None, _) => Some(Asks::Statement("CALL privet.encrypt()".to_owned())),
        ("\\d" | "\\dt", None, _) => Some(Asks::Statement(TABLES.to_owned())),
        ("\\s", None, _) => Some(Asks::Statement("CALL privet.status()".to_owned())),
        ("\\d", Some(table), None) => Some(Asks::Table(table.to_owned())),
        _ => None,
    }
}

/// Finds a table, in the words of psql, which every PostgreSQL server and our gateway understand. The first column of
/// the answer is its id. Characters that mean something in a pattern are taken out of the name.
pub(crate) fn find_table(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    format!(
        "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname OPERATOR(pg_catalog.~) {} COLLATE pg_catalog.default \
         AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3",
        quoted(&format!("^({plain})$"))
    )
}

/// The columns of the table with this id: name, type, default, whether it takes NULL.
pub(crate) fn columns(id: &str) -> String {
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    format!(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), \
         (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d \
         WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), a.attnotnull, \
         (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t \
         WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation) \
         AS attcollation, a.attidentity, a.attgenerated FROM pg_catalog.pg_attribute a \
         WHERE a.attrelid = '{digits}' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    )
}

const TABLES: &str = "\
SELECT n.nspname as \"Schema\", c.relname as \"Name\",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END as \"Type\",
  pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\"
FROM pg_catalog.pg_class c
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r','p','v','')
ORDER BY 1,2";
