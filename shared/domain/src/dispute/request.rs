//! Whether an invoice can be contested as somebody reports, and how much of it then is.

use std::collections::{BTreeMap, BTreeSet};

use crate::billing::BillableLine;
use crate::credit_memo::CreditMemo;
use crate::engagement::Engagement;
use crate::id::{CreditMemoId, DisputeId, InvoiceId, LineId};
use crate::invoice::{Invoice, InvoiceStatus};
use crate::money::{Money, MoneyError};

use super::{
    Dispute, DisputeKind, DisputeRequested, DisputeStatus, InvoiceStanding, MOST_LINES, contested,
    with_contested,
};

/// Why an invoice can't be contested so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DisputeError {
    /// Nobody owes what was never posted, or was not read back yet.
    #[error("{invoice} is {} and not posted: there is nothing to contest", status.as_str())]
    NotPosted {
        /// The invoice.
        invoice: InvoiceId,
        /// Where it stands.
        status: InvoiceStatus,
    },
    /// A balance is the invoice's, and no line's.
    #[error("a dispute of the balance names no lines")]
    BalanceOfLines,
    /// More lines than one dispute keeps the evidence of.
    #[error("{lines} lines are more than the {MOST_LINES} of one dispute: name those that are contested")]
    TooManyLines {
        /// How many it would be.
        lines: usize,
    },
    /// The invoice does not bill the line.
    #[error("{invoice} does not bill line {line}")]
    NotBilled {
        /// The invoice.
        invoice: InvoiceId,
        /// The line.
        line: LineId,
    },
    /// A credit memo took the line off the invoice already.
    #[error("line {line} was taken off whole by {by}")]
    TakenOff {
        /// The line.
        line: LineId,
        /// What took it off.
        by: CreditMemoId,
    },
    /// The line is contested by another open dispute, or twice by this one.
    #[error("line {line} is contested by {by} already")]
    Contested {
        /// The line.
        line: LineId,
        /// What contests it.
        by: DisputeId,
    },
    /// The balance is contested by another open dispute.
    #[error("the balance is contested by {by} already")]
    BalanceContested {
        /// What contests it.
        by: DisputeId,
    },
    /// Nothing, or less than nothing.
    #[error("{amount} can't be contested")]
    NotPositive {
        /// What was reported.
        amount: Money,
    },
    /// More than can be contested: what the lines come to, or what nothing else contests or has credited.
    #[error("{most} can be contested; {asked} is too much")]
    TooMuch {
        /// How much can be contested, with tax.
        most: Money,
        /// What was reported.
        asked: Money,
    },
    /// Another currency than the invoice's, or an amount beyond reckoning.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Dispute {
    /// A dispute that is reported, of an invoice that billed these lines, with its credit memos and the disputes
    /// that it has already; and the invoice with that much more of it contested. Reported again, it is the one that
    /// there is.
    ///
    /// Amounts are with tax, as the customer sees them. A line is contested with its share of the total as the ERP
    /// posted it, less what credit memos took off it. What was paid can be contested too: the customer may want it
    /// back. Only a dispute of the balance is limited by what is open. Whatever is contested, all that is contested of an
    /// invoice at once is never more than what of its total was not credited.
    ///
    /// # Errors
    /// [`DisputeError`]; none of them goes away by asking again.
    pub fn request(
        engagement: &Engagement,
        invoice: &Invoice,
        billed: &[BillableLine],
        memos: &[CreditMemo],
        disputes: &[Self],
        asked: &DisputeRequested,
    ) -> Result<(Self, Invoice), DisputeError> {
        if let Some(known) = disputes.iter().find(|dispute| dispute.dispute == asked.dispute) {
            return Ok((known.clone(), invoice.clone()));
        }
        let Some(total) = invoice.total else {
            return Err(DisputeError::NotPosted { invoice: invoice.invoice.clone(), status: invoice.status });
        };
        let of = |memo: &&CreditMemo| memo.invoice == invoice.invoice && memo.status.is_posted();
        let memos: Vec<&CreditMemo> = memos.iter().filter(of).collect();
        let ours = |dispute: &&Self| dispute.invoice == invoice.invoice && dispute.is_open();
        let disputes: Vec<Self> = disputes.iter().filter(ours).cloned().collect();
        let lines = contested_lines(invoice, billed, &memos, asked)?;
        nobody_else_contests(asked, &lines, &disputes)?;
        let others = contested(invoice, &disputes)?;
        let left = not_credited(invoice, total)?.minus(others)?;
        let open = invoice.open()?;
        let most = match asked.dispute_kind {
            DisputeKind::Balance => smaller(open, left)?,
            _ => smaller(with_tax(invoice, total, worth(invoice, &lines, &memos)?)?, left)?,
        };
        let amount = asked.amount.unwrap_or(most);
        if !amount.is_positive() {
            return Err(DisputeError::NotPositive { amount });
        }
        if amount.exceeds(most)? {
            return Err(DisputeError::TooMuch { most, asked: amount });
        }
        let standing = InvoiceStanding {
            number: invoice.number.clone(),
            untaxed: invoice.untaxed,
            total,
            applied: invoice.applied,
            set_off: invoice.set_off(),
            open,
        };
        let dispute = Self {
            dispute: asked.dispute.clone(),
            engagement: engagement.engagement.clone(),
            invoice: invoice.invoice.clone(),
            dispute_kind: asked.dispute_kind,
            lines: asked.lines.clone(),
            contested: amount,
            reason: asked.reason.clone(),
            requested_by: asked.requested_by.clone(),
            status: DisputeStatus::Open,
            standing,
            traced: u32::try_from(lines.len()).map_err(|_| MoneyError::Overflow)?,
            resolution: None,
        };
        Ok((dispute, with_contested(invoice, others.plus(amount)?)))
    }
}

