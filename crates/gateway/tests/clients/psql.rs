//! The real psql.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use privet_vault::IssuedToken;

use crate::Case;
use crate::world::{World, run};

pub(crate) const CASES: &[Case] = &[
    (
        "psql::a_session_from_reason_to_decrypted_and_back",
        a_session,
    ),
    ("psql::describes_tables", describes_tables),
    ("psql::lists_databases_and_schemas", lists),
    (
        "psql::a_reason_can_come_with_the_connection",
        reason_in_options,
    ),
    ("psql::wrong_tokens_and_users_look_the_same", wrong_tokens),
    (
        "psql::expired_revoked_and_foreign_tokens_look_wrong",
        dead_tokens,
    ),
    ("psql::transactions_and_errors", transactions),
];

/// What psql prints for `script`, both streams together.
pub(crate) async fn psql(
    world: &World,
    user: &str,
    environment: &[(&str, &str)],
    script: &str,
) -> String {
    let port = world.address.port().to_string();
    let name = user.split('+').next().unwrap();
    let pass_file = world.dir.path().join(format!("pass-{name}"));
    std::fs::write(
        &pass_file,
        format!("127.0.0.1:*:*:*:{}\n", world.token(name)),
    )
    .unwrap();
    // psql ignores a file that others can read.
    std::fs::set_permissions(&pass_file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new("psql");
    command
        .args([
            "-X",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            user,
            "-d",
            "shop",
            "-v",
            "VERBOSITY=verbose",
        ])
        .args(["-P", "pager=off", "-A", "-P", "null=NULL", "-f", "-"])
        .env("PGPASSFILE", &pass_file)
        .env("LC_ALL", "C.UTF-8")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let script = script.to_owned();
    tokio::task::spawn_blocking(move || {
        use std::io::Write as _;
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("psql cannot be started ({error}): install `postgresql-client`")
        });
        child
            .stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
    .await
    .unwrap()
}

/// Fails with the whole text when one of `parts` is not in it.
pub(crate) fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

const JUSTIFY: &str = "CALL privet.justify('customer cannot log in', 'https://t.example.com/1');\n";

fn a_session() {
    run(async {
        let world = World::start(|_| ()).await;
        let refused = psql(&world, "ann", &[], "SELECT email FROM customer;").await;
        assert_contains(&refused, &["42501", "HINT:  CALL privet.justify("]);
        let script = format!(
            "{JUSTIFY}
             SELECT first_name, country FROM customer WHERE id = 1;
             CALL privet.decrypt(consent => 'https://t.example.com/1#yes', subject => 'customer:1', fields => 'first_name,email');
             SELECT id, first_name, email, phone FROM customer ORDER BY id;
             SELECT mode, subject FROM (SELECT 1 AS mode, 2 AS subject);
             CALL privet.status();
             CALL privet.encrypt();
             SELECT 'after', first_name FROM customer WHERE id = 1;"
        );
        let shown = psql(&world, "ann", &[], &script).await;
        assert_contains(
            &shown,
            &[
                "NOTICE:  00000: protected session",
                "NOTICE:  00000: decrypted for customer:1",
                "ada@example.com",
                "Ada",
            ],
        );
        assert_contains(&shown, &["|customer:1|", "decrypted"]);
        for hidden in ["ben@example.com", "Ben", "Zoë", "555 01"] {
            assert!(!shown.contains(hidden), "{hidden} in:\n{shown}");
        }
        let after = shown.rsplit("after|").next().unwrap();
        assert!(after.contains("pv1_") && !after.contains("Ada"), "{shown}");
        world.stop().await;
    });
}

fn describes_tables() {
    run(async {
        let world = World::start(|_| ()).await;
        let shown = psql(
            &world,
            "ann",
            &[],
            &format!("{JUSTIFY}\\a\n\\d\n\\dt cust*\n\\d customer\n\\d invoice\n\\d spender\n\\di\n\\d+ invoice\n\\dt+\n\\d missing\n\\df\n\\conninfo\n\\du"),
        )
        .await;
        assert_contains(
            &shown,
            &[
                " public | customer | table | shop",
                " public | spender  | view  | shop",
                "Table \"public.customer\"",
                " email      | VARCHAR(120), sealed as email",
                "    \"privet_px_customer_email\" UNIQUE, btree (email_px)",
                "Referenced by:",
                "TABLE \"invoice\" CONSTRAINT \"invoice_customer_id_fkey\" FOREIGN KEY (customer_id) REFERENCES customer(id)",
                "View \"public.spender\"",
                " spent       |",
                "Did not find any relation named \"missing\"",
                "You are connected to database \"shop\" as user \"ann\"",
            ],
        );
        assert!(!shown.contains("ERROR"), "{shown}");
        world.stop().await;
    });
}

fn lists() {
    run(async {
        let world = World::start(|_| ()).await;
        let shown = psql(
            &world,
            "ann",
            &[],
            &format!("{JUSTIFY}\\a\n\\l\n\\dn\n\\dp\n\\encoding\n\\dx"),
        )
        .await;
        assert_contains(
            &shown,
            &[
                "List of databases",
                " shop ",
                "List of schemas",
                " public ",
                "UTF8",
            ],
        );
        let not = psql(&world, "ann", &[], &format!("{JUSTIFY}SELECT * FROM pg_stat_activity;\nSELECT * FROM pg_catalog.pg_stat_activity;")).await;
        assert_contains(&not, &["0A000", "HINT:  SELECT name FROM sqlite_schema"]);
        world.stop().await;
    });
}

fn reason_in_options() {
    run(async {
        let world = World::start(|_| ()).await;
        let options =
            r"-c privet.reason=customer\ cannot\ log\ in -c privet.link=https://t.example.com/2";
        let shown = psql(
            &world,
            "ann",
            &[("PGOPTIONS", options)],
            "SELECT count(*) FROM customer;",
        )
        .await;
        assert_contains(&shown, &["\n3\n"]);
        let weak = psql(
            &world,
            "bob",
            &[("PGOPTIONS", "-c privet.reason=.")],
            "SELECT 1;",
        )
        .await;
        assert_contains(&weak, &["FATAL", "a reason says in a few words"]);
        let replication = psql(
            &world,
            "ann",
            &[("PGOPTIONS", "-c replication=1")],
            "SELECT 1;",
        )
        .await;
        assert_contains(&replication, &["replication is not available"]);
        world.stop().await;
    });
}

fn wrong_tokens() {
    run(async {
        let world = World::start(|_| ()).await;
        let mut said = Vec::new();
        for (user, password) in [
            ("ann", "wrong"),
            ("nobody", "wrong"),
            ("ann+x", "wrong"),
            ("bob", world.token("ann")),
        ] {
            let port = world.address.port().to_string();
            let (user, password) = (user.to_owned(), password.to_owned());
            let output = tokio::task::spawn_blocking(move || {
                Command::new("psql")
                    .args([
                        "-X",
                        "-h",
                        "127.0.0.1",
                        "-p",
                        &port,
                        "-U",
                        &user,
                        "-d",
                        "shop",
                        "-c",
                        "SELECT 1",
                    ])
                    .env("PGPASSWORD", password)
                    .output()
                    .unwrap()
            });
            let output = output.await.unwrap();
            assert!(!output.status.success());
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            said.push(text.split("FATAL").nth(1).unwrap().to_owned());
        }
        assert!(said[0].contains("authentication failed"), "{said:?}");
        assert!(said.iter().all(|text| *text == said[0]), "{said:?}");
        let other = psql(&world, "ann", &[("PGDATABASE", "x")], "\\c nothing").await;
        assert_contains(&other, &["there is no source of this name"]);
        world.stop().await;
    });
}

fn dead_tokens() {
    run(async {
        let world = World::start(|_| ()).await;
        let issue = async |name: &str, days| {
            let name = name.parse().unwrap();
            world.vault.issue_first_token(&name, days).await.unwrap()
        };
        let log_in = async |token: &IssuedToken, text: &str| {
            let user = format!("ann+{}", token.id);
            psql(
                &world,
                &user,
                &[("PGPASSWORD", text)],
                "SHOW server_version",
            )
            .await
        };
        let expired = issue("ann", 1).await;
        let revoked = issue("ann", 9).await;
        let live = issue("ann", 9).await;
        for token in [&expired, &revoked, &live] {
            assert!(!log_in(token, &token.text).await.contains("FATAL"));
        }
        let foreign = live.text.replacen("pvt_test_", "pvt_prod_", 1);
        assert_ne!(foreign, *live.text);
        world.clock.advance(Duration::from_secs(25 * 3_600));
        let olga = issue("olga", 1).await;
        let olga = world.vault.authenticate(&olga.text, "127.0.0.1").await;
        let olga = olga.unwrap();
        world.vault.revoke_token(&olga, revoked.id).await.unwrap();
        for (token, text) in [
            (&expired, &*expired.text),
            (&revoked, &revoked.text),
            (&live, &foreign),
        ] {
            let said = log_in(token, text).await;
            assert_contains(
                &said,
                &["FATAL:  authentication failed: the user or the token is not valid here"],
            );
        }
        assert!(!log_in(&live, &live.text).await.contains("FATAL"));
        world.stop().await;
    });
}

fn transactions() {
    run(async {
        let world = World::start(|_| ()).await;
        let script = format!(
            "{JUSTIFY}
             CREATE TABLE t (a INTEGER PRIMARY KEY);
             BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (1);
             SELECT 1;
             COMMIT;
             SELECT 'rolled back', count(*) FROM t;
             INSERT INTO t VALUES (2); INSERT INTO t VALUES (2);
             SELECT 'one message each', count(*) FROM t;
             INSERT INTO t VALUES (5) \\; INSERT INTO t VALUES (5);
             SELECT 'all or nothing', count(*) FROM t;
             BEGIN; SAVEPOINT a; INSERT INTO t VALUES (3); ROLLBACK TO a; INSERT INTO t VALUES (4); COMMIT;
             SELECT 'savepoint', group_concat(a) FROM t;
             BEGIN READ ONLY; INSERT INTO t VALUES (9); ROLLBACK;
             COMMIT;
             SELECT 'still there';"
        );
        let shown = psql(&world, "ann", &[], &script).await;
        assert_contains(
            &shown,
            &[
                "23505",
                "25P02",
                "rolled back|0",
                "one message each|1",
                "all or nothing|1",
            ],
        );
        assert_contains(&shown, &["savepoint|2,4", "25006", "25P01", "still there"]);
        world.stop().await;
    });
}
