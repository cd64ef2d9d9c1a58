//! The commands for applications' code and logs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use privet_classify::Redactor;

const CLASSIFY: &str = "\
Examples:
  privet classify --lang rust --map datamap.toml > src/fields.rs
  privet classify --lang rust --client > src/fields.rs     for an application that calls the server
  privet check --code src --map datamap.toml     and in CI, whether they still agree";

#[derive(Debug, Args)]
#[command(after_help = CLASSIFY)]
pub(crate) struct Classify {
    /// The language of the types.
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) lang: Language,

    /// Names of fields and purposes for the client library `privet` as well.
    #[arg(long)]
    pub(crate) client: bool,

    /// The data map; without it, that of the folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,
}

/// A language that types can be made for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Language {
    /// Rust, with the types of `privet-classify`.
    Rust,
}

const REDACT: &str = "\
A line that is an object of JSON keeps the keys that the data map lists, each as its class asks, and what loggers usually \
write about the machine; everything else in it is dropped. Other lines are searched for mail addresses, telephone and card \
numbers, IP addresses and IBANs. Names and addresses in free text are not found: where a program can be changed, use the \
types and the layer of `privet-classify` and `privet-tracing` instead.

Examples:
  some-program 2>&1 | privet redact --map datamap.toml
  privet redact --map datamap.toml --key log.key --rule UPI=pseudonym < old.log > clean.log";

#[derive(Debug, Args)]
#[command(after_help = REDACT)]
pub(crate) struct Redact {
    /// The data map; without it, that of the folder.
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,

    /// What to show of a class: `erase`, `mask`, `pseudonym`, or `keep` where the class allows it. May be repeated; a
    /// class without a rule is erased, but for SYS.
    #[arg(long = "rule", value_name = "CLASS=REDACTOR", value_parser = rule)]
    pub(crate) rules: Vec<(String, Redactor)>,

    /// The key of pseudonyms: a file with the key's id and 64 hexadecimal digits, such as `2026q4 07ab…`.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
}

fn rule(text: &str) -> Result<(String, Redactor), String> {
    let (class, redactor) = text
        .split_once('=')
        .ok_or("write it like `UPI=pseudonym`")?;
    let redactor = redactor
        .parse()
        .map_err(|error: privet_classify::UnknownName| error.to_string())?;
    Ok((class.to_owned(), redactor))
}
