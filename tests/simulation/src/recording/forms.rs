//! What the products' books hold of types that have no written form of their own.

use connectors::inbound::{Subject, Translated};
use connectors::operation::WriteInvoiceStatus;
use domain::Event;
use domain::collections::Collections;
use domain::id::{EngagementId, InvoiceId};
use domain::money::Money;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An entry of a product's log, with all that a connector makes of it.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Translated")]
pub(crate) struct Told {
    delivery: String,
    #[serde(with = "About")]
    subject: Subject,
    occurred_at: Timestamp,
    event: Event,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Subject", rename_all = "kebab-case")]
enum About {
    Engagement(EngagementId),
    Other(String),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "WriteInvoiceStatus")]
struct Status {
    project: String,
    invoice: InvoiceId,
    number: String,
    status: String,
    total: Money,
    tax: Money,
    paid: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credited: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written_off: Option<Money>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    collections: Option<Collections>,
}

/// What a project shows of each invoice.
pub(crate) mod shown {
    use std::collections::BTreeMap;

    use connectors::operation::WriteInvoiceStatus;
    use domain::id::InvoiceId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Status;

    #[derive(Serialize, Deserialize)]
    struct Written(#[serde(with = "Status")] WriteInvoiceStatus);

    pub(crate) fn serialize<S: Serializer>(
        shown: &BTreeMap<InvoiceId, WriteInvoiceStatus>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(shown.iter().map(|(invoice, status)| (invoice, Written(status.clone()))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<InvoiceId, WriteInvoiceStatus>, D::Error> {
        let shown = BTreeMap::<InvoiceId, Written>::deserialize(deserializer)?;
        Ok(shown.into_iter().map(|(invoice, status)| (invoice, status.0)).collect())
    }
}
