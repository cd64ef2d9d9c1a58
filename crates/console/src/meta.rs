//! The console's own commands, apart from those that ask questions.

use crate::session::quoted;

/// What `\?` says.
pub(crate) const HELP: &str = "\
  SELECT …;      any statement; it ends with a semicolon and may span lines
  decrypt!       open the values of one subject, or of a few, on the evidence of their consent
  encrypt!       back to protected
  emergency!     decrypt at once, asking nobody: short, marked, and reviewed first
  requests!      what waits for a second person
  approve! ID    approve a colleague's request     deny! ID   say no to one, or withdraw your own
  \\d             tables              \\d NAME   columns of a table, and how to find people in it
  \\dt \\dv \\di    tables, views, indexes
  \\s             who, where, which session, which mode
  \\x             one line a column: where a table does not fit, always, never
  \\w             sealed values whole, on and off
  \\r             forget an unfinished statement (or Ctrl-C)
  \\?             this help           \\q        leave (or Ctrl-D)

  Find a person by a value without writing it into any log:
    SELECT * FROM customer WHERE email_px = '~eq:email:someone@example.com~';
  Ctrl-C clears the line, or cancels the statement that runs. History is kept in memory alone.";

/// What a command of the console asks the server.
pub(crate) enum Asks {
    /// One statement.
    Statement(String),
    /// The session's facts.
    Status,
    /// The columns of a table.
    Table(String),
}

/// Reads a command that asks the server something; `None`: there is no such command.
pub(crate) fn parse(command: &str) -> Option<Asks> {
    let mut words = command.trim_end_matches(';').split_whitespace();
    let (first, second, third) = (words.next()?, words.next(), words.next());
    // psql's words for "with details" mean the same here.
    match (first.strip_suffix('+').unwrap_or(first), second, third) {
        ("encrypt!", None, _) => Some(Asks::Statement("CALL privet.encrypt()".to_owned())),
        ("requests!", None, _) => Some(Asks::Statement("CALL privet.requests()".to_owned())),
        ("\\d" | "\\dt" | "\\dv" | "\\di", None, _) => Some(Asks::Statement(relations(first))),
        ("\\s", None, _) => Some(Asks::Status),
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

/// Relations of the kinds that a command of psql names.
fn relations(command: &str) -> String {
    let (kinds, more, join) = match command.trim_end_matches('+') {
        "\\dv" => ("'v',''", "", ""),
        "\\di" => (
            "'i','I',''",
            ",\n  c2.relname as \"Table\"",
            "\n  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid\
             \n  LEFT JOIN pg_catalog.pg_class c2 ON i.indrelid = c2.oid",
        ),
        "\\dt" => ("'r','p',''", "", ""),
        _ => ("'r','p','v',''", "", ""),
    };
    format!(
        "SELECT n.nspname as \"Schema\", c.relname as \"Name\",\n  \
         CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' END as \"Type\",\n  \
         pg_catalog.pg_get_userbyid(c.relowner) as \"Owner\"{more}\n\
         FROM pg_catalog.pg_class c\n  \
         LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace{join}\n\
         WHERE c.relkind IN ({kinds})\nORDER BY 1,2"
    )
}
