//! Invoices: created in draft, posted, read back.

use async_trait::async_trait;
use domain::id::InvoiceId;
use domain::invoice::{InvoiceLine, PostedInvoice, Unit};
use domain::money::Currency;
use serde_json::{Value, json};

use super::Tryton;
use super::client::{collided, exists_already};
use super::plan::number;
use super::wire::{INVOICE, Invoice, create};
use crate::error::{CallError, CallErrorKind};
use crate::operation::{CreateInvoice, Idempotency, Operation, Performs, PostInvoice, Undone};

const MODEL: &str = "account.invoice";
/// States in which an invoice is in the books.
const POSTED: [&str; 2] = ["posted", "paid"];

impl Tryton {
    /// The invoice that carries our ID.
    pub(super) async fn invoice_of(
        &self,
        invoice: &InvoiceId,
        operation: &'static str,
    ) -> Result<Option<PostedInvoice>, CallError> {
        let found: Option<Invoice> =
            self.by_external_id(operation, MODEL, invoice.as_str(), &INVOICE).await?;
        found.map(|i| self.read(operation, &i)).transpose()
    }

    /// Our ID of the invoice with a number; an invoice that isn't ours has none.
    pub(super) async fn id_of_number(&self, number: &str) -> Result<Option<InvoiceId>, CallError> {
        let domain =
            json!([["number", "=", number], ["type", "=", "out"], ["company", "=", self.settings.company]]);
        let found: Vec<Invoice> = self.search("find invoice by number", MODEL, &domain, &INVOICE).await?;
        Ok(found.into_iter().find_map(|i| i.external_id.and_then(|id| InvoiceId::try_from(id).ok())))
    }

    fn read(&self, operation: &'static str, invoice: &Invoice) -> Result<PostedInvoice, CallError> {
        posted_invoice(invoice).map_err(|what| {
            self.api.error(CallErrorKind::Mismatch, operation, format!("invoice {}: {what}", invoice.id))
        })
    }

    fn line(
        &self,
        invoice: &InvoiceId,
        line: &InvoiceLine,
        tax: i64,
        currency: i64,
    ) -> Result<Value, CallError> {
        let account = line.accounting.as_ref().and_then(|a| a.revenue_account.as_deref());
        let account = account.map_or(Ok(self.settings.revenue_account), |code| self.account(code))?;
        let (product, unit) = match line.unit {
            Unit::Fee => (self.settings.fixed_product, self.settings.fixed_unit),
            Unit::Hour => (self.settings.hour_product, self.settings.hour_unit),
        };
        // Tryton computes nothing on create that its own screens would fill in: all of it is sent.
        Ok(json!({
            "external_id": format!("{invoice}/{}", line.position),
            "type": "line",
            "product": product,
            "unit": unit,
            "quantity": line.quantity.to_string(),
            "unit_price": line.unit_price.amount().to_string(),
            "account": account,
            "currency": currency,
            "taxes": [["add", [tax]]],
            "description": line.description,
        }))
    }
}

fn posted_invoice(invoice: &Invoice) -> Result<PostedInvoice, String> {
    let currency = Currency::from_code(&invoice.currency.code).map_err(|e| e.to_string())?;
    Ok(PostedInvoice {
        record: invoice.id.to_string(),
        posted: POSTED.contains(&invoice.state.as_str()),
        number: invoice.number.clone(),
        invoiced_on: invoice.invoice_date.as_ref().and_then(super::wire::Day::date),
        untaxed: invoice.untaxed_amount.money(currency)?,
        tax: invoice.tax_amount.money(currency)?,
        total: invoice.total_amount.money(currency)?,
        open: invoice.amount_to_pay.money(currency)?,
    })
}

#[async_trait]
impl Performs<CreateInvoice> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::RefusedTwice { settles_within: super::SETTLES_WITHIN }
    }

    async fn find(&self, operation: &CreateInvoice) -> Result<Option<PostedInvoice>, CallError> {
        self.invoice_of(&operation.invoice, CreateInvoice::NAME).await
    }

    async fn perform(&self, operation: &CreateInvoice, _key: &str) -> Result<PostedInvoice, CallError> {
        let currency = self.currency(operation.untaxed.currency())?;
        let tax = self.tax(&operation.tax_code)?;
        let lines: Vec<Value> = operation
            .lines
            .iter()
            .map(|l| self.line(&operation.invoice, l, tax, currency))
            .collect::<Result<_, _>>()?;
        let values = json!({
            "external_id": operation.invoice,
            "company": self.settings.company,
            "type": "out",
            "party": number(&operation.customer.record),
            "invoice_address": number(&operation.customer.address),
            "account": self.settings.receivable_account,
            "journal": self.settings.journal,
            "currency": currency,
            "payment_term": self.payment_term(&operation.payment_terms)?,
            "reference": operation.purchase_order,
            "lines": create(&lines),
        });
        match self.create::<Invoice>(CreateInvoice::NAME, MODEL, &values, &INVOICE).await {
            Ok(invoice) => self.read(CreateInvoice::NAME, &invoice),
            Err(error) if exists_already(&error) => {
                self.invoice_of(&operation.invoice, CreateInvoice::NAME).await?.ok_or_else(|| collided(error))
            }
            Err(error) => Err(error),
        }
    }

    /// A draft is deleted; Tryton itself refuses it once the invoice is in the books.
    async fn undo(&self, operation: &CreateInvoice, _record: &PostedInvoice) -> Result<Undone, CallError> {
        let Some(found) = self.invoice_of(&operation.invoice, CreateInvoice::NAME).await? else {
            return Ok(Undone::Removed);
        };
        if found.posted {
            return Ok(Undone::Impossible("a posted invoice is undone by a credit memo alone".into()));
        }
        match self.delete(CreateInvoice::NAME, MODEL, &found.record).await {
            Ok(()) => Ok(Undone::Removed),
            Err(error) if error.kind == CallErrorKind::Refused => Ok(Undone::Impossible(error.detail)),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Performs<PostInvoice> for Tryton {
    fn idempotency(&self) -> Idempotency {
        Idempotency::RefusedTwice { settles_within: super::SETTLES_WITHIN }
    }

    async fn find(&self, operation: &PostInvoice) -> Result<Option<PostedInvoice>, CallError> {
        match self.invoice_of(&operation.invoice, PostInvoice::NAME).await? {
            Some(found) if found.record != operation.record => {
                let detail =
                    format!("{} is record {} and not {}", operation.invoice, found.record, operation.record);
                Err(self.api.error(CallErrorKind::Mismatch, PostInvoice::NAME, detail))
            }
            found => Ok(found.filter(|i| i.posted)),
        }
    }

    async fn perform(&self, operation: &PostInvoice, _key: &str) -> Result<PostedInvoice, CallError> {
        match self.act::<Invoice>(PostInvoice::NAME, MODEL, &operation.record, "post", &INVOICE).await {
            Ok(invoice) => self.read(PostInvoice::NAME, &invoice),
            // Tryton refuses to post what is posted; then it is what was wanted.
            Err(error) if error.kind == CallErrorKind::Refused => self.find(operation).await?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    async fn undo(&self, _operation: &PostInvoice, _record: &PostedInvoice) -> Result<Undone, CallError> {
        Ok(Undone::Impossible("a posted invoice is undone by a credit memo alone".into()))
    }
}
