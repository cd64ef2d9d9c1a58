//! The `privet` executable: the server, and the commands that are its clients.
//!
//! `serve.rs` is the composition root, `command/` has one file a command, `demo/` makes the demo. Commands that change
//! or show data are clients of the running server (`client.rs`); only `serve`, `demo`, `check` and the read-only
//! `audit verify`, `prove` and `export` open files themselves.
//!
//! It is a library with a `main`, since a library is compiled while those that it uses still are, and an executable is not.

mod adoption;
mod arguments;
mod client;
mod command;
mod demo;
mod folder;
mod mail;
mod mirror;
mod output;
mod serve;
mod settings;
mod sources;
mod stores;
mod target;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::Arguments;

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    // Two TLS providers in one program make rustls refuse at the first handshake, so ours is named first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::parse();
    let style = output::Style::of(arguments.json);
    match command::run(arguments) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error, style);
            ExitCode::FAILURE
        }
    }
}
