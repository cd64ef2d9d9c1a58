//! The child process for tests of this crate; the `privet` executable is its own child.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    match privet_source::runner_main(io::stdin(), io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
