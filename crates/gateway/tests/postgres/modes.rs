//! tokio-postgres through the door: binary forms, prepared statements, pipelines, portals, COPY, cancel, notifications; in
//! protected and decrypted mode.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, future};
use tokio_postgres::types::ToSql;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::raw::{Raw, Script};
use crate::support::driver::{Client, told};
use crate::support::second;
use crate::world::World;

const NONE: &[&(dyn ToSql + Sync)] = &[];

async fn connect(world: &World, user: &str) -> Client {
    let token = world.token(user);
    Client::connect(world.address, user, token, "")
        .await
        .unwrap()
}

/// Somebody with a reason.
async fn justified(world: &World) -> Client {
    let client = connect(world, "ann").await;
    client.justify().await;
    client
}

/// Somebody who may open the first customer's name and mail address.
async fn decrypted(world: &World) -> Client {
    let client = justified(world).await;
    client.decrypt().await;
    client
}

async fn names(client: &Client) -> Vec<String> {
    let rows = client
        .query("SELECT first_name FROM customer ORDER BY id", NONE)
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn is_sealed(text: &str) -> bool {
    text.starts_with("pv1_")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_open_for_one_customer_in_both_forms_and_protocols() {
    let world = World::start().await;
    let client = decrypted(&world).await;
    let shown = names(&client).await;
    assert_eq!(shown[0], "Adalaide");
    assert!(shown[1..].iter().all(|name| is_sealed(name)), "{shown:?}");
    let statement = client
        .prepare("SELECT email, phone, visits, first_name || '' FROM customer WHERE id = $1")
        .await
        .unwrap();
    for id in [1, 2, 1] {
        let row = client.query_one(&statement, &[&id]).await.unwrap();
        let (email, phone): (&str, &str) = (row.get(0), row.get(1));
        assert_eq!(email == "ada@example.com", id == 1);
        assert!(is_sealed(phone), "a field that was not granted");
        assert_eq!(row.get::<_, i32>(2), id * 10);
        let concatenated: &str = row.get(3);
        assert_eq!(concatenated == "Adalaide", id == 1);
    }
    let rows = client
        .simple_query(
            "SELECT email FROM customer WHERE id = 1; SELECT left(email, 9) FROM customer",
        )
        .await
        .unwrap();
    let cells: Vec<&str> = rows
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        })
        .collect();
    assert_eq!(cells[0], "ada@example.com");
    assert!(cells[1..].iter().all(|cell| is_sealed(cell)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_ends_in_the_middle_of_a_cursor() {
    let world = World::start().await;
    let mut client = decrypted(&world).await;
    client
        .batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT first_name FROM customer, generate_series(1, 3) WHERE id = 1")
        .await
        .unwrap();
    let fetch = async || {
        let row = client.query_one("FETCH 1 FROM c", NONE).await.unwrap();
        row.get::<_, String>(0)
    };
    assert_eq!(fetch().await, "Adalaide");
    world.clock.advance(Duration::from_secs(61));
    assert!(is_sealed(&fetch().await));
    // Back on the connection that may write once the transaction is over.
    client.batch_execute("COMMIT").await.unwrap();
    client
        .execute("UPDATE customer SET visits = 11 WHERE id = 1", NONE)
        .await
        .unwrap();
    assert!(is_sealed(&names(&client).await[0]));
    client.told_mode("protected").await;
    assert!(client.noticed().contains("the grant has ended"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_goes_on_in_a_decrypted_connection() {
    let world = World::start().await;
    let mut client = decrypted(&world).await;
    let sql = "SELECT first_name FROM customer, generate_series(1, 5) WHERE id = 1";
    let transaction = client.client.transaction().await.unwrap();
    let portal = transaction.bind(sql, NONE).await.unwrap();
    for expected in [2, 2, 1] {
        let rows = transaction.query_portal(&portal, 2).await.unwrap();
        assert_eq!(rows.len(), expected);
        assert!(rows.iter().all(|row| row.get::<_, &str>(0) == "Adalaide"));
    }
    transaction.commit().await.unwrap();
    world.stop().await;
}

/// What follows a Flush comes before what was flushed is answered: its values open all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_open_that_were_flushed_before_the_sync() {
    let world = World::start().await;
    let mut raw = Raw::connect(world.address, "ann", world.token("ann"), "shop").await;
    let decrypt = Script::default()
        .query("CALL privet.justify('a client that flushes')")
        .query("CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1')");
    raw.send(&decrypt.0).await;
    raw.answers(2).await;
    let asked = |script: Script| {
        script
            .parse("", "SELECT first_name FROM customer WHERE id = 1", &[])
            .bind("", "", &[], 0)
            .execute("", 0)
            .flush()
    };
    let script = asked(asked(Script::default())).sync();
    raw.send(&script.0).await;
    let answers = raw.answers(1).await;
    let rows: Vec<_> = answers.iter().filter(|(tag, _)| *tag == b'D').collect();
    assert_eq!(rows.len(), 2);
    for (_, body) in rows {
        assert!(
            body.ends_with(b"Adalaide"),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_come_in_the_order_of_things() {
    let world = World::start().await;
    let client = justified(&world).await;
    // One pipeline: each is answered in its place.
    let (first, refused, unknown, last) = future::join4(
        client.query_one("SELECT 1", NONE),
        client.query("COPY invoice TO PROGRAM 'true'", NONE),
        client.batch_execute("CALL privet.nothing()"),
        client.query_one("SELECT 2", NONE),
    )
    .await;
    assert_eq!(first.unwrap().get::<_, i32>(0), 1);
    assert_eq!(told(&refused.unwrap_err()).0, "42501");
    assert_eq!(told(&unknown.unwrap_err()).0, "42883");
    assert_eq!(last.unwrap().get::<_, i32>(0), 2);
    // A refused statement fails the transaction that it stands in, as any other.
    client.batch_execute("BEGIN").await.unwrap();
    let refused = client.batch_execute("SET ROLE postgres").await.unwrap_err();
    assert_eq!(told(&refused).0, "42501");
    for sql in ["SELECT 1", "CALL privet.status()"] {
        let aborted = client.batch_execute(sql).await.unwrap_err();
        assert_eq!(told(&aborted).0, "25P02", "{sql}");
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    client.batch_execute("BEGIN").await.unwrap();
    let inside = "CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1')";
    let refused = client.batch_execute(inside).await.unwrap_err();
    assert_eq!(told(&refused).0, "25001");
    let aborted = client.batch_execute("SELECT 1").await.unwrap_err();
    assert_eq!(told(&aborted).0, "25P02");
    client.batch_execute("ROLLBACK").await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_commands_work_prepared_and_bound() {
    let world = World::start().await;
    let client = connect(&world, "ann").await;
    let refused = client
        .query("SELECT id FROM customer", NONE)
        .await
        .unwrap_err();
    let (code, _, hint) = told(&refused);
    assert_eq!(code, "42501");
    assert!(hint.contains("CALL privet.justify("), "{hint}");
    client
        .execute(
            "CALL privet.justify($1, $2)",
            &[&"the export is late", &"https://t.example.com/2"],
        )
        .await
        .unwrap();
    client
        .execute(
            "CALL privet.decrypt($1, $2, fields => $3)",
            &[&"https://t.example.com/2#yes", &"customer:2", &"first_name"],
        )
        .await
        .unwrap();
    assert_eq!(names(&client).await[1], "Benedict");
    let status = client
        .query_one("CALL privet.status()", NONE)
        .await
        .unwrap();
    assert_eq!(status.get::<_, &str>("mode"), "decrypted");
    client.execute("CALL privet.encrypt()", NONE).await.unwrap();
    assert!(is_sealed(&names(&client).await[1]));
    let found = client
        .query_one(
            "SELECT id FROM customer WHERE email_px = $1",
            &[&"~eq:email:zoe@example.com~"],
        )
        .await
        .unwrap();
    assert_eq!(found.get::<_, i32>(0), 3);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copy_goes_both_ways_and_opens_nothing() {
    let world = World::start().await;
    let client = decrypted(&world).await;
    let out = client
        .copy_out("COPY (SELECT first_name FROM customer WHERE id = 1) TO STDOUT")
        .await
        .unwrap();
    let chunks: Vec<Bytes> = out.map(Result::unwrap).collect().await;
    assert!(chunks.concat().starts_with(b"pv1_"), "a COPY opens nothing");
    client.batch_execute("CALL privet.encrypt()").await.unwrap();
    let sink = client
        .copy_in::<_, Bytes>("COPY invoice FROM STDIN")
        .await
        .unwrap();
    let mut sink = Box::pin(sink);
    for id in 1_000..1_100 {
        let line = format!("{id}\t1\t9.5\tt\t\\\\x00\n");
        sink.send(Bytes::from(line)).await.unwrap();
    }
    assert_eq!(sink.as_mut().finish().await.unwrap(), 100);
    let sink = client
        .copy_in::<_, Bytes>("COPY customer (id, first_name) FROM STDIN")
        .await
        .unwrap();
    let mut sink = Box::pin(sink);
    sink.send(Bytes::from_static(b"9\tPlain Name\n"))
        .await
        .unwrap();
    let refused = sink.as_mut().finish().await.unwrap_err();
    let (code, message, _) = told(&refused);
    assert_eq!(code, "23514", "plaintext in a sealed column");
    assert!(!message.contains("Plain"), "{message}");
    // The Syncs that the server ignored do not keep a session command from its turn.
    let decrypt = client.decrypt();
    tokio::time::timeout(Duration::from_secs(20), decrypt)
        .await
        .unwrap();
    assert_eq!(names(&client).await[0], "Adalaide");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decrypted_connection_refuses_and_copies_without_waiting() {
    let world = World::start().await;
    let client = decrypted(&world).await;
    let long = format!("SELECT '{}'", "x".repeat(2 << 20));
    let refused = client.batch_execute(&long).await.unwrap_err();
    assert_eq!(told(&refused).0, "54000");
    let refused = client.query(&long, NONE).await.unwrap_err();
    assert_eq!(told(&refused).0, "54000");
    // What the role may keep for itself it may: it holds nothing that is open.
    for sql in [
        "SET default_transaction_read_only = off",
        "CREATE TEMP TABLE t (a text)",
    ] {
        client.batch_execute(sql).await.unwrap();
    }
    let sink = client.copy_in::<_, Bytes>("COPY t FROM STDIN").await;
    let mut sink = Box::pin(sink.unwrap());
    sink.send(Bytes::from_static(b"a\nb\n")).await.unwrap();
    assert_eq!(sink.as_mut().finish().await.unwrap(), 2);
    assert_eq!(names(&client).await[0], "Adalaide");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_request_stops_its_own_statement_alone() {
    let world = World::start().await;
    let client = justified(&world).await;
    let other = connect(&world, "ann").await;
    let sleep = "SELECT pg_sleep(600)";
    let canceled = async |client: &Client| client.cancel_token().cancel_query(NoTls).await;
    let running = async |count| {
        let count_them = format!(
            "SELECT count(*) FROM pg_stat_activity
             WHERE query = '{sleep}' AND state = 'active' AND datname = current_database()"
        );
        while world.sql(&count_them).trim() != count {
            tokio::task::yield_now().await;
        }
    };
    let one = async {
        let stopped = client.batch_execute(sleep).await;
        assert_eq!(told(&stopped.unwrap_err()).0, "57014");
        running("1").await;
        canceled(&other).await.unwrap();
    };
    let both = async {
        running("2").await;
        canceled(&client).await.unwrap();
    };
    let (stopped, (), ()) = future::join3(other.batch_execute(sleep), one, both).await;
    assert_eq!(told(&stopped.unwrap_err()).0, "57014");
    assert_eq!(names(&client).await.len(), 3);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_come_through_while_a_client_is_idle() {
    let world = World::start().await;
    let client = justified(&world).await;
    client.batch_execute("LISTEN till").await.unwrap();
    world.sql("NOTIFY till, 'paper is out'");
    let heard = async {
        while !client.noticed().contains("paper is out") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard)
        .await
        .unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_rows_pass_and_those_that_are_not_held_say_so() {
    let world = World::start().await;
    let client = decrypted(&world).await;
    let sql = "SELECT first_name, repeat('x', 3000000) FROM customer WHERE id = 1";
    let row = client.query_one(sql, NONE).await.unwrap();
    assert!(is_sealed(row.get(0)));
    assert_eq!(row.get::<_, &str>(1).len(), 3_000_000);
    assert!(client.noticed().contains("longer than 1 MiB"));
    let sql = "SELECT first_name, repeat('x', 900000) FROM customer WHERE id = 1";
    let row = client.query_one(sql, NONE).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "Adalaide");
    client.batch_execute("CALL privet.encrypt()").await.unwrap();
    let row = client
        .query_one("SELECT repeat('y', 100000000)", NONE)
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0).len(), 100_000_000);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_encodings_are_refused_at_the_start_and_later() {
    let world = World::start().await;
    let token = world.token("ann");
    let options = "-c client_encoding=SJIS";
    let refused = Client::connect(world.address, "ann", token, options).await;
    assert_eq!(told(&refused.err().unwrap()).0, "22023");
    let client = justified(&world).await;
    let ended = client.batch_execute("SET client_encoding = 'LATIN1'").await;
    assert_eq!(told(&ended.unwrap_err()).0, "22023");
    assert!(
        client.batch_execute("SELECT 1").await.is_err(),
        "it has ended"
    );
    world.stop().await;
}

/// How a role gets too strong, how that is taken back, and what is said about it.
const TOO_STRONG: &[(&str, &str, &str)] = &[
    (
        "ALTER ROLE {} SUPERUSER",
        "ALTER ROLE {} NOSUPERUSER",
        "superuser",
    ),
    (
        "ALTER ROLE {} CREATEROLE",
        "ALTER ROLE {} NOCREATEROLE",
        "change roles",
    ),
    (
        "ALTER ROLE {} REPLICATION",
        "ALTER ROLE {} NOREPLICATION",
        "replicate",
    ),
    (
        "GRANT pg_read_server_files TO {}",
        "REVOKE pg_read_server_files FROM {}",
        "pg_read_server_files",
    ),
    (
        "GRANT pg_monitor TO {}",
        "REVOKE pg_monitor FROM {}",
        "pg_monitor",
    ),
    (
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO {}",
        "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM {}",
        "pg_read_file",
    ),
    (
        "GRANT CREATE ON SCHEMA privet TO {}",
        "REVOKE CREATE ON SCHEMA privet FROM {}",
        "Privet's schema",
    ),
    (
        "GRANT UPDATE ON customer TO {}",
        "REVOKE UPDATE ON customer FROM {}; GRANT UPDATE (visits) ON customer TO {}",
        "customer.email_px",
    ),
    (
        "ALTER TABLE customer OWNER TO {}",
        "ALTER TABLE customer OWNER TO privet; GRANT SELECT ON customer TO {}",
        "owns",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_too_much_is_refused() {
    let world = World::start().await;
    let (console, reader) = (
        format!("{}_console", world.database),
        format!("{}_reader", world.database),
    );
    let refused = async |words: &str| {
        let token = world.token("ann");
        let refused = Client::connect(world.address, "ann", token, "").await;
        let (code, message, _) = told(&refused.err().unwrap());
        assert_eq!(code, "42501", "{message}");
        assert!(message.contains(words), "{message}");
    };
    for (grant, revoke, words) in TOO_STRONG {
        let (grant, revoke) = (
            grant.replace("{}", &console),
            revoke.replace("{}", &console),
        );
        world.sql(&grant);
        refused(words).await;
        world.sql(&revoke);
    }
    let client = justified(&world).await;
    world.sql(&format!("GRANT DELETE ON invoice TO {reader}"));
    let call = "CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1')";
    let refused = client.batch_execute(call).await.unwrap_err();
    let (code, message, _) = told(&refused);
    assert_eq!(code, "42501");
    assert!(message.contains("invoice"), "{message}");
    assert!(is_sealed(&names(&client).await[0]), "no grant was made");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_person_approves() {
    let world = World::start().await;
    let (zoe, bob) = (connect(&world, "zoe").await, connect(&world, "bob").await);
    let auditor = world
        .vault
        .authenticate(world.token("eve"), "127.0.0.1")
        .await;
    second::waits(&world.vault, zoe, bob, auditor.unwrap()).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emergency_opens_at_once() {
    let world = World::start().await;
    let (zoe, bob) = (connect(&world, "zoe").await, connect(&world, "bob").await);
    second::breaks_glass(zoe, bob).await;
    world.stop().await;
}
