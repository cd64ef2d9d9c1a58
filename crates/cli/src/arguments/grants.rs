//! The command line of grants.

use clap::{Args, Subcommand};
use privet_wire::{GrantId, GrantRequestId};

use super::As;

const GRANTS: &str = "\
Where policy wants a second pair of eyes, an engineer who decrypts is told the id of a request, and
a colleague approves or denies it; nobody approves their own. Reading the lists is recorded too.

Examples:
  privet grant list --live
  privet grant requests --as bea
  privet grant approve 0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d --as bea --note 'matches ticket 7'
  privet grant revoke 6f1c2d3e-8a7b-4c6d-9e5f-4a3b2c1d0e9f";

#[derive(Debug, Args)]
#[command(after_help = GRANTS)]
pub(crate) struct Grants {
    #[command(flatten)]
    pub(crate) who: As,
    #[command(subcommand)]
    pub(crate) command: Grant,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// List the grants of the last two weeks, newest first.
    List {
        /// Only those that open something now.
        #[arg(long)]
        live: bool,
        /// At most this many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        count: u32,
    },
    /// End a grant at once, also in the middle of a result, on every server within a second.
    Revoke {
        /// The grant's id, from `privet grant list`.
        id: GrantId,
        /// What you have to say about it.
        #[arg(long)]
        note: Option<String>,
    },
    /// List what waits for a second person, with what there is to judge by.
    Requests,
    /// Approve a colleague's request; never your own.
    Approve {
        /// The request's id.
        id: GrantRequestId,
        /// What you have to say about it.
        #[arg(long)]
        note: Option<String>,
    },
    /// Say no to a request, take an unused approval back, or withdraw a request of your own.
    Deny {
        /// The request's id.
        id: GrantRequestId,
        /// What you have to say about it.
        #[arg(long)]
        note: Option<String>,
    },
}
