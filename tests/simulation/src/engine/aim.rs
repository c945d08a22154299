//! Faults that are aimed at one call, for going through all of them one after the other.

use std::collections::BTreeMap;

use super::{Fault, Place};

/// A call of a process: where it went, and the how manieth it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Counted from 0 in each process.
    pub number: usize,
    /// Where it went.
    pub place: Place,
}

/// What is to go wrong: at which call of which function, and in how many processes in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aim {
    /// The function.
    pub function: &'static str,
    /// Which of its calls: by number, or the first to a place.
    pub at: Target,
    /// The fault.
    pub fault: Fault,
    /// In how many processes.
    pub times: u32,
}

/// Which call of a process is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The one of this number.
    Number(usize),
    /// Any call to this place.
    Place(Place),
}

/// A process of a function.
struct Process {
    function: &'static str,
    calls: Vec<Call>,
    /// Which of its calls it is at.
    at: usize,
}

/// What is aimed at, and the calls that were made.
#[derive(Default)]
pub(crate) struct Aims {
    aims: Vec<Aim>,
    processes: BTreeMap<u64, Process>,
    hits: u32,
}

impl Aims {
    pub(super) fn take(&mut self, aims: Vec<Aim>) {
        self.aims = aims;
    }

    pub(super) fn process(&mut self, task: u64, function: &'static str) {
        self.processes.insert(task, Process { function, calls: Vec::new(), at: 0 });
    }

    /// A call begins. Gives its number.
    pub(super) fn called(&mut self, task: u64, place: Place) -> usize {
        let Some(process) = self.processes.get_mut(&task) else { return 0 };
        let number = process.calls.len();
        process.calls.push(Call { number, place });
        number
    }

    pub(super) fn goes_on_with(&mut self, task: u64, call: usize) {
        if let Some(process) = self.processes.get_mut(&task) {
            process.at = call;
        }
    }

    pub(super) fn hit(&mut self, task: u64, fault: Fault, place: Place) -> bool {
        if self.aims.is_empty() {
            return false;
        }
        let Some(process) = self.processes.get(&task) else { return false };
        let Some(call) = process.calls.get(process.at).filter(|c| c.place == place) else { return false };
        let meant = |aim: &&mut Aim| {
            aim.times > 0
                && aim.fault == fault
                && aim.function == process.function
                && match aim.at {
                    Target::Number(number) => number == call.number,
                    Target::Place(place) => place == call.place,
                }
        };
        let Some(aim) = self.aims.iter_mut().find(meant) else { return false };
        aim.times -= 1;
        self.hits += 1;
        true
    }

    pub(super) fn hits(&self) -> u32 {
        self.hits
    }

    pub(super) fn calls(&self) -> Vec<(&'static str, Vec<Call>)> {
        self.processes.values().map(|p| (p.function, p.calls.clone())).collect()
    }
}
