//! The command line of what people ask for.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use privet_wire::{Oid, RequestChannel, SubjectRequestId};

use super::As;

const REQUESTS: &str = "\
Whoever asks by mail, phone or letter for everything that is held of them, or to be forgotten, is
entered here, with how you made sure that it is them; the law gives a month from the day on which
the request came. A copy is made with the daily batch, or at once with `run`, and is kept for some
weeks. An erasure can be taken back for some days (7 unless [requests] in privet.toml says
otherwise), then the server erases the person.
Requests that are due soon or late are findings in the log. Reading the list is recorded too.

Examples:
  privet request access 0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d --channel mail \\
      --checked 'knew the last invoice'
  privet request file 6f1c2d3e-8a7b-4c6d-9e5f-4a3b2c1d0e9f --out copy.zip
  privet request erase 0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d --channel letter --received 2026-11-20 \\
      --checked 'signature compared with the contract'
  privet request erase-fields 0b7e1d3a-5f0c-4a35-9d55-6a1e2f3c4b5d phone birthday \\
      --checked 'asked in the shop, with a passport'
  privet request list --running
  privet request show 6f1c2d3e-8a7b-4c6d-9e5f-4a3b2c1d0e9f
  privet request receipt 6f1c2d3e-8a7b-4c6d-9e5f-4a3b2c1d0e9f -o erased.json
  privet request verify erased.json --log-key \"$(cat log.pub)\"
  privet request cancel 6f1c2d3e-8a7b-4c6d-9e5f-4a3b2c1d0e9f";

#[derive(Debug, Args)]
#[command(after_help = REQUESTS)]
pub(crate) struct Requests {
    #[command(flatten)]
    pub(crate) who: As,
    #[command(subcommand)]
    pub(crate) command: Request,
}

/// How a request came to you.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Channel {
    /// By mail.
    Mail,
    /// By phone.
    Phone,
    /// By letter.
    Letter,
    /// The person came.
    InPerson,
}

impl From<Channel> for RequestChannel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Mail => Self::Mail,
            Channel::Phone => Self::Phone,
            Channel::Letter => Self::Letter,
            Channel::InPerson => Self::InPerson,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Request {
    /// Enter that a person wants to see everything that is held of them.
    Access {
        /// The person's operational id.
        subject: Oid,
        /// How the request came.
        #[arg(long)]
        channel: Channel,
        /// How you made sure that it is this person who asks; kept sealed, until the request ends.
        #[arg(long, value_name = "TEXT")]
        checked: String,
        /// The day on which it came, if that was not today.
        #[arg(long, value_name = "DAY")]
        received: Option<Date>,
    },
    /// Fetch the file of an access request, to hand it to the person whose it is.
    ///
    /// Policy lets nobody of the staff do that unless it says so; that it was done is on record.
    File {
        /// The request's id, from `privet request list`.
        id: SubjectRequestId,
        /// Where to put the ZIP.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Replace a file that is there.
        #[arg(long)]
        force: bool,
    },
    /// Enter that a person wants to be forgotten.
    Erase {
        /// The person's operational id.
        subject: Oid,
        /// How the request came.
        #[arg(long)]
        channel: Channel,
        /// How you made sure that it is this person who asks; kept sealed, until the request ends.
        #[arg(long, value_name = "TEXT")]
        checked: String,
        /// The day on which it came, if that was not today.
        #[arg(long, value_name = "DAY")]
        received: Option<Date>,
    },
    /// Erase single fields of a person who stays, at once: no copy of them opens again.
    ///
    /// In databases of applications that know the person, the columns of these fields are cleared and all else that is sealed there
    /// is sealed anew; for an hour the key before opens as well. Sealed values that an application keeps outside the tables of
    /// the data map, or has not written by then, do not open any more. The answer says what was done, what is left to whom, and the
    /// request by which `privet request receipt` has the signed receipt once all of that is over.
    EraseFields {
        /// The person's operational id.
        subject: Oid,
        /// Names of fields of the data map.
        #[arg(required = true, value_name = "FIELD")]
        fields: Vec<String>,
        /// How you made sure that it is this person who asks; kept sealed, in the log's side record.
        #[arg(long, value_name = "TEXT")]
        checked: String,
    },
    /// List requests, the oldest first.
    List {
        /// Only those whose person still waits.
        #[arg(long)]
        running: bool,
        /// Only those of this person.
        #[arg(long, value_name = "OID")]
        subject: Option<Oid>,
        /// Behind this request.
        #[arg(long, value_name = "ID")]
        after: Option<SubjectRequestId>,
        /// At most this many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
        count: u32,
    },
    /// Show one request, with how it came and how the identity was checked.
    Show {
        /// The request's id, from `privet request list`.
        id: SubjectRequestId,
    },
    /// Take a request back: an erasure until it is carried out, a copy at any time.
    Cancel {
        /// The request's id.
        id: SubjectRequestId,
    },
    /// Fetch the signed receipt of an erasure that is done, of everything or of single fields.
    ///
    /// It says what was destroyed, what law keeps, and from when on no backup brings anything back, and leads to nobody.
    Receipt {
        /// The request's id.
        id: SubjectRequestId,
        /// The file to write; standard output without it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check the receipt of an erasure by its signature, and say what it says.
    ///
    /// Needs no server and no folder: only the public key of receipts, and the log's to prove that the log holds its entry.
    Verify {
        /// The receipt.
        file: PathBuf,
        /// The public key (`did:key:…`, as in receipt.pub), where the folder's own is not at hand.
        #[arg(long)]
        key: Option<String>,
        /// The public key of the log, as in log.pub. May be repeated.
        #[arg(long, value_name = "KEY")]
        log_key: Vec<String>,
    },
    /// Carry out at once what is due, without waiting for the daily batch.
    ///
    /// An erasure that can still be taken back is not cut short.
    Run,
}
