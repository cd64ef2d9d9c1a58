use super::*;

fn plan(sql: &str) -> Result<Plan, Fault> {
    Plan::of(&text::tokens(sql))
}

fn transaction_of(sql: &str) -> Transaction {
    match plan(sql) {
        Ok(Plan::Transaction(transaction)) => transaction,
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn transactions_in_all_their_forms() {
    let begin = |sql, read_only| Transaction::Begin { sql, read_only };
    assert_eq!(transaction_of("BEGIN"), begin("BEGIN", false));
    assert_eq!(transaction_of("begin work"), begin("BEGIN", false));
    assert_eq!(
        transaction_of("BEGIN IMMEDIATE"),
        begin("BEGIN IMMEDIATE", false)
    );
    let modes = "START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE";
    assert_eq!(transaction_of(modes), begin("BEGIN", true));
    assert_eq!(transaction_of("END"), Transaction::Commit);
    assert_eq!(transaction_of("COMMIT TRANSACTION"), Transaction::Commit);
    assert_eq!(transaction_of("ABORT"), Transaction::Rollback);
    assert_eq!(
        transaction_of("ROLLBACK TO SAVEPOINT \"A\""),
        Transaction::RollbackTo("A".into())
    );
    assert_eq!(
        transaction_of("ROLLBACK WORK TO a"),
        Transaction::RollbackTo("a".into())
    );
    assert_eq!(
        transaction_of("RELEASE SAVEPOINT a"),
        Transaction::Release("a".into())
    );
    for sql in [
        "BEGIN; x",
        "BEGIN nonsense",
        "COMMIT AND CHAIN",
        "SAVEPOINT",
        "START",
        "ROLLBACK TO",
    ] {
        let first = text::tokens(sql);
        let first = text::statements(&first).next().unwrap();
        assert!(sql == "BEGIN; x" || Plan::of(first).is_err(), "{sql}");
    }
}

#[test]
fn settings_are_read() {
    let set = |name: &str, value: Option<&str>| {
        let value = value.map(str::to_owned);
        Ok(Plan::Session(Session::Set {
            name: name.into(),
            value,
            tag: "SET",
        }))
    };
    assert_eq!(
        plan("SET extra_float_digits = 3"),
        set("extra_float_digits", Some("3"))
    );
    assert_eq!(plan("SET SESSION x TO 'a', b"), set("x", Some("a, b")));
    assert_eq!(plan("SET LOCAL x = DEFAULT"), set("x", None));
    assert_eq!(plan("SET TIME ZONE 'UTC'"), set("timezone", Some("UTC")));
    assert_eq!(
        plan("SET NAMES 'utf8'"),
        set("client_encoding", Some("utf8"))
    );
    assert_eq!(
        plan("SET privet.reason = 'x'"),
        set("privet.reason", Some("x"))
    );
    assert_eq!(plan("SHOW ALL"), Ok(Plan::Session(Session::ShowAll)));
    let isolation = Session::Show("transaction_isolation".into());
    assert_eq!(
        plan("show transaction isolation level"),
        Ok(Plan::Session(isolation))
    );
    assert_eq!(
        plan("DEALLOCATE ALL"),
        Ok(Plan::Session(Session::Deallocate(None)))
    );
    for sql in [
        "SET",
        "SET x",
        "SET x =",
        "SET x = (1)",
        "SHOW",
        "SHOW a b",
        "RESET",
    ] {
        assert!(plan(sql).is_err(), "{sql}");
    }
}

#[test]
fn the_rest_is_the_engines() {
    for sql in [
        "SELECT * FROM customer",
        "SELECT 'CALL privet.justify()'",
        "SELECT 1",
        "SELECT email FROM customer WHERE note = 'pg_catalog.pg_class'",
        "PRAGMA table_info(customer)",
        "(SELECT 1)",
        "SELECT 'open",
    ] {
        assert_eq!(plan(sql), Ok(Plan::Run), "{sql}");
    }
    assert_eq!(
        plan("SELECT * FROM pg_catalog.pg_class c"),
        Ok(Plan::Catalog)
    );
    assert_eq!(plan("select * from pg_settings"), Ok(Plan::Catalog));
    for (sql, expected) in [
        ("SELECT c.oid FROM pg_catalog.pg_class c", true),
        ("SELECT 1 FROM pg_class; SELECT 2 FROM pg_type;", true),
        ("SELECT 1 FROM pg_class; SELECT email FROM customer", false),
        (
            "SELECT email FROM customer -- FROM pg_catalog.pg_class",
            false,
        ),
        (
            "SELECT email FROM customer WHERE note = ' FROM pg_catalog.pg_class'",
            false,
        ),
        ("CALL privet.status()", false),
        (" ; ", false),
        ("", false),
    ] {
        assert_eq!(asks_catalog_only(sql), expected, "{sql}");
    }
    assert_eq!(plan("SELECT version()"), Ok(Plan::Facts));
    assert_eq!(plan("-- ping"), Ok(Plan::Empty));
    for sql in [
        "COPY t TO STDOUT",
        "DECLARE c CURSOR FOR SELECT 1",
        "LISTEN x",
        "DO $$x$$",
    ] {
        assert_eq!(plan(sql).unwrap_err().code, "0A000", "{sql}");
    }
}

#[test]
fn startup_statements_are_listed_whole_or_by_their_beginning() {
    let listed = |sql: &str| is_startup_statement(sql, &text::tokens(sql));
    assert!(listed("select  1 ;"));
    assert!(listed(
        "SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings'"
    ));
    assert!(!listed("SELECT 1 FROM customer"));
    assert!(!listed("SELECT 2"));
}

#[test]
fn tags_name_what_was_done() {
    let tag =
        |sql: &str, columns, rows, changed| command_tag(&text::tokens(sql), columns, rows, changed);
    assert_eq!(tag("select 1", true, 1, 0), "SELECT 1");
    assert_eq!(tag("PRAGMA x", true, 3, 0), "SELECT 3");
    assert_eq!(
        tag("INSERT INTO t VALUES (1) RETURNING id", true, 1, 1),
        "INSERT 0 1"
    );
    assert_eq!(tag("REPLACE INTO t VALUES (1)", false, 0, 1), "INSERT 0 1");
    assert_eq!(
        tag("WITH x AS (SELECT 1) DELETE FROM t", false, 0, 4),
        "DELETE 4"
    );
    assert_eq!(tag("CREATE TEMP TABLE t(a)", false, 0, 0), "CREATE TABLE");
    assert_eq!(
        tag("CREATE UNIQUE INDEX i ON t(a)", false, 0, 0),
        "CREATE INDEX"
    );
    assert_eq!(tag("VACUUM", false, 0, 0), "VACUUM");
}
