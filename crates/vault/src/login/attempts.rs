//! How often somebody may try to log in: by network address and in total, in bounded memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// Attempts are counted by the minute.
const WINDOW: Duration = Duration::from_secs(60);
/// Attempts from one address.
const EACH_MAX: u32 = 20;
/// Attempts from everywhere.
const ALL_MAX: u32 = 600;
/// Addresses that are counted one by one; past that only the total counts.
const ADDRESSES_MAX: usize = 1_000;

/// Attempts of the running minute.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    began: Duration,
    all: u32,
    each: HashMap<String, u32>,
}

impl Attempts {
    /// Counts an attempt; `false` when it is one too many.
    pub(crate) fn allows(&mut self, address: &str, now: Duration) -> bool {
        if now.saturating_sub(self.began) >= WINDOW {
            *self = Self {
                began: now,
                ..Self::default()
            };
        }
        self.all = self.all.saturating_add(1);
        if self.all > ALL_MAX {
            return false;
        }
        let network = network(address);
        if !self.each.contains_key(&network) && self.each.len() >= ADDRESSES_MAX {
            return true;
        }
        let count = self.each.entry(network).or_default();
        *count = count.saturating_add(1);
        *count <= EACH_MAX
    }
}

/// Whoever has one IPv6 address has the 2^64 beside it.
fn network(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => {
            let prefix = ip.to_bits() & !u128::from(u64::MAX);
            Ipv6Addr::from_bits(prefix).to_string()
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_address_does_not_lock_out_another() {
        let mut attempts = Attempts::default();
        for _ in 0..EACH_MAX {
            assert!(attempts.allows("192.0.2.1", SECOND));
        }
        assert!(!attempts.allows("192.0.2.1", SECOND));
        assert!(attempts.allows("192.0.2.2", SECOND));
        assert!(attempts.allows("192.0.2.1", SECOND + WINDOW));
    }

    #[test]
    fn neighbours_of_an_ipv6_address_count_as_one() {
        let mut attempts = Attempts::default();
        for n in 0..EACH_MAX {
            assert!(attempts.allows(&format!("2001:db8::{n:x}"), SECOND));
        }
        assert!(!attempts.allows("2001:db8::ffff:1", SECOND));
        assert!(attempts.allows("2001:db8:0:1::1", SECOND));
    }

    #[test]
    fn everybody_together_has_a_limit_and_memory_too() {
        let mut attempts = Attempts::default();
        let allowed = (0..100_000_u32)
            .filter(|n| {
                attempts.allows(
                    &Ipv6Addr::from_bits(u128::from(*n) << 64).to_string(),
                    SECOND,
                )
            })
            .count();
        assert_eq!(allowed, ALL_MAX as usize);
        assert!(attempts.each.len() <= ADDRESSES_MAX);
    }
}
