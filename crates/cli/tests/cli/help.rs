//! What `--help` says. A person reviews these texts when they change.

use crate::support::{Ran, privet};

const COMMANDS: [&[&str]; 50] = [
    &[],
    &["demo"],
    &["init"],
    &["serve"],
    &["console"],
    &["adopt"],
    &["check"],
    &["source"],
    &["source", "roles"],
    &["classify"],
    &["redact"],
    &["consent"],
    &["consent", "show"],
    &["consent", "grant"],
    &["consent", "withdraw"],
    &["consent", "history"],
    &["consent", "import"],
    &["consent", "receipt"],
    &["consent", "verify"],
    &["request"],
    &["request", "access"],
    &["request", "file"],
    &["request", "erase"],
    &["request", "erase-fields"],
    &["request", "list"],
    &["request", "show"],
    &["request", "cancel"],
    &["request", "run"],
    &["query"],
    &["telemetry"],
    &["telemetry", "views"],
    &["synth"],
    &["token"],
    &["token", "issue"],
    &["token", "list"],
    &["token", "revoke"],
    &["session"],
    &["session", "list"],
    &["session", "show"],
    &["session", "prove"],
    &["session", "review"],
    &["session", "comment"],
    &["summary"],
    &["login-link"],
    &["audit"],
    &["audit", "tail"],
    &["audit", "verify"],
    &["audit", "prove"],
    &["audit", "check"],
    &["audit", "export"],
];

#[test]
fn help_teaches() {
    let mut all = String::new();
    for command in COMMANDS {
        let help = Ran::of(privet().args(command).arg("--help")).ok();
        let line = [&["privet"], command, &["--help"]].concat().join(" ");
        all.push_str(&format!("$ {line}\n{help}\n"));
    }
    insta::assert_snapshot!("help", all);
}

#[test]
fn a_command_that_is_none_is_a_mistake_of_usage() {
    let ran = Ran::of(privet().arg("adpot"));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("'adopt'"), "{}", ran.stderr);
}

#[test]
fn the_version_is_told() {
    let said = Ran::of(privet().arg("--version")).ok();
    assert_eq!(said, format!("privet {}\n", env!("CARGO_PKG_VERSION")));
}
