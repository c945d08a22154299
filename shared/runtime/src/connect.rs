//! From a connection's name to its connector: configuration from the table, credentials from
//! Secrets Manager, both cached for as long as a change may take to be seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use connectors::role::{Crm, Erp, Polled, Psa};
use connectors::{Connection, ConnectionConfig, Credentials, registry};
use domain::TenantConfig;
use journal::{Journal, JournalError, Key};
use tokio::sync::Mutex;

/// How long configuration and credentials are believed.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// Why a connection can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no such connection or tenant.
    #[error("{0} is not configured")]
    Unknown(String),
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
    async fn crm(&self, connection: &str) -> Result<Arc<dyn Crm>, ConnectError> {
        Ok(registry::crm(self.connection(connection).await?.as_ref())?)
    }
    /// The PSA behind a connection.
    async fn psa(&self, connection: &str) -> Result<Arc<dyn Psa>, ConnectError> {
        Ok(registry::psa(self.connection(connection).await?.as_ref())?)
    }
    /// The ERP behind a connection.
    async fn erp(&self, connection: &str) -> Result<Arc<dyn Erp>, ConnectError> {
        Ok(registry::erp(self.connection(connection).await?.as_ref())?)
    }
    /// The log behind a connection.
    async fn polled(&self, connection: &str) -> Result<Arc<dyn Polled>, ConnectError> {
        Ok(registry::polled(self.connection(connection).await?.as_ref())?)
    }
}

/// Where credentials come from.
#[async_trait]
pub trait SecretSource: Send + Sync {
    /// The text of a secret; in the error, what may be logged.
    async fn secret(&self, id: &str) -> Result<String, String>;
}

#[async_trait]
impl SecretSource for aws_sdk_secretsmanager::Client {
    async fn secret(&self, id: &str) -> Result<String, String> {
        let answer = self.get_secret_value().secret_id(id).send().await;
        let answer =
            answer.map_err(|e| aws_sdk_secretsmanager::error::DisplayErrorContext(&e).to_string())?;
        answer.secret_string.ok_or_else(|| "the secret holds no text".into())
    }
}

type Cache<T> = Mutex<HashMap<String, (Instant, Arc<T>)>>;

/// Connections as the table and Secrets Manager configure them.
pub struct ConfiguredConnections {
    journal: Journal,
    secrets: Box<dyn SecretSource>,
    tenants: Cache<TenantConfig>,
    connections: Cache<Connection>,
}

impl ConfiguredConnections {
    /// Connections over a journal and a source of credentials.
    #[must_use]
    pub fn new(journal: Journal, secrets: Box<dyn SecretSource>) -> Self {
        Self { journal, secrets, tenants: Mutex::default(), connections: Mutex::default() }
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

async fn remember<T>(cache: &Cache<T>, name: &str, value: T) -> Arc<T> {
    let value = Arc::new(value);
    cache.lock().await.insert(name.to_owned(), (Instant::now(), Arc::clone(&value)));
    value
}

#[async_trait]
impl Connect for ConfiguredConnections {
    async fn tenant(&self, tenant: &str) -> Result<Arc<TenantConfig>, ConnectError> {
        if let Some(known) = cached(&self.tenants, tenant).await {
            return Ok(known);
        }
        let config = self.journal.configuration(&Key::tenant(tenant)).await?;
        let config = config.ok_or_else(|| ConnectError::Unknown(format!("tenant {tenant}")))?;
        Ok(remember(&self.tenants, tenant, config).await)
    }

    async fn connection(&self, connection: &str) -> Result<Arc<Connection>, ConnectError> {
        if let Some(known) = cached(&self.connections, connection).await {
            return Ok(known);
        }
        let opened = self.open(connection).await?;
        Ok(remember(&self.connections, connection, opened).await)
    }
}

/// Within a run, a connection that can't be opened is a step to be repeated: the message comes
/// back and waits for the configuration.
impl From<ConnectError> for workflow::StepError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Journal(error) => error.into(),
            ConnectError::Connector(error) => error.into(),
            other @ (ConnectError::Unknown(_) | ConnectError::Credentials { .. }) => connectors::CallError {
                kind: connectors::CallErrorKind::Unauthorised,
                connection: "configuration".into(),
                operation: "open connection",
                detail: other.to_string(),
            }
            .into(),
        }
    }
}
