//! What is left of a deposit, and what an invoice draws of it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DepositTerms, DrawnWhen};
use crate::billing::{BillableLine, Evidence};
use crate::credit_memo::CreditMemo;
use crate::id::{InvoiceId, LineId};
use crate::invoice::{Invoice, InvoiceStatus};
use crate::money::{Money, MoneyError};

/// What deposits have to do with an invoice, before tax.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceDeposits {
    /// Its own lines of deposits: no deposit pays for another one.
    pub billed: Money,
    /// What its drawdowns take off it.
    pub taken_off: Money,
    /// What other invoices drew of its own lines of deposits, by line.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub drawn: BTreeMap<LineId, Money>,
}

/// A deposit that was billed, with the invoice that bills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledDeposit {
    /// Its terms.
    pub terms: DepositTerms,
    /// Its line.
    pub line: BillableLine,
    /// The invoice that owns the line.
    pub invoice: Invoice,
    /// The credit memos of that invoice, granted or not.
    pub memos: Vec<CreditMemo>,
}

/// Where a deposit stands, before tax: amount = drawn + returned + left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepositBalance {
    /// What it was billed with.
    pub amount: Money,
    /// What invoices drew of it.
    pub drawn: Money,
    /// What credit memos take off it, those that are not posted yet among them.
    pub returned: Money,
    /// What is left to be drawn or returned.
    pub left: Money,
}

/// An invoice with what it draws.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    /// The invoice with its drawdowns; as it was where it draws nothing.
    pub invoice: Invoice,
    /// The drawdowns, as lines that it owns.
    pub lines: Vec<BillableLine>,
    /// The invoices that bill what is drawn, with so much less left.
    pub drawn_from: Vec<Invoice>,
}

/// The line by which an invoice draws on a deposit; the same two are always the same line.
#[must_use]
pub fn drawdown_line(deposit: &LineId, invoice: &InvoiceId) -> LineId {
    LineId::derive(&[deposit.as_str(), "drawdown", invoice.as_str()])
}

impl BilledDeposit {
    /// Where it stands.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn balance(&self) -> Result<DepositBalance, MoneyError> {
        let amount = self.line.amount;
        let drawn = self.invoice.drawn_of(&self.line.line);
        let stands = |memo: &&CreditMemo| memo.invoice == self.invoice.invoice && memo.stands();
        let parts = self.memos.iter().filter(stands).flat_map(|memo| &memo.parts);
        let its = parts.filter(|part| part.line.as_ref() == Some(&self.line.line));
        let returned = Money::total(amount.currency(), its.map(|part| part.amount))?;
        Ok(DepositBalance { amount, drawn, returned, left: amount.minus(drawn)?.minus(returned)? })
    }

    /// Whether it may be drawn by now.
    #[must_use]
    pub fn may_be_drawn(&self) -> bool {
        match self.terms.drawn_when {
            DrawnWhen::Posted => self.invoice.is_posted(),
            DrawnWhen::Paid => matches!(self.invoice.status, InvoiceStatus::Paid | InvoiceStatus::Credited),
        }
    }

    /// Whether an invoice may bear its drawdown, which has the tax code of the deposit: an invoice has one.
    fn fits(&self, invoice: &Invoice) -> bool {
        let own = &self.invoice;
        own.invoice != invoice.invoice
            && own.customer == invoice.customer
            && own.legal_entity == invoice.legal_entity
            && own.tax_code == invoice.tax_code
            && own.untaxed.currency() == invoice.untaxed.currency()
    }

    /// What of it is drawn for an invoice that bills so much work, of which so much is not covered yet.
    fn share(&self, work: Money, uncovered: Money) -> Result<Money, MoneyError> {
        let left = self.balance()?.left;
        let share = match self.terms.share_percent {
            None => uncovered,
            Some(percent) => {
                // Divided last, rounded once.
                let product = work.amount().checked_mul(percent).ok_or(MoneyError::Overflow)?;
                Money::rounded(product / Decimal::ONE_HUNDRED, work.currency())
            }
        };
        least(least(share, uncovered)?, left)
    }

    fn drawdown(&self, invoice: &InvoiceId, amount: Money, on: Date) -> Result<BillableLine, MoneyError> {
        Ok(BillableLine {
            line: drawdown_line(&self.line.line, invoice),
            amount: Money::zero(amount.currency()).minus(amount)?,
            earned_on: on,
            evidence: Evidence::Drawdown {
                deposit: self.terms.key.clone(),
                name: self.terms.name.clone(),
                of: self.line.line.clone(),
                billed_by: self.invoice.invoice.clone(),
            },
            ..self.line.clone()
        })
    }
}

