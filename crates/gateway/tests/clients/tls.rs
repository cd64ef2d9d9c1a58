//! TLS: asked for or direct, with SCRAM bound to the certificate.

use std::sync::Arc;

use privet_gateway::{Config, Tls};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::Case;
use crate::psql::{assert_contains, psql};
use crate::world::{World, run};

pub(crate) const CASES: &[Case] = &[
    ("tls::psql_binds_to_the_certificate", binds),
    (
        "tls::plain_connections_are_refused_where_tls_is_required",
        required,
    ),
    ("tls::direct_tls_needs_its_name", direct),
    ("tls::nothing_may_come_before_the_handshake", stuffed),
    ("tls::an_open_address_needs_a_certificate", open_address),
];

fn certificate() -> (CertificateDer<'static>, Tls, String) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = rcgen::CertificateParams::new(names)
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let der = certificate.der().clone();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    (
        der.clone(),
        Tls::new(vec![der], private).unwrap(),
        certificate.pem(),
    )
}

fn binds() {
    run(async {
        let (_, tls, pem) = certificate();
        let world = World::start(|config| config.tls = Some(tls)).await;
        let root = world.dir.path().join("root.pem");
        std::fs::write(&root, pem).unwrap();
        let environment = [
            ("PGSSLMODE", "verify-full"),
            ("PGCHANNELBINDING", "require"),
            ("PGSSLROOTCERT", root.to_str().unwrap()),
        ];
        let shown = psql(&world, "ann", &environment, "\\conninfo\nSELECT version();").await;
        assert_contains(&shown, &["SSL connection", "15.0 (Privet)"]);
        let plain = psql(
            &world,
            "ann",
            &[("PGSSLMODE", "disable")],
            "SELECT version();",
        )
        .await;
        assert_contains(&plain, &["15.0 (Privet)"]);
        world.stop().await;
    });
}

fn required() {
    run(async {
        let (_, tls, _) = certificate();
        let world = World::start(|config| {
            config.tls = Some(tls);
            config.tls_required = true;
        })
        .await;
        let plain = psql(
            &world,
            "ann",
            &[("PGSSLMODE", "disable")],
            "SELECT version();",
        )
        .await;
        assert_contains(
            &plain,
            &["FATAL", "encrypted connections only", "sslmode=require"],
        );
        let encrypted = psql(
            &world,
            "ann",
            &[("PGSSLMODE", "require")],
            "SELECT version();",
        )
        .await;
        assert_contains(&encrypted, &["15.0 (Privet)"]);
        world.stop().await;
    });
}

fn connector(certificate: CertificateDer<'static>, alpn: &[&[u8]]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

fn direct() {
    run(async {
        let (der, tls, _) = certificate();
        let world = World::start(|config| config.tls = Some(tls)).await;
        let name = ServerName::try_from("localhost").unwrap();
        let open = || TcpStream::connect(world.address);
        let named = connector(der.clone(), &[b"postgresql"]);
        let mut stream = named
            .connect(name.clone(), open().await.unwrap())
            .await
            .unwrap();
        stream
            .write_all(b"\0\0\0\x20\0\x03\0\0user\0ann\0database\0shop\0\0")
            .await
            .unwrap();
        let mut answer = [0; 27];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(
            (answer[0], &answer[9..27]),
            (b'R', &b"SCRAM-SHA-256-PLUS"[..])
        );
        let unnamed = connector(der.clone(), &[]);
        let mut stream = unnamed
            .connect(name.clone(), open().await.unwrap())
            .await
            .unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
        let other = connector(der, &[b"http/1.1"]);
        assert!(other.connect(name, open().await.unwrap()).await.is_err());
        world.stop().await;
    });
}

fn stuffed() {
    run(async {
        let (_, tls, _) = certificate();
        let world = World::start(|config| config.tls = Some(tls)).await;
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let mut bytes = b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec();
        bytes.extend(b"\0\0\0\x20\0\x03\0\0user\0ann\0database\0shop\0\0");
        stream.write_all(&bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert_eq!(answer, b"S");
        world.stop().await;
    });
}

fn open_address() {
    run(async {
        let world = World::start(|_| ()).await;
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let served = privet_gateway::serve(
            Config::default(),
            world.vault.clone(),
            listener,
            std::future::ready(()),
        );
        assert!(matches!(
            served.await,
            Err(privet_gateway::Error::TlsRequired)
        ));
        world.stop().await;
    });
}
