//! Whether an invoice can be credited as somebody asks.

use crate::billing::{BillableLine, Evidence};
use crate::deposit::DrawnFrom;
use crate::dispute::Dispute;
use crate::engagement::Engagement;
use crate::id::{CreditMemoId, DisputeId, InvoiceId, LineId};
use crate::invoice::{Invoice, InvoiceStatus};
use crate::money::{Money, MoneyError};

use super::{CreditMemo, CreditMemoRequested, CreditMemoStatus, CreditedPart, MOST_LINES, Reduction};

/// Why an invoice can't be credited so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditError {
    /// What was never posted is corrected, not credited. To be asked for again once it is posted.
    #[error("{invoice} is {} and has nothing to credit", status.as_str())]
    NotPosted {
        /// The invoice.
        invoice: InvoiceId,
        /// Where it stands.
        status: InvoiceStatus,
    },
    /// Nothing, or less than nothing.
    #[error("{untaxed} is no credit")]
    NotPositive {
        /// What was asked for.
        untaxed: Money,
    },
    /// More than was billed, together with what was credited before.
    #[error("{invoice} was billed with {billed}; {credited} of it was credited, {asked} more is too much")]
    TooMuch {
        /// The invoice.
        invoice: InvoiceId,
        /// What it billed, before tax.
        billed: Money,
        /// What earlier credit memos took off it.
        credited: Money,
        /// What was asked for.
        asked: Money,
    },
    /// More than is left of one line.
    #[error("{left} is left of line {line}; {asked} is too much")]
    TooMuchOfLine {
        /// The line.
        line: LineId,
        /// What is left of it.
        left: Money,
        /// What was asked for.
        asked: Money,
    },
    /// The invoice does not bill the line.
    #[error("{invoice} does not bill line {line}")]
    NotBilled {
        /// The invoice.
        invoice: InvoiceId,
        /// The line.
        line: LineId,
    },
    /// The line was taken off whole before, or is asked for twice.
    #[error("line {line} is taken off whole by {by} already")]
    TakenOff {
        /// The line.
        line: LineId,
        /// What took it off.
        by: CreditMemoId,
    },
    /// The dispute that it names is none of the invoice, or it was decided that the invoice is right.
    #[error("{dispute} is no dispute of {invoice}, or was rejected")]
    NotContested {
        /// The dispute.
        dispute: DisputeId,
        /// The invoice.
        invoice: InvoiceId,
    },
    /// A reduction of the line may still be rejected: then what is left of it is more. To be asked for again once
    /// that is posted or rejected.
    #[error("line {line} is reduced by {by}, which is not posted yet")]
    Undecided {
        /// The line.
        line: LineId,
        /// The credit memo that reduces it.
        by: CreditMemoId,
    },
    /// Invoices drew on the deposit that the line bills: only what is left of it can be taken off.
    #[error(
        "line {line} is a deposit that was drawn on; ask for a reduction of it by the {left} that is left"
    )]
    DrawnOn {
        /// The line.
        line: LineId,
        /// What is left.
        left: Money,
    },
    /// Nobody knows what a reduction of the whole invoice would leave of its deposit.
    #[error("{invoice} bills a deposit; a reduction of it names its line")]
    NamesNoLine {
        /// The invoice.
        invoice: InvoiceId,
    },
    /// More lines than one commit releases.
    #[error("{lines} lines are more than the {MOST_LINES} of one credit memo")]
    TooManyLines {
        /// How many were asked for.
        lines: usize,
    },
    /// Only a line that is taken off whole can be billed anew.
    #[error("nothing is released that could be billed anew")]
    NothingToRebill,
    /// Another currency than the invoice's, or an amount beyond reckoning.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// What is billed and what was taken off it so far, while a credit memo is put together.
struct Standing<'a> {
    asked: &'a CreditMemoRequested,
    invoice: &'a Invoice,
    billed: &'a [BillableLine],
    earlier: Vec<&'a CreditMemo>,
    parts: Vec<CreditedPart>,
}

