//! How often somebody may try: to log in, by network address and in total; or, as an agent of people, to find somebody. In bounded
//! memory, which forgets with a restart.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How many attempts are allowed, and in which time.
#[derive(Debug, Clone, Copy)]
struct Limits {
    window: Duration,
    /// Attempts from one address, or of one agent.
    each_max: u32,
    /// Attempts of everybody.
    all_max: u32,
}

const LOGINS: Limits = Limits {
    window: Duration::from_secs(60),
    each_max: 20,
    all_max: 600,
};
/// By the hour: whoever goes through a list of people has time. There are only as many agents as the operator named.
const MISSES_OF_AGENTS: Limits = Limits {
    window: Duration::from_secs(3_600),
    each_max: 60,
    all_max: u32::MAX,
};
/// Addresses that are counted one by one; past that only the total counts.
const ADDRESSES_MAX: usize = 1_000;

/// Attempts of the running minute, or hour.
#[derive(Debug)]
pub(crate) struct Attempts {
    limits: Limits,
    began: Duration,
    all: u32,
    each: HashMap<String, u32>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self::within(LOGINS)
    }
}

impl Attempts {
    /// Those of agents to find somebody. Each counts until it is [taken back](Self::forgive), so that many at once are no way around.
    pub(crate) fn of_agents() -> Self {
        Self::within(MISSES_OF_AGENTS)
    }

    fn within(limits: Limits) -> Self {
        Self {
            limits,
            began: Duration::ZERO,
            all: 0,
            each: HashMap::new(),
        }
    }

    /// Takes an attempt back that was allowed, since it was no miss.
    pub(crate) fn forgive(&mut self, address: &str) {
        self.all = self.all.saturating_sub(1);
        if let Some(count) = self.each.get_mut(&network(address)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Counts an attempt; `false` when it is one too many.
    pub(crate) fn allows(&mut self, address: &str, now: Duration) -> bool {
        if now.saturating_sub(self.began) >= self.limits.window {
            *self = Self {
                began: now,
                ..Self::within(self.limits)
            };
        }
        self.all = self.all.saturating_add(1);
        if self.all > self.limits.all_max {
            return false;
        }
        let network = network(address);
        if !self.each.contains_key(&network) && self.each.len() >= ADDRESSES_MAX {
            return true;
        }
        let count = self.each.entry(network).or_default();
        *count = count.saturating_add(1);
        *count <= self.limits.each_max
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
        for _ in 0..LOGINS.each_max {
            assert!(attempts.allows("192.0.2.1", SECOND));
        }
        assert!(!attempts.allows("192.0.2.1", SECOND));
        assert!(attempts.allows("192.0.2.2", SECOND));
        assert!(attempts.allows("192.0.2.1", SECOND + LOGINS.window));
    }

    #[test]
    fn what_is_taken_back_does_not_count() {
        let mut attempts = Attempts::of_agents();
        for n in 0..2 * MISSES_OF_AGENTS.each_max {
            assert!(attempts.allows("one", SECOND), "{n}");
            attempts.forgive("one");
        }
        for n in 0..MISSES_OF_AGENTS.each_max {
            assert!(attempts.allows("one", SECOND), "{n}");
        }
        assert!(!attempts.allows("one", SECOND));
        assert!(attempts.allows("another", SECOND));
        let minute = SECOND + LOGINS.window;
        assert!(!attempts.allows("one", minute));
        assert!(attempts.allows("one", SECOND + MISSES_OF_AGENTS.window));
    }

    #[test]
    fn neighbours_of_an_ipv6_address_count_as_one() {
        let mut attempts = Attempts::default();
        for n in 0..LOGINS.each_max {
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
        assert_eq!(allowed, LOGINS.all_max as usize);
        assert!(attempts.each.len() <= ADDRESSES_MAX);
    }
}
