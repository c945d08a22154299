//! Invoice disputes, with the evidence that each keeps.

use domain::dispute::{Dispute, TracedCash, TracedLine};
use domain::id::{DisputeId, EngagementId, InvoiceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::commit::Write;
use crate::key::Key;
use crate::ledger::Versioned;
use crate::store::Item;
use crate::{Journal, JournalError};

/// Pieces of evidence in one item.
const PIECES_A_PAGE: usize = 100;

/// A page of what a dispute keeps: how each contested line came about, or what its invoice's balance comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidencePage {
    /// Contested lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<TracedLine>,
    /// Payments and credit memos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cash: Vec<TracedCash>,
}

impl Journal {
    /// A dispute.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn dispute(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        dispute: &DisputeId,
    ) -> Result<Versioned<Dispute>, JournalError> {
        let key = Key::dispute(tenant, engagement.as_str(), dispute.as_str());
        Versioned::read(self.store.get(&key).await?.as_ref(), "dispute")
    }

    /// Every dispute of an invoice, ended or not. A decision on them holds only while the invoice keeps the version
    /// that was read before: whatever is added or ends raises it.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn disputes_of(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        invoice: &InvoiceId,
    ) -> Result<Vec<Dispute>, JournalError> {
        let pk = Key::partition(tenant, engagement.as_str());
        let items = self.store.query(&pk, "dispute#", usize::MAX).await?;
        let of = |item: &&Item| item.text("invoice") == Some(invoice.as_str());
        items.iter().filter(of).map(Item::body).collect()
    }

    /// The write of a dispute's new state.
    ///
    /// # Errors
    /// Never for a well-formed dispute.
    pub fn write_dispute(
        &self,
        tenant: &str,
        dispute: &Dispute,
        expected: u64,
        now: Timestamp,
    ) -> Result<Write, JournalError> {
        let key = Key::dispute(tenant, dispute.engagement.as_str(), dispute.dispute.as_str());
        let item = Item::new(&key, "dispute", tenant, dispute)?.with("recorded_at", now.to_string());
        Ok(Write::Replace { item, expected })
    }

    /// The writes that keep a dispute's evidence, for the commit that records it. It never changes.
    ///
    /// # Errors
    /// Never for well-formed evidence.
    pub fn write_evidence(
        &self,
        tenant: &str,
        dispute: &Dispute,
        evidence: &EvidencePage,
        cause: Uuid,
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let lines = evidence.lines.chunks(PIECES_A_PAGE);
        let lines = lines.map(|lines| EvidencePage { lines: lines.to_vec(), cash: vec![] });
        let cash = evidence.cash.chunks(PIECES_A_PAGE);
        let cash = cash.map(|cash| EvidencePage { lines: vec![], cash: cash.to_vec() });
        let write = |(page, body): (usize, EvidencePage)| {
            let (engagement, id) = (dispute.engagement.as_str(), dispute.dispute.as_str());
            let key = Key::dispute_evidence(tenant, engagement, id, page);
            let item = Item::new(&key, "dispute-evidence", tenant, &body)?
                .with("dispute", id)
                .with("recorded_at", now.to_string());
            Ok(Write::Insert { item, cause })
        };
        lines.chain(cash).enumerate().map(write).collect()
    }

    /// The evidence of a dispute, in the order in which it was kept, of at most so many lines and payments; and whether
    /// there is more.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn evidence(
        &self,
        tenant: &str,
        dispute: &Dispute,
        most: usize,
    ) -> Result<(EvidencePage, bool), JournalError> {
        let pk = Key::partition(tenant, dispute.engagement.as_str());
        let prefix = format!("dispute-evidence#{}#", dispute.dispute);
        let pages = self.store.query(&pk, &prefix, most / PIECES_A_PAGE + 2).await?;
        let mut all = EvidencePage::default();
        for page in pages {
            let page: EvidencePage = page.body()?;
            all.lines.extend(page.lines);
            all.cash.extend(page.cash);
        }
        let is_more = all.lines.len() > most || all.cash.len() > most;
        all.lines.truncate(most);
        all.cash.truncate(most);
        Ok((all, is_more))
    }
}
