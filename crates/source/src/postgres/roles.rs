//! The SQL that makes the two roles behind the door, as the guard wants them: for whoever operates the database to read, change
//! and run. It may be run again, after an adoption or after the data map changed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::name::{Relation, literal, quoted};

/// What engineers type must reach neither the server's log nor each other.
const SETTINGS: [(&str, &str); 5] = [
    ("log_min_error_statement", "'panic'"),
    ("log_error_verbosity", "'terse'"),
    ("log_statement", "'none'"),
    ("log_min_duration_statement", "-1"),
    ("track_activities", "off"),
];

/// Which roles, over what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePlan {
    /// Runs the statements of protected sessions.
    pub console: String,
    /// Runs those of decrypted sessions.
    pub reader: String,
    /// Where a table lies whose name has no schema.
    pub schema: String,
    /// The tables that the data map lists.
    pub tables: Vec<RoleTable>,
}

/// A table of the data map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleTable {
    /// Its name, with its schema where the data map says so.
    pub name: String,
    /// All its columns but those of blind indexes.
    pub columns: Vec<String>,
    /// Whether it has a blind index, now or once it is adopted.
    pub has_index: bool,
}

impl RoleTable {
    fn relation(&self, schema: &str) -> Relation {
        let (schema, name) = self.name.split_once('.').unwrap_or((schema, &self.name));
        Relation {
            schema: schema.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl RolePlan {
    /// The SQL, with comments that say what it does. It holds no password.
    pub fn sql(&self) -> String {
        let mut sql = String::from(
            "-- Run it as a superuser in the application's database; it may be run again.\nBEGIN;\n",
        );
        for (role, what) in [
            (
                &self.console,
                "Protected sessions: reads, and changes what is granted below.",
            ),
            (&self.reader, "Decrypted sessions: reads."),
        ] {
            self.role(&mut sql, role, what);
        }
        self.rights(&mut sql);
        let (console, reader) = (quoted(&self.console), quoted(&self.reader));
        // A text can always be written to.
        let _ = write!(
            sql,
            "COMMIT;\n\n-- How they log in, best by a certificate and from the gateway's address alone (pg_hba.conf); or, in psql:\n\
             --   \\password {console}\n--   \\password {reader}\n"
        );
        sql
    }

    fn role(&self, sql: &mut String, role: &str, what: &str) {
        let (name, text) = (quoted(role), literal(role));
        let create = literal(&format!("CREATE ROLE {name} LOGIN"));
        let _ = write!(
            sql,
            "\n-- {what}\nDO $privet$ BEGIN\n  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {text}) THEN\n    \
             EXECUTE {create};\n  END IF;\nEND $privet$;\n\
             ALTER ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;\n"
        );
        for (setting, value) in SETTINGS {
            let _ = writeln!(sql, "ALTER ROLE {name} SET {setting} = {value};");
        }
    }

    fn rights(&self, sql: &mut String) {
        let (console, reader) = (quoted(&self.console), quoted(&self.reader));
        let relation = |table: &RoleTable| table.relation(&self.schema);
        let mut schemas = BTreeSet::from([self.schema.clone()]);
        schemas.extend(self.tables.iter().map(|table| relation(table).schema));
        for schema in schemas {
            let schema = quoted(&schema);
            let _ = write!(
                sql,
                "\n-- They make nothing in {schema}, and see every table of it.\n\
                 REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {console}, {reader};\n\
                 REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {console}, {reader};\n\
                 GRANT USAGE ON SCHEMA {schema} TO {console}, {reader};\n\
                 GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {console}, {reader};\n\
                 GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {console};\n"
            );
        }
        sql.push_str(
            "\n-- What engineers may change in protected sessions: leave out what they need not, add tables that the data map\n\
             -- does not list. Of a table with a blind index every column but that one.\n",
        );
        for table in &self.tables {
            let relation = relation(table).sql();
            let columns: Vec<_> = table.columns.iter().map(|name| quoted(name)).collect();
            let columns = columns.join(", ");
            let rights = match table.has_index {
                true => format!("INSERT ({columns}), UPDATE ({columns}), DELETE"),
                false => "INSERT, UPDATE, DELETE".to_owned(),
            };
            let _ = writeln!(sql, "GRANT {rights} ON {relation} TO {console};");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        let plan = RolePlan {
            console: "con\"sole'; DROP TABLE x".to_owned(),
            reader: "reader".to_owned(),
            schema: "public".to_owned(),
            tables: vec![RoleTable {
                name: "Sales.Order\"s".to_owned(),
                columns: vec!["Mail\"".to_owned()],
                has_index: true,
            }],
        };
        let sql = plan.sql();
        for part in [
            "rolname = 'con\"sole''; DROP TABLE x')",
            "EXECUTE 'CREATE ROLE \"con\"\"sole''; DROP TABLE x\" LOGIN';",
            "GRANT INSERT (\"Mail\"\"\"), UPDATE (\"Mail\"\"\"), DELETE ON \"Sales\".\"Order\"\"s\" TO",
            "IN SCHEMA \"Sales\"",
            "IN SCHEMA \"public\"",
        ] {
            assert!(sql.contains(part), "no `{part}` in {sql}");
        }
    }
}
