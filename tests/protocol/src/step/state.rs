//! What the table, the product and the workers hold at one moment.

use super::product::Request;
use super::worker::{At, Worker};

/// A moment.
pub type Time = u8;
/// What fences one attempt from another. Only equality counts.
pub type Token = u8;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Somebody is at it, or will be.
    Running,
    /// It waits for a person.
    Held,
    /// It has ended.
    Completed,
}

/// The item of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Run {
    /// Who holds it.
    pub lease: Token,
    /// Free after this moment; none: never.
    pub until: Option<Time>,
    /// Where it stands.
    pub status: Status,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepState {
    /// It may have been sent.
    Started,
    /// It made this record.
    Done(usize),
    /// The product refused it.
    Refused,
    /// The product was busy: nothing happened there.
    Waiting,
}

/// The item of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StepRecord {
    /// Where it stands.
    pub state: StepState,
    /// The lease under which it was written.
    pub lease: Token,
    /// The moment that it tells.
    pub recorded_at: Time,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The moment.
    pub now: Time,
    /// The run's item.
    pub run: Option<Run>,
    /// The step's item.
    pub step: Option<StepRecord>,
    /// What was sent to the product.
    pub requests: Vec<Request>,
    /// Whoever is at it.
    pub workers: Vec<Worker>,
    /// Faults that may still happen.
    pub faults: u8,
}

impl State {
    pub(crate) fn new(workers: usize, faults: u8) -> Self {
        // From 1, so that there is a moment before the first.
        Self { now: 1, run: None, step: None, requests: vec![], workers: vec![Worker::NEW; workers], faults }
    }

    /// Records in the product.
    #[must_use]
    pub fn effects(&self) -> usize {
        self.requests.iter().filter(|r| r.landed()).count()
    }

    /// The record of a step that is done.
    #[must_use]
    pub fn done(&self) -> Option<usize> {
        match self.step?.state {
            StepState::Done(id) => Some(id),
            StepState::Started | StepState::Refused | StepState::Waiting => None,
        }
    }

    /// Whether the run has ended.
    #[must_use]
    pub fn completed(&self) -> bool {
        self.run.is_some_and(|run| run.status == Status::Completed)
    }

    /// Whether the run waits for a person.
    #[must_use]
    pub fn held(&self) -> bool {
        self.run.is_some_and(|run| run.status == Status::Held)
    }

    pub(crate) fn time_may_pass(&self) -> bool {
        self.requests.iter().all(|r| r.lets_pass(self.now + 1))
    }

    pub(crate) fn fault(&mut self) -> &mut Self {
        self.faults -= 1;
        self
    }

    /// The message comes again, a moment later.
    pub(crate) fn sleep(&mut self, w: usize) {
        self.workers[w] = Worker { at: At::Asleep { until: self.now + 1 }, ..Worker::NEW };
    }

    /// A token that nobody has had.
    pub(crate) fn fresh_token(&self) -> Token {
        self.tokens().into_iter().max().map_or(0, |most| most + 1)
    }

    fn tokens(&self) -> Vec<Token> {
        let mut found: Vec<Token> = Vec::new();
        found.extend(self.run.map(|r| r.lease));
        found.extend(self.step.map(|s| s.lease));
        found.extend(self.requests.iter().map(|r| r.lease));
        for worker in &self.workers {
            found.extend(worker.token);
            found.extend(worker.seen.map(|s| s.lease));
        }
        found
    }

    /// The same with the workers in a fixed order: which of them is which does not count.
    #[must_use]
    pub fn alike(&self) -> Self {
        let mut same = self.clone();
        same.workers.sort_by_key(|w| (w.at, w.until, w.seen.map(|s| (s.state, s.recorded_at))));
        same.rename_tokens();
        same
    }

    /// Numbers the tokens in the order in which they stand here: states that differ in nothing
    /// but the names of tokens are one state.
    pub(crate) fn rename_tokens(&mut self) {
        let mut order: Vec<Token> = Vec::new();
        for token in self.tokens() {
            if !order.contains(&token) {
                order.push(token);
            }
        }
        let rename = |token: &mut Token| {
            let place = order.iter().position(|known| known == token).unwrap_or_default();
            *token = Token::try_from(place).unwrap_or(Token::MAX);
        };
        self.run.iter_mut().for_each(|r| rename(&mut r.lease));
        self.step.iter_mut().for_each(|s| rename(&mut s.lease));
        self.requests.iter_mut().for_each(|r| rename(&mut r.lease));
        for worker in &mut self.workers {
            worker.token.iter_mut().for_each(rename);
            worker.seen.iter_mut().for_each(|s| rename(&mut s.lease));
        }
    }
}
