//! From a connection's name to its connector: configuration from the table, credentials from
//! Secrets Manager, both cached for as long as a change may take to be seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connectors::inbound::Translated;
use connectors::role::{Crm, Erp, Polled, Psa};
use connectors::{Connection, ConnectionConfig, Credentials, registry};
use domain::TenantConfig;
use domain::consistency::faults;
use events::{Envelope, Traceparent};
use journal::{Journal, JournalError, Key};
use tokio::sync::Mutex;

use crate::aws::OnDemand;

/// How long configuration and credentials are believed.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// The event of what a connection reported, at the beginning of its trace.
#[must_use]
pub fn reported(config: &ConnectionConfig, translated: Translated) -> Envelope {
    let Translated { delivery, subject, occurred_at, event } = translated;
    let (tenant, trace) = (&config.tenant, Traceparent::start());
    Envelope::reported(tenant, &config.connection, &delivery, subject.as_str(), occurred_at, event, trace)
}

/// Why a connection can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no such connection or tenant.
    #[error("{0} is not configured")]
    Unknown(String),
    /// A tenant's configuration contradicts itself.
    #[error("configuration of {tenant}: {faults}")]
    Contradictory {
        /// The tenant.
        tenant: String,
        /// Every place and the rule that it breaks.
        faults: String,
    },
    /// Configuration can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Credentials can't be read.
    #[error("credentials of {connection}: {detail}")]
    Credentials {
        /// The connection.
        connection: String,
        /// What Secrets Manager says; never the secret.
        detail: String,
    },
    /// The connection's product can't serve the role, or its settings don't parse.
    #[error(transparent)]
    Connector(#[from] connectors::CallError),
}

/// Opens connections.
#[async_trait]
pub trait Connect: Send + Sync {
    /// A tenant's configuration.
    async fn tenant(&self, tenant: &str) -> Result<Arc<TenantConfig>, ConnectError>;
    /// A connection with its credentials.
    async fn connection(&self, connection: &str) -> Result<Arc<Connection>, ConnectError>;

    /// The CRM behind a connection.
    async fn crm(&self, connection: &str) -> Result<Arc<dyn Crm>, ConnectError>;
    /// The PSA behind a connection.
    async fn psa(&self, connection: &str) -> Result<Arc<dyn Psa>, ConnectError>;
    /// The ERP behind a connection.
    async fn erp(&self, connection: &str) -> Result<Arc<dyn Erp>, ConnectError>;
    /// The log behind a connection.
    async fn polled(&self, connection: &str) -> Result<Arc<dyn Polled>, ConnectError>;
}

/// Where credentials come from.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// The text of a secret; in the error, what may be logged.
    async fn secret(&self, id: &str) -> Result<String, String>;
}

#[async_trait]
impl SecretSource for OnDemand<aws_sdk_secretsmanager::Client> {
    async fn secret(&self, id: &str) -> Result<String, String> {
        let answer = self.get_secret_value().secret_id(id).send().await;
        let answer =
            answer.map_err(|e| aws_sdk_secretsmanager::error::DisplayErrorContext(&e).to_string())?;
        answer.secret_string.ok_or_else(|| "the secret holds no text".into())
    }
}

type Cache<T> = Mutex<HashMap<String, (Instant, Arc<T>)>>;
/// Connectors by connection, each with the connection it was opened with: while that stays the
/// same, so does the connector, and with it the vendor's open TLS session.
type Opened<T> = Mutex<HashMap<String, (Arc<Connection>, Arc<T>)>>;

/// Connections as the table and Secrets Manager configure them.
pub struct ConfiguredConnections {
    journal: Journal,
    secrets: Box<dyn SecretSource>,
    tenants: Cache<TenantConfig>,
    connections: Cache<Connection>,
    crm: Opened<dyn Crm>,
    psa: Opened<dyn Psa>,
    erp: Opened<dyn Erp>,
    polled: Opened<dyn Polled>,
}

impl ConfiguredConnections {
    /// Connections over a journal and a source of credentials.
    #[must_use]
    pub fn new(journal: Journal, secrets: Box<dyn SecretSource>) -> Self {
        Self {
            journal,
            secrets,
            tenants: Mutex::default(),
            connections: Mutex::default(),
            crm: Mutex::default(),
            psa: Mutex::default(),
            erp: Mutex::default(),
            polled: Mutex::default(),
        }
    }