fn least(one: Money, other: Money) -> Result<Money, MoneyError> {
    Ok(if one.exceeds(other)? { other } else { one })
}

impl Drawing {
    /// What an invoice whose lines are all taken draws on a day: of each deposit in turn what is left of it, and
    /// no more than its share of what the invoice bills, so that it never bills less than nothing.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn of(invoice: Invoice, deposits: &[BilledDeposit], on: Date) -> Result<Self, MoneyError> {
        let nothing = Money::zero(invoice.untaxed.currency());
        let billed = invoice.deposits.as_ref().map_or(nothing, |own| own.billed);
        let work = invoice.untaxed.minus(billed)?;
        let mut drawing = Self { invoice, lines: vec![], drawn_from: vec![] };
        let mut uncovered = work;
        for deposit in deposits.iter().filter(|d| d.may_be_drawn()) {
            if !deposit.fits(&drawing.invoice) {
                continue;
            }
            let amount = deposit.share(work, uncovered)?;
            if !amount.is_positive() {
                continue;
            }
            uncovered = uncovered.minus(amount)?;
            drawing.lines.push(deposit.drawdown(&drawing.invoice.invoice, amount, on)?);
            drawing.drawn_from(&deposit.invoice, &deposit.line.line, amount)?;
        }
        if !drawing.lines.is_empty() {
            let taken_off = work.minus(uncovered)?;
            let mut next = drawing.invoice.collect(&drawing.lines)?;
            next.deposits = Some(InvoiceDeposits { billed, taken_off, drawn: BTreeMap::new() });
            drawing.invoice = next;
        }
        Ok(drawing)
    }

    /// Two deposits may be on one invoice.
    fn drawn_from(&mut self, invoice: &Invoice, line: &LineId, amount: Money) -> Result<(), MoneyError> {
        match self.drawn_from.iter_mut().find(|known| known.invoice == invoice.invoice) {
            Some(known) => *known = known.with_drawn(line, amount)?,
            None => self.drawn_from.push(invoice.with_drawn(line, amount)?),
        }
        Ok(())
    }
}

impl Invoice {
    /// What its drawdowns take off it, before tax.
    #[must_use]
    pub fn taken_off(&self) -> Money {
        self.deposits.as_ref().map_or_else(|| Money::zero(self.untaxed.currency()), |own| own.taken_off)
    }

    /// What other invoices drew of one of its lines.
    #[must_use]
    pub fn drawn_of(&self, line: &LineId) -> Money {
        let drawn = self.deposits.as_ref().and_then(|own| own.drawn.get(line)).copied();
        drawn.unwrap_or_else(|| Money::zero(self.untaxed.currency()))
    }

    /// The invoice with so much more drawn of one of its lines; below nothing, given back.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn with_drawn(&self, line: &LineId, amount: Money) -> Result<Self, MoneyError> {
        let nothing = Money::zero(self.untaxed.currency());
        let new = || InvoiceDeposits { billed: nothing, taken_off: nothing, drawn: BTreeMap::new() };
        let mut deposits = self.deposits.clone().unwrap_or_else(new);
        let drawn = self.drawn_of(line).plus(amount)?;
        if drawn.is_zero() {
            deposits.drawn.remove(line);
        } else {
            deposits.drawn.insert(line.clone(), drawn);
        }
        Ok(Self { deposits: Some(deposits), ..self.clone() })
    }

    /// The lines of deposits among those that it takes, counted with what it bills of them.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub(crate) fn with_deposits(mut self, page: &[BillableLine]) -> Result<Self, MoneyError> {
        let nothing = Money::zero(self.untaxed.currency());
        let its = page.iter().filter(|line| matches!(line.evidence, Evidence::Deposit { .. }));
        let billed = Money::total(nothing.currency(), its.map(|line| line.amount))?;
        if billed.is_zero() {
            return Ok(self);
        }
        let new = InvoiceDeposits { billed: nothing, taken_off: nothing, drawn: BTreeMap::new() };
        let mut deposits = self.deposits.take().unwrap_or(new);
        deposits.billed = deposits.billed.plus(billed)?;
        self.deposits = Some(deposits);
        Ok(self)
    }
}
