//! Commands for applications' code and logs.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Ran, privet};

const MAP: &str = r#"
[purposes]
support = { basis = "contract" }
[fields.email]
number = 1
class = "UII"
type = "email"
purposes = ["support"]
[telemetry.attributes]
"user.id" = "UPI"
retries = "SYS"
"#;

/// A folder with the map.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("datamap.toml"), MAP).unwrap();
    folder
}

/// What `privet redact` makes of lines.
fn redact(folder: &Path, arguments: &[&str], lines: &[u8]) -> Ran {
    let mut command = privet();
    command.current_dir(folder);
    command
        .args(["redact", "--map", "datamap.toml"])
        .args(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines = lines.to_vec();
    // A pipe holds less than the lines do: who writes must not keep who reads from being read.
    let writer = std::thread::spawn(move || {
        // A command that refuses its arguments reads nothing.
        let _ = input.write_all(&lines);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn lines_of_another_program() {
    let folder = place();
    let lines = b"{\"level\":\"info\",\"email\":\"ada@example.org\",\"user\":{\"id\":4711,\"name\":\"Ada\"},\"retries\":3}\n\
        started on 192.0.2.7\n\n{\"level\":\n\xff ada@example.org\nno end";
    let shown = redact(folder.path(), &[], lines).ok();
    assert_eq!(
        shown,
        "{\"level\":\"info\",\"email\":\"[UII]\",\"user\":{\"id\":\"[UPI]\"},\"retries\":3}\n\
         started on [ip]\n\n{\"unreadable\":true}\n\u{fffd} [email]\nno end\n"
    );
}

#[test]
fn rules_and_a_key() {
    let folder = place();
    let key = folder.path().join("log.key");
    fs::write(&key, format!("2026q4 {}\n", "07".repeat(32))).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let rules = [
        "--key",
        "log.key",
        "--rule",
        "UPI=pseudonym",
        "--rule",
        "UII=mask",
    ];
    let line = b"{\"user.id\":\"4711\",\"email\":\"ada@example.org\"}\n";
    let shown = redact(folder.path(), &rules, line).ok();
    // The first vector of `docs/formats/log-pseudonyms.md`.
    assert_eq!(
        shown,
        "{\"user.id\":\"pp1_2026q4_lZwsDUShBbQL-6amjQ9QbA\",\"email\":\"•••••@•••••\"}\n"
    );
    let refused = redact(folder.path(), &["--rule", "UPI=keep"], line).failed();
    assert!(
        refused.contains("values of class `UPI` are never kept"),
        "{refused}"
    );
    let keyless = redact(folder.path(), &["--rule", "UPI=pseudonym"], line).failed();
    assert!(keyless.contains("there is no key"), "{keyless}");
    fs::write(&key, "2026q4 07\n").unwrap();
    let short = redact(folder.path(), &rules, line).failed();
    assert!(short.contains("64 hexadecimal digits"), "{short}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let open = redact(folder.path(), &rules, line).failed();
    assert!(open.contains("chmod 600"), "{open}");
}

#[test]
fn a_line_without_an_end() {
    let folder = place();
    let mut lines = vec![b'x'; 1024 * 1024];
    lines.extend_from_slice(b"ada@example.org\nnext\n");
    lines.extend_from_slice(&vec![b'y'; 1024 * 1024 - 1]);
    lines.extend_from_slice(b"\nlast\n");
    let shown = redact(folder.path(), &[], &lines).ok();
    let kept = "y".repeat(1024 * 1024 - 1);
    assert!(shown == format!("[a line of more than 1 MiB]\nnext\n{kept}\nlast\n"));
}

#[test]
fn types_and_code_that_agree_and_drift() {
    let folder = place();
    let run = |arguments: &[&str]| Ran::of(privet().current_dir(folder.path()).args(arguments));
    let types = run(&["classify", "--lang", "rust", "--map", "datamap.toml"]).ok();
    assert!(
        types.contains("pub type Email = privet_classify::Uii<"),
        "{types}"
    );
    let src = folder.path().join("src");
    fs::create_dir_all(src.join("target")).unwrap();
    fs::write(src.join("fields.rs"), &types).unwrap();
    fs::write(src.join("target/made.rs"), "this is nobody's code").unwrap();
    let main = "fn main() {\n    mail(email.reveal(because(\"the receipt goes there\")));\n}\n";
    fs::write(src.join("main.rs"), main).unwrap();

    let check = ["check", "--code", "src", "--map", "datamap.toml"];
    let agreed = run(&check).ok();
    assert_eq!(
        agreed,
        "note: src/main.rs:2: a value leaves its class: the receipt goes there\nNo problems.\n"
    );

    fs::write(
        src.join("main.rs"),
        "fn main() {\n    info!(\"mail to {email}\");\n}\n",
    )
    .unwrap();
    fs::write(src.join("fields.rs"), types.replace("Uii", "Sys")).unwrap();
    let drifted = run(&check);
    assert_eq!(drifted.code, Some(1));
    assert_eq!(
        drifted.stdout.matches("problem: src/").count(),
        2,
        "{}",
        drifted.stdout
    );
    let json = run(&[&check[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["ok"], false);

    let missing = run(&["check", "--code", "nowhere", "--map", "datamap.toml"]).failed();
    assert!(missing.contains("cannot read `nowhere`"), "{missing}");
}
