//! From what a configuration says of connections to what the HTTP client is told.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use ocm_config::{Configuration, HttpSettings, Material, MaterialSource};
use ocm_http::{HostSettings, Identity, Retry, Secret, Settings, Timeouts, check_authorities};

use crate::ops::doctor::Authority;
use crate::ops::keys;
use crate::{Error, Result};

/// The name under which Docker Hub answers, and those under which people know it.
const DOCKER_HUB: (&str, [&str; 2]) = ("registry-1.docker.io", ["docker.io", "index.docker.io"]);

/// The settings of the client that a configuration asks for; what it does not say stays as it is in `base`.
///
/// Warns of hosts whose certificate is not checked, and of certificates and keys that cannot be used: work that needs no
/// connection goes on, and every connection they are for fails with their place ([`ocm_http::Kind::Settings`]).
///
/// # Errors
/// The configuration is not understood.
pub fn connections(configuration: &Configuration, base: Settings) -> Result<Settings> {
    let http = configuration.http()?;
    let mut settings = base;
    let mut unusable = None;
    for authority in configuration.keys()?.roots.iter().chain(&http.all.certificate_authorities) {
        settings.certificate_authorities.extend(usable(bundle(authority), &mut unusable));
    }
    let (timeouts, retry) = (settings.timeouts, settings.retry);
    settings.timeouts = timeouts_of(&http.all, timeouts);
    settings.retry = retry_of(&http.all, retry);
    settings.identity = identity_of(&http.all, &mut unusable)?.or(settings.identity);
    settings.unusable = unusable.or(settings.unusable);
    settings.insecure = http.all.insecure_skip_verify.unwrap_or(settings.insecure);
    settings.keep_alive = http.all.tcp_keep_alive.unwrap_or(settings.keep_alive);
    settings.idle = http.all.idle_connection_timeout.map_or(settings.idle, unlimited);
    for (name, own) in &http.hosts {
        let whole = http.of_host(name, None);
        let mut unusable = None;
        let authorities = own.certificate_authorities.iter();
        let authorities = authorities.filter_map(|authority| usable(bundle(authority), &mut unusable)).collect();
        // What stands for all hosts was told already.
        let is_own = own.client_certificate.is_some() || own.client_key.is_some();
        let identity = if is_own { identity_of(&whole, &mut unusable)? } else { settings.identity.clone() };
        let host = HostSettings {
            timeouts: Some(timeouts_of(&whole, timeouts)),
            retry: Some(retry_of(&whole, retry)),
            certificate_authorities: authorities,
            identity,
            unusable,
            insecure: own.insecure_skip_verify,
            keep_alive: own.tcp_keep_alive,
            idle: own.idle_connection_timeout.map(unlimited),
        };
        if DOCKER_HUB.1.contains(&name.as_str()) && !http.hosts.contains_key(DOCKER_HUB.0) {
            settings.hosts.insert(DOCKER_HUB.0.to_owned(), host.clone());
        }
        settings.hosts.insert(name.clone(), host);
    }
    warn_of_unchecked(configuration, &http);
    Ok(settings)
}

/// The certificate authorities that a configuration adds for a host, with the places that name them.
///
/// # Errors
/// The configuration is not understood, or a file that it names cannot be read.
pub fn authorities(configuration: &Configuration, host: &str, port: Option<u16>) -> Result<Vec<Authority>> {
    let roots = configuration.keys()?.roots;
    let settings = configuration.http()?.of_host(host, port);
    let all = roots.iter().chain(&settings.certificate_authorities);
    all.map(|one| Ok(Authority { origin: one.place.to_string(), pem: read(one)? })).collect()
}

/// The certificates or the key that a configuration names or holds.
///
/// # Errors
/// The file cannot be read, or the data are neither PEM nor base64.
pub(crate) fn read(material: &Material) -> Result<Vec<u8>> {
    let place = &material.place;
    match &material.source {
        MaterialSource::File(path) => {
            let read = keys::read(&located(place.file(), path));
            read.map_err(|error| Error::usage(format!("configuration {place}: {error}")))
        }
        MaterialSource::Data(text) if text.contains("-----BEGIN") => Ok(text.clone().into_bytes()),
        MaterialSource::Data(text) => {
            let text: String = text.split_whitespace().collect();
            // What the decoder says may quote the text, which may be a key.
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|_| Error::usage(format!("configuration {place}: neither PEM nor base64 of it")))
        }
    }
}

/// Authorities that a configuration names or holds.
fn bundle(material: &Material) -> Result<Vec<u8>> {
    let pem = read(material)?;
    check_authorities(&pem).map_err(|reason| wrong(material, &reason))?;
    Ok(pem)
}