    async fn open(&self, connection: &str) -> Result<Connection, ConnectError> {
        let config: ConnectionConfig = self
            .journal
            .configuration(&Key::connection(connection))
            .await?
            .ok_or_else(|| ConnectError::Unknown(format!("connection {connection}")))?;
        let failed = |detail| ConnectError::Credentials { connection: connection.to_owned(), detail };
        let text = self.secrets.secret(&config.secret_id).await.map_err(failed)?;
        // serde's own message could quote the secret.
        let credentials: Credentials = serde_json::from_str(&text)
            .map_err(|_| failed("the secret does not have the expected form".into()))?;
        Ok(Connection { config, credentials })
    }
}

async fn cached<T>(cache: &Cache<T>, name: &str) -> Option<Arc<T>> {
    let known = cache.lock().await;
    known.get(name).filter(|(at, _)| at.elapsed() < FRESH_FOR).map(|(_, value)| Arc::clone(value))
}

async fn remember<T>(cache: &Cache<T>, name: &str, value: Arc<T>) -> Arc<T> {
    cache.lock().await.insert(name.to_owned(), (Instant::now(), Arc::clone(&value)));
    value
}

/// The connector that is open for a connection, or a new one where the connection changed.
async fn opened<T: ?Sized>(
    known: &Opened<T>,
    connection: Arc<Connection>,
    open: impl FnOnce(&Connection) -> Result<Arc<T>, connectors::CallError>,
) -> Result<Arc<T>, ConnectError> {
    let mut known = known.lock().await;
    let name = connection.config.connection.clone();
    if let Some((with, connector)) = known.get(&name)
        && Arc::ptr_eq(with, &connection)
    {
        return Ok(Arc::clone(connector));
    }
    let connector = open(&connection)?;
    known.insert(name, (connection, Arc::clone(&connector)));
    Ok(connector)
}

#[async_trait]
impl Connect for ConfiguredConnections {
    async fn tenant(&self, tenant: &str) -> Result<Arc<TenantConfig>, ConnectError> {
        if let Some(known) = cached(&self.tenants, tenant).await {
            return Ok(known);
        }
        let config = self.journal.configuration(&Key::tenant(tenant)).await?;
        let config: TenantConfig = config.ok_or_else(|| ConnectError::Unknown(format!("tenant {tenant}")))?;
        let faults = faults(&config).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        if !faults.is_empty() {
            return Err(ConnectError::Contradictory { tenant: tenant.to_owned(), faults });
        }
        Ok(remember(&self.tenants, tenant, Arc::new(config)).await)
    }

    async fn connection(&self, connection: &str) -> Result<Arc<Connection>, ConnectError> {
        if let Some(known) = cached(&self.connections, connection).await {
            return Ok(known);
        }
        let fresh = self.open(connection).await?;
        // What did not change keeps its identity, so that open connectors stay open.
        let before = self.connections.lock().await.get(connection).map(|(_, before)| Arc::clone(before));
        let current = before.filter(|b| b.is_same_as(&fresh)).unwrap_or_else(|| Arc::new(fresh));
        Ok(remember(&self.connections, connection, current).await)
    }

    async fn crm(&self, connection: &str) -> Result<Arc<dyn Crm>, ConnectError> {
        opened(&self.crm, self.connection(connection).await?, registry::crm).await
    }

    async fn psa(&self, connection: &str) -> Result<Arc<dyn Psa>, ConnectError> {
        opened(&self.psa, self.connection(connection).await?, registry::psa).await
    }

    async fn erp(&self, connection: &str) -> Result<Arc<dyn Erp>, ConnectError> {
        opened(&self.erp, self.connection(connection).await?, registry::erp).await
    }

    async fn polled(&self, connection: &str) -> Result<Arc<dyn Polled>, ConnectError> {
        opened(&self.polled, self.connection(connection).await?, registry::polled).await
    }
}

/// Within a run, a connection that can't be opened is a step to be repeated: the message comes
/// back and waits for the configuration.
impl From<ConnectError> for workflow::StepError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Journal(error) => error.into(),
            ConnectError::Connector(error) => error.into(),
            other @ (ConnectError::Unknown(_)
            | ConnectError::Contradictory { .. }
            | ConnectError::Credentials { .. }) => connectors::CallError {
                kind: connectors::CallErrorKind::Unauthorised,
                connection: "configuration".into(),
                operation: "open connection",
                detail: other.to_string(),
            }
            .into(),
        }
    }
}
