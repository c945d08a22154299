//! The way back from what is contested: line, source record, statement of work, contract version, quote line, quote.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::{BillableLine, Evidence};
use crate::cash::Payment;
use crate::contract::Contract;
use crate::credit_memo::CreditMemo;
use crate::id::{CreditMemoId, InvoiceId, LineId, PaymentId};
use crate::invoice::Invoice;
use crate::money::Money;
use rust_decimal::Decimal;

/// The record that a line was billed on, as the system that owns it knows it. Who worked is read there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum SourceRecord {
    /// An approved time entry.
    TimeEntry {
        /// The PSA connection.
        connection: String,
        /// The PSA's ID of the entry.
        record: String,
        /// The PSA's ID of the project.
        project: String,
        /// The role that selected the rate.
        role: String,
        /// Minutes worked.
        minutes: u32,
        /// The rate that was in force on the day worked.
        hourly: Money,
    },
    /// An approved time entry that is beyond what a retainer had left.
    Overage {
        /// The PSA connection.
        connection: String,
        /// The PSA's ID of the entry.
        record: String,
        /// The PSA's ID of the project.
        project: String,
        /// The role.
        role: String,
        /// Minutes worked, covered or not.
        minutes: u32,
        /// Key of the charge that is the retainer's fee.
        retainer: String,
        /// Number of its period, from 0.
        period: u32,
        /// What of it is beyond the retainer: minutes, or an amount.
        #[schemars(with = "String")]
        overage: Decimal,
    },
    /// A record of usage.
    Usage {
        /// The connection that it came from.
        connection: String,
        /// Its ID there.
        record: String,
        /// The meter.
        meter: String,
        /// How much was used.
        #[schemars(with = "String")]
        quantity: Decimal,
    },
    /// An approved expense.
    Expense {
        /// The PSA connection.
        connection: String,
        /// The PSA's ID of the expense.
        record: String,
        /// The PSA's ID of the project.
        project: String,
        /// Its category.
        category: String,
        /// What it cost, before any markup.
        cost: Money,
    },
    /// An accepted milestone.
    Milestone {
        /// The PSA connection.
        connection: String,
        /// The PSA's ID of the milestone's record.
        record: String,
        /// Key of the milestone in the contract.
        milestone: String,
    },
    /// A deposit, which the contract alone makes due.
    Deposit {
        /// Key of the deposit in the contract.
        deposit: String,
        /// The invoice that billed it, of a drawdown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        billed_by: Option<InvoiceId>,
    },
    /// A period of a recurring charge, which the contract alone makes due.
    Charge {
        /// Key of the charge in the contract.
        charge: String,
        /// Number of the period, from 0.
        period: u32,
        /// Its first day.
        from: Date,
        /// The first day after it.
        until: Date,
    },
}

impl From<&Evidence> for SourceRecord {
    /// Of a correction, the record that it corrects.
    fn from(evidence: &Evidence) -> Self {
        match evidence {
            Evidence::Time { entry, hourly } => Self::TimeEntry {
                connection: entry.connection.clone(),
                record: entry.entry.clone(),
                project: entry.project.clone(),
                role: entry.role.clone(),
                minutes: entry.minutes,
                hourly: *hourly,
            },
            Evidence::Overage { entry, retainer, period, overage, .. } => Self::Overage {
                connection: entry.connection.clone(),
                record: entry.entry.clone(),
                project: entry.project.clone(),
                role: entry.role.clone(),
                minutes: entry.minutes,
                retainer: retainer.clone(),
                period: *period,
                overage: *overage,
            },
            Evidence::Usage { record, .. } => Self::Usage {
                connection: record.connection.clone(),
                record: record.record.clone(),
                meter: record.meter.clone(),
                quantity: record.quantity,
            },
            Evidence::Expense { expense, .. } => Self::Expense {
                connection: expense.connection.clone(),
                record: expense.expense.clone(),
                project: expense.project.clone(),
                category: expense.category.clone(),
                cost: expense.cost,
            },
            Evidence::Milestone { completion, .. } => Self::Milestone {
                connection: completion.connection.clone(),
                record: completion.record.clone(),
                milestone: completion.milestone.clone(),
            },
            Evidence::Charge { charge, period, from, until, .. } => {
                Self::Charge { charge: charge.clone(), period: *period, from: *from, until: *until }
            }
            Evidence::Deposit { deposit, .. } => Self::Deposit { deposit: deposit.clone(), billed_by: None },
            Evidence::Drawdown { deposit, billed_by, .. } => {
                Self::Deposit { deposit: deposit.clone(), billed_by: Some(billed_by.clone()) }
            }
            Evidence::Adjustment { by, .. } => by.as_ref().into(),
        }
    }
}

