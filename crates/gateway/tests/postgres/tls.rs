//! TLS towards the server: the name is checked, the login is bound to the connection, and a client certificate can take a
//! password's place.

use privet_cluster::Setup;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::support::driver::{Client, told};
use crate::world::World;

/// An authority, and what it signed for a server and for the client `certified`.
struct Authority {
    folder: tempfile::TempDir,
    server: (String, String),
    certificate: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "Test Authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let signed = |params: CertificateParams| {
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        let server = signed(CertificateParams::new(["localhost".to_owned()]).unwrap());
        let mut client = CertificateParams::default();
        client
            .distinguished_name
            .push(DnType::CommonName, "certified");
        let client = signed(client);
        let folder = tempfile::tempdir().unwrap();
        let certificate = issuer.pem();
        for (name, text) in [
            ("authority.pem", &certificate),
            ("client.pem", &client.0),
            ("client.key", &client.1),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(path, mode).unwrap();
        }
        Self {
            folder,
            server,
            certificate,
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logins_to_the_server_are_bound_and_certified() {
    let authority = Authority::new();
    let (chain, key) = &authority.server;
    let cluster = Setup::new()
        .certificate(chain, key)
        .clients_of(&authority.certificate)
        .start()
        .unwrap();
    let (port, password) = (cluster.port(), cluster.password());
    cluster
        .sql(
            "postgres",
            &format!("CREATE ROLE bound LOGIN PASSWORD '{password}'; CREATE ROLE certified LOGIN"),
        )
        .unwrap();
    let root = authority.file("authority.pem");
    let address = |host: &str, user: &str, more: &str| {
        format!(
            "host={host} port={port} dbname=postgres user={user} sslmode=verify-full sslrootcert={root} {more}"
        )
    };
    let bound = address(
        "localhost",
        "bound",
        &format!("password={password} channel_binding=require"),
    );
    let certified = address(
        "localhost",
        "certified",
        &format!(
            "sslcert={} sslkey={}",
            authority.file("client.pem"),
            authority.file("client.key")
        ),
    );
    for good in [&bound, &certified] {
        let world = World::over(good, good, "postgres".to_owned(), |_| ()).await;
        let client = Client::connect(world.address, "ann", world.token("ann"), "")
            .await
            .unwrap();
        client.justify().await;
        let used = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        let row = client.query_one(used, &[]).await.unwrap();
        assert!(row.get::<_, bool>(0));
        world.stop().await;
    }
    // The certificate is for another name.
    let other = address("127.0.0.1", "bound", &format!("password={password}"));
    let world = World::over(&other, &other, "postgres".to_owned(), |_| ()).await;
    let refused = Client::connect(world.address, "ann", world.token("ann"), "").await;
    assert_eq!(told(&refused.err().unwrap()).0, "08001");
    world.stop().await;
}
