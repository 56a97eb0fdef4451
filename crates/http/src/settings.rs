use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::{Bandwidth, Proxies, Resolver, Retry};

/// Everything the client is told from outside; the defaults suit a registry on the other side of the world.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Value of the `User-Agent` header.
    pub user_agent: String,
    /// How long the client waits for what.
    pub timeouts: Timeouts,
    /// When and how often a failed request is sent again.
    pub retry: Retry,
    /// Proxies and the hosts that are reached without one.
    pub proxies: Proxies,
    /// PEM bundles of certificate authorities that are trusted beside those of the system.
    pub certificate_authorities: Vec<Vec<u8>>,
    /// Hosts (`host` or `host:port`) whose certificate is not checked.
    pub insecure_hosts: BTreeSet<String>,
    /// Requests without content to one host at once, from the first byte to the end of the answer, and, counted apart,
    /// requests with content. Halved when a host says that it is too much (429, 503), and raised again bit by bit.
    pub requests_per_host: usize,
    /// The same for all hosts together; without it, only the limit per host holds.
    pub max_concurrency: Option<NonZeroUsize>,
    /// How fast all bodies together may pass, those that are sent and those that are received.
    pub bandwidth: Option<Bandwidth>,
    /// Who knows the addresses of hosts; the system's name service unless given.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Redirects followed for one request.
    pub redirects: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_agent: concat!("ocm/", env!("CARGO_PKG_VERSION")).to_owned(),
            timeouts: Timeouts::default(),
            retry: Retry::default(),
            proxies: Proxies::default(),
            certificate_authorities: Vec::new(),
            insecure_hosts: BTreeSet::new(),
            requests_per_host: 16,
            max_concurrency: None,
            bandwidth: None,
            resolver: None,
            redirects: 10,
        }
    }
}

/// How long the client waits for the other side. No limit covers a whole body: slow is not dead.
/// [`Duration::MAX`] switches a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands: name resolution, TCP and TLS handshake together.
    pub connect: Duration,
    /// From the last byte of a request without a body until the head of the answer.
    pub answer: Duration,
    /// The same for a request with a body: registries check and store what they got before they answer.
    pub commit: Duration,
    /// Silence within a body, in either direction.
    pub stall: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            answer: Duration::from_mins(1),
            commit: Duration::from_mins(10),
            stall: Duration::from_mins(1),
        }
    }
}
