//! Messages of agents and their directories: never a panic, and nobody but the holder of the key is believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_drp::{Agents, BusinessId, Exercise, Expected, KeySetup, Revoke};

const DIRECTORY: &[u8] = br#"[{"id": "A", "name": "A", "verify_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}]"#;

fuzz_target!(|data: &[u8]| {
    let _ = Agents::parse(data);
    let agents = Agents::parse(DIRECTORY).unwrap();
    let business: BusinessId = "SHOP".parse().unwrap();
    let expected = Expected {
        agent: agents.get("A").unwrap(),
        business: &business,
        now: "2026-11-26T12:05:00Z".parse().unwrap(),
    };
    assert!(Exercise::read(data, &expected).is_err());
    assert!(KeySetup::read(data, &expected).is_err());
    assert!(Revoke::read(data, expected.agent).is_err());
});
