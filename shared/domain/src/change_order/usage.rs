//! Terms of usage from one version of the contract to the next: months that have begun are rated as they were
//! agreed.

use jiff::civil::Date;

use super::{ChangeOrder, refused};
use crate::engagement::Engagement;
use crate::problem::Problem;
use crate::usage::UsageTerms;

impl ChangeOrder {
    /// A month that has begun keeps its prices, whenever its records come. The terms may end after it, and go on
    /// for longer; other prices are other terms, which begin where these end.
    pub(super) fn rerates(&self, engagement: &Engagement, was: &UsageTerms, today: Date) -> Option<Problem> {
        // Whatever the clocks say: a month of which something was counted has begun.
        let counted = engagement.usage.get(&was.key).and_then(|months| months.keys().next_back());
        let counted = counted.map_or(0, |last| last.saturating_add(1));
        let begun = was.begun_on(self.effective_on.max(today)).max(counted);
        if begun == 0 {
            return None;
        }
        // Another quote line, or another name, for the same terms is no other price.
        let terms = |t: &UsageTerms| UsageTerms {
            name: String::new(),
            quote_line: String::new(),
            term: 0,
            ..t.clone()
        };
        let is = self.to.usage_terms(&was.key);
        let goes_on = is.is_some_and(|is| terms(is) == terms(was) && is.term >= begun);
        (!goes_on).then(|| {
            refused(format!(
                "{begun} months of usage {} have begun; leave it with at least {begun} months as it is, and sell \
                 what follows as other usage",
                was.key
            ))
        })
    }
}
