//! A payment is a bank statement of its own: created, validated, posted.
//!
//! Each of the three calls leaves the statement in a state that says how far it came, so an
//! attempt that was cut off is continued and not begun again.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Tryton;
use super::client::{collided, exists_already};
use super::plan::number;
use super::wire::{STATEMENT, Statement, create};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{ApplyPayment, Idempotency, Operation, Performs, Reference, Undone};

const MODEL: &str = "account.statement";
const NAME: &str = ApplyPayment::NAME;
/// From draft to validated, from validated to posted.
const STEPS: usize = 2;

impl Tryton {
    async fn statement(&self, operation: &ApplyPayment) -> Result<Option<Statement>, CallError> {
        self.by_external_id(NAME, MODEL, operation.payment.as_str(), &STATEMENT).await
    }

    /// One line on the invoice, and one on the customer's account for what is left over: Tryton
    /// refuses to apply more to an invoice than is open.
    fn lines(&self, operation: &ApplyPayment) -> Vec<Value> {
        let line = |amount: domain::money::Money, related: Option<String>| {
            json!({
                "number": operation.payment,
                "date": operation.received_on.to_string(),
                "amount": amount.amount().to_string(),
                "party": number(&operation.customer.record),
                "account": self.settings.receivable_account,
                "related_to": related,
                "description": operation.reference,
            })
        };
        let invoice = format!("account.invoice,{}", operation.invoice_record);
        let applied = operation.applied.is_positive().then(|| line(operation.applied, Some(invoice)));
        let unapplied = operation.unapplied.is_positive().then(|| line(operation.unapplied, None));
        applied.into_iter().chain(unapplied).collect()
    }

    async fn create_statement(&self, operation: &ApplyPayment) -> Result<Statement, CallError> {
        let total = operation.applied.plus(operation.unapplied);
        let total = total.map_err(|e| self.api.error(CallErrorKind::Refused, NAME, e.to_string()))?;
        let values = json!({
            "external_id": operation.payment,
            "company": self.settings.company,
            "name": operation.payment,
            "journal": self.settings.statement_journal,
            "date": operation.received_on.to_string(),
            "total_amount": total.amount().to_string(),
            "lines": create(&self.lines(operation)),
        });
        match self.create(NAME, MODEL, &values, &STATEMENT).await {
            Err(error) if exists_already(&error) => {
                self.statement(operation).await?.ok_or_else(|| collided(error))
            }
            made => made,
        }
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
        let mut statement = match self.statement(operation).await? {
            Some(found) => found,
            None => self.create_statement(operation).await?,
        };
        let total = operation.applied.plus(operation.unapplied).map(domain::money::Money::amount).ok();
        if statement.total_amount.as_ref().map(|a| a.decimal) != total {
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
