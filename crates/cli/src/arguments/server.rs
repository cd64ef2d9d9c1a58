//! Arguments of what makes, runs and checks a server.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::As;

const DEMO: &str = "\
Everything lies in one folder: settings, data map, policies, keys, stores, the shop's own database
(shop.sqlite) and what to connect with (demo.json, tokens/, pgpass). A second start continues with
the same data; it may be killed at any moment.

Examples:
  privet demo                        in ./privet-demo
  privet demo --dir /tmp/shop        somewhere else
  privet demo --customers 100000     a larger shop
  privet demo --fresh --yes          start over without being asked";

#[derive(Debug, Args)]
#[command(after_help = DEMO)]
pub(crate) struct Demo {
    /// Start over: delete the demo folder first.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Do not ask before deleting.
    #[arg(long)]
    pub(crate) yes: bool,
    /// How many customers a new shop has.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) customers: u32,
    /// Where the API listens this time, instead of where `privet.toml` says.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) api: Option<SocketAddr>,
    /// Where the gateway listens this time.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) gateway: Option<SocketAddr>,
}

const INIT: &str = "\
Examples:
  privet init --dir /srv/privet --environment prod --source shop=/srv/shop.sqlite
  PASSPHRASE=… privet init --passphrase-env PASSPHRASE

Next: fill in datamap.toml (docs/datamap.md), look at policy/, then `privet check --source shop` and
`privet serve`, which makes the operator's first token.";

#[derive(Debug, Args)]
#[command(after_help = INIT)]
pub(crate) struct Init {
    /// The environment's name, such as `prod`. Keys, tokens and values of one environment are refused in another.
    #[arg(long, default_value = "dev")]
    pub(crate) environment: String,
    /// The organisation whose data it is.
    #[arg(long, default_value = "main")]
    pub(crate) tenant: String,
    /// The log's name for ever, such as `privet.example/prod/1`. A further server on the same stores has one of its own,
    /// and the `root.key` of the first in its folder before this command.
    #[arg(long, value_name = "NAME")]
    pub(crate) origin: Option<String>,
    /// A data map to start from.
    #[arg(long, value_name = "FILE")]
    pub(crate) datamap: Option<PathBuf>,
    /// An application's database: its name in the data map and its SQLite file. May be repeated.
    #[arg(long = "source", value_name = "NAME=FILE")]
    pub(crate) sources: Vec<String>,
    /// Protect the root key file with the passphrase that this environment variable holds, now and at each start.
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) passphrase_env: Option<String>,
}

const ADOPT: &str = "\
It works in batches, may be killed at any moment and started again, and says at its end where old
plaintext may still be. Columns with a look-up get an index column (`email_px`). Rows whose person
cannot be found are reported and left alone. Back the database up first: afterwards only Privet
opens these values.

Examples:
  privet adopt shop --dry-run       what would change, table by table
  privet adopt shop
  privet adopt shop --max-rate 2000   while applications use a PostgreSQL database
  privet adopt shop --undo --reason 'the pilot is over'
  privet adopt shop --approve REQUEST --as auditor
  privet check --source shop        and later, that nothing has come back in plaintext";

#[derive(Debug, Args)]
#[command(after_help = ADOPT)]
pub(crate) struct Adopt {
    /// The source, as the data map names it.
    pub(crate) source: privet_vault::SourceName,
    /// Show table by table what would change, and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Seal at most this many values a second, evenly, so that an application that writes meanwhile hardly notices.
    #[arg(long, value_name = "VALUES")]
    pub(crate) max_rate: Option<std::num::NonZeroU32>,
    /// PostgreSQL: write the tables anew at the end, which stops their readers and writers meanwhile, so that no old value
    /// is left in them.
    #[arg(long)]
    pub(crate) rewrite: bool,
    /// Ask for the adoption to be taken back: every value that can still be opened becomes plaintext again. Another person
    /// must approve it.
    #[arg(long, requires = "reason", conflicts_with_all = ["dry_run", "max_rate", "rewrite"])]
    pub(crate) undo: bool,
    /// Why, in a few words; it goes on record.
    #[arg(long, value_name = "TEXT", requires = "undo")]
    pub(crate) reason: Option<String>,
    /// Approve what somebody else asked for with `--undo`, and watch it.
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["undo", "dry_run", "max_rate", "rewrite"])]
    pub(crate) approve: Option<privet_wire::JobId>,
    #[command(flatten)]
    pub(crate) who: As,
}

const CHECK: &str = "\
Needs no running server and no keys. Exits with 1 when there is a problem.

Examples:
  privet check                   settings, data map, policies
  privet check --source shop     and whether shop's database agrees with the data map
  privet check --mail ME         and whether mail gets through
  privet check --code src        and whether an application's Rust code does
  privet check --code src --map datamap.toml    that alone, where there is no folder";

#[derive(Debug, Args)]
#[command(after_help = CHECK)]
pub(crate) struct Check {
    /// Check this source's database too: a column that nobody classified, a person who cannot be found, a value in
    /// plaintext. May be repeated.
    #[arg(long = "source", value_name = "NAME")]
    pub(crate) sources: Vec<privet_vault::SourceName>,

    /// Send a mail to this address too, in which nothing happened: does it arrive?
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mail: Option<String>,

    /// Check the Rust code in this file or folder too: types that differ from the data map, log messages with values in
    /// them. Lists each place where a value leaves its class, with the reason stated there. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) code: Vec<PathBuf>,

    /// Check the code against this data map, and nothing else.
    #[arg(
        long,
        value_name = "FILE",
        requires = "code",
        conflicts_with_all = ["sources", "mail"]
    )]
    pub(crate) map: Option<PathBuf>,
}

const SOURCES: &str = "\
Needs no running server, no keys and no database.

Examples:
  privet source roles shop > roles.sql            read it, change what engineers may write, then
  psql shop -f roles.sql                          as a superuser
  privet source roles shop --console ops_console --reader ops_reader";

#[derive(Debug, Args)]
#[command(after_help = SOURCES)]
pub(crate) struct Sources {
    #[command(subcommand)]
    pub(crate) command: Source,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Source {
    /// Print the SQL that makes the two roles of a PostgreSQL database, as the gateway wants them.
    ///
    /// One for protected sessions, which may write what the data map lists but no blind index, and one for decrypted sessions,
    /// which only reads. It may be run again, after an adoption or after the data map changed.
    Roles {
        /// The source, as the data map names it.
        source: privet_vault::SourceName,
        /// The role of protected sessions; without it, that of `privet.toml`, else `privet_console`.
        #[arg(long, value_name = "ROLE")]
        console: Option<String>,
        /// The role of decrypted sessions; without it, that of `privet.toml`, else `privet_reader`.
        #[arg(long, value_name = "ROLE")]
        reader: Option<String>,
        /// Where the tables lie.
        #[arg(long, value_name = "NAME", default_value = "public")]
        schema: String,
    },
}
