//! Revenue events: what was earned of an element, when, by which treatment and on which evidence. They
//! are posted by the ERP or a revenue engine; nothing here recognises.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::period::{AccountingPeriod, LatePosting};
use crate::billing::{BillableLine, Evidence};
use crate::contract::{Accounting, Contract, RevenueTreatment};
use crate::engagement::Engagement;
use crate::id::{CreditMemoId, EngagementId, InvoiceId, LineId, RevenueId, WriteOffId};
use crate::money::Money;

/// What of a contract was earned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "key")]
pub enum Element {
    /// A milestone, by its key.
    Milestone(String),
    /// A recurring charge, by its key.
    Charge(String),
    /// Time, by the role in which it was worked.
    Role(String),
    /// Expenses that the customer bears, by the quote line that sold them.
    Expense(String),
    /// Usage, by the key of its terms.
    Usage(String),
    /// A deposit with its drawdowns, by its key: of figures and credit memos alone, as no revenue event is of one.
    #[schemars(skip)]
    Deposit(String),
}

impl Element {
    /// The element that a line belongs to. The difference of a corrected entry belongs to what the entry is
    /// now; what was kept back of a milestone belongs to that one, whichever released it.
    #[must_use]
    pub fn of(line: &BillableLine) -> Self {
        match line.evidence.delivered() {
            Evidence::Time { entry, .. } | Evidence::Overage { entry, .. } => Self::Role(entry.role.clone()),
            Evidence::Usage { terms, .. } => Self::Usage(terms.clone()),
            Evidence::Deposit { deposit, .. } | Evidence::Drawdown { deposit, .. } => {
                Self::Deposit(deposit.clone())
            }
            Evidence::Milestone { completion, .. } => {
                Self::Milestone(line.releases.as_ref().unwrap_or(&completion.milestone).clone())
            }
            Evidence::Charge { charge, .. } => Self::Charge(charge.clone()),
            // An adjustment is none of an adjustment: what it delivers is never one.
            Evidence::Expense { .. } | Evidence::Adjustment { .. } => Self::Expense(line.quote_line.clone()),
        }
    }

    /// The milestone or recurring charge that a contract has under a key.
    #[must_use]
    pub fn of_key(contract: &Contract, key: &str) -> Option<Self> {
        let milestone = contract.milestone(key).map(|m| Self::Milestone(m.key.clone()));
        milestone.or_else(|| contract.recurring_charge(key).map(|c| Self::Charge(c.key.clone())))
    }

    /// Whether the contract plans it: time, expenses and usage come as they come.
    #[must_use]
    pub const fn is_planned(&self) -> bool {
        matches!(self, Self::Milestone(_) | Self::Charge(_))
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Milestone(key)
            | Self::Charge(key)
            | Self::Role(key)
            | Self::Expense(key)
            | Self::Usage(key)
            | Self::Deposit(key) => key,
        }
    }
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Milestone(key) => write!(f, "milestone {key}"),
            Self::Charge(key) => write!(f, "charge {key}"),
            Self::Role(role) => write!(f, "time of {role}"),
            Self::Usage(key) => write!(f, "usage {key}"),
            Self::Deposit(key) => write!(f, "deposit {key}"),
            Self::Expense(line) => write!(f, "expenses of quote line {line}"),
        }
    }
}

/// What tells the revenue of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Each of its billable lines, on the day on which it was earned.
    Line,
    /// Its entries in the revenue schedule, when their month is over.
    Schedule,
    /// Each invoice that carries a line of it, when it is posted.
    Invoice,
    /// Nothing: it earns none.
    Never,
}

