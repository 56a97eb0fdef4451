//! Addresses that only somebody else's machine, or one network, understands.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

/// What is wrong with an address in a descriptor for whoever reads it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Hazard {
    /// It means the reader's own machine.
    Loopback,
    /// It is valid in one network only (RFC 1918, RFC 4193, RFC 6598, link-local).
    PrivateIp,
    /// Its host has one part, which some network completes.
    SingleLabelHost,
    /// Its host is one of a cluster or of a local network.
    ClusterLocalSuffix,
    /// It is reached without encryption, which other places refuse.
    HttpScheme,
    /// It is not the host through which the component version was opened.
    OtherHost,
    /// It names a tag and no digest.
    TagOnly,
}

impl Hazard {
    /// What a person reads in a table.
    pub fn text(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::PrivateIp => "private-ip",
            Self::SingleLabelHost => "single-label host",
            Self::ClusterLocalSuffix => "cluster-local suffix",
            Self::HttpScheme => "http scheme",
            Self::OtherHost => "host ≠ opened host",
            Self::TagOnly => "tag only",
        }
    }
}

/// Ends of names that no public name server knows, or that mean something else in every cluster and network.
const LOCAL_SUFFIXES: [&str; 8] =
    ["svc", "cluster.local", "local", "internal", "localdomain", "lan", "intranet", "home.arpa"];

/// What is wrong with the scheme and the host of an address: `http://localhost:9999/x`, `ghcr.io/acme`.
///
/// User information, path and port do not matter; what is no address has no fault.
pub(crate) fn hazards(address: &str) -> Vec<Hazard> {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let host = host(rest);
    let mut found: Vec<Hazard> = of_host(&host).into_iter().collect();
    if ["http", "oci+http"].iter().any(|plain| scheme.eq_ignore_ascii_case(plain)) {
        found.push(Hazard::HttpScheme);
    }
    found
}

/// The host of `[user@]host[:port][/path]` in lower case, without brackets, port and the dot at its end.
fn host(rest: &str) -> String {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[').and_then(|bracketed| bracketed.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn of_host(host: &str) -> Option<Hazard> {
    if host.is_empty() {
        return None;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return of_ip(address);
    }
    if host == "localhost" || host.ends_with(".localhost") {
        return Some(Hazard::Loopback);
    }
    if !host.contains('.') {
        return Some(Hazard::SingleLabelHost);
    }
    let is_local =
        LOCAL_SUFFIXES.iter().any(|suffix| host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.')));
    is_local.then_some(Hazard::ClusterLocalSuffix)
}

fn of_ip(address: IpAddr) -> Option<Hazard> {
    let address = address.to_canonical();
    if address.is_loopback() || address.is_unspecified() {
        return Some(Hazard::Loopback);
    }
    let is_private = match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || address.is_link_local() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    };
    is_private.then_some(Hazard::PrivateIp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_an_address() {
        use Hazard::{ClusterLocalSuffix, HttpScheme, Loopback, PrivateIp, SingleLabelHost};
        for (address, expected) in [
            ("http://localhost:9999/local/components", &[Loopback, HttpScheme][..]),
            ("localhost/x", &[Loopback]),
            ("https://app.LOCALHOST./x", &[Loopback]),
            ("127.0.0.1:5000/x", &[Loopback]),
            ("127.8.9.10", &[Loopback]),
            ("oci://[::1]:5000/x", &[Loopback]),
            ("oci+http://registry.acme.org/x", &[HttpScheme]),
            ("[::ffff:127.0.0.1]:5000/x", &[Loopback]),
            ("0.0.0.0:5000", &[Loopback]),
            ("10.1.2.3:5000/x", &[PrivateIp]),
            ("172.31.0.1/x", &[PrivateIp]),
            ("192.168.1.1/x", &[PrivateIp]),
            ("169.254.169.254/x", &[PrivateIp]),
            ("100.64.0.1/x", &[PrivateIp]),
            ("[fd00::1]/x", &[PrivateIp]),
            ("[fe80::1]:80/x", &[PrivateIp]),
            ("registry:5000/x", &[SingleLabelHost]),
            ("http://cluster-registry.svc/x", &[ClusterLocalSuffix, HttpScheme]),
            ("registry.ns.svc.cluster.local:5000/x", &[ClusterLocalSuffix]),
            ("printer.local", &[ClusterLocalSuffix]),
            ("host.docker.internal:5000", &[ClusterLocalSuffix]),
            ("HTTP://ghcr.io/acme", &[HttpScheme]),
        ] {
            assert_eq!(hazards(address), expected, "{address}");
        }
        for address in [
            "ghcr.io/acme",
            "https://ghcr.io:443",
            "172.32.0.1/x",
            "100.128.0.1",
            "[2001:db8::1]/x",
            "",
            "me@svc.example.com/x",
        ] {
            assert_eq!(hazards(address), [], "{address}");
        }
    }
}