/// What can be used; of what cannot, the first is kept for the connections that it is for.
fn usable<T>(checked: Result<T>, unusable: &mut Option<String>) -> Option<T> {
    let told = |error: &Error| {
        tracing::warn!(target: "ocm", "{error}");
        unusable.get_or_insert_with(|| error.to_string());
    };
    checked.inspect_err(told).ok()
}

/// What is wrong with certificates or a key, with the place that names them and the file.
fn wrong(material: &Material, reason: &str) -> Error {
    let file = match &material.source {
        MaterialSource::File(path) => format!("{}: ", located(material.place.file(), path).display()),
        MaterialSource::Data(_) => String::new(),
    };
    Error::usage(format!("configuration {}: {file}{reason}", material.place))
}

/// A path that a configuration file names: from the folder of the file, else from the working directory.
fn located(file: &str, path: &str) -> PathBuf {
    let beside = Path::new(file).parent().unwrap_or(Path::new("")).join(path);
    if beside.exists() { beside } else { PathBuf::from(path) }
}

fn unlimited(limit: Duration) -> Duration {
    if limit.is_zero() { Duration::MAX } else { limit }
}

/// `timeout` covers a request without content as a whole. Content takes as long as it takes, and so the same time is what
/// the other side may be silent in between.
fn timeouts_of(said: &HttpSettings, base: Timeouts) -> Timeouts {
    let timeout = said.timeout.map(unlimited);
    let answer = said.response_header_timeout.map(unlimited).or(timeout);
    Timeouts {
        connect: said.tcp_dial_timeout.map_or(base.connect, unlimited),
        handshake: said.tls_handshake_timeout.map_or(base.handshake, unlimited),
        answer: answer.unwrap_or(base.answer),
        commit: answer.unwrap_or(base.commit),
        stall: timeout.unwrap_or(base.stall),
        total: timeout.unwrap_or(base.total),
    }
}

fn retry_of(said: &HttpSettings, base: Retry) -> Retry {
    let min_wait = said.retry.min_wait.unwrap_or(base.min_wait);
    let max_retries = match said.retry.max_retries {
        None => base.max_retries,
        Some(0) => u32::MAX,
        Some(number) => u32::try_from(number.max(0)).unwrap_or(u32::MAX),
    };
    Retry { max_retries, min_wait, max_wait: said.retry.max_wait.unwrap_or(base.max_wait).max(min_wait), ..base }
}

fn identity_of(said: &HttpSettings, unusable: &mut Option<String>) -> Result<Option<Identity>> {
    match (&said.client_certificate, &said.client_key) {
        (None, None) => Ok(None),
        (Some(certificate), key) => Ok(usable(pair(certificate, key.as_ref()), unusable)),
        (None, Some(key)) => {
            Err(Error::usage(format!("configuration {}: there is a clientKey, but no clientCertificate", key.place)))
        }
    }
}

/// A certificate and its key; without one, the certificate's file holds both.
fn pair(named: &Material, key: Option<&Material>) -> Result<Identity> {
    let certificate = read(named)?;
    let secret = Secret::new(key.map_or_else(|| Ok(certificate.clone()), read)?);
    let identity = Identity { certificate, key: secret };
    identity.check().map_err(|reason| wrong(key.unwrap_or(named), &reason))?;
    Ok(identity)
}

