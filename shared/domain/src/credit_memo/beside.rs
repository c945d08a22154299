//! What a credit memo comes to beside those of its invoice that were posted before it: which element bears a part
//! of the price that names no line, and which parts of the price do not stand any more.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::billing::BillableLine;
use crate::id::LineId;
use crate::money::{Money, MoneyError};
use crate::revenue::Element;

use super::{CreditMemo, CreditedPart};

/// A share of what was taken off an invoice as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreditShare {
    /// What bears it.
    pub element: Element,
    /// A line of that element on the invoice: its service, its quote line and its contract version are the share's.
    pub line: LineId,
    /// How much, before tax; below nought where a later credit memo of the invoice moves it to others.
    pub amount: Money,
}

/// What an element has on an invoice.
struct Bears {
    line: LineId,
    left: Money,
    before: Money,
}

impl CreditMemo {
    /// The credit memo that is posted now, with what it comes to beside those of its invoice that are posted
    /// already. `billed` are the lines of the invoice; they count only where something was taken off as a whole.
    ///
    /// # Errors
    /// When amounts overflow or mix currencies.
    pub fn beside(self, posted: &[Self], billed: &[BillableLine]) -> Result<Self, MoneyError> {
        let other = |memo: &&Self| {
            memo.invoice == self.invoice && memo.credit_memo != self.credit_memo && memo.status.is_posted()
        };
        let before: Vec<&Self> = posted.iter().filter(other).collect();
        let (shares, gives_back) = (shares(billed, &before, &self)?, gives_back(&before, &self)?);
        Ok(Self { shares, gives_back, ..self })
    }

    /// Whether it takes something off the invoice as a whole.
    #[must_use]
    pub fn names_no_line(&self) -> bool {
        self.parts.iter().any(|part| part.line.is_none())
    }
}

/// What was taken off the price of lines that are billed anew at their full price: what earlier ones took off a line
/// that this one releases, and what this one takes off a line that an earlier one released.
fn gives_back(before: &[&CreditMemo], memo: &CreditMemo) -> Result<Vec<CreditedPart>, MoneyError> {
    let mut back = Vec::new();
    for part in &memo.parts {
        let Some(line) = &part.line else { continue };
        let of_line = |m: &&&CreditMemo| m.released().any(|released| released == line);
        let amount = if memo.bills_anew(line) {
            let earlier = before.iter().flat_map(|m| &m.parts).filter(|p| p.line.as_ref() == Some(line));
            Money::total(part.amount.currency(), earlier.map(|p| p.amount))?
        } else if before.iter().filter(of_line).any(|m| m.bills_anew(line)) {
            part.amount
        } else {
            continue;
        };
        if !amount.is_zero() {
            back.push(CreditedPart { line: Some(line.clone()), amount, whole: false, drawn_from: None });
        }
    }
    Ok(back)
}

/// The shares of a credit memo that is posted now, beside those of its invoice that were posted before: what was
/// taken off as a whole, by all of them, is spread by what is left of each element. So no element bears more than
/// it was billed with, and what is taken off whole later gives its share to the others. Empty where nothing was
/// ever taken off as a whole.
fn shares(
    billed: &[BillableLine],
    before: &[&CreditMemo],
    memo: &CreditMemo,
) -> Result<Vec<CreditShare>, MoneyError> {
    let nothing = Money::zero(memo.untaxed.currency());
    let all: Vec<&CreditMemo> = before.iter().copied().chain([memo]).collect();
    let parts = || all.iter().flat_map(|memo| &memo.parts);
    let whole = parts().filter(|part| part.line.is_none()).map(|part| part.amount);
    let whole = Money::total(memo.untaxed.currency(), whole)?;
    if whole.is_zero() {
        return Ok(Vec::new());
    }
    let mut bears: BTreeMap<Element, Bears> = BTreeMap::new();
    // What costs nothing bears nothing, and earned nothing whose terms could be told.
    for line in billed.iter().filter(|line| !line.amount.is_zero()) {
        let new = || Bears { line: line.line.clone(), left: nothing, before: nothing };
        let bears = bears.entry(Element::of(line)).or_insert_with(new);
        bears.left = bears.left.plus(line.amount)?;
        for part in parts().filter(|part| part.line.as_ref() == Some(&line.line)) {
            bears.left = bears.left.minus(part.amount)?;
        }
    }
    for share in before.iter().flat_map(|m| &m.shares) {
        if let Some(bears) = bears.get_mut(&share.element) {
            bears.before = bears.before.plus(share.amount)?;
        }
    }
    spread(whole, bears)
}

/// Rounded once for the sum of the first ones each: the shares add up, and none exceeds what is left.
fn spread(whole: Money, bears: BTreeMap<Element, Bears>) -> Result<Vec<CreditShare>, MoneyError> {
    let left = |bears: &Bears| Some(bears.left).filter(|left| left.is_positive());
    let all = Money::total(whole.currency(), bears.values().filter_map(left))?;
    let nothing = Money::zero(whole.currency());
    let (mut so_far, mut given, mut shares) = (nothing, nothing, Vec::new());
    for (element, bears) in bears {
        so_far = so_far.plus(left(&bears).unwrap_or(nothing))?;
        let until_here = part_of(whole, so_far, all)?;
        let amount = until_here.minus(given)?.minus(bears.before)?;
        given = until_here;
        if !amount.is_zero() {
            shares.push(CreditShare { element, line: bears.line, amount });
        }
    }
    Ok(shares)
}

/// `amount` × `part` ÷ `of`, rounded once; all of it where the part is the whole.
fn part_of(amount: Money, part: Money, of: Money) -> Result<Money, MoneyError> {
    if of.is_zero() || part == of {
        return Ok(if of.is_zero() { Money::zero(amount.currency()) } else { amount });
    }
    // Divided last: cutting a third first loses exact halves.
    let product = amount.amount().checked_mul(part.amount()).ok_or(MoneyError::Overflow)?;
    let quotient: Decimal = product / of.amount();
    Ok(Money::rounded(quotient, amount.currency()))
}
