//! HubSpot CRM: signed notifications that carry a reference, quotes read back, and where the
//! engagement stands written to the deal.

mod quote;
mod schedule;
mod webhook;
mod wire;
mod write;

pub(crate) use webhook::{translate, verify};

use std::time::Duration;

use async_trait::async_trait;
use domain::activation::Signal;
use domain::event::{ContractActivated, Event, OpportunityWon, QuoteApproved, SowApproved};
use domain::quote::Quote;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::connection::Connection;
use crate::error::CallError;
use crate::http::{Api, Dialect, Exception, Timeouts, settings};
use crate::role::Crm;

/// HubSpot answers in well under a second; a write is as quick as a read.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    read: Duration::from_secs(10),
    write: Duration::from_secs(15),
};

static DIALECT: Dialect = Dialect { exceptions, words };

/// A record that someone else is just writing is locked for about two seconds.
fn exceptions(status: StatusCode, _body: &str) -> Option<Exception> {
    (status == StatusCode::LOCKED).then_some(Exception::Transient)
}

fn words(body: &str) -> Option<String> {
    let error: wire::Error = serde_json::from_str(body).ok()?;
    Some(match error.category {
        Some(category) => format!("{category}: {}", error.message),
        None => error.message,
    })
}

/// What only HubSpot needs.
#[derive(Debug, Clone, Deserialize)]
struct Settings {
    /// Signature versions that are believed, of `v1`, `v2`, `v3`. No default.
    signature_versions: Vec<String>,
    /// The changes of a deal's properties that announce something of it.
    triggers: Vec<Trigger>,
    /// The portal; notifications of others that share the app are not this connection's.
    portal_id: Option<i64>,
    /// How long after it was sent a write may still take effect there or not be found yet. No default.
    settles_within_seconds: u64,
}

/// A change of a deal's property that announces something.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trigger {
    /// The property.
    property: String,
    /// Its new value; any, where none is named.
    value: Option<String>,
    /// What that announces.
    means: Means,
}

impl Trigger {
    /// Whether the property's value announces it; an empty one announces nothing.
    fn is_met_by(&self, held: &str) -> bool {
        match &self.value {
            Some(value) => value == held,
            None => !held.trim().is_empty(),
        }
    }
}

/// What a CRM may announce of a deal; who has signed it does not know.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Means {
    QuoteApproved,
    OpportunityWon,
    ContractActivated,
    SowApproved,
}

impl Means {
    const fn signal(self) -> Signal {
        match self {
            Self::QuoteApproved => Signal::QuoteApproved,
            Self::OpportunityWon => Signal::OpportunityWon,
            Self::ContractActivated => Signal::ContractActivated,
            Self::SowApproved => Signal::SowApproved,
        }
    }

    /// The event that tells it of a deal.
    fn event(self, connection: String, deal: String) -> Event {
        match self {
            Self::QuoteApproved => QuoteApproved { connection, deal }.into(),
            Self::OpportunityWon => OpportunityWon { connection, deal }.into(),
            Self::ContractActivated => ContractActivated { connection, deal }.into(),
            Self::SowApproved => SowApproved { connection, deal }.into(),
        }
    }
}

/// A HubSpot portal.
pub(crate) struct Hubspot {
    api: Api,
    settings: Settings,
}

impl Hubspot {
    /// Opens the connection; nothing is sent.
    pub(crate) fn open(connection: &Connection) -> Result<Self, CallError> {
        let settings = settings(connection)?;
        let base = connection.config.base_url.trim_end_matches('/').to_owned();
        Ok(Self { api: Api::new(connection, base, TIMEOUTS, &DIALECT, &[])?, settings })
    }
}

#[async_trait]
impl Crm for Hubspot {
    fn connection(&self) -> &str {
        self.api.connection()
    }

    async fn quote_of(&self, deal: &str) -> Result<Quote, CallError> {
        quote::of(&self.api, &self.settings.triggers, deal).await
    }
}
