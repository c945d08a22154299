//! Each movement of a payment is a bank statement of its own: created, validated, posted.
//!
//! Each of the three calls leaves the statement in a state that says how far it came, so an
//! attempt that was cut off is continued and not begun again.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::money::{Money, MoneyError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Tryton;
use super::client::{collided, exists_already};
use super::plan::number;
use super::wire::{Row, STATEMENT, Statement, create};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{ApplyPayment, Idempotency, Operation, Performs, Reference, Undone};

const MODEL: &str = "account.statement";
const LINES: &str = "account.statement.line";
const INVOICES: &str = "account.invoice";
const RECONCILIATION: &str = "account.move.reconciliation";
const NAME: &str = ApplyPayment::NAME;
/// From draft to validated, from validated to posted.
const STEPS: usize = 2;

/// `account.invoice`, as far as it tells whether cash can be taken from it again.
#[derive(Debug, Clone, Deserialize)]
struct Paid {
    state: String,
    #[serde(default)]
    payment_lines: Vec<PaymentLine>,
    #[serde(default)]
    lines_to_pay: Vec<Line>,
}

/// A line of the books that pays an invoice, and what made it: a model and an ID.
#[derive(Debug, Clone, Deserialize)]
struct PaymentLine {
    id: i64,
    origin: Option<String>,
}

/// A line of the invoice's move.
#[derive(Debug, Clone, Deserialize)]
struct Line {
    #[serde(default)]
    reconciliation: Option<Row>,
}

/// `account.statement.line`
#[derive(Debug, Clone, Deserialize)]
struct StatementLine {
    id: i64,
    number: Option<String>,
}

impl Tryton {
    async fn statement(&self, operation: &ApplyPayment) -> Result<Option<Statement>, CallError> {
        self.by_external_id(NAME, MODEL, &operation.booking, &STATEMENT).await
    }

    /// A line on each invoice, and one on the customer's account for what is left over: Tryton
    /// refuses to apply more to an invoice than is open. It takes no line of less than nothing for an invoice
    /// either: what is taken back goes off the account, and what stands is applied anew from there.
    fn lines(&self, operation: &ApplyPayment) -> Result<Vec<Value>, MoneyError> {
        let mut lines = Vec::new();
        let mut line = |amount: Money, invoice: Option<&str>| {
            if amount.is_zero() {
                return;
            }
            lines.push(json!({
                "number": operation.booking,
                "date": operation.moved_on.to_string(),
                "amount": amount.amount().to_string(),
                "party": number(&operation.customer.record),
                "account": self.settings.receivable_account,
                "related_to": invoice.map(|record| format!("account.invoice,{record}")),
                "description": operation.reference,
            }));
        };
        for to in &operation.applied {
            let record = Some(to.invoice_record.as_str());
            if to.is_taken() {
                line(to.amount, None);
                line(to.stands, record);
                line(Money::zero(to.stands.currency()).minus(to.stands)?, None);
            } else {
                line(to.amount, record);
            }
        }
        line(operation.unapplied, None);
        Ok(lines)
    }

    async fn create_statement(&self, operation: &ApplyPayment) -> Result<Statement, CallError> {
        let total = operation.total().map_err(|e| self.wrong(&e))?;
        let values = json!({
            "external_id": operation.booking,
            "company": self.settings.company,
            "name": operation.booking,
            "journal": self.settings.statement_journal,
            "date": operation.moved_on.to_string(),
            "total_amount": total.amount().to_string(),
            "lines": create(&self.lines(operation).map_err(|e| self.wrong(&e))?),
        });
        match self.create(NAME, MODEL, &values, &STATEMENT).await {
            Err(error) if exists_already(&error) => {
                self.statement(operation).await?.ok_or_else(|| collided(error))
            }
            made => made,
        }
    }

    fn wrong(&self, error: &MoneyError) -> CallError {
        self.api.error(CallErrorKind::Refused, NAME, error.to_string())
    }

