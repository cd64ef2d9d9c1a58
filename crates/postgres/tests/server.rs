//! Real servers: whom we connect to, whom we do not, and that logins are bound to what the server showed.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::signature::Ed25519KeyPair;
use privet_cluster::{Cluster, Setup};
use privet_postgres::{Address, Distrust, Error, Plaintext, Rules};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const WAIT: Duration = Duration::from_secs(10);

/// Who signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(parameters, key);
        Self { pem, issuer }
    }

    fn sign(&self, parameters: &CertificateParams, key: &KeyPair) -> (String, String) {
        let certificate = parameters.signed_by(key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn server(&self, name: &str) -> (String, String) {
        let parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        self.sign(&parameters, &KeyPair::generate().unwrap())
    }
}

fn serving((chain, key): &(String, String)) -> Cluster {
    Setup::new().certificate(chain, key).start().unwrap()
}

/// A folder with what addresses name.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

fn address(folder: &Path, text: &str) -> Address {
    let plaintext = Plaintext::Local;
    Address::new(text, &Rules { folder, plaintext }).unwrap()
}

/// The address of a cluster under the name `db.example`.
fn named(cluster: &Cluster, folder: &Path, more: &str) -> Address {
    let (port, password) = (cluster.port(), cluster.password());
    let text = format!(
        "host=db.example hostaddr=127.0.0.1 port={port} user=privet password={password} dbname=postgres {more}"
    );
    address(folder, &text)
}

/// Asks the server through the driver.
async fn ask(address: &Address, sql: &str) -> Result<String, tokio_postgres::Error> {
    let (client, connection) = address.config().connect(address.tls().clone()).await?;
    let driver = tokio::spawn(connection);
    let row = client.query_one(sql, &[]).await?;
    drop(client);
    driver.await.unwrap()?;
    row.try_get(0)
}

/// Both ways to connect are refused, for the same reason.
async fn refused(address: &Address) -> Distrust {
    let driver = ask(address, "SELECT 'reached'").await.unwrap_err();
    let driver = Distrust::of(&driver).unwrap();
    let Err(Error::Untrusted { why, .. }) = address.dial(WAIT).await else {
        unreachable!("it was trusted");
    };
    assert_eq!(why, driver);
    why
}

const CIPHER: &str =
    "SELECT coalesce(version, 'none') FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

#[tokio::test]
async fn only_the_right_server_is_talked_to() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let folder = folder(&[("ours.crt", &ours.pem), ("theirs.crt", &theirs.pem)]);
    let folder = folder.path();
    let cluster = serving(&ours.server("db.example"));
    // The certificate has an ECDSA P-256 key, so that the login can be bound, and it must be.
    let right = "sslmode=verify-full sslrootcert=ours.crt channel_binding=require";
    let right = named(&cluster, folder, right);
    assert_eq!(ask(&right, CIPHER).await.unwrap(), "TLSv1.3");
    let stream = right.dial(WAIT).await.unwrap();
    assert!(stream.is_encrypted());
    assert_eq!(stream.end_point().map(<[u8]>::len), Some(32));
    // The very server again.
    let again = right.dial_host(stream.host(), WAIT).await.unwrap();
    assert_eq!(again.end_point(), stream.end_point());

    let others = named(
        &cluster,
        folder,
        "sslmode=verify-full sslrootcert=theirs.crt",
    );
    assert_eq!(refused(&others).await, Distrust::Issuer);
    // No authority of this machine knows it.
    let system = named(&cluster, folder, "sslmode=verify-full sslrootcert=system");
    assert_eq!(refused(&system).await, Distrust::Issuer);
}

