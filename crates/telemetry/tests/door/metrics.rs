//! The door's numbers, as Prometheus is shown them.

use std::sync::Arc;

use privet_telemetry::{DoorMetrics, Limits};
use prometheus::TextEncoder;

use crate::bed::{ADA, BOB, logs, open, record};
use crate::forward::{Calm, forwarding};

#[tokio::test]
async fn every_number_is_shown_from_the_start_and_moves() {
    let folder = tempfile::tempdir().unwrap();
    let mut door = open(folder.path(), Limits::default());
    let forwarding = forwarding(&door, "http://127.0.0.1:9", &Calm::default());
    door.storing = door.storing.clone().forwarding(forwarding.clone());
    let registry = DoorMetrics::registry(
        Arc::clone(&door.intake),
        door.journal.clone(),
        door.storing.clone(),
        Some(forwarding),
    );
    let registry = registry.unwrap();
    let shown = || {
        TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap()
    };
    let check = |lines: &[&str]| {
        let text = shown();
        for line in lines {
            assert!(
                text.lines().any(|other| other == *line),
                "{line} is not in\n{text}"
            );
        }
    };
    check(&[
        "privet_telemetry_accepted_total{signal=\"logs\"} 0",
        "privet_telemetry_forwarded_total{signal=\"traces\"} 0",
        "privet_telemetry_forward_failing_since_seconds 0",
        "privet_telemetry_forward_waiting_bytes 0",
    ]);
    let sent = logs(vec![record(1, ADA), record(2, BOB), record(3, ADA)]);
    assert_eq!(door.logs(&sent).await.status, 200);
    door.storing.store_all().await.unwrap();
    check(&[
        "privet_telemetry_accepted_total{signal=\"logs\"} 2",
        "privet_telemetry_dropped_total{reason=\"no_consent\",signal=\"logs\"} 1",
        "privet_telemetry_values_dropped_total{reason=\"unknown\",signal=\"logs\"} 0",
        "privet_telemetry_stored_rows_total{table=\"logs\"} 2",
        "privet_telemetry_journal_bytes_max 1073741824",
        "privet_telemetry_journal_files 0",
        "privet_telemetry_forward_dropped_total{reason=\"overflow\"} 0",
    ]);
    // What nobody forwards yet waits.
    let text = shown();
    assert!(!text.contains("forward_waiting_bytes 0\n"), "{text}");
    for secret in [ADA, BOB, "4711", "order.placed", "a1a1"] {
        assert!(!text.contains(secret), "{text}");
    }
}
