//! One step of a workflow, sent to a product that makes another record each time it is asked.
//!
//! The code: `shared/journal/src/workflows.rs` (lease, steps, record, release) and
//! `shared/workflow/src/run.rs` (ask first, wait until it is settled, check, send). Each worker
//! is a Lambda function that a message was delivered to; several may be at one run, because a
//! message comes again while whoever had it still lives. A worker that is not chosen for a
//! while is a suspended one: it goes on later with whatever it knew, which makes any of them
//! the zombie. Every call to the journal or the product is one action, and each may be lost
//! before or after its effect.
//!
//! Time is a small number. Two of our clocks are taken to agree.

use stateright::{Model, Property};

mod product;
mod state;
mod worker;

pub use product::{Fate, Request};
pub use state::{Run, State, Status, StepRecord, StepState, Time, Token};
pub use worker::{At, Worker};

/// How long a lease lasts.
pub(crate) const LEASE: Time = 2;
/// How long after it was sent a record may still be made, or not be found yet.
pub(crate) const SETTLES: Time = 2;

/// What a worker looks at between recording that a step is sent and sending it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Nothing.
    None,
    /// Whether its lease still stands.
    Lease,
    /// Whether that record is not older than this. Whoever comes next waits as much longer. (The
    /// code looks at its lease too; here that would only take ways away.)
    Fresh(Time),
}

/// What must still be as it was read for a step to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// Nothing.
    None,
    /// The lease under which the step was written.
    Lease,
    /// That, and where the step stands: a begun step and a done one may carry the same lease.
    LeaseAndState,
}

/// What keeps a step from having two effects, or none: the model is the protocol with all of
/// them, and a test takes out one at a time.
#[derive(Debug, Clone, Copy)]
pub struct Guards {
    /// A step is written only over what was read.
    pub fence: Fence,
    /// The product is asked before anything is sent.
    pub ask_first: bool,
    /// "Not found" is believed only when an earlier attempt's call has settled.
    pub settle_wait: bool,
    /// The clock is read before the product is asked, and not when its answer is there.
    pub clock_before_asking: bool,
    /// What is looked at before anything is sent.
    pub check: Check,
    /// That look and the call are one instant: no suspension fits in between. This is the one
    /// guard that no code can give; what it leaves open only the product's uniqueness closes.
    pub check_and_send_at_once: bool,
}

impl Guards {
    /// All of them.
    pub const ALL: Self = Self {
        fence: Fence::Lease,
        ask_first: true,
        settle_wait: true,
        clock_before_asking: true,
        check: Check::Fresh(1),
        check_and_send_at_once: true,
    };

    /// How old the record of a begun step must be for "not found" to be believed.
    pub(crate) const fn wait(&self) -> Time {
        match self.check {
            Check::Fresh(most) => SETTLES + most,
            Check::None | Check::Lease => SETTLES,
        }
    }
}

/// The product holds the effect once.
pub const ONE_RECORD: &str = "the product holds one record at most";
/// What is recorded is so.
pub const DONE_IS_TRUE: &str = "a step that is done has its record, and no other";
/// Nothing ends without its effect.
pub const COMPLETED_IS_DONE: &str = "a run that has completed has its step done";
/// Nothing waits for ever.
pub const COMPLETES: &str = "every run completes in the end";

/// The model, and how far it is followed.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// What is guarded.
    pub guards: Guards,
    /// Workers that may be at the run at once.
    pub workers: usize,
    /// Whether the product keeps our ID unique and answers a repetition with what stands.
    pub unique: bool,
    /// Crashes, lost calls, lost answers, refusals and time-outs on one path.
    pub faults: u8,
    /// The last moment.
    pub horizon: Time,
    /// Time passes only when nobody has anything to do: nobody is suspended. Only then can be
    /// asked whether the step ends up done. (The product refuses nothing then.)
    pub fair: bool,
}

/// What can happen next. The number is the worker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The message is delivered to a worker.
    Deliver(usize),
    /// The worker's next call happens and is answered.
    Call(usize),
    /// The worker's next call never arrives.
    LoseCall(usize),
    /// The worker's next call has its effect and the answer is lost.
    LoseAnswer(usize),
    /// The worker dies; the message comes again.
    Crash(usize),
    /// The worker does not wait any longer for the product.
    GiveUp(usize),
    /// The product refuses what the worker is about to send.
    Refuse(usize),
    /// The product is too busy for what the worker is about to send.
    PutOff(usize),
    /// A call takes effect in the product.
    Land(usize),
    /// A record is found by searching from now on.
    Show(usize),
    /// A call never takes effect.
    Vanish(usize),
    /// Time passes.
    Tick,
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.workers, self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (w, worker) in state.workers.iter().enumerate() {
            worker.actions(state, w, self.fair, actions);
        }
        for (r, request) in state.requests.iter().enumerate() {
            request.actions(r, state.faults > 0, actions);
        }
        let busy =
            actions.iter().any(|a| matches!(a, Action::Deliver(_) | Action::Call(_) | Action::GiveUp(_)));
        if state.now < self.horizon && state.time_may_pass() && !(self.fair && busy) {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Deliver(w) => state.deliver(w),
            Action::Call(w) => state.call(w, &self.guards),
            Action::LoseCall(w) => state.fault().lose(w),
            Action::LoseAnswer(w) => {
                state.call(w, &self.guards);
                state.workers[w].at = last.workers[w].at;
                state.fault().lose(w);
            }
            Action::Crash(w) => state.fault().sleep(w),
            Action::GiveUp(w) => state.give_up(w),
            Action::Refuse(w) => state.fault().workers[w].at = At::Telling(StepState::Refused),
            Action::PutOff(w) => state.fault().workers[w].at = At::Telling(StepState::Waiting),
            Action::Land(r) => {
                let repeated = self.unique && state.effects() > 0;
                state.requests[r].fate = if repeated { Fate::Repeated } else { Fate::Landed };
            }
            Action::Show(r) => state.requests[r].fate = Fate::Shown,
            Action::Vanish(r) => state.fault().requests[r].fate = Fate::Lost,
            Action::Tick => state.now += 1,
        }
        state.rename_tokens();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_RECORD, |_, s: &State| s.effects() <= 1),
            Property::always(DONE_IS_TRUE, |_, s: &State| {
                s.done().is_none_or(|id| s.effects() == 1 && s.requests[id].landed())
            }),
            Property::always(COMPLETED_IS_DONE, |_, s: &State| {
                s.run.is_none_or(|run| run.status != Status::Completed) || s.done().is_some()
            }),
            // Also shows that the model is not one in which nothing ever happens.
            Property::sometimes("the run completes", |_, s: &State| s.completed()),
            Property::sometimes("a call lands after another worker took over", |_, s: &State| {
                let leased = s.run.map(|run| run.lease);
                s.requests.iter().any(|r| r.landed() && Some(r.lease) != leased)
            }),
        ];
        if self.fair {
            // The checker's `eventually` misses ways that meet others, and cycles. It is exact
            // here: a run that completed stays so, and time makes every way end.
            properties.push(Property::eventually(COMPLETES, |_, s: &State| s.completed()));
        }
        properties
    }
}