/// The signed quote that a version of the contract was cut from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteSource {
    /// The CRM's quote.
    pub quote: String,
    /// The quote's number for people.
    pub number: String,
    /// Version of the quote.
    pub version: u32,
}

/// A contested line with all that it was billed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TracedLine {
    /// The line.
    pub line: LineId,
    /// What it billed, before tax.
    pub amount: Money,
    /// The day it was earned.
    pub earned_on: Date,
    /// Service code.
    pub service: String,
    /// The record that earned it.
    pub source: SourceRecord,
    /// The line that it corrects, where it bills the difference of a correction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<LineId>,
    /// The statement of work that sold it; none where the quote is one statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Version of the contract that priced it.
    pub contract_version: u32,
    /// The CRM's quote line that sold it.
    pub quote_line: String,
    /// The quote; none where that version of the contract is not known any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<QuoteSource>,
}

/// Money that an invoice's balance comes from, besides what it billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum TracedCash {
    /// A payment that was applied to it.
    Payment {
        /// The payment.
        payment: PaymentId,
        /// The payment product's connection.
        connection: String,
        /// The product's ID.
        record: String,
        /// How much of it was applied.
        applied: Money,
    },
    /// A credit memo that was set off.
    CreditMemo {
        /// The credit memo.
        credit_memo: CreditMemoId,
        /// The ERP's number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<String>,
        /// How much of it was set off, with tax.
        set_off: Money,
    },
}

/// The way back from each of these lines, by the versions of the contract that priced them.
#[must_use]
pub fn trace(lines: &[&BillableLine], contracts: &BTreeMap<u32, Contract>) -> Vec<TracedLine> {
    let traced = |line: &&BillableLine| TracedLine {
        line: line.line.clone(),
        amount: line.amount,
        earned_on: line.earned_on,
        service: line.service.clone(),
        source: (&line.evidence).into(),
        corrects: match &line.evidence {
            Evidence::Adjustment { of, .. } => Some(of.clone()),
            _ => None,
        },
        statement: line.statement.clone(),
        contract_version: line.contract_version,
        quote_line: line.quote_line.clone(),
        quote: contracts.get(&line.contract_version).map(|contract| QuoteSource {
            quote: contract.quote.clone(),
            number: contract.quote_number.clone(),
            version: contract.quote_version(),
        }),
    };
    lines.iter().map(traced).collect()
}

/// What was applied to an invoice: the evidence of its balance.
#[must_use]
pub fn cash(invoice: &Invoice, payments: &[Payment], memos: &[CreditMemo]) -> Vec<TracedCash> {
    // One that was recorded before there could be several invoices says it by itself.
    let applied = |payment: &Payment| match &payment.applications[..] {
        [] => (payment.invoice == invoice.invoice).then_some(payment.applied),
        several => several.iter().find(|a| a.invoice == invoice.invoice).map(|a| a.applied),
    };
    let paid = payments.iter().filter_map(|payment| {
        Some(TracedCash::Payment {
            payment: payment.payment.clone(),
            connection: payment.connection.clone(),
            record: payment.record.clone(),
            applied: applied(payment)?,
        })
    });
    let credited = memos.iter().filter(|memo| memo.invoice == invoice.invoice);
    let credited = credited.filter_map(|memo| {
        memo.set_off.map(|set_off| TracedCash::CreditMemo {
            credit_memo: memo.credit_memo.clone(),
            number: memo.number.clone(),
            set_off,
        })
    });
    paid.chain(credited).collect()
}
