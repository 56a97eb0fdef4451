use ocm_config::{Configuration, Resolver, Route, redaction};
use ocm_http::{Proxies, Url};
use ocm_oci::Endpoint;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::authenticator::identity;
use crate::{Error, Result};

/// What counts for a host or a component, and where that was said. Nothing in it is secret.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// What was asked about.
    pub subject: String,
    /// What it was taken for.
    pub kind: Subject,
    /// What counts.
    pub lines: Vec<Line>,
}

/// What a configuration can be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// A host that connections lead to.
    Host,
    /// A component that others refer to.
    Component,
}

/// One thing that counts.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// What it is about.
    pub name: String,
    /// The value that counts; a text in place of a secret.
    pub value: Value,
    /// File, line and column, or another place where it comes from.
    pub origin: String,
}

/// Says what a configuration means for a host, with or without scheme, port and path, or for a component with or without a
/// version. A text with a slash and without a scheme is a component if it begins like one, with a domain.
///
/// # Errors
/// The configuration is not understood, or the text is neither.
pub fn explain(configuration: &Configuration, proxies: &Proxies, subject: &str) -> Result<Explanation> {
    let (first, _) = subject.split_once('/').unwrap_or(("", subject));
    let is_host = subject.contains("://") || first.contains(':') || !first.contains('.');
    let (kind, lines) = if is_host {
        (Subject::Host, host(configuration, proxies, subject)?)
    } else {
        (Subject::Component, component(configuration, subject)?)
    };
    Ok(Explanation { subject: ocm_http::redacted(subject), kind, lines })
}

fn host(configuration: &Configuration, proxies: &Proxies, subject: &str) -> Result<Vec<Line>> {
    // What is wrong is said before it is explained.
    configuration.http()?;
    let wrong =
        || Error::usage(format!("{:?}: is no host", ocm_http::redacted(subject))).hint("write HOST or HOST:PORT");
    let (endpoint, path) = Endpoint::parse(subject).map_err(|_| wrong())?;
    let url: Url = format!("{}://{}/", endpoint.scheme().name(), endpoint.host()).parse().map_err(|_| wrong())?;
    let name = url.host_str().filter(|name| !name.is_empty()).ok_or_else(wrong)?;
    let authority = url.port().map_or(name.to_owned(), |port| format!("{name}:{port}"));
    let mut lines = Vec::new();
    for setting in configuration.http_settings_of(&authority) {
        let (name, origin) = (format!("http {}", setting.name), setting.place.to_string());
        lines.push(Line { name, value: setting.value, origin });
    }
    if let Some(proxy) = proxies.proxy_for(&url) {
        lines.push(line("proxy", ocm_http::redacted(proxy), "environment"));
    } else if proxies.http.is_some() || proxies.https.is_some() {
        lines.push(line("proxy", "none for this host", "environment"));
    }
    let credentials = configuration.credentials()?;
    if let Some(consumer) = credentials.consumer(&identity(&endpoint, Some(&path))) {
        for credential in &consumer.credentials {
            let mut shown = redaction::credentials(&credential.members);
            shown.insert("type".into(), credential.kind.clone().into());
            lines.push(Line { name: "credentials".into(), value: shown.into(), origin: credential.place.to_string() });
        }
    }
    for repository in &credentials.repositories {
        lines.push(line("credential repository", repository.kind.as_str(), &repository.place.to_string()));
    }
    Ok(lines)
}

fn component(configuration: &Configuration, subject: &str) -> Result<Vec<Line>> {
    let (component, version) = subject.rsplit_once(':').unwrap_or((subject, ""));
    let resolvers = configuration.resolvers()?;
    let name = |resolver: &Resolver| (resolver.repository.to_string(), resolver.to_string());
    let rest = "the repository of whoever refers to it";
    Ok(match resolvers.route(component, version) {
        Route::Unconfigured => vec![line("asked", rest, "no resolver fits")],
        Route::Only(resolver) => {
            let (repository, origin) = name(resolver);
            vec![line("asked, and no other", repository, &origin)]
        }
        Route::Fallback(all) => {
            let first = std::iter::once(line("asked first", rest, "resolvers with prefixes come after it"));
            let others = all.into_iter().map(|resolver| {
                let (repository, origin) = name(resolver);
                line("asked then", repository, &origin)
            });
            first.chain(others).collect()
        }
    })
}

fn line(name: &str, value: impl Into<Value>, origin: &str) -> Line {
    Line { name: name.to_owned(), value: value.into(), origin: origin.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ocm_config::Document;

    use super::*;

    fn lines(text: &str, subject: &str) -> Vec<String> {
        let configuration = Configuration::new([Document::read("c.yaml", text).unwrap()]);
        let proxies = Proxies { https: Some("http://me:canary@proxy:3128".into()), ..Proxies::default() };
        let explained = explain(&configuration, &proxies, subject).unwrap();
        explained.lines.iter().map(|line| format!("{}: {} ({})", line.name, line.value, line.origin)).collect()
    }

    #[test]
    fn a_host_has_settings_proxies_and_credentials() {
        let text = "\
configurations:
- {type: http.config.ocm.software, timeout: 9s, clientKeyData: canary}
- type: credentials.config.ocm.software
  consumers:
  - identity: {type: OCIRegistry, hostname: ghcr.io, path: acme/*}
    credentials: [{type: Credentials/v1, properties: {username: me, password: canary}}]
";
        let all = lines(text, "https://ghcr.io/acme/x");
        assert!(all.contains(&"http timeout: \"9s\" (c.yaml:2:45)".to_owned()), "{all:?}");
        assert!(all.iter().any(|line| line.contains("\"username\":\"me\"") && line.contains("c.yaml:6:")), "{all:?}");
        assert!(all.iter().any(|line| line.starts_with("proxy: \"http://") && line.contains("proxy:3128")), "{all:?}");
        assert!(!format!("{all:?}").contains("canary"), "{all:?}");
        assert!(!lines(text, "ghcr.io").iter().any(|line| line.starts_with("credentials")));
        // No component begins like this.
        assert!(lines(text, "ghcr.io:443/acme/x").iter().any(|line| line.starts_with("credentials")));
        assert!(lines(text, "localhost/acme").iter().any(|line| line.starts_with("http timeout")));
    }

    #[test]
    fn a_component_has_a_route() {
        let text = "type: resolvers.config.ocm.software\nresolvers:\n- {repository: {type: ctf, filePath: x}, componentNamePattern: 'acme.org/*'}\n";
        assert_eq!(lines(text, "acme.org/a:1.0.0"), ["asked, and no other: \"ctf::x\" (c.yaml: resolvers[0])"]);
        assert_eq!(lines(text, "other.org/a").len(), 1);
    }
}
