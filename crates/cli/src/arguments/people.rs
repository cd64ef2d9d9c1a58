//! Arguments of what people do with a running server and its record.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use privet_wire::{SessionId, TokenId};

use super::As;

const CONSOLE: &str = "\
You see sealed values until you say whose data you need and where that person's consent can be
found (`decrypt!`). Everything you type is on record, and an auditor reads it. History is kept in
memory only.

Examples:
  privet console
  privet console shop --reason 'order 7 is stuck' --link https://tickets.example.com/7
  privet console --reason 'count' --link https://tickets.example.com/8 < statements.sql
  PRIVET_TOKEN=… privet console shop --gateway db.example.com:7432 --user ann";

#[derive(Debug, Args)]
#[command(after_help = CONSOLE)]
pub(crate) struct Console {
    /// The source; may be left out where there is only one.
    pub(crate) source: Option<privet_vault::SourceName>,
    /// Why, instead of being asked for it.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// The ticket or incident that belongs to the reason.
    #[arg(long)]
    pub(crate) link: Option<String>,
    /// A gateway elsewhere, instead of the folder's; through TLS, unless it is on this machine.
    #[arg(long, value_name = "HOST:PORT", requires_all = ["user", "source"])]
    pub(crate) gateway: Option<String>,
    /// Whose the token is, for a gateway elsewhere.
    #[arg(long, value_name = "PRINCIPAL", requires = "gateway")]
    pub(crate) user: Option<privet_vault::PrincipalName>,
    /// Trust the gateway's certificate if one in this PEM file signed it. Without it, the one that the folder's
    /// server is configured with, or for a gateway elsewhere the authorities that this machine trusts.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) who: As,
}

const TOKENS: &str = "\
A token is shown once; what is stored cannot be used to log in. The principal must stand in
policy/principals.toml.

Examples:
  privet token issue on_call --days 30 --note laptop
  privet token issue auditor --keep       into tokens/auditor, for commands on this machine
  privet token list
  privet token revoke 0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d";

#[derive(Debug, Args)]
#[command(after_help = TOKENS)]
pub(crate) struct Tokens {
    #[command(flatten)]
    pub(crate) who: As,
    #[command(subcommand)]
    pub(crate) command: Token,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Issue a token; it is shown once.
    Issue {
        /// A principal of the policy bundle's `principals.toml`.
        principal: privet_vault::PrincipalName,
        /// For how many days.
        #[arg(long, default_value_t = 90)]
        days: u32,
        /// What it is for; nothing personal.
        #[arg(long)]
        note: Option<String>,
        /// Keep it in the folder's `tokens/` for commands on this machine, instead of showing it.
        #[arg(long)]
        keep: bool,
    },
    /// List tokens: whose, until when, what for.
    List,
    /// Revoke a token: it ends everywhere within a second, running sessions included.
    Revoke {
        /// The token's id, from `privet token list`.
        id: TokenId,
    },
}

/// An auditor's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verdict {
    /// In order.
    Approved,
    /// Not in order; needs a note.
    Flagged,
}

const SESSIONS: &str = "\
Reading sessions is recorded too. Nobody reviews a session of their own.

Examples:
  privet session list --pending
  privet session list --text 'order 7' --from 2026-11-01T00:00:00Z
  privet session show 0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d
  privet session review 0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d approved --note 'matches ticket 7'";