impl DisputeRequested {
    /// The lines that it contests, of those that the invoice billed: all but what credit memos took off, where it names
    /// none.
    ///
    /// # Errors
    /// As [`Dispute::request`].
    pub fn contested<'a>(
        &self,
        invoice: &Invoice,
        billed: &'a [BillableLine],
        memos: &[CreditMemo],
    ) -> Result<Vec<&'a BillableLine>, DisputeError> {
        let of = |memo: &&CreditMemo| memo.invoice == invoice.invoice && memo.status.is_posted();
        contested_lines(invoice, billed, &memos.iter().filter(of).collect::<Vec<_>>(), self)
    }
}

fn contested_lines<'a>(
    invoice: &Invoice,
    billed: &'a [BillableLine],
    memos: &[&CreditMemo],
    asked: &DisputeRequested,
) -> Result<Vec<&'a BillableLine>, DisputeError> {
    let taken_off = |line: &LineId| memos.iter().find(|memo| memo.released().any(|id| id == line));
    if asked.dispute_kind == DisputeKind::Balance {
        return if asked.lines.is_empty() { Ok(vec![]) } else { Err(DisputeError::BalanceOfLines) };
    }
    let lines: Vec<&BillableLine> = if asked.lines.is_empty() {
        billed.iter().filter(|billed| taken_off(&billed.line).is_none()).collect()
    } else {
        let known: BTreeMap<&LineId, &BillableLine> = billed.iter().map(|b| (&b.line, b)).collect();
        let mut named = BTreeSet::new();
        let mut lines = Vec::new();
        for line in &asked.lines {
            if !named.insert(line) {
                return Err(DisputeError::Contested { line: line.clone(), by: asked.dispute.clone() });
            }
            if let Some(memo) = taken_off(line) {
                return Err(DisputeError::TakenOff { line: line.clone(), by: memo.credit_memo.clone() });
            }
            let Some(billed) = known.get(line) else {
                let invoice = invoice.invoice.clone();
                return Err(DisputeError::NotBilled { invoice, line: line.clone() });
            };
            lines.push(*billed);
        }
        lines
    };
    if lines.len() > MOST_LINES {
        return Err(DisputeError::TooManyLines { lines: lines.len() });
    }
    Ok(lines)
}

/// What is contested already waits for its answer, and is not contested once more meanwhile.
fn nobody_else_contests(
    asked: &DisputeRequested,
    lines: &[&BillableLine],
    open: &[Dispute],
) -> Result<(), DisputeError> {
    if asked.dispute_kind == DisputeKind::Balance {
        let other = open.iter().find(|dispute| dispute.dispute_kind == DisputeKind::Balance);
        return other.map_or(Ok(()), |d| Err(DisputeError::BalanceContested { by: d.dispute.clone() }));
    }
    for dispute in open {
        if let Some(line) = lines.iter().find(|line| dispute.contests(&line.line)) {
            return Err(DisputeError::Contested { line: line.line.clone(), by: dispute.dispute.clone() });
        }
    }
    Ok(())
}

/// What is left of lines before tax, after what credit memos took off each.
fn worth(invoice: &Invoice, lines: &[&BillableLine], memos: &[&CreditMemo]) -> Result<Money, MoneyError> {
    let currency = invoice.untaxed.currency();
    let named: BTreeSet<&LineId> = lines.iter().map(|line| &line.line).collect();
    let parts = memos.iter().flat_map(|memo| &memo.parts);
    let reduced = parts.filter(|part| part.line.as_ref().is_some_and(|line| named.contains(line)));
    Money::total(currency, lines.iter().map(|line| line.amount))?
        .minus(Money::total(currency, reduced.map(|part| part.amount))?)
}

/// What of an invoice was not credited, with tax.
fn not_credited(invoice: &Invoice, total: Money) -> Result<Money, MoneyError> {
    let credited = invoice.credited.map_or(Money::zero(total.currency()), |credited| credited.untaxed);
    with_tax(invoice, total, invoice.untaxed.minus(credited)?)
}

/// An amount before tax with its share of the tax that the ERP posted, rounded to the minor unit once.
fn with_tax(invoice: &Invoice, total: Money, untaxed: Money) -> Result<Money, MoneyError> {
    if untaxed == invoice.untaxed || !invoice.untaxed.is_positive() {
        return Ok(total);
    }
    // Divided last: a share is no finite decimal.
    let product = total.amount().checked_mul(untaxed.amount()).ok_or(MoneyError::Overflow)?;
    let share = product.checked_div(invoice.untaxed.amount()).ok_or(MoneyError::Overflow)?;
    Ok(Money::rounded(share, total.currency()))
}

fn smaller(one: Money, other: Money) -> Result<Money, MoneyError> {
    Ok(if one.exceeds(other)? { other } else { one })
}
