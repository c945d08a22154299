//! The product's side: calls that land late, and a search that lags.

use super::Action;
use super::state::{Time, Token};

/// How far a call got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Under way.
    Flying,
    /// It made its record; a search does not find it yet.
    Landed,
    /// It made its record, and a search finds it.
    Shown,
    /// It came second to a product that keeps our ID unique.
    Repeated,
    /// It never arrived.
    Lost,
}

/// A call that was sent. Its place in the list is the ID of the record that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Request {
    /// How far it got.
    pub fate: Fate,
    /// When it is decided: before this moment it is found, or never will be.
    pub settled: Time,
    /// The lease under which it was sent.
    pub lease: Token,
}

impl Request {
    /// Whether it made its record.
    #[must_use]
    pub fn landed(&self) -> bool {
        matches!(self.fate, Fate::Landed | Fate::Shown)
    }

    /// Whether its answer is there.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.landed() || self.fate == Fate::Repeated
    }

    /// Whether time may reach a moment with this call as it is.
    pub(crate) fn lets_pass(&self, moment: Time) -> bool {
        matches!(self.fate, Fate::Shown | Fate::Repeated | Fate::Lost) || moment < self.settled
    }

    pub(crate) fn actions(&self, r: usize, faults_left: bool, actions: &mut Vec<Action>) {
        match self.fate {
            Fate::Flying => {
                actions.push(Action::Land(r));
                if faults_left {
                    actions.push(Action::Vanish(r));
                }
            }
            Fate::Landed => actions.push(Action::Show(r)),
            Fate::Shown | Fate::Repeated | Fate::Lost => {}
        }
    }
}
