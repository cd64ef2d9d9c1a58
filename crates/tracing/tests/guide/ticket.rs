//! Step 3: a structure of which each field bears a class.

#![expect(dead_code, reason = "a log form is all that reads it")]

use privet_classify::{Cc, Classified, Upi};

use crate::fields::Email;

#[derive(Classified, serde::Deserialize)]
struct Ticket {
    #[class(SYS)]
    number: u32,
    customer: Upi<u64>,
    reply_to: Option<Email>,
    lines: Vec<Cc<String>>,
}

/// What is shown of a ticket that came in.
pub(crate) fn shown(json: &str) -> String {
    let ticket: Ticket = serde_json::from_str(json).unwrap();
    format!("{ticket:?}")
}
