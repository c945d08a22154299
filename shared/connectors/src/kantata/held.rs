//! A project as Kantata holds it, to be compared with what was sold.

use std::collections::BTreeMap;

use domain::id::EngagementId;
use domain::money::{Currency, Money};
use domain::setup::HeldProject;
use jiff::civil::Date;

use super::Kantata;
use super::milestone::BILLING;
use super::project::ENGAGEMENT;
use super::wire::{BillingMilestone, ExternalReference, Map};
use crate::error::{CallError, CallErrorKind};

const READ: &str = "read project";

impl Kantata {
    /// The project of an engagement; one that is archived is none.
    pub(super) async fn project_held(
        &self,
        engagement: &EngagementId,
        currency: Currency,
        on: Date,
    ) -> Result<Option<HeldProject>, CallError> {
        let Some(id) = self.referenced(READ, ENGAGEMENT, engagement.as_str()).await? else {
            return Ok(None);
        };
        let workspace = self.workspace(READ, &id).await?.filter(|workspace| !workspace.archived);
        let Some(workspace) = workspace else { return Ok(None) };
        if let Some(held) = workspace.currency.as_deref().filter(|held| *held != currency.code()) {
            let detail = format!("project {id} is in {held} instead of {currency}");
            return Err(self.api.error(CallErrorKind::Mismatch, READ, detail));
        }
        let budget = workspace.price_in_cents.filter(|_| workspace.budgeted);
        let rates = match &workspace.rate_card_id {
            Some(card) => self.rates_held(card, currency, on).await?,
            None => BTreeMap::new(),
        };
        Ok(Some(HeldProject {
            budget: budget.map(|price| self.money(price, currency)).transpose()?,
            milestones: self.milestones_held(&id, engagement, currency).await?,
            rates,
        }))
    }

    /// The billing milestones that carry our reference. Others were added by people.
    async fn milestones_held(
        &self,
        project: &str,
        engagement: &EngagementId,
        currency: Currency,
    ) -> Result<BTreeMap<String, Money>, CallError> {
        let query = [("workspace_id", project), ("include", "external_references")];
        let answer = self.all(READ, "billing_milestones", &query).await?;
        let held: Map<BillingMilestone> = self.typed(READ, &answer, "billing_milestones")?;
        let references: Map<ExternalReference> = self.typed(READ, &answer, "external_references")?;
        let mut milestones = BTreeMap::new();
        for reference in references.into_values() {
            let ours =
                reference.service_name == self.settings.service_name && reference.service_model == BILLING;
            let Some((of, key)) = reference.service_model_ref.split_once('/').filter(|_| ours) else {
                continue;
            };
            if let Some(milestone) = held.get(&reference.subject_id).filter(|_| of == engagement.as_str()) {
                milestones.insert(key.to_owned(), self.money(milestone.amount_in_cents, currency)?);
            }
        }
        Ok(milestones)
    }

    /// The rates of the version in force on a day, by role.
    async fn rates_held(
        &self,
        card: &str,
        currency: Currency,
        on: Date,
    ) -> Result<BTreeMap<String, Money>, CallError> {
        let versions = self.held_versions(READ, card).await?;
        let begun = versions.into_iter().filter(|(_, from)| *from <= on);
        let Some((version, _)) = begun.max_by_key(|(_, from)| *from) else { return Ok(BTreeMap::new()) };
        let roles = self.roles(READ).await?;
        let names: BTreeMap<&str, &str> =
            roles.iter().map(|(name, id)| (id.as_str(), name.as_str())).collect();
        let held = self.rates_of(READ, &version).await?;
        let named = held.values().filter_map(|rate| Some((*names.get(rate.role_id.as_str())?, rate.rate)));
        named.map(|(role, rate)| Ok((role.to_owned(), self.money(rate, currency)?))).collect()
    }

    fn money(&self, units: i64, currency: Currency) -> Result<Money, CallError> {
        Money::from_minor_units(units, currency)
            .map_err(|e| self.api.error(CallErrorKind::Mismatch, READ, e.to_string()))
    }
}
