//! `privet-query`: one request from standard input, one answer on standard output. The server starts it for each query.

use std::process::ExitCode;

fn main() -> ExitCode {
    if privet_query::run() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
