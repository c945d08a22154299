//! How often what happened.

use std::collections::BTreeMap;

use super::{Fault, Place};

/// How often each fault struck at each place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    struck: BTreeMap<(Fault, Place), u64>,
}

impl Tally {
    pub(super) fn count(&mut self, fault: Fault, place: Place) {
        *self.struck.entry((fault, place)).or_default() += 1;
    }

    /// Adds another history's.
    pub fn add(&mut self, other: &Self) {
        for (point, count) in &other.struck {
            *self.struck.entry(*point).or_default() += count;
        }
    }

    /// How often a fault struck at a place.
    #[must_use]
    pub fn at(&self, fault: Fault, place: Place) -> u64 {
        self.struck.get(&(fault, place)).copied().unwrap_or(0)
    }

    /// Points at which something could have gone wrong and never did: the simulator's own failure.
    #[must_use]
    pub fn untouched(&self) -> Vec<(Fault, Place)> {
        let all = Fault::ALL.iter().flat_map(|f| Place::ALL.iter().map(move |p| (*f, *p)));
        all.filter(|(f, p)| f.applies(*p) && self.at(*f, *p) == 0).collect()
    }

    /// Points that struck where they should not be possible.
    #[must_use]
    pub fn impossible(&self) -> Vec<(Fault, Place)> {
        self.struck.keys().filter(|(f, p)| !f.may_strike(*p)).copied().collect()
    }
}
