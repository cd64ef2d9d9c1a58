//! `privet audit`: beside a server, without one, and on a copy somewhere else.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::{Place, Ran, privet};

fn key(place: &Place) -> String {
    fs::read_to_string(place.dir().join("log.pub"))
        .unwrap()
        .trim()
        .to_owned()
}

/// `privet audit verify` on a copy, far away from the folder.
fn verify(place: &Place, copy: &PathBuf, more: &[&str]) -> Ran {
    Ran::of(
        privet()
            .current_dir("/")
            .args(["audit", "verify"])
            .arg(copy)
            .args(["--key", &key(place)])
            .args(more),
    )
}

#[test]
fn a_copy_proves_itself_anywhere() {
    let place = Place::new();
    let server = place.demo(&["--customers", "3"]);
    let copy = place.path("copy");
    let copied = place.run(&["audit", "export", copy.to_str().unwrap()]).ok();
    assert!(copied.contains("check them anywhere"), "{copied}");
    let verified = verify(&place, &copy, &[]).ok();
    assert!(verified.starts_with("verified: "), "{verified}");
    let kept = place.path("kept-checkpoint");
    fs::copy(copy.join("checkpoint"), &kept).unwrap();

    // The log grows, the copy follows, and is still the continuation of what was kept.
    place.run(&["session", "list"]).ok();
    place.run(&["audit", "export", copy.to_str().unwrap()]).ok();
    verify(&place, &copy, &["--since", kept.to_str().unwrap()]).ok();
    place
        .run(&["audit", "verify", "--since", kept.to_str().unwrap()])
        .ok();

    let proof = place.path("entry.proof");
    place
        .run(&["audit", "prove", "2", "-o", proof.to_str().unwrap()])
        .ok();
    assert!(
        fs::read_to_string(&proof)
            .unwrap()
            .starts_with("c2sp.org/tlog-proof@v1\n")
    );
    checked_alone(&place, &proof);
    let beyond = place.run(&["audit", "prove", "100000"]).failed();
    assert!(beyond.contains("the log has no entry 100000"), "{beyond}");
    server.kill();

    let entries = copy.join("tile/entries");
    let bundle = files(&entries).into_iter().next().unwrap();
    let mut bytes = fs::read(&bundle).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    let refused = verify(&place, &copy, &[]).failed();
    assert!(refused.contains("the log does not verify"), "{refused}");
    assert!(refused.contains("entry "), "it names the entry: {refused}");
}

/// The entry's bytes, its proof and the key are all that it takes.
fn checked_alone(place: &Place, proof: &PathBuf) {
    let tail = place.run(&["audit", "tail", "-n", "1000", "--json"]).ok();
    let line = tail.lines().find(|line| line.starts_with("{\"index\":2,"));
    let (_, entry) = line.unwrap().split_once("\"entry\":").unwrap();
    let bytes = entry.strip_suffix('}').unwrap();
    let path = place.path("entry.json");
    let check = |bytes: &str| {
        fs::write(&path, bytes).unwrap();
        let mut command = privet();
        command.current_dir("/").args(["audit", "check"]);
        command.arg(&path).arg(proof).args(["--key", &key(place)]);
        Ran::of(&mut command)
    };
    let proved = check(bytes).ok();
    assert!(proved.starts_with("proved: it is entry 2 of "), "{proved}");
    let refused = check(&bytes.replacen("\"v\":1", "\"v\":2", 1)).failed();
    assert!(
        refused.contains("the proof of entry 2 is not one of"),
        "{refused}"
    );
}

