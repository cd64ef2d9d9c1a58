//! The command line. Help teaches: what a command is for, then how it is mostly used.

mod code;
mod consent;
mod grants;
mod people;
mod query;
mod requests;
mod server;
mod synth;
mod telemetry;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use code::{Classify, Language, Redact};
pub(crate) use consent::{Consent, Consents, How};
pub(crate) use grants::{Grant, Grants};
pub(crate) use people::{
    Audit, AuditLog, Console, Format, Login, Session, Sessions, Summary, Token, Tokens, Verdict,
};
pub(crate) use query::{Answer, Query};
pub(crate) use requests::{Channel, Request, Requests};
pub(crate) use server::{Adopt, Check, Demo, Init, Source, Sources};
pub(crate) use synth::{Form, Synth};
pub(crate) use telemetry::{Telemetry, TelemetryCommand, Views};

const COMMON: &str = "Common options";

const STORY: &str = "\
First steps:
  privet demo                                  a shop full of synthetic people, sealed and served
  privet console --dir privet-demo             be the engineer on call
  privet session list --dir privet-demo        be the auditor

With your own database:
  privet init --source shop=/srv/shop.sqlite   settings, keys, policies, a data map to fill in
  privet check --source shop                   does the data map say everything?
  privet serve                                 the HTTP API and the SQL gateway
  privet adopt shop --dry-run                  what would be sealed?";

/// A hedge around personal data: people and programs stay out unless they have a reason, a right and, where it takes
/// one, the person's consent; every look is recorded, and what happened can be proved.
#[derive(Debug, Parser)]
#[command(name = "privet", version, max_term_width = 100, after_help = STORY)]
pub(crate) struct Arguments {
    /// The folder that holds `privet.toml`; else PRIVET_DIR, else the current folder (`demo`: ./privet-demo).
    #[arg(long, global = true, value_name = "FOLDER", help_heading = COMMON)]
    pub(crate) dir: Option<PathBuf>,

    /// Answer in JSON, for programs.
    #[arg(long, global = true, help_heading = COMMON)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a shop full of synthetic people, seal it, and serve it: the place to start.
    Demo(Demo),
    /// Make a new environment: settings, keys, policies, and a data map to fill in.
    Init(Init),
    /// Run the server: the HTTP API and the SQL gateway.
    ///
    /// Ctrl-C and SIGTERM stop it in order: running requests end, sessions are closed, the log is ended. Nothing that
    /// was acknowledged is lost when it is killed instead. PRIVET_LOG says what is logged to standard error, such as
    /// `info` or `privet_vault=debug` (default `warn`); no log line holds personal data.
    Serve,
    /// Open the protected console over a source.
    Console(Console),
    /// Seal the personal columns of an application's database in place, as the data map says.
    Adopt(Adopt),
    /// Check the data map, the policies and, with --source, whether a database agrees with the map.
    Check(Check),
    /// An application's database, for its operator: the SQL that makes the roles behind the door.
    Source(Sources),
    /// Print types for the fields of a data map, so that an application's code and the map cannot drift.
    Classify(Classify),
    /// Redact the log lines of another program: JSON by key and class, other lines as free text.
    Redact(Redact),
    /// Invent people, as a data map says: subjects for the vault, rows for an application's tables. For tests.
    Synth(Synth),
    /// Ask telemetry for a purpose: shows the people who agree to it now, and nobody else.
    Query(Query),
    /// Consent: what people say yes and no to, shown and recorded.
    Consent(Consents),
    /// Telemetry elsewhere: the views that show in a warehouse who agrees.
    Telemetry(Telemetry),
    /// Tokens: issue, list, revoke.
    Token(Tokens),
    /// Grants: what is open now, what waits for a second person, and how it ends.
    Grant(Grants),
    /// What people ask for, such as to be forgotten: entered, listed, taken back, carried out.
    Request(Requests),
    /// Sessions of the protected console, for auditors: list, show, review.
    Session(Sessions),
    /// A period of the protected console in numbers: what was decrypted and why, who audited, what is left to review.
    Summary(Summary),
    /// Make a link that opens the auditor's pages in a browser, once.
    #[command(name = "login-link")]
    LoginLink(Login),
    /// The audit log: tail, verify, prove, export.
    Audit(AuditLog),
    /// Runs SQLite statements for the server, in a process without keys.
    #[command(name = crate::command::RUNNER_COMMAND, hide = true)]
    SqliteRunner,
}

/// Whose token a client of the server uses.
#[derive(Debug, Args)]
pub(crate) struct As {
    /// Whose token to use: that of `tokens/PRINCIPAL` in the folder. Without it, the token in PRIVET_TOKEN, else the
    /// usual principal for the command.
    // The id must not be that of any command's argument: what is global overwrites what has its name.
    #[arg(id = "as", long = "as", global = true, value_name = "PRINCIPAL", help_heading = COMMON)]
    pub(crate) principal: Option<privet_vault::PrincipalName>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
