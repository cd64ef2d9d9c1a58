//! Global Privacy Control: a browser's no counts for what the data map marks, and for nothing else.

use privet_vault::ConsentView;

use crate::bed::{Bed, MAP, bed};
use crate::consenting::{change, restarted, say};

/// Whether they agree to each of the purposes that rest on consent.
async fn agreed(bed: &Bed, subject: &privet_vault::SubjectName) -> Vec<(String, bool)> {
    let job = bed.caller("job").await;
    let view: ConsentView = bed.vault.consent(&job, subject, None).await.unwrap();
    let purposes = view.purposes.into_iter();
    purposes
        .map(|purpose| (purpose.purpose, purpose.agreed))
        .collect()
}

#[tokio::test]
async fn a_signal_withdraws_what_is_marked_and_nothing_else() {
    let line = "bit = 0, notice = \"2026-11\"";
    let marked = MAP.replace(line, &format!("{line}, gpc = true"));
    assert_ne!(marked, MAP);
    let bed = restarted(&bed().await, &marked).await.unwrap();
    let ada = bed.subject("ada@example.com").await;
    let job = bed.caller("job").await;
    let both = change(&["marketing", "improvement"], &[]);
    say(&bed.vault, &job, &ada, both).await;
    let yes = |marketing| {
        let purposes = [("improvement", true), ("marketing", marketing)];
        purposes.map(|(purpose, agreed)| (purpose.to_owned(), agreed))
    };
    assert_eq!(agreed(&bed, &ada).await, yes(true));

    let signal = ["1".to_owned()];
    let told = bed.vault.honour_gpc(&job, &ada, &signal).await.unwrap();
    assert!(told.is_signal);
    assert_eq!(told.withdrawn, ["marketing"]);
    assert_eq!(agreed(&bed, &ada).await, yes(false));
    // It is a withdrawal like any other: in the ledger, with how it came.
    let history = bed.vault.consent_history(&job, &ada, None).await.unwrap();
    assert_eq!(history.events[0].withdrawn, ["marketing"]);
    assert_eq!(history.events[0].channel.as_str(), "gpc");

    // Where nothing is marked, a signal is told and changes nothing.
    let bed = restarted(&bed, MAP).await.unwrap();
    let bob = bed.subject("bob@example.com").await;
    let both = change(&["marketing", "improvement"], &[]);
    let job = bed.caller("job").await;
    say(&bed.vault, &job, &bob, both).await;
    let told = bed.vault.honour_gpc(&job, &bob, &signal).await.unwrap();
    assert!(told.is_signal && told.withdrawn.is_empty());
    assert_eq!(agreed(&bed, &bob).await, yes(true));
}
