//! Cash: a payment and the invoice it is applied to.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::PaymentReceived;
use crate::id::{InvoiceId, PaymentId};
use crate::invoice::Invoice;
use crate::money::{Money, MoneyError};
use crate::problem::{Problem, ProblemCode};

/// A payment and what became of it: `applied + unapplied = received`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// Our ID; the ERP's record carries it.
    pub payment: PaymentId,
    /// The payment product's connection.
    pub connection: String,
    /// The product's ID.
    pub record: String,
    /// When the product received it.
    pub received_at: Timestamp,
    /// What was paid.
    pub received: Money,
    /// What was applied to the invoice.
    pub applied: Money,
    /// What stays on the customer's account: unapplied cash.
    pub unapplied: Money,
    /// The invoice.
    pub invoice: InvoiceId,
}

/// What applying a payment comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Application {
    /// The payment, the invoice after it, and a problem where some of the cash stays unapplied.
    Applied {
        /// The payment.
        payment: Payment,
        /// The invoice with the cash applied.
        invoice: Box<Invoice>,
        /// [`ProblemCode::Overpayment`] where cash is left over.
        problem: Option<Problem>,
    },
    /// The invoice is not posted yet.
    TooEarly,
    /// A person must look.
    Held(Problem),
}

/// Applies a payment to an invoice: as much as is open, the rest stays unapplied.
///
/// # Errors
/// When amounts overflow.
pub fn apply(invoice: &Invoice, paid: &PaymentReceived) -> Result<Application, MoneyError> {
    if !invoice.is_posted() {
        return Ok(Application::TooEarly);
    }
    if paid.amount.currency() != invoice.untaxed.currency() {
        return Ok(Application::Held(
            Problem::new(
                ProblemCode::PaymentCurrency,
                format!("payment {} of {} for invoice {}", paid.record, paid.amount, invoice.invoice),
            )
            .with_stake(paid.amount),
        ));
    }
    let open = invoice.open()?;
    let applied = if paid.amount.exceeds(open)? { open } else { paid.amount };
    let unapplied = paid.amount.minus(applied)?;
    let mut next = Invoice { applied: invoice.applied.plus(applied)?, ..invoice.clone() };
    next.status = next.by_balance()?;
    let problem = unapplied.is_positive().then(|| {
        Problem::new(
            ProblemCode::Overpayment,
            format!(
                "payment {} of {}: {open} was open, {unapplied} stays unapplied",
                paid.record, paid.amount
            ),
        )
        .with_stake(unapplied)
    });
    let payment = Payment {
        payment: paid.payment.clone(),
        connection: paid.connection.clone(),
        record: paid.record.clone(),
        received_at: paid.received_at,
        received: paid.amount,
        applied,
        unapplied,
        invoice: invoice.invoice.clone(),
    };
    Ok(Application::Applied { payment, invoice: Box::new(next), problem })
}
