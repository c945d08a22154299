//! Retainers from one version of the contract to the next: what a fee of a period that has begun buys stays.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{ChangeOrder, refused};
use crate::engagement::Engagement;
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};

impl ChangeOrder {
    /// What was drawn from retainers and is beyond them once the order is in force, because it ends their fee within a
    /// period: that period buys less by then. Nothing is billed of it; a person is told what to agree on.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn overdrawn(&self, engagement: &Engagement) -> Result<Option<Problem>, MoneyError> {
        let (mut said, mut due) = (Vec::new(), Money::zero(self.from.currency));
        for terms in &self.from.retainers {
            let Some(worked) = engagement.retainers.get(&terms.charge) else { continue };
            let charges =
                self.from.recurring_charge(&terms.charge).zip(self.to.recurring_charge(&terms.charge));
            let Some((was, is)) = charges else { continue };
            let ((_, billed), (_, owed)) = (terms.beyond(was, worked)?, terms.beyond(is, worked)?);
            let more = owed.minus(billed)?;
            if more.is_positive() {
                said.push(format!(
                    "retainer {}: what was worked beyond it was billed with {billed} and comes to {owed} by the \
                     change order; {more} more",
                    terms.charge
                ));
                due = due.plus(more)?;
            }
        }
        let problem = || Problem::new(ProblemCode::RetainerOverdrawn, said.join("; ")).with_stake(due);
        Ok((!said.is_empty()).then(problem))
    }

    /// Time of a period that has begun is drawn down on the terms that its fee was agreed with, however late it is
    /// approved. So a charge that has begun neither becomes a retainer, nor another one, nor none any more.
    pub(super) fn retains_otherwise(&self, engagement: &Engagement, today: Date) -> Vec<Problem> {
        let both = self.from.retainers.iter().chain(&self.to.retainers);
        let charges: BTreeSet<&str> = both.map(|terms| terms.charge.as_str()).collect();
        let begun = |charge: &&str| {
            let day = self.effective_on.max(today);
            let sold = [&self.from, &self.to].into_iter().filter_map(|c| c.recurring_charge(charge));
            // Whatever the day is: a retainer that was drawn on has begun.
            sold.map(|c| c.begun_on(day)).max() > Some(0) || engagement.retainers.contains_key(*charge)
        };
        charges
            .into_iter()
            .filter(|charge| self.from.retainer(charge) != self.to.retainer(charge))
            .filter(begun)
            .map(|charge| {
                refused(format!(
                    "retainer {charge} has begun, or begins before the order does; leave it as it is, or let it end, \
                     and sell what follows as another one"
                ))
            })
            .collect()
    }
}
