//! A real process that stores and forwards, and is killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use privet_telemetry::{Batch, Common, Limits, Log};

use super::collector::Scripted;
use super::{Calm, Running};
use crate::bed::open;

const FOLDER: &str = "PRIVET_TEST_FORWARD_FOLDER";
const COLLECTOR: &str = "PRIVET_TEST_FORWARD_COLLECTOR";

/// A batch that is known again.
fn batch(number: i64) -> Batch {
    let common = Common {
        time_ns: number,
        ..Common::default()
    };
    let log = Log {
        common,
        ..Log::default()
    };
    Batch {
        received_ms: 1_795_000_000_000,
        logs: vec![log],
        ..Batch::default()
    }
}

fn calm() -> Calm {
    Calm {
        request_bytes: 100,
        ..Calm::default()
    }
}

/// Runs as the other process of the next test, and by itself does nothing that could fail.
#[tokio::test(flavor = "multi_thread")]
async fn stores_and_forwards_until_it_is_killed() {
    let (Some(folder), Ok(collector)) = (std::env::var_os(FOLDER), std::env::var(COLLECTOR)) else {
        return;
    };
    let mut door = open(folder.as_ref(), Limits::default());
    let running = Running::start(&mut door, &collector, &calm());
    for number in 1.. {
        door.journal.append(&batch(number)).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nacknowledged {number}").unwrap();
        out.flush().unwrap();
        if number % 7 == 0 {
            door.storing.store_all().await.unwrap();
        }
    }
    running.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_nothing_and_keeps_the_order() {
    let long = std::env::var_os("PRIVET_TEST_LONG").is_some();
    for round in 0..if long { 50 } else { 3 } {
        let folder = tempfile::tempdir().unwrap();
        let collector = Scripted::new([]).await;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "forward::kills::stores_and_forwards_until_it_is_killed",
            ])
            .arg("--nocapture")
            .env(FOLDER, folder.path())
            .env(COLLECTOR, &collector.address)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let wanted = 60 + 11 * round;
        let reading = tokio::task::spawn_blocking(move || {
            let lines = BufReader::new(output).lines().map(Result::unwrap);
            let numbers = lines.filter_map(|line| {
                let number = line.strip_prefix("acknowledged ")?;
                number.parse::<u64>().ok()
            });
            numbers.take_while(|number| *number < wanted).last()
        });
        let last = reading.await.unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(last, Some(wanted - 1), "it ended by itself");

        let mut door = open(folder.path(), Limits::default());
        let running = Running::start(&mut door, &collector.address, &calm());
        door.storing.store_all().await.unwrap();
        running.drained().await;
        running.end().await;
        let mut firsts = Vec::new();
        for time in collector.times() {
            if firsts.last().is_none_or(|last| time > *last) {
                firsts.push(time);
            }
        }
        // Nothing is missing, and what comes twice follows what it repeats.
        let last = *firsts.last().unwrap();
        assert!(last >= wanted);
        assert_eq!(firsts, (1..=last).collect::<Vec<_>>());
    }
}
