//! Bundles under generated input.

use privet_tlog::EntryBundle;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::config;

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bundles_come_back(entries in vec(vec(any::<u8>(), 0..40), 0..=256)) {
        let bytes = EntryBundle::encode(&entries).unwrap();
        let decoded: Result<Vec<_>, _> = EntryBundle::decode(&bytes).collect();
        prop_assert_eq!(decoded.unwrap(), entries);
    }

    #[test]
    fn any_bytes_are_a_bundle_or_an_error(bytes in vec(any::<u8>(), 0..700)) {
        let decoded: Result<Vec<_>, _> = EntryBundle::decode(&bytes).collect();
        if let Ok(entries) = decoded {
            prop_assert_eq!(EntryBundle::encode(entries).unwrap(), bytes);
        }
    }

    #[test]
    fn a_cut_bundle_is_noticed_unless_cut_between_entries(
        entries in vec(vec(any::<u8>(), 1..9), 1..9), cut in 0.0..1.0,
    ) {
        let bytes = EntryBundle::encode(&entries).unwrap();
        let cut = (cut * bytes.len() as f64) as usize;
        let decoded: Result<Vec<_>, _> = EntryBundle::decode(&bytes[..cut]).collect();
        if let Ok(some) = decoded {
            prop_assert!(entries.starts_with(&some.iter().map(|e| e.to_vec()).collect::<Vec<_>>()));
            prop_assert!(some.len() < entries.len());
        }
    }
}
