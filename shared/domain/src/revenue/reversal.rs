//! What credit memos and write-offs take back of revenue.
//!
//! What tells the revenue of a line decides (`source`):
//!
//! - the line itself: it stays earned while it is billed or to be billed. A part of the price that is taken off, a line
//!   that is credited and never billed again, and one that is written off take that much back. A line that is credited
//!   to be billed anew takes nothing back; what was taken off its price before is given back, as it is billed
//!   anew at its full price;
//! - the invoice: whatever is taken off it is taken back, also of what is billed anew: the next invoice
//!   earns it. What is written off was never billed, so nothing was earned;
//! - the schedule: it plans that much less, see [`TakenOff`].
//!
//! Each effect follows from its cause alone, so any order of causes comes to the same; and the causes limit each
//! other (a credit memo takes off what is left of a line, a write-off is of lines that nobody invoiced), so what is
//! taken back is never more than was earned.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::earned::{
    Element, RevenueEarned, RevenueEvidence, Source, earned_by_invoice, earned_by_line, source,
};
use super::period::{AccountingPeriod, LatePosting};
use crate::billing::{BillableLine, Evidence};
use crate::contract::Contract;
use crate::credit_memo::{CreditMemo, CreditShare, CreditedPart};
use crate::engagement::Engagement;
use crate::id::{CreditMemoId, InvoiceId, RevenueId, WriteOffId};
use crate::money::{Money, MoneyError};

/// Why revenue can't be taken back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReversalError {
    /// Amounts mix currencies.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// More than was earned, or the other way round.
    #[error("{part} can't be taken back of {earned}")]
    TooMuch {
        /// What was to be taken back.
        part: Money,
        /// What was earned.
        earned: Money,
    },
}

/// What takes revenue back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// A credit memo was posted.
    Credited {
        /// The credit memo.
        credit_memo: CreditMemoId,
        /// The invoice that it reduces.
        invoice: InvoiceId,
    },
    /// It was written off.
    WrittenOff(WriteOffId),
}

impl Because {
    fn id(&self) -> &str {
        match self {
            Self::Credited { credit_memo, .. } => credit_memo.as_str(),
            Self::WrittenOff(write_off) => write_off.as_str(),
        }
    }

    fn evidence(&self) -> RevenueEvidence {
        match self.clone() {
            Self::Credited { credit_memo, invoice } => RevenueEvidence::CreditMemo { credit_memo, invoice },
            Self::WrittenOff(write_off) => RevenueEvidence::WriteOff { write_off },
        }
    }
}

impl From<&CreditMemo> for Because {
    fn from(memo: &CreditMemo) -> Self {
        Self::Credited { credit_memo: memo.credit_memo.clone(), invoice: memo.invoice.clone() }
    }
}

/// What takes a revenue event back, wholly or `part` of it, on a day. The same cause takes it back once.
///
/// # Errors
/// [`ReversalError`]
pub fn reversal(
    earned: &RevenueEarned,
    because: &Because,
    part: Option<Money>,
    on: Date,
    closed_until: Option<AccountingPeriod>,
) -> Result<RevenueEarned, ReversalError> {
    let part = part.unwrap_or(earned.amount);
    let left = earned.amount.minus(part)?;
    let within = |sign: Money| left.is_zero() || left.is_positive() == sign.is_positive();
    if part.is_zero() || part.is_positive() != earned.amount.is_positive() || !within(earned.amount) {
        return Err(ReversalError::TooMuch { part, earned: earned.amount });
    }
    Ok(against(earned, because, part, on, closed_until)?)
}

/// The event against one that was told; below nought, `part` gives back what others took.
fn against(
    earned: &RevenueEarned,
    because: &Because,
    part: Money,
    on: Date,
    closed_until: Option<AccountingPeriod>,
) -> Result<RevenueEarned, MoneyError> {
    let period = AccountingPeriod::of(on);
    Ok(RevenueEarned {
        revenue: RevenueId::derive(&[earned.revenue.as_str(), "reversal", because.id()]),
        amount: Money::zero(part.currency()).minus(part)?,
        earned_on: on,
        period,
        late: LatePosting::of(period, closed_until),
        evidence: because.evidence(),
        reverses: Some(earned.revenue.clone()),
        ..earned.clone()
    })
}