    /// Frees every invoice that loses cash of what this payment's earlier bookings pay of it: a paid one is
    /// reconciled, and Tryton changes nothing of it until that is undone. The bookings themselves stay; their
    /// cash is on the account then. Doing it again finds nothing left to be freed.
    async fn free(&self, operation: &ApplyPayment) -> Result<(), CallError> {
        for to in operation.applied.iter().filter(|to| to.is_taken()) {
            let ours = self.lines_paying(operation, &to.invoice_record).await?;
            let path = format!("/account.invoice/{}", to.invoice_record);
            let fields =
                [("f", "state"), ("f", "payment_lines.origin"), ("f", "lines_to_pay.reconciliation.id")];
            let invoice: Paid = self.api.get(NAME, &path, &fields).await?;
            let freed: Vec<i64> = invoice
                .payment_lines
                .iter()
                .filter(|l| l.origin.as_ref().is_some_and(|origin| ours.contains(origin)))
                .map(|l| l.id)
                .collect();
            if freed.is_empty() {
                continue;
            }
            let reconciled =
                invoice.lines_to_pay.iter().filter_map(|l| l.reconciliation.as_ref().map(|r| r.id));
            let reconciled: BTreeSet<i64> = reconciled.filter(|_| invoice.state == "paid").collect();
            for reconciliation in reconciled {
                self.delete(NAME, RECONCILIATION, &reconciliation.to_string()).await?;
            }
            let values = json!({"payment_lines": [["remove", freed]]});
            self.put::<Row>(NAME, INVOICES, &to.invoice_record, &values, &["state"]).await?;
        }
        Ok(())
    }

    /// The lines by which this payment's earlier bookings pay an invoice, as origins of lines of the books.
    async fn lines_paying(
        &self,
        operation: &ApplyPayment,
        invoice: &str,
    ) -> Result<BTreeSet<String>, CallError> {
        let payment = operation.payment.as_str();
        let related = format!("account.invoice,{invoice}");
        let domain = json!([["related_to", "=", related], ["number", "like", format!("{payment}%")]]);
        let found: Vec<StatementLine> = self.search(NAME, LINES, &domain, &["number"]).await?;
        let earlier = |number: &str| {
            let ours = number == payment || number.starts_with(&format!("{payment}."));
            ours && number != operation.booking
        };
        let ours = found.iter().filter(|l| l.number.as_deref().is_some_and(earlier));
        Ok(ours.map(|l| format!("{LINES},{}", l.id)).collect())
    }

    /// Takes a statement's next step. A draft that is refused is taken back: left there, it would stand in
    /// the way of every other payment of the same invoice.
    pub(super) async fn advance(
        &self,
        name: &'static str,
        statement: &Statement,
    ) -> Result<Statement, CallError> {
        let record = statement.id.to_string();
        match statement.state.as_str() {
            "draft" => {
                let validated = self.act(name, MODEL, &record, "validate_statement", &STATEMENT).await;
                if let Err(error) = &validated
                    && error.kind == CallErrorKind::Refused
                {
                    self.delete(name, MODEL, &record).await?;
                }
                validated
            }
            "validated" => self.act(name, MODEL, &record, "post", &STATEMENT).await,
            other => {
                Err(self.api.error(CallErrorKind::Refused, name, format!("statement {record} is {other}")))
            }
        }
    }
}

#[async_trait]
impl Performs<ApplyPayment> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::RefusedTwice { settles_within: super::SETTLES_WITHIN }
    }

    /// Only a posted statement is done; one on its way there is for `perform` to continue.
    async fn find(&self, operation: &ApplyPayment) -> Result<Option<Reference>, CallError> {
        let found = self.statement(operation).await?.filter(|s| s.state == "posted");
        Ok(found.map(|s| Reference { record: s.id.to_string() }))
    }

    async fn perform(&self, operation: &ApplyPayment, _key: &str) -> Result<Reference, CallError> {
        let known = self.statement(operation).await?;
        if known.as_ref().is_none_or(|s| s.state == "draft") {
            self.free(operation).await?;
        }
        let mut statement = match known {
            Some(found) => found,
            None => self.create_statement(operation).await?,
        };
        let total = operation.total().map_err(|e| self.wrong(&e))?.amount();
        if statement.total_amount.as_ref().map(|a| a.decimal) != Some(total) {
            let detail = format!("statement {} is of another amount", statement.id);
            return Err(self.api.error(CallErrorKind::Mismatch, NAME, detail));
        }
        for _ in 0..STEPS {
            if statement.state != "posted" {
                statement = self.advance(NAME, &statement).await?;
            }
        }
        if statement.state == "posted" {
            return Ok(Reference { record: statement.id.to_string() });
        }
        let detail = format!("statement {} stays {}", statement.id, statement.state);
        Err(self.api.error(CallErrorKind::Mismatch, NAME, detail))
    }

    async fn undo(&self, operation: &ApplyPayment, _record: &Reference) -> Result<Undone, CallError> {
        match self.statement(operation).await? {
            None => Ok(Undone::Removed),
            Some(statement) if statement.state == "draft" => {
                self.delete(NAME, MODEL, &statement.id.to_string()).await?;
                Ok(Undone::Removed)
            }
            Some(_) => Ok(Undone::Impossible("a booked payment is reversed by finance".into())),
        }
    }
}
