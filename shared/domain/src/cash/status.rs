//! Where a payment stands.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::transition::Status;

/// Where a payment stands. Received is not settled: what is settled, the payment product has put to our account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentStatus {
    /// Something was told of it before its receipt.
    Announced,
    /// The product received it from the payer.
    Received,
    /// The product put it to our account.
    Settled,
    /// All of it was given back.
    Refunded,
    /// The payer disputes it: a chargeback is open, and the money is gone until it is won.
    Disputed,
    /// The chargeback is lost.
    ChargedBack,
    /// It bounced after it was received: a bank debit that was returned.
    Failed,
}

impl PaymentStatus {
    /// The status as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Received => "received",
            Self::Settled => "settled",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
            Self::ChargedBack => "charged-back",
            Self::Failed => "failed",
        }
    }
}

impl Status for PaymentStatus {
    const OBJECT: &'static str = "a payment";
    const ALL: &'static [Self] = &[
        Self::Announced,
        Self::Received,
        Self::Settled,
        Self::Refunded,
        Self::Disputed,
        Self::ChargedBack,
        Self::Failed,
    ];

    fn name(self) -> &'static str {
        self.as_str()
    }

    /// A refund that fails and a dispute that is won bring the money back; a debit that bounced stays so, and
    /// what was received is never unheard.
    fn followed_by(self) -> &'static [Self] {
        match self {
            Self::Announced => &[
                Self::Received,
                Self::Settled,
                Self::Refunded,
                Self::Disputed,
                Self::ChargedBack,
                Self::Failed,
            ],
            Self::Received => {
                &[Self::Settled, Self::Refunded, Self::Disputed, Self::ChargedBack, Self::Failed]
            }
            Self::Settled => &[Self::Refunded, Self::Disputed, Self::ChargedBack, Self::Failed],
            Self::Refunded => {
                &[Self::Received, Self::Settled, Self::Disputed, Self::ChargedBack, Self::Failed]
            }
            Self::Disputed => {
                &[Self::Received, Self::Settled, Self::Refunded, Self::ChargedBack, Self::Failed]
            }
            Self::ChargedBack => {
                &[Self::Received, Self::Settled, Self::Refunded, Self::Disputed, Self::Failed]
            }
            Self::Failed => &[],
        }
    }
}
