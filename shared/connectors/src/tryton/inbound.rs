//! Posted invoices and credit notes, told by webhook and found by polling. The webhook is quick and may be lost;
//! the poll loses nothing. Both tell the same fact under the same name.

use domain::credit_memo::CreditMemoIssued;
use domain::event::InvoicePosted;
use domain::id::{CreditMemoId, InvoiceId};
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

/// An invoice or credit note of ours that was posted; anything else that the module tells is of no interest. Of a
/// credit note that was issued by hand it does not say that it is one: the poll finds those.
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
    let event = posted(&connection.config.connection, data.id, data.external_id, data.write_date, false);
    Ok(event.into_iter().collect())
}

/// What is parsed first: another type of notification may carry other data.
#[derive(serde::Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

/// An invoice or credit note is posted once, so the record and the state make the fact; when it was last
/// written doesn't, because every payment writes it again.
/// `takes_off` is whether it is known to be a credit note by its amount.
fn posted(
    connection: &str,
    id: i64,
    external_id: Option<String>,
    at: Timestamp,
    takes_off: bool,
) -> Option<Translated> {
    let plain =
        |id: &String| id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let (delivery, occurred_at) = (format!("{MODEL}:{id}:posted"), at);
    let (connection, record) = (connection.to_owned(), id.to_string());
    let external_id = external_id.filter(plain);
    let told = |id: &str| Subject::Other(id.to_owned());
    if let Some(invoice) = external_id.clone().and_then(|id| InvoiceId::try_from(id).ok()) {
        let subject = told(invoice.as_str());
        let event = InvoicePosted { connection, record, invoice }.into();
        return Some(Translated { delivery, subject, occurred_at, event });
    }
    let credit_memo = external_id.and_then(|id| CreditMemoId::try_from(id).ok());
    if credit_memo.is_none() && !takes_off {
        return None;
    }
    let subject =
        credit_memo.as_ref().map_or_else(|| told(&format!("credit-note-{id}")), |id| told(id.as_str()));
    let event = CreditMemoIssued { connection, record, credit_memo }.into();
    Some(Translated { delivery, subject, occurred_at, event })
}

impl Tryton {
    /// Invoices and credit notes of ours, and credit notes of anybody's, posted or paid, that were written since a
    /// moment. Which they are is told by ID and amount: searching by amount would add up all invoices there are. Pages are cut by ID
    /// and not by offset, which would skip a record when an earlier one changes in between.
    pub(super) async fn posted_since(&self, since: Timestamp) -> Result<Vec<Translated>, CallError> {
        let page: usize = PAGE.parse().unwrap_or(1);
        let since = Moment::of(since);
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let domain = json!([
                ["id", ">", after],
                ["type", "=", "out"],
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
                let takes_off = row.total_amount.is_some_and(|total| total.decimal.is_sign_negative());
                all.extend(posted(self.api.connection(), row.id, row.external_id, at, takes_off));
            }
            if last {
                return Ok(all);
            }
        }
    }
}