fn files(folder: &PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn a_copy_without_its_key_is_not_believed() {
    let place = Place::new();
    let _server = place.demo(&["--customers", "3"]);
    let copy = place.path("copy");
    place.run(&["audit", "export", copy.to_str().unwrap()]).ok();
    let refused = Ran::of(
        privet()
            .current_dir("/")
            .args(["audit", "verify"])
            .arg(&copy),
    )
    .failed();
    assert!(refused.contains("name it with --key"), "{refused}");
    let other = "privet.example/demo/1+6ad5c2f1+AbGWRrXYKm9MPzGf6nEoXBWM2IRQTMcMAtDs+o0bdZ1T";
    let refused = Ran::of(
        privet()
            .current_dir("/")
            .args(["audit", "verify"])
            .arg(&copy)
            .args(["--key", other]),
    );
    refused.failed();
}

#[test]
fn the_tail_follows() {
    let place = Place::new();
    let _server = place.demo(&["--customers", "3"]);
    let newest = place.run(&["audit", "tail", "-n", "1"]).ok();
    assert!(
        newest.contains("log.read"),
        "reading the log is on record first: {newest}"
    );
    let mut command = place.command(&["audit", "tail", "-n", "1", "--follow", "--json"]);
    let mut tail = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    place.run(&["token", "list"]).ok();
    place.run(&["session", "list"]).ok();
    let found = lines
        .map(Result::unwrap)
        .find(|line| line.contains("\"session.read\""));
    assert!(found.is_some());
    tail.kill().unwrap();
    tail.wait().unwrap();
}

/// An entry, its proof and a person's leaf of it, made with a second implementation.
const ENTRY: &str = r#"{"v":1,"t":"reveal","ts":"2026-11-20T17:12:03.123459Z","env":"test","actor":{"kind":"job","name":"billing"},"subjects":{"count":2,"root":"b497ade64b1b0a53b0c111ebec7df4bb2ad5df75048dd02e7dc05e4d1b5bac6f"}}"#;
const PROOF: &str = "c2sp.org/tlog-proof@v1\nindex 0\nLCj7REsAHwVv1U3oyPxABPfhuz+7kjIhxGepNJCgsE4=\n\nprivet.example/prod/1\n2\nV5gmriehR30SIFKOlqEFF4QY+UjsekbnMUH5mLZpzGQ=\n\n— privet.example/prod/1 FGkHz017mAx3bH5KzkWvTwQKk6eGpSpJpuljlJod+T/E/pD7cf8tpRzsG7NOBGF+uYwhQRWdUH+sTPBzewv0b+wUCAQ=\n";
const LEAF: &str = r#"{"index":0,"of":2,"reference":"52525252-5252-5252-5252-525252525252","fields":[1,2],"count":3,"salt":"0505050505050505050505050505050505050505050505050505050505050505","hashes":["20127871bb98506fcb2eb26ab0f726a97fd0407c0314098a4418e31f40ab74a6"]}"#;
const KEY: &str = "privet.example/prod/1+146907cf+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";

/// What a person is handed on their own pages is all that they need to see that somebody looked at them.
#[test]
fn a_persons_leaf_is_checked_offline() {
    let place = Place::new();
    let paths = ["entry.json", "entry.tlog-proof", "leaf.json"].map(|name| place.path(name));
    let [entry, proof, leaf] = &paths;
    fs::write(entry, ENTRY).unwrap();
    fs::write(proof, PROOF).unwrap();
    let check = |text: &str| {
        fs::write(leaf, text).unwrap();
        let mut command = privet();
        command.current_dir("/").args(["audit", "check"]);
        command.args([entry, proof]).arg("--leaf").arg(leaf);
        Ran::of(command.args(["--key", KEY]))
    };
    let proved = check(LEAF).ok();
    assert!(
        proved.contains(
            "entry 0 is about 52525252-5252-5252-5252-525252525252, fields [1, 2], 3 values"
        ),
        "{proved}"
    );
    assert!(proved.contains("it is entry 0 of the 2"), "{proved}");
    for (part, other) in [
        ("\"count\":3", "\"count\":2"),
        ("[1,2]", "[1]"),
        ("\"index\":0", "\"index\":1"),
        ("\"of\":2", "\"of\":1"),
        ("5252525252", "5252525253"),
        ("0505", "0506"),
    ] {
        let refused = check(&LEAF.replacen(part, other, 1)).failed();
        assert!(
            refused.contains("not a leaf of what was proven"),
            "{refused}"
        );
    }
    assert!(check("{}").failed().contains("not a person's leaf"));
    fs::write(entry, ENTRY.replace("reveal", "denied")).unwrap();
    assert!(check(LEAF).failed().contains("is not one of"));
}