/// What tells the revenue of an element under a treatment.
///
/// Time, expenses and usage have neither a milestone nor a term, so whatever is not recognised as billed is as it is
/// delivered: on the day worked, on the day on which the expense was incurred. A charge is delivered over its
/// months, whenever it is charged. A deposit is owed until it is drawn, and what it pays for earns by itself.
#[must_use]
pub const fn source(treatment: RevenueTreatment, element: &Element) -> Source {
    match (treatment, element) {
        (_, Element::Deposit(_)) => Source::Never,
        (RevenueTreatment::AsBilled, _) => Source::Invoice,
        (RevenueTreatment::StraightLine, Element::Milestone(_)) | (_, Element::Charge(_)) => Source::Schedule,
        (_, Element::Milestone(_) | Element::Role(_) | Element::Expense(_) | Element::Usage(_)) => {
            Source::Line
        }
    }
}

/// What shows that revenue was earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum RevenueEvidence {
    /// Approved time.
    TimeEntry {
        /// The PSA connection.
        connection: String,
        /// The PSA's ID of the entry.
        entry: String,
    },
    /// A completed and accepted milestone.
    MilestoneCompletion {
        /// The PSA connection.
        connection: String,
        /// The PSA's ID of the milestone's record.
        record: String,
    },
    /// An approved expense.
    Expense {
        /// The connection that it came from.
        connection: String,
        /// The product's ID of the expense.
        expense: String,
    },
    /// A record of usage.
    Usage {
        /// The connection that it came from.
        connection: String,
        /// Its ID there.
        record: String,
    },
    /// A deposit: no revenue event shows one.
    #[schemars(skip)]
    Deposit {
        /// Its key.
        deposit: String,
    },
    /// A period of a recurring charge fell due.
    ChargePeriod {
        /// Key of the charge.
        charge: String,
        /// Number of the period, from 0.
        period: u32,
    },
    /// A month of the revenue schedule of a contract version is over.
    Schedule {
        /// The version whose schedule it is.
        contract_version: u32,
    },
    /// An invoice was posted that carries the line.
    Invoice {
        /// The invoice.
        invoice: InvoiceId,
    },
    /// A credit memo took it off an invoice, so it is taken back.
    CreditMemo {
        /// The credit memo.
        credit_memo: CreditMemoId,
        /// The invoice.
        invoice: InvoiceId,
    },
    /// Its line was written off, so it is taken back.
    WriteOff {
        /// The write-off.
        write_off: WriteOffId,
    },
}

impl From<&Evidence> for RevenueEvidence {
    fn from(evidence: &Evidence) -> Self {
        match evidence {
            // The line says that it is the difference; what shows it is the entry as it is now.
            Evidence::Adjustment { by, .. } => Self::from(&**by),
            Evidence::Expense { expense, .. } => {
                Self::Expense { connection: expense.connection.clone(), expense: expense.expense.clone() }
            }
            Evidence::Charge { charge, period, .. } => {
                Self::ChargePeriod { charge: charge.clone(), period: *period }
            }
            Evidence::Deposit { deposit, .. } | Evidence::Drawdown { deposit, .. } => {
                Self::Deposit { deposit: deposit.clone() }
            }
            Evidence::Usage { record, .. } => {
                Self::Usage { connection: record.connection.clone(), record: record.record.clone() }
            }
            Evidence::Time { entry, .. } | Evidence::Overage { entry, .. } => {
                Self::TimeEntry { connection: entry.connection.clone(), entry: entry.entry.clone() }
            }
            Evidence::Milestone { completion, .. } => Self::MilestoneCompletion {
                connection: completion.connection.clone(),
                record: completion.record.clone(),
            },
        }
    }
}

/// Revenue was earned, or what was told of it is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevenueEarned {
    /// Derived from what earned it, so that it is told once.
    pub revenue: RevenueId,
    /// The engagement.
    pub engagement: EngagementId,
    /// Code of the legal entity that sold it.
    pub legal_entity: String,
    /// What of the contract was earned.
    pub element: Element,
    /// The CRM's quote line that sold it.
    pub quote_line: String,
    /// Service code.
    pub service: String,
    /// How it is recognised, as the contract says.
    pub treatment: RevenueTreatment,
    /// Version of the contract that priced or planned it.
    pub contract_version: u32,
    /// The statement of work that sold it; none where the quote is one statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// How much, before tax; below nought where revenue is taken back.
    pub amount: Money,
    /// The day on which it was earned.
    pub earned_on: Date,
    /// The month of that day.
    pub period: AccountingPeriod,
    /// The billable line; none where the schedule tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineId>,
    /// What shows it.
    pub evidence: RevenueEvidence,
    /// Where the month was closed when this was told: in which it should be posted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<LatePosting>,
    /// Code of the revenue engine that the engagement was given, beside the ERP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue_engine: Option<String>,
    /// How it is posted, where the catalog or the posting rules say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounting: Option<Accounting>,
    /// The revenue event that this takes back, wholly or in part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverses: Option<RevenueId>,
}

