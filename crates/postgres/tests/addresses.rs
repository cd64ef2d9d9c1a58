//! What addresses say, and which are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use privet_postgres::{Address, Plaintext, Rules};

fn read(text: &str, plaintext: Plaintext) -> Result<Address, privet_postgres::Error> {
    let folder = Path::new("/nowhere");
    Address::new(text, &Rules { folder, plaintext })
}

/// The hosts, whether they are reached through TLS, user and database; or the error.
fn check(text: &str) -> String {
    match read(text, Plaintext::Local) {
        Ok(address) => {
            let hosts: Vec<_> = address.hosts().iter().map(ToString::to_string).collect();
            let how = if address.is_encrypted() {
                "tls"
            } else {
                "plain"
            };
            let (user, database) = (address.user(), address.database());
            format!("{} {how} {user} {database}", hosts.join(" "))
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn this_machine_needs_no_tls_and_others_do() {
    for (text, wanted) in [
        (
            "postgresql://me@127.0.0.1/shop",
            "127.0.0.1:5432 plain me shop",
        ),
        (
            "postgresql://me@localhost:7000",
            "localhost:7000 plain me me",
        ),
        ("postgresql://me@[::1]/shop", "[::1]:5432 plain me shop"),
        (
            "postgresql://me@%2Frun/shop",
            "/run/.s.PGSQL.5432 plain me shop",
        ),
        ("host=/run port=7 user=me", "/run/.s.PGSQL.7 plain me me"),
        (
            "postgresql://me@db.example.com/shop",
            "db.example.com:5432 tls me shop",
        ),
        ("postgresql://me@10.0.0.1/shop", "10.0.0.1:5432 tls me shop"),
        (
            "postgresql://me@a.example:1,b.example/x",
            "a.example:1 b.example:5432 tls me x",
        ),
        (
            "host=db.example.com hostaddr=127.0.0.1 user=me",
            "db.example.com:5432 plain me me",
        ),
        (
            "host=localhost hostaddr=10.0.0.1 user=me",
            "localhost:5432 tls me me",
        ),
        // One server elsewhere is enough.
        (
            "host=localhost,db.example.com user=me",
            "localhost:5432 db.example.com:5432 tls me me",
        ),
        (
            "postgresql://me@localhost?sslmode=verify-full",
            "localhost:5432 tls me me",
        ),
    ] {
        assert_eq!(check(text), wanted, "{text}");
    }
}

#[test]
fn what_checks_nothing_is_refused() {
    for (text, wanted) in [
        (
            "postgresql://me@10.0.0.1/x?sslmode=disable",
            "would send a password",
        ),
        (
            "postgresql://me@10.0.0.1/x?sslmode=prefer",
            "does not check who answers",
        ),
        (
            "postgresql://me@127.0.0.1/x?sslmode=allow",
            "does not check who answers",
        ),
        (
            "postgresql://me@10.0.0.1/x?sslmode=require",
            "write `sslmode=verify-full`",
        ),
        (
            "postgresql://me@10.0.0.1/x?sslmode=verify-ca",
            "`sslrootcert=FILE`",
        ),
        (
            "postgresql://me@10.0.0.1/x?sslmode=verify-ca&sslrootcert=system",
            "`sslrootcert=FILE`",
        ),
        (
            "postgresql://me@10.0.0.1/x?sslmode=full",
            "none of `verify-full`",
        ),
        (
            "postgresql://me@127.0.0.1/x?sslcert=a",
            "`sslcert` is of no use without TLS",
        ),
        (
            "postgresql://me@127.0.0.1/x?channel_binding=require",
            "needs TLS",
        ),
        (
            "host=/run user=me sslrootcert=a",
            "`sslrootcert` is of no use without TLS",
        ),
        ("postgresql://me@10.0.0.1/x?sslcert=a", "belong together"),
        (
            "postgresql://me@10.0.0.1/x?gssencmode=disable",
            "parameter 4 is none that is known",
        ),
        (
            "postgresql://me@10.0.0.1/x?connect_timeout=soon",
            "the value of `connect_timeout`",
        ),
        ("postgresql://me@10.0.0.1:0/x", "a `port` is no number"),
        (
            "postgresql://me@a,b/x?hostaddr=10.0.0.1",
            "different numbers of servers",
        ),
        ("host=/run,localhost user=me", "keep one kind"),
        ("host=db hostaddr=db user=me", "no IP address"),
        ("postgresql://10.0.0.1/x", "it does not say `user`"),
        ("user=me", "it does not say `host`"),
        ("", "it does not say `host`"),
    ] {
        let said = check(text);
        assert!(said.contains(wanted), "{text}: {said}");
    }
}

#[test]
fn where_nothing_is_to_protect_tls_may_be_off() {
    let text = "postgresql://me@10.0.0.1/x?sslmode=disable";
    let address = read(text, Plaintext::Anywhere).unwrap();
    assert!(!address.is_encrypted());
    // Not by default.
    let address = read("postgresql://me@10.0.0.1/x", Plaintext::Anywhere).unwrap();
    assert!(address.is_encrypted());
}

#[test]
fn nothing_shows_the_password() {
    let address = read("postgresql://me:hunter2@10.0.0.1/x", Plaintext::Local).unwrap();
    assert_eq!(address.password(), Some(&b"hunter2"[..]));
    assert_eq!(address.config().get_password(), Some(&b"hunter2"[..]));
    assert_eq!(address.bare().get_password(), None);
    assert!(address.says_password());
    let shown = format!("{address:?} {:?}", address.config());
    assert!(!shown.contains("hunter2"), "{shown}");
    for text in [
        "postgresql://me:hunter2@10.0.0.1/x?sslmode=hunter2",
        "postgresql://me:hunter2@10.0.0.1:hunter2/x",
        "host=10.0.0.1 user=me password=a hunter2=b",
        "host=10.0.0.1 user=me password=hunter2 password_file=b",
        "host=10.0.0.1 user=me password=hunter2 keepalives=hunter2",
    ] {
        let said = read(text, Plaintext::Local).unwrap_err();
        assert!(
            !format!("{said} {said:?}").contains("hunter2"),
            "{text}: {said}"
        );
    }
}

#[test]
fn a_password_may_lie_in_a_file_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs::write(&file, "hunter2\n").unwrap();
    let rules = Rules {
        folder: folder.path(),
        plaintext: Plaintext::Local,
    };
    let text = "host=localhost user=me password_file=password";
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let said = Address::new(text, &rules).unwrap_err().to_string();
    assert!(said.contains("chmod 600"), "{said}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let address = Address::new(text, &rules).unwrap();
    assert_eq!(address.password(), Some(&b"hunter2"[..]));
    assert!(!address.says_password());
}
