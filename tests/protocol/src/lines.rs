//! Two invoices that gather the same lines, page by page.
//!
//! The code: `collect_lines` in `shared/journal/src/ledger.rs` and `collect` in
//! `functions/invoice-requested/src/submit.rs`. An invoice's worker lists what is ready, takes a
//! page of lines in one transaction after the other, fixes the invoice and sends it. Workers die
//! between any two calls and begin again; a line may become ready at any moment. Where a second
//! worker of one invoice is let in, one of the two has outlived its lease.

use stateright::{Model, Property};

mod state;

pub use state::{At, Invoice, State, Worker};

/// Lines in one transaction.
pub(crate) const PAGE: usize = 2;

/// What keeps a line from being on two invoices, and an invoice from changing once it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Guards {
    /// A line is taken only while it is ready: ownership is its own field.
    pub line_ready: bool,
    /// A page is taken only in the version of the invoice that was read.
    pub invoice_version: bool,
    /// A worker that was overtaken and reads the invoice again looks whether it is still
    /// collecting before it goes on.
    pub collecting_again: bool,
    /// A worker whose fixing of the invoice was rejected collects again before it sends.
    pub fixed_before_sent: bool,
}

impl Guards {
    /// All of them.
    pub const ALL: Self =
        Self { line_ready: true, invoice_version: true, collecting_again: true, fixed_before_sent: true };
}

/// The model, and how much may go wrong.
#[derive(Debug, Clone, Copy)]
pub struct Protocol {
    /// What is guarded.
    pub guards: Guards,
    /// Lines that are ready from the start; one more becomes ready later.
    pub lines: usize,
    /// For each worker, the invoice it works on.
    pub workers: &'static [usize],
    /// Crashes on one path.
    pub faults: u8,
}

/// What can happen next. The number is the worker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A worker's next call happens.
    Call(usize),
    /// A worker dies; its message comes again.
    Die(usize),
    /// One more line becomes ready.
    Ready,
}

/// No line is billed twice.
pub const ONE_OWNER: &str = "a line is on one invoice at most, once";
/// What was sent is what stands.
pub const SENT_IS_OWNED: &str = "an invoice that was sent holds the lines that it owns";
/// No line is forgotten.
pub const ALL_SENT: &str = "when all is quiet every line from the start was sent";

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (w, worker) in state.workers.iter().enumerate() {
            if worker.at != At::Gone {
                actions.push(Action::Call(w));
                if state.faults > 0 && worker.at != At::Beginning {
                    actions.push(Action::Die(w));
                }
            }
        }
        if state.lines.len() == self.lines {
            actions.push(Action::Ready);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Call(w) => state.call(w, &self.guards),
            Action::Die(w) => {
                state.faults -= 1;
                state.workers[w].at = At::Beginning;
            }
            Action::Ready => state.lines.push(None),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_OWNER, |_, s: &State| s.each_line_has_one_owner()),
            Property::always(SENT_IS_OWNED, |_, s: &State| {
                s.invoices.iter().all(|i| i.sent.as_ref().is_none_or(|sent| *sent == i.owned()))
            }),
            Property::always(ALL_SENT, |p: &Self, s: &State| {
                let sent =
                    |line| s.invoices.iter().any(|i| i.sent.as_ref().is_some_and(|l| l.contains(&line)));
                !s.is_quiet() || (0..p.lines).all(sent)
            }),
            // The model is not one in which one invoice always takes all.
            Property::sometimes("both invoices are sent with lines", |_, s: &State| {
                s.invoices.iter().all(|i| i.sent.as_ref().is_some_and(|lines| !lines.is_empty()))
            }),
            Property::sometimes("the late line waits for the next invoice", |p: &Self, s: &State| {
                s.is_quiet() && s.lines.get(p.lines) == Some(&None)
            }),
        ]
    }
}
