//! The line with which a plugin says where it listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where a plugin listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A port of this machine.
    Tcp(SocketAddr),
}

impl Address {
    /// Reads a line of standard output; `None` if it is something else.
    ///
    /// # Errors
    /// It is an address, but not one of this machine.
    pub(crate) fn read(line: &str) -> Result<Option<Self>, String> {
        let line = line.trim();
        if let Some(path) = line.strip_prefix("http+unix://") {
            let path = Path::new(path);
            return if path.is_absolute() {
                Ok(Some(Self::Unix(path.to_owned())))
            } else {
                Err(format!("its socket {:?} is no absolute path", path.display().to_string()))
            };
        }
        let (authority, is_address) = match line.strip_prefix("http://") {
            Some(rest) => (rest.trim_end_matches('/'), true),
            // The SDK for Go says `[::]:41234` for a port.
            None => (line, false),
        };
        let authority = match authority.strip_prefix("localhost:").or_else(|| authority.strip_prefix(':')) {
            Some(port) => format!("127.0.0.1:{port}"),
            None => authority.to_owned(),
        };
        let Ok(mut address) = authority.parse::<SocketAddr>() else {
            return if is_address { Err(format!("its address {line:?} is none of this machine")) } else { Ok(None) };
        };
        if address.ip().is_unspecified() {
            address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        // Whoever answers is sent credentials.
        if !address.ip().is_loopback() {
            return Err(format!("its address {line:?} is none of this machine"));
        }
        Ok(Some(Self::Tcp(address)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_taken() {
        let tcp = |text: &str| Some(Address::Tcp(text.parse().unwrap()));
        assert_eq!(Address::read("http+unix:///tmp/a.socket").unwrap(), Some(Address::Unix("/tmp/a.socket".into())));
        assert_eq!(Address::read("http://127.0.0.1:4711").unwrap(), tcp("127.0.0.1:4711"));
        assert_eq!(Address::read("[::]:4711").unwrap(), tcp("127.0.0.1:4711"));
        assert_eq!(Address::read("http://localhost:4711/").unwrap(), tcp("127.0.0.1:4711"));
        assert_eq!(Address::read("http://[::1]:4711").unwrap(), tcp("[::1]:4711"));
        assert_eq!(Address::read("starting").unwrap(), None);
    }

    #[test]
    fn addresses_elsewhere_are_refused() {
        for line in ["http://192.0.2.1:80", "http://evil.example:80", "http+unix://a.socket", "192.0.2.1:80"] {
            assert!(Address::read(line).is_err(), "{line}");
        }
    }
}
