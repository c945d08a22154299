//! Ledger items: engagement state, billable lines, invoices.

use std::collections::BTreeSet;

use domain::billing::{BillableLine, LineStatus};
use domain::engagement::Engagement;
use domain::id::{EngagementId, InvoiceId, LineId};
use domain::invoice::{Invoice, InvoiceStatus};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::commit::{Commit, Committed, Write};
use crate::holds::listed_if_held;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

/// Lines taken in one transaction: with the invoice and the page item it stays below DynamoDB's 100.
pub(crate) const LINES_A_PAGE: usize = 90;
/// Lines of one invoice; what is beyond waits for the next.
pub const LINES_AN_INVOICE: usize = 10_000;
/// Invoices that may meet at one page of lines.
const MOST_ROUNDS: usize = 50;

/// Something read, with the version that a write must find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The version; 0 where the item does not exist.
    pub version: u64,
    /// The body; none where the item does not exist or only holds a version.
    pub body: Option<T>,
}

impl<T: DeserializeOwned> Versioned<T> {
    /// Reads an item. `marker` is a field that every real body has; an item that was only
    /// touched (an early event was parked there) lacks it.
    pub(crate) fn read(item: Option<&Item>, marker: &str) -> Result<Self, JournalError> {
        Ok(match item {
            None => Self { version: 0, body: None },
            Some(item) if item.text(marker).is_some() => {
                Self { version: item.version(), body: Some(item.body()?) }
            }
            Some(item) => Self { version: item.version(), body: None },
        })
    }
}

/// The lines that one page of an invoice took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinePage {
    /// The lines.
    pub lines: Vec<BillableLine>,
}

/// Item of an engagement's state.
pub(crate) fn state_item(tenant: &str, state: &Engagement, now: Timestamp) -> Result<Item, JournalError> {
    let key = Key::state(tenant, state.engagement.as_str());
    Ok(Item::new(&key, "state", tenant, state)?.with("recorded_at", now.to_string()))
}

/// Item of a line that may be invoiced.
pub(crate) fn line_item(
    tenant: &str,
    engagement: &str,
    line: &BillableLine,
    now: Timestamp,
) -> Result<Item, JournalError> {
    let key = Key::line(tenant, engagement, line.line.as_str());
    Ok(Item::new(&key, "line", tenant, line)?
        .with("status", json(LineStatus::Ready)?)
        .with("recorded_at", now.to_string())
        .with("status_key", ready_key(tenant, engagement))
        .with("status_at", now.to_string()))
}

pub(crate) fn ready_key(tenant: &str, engagement: &str) -> String {
    format!("tenant#{tenant}#engagement#{engagement}#line#ready")
}

pub(crate) fn json(value: impl Serialize) -> Result<Value, JournalError> {
    serde_json::to_value(value).map_err(|e| JournalError::Decision(e.to_string()))
}

