//! What a payment is applied to, and what stands applied when money went back.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::receipt::{Application, Receipt};
use super::{Movement, MovementLine, least, small};
use crate::event::PaymentReceived;
use crate::id::{EngagementId, InvoiceId};
use crate::invoice::{Invoice, PaymentTolerance};
use crate::money::{Money, MoneyError};
use crate::payment::RequestedApplication;
use crate::problem::{Problem, ProblemCode};

/// Invoices that one payment may be applied to: all of them change in one write.
const MOST_APPLICATIONS: usize = 20;

/// An invoice that a payment names, or a person names for it.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Its engagement.
    pub engagement: &'a EngagementId,
    /// The invoice, posted.
    pub invoice: &'a Invoice,
    /// The ERP in whose books it is.
    pub books: &'a str,
    /// What the payer said is for it; as much as is open where he did not say.
    pub amount: Option<Money>,
}

/// A request that can't be carried out on what stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// In words, why.
    #[error("{0}")]
    Because(String),
    /// Amounts mix currencies or overflow.
    #[error(transparent)]
    Amount(#[from] MoneyError),
}

/// A receipt, the invoices that change with it and what the books have to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The receipt.
    pub receipt: Receipt,
    /// Invoices of which another amount stands applied now.
    pub invoices: Vec<Invoice>,
    /// What changed in the books; none where nothing did.
    pub movement: Option<Movement>,
}

/// The numbers that a payer wrote in one text. A number never has a blank, comma or semicolon in it.
#[must_use]
pub fn numbers_in(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for number in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '/')) {
        if !number.is_empty() && !found.contains(&number) {
            found.push(number);
        }
    }
    found.truncate(MOST_APPLICATIONS);
    found
}

impl Receipt {
    /// The receipt itself becomes known. Which invoices it pays is decided by [`match_named`].
    #[must_use]
    pub fn with_receipt(&self, told: &PaymentReceived) -> Self {
        let customer = told.customer.clone().or_else(|| self.customer.clone());
        let lines: Vec<&str> = told.remittance.iter().map(|l| l.invoice_number.as_str()).collect();
        let named = told.invoice_number.clone().or_else(|| (!lines.is_empty()).then(|| lines.join(", ")));
        Self {
            received: Some(told.amount),
            received_at: Some(told.received_at),
            named,
            customer,
            ..self.clone()
        }
    }
}

