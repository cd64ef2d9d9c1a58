//! Attackers on both sides: clients that send what they should not, and servers that answer so.

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use privet_vault::SubjectName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::raw::{Frame, Raw, Script};
use crate::support::driver::{Client, told};
use crate::world::{CLUSTER, World};

/// What a hostile server says to the first statement of a client, and whether it closes then.
type Says = Vec<u8>;

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    Script::default().frame(tag, body).0.to_vec()
}

/// A server that lets everybody in, answers the look at its role with nothing, then says what it was told to say.
async fn server(says: Says) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let says = Arc::new(says);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, Arc::clone(&says)));
        }
    });
    port
}

async fn converse(mut stream: TcpStream, says: Arc<Says>) -> Option<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.ok()?;
    let rest = usize::try_from(u32::from_be_bytes(length)).unwrap() - 4;
    stream.read_exact(&mut vec![0; rest]).await.ok()?;
    let mut hello = frame(b'R', &[0, 0, 0, 0]);
    hello.extend(frame(b'S', b"client_encoding\0UTF8\0"));
    hello.extend(frame(b'K', &[0; 8]));
    hello.extend(frame(b'Z', b"I"));
    stream.write_all(&hello).await.ok()?;
    // Three questions about the role.
    for _ in 0..3 {
        read_frame(&mut stream).await?;
        let mut answer = frame(b'C', b"SELECT 0\0");
        answer.extend(frame(b'Z', b"I"));
        stream.write_all(&answer).await.ok()?;
    }
    read_frame(&mut stream).await?;
    stream.write_all(&says).await.ok()?;
    stream.shutdown().await.ok()
}

async fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut body = vec![0; usize::try_from(length).unwrap() - 4];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}

async fn world_over(port: u16) -> World {
    let address = format!("postgresql://x:x@127.0.0.1:{port}/x");
    World::over(&address, &address, "x".to_owned(), |_| ()).await
}

/// What a client hears up to the end of its connection.
async fn hears(says: Vec<u8>) -> Vec<Frame> {
    let world = world_over(server(says).await).await;
    let mut raw = Raw::connect(world.address, "ann", world.token("ann"), "shop").await;
    let reason = Script::default().query("CALL privet.justify('the server is hostile')");
    raw.send(&reason.0).await;
    raw.answers(1).await;
    raw.send(&Script::default().query("SELECT 1").0).await;
    let heard = tokio::time::timeout(Duration::from_secs(120), raw.answers(usize::MAX)).await;
    world.stop().await;
    heard.unwrap_or_else(|_| panic!("the connection does not end"))
}

/// The SQLSTATE of the last error among them.
fn code(frames: &[Frame]) -> Option<String> {
    let error = frames.iter().rev().find(|(tag, _)| *tag == b'E')?;
    let mut fields = error.1.split(|byte| *byte == 0);
    let code = fields.find(|field| field.first() == Some(&b'C'))?;
    Some(String::from_utf8_lossy(&code[1..]).into_owned())
}

