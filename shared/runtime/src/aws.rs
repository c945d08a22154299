//! AWS clients that start fast: credentials from the environment, roots of Amazon only.
//!
//! The default client of the SDK parses every certificate of the machine at start-up, which
//! costs more CPU than everything else a cold start does. Every AWS endpoint chains to the
//! five roots in `amazon-roots.pem` (<https://www.amazontrust.com/repository/>); an endpoint
//! behind a private CA is reached by naming its bundle in `EXTRA_CA_BUNDLE`.

use std::sync::{Arc, LazyLock};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::settings::Settings;

const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// A client that is built when it is first used. Building one costs no I/O, but each parses its
/// service's endpoint rules, a tenth of all that a start computes.
pub type OnDemand<C> = Arc<LazyLock<C, Box<dyn FnOnce() -> C + Send>>>;

/// The AWS clients of a function. Every function uses the table; most starts need nothing else.
#[derive(Clone)]
pub struct Clients {
    /// DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// EventBridge.
    pub eventbridge: OnDemand<aws_sdk_eventbridge::Client>,
    /// SQS.
    pub sqs: OnDemand<aws_sdk_sqs::Client>,
    /// Secrets Manager.
    pub secrets: OnDemand<aws_sdk_secretsmanager::Client>,
}

fn on_demand<C: 'static>(config: &SdkConfig, build: fn(&SdkConfig) -> C) -> OnDemand<C> {
    let config = config.clone();
    Arc::new(LazyLock::new(Box::new(move || build(&config))))
}

/// Why the clients could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The bundle of `EXTRA_CA_BUNDLE` can't be read.
    #[error("EXTRA_CA_BUNDLE: {0}")]
    Bundle(#[from] std::io::Error),
    /// The roots can't be used.
    #[error("trust store: {0}")]
    Trust(String),
}

impl Clients {
    /// The clients of a function, from what Lambda's environment says.
    ///
    /// # Errors
    /// When the trust store can't be built.
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        let config = sdk_config(settings)?;
        Ok(Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            eventbridge: on_demand(&config, aws_sdk_eventbridge::Client::new),
            sqs: on_demand(&config, aws_sdk_sqs::Client::new),
            secrets: on_demand(&config, aws_sdk_secretsmanager::Client::new),
        })
    }
}

fn sdk_config(settings: &Settings) -> Result<SdkConfig, ClientError> {
    let mut roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    if let Some(bundle) = &settings.extra_ca_bundle {
        roots = roots.with_pem_certificate(std::fs::read(bundle)?);
    }
    let tls = TlsContext::builder()
        .with_trust_store(roots)
        .build()
        .map_err(|e| ClientError::Trust(e.to_string()))?;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        .http_client(http)
        .credentials_provider(SharedCredentialsProvider::new(environment_credentials()));
    if let Some(endpoint) = &settings.endpoint {
        config = config.endpoint_url(endpoint);
    }
    Ok(config.build())
}

/// Lambda puts the role's credentials into the environment and starts a new process before they expire.
fn environment_credentials() -> Credentials {
    let variable = |name| std::env::var(name).unwrap_or_default();
    let token = Some(variable("AWS_SESSION_TOKEN")).filter(|t| !t.is_empty());
    Credentials::new(
        variable("AWS_ACCESS_KEY_ID"),
        variable("AWS_SECRET_ACCESS_KEY"),
        token,
        None,
        "environment",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_roots_make_a_trust_store() {
        let settings = Settings {
            function: "test",
            table: "t".into(),
            bus: "b".into(),
            region: "us-east-1".into(),
            endpoint: None,
            queue_url: None,
            outbox_retry_queue_url: None,
            extra_ca_bundle: None,
            lease_seconds: 60,
            metrics_namespace: "Test".into(),
        };
        assert!(Clients::new(&settings).is_ok());
        assert_eq!(String::from_utf8_lossy(AMAZON_ROOTS).matches("BEGIN CERTIFICATE").count(), 5);
        let missing = Settings { extra_ca_bundle: Some("/no/such/file".into()), ..settings };
        assert!(matches!(Clients::new(&missing), Err(ClientError::Bundle(_))));
    }
}
