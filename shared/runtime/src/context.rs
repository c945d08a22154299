use std::sync::Arc;
use std::time::Duration;

use domain::TenantConfig;
use jiff::SignedDuration;
use jiff::civil::Date;
use journal::{DynamoStore, Journal, Key};
use workflow::{Clock, Purpose, SystemClock};

use crate::aws::{ClientError, Clients};
use crate::bus::{Bus, EventBridgeBus};
use crate::connect::{ConfiguredConnections, Connect};
use crate::failure::Failure;
use crate::settings::Settings;

/// How long start-up waits for the table; whatever is wrong with it, the first event will tell.
const LONGEST_OPENING: Duration = Duration::from_secs(1);

/// What a handler works with. Everything that talks is behind a trait.
#[derive(Clone)]
pub struct Context {
    /// This function's name.
    pub function: &'static str,
    /// The journal.
    pub journal: Journal,
    /// The bus, for the functions at the edge; all others emit by committing.
    pub bus: Arc<dyn Bus>,
    /// The other systems.
    pub connect: Arc<dyn Connect>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How long a workflow's run is leased.
    pub lease: SignedDuration,
    /// What workflows are taken up for.
    pub purpose: Purpose,
}

impl Context {
    /// The context of a deployed function.
    ///
    /// # Errors
    /// When the AWS clients can't be built.
    pub fn deployed(settings: &Settings, clients: &Clients) -> Result<Self, ClientError> {
        let journal = Journal::new(Arc::new(DynamoStore::new(clients.dynamodb.clone(), &settings.table)));
        Ok(Self {
            function: settings.function,
            bus: Arc::new(EventBridgeBus::new(clients.eventbridge.clone(), &settings.bus)),
            connect: Arc::new(ConfiguredConnections::new(journal.clone(), Box::new(clients.secrets.clone()))),
            journal,
            clock: Arc::new(SystemClock),
            lease: SignedDuration::from_secs(i64::from(settings.lease_seconds)),
            purpose: Purpose::Finish,
        })
    }

    /// The context of a deployed function with its connection to the table already open: the
    /// TLS handshake is done while Lambda starts the function, not while the first event waits.
    ///
    /// # Errors
    /// When the AWS clients can't be built. A table that does not answer is no error yet.
    pub async fn connected(settings: &Settings, clients: &Clients) -> Result<Self, ClientError> {
        let context = Self::deployed(settings, clients)?;
        if settings.endpoint.as_deref().is_none_or(|endpoint| endpoint.starts_with("https:")) {
            // An item that no tenant has: the answer is of no interest.
            let nothing = Key::tenant("-");
            let opened = tokio::time::timeout(LONGEST_OPENING, context.journal.store().get(&nothing)).await;
            if !matches!(opened, Ok(Ok(_))) {
                tracing::warn!(function = settings.function, "the table did not answer at start-up");
            }
        }
        Ok(context)
    }
}

impl Context {
    /// The time zone in which a tenant counts its days.
    ///
    /// # Errors
    /// When the tenant is not configured, or names a zone that does not exist.
    pub async fn business_time_zone(&self, tenant: &str) -> Result<jiff::tz::TimeZone, Failure> {
        Ok(self.business(tenant).await?.1)
    }

    /// A tenant's configuration, and the time zone in which it counts its days.
    ///
    /// # Errors
    /// When the tenant is not configured, or names a zone that does not exist.
    pub async fn business(&self, tenant: &str) -> Result<(Arc<TenantConfig>, jiff::tz::TimeZone), Failure> {
        let config = self.connect.tenant(tenant).await?;
        let zone = jiff::tz::TimeZone::get(&config.time_zone).map_err(|e| Failure::new(e.to_string()))?;
        Ok((config, zone))
    }

    /// The day that it is in a tenant's time zone.
    ///
    /// # Errors
    /// What is wrong with the zone's name.
    pub fn business_day(&self, config: &TenantConfig) -> Result<Date, String> {
        let zone = jiff::tz::TimeZone::get(&config.time_zone).map_err(|e| e.to_string())?;
        Ok(self.clock.now().to_zoned(zone).date())
    }
}
