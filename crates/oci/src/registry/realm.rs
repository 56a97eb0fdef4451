use std::net::IpAddr;

use ocm_http::{Reach, Url, same_origin};

use super::{Endpoint, Scheme};
use crate::{Error, Kind, Result};

/// Token services on another host than their registry that may see its credentials.
const PAIRS: [(&str, &str); 2] = [("registry-1.docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];

/// A token service that a registry names, and what it may be told.
#[derive(Debug)]
pub(super) struct Realm {
    /// Its address.
    pub(super) url: Url,
    /// Whether it may see credentials.
    pub(super) trusted: bool,
    /// Where the request may be led.
    pub(super) reach: Reach,
}

impl Realm {
    /// The token service as it is shown: its address without parameters.
    pub(super) fn service(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        ocm_http::redacted(url)
    }

    /// Judges the address that a registry sent.
    ///
    /// A registry, or whoever sits in its place, must not be able to have credentials sent to a host of its choice, in
    /// plain text, or to have requests made inside the local network (CVE-2026-48978 and its kin).
    ///
    /// # Errors
    /// The address is unusable, or leaves encryption.
    pub(super) fn judge(endpoint: &Endpoint, realm: &str, local: bool, others: &[&str]) -> Result<Self> {
        let base = endpoint.url("")?;
        let refuse = |reason: String| Error::new(Kind::Denied, endpoint.host(), reason);
        let shown = ocm_http::redacted(realm);
        // Some registries send only a path.
        let url = base
            .join(realm)
            .map_err(|_| refuse(format!("names {shown:?} as its token service, which is no address")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(format!("names {shown:?} as its token service, which is no web address")));
        }
        if endpoint.scheme() == Scheme::Https && url.scheme() != "https" {
            return Err(refuse(format!("names {shown} as its token service, but that is not encrypted")));
        }
        let literal = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').parse();
        // In the form `::ffff:169.254.169.254` it is the same address.
        let link_local = match literal.map(|address: IpAddr| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => address.is_link_local(),
            Ok(IpAddr::V6(address)) => address.is_unicast_link_local(),
            Err(_) => false,
        };
        // No token service lives there, but the metadata services of clouds do.
        if link_local && base.host() != url.host() {
            return Err(refuse(format!("names {shown} as its token service, which is a link-local address")));
        }
        let (own, host) = (base.host_str().unwrap_or_default(), url.host_str().unwrap_or_default());
        let same_host = own == host;
        let paired = PAIRS.contains(&(own, host)) && url.port().is_none();
        Ok(Self {
            trusted: same_host || paired || others.contains(&host),
            reach: if local || same_origin(&base, &url) { Reach::Anywhere } else { Reach::Public },
            url,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_may_see_credentials() {
        let judge = |registry: &str, realm: &str| {
            Realm::judge(&Endpoint::parse(registry).unwrap().0, realm, false, &["login.example.com"])
                .map(|realm| realm.trusted)
        };
        for (registry, realm, trusted) in [
            ("docker.io", "https://auth.docker.io/token", true),
            ("registry.gitlab.com", "https://gitlab.com/jwt/auth", true),
            ("ghcr.io", "https://ghcr.io/token", true),
            ("ghcr.io", "/token", true),
            ("ghcr.io", "https://ghcr.io:8443/token", true),
            ("example.com", "https://login.example.com/token", true),
            ("ghcr.io", "https://auth.docker.io/token", false),
            ("docker.io", "https://auth.docker.io:444/token", false),
            ("ghcr.io", "https://ghcr.io.evil.example/token", false),
        ] {
            assert_eq!(judge(registry, realm).unwrap(), trusted, "{registry} {realm}");
        }
        for realm in [
            "http://ghcr.io/token",
            "file:///etc/passwd",
            "https://user@ghcr.io/",
            "https://",
            "https://169.254.169.254/token",
            "https://[::ffff:169.254.169.254]/token",
            "https://[fe80::1]/token",
        ] {
            assert!(judge("ghcr.io", realm).is_err(), "{realm}");
        }
        assert!(judge("http://localhost:5000", "http://localhost:5001/token").unwrap());
    }

    #[test]
    fn only_a_local_registry_leads_into_the_local_network() {
        let registry = Endpoint::parse("registry.example.com").unwrap().0;
        let reach = |realm, local| Realm::judge(&registry, realm, local, &[]).unwrap().reach;
        assert_eq!(reach("https://other.example.com/token", false), Reach::Public);
        assert_eq!(reach("https://registry.example.com:8443/token", false), Reach::Public);
        assert_eq!(reach("https://registry.example.com/token", false), Reach::Anywhere);
        assert_eq!(reach("https://other.example.com/token", true), Reach::Anywhere);
    }
}
