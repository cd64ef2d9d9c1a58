//! The command line of consent.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use privet_classify::Language;
use privet_wire::{ConsentChannel, Oid, Puid};

use super::As;

const CONSENT: &str = "\
A person is named by their operational id. They agree to each purpose by itself, and to the
version of the notice that they were shown; saying no is as easy. Whatever is done for a
purpose that rests on consent, from reveals to telemetry, obeys the last answer at once.
Reading and recording is in the audit log; evidence is kept sealed.

Examples:
  privet consent notice 2026-11
  privet consent show $OID
  privet consent show $OID --as-of 2026-06-01T00:00:00Z
  privet consent grant $OID marketing --notice 2026-11 --channel support
  privet consent withdraw $OID marketing --channel support
  privet consent history $OID
  privet consent import answers.jsonl
  privet consent kept $PUID --reason 'claim 4711' --as auditor
  privet consent receipt $OID 1 --output receipt.json
  privet consent verify receipt.json --key \"$(cat receipt.pub)\"";

#[derive(Debug, Args)]
#[command(after_help = CONSENT)]
pub(crate) struct Consents {
    #[command(flatten)]
    pub(crate) who: As,
    #[command(subcommand)]
    pub(crate) command: Consent,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Consent {
    /// The texts that people are shown when they are asked, or were shown under a former version.
    Notice {
        /// The version, as the data map names it.
        version: String,
    },
    /// What a person agrees to now, or agreed to at a moment.
    Show {
        /// The person's operational id.
        subject: Oid,
        /// What held at this moment, as `2026-06-01T00:00:00Z`.
        #[arg(long, value_name = "TIME")]
        as_of: Option<Timestamp>,
    },
    /// Record that a person said yes to a purpose.
    Grant {
        /// The person's operational id.
        subject: Oid,
        /// A purpose that rests on consent.
        purpose: String,
        /// The version of the notice that they were shown.
        #[arg(long, value_name = "VERSION")]
        notice: String,
        #[command(flatten)]
        how: How,
    },
    /// Record that a person said no to purposes, or took a yes back.
    Withdraw {
        /// The person's operational id.
        subject: Oid,
        /// Purposes that rest on consent.
        #[arg(required = true, value_name = "PURPOSE")]
        purposes: Vec<String>,
        #[command(flatten)]
        how: How,
    },
    /// Every time a person answered, newest first.
    History {
        /// The person's operational id.
        subject: Oid,
        /// At most this many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        count: u32,
    },
    /// What law keeps of the answers of somebody who left, with their evidence and receipts.
    ///
    /// The answer to the closing of an account names the id under which they are found, and the day on which they are destroyed. It
    /// takes the right to do so (policy `read_kept_consent`: auditors), and a reason; both are in the audit log.
    Kept {
        /// The id that the answer to the closing named.
        puid: Puid,
        /// What it is for, such as the reference of a claim.
        #[arg(long)]
        reason: String,
        /// Write the receipt of each answer into this folder, as `1.json`.
        #[arg(long, value_name = "FOLDER")]
        receipts: Option<PathBuf>,
    },
    /// Take over answers that people gave elsewhere, from a file of JSON lines.
    ///
    /// A line says whose answer it is, what it was, when, and what shows it, as
    /// {"subject":"…","grant":[{"purpose":"marketing","notice":"2025-01"}],"withdraw":[],"at":"2025-03-01T09:30:00Z","evidence":"form 4711"}.
    /// The lines of one person are in order of time. An answer never overrules what a person said later; one that was taken over before
    /// adds nothing, so that an import which stopped is simply run again. Lines that were left out are named, and then it exits with 1.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Print the signed receipt of one answer, for the person to keep.
    Receipt {
        /// The person's operational id.
        subject: Oid,
        /// The answer's number, as the history shows it.
        #[arg(value_parser = clap::value_parser!(u64).range(1..))]
        number: u64,
        /// The file to write; standard output without it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Check a receipt by its signature, and say what it says.
    ///
    /// Needs no server and no folder: only the public key of receipts, which whoever checks should have from whom they trust.
    /// Exits with 1 when the receipt was altered or is of another key.
    Verify {
        /// The receipt.
        file: PathBuf,
        /// The public key (`did:key:…`, as in receipt.pub), where the folder's own is not at hand.
        #[arg(long)]
        key: Option<String>,
    },
}

/// How an answer came.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// How the answer came.
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) channel: Channel,
    /// The language of the text that they were shown, as `de` or `pt-BR`: the receipt then bears that text's hash.
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) language: Option<Language>,
    /// Read what shows that it was given from standard input, such as the letter or the address of a form: at most 16 KiB. It is
    /// no argument, because those stay in the shell's history.
    #[arg(long)]
    pub(crate) evidence: bool,
}

/// How an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Channel {
    /// On a web page.
    Web,
    /// In an application on the person's own device.
    App,
    /// Said or written to somebody of the staff.
    Support,
    /// Taken over from another system.
    Import,
}

impl From<Channel> for ConsentChannel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Web => Self::Web,
            Channel::App => Self::App,
            Channel::Support => Self::Support,
            Channel::Import => Self::Import,
        }
    }
}
