//! Identifiers: one type per kind of record, each with a prefix that people can read.
//!
//! All are derived (UUIDv5) from what makes the record unique in the business, so that a
//! repeated event computes the same ID and finds what it made before. That is why they do
//! not sort by time; items that must sort carry a time of their own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Namespace of every ID that is derived here: UUIDv5 of the URL namespace and `urn:quote-to-cash`.
#[must_use]
pub fn namespace() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:quote-to-cash")
}

/// Derives a UUID from the parts that make a thing unique; the parts are joined with `|`.
#[must_use]
pub fn derive(parts: &[&str]) -> Uuid {
    Uuid::new_v5(&namespace(), parts.join("|").as_bytes())
}

/// An identifier that does not have its kind's prefix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an identifier of the kind that starts with `{prefix}`")]
pub struct WrongKind {
    /// The prefix that was expected.
    pub prefix: &'static str,
    /// What was given.
    pub given: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// Prefix of every ID of this kind.
            pub const PREFIX: &'static str = $prefix;

            /// The ID of the record that these parts make unique.
            #[must_use]
            pub fn derive(parts: &[&str]) -> Self {
                Self(format!("{}{}", $prefix, derive(parts).simple()))
            }

            /// The ID as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = WrongKind;
            fn try_from(given: String) -> Result<Self, WrongKind> {
                if given.len() > $prefix.len() && given.starts_with($prefix) {
                    Ok(Self(given))
                } else {
                    Err(WrongKind { prefix: $prefix, given })
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// The global engagement ID, carried by quote, project, invoice and payment alike.
    EngagementId, "eng_"
);
id!(
    /// The global customer ID.
    CustomerId, "cus_"
);
id!(
    /// A billable line: one approved entry, milestone or charge.
    LineId, "lin_"
);
id!(
    /// An invoice, before and after the ERP gave it a number.
    InvoiceId, "inv_"
);
id!(
    /// A payment that a customer made.
    PaymentId, "pay_"
);
id!(
    /// A credit memo that reduces an invoice.
    CreditMemoId, "crm_"
);
id!(
    /// Work in progress that will not be billed.
    WriteOffId, "wof_"
);
id!(
    /// A change of an invoice that somebody made in the ERP by hand.
    AdjustmentId, "adj_"
);
id!(
    /// A dispute of an invoice.
    DisputeId, "dsp_"
);
id!(
    /// What one legal entity owes another for an approved entry.
    ChargeId, "ich_"
);
id!(
    /// What a subcontractor's approved entry costs.
    CostId, "sub_"
);
id!(
    /// Revenue that was earned, or is taken back.
    RevenueId, "rev_"
);
id!(
    /// An entry that was drawn from a retainer.
    DrawdownId, "drw_"
);
id!(
    /// A record of usage.
    UsageId, "use_"
);
id!(
    /// An exception: work for a person.
    ExceptionId, "exc_"
);
id!(
    /// An approval that a person is asked for.
    ApprovalId, "apr_"
);

impl EngagementId {
    /// The engagement that a CRM deal becomes. Every event about the deal computes the same ID.
    #[must_use]
    pub fn of_deal(tenant: &str, crm_connection: &str, deal: &str) -> Self {
        Self::derive(&[tenant, crm_connection, "deal", deal])
    }
}

impl CustomerId {
    /// The customer that a CRM's company is: every deal of the company has the same one.
    #[must_use]
    pub fn of_company(tenant: &str, crm_connection: &str, company: &str) -> Self {
        Self::derive(&[tenant, crm_connection, "company", company])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves OWN-07 in part: the same deal always has the same global engagement ID.
    #[test]
    fn an_engagement_id_depends_on_the_deal_alone() {
        let a = EngagementId::of_deal("northwind", "hubspot-main", "123");
        assert_eq!(a, EngagementId::of_deal("northwind", "hubspot-main", "123"));
        assert_ne!(a, EngagementId::of_deal("northwind", "hubspot-main", "124"));
        assert_ne!(a, EngagementId::of_deal("southwind", "hubspot-main", "123"));
        assert!(a.as_str().starts_with("eng_"));
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let json = serde_json::to_string(&CustomerId::derive(&["x"])).expect("serialises");
        assert!(serde_json::from_str::<EngagementId>(&json).is_err());
        assert!(serde_json::from_str::<CustomerId>(&json).is_ok());
    }
}
