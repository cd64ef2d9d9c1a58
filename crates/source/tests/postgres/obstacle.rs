//! What stands in the way of sealing: each obstacle alone, and what is said of it.

use std::slice::from_ref;

use privet_vault::port::{SealPlan, SealPlanColumn, Source};

use crate::{CLUSTER, Shop, source};

fn plan(unique: bool) -> SealPlan {
    SealPlan {
        table: "t".into(),
        columns: vec![SealPlanColumn {
            name: "email".into(),
            index_column: Some("email_px".into()),
            unique,
            retain_from: None,
        }],
        hops: vec![],
        root_table: "t".into(),
        root_column: "id".into(),
    }
}

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, email varchar(80), note text);";

/// What is said over table `t` and this, and that nothing was changed.
async fn check_with(shop: &Shop, unique: bool, expected: &[&str]) {
    let found = shop
        .source()
        .obstacles(from_ref(&plan(unique)))
        .await
        .unwrap();
    assert_eq!(found, expected);
    assert_eq!(
        shop.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'privet'"),
        "0\n"
    );
    // What is not in the way can be prepared.
    if expected.is_empty() {
        shop.source().prepare(&plan(unique)).await.unwrap();
    }
}

async fn check(sql: &str, expected: &[&str]) {
    check_with(&Shop::new(&format!("{TABLE}{sql}")), false, expected).await;
}

async fn check_table(sql: &str, expected: &[&str]) {
    check_with(&Shop::new(sql), false, expected).await;
}

#[tokio::test]
async fn an_ordinary_table_has_none() {
    check("", &[]).await;
    check("ALTER TABLE t ALTER email SET NOT NULL; COMMENT ON COLUMN t.email IS 'x'; GRANT SELECT (email) ON t TO PUBLIC", &[]).await;
    check_table(
        "CREATE TABLE t (id uuid, at timestamptz, email text COLLATE \"C\", PRIMARY KEY (at, id))",
        &[],
    )
    .await;
    check_table(
        "CREATE TABLE t (id int NOT NULL UNIQUE, email varchar)",
        &[],
    )
    .await;
    check(
        "CREATE VIEW v AS SELECT id, note FROM t; CREATE INDEX ON t (note)",
        &[],
    )
    .await;
}

#[tokio::test]
async fn tables_that_cannot_be_gone_through() {
    let no_key = "table `t` has neither a primary key nor a unique index over columns that are NOT NULL, so that its rows \
                  cannot be gone through in order: give it one (`ALTER TABLE … ADD PRIMARY KEY (…)`)";
    check_table("CREATE TABLE t (id int, email text)", &[no_key]).await;
    check_table("CREATE TABLE t (id int UNIQUE, email text)", &[no_key]).await;
    check_table(
        "CREATE TABLE t (id int NOT NULL, email text); CREATE UNIQUE INDEX ON t (id) WHERE id > 0",
        &[no_key],
    )
    .await;
    check_table(
        "CREATE TABLE t (id int PRIMARY KEY, email text) PARTITION BY HASH (id)",
        &["table `t` is partitioned, which adopting cannot work through: list none of its columns as a field"],
    )
    .await;
    check_table(
        "CREATE TABLE p (id int PRIMARY KEY, email text) PARTITION BY HASH (id);
         CREATE TABLE t PARTITION OF p FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        &["table `t` is a partition, which cannot be sealed without the others: list none of its columns as a field"],
    )
    .await;
    let inherits = "table `t` inherits from another or is inherited from, which adopting cannot work through: end that \
                    first (`ALTER TABLE … NO INHERIT …`)";
    check("CREATE TABLE child () INHERITS (t)", &[inherits]).await;
    check_table(
        "CREATE TABLE p (id int); CREATE TABLE t (email text, PRIMARY KEY (id)) INHERITS (p)",
        &[inherits],
    )
    .await;
    check(
        "CREATE RULE r AS ON UPDATE TO t DO ALSO NOTHING",
        &["table `t` has the rules `r`, which would change what adopting writes: drop them first"],
    )
    .await;
    check("CREATE TABLE o (whole t)", &["table `t` is the type of column `whole` of `o`, which would keep whole rows: drop that first"]).await;
    check_table("", &["there is no table `t`"]).await;
}

