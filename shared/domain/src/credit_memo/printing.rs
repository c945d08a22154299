//! The printed lines of a credit memo: each takes something off one printed line of the invoice, so that
//! account and tax are those under which it was billed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::contract::Accounting;
use crate::invoice::InvoiceLine;
use crate::money::{Money, MoneyError};

use super::CreditMemo;

/// A line as it is printed on a credit memo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditLine {
    /// Position, from 1.
    pub position: u32,
    /// Position of the invoice's line that it reduces.
    pub of: u32,
    /// What is taken off.
    pub description: String,
    /// How much, before tax; below nothing where it takes off what the invoice took back itself.
    pub amount: Money,
    /// How the invoice's line was posted.
    pub accounting: Option<Accounting>,
}

/// The printed lines of a credit memo, from those of its invoice. What is taken off the invoice as a whole is
/// spread over its lines by their amounts, and adds up to the cent.
///
/// # Errors
/// When amounts overflow or mix currencies.
pub fn credit_lines(memo: &CreditMemo, printed: &[InvoiceLine]) -> Result<Vec<CreditLine>, MoneyError> {
    let currency = memo.untaxed.currency();
    let mut amounts: BTreeMap<u32, Money> = BTreeMap::new();
    let mut add = |position: u32, amount: Money| -> Result<(), MoneyError> {
        let sum = amounts.entry(position).or_insert_with(|| Money::zero(currency));
        *sum = sum.plus(amount)?;
        Ok(())
    };
    for part in &memo.parts {
        let Some(billed) = &part.line else {
            for (line, share) in printed.iter().zip(spread(part.amount, printed)?) {
                add(line.position, share)?;
            }
            continue;
        };
        // A line that is not printed adds nothing: the sum then differs from the credit memo, and is noticed.
        if let Some(line) = printed.iter().find(|line| line.lines.contains(billed)) {
            add(line.position, part.amount)?;
        }
    }
    let taken: Vec<(&InvoiceLine, Money)> = printed
        .iter()
        .filter_map(|line| Some((line, *amounts.get(&line.position)?)))
        .filter(|(_, amount)| !amount.is_zero())
        .collect();
    Ok((1..)
        .zip(taken)
        .map(|(position, (line, amount))| CreditLine {
            position,
            of: line.position,
            description: format!("Credit of {}: {}", line.position, line.description),
            amount,
            accounting: line.accounting.clone(),
        })
        .collect())
}

/// Shares of an amount by the amounts of the lines. Each is the difference of two rounded sums, so that
/// they add up to the amount. Of a line that takes something back there is nothing to take off.
fn spread(amount: Money, printed: &[InvoiceLine]) -> Result<Vec<Money>, MoneyError> {
    let currency = amount.currency();
    let billed = |line: &InvoiceLine| line.amount.amount().max(Decimal::ZERO);
    let whole: Decimal = printed.iter().map(billed).sum();
    let (mut upto, mut given, mut shares) = (Decimal::ZERO, Money::zero(currency), Vec::new());
    for line in printed {
        upto = upto.checked_add(billed(line)).ok_or(MoneyError::Overflow)?;
        let due = match amount.amount().checked_mul(upto) {
            Some(product) if !whole.is_zero() => Money::rounded(product / whole, currency),
            Some(_) => Money::zero(currency),
            None => return Err(MoneyError::Overflow),
        };
        shares.push(due.minus(given)?);
        given = due;
    }
    Ok(shares)
}
