//! The billing plan of a changed contract: everything that differs in one call, which is one
//! transaction of Tryton's, so that the plan holds the one version or the other.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::contract::Contract;
use domain::id::EngagementId;
use domain::money::Currency;
use domain::setup::HeldPlan;

use super::Tryton;
use super::client::{collided, exists_already};
use super::plan::MODEL;
use super::positions::TIME;
use super::wire::{PLAN, Plan};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{AmendBillingPlan, Idempotency, Operation, Performs, Reference, Undone};

const NAME: &str = AmendBillingPlan::NAME;
const READ: &str = "read billing plan";

impl Tryton {
    /// The plan of an engagement as the ERP holds it. What a person added to it is not ours to compare.
    pub(super) async fn plan_held(
        &self,
        engagement: &EngagementId,
        currency: Currency,
    ) -> Result<Option<HeldPlan>, CallError> {
        let found: Option<Plan> = self.by_external_id(READ, MODEL, engagement.as_str(), &PLAN).await?;
        let Some(plan) = found else { return Ok(None) };
        let mut positions = BTreeMap::new();
        for (key, position) in plan.positions(engagement) {
            if key == TIME {
                continue;
            }
            let price = position.list_price.as_ref().ok_or_else(|| "no price".to_owned());
            let price = price.and_then(|p| p.money(currency)).map_err(|what| {
                let detail = format!("position {key} of the billing plan holds {what}");
                self.api.error(CallErrorKind::Mismatch, READ, detail)
            })?;
            positions.insert(key.to_owned(), price);
        }
        Ok(Some(HeldPlan { positions }))
    }

    /// Brings the plan to a contract from whatever it holds; what holds it already is left alone.
    async fn bring_to(&self, operation: &AmendBillingPlan, contract: &Contract) -> Result<(), CallError> {
        let engagement = &operation.engagement;
        let found: Option<Plan> = self.by_external_id(NAME, MODEL, engagement.as_str(), &PLAN).await?;
        let plan = found.filter(|plan| plan.id.to_string() == operation.plan).ok_or_else(|| {
            let detail = format!("billing plan {} is not the engagement's any more", operation.plan);
            self.api.error(CallErrorKind::Refused, NAME, detail)
        })?;
        let Some(values) = self.difference(engagement, &plan, contract) else { return Ok(()) };
        let written: Plan = self.update(NAME, MODEL, plan.id, &values, &PLAN).await.map_err(|error| {
            // A position that came in between: reading again shows it.
            if exists_already(&error) { collided(error) } else { error }
        })?;
        if self.difference(engagement, &written, contract).is_none() {
            return Ok(());
        }
        let detail = format!("billing plan {} holds something else than was written", plan.id);
        Err(self.api.error(CallErrorKind::Mismatch, NAME, detail))
    }
}

#[async_trait]
impl Performs<AmendBillingPlan> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::Upsert { settles_within: super::SETTLES_WITHIN }
    }

    /// Whether the plan holds something else than the version before.
    async fn find(&self, operation: &AmendBillingPlan) -> Result<Option<Reference>, CallError> {
        let engagement = &operation.engagement;
        let found: Option<Plan> = self.by_external_id(NAME, MODEL, engagement.as_str(), &PLAN).await?;
        let changed = found.filter(|plan| {
            let ours = plan.id.to_string() == operation.plan;
            ours && self.difference(engagement, plan, &operation.from).is_some()
        });
        Ok(changed.map(|_| Reference { record: operation.plan.clone() }))
    }

    async fn perform(&self, operation: &AmendBillingPlan, _key: &str) -> Result<Reference, CallError> {
        self.bring_to(operation, &operation.to).await?;
        Ok(Reference { record: operation.plan.clone() })
    }

    async fn undo(&self, operation: &AmendBillingPlan, _record: &Reference) -> Result<Undone, CallError> {
        match self.bring_to(operation, &operation.from).await {
            Ok(()) => Ok(Undone::Removed),
            Err(error) if error.kind == CallErrorKind::Refused => Ok(Undone::Impossible(error.detail)),
            Err(error) => Err(error),
        }
    }
}