#[tokio::test]
async fn columns_that_are_no_text() {
    for kind in [
        "integer",
        "date",
        "jsonb",
        "bytea",
        "character(20)",
        "text[]",
        "uuid",
    ] {
        let said = format!(
            "column `email` of table `t` is `{kind}`: sealed values are text, so make it that first (`ALTER TABLE \
             \"public\".\"t\" ALTER COLUMN \"email\" TYPE text USING \"email\"::text`, which writes the table anew under a lock)"
        );
        let table = format!("CREATE TABLE t (id int PRIMARY KEY, email {kind});");
        check_table(&table, &[&said]).await;
        // What is said to be done helps.
        let statement = said
            .split('`')
            .find(|part| part.starts_with("ALTER"))
            .unwrap();
        check_table(&format!("{table}{statement}"), &[]).await;
    }
    check_table(
        "CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%'); CREATE TYPE mood AS ENUM ('good');
         CREATE TABLE t (id int PRIMARY KEY, email mail)",
        &["column `email` of table `t` is `mail`: sealed values are text, so make it that first (`ALTER TABLE \
           \"public\".\"t\" ALTER COLUMN \"email\" TYPE text USING \"email\"::text`, which writes the table anew under a lock)"],
    )
    .await;
    check_table(
        "CREATE TABLE t (id int PRIMARY KEY, note text, email text GENERATED ALWAYS AS (lower(note)) STORED)",
        &["column `email` of table `t` is generated: seal the columns that it is made from, and drop it"],
    )
    .await;
    check_table(
        "CREATE TABLE t (id int PRIMARY KEY, mail text)",
        &["column `email` of table `t` does not exist"],
    )
    .await;
}

/// What follows `column `email` of table `t` `.
async fn check_column(sql: &str, expected: &str) {
    check(sql, &[&format!("column `email` of table `t` {expected}")]).await;
}

#[tokio::test]
async fn indexes() {
    for (sql, expected) in [
        (
            "CREATE INDEX i ON t (email)",
            "has the index `i`, which finds nothing among sealed values: drop it first (`DROP INDEX CONCURRENTLY \"public\".\"i\"`)",
        ),
        (
            "CREATE INDEX i ON t USING hash (email)",
            "has the index `i`, which finds nothing among sealed values: drop it first (`DROP INDEX CONCURRENTLY \"public\".\"i\"`)",
        ),
        (
            "CREATE INDEX i ON t (note) INCLUDE (email)",
            "has the index `i`, which finds nothing among sealed values: drop it first (`DROP INDEX CONCURRENTLY \"public\".\"i\"`)",
        ),
        (
            "CREATE INDEX i ON t USING gin (to_tsvector('simple', email))",
            "is named in an expression or condition of index `i`: drop it first (`DROP INDEX CONCURRENTLY \"public\".\"i\"`)",
        ),
        (
            "CREATE INDEX i ON t (note) WHERE email IS NOT NULL",
            "is named in an expression or condition of index `i`: drop it first (`DROP INDEX CONCURRENTLY \"public\".\"i\"`)",
        ),
        (
            "CREATE UNIQUE INDEX i ON t (lower(email))",
            "is named in an expression or condition of the unique index `i`, which sealed values would make empty: give its \
          field `lookup = { unique = true }`, and drop it first (`DROP INDEX CONCURRENTLY \"public\".\"i\"`)",
        ),
        (
            "CREATE UNIQUE INDEX i ON t (email)",
            "has the unique index `i`, which sealed values would make empty: give its field `lookup = { unique = true }`, or \
          drop it first (`DROP INDEX CONCURRENTLY \"public\".\"i\"`)",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT c UNIQUE (note, email)",
            "is part of the unique index `c`, which sealed values would make empty: drop it first (`ALTER TABLE \
          \"public\".\"t\" DROP CONSTRAINT \"c\"`), and after adopting make one over the blind index instead",
        ),
        (
            "ALTER TABLE t ADD CONSTRAINT c EXCLUDE (email WITH =)",
            "has the exclusion constraint `c`, which sealed values would make empty: drop it first (`ALTER TABLE \
          \"public\".\"t\" DROP CONSTRAINT \"c\"`)",
        ),
    ] {
        check_column(sql, expected).await;
    }
    check_table(
        "CREATE TABLE t (id int, email text PRIMARY KEY)",
        &["column `email` of table `t` is part of the primary key: give the table another key first"],
    )
    .await;
    let unique = Shop::new(&format!("{TABLE} ALTER TABLE t ADD UNIQUE (email)"));
    check_with(&unique, true, &[]).await;
    let long = Shop::new(
        "CREATE TABLE t (id int PRIMARY KEY, email text UNIQUE);
         INSERT INTO t SELECT 1, string_agg(md5(i::text), '') FROM generate_series(1, 60) AS i",
    );
    check_with(
        &long,
        true,
        &["column `email` of table `t` has the unique index `t_email_key` and values that will be too long for it once \
           they are sealed: drop it first (`ALTER TABLE \"public\".\"t\" DROP CONSTRAINT \"t_email_key\"`)"],
    )
    .await;
}