impl Journal {
    /// An engagement's state.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn engagement(
        &self,
        tenant: &str,
        engagement: &str,
    ) -> Result<Versioned<Engagement>, JournalError> {
        Versioned::read(self.store.get(&Key::state(tenant, engagement)).await?.as_ref(), "engagement")
    }

    /// An invoice.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn invoice(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &InvoiceId,
    ) -> Result<Versioned<Invoice>, JournalError> {
        let key = Key::invoice(tenant, engagement.as_str(), invoice.as_str());
        Versioned::read(self.store.get(&key).await?.as_ref(), "invoice")
    }

    /// The write of an engagement's new state.
    ///
    /// # Errors
    /// Never for a well-formed engagement.
    pub fn write_state(
        &self,
        tenant: &str,
        state: &Engagement,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        Ok(Write::Replace { item: state_item(tenant, state, now)?, expected })
    }

    /// The write of an invoice's new state.
    ///
    /// # Errors
    /// Never for a well-formed invoice.
    pub fn write_invoice(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &Invoice,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::invoice(tenant, engagement.as_str(), invoice.invoice.as_str());
        let item = Item::new(&key, "invoice", tenant, invoice)?.with("recorded_at", now.to_string());
        let item = if matches!(invoice.status, InvoiceStatus::Posted | InvoiceStatus::PartPaid) {
            item.with("status_key", crate::cash::open_invoices_key(tenant)).with("status_at", now.to_string())
        } else {
            listed_if_held(item, tenant, invoice)
        };
        Ok(Write::Replace { item, expected })
    }

    /// Gives an invoice ownership of every ready line of its engagement, page by page, each
    /// page one transaction. Repeating it after a crash goes on where it stopped. `required`
    /// are lines that must be found even while the index lags behind the table.
    ///
    /// The index is listed once, at the beginning: asked again right after a page was taken, it
    /// could still show those lines and hide what comes after them.
    ///
    /// # Errors
    /// When the table can't be reached, or other invoices keep taking the same lines.
    pub async fn collect_lines(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: Versioned<Invoice>,
        required: &[LineId],
        now: Timestamp,
    ) -> Result<Versioned<Invoice>, JournalError> {
        // Each once: a batch read refuses a key that comes twice.
        let required: BTreeSet<&LineId> = required.iter().collect();
        let mut candidates: Vec<Key> =
            required.iter().map(|l| Key::line(tenant, engagement.as_str(), l.as_str())).collect();
        let listed = self.store.by_status(&ready_key(tenant, engagement.as_str()), LINES_AN_INVOICE).await?;
        candidates.extend(
            listed.iter().map(Item::key).filter(|k| !required.iter().any(|l| k.sk.ends_with(l.as_str()))),
        );
        self.collect_these(tenant, engagement, invoice, &candidates, now).await
    }

    /// The same of these lines alone, as far as they are ready.
    ///
    /// # Errors
    /// When the table can't be reached, or other invoices keep taking the same lines.
    pub async fn collect_these(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        mut invoice: Versioned<Invoice>,
        candidates: &[Key],
        now: Timestamp,
    ) -> Result<Versioned<Invoice>, JournalError> {
        for page in candidates.chunks(LINES_A_PAGE) {
            invoice = self.collect_page(tenant, engagement, invoice, page, now).await?;
        }
        Ok(invoice)
    }

    /// Takes those lines of a page that are ready in the table itself.
    async fn collect_page(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        mut invoice: Versioned<Invoice>,
        page: &[Key],
        now: Timestamp,
    ) -> Result<Versioned<Invoice>, JournalError> {
        for _ in 0..MOST_ROUNDS {
            let Some(body) = invoice.body.clone() else {
                return Err(JournalError::Decision("an invoice that does not exist can't own lines".into()));
            };
            // Its lines were fixed in the meantime, by a second run of the same invoice.
            if !body.is_collecting() {
                return Ok(invoice);
            }
            let mut ready: Vec<BillableLine> = Vec::new();
            for item in self.store.get_many(page).await? {
                if item.text("status") == Some("ready") {
                    ready.push(item.body()?);
                }
            }
            if ready.is_empty() {
                return Ok(invoice);
            }
            let next = body.collect(&ready).map_err(|e| JournalError::Decision(e.to_string()))?;
            match self.take_page(tenant, engagement, &next, &ready, invoice.version, now).await? {
                Committed::Done => return Ok(Versioned { version: invoice.version + 1, body: Some(next) }),
                // Another invoice was faster, or this is a second run of the same one: look again.
                Committed::Rejected(_) | Committed::Contended => {
                    invoice = self.invoice(tenant, engagement, &body.invoice).await?;
                }
            }
        }
        Err(JournalError::Contended(engagement.to_string()))
    }

    async fn take_page(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        next: &Invoice,
        lines: &[BillableLine],
        expected: u64,
        now: Timestamp,
    ) -> Result<Committed, JournalError> {
        let invoice = next.invoice.as_str();
        let page_key = Key::invoice_page(tenant, engagement.as_str(), invoice, next.pages);
        let page = Item::new(&page_key, "invoice-page", tenant, &LinePage { lines: lines.to_vec() })?
            .with("recorded_at", now.to_string());
        let mut commit = Commit::default()
            .write(self.write_invoice(tenant, engagement, next, expected, now)?)
            .write(Write::Insert { item: page, cause: Uuid::nil() });
        for line in lines {
            commit = commit.write(Write::When {
                key: Key::line(tenant, engagement.as_str(), line.line.as_str()),
                field: ("status", "ready".into()),
                set: Map::from_iter([
                    ("status".into(), json(LineStatus::Invoiced)?),
                    ("invoice".into(), invoice.into()),
                ]),
                remove: vec!["status_key", "status_at"],
            });
        }
        self.commit(commit).await
    }

    /// Every line that an invoice owns, in the order in which it took them.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn invoice_lines(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &InvoiceId,
    ) -> Result<Vec<BillableLine>, JournalError> {
        let pages = self.invoice_pages(tenant, engagement, invoice).await?;
        Ok(pages.into_iter().flat_map(|page| page.lines).collect())
    }
}
