//! The `privet` executable. What it does is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    privet_cli::main()
}
