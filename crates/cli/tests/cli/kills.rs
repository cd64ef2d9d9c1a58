//! `privet demo` killed at any moment of its first start: the next start goes on, and nothing is lost or left open.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::{PATIENCE, Place, is_long, with_any_ports};

#[test]
fn a_demo_that_is_killed_at_any_moment_continues() {
    let (kills, step, customers) = if is_long() {
        (80, 40, "2000")
    } else {
        (8, 150, "300")
    };
    let place = Place::new();
    let arguments = with_any_ports(&["--customers", customers]);
    let mut ready = 0;
    for kill in 0..kills {
        // Later each time, so that every part of the start is hit.
        let patience = Duration::from_millis(20 + step * kill);
        match place.start(&arguments).ready(patience) {
            Err(starting) => starting.kill(),
            Ok(server) => {
                ready += 1;
                server.kill();
            }
        }
    }
    let server = match place.start(&arguments).ready(PATIENCE) {
        Ok(server) => server,
        Err(starting) => panic!(
            "it does not continue ({ready} starts were ready): {}",
            starting.end()
        ),
    };
    place.run(&["audit", "verify"]).ok();
    let checked = place.run(&["check", "--source", "shop", "--json"]).json();
    assert_eq!(checked["ok"], true, "{checked}");
    no_plaintext(&place);
    assert_eq!(server.stop(Signal::TERM), Some(0));
    place.run(&["audit", "verify"]).ok();
}

/// Nobody's address is in the source's file, its free pages, or a log beside it. (All synthetic people have one of these.)
fn no_plaintext(place: &Place) {
    let mut looked = 0;
    for entry in fs::read_dir(place.dir()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("shop.sqlite") {
            let bytes = fs::read(&path).unwrap();
            let address = b"@example.";
            let found = bytes.windows(address.len()).any(|window| window == address);
            assert!(!found, "an address is in {}", path.display());
            looked += 1;
        }
    }
    assert!(looked > 0);
}