impl CreditMemoRequested {
    /// That the dispute that it names, as it stands (`dispute`), may be settled by it.
    ///
    /// # Errors
    /// [`CreditError::NotContested`]
    pub fn settles(&self, dispute: Option<&Dispute>) -> Result<(), CreditError> {
        match &self.dispute {
            Some(named) if !dispute.is_some_and(|known| known.may_be_credited(&self.invoice)) => {
                Err(CreditError::NotContested { dispute: named.clone(), invoice: self.invoice.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl CreditMemo {
    /// A credit memo that is asked for, of an invoice that billed these lines, beside those that the
    /// invoice has already. Asked for again, it is the one that there is.
    ///
    /// # Errors
    /// [`CreditError`]; one that is [not posted](CreditError::NotPosted) or
    /// [undecided](CreditError::Undecided) goes away with time.
    pub fn request(
        engagement: &Engagement,
        invoice: &Invoice,
        billed: &[BillableLine],
        earlier: &[Self],
        asked: &CreditMemoRequested,
    ) -> Result<Self, CreditError> {
        if let Some(asked_before) = earlier.iter().find(|memo| memo.credit_memo == asked.credit_memo) {
            return Ok(asked_before.clone());
        }
        if !invoice.is_posted() {
            return Err(CreditError::NotPosted { invoice: invoice.invoice.clone(), status: invoice.status });
        }
        if asked.lines.len() > MOST_LINES {
            return Err(CreditError::TooManyLines { lines: asked.lines.len() });
        }
        if asked.rebill && asked.lines.is_empty() {
            return Err(CreditError::NothingToRebill);
        }
        let stands = |memo: &&Self| memo.invoice == invoice.invoice && memo.stands();
        let earlier = earlier.iter().filter(stands).collect();
        let mut standing = Standing { asked, invoice, billed, earlier, parts: Vec::new() };
        for line in &asked.lines {
            let left = standing.left_of(line)?;
            standing.is_decided(line)?;
            standing.is_not_drawn_on(line, left)?;
            standing.take_off(line, left);
        }
        standing.give_back()?;
        let whole = standing.parts.len();
        if whole > MOST_LINES {
            return Err(CreditError::TooManyLines { lines: whole });
        }
        if let Some(reduction) = &asked.reduction {
            standing.reduce(reduction)?;
        }
        let untaxed = standing.untaxed()?;
        Ok(Self {
            credit_memo: asked.credit_memo.clone(),
            engagement: engagement.engagement.clone(),
            invoice: invoice.invoice.clone(),
            contract_version: invoice.contract_version,
            parts: standing.parts,
            untaxed,
            reason: asked.reason.clone(),
            requested_by: asked.requested_by.clone(),
            rebill: asked.rebill,
            dispute: asked.dispute.clone(),
            status: CreditMemoStatus::Requested,
            record: None,
            number: None,
            credited_on: None,
            tax: None,
            total: None,
            set_off: None,
            shares: Vec::new(),
            gives_back: Vec::new(),
        })
    }
}

impl Standing<'_> {
    /// Everything that was or is to be taken off a line, and by what.
    fn taken_off<'a>(
        &'a self,
        line: &'a LineId,
    ) -> impl Iterator<Item = (&'a CreditedPart, &'a CreditMemoId)> {
        let before = self.earlier.iter().flat_map(|memo| memo.parts.iter().map(|p| (p, &memo.credit_memo)));
        let now = self.parts.iter().map(|part| (part, &self.asked.credit_memo));
        before.chain(now).filter(move |(part, _)| part.line.as_ref() == Some(line))
    }

    /// What is left of a line that the invoice bills.
    fn left_of(&self, line: &LineId) -> Result<Money, CreditError> {
        let Some(billed) = self.billed.iter().find(|b| b.line == *line) else {
            return Err(CreditError::NotBilled { invoice: self.invoice.invoice.clone(), line: line.clone() });
        };
        if let Some((_, by)) = self.taken_off(line).find(|(part, _)| part.whole) {
            return Err(CreditError::TakenOff { line: line.clone(), by: by.clone() });
        }
        let reduced = self.taken_off(line).map(|(part, _)| part.amount);
        let reduced = Money::total(self.invoice.untaxed.currency(), reduced)?;
        Ok(billed.amount.minus(reduced)?.minus(self.invoice.drawn_of(line))?)
    }

    fn take_off(&mut self, line: &LineId, amount: Money) {
        let evidence = self.billed.iter().find(|b| b.line == *line).map(|b| &b.evidence);
        let drawn_from = match evidence {
            Some(Evidence::Drawdown { of, billed_by, .. }) => {
                Some(DrawnFrom { line: of.clone(), invoice: billed_by.clone() })
            }
            _ => None,
        };
        self.parts.push(CreditedPart { line: Some(line.clone()), amount, whole: true, drawn_from });
    }

    /// A deposit that was drawn on is not taken off whole: what was drawn stays billed.
    fn is_not_drawn_on(&self, line: &LineId, left: Money) -> Result<(), CreditError> {
        if self.invoice.drawn_of(line).is_zero() {
            return Ok(());
        }
        Err(CreditError::DrawnOn { line: line.clone(), left })
    }

    /// Where nothing else of the invoice is left, its drawdowns are taken off too: the deposits have them again.
    fn give_back(&mut self) -> Result<(), CreditError> {
        if self.parts.is_empty() || self.invoice.taken_off().is_zero() {
            return Ok(());
        }
        let gone = |line: &LineId| self.taken_off(line).any(|(part, _)| part.whole);
        let is_drawdown = |line: &&BillableLine| matches!(line.evidence, Evidence::Drawdown { .. });
        if !self.billed.iter().filter(|line| !is_drawdown(line)).all(|line| gone(&line.line)) {
            return Ok(());
        }
        let billed = self.billed;
        for line in billed.iter().filter(is_drawdown).map(|line| &line.line) {
            if !self.taken_off(line).any(|(part, _)| part.whole) {
                let left = self.left_of(line)?;
                self.take_off(line, left);
            }
        }
        Ok(())
    }

    /// Whether every reduction of a line is in the books, so that all that is left of it is known.
    fn is_decided(&self, line: &LineId) -> Result<(), CreditError> {
        let reduces =
            |memo: &&&CreditMemo| memo.parts.iter().any(|p| !p.whole && p.line.as_ref() == Some(line));
        match self.earlier.iter().filter(reduces).find(|memo| !memo.status.is_posted()) {
            Some(memo) => Err(CreditError::Undecided { line: line.clone(), by: memo.credit_memo.clone() }),
            None => Ok(()),
        }
    }

    fn reduce(&mut self, reduction: &Reduction) -> Result<(), CreditError> {
        let asked = reduction.amount;
        if !asked.is_positive() {
            return Err(CreditError::NotPositive { untaxed: asked });
        }
        if let Some(line) = &reduction.line {
            let left = self.left_of(line)?;
            if asked.exceeds(left)? {
                return Err(CreditError::TooMuchOfLine { line: line.clone(), left, asked });
            }
        } else if self.invoice.deposits.as_ref().is_some_and(|own| !own.billed.is_zero()) {
            return Err(CreditError::NamesNoLine { invoice: self.invoice.invoice.clone() });
        }
        let part =
            CreditedPart { line: reduction.line.clone(), amount: asked, whole: false, drawn_from: None };
        self.parts.push(part);
        Ok(())
    }

    /// The sum of it, which must be something, and no more than the invoice has left.
    fn untaxed(&self) -> Result<Money, CreditError> {
        let currency = self.invoice.untaxed.currency();
        let asked = Money::total(currency, self.parts.iter().map(|part| part.amount))?;
        // What a deposit covers comes to nothing, and is credited all the same.
        let covered = asked.is_zero() && self.parts.iter().any(|part| part.drawn_from.is_some());
        if !asked.is_positive() && !covered {
            return Err(CreditError::NotPositive { untaxed: asked });
        }
        let credited = Money::total(currency, self.earlier.iter().map(|memo| memo.untaxed))?;
        if credited.plus(asked)?.exceeds(self.invoice.untaxed)? {
            return Err(CreditError::TooMuch {
                invoice: self.invoice.invoice.clone(),
                billed: self.invoice.untaxed,
                credited,
                asked,
            });
        }
        Ok(asked)
    }
}
