//! Credit notes: customer invoices of negative quantities, each line tied to the line of the invoice that it
//! reduces.

use std::collections::BTreeMap;

use async_trait::async_trait;
use domain::credit_memo::{CreditLine, IssuedCredit, PostedCredit};
use domain::id::{CreditMemoId, InvoiceId};
use domain::money::{Currency, Money};
use serde_json::{Value, json};

use super::Tryton;
use super::client::{collided, exists_already};
use super::plan::number;
use super::wire::{Amount, CREDIT, Credit, External, LINE, ORIGIN, Origin, create};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{CreateCreditMemo, Idempotency, Operation, Performs, PostCreditMemo, Undone};

const MODEL: &str = "account.invoice";
const LINES: &str = "account.invoice.line";
/// States in which a credit note is in the books.
const POSTED: [&str; 2] = ["posted", "paid"];

impl Tryton {
    /// The credit note that carries our ID.
    async fn credit_of(
        &self,
        credit_memo: &CreditMemoId,
        operation: &'static str,
    ) -> Result<Option<PostedCredit>, CallError> {
        let found: Option<Credit> =
            self.by_external_id(operation, MODEL, credit_memo.as_str(), &CREDIT).await?;
        found.map(|credit| self.credited(operation, &credit)).transpose()
    }

    /// A credit note by Tryton's own ID, with what it reduces.
    pub(super) async fn credit_at(&self, record: &str) -> Result<Option<IssuedCredit>, CallError> {
        const NAME: &str = "read credit note";
        let domain = json!([
            ["id", "=", number(record)],
            ["type", "=", "out"],
            ["company", "=", self.settings.company],
        ]);
        let found: Vec<Credit> = self.search(NAME, MODEL, &domain, &CREDIT).await?;
        let Some(credit) = found.into_iter().next() else { return Ok(None) };
        let origin: Vec<Origin> = self.search(NAME, MODEL, &domain, &ORIGIN).await?;
        let ours = |row: External| row.external_id.and_then(|id| InvoiceId::try_from(id).ok());
        let (invoices, customer) = match origin.into_iter().next() {
            Some(Origin { origin_invoices, party, .. }) => (
                origin_invoices.into_iter().filter_map(ours).collect(),
                party.and_then(|party| party.external_id),
            ),
            None => (Vec::new(), None),
        };
        Ok(Some(IssuedCredit {
            credit: self.credited(NAME, &credit)?,
            carries: credit.external_id,
            invoices,
            customer,
        }))
    }

    fn credited(&self, operation: &'static str, credit: &Credit) -> Result<PostedCredit, CallError> {
        posted_credit(credit).map_err(|what| {
            let detail = format!("credit note {}: {what}", credit.id);
            self.api.error(CallErrorKind::Mismatch, operation, detail)
        })
    }

    /// Tryton's IDs of the lines of an invoice, by the position that we gave them.
    async fn lines_of(&self, invoice: &InvoiceId) -> Result<BTreeMap<u32, i64>, CallError> {
        let mut lines = BTreeMap::new();
        let mut after = 0;
        loop {
            let domain = json!([["invoice.external_id", "=", invoice], ["id", ">", after]]);
            let found: Vec<External> = self.search(CreateCreditMemo::NAME, LINES, &domain, &LINE).await?;
            let Some(last) = found.last().map(|line| line.id) else { return Ok(lines) };
            after = last;
            lines.extend(found.into_iter().filter_map(|line| {
                let (_, position) = line.external_id.as_deref()?.rsplit_once('/')?;
                Some((position.parse().ok()?, line.id))
            }));
        }
    }

    fn credit_line(
        &self,
        operation: &CreateCreditMemo,
        line: &CreditLine,
        origins: &BTreeMap<u32, i64>,
    ) -> Result<Value, CallError> {
        let account = line.accounting.as_ref().and_then(|a| a.revenue_account.as_deref());
        let account = account.map_or(Ok(self.settings.revenue_account), |code| self.account(code))?;
        let origin = origins.get(&line.of).ok_or_else(|| {
            let detail = format!("{} has no line {}", operation.invoice, line.of);
            self.api.error(CallErrorKind::Refused, CreateCreditMemo::NAME, detail)
        })?;
        Ok(json!({
            "external_id": format!("{}/{}", operation.credit_memo, line.position),
            "type": "line",
            "product": self.settings.fixed_product,
            "unit": self.settings.fixed_unit,
            "quantity": "-1",
            "unit_price": line.amount.amount().to_string(),
            "account": account,
            "currency": self.currency(operation.untaxed.currency())?,
            "taxes": [["add", [self.tax(&operation.tax_code)?]]],
            "origin": format!("{LINES},{origin}"),
            "description": line.description,
        }))
    }
}

