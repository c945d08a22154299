//! The billing plan: a tree of work, one position a milestone, one a recurring charge and one for time.
//!
//! Invoices are made by us and not by Tryton's own project invoicing, which doesn't give work
//! free again when an invoice is credited; hence the method `manual`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::Tryton;
use super::client::{collided, exists_already};
use super::positions::{title, wanted};
use super::wire::{Row, create};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{CreateBillingPlan, Idempotency, Operation, Performs, Reference, Undone};

pub(super) const MODEL: &str = "project.work";

impl Tryton {
    async fn plan(&self, operation: &CreateBillingPlan) -> Result<Option<Reference>, CallError> {
        let found: Option<Row> =
            self.by_external_id(CreateBillingPlan::NAME, MODEL, operation.engagement.as_str(), &[]).await?;
        Ok(found.map(|row| Reference { record: row.id.to_string() }))
    }
}

#[async_trait]
impl Performs<CreateBillingPlan> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::RefusedTwice { settles_within: super::SETTLES_WITHIN }
    }

    async fn find(&self, operation: &CreateBillingPlan) -> Result<Option<Reference>, CallError> {
        self.plan(operation).await
    }

    /// The whole tree is one call, so there is none or all of it.
    async fn perform(&self, operation: &CreateBillingPlan, _key: &str) -> Result<Reference, CallError> {
        let positions = wanted(&operation.contract);
        let positions = positions.iter().map(|(key, p)| self.position(&operation.engagement, key, p));
        let values = json!({
            "external_id": operation.engagement,
            "company": self.settings.company,
            "type": "project",
            "name": title(&operation.contract),
            "party": number(&operation.customer.record),
            "party_address": number(&operation.customer.address),
            "status": self.settings.project_status_open,
            "project_invoice_method": "manual",
            "children": create(&positions.collect::<Vec<_>>()),
        });
        match self.create::<Row>(CreateBillingPlan::NAME, MODEL, &values, &[]).await {
            Ok(row) => Ok(Reference { record: row.id.to_string() }),
            Err(error) if exists_already(&error) => {
                self.plan(operation).await?.ok_or_else(|| collided(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Positions first, because Tryton keeps work that has others below it.
    async fn undo(&self, operation: &CreateBillingPlan, record: &Reference) -> Result<Undone, CallError> {
        let below = json!([["parent", "=", number(&record.record)]]);
        let positions: Vec<Row> = self.search(CreateBillingPlan::NAME, MODEL, &below, &[]).await?;
        let rows = positions.iter().map(|row| row.id.to_string());
        let itself = self.plan(operation).await?.map(|r| r.record);
        for row in rows.chain(itself) {
            match self.delete(CreateBillingPlan::NAME, MODEL, &row).await {
                Ok(()) => {}
                Err(error) if error.kind == CallErrorKind::Refused => {
                    return Ok(Undone::Impossible(error.detail));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Undone::Removed)
    }
}

/// A record's ID as Tryton takes it; one that is no number is left for Tryton to refuse.
pub(super) fn number(record: &str) -> Value {
    record.parse::<i64>().map_or_else(|_| json!(record), |id| json!(id))
}
