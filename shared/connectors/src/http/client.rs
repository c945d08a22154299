//! The HTTP client itself, built on first use: most cold starts never call a vendor.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};

/// How long a connector waits. There is no default: each connector states all three.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// For the connection to be made.
    pub(crate) connect: Duration,
    /// For a whole call that only reads.
    pub(crate) read: Duration,
    /// For a whole call that changes something. Shorter than the function's own time-out, so
    /// that an unknown outcome is seen and journalled rather than killed with the function.
    pub(crate) write: Duration,
}

/// Idle connections are dropped early, because the far side closes them while a function is frozen.
const IDLE: Duration = Duration::from_secs(20);

/// A client that is built when it is first needed. Each opened connection has its own, and with it
/// its own pool: a connector that is kept keeps its TLS sessions, one that is dropped leaves nothing.
pub(crate) struct Lazy {
    timeouts: Timeouts,
    client: OnceLock<Result<Client, String>>,
}

impl Lazy {
    /// A client with its time-outs, not built yet.
    pub(crate) const fn new(timeouts: Timeouts) -> Self {
        Self { timeouts, client: OnceLock::new() }
    }

    /// Its time-outs.
    pub(crate) const fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// The client.
    ///
    /// # Errors
    /// In words, when TLS can't be set up; that is a defect of the build, not of a connection.
    pub(crate) fn get(&self) -> Result<&Client, String> {
        self.client.get_or_init(|| build(self.timeouts)).as_ref().map_err(Clone::clone)
    }
}

/// Roots are compiled in as ready-made trust anchors, so nothing is parsed and the machine's
/// store isn't read; the crypto provider is named here, so none need be installed process-wide.
/// A redirect is never followed: a mutating call sent twice, or a token sent elsewhere, is worse
/// than a refusal. Proxies of the environment aren't used: what is called is what is configured.
fn build(timeouts: Timeouts) -> Result<Client, String> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(timeouts.connect)
        .pool_idle_timeout(IDLE)
        .redirect(Policy::none())
        .no_proxy()
        .user_agent(concat!("quote-to-cash/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| e.to_string())
}
