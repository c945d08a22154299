//! How a quote stands to the contract in force.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::contract::Contract;
use crate::quote::Quote;

/// How an approved quote, as the CRM holds it now, stands to a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is an earlier version.
    Older,
    /// It is what the contract was cut from.
    InForce,
    /// It is a later version.
    Further,
    /// It is the same version, with further statements of work approved.
    Statements,
    /// It is another quote of the same version: nobody knows which of them was signed.
    Another,
}

impl Standing {
    /// Whether a change order follows from it.
    #[must_use]
    pub const fn is_change_order(self) -> bool {
        matches!(self, Self::Further | Self::Statements)
    }
}

/// The statements of work that a quote has approved and a contract does not have.
#[must_use]
pub fn further_statements(contract: &Contract, quote: &Quote) -> BTreeSet<String> {
    quote.clone().in_force().statements().difference(&contract.statements).cloned().collect()
}

/// How a quote stands to a contract.
#[must_use]
pub fn standing(contract: &Contract, quote: &Quote) -> Standing {
    let further = || !further_statements(contract, quote).is_empty();
    match quote.version.cmp(&contract.quote_version()) {
        Ordering::Less => Standing::Older,
        Ordering::Greater => Standing::Further,
        Ordering::Equal if quote.quote != contract.quote => Standing::Another,
        Ordering::Equal if further() => Standing::Statements,
        Ordering::Equal => Standing::InForce,
    }
}

/// The lines of a quote that are to be in force beside a contract. A statement of work that came into
/// force stays so within its version of the quote, whatever becomes of its mark in the CRM: only a
/// further version takes it out.
#[must_use]
pub fn continuing(contract: &Contract, mut quote: Quote) -> Quote {
    if quote.quote == contract.quote && quote.version == contract.quote_version() {
        quote.approved_statements.extend(contract.statements.iter().cloned());
    }
    quote.in_force()
}
