//! The listener itself: clients that say nothing, and TLS.

use std::sync::Arc;
use std::time::Duration;

use privet_telemetry::{Limits, ServeError, Signal, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::bed::{TOKEN, open};

/// How long anything may take before a test fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn whoever_asks_for_nothing_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        head_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let door = open(folder.path(), limits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(Arc::clone(&door.intake), None, listener, stopped));
    // Nothing, a part of HTTP/2's first words, a part of a head of HTTP/1.1.
    for said in ["", "PRI * HTT", "POST /v1/logs HTTP/1.1\r\nHost: "] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // On a slow machine it may have been let go by now.
        let _ = stream.write_all(said.as_bytes()).await;
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "`{said}` is still waited for");
    }
    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
}

/// A client of HTTP/2 that answers every ping and asks for nothing more.
#[tokio::test]
async fn a_client_that_only_answers_pings_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits {
        connection_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let door = open(folder.path(), limits);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(Arc::clone(&door.intake), None, listener, stopped));
    let mut stream = TcpStream::connect(address).await.unwrap();
    // RFC 9113: the preface, empty settings, and `POST /` as the only request.
    let mut said = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    said.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    let head = [&[0x83, 0x86, 0x84, 0x41, 9][..], b"localhost"].concat();
    said.extend([0, 0, u8::try_from(head.len()).unwrap(), 1, 5, 0, 0, 0, 1]);
    said.extend(head);
    stream.write_all(&said).await.unwrap();
    let talk = async {
        let mut kinds = Vec::new();
        let mut frame = [0; 9];
        while stream.read_exact(&mut frame).await.is_ok() {
            let [a, b, c, kind, flags, ..] = frame;
            let mut payload = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
            if stream.read_exact(&mut payload).await.is_err() {
                break;
            }
            kinds.push(kind);
            let is_ping = kind == 6 && flags & 1 == 0;
            if is_ping {
                let answer = [&[0, 0, 8, 6, 1, 0, 0, 0, 0][..], &payload].concat();
                // It may be gone by now.
                let _ = stream.write_all(&answer).await;
            }
        }
        kinds
    };
    let kinds = tokio::time::timeout(PATIENCE, talk).await.unwrap();
    // It was answered, and told to go.
    assert!(kinds.contains(&1) && kinds.contains(&7), "{kinds:?}");
    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_network_needs_tls() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let (_stop, stopped) = watch::channel(false);
    let served = serve(Arc::clone(&door.intake), None, listener, stopped).await;
    assert!(
        matches!(served, Err(ServeError::TlsRequired(_))),
        "{served:?}"
    );
}

#[tokio::test]
async fn tls_carries_requests() {
    let folder = tempfile::tempdir().unwrap();
    let door = open(folder.path(), Limits::default());
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let intake = Arc::clone(&door.intake);
    let serving = tokio::spawn(serve(intake, Some(Arc::new(server)), listener, stopped));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = connector
        .connect("localhost".try_into().unwrap(), stream)
        .await
        .unwrap();
    let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}"#;
    let request = format!(
        "POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A server that closes without saying so in TLS has answered all the same.
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(door.intake.counts(Signal::Logs).accepted, 1);
    stop.send(true).unwrap();
    serving.await.unwrap().unwrap();
}
