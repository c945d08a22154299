//! HubSpot CRM: signed notifications that carry a reference, quotes read back, and where the
//! engagement stands written to the deal.

mod quote;
mod webhook;
mod wire;
mod write;

pub(crate) use webhook::{translate, verify};

use std::time::Duration;

use async_trait::async_trait;
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
    /// The property change that means: the deal's quote was approved.
    trigger: Trigger,
    /// The portal; notifications of others that share the app are not this connection's.
    portal_id: Option<i64>,
    /// How long after it was sent a write may still take effect there or not be found yet. No default.
    settles_within_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct Trigger {
    property: String,
    value: String,
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
        quote::of(&self.api, deal).await
    }
}
