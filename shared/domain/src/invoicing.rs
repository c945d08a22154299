//! When an invoice is asked for, of what, and what fits on one: the tenant's invoicing policies.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Span;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::hold::LineHold;
use crate::billing::{BillableLine, Evidence};
use crate::contract::Contract;
use crate::engagement::Engagement;
use crate::event::InvoiceRequested;
use crate::id::{CreditMemoId, InvoiceId, LineId};
use crate::money::{Currency, Money, MoneyError};
use crate::policy::TenantConfig;
use crate::routing::Sold;

/// Lines that a request names at most; what else is ready is found by the index.
const MOST_NAMED: usize = 90;

/// How a tenant invoices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invoicing {
    /// The policies; of those that apply to an engagement the one with the most conditions counts. Where none
    /// does, a completed milestone and a charge that falls due ask for an invoice of all that is ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<InvoicePolicy>,
    /// Minutes after which finance is told that an invoice still can't be made because a system is out of
    /// reach; none means that only the end of the attempts is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tell_after_minutes: Option<u32>,
}

/// When engagements of a kind are invoiced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoicePolicy {
    /// For which engagements. Every condition given must hold; none given means for all.
    #[serde(default, skip_serializing_if = "PolicyScope::is_empty")]
    pub when: PolicyScope,
    /// What asks for an invoice.
    pub ask: Ask,
    /// Least that an invoice comes to before tax, in its own currency. Lines that come to less wait for more;
    /// an invoice that is asked for by hand takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Money>,
    /// Whether a drafted invoice goes to the ERP by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub release: Release,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The conditions of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyScope {
    /// Code of the selling legal entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_entity: Option<String>,
    /// Currency of the contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Service line of everything that the engagement sells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_line: Option<String>,
    /// The CRM's ID of the customer's company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
}

/// What asks for an invoice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// Each line that becomes ready.
    AtOnce,
    /// A completed milestone, or a period of a recurring charge that fell due.
    #[default]
    PerMilestone,
    /// A day of the month, in the business's time zone: all that was earned before that day.
    Monthly {
        /// The day, 1 to 31; in a shorter month its last day.
        #[schemars(range(min = 1, max = 31))]
        on_day: u8,
    },
    /// A person.
    Manual,
}

/// Whether a drafted invoice goes to the ERP by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Release {
    /// It does.
    #[default]
    Automatic,
    /// It waits for a person's release.
    Manual,
}

impl PolicyScope {
    /// How many conditions it has: of two policies, the one with more is the more specific.
    #[must_use]
    pub fn conditions(&self) -> usize {
        let texts = [&self.legal_entity, &self.service_line, &self.customer];
        texts.into_iter().flatten().count() + usize::from(self.currency.is_some())
    }

    /// Whether it has no condition.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conditions() == 0
    }

    /// Whether every condition holds of an engagement.
    #[must_use]
    pub fn holds(&self, engagement: &Engagement, config: &TenantConfig) -> bool {
        let contract = &engagement.contract;
        let service_line = |code: &str| config.service(code).and_then(|s| s.service_line.as_deref());
        let sold = Sold::by_contract(contract, &engagement.customer_record).services;
        let all_of = |line: &String| {
            !sold.is_empty() && sold.iter().all(|service| service_line(service) == Some(line.as_str()))
        };
        self.legal_entity.as_ref().is_none_or(|code| *code == contract.legal_entity)
            && self.currency.is_none_or(|currency| currency == contract.currency)
            && self.customer.as_ref().is_none_or(|company| *company == engagement.customer_record.company)
            && self.service_line.as_ref().is_none_or(all_of)
    }

    /// Whether some engagement may meet the conditions of both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        fn alike<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        alike(self.legal_entity.as_ref(), other.legal_entity.as_ref())
            && alike(self.currency.as_ref(), other.currency.as_ref())
            && alike(self.service_line.as_ref(), other.service_line.as_ref())
            && alike(self.customer.as_ref(), other.customer.as_ref())
    }
}

impl Invoicing {
    /// Whether nothing is said of it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The policy of an engagement: the most specific that applies, or the default.
    #[must_use]
    pub fn policy_of(&self, engagement: &Engagement, config: &TenantConfig) -> InvoicePolicy {
        let applies = self.policies.iter().filter(|p| p.when.holds(engagement, config));
        let most = applies.rev().max_by_key(|p| p.when.conditions());
        most.cloned().unwrap_or_default()
    }
}