/// Matches a receipt with the invoices that its payer named, in his order: each is to get what he said, else
/// what is open, until the payment is used up. Where they can't be paid together, a person must look.
/// `source` is the event that decides it.
///
/// # Errors
/// When amounts overflow.
pub fn match_named(receipt: &Receipt, named: &[Named<'_>], source: &str) -> Result<Receipt, MoneyError> {
    let Some(received) = receipt.received else { return Ok(receipt.clone()) };
    let record = &receipt.record;
    let waits = |code: ProblemCode, why: String| Receipt {
        unmatched: Some(Problem::new(code, format!("payment {record} of {received} {why}"))),
        ..receipt.clone()
    };
    let Some(first) = named.first() else {
        let text = receipt.named.as_deref().unwrap_or("none");
        return Ok(waits(ProblemCode::PaymentUnmatched, format!("names invoice {text}")));
    };
    let currency = received.currency();
    if let Some(other) = named.iter().find(|n| n.invoice.untaxed.currency() != currency) {
        let why = format!("is for invoice {} in {}", other.invoice.invoice, other.invoice.untaxed.currency());
        return Ok(waits(ProblemCode::PaymentCurrency, why));
    }
    let apart = |n: &&Named<'_>| n.invoice.customer != first.invoice.customer || n.books != first.books;
    if let Some(other) = named.iter().find(apart) {
        let why = format!(
            "names invoices {} and {}, which are not of one customer in one ERP",
            first.invoice.invoice, other.invoice.invoice
        );
        return Ok(waits(ProblemCode::PaymentAcrossAccounts, why));
    }
    let mut left = received;
    let mut next = Receipt {
        home: Some(first.engagement.clone()),
        customer: Some(first.invoice.customer.clone()),
        unmatched: None,
        ..receipt.clone()
    };
    for one in named.iter().take(MOST_APPLICATIONS) {
        let unpaid = one.invoice.unpaid()?;
        let wanted = least(least(one.amount.unwrap_or(unpaid), unpaid)?, left)?;
        left = left.minus(wanted)?;
        next.applications.push(application(one.engagement, &one.invoice.invoice, wanted, source));
    }
    Ok(next)
}

/// Applies unapplied cash of a receipt as a person decided, all of it or none.
///
/// # Errors
/// Why it can't be: not enough cash, nothing so much open, another customer.
pub fn allocate(
    receipt: &Receipt,
    asked: &[RequestedApplication],
    named: &[Named<'_>],
    source: &str,
) -> Result<Receipt, Refused> {
    let because = |why: String| Err(Refused::Because(why));
    let (Some(_), Some(unapplied)) = (receipt.received, receipt.unapplied) else {
        return because(format!("payment {} is not received", receipt.record));
    };
    if asked.is_empty() || receipt.applications.len() + asked.len() > MOST_APPLICATIONS {
        return because(format!("a payment is applied to 1 to {MOST_APPLICATIONS} invoices"));
    }
    let mut left = unapplied;
    let mut next = receipt.clone();
    // What was to be paid and could not be is given up: a person has decided otherwise.
    for known in &mut next.applications {
        known.wanted = known.applied;
    }
    let mut open: BTreeMap<&InvoiceId, Money> = BTreeMap::new();
    for one in asked {
        let Some(at) = named.iter().find(|n| n.invoice.invoice == one.invoice) else {
            return because(format!("there is no invoice {}", one.invoice));
        };
        if !at.invoice.is_posted() {
            return because(format!("invoice {} is {}", one.invoice, at.invoice.status.as_str()));
        }
        let first = named.first().unwrap_or(at);
        let same = if next.home.is_some() { next.customer.as_ref() } else { Some(&first.invoice.customer) };
        if same != Some(&at.invoice.customer) || at.books != first.books {
            return because(format!("invoice {} is another customer's, or in another ERP", one.invoice));
        }
        let was = match open.get(&one.invoice) {
            Some(rest) => *rest,
            None => at.invoice.unpaid()?,
        };
        if !one.amount.is_positive() || one.amount.exceeds(was)? {
            return because(format!("{was} is open on invoice {}, not {}", one.invoice, one.amount));
        }
        if one.amount.exceeds(left)? {
            return because(format!("{unapplied} of payment {} is unapplied", receipt.record));
        }
        open.insert(&one.invoice, was.minus(one.amount)?);
        left = left.minus(one.amount)?;
        next.applications.push(application(at.engagement, &one.invoice, one.amount, source));
        if next.home.is_none() {
            next.home = Some(at.engagement.clone());
            next.customer = Some(at.invoice.customer.clone());
            next.unmatched = None;
        }
    }
    Ok(next)
}

fn application(engagement: &EngagementId, invoice: &InvoiceId, wanted: Money, source: &str) -> Application {
    Application {
        engagement: engagement.clone(),
        invoice: invoice.clone(),
        wanted,
        applied: Money::zero(wanted.currency()),
        source: source.to_owned(),
        applied_at: None,
    }
}

/// Brings what stands applied to what the facts of a receipt allow: the cash that did not go back pays the
/// invoices in order, so what goes back is taken from what is unapplied, then from the last invoice, then from
/// the one before it. What comes back pays them again, as far as nobody else did meanwhile. What an invoice is short
/// of after it, or what is left of the cash, may be a small difference by the tolerances.
///
/// `before` is the receipt as the books know it, `invoices` are all that it pays, `moved_at` is when the
/// cash moved and `now` is the moment of the application.
///
/// # Errors
/// When amounts overflow, or a fact is in another currency than the payment.
pub fn rebalance(
    before: &Receipt,
    mut receipt: Receipt,
    invoices: &BTreeMap<InvoiceId, Invoice>,
    tolerances: &[PaymentTolerance],
    moved_at: Timestamp,
    now: Timestamp,
) -> Result<Settled, MoneyError> {
    receipt.status = receipt.standing()?;
    let Some(received) = receipt.received else {
        return Ok(Settled { receipt, invoices: vec![], movement: None });
    };
    let none = Money::zero(received.currency());
    let mut left = received.minus(receipt.returned(received)?)?;
    let mut standing = invoices.clone();
    let mut lines: Vec<MovementLine> = Vec::new();
    for application in &mut receipt.applications {
        let Some(invoice) = standing.get_mut(&application.invoice) else {
            // Whoever calls gives them all; what is not given is not touched.
            left = left.minus(least(application.applied, left)?)?;
            continue;
        };
        let target = least(application.wanted, left)?;
        let mut delta = target.minus(application.applied)?;
        if delta.is_positive() {
            let unpaid = invoice.unpaid()?;
            delta = if unpaid.is_positive() { least(delta, unpaid)? } else { none };
        }
        application.applied = application.applied.plus(delta)?;
        if delta.is_positive() {
            application.applied_at = application.applied_at.or(Some(now));
        }
        left = left.minus(application.applied)?;
        if delta.is_zero() {
            continue;
        }
        *invoice = invoice.with_cash(delta)?;
        let (engagement, invoice) = (application.engagement.clone(), application.invoice.clone());
        match lines.iter_mut().find(|l| l.invoice == invoice) {
            Some(line) => line.amount = line.amount.plus(delta)?,
            None => lines.push(MovementLine { engagement, invoice, amount: delta, stands: none }),
        }
    }
    for line in &mut lines {
        let here = receipt.applications.iter().filter(|a| a.invoice == line.invoice);
        line.stands = Money::total(none.currency(), here.map(|a| a.applied))?;
    }
    let tolerance = tolerances.iter().find(|t| t.amount.currency() == none.currency());
    let changed: Vec<InvoiceId> = lines.iter().map(|line| line.invoice.clone()).collect();
    receipt.kept = small::decide(&receipt, left, &mut standing, &changed, tolerance)?;
    receipt.unapplied = Some(left.minus(receipt.kept.unwrap_or(none))?);
    lines.retain(|line| !line.amount.is_zero());
    let changed = standing.into_iter().filter(|(id, invoice)| invoices.get(id) != Some(invoice));
    let invoices = changed.map(|(_, invoice)| invoice).collect();
    // The books know nothing of small differences: what is kept is on the customer's account there.
    let on_account = before.unapplied.unwrap_or(none).plus(before.kept.unwrap_or(none))?;
    let in_the_books = if before.movements == 0 { none } else { on_account };
    let unapplied = left.minus(in_the_books)?;
    let moves = receipt.home.is_some() && !(lines.is_empty() && unapplied.is_zero());
    let movement = moves.then(|| {
        receipt.movements = before.movements + 1;
        // The first is the receipt itself, whenever it was matched.
        let moved_at =
            if receipt.movements == 1 { receipt.received_at.unwrap_or(moved_at) } else { moved_at };
        let (payment, number) = (receipt.payment.clone(), receipt.movements);
        Movement { payment, number, lines, unapplied, moved_at }
    });
    Ok(Settled { receipt, invoices, movement })
}
