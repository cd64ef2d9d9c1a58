//! Modes: what ends them, who shares them, and what the auditor reads of them.

use std::time::Duration;

use privet_vault::{SessionQuery, SessionView, StepQuery, StepView};

use crate::Case;
use crate::psql::assert_contains;
use crate::support::second;
use crate::world::driver_client::{connect, told};
use crate::world::{World, run};

pub(crate) const CASES: &[Case] = &[
    (
        "modes::a_grant_ends_in_the_middle_of_a_cursor",
        ends_in_cursor,
    ),
    ("modes::the_client_hears_that_a_grant_ended", hears_end),
    ("modes::a_dropped_connection_leaves_nothing_open", dropped),
    ("modes::connections_share_a_reason_and_join_a_grant", shared),
    (
        "modes::a_reason_holds_for_connections_that_were_open_before",
        open_before,
    ),
    ("modes::weak_reasons_are_none", weak_reasons),
    ("modes::decrypting_is_refused_in_words", refusals),
    ("modes::a_second_person_approves", second_person),
    ("modes::an_emergency_opens_at_once", breaks_glass),
    ("modes::decrypted_only_reads", only_reads),
    ("modes::the_auditor_reads_every_statement", recorded),
    ("modes::auditors_do_not_connect", auditors),
    ("modes::before_a_reason_clients_start_up", startup),
    ("modes::a_revoked_token_ends_the_session", revoked),
    ("modes::an_erased_subject_stays_sealed", erased),
    ("modes::the_server_stops_and_says_so", stops),
];

const GRANT_OVER: Duration = Duration::from_secs(61);

fn ends_in_cursor() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut client = world.connect("ann").await;
        client.justify().await;
        client.decrypt().await;
        let transaction = client.client.transaction().await.unwrap();
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
                   SELECT email FROM customer, n WHERE id = 1";
        let portal = transaction.bind(sql, &[]).await.unwrap();
        let before = transaction.query_portal(&portal, 10).await.unwrap();
        assert_eq!(before[9].get::<_, &str>(0), "ada@example.com");
        world.clock.advance(GRANT_OVER);
        let after = transaction.query_portal(&portal, 10).await.unwrap();
        assert!(
            after
                .iter()
                .all(|row| row.get::<_, &str>(0).starts_with("pv1_"))
        );
        world.stop().await;
    });
}

fn hears_end() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut client = world.connect("ann").await;
        client.told_mode("unjustified").await;
        client.justify().await;
        client.told_mode("protected").await;
        client.decrypt().await;
        client
            .told_mode("decrypted customer:1 until 2026-11-20T09:0")
            .await;
        world.clock.advance(GRANT_OVER);
        // Nothing is sent meanwhile: the gateway says it by itself.
        client.told_mode("protected").await;
        assert_contains(&client.noticed(), &["the grant has ended"]);
        // Writing works again.
        client
            .batch_execute("UPDATE customer SET visits = 11 WHERE id = 1")
            .await
            .unwrap();
        world.clock.advance(Duration::from_secs(31 * 60));
        let error = client
            .batch_execute("SELECT id FROM customer")
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "42501");
        client.told_mode("unjustified").await;
        world.stop().await;
    });
}

fn dropped() {
    run(async {
        let world = World::start(|_| ()).await;
        let first = world.connect("ann").await;
        first.justify().await;
        first.batch_execute("CREATE TABLE t (a)").await.unwrap();
        first.batch_execute("BEGIN").await.unwrap();
        first
            .batch_execute("INSERT INTO t VALUES (1)")
            .await
            .unwrap();
        let second = world.connect("ann").await;
        second.decrypt().await;
        let status = second.query_one("CALL privet.status()", &[]).await.unwrap();
        let grant: String = status.get("grant");
        drop((first, second));
        // Both go at once; a third sees no transaction, no lock and no grant of theirs.
        let third = world.connect("ann").await;
        let join = format!("CALL privet.join('{grant}')");
        let mut refused = third.batch_execute(&join).await;
        for _ in 0..500 {
            if refused.is_err() {
                break;
            }
            third.batch_execute("CALL privet.encrypt()").await.unwrap();
            refused = third.batch_execute(&join).await;
        }
        assert_eq!(told(&refused.unwrap_err()).0, "42704");
        third
            .batch_execute("INSERT INTO t VALUES (2)")
            .await
            .unwrap();
        let row = third
            .query_one("SELECT group_concat(a) FROM t", &[])
            .await
            .unwrap();
        assert_eq!(row.get::<_, &str>(0), "2");
        world.stop().await;
    });
}

