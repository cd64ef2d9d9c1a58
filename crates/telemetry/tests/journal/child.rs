//! Real processes: one that is killed, and one whose disk is full.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use privet_telemetry::{JournalLimits, Refused};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{LIMITS, batch, numbers, open};

const FOLDER: &str = "PRIVET_TEST_JOURNAL";

/// This test's executable as another process, which runs one test alone, in `folder`.
fn child(test: &str, folder: &Path, around: &[&str]) -> Child {
    let this = std::env::current_exe().unwrap();
    let mut command = match around.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(this);
            command
        }
        None => Command::new(this),
    };
    command
        .args(["--exact", test, "--nocapture", "--include-ignored"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Says a number on a line of its own; the test harness writes to the same place.
fn say(number: i64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nacknowledged {number}").unwrap();
    out.flush().unwrap();
}

fn said(line: &str) -> Option<i64> {
    line.strip_prefix("acknowledged ")?.parse().ok()
}

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs as the other process of the next test, and by itself does nothing that could fail.
#[tokio::test(flavor = "multi_thread")]
async fn appends_until_it_is_killed() {
    let Some(folder) = folder() else { return };
    let limits = JournalLimits {
        segment_bytes: 3_000,
        ..LIMITS
    };
    let journal = open(&folder, limits);
    let (acknowledged, mut of) = tokio::sync::mpsc::unbounded_channel();
    for worker in 0..4 {
        let (journal, acknowledged) = (journal.clone(), acknowledged.clone());
        tokio::spawn(async move {
            for number in 0.. {
                let number = worker + 4 * number;
                journal.append(&batch(number)).await.unwrap();
                acknowledged.send(number).unwrap();
            }
        });
    }
    while let Some(number) = of.recv().await {
        say(number);
    }
}

#[tokio::test]
async fn a_kill_loses_nothing_acknowledged_and_doubles_nothing() {
    let rounds = if std::env::var_os("PRIVET_TEST_LONG").is_some() {
        100
    } else {
        5
    };
    for round in 0..rounds {
        let folder = tempfile::tempdir().unwrap();
        let mut child = child("child::appends_until_it_is_killed", folder.path(), &[]);
        let mut acknowledged = Vec::new();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines {
            acknowledged.extend(said(&line.unwrap()));
            if acknowledged.len() > 40 + 17 * round {
                break;
            }
        }
        assert!(acknowledged.len() > 40, "it ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        let journal = open(folder.path(), LIMITS);
        let mut found = numbers(&journal.waiting());
        let all = found.len();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), all, "something is there twice");
        let missing: Vec<_> = acknowledged
            .iter()
            .filter(|number| found.binary_search(number).is_err())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

/// Runs as the other process of the next test, where files may have 8 KiB at first.
#[tokio::test]
async fn appends_to_a_full_disk() {
    let Some(folder) = folder() else { return };
    let journal = open(&folder, LIMITS);
    let mut refused = 0;
    for number in 0..400 {
        match journal.append(&batch(number)).await {
            Ok(()) => say(number),
            Err(Refused::Disk) => {
                refused += 1;
                // The third time the operator makes room, and nothing has to be started anew.
                if refused == 3 {
                    let limit = getrlimit(Resource::Fsize);
                    setrlimit(
                        Resource::Fsize,
                        Rlimit {
                            current: limit.maximum,
                            ..limit
                        },
                    )
                    .unwrap();
                }
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused >= 3, "{refused}");
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let around = [
        "sh",
        "-c",
        "trap '' XFSZ; ulimit -S -f 8; exec \"$@\"",
        "sh",
    ];
    let child = child("child::appends_to_a_full_disk", folder.path(), &around);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let said: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(said)
        .collect();
    assert!(said.contains(&399) && said.len() < 400, "{said:?}");
    let journal = open(folder.path(), LIMITS);
    assert_eq!(numbers(&journal.waiting()), said);
}
