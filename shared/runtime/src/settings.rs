//! What the template gives a function through its environment.

/// A function's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of this function, as its crate is called.
    pub function: &'static str,
    /// The table.
    pub table: String,
    /// The event bus.
    pub bus: String,
    /// Region of every client.
    pub region: String,
    /// Endpoint instead of AWS's own: an emulator, or a VPC endpoint.
    pub endpoint: Option<String>,
    /// Queue that drives this function, where one does.
    pub queue_url: Option<String>,
    /// Queue of outgoing events that the bus refused (publish-outbox).
    pub outbox_retry_queue_url: Option<String>,
    /// PEM file of further roots to trust for AWS endpoints behind a private CA.
    pub extra_ca_bundle: Option<String>,
    /// How long a workflow's run is leased: longer than this function may run, so that a live
    /// holder is never taken for a dead one.
    pub lease_seconds: u32,
    /// Namespace of the metrics.
    pub metrics_namespace: String,
}

/// A setting that the template must give and does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {0} is not set; the template sets it for every function")]
pub struct MissingSetting(pub &'static str);

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// [`MissingSetting`] names the variable.
    pub fn from_env(function: &'static str) -> Result<Self, MissingSetting> {
        let optional = |name: &'static str| std::env::var(name).ok().filter(|v| !v.is_empty());
        let required = |name: &'static str| optional(name).ok_or(MissingSetting(name));
        Ok(Self {
            function,
            table: required("TABLE_NAME")?,
            bus: required("EVENT_BUS_NAME")?,
            region: required("AWS_REGION")?,
            endpoint: optional("AWS_ENDPOINT_URL"),
            queue_url: optional("QUEUE_URL"),
            outbox_retry_queue_url: optional("OUTBOX_RETRY_QUEUE_URL"),
            extra_ca_bundle: optional("EXTRA_CA_BUNDLE"),
            lease_seconds: required("LEASE_SECONDS")?.parse().map_err(|_| MissingSetting("LEASE_SECONDS"))?,
            metrics_namespace: optional("METRICS_NAMESPACE").unwrap_or_else(|| "QuoteToCash".into()),
        })
    }
}