/// What was taken off something whose revenue the schedule tells. The schedule then plans that much less: of a
/// milestone over all its months, of a period of a charge over those of the period, by what each has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TakenOff {
    /// Key of the milestone or recurring charge.
    pub element: String,
    /// How much in all, before tax.
    pub amount: Money,
    /// What the line billed, before tax; none of a share of what was taken off an invoice as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billed: Option<Money>,
    /// First day of the charge's period; none of a milestone, which has all its months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The first day after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl TakenOff {
    fn of(line: &BillableLine, element: &Element, amount: Money) -> Self {
        let (from, until) = match line.evidence.delivered() {
            Evidence::Charge { from, until, .. } => (Some(*from), Some(*until)),
            _ => (None, None),
        };
        Self { element: element.key().to_owned(), amount, billed: Some(line.amount), from, until }
    }

    /// What of it falls on the months up to one (on all, without one), of what is planned of the element by day.
    /// Of a charge's period that costs less by now than its line billed, the difference is no longer planned, and
    /// is not taken off again.
    pub(super) fn up_to(
        &self,
        entries: &[(Date, Money)],
        through: Option<AccountingPeriod>,
    ) -> Result<Money, MoneyError> {
        let nothing = Money::zero(self.amount.currency());
        let within = |day: Date| self.from.is_none_or(|f| day >= f) && self.until.is_none_or(|u| day < u);
        let of = || entries.iter().filter(|(day, _)| within(*day));
        let all = Money::total(nothing.currency(), of().map(|(_, amount)| *amount))?;
        let over = of().filter(|(day, _)| through.is_none_or(|t| AccountingPeriod::of(*day) <= t));
        let over = Money::total(nothing.currency(), over.map(|(_, amount)| *amount))?;
        let not_planned = match self.billed.filter(|_| self.from.is_some()) {
            Some(billed) => at_least_nothing(billed.minus(all)?),
            None => nothing,
        };
        let due = at_least_nothing(self.amount.minus(not_planned)?);
        let due = if due.exceeds(all)? { at_least_nothing(all) } else { due };
        if due.is_zero() || !over.is_positive() {
            return Ok(nothing);
        }
        if !all.exceeds(over)? {
            return Ok(due);
        }
        // Divided last: cutting a third first loses exact halves.
        let product = due.amount().checked_mul(over.amount()).ok_or(MoneyError::Overflow)?;
        Ok(Money::rounded(product / all.amount(), nothing.currency()))
    }
}

/// An amount, or nothing where it is below nought.
pub(crate) fn at_least_nothing(amount: Money) -> Money {
    if amount.is_positive() { amount } else { Money::zero(amount.currency()) }
}

/// What a credit memo or write-off comes to for the revenue of a line, or of an element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Undone {
    /// Revenue events, each after the one that it takes back: whoever keeps them tells what was not told yet.
    pub events: Vec<RevenueEarned>,
    /// What the schedule plans less, by what it was taken off of.
    pub taken_off: Vec<(String, TakenOff)>,
}

/// What undoing looks at.
#[derive(Debug, Clone, Copy)]
pub struct Undoing<'a> {
    /// The engagement.
    pub engagement: &'a Engagement,
    /// The version of the contract that priced the line.
    pub contract: &'a Contract,
    /// The day of the credit memo or write-off, where the business counts its days.
    pub on: Date,
    /// The last month that is closed in the books.
    pub closed_until: Option<AccountingPeriod>,
}