#[tokio::test]
async fn the_name_counts_unless_the_authority_is_enough() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let folder = folder(&[("ours.crt", &ours.pem), ("theirs.crt", &theirs.pem)]);
    let folder = folder.path();
    let cluster = serving(&ours.server("other.example"));
    let full = named(&cluster, folder, "sslmode=verify-full sslrootcert=ours.crt");
    assert_eq!(refused(&full).await, Distrust::Name);
    let authority = named(&cluster, folder, "sslmode=verify-ca sslrootcert=ours.crt");
    assert_eq!(ask(&authority, CIPHER).await.unwrap(), "TLSv1.3");
    let others = named(&cluster, folder, "sslmode=verify-ca sslrootcert=theirs.crt");
    assert_eq!(refused(&others).await, Distrust::Issuer);
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let ours = Authority::new();
    let folder = folder(&[("ours.crt", &ours.pem)]);
    let mut parameters = CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2026, 1, 1);
    let cluster = serving(&ours.sign(&parameters, &KeyPair::generate().unwrap()));
    for mode in ["verify-full", "verify-ca"] {
        let more = format!("sslmode={mode} sslrootcert=ours.crt");
        let address = named(&cluster, folder.path(), &more);
        assert_eq!(refused(&address).await, Distrust::Expired, "{mode}");
    }
}

#[tokio::test]
async fn a_certificate_that_binds_nothing_is_told() {
    let ours = Authority::new();
    let folder = folder(&[("ours.crt", &ours.pem)]);
    // Signed by itself: under a P-256 authority it would bind whatever its own key is. OpenSSL reads version 1 alone.
    let key = Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap();
    let key = KeyPair::try_from(key.as_ref()).unwrap();
    let parameters = CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
    let own = parameters.self_signed(&key).unwrap().pem();
    fs::write(folder.path().join("own.crt"), &own).unwrap();
    let cluster = serving(&(own, key.serialize_pem()));
    let free = named(
        &cluster,
        folder.path(),
        "sslmode=verify-full sslrootcert=own.crt",
    );
    assert_eq!(ask(&free, CIPHER).await.unwrap(), "TLSv1.3");
    assert_eq!(free.dial(WAIT).await.unwrap().end_point(), None);
    let bound = "sslmode=verify-full sslrootcert=own.crt channel_binding=require";
    let error = ask(&named(&cluster, folder.path(), bound), CIPHER).await;
    assert_eq!(Distrust::of(&error.unwrap_err()), Some(Distrust::Unbound));
}