/// The invoice that a line asks for by becoming ready, if its policy lets it. The same line always asks for
/// the same invoice.
#[must_use]
pub fn asked_by(
    engagement: &Engagement,
    policy: &InvoicePolicy,
    line: &BillableLine,
) -> Option<InvoiceRequested> {
    let id = engagement.engagement.as_str();
    let (invoice, reason) = match (policy.ask, &line.evidence) {
        (Ask::AtOnce | Ask::PerMilestone, Evidence::Milestone { completion, name }) => {
            let key = &completion.milestone;
            let invoice = InvoiceId::derive(&[id, "invoice", "milestone", key]);
            (invoice, format!("milestone {key} {name} completed"))
        }
        (Ask::AtOnce | Ask::PerMilestone, Evidence::Charge { charge, name, period, from, until, .. }) => {
            let invoice = InvoiceId::derive(&[id, "invoice", "charge", charge, &period.to_string()]);
            let last = until.yesterday().unwrap_or(*until);
            (invoice, format!("charge {charge} {name}, {from} to {last}"))
        }
        (Ask::AtOnce | Ask::PerMilestone, Evidence::Deposit { deposit, name }) => {
            let invoice = InvoiceId::derive(&[id, "invoice", "deposit", deposit]);
            (invoice, format!("deposit {deposit} {name}"))
        }
        (Ask::AtOnce, _) => {
            let invoice = InvoiceId::derive(&[id, "invoice", "at-once", line.line.as_str()]);
            (invoice, format!("line {} is ready", line.line))
        }
        (Ask::PerMilestone | Ask::Monthly { .. } | Ask::Manual, _) => return None,
    };
    let asked = InvoiceRequested::of(invoice, vec![line.line.clone()], reason);
    Some(InvoiceRequested { minimum: policy.minimum, ..asked })
}

/// The invoice that a line asks for by being released from a hold: another than the one that it may have asked
/// for before it was held, which has come and gone without it.
#[must_use]
pub fn asked_by_release(
    engagement: &Engagement,
    policy: &InvoicePolicy,
    line: &BillableLine,
    hold: &LineHold,
) -> Option<InvoiceRequested> {
    let asked = asked_by(engagement, policy, line)?;
    let invoice = InvoiceId::derive(&[asked.invoice.as_str(), "released", hold.exception.as_str()]);
    Some(InvoiceRequested { invoice, ..asked })
}

/// The invoice that lines ask for by being released to be billed anew: one for all of a credit memo, if the policy lets
/// any of them ask for one.
#[must_use]
pub fn asked_by_rebill(
    engagement: &Engagement,
    policy: &InvoicePolicy,
    credit_memo: &CreditMemoId,
    released: &[BillableLine],
) -> Option<InvoiceRequested> {
    released.iter().find_map(|line| asked_by(engagement, policy, line))?;
    let invoice =
        InvoiceId::derive(&[engagement.engagement.as_str(), "invoice", "rebill", credit_memo.as_str()]);
    let lines = released.iter().take(MOST_NAMED).map(|line| line.line.clone()).collect();
    let asked = InvoiceRequested::of(invoice, lines, format!("billed anew after credit memo {credit_memo}"));
    Some(InvoiceRequested { minimum: policy.minimum, ..asked })
}

/// A run of a monthly policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthlyRun {
    /// The day of the run.
    pub day: Date,
    /// The last day of what it invoices, which is over by then: the day before the run.
    pub cut_off: Date,
}

impl MonthlyRun {
    /// Year and month, as `2027-02`.
    #[must_use]
    pub fn month(&self) -> String {
        format!("{:04}-{:02}", self.day.year(), self.day.month())
    }
}

/// The day of a month on which a policy's run falls.
fn run_day(in_month: Date, on_day: u8) -> Date {
    let last = in_month.last_of_month().day();
    let day = i8::try_from(on_day).unwrap_or(i8::MAX).clamp(1, last);
    in_month.with().day(day).build().unwrap_or(in_month)
}

fn monthly(day: Date) -> Option<MonthlyRun> {
    Some(MonthlyRun { day, cut_off: day.yesterday().ok()? })
}

/// The latest run of a monthly policy that is due on a day, however late it is; none for another policy.
#[must_use]
pub fn due_run(ask: Ask, today: Date) -> Option<MonthlyRun> {
    let Ask::Monthly { on_day } = ask else { return None };
    let this = run_day(today, on_day);
    let before = || Some(run_day(today.first_of_month().yesterday().ok()?, on_day));
    monthly(if this <= today { this } else { before()? })
}