impl Undoing<'_> {
    fn source(&self, line: &BillableLine) -> Option<(Source, Element)> {
        let element = Element::of(line);
        let treatment = *self.contract.revenue.get(&line.service)?;
        let source = source(treatment, &element);
        (source != Source::Never).then_some((source, element))
    }

    /// What a posted credit memo comes to for a line that it concerns. `invoiced_on` is the day of the invoice.
    ///
    /// # Errors
    /// [`ReversalError`] when more would be taken back than was earned.
    pub fn credited(
        &self,
        line: &BillableLine,
        memo: &CreditMemo,
        part: &CreditedPart,
        invoiced_on: Date,
    ) -> Result<Undone, ReversalError> {
        let Some((source, element)) = self.source(line) else { return Ok(Undone::default()) };
        let nothing = Money::zero(line.amount.currency());
        let off = match source {
            Source::Invoice => part.amount,
            _ if part.whole && memo.rebill => nothing.minus(memo.given_back(&line.line)?)?,
            _ => part.amount.minus(memo.given_back(&line.line)?)?,
        };
        let (engagement, contract, closed) = (self.engagement, self.contract, self.closed_until);
        let earned = match source {
            Source::Line => earned_by_line(engagement, contract, line, closed),
            Source::Invoice => {
                earned_by_invoice(engagement, contract, line, (&memo.invoice, invoiced_on), closed)
            }
            Source::Schedule => return Ok(self.planned_less(line, &element, off)),
            Source::Never => None,
        };
        self.undone(earned, &memo.into(), off)
    }

    /// What a write-off comes to for one of its lines.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn written_off(&self, line: &BillableLine, by: &WriteOffId) -> Result<Undone, ReversalError> {
        match self.source(line) {
            Some((Source::Line, _)) => {
                let earned = earned_by_line(self.engagement, self.contract, line, self.closed_until);
                self.undone(earned, &Because::WrittenOff(by.clone()), line.amount)
            }
            Some((Source::Schedule, element)) => Ok(self.planned_less(line, &element, line.amount)),
            Some((Source::Invoice | Source::Never, _)) | None => Ok(Undone::default()),
        }
    }

    /// What the share of an element comes to, in what was taken off an invoice as a whole. `line` is the one that it
    /// names: it names the terms, and no line is taken back by it.
    ///
    /// # Errors
    /// When amounts overflow.
    pub fn shared(
        &self,
        line: &BillableLine,
        memo: &CreditMemo,
        share: &CreditShare,
    ) -> Result<Undone, ReversalError> {
        let Some((source, element)) = self.source(line) else { return Ok(Undone::default()) };
        if source == Source::Schedule {
            let off = TakenOff {
                billed: None,
                from: None,
                until: None,
                ..TakenOff::of(line, &element, share.amount)
            };
            return Ok(Undone { events: vec![], taken_off: vec![(format!("{}#", element.key()), off)] });
        }
        let terms = match source {
            Source::Line => earned_by_line(self.engagement, self.contract, line, None),
            _ => earned_by_invoice(self.engagement, self.contract, line, (&memo.invoice, self.on), None),
        };
        let Some(terms) = terms else { return Ok(Undone::default()) };
        let event = against(&terms, &memo.into(), share.amount, self.on, self.closed_until)?;
        let parts = [memo.invoice.as_str(), "share", memo.credit_memo.as_str(), &element.to_string()];
        let revenue = RevenueId::derive(&parts);
        let event = RevenueEarned { revenue, line: None, reverses: None, ..event };
        Ok(Undone { events: vec![event], taken_off: vec![] })
    }

    fn planned_less(&self, line: &BillableLine, element: &Element, off: Money) -> Undone {
        let taken_off = vec![(line.line.to_string(), TakenOff::of(line, element, off))];
        Undone { events: vec![], taken_off: if off.is_zero() { vec![] } else { taken_off } }
    }

    fn undone(
        &self,
        earned: Option<RevenueEarned>,
        because: &Because,
        off: Money,
    ) -> Result<Undone, ReversalError> {
        let Some(earned) = earned.filter(|_| !off.is_zero()) else { return Ok(Undone::default()) };
        let gives_back = off.is_positive() != earned.amount.is_positive();
        let event = if gives_back {
            against(&earned, because, off, self.on, self.closed_until)?
        } else {
            reversal(&earned, because, Some(off), self.on, self.closed_until)?
        };
        Ok(Undone { events: vec![earned, event], taken_off: vec![] })
    }
}