fn shared() {
    run(async {
        let world = World::start(|_| ()).await;
        let first = world.connect("ann").await;
        first.justify().await;
        let second = world.connect("ann").await;
        assert_eq!(
            second
                .query("SELECT id FROM customer", &[])
                .await
                .unwrap()
                .len(),
            3
        );
        first.decrypt().await;
        let grant: String = first
            .query_one("CALL privet.status()", &[])
            .await
            .unwrap()
            .get("grant");
        let sealed = second
            .query_one("SELECT email FROM customer WHERE id = 1", &[])
            .await
            .unwrap();
        assert!(
            sealed.get::<_, &str>(0).starts_with("pv1_"),
            "decrypted is a mode of one connection"
        );
        second
            .batch_execute(&format!("CALL privet.join('{grant}')"))
            .await
            .unwrap();
        let opened = second
            .query_one("SELECT email FROM customer WHERE id = 1", &[])
            .await
            .unwrap();
        assert_eq!(opened.get::<_, &str>(0), "ada@example.com");
        let other = world.connect("bob").await;
        other.justify().await;
        let error = other
            .batch_execute(&format!("CALL privet.join('{grant}')"))
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "42704");
        let error = other
            .batch_execute("CALL privet.join('nonsense')")
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "22023");
        world.stop().await;
    });
}

fn weak_reasons() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        let first = client
            .batch_execute("CALL privet.decrypt('https://t/1', 'customer:1')")
            .await
            .unwrap_err();
        let (code, _, hint) = told(&first);
        assert_eq!(
            (code.as_str(), hint.starts_with("CALL privet.justify(")),
            ("42501", true)
        );
        for reason in [
            ".",
            "",
            "aaaaaaaaaa",
            "why",
            "customer cannot log in', 'not a link",
        ] {
            let call = format!("CALL privet.justify('{reason}')");
            let (code, message, hint) = told(&client.batch_execute(&call).await.unwrap_err());
            assert_eq!(code, "22023", "{reason}: {message}");
            assert!(hint.starts_with("CALL privet.justify("), "{reason}");
        }
        world.stop().await;
    });
}

fn second_person() {
    run(async {
        let world = World::start(|_| ()).await;
        let (zoe, bob) = (world.connect("zoe").await, world.connect("bob").await);
        let auditor = world.caller("eve").await;
        second::waits(&world.vault, zoe, bob, auditor).await;
        world.stop().await;
    });
}

fn breaks_glass() {
    run(async {
        let world = World::start(|_| ()).await;
        let (zoe, bob) = (world.connect("zoe").await, world.connect("bob").await);
        second::breaks_glass(zoe, bob).await;
        world.stop().await;
    });
}

fn refusals() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        for (call, code) in [
            (
                "CALL privet.decrypt('I asked on the phone', 'customer:1')",
                "22023",
            ),
            ("CALL privet.decrypt('https://', 'customer:1')", "22023"),
            (
                "CALL privet.decrypt('https://t/1', 'customer:999')",
                "42704",
            ),
            ("CALL privet.decrypt('https://t/1', '1'' OR 1=1')", "22023"),
            (
                "CALL privet.decrypt('https://t/1', 'customer:1', 'nothing')",
                "22023",
            ),
            (
                "CALL privet.decrypt('https://t/1', 'customer:1', minutes => 100000)",
                "22023",
            ),
            (
                "CALL privet.decrypt('https://t/1', 'customer:1', minutes => 0)",
                "22023",
            ),
            ("CALL privet.open('https://t/1')", "42883"),
        ] {
            let error = client.batch_execute(call).await.unwrap_err();
            let (found, message, hint) = told(&error);
            assert_eq!(found, code, "{call}: {message}");
            assert!(
                found == "42704" || hint.starts_with("CALL privet."),
                "{call}: {hint}"
            );
        }
        client.batch_execute("BEGIN").await.unwrap();
        let error = client
            .batch_execute("CALL privet.decrypt('https://t/1', 'customer:1')")
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "25001");
        client.batch_execute("ROLLBACK").await.unwrap();
        let row = client
            .query_one("SELECT email FROM customer WHERE id = 1", &[])
            .await
            .unwrap();
        assert!(row.get::<_, &str>(0).starts_with("pv1_"));
        world.stop().await;
    });
}

