//! Data maps: never a panic, and every refusal says where and why.
#![no_main]

use libfuzzer_sys::fuzz_target;
use privet_classify::DataMap;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    match DataMap::parse(text) {
        Ok(map) => assert_eq!(DataMap::parse(text).ok(), Some(map)),
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