/// The next run of a monthly policy after a day.
#[must_use]
pub fn next_run(ask: Ask, today: Date) -> Option<MonthlyRun> {
    let Ask::Monthly { on_day } = ask else { return None };
    let this = run_day(today, on_day);
    let next = || Some(run_day(today.first_of_month().checked_add(Span::new().months(1)).ok()?, on_day));
    monthly(if today < this { this } else { next()? })
}

/// The invoice that a monthly run asks for, where what is ready and was earned in time comes to enough: one an
/// engagement and month, however often and late it is asked.
///
/// # Errors
/// When amounts overflow or mix currencies.
pub fn asked_by_run(
    engagement: &Engagement,
    policy: &InvoicePolicy,
    run: MonthlyRun,
    ready: &[BillableLine],
) -> Result<Option<InvoiceRequested>, MoneyError> {
    let due: Vec<&BillableLine> = ready.iter().filter(|l| l.earned_on <= run.cut_off).collect();
    let sum = Money::total(engagement.contract.currency, due.iter().map(|l| l.amount))?;
    // What comes to nothing or less would be withdrawn, and the month never asked for again.
    if !sum.is_positive() || is_too_little(sum, policy.minimum)? {
        return Ok(None);
    }
    let id = engagement.engagement.as_str();
    let invoice = InvoiceId::derive(&[id, "invoice", "monthly", &run.month()]);
    let lines = due.iter().take(MOST_NAMED).map(|l| l.line.clone()).collect();
    let asked = InvoiceRequested::of(invoice, lines, format!("invoice run of {}", run.month()));
    Ok(Some(InvoiceRequested { earned_until: Some(run.cut_off), ..asked }))
}

/// Whether a sum is below the least of a policy. One in another currency does not speak about it.
fn is_too_little(sum: Money, minimum: Option<Money>) -> Result<bool, MoneyError> {
    match minimum.filter(|least| least.currency() == sum.currency()) {
        Some(least) => least.exceeds(sum),
        None => Ok(false),
    }
}

/// What an invoice says of all of its lines. Lines of contract versions that differ in it do not share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    legal_entity: String,
    currency: Currency,
    payment_terms: String,
    tax_code: String,
    purchase_order: Option<String>,
}

impl Header {
    /// The header of what is billed under a version of the contract.
    #[must_use]
    pub fn of(contract: &Contract) -> Self {
        Self {
            legal_entity: contract.legal_entity.clone(),
            currency: contract.currency,
            payment_terms: contract.payment_terms.clone(),
            tax_code: contract.tax_code.clone(),
            purchase_order: contract.purchase_order.clone(),
        }
    }
}

/// What a request comes to, of the lines that are ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The lines that the invoice takes.
    pub take: BTreeSet<LineId>,
    /// The invoice that is asked for beside it, of lines that need another header.
    pub beside: Option<InvoiceRequested>,
    /// What the lines come to, where that is below the policy's least: then no invoice is begun.
    pub too_little: Option<Money>,
}

/// Chooses what a request's invoice takes. `headers` says by contract version what an invoice of it says; a
/// version that is not in it fits everywhere, as it did before headers were compared.
///
/// # Errors
/// When amounts overflow or mix currencies.
pub fn choose(
    requested: &InvoiceRequested,
    (version, header): (u32, &Header),
    headers: &BTreeMap<u32, Header>,
    ready: &[BillableLine],
) -> Result<Chosen, MoneyError> {
    let in_time = |l: &&BillableLine| requested.earned_until.is_none_or(|until| l.earned_on <= until);
    let fits =
        |l: &&BillableLine, header: &Header| headers.get(&l.contract_version).is_none_or(|own| own == header);
    let (mine, others): (Vec<&BillableLine>, Vec<&BillableLine>) =
        ready.iter().filter(in_time).partition(|l| l.contract_version == version || fits(l, header));
    let sum = Money::total(header.currency, mine.iter().map(|l| l.amount))?;
    let too_little = is_too_little(sum, requested.minimum)? && !mine.is_empty();
    let beside = others.iter().map(|l| l.contract_version).min().and_then(|version| {
        let header = headers.get(&version)?;
        let lines = others.iter().filter(|l| fits(l, header)).take(MOST_NAMED).map(|l| l.line.clone());
        let invoice = InvoiceId::derive(&[requested.invoice.as_str(), "header", &version.to_string()]);
        let asked = InvoiceRequested::of(invoice, lines.collect(), requested.reason.clone());
        Some(InvoiceRequested {
            earned_until: requested.earned_until,
            minimum: requested.minimum,
            contract_version: Some(version),
            ..asked
        })
    });
    let take = mine.iter().map(|l| l.line.clone()).collect();
    Ok(Chosen { take, beside, too_little: too_little.then_some(sum) })
}
