//! Step 1: the policy in front.

use privet_classify::{Class, PseudonymKey, Redactor, Redactors};
use privet_tracing::{Policy, panics, redacted};
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    panics::install();
    let secret = [7; 32]; // 32 random bytes from where the service keeps its secrets.
    Redactors::builder()
        .key(PseudonymKey::new("2026q4", secret)?)
        .class(Class::Upi, Redactor::Pseudonym)
        .build()?
        .install()?;

    let stack = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
    let policy = Policy::new()
        .field("user.id", Class::Upi)
        .system(["attempts", "queue.length"]);
    redacted(stack, policy).init();
    Ok(())
}

/// The service, which then has something to log.
pub(crate) fn run() {
    main().unwrap();
    let to = "ada@example.org";
    tracing::info!(
        user.id = 4711,
        attempts = 3,
        basket = "red wine",
        "no mail to {to}"
    );
}
