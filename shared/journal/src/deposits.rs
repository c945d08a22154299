//! Deposits that were billed, and what invoices draw of them. What was drawn is kept with the invoice that bills the
//! deposit, and changes in the commit that draws it or gives it back.

use std::collections::BTreeMap;

use domain::billing::{BillableLine, Evidence, LineStatus};
use domain::deposit::{BilledDeposit, Drawing, DrawnFrom, deposit_line};
use domain::engagement::Engagement;
use domain::id::{EngagementId, InvoiceId, LineId};
use domain::invoice::Invoice;
use domain::money::Money;
use jiff::Timestamp;
use uuid::Uuid;

use crate::commit::Write;
use crate::key::Key;
use crate::ledger::{LinePage, Versioned, json};
use crate::store::Item;
use crate::{Journal, JournalError};

/// The versions under which deposits were read, by the invoice that bills them.
pub type DepositVersions = BTreeMap<InvoiceId, u64>;

impl Journal {
    /// The deposits of an engagement that an invoice bills, in the order in which they were agreed, with the
    /// versions that a write must find.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn billed_deposits(
        &self,
        tenant: &str,
        engagement: &Engagement,
    ) -> Result<(Vec<BilledDeposit>, DepositVersions), JournalError> {
        let (id, terms) = (&engagement.engagement, &engagement.contract.deposits);
        let wanted: Vec<LineId> = terms.iter().map(|terms| deposit_line(id, &terms.key)).collect();
        let lines = self.lines(tenant, id.as_str(), &wanted).await?;
        let (mut billed, mut versions) = (Vec::new(), DepositVersions::new());
        for (terms, wanted) in terms.iter().zip(&wanted) {
            let Some(record) = lines.iter().find(|record| record.line.line == *wanted) else { continue };
            let Some(owner) = &record.invoice else { continue };
            let Versioned { version, body } = self.invoice(tenant, id, owner).await?;
            // The invoice before its credit memos: whatever is added to them raises its version. Of two deposits on
            // one invoice the version that was read first is the one that must be found.
            let memos = self.credit_memos_of(tenant, id, owner).await?;
            let Some(invoice) = body else { continue };
            versions.entry(owner.clone()).or_insert(version);
            billed.push(BilledDeposit { terms: terms.clone(), line: record.line.clone(), invoice, memos });
        }
        Ok((billed, versions))
    }

    /// The writes of what an invoice draws, but for the invoice itself: its page of drawdowns, their lines, and the
    /// invoices that bill what is drawn.
    ///
    /// # Errors
    /// Never for a well-formed drawing.
    pub fn write_drawing(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        (drawing, versions): (&Drawing, &DepositVersions),
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let Drawing { invoice, lines, drawn_from } = drawing;
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let key = Key::invoice_page(tenant, engagement.as_str(), invoice.invoice.as_str(), invoice.pages);
        let page = Item::new(&key, "invoice-page", tenant, &LinePage { lines: lines.clone() })?
            .with("recorded_at", now.to_string());
        let mut writes = vec![Write::Insert { item: page, cause: Uuid::nil() }];
        for line in lines {
            let key = Key::line(tenant, engagement.as_str(), line.line.as_str());
            let item = Item::new(&key, "line", tenant, line)?
                .with("status", json(LineStatus::Invoiced)?)
                .with("invoice", invoice.invoice.as_str())
                .with("recorded_at", now.to_string());
            writes.push(Write::Insert { item, cause: Uuid::nil() });
        }
        for from in drawn_from {
            let read = versions.get(&from.invoice).copied();
            let read =
                read.ok_or_else(|| JournalError::Decision(format!("{} was not read", from.invoice)))?;
            writes.push(self.write_invoice(tenant, engagement, from, read, now)?);
        }
        Ok(writes)
    }

    /// The writes that give drawdowns back to their deposits.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn give_back(
        &self,
        tenant: &str,
        engagement: &EngagementId,
        given: &[(&DrawnFrom, Money)],
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let mut by_invoice: BTreeMap<&InvoiceId, (u64, Invoice)> = BTreeMap::new();
        for (from, amount) in given {
            let known = match by_invoice.remove(&from.invoice) {
                Some(known) => known,
                None => {
                    let Versioned { version, body } = self.invoice(tenant, engagement, &from.invoice).await?;
                    let unknown = || JournalError::Decision(format!("{} is unknown", from.invoice));
                    (version, body.ok_or_else(unknown)?)
                }
            };
            let nothing = Money::zero(amount.currency());
            let next = nothing.minus(*amount).and_then(|less| known.1.with_drawn(&from.line, less));
            let next = next.map_err(|e| JournalError::Decision(e.to_string()))?;
            by_invoice.insert(&from.invoice, (known.0, next));
        }
        let write =
            |(version, next): (u64, Invoice)| self.write_invoice(tenant, engagement, &next, version, now);
        by_invoice.into_values().map(write).collect()
    }
}

/// What a line draws of a deposit, where it is a drawdown.
pub(crate) fn drawn_by(line: &BillableLine) -> Option<(DrawnFrom, Money)> {
    let Evidence::Drawdown { of, billed_by, .. } = &line.evidence else { return None };
    let nothing = Money::zero(line.amount.currency());
    let from = DrawnFrom { line: of.clone(), invoice: billed_by.clone() };
    // Nothing less an amount is an amount of the same currency.
    Some((from, nothing.minus(line.amount).unwrap_or(nothing)))
}
