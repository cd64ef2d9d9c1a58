//! English.

use privet_classify::{Basis, Class};

use super::Words;

pub(super) static WORDS: Words = Words {
    title: "Your personal data",
    lead: "This is what {company} holds about you, as of {date}. You asked for it with request {request}.",
    keep_safe: "It opens without the internet, runs no scripts and tells nobody that you read it. Whoever has this file can \
                read it: keep it where nobody else gets at it.",
    contents: "Contents",
    skip: "Skip to the contents",
    nothing_at_all: "Nothing is held about you.",
    nothing: "Nothing is held about you here.",
    one_entry: "1 entry",
    entries: "{count} entries",
    thousands: ',',
    why: "What it is and why it is held",
    data: "Data",
    nature: "Kind",
    purpose: "Held for",
    until: "Until",
    unknown: "not stated",
    first_rows: "The first {shown} of {rows} entries.",
    read_all: "Read all on pages",
    left_out: "The pages show the first {shown} entries. The files have all {rows}.",
    page: "Page {page} of {pages}",
    previous: "Previous page",
    next: "Next page",
    overview: "Overview",
    files: "Files",
    csv: "Spreadsheet (CSV)",
    json_lines: "For programs (JSON Lines)",
    schema: "Description (JSON Schema)",
    receipts: "Receipts",
    receipts_what: "Signed receipts of what you agreed to and withdrew.",
    rights: "Your rights",
    rights_what: &[
        "You can have this data corrected or erased, have its use restricted, object to it, and take the data elsewhere.",
        "What you agreed to you can withdraw at any time; what was done before stays lawful.",
        "You can complain to a data protection authority: where you live, where you work, or where you think the law was broken.",
    ],
    ask: "Whom to ask",
    ask_what: "{company} answers for this data: {contact}. Name request {request} when you write.",
    about_files: "About the files",
    about_files_what: &[
        (
            "data/….csv",
            "For spreadsheets. So that nothing in them runs as a formula, a cell that begins with =, +, -, @, a tab or a line \
             break has an apostrophe (') in front; so has such text behind a semicolon, tab or line break within a cell. Control \
             characters are replaced. Spreadsheets may round long numbers.",
        ),
        (
            "data/….jsonl",
            "For programs: one entry a line, every value exactly as it is held, bytes as base64.",
        ),
        (
            "schema/….schema.json",
            "What each line of a JSON Lines file looks like (JSON Schema 2020-12).",
        ),
        (
            "datapackage.json",
            "Describes all these files for programs (Frictionless Data Package).",
        ),
        (
            "manifest-sha256.txt",
            "SHA-256 of each file, to see that nothing was lost or changed. The folder is a BagIt bag (RFC 8493).",
        ),
    ],
    none: "–",
    yes: "yes",
    no: "no",
    bytes: "{count} bytes, in the files",
    more: "… {count} more characters in the files",
    class: |class| match class {
        Class::Uii => "identifies you",
        Class::Upi => "stands for you, as a number does",
        Class::Udi => "describes you",
        Class::Cc => "comes from you",
        Class::Oi => "is about an organisation",
        Class::Sys => "is technical",
    },
    basis: |basis| match basis {
        Basis::Consent => "you agreed",
        Basis::Contract => "a contract with you",
        Basis::LegalObligation => "the law demands it",
        Basis::VitalInterest => "it protects somebody's life",
        Basis::PublicTask => "a task in the public interest",
        Basis::LegitimateInterest => "a legitimate interest; you can object",
    },
};