fn row(cells: &[&[u8]]) -> Vec<u8> {
    let mut body = BytesMut::new();
    body.put_u16(u16::try_from(cells.len()).unwrap());
    for cell in cells {
        body.put_u32(u32::try_from(cell.len()).unwrap());
        body.put_slice(cell);
    }
    frame(b'D', &body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_what_is_no_protocol_ends_the_connection() {
    let negative = [b"D".as_slice(), &[0xff; 4]].concat();
    let short = b"D\0\0\0\x03".to_vec();
    for (what, says) in [
        ("an unknown type", frame(b'?', b"")),
        ("another login", frame(b'R', &[0, 0, 0, 3])),
        ("another key", frame(b'K', &[0; 8])),
        ("another version", frame(b'v', &[0; 8])),
        ("replication", frame(b'W', &[0; 3])),
        ("the answer of a function call", frame(b'V', &[0; 4])),
        ("a status that is none", frame(b'Z', b"?")),
        ("a status of two", frame(b'Z', b"II")),
        ("a negative length", negative),
        ("a length that is too short", short),
    ] {
        assert_eq!(code(&hears(says).await).as_deref(), Some("08P01"), "{what}");
    }
    let encoding = frame(b'S', b"client_encoding\0SJIS\0");
    assert_eq!(code(&hears(encoding).await).as_deref(), Some("22023"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_is_said_to_have_gone() {
    assert_eq!(code(&hears(Vec::new()).await).as_deref(), Some("57P01"));
    let between = [row(&[b"1"]), row(&[b"2"])].concat();
    let heard = hears(between).await;
    assert_eq!(heard.iter().filter(|(tag, _)| *tag == b'D').count(), 2);
    assert_eq!(code(&heard).as_deref(), Some("57P01"));
    // In the middle of a row nothing can be said any more: a word of ours would be taken for the rest of the row.
    let mut torn = row(&[b"1"]);
    torn.extend_from_slice(b"D\x00\x10\x00\x00\x00\x01");
    let heard = hears(torn).await;
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert_eq!(code(&heard), None);
    // A claim of a gigabyte reserves nothing.
    let heard = hears(b"D\x3f\xff\xff\xff\x00\x01".to_vec()).await;
    assert_eq!(heard.len(), 1, "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_may_answer_more_often_than_it_was_asked() {
    let mut says = frame(b'Z', b"I");
    for _ in 0..100 {
        says.extend(frame(b'Z', b"T"));
        says.extend(frame(
            b'E',
            b"SERROR\0C42601\0Msyntax error at or near \"privet_refused_0_0x\"\0\0",
        ));
    }
    let heard = hears(says).await;
    assert!(heard.len() > 200, "{}", heard.len());
    assert_eq!(code(&heard).as_deref(), Some("57P01"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_none_open_nothing() {
    let mut short = row(&[b"pv1_x", b"2"]);
    let last = short.len() - 1;
    short.truncate(last);
    let length = u32::try_from(short.len() - 1).unwrap().to_be_bytes();
    short[1..5].copy_from_slice(&length);
    let world = world_over(server(short).await).await;
    let job = world
        .vault
        .authenticate(world.token("shop"), "127.0.0.1")
        .await
        .unwrap();
    let name: SubjectName = "customer:1".parse().unwrap();
    let values = std::collections::BTreeMap::new();
    world
        .vault
        .create_subject(&job, values, &[name])
        .await
        .unwrap();
    let client = Client::connect(world.address, "ann", world.token("ann"), "")
        .await
        .unwrap();
    client.justify().await;
    client.decrypt().await;
    let error = client.batch_execute("SELECT 1").await.unwrap_err();
    assert_eq!(told(&error).0, "08P01");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_had_is_said_to_be_so() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let world = world_over(closed).await;
    let error = Client::connect(world.address, "ann", world.token("ann"), "").await;
    let (code, message, _) = told(&error.err().unwrap());
    assert_eq!(code, "08001");
    assert!(!message.contains("127.0.0.1"), "{message}");
    world.stop().await;
    let password = format!(
        "postgresql://privet:wrong@127.0.0.1:{}/postgres",
        CLUSTER.port()
    );
    let world = World::over(&password, &password, "x".to_owned(), |_| ()).await;
    let error = Client::connect(world.address, "ann", world.token("ann"), "").await;
    assert_eq!(told(&error.err().unwrap()).0, "08004");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_must_not_send_is_refused_in_its_place() {
    let world = World::start().await;
    let mut raw = Raw::connect(world.address, "ann", world.token("ann"), "shop").await;
    let reason = Script::default().query("CALL privet.justify('the client is hostile')");
    raw.send(&reason.0).await;
    raw.answers(1).await;
    let codes = async |raw: &mut Raw, script: Script, ready: usize| -> Vec<String> {
        raw.send(&script.0).await;
        let heard = tokio::time::timeout(Duration::from_secs(60), raw.answers(ready)).await;
        let heard = heard.unwrap();
        heard
            .chunk_by(|(tag, _), _| *tag != b'Z')
            .filter_map(code)
            .collect()
    };
    let script = Script::default()
        .query("SELECT 1")
        .frame(b'F', &[0; 8])
        .query("SELECT 2");
    assert_eq!(codes(&mut raw, script, 3).await, ["0A000"]);
    let long = format!("SELECT '{}'", "x".repeat(100 << 20));
    let script = Script::default().query(&long).query("SELECT 1");
    assert_eq!(codes(&mut raw, script, 2).await, ["54000"]);
    let script = Script::default()
        .parse("", &long, &[])
        .bind("", "", &[], 0)
        .sync();
    assert_eq!(codes(&mut raw, script, 1).await, ["54000"]);
    let value = "y".repeat(20 << 20);
    let script = Script::default()
        .parse("", "SELECT $1::text", &[])
        .bind("", "", &[Some(&value)], 0)
        .execute("", 0)
        .sync();
    assert_eq!(codes(&mut raw, script, 1).await, ["54000"]);
    let script = Script::default()
        .frame(b'Q', b"SELECT '\xff'\0")
        .query("SELECT 1");
    assert_eq!(codes(&mut raw, script, 2).await, ["22021"]);
    let mut many = Script::default();
    for _ in 0..500 {
        many = many.query("SET ROLE postgres");
    }
    assert_eq!(codes(&mut raw, many, 500).await, vec!["42501"; 500]);
    // A session command is not run by what its name is hidden in.
    let hidden = "SELECT 'CALL privet.encrypt()'";
    assert_eq!(
        codes(&mut raw, Script::default().query(hidden), 1).await,
        [""; 0]
    );
    raw.send(b"\0\0\0\0\0").await;
    let heard = raw.answers(1).await;
    assert_eq!(code(&heard).as_deref(), Some("08P01"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_stand_still_are_let_go() {
    let world = World::with(|config| {
        config.message_timeout = Duration::from_secs(2);
        config.write_timeout = Duration::from_secs(2);
    })
    .await;
    let reason = Script::default().query("CALL privet.justify('the client is slow')");
    // Half of a message.
    let mut raw = Raw::connect(world.address, "ann", world.token("ann"), "shop").await;
    raw.send(&reason.0).await;
    raw.answers(1).await;
    raw.send(b"Q\0\0\x01\0SELECT").await;
    let heard = tokio::time::timeout(Duration::from_secs(120), raw.answers(1)).await;
    assert_eq!(code(&heard.unwrap()).as_deref(), Some("08P01"));
    // More than fits into the buffers between, and nobody reads on once the rows begin.
    let mut raw = Raw::connect(world.address, "ann", world.token("ann"), "shop").await;
    raw.send(&Script::default().query("SELECT repeat('x', 100000000)").0)
        .await;
    assert_eq!(raw.frame().await.unwrap().0, b'T');
    let running = "SELECT count(*) FROM pg_stat_activity
        WHERE query LIKE '%100000000%' AND pid <> pg_backend_pid() AND datname = current_database()";
    let gone = async {
        // Who is let go learns of it from what it writes; until then nobody takes that in either.
        while raw.stream.write_all(&[0; 4096]).await.is_ok() {}
        while world.sql(running).trim() != "0" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), gone)
        .await
        .unwrap();
    drop(raw);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_log_nothing_passes() {
    let world = World::start().await;
    let client = Client::connect(world.address, "ann", world.token("ann"), "")
        .await
        .unwrap();
    client.justify().await;
    client.decrypt().await;
    let statement = "SELECT first_name FROM customer WHERE id = 1";
    let shown: String = client.query_one(statement, &[]).await.unwrap().get(0);
    assert_eq!(shown, "Adalaide");
    world.vault.audit().shutdown().await;
    for _ in 0..2 {
        let error = client.query_one(statement, &[]).await.unwrap_err();
        let (code, message, _) = told(&error);
        assert!(
            ["58030", "42501", "58000"].contains(&code.as_str()),
            "{code} {message}"
        );
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connection_attempts_leave_the_door_open() {
    let world = World::start().await;
    // Not so many at once that the system lets some wait for a second.
    for _ in 0..1_000 {
        let attempts = (0..10).map(|_| TcpStream::connect(world.address));
        let streams = futures_util::future::join_all(attempts).await;
        drop(streams);
    }
    let client = Client::connect(world.address, "ann", world.token("ann"), "")
        .await
        .unwrap();
    client.justify().await;
    assert_eq!(
        client
            .query("SELECT id FROM customer", &[])
            .await
            .unwrap()
            .len(),
        3
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_databases_and_replication_are_refused() {
    let world = World::start().await;
    let port = world.address.port();
    for (parameters, expected) in [
        ("dbname=postgres", "3D000"),
        ("dbname=shop replication=database", "0A000"),
    ] {
        let psql = tokio::process::Command::new("psql")
            .args(["-X", "-c", "SELECT 1", "-v", "VERBOSITY=verbose"])
            .arg(format!(
                "host=127.0.0.1 port={port} user=ann sslmode=disable {parameters}"
            ))
            .env("PGPASSWORD", world.token("ann"))
            .output()
            .await
            .unwrap();
        assert!(!psql.status.success());
        let said = String::from_utf8_lossy(&psql.stderr).into_owned();
        assert!(said.contains("FATAL"), "{expected}: {said}");
    }
    world.stop().await;
}
