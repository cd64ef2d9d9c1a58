//! Start and stop; health; refusing when the log or the key store cannot be used.

use std::time::Duration;

use privet_api::{ApiConfig, Error, Limits, serve};
use privet_wire::{Health, HealthStatus};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::bed::{Bed, Stores, bed, clock, reveal_email, vault};
use crate::http::{parse, read_to_end};

#[tokio::test]
async fn other_addresses_than_loopback_take_tls() {
    let stores = Stores::memory();
    let vault = vault("test", &stores, &clock()).await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let (_stop, stopped) = watch::channel(false);
    let refused = serve(ApiConfig::default(), vault, listener, stopped).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::TlsRequired(_)), "{refused}");
    assert!(refused.to_string().contains("[api.tls]"), "{refused}");
}

#[tokio::test]
async fn a_running_request_ends_before_the_server_does() {
    let bed = bed().await;
    let token = bed.of("job").await.token.unwrap();
    let body = json!({"fields": {"email": "ada@example.com"}}).to_string();
    let (first, rest) = body.split_at(5);
    let length = body.len();
    let head = format!(
        "POST /v1/subjects HTTP/1.1\r\nhost: privet\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    );
    let mut stream = TcpStream::connect(bed.client.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body, so the request is being worked on.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first.as_bytes()).await.unwrap();
    let idle = TcpStream::connect(bed.client.address).await.unwrap();
    bed.stop.send(true).unwrap();
    stream.write_all(rest.as_bytes()).await.unwrap();
    parse(&read_to_end(&mut stream).await).expect(201);
    bed.served.await.unwrap().unwrap();
    drop(idle);
    assert!(TcpStream::connect(bed.client.address).await.is_err());
}

#[tokio::test]
async fn a_request_without_end_does_not_keep_the_server() {
    let limits = Limits {
        drain_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let bed = Bed::start(
        Stores::memory(),
        ApiConfig {
            limits,
            ..ApiConfig::default()
        },
    )
    .await;
    let auditor = bed.of("auditor").await;
    let token = auditor.token.unwrap();
    let mut stream = TcpStream::connect(bed.client.address).await.unwrap();
    let wait = format!(
        "GET /v1/audit/entries?first=100000&wait_seconds=20 HTTP/1.1\r\nhost: privet\r\n\
         authorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(wait.as_bytes()).await.unwrap();
    // Another request on another connection: by now the first has been taken up.
    bed.client.get("/health/live").await.expect(200);
    bed.stop.send(true).unwrap();
    bed.served.await.unwrap().unwrap();
    assert!(read_to_end(&mut stream).await.is_empty());
}

#[tokio::test]
async fn health_says_why_not() {
    let bed = bed().await;
    let live: Health = bed.client.get("/health/live").await.expect(200).read();
    assert_eq!(live.status, HealthStatus::Live);
    let ready: Health = bed.client.get("/health/ready").await.expect(200).read();
    assert_eq!(
        (ready.status, ready.reasons.len()),
        (HealthStatus::Ready, 0)
    );

    let oid = bed.subject("ada@example.com").await;
    let job = bed.of("job").await;
    bed.vault.audit().shutdown().await;
    let unready = bed.client.get("/health/ready").await.expect(503);
    let unready: Health = unready.read();
    assert_eq!(unready.status, HealthStatus::Unready);
    assert_eq!(unready.reasons[0].code, "audit_stopped");
    let refused = reveal_email(&job, &oid, "service").await;
    assert_eq!(refused.problem(), "503 audit_stopped");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(!refused.text().contains("ada@"));
    bed.client.get("/health/live").await.expect(200);
}
