//! What PSA and ERP hold of a contract: positions, budget, milestones' amounts, rates.

use std::collections::BTreeMap;

use domain::activation::cut_contract;
use domain::contract::RateCard;
use domain::id::EngagementId;
use domain::money::Money;
use domain::setup::{HeldPlan, HeldProject, positions};
use domain::{Contract, TenantConfig};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Books;
use super::books::Row;
use crate::world::{CRM, TENANT};

/// Terms beside the records that carry them, so that records without any stay as they are.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// ERP: a billing plan's positions, by engagement.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) positions: BTreeMap<EngagementId, BTreeMap<String, Money>>,
    /// PSA: budgets by the project's record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) budgets: BTreeMap<String, Money>,
    /// PSA: amounts by the milestone's record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) amounts: BTreeMap<String, Money>,
    /// PSA: rates by the rate card's record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) rates: BTreeMap<String, RateCard>,
}

/// The key of a record below an engagement's.
fn below<'a>(row: &'a Row, engagement: &EngagementId) -> Option<&'a str> {
    row.key.strip_prefix(engagement.as_str())?.strip_prefix('/')
}

impl Books {
    /// The billing plan of an engagement, as the ERP tells it.
    pub(crate) fn held_plan(&self, engagement: &EngagementId) -> Option<HeldPlan> {
        self.plans.get(engagement)?;
        Some(HeldPlan { positions: self.terms.positions.get(engagement).cloned().unwrap_or_default() })
    }

    /// The project of an engagement, as the PSA tells it.
    pub(crate) fn held_project(&self, engagement: &EngagementId, on: Date) -> Option<HeldProject> {
        let project = self.project_of(engagement)?;
        let in_use = self.milestones.iter().filter(|row| !row.archived);
        let milestones = in_use.filter_map(|row| {
            Some((below(row, engagement)?.to_owned(), *self.terms.amounts.get(&row.record)?))
        });
        let card = self.rate_cards.iter().find(|row| row.key == engagement.as_str());
        let card = card.and_then(|row| self.terms.rates.get(&row.record));
        let rates = card.into_iter().flat_map(move |card| {
            let roles = card.rates.iter().map(|rate| rate.role.as_str());
            roles.filter_map(move |role| Some((role.to_owned(), card.in_force(role, on)?.hourly)))
        });
        Some(HeldProject {
            budget: self.terms.budgets.get(&project.record).copied(),
            milestones: milestones.collect(),
            rates: rates.collect(),
        })
    }

    /// The books with the terms that were not written down before there were any to compare: records
    /// without terms hold what was sold then, because that is what they were made from.
    pub(crate) fn with_terms(mut self, config: &TenantConfig) -> Self {
        for (deal, quote) in self.quotes.clone() {
            // Of a quote with a flaw nothing was set up.
            if let Ok(contract) = cut_contract(&quote, config) {
                self.fill(&EngagementId::of_deal(TENANT, CRM, &deal), &contract);
            }
        }
        self
    }

    fn fill(&mut self, engagement: &EngagementId, contract: &Contract) {
        let terms = &mut self.terms;
        if self.plans.contains_key(engagement) {
            terms.positions.entry(engagement.clone()).or_insert_with(|| positions(contract));
        }
        for row in self.projects.iter().filter(|row| row.key == engagement.as_str()) {
            if let Ok(budget) = contract.budget() {
                terms.budgets.entry(row.record.clone()).or_insert(budget);
            }
        }
        for row in self.milestones.iter().filter(|row| !row.archived) {
            if let Some(sold) = below(row, engagement).and_then(|key| contract.milestone(key)) {
                terms.amounts.entry(row.record.clone()).or_insert(sold.amount);
            }
        }
        for row in self.rate_cards.iter().filter(|row| row.key == engagement.as_str()) {
            terms.rates.entry(row.record.clone()).or_insert_with(|| contract.rate_card.clone());
        }
    }
}
