//! The pages as everybody but the server's own machine gets them: through TLS, with a certificate that the browser checks.

use base64::Engine as _;
use privet_api::{ApiConfig, TlsFiles};
use privet_vault::port::Verdict;
use rcgen::PublicKeyData as _;
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;

use crate::World;
use crate::bed::{Bed, Stores};
use crate::console::session;

/// The name that the certificate is for: one that nobody else has (RFC 6761).
pub(crate) const HOST: &str = "privet.test";

/// A certificate, and what a browser knows it by.
pub(crate) struct Certificate {
    files: TlsFiles,
    /// SHA-256 of its public key, in base64.
    pub(crate) fingerprint: String,
    _folder: tempfile::TempDir,
}

impl Certificate {
    pub(crate) fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("certificate.pem"),
            key: folder.path().join("key.pem"),
        };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let suite = TLS13_AES_128_GCM_SHA256.tls13().unwrap();
        let sha256 = suite.common.hash_provider;
        let public = made.signing_key.subject_public_key_info();
        let fingerprint = sha256.hash(&public);
        Self {
            files,
            fingerprint: base64::engine::general_purpose::STANDARD.encode(fingerprint.as_ref()),
            _folder: folder,
        }
    }
}

/// A day's work through TLS: the login's cookie never leaves without it, and nor does the browser, whatever is typed.
pub(crate) async fn pages(world: &World) {
    let config = ApiConfig {
        tls: Some(world.certificate.files.clone()),
        ..ApiConfig::default()
    };
    let world = world.at(Bed::start(Stores::memory(), config).await);
    let (browser, bed) = (&world.browser, &world.bed);
    let port = bed.client.address.port();
    let id = session(bed, "the nightly import failed", &["SELECT 1"]).await;
    browser
        .go(&format!("https://{HOST}:{port}/sessions/{id}"))
        .await;
    assert!(browser.path().await.starts_with("/login?next="));
    let token = bed.of("auditor").await.token.unwrap();
    browser.write("#token", &token).await;
    browser.press("Log in").await;
    assert_eq!(browser.path().await, format!("/sessions/{id}"));
    let cookies = browser.cookies().await;
    let [cookie] = cookies.as_array().unwrap().as_slice() else {
        panic!("{cookies}")
    };
    assert_eq!(cookie["name"], "__Host-privet");
    assert_eq!(cookie["secure"], true);
    assert_eq!(cookie["httpOnly"], true);
    assert_eq!(cookie["sameSite"], "Strict");
    assert_eq!(cookie["domain"], HOST, "for this host alone");

    browser.write("#note", "ticket fits").await;
    browser.press("Approve").await;
    let row = bed.stores.data.session(id).await.unwrap().unwrap();
    assert_eq!(row.verdict(), Verdict::Approved);

    // The port takes nothing but TLS, so that the browser arrives only if it goes there by itself (RFC 6797 section 8.3).
    browser.go(&format!("http://{HOST}:{port}/sessions")).await;
    let address = browser.address().await;
    assert_eq!(address, format!("https://{HOST}:{port}/sessions"));
    assert_eq!(browser.text("h1").await, "Sessions");
    browser.press("Log out").await;
    assert_eq!(browser.path().await, "/login");
    assert_eq!(browser.cookies().await.as_array().unwrap().len(), 0);
}
