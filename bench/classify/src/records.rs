//! A log record of ten fields, with the policy in front and without it.

use std::io;

use anyhow::Result;
use privet_classify::Class;
use privet_tracing::{Policy, redacted};
use tracing::{Dispatch, dispatcher, info};
use tracing_subscriber::prelude::*;

use crate::fields::rules;
use crate::report::{Report, Row};
use crate::{Measured, allocations, measure};

pub(crate) fn run(report: &mut Report) -> Result<()> {
    for (format, json) in [("JSON", true), ("lines", false)] {
        let plain = stack(json);
        let guarded = guarded(json)?;
        let mut without = Measured::new(|at| dispatcher::with_default(&plain, || record(at % 16)));
        let mut with = Measured::new(|at| dispatcher::with_default(&guarded, || record(at % 16)));
        measure(&mut [&mut without, &mut with]);
        let (without, with) = (without.best_ns, with.best_ns);
        let name = format!("a record of ten fields as {format}");
        report.row(Row::new(name, with, "ns").beside_time("tracing-subscriber alone", without));
        let more = Row::new("what the policy adds", with - without, "ns");
        report.row(more.at_most(500.0));
    }
    let guarded = guarded(true)?;
    let plain = stack(true);
    let count = |dispatch: &Dispatch| {
        dispatcher::with_default(dispatch, || allocations(|at| record(at % 16)))
    };
    let row = Row::new("allocations of 1,000 records", count(&guarded), "");
    report.row(
        row.limit("tracing-subscriber alone", count(&plain))
            .at_most(count(&plain)),
    );
    report.note(
        "The record has a message, two fields of UII, one of CC, one of UPI (16 values, seen before) and six of SYS: two \
         texts, four numbers. The formatter writes to nowhere; with the policy it has other texts to format.",
    );
    Ok(())
}

fn guarded(json: bool) -> Result<Dispatch> {
    let policy = Policy::new()
        .redactors(rules()?)
        .field("email", Class::Uii)
        .field("name", Class::Uii)
        .field("note", Class::Cc)
        .field("user.id", Class::Upi)
        .system(["queue", "shard", "attempts", "size", "ratio", "ok"]);
    Ok(redacted_stack(json, policy))
}

fn stack(json: bool) -> Dispatch {
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::sink)
        .with_ansi(false);
    if json {
        Dispatch::new(tracing_subscriber::registry().with(layer.json()))
    } else {
        Dispatch::new(tracing_subscriber::registry().with(layer))
    }
}

fn redacted_stack(json: bool, policy: Policy) -> Dispatch {
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::sink)
        .with_ansi(false);
    if json {
        redacted(tracing_subscriber::registry().with(layer.json()), policy)
    } else {
        redacted(tracing_subscriber::registry().with(layer), policy)
    }
}

fn record(user: u32) {
    info!(
        email = "ada.lovelace@example.org",
        name = "Ada Lovelace",
        note = "please leave the parcel with the neighbours",
        user.id = user,
        queue = "mails",
        shard = "eu-central-2a",
        attempts = 3,
        size = 48_213_u64,
        ratio = 0.75,
        ok = true,
        "the message was sent"
    );
}
