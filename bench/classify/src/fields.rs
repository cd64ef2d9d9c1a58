//! One field: erased, masked, a pseudonym; and a structure of three.

use std::fmt::Write;

use anyhow::Result;
use data_privacy::RedactionEngine;
use privet_classify::{Class, Classified, PseudonymKey, Redactor, Redactors, Uii, Upi, value};

use crate::report::{Report, Row};
use crate::{Measured, allocations, measure, peers};

#[derive(Classified)]
#[expect(dead_code, reason = "a log form is all that reads it")]
struct Customer {
    id: Upi<u64>,
    email: Uii<&'static str, value::Email>,
    name: Uii<&'static str>,
}

#[derive(veil::Redact)]
struct VeiledCustomer {
    #[redact(fixed = 5)]
    id: u64,
    #[redact(fixed = 5)]
    email: &'static str,
    #[redact(fixed = 5)]
    name: &'static str,
}

pub(crate) fn rules() -> Result<Redactors> {
    Ok(Redactors::builder()
        .key(PseudonymKey::new("bench", [7; 32])?)
        .class(Class::Upi, Redactor::Pseudonym)
        .build()?)
}

pub(crate) fn run(report: &mut Report) -> Result<()> {
    one(report)?;
    structure(report);
    Ok(())
}

fn one(report: &mut Report) -> Result<()> {
    let rules = rules()?;
    let masking = Redactors::builder()
        .class(Class::Uii, Redactor::Mask)
        .build()?;
    let erasing = peers::erasing();
    let hashing = peers::hashing();
    let email = Uii::<_, value::Email>::new("ada.lovelace@example.org");
    let peer_email = peers::Email("ada.lovelace@example.org".to_owned());
    // As long as a UUID as text.
    let ids: Vec<String> = (0..65_536)
        .map(|id| format!("cus_01hv9z3k6q8y{id:020}"))
        .collect();
    let peer_ids: Vec<peers::Id> = ids.iter().cloned().map(peers::Id).collect();
    let mut out = [const { String::new() }; 6];
    let [
        erase_out,
        peer_erase_out,
        cold_out,
        peer_cold_out,
        warm_out,
        mask_out,
    ] = &mut out;
    let mut erase = Measured::new(|_| shown(&email, &rules, erase_out));
    let mut peer_erase = Measured::new(|_| peer_shown(&erasing, &peer_email, peer_erase_out));
    let (all, reused, mut next) = (&ids, &rules, 0_u32);
    let mut cold = Measured::new(move |_| {
        next = next.wrapping_add(1);
        shown(&id(all, next), reused, cold_out);
    });
    let mut peer_cold = Measured::new(|at| {
        if let Some(id) = peer_ids.get(at as usize % peer_ids.len()) {
            peer_shown(&hashing, id, peer_cold_out);
        }
    });
    let mut warm = Measured::new(|at| shown(&id(&ids, at % 16), &rules, warm_out));
    let mut mask = Measured::new(|_| shown(&email, &masking, mask_out));
    measure(&mut [
        &mut erase,
        &mut peer_erase,
        &mut cold,
        &mut peer_cold,
        &mut warm,
        &mut mask,
    ]);
    let (erase, peer_erase) = (erase.best_ns, peer_erase.best_ns);
    let (cold, peer_cold) = (cold.best_ns, peer_cold.best_ns);
    let (warm, mask) = (warm.best_ns, mask.best_ns);
    let hash = "data_privacy, xxh3 of 64 bits";
    report.row(
        Row::new("erase a field", erase, "ns")
            .beside_time("data_privacy", peer_erase)
            .at_most(25.0),
    );
    report.row(Row::new("mask a mail address", mask, "ns"));
    report.row(
        Row::new("pseudonym, never seen", cold, "ns")
            .beside_time(hash, peer_cold)
            .at_most(200.0),
    );
    report.row(
        Row::new("pseudonym, seen before", warm, "ns")
            .beside_time(hash, peer_cold)
            .at_most(50.0),
    );
    let mut out = String::with_capacity(256);
    let erased = allocations(|_| shown(&email, &rules, &mut out));
    let hashed = allocations(|at| shown(&id(&ids, at), &rules, &mut out));
    report.row(Row::new("allocations of 1,000 erased", erased, "").at_most(0.0));
    report.row(Row::new("allocations of 1,000 pseudonyms", hashed, "").at_most(0.0));
    Ok(())
}

fn structure(report: &mut Report) {
    let customer = Customer {
        id: 4711.into(),
        email: "ada.lovelace@example.org".into(),
        name: "Ada Lovelace".into(),
    };
    let veiled = VeiledCustomer {
        id: 4711,
        email: "ada.lovelace@example.org",
        name: "Ada Lovelace",
    };
    let (mut out, mut veiled_out) = (String::new(), String::new());
    let mut own = Measured::new(|_| debugged(&customer, &mut out));
    let mut veil = Measured::new(|_| debugged(&veiled, &mut veiled_out));
    measure(&mut [&mut own, &mut veil]);
    let row = Row::new("Debug of three erased fields", own.best_ns, "ns");
    report.row(row.beside_time("veil", veil.best_ns));
}

fn id(ids: &[String], at: u32) -> Upi<&str> {
    Upi::new(ids.get(at as usize % ids.len()).map_or("", String::as_str))
}

fn shown<T: std::fmt::Display, C: privet_classify::taxonomy::DataClass, V: value::Kind<T>>(
    value: &Classified<T, C, V>,
    rules: &Redactors,
    out: &mut String,
) {
    out.clear();
    // A string takes everything.
    let _ = value.write_log_form(rules, out);
}

fn peer_shown(
    engine: &RedactionEngine,
    value: &impl data_privacy::RedactedDisplay,
    out: &mut String,
) {
    out.clear();
    // A string takes everything.
    let _ = engine.redacted_display(value, out);
}

fn debugged(value: &impl std::fmt::Debug, out: &mut String) {
    out.clear();
    // A string takes everything.
    let _ = write!(out, "{value:?}");
}
