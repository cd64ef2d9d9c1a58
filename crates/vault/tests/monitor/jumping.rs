//! A clock that jumps, back and far ahead, while people wait: what cannot be brought back waits for a clock that can be believed,
//! and everything happens once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use privet_classify::DataMap;
use privet_store::MemoryStores;
use privet_vault::audit::EntryKind;
use privet_vault::subject_request::{FileRange, RequestRun, SubjectRequestState};
use privet_vault::{Clock, SubjectRequestId, Vault};

use crate::bed::{Bed, HandClock, MAP, hand_clock, parts, root};
use crate::copies::{CONTROLLER, Places};
use crate::copying::{ask, collected, files_left, run, state};
use crate::engine::new_stores;
use crate::requesting::{asked, erased, is_known, later};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const DAY_SECONDS: i64 = 24 * 3_600;
const YEARS_AHEAD: i64 = 20 * 365 * DAY_SECONDS;

/// The wall clock alone can be moved.
struct JumpingClock {
    hand: Arc<HandClock>,
    seconds: AtomicI64,
}

impl JumpingClock {
    /// Puts it so far from where it should be.
    fn jump(&self, seconds: i64) {
        self.seconds.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        self.hand.now() + SignedDuration::from_secs(self.seconds.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        self.hand.monotonic()
    }
}

/// Stores, and a clock that jumps, for servers that start again.
struct World {
    stores: MemoryStores,
    clock: Arc<JumpingClock>,
    places: Places,
}

impl World {
    async fn new() -> Self {
        let clock = JumpingClock {
            hand: hand_clock(),
            seconds: AtomicI64::new(0),
        };
        Self {
            stores: new_stores().await,
            clock: Arc::new(clock),
            places: Places::new(),
        }
    }

    async fn start(&self) -> Bed {
        let mut parts = parts(&self.stores, &self.clock.hand, "test", root());
        parts.map = DataMap::parse(&format!("{CONTROLLER}{MAP}")).unwrap();
        parts.clock = self.clock.clone();
        let vault = Vault::start(parts).await.unwrap();
        vault.make_copies(self.places.parts(None));
        Bed {
            vault,
            clock: self.clock.hand.clone(),
            stores: self.stores.clone(),
        }
    }

