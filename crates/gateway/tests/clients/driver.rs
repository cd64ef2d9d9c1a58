//! A driver of the extended protocol: tokio-postgres, which asks for binary results.

use tokio_postgres::types::Type;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::Case;
use crate::world::driver_client::told;
use crate::world::{World, run};

pub(crate) const CASES: &[Case] = &[
    ("driver::parameters_and_types", parameters_and_types),
    ("driver::values_keep_their_types", typed_values),
    ("driver::values_open_in_binary_results", opens_in_binary),
    ("driver::markers_find_a_person", markers),
    ("driver::portals_have_row_limits", portals),
    (
        "driver::another_statement_ends_a_suspended_portal",
        suspended,
    ),
    ("driver::transactions_fail_and_end", transactions),
    (
        "driver::large_values_pass_and_huge_statements_do_not",
        large,
    ),
    ("driver::a_running_statement_can_be_cancelled", cancel),
    ("driver::many_rows_stream", many_rows),
    ("driver::session_commands_take_parameters", commands),
];

fn parameters_and_types() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        let row = client
            .query_one(
                "SELECT $2 AS b, $1 AS a, count(*), length('abc') FROM customer",
                &[&"first", &"second"],
            )
            .await
            .unwrap();
        assert_eq!(
            (row.get::<_, &str>("a"), row.get::<_, &str>("b")),
            ("first", "second")
        );
        assert_eq!((row.get::<_, i64>(2), row.get::<_, i64>(3)), (3, 3));
        let by_id = client
            .prepare_typed("SELECT visits FROM customer WHERE id = $1", &[Type::INT8])
            .await
            .unwrap();
        assert_eq!(
            client
                .query_one(&by_id, &[&2_i64])
                .await
                .unwrap()
                .get::<_, i64>(0),
            20
        );
        let rows = client
            .query(
                "SELECT id, total, paid, scan FROM invoice WHERE id = $1",
                &[&"100"],
            )
            .await
            .unwrap();
        assert_eq!(rows[0].get::<_, i64>(0), 100);
        assert_eq!(rows[0].get::<_, f64>(1), 1.5);
        assert_eq!(rows[0].get::<_, &str>(2), "1");
        assert_eq!(rows[0].get::<_, &[u8]>(3), [0, 255]);
        world.stop().await;
    });
}

fn typed_values() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        let insert = "INSERT INTO invoice (id, customer_id, total, scan) VALUES ($1, $2, $3, $4)";
        let types = [Type::INT4, Type::INT2, Type::FLOAT8, Type::BYTEA];
        let insert = client.prepare_typed(insert, &types).await.unwrap();
        let none: Option<f64> = None;
        let changed = client
            .execute(&insert, &[&7_i32, &1_i16, &none, &&b"\x00\x01"[..]])
            .await
            .unwrap();
        assert_eq!(changed, 1);
        let row = client
            .query_one(
                "SELECT total, scan, typeof(scan) FROM invoice WHERE id = 7",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(row.get::<_, Option<f64>>(0), None);
        assert_eq!(row.get::<_, &[u8]>(1), [0, 1]);
        assert_eq!(row.get::<_, &str>(2), "blob");
        let error = client
            .query("SELECT nonsense FROM customer", &[])
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "42703");
        let error = client.query("SELECT 1; SELECT 2", &[]).await.unwrap_err();
        assert_eq!(told(&error).0, "42601");
        // A column that is declared INTEGER and sealed is text.
        assert!(
            client
                .query_one("SELECT phone FROM customer WHERE id = 1", &[])
                .await
                .unwrap()
                .get::<_, &str>(0)
                .starts_with("pv1_")
        );
        world.stop().await;
    });
}

fn opens_in_binary() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        client.decrypt().await;
        let rows = client
            .query(
                "SELECT id, first_name, email, phone FROM customer ORDER BY id",
                &[],
            )
            .await
            .unwrap();
        assert_eq!(rows[0].get::<_, &str>(1), "Ada");
        assert_eq!(rows[0].get::<_, &str>(2), "ada@example.com");
        assert!(
            rows[0].get::<_, &str>(3).starts_with("pv1_"),
            "phone was not granted"
        );
        assert!(
            rows[1].get::<_, &str>(1).starts_with("pv1_"),
            "another customer"
        );
        assert_eq!(rows.len(), 3);
        world.stop().await;
    });
}

fn markers() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        let sql = "SELECT id FROM customer WHERE email_px = '~eq:email:Ben@Example.com~'";
        assert_eq!(
            client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0),
            2
        );
        let bound = client
            .prepare("SELECT id FROM customer WHERE email_px = $1")
            .await
            .unwrap();
        assert_eq!(
            client
                .query_one(&bound, &[&"~eq:email:zoe@example.com~"])
                .await
                .unwrap()
                .get::<_, i64>(0),
            3
        );
        assert!(
            client
                .query(&bound, &[&"~eq:email:nobody@example.com~"])
                .await
                .unwrap()
                .is_empty()
        );
        for left in [
            "~eq:email:not ended",
            "~eq:nothing:x~",
            "~eq:phone:1~",
            "~eq:email:~",
        ] {
            let error = client.query(&bound, &[&left]).await.unwrap_err();
            let (code, message, _) = told(&error);
            assert!(
                code == "22023" || code == "42704",
                "{left}: {code} {message}"
            );
            assert!(!message.contains("not ended"), "{message}");
        }
        world.stop().await;
    });
}

const COUNTING: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i, 'x' FROM n";

