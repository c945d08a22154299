//! One attempt at the run, call by call.

use super::product::{Fate, Request};
use super::state::{Run, State, Status, StepRecord, StepState, Time, Token};
use super::{Action, Check, Fence, Guards, LEASE, SETTLES};

/// What a worker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum At {
    /// Nothing before this moment: the message is with the queue.
    Asleep {
        /// When it is delivered at the earliest.
        until: Time,
    },
    /// The message is dealt with.
    Gone,
    /// Takes the lease, with the clock as it was read.
    Leasing(Time),
    /// Reads the steps.
    Reading,
    /// Asks the product, with the clock as it was read.
    Asking(Time),
    /// Was told "not found" and is yet to look at the clock.
    Doubting,
    /// Writes that the step was begun, with the clock as it was read.
    Starting(Time),
    /// Looks at the clock and sends, given what the step's record tells.
    Sending(Time),
    /// Looked at the clock and sends.
    Sent,
    /// Waits for the answer to a call.
    Waiting(usize),
    /// Writes that the step is done.
    Recording(usize),
    /// Writes that the product refused, or was busy.
    Telling(StepState),
    /// Gives the lease back.
    Releasing(Status),
}

/// A function at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Worker {
    /// What it does next.
    pub at: At,
    /// Its lease.
    pub token: Option<Token>,
    /// When its lease passes, as it believes.
    pub until: Time,
    /// The step as it last read or wrote it.
    pub seen: Option<StepRecord>,
}

impl Worker {
    pub(crate) const NEW: Self = Self { at: At::Asleep { until: 0 }, token: None, until: 0, seen: None };

    pub(crate) fn actions(&self, state: &State, w: usize, fair: bool, actions: &mut Vec<Action>) {
        match self.at {
            At::Gone => return,
            At::Asleep { until } => {
                // A delivery while the run is leased changes nothing and comes again.
                let free = state.run.is_none_or(|run| run.until.is_none_or(|u| u < state.now));
                if until <= state.now && free {
                    actions.push(Action::Deliver(w));
                }
                return;
            }
            At::Waiting(r) => {
                if state.requests[r].answered() {
                    actions.push(Action::Call(w));
                }
                if state.faults > 0 || state.requests[r].fate == Fate::Lost {
                    actions.push(Action::GiveUp(w));
                }
            }
            At::Sending(_) | At::Sent | At::Doubting => {
                actions.push(Action::Call(w));
                if state.faults > 0 && self.at != At::Doubting {
                    actions.push(Action::PutOff(w));
                    if !fair {
                        actions.push(Action::Refuse(w));
                    }
                }
            }
            At::Leasing(_) | At::Reading | At::Asking(_) | At::Starting(_) => {
                self.fallible(state, w, actions)
            }
            At::Recording(_) | At::Telling(_) | At::Releasing(_) => self.fallible(state, w, actions),
        }
        if state.faults > 0 {
            actions.push(Action::Crash(w));
        }
    }

    fn fallible(&self, state: &State, w: usize, actions: &mut Vec<Action>) {
        actions.push(Action::Call(w));
        if state.faults > 0 {
            actions.push(Action::LoseCall(w));
            if !matches!(self.at, At::Reading | At::Asking(_)) {
                actions.push(Action::LoseAnswer(w));
            }
        }
    }
}

impl State {
    pub(crate) fn deliver(&mut self, w: usize) {
        self.workers[w] = Worker { at: At::Leasing(self.now), ..Worker::NEW };
    }

    /// A worker whose call failed: within a step it gives the lease back, else it just ends.
    pub(crate) fn lose(&mut self, w: usize) {
        match self.workers[w].at {
            At::Asking(_) | At::Starting(_) | At::Recording(_) | At::Telling(_) => {
                self.workers[w].at = At::Releasing(Status::Running);
            }
            _ => self.sleep(w),
        }
    }

    /// Waits no longer. Where the call was lost that is no further fault.
    pub(crate) fn give_up(&mut self, w: usize) {
        if let At::Waiting(r) = self.workers[w].at
            && self.requests[r].fate != Fate::Lost
        {
            self.faults -= 1;
        }
        self.workers[w].at = At::Releasing(Status::Running);
    }

