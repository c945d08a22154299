//! Receipts, what engagements see of them, and their movements.

use domain::cash::{Movement, Payment, Receipt};
use domain::id::{EngagementId, PaymentId};
use domain::invoice::Invoice;
use jiff::Timestamp;
use serde_json::Map;
use uuid::Uuid;

use crate::commit::Write;
use crate::exception::open_key;
use crate::key::Key;
use crate::ledger::Versioned;
use crate::store::Item;
use crate::{Journal, JournalError};

/// An exception about a payment, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashException {
    /// Its key.
    pub key: Key,
    /// The code of its problem.
    pub code: String,
    /// Whether it is open.
    pub open: bool,
    /// What it says.
    pub detail: String,
}

impl Journal {
    /// Everything that is known of a payment.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn receipt(
        &self,
        tenant: &str,
        payment: &PaymentId,
    ) -> Result<Versioned<Receipt>, JournalError> {
        let item = self.store.get(&Key::receipt(tenant, payment.as_str())).await?;
        Versioned::read(item.as_ref(), "payment")
    }

    /// The write of a receipt. While some of it is applied to nothing, it is listed for whoever applies cash.
    ///
    /// # Errors
    /// Never for a well-formed receipt.
    pub fn write_receipt(
        &self,
        tenant: &str,
        receipt: &Receipt,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::receipt(tenant, receipt.payment.as_str());
        let item = Item::new(&key, "receipt", tenant, receipt)?.with("recorded_at", now.to_string());
        let item = match (receipt.unapplied.filter(|u| u.is_positive()), receipt.received_at) {
            (Some(_), Some(at)) => {
                item.with("status_key", unapplied_key(tenant)).with("status_at", at.to_string())
            }
            _ => item,
        };
        Ok(Write::Replace { item, expected })
    }

    /// What an engagement sees of a payment.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn payment(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        payment: &PaymentId,
    ) -> Result<Option<Payment>, JournalError> {
        let key = Key::payment(tenant, engagement.as_str(), payment.as_str());
        self.store.get(&key).await?.map(|i| i.body()).transpose()
    }

    /// The write of what an engagement sees of a payment: for the first time, or in the place of what it saw.
    /// The receipt's version, in the same commit, keeps a late one out.
    ///
    /// # Errors
    /// Never for a well-formed payment.
    pub fn write_payment(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        payment: &Payment,
        first: bool,
        cause: Uuid,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::payment(tenant, engagement.as_str(), payment.payment.as_str());
        let item = Item::new(&key, "payment", tenant, payment)?.with("recorded_at", now.to_string());
        let field = ("payment", payment.payment.to_string());
        Ok(if first { Write::Insert { item, cause } } else { Write::Supersede { item, field } })
    }

    /// A movement of a payment.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn movement(
        &self,
        tenant: &str,
        payment: &PaymentId,
        number: u32,
    ) -> Result<Option<Movement>, JournalError> {
        let key = Key::movement(tenant, payment.as_str(), number);
        self.store.get(&key).await?.map(|i| i.body()).transpose()
    }

    /// The write of a movement.
    ///
    /// # Errors
    /// Never for a well-formed movement.
    pub fn write_movement(
        &self,
        tenant: &str,
        movement: &Movement,
        cause: Uuid,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::movement(tenant, movement.payment.as_str(), movement.number);
        let item = Item::new(&key, "movement", tenant, movement)?.with("recorded_at", now.to_string());
        Ok(Write::Insert { item, cause })
    }

    /// Receipts with cash that is applied to nothing, oldest first, at most `limit`. The index may lag behind.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn unapplied_receipts(&self, tenant: &str, limit: usize) -> Result<Vec<Receipt>, JournalError> {
        self.store.by_status(&unapplied_key(tenant), limit).await?.iter().map(Item::body).collect()
    }

    /// Posted invoices that are not paid, each with its engagement, at most `limit`. The index may lag behind;
    /// an invoice that was last written before this list was kept is not in it.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn open_invoices(
        &self,
        tenant: &str,
        limit: usize,
    ) -> Result<Vec<(EngagementId, Invoice)>, JournalError> {
        let mut found = Vec::new();
        for item in self.store.by_status(&open_invoices_key(tenant), limit).await? {
            let engagement = item.key().pk.rsplit('#').next().map(str::to_owned).unwrap_or_default();
            if let Ok(engagement) = EngagementId::try_from(engagement) {
                found.push((engagement, item.body()?));
            }
        }
        Ok(found)
    }

    /// What was raised about a payment among the exceptions of a subject.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn cash_exceptions(
        &self,
        tenant: &str,
        subject: &str,
        function: &str,
        payment: &PaymentId,
    ) -> Result<Vec<CashException>, JournalError> {
        let items = self.store.query(&Key::partition(tenant, subject), "exception#", usize::MAX).await?;
        let about = |i: &&Item| {
            i.text("stage") == Some(function)
                && i.text("payload").is_some_and(|p| p.contains(payment.as_str()))
        };
        let read = |i: &Item| CashException {
            key: i.key(),
            code: i.text("code").unwrap_or_default().to_owned(),
            open: i.text("status") == Some("open"),
            detail: i.text("detail").unwrap_or_default().to_owned(),
        };
        Ok(items.iter().filter(about).map(read).collect())
    }

    /// The write that settles an exception, or opens it again with what it says now.
    ///
    /// # Errors
    /// Never for a well-formed problem.
    pub fn turn_exception(
        &self,
        tenant: &str,
        known: &CashException,
        problem: Option<&domain::Problem>,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let was = if known.open { "open" } else { "resolved" };
        let mut set = Map::new();
        let mut remove = vec!["status_key", "status_at"];
        match problem {
            None => {
                set.insert("status".into(), "resolved".into());
                set.insert("resolved_at".into(), now.to_string().into());
            }
            Some(problem) => {
                let stake = serde_json::to_value(problem.at_stake);
                set.insert("status".into(), "open".into());
                set.insert("detail".into(), problem.detail.clone().into());
                set.insert("at_stake".into(), stake.map_err(|e| JournalError::Decision(e.to_string()))?);
                remove = vec![];
                if !known.open {
                    set.insert("status_key".into(), open_key(tenant, problem.owner).into());
                    set.insert("status_at".into(), now.to_string().into());
                    remove = vec!["resolved_at"];
                }
                if problem.at_stake.is_none() {
                    set.remove("at_stake");
                }
            }
        }
        Ok(Write::When { key: known.key.clone(), field: ("status", was.into()), set, remove })
    }
}

fn unapplied_key(tenant: &str) -> String {
    format!("tenant#{tenant}#payment#unapplied")
}

/// Where the `by-status` index lists posted invoices that are not paid.
pub(crate) fn open_invoices_key(tenant: &str) -> String {
    format!("tenant#{tenant}#invoice#open")
}
