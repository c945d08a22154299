//! Write-offs, and the lines that they take out of the work in progress.

use std::collections::BTreeSet;

use domain::billing::{BillableLine, Evidence, LineStatus};
use domain::credit_memo::CreditMemo;
use domain::id::LineId;
use domain::transition::Status;
use domain::write_off::WriteOff;
use jiff::Timestamp;
use serde_json::Map;
use uuid::Uuid;

use crate::again::CORRECTED;
use crate::commit::Write;
use crate::holds::LineRecord;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

impl Journal {
    /// Whether a part of an entry's lines, of its first or of a correction, was written off or credited for good. A line
    /// that a credit memo releases whole to be billed anew is not.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn is_taken_off(
        &self,
        tenant: &str,
        engagement: &str,
        first: &LineId,
    ) -> Result<bool, JournalError> {
        let pk = Key::partition(tenant, engagement);
        let mut taken: BTreeSet<LineId> = BTreeSet::new();
        for item in self.store.query(&pk, "write-off#", usize::MAX).await? {
            taken.extend(item.body::<WriteOff>()?.lines);
        }
        for item in self.store.query(&pk, "credit-memo#", usize::MAX).await? {
            let memo: CreditMemo = item.body()?;
            let parts = memo.parts.iter().filter(|part| memo.stands() && !(part.whole && memo.rebill));
            taken.extend(parts.filter_map(|part| part.line.clone()));
        }
        if taken.contains(first) {
            return Ok(true);
        }
        for line in taken {
            let item = self.store.get(&Key::line(tenant, engagement, line.as_str())).await?;
            let line = item.map(|item| item.body::<BillableLine>()).transpose()?;
            if line.is_some_and(|l| matches!(&l.evidence, Evidence::Adjustment { of, .. } if of == first)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The writes of a write-off: its item, and each line as it was found. What held a line is settled.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn writing_off(
        &self,
        tenant: &str,
        write_off: &WriteOff,
        lines: &[LineRecord],
        cause: Uuid,
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let (engagement, id) = (write_off.engagement.as_str(), write_off.write_off.as_str());
        let item = Item::new(&Key::write_off(tenant, engagement, id), "write-off", tenant, write_off)?;
        let mut writes = vec![Write::Insert { item: item.with("recorded_at", now.to_string()), cause }];
        writes.extend(lines.iter().map(|record| Write::WhenWithout {
            key: Key::line(tenant, engagement, record.line.line.as_str()),
            field: ("status", record.status.name().to_owned()),
            // What is corrected meanwhile is not written off whole: its difference would stay alone.
            without: CORRECTED,
            set: Map::from_iter([
                ("status".into(), LineStatus::WrittenOff.name().into()),
                ("write_off".into(), id.into()),
            ]),
            remove: vec!["status_key", "status_at", "hold"],
        }));
        for hold in lines.iter().filter_map(|record| record.hold.as_ref()) {
            writes.extend(self.settling(tenant, engagement, hold, now).await?);
        }
        Ok(writes)
    }
}

pub(crate) fn status(item: &Item) -> Result<LineStatus, JournalError> {
    let found = item.text("status").and_then(|s| LineStatus::ALL.iter().find(|known| known.name() == s));
    let odd = || JournalError::Malformed { key: item.key().to_string(), detail: "has no status".into() };
    found.copied().ok_or_else(odd)
}
