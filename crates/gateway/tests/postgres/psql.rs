//! psql, as an engineer types into it.

use std::process::Command;

use crate::world::World;

/// What psql prints for these commands, one `-c` each, and what it says beside it.
async fn psql(world: &World, user: &str, commands: &[&str]) -> (String, String) {
    let mut psql = tokio::process::Command::from(Command::new("psql"));
    psql.args(["-X", "-A", "-t", "-v", "VERBOSITY=verbose"])
        .arg(format!(
            "host=127.0.0.1 port={} user={user} dbname=shop sslmode=disable",
            world.address.port()
        ))
        .env("PGPASSWORD", world.token(user))
        .env("PGCONNECT_TIMEOUT", "20");
    for command in commands {
        psql.args(["-c", command]);
    }
    let output = psql.output().await.unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engineer_sees_what_they_may_see() {
    let world = World::start().await;
    let (shown, said) = psql(&world, "ann", &["SELECT first_name FROM customer"]).await;
    assert_eq!(shown, "", "{said}");
    assert!(
        said.contains("42501") && said.contains("CALL privet.justify("),
        "{said}"
    );
    let (shown, said) = psql(
        &world,
        "ann",
        &[
            "CALL privet.justify('customer cannot log in', 'https://t.example.com/1')",
            "SELECT first_name, country FROM customer ORDER BY id",
            "SELECT id FROM customer WHERE email_px = '~eq:email:ben@example.com~'",
            "CALL privet.decrypt(consent => 'https://t.example.com/1#yes', subject => 'customer:1', fields => 'first_name')",
            "SELECT id, first_name FROM customer ORDER BY id",
            "SELECT email FROM customer WHERE id = 1",
            "UPDATE invoice SET paid = false",
            "CALL privet.encrypt()",
            "SELECT first_name FROM customer WHERE id = 1",
            "UPDATE invoice SET paid = false WHERE id = 100 RETURNING paid",
        ],
    )
    .await;
    let lines: Vec<&str> = shown.lines().collect();
    let expected = [
        "CALL",
        "pv1_",
        "pv1_",
        "pv1_",
        "2",
        "CALL",
        "1|Adalaide",
        "2|pv1_",
        "3|pv1_",
        "pv1_",
        "CALL",
        "pv1_",
        "f",
        "UPDATE 1",
    ];
    assert_eq!(lines.len(), expected.len(), "{shown}\n{said}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(
            line.starts_with(expected),
            "{line} is not {expected}\n{shown}\n{said}"
        );
    }
    assert!(said.contains("25006") || said.contains("42501"), "{said}");
    world.stop().await;
}