fn only_reads() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        client.decrypt().await;
        for sql in [
            "UPDATE customer SET country = 'X'",
            "INSERT INTO invoice (customer_id) VALUES (1)",
            "CREATE TABLE copy AS SELECT * FROM customer",
            "DELETE FROM customer",
        ] {
            let error = client.batch_execute(sql).await.unwrap_err();
            let (code, message, _) = told(&error);
            assert!(
                code == "25006" || code == "42501",
                "{sql}: {code} {message}"
            );
        }
        client.batch_execute("CALL privet.encrypt()").await.unwrap();
        client
            .batch_execute("UPDATE customer SET country = 'AU' WHERE id = 1")
            .await
            .unwrap();
        world.stop().await;
    });
}

/// The only session, as the auditor reads it once what was shown is on record too.
async fn reviewed(world: &World) -> (SessionView, Vec<StepView>) {
    let eve = world.caller("eve").await;
    let all = SessionQuery::default();
    let sessions = world.vault.sessions(&eve, &all).await.unwrap().sessions;
    assert_eq!(sessions.len(), 1);
    let id = sessions[0].row.id;
    for _ in 0..500 {
        let whole = world.vault.session_steps(&eve, id, StepQuery::default());
        let steps = whole.await.unwrap().steps;
        if steps.iter().any(|step| !step.opened.is_empty()) {
            let view = world.vault.session_view(&eve, id).await.unwrap();
            return (view, steps);
        }
        tokio::task::yield_now().await;
    }
    panic!("what was shown is not on record");
}

fn recorded() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        client
            .batch_execute("SELECT id FROM customer WHERE email_px = '~eq:email:ben@example.com~'")
            .await
            .unwrap();
        client
            .query("SELECT $1 AS said", &[&"a parameter"])
            .await
            .unwrap();
        let _ = client.batch_execute("SELECT nonsense").await.unwrap_err();
        client
            .batch_execute("SET application_name = 'x'")
            .await
            .unwrap();
        client.decrypt().await;
        client
            .batch_execute("SELECT first_name, email, phone FROM customer")
            .await
            .unwrap();
        client.batch_execute("CALL privet.encrypt()").await.unwrap();
        let (view, steps) = reviewed(&world).await;
        let all: Vec<String> = steps
            .iter()
            .map(|step| {
                format!(
                    "{:?} {:?} {} {:?}",
                    step.sql, step.parameters, step.decrypted, step.opened
                )
            })
            .collect();
        let all = all.join("\n");
        assert_contains(
            &all,
            &[
                "WHERE email_px = 'px1_",
                "a parameter",
                "SELECT nonsense",
                "application_name",
                "SELECT first_name, email, phone FROM customer\") [] true",
                "(\"email\", 1)",
                "(\"first_name\", 1)",
            ],
        );
        assert!(
            !all.contains("ben@example.com") && !all.contains("ada@example.com"),
            "{all}"
        );
        assert_eq!(
            view.grants[0].evidence.as_deref(),
            Some("https://t.example.com/1#yes")
        );
        world.stop().await;
    });
}

fn auditors() {
    run(async {
        let world = World::start(|_| ()).await;
        for (user, code) in [("eve", "42501"), ("shop", "42501")] {
            let error = connect(&world, user, "").await.err().unwrap();
            assert_eq!(told(&error).0, code, "{user}");
        }
        world.stop().await;
    });
}