    pub(crate) fn call(&mut self, w: usize, guards: &Guards) {
        let now = self.now;
        match self.workers[w].at {
            At::Asleep { .. } | At::Gone => {}
            At::Leasing(clock) => self.lease(w, clock),
            At::Reading => {
                let step = self.step;
                self.workers[w].seen = step;
                self.workers[w].at = match step.map(|s| s.state) {
                    Some(StepState::Done(_)) => At::Releasing(Status::Completed),
                    _ if guards.ask_first => At::Asking(now),
                    _ => At::Starting(now),
                };
            }
            At::Asking(clock) => {
                let found = self.requests.iter().position(|r| r.fate == Fate::Shown);
                self.workers[w].at = match found {
                    Some(id) => At::Recording(id),
                    None if guards.clock_before_asking => self.believe(w, clock, guards),
                    None => At::Doubting,
                };
            }
            At::Doubting => self.workers[w].at = self.believe(w, now, guards),
            At::Starting(clock) => {
                let done = At::Sending(clock);
                self.record(w, StepState::Started, clock, guards, done);
            }
            At::Sending(recorded_at) => {
                let late = match guards.check {
                    Check::None => false,
                    Check::Lease => self.workers[w].until < now,
                    Check::Fresh(most) => recorded_at + most < now,
                };
                match (late, guards.check_and_send_at_once) {
                    (true, _) => self.workers[w].at = At::Releasing(Status::Running),
                    (false, true) => self.send(w),
                    (false, false) => self.workers[w].at = At::Sent,
                }
            }
            At::Sent => self.send(w),
            At::Waiting(r) => {
                // A repetition is answered with the record that stands.
                let first = self.requests.iter().position(Request::landed);
                let repeated = self.requests[r].fate == Fate::Repeated;
                self.workers[w].at = At::Recording(first.filter(|_| repeated).unwrap_or(r));
            }
            At::Recording(id) => {
                self.record(w, StepState::Done(id), now, guards, At::Releasing(Status::Completed));
            }
            At::Telling(what) => {
                let held = if what == StepState::Refused { Status::Held } else { Status::Running };
                self.record(w, what, now, guards, At::Releasing(held));
            }
            At::Releasing(status) => self.release(w, status),
        }
    }

    /// Whether "not found" as of a moment means that nothing was made.
    fn believe(&self, w: usize, clock: Time, guards: &Guards) -> At {
        let begun = self.workers[w].seen.filter(|s| s.state == StepState::Started);
        match begun {
            Some(step) if guards.settle_wait && clock < step.recorded_at + guards.wait() => {
                At::Releasing(Status::Running)
            }
            _ => At::Starting(self.now),
        }
    }

    fn lease(&mut self, w: usize, clock: Time) {
        let free = self.run.is_none_or(|run| run.until.is_some_and(|until| until < clock));
        if !free {
            match self.completed() {
                true => self.workers[w] = Worker { at: At::Gone, ..Worker::NEW },
                false => self.sleep(w),
            }
            return;
        }
        let token = self.fresh_token();
        let until = clock + LEASE;
        self.run = Some(Run { lease: token, until: Some(until), status: Status::Running });
        self.workers[w] = Worker { at: At::Reading, token: Some(token), until, seen: None };
    }

    /// Writes the step over what this worker read, if that still stands.
    fn record(&mut self, w: usize, state: StepState, clock: Time, guards: &Guards, then: At) {
        let Some(lease) = self.workers[w].token else { return };
        let (is, was) = (self.step, self.workers[w].seen);
        let stands = match guards.fence {
            Fence::None => true,
            Fence::Lease => is.map(|s| s.lease) == was.map(|s| s.lease),
            Fence::LeaseAndState => is.map(|s| (s.lease, s.state)) == was.map(|s| (s.lease, s.state)),
        };
        if !stands {
            self.workers[w].at = At::Releasing(Status::Running);
            return;
        }
        let record = StepRecord { state, lease, recorded_at: clock };
        self.step = Some(record);
        self.workers[w].seen = Some(record);
        self.workers[w].at = then;
    }

    fn send(&mut self, w: usize) {
        let Some(lease) = self.workers[w].token else { return };
        self.requests.push(Request { fate: Fate::Flying, settled: self.now + SETTLES, lease });
        self.workers[w].at = At::Waiting(self.requests.len() - 1);
    }

    fn release(&mut self, w: usize, status: Status) {
        let mine = self.workers[w].token;
        if let Some(run) = self.run.as_mut().filter(|run| Some(run.lease) == mine) {
            run.status = status;
            run.until = (status != Status::Completed).then_some(self.now - 1);
        } else {
            // Taken over: the message comes again and finds what the other one left.
            self.sleep(w);
            return;
        }
        match status {
            Status::Running => self.sleep(w),
            Status::Held | Status::Completed => self.workers[w] = Worker { at: At::Gone, ..Worker::NEW },
        }
    }
}