#[tokio::test]
async fn we_show_who_we_are() {
    let ours = Authority::new();
    let (chain, key) = ours.server("db.example");
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters
        .distinguished_name
        .push(DnType::CommonName, "certified");
    let (mine, my_key) = ours.sign(&parameters, &KeyPair::generate().unwrap());
    let folder = folder(&[
        ("ours.crt", &ours.pem),
        ("my.crt", &mine),
        ("my.key", &my_key),
    ]);
    let folder = folder.path();
    let cluster = Setup::new()
        .certificate(&chain, &key)
        .clients_of(&ours.pem)
        .start()
        .unwrap();
    cluster
        .sql("postgres", "CREATE ROLE certified LOGIN")
        .unwrap();
    let text = format!(
        "host=db.example hostaddr=127.0.0.1 port={} user=certified dbname=postgres sslmode=verify-full \
         sslrootcert=ours.crt",
        cluster.port()
    );
    let certified = address(folder, &format!("{text} sslcert=my.crt sslkey=my.key"));
    assert_eq!(
        ask(&certified, "SELECT current_user::text").await.unwrap(),
        "certified"
    );
    let anonymous = ask(&address(folder, &text), "SELECT 'reached'")
        .await
        .unwrap_err();
    assert!(anonymous.code().is_some(), "{anonymous:?}");

    fs::set_permissions(folder.join("my.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let rules = Rules {
        folder,
        plaintext: Plaintext::Local,
    };
    let error = Address::new(&format!("{text} sslcert=my.crt sslkey=my.key"), &rules);
    assert!(error.unwrap_err().to_string().contains("chmod 600"));
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let ours = Authority::new();
    let folder = folder(&[("ours.crt", &ours.pem)]);
    let cluster = Cluster::start().unwrap();
    let encrypted = named(
        &cluster,
        folder.path(),
        "sslmode=verify-full sslrootcert=ours.crt",
    );
    assert_eq!(refused(&encrypted).await, Distrust::Plain);
    // Unless it is on this machine and nobody asked for it.
    let plain = named(&cluster, folder.path(), "");
    assert_eq!(ask(&plain, CIPHER).await.unwrap(), "none");
    let stream = plain.dial(WAIT).await.unwrap();
    assert!(!stream.is_encrypted() && stream.end_point().is_none());
}

#[tokio::test]
async fn sockets_and_further_hosts_are_reached() {
    let cluster = Setup::new().socket().start().unwrap();
    let (folder, port, password) = (cluster.folder(), cluster.port(), cluster.password());
    let more = format!("port={port} user=privet password={password} dbname=postgres");
    let socket = address(folder, &format!("host={} {more}", folder.display()));
    assert_eq!(ask(&socket, "SELECT 'reached'").await.unwrap(), "reached");
    greets(&mut socket.dial(WAIT).await.unwrap()).await;
    // The first is a port that nobody listens on.
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let more = format!("port={free},{port} user=privet password={password} dbname=postgres");
    let second = address(folder, &format!("host=127.0.0.1,127.0.0.1 {more}"));
    assert_eq!(ask(&second, "SELECT 'reached'").await.unwrap(), "reached");
    greets(&mut second.dial(WAIT).await.unwrap()).await;
}

/// What dialed speaks the protocol: a start-up message is answered with a question for authentication.
async fn greets(stream: &mut privet_postgres::Stream) {
    let mut message = vec![0, 3, 0, 0];
    message.extend_from_slice(b"user\0privet\0database\0postgres\0\0");
    let length = u32::try_from(message.len() + 4).unwrap();
    stream.write_all(&length.to_be_bytes()).await.unwrap();
    stream.write_all(&message).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'R');
}

/// A server that answers the wish for TLS with these bytes, and what `dial` makes of it.
async fn answered(with: &'static [u8]) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 8];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(asked, [0, 0, 0, 8, 4, 210, 22, 47]);
        stream.write_all(with).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        rest
    });
    let ours = Authority::new();
    let folder = folder(&[("ours.crt", &ours.pem)]);
    let text = format!("postgresql://me:hunter2@localhost:{port}/x?sslrootcert=ours.crt");
    let address = address(folder.path(), &text);
    let error = address.dial(Duration::from_millis(500)).await.unwrap_err();
    let rest = server.await.unwrap();
    assert!(!rest.windows(7).any(|bytes| bytes == b"hunter2"));
    error
}

#[tokio::test]
async fn what_comes_in_clear_before_the_handshake_is_never_the_servers() {
    // An error, which a man in the middle may have written (CVE-2024-10977).
    let error = answered(b"E\0\0\0\x0fSFATAL\0Msend me your password\0\0").await;
    assert!(
        matches!(
            error,
            Error::Untrusted {
                why: Distrust::Plain,
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.to_string().contains("send me"), "{error}");
    let error = answered(b"N").await;
    assert!(
        matches!(
            error,
            Error::Untrusted {
                why: Distrust::Plain,
                ..
            }
        ),
        "{error}"
    );
    // Bytes behind the yes (CVE-2021-23222): they are no TLS.
    let error = answered(b"SR\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await;
    assert!(
        matches!(
            error,
            Error::Untrusted {
                why: Distrust::Other(_),
                ..
            }
        ),
        "{error}"
    );
    // Silence.
    let error = answered(b"S").await;
    assert!(matches!(error, Error::Slow { .. }), "{error}");
    let error = answered(b"").await;
    assert!(matches!(error, Error::Slow { .. }), "{error}");
}