fn warn_of_unchecked(configuration: &Configuration, http: &ocm_config::Http) {
    let mut unchecked = Vec::new();
    let all = http.all.insecure_skip_verify.unwrap_or_default().then_some(("all hosts", ""));
    let hosts = http.hosts.iter().filter(|(_, host)| host.insecure_skip_verify == Some(true));
    for (shown, host) in all.into_iter().chain(hosts.map(|(name, _)| (name.as_str(), name.as_str()))) {
        let settings = configuration.http_settings_of(host);
        let place = settings.iter().find(|setting| setting.name == "insecureSkipVerify").map(|setting| &setting.place);
        unchecked.push(place.map_or(shown.to_owned(), |place| format!("{shown} ({place})")));
    }
    if !unchecked.is_empty() {
        tracing::warn!(
            target: "ocm",
            "certificates are not checked for {}: anybody on the way can read and change what is sent; \
             certificateAuthority names whom to trust instead",
            unchecked.join(", ")
        );
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ocm_config::Document;

    use super::*;

    fn settings(text: &str) -> Result<Settings> {
        let text = format!("type: http.config.ocm.software/v1alpha1\n{text}");
        connections(&Configuration::new([Document::read("c.yaml", &text).unwrap()]), Settings::default())
    }

    #[test]
    fn every_member_arrives_for_all_hosts_and_for_one() {
        const CERTIFICATE: &str = include_str!("../../testkit/certificates/client.pem");
        const KEY: &str = include_str!("../../testkit/certificates/client.key");
        let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let members = "timeout: 1s\ntcpDialTimeout: 2s\ntcpKeepAlive: 3s\ntlsHandshakeTimeout: 4s\nresponseHeaderTimeout: 5s\n\
                       idleConnTimeout: 6s\ninsecureSkipVerify: true\nretry: {maxRetries: 7, minWait: 8s, maxWait: 9s}\n\
                       certificateAuthorityData: CERTIFICATE\nclientCertificateData: CERTIFICATE\nclientKeyData: KEY\n";
        let members = members.replace("CERTIFICATE", &base64(CERTIFICATE)).replace("KEY", &base64(KEY));
        let seconds = Duration::from_secs;
        let timeouts = Timeouts {
            total: seconds(1),
            stall: seconds(1),
            connect: seconds(2),
            handshake: seconds(4),
            answer: seconds(5),
            commit: seconds(5),
        };
        let retry = Retry { max_retries: 7, min_wait: seconds(8), max_wait: seconds(9), ..Retry::default() };
        let all = settings(&members).unwrap();
        assert_eq!((all.timeouts, all.retry), (timeouts, retry));
        assert_eq!((all.keep_alive, all.idle, all.insecure), (Some(seconds(3)), seconds(6), true));
        assert_eq!(all.certificate_authorities, [CERTIFICATE.as_bytes()]);
        let identity = Identity { certificate: CERTIFICATE.into(), key: Secret::new(KEY) };
        assert_eq!(all.identity, Some(identity.clone()));

        let indented = members.replace('\n', "\n    ");
        let one = settings(&format!("hosts:\n  docker.io:\n    {indented}")).unwrap();
        assert_eq!((one.timeouts, one.insecure, one.identity), (Timeouts::default(), false, None));
        for name in ["docker.io", "registry-1.docker.io"] {
            let host = &one.hosts[name];
            assert_eq!((host.timeouts, host.retry), (Some(timeouts), Some(retry)), "{name}");
            assert_eq!(
                (host.keep_alive, host.idle, host.insecure),
                (Some(Some(seconds(3))), Some(seconds(6)), Some(true))
            );
            assert_eq!((host.certificate_authorities.len(), &host.identity), (1, &Some(identity.clone())));
        }
    }

    #[test]
    fn zero_and_negative_numbers_mean_what_the_go_program_says() {
        let all = settings("timeout: 0s\ntcpKeepAlive: -1s\nretry: {maxRetries: 0}\n").unwrap();
        assert_eq!((all.timeouts.total, all.timeouts.stall), (Duration::MAX, Duration::MAX));
        assert_eq!((all.keep_alive, all.retry.max_retries), (None, u32::MAX));
        assert_eq!(settings("retry: {maxRetries: -1}\n").unwrap().retry.max_retries, 0);
        // The longest wait is never shorter than the shortest.
        assert_eq!(settings("retry: {minWait: 1m}\n").unwrap().retry.max_wait, Duration::from_mins(1));
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_content() {
        for (text, expected) in [
            ("certificateAuthority: missing.pem\n", "c.yaml:2:23: missing.pem"),
            (
                "certificateAuthority: Cargo.toml\n",
                "c.yaml:2:23: Cargo.toml: a bundle of certificate authorities holds no",
            ),
            ("clientCertificateData: '&canary&'\n", "neither PEM nor base64"),
            (
                "clientCertificate: Cargo.toml\nclientKeyData: Y2FuYXJ5\n",
                "c.yaml:3:16: the client certificate holds no",
            ),
        ] {
            let all = settings(text).unwrap().unusable.unwrap();
            assert!(all.contains(expected) && !all.contains("canary"), "{all}");
            // For one host, the others go on.
            let text = text.trim_end().replace('\n', "\n    ");
            let one = settings(&format!("hosts:\n  h:\n    {text}\n")).unwrap();
            let own = one.hosts["h"].unusable.clone().unwrap();
            assert!(one.unusable.is_none() && !own.contains("canary"), "{own}");
        }
        let problem = settings("clientKeyData: aw==\n").unwrap_err();
        assert_eq!(problem.kind(), crate::Kind::Usage, "{problem}");
        assert!(problem.to_string().contains("but no clientCertificate"), "{problem}");
    }
}