    async fn restart(&self, bed: Bed) -> Bed {
        bed.vault.stop().await;
        drop(bed);
        self.start().await
    }
}

#[tokio::test]
async fn a_clock_that_jumps_erases_nobody_and_a_year_later_everybody_is_erased_once() {
    let world = World::new().await;
    let (bed, clock) = (world.start().await, &world.clock);
    let operator = bed.caller("operator").await;
    let subject = bed.subject("ada@example.com").await;
    let id = asked(&bed, &operator, &subject).await;

    // Back: the log takes no entries, so that nothing is done at all.
    clock.jump(-10 * DAY_SECONDS);
    bed.vault.run_requests(&operator).await.unwrap_err();
    assert_eq!(state(&bed, id).await, SubjectRequestState::Cooling);
    // Forward, with the clock alone: it may be what is wrong.
    clock.jump(20 * DAY_SECONDS);
    let run = bed.vault.run_requests(&operator).await.unwrap();
    assert_eq!(run, RequestRun::default());
    assert!(is_known(&bed.stores, &subject).await);
    // The same while the time passed.
    clock.jump(0);
    later(&bed, 21 * DAY).await;
    let run = bed.vault.run_requests(&operator).await.unwrap();
    assert_eq!(run, erased(1));
    assert_eq!(bed.count(EntryKind::ErasureDone).await, 1);
}

/// Where these requests stand.
async fn states<const N: usize>(
    bed: &Bed,
    requests: [SubjectRequestId; N],
) -> [SubjectRequestState; N] {
    let mut states = [SubjectRequestState::Waiting; N];
    for (state_of, request) in states.iter_mut().zip(requests) {
        *state_of = state(bed, request).await;
    }
    states
}

/// Runs what is due until the requests stand so: a server that starts does by itself what it finds.
async fn until<const N: usize>(
    bed: &Bed,
    requests: [SubjectRequestId; N],
    wanted: [SubjectRequestState; N],
) {
    let patience = Instant::now() + Duration::from_secs(120);
    while states(bed, requests).await != wanted {
        let states = states(bed, requests).await;
        assert!(Instant::now() < patience, "{states:?}");
        run(bed).await;
    }
}

#[tokio::test]
async fn a_clock_that_jumps_ends_no_file_and_makes_each_copy_once() {
    use SubjectRequestState::{Expired, Ready, Waiting};
    let world = World::new().await;
    let (bed, clock) = (world.start().await, &world.clock);
    let [ada, bob] = ["ada@example.com", "bob@example.com"];
    let (ada, bob) = (bed.subject(ada).await, bed.subject(bob).await);
    let made = ask(&bed, &ada).await;
    assert_eq!(run(&bed).await, collected(1));
    let waits = ask(&bed, &bob).await;
    let (job, operator) = (bed.caller("job").await, bed.caller("operator").await);

    // Back: nothing is made, handed out or deleted.
    clock.jump(-100 * DAY_SECONDS);
    let refusal = bed.vault.run_requests(&operator).await.unwrap_err();
    assert_eq!(refusal.code(), "audit_clock");
    let read = bed.vault.request_file(&job, made, FileRange::Whole);
    assert_eq!(read.await.unwrap_err().code(), "audit_clock");
    assert_eq!(states(&bed, [made, waits]).await, [Ready, Waiting]);

    // Far ahead: what harms nobody is done, and no file is deleted whose time would be over.
    clock.jump(YEARS_AHEAD);
    for expected in [collected(1), RequestRun::default()] {
        assert_eq!(run(&bed).await, expected);
    }
    assert_eq!(states(&bed, [made, waits]).await, [Ready, Ready]);
    assert_eq!(files_left(&world.places).await, 2);

    // As soon as the time that the log has seen has come, each ends once, on its day.
    clock.jump(0);
    bed.vault.run_requests(&operator).await.unwrap_err();
    clock
        .hand
        .advance(Duration::from_secs(YEARS_AHEAD.unsigned_abs() + 60));
    let bed = world.restart(bed).await;
    until(&bed, [made, waits], [Expired, Ready]).await;
    later(&bed, 30 * DAY).await;
    until(&bed, [made, waits], [Expired, Expired]).await;
    assert_eq!(files_left(&world.places).await, 0);
    assert_eq!(bed.count(EntryKind::RequestExpired).await, 2);
    assert_eq!(bed.count(EntryKind::RequestCollecting).await, 2);
}

/// A machine that starts in the wrong year: the silence of its log tells.
#[tokio::test]
async fn a_server_that_starts_far_ahead_ends_nothing_until_it_is_started_once_more() {
    use SubjectRequestState::{Cooling, Done, Expired, Ready};
    let world = World::new().await;
    let (bed, clock) = (world.start().await, &world.clock);
    let [ada, bob] = ["ada@example.com", "bob@example.com"];
    let (ada, bob) = (bed.subject(ada).await, bed.subject(bob).await);
    let made = ask(&bed, &ada).await;
    assert_eq!(run(&bed).await, collected(1));
    let operator = bed.caller("operator").await;
    let leaves = asked(&bed, &operator, &bob).await;

    bed.vault.stop().await;
    drop(bed);
    clock.jump(YEARS_AHEAD);
    let bed = world.start().await;
    for _ in 0..2 {
        assert_eq!(run(&bed).await, RequestRun::default());
    }
    assert_eq!(states(&bed, [made, leaves]).await, [Ready, Cooling]);
    assert!(is_known(&bed.stores, &bob).await);
    assert_eq!(files_left(&world.places).await, 1);

    // Whoever looked at the clock and starts it once more means it.
    let bed = world.restart(bed).await;
    until(&bed, [made, leaves], [Expired, Done]).await;
    assert!(!is_known(&bed.stores, &bob).await);
    assert_eq!(bed.count(EntryKind::ErasureDone).await, 1);
}
