//! `[people]`: what is not right is said beforehand, by `privet check` and at the start, and never with the client's secret.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::support::{Place, get};

/// A section that is right.
const RIGHT: &str = r#"
[people]
address = "https://me.shop.example"
looks_after_days = 90

[people.login]
name = "Shop"
issuer = "https://login.shop.example"
client_id = "privet"
client_secret_file = "client.secret"
subject = "shop/customer:{sub}"
"#;

/// What makes it wrong: a line, what takes its place, and what is said of it.
const WRONG: [(&str, &str, &str); 12] = [
    (
        "looks_after_days = 90",
        "looks_after_days = 91",
        "`looks_after_days` is at most 90",
    ),
    (
        "name = \"Shop\"",
        "name = \" \"",
        "`name` and `client_id` under [people.login] must not be empty",
    ),
    (
        "client_id = \"privet\"",
        "client_id = \"\"",
        "`name` and `client_id` under [people.login] must not be empty",
    ),
    // Somebody on the way would let themselves in.
    (
        "https://login.shop.example",
        "http://login.shop.example",
        "`issuer` is not an address that people can log in over",
    ),
    (
        "https://me.shop.example",
        "http://me.shop.example",
        "`address` is not an address that people can log in over",
    ),
    (
        "shop/customer:{sub}",
        "shop/customer",
        "`subject` says which claim names a person",
    ),
    ("{sub}", "{email}", "claim `email` can change hands"),
    (
        "client_secret_file = \"client.secret\"",
        "client_secret_file = \"nowhere\"",
        "cannot read `",
    ),
    (
        "client_secret_file = \"client.secret\"",
        "client_secret_file = \"open.secret\"",
        "chmod",
    ),
    (
        "client_secret_file = \"client.secret\"",
        "client_secret_env = \"NOT_IN_THIS_ENVIRONMENT\"",
        "`client_secret_env` says that the client's secret is in `NOT_IN_THIS_ENVIRONMENT`: set it",
    ),
    (
        "client_id = \"privet\"",
        "client_id = \"privet\"\nclient_secret_env = \"HOME\"",
        "as `client_secret_file` or as `client_secret_env`, not both",
    ),
    (
        "client_id = \"privet\"",
        "client_id = \"privet\"\nauthorities = \"client.secret\"",
        "the provider's `authorities` hold no certificate",
    ),
];

fn secret(path: &Path, mode: u32) {
    fs::write(path, "hunter2\n").unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_not_right_about_own_pages_is_said_beforehand() {
    let place = Place::new();
    place.init(&[]);
    secret(&place.dir().join("client.secret"), 0o600);
    secret(&place.dir().join("open.secret"), 0o644);
    let without = fs::read_to_string(place.dir().join("privet.toml")).unwrap();
    let stated = |people: &str| place.edit("privet.toml", |_| format!("{without}{people}"));

    stated(RIGHT);
    place.run(&["check"]).ok();
    for (line, instead, found) in WRONG {
        let wrong = RIGHT.replacen(line, instead, 1);
        assert_ne!(wrong, RIGHT, "{line}");
        stated(&wrong);
        let checked = place.run(&["check"]);
        assert_eq!(checked.code, Some(1), "{checked:?}");
        let problem = "problem: [people] in `privet.toml` is not right: ";
        let problem = checked
            .stdout
            .lines()
            .find(|line| line.starts_with(problem));
        let problem = problem.unwrap_or_else(|| panic!("{checked:?}"));
        assert!(problem.contains(found), "{instead}: {problem}");
        let refused = place.run(&["serve"]).failed();
        assert!(refused.contains(found), "{instead}: {refused}");
        let said = format!("{checked:?}{refused}");
        assert!(!said.contains("hunter2"), "{said}");
    }

    // A secret where its file should be named is not repeated.
    stated(&RIGHT.replace("client_secret_file", "client_secret"));
    let refused = place.run(&["check"]).failed();
    assert!(
        refused.contains("unknown field `client_secret`"),
        "{refused}"
    );
    stated(&RIGHT.replace(
        "client_secret_file = \"client.secret\"",
        "client_secret = \"hunter2\"",
    ));
    let refused = place.run(&["check"]).failed();
    assert!(!refused.contains("hunter2"), "{refused}");
}

/// The provider is asked when the first person logs in, so that a server starts without it.
#[test]
fn a_server_with_own_pages_starts_without_the_provider() {
    let place = Place::new();
    place.init(&[]);
    place.edit("privet.toml", |text| {
        let people = RIGHT.replace("client_secret_file = \"client.secret\"\n", "");
        format!("{text}{people}")
    });
    let server = place.server(&["serve"]);
    let api = place.said_in_file("api");
    let page = get(&api, "/me/login");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("Shop"), "{page}");
    drop(server);
}
