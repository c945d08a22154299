//! The CRM: quotes, and what is shown on deals.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::operation::{Reference, Undone, WriteDealStatus};
use connectors::role::Crm;
use connectors::{CallError, CallErrorKind, Idempotency, Performs};
use domain::quote::Quote;
use domain::sample;

use super::UPSERT;
use crate::engine::Place;
use crate::world::{CRM, World};

pub(super) struct SimulatedCrm(pub(super) Arc<World>);

#[async_trait]
impl Crm for SimulatedCrm {
    fn connection(&self) -> &str {
        CRM
    }

    async fn quote_of(&self, deal: &str) -> Result<Quote, CallError> {
        let found = self.0.asks(Place::ReadQuote, CRM, |books| books.quotes.get(deal).cloned()).await?;
        // Whatever is announced of a deal holds of it; recordings are older than that it is asked for.
        let found = found.map(|quote| Quote { opportunity: sample::quote().opportunity, ..quote });
        found.ok_or_else(|| CallError {
            kind: CallErrorKind::Refused,
            connection: CRM.into(),
            operation: "read quote",
            detail: format!("deal {deal} has no quote"),
        })
    }
}

#[async_trait]
impl Performs<WriteDealStatus> for SimulatedCrm {
    fn idempotency(&self) -> Idempotency {
        UPSERT
    }

    async fn find(&self, _: &WriteDealStatus) -> Result<Option<Reference>, CallError> {
        Ok(None)
    }

    async fn perform(&self, write: &WriteDealStatus, _: &str) -> Result<Reference, CallError> {
        let write = write.clone();
        let effect = move |books: &mut super::Books, _| {
            let deal = books.deals.entry(write.deal.clone()).or_default();
            let shown = [
                ("engagement", Some(write.engagement.to_string())),
                ("status", write.engagement_status.map(|s| s.as_str().to_owned())),
                ("contract version", write.contract_version.map(|v| v.to_string())),
                ("contract value", write.contract_value.map(|m| m.to_string())),
                ("invoice", write.invoice_number),
                ("invoice status", write.invoice_status),
                ("total", write.invoice_total.map(|m| m.to_string())),
                ("paid", write.paid.map(|m| m.to_string())),
                ("collections", write.collections.map(|c| format!("{c:?}"))),
            ];
            deal.extend(shown.into_iter().filter_map(|(name, value)| value.map(|v| (name.to_owned(), v))));
            Ok(Reference { record: write.deal })
        };
        self.0.changes(Place::WriteDealStatus, CRM, effect).await
    }

    async fn undo(&self, _: &WriteDealStatus, _: &Reference) -> Result<Undone, CallError> {
        Ok(Undone::Kept("the next write replaces it".into()))
    }
}