impl RevenueEarned {
    /// Whether a credit memo or a write-off is what shows it.
    #[must_use]
    pub const fn is_undoing(&self) -> bool {
        matches!(self.evidence, RevenueEvidence::CreditMemo { .. } | RevenueEvidence::WriteOff { .. })
    }

    /// The month in which it should be posted: its own, or the first open one where that was closed.
    #[must_use]
    pub fn post_in(&self) -> AccountingPeriod {
        self.late.map_or(self.period, |late| late.post_in)
    }
}

/// Revenue of a line on the day on which it was earned; none where something else tells it, nothing is
/// earned, or the contract says nothing of its service. `contract` is the version that priced the line.
#[must_use]
pub fn earned_by_line(
    engagement: &Engagement,
    contract: &Contract,
    line: &BillableLine,
    closed_until: Option<AccountingPeriod>,
) -> Option<RevenueEarned> {
    let revenue = RevenueId::derive(&[engagement.engagement.as_str(), "line", line.line.as_str()]);
    let evidence = RevenueEvidence::from(&line.evidence);
    of_line(engagement, contract, line, Source::Line, (revenue, line.earned_on, evidence), closed_until)
}

/// Revenue of a line by the posting of an invoice that carries it, on the invoice's day; none where
/// something else tells it. A line that is credited and billed again is told again by the other invoice.
#[must_use]
pub fn earned_by_invoice(
    engagement: &Engagement,
    contract: &Contract,
    line: &BillableLine,
    (invoice, invoiced_on): (&InvoiceId, Date),
    closed_until: Option<AccountingPeriod>,
) -> Option<RevenueEarned> {
    let parts = [engagement.engagement.as_str(), "billed", invoice.as_str(), line.line.as_str()];
    let evidence = RevenueEvidence::Invoice { invoice: invoice.clone() };
    let told = (RevenueId::derive(&parts), invoiced_on, evidence);
    of_line(engagement, contract, line, Source::Invoice, told, closed_until)
}

fn of_line(
    engagement: &Engagement,
    contract: &Contract,
    line: &BillableLine,
    by: Source,
    (revenue, earned_on, evidence): (RevenueId, Date, RevenueEvidence),
    closed_until: Option<AccountingPeriod>,
) -> Option<RevenueEarned> {
    let treatment = *contract.revenue.get(&line.service)?;
    let element = Element::of(line);
    if source(treatment, &element) != by || line.amount.is_zero() {
        return None;
    }
    let period = AccountingPeriod::of(earned_on);
    Some(RevenueEarned {
        revenue,
        engagement: engagement.engagement.clone(),
        legal_entity: contract.legal_entity.clone(),
        element,
        quote_line: line.quote_line.clone(),
        service: line.service.clone(),
        treatment,
        contract_version: line.contract_version,
        statement: line.statement.clone(),
        amount: line.amount,
        earned_on,
        period,
        line: Some(line.line.clone()),
        evidence,
        late: LatePosting::of(period, closed_until),
        revenue_engine: engine_of(engagement),
        accounting: line.accounting.clone(),
        reverses: None,
    })
}

/// The revenue engine that an engagement was given when it was set up.
pub(super) fn engine_of(engagement: &Engagement) -> Option<String> {
    engagement.systems.as_ref().and_then(|systems| systems.revenue_engine.clone())
}
