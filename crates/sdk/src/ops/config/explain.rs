use ocm_config::{Configuration, Resolver, Route};
use ocm_credentials::CandidateKind;
use ocm_http::{Proxies, Url};
use ocm_oci::Endpoint;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::authenticator::identity;
use crate::{Context, Error, Result};

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
/// Docker configurations are read; no helper is started, and nobody is asked.
///
/// # Errors
/// The configuration is not understood, or the text is neither.
pub async fn explain(
    context: &Context,
    configuration: &Configuration,
    proxies: &Proxies,
    subject: &str,
) -> Result<Explanation> {
    let (first, _) = subject.split_once('/').unwrap_or(("", subject));
    // With a component behind it, an address is neither.
    if subject.split_once("://").map_or(subject, |(_, rest)| rest).contains("//") {
        let wrong = Error::usage(format!("{}: is a reference", ocm_http::redacted(subject)));
        return Err(wrong.hint("write its host, or its component, such as acme.org/shop:1.0.0"));
    }
    let is_host = subject.contains("://") || first.contains(':') || !first.contains('.');
    let (kind, lines) = if is_host {
        (Subject::Host, host(context, configuration, proxies, subject).await?)
    } else {
        (Subject::Component, component(configuration, subject)?)
    };
    Ok(Explanation { subject: ocm_http::redacted(subject), kind, lines })
}

async fn host(context: &Context, configuration: &Configuration, proxies: &Proxies, subject: &str) -> Result<Vec<Line>> {
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
    for candidate in context.resolver().candidates(&identity(&endpoint, Some(&path))).await? {
        let name = match candidate.kind {
            CandidateKind::Store => "credential repository",
            CandidateKind::Docker => "docker credentials",
            CandidateKind::Helper => "docker helper",
            CandidateKind::Cloud => "cloud identity",
            CandidateKind::Unusable => "unusable credentials",
            CandidateKind::Entry => "credentials",
        };
        let name = if candidate.is_asked { name.to_owned() } else { format!("{name}, not asked") };
        lines.push(Line { name, value: candidate.value, origin: candidate.origin });
    }
    Ok(lines)
}

fn component(configuration: &Configuration, subject: &str) -> Result<Vec<Line>> {
    let (component, version) = subject.rsplit_once(':').unwrap_or((subject, ""));
    let resolvers = configuration.resolvers()?;
    let name = |resolver: &Resolver| (resolver.repository.to_string(), resolver.to_string());
    let rest = "the repository of whoever refers to it";
    Ok(match resolvers.route(component, version) {
        // `ghcr.io/acme` looks like one, and is a part of a registry.
        Route::Unconfigured => {
            vec![line("asked", rest, &format!("no resolver fits (for a host, write https://{subject})"))]
        }
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
    use ocm_credentials::{DockerSources, Sources};

    use super::*;

    async fn lines(text: &str, subject: &str) -> Vec<String> {
        let configuration = Configuration::new([Document::read("c.yaml", text).unwrap()]);
        let docker = r#"{"auths": {"ghcr.io": {"auth": "dTpjYW5hcnk="}}, "credsStore": "nosuch"}"#;
        let sources = Sources {
            configured: configuration.credentials().unwrap(),
            docker: DockerSources { inline: Some(("VARIABLE".into(), docker.into())), ..DockerSources::default() },
            ..Sources::default()
        };
        let context = Context::builder().credentials(sources).unwrap().build();
        let proxies = Proxies { https: Some("http://me:canary@proxy:3128".into()), ..Proxies::default() };
        let explained = explain(&context, &configuration, &proxies, subject).await.unwrap();
        explained.lines.iter().map(|line| format!("{}: {} ({})", line.name, line.value, line.origin)).collect()
    }

    #[tokio::test]
    async fn a_host_has_settings_proxies_and_credentials() {
        let text = "\
configurations:
- {type: http.config.ocm.software, timeout: 9s, clientKeyData: canary}
- type: credentials.config.ocm.software
  consumers:
  - identity: {type: OCIRegistry, hostname: ghcr.io, path: acme/*}
    credentials: [{type: Credentials/v1, properties: {username: me, password: canary}}]
";
        let all = lines(text, "https://ghcr.io/acme/x").await;
        assert!(all.contains(&"http timeout: \"9s\" (c.yaml:2:45)".to_owned()), "{all:?}");
        assert!(all.iter().any(|line| line.contains("\"username\":\"me\"") && line.contains("c.yaml:6:")), "{all:?}");
        assert!(all.iter().any(|line| line.starts_with("proxy: \"http://") && line.contains("proxy:3128")), "{all:?}");
        assert!(!format!("{all:?}").contains("canary"), "{all:?}");
        assert!(all.iter().any(|line| line.starts_with("docker credentials, not asked")), "{all:?}");
        // What stands in the configuration of Docker counts where no entry fits, a helper where it has nothing.
        let plain = lines(text, "ghcr.io").await;
        let expected =
            "docker credentials: {\"username\":\"u\",\"password\":\"***\"} (VARIABLE: auths entry \"ghcr.io\")";
        assert!(plain.contains(&expected.to_owned()), "{plain:?}");
        assert!(!plain.iter().any(|line| line.starts_with("credentials")), "{plain:?}");
        let helped = lines(text, "other.example").await;
        let helper = helped.iter().find(|line| line.starts_with("docker helper: \"docker-credential-nosuch (there"));
        assert!(helper.is_some_and(|line| line.contains("asked for other.example")), "{helped:?}");
        // No component begins like this.
        assert!(lines(text, "ghcr.io:443/acme/x").await.iter().any(|line| line.starts_with("credentials")));
        assert!(lines(text, "localhost/acme").await.iter().any(|line| line.starts_with("http timeout")));
        let cloud = lines("", "acme.azurecr.io").await;
        assert!(cloud.iter().any(|line| line.starts_with("cloud identity: \"what Azure")), "{cloud:?}");
    }

    #[tokio::test]
    async fn a_component_has_a_route() {
        let text = "type: resolvers.config.ocm.software\nresolvers:\n- {repository: {type: ctf, filePath: x}, componentNamePattern: 'acme.org/*'}\n";
        assert_eq!(lines(text, "acme.org/a:1.0.0").await, ["asked, and no other: \"ctf::x\" (c.yaml: resolvers[0])"]);
        let expected = "asked: \"the repository of whoever refers to it\" (no resolver fits (for a host, write https://other.org/a))";
        assert_eq!(lines(text, "other.org/a").await, [expected]);
    }
}
