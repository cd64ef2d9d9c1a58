//! TLS: served when configured, and a clear error when its files are not right.

use std::sync::Arc;

use privet_api::{ApiConfig, Error, TlsFiles};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::bed::{Bed, Stores};
use crate::http::exchange;

struct Certificate {
    folder: tempfile::TempDir,
    files: TlsFiles,
    certificate: rcgen::Certificate,
}

fn certificate() -> Certificate {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("certificate.pem"),
        key: folder.path().join("key.pem"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    Certificate {
        folder,
        files,
        certificate: made.cert,
    }
}

async fn start(files: TlsFiles) -> Bed {
    let config = ApiConfig {
        tls: Some(files),
        ..ApiConfig::default()
    };
    Bed::start(Stores::memory(), config).await
}

#[tokio::test]
async fn a_request_over_tls() {
    let made = certificate();
    let bed = start(made.files.clone()).await;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(bed.client.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let token = bed.of("job").await.token.unwrap();
    let request = format!(
        "GET /v1/whoami HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\n\r\n"
    );
    let answer = exchange(&mut stream, request.as_bytes()).await.expect(200);
    let alone = answer.header("strict-transport-security");
    assert_eq!(alone, Some("max-age=31536000"));
    // Without TLS a browser would not heed it, and must not be told.
    let plain = crate::bed::bed().await.client.get("/health/live").await;
    assert_eq!(plain.header("strict-transport-security"), None);
    // Plain HTTP on the same port gets no answer of ours.
    let mut plain = TcpStream::connect(bed.client.address).await.unwrap();
    use tokio::io::AsyncWriteExt as _;
    plain.write_all(request.as_bytes()).await.unwrap();
    let bytes = crate::http::read_to_end(&mut plain).await;
    assert!(!bytes.starts_with(b"HTTP"));
}

#[tokio::test]
async fn files_that_are_not_right_are_named() {
    let made = certificate();
    let other = certificate();
    let missing = made.folder.path().join("nothing.pem");
    let swapped = TlsFiles {
        certificate: made.files.key.clone(),
        key: made.files.certificate.clone(),
    };
    let absent = TlsFiles {
        certificate: missing.clone(),
        ..made.files.clone()
    };
    for files in [swapped, absent] {
        let bed = start(files).await;
        let error = bed.served.await.unwrap().unwrap_err();
        assert!(
            matches!(error, Error::Pem { .. } | Error::Certificate(_)),
            "{error}"
        );
        assert!(error.to_string().contains(".pem"), "{error}");
    }
    let mismatched = TlsFiles {
        key: other.files.key.clone(),
        ..made.files.clone()
    };
    let error = start(mismatched).await.served.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Certificate(_)), "{error}");
}
