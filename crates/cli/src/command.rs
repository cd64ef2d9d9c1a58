//! The commands, one file each.

mod adopt;
mod audit;
mod check;
mod classify;
mod consent;
mod console;
mod grant;
pub(crate) mod init;
mod login_link;
mod query;
mod redact;
mod request;
mod serve;
mod session;
mod source;
mod summary;
mod synth;
mod telemetry;
mod token;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::arguments::{Arguments, Command};
use crate::folder::Folder;
use crate::output::Style;

/// The hidden command under which this program serves as the process that runs SQLite statements.
pub(crate) const RUNNER_COMMAND: &str = "sqlite-runner";

/// How long work that cannot be dropped (on files) may keep a command from ending.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a command.
///
/// # Errors
/// What went wrong and what to do, for a person.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { dir, json, command } = arguments;
    let style = Style::of(json);
    let folder = || Folder::find(dir.clone());
    let done = match command {
        // Before anything else: this process holds no keys, no runtime and no log.
        Command::SqliteRunner => {
            privet_source::runner_main(std::io::stdin(), std::io::stdout()).map_err(Into::into)
        }
        Command::Demo(demo) => block_on(crate::demo::run(dir, demo, style)),
        Command::Init(init) => init::run(dir, &init),
        Command::Serve => block_on(serve::run(folder()?, style)),
        Command::Console(console) => console::run(dir, console, style),
        Command::Adopt(adopt) => block_on(adopt::run(folder()?, adopt, style)),
        Command::Source(sources) => source::run(&folder()?, &sources, style),
        Command::Check(check) => return block_on(check::run(dir, check, style)),
        Command::Classify(classify) => classify::run(dir, &classify),
        Command::Redact(redact) => redact::run(dir, &redact),
        Command::Consent(consents) => block_on(consent::run(dir, consents, style)),
        Command::Query(query) => block_on(query::run(folder()?, query, style)),
        Command::Telemetry(telemetry) => telemetry::run(dir, &telemetry),
        Command::Synth(synth) => synth::run(dir, &synth),
        Command::Token(tokens) => block_on(token::run(folder()?, tokens, style)),
        Command::Grant(grants) => block_on(grant::run(folder()?, grants, style)),
        Command::Request(requests) => block_on(request::run(dir, requests, style)),
        Command::Session(sessions) => block_on(session::run(folder()?, sessions, style)),
        Command::Audit(log) => block_on(audit::run(dir, log, style)),
        Command::Summary(summary) => block_on(summary::run(folder()?, summary, style)),
        Command::LoginLink(login) => block_on(login_link::run(folder()?, login, style)),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Runs work to its end, and what still runs in the background is dropped: with it goes the last hold on the stores, so
/// that their files are closed in order.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(GRACE);
    done
}
