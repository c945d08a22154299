//! Changes of what PSA and ERP hold, when the contract changes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connectors::operation::{AmendBillingPlan, ChangeMilestone, Reference, SetBudget, SetRateCard, Undone};
use connectors::{CallError, CallErrorKind, Idempotency, Performs};
use domain::Contract;
use domain::contract::{Milestone, RateCard};
use domain::money::Money;
use domain::setup::positions;

use super::UPSERT;
use super::books::{Books, Row};
use super::call::Effect;
use super::erp::SimulatedErp;
use super::psa::SimulatedPsa;
use crate::engine::Place;
use crate::world::{ERP, PSA};

/// A search shows what was written within this time.
const SHOWN_WITHIN: Duration = Duration::from_secs(15);

/// Operations that bring something to a state: `after` when done, `before` when undone.
macro_rules! brings {
    ($($product:ident: $operation:ty, $named:ident, $before:ident, $after:ident;)*) => {$(
        #[async_trait]
        impl Performs<$operation> for $product {
            fn idempotency(&self) -> Idempotency {
                UPSERT
            }
            async fn find(&self, operation: &$operation) -> Result<Option<Reference>, CallError> {
                Ok(Some(Reference { record: operation.$named.to_string() }))
            }
            async fn perform(&self, operation: &$operation, _: &str) -> Result<Reference, CallError> {
                self.bring(operation.clone(), operation.$after.clone()).await
            }
            async fn undo(&self, operation: &$operation, _: &Reference) -> Result<Undone, CallError> {
                self.bring(operation.clone(), operation.$before.clone()).await.map(|_| Undone::Removed)
            }
        }
    )*};
}

brings! {
    SimulatedErp: AmendBillingPlan, plan, from, to;
    SimulatedPsa: SetBudget, project, before, after;
    SimulatedPsa: ChangeMilestone, project, before, after;
    SimulatedPsa: SetRateCard, project, before, after;
}

/// Brings what an operation is about to a state.
trait Bring<O, S> {
    async fn bring(&self, operation: O, state: S) -> Result<Reference, CallError>;
}

impl Bring<AmendBillingPlan, Contract> for SimulatedErp {
    /// All positions in one transaction.
    async fn bring(&self, amend: AmendBillingPlan, contract: Contract) -> Result<Reference, CallError> {
        let effect = move |books: &mut Books, _| {
            if books.plans.get(&amend.engagement) != Some(&amend.plan) {
                return Err(CallErrorKind::Refused);
            }
            books.terms.positions.insert(amend.engagement, positions(&contract));
            Ok(Reference { record: amend.plan })
        };
        self.0.changes(Place::AmendBillingPlan, ERP, effect).await
    }
}

impl Bring<SetBudget, Money> for SimulatedPsa {
    async fn bring(&self, set: SetBudget, budget: Money) -> Result<Reference, CallError> {
        let effect = move |books: &mut Books, _| {
            books.terms.budgets.insert(set.project.clone(), budget);
            Ok(Reference { record: set.project })
        };
        self.0.changes(Place::SetBudget, PSA, effect).await
    }
}

impl Bring<ChangeMilestone, Option<Milestone>> for SimulatedPsa {
    /// Searches, as the connector does, which waits for what the search must show.
    async fn bring(
        &self,
        change: ChangeMilestone,
        target: Option<Milestone>,
    ) -> Result<Reference, CallError> {
        let world = Arc::clone(&self.0);
        let effect = move |books: &mut Books, shown_at| -> Effect<Reference> {
            let named = change.before.as_ref().or(change.after.as_ref()).ok_or(CallErrorKind::Refused)?;
            let (key, now) = (format!("{}/{}", change.engagement, named.key), world.sim.now());
            let next = books.number();
            let shown = books.milestones.iter_mut().find(|row| row.key == key && row.shown_at <= now);
            match (target, shown) {
                (_, None) if change.before.is_some() => {
                    Err(CallErrorKind::Transient { retry_after: Some(SHOWN_WITHIN) })
                }
                (Some(milestone), Some(row)) => {
                    row.archived = false;
                    books.terms.amounts.insert(row.record.clone(), milestone.amount);
                    Ok(Reference { record: row.record.clone() })
                }
                (Some(milestone), None) => {
                    books.terms.amounts.insert(next.clone(), milestone.amount);
                    books.milestones.push(Row { record: next.clone(), key, shown_at, archived: false });
                    Ok(Reference { record: next })
                }
                (None, Some(row)) => {
                    row.archived = true;
                    books.terms.amounts.remove(&row.record);
                    Ok(Reference { record: row.record.clone() })
                }
                (None, None) => Ok(Reference { record: key }),
            }
        };
        self.0.changes(Place::ChangeMilestone, PSA, effect).await
    }
}

impl Bring<SetRateCard, RateCard> for SimulatedPsa {
    /// The card is found by the engagement; one that was never made is made.
    async fn bring(&self, set: SetRateCard, rates: RateCard) -> Result<Reference, CallError> {
        let world = Arc::clone(&self.0);
        let effect = move |books: &mut Books, shown_at| {
            let (key, now, next) = (set.engagement.to_string(), world.sim.now(), books.number());
            let shown = books.rate_cards.iter().find(|row| row.key == key && row.shown_at <= now);
            let record = shown.map_or(next, |row| row.record.clone());
            if shown.is_none() {
                books.rate_cards.push(Row { record: record.clone(), key, shown_at, archived: false });
            }
            books.terms.rates.insert(record.clone(), rates);
            Ok(Reference { record })
        };
        self.0.changes(Place::SetRateCard, PSA, effect).await
    }
}
