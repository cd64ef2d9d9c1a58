//! What the stream is told of people who are silent: that their answers changed, or that their id has ended.
//!
//! Who computes from the stream alone what somebody agrees to sees it in their records otherwise, and who withdraws writes none any more.

use std::time::Duration;

use privet_vault::Vault;
use privet_vault::port::StreamRow;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::journal::{Journal, Refused};
use crate::record::{Batch, Common, Consent, Person};

/// How often the vault is asked what waits.
const EVERY: Duration = Duration::from_secs(1);
/// How much is taken at once.
const EVENTS_MAX: u32 = 1_000;

/// Why the stream could not be told.
#[derive(Debug, thiserror::Error)]
pub enum Untold {
    /// The vault does not say what waits.
    #[error(transparent)]
    Vault(#[from] privet_vault::Error),
    /// The journal does not take it.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Tells the stream what waits, again and again, until `stop` is true.
pub async fn tell(vault: Vault, journal: Journal, notice: String, mut stop: watch::Receiver<bool>) {
    loop {
        match tell_once(&vault, &journal, &notice).await {
            // There may be more.
            Ok(told) if told == usize::try_from(EVENTS_MAX).unwrap_or(usize::MAX) => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "telemetry could not be told of changes of consent yet");
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = sleep(EVERY) => {}
        }
    }
}

/// Tells the stream what waits now, and answers how much that was. Where this ends between the journal and the vault, the same is
/// told twice, which says nothing else than once.
///
/// # Errors
/// [`Untold`]
pub async fn tell_once(vault: &Vault, journal: &Journal, notice: &str) -> Result<usize, Untold> {
    let rows = vault.stream_events(EVENTS_MAX).await?;
    let Some(last) = rows.last() else {
        return Ok(0);
    };
    let received_ms = vault.time().as_millisecond();
    journal.append(&batch(&rows, notice, received_ms)).await?;
    vault.stream_events_written(last.number).await?;
    Ok(rows.len())
}

fn batch(rows: &[StreamRow], notice: &str, received_ms: i64) -> Batch {
    let people = rows.iter().map(|row| Person {
        tyid: row.event.tyid.as_bytes().to_vec(),
        consent: row.event.bits,
        stamp: row.event.stamp,
    });
    let consents = rows.iter().zip(0_u32..).map(|(row, person)| Consent {
        common: Common {
            // Beyond the years that a column holds, the door's own time.
            time_ns: i64::try_from(row.event.at.as_nanosecond())
                .unwrap_or_else(|_| received_ms.saturating_mul(1_000_000)),
            person: Some(person),
            purpose: None,
            exportable: false,
            origin: None,
            attributes: Vec::new(),
        },
        is_final: row.event.is_final,
    });
    Batch {
        received_ms,
        notice: notice.to_owned(),
        people: people.collect(),
        consents: consents.collect(),
        ..Batch::default()
    }
}