#[tokio::test]
async fn whatever_depends_on_the_column() {
    for (sql, expected) in [
        (
            "ALTER TABLE t ADD CONSTRAINT c CHECK (email LIKE '%@%')",
            "is named in the CHECK constraint `c`, which sealed values would fail: drop it first (`ALTER TABLE \
          \"public\".\"t\" DROP CONSTRAINT \"c\"`)",
        ),
        (
            "ALTER TABLE t ALTER email SET DEFAULT 'nobody'",
            "has a default, which is plaintext: drop it first (`ALTER TABLE \"public\".\"t\" ALTER COLUMN \"email\" DROP DEFAULT`)",
        ),
        (
            "ALTER TABLE t ADD host text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED",
            "feeds the generated column `host`, which would be made from sealed values: drop that first (`ALTER TABLE \
          \"public\".\"t\" DROP COLUMN \"host\"`)",
        ),
        (
            "CREATE VIEW v AS SELECT email FROM t",
            "is shown by view `v`, which ties its type: keep the text of the view (`SELECT pg_get_viewdef('v')`), drop it first \
          (`DROP VIEW v`), and make it again after adopting",
        ),
        (
            "CREATE VIEW v AS SELECT id FROM t WHERE email LIKE 'a%'",
            "is shown by view `v`, which ties its type: keep the text of the view (`SELECT pg_get_viewdef('v')`), drop it first \
          (`DROP VIEW v`), and make it again after adopting",
        ),
        (
            "CREATE MATERIALIZED VIEW m AS SELECT email FROM t",
            "is shown by the materialized view `m`, which keeps its values: drop it first (`DROP MATERIALIZED VIEW m`), and \
          make it again after adopting",
        ),
        (
            "CREATE POLICY p ON t USING (email = current_user)",
            "is used by policy p on table t: drop that first",
        ),
        (
            "CREATE STATISTICS s ON email, note FROM t",
            "is used by statistics object s: drop that first",
        ),
        (
            "CREATE PUBLICATION p FOR TABLE t WHERE (email IS NULL)",
            "is used by publication of table t in publication p: drop that first",
        ),
        (
            "CREATE FUNCTION f() RETURNS text BEGIN ATOMIC SELECT email FROM t; END",
            "is used by function f(): drop that first",
        ),
        (
            "ALTER TABLE t ADD email_px text; INSERT INTO t VALUES (1, 'a', 'b', 'mine')",
            "needs `email_px` for its blind index, which holds other values: rename that column",
        ),
        (
            "CREATE TABLE o (email varchar(80) PRIMARY KEY); ALTER TABLE t ADD FOREIGN KEY (email) REFERENCES o",
            "is a foreign key: classify it as an identifier instead of sealing it",
        ),
    ] {
        if CLUSTER.version().unwrap() >= since(sql) {
            check_column(sql, expected).await;
        }
    }
    let referred = Shop::new(&format!(
        "{TABLE} ALTER TABLE t ADD UNIQUE (email); CREATE TABLE o (id int, mail varchar(80) REFERENCES t (email))"
    ));
    check_with(
        &referred,
        true,
        &["column `email` of table `t` is what a foreign key of table `o` refers to: refer to another column"],
    )
    .await;
}

/// The first version that can have this.
fn since(sql: &str) -> u32 {
    match sql {
        _ if sql.starts_with("CREATE PUBLICATION") => 15,
        _ if sql.contains("BEGIN ATOMIC") => 14,
        _ => 13,
    }
}

const FUNCTION: &str = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := now(); RETURN NEW; END';";

