//! Setting a credit note off is a bank statement of nothing: one line pays the invoice, one takes the same from the
//! credit note. What is left of either stays open there.

use async_trait::async_trait;
use domain::money::Money;
use serde_json::{Value, json};

use super::Tryton;
use super::client::{collided, exists_already};
use super::plan::number;
use super::wire::{STATEMENT, Statement, create};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{Idempotency, Operation, Performs, Reference, SetOffCreditMemo, Undone};

const MODEL: &str = "account.statement";
const NAME: &str = SetOffCreditMemo::NAME;
/// From draft to validated, from validated to posted.
const STEPS: usize = 2;

impl Tryton {
    async fn set_off_of(&self, operation: &SetOffCreditMemo) -> Result<Option<Statement>, CallError> {
        self.by_external_id(NAME, MODEL, operation.credit_memo.as_str(), &STATEMENT).await
    }

    async fn create_set_off(&self, operation: &SetOffCreditMemo) -> Result<Statement, CallError> {
        let line = |amount: String, record: &str| -> Value {
            json!({
                "number": operation.credit_memo,
                "date": operation.on.to_string(),
                "amount": amount,
                "party": number(&operation.customer.record),
                "account": self.settings.receivable_account,
                "related_to": format!("account.invoice,{record}"),
                "description": operation.credit_memo,
            })
        };
        let amount = operation.amount.amount();
        let lines = [
            line(amount.to_string(), &operation.invoice_record),
            line((-amount).to_string(), &operation.record),
        ];
        let values = json!({
            "external_id": operation.credit_memo,
            "company": self.settings.company,
            "name": operation.credit_memo,
            "journal": self.settings.statement_journal,
            "date": operation.on.to_string(),
            "total_amount": Money::zero(operation.amount.currency()).amount().to_string(),
            "lines": create(&lines),
        });
        match self.create(NAME, MODEL, &values, &STATEMENT).await {
            Err(error) if exists_already(&error) => {
                self.set_off_of(operation).await?.ok_or_else(|| collided(error))
            }
            made => made,
        }
    }
}

#[async_trait]
impl Performs<SetOffCreditMemo> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::RefusedTwice { settles_within: super::SETTLES_WITHIN }
    }

    /// Only a posted statement is done; one on its way there is for `perform` to continue.
    async fn find(&self, operation: &SetOffCreditMemo) -> Result<Option<Reference>, CallError> {
        let found = self.set_off_of(operation).await?.filter(|s| s.state == "posted");
        Ok(found.map(|s| Reference { record: s.id.to_string() }))
    }

    async fn perform(&self, operation: &SetOffCreditMemo, _key: &str) -> Result<Reference, CallError> {
        let mut statement = match self.set_off_of(operation).await? {
            Some(found) => found,
            None => self.create_set_off(operation).await?,
        };
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

    async fn undo(&self, operation: &SetOffCreditMemo, _record: &Reference) -> Result<Undone, CallError> {
        match self.set_off_of(operation).await? {
            None => Ok(Undone::Removed),
            Some(statement) if statement.state == "draft" => {
                self.delete(NAME, MODEL, &statement.id.to_string()).await?;
                Ok(Undone::Removed)
            }
            Some(_) => Ok(Undone::Impossible("a booked set-off is reversed by finance".into())),
        }
    }
}
