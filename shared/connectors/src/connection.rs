//! A connection: one tenant's account at one product.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// Products that a connection may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// HubSpot CRM.
    Hubspot,
    /// Kantata OX (formerly Mavenlink), a PSA.
    Kantata,
    /// Tryton, an ERP.
    Tryton,
    /// Stripe, payments.
    Stripe,
    /// DocuSign, signatures.
    Docusign,
}

/// A connection as it is configured in the table; secrets are elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionConfig {
    /// Its ID, part of the webhook's URL.
    pub connection: String,
    /// The tenant it belongs to.
    pub tenant: String,
    /// The product it leads to.
    pub product: Product,
    /// The role it plays: `crm`, `psa`, `erp`, `payments` or `signature`.
    pub role: String,
    /// Where the product's API is.
    pub base_url: String,
    /// Our webhook's URL exactly as the product calls it; HubSpot signs it.
    pub webhook_url: String,
    /// Name of the secret in Secrets Manager.
    pub secret_id: String,
    /// What only this product needs; each connector parses its own.
    #[serde(default)]
    pub settings: serde_json::Value,
}

/// What Secrets Manager holds for a connection. Masked in debug output and wiped on drop.
#[derive(Debug, Clone, Deserialize)]
pub struct Credentials {
    /// Secrets that sign webhooks: the current one first, then those being retired.
    #[serde(default)]
    pub signing_secrets: Vec<SecretString>,
    /// Token for the product's API; empty where the product is only listened to.
    #[serde(default)]
    pub api_token: SecretString,
}

/// A connection with its credentials, ready for a connector.
#[derive(Debug, Clone)]
pub struct Connection {
    /// How it is configured.
    pub config: ConnectionConfig,
    /// Its credentials.
    pub credentials: Credentials,
}

impl Connection {
    /// Whether configuration and credentials are those of another reading of the same connection.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let secrets = |c: &Self| -> Vec<String> {
            let signing = c.credentials.signing_secrets.iter().map(|s| s.expose_secret().to_owned());
            signing.chain([c.credentials.api_token.expose_secret().to_owned()]).collect()
        };
        self.config == other.config && secrets(self) == secrets(other)
    }
}
