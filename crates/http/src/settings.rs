use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use url::{Position, Url};

use crate::{Bandwidth, Identity, Proxies, Resolver, Retry};

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
    /// What the client shows of itself to servers that ask for a certificate (mutual TLS).
    pub identity: Option<Identity>,
    /// Why certificates or a key that were named for all hosts cannot be used, with the place that names them: no
    /// connection in TLS is made.
    pub unusable: Option<String>,
    /// Whether no certificate of any server is checked.
    pub insecure: bool,
    /// Hosts (`host` or `host:port`) whose certificate is not checked.
    pub insecure_hosts: BTreeSet<String>,
    /// Time without traffic after which the system asks whether the other side is still there (TCP keep-alive); `None`
    /// for never.
    pub keep_alive: Option<Duration>,
    /// How long a connection is kept that nobody uses; [`Duration::MAX`] for ever.
    pub idle: Duration,
    /// What is different for single hosts: for `host:port`, else for `host`, in lower case. A port that is the usual one of
    /// the scheme may be written or left out.
    pub hosts: BTreeMap<String, HostSettings>,
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
            identity: None,
            unusable: None,
            insecure: false,
            insecure_hosts: BTreeSet::new(),
            keep_alive: Some(Duration::from_secs(15)),
            idle: Duration::from_secs(90),
            hosts: BTreeMap::new(),
            requests_per_host: 16,
            max_concurrency: None,
            bandwidth: None,
            resolver: None,
            redirects: 10,
        }
    }
}

/// What is different for one host. `None`: as for all others.
#[derive(Clone, Debug, Default)]
pub struct HostSettings {
    /// How long the client waits for what.
    pub timeouts: Option<Timeouts>,
    /// When and how often a failed request is sent again.
    pub retry: Option<Retry>,
    /// Certificate authorities in PEM form, beside those for all hosts.
    pub certificate_authorities: Vec<Vec<u8>>,
    /// What the client shows of itself.
    pub identity: Option<Identity>,
    /// Why what was named for this host cannot be used, as for all hosts.
    pub unusable: Option<String>,
    /// Whether the certificate is not checked.
    pub insecure: Option<bool>,
    /// TCP keep-alive; `Some(None)` for never.
    pub keep_alive: Option<Option<Duration>>,
    /// How long a connection is kept that nobody uses.
    pub idle: Option<Duration>,
}

impl Settings {
    /// How long the client waits for the host of an address.
    pub fn timeouts_of(&self, url: &Url) -> Timeouts {
        self.of(url).and_then(|(_, host)| host.timeouts).unwrap_or(self.timeouts)
    }

    /// When and how often a failed request to the host of an address is sent again.
    pub fn retry_of(&self, url: &Url) -> Retry {
        self.of(url).and_then(|(_, host)| host.retry).unwrap_or(self.retry)
    }

    /// Whether the certificate of the host of an address is not checked.
    pub fn is_insecure(&self, url: &Url) -> bool {
        if let Some(said) = self.of(url).and_then(|(_, host)| host.insecure) {
            return said;
        }
        self.insecure || names(url).iter().any(|name| self.insecure_hosts.contains(name))
    }

    /// What is different for the host of an address, and under which name that was said.
    pub(crate) fn of(&self, url: &Url) -> Option<(&str, &HostSettings)> {
        if self.hosts.is_empty() {
            return None;
        }
        names(url).iter().find_map(|name| self.hosts.get_key_value(name)).map(|(name, host)| (name.as_str(), host))
    }
}

/// The names under which a host may be listed, the most specific first.
fn names(url: &Url) -> [String; 3] {
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    let authority = url[Position::BeforeHost..Position::AfterPort].to_ascii_lowercase();
    let with_port = url.port_or_known_default().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
    [authority, with_port, host]
}

/// How long the client waits for the other side. No limit covers a whole body: slow is not dead.
/// [`Duration::MAX`] switches a limit off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands: name resolution and TCP.
    pub connect: Duration,
    /// What a TLS handshake may add to that.
    pub handshake: Duration,
    /// From the last byte of a request without a body until the head of the answer.
    pub answer: Duration,
    /// The same for a request with a body: registries check and store what they got before they answer.
    pub commit: Duration,
    /// Silence within a body, in either direction.
    pub stall: Duration,
    /// From the first attempt of a request without a body until the head of the answer, with all further attempts,
    /// redirects and the waits between them.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            handshake: Duration::from_secs(10),
            answer: Duration::from_mins(1),
            commit: Duration::from_mins(10),
            stall: Duration::from_mins(1),
            total: Duration::MAX,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_name_of_a_host_counts() {
        let host = |seconds| HostSettings {
            timeouts: Some(Timeouts { stall: Duration::from_secs(seconds), ..Timeouts::default() }),
            ..HostSettings::default()
        };
        let hosts =
            [("a.example".to_owned(), host(1)), ("a.example:5000".into(), host(2)), ("b.example:443".into(), host(3))];
        let settings = Settings { hosts: hosts.into(), ..Settings::default() };
        let stall = |url: &str| settings.timeouts_of(&url.parse().unwrap()).stall.as_secs();
        assert_eq!(stall("https://A.example/x"), 1);
        assert_eq!(stall("https://a.example:5000/x"), 2);
        assert_eq!(stall("https://a.example:5001/x"), 1);
        assert_eq!(stall("https://b.example/x"), 3);
        assert_eq!(stall("http://b.example/x"), 60);
    }

    #[test]
    fn a_host_may_be_checked_where_the_others_are_not() {
        let checked = HostSettings { insecure: Some(false), ..HostSettings::default() };
        let settings =
            Settings { insecure: true, hosts: [("a.example".into(), checked)].into(), ..Settings::default() };
        assert!(!settings.is_insecure(&"https://a.example/".parse().unwrap()));
        assert!(settings.is_insecure(&"https://b.example/".parse().unwrap()));
    }
}
