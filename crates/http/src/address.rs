use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a request may be led.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Anywhere: the address comes from the person at the keyboard.
    #[default]
    Anywhere,
    /// Public addresses only: the address comes from a server on the public network, which must not lead the client
    /// into the local one (metadata services, loopback, private networks).
    Public,
}

/// Whether an address belongs to this machine, its link, or a private network.
pub fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_local_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped().or_else(|| translated(address)) {
            Some(address) => is_local_v4(address),
            None => {
                address.is_loopback()
                    || address.is_unspecified()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
                    || address.is_multicast()
            }
        },
    }
}

fn is_local_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // 100.64.0.0/10 is the carriers' private network (RFC 6598); some clouds serve metadata there.
    let shared = first == 100 && second & 0xC0 == 64;
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || first == 0
        || shared
}

/// The version 4 address inside one of version 6 that leads there: NAT64 (RFC 6052, `64:ff9b::/96`), 6to4 (RFC 3056,
/// `2002::/16`), and the old compatible form (`::/96`).
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let inner = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(inner(high, low)),
        // `::` and `::1` mean themselves.
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) > (0, 1) => Some(inner(high, low)),
        _ => None,
    }
}

/// Whether a host of a URL means this machine: `localhost`, `127.0.0.0/8`, `[::1]`, exactly and with no name server asked.
pub fn is_loopback_host(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the host itself, before any name server is asked, is an address that [`Reach::Public`] excludes.
pub(crate) fn is_local_literal(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    is_loopback_host(bare)
        || bare.to_ascii_lowercase().ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(is_local)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_in_every_disguise() {
        for local in [
            "127.0.0.1",
            "10.1.1.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "0.0.0.0",
            "::1",
            "fd00:ec2::254",
            "fe80::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "::127.0.0.1",
        ] {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for public in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:4860:4860::8888"] {
            assert!(!is_local(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn only_the_exact_loopback_names() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["localhost.example.com", "127.0.0.1.nip.io", "registry.local", "10.0.0.1"] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
