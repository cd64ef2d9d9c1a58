//! Nothing else changes: the same frames are sent to the server directly and through the door, and every answer is compared
//! byte for byte.

use std::time::Duration;

use crate::raw::{Frame, Raw, Script};
use crate::world::{CLUSTER, World};

/// Scripts, and how many ReadyForQuery answer each.
type Scripts = Vec<(&'static str, Script, usize)>;

fn scripts() -> Scripts {
    let simple = |sql: &&'static str| (*sql, Script::default().query(sql), 1);
    let simple: Scripts = SIMPLE.iter().map(simple).collect();
    [
        simple,
        statements(),
        errors(),
        pipelines(),
        portals(),
        copies(),
    ]
    .concat()
}

fn statements() -> Scripts {
    let s = Script::default;
    vec![
        (
            "unnamed, text",
            s().parse("", "SELECT $1::int + 1, $2", &[])
                .bind("", "", &[Some("41"), Some("x")], 0)
                .describe(b'P', "")
                .execute("", 0)
                .sync(),
            1,
        ),
        (
            "unnamed, binary",
            s().parse("", TYPES, &[])
                .bind("", "", &[], 1)
                .describe(b'P', "")
                .execute("", 0)
                .sync(),
            1,
        ),
        (
            "every type as text",
            s().parse("", TYPES, &[])
                .bind("", "", &[], 0)
                .describe(b'P', "")
                .execute("", 0)
                .sync(),
            1,
        ),
        (
            "named, twice",
            s().parse("n", "SELECT $1::text", &[25])
                .describe(b'S', "n")
                .sync()
                .bind("", "n", &[Some("a")], 0)
                .execute("", 0)
                .sync()
                .bind("", "n", &[None], 1)
                .execute("", 0)
                .sync(),
            3,
        ),
        (
            "named again is an error",
            s().parse("n", "SELECT 1", &[]).sync(),
            1,
        ),
        (
            "closed and parsed again",
            s().close(b'S', "n")
                .parse("n", "SELECT 2", &[])
                .bind("", "n", &[], 0)
                .execute("", 0)
                .sync(),
            1,
        ),
        (
            "no such statement",
            s().bind("", "missing", &[], 0).execute("", 0).sync(),
            1,
        ),
        ("no such portal", s().execute("missing", 0).sync(), 1),
    ]
}

fn errors() -> Scripts {
    let s = Script::default;
    vec![
        (
            "too many parameters",
            s().parse("", "SELECT $1::int", &[])
                .bind("", "", &[Some("1"), Some("2")], 0)
                .execute("", 0)
                .sync(),
            1,
        ),
        (
            "a parameter that does not fit",
            s().parse("", "SELECT $1::int", &[])
                .bind("", "", &[Some("x")], 0)
                .execute("", 0)
                .sync(),
            1,
        ),
        (
            "a syntax error skips up to sync",
            s().parse("", "SELEC 1", &[])
                .bind("", "", &[], 0)
                .execute("", 0)
                .parse("", "SELECT 1", &[])
                .sync()
                .query("SELECT 2"),
            2,
        ),
    ]
}

fn pipelines() -> Scripts {
    let s = Script::default;
    vec![
        (
            "an error in a pipeline",
            s().parse("", "SELECT 1", &[])
                .bind("", "", &[], 0)
                .execute("", 0)
                .parse("", "SELECT 1/0", &[])
                .bind("", "", &[], 0)
                .execute("", 0)
                .parse("", "SELECT 3", &[])
                .bind("", "", &[], 0)
                .execute("", 0)
                .sync(),
            1,
        ),
        (
            "three syncs at once",
            s().parse("", "SELECT 1", &[])
                .bind("", "", &[], 0)
                .execute("", 0)
                .sync()
                .parse("", "SELECT 1/0", &[])
                .bind("", "", &[], 0)
                .execute("", 0)
                .sync()
                .parse("", "SELECT 3", &[])
                .bind("", "", &[], 0)
                .execute("", 0)
                .sync(),
            3,
        ),
        (
            "two queries at once",
            s().query("SELECT 1").query("SELECT 2; SELECT 3"),
            2,
        ),
        (
            "a portal in pieces",
            s().query("BEGIN")
                .parse("", "SELECT generate_series(1, 5)", &[])
                .bind("p", "", &[], 0)
                .execute("p", 2)
                .sync()
                .execute("p", 2)
                .sync()
                .execute("p", 0)
                .sync()
                .query("COMMIT"),
            5,
        ),
    ]
}

fn portals() -> Scripts {
    let s = Script::default;
    vec![
        (
            "two portals",
            s().query("BEGIN")
                .parse("g", "SELECT generate_series(1, 3)", &[])
                .bind("a", "g", &[], 0)
                .bind("b", "g", &[], 1)
                .execute("a", 1)
                .execute("b", 1)
                .execute("a", 0)
                .close(b'P', "a")
                .execute("b", 0)
                .sync()
                .query("COMMIT"),
            3,
        ),
        (
            "flush",
            s().parse("", "SELECT 1", &[])
                .flush()
                .bind("", "", &[], 0)
                .flush()
                .execute("", 0)
                .flush()
                .sync(),
            1,
        ),
        ("nothing but sync", s().sync(), 1),
        (
            "an empty statement",
            s().parse("", "", &[])
                .bind("", "", &[], 0)
                .describe(b'P', "")
                .execute("", 0)
                .sync(),
            1,
        ),
        (
            "a statement without rows",
            s().parse("", "SET application_name = 'x'", &[])
                .describe(b'S', "")
                .bind("", "", &[], 0)
                .execute("", 0)
                .sync(),
            1,
        ),
    ]
}

fn copies() -> Scripts {
    let s = Script::default;
    vec![
        (
            "copy in",
            s().query("BEGIN")
                .query("COPY invoice FROM STDIN")
                .frame(b'd', b"7001\t1\t2.5\tt\t\\\\x01\n")
                .frame(b'd', b"7002\t2\t\\N\tf\t\\N\n")
                .frame(b'c', b"")
                .query("SELECT count(*) FROM invoice")
                .query("ROLLBACK"),
            4,
        ),
        (
            "copy that the client fails",
            s().query("COPY invoice FROM STDIN")
                .frame(b'd', b"7001\t1\n")
                .frame(b'f', b"never mind\0")
                .query("SELECT 1"),
            2,
        ),
        (
            "copy that the server fails",
            s().query("COPY invoice FROM STDIN")
                .frame(b'd', b"x\t1\n")
                .frame(b'c', b"")
                .query("SELECT 1"),
            2,
        ),
        (
            "copy in by extended",
            s().query("BEGIN")
                .parse("", "COPY invoice (id, customer_id) FROM STDIN", &[])
                .bind("", "", &[], 0)
                .execute("", 0)
                .sync()
                .frame(b'd', b"7003\t1\n")
                .frame(b'c', b"")
                .sync()
                .query("ROLLBACK"),
            3,
        ),
        (
            "copy data that nobody waits for",
            s().frame(b'd', b"x").frame(b'c', b"").query("SELECT 1"),
            1,
        ),
    ]
}

const TYPES: &str = "SELECT true, 1::int2, 2::int4, 3::int8, 1.5::float4, 2.5::float8, 123.45::numeric, 'x'::text, 'y'::char(3), \
    'z'::varchar(5), 'n'::name, '\\xdead'::bytea, '2026-11-26'::date, '12:34:56'::time, '2026-11-26 12:34:56'::timestamp, \
    '2026-11-26 12:34:56+00'::timestamptz, '1 day 2 hours'::interval, '{1,2}'::int[], '{a,NULL,\"b c\"}'::text[], \
    '{\"a\": 1}'::json, '{\"b\": 2}'::jsonb, '0b4ee0f9-5cf5-4bd1-a7d4-9a1a4b3f6d10'::uuid, '10.0.0.1/8'::inet, \
    '08:00:2b:01:02:03'::macaddr, '(1,2)'::point, 'b'::\"char\", '101'::bit(3), '[1,5)'::int4range, 1::oid, NULL::text, (1,'x')";

const SIMPLE: &[&str] = &[
    "",
    " ; ;",
    "-- nothing",
    "SELECT 1",
    "SELECT 1 AS a, NULL AS b, 'é🦀' AS c",
    "SELECT",
    "SELECT 1; SELECT 2, 3; SELECT",
    "SELECT * FROM invoice ORDER BY id",
    "SELECT first_name, email, note FROM customer ORDER BY id",
    "SELECT c FROM customer c ORDER BY id",
    "SELECT * FROM missing",
    "SELECT missing FROM customer",
    "SELEC 1",
    "SELECT 'unfinished",
    "SELECT 1/0",
    "SELECT 1; SELECT 1/0; SELECT 3",
    "SELECT 'x'::int",
    "SELECT email::int FROM customer WHERE id = 1",
    "DO $$ BEGIN RAISE NOTICE 'a notice'; RAISE WARNING 'a warning'; RAISE INFO 'an info'; END $$",
    "DO $$ BEGIN RAISE EXCEPTION 'custom' USING ERRCODE = 'P0042', DETAIL = 'd', HINT = 'h', TABLE = 't'; END $$",
    "DROP TABLE IF EXISTS missing",
    "CREATE TEMP TABLE t (a int PRIMARY KEY, b text)",
    "INSERT INTO t VALUES (1, 'x'), (2, 'y')",
    "INSERT INTO t VALUES (1, 'z')",
    "INSERT INTO t VALUES (3, 'z') RETURNING a + 0, b || ''",
    "UPDATE t SET b = 'w' WHERE a = 2",
    "DELETE FROM t RETURNING a + 1",
    "DROP TABLE t",
    "BEGIN",
    "BEGIN",
    "SAVEPOINT s",
    "SELECT 1/0",
    "SELECT 1",
    "ROLLBACK TO s",
    "SELECT 2",
    "COMMIT",
    "COMMIT",
    "BEGIN; SELECT 1/0; COMMIT",
    "ROLLBACK",
    "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; SHOW transaction_isolation; COMMIT AND CHAIN; ROLLBACK",
    "BEGIN; DECLARE c SCROLL CURSOR FOR SELECT generate_series(1, 10); FETCH 3 FROM c; FETCH BACKWARD 1 FROM c; MOVE 2 FROM c; FETCH ABSOLUTE 9 FROM c; CLOSE c; COMMIT",
    "DECLARE c CURSOR FOR SELECT 1",
    "DECLARE h CURSOR WITH HOLD FOR SELECT id FROM customer ORDER BY id",
    "FETCH ALL FROM h",
    "CLOSE h",
    "PREPARE p (int) AS SELECT $1 * 2",
    "EXECUTE p (21)",
    "EXECUTE p ('x')",
    "DEALLOCATE p",
    "DEALLOCATE p",
    "SHOW search_path",
    "SET search_path = pg_catalog, public",
    "SET TimeZone = 'Europe/Berlin'",
    "SELECT '2026-11-26 12:00:00+00'::timestamptz",
    "SET DateStyle = 'SQL, DMY'",
    "SELECT '2026-11-26'::date",
    "SET application_name = 'compare'",
    "SET nonsense.x = 'custom settings are kept'",
    "SHOW nonsense.x",
    "SET nonsense = 1",
    "SET bytea_output = 'escape'; SELECT '\\x0001ff'::bytea",
    "SET standard_conforming_strings = off; SELECT 'a\\nb'; RESET standard_conforming_strings",
    "RESET ALL",
    "LISTEN a; UNLISTEN a",
    "COPY (SELECT 1, 'two', NULL) TO STDOUT",
    "COPY (SELECT generate_series(1, 3)) TO STDOUT WITH (FORMAT binary)",
    "COPY invoice TO STDOUT WITH (FORMAT csv, HEADER)",
    "COPY (SELECT first_name FROM customer ORDER BY id) TO STDOUT",
    "COPY missing TO STDOUT",
    "EXPLAIN (COSTS OFF) SELECT * FROM customer WHERE id = 1",
    "SELECT repeat('x', 300000)",
    "SELECT generate_series(1, 20000), 'some text that makes rows a little longer'",
    "SELECT i, 1/(15000 - i) FROM generate_series(1, 20000) i",
    "WITH x AS (SELECT 1 AS a) SELECT * FROM x UNION ALL VALUES (2), (3)",
    "SELECT current_user = session_user, pg_typeof(first_name) FROM customer LIMIT 1",
    "CREATE FUNCTION pg_temp.f(a int) RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'in f'; RETURN QUERY SELECT a; RETURN NEXT a + 1; END $$",
    "SELECT * FROM pg_temp.f(5)",
    "CREATE PROCEDURE pg_temp.pr(INOUT x int) LANGUAGE plpgsql AS $$ BEGIN x := x + 1; END $$",
    "CALL pg_temp.pr(1)",
    "CALL missing.pr(1)",
    "SELECT lo_create(0) > 0",
    "VACUUM customer",
    "BEGIN; VACUUM; ROLLBACK",
    "SELECT set_config('statement_timeout', '50', false)",
    "SELECT pg_sleep(5)",
    "SET statement_timeout = 0",
    "DISCARD ALL",
];

/// Without what the door adds, and without the number of a connection's own temporary schema.
fn masked(frames: Vec<Frame>) -> Vec<Frame> {
    const SCHEMA: &[u8] = b"pg_temp_";
    let own = |(tag, body): &Frame| *tag != b'S' || !body.starts_with(b"privet.mode\0");
    let mut frames: Vec<Frame> = frames.into_iter().filter(own).collect();
    for (_, body) in &mut frames {
        if let Some(at) = memchr::memmem::find(body, SCHEMA) {
            let digits = body[at + SCHEMA.len()..].iter_mut();
            let digits = digits.take_while(|byte| byte.is_ascii_digit());
            digits.for_each(|digit| *digit = b'0');
        }
    }
    frames
}

fn readable(frames: &[Frame]) -> String {
    let lines = frames.iter().map(|(tag, body)| {
        let start = body.get(..200).unwrap_or(body);
        format!(
            "{} {} {}",
            char::from(*tag),
            body.len(),
            start.escape_ascii()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_the_servers_own() {
    let world = World::start().await;
    let console = format!("{}_console", world.database);
    let server = format!("127.0.0.1:{}", CLUSTER.port()).parse().unwrap();
    let mut direct = Raw::connect(server, &console, CLUSTER.password(), &world.database).await;
    let mut through = Raw::connect(world.address, "ann", world.token("ann"), "shop").await;
    let justify = Script::default().query("CALL privet.justify('comparing every answer')");
    through.send(&justify.0).await;
    through.answers(1).await;
    for (name, script, ready) in scripts() {
        let both = async {
            direct.send(&script.0).await;
            let expected = masked(direct.answers(ready).await);
            // Byte by byte now and then: frames are frames however they arrive.
            if script.0.len() < 200 {
                for byte in &script.0 {
                    through.send(&[*byte]).await;
                }
            } else {
                through.send(&script.0).await;
            }
            (expected, masked(through.answers(ready).await))
        };
        let (expected, got) = tokio::time::timeout(Duration::from_secs(60), both)
            .await
            .unwrap_or_else(|_| panic!("{name}: no answer"));
        assert!(
            got == expected,
            "{name}\n-- the server:\n{}\n-- the door:\n{}",
            readable(&expected),
            readable(&got)
        );
    }
    world.stop().await;
}
