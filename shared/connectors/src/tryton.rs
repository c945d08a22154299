//! Tryton, an ERP, over REST, with a small module of ours in it that gives records a unique
//! external ID and posts signed webhooks.
//!
//! Tryton has no idempotency key, and no upsert. Every create is preceded by a search for the
//! external ID; the database's own constraint refuses what slips between the two.

mod amend;
mod client;
mod credit;
mod customer;
mod customer_search;
mod inbound;
mod invoice;
mod payment;
mod plan;
mod positions;
mod set_off;
mod wire;

pub(crate) use inbound::translate;

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use domain::activation::CustomerFacts;
use domain::credit_memo::IssuedCredit;
use domain::customer_match::{ErpCustomer, Sought};
use domain::id::{EngagementId, InvoiceId};
use domain::invoice::PostedInvoice;
use domain::money::Currency;
use domain::setup::HeldPlan;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::connection::Connection;
use crate::error::CallError;
use crate::http::{Api, Dialect, Exception, Timeouts, misconfigured, settings};
use crate::inbound::Translated;
use crate::role::{Erp, Polled};

/// Posting an invoice costs Tryton a second of computing and may wait behind others; the whole
/// call still ends well before a function's 60 seconds, so that it is seen to be unknown.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    read: Duration::from_secs(15),
    write: Duration::from_secs(40),
};

/// A call is one transaction of Tryton's: once its worker has ended or was killed, nothing follows.
const SETTLES_WITHIN: Duration = Duration::from_secs(60);

static DIALECT: Dialect = Dialect { exceptions, words };

/// A right that the technical user lacks comes as an ordinary 400.
fn exceptions(status: StatusCode, body: &str) -> Option<Exception> {
    let forbidden = status == StatusCode::BAD_REQUEST && body.contains("You are not allowed to access");
    forbidden.then_some(Exception::Unauthorised)
}

/// Tryton quotes names, numbers and registrations in its errors; only where it speaks of a
/// field, a model, a button or a right is the quoted text no one's data.
fn words(body: &str) -> Option<String> {
    const OURS: [&str; 4] = ["field ", "call ", " of ", "access "];
    let error: wire::Error = serde_json::from_str(body).ok()?;
    let parts: Vec<&str> = error.message.split('"').collect();
    let mut words = String::new();
    for (i, part) in parts.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|j| parts.get(j)).copied().unwrap_or_default();
        match i % 2 {
            0 => words.push_str(part),
            _ if OURS.iter().any(|o| before.ends_with(o)) => words.push_str(&format!("\"{part}\"")),
            _ => words.push_str("\"…\""),
        }
    }
    Some(words)
}

/// Tryton's IDs of what every record refers to, looked up once when the connection is set up.
#[derive(Debug, Clone, Deserialize)]
struct Settings {
    /// Name of the database.
    database: String,
    /// The company whose books these are.
    company: i64,
    /// Account of what customers owe.
    receivable_account: i64,
    /// Account of what was earned.
    revenue_account: i64,
    /// Accounts by the codes of revenue accounts that the catalog and posting rules name.
    #[serde(default)]
    revenue_accounts: BTreeMap<String, i64>,
    /// Journal of invoices.
    journal: i64,
    /// Journal of bank statements.
    statement_journal: i64,
    /// Currencies by ISO code.
    currencies: BTreeMap<String, i64>,
    /// Taxes by our tax code.
    taxes: BTreeMap<String, i64>,
    /// Payment terms by our code.
    payment_terms: BTreeMap<String, i64>,
    /// Product of a fee, and its unit.
    fixed_product: i64,
    fixed_unit: i64,
    /// Product of an hour, and its unit.
    hour_product: i64,
    hour_unit: i64,
    /// Status of work that may be done.
    project_status_open: i64,
    /// How far before the cursor to read again.
    overlap_minutes: i64,
}

/// A company's books in a Tryton database.
pub(crate) struct Tryton {
    api: Api,
    settings: Settings,
}

impl Tryton {
    /// Opens the connection; nothing is sent.
    pub(crate) fn open(connection: &Connection) -> Result<Self, CallError> {
        let settings: Settings = settings(connection)?;
        let base = connection.config.base_url.trim_end_matches('/');
        let base = format!("{base}/{}/rest/model", settings.database);
        // Without its company Tryton has no default for half of the fields, and stores others under none.
        let context = URL_SAFE.encode(json!({ "company": settings.company }).to_string());
        let api = Api::new(connection, base, TIMEOUTS, &DIALECT, &[("x-tryton-context", context)])?;
        Ok(Self { api, settings })
    }

    fn mapped(&self, map: &BTreeMap<String, i64>, what: &str, code: &str) -> Result<i64, CallError> {
        map.get(code)
            .copied()
            .ok_or_else(|| misconfigured(self.api.connection(), format!("settings have no {what} `{code}`")))
    }

    fn currency(&self, currency: Currency) -> Result<i64, CallError> {
        self.mapped(&self.settings.currencies, "currency", currency.code())
    }

    fn payment_term(&self, code: &str) -> Result<i64, CallError> {
        self.mapped(&self.settings.payment_terms, "payment term", code)
    }

    fn account(&self, code: &str) -> Result<i64, CallError> {
        self.mapped(&self.settings.revenue_accounts, "revenue account", code)
    }

    fn tax(&self, code: &str) -> Result<i64, CallError> {
        self.mapped(&self.settings.taxes, "tax", code)
    }
}

#[async_trait]
impl Erp for Tryton {
    fn connection(&self) -> &str {
        self.api.connection()
    }

    async fn customers_like(&self, sought: &Sought<'_>) -> Result<Vec<ErpCustomer>, CallError> {
        self.parties_like(sought).await
    }

    async fn customer_facts(&self, account: &str) -> Result<CustomerFacts, CallError> {
        self.facts_of(account).await
    }

    async fn held_plan(
        &self,
        engagement: &EngagementId,
        currency: Currency,
    ) -> Result<Option<HeldPlan>, CallError> {
        self.plan_held(engagement, currency).await
    }

    async fn invoice(&self, invoice: &InvoiceId) -> Result<Option<PostedInvoice>, CallError> {
        self.invoice_of(invoice, "read invoice").await
    }

    async fn invoice_numbered(&self, number: &str) -> Result<Option<InvoiceId>, CallError> {
        self.id_of_number(number).await
    }

    async fn issued_credit(&self, record: &str) -> Result<Option<IssuedCredit>, CallError> {
        self.credit_at(record).await
    }
}

#[async_trait]
impl Polled for Tryton {
    fn overlap(&self) -> SignedDuration {
        SignedDuration::from_mins(self.settings.overlap_minutes)
    }

    async fn changes_since(&self, since: Timestamp) -> Result<Vec<Translated>, CallError> {
        self.posted_since(since).await
    }
}