fn portals() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut client = world.connect("ann").await;
        client.justify().await;
        let transaction = client.client.transaction().await.unwrap();
        let portal = transaction.bind(COUNTING, &[]).await.unwrap();
        let mut counts = Vec::new();
        loop {
            let rows = transaction.query_portal(&portal, 300).await.unwrap();
            counts.push(rows.len());
            if rows.len() < 300 {
                break;
            }
        }
        assert_eq!(counts, [300, 300, 300, 100]);
        assert!(
            transaction
                .query_portal(&portal, 300)
                .await
                .unwrap()
                .is_empty()
        );
        transaction.commit().await.unwrap();
        world.stop().await;
    });
}

fn suspended() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut client = world.connect("ann").await;
        client.justify().await;
        let transaction = client.client.transaction().await.unwrap();
        let portal = transaction.bind(COUNTING, &[]).await.unwrap();
        assert_eq!(
            transaction.query_portal(&portal, 10).await.unwrap().len(),
            10
        );
        assert_eq!(
            transaction
                .query("SELECT 1 AS one FROM customer", &[])
                .await
                .unwrap()
                .len(),
            3
        );
        let error = transaction.query_portal(&portal, 10).await.unwrap_err();
        assert_eq!(told(&error).0, "34000");
        world.stop().await;
    });
}

fn transactions() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut client = world.connect("ann").await;
        client.justify().await;
        client
            .batch_execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
            .await
            .unwrap();
        let transaction = client.client.transaction().await.unwrap();
        transaction
            .execute("INSERT INTO t VALUES ($1)", &[&"1"])
            .await
            .unwrap();
        let error = transaction
            .execute("INSERT INTO t VALUES ($1)", &[&"1"])
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "23505");
        let error = transaction.query("SELECT a FROM t", &[]).await.unwrap_err();
        assert_eq!(told(&error).0, "25P02");
        transaction.rollback().await.unwrap();
        assert!(
            client
                .query("SELECT a FROM t", &[])
                .await
                .unwrap()
                .is_empty()
        );
        let transaction = client.client.transaction().await.unwrap();
        transaction
            .execute("INSERT INTO t VALUES (2)", &[])
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(client.query("SELECT a FROM t", &[]).await.unwrap().len(), 1);
        let error = client
            .batch_execute("INSERT INTO t VALUES (3); INSERT INTO t VALUES (2)")
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "23505");
        assert_eq!(client.query("SELECT a FROM t", &[]).await.unwrap().len(), 1);
        client
            .batch_execute(
                "CREATE TEMP TRIGGER guard AFTER INSERT ON t BEGIN DELETE FROM t WHERE a = 2; SELECT 1; END; INSERT INTO t VALUES (4)",
            )
            .await
            .unwrap();
        assert_eq!(
            client
                .query_one("SELECT group_concat(a) FROM t", &[])
                .await
                .unwrap()
                .get::<_, &str>(0),
            "4"
        );
        world.stop().await;
    });
}

fn large() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        let text = "x".repeat(5 << 20);
        let row = client
            .query_one("SELECT $1 AS big, length($1)", &[&text])
            .await
            .unwrap();
        assert_eq!(row.get::<_, &str>(0).len(), text.len());
        let statement = format!("SELECT '{}'", "y".repeat(1 << 20));
        let error = client.simple_query(&statement).await.unwrap_err();
        assert_eq!(told(&error).0, "54000");
        let error = client
            .query(&format!("{statement}{}", "/* more */".repeat(60_000)), &[])
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "54000");
        assert_eq!(
            client
                .query("SELECT id FROM customer", &[])
                .await
                .unwrap()
                .len(),
            3
        );
        world.stop().await;
    });
}

fn cancel() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let token = client.cancel_token();
        let (ended, ()) = tokio::join!(client.query(endless, &[]), async {
            // The request may come before the statement runs; then there is nothing to cancel, and it is asked again.
            for _ in 0..200 {
                token.cancel_query(NoTls).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(told(&ended.unwrap_err()).0, "57014");
        assert_eq!(
            client
                .query("SELECT id FROM customer", &[])
                .await
                .unwrap()
                .len(),
            3
        );
        world.stop().await;
    });
}

fn many_rows() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        let sql = COUNTING.replace("1000", "50000");
        assert_eq!(client.query(&sql, &[]).await.unwrap().len(), 50_000);
        let rows = client.simple_query(&sql).await.unwrap();
        assert_eq!(
            rows.iter()
                .filter(|row| matches!(row, SimpleQueryMessage::Row(_)))
                .count(),
            50_000
        );
        world.stop().await;
    });
}

fn commands() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        let error = client
            .query("SELECT id FROM customer", &[])
            .await
            .unwrap_err();
        let (code, _, hint) = told(&error);
        assert_eq!(code, "42501");
        assert!(hint.starts_with("CALL privet.justify("));
        let reason = "customer cannot log in since the update";
        client
            .execute(
                "CALL privet.justify($1, link => $2)",
                &[&reason, &"https://t.example.com/9"],
            )
            .await
            .unwrap();
        let consent = "https://t.example.com/9#consent";
        client
            .execute(
                "CALL privet.decrypt($1, $2, fields => 'email')",
                &[&consent, &"customer:2"],
            )
            .await
            .unwrap();
        let row = client
            .query_one("SELECT email FROM customer WHERE id = 2", &[])
            .await
            .unwrap();
        assert_eq!(row.get::<_, &str>(0), "ben@example.com");
        let status = client.query_one("CALL privet.status()", &[]).await.unwrap();
        assert_eq!(status.get::<_, &str>("mode"), "decrypted");
        assert_eq!(status.get::<_, &str>("subject"), "customer:2");
        assert!(client.noticed().contains("decrypted for customer:2"));
        let error = client
            .batch_execute("CALL privet.encrypt(); SELECT 1")
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "42601");
        client.execute("CALL privet.encrypt()", &[]).await.unwrap();
        world.stop().await;
    });
}
