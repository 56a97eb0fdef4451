use std::fmt;

use ocm_http::Url;

use crate::{Error, Kind, Result};

/// How a registry is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// The scheme as it stands in an address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Docker Hub, as people write it; what is meant where no host is written.
pub(crate) const DOCKER_HUB: &str = "docker.io";

/// Where Docker Hub's interface lives.
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// Whether a host is Docker Hub under any of its names: one place, one set of credentials.
pub(crate) fn is_docker_hub(host: &str) -> bool {
    [DOCKER_HUB, "index.docker.io", DOCKER_HUB_API].contains(&host)
}

/// A registry's address: scheme and host, with the port if it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
}

impl Endpoint {
    /// A registry at `host` or `host:port`. Without a scheme it is spoken to in TLS, this machine too: plain HTTP has to be
    /// said.
    ///
    /// # Errors
    /// The text is not a host.
    pub fn new(scheme: Option<Scheme>, host: &str) -> Result<Self> {
        // User and password in front of a host stay out of messages.
        let shown = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let quoted = || if shown.trim().is_empty() { format!("{shown:?}") } else { shown.to_owned() };
        let invalid = || Error::new(Kind::Malformed, quoted(), "not a host name with an optional port");
        let wrong = |c: char| !c.is_ascii_alphanumeric() && !".-_:[]".contains(c);
        // `./folder` and `../folder` are paths: no name server knows `.`.
        let is_path = host.starts_with('.') || host.contains("..");
        if host.is_empty() || host.contains(wrong) || is_path {
            return Err(invalid());
        }
        Url::parse(&format!("http://{host}/")).map_err(|_| invalid())?;
        Ok(Self { scheme: scheme.unwrap_or(Scheme::Https), host: host.to_owned() })
    }

    /// Reads `[scheme://]host[:port][/path]` with the schemes `http`, `https` and `oci`; gives the path too.
    ///
    /// # Errors
    /// Another scheme, or no host.
    pub fn parse(address: &str) -> Result<(Self, String)> {
        let (scheme, rest) = match address.split_once("://") {
            None => (None, address),
            Some(("oci", rest)) => (None, rest),
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            Some((other, _)) => {
                return Err(Error::new(
                    Kind::Malformed,
                    address,
                    format!("registries are addressed with oci, http or https, not {other}"),
                ));
            }
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Ok((Self::new(scheme, host)?, path.trim_matches('/').to_owned()))
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host and port as written.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Host and port that answer: Docker Hub's interface lives under another name than the one people write.
    pub fn api_host(&self) -> &str {
        if is_docker_hub(&self.host) { DOCKER_HUB_API } else { &self.host }
    }

    /// The host that credentials are kept for: one name for all the names of Docker Hub.
    pub fn credentials_host(&self) -> &str {
        if is_docker_hub(&self.host) { DOCKER_HUB } else { &self.host }
    }

    /// An address below `/v2/`.
    pub(super) fn url(&self, path: &str) -> Result<Url> {
        let text = format!("{}://{}/v2/{path}", self.scheme.name(), self.api_host());
        Url::parse(&text).map_err(|error| Error::invalid(text, error))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.host)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn schemes_hosts_and_paths() {
        for (address, shown, path) in [
            ("ghcr.io/acme/", "https://ghcr.io", "acme"),
            ("localhost:5000", "https://localhost:5000", ""),
            ("https://localhost:5000/a/b", "https://localhost:5000", "a/b"),
            ("oci://[::1]:5000", "https://[::1]:5000", ""),
            ("http://registry.local", "http://registry.local", ""),
            ("registry.local:80", "https://registry.local:80", ""),
        ] {
            let (endpoint, rest) = Endpoint::parse(address).unwrap();
            assert_eq!((endpoint.to_string().as_str(), rest.as_str()), (shown, path));
        }
        for bad in [
            "ftp://host",
            "",
            "http://",
            "http:///path",
            "user@host",
            "host:port:x",
            "./archive",
            "../archive/b",
            "a..b/c",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn docker_hub_is_one_place() {
        for host in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
            let endpoint = Endpoint::new(None, host).unwrap();
            assert_eq!((endpoint.api_host(), endpoint.credentials_host()), ("registry-1.docker.io", "docker.io"));
        }
    }
}
