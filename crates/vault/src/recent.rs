//! What was read or opened lately: bounded in number and in age, forgotten at once when somebody says so.
//!
//! A cache with a clock of its own could not be tested, and one that only bounds its size would keep an opened key for
//! ever. What is being read while it is forgotten is not remembered: the reader may have seen the state of before.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::Clock;

/// Values by key, each for a limited time.
pub(crate) struct Recent<K, V> {
    entries: Cache<K, Aged<V>>,
    age_max: Duration,
    clock: Arc<dyn Clock>,
    /// How often something was forgotten.
    forgotten: AtomicU64,
}

#[derive(Clone)]
struct Aged<V> {
    since: Duration,
    value: V,
}

/// Taken before a value is read that will be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl<K: Eq + Hash + Clone, V: Clone> Recent<K, V> {
    pub(crate) fn new(count_max: usize, age_max: Duration, clock: Arc<dyn Clock>) -> Self {
        Self {
            entries: Cache::new(count_max),
            age_max,
            clock,
            forgotten: AtomicU64::new(0),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let aged = self.entries.get(key)?;
        self.is_young(&aged).then_some(aged.value)
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(self.forgotten.load(Ordering::SeqCst))
    }

    /// Remembers what was read since `mark`, unless something was forgotten meanwhile.
    pub(crate) fn insert(&self, mark: Mark, key: K, value: V) {
        if self.mark() != mark {
            return;
        }
        let since = self.clock.monotonic();
        self.entries.insert(key.clone(), Aged { since, value });
        // Whoever forgets counts first and removes then, so that one of the two removes what must not stay.
        if self.mark() != mark {
            self.entries.remove(&key);
        }
    }

    pub(crate) fn forget(&self, key: &K) -> Option<V> {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.entries.remove(key).map(|(_, aged)| aged.value)
    }

    pub(crate) fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.entries.clear();
    }

    /// Lets go of what nobody may get any more: an entry that nobody asks for would stay otherwise.
    pub(crate) fn drop_old(&self) {
        self.entries.retain(|_, aged| self.is_young(aged));
    }

    fn is_young(&self, aged: &Aged<V>) -> bool {
        self.clock.monotonic().saturating_sub(aged.since) < self.age_max
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use jiff::Timestamp;

    use super::*;

    #[derive(Default)]
    struct Stopped(Mutex<Duration>);

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }
    }

    fn recent(count_max: usize) -> (Arc<Stopped>, Recent<u32, Arc<str>>) {
        let clock = Arc::new(Stopped::default());
        let age_max = Duration::from_secs(300);
        (
            Arc::clone(&clock),
            Recent::new(count_max, age_max, clock as Arc<dyn Clock>),
        )
    }

    #[test]
    fn what_is_too_old_is_not_answered_and_not_kept() {
        let (clock, recent) = recent(10);
        let value: Arc<str> = "opened".into();
        recent.insert(recent.mark(), 1, Arc::clone(&value));
        *clock.0.lock().unwrap() = Duration::from_secs(299);
        assert!(recent.get(&1).is_some());
        *clock.0.lock().unwrap() = Duration::from_secs(300);
        assert!(recent.get(&1).is_none());
        recent.drop_old();
        assert_eq!(Arc::strong_count(&value), 1, "the value is still held");
    }

    #[test]
    fn what_is_forgotten_is_gone_at_once() {
        let (_, recent) = recent(10);
        let value: Arc<str> = "opened".into();
        recent.insert(recent.mark(), 1, Arc::clone(&value));
        recent.insert(recent.mark(), 2, Arc::clone(&value));
        assert!(recent.forget(&1).is_some());
        assert!(recent.get(&1).is_none());
        assert!(recent.get(&2).is_some());
        recent.forget_all();
        assert!(recent.get(&2).is_none());
        assert_eq!(Arc::strong_count(&value), 1, "the value is still held");
    }

    /// A reader that was under way when a subject was erased would bring its keys back.
    #[test]
    fn what_was_read_before_it_was_forgotten_is_not_remembered() {
        let (_, recent) = recent(10);
        let mark = recent.mark();
        recent.forget(&1);
        recent.insert(mark, 1, "opened".into());
        assert!(recent.get(&1).is_none());
        recent.insert(recent.mark(), 1, "opened".into());
        assert!(recent.get(&1).is_some());
    }

    #[test]
    fn it_holds_no_more_than_it_may() {
        let (_, recent) = recent(100);
        for key in 0..10_000 {
            recent.insert(recent.mark(), key, "opened".into());
        }
        let held = (0..10_000).filter(|key| recent.get(key).is_some()).count();
        assert!((1..=100).contains(&held), "{held}");
    }
}
