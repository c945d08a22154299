//! What is told of a payment beside its receipt, as products and people tell it. What follows is decided in
//! [`crate::cash`].

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{InvoiceId, PaymentId};
use crate::money::Money;

/// A line of a remittance advice: the invoice, and how much of the payment is for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemittanceLine {
    /// The invoice's number as the payer gave it.
    pub invoice_number: String,
    /// What is for it; as much as is open where the payer did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
}

/// A payment product put a payment to our account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentSettled {
    /// The payment.
    pub payment: PaymentId,
    /// The payment product's connection.
    pub connection: String,
    /// The product's ID of the payment.
    pub record: String,
    /// When.
    pub settled_at: Timestamp,
}

/// A payment, or an attempt at it, failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// The payment.
    pub payment: PaymentId,
    /// The payment product's connection.
    pub connection: String,
    /// The product's ID of the payment.
    pub record: String,
    /// The product's code of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When. A failure before the receipt was an attempt that did not count; one after it takes the money back.
    pub failed_at: Timestamp,
}

/// Money of a payment was given back, or a refund failed and the money is here again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRefunded {
    /// The payment.
    pub payment: PaymentId,
    /// The payment product's connection.
    pub connection: String,
    /// The product's ID of the payment.
    pub record: String,
    /// The product's ID of the refund; none where it told only what was refunded in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<String>,
    /// The refund's amount, or what was refunded in all.
    pub amount: Money,
    /// Whether the refund failed: the payer did not get it.
    #[serde(default)]
    pub failed: bool,
    /// When.
    pub refunded_at: Timestamp,
}

/// A payer disputes a payment: a chargeback is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentDisputed {
    /// The payment.
    pub payment: PaymentId,
    /// The payment product's connection.
    pub connection: String,
    /// The product's ID of the payment.
    pub record: String,
    /// The product's ID of the dispute.
    pub dispute: String,
    /// What is disputed.
    pub amount: Money,
    /// When.
    pub disputed_at: Timestamp,
}

/// A dispute came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentDisputeClosed {
    /// The payment.
    pub payment: PaymentId,
    /// The payment product's connection.
    pub connection: String,
    /// The product's ID of the payment.
    pub record: String,
    /// The product's ID of the dispute.
    pub dispute: String,
    /// What was disputed.
    pub amount: Money,
    /// Whether the money is ours again.
    pub won: bool,
    /// When.
    pub closed_at: Timestamp,
}

/// A person says which invoices unapplied cash of a payment is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentApplicationRequested {
    /// The payment.
    pub payment: PaymentId,
    /// What to apply, in this order.
    pub applications: Vec<RequestedApplication>,
    /// Who decided it: a caller of the API, not a person's name.
    pub requested_by: String,
}

/// Some of a payment for an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestedApplication {
    /// The invoice.
    pub invoice: InvoiceId,
    /// How much of the payment; more than nothing.
    pub amount: Money,
}

/// Cash was taken from an invoice again: refunded, charged back, bounced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentUnapplied {
    /// The payment.
    pub payment: PaymentId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// What was taken from it.
    pub amount: Money,
    /// What is open on the invoice now.
    pub open: Money,
}
