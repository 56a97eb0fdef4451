use std::sync::Arc;

use async_trait::async_trait;
use ocm_credentials::{Found, Resolver, Secret};
use ocm_model::Identity;
use ocm_oci::{Authenticator, Credentials, Endpoint, Error, Kind, Result, Scheme};

/// The consumer that a registry is.
pub(crate) const REGISTRY: &str = "OCIRegistry";

/// The consumer that a repository of charts is, in a registry as well.
pub(crate) const CHARTS: &str = "HelmChartRepository";

/// Credentials for one registry: what the resolver knows of the consumer that the registry is.
pub(crate) struct RegistryAuthenticator {
    resolver: Arc<Resolver>,
    endpoint: Endpoint,
    /// Types of consumers, the one asked for first in front.
    consumers: &'static [&'static str],
}

impl RegistryAuthenticator {
    /// Nothing is read until the registry wants to know who is asking: work on archives needs no credentials.
    pub(crate) fn new(resolver: Arc<Resolver>, endpoint: Endpoint, consumers: &'static [&'static str]) -> Self {
        Self { resolver, endpoint, consumers }
    }

    async fn find(&self, repository: Option<&str>) -> Result<Option<Found>> {
        for consumer in self.consumers {
            let mut wanted = vec![identity(&self.endpoint, repository)];
            if *consumer == CHARTS {
                // Its address is that of the folder of charts; the name of a chart is no part of it.
                let folder = repository.and_then(|path| path.rsplit_once('/')).map(|(folder, _)| folder);
                wanted.push(identity(&self.endpoint, folder));
            }
            for identity in &mut wanted {
                identity.0.insert("type".to_owned(), (*consumer).to_owned());
            }
            let found = self.resolver.resolve_any(&wanted).await;
            if let Some(found) = found.map_err(|error| failed(self.endpoint.credentials_host(), error))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// A registry, or a repository in it, as consumer of credentials.
pub(crate) fn identity(endpoint: &Endpoint, repository: Option<&str>) -> Identity {
    let host = endpoint.credentials_host();
    let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let (name, port) = port.map_or((host, None), |(name, port)| (name, Some(port)));
    let parts = [
        ("type", Some(REGISTRY)),
        ("scheme", Some(endpoint.scheme().name())),
        ("hostname", Some(name)),
        ("port", port),
        ("path", repository.filter(|repository| !repository.is_empty())),
    ];
    parts.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// An error of the resolver as one about a consumer.
pub(crate) fn failed(subject: &str, error: ocm_credentials::Error) -> Error {
    let kind = match error.kind() {
        ocm_credentials::Kind::Malformed => Kind::Malformed,
        ocm_credentials::Kind::Local => Kind::Local,
        ocm_credentials::Kind::Unavailable => Kind::Unavailable,
        _ => Kind::Denied,
    };
    Error::new(kind, subject, error)
}

#[async_trait]
impl Authenticator for RegistryAuthenticator {
    async fn credentials(&self, _host: &str, repository: Option<&str>) -> Result<Option<Credentials>> {
        let Some(found) = self.find(repository).await? else { return Ok(None) };
        let Some(credentials) = found.properties.registry() else {
            let reason =
                format!("the credentials from {} have neither a user nor a token for a registry", found.origin);
            return Err(Error::new(Kind::Denied, self.endpoint.credentials_host(), reason));
        };
        Ok(Some(credentials_of(credentials)))
    }

    async fn explained(&self, host: &str, repository: Option<&str>) -> String {
        match self.find(repository).await {
            Ok(Some(found)) => {
                format!("the credentials for {host} ({}) are not accepted or do not allow this", found.described())
            }
            _ => {
                let address =
                    if self.endpoint.scheme() == Scheme::Http { format!("http://{host}") } else { host.to_owned() };
                let missed = self.resolver.missed(&identity(&self.endpoint, repository));
                let missed = missed.map_or_else(String::new, |missed| format!("; {missed}"));
                format!(
                    "credentials are needed and none are configured for {host}: add them with `ocm login {address}`{missed}"
                )
            }
        }
    }
}

/// The same credentials in the words of the registry client.
pub(crate) fn credentials_of(credentials: ocm_credentials::Credentials) -> Credentials {
    let reveal = |secret: Secret| secret.reveal().to_owned();
    match credentials {
        ocm_credentials::Credentials::Basic { username, password } => {
            Credentials::Basic { username, password: reveal(password) }
        }
        ocm_credentials::Credentials::IdentityToken(token) => Credentials::RefreshToken(reveal(token)),
        ocm_credentials::Credentials::AccessToken(token) => Credentials::Bearer(reveal(token)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use ocm_config::{Configuration, Document};
    use ocm_credentials::Sources;

    use super::*;

    /// The user for a repository of `h.example`, asked for as `consumers`.
    async fn user(entries: &str, repository: &str, consumers: &'static [&'static str]) -> Option<String> {
        let text = format!("type: credentials.config.ocm.software\nconsumers:\n{entries}");
        let configured = Configuration::new([Document::read("c.yaml", &text).unwrap()]).credentials().unwrap();
        let sources = Sources { configured, ..Sources::default() };
        let resolver = Arc::new(Resolver::new(sources, ocm_http::Client::default()));
        let endpoint = Endpoint::parse("oci://h.example").unwrap().0;
        let asked = RegistryAuthenticator::new(resolver, endpoint, consumers);
        match asked.credentials("h.example", Some(repository)).await.unwrap() {
            Some(Credentials::Basic { username, .. }) => Some(username),
            None => None,
            Some(other) => panic!("{other:?}"),
        }
    }

    fn entry(kind: &str, path: &str, name: &str) -> String {
        format!(
            "- {{identity: {{type: {kind}, hostname: h.example{path}}}, \
             credentials: [{{type: Credentials, properties: {{username: {name}, password: p}}}}]}}\n"
        )
    }

    #[tokio::test]
    async fn a_refusal_names_the_entries_that_do_not_fit() {
        let explained = async |entries: &str| {
            let text = format!("type: credentials.config.ocm.software\nconsumers:\n{entries}");
            let configured = Configuration::new([Document::read("c.yaml", &text).unwrap()]).credentials().unwrap();
            let sources = Sources { configured, ..Sources::default() };
            let resolver = Arc::new(Resolver::new(sources, ocm_http::Client::default()));
            let endpoint = Endpoint::parse("h.example:5000").unwrap().0;
            let asked = RegistryAuthenticator::new(resolver, endpoint, &[REGISTRY]);
            asked.explained("h.example:5000", Some("a/component-descriptors/acme.org/x")).await
        };
        let near = explained(&entry(REGISTRY, "", "canary")).await;
        let expected = "entries that do not fit: c.yaml:3:3 is for hostname=h.example,type=OCIRegistry";
        assert!(near.ends_with(expected) && !near.contains("canary"), "{near}");
        let port = explained(&entry(REGISTRY, ", port: '5000', path: b", "u")).await;
        assert!(port.ends_with("path=b,port=5000,type=OCIRegistry"), "{port}");
        let many = explained(&entry(REGISTRY, "", "u").repeat(5)).await;
        assert!(many.ends_with(", and 2 more"), "{many}");
        for other in [entry(CHARTS, "", "u"), entry(REGISTRY, ".org", "u")] {
            let far = explained(&other).await;
            assert!(far.ends_with("`ocm login h.example:5000`"), "{far}");
        }
    }

    #[tokio::test]
    async fn charts_of_a_registry_have_credentials_of_their_own() {
        let (chart, registry) = (entry(CHARTS, "", "chart"), entry(REGISTRY, "", "registry"));
        let both = format!("{chart}{registry}");
        let charts: &[&str] = &[CHARTS, REGISTRY];
        for (entries, consumers, expected) in [
            (&both, charts, Some("chart")),
            (&both, &[REGISTRY][..], Some("registry")),
            (&chart, charts, Some("chart")),
            (&registry, charts, Some("registry")),
            (&chart, &[REGISTRY], None),
        ] {
            assert_eq!(user(entries, "stable/app", consumers).await.as_deref(), expected, "{entries}");
        }
        // The address of a repository of charts is that of the folder; the closest entry counts.
        let folder = format!("{chart}{}", entry(CHARTS, ", path: stable", "folder"));
        assert_eq!(user(&folder, "stable/app", charts).await.as_deref(), Some("folder"));
        assert_eq!(user(&folder, "other/app", charts).await.as_deref(), Some("chart"));
        let exact = format!("{folder}{}", entry(CHARTS, ", path: stable/app", "exact"));
        assert_eq!(user(&exact, "stable/app", charts).await.as_deref(), Some("exact"));
        // Written as in the address of the chart.
        let scheme = entry(CHARTS, ", scheme: oci", "oci");
        assert_eq!(user(&scheme, "stable/app", charts).await.as_deref(), Some("oci"));
    }
}
