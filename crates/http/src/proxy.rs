use std::fmt;
use std::net::IpAddr;

use url::Url;

use crate::address::is_loopback_host;
use crate::redacted;

/// How proxies are spoken to.
const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];

/// Proxies by the scheme of the address that is asked for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Proxy for `http` addresses: `http://`, `https://` or `socks5://`, with user and password if it wants them. Names are
    /// resolved by the proxy, with SOCKS, too.
    pub http: Option<String>,
    /// Proxy for `https` addresses.
    pub https: Option<String>,
    /// Comma-separated hosts reached directly: `*`, `host` (with everything below it), `.host` (only what is below
    /// it), any of these with `:port`, addresses, and networks as `address/bits`.
    pub direct: String,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |proxy: &Option<String>| proxy.as_deref().map(redacted);
        f.debug_struct("Proxies")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("direct", &self.direct)
            .finish()
    }
}

impl Proxies {
    /// The proxy for an address, with its password, if it is not reached directly. Loopback addresses always are.
    pub fn proxy_for(&self, url: &Url) -> Option<&str> {
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http }.as_deref()?;
        let host = url.host_str()?;
        let direct = is_loopback_host(host) || self.is_direct(host, url.port_or_known_default());
        (!direct).then_some(proxy)
    }

    /// Says what is wrong with a proxy. One that is not understood would be gone around.
    ///
    /// # Errors
    /// No address, or one of another kind.
    pub(crate) fn check(&self) -> Result<(), String> {
        for proxy in [&self.http, &self.https].into_iter().flatten() {
            let wrong = |reason: &str| Err(format!("the proxy {} is not valid: {reason}", redacted(proxy)));
            match Url::parse(proxy) {
                Err(error) => return wrong(&error.to_string()),
                Ok(url) if !SCHEMES.contains(&url.scheme()) => {
                    return wrong(&format!("it begins with {}://; there are http, https and socks5", url.scheme()));
                }
                Ok(url) if url.host_str().is_none_or(str::is_empty) => return wrong("it names no host"),
                Ok(url) if url.path().contains('@') => {
                    return wrong("in a password, `/` is written %2F and `@` is written %40");
                }
                Ok(_) => {}
            }
        }
        Ok(())
    }

    fn is_direct(&self, host: &str, port: Option<u16>) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        self.direct.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
            let (name, wanted) = split_port(entry);
            if wanted.is_some_and(|wanted| Some(wanted) != port) {
                return false;
            }
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            match (&address, name.split_once('/')) {
                _ if name == "*" => true,
                (Some(address), Some((network, bits))) => network
                    .parse()
                    .is_ok_and(|network| bits.parse().is_ok_and(|bits| in_network(*address, network, bits))),
                (Some(address), None) => name.parse() == Ok(*address),
                (None, _) => {
                    let below = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
                    let (name, itself) = below.map_or((name.as_str(), true), |name| (name, false));
                    itself && host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
                }
            }
        })
    }
}

/// Splits `host:port` and `[v6]:port`; an address of version 6 without brackets has no port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = entry.strip_prefix('[').and_then(|entry| entry.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_not_understood_is_refused() {
        let check = |proxy: &str| Proxies { https: Some(proxy.into()), ..Proxies::default() }.check();
        for proxy in ["http://p:3128", "https://me:secret@p", "socks5://p", "socks5h://p"] {
            assert_eq!(check(proxy), Ok(()));
        }
        for proxy in [
            "ftp://me:canary@p",
            "http://",
            "http://me:canary@[",
            "socks6://p",
            "proxy:3128",
            "http://me:can@ary/canary@p",
        ] {
            let reason = check(proxy).unwrap_err();
            assert!(reason.contains("is not valid") && !reason.contains("canary"), "{reason}");
        }
    }

    #[test]
    fn every_form_of_an_exception() {
        for (direct, url, expected) in [
            ("example.com", "https://example.com/", true),
            ("example.com", "https://a.example.com/", true),
            ("example.com", "https://badexample.com/", false),
            (".example.com", "https://example.com/", false),
            (".example.com", "https://a.example.com/", true),
            ("*.example.com", "https://a.example.com/", true),
            ("example.com:5000", "https://example.com:5000/", true),
            ("example.com:5000", "https://example.com/", false),
            ("10.0.0.0/8", "https://10.1.2.3/", true),
            ("10.0.0.0/8", "https://11.1.2.3/", false),
            ("0.0.0.0/0", "https://11.1.2.3/", true),
            ("fd00::/8", "https://[fd00::1]:5000/", true),
            ("192.0.2.1", "https://192.0.2.1/", true),
            ("x, *", "https://anything/", true),
            ("EXAMPLE.com", "https://example.COM/", true),
            ("example.com.", "https://example.com/", true),
            ("example.com", "https://example.com./", true),
            (".example.com:5000", "https://a.example.com:5000/", true),
            (".example.com:5000", "https://a.example.com/", false),
            ("example.com:443", "https://example.com/", true),
            ("192.0.2.1:5000", "https://192.0.2.1:5000/", true),
            ("192.0.2.1:5000", "https://192.0.2.1/", false),
            ("[fd00::1]:5000", "https://[fd00::1]:5000/", true),
            ("[fd00::1]", "https://[fd00::1]/", true),
            ("fd00::1", "https://[fd00::1]/", true),
            ("10.0.0.0/33", "https://10.1.2.3/", false),
            ("10.0.0.0/8", "https://10.example.com/", false),
            ("a b,c", "https://b/", true),
            ("*:5000", "https://any:5000/", true),
            ("*:5000", "https://any/", false),
            ("", "https://anything/", false),
            ("", "http://localhost:5000/", true),
            ("", "http://127.0.0.1:5000/", true),
        ] {
            let proxies =
                Proxies { http: Some("http://p".into()), https: Some("http://p".into()), direct: direct.into() };
            assert_eq!(proxies.proxy_for(&url.parse().unwrap()).is_none(), expected, "{direct:?} {url}");
        }
    }
}
