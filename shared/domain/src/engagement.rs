//! The engagement: one sold piece of work from quote to cash, and the states it may be in.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::id::{CustomerId, EngagementId};
use crate::money::Money;
use crate::quote::Customer;
use crate::routing::AssignedSystems;
use crate::transition::{IllegalTransition, Status};
use crate::usage::RatedMonth;

/// Where an engagement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EngagementStatus {
    /// A check failed; nothing was written anywhere; waits for a correction.
    Held,
    /// All checks passed; records are being made in the other systems.
    Activating,
    /// Set up everywhere; delivery may start and work may be billed.
    Active,
    /// Its activation was taken back; what was made of it in other systems is gone or harmless.
    Withdrawn,
}

impl EngagementStatus {
    /// The status as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Activating => "activating",
            Self::Active => "active",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Status for EngagementStatus {
    const OBJECT: &'static str = "an engagement";
    const ALL: &'static [Self] = &[Self::Held, Self::Activating, Self::Active, Self::Withdrawn];

    fn name(self) -> &'static str {
        self.as_str()
    }

    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Held => &[Self::Activating],
            Self::Activating => &[Self::Held, Self::Active, Self::Withdrawn],
            Self::Active | Self::Withdrawn => &[],
        }
    }
}

/// The IDs by which other systems know the engagement's records; filled in by activation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemRecords {
    /// The ERP's customer account.
    pub customer_account: Option<String>,
    /// The ERP's address that invoices go to.
    pub customer_address: Option<String>,
    /// The ERP's billing plan.
    pub billing_plan: Option<String>,
    /// The PSA's project.
    pub project: Option<String>,
}

/// The state of an engagement. Bounded: entries, lines and invoices are items of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Engagement {
    /// The global ID.
    pub engagement: EngagementId,
    /// The CRM's deal.
    pub deal: String,
    /// Where it stands.
    pub status: EngagementStatus,
    /// The global customer ID.
    pub customer: CustomerId,
    /// The customer as the signed quote names it.
    pub customer_record: Customer,
    /// The terms in force.
    pub contract: Contract,
    /// Milestones that were completed, by key, with the PSA's record that proves each.
    pub completed_milestones: BTreeMap<String, String>,
    /// Its records in the other systems.
    pub records: SystemRecords,
    /// What was billed by time so far; kept only where the contract has a ceiling.
    pub time_billed: Option<Money>,
    /// What was billed as expenses so far; kept only since the contract has a cap on them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expenses_billed: Option<Money>,
    /// Whether expenses may have been billed without being counted: the contract has, or had, no cap.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expenses_uncounted: bool,
    /// What was worked on retainers, by key of the charge and number of the period, in minutes or as an amount;
    /// bounded by their terms.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, BTreeMap<u32, String>>")]
    pub retainers: BTreeMap<String, BTreeMap<u32, Decimal>>,
    /// What was rated of metered usage, by key of its terms and number of the month; bounded by their terms.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub usage: BTreeMap<String, BTreeMap<u32, RatedMonth>>,
    /// The change order that is being carried out; there is one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_order: Option<ChangeOrderUnderWay>,
    /// The systems it was set up in; none of what was set up before they were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systems: Option<AssignedSystems>,
    /// Its lines that are held. Every hold and release of a line raises the state's version.
    #[serde(default, skip_serializing_if = "is_none_held")]
    pub held_lines: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes by reference")]
const fn is_none_held(held: &u32) -> bool {
    *held == 0
}

/// A change order that systems are being told of. Until it is in force everywhere, the contract
/// before it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeOrderUnderWay {
    /// The run that carries it out.
    pub run: String,
    /// The contract version that it leads to.
    pub version: u32,
}

impl Engagement {
    /// The engagement as its contract version begins it.
    #[must_use]
    pub fn begin(
        engagement: EngagementId,
        deal: String,
        customer: CustomerId,
        record: Customer,
        contract: Contract,
    ) -> Self {
        let time_billed = contract.time_ceiling.map(|ceiling| Money::zero(ceiling.currency()));
        Self {
            engagement,
            deal,
            status: EngagementStatus::Activating,
            customer,
            customer_record: record,
            contract,
            completed_milestones: BTreeMap::new(),
            records: SystemRecords::default(),
            time_billed,
            expenses_billed: None,
            expenses_uncounted: false,
            retainers: BTreeMap::new(),
            usage: BTreeMap::new(),
            change_order: None,
            systems: None,
            held_lines: 0,
        }
        .counting_expenses()
    }

    /// The engagement with what is counted of expenses under its contract. A count that was begun goes on while
    /// none are passed on, so that a cap that comes back finds what was billed before.
    #[must_use]
    pub fn counting_expenses(mut self) -> Self {
        match self.contract.expenses.as_ref().map(|terms| terms.cap) {
            Some(Some(cap)) => {
                self.expenses_billed.get_or_insert(Money::zero(cap.currency()));
            }
            Some(None) => (self.expenses_billed, self.expenses_uncounted) = (None, true),
            None => {}
        }
        self
    }

    /// The same engagement in another status.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the status may not follow the present one.
    pub fn become_status(mut self, next: EngagementStatus) -> Result<Self, IllegalTransition> {
        self.status = self.status.to(next)?;
        Ok(self)
    }
}
