//! How the events of an engagement are decided.

use domain::Engagement;
use domain::decision::Decision;
use events::Envelope;

/// What an event does to an engagement as it stands.
pub type Decide<'a> = dyn Fn(Option<&Engagement>, &Envelope) -> Decision + Sync + 'a;

/// What becomes of a decision's lines, on the engagement as it stood: held, or ready and asked for.
pub type Ready<'a> = dyn Fn(Decision, Option<&Engagement>) -> Decision + Sync + 'a;

/// A decision in two halves: the correction of an entry is decided as the entry, and its own line is looked at.
#[derive(Clone, Copy)]
pub struct Deciding<'a> {
    /// What an event does.
    pub decide: &'a Decide<'a>,
    /// What becomes of its lines.
    pub ready: &'a Ready<'a>,
}

impl Deciding<'_> {
    /// Both.
    pub(crate) fn on(&self, state: Option<&Engagement>, event: &Envelope) -> Decision {
        (self.ready)((self.decide)(state, event), state)
    }
}