#[derive(Debug, Args)]
#[command(after_help = SESSIONS)]
pub(crate) struct Sessions {
    #[command(flatten)]
    pub(crate) who: As,
    #[command(subcommand)]
    pub(crate) command: Session,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// List sessions, newest first.
    List {
        /// Only those that nobody has reviewed yet.
        #[arg(long)]
        pending: bool,
        /// Only those that were flagged.
        #[arg(long, conflicts_with = "pending")]
        flagged: bool,
        /// Only those in which something was decrypted.
        #[arg(long)]
        decrypted: bool,
        /// Only those in which something was opened in an emergency.
        #[arg(long)]
        emergency: bool,
        /// Only those of this principal.
        #[arg(long)]
        principal: Option<String>,
        /// Only those over this source.
        #[arg(long)]
        source: Option<String>,
        /// Only those that started at this moment or later, such as 2026-11-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        from: Option<jiff::Timestamp>,
        /// Only those that started before this moment.
        #[arg(long, value_name = "TIME")]
        before: Option<jiff::Timestamp>,
        /// Only those whose reason or link holds this text. At most 2,000 sessions are looked at.
        #[arg(long)]
        text: Option<String>,
        /// Show reasons and links.
        #[arg(long)]
        reasons: bool,
        /// At most this many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        count: u32,
        /// Go on behind the last page, as it said.
        #[arg(long, value_name = "PLACE")]
        after: Option<String>,
    },
    /// Show a session: why, what was typed, what was decrypted, on which evidence. Reading it is recorded.
    Show {
        /// The session's id.
        id: SessionId,
        /// Also what clients ask PostgreSQL's catalogs, as for `\d`; without it, they are counted.
        #[arg(long)]
        all: bool,
    },
    /// Take all entries of a session away, with the proofs that they are in the log.
    ///
    /// `privet audit check --bundle` checks them on any machine, with the log's public key alone.
    Prove {
        /// The session's id.
        id: SessionId,
        /// The file to write; standard output without it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Show what the server noticed in sessions: emergencies that nobody reviewed in time, records that ended without an
    /// approval, reasons that lead to decrypting much more or less often.
    Findings,
    /// Give a verdict; never on your own session.
    Review {
        /// The session's id.
        id: SessionId,
        /// The verdict.
        verdict: Verdict,
        /// What you have to say about it; flagging needs it.
        #[arg(long)]
        note: Option<String>,
    },
    /// Add a comment, which changes no verdict and is never taken back; never on your own session.
    Comment {
        /// The session's id.
        id: SessionId,
        /// What you have to say about it.
        text: String,
    },
}

const AUDIT: &str = "\
`tail` asks the running server. The others read the stores themselves, beside a running server or
without one, and change nothing; none of them needs a secret key.

Examples:
  privet audit tail --follow
  privet audit verify
  privet audit export /mnt/copy
  privet audit verify /mnt/copy --key 'privet.example/prod/1+1a2b3c4d+AQ…'   anywhere else
  privet audit prove 42 -o entry-42.tlog-proof
  privet audit check entry-42.json entry-42.tlog-proof --key \"$(cat log.pub)\"
  privet audit check --bundle session.proof-bundle --key \"$(cat log.pub)\"";

#[derive(Debug, Args)]
#[command(after_help = AUDIT)]
pub(crate) struct AuditLog {
    #[command(subcommand)]
    pub(crate) command: Audit,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Show the newest entries.
    Tail {
        /// How many.
        #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        count: u32,
        /// Go on as entries are written.
        #[arg(short, long)]
        follow: bool,
        /// Open the sealed side records too: reasons, addresses, statements.
        #[arg(long)]
        details: bool,
        #[command(flatten)]
        who: As,
    },
    /// Check the whole log against its signed checkpoint: every entry, every tile.
    ///
    /// Works on the live store beside a running server, or on an exported directory with no server at all. Names the
    /// first entry or tile that is wrong, and exits with 1.
    Verify {
        /// An exported directory; without it, the folder's own store.
        #[arg(value_name = "DIRECTORY")]
        from: Option<PathBuf>,
        /// The log's verifier key (`NAME+HASH+KEY`, as in log.pub), where the folder's own is not at hand.
        #[arg(long)]
        key: Option<String>,
        /// A signed checkpoint that you kept: the log must be its continuation. May be repeated.
        #[arg(long, value_name = "CHECKPOINT")]
        since: Vec<PathBuf>,
    },
    /// Write the proof that an entry is in the log (C2SP tlog-proof).
    Prove {
        /// The entry's index.
        index: u64,
        /// An exported directory; without it, the folder's own store.
        #[arg(long, value_name = "DIRECTORY")]
        from: Option<PathBuf>,
        /// The log's verifier key, where the folder's own is not at hand.
        #[arg(long)]
        key: Option<String>,
        /// The file to write; standard output without it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check that entries are in the log, by their bytes and their proofs alone.
    ///
    /// Needs no server, no store and no folder: only the log's public key, which whoever checks should have kept. Exits
    /// with 1 when a proof is not one of its entry.
    Check {
        /// The entry's exact bytes, as the auditor's pages hand them out.
        #[arg(required_unless_present = "bundle")]
        entry: Option<PathBuf>,
        /// Its proof (C2SP tlog-proof), from there or from `privet audit prove`.
        #[arg(required_unless_present = "bundle")]
        proof: Option<PathBuf>,
        /// Many entries with their proofs in one file, such as all of a session's from `privet session prove`.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["entry", "proof"])]
        bundle: Option<PathBuf>,
        /// A person's own leaf, as "who looked" on their pages hands it out: the entry must be about them.
        #[arg(long, value_name = "FILE")]
        leaf: Option<PathBuf>,
        /// The log's verifier key (`NAME+HASH+KEY`, as in log.pub), where the folder's own is not at hand. May be repeated,
        /// for entries of several servers.
        #[arg(long)]
        key: Vec<String>,
    },
    /// Write the log as a directory of C2SP tlog-tiles, which other tools read; or add what is new to one.
    Export {
        /// The directory to write.
        directory: PathBuf,
    },
}

const SUMMARY: &str = "\
The last two weeks, unless said otherwise. Reading it is recorded too.

Examples:
  privet summary                              Markdown, to be sent round
  privet summary --from 2026-11-01T00:00:00Z --before 2026-12-01T00:00:00Z
  privet summary --format csv > sessions.csv
  privet summary --json";

/// How a summary is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Markdown,
    /// For spreadsheets: decrypted sessions and those without a verdict, a line each.
    Csv,
}

#[derive(Debug, Args)]
#[command(after_help = SUMMARY)]
pub(crate) struct Summary {
    /// Sessions that started at this moment or later; without it, two weeks before the end.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<jiff::Timestamp>,
    /// Sessions that started before this moment; without it, now.
    #[arg(long, value_name = "TIME")]
    pub(crate) before: Option<jiff::Timestamp>,
    /// How it is written; --json is a format as well.
    #[arg(long)]
    pub(crate) format: Option<Format>,
    #[command(flatten)]
    pub(crate) who: As,
}

const LOGIN: &str = "\
The link works once and for ten minutes, for whoever opens it. The login it gives ends with the
token that the link was made with, after 30 idle minutes, and after 12 hours.

Examples:
  privet login-link                 for `auditor`
  privet login-link --as bea";

#[derive(Debug, Args)]
#[command(after_help = LOGIN)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) who: As,
}
