//! How an engagement is billed as a whole.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::{Contract, RevenueTreatment};

/// A way in which an engagement is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BillingModel {
    /// Approved time at agreed rates.
    TimeAndMaterials,
    /// A fee, billed by milestones.
    FixedFee,
    /// A fee every period for work that is drawn on: its revenue is recognised as it is delivered.
    Retainer,
    /// A fee every period for a service that is kept up: a subscription.
    ManagedService,
    /// An amount in advance, which later invoices draw down.
    Deposit,
    /// More than one of these.
    Hybrid,
}

/// The billing model of an engagement, and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EngagementModel {
    /// The model.
    pub model: BillingModel,
    /// Its parts; one, unless it is a hybrid.
    pub parts: BTreeSet<BillingModel>,
}

/// How a contract is billed; none where nothing of it is in force, as while its only statement of work is
/// not approved.
#[must_use]
pub fn billing_model(contract: &Contract) -> Option<EngagementModel> {
    let mut parts = BTreeSet::new();
    if !contract.rate_card.rates.is_empty() {
        parts.insert(BillingModel::TimeAndMaterials);
    }
    if !contract.milestones.is_empty() {
        parts.insert(BillingModel::FixedFee);
    }
    for charge in &contract.recurring {
        parts.insert(match contract.revenue.get(&charge.service) {
            Some(RevenueTreatment::AsDelivered) => BillingModel::Retainer,
            Some(
                RevenueTreatment::StraightLine | RevenueTreatment::AsBilled | RevenueTreatment::Milestone,
            )
            | None => BillingModel::ManagedService,
        });
    }
    if !contract.deposits.is_empty() {
        parts.insert(BillingModel::Deposit);
    }
    let model = if parts.len() > 1 { BillingModel::Hybrid } else { *parts.first()? };
    Some(EngagementModel { model, parts })
}