fn startup() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        for sql in [
            "SET extra_float_digits = 3",
            "SET application_name = 'PostgreSQL JDBC Driver'",
            "SELECT current_schema(),session_user",
            "SHOW search_path",
            "SELECT version()",
            "SELECT 1",
            "SELECT 'x';",
            "BEGIN; COMMIT",
            "START TRANSACTION READ ONLY; ROLLBACK",
            "SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass ORDER BY nspname",
            "SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings'",
            "SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datname='shop'",
            "-- ping",
            "",
            "CALL privet.status()",
        ] {
            client
                .simple_query(sql)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
            client.query(sql, &[]).await.map_or_else(
                |error| assert!(sql.contains(';') && sql.len() > 12, "{sql}: {error}"),
                drop,
            );
        }
        for sql in [
            "SELECT 2",
            "SELECT name FROM sqlite_schema",
            "PRAGMA database_list",
            "SELECT 1 FROM customer",
            "SELECT relname FROM pg_catalog.pg_class WHERE relkind IN ('r')",
            "EXPLAIN SELECT 1",
            "VACUUM",
        ] {
            for error in [
                client.simple_query(sql).await.err(),
                client.query(sql, &[]).await.err(),
            ] {
                let (code, _, hint) = told(&error.unwrap_or_else(|| panic!("{sql} passed")));
                assert_eq!(code, "42501", "{sql}");
                assert!(hint.starts_with("CALL privet.justify("), "{sql}");
            }
        }
        for (sql, code) in [
            ("SET client_encoding = 'SJIS'", "22023"),
            ("SET standard_conforming_strings = off", "22023"),
            ("SET privet.reason = 'because'", "42501"),
            ("SET ROLE postgres", "42501"),
            ("COPY customer TO STDOUT", "0A000"),
        ] {
            assert_eq!(
                told(&client.simple_query(sql).await.unwrap_err()).0,
                code,
                "{sql}"
            );
        }
        world.stop().await;
    });
}

fn revoked() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        client.decrypt().await;
        let token = world.caller("ann").await.token();
        let olga = world.caller("olga").await;
        world.vault.revoke_token(&olga, token).await.unwrap();
        let error = client
            .batch_execute("SELECT email FROM customer")
            .await
            .unwrap_err();
        assert_eq!(told(&error).0, "28000");
        // Neither this connection goes on, nor does another one begin.
        let error = client.batch_execute("SELECT 1").await.unwrap_err();
        assert!(error.is_closed());
        assert!(connect(&world, "ann", "").await.is_err());
        world.stop().await;
    });
}

fn open_before() {
    run(async {
        let world = World::start(|_| ()).await;
        let [first, second] = [world.connect("ann").await, world.connect("ann").await];
        let unjustified = second.batch_execute("SELECT email FROM customer").await;
        assert_eq!(told(&unjustified.unwrap_err()).0, "42501");
        first.justify().await;
        second
            .batch_execute("SELECT email FROM customer")
            .await
            .unwrap();
        assert_eq!(world.vault.health().sessions_open, 1);
        world.stop().await;
    });
}

fn erased() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        client.decrypt().await;
        let olga = world.caller("olga").await;
        let alias: privet_vault::SubjectName = "shop/customer:1".parse().unwrap();
        world.vault.close_subject(&olga, &alias).await.unwrap();
        let row = client
            .query_one("SELECT email FROM customer WHERE id = 1", &[])
            .await
            .unwrap();
        assert!(row.get::<_, &str>(0).starts_with("pv1_"));
        let again = "CALL privet.decrypt('https://t.example.com/1', 'customer:1')";
        assert_eq!(
            told(&client.batch_execute(again).await.unwrap_err()).0,
            "42704"
        );
        world.stop().await;
    });
}

fn stops() {
    run(async {
        let world = World::start(|_| ()).await;
        let client = world.connect("ann").await;
        client.justify().await;
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let address = world.address;
        let (running, ()) = tokio::join!(client.batch_execute(endless), async {
            world.stop().await;
        });
        assert!(running.is_err());
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    });
}
