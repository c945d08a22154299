//! Retainers from one version of the contract to the next: what a fee of a period that has begun buys stays.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{ChangeOrder, refused};
use crate::engagement::Engagement;
use crate::problem::Problem;

impl ChangeOrder {
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
