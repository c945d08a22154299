//! One thread, one seed, one history: tasks that take turns, a clock that only moves when nobody
//! can go on, and faults at every call that leaves a function.

mod aim;
mod fault;
mod scheduler;
mod tally;

pub(crate) use aim::Aims;
pub use aim::{Aim, Call, Target};
pub(crate) use fault::Plan;
pub use fault::{Fault, Place};
pub use tally::Tally;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use workflow::Clock;

/// Something that goes on by itself until it ends, or is killed.
pub(crate) type Going = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Turns that a history may take before it counts as one that never ends.
const MOST_TURNS: u64 = 5_000_000;

/// The engine of one history. Everything in it follows from its seed.
pub(crate) struct Sim {
    state: Mutex<State>,
    begun: tokio::time::Instant,
    epoch: Timestamp,
}

struct State {
    rng: fastrand::Rng,
    plan: Plan,
    calm: bool,
    killed: bool,
    quiet: bool,
    current: u64,
    turns: u64,
    spawned: Vec<Going>,
    tally: Tally,
    aims: Aims,
    digest: u64,
    trace: Option<Vec<String>>,
}

/// The lock of a world that has one thread is never contended; a panic elsewhere ends the history anyway.
pub(crate) fn open<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sim {
    /// The engine of a seed, beginning at a moment. Keeps its history in words where `traced`.
    pub(crate) fn new(seed: u64, epoch: Timestamp, traced: bool) -> Arc<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let plan = Plan::draw(&mut rng);
        Self::with(rng, plan, epoch, (traced, false))
    }

    /// An engine in which nothing goes wrong but what is aimed at.
    pub(crate) fn quiet(epoch: Timestamp, traced: bool) -> Arc<Self> {
        Self::with(fastrand::Rng::with_seed(1), Plan::quiet(), epoch, (traced, true))
    }

    fn with(rng: fastrand::Rng, plan: Plan, epoch: Timestamp, (traced, quiet): (bool, bool)) -> Arc<Self> {
        let state = State {
            plan,
            rng,
            calm: false,
            killed: false,
            quiet,
            current: 0,
            turns: 0,
            spawned: Vec::new(),
            tally: Tally::default(),
            aims: Aims::default(),
            digest: 0xcbf2_9ce4_8422_2325,
            trace: traced.then(Vec::new),
        };
        Arc::new(Self { state: Mutex::new(state), begun: tokio::time::Instant::now(), epoch })
    }

    /// The moment it is now.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.begun.elapsed()).unwrap_or_default();
        self.epoch.saturating_add(passed).unwrap_or(self.epoch)
    }

    /// A number below `n`.
    pub(crate) fn below(&self, n: u64) -> u64 {
        open(&self.state).rng.u64(0..n.max(1))
    }

    /// Whether nothing goes wrong but what is aimed at: then what is tried must happen every time.
    pub(crate) fn is_quiet(&self) -> bool {
        open(&self.state).quiet
    }

    /// Whether one of `n` equally likely things is the case.
    pub(crate) fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of several.
    pub(crate) fn any<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)]
    }

    /// Waits for some time between two bounds in seconds.
    pub(crate) async fn wait(&self, from: u64, to: u64) {
        let seconds = from + self.below(to.saturating_sub(from) + 1);
        let millis = self.below(1_000);
        tokio::time::sleep(Duration::from_millis(seconds * 1_000 + millis)).await;
    }

    /// Lets something go on beside everything else.
    pub(crate) fn spawn(&self, going: impl Future<Output = ()> + Send + 'static) {
        open(&self.state).spawned.push(Box::pin(going));
    }

    /// The process that runs now is one of a function.
    pub(crate) fn is_process_of(&self, function: &'static str) {
        let mut state = open(&self.state);
        let current = state.current;
        state.aims.process(current, function);
    }

    /// Takes aim: nothing but this goes wrong from now on, apart from what the plan draws.
    pub(crate) fn aim(&self, aims: Vec<Aim>) {
        open(&self.state).aims.take(aims);
    }

    /// How often something aimed at went wrong.
    pub(crate) fn hits(&self) -> u32 {
        open(&self.state).aims.hits()
    }

    /// The calls that each process made, in order.
    pub(crate) fn calls(&self) -> Vec<(&'static str, Vec<Call>)> {
        open(&self.state).aims.calls()
    }

    /// From now on nothing goes wrong any more: what is left must end well by itself.
    pub(crate) fn calm_down(&self) {
        open(&self.state).calm = true;
    }

    /// Whether a fault happens here and now; counted and remembered where it does.
    pub(crate) fn strikes(&self, fault: Fault, place: Place) -> bool {
        let mut state = open(&self.state);
        let current = state.current;
        if state.aims.hit(current, fault, place) {
            state.tally.count(fault, place);
            drop(state);
            self.note(|| format!("! {} at {}, as aimed", fault.name(), place.name()));
            return true;
        }
        if state.calm {
            return false;
        }
        let rate = state.plan.rate(fault);
        if rate == 0 || state.rng.u32(0..10_000) >= rate {
            return false;
        }
        state.tally.count(fault, place);
        drop(state);
        self.note(|| format!("! {} at {}", fault.name(), place.name()));
        true
    }

    /// Whether a product is out of reach for hours, and this call meets it so.
    pub(crate) fn is_down(&self, connection: &str, place: Place) -> bool {
        let second = self.begun.elapsed().as_secs();
        let mut state = open(&self.state);
        let down = !state.calm && state.plan.is_down(connection, second);
        if down {
            state.tally.count(Fault::Down, place);
        }
        down
    }

    /// Adds to the history.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        let now = self.now();
        let mut state = open(&self.state);
        let task = state.current;
        if state.trace.is_some() {
            let line = format!("{} task {task}: {}", now.strftime("%m-%d %H:%M:%S%.3f"), what());
            if let Some(trace) = &mut state.trace {
                trace.push(line);
            }
        }
    }

    /// Mixes something into the digest by which two histories are compared.
    fn digest(&self, value: u64) {
        let mut state = open(&self.state);
        state.digest = (state.digest ^ value).wrapping_mul(0x0000_0100_0000_01b3);
    }

    /// Before a call leaves a function: others may go first, time may pass, the process may die.
    pub(crate) async fn reach(&self, place: Place) {
        self.digest(place as u64);
        let call = {
            let mut state = open(&self.state);
            let current = state.current;
            state.aims.called(current, place)
        };
        self.give_way().await;
        self.goes_on_with(call);
        if self.strikes(Fault::Slow, place) {
            tokio::time::sleep(Duration::from_millis(20 + self.below(15_000))).await;
        }
        if place.may_freeze() && self.strikes(Fault::Frozen, place) {
            tokio::time::sleep(Duration::from_secs(60 + self.below(1_200))).await;
        }
        self.goes_on_with(call);
        if self.strikes(Fault::CrashBefore, place) {
            self.die().await;
        }
    }

    /// A process may have several calls under way: from here on, until it waits, it is this one.
    fn goes_on_with(&self, call: usize) {
        let mut state = open(&self.state);
        let current = state.current;
        state.aims.goes_on_with(current, call);
    }

    /// After the call had its effect and before its answer is seen.
    pub(crate) async fn answered(&self, place: Place) {
        if self.strikes(Fault::CrashAfter, place) {
            self.die().await;
        }
        if place.may_freeze() && self.strikes(Fault::Frozen, place) {
            tokio::time::sleep(Duration::from_secs(1 + self.below(1_200))).await;
        }
    }

    /// The process that is running ends here, whatever it was about to do.
    async fn die(&self) {
        open(&self.state).killed = true;
        std::future::pending::<()>().await;
    }

    /// What happened, in numbers.
    pub(crate) fn tally(&self) -> Tally {
        open(&self.state).tally.clone()
    }

    /// By what two histories are compared.
    pub(crate) fn fingerprint(&self) -> u64 {
        open(&self.state).digest
    }

    /// The history in words, where it was kept.
    pub(crate) fn trace(&self) -> Vec<String> {
        open(&self.state).trace.clone().unwrap_or_default()
    }
}

/// A function's clock: near the truth, as clocks of machines are, and set right now and then.
pub(crate) struct NearClock {
    sim: Arc<Sim>,
    off: Mutex<SignedDuration>,
}

impl NearClock {
    pub(crate) fn new(sim: &Arc<Sim>) -> Self {
        Self { sim: Arc::clone(sim), off: Mutex::default() }
    }
}

impl Clock for NearClock {
    fn now(&self) -> Timestamp {
        if self.sim.strikes(Fault::ClockOff, Place::Clock) {
            let millis = i64::try_from(self.sim.below(4_000)).unwrap_or(0) - 2_000;
            *open(&self.off) = SignedDuration::from_millis(millis);
        }
        self.sim.now().saturating_add(*open(&self.off)).unwrap_or(Timestamp::MAX)
    }
}