/// The amounts of a credit note, which are negative there.
fn posted_credit(credit: &Credit) -> Result<PostedCredit, String> {
    let currency = Currency::from_code(&credit.currency.code).map_err(|e| e.to_string())?;
    let taken_off = |amount: &Amount| -> Result<Money, String> {
        Money::exact(-amount.decimal, currency).map_err(|e| e.to_string())
    };
    Ok(PostedCredit {
        record: credit.id.to_string(),
        posted: POSTED.contains(&credit.state.as_str()),
        number: credit.number.clone(),
        credited_on: credit.invoice_date.as_ref().and_then(super::wire::Day::date),
        untaxed: taken_off(&credit.untaxed_amount)?,
        tax: taken_off(&credit.tax_amount)?,
        total: taken_off(&credit.total_amount)?,
    })
}

#[async_trait]
impl Performs<CreateCreditMemo> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::RefusedTwice { settles_within: super::SETTLES_WITHIN }
    }

    async fn find(&self, operation: &CreateCreditMemo) -> Result<Option<PostedCredit>, CallError> {
        self.credit_of(&operation.credit_memo, CreateCreditMemo::NAME).await
    }

    async fn perform(&self, operation: &CreateCreditMemo, _key: &str) -> Result<PostedCredit, CallError> {
        let origins = self.lines_of(&operation.invoice).await?;
        let lines: Vec<Value> = operation
            .lines
            .iter()
            .map(|line| self.credit_line(operation, line, &origins))
            .collect::<Result<_, _>>()?;
        let values = json!({
            "external_id": operation.credit_memo,
            "company": self.settings.company,
            "type": "out",
            "party": number(&operation.customer.record),
            "invoice_address": number(&operation.customer.address),
            "account": self.settings.receivable_account,
            "journal": self.settings.journal,
            "currency": self.currency(operation.untaxed.currency())?,
            "payment_term": self.payment_term(&operation.payment_terms)?,
            "reference": operation.reference,
            "lines": create(&lines),
        });
        match self.create::<Credit>(CreateCreditMemo::NAME, MODEL, &values, &CREDIT).await {
            Ok(credit) => self.credited(CreateCreditMemo::NAME, &credit),
            Err(error) if exists_already(&error) => {
                let found = self.credit_of(&operation.credit_memo, CreateCreditMemo::NAME).await?;
                found.ok_or_else(|| collided(error))
            }
            Err(error) => Err(error),
        }
    }

    /// A draft is deleted; Tryton itself refuses it once the credit note is in the books.
    async fn undo(&self, operation: &CreateCreditMemo, _record: &PostedCredit) -> Result<Undone, CallError> {
        let Some(found) = self.credit_of(&operation.credit_memo, CreateCreditMemo::NAME).await? else {
            return Ok(Undone::Removed);
        };
        if found.posted {
            return Ok(Undone::Impossible("a posted credit memo is reversed by finance".into()));
        }
        match self.delete(CreateCreditMemo::NAME, MODEL, &found.record).await {
            Ok(()) => Ok(Undone::Removed),
            Err(error) if error.kind == CallErrorKind::Refused => Ok(Undone::Impossible(error.detail)),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Performs<PostCreditMemo> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::RefusedTwice { settles_within: super::SETTLES_WITHIN }
    }

    async fn find(&self, operation: &PostCreditMemo) -> Result<Option<PostedCredit>, CallError> {
        match self.credit_of(&operation.credit_memo, PostCreditMemo::NAME).await? {
            Some(found) if found.record != operation.record => {
                let (id, ours) = (&operation.credit_memo, &operation.record);
                let detail = format!("{id} is record {} and not {ours}", found.record);
                Err(self.api.error(CallErrorKind::Mismatch, PostCreditMemo::NAME, detail))
            }
            found => Ok(found.filter(|credit| credit.posted)),
        }
    }

    async fn perform(&self, operation: &PostCreditMemo, _key: &str) -> Result<PostedCredit, CallError> {
        const NAME: &str = PostCreditMemo::NAME;
        match self.act::<Credit>(NAME, MODEL, &operation.record, "post", &CREDIT).await {
            Ok(credit) => self.credited(NAME, &credit),
            // Tryton refuses to post what is posted; then it is what was wanted.
            Err(error) if error.kind == CallErrorKind::Refused => self.find(operation).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    async fn undo(&self, _operation: &PostCreditMemo, _record: &PostedCredit) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("a posted credit memo is reversed by finance".into()))
    }
}
