//! The SQL door from outside: real clients against a running gateway over a vault, an audit log and a sealed SQLite
//! file. This program is also the guarded child process in which the statements run, so it has its own `main`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod attacks;
mod driver;
mod modes;
mod order;
mod psql;
mod several;
mod shop;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The argument that makes this program the guarded child.
const RUNNER: &str = "sqlite-runner";

/// A test: its name and what it does.
type Case = (&'static str, fn());

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == RUNNER) {
        let ran = privet_source::runner_main(std::io::stdin(), std::io::stdout());
        return if ran.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let cases = [
        psql::CASES,
        driver::CASES,
        modes::CASES,
        wire::CASES,
        order::CASES,
        tls::CASES,
        attacks::CASES,
        several::CASES,
    ]
    .concat();
    if arguments.iter().any(|argument| argument == "--list") {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let chosen = |name: &str| {
        wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str()))
    };
    let chosen: Vec<Case> = cases.into_iter().filter(|(name, _)| chosen(name)).collect();
    println!("\nrunning {} tests", chosen.len());
    let mut failed = 0;
    for (name, case) in chosen {
        let passed = catch_unwind(AssertUnwindSafe(case)).is_ok();
        failed += usize::from(!passed);
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    }
    println!("\ntest result: {failed} failed\n");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
