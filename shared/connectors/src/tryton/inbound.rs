//! Posted invoices, told by webhook and found by polling. The webhook is quick and may be lost;
//! the poll loses nothing. Both tell the same fact under the same name.

use domain::event::InvoicePosted;
use domain::id::InvoiceId;
use jiff::Timestamp;
use serde_json::json;

use super::Tryton;
use super::client::PAGE;
use super::wire::{CHANGED, Changed, Moment, Notification};
use crate::connection::Connection;
use crate::error::{CallError, CallErrorKind};
use crate::inbound::{Delivery, Subject, Translated, Untranslatable};

const MODEL: &str = "account.invoice";
const POLL: &str = "read posted invoices";
/// Ours have 36 characters. Whoever may write to the ERP may write any external ID, and it becomes
/// part of a key of the table.
const LONGEST_ID: usize = 64;

/// An invoice of ours that was posted; anything else that the module tells is of no interest.
pub(crate) fn translate(
    connection: &Connection,
    delivery: &Delivery<'_>,
) -> Result<Vec<Translated>, Untranslatable> {
    let kind: Kind = serde_json::from_slice(delivery.body)
        .map_err(|e| Untranslatable(format!("not a notification: {e}")))?;
    if kind.kind != "invoice.posted" {
        return Ok(Vec::new());
    }
    let Notification { data, .. } = serde_json::from_slice(delivery.body)
        .map_err(|e| Untranslatable(format!("not about an invoice: {e}")))?;
    let event = posted(&connection.config.connection, data.id, data.external_id, data.write_date);
    Ok(event.into_iter().collect())
}

/// What is parsed first: another type of notification may carry other data.
#[derive(serde::Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

/// An invoice is posted once, so the record and the state make the fact; when it was last
/// written doesn't, because every payment writes it again.
fn posted(connection: &str, id: i64, external_id: Option<String>, at: Timestamp) -> Option<Translated> {
    let plain =
        |id: &String| id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let invoice = InvoiceId::try_from(external_id.filter(plain)?).ok()?;
    Some(Translated {
        delivery: format!("{MODEL}:{id}:posted"),
        subject: Subject::Other(invoice.to_string()),
        occurred_at: at,
        event: InvoicePosted { connection: connection.to_owned(), record: id.to_string(), invoice }.into(),
    })
}

impl Tryton {
    /// Invoices of ours, posted or paid, that were written since a moment. Pages are cut by ID
    /// and not by offset, which would skip a record when an earlier one changes in between.
    pub(super) async fn posted_since(&self, since: Timestamp) -> Result<Vec<Translated>, CallError> {
        let page: usize = PAGE.parse().unwrap_or(1);
        let since = Moment::of(since);
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let domain = json!([
                ["id", ">", after],
                ["external_id", "like", "inv\\_%"],
                ["state", "in", ["posted", "paid"]],
                ["company", "=", self.settings.company],
                ["OR", [["write_date", ">=", since]], [["create_date", ">=", since]]],
            ]);
            let found: Vec<Changed> = self.search(POLL, MODEL, &domain, &CHANGED).await?;
            let last = found.len() < page;
            for row in found {
                after = row.id;
                let at = row.write_date.unwrap_or(row.create_date).timestamp().ok_or_else(|| {
                    self.api.error(
                        CallErrorKind::Mismatch,
                        POLL,
                        format!("invoice {} was written at no moment", row.id),
                    )
                })?;
                all.extend(posted(self.api.connection(), row.id, row.external_id, at));
            }
            if last {
                return Ok(all);
            }
        }
    }
}
