//! Write-offs, and the lines that they take out of the work in progress.

use domain::billing::{BillableLine, LineStatus};
use domain::id::LineId;
use domain::transition::Status;
use domain::write_off::WriteOff;
use jiff::Timestamp;
use serde_json::Map;
use uuid::Uuid;

use crate::commit::Write;
use crate::key::Key;
use crate::store::Item;
use crate::{Journal, JournalError};

impl Journal {
    /// Those of some lines that exist, each with where it stands; at most a hundred.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn lines(
        &self,
        tenant: &str,
        engagement: &str,
        lines: &[LineId],
    ) -> Result<Vec<(BillableLine, LineStatus)>, JournalError> {
        let mut keys: Vec<Key> =
            lines.iter().map(|line| Key::line(tenant, engagement, line.as_str())).collect();
        keys.sort();
        keys.dedup();
        let items = self.store.get_many(&keys).await?;
        items.iter().map(|item| Ok((item.body()?, status(item)?))).collect()
    }

    /// The writes of a write-off: its item, and each line as it was found.
    ///
    /// # Errors
    /// Never for a well-formed write-off.
    pub fn writing_off(
        &self,
        tenant: &str,
        write_off: &WriteOff,
        lines: &[(BillableLine, LineStatus)],
        cause: Uuid,
        now: Timestamp,
    ) -> Result<Vec<Write>, JournalError> {
        let (engagement, id) = (write_off.engagement.as_str(), write_off.write_off.as_str());
        let item = Item::new(&Key::write_off(tenant, engagement, id), "write-off", tenant, write_off)?;
        let mut writes = vec![Write::Insert { item: item.with("recorded_at", now.to_string()), cause }];
        writes.extend(lines.iter().map(|(line, was)| Write::When {
            key: Key::line(tenant, engagement, line.line.as_str()),
            field: ("status", was.name().to_owned()),
            set: Map::from_iter([
                ("status".into(), LineStatus::WrittenOff.name().into()),
                ("write_off".into(), id.into()),
            ]),
            remove: vec!["status_key", "status_at"],
        }));
        Ok(writes)
    }
}

pub(crate) fn status(item: &Item) -> Result<LineStatus, JournalError> {
    let found = item.text("status").and_then(|s| LineStatus::ALL.iter().find(|known| known.name() == s));
    let odd = || JournalError::Malformed { key: item.key().to_string(), detail: "has no status".into() };
    found.copied().ok_or_else(odd)
}
