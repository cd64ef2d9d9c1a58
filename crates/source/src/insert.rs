//! Rows as SQL that both engines run: `psql -f` and `sqlite3 <` take the same file.

use std::io::{self, Write};

use privet_classify::synthetic::Value;
use privet_classify::{ColumnName, TableName};

use crate::sqlite::name::quoted;

/// How many rows a statement has: enough that its head costs nothing, few enough for any limit of a statement's length.
const ROWS_MAX: u32 = 200;

/// What a reader of the file should know first.
const HEAD: &str = "\
-- Invented people, made by `privet synth`: nobody in here is real. UTF-8.
BEGIN;
";

/// Writes rows as `INSERT` statements, in one transaction.
///
/// Texts are literals of standard SQL: their quotes are doubled, and a backslash is one, as on every server whose
/// `standard_conforming_strings` is not switched off. Names are in double quotes, letter for letter.
#[derive(Debug)]
pub struct Inserts<W> {
    out: W,
    /// `INSERT INTO … VALUES` of the current table.
    head: String,
    /// Rows of the statement that is open.
    rows: u32,
}

impl<W: Write> Inserts<W> {
    /// Begins the transaction.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(HEAD.as_bytes())?;
        Ok(Self {
            out,
            head: String::new(),
            rows: 0,
        })
    }

    /// Rows of this table follow, with values of these columns: at least one, for neither engine inserts several rows
    /// of nothing.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn table<'n>(
        &mut self,
        table: &TableName,
        columns: impl Iterator<Item = &'n ColumnName>,
    ) -> io::Result<()> {
        self.end_statement()?;
        let columns: Vec<_> = columns.map(|column| quoted(column.as_str())).collect();
        let table = quoted(table.as_str());
        self.head = format!("INSERT INTO {table} ({}) VALUES\n", columns.join(", "));
        Ok(())
    }

    /// Writes a row of the current table.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn row(&mut self, values: &[Value]) -> io::Result<()> {
        if self.rows == ROWS_MAX {
            self.end_statement()?;
        }
        let before = if self.rows == 0 {
            self.head.as_str()
        } else {
            ",\n"
        };
        self.out.write_all(before.as_bytes())?;
        self.rows += 1;
        let mut before = "(";
        for value in values {
            self.out.write_all(before.as_bytes())?;
            self.value(value)?;
            before = ", ";
        }
        self.out.write_all(b")")
    }

    fn value(&mut self, value: &Value) -> io::Result<()> {
        match value {
            Value::Integer(number) => write!(self.out, "{number}"),
            // A literal whose type the column decides: PostgreSQL takes it for a Boolean as for a number, where it would
            // refuse a Boolean for a number; SQLite makes a number of it in both.
            Value::Boolean(flag) => write!(self.out, "'{}'", u8::from(*flag)),
            Value::Text(text) => {
                let mut before = "'";
                for part in text.split('\'') {
                    self.out.write_all(before.as_bytes())?;
                    self.out.write_all(part.as_bytes())?;
                    before = "''";
                }
                self.out.write_all(b"'")
            }
        }
    }

    fn end_statement(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.rows = 0;
            self.out.write_all(b";\n")?;
        }
        Ok(())
    }

    /// Ends the transaction.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn commit(mut self) -> io::Result<()> {
        self.end_statement()?;
        self.out.write_all(b"COMMIT;\n")?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn written(rows: u32) -> String {
        let mut out = Vec::new();
        let mut inserts = Inserts::begin(&mut out).unwrap();
        let columns = ["Row No", "said", "flag"].map(|name| name.parse().unwrap());
        let table = "Support Messages".parse().unwrap();
        inserts.table(&table, columns.iter()).unwrap();
        for row in 0..rows {
            let said = "O'Neill's 'note'; -- \\ \u{e9}\n:x %s".to_owned();
            let number = i64::from(row) - 1;
            let values = [
                Value::Integer(number),
                Value::Text(said),
                Value::Boolean(row % 2 == 1),
            ];
            inserts.row(&values).unwrap();
        }
        inserts.commit().unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_and_names_are_quoted() {
        let want = "-- Invented people, made by `privet synth`: nobody in here is real. UTF-8.\nBEGIN;\n\
            INSERT INTO \"Support Messages\" (\"Row No\", \"said\", \"flag\") VALUES\n\
            (-1, 'O''Neill''s ''note''; -- \\ \u{e9}\n:x %s', '0'),\n\
            (0, 'O''Neill''s ''note''; -- \\ \u{e9}\n:x %s', '1');\n\
            COMMIT;\n";
        assert_eq!(written(2), want);
        assert!(written(0).ends_with("BEGIN;\nCOMMIT;\n"), "{}", written(0));
    }

    #[test]
    fn statements_end_and_every_row_is_there() {
        for rows in [1, ROWS_MAX - 1, ROWS_MAX, ROWS_MAX + 1, 3 * ROWS_MAX] {
            let database = Connection::open_in_memory().unwrap();
            let made = "CREATE TABLE \"Support Messages\" (\"Row No\" INTEGER PRIMARY KEY, said TEXT, flag BOOLEAN)";
            database.execute_batch(made).unwrap();
            let sql = written(rows);
            assert_eq!(
                sql.matches("INSERT").count(),
                rows.div_ceil(ROWS_MAX) as usize
            );
            database.execute_batch(&sql).unwrap();
            let asked = "SELECT count(*), min(said), sum(flag) FROM \"Support Messages\"";
            let found: (u32, String, u32) = database
                .query_row(asked, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .unwrap();
            let said = "O'Neill's 'note'; -- \\ \u{e9}\n:x %s".to_owned();
            assert_eq!(found, (rows, said, rows / 2));
        }
    }
}
