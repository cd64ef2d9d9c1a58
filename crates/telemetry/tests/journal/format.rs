//! The published vector.

use std::fs;

use crate::{LIMITS, end, open};

#[derive(serde::Deserialize)]
struct Vectors {
    files: Vec<File>,
}

#[derive(serde::Deserialize)]
struct File {
    name: String,
    bytes: String,
    /// What is in it, as `Debug` of this crate shows it.
    batches: Vec<String>,
}

fn vectors() -> Vectors {
    let text = include_str!("../../../../docs/formats/vectors/telemetry-journal.json");
    serde_json::from_str(text).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[tokio::test]
async fn vectors_are_read_and_written() {
    for file in vectors().files {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(&file.name), bytes(&file.bytes)).unwrap();
        let journal = open(folder.path(), LIMITS);
        let mut batches = Vec::new();
        for segment in journal.waiting() {
            let read = segment.read(|batch| {
                batches.push(batch);
                Ok::<(), ()>(())
            });
            read.unwrap().unwrap();
        }
        let shown: Vec<_> = batches.iter().map(|batch| format!("{batch:?}")).collect();
        assert_eq!(shown, file.batches);
        end(journal).await;

        let folder = tempfile::tempdir().unwrap();
        let journal = open(folder.path(), LIMITS);
        for batch in &batches {
            journal.append(batch).await.unwrap();
        }
        let written = fs::read(folder.path().join(&file.name)).unwrap();
        let hex: String = written.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, file.bytes);
    }
}
