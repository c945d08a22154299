//! What a statement of work sells.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WHOLE;
use crate::activation::split;
use crate::contract::{Contract, Milestone, Rate, RecurringCharge};
use crate::deposit::DepositTerms;
use crate::expense::ExpenseTerms;
use crate::money::{Currency, Money, MoneyError};
use crate::quote::{Quote, QuoteLine};
use crate::retainer::RetainerTerms;
use crate::usage::UsageTerms;

/// The part of a contract, or of a quote, that one statement is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// Its milestones.
    #[serde(default)]
    pub milestones: Vec<Milestone>,
    /// Its recurring charges.
    #[serde(default)]
    pub recurring: Vec<RecurringCharge>,
    /// Its rates, those that have ended among them. A role that several statements sell at the same
    /// price is shown with the one that brought it into force first.
    #[serde(default)]
    pub rates: Vec<Rate>,
    /// How it passes expenses on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expenses: Option<ExpenseTerms>,
    /// What the fees of its retainers buy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retainers: Vec<RetainerTerms>,
    /// What it meters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<UsageTerms>,
    /// What is paid in advance for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deposits: Vec<DepositTerms>,
}

impl Scope {
    /// What the customer has committed to with it. Time, expenses and usage are not in it.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn value(&self, currency: Currency) -> Result<Money, MoneyError> {
        let fees = Money::total(currency, self.milestones.iter().map(|m| m.amount))?;
        self.recurring.iter().try_fold(fees, |sum, charge| sum.plus(charge.value()?))
    }

    /// Whether anything of it is to be delivered or was billed; rates that have ended are neither.
    fn stands(&self) -> bool {
        let has_rate = self.rates.iter().any(|rate| rate.effective_until.is_none());
        let fees = !self.milestones.is_empty() || !self.recurring.is_empty();
        let metered = !self.usage.is_empty();
        has_rate || fees || self.expenses.is_some() || metered || !self.deposits.is_empty()
    }
}

/// A statement that a quote has and nobody has approved yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Draft {
    /// Its name in the CRM.
    pub statement: String,
    /// What it would sell; empty while its lines can't be carried out as they are.
    #[serde(flatten)]
    pub scope: Scope,
}

/// The statements that a contract has in force, by key. Together they are the whole contract, but for
/// rates that ended with the statement that had them.
#[must_use]
pub fn in_force(contract: &Contract) -> BTreeMap<String, Scope> {
    let mut all: BTreeMap<String, Scope> =
        contract.statements.iter().map(|key| (key.clone(), Scope::default())).collect();
    let key = |line: &str| contract.statement_of(line).unwrap_or(WHOLE).to_owned();
    for milestone in &contract.milestones {
        all.entry(key(&milestone.quote_line)).or_default().milestones.push(milestone.clone());
    }
    for charge in &contract.recurring {
        all.entry(key(&charge.quote_line)).or_default().recurring.push(charge.clone());
    }
    for rate in &contract.rate_card.rates {
        all.entry(key(&rate.quote_line)).or_default().rates.push(rate.clone());
    }
    if let Some(terms) = &contract.expenses {
        all.entry(key(&terms.quote_line)).or_default().expenses = Some(terms.clone());
    }
    for terms in &contract.retainers {
        if let Some(charge) = contract.recurring_charge(&terms.charge) {
            all.entry(key(&charge.quote_line)).or_default().retainers.push(terms.clone());
        }
    }
    for terms in &contract.usage {
        all.entry(key(&terms.quote_line)).or_default().usage.push(terms.clone());
    }
    for terms in &contract.deposits {
        all.entry(key(&terms.quote_line)).or_default().deposits.push(terms.clone());
    }
    all.retain(|key, scope| contract.statements.contains(key) || scope.stands());
    all
}

/// The statements that a quote has and nobody has approved yet. The quote is one whose lines in force
/// were told apart ([`Quote::in_force`]).
#[must_use]
pub fn drafted(quote: &Quote) -> Vec<Draft> {
    let names: BTreeSet<&String> = quote.pending.iter().filter_map(|l| l.statement.as_ref()).collect();
    names.into_iter().map(|name| draft(quote, name)).collect()
}

fn draft(quote: &Quote, name: &str) -> Draft {
    let is_its = |line: &&QuoteLine| line.statement.as_deref() == Some(name);
    let lines = quote.pending.iter().filter(is_its).cloned().collect();
    let scope = split(&Quote { lines, pending: vec![], ..quote.clone() }).map(|package| Scope {
        milestones: package.milestones,
        recurring: package.recurring,
        rates: package.rates,
        expenses: package.expenses,
        retainers: package.retainers,
        usage: package.usage,
        deposits: package.deposits,
    });
    Draft { statement: name.to_owned(), scope: scope.unwrap_or_default() }
}