#[tokio::test]
async fn triggers() {
    let named = "column `email` of table `t` is named in trigger `x`, which would work on sealed values or keep copies: drop \
                 it first (`DROP TRIGGER \"x\" ON \"public\".\"t\"`)";
    check(&format!("{FUNCTION} CREATE TRIGGER x BEFORE UPDATE OF email ON t FOR EACH ROW EXECUTE FUNCTION f()"), &[named]).await;
    check(&format!("{FUNCTION} CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.email IS NULL) EXECUTE FUNCTION f()"), &[named]).await;
    let lower = FUNCTION.replace("NEW.note := now()", "NEW.note := lower(NEW.email)");
    check(
        &format!("{lower} CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"),
        &[named],
    )
    .await;
    // Others stay silent for a superuser, unless they say that they always fire.
    let other = format!(
        "{FUNCTION} CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();"
    );
    check(&other, &[]).await;
    for when in ["ALWAYS", "REPLICA"] {
        check(
            &format!("{other} ALTER TABLE t ENABLE {when} TRIGGER x"),
            &["trigger `x` of table `t` would fire for each row that is sealed: disable it meanwhile (`ALTER TABLE \
               \"public\".\"t\" DISABLE TRIGGER \"x\"`)"],
        )
        .await;
    }
    check(&format!("{other} ALTER TABLE t DISABLE TRIGGER x"), &[]).await;
}

/// What an ordinary role is told, which owns nothing but what `sql` gives it.
async fn check_role(role: &str, sql: &str, expected: &[&str]) {
    let shop = Shop::new(&format!(
        "DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN PASSWORD 'only-for-tests'; {TABLE} {FUNCTION}{sql}"
    ));
    let address = shop.address.replace("privet:", &format!("{role}:"));
    let found = source(&address)
        .obstacles(from_ref(&plan(false)))
        .await
        .unwrap();
    let expected: Vec<String> = expected
        .iter()
        .map(|one| one.replace("\"DATABASE\"", &format!("\"{}\"", shop.database)))
        .collect();
    assert_eq!(found, expected);
    if found.is_empty() {
        source(&address).prepare(&plan(false)).await.unwrap();
    }
    CLUSTER
        .sql(
            &shop.database,
            &format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"),
        )
        .unwrap();
}

#[tokio::test]
async fn rights() {
    check_role(
        "stranger",
        "",
        &["role `stranger` may not make schema `privet`, in which Privet keeps its own: let it (`GRANT CREATE ON DATABASE \
           \"DATABASE\" TO \"stranger\"`), or make it for it (`CREATE SCHEMA privet AUTHORIZATION \"stranger\"`)",
          "table `t` belongs to role `privet`, and only the owner may change it: log in as that role (`postgres.owner`)"],
    )
    .await;
    let owns = "ALTER TABLE t OWNER TO one; CREATE SCHEMA privet AUTHORIZATION one;";
    check_role("one", owns, &[]).await;
    let forced =
        format!("{owns} ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;")
            .replace("one", "two");
    check_role(
        "two",
        &forced,
        &["table `t` forces its row security on its owner, which hides rows from adopting: give the role BYPASSRLS, or \
           switch it off meanwhile (`ALTER TABLE … NO FORCE ROW LEVEL SECURITY`)"],
    )
    .await;
    let trigger =
        format!("{owns} CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();")
            .replace("one", "three");
    check_role(
        "three",
        &trigger,
        &["trigger `x` of table `t` would fire for each row that is sealed: let the owner's role keep triggers silent (`GRANT \
           SET ON PARAMETER session_replication_role TO …`, from PostgreSQL 15 on, else as superuser), or disable it \
           meanwhile (`ALTER TABLE \"public\".\"t\" DISABLE TRIGGER \"x\"`)"],
    )
    .await;
    if CLUSTER.version().unwrap() < 15 {
        eprintln!("skipped the rest: this server has no privileges on settings");
        return;
    }
    let granted = format!("{trigger} GRANT SET ON PARAMETER session_replication_role TO three;")
        .replace("three", "four");
    check_role("four", &granted, &[]).await;
}

#[tokio::test]
async fn without_an_owner_nothing_is_changed() {
    let shop = Shop::new(TABLE);
    let error = crate::source_of(&shop.address, None)
        .prepare(&plan(false))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "source `shop` has no address for the role that owns its tables: add `postgres.owner` to `[sources.shop]`"
    );
}
