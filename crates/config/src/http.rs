//! How connections are made (`http.config.ocm.software`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::{Entry, Error, Place, Result, duration};

/// Settings of connections: for all hosts, and for some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// For all hosts.
    pub all: HttpSettings,
    /// For a host (`ghcr.io`) or a host with a port (`registry.corp:8443`), in lower case. What they leave open is as for all hosts.
    pub hosts: BTreeMap<String, HttpSettings>,
}

/// Settings of connections; what was not said is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpSettings {
    /// From the beginning of a request to the end of its answer, all attempts together; zero for no limit.
    pub timeout: Option<Duration>,
    /// Until a connection stands; zero for no limit.
    pub tcp_dial_timeout: Option<Duration>,
    /// Between signs of life on an idle connection; `Some(None)` for none at all.
    pub tcp_keep_alive: Option<Option<Duration>>,
    /// For the TLS handshake; zero for no limit.
    pub tls_handshake_timeout: Option<Duration>,
    /// From the end of a request to the head of its answer; zero for no limit.
    pub response_header_timeout: Option<Duration>,
    /// Until a connection that nobody uses is closed; zero for no limit.
    pub idle_connection_timeout: Option<Duration>,
    /// Whether any certificate is taken.
    pub insecure_skip_verify: Option<bool>,
    /// When failed requests are sent again.
    pub retry: HttpRetry,
    /// Certificate authorities that are trusted beside those of the system.
    pub certificate_authorities: Vec<Material>,
    /// What the program shows of itself: the certificate, in PEM form, with those that lead to its authority.
    pub client_certificate: Option<Material>,
    /// The key of that certificate, in PEM form.
    pub client_key: Option<Material>,
}

/// When failed requests are sent again; what was not said is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpRetry {
    /// Attempts after the first one: `0` for as many as it takes, negative for none.
    pub max_retries: Option<i64>,
    /// Shortest wait.
    pub min_wait: Option<Duration>,
    /// Longest wait.
    pub max_wait: Option<Duration>,
}

/// Certificates or a key, and where they were named.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    /// Where in the configuration.
    pub place: Place,
    /// What was said.
    pub source: MaterialSource,
}

/// Where certificates or a key are.
#[derive(Clone, PartialEq, Eq)]
pub enum MaterialSource {
    /// In a file, relative to the folder of the configuration file.
    File(String),
    /// Here, in PEM form or as base64 of it.
    Data(String),
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").field("place", &self.place).finish_non_exhaustive()
    }
}

const MEMBERS: &str = "timeout, tcpDialTimeout, tcpKeepAlive, tlsHandshakeTimeout, responseHeaderTimeout, idleConnTimeout, \
                       insecureSkipVerify, retry, certificateAuthority, certificateAuthorityData, clientCertificate, \
                       clientCertificateData, clientKey and clientKeyData";

impl Http {
    /// Reads entries in order; what a later one says wins member by member, and host by host as a whole. Certificate
    /// authorities are added up.
    ///
    /// # Errors
    /// A member nobody knows, or a value that means nothing.
    pub(crate) fn read(entries: &[&Entry]) -> Result<Self> {
        let mut http = Self::default();
        for entry in entries {
            let mut members = entry.members.clone();
            let hosts = members.remove("hosts").unwrap_or_default();
            http.all.merge(&Part { entry, pointer: String::new() }, &members)?;
            let Value::Object(hosts) = or_empty(hosts) else {
                return Err(Error::new(entry.place_of("/hosts"), "hosts has to be a mapping of hosts to settings"));
            };
            for (host, members) in hosts {
                let part = Part { entry, pointer: format!("/hosts/{}", host.replace('~', "~0").replace('/', "~1")) };
                let Value::Object(members) = or_empty(members) else {
                    return Err(part.wrong("", "a mapping of settings is expected here"));
                };
                if host.contains('/') {
                    return Err(part.wrong(
                        "",
                        "a host is written without scheme and path: registry.example or registry.example:5000",
                    ));
                }
                let mut settings = HttpSettings::default();
                settings.merge(&part, &members)?;
                http.hosts.insert(host.to_ascii_lowercase(), settings);
            }
        }
        Ok(http)
    }

    /// The settings for a host and its port, the port being `None` where it is the usual one of the scheme.
    pub fn of_host(&self, host: &str, port: Option<u16>) -> HttpSettings {
        let host = host.to_ascii_lowercase();
        let with_port = port.and_then(|port| self.hosts.get(&format!("{host}:{port}")));
        let own = with_port.or_else(|| self.hosts.get(&host));
        own.map_or_else(|| self.all.clone(), |own| own.over(&self.all))
    }
}

impl HttpSettings {
    /// These settings, and those of `base` where they leave something open.
    fn over(&self, base: &Self) -> Self {
        let (own, base) = (self.clone(), base.clone());
        let authorities = base.certificate_authorities.into_iter().chain(own.certificate_authorities).collect();
        // A key goes with its certificate, not with another one.
        let (client_certificate, client_key) = match own.client_certificate {
            Some(certificate) => (Some(certificate), own.client_key),
            None => (base.client_certificate, own.client_key.or(base.client_key)),
        };
        Self {
            timeout: own.timeout.or(base.timeout),
            tcp_dial_timeout: own.tcp_dial_timeout.or(base.tcp_dial_timeout),
            tcp_keep_alive: own.tcp_keep_alive.or(base.tcp_keep_alive),
            tls_handshake_timeout: own.tls_handshake_timeout.or(base.tls_handshake_timeout),
            response_header_timeout: own.response_header_timeout.or(base.response_header_timeout),
            idle_connection_timeout: own.idle_connection_timeout.or(base.idle_connection_timeout),
            insecure_skip_verify: own.insecure_skip_verify.or(base.insecure_skip_verify),
            retry: HttpRetry {
                max_retries: own.retry.max_retries.or(base.retry.max_retries),
                min_wait: own.retry.min_wait.or(base.retry.min_wait),
                max_wait: own.retry.max_wait.or(base.retry.max_wait),
            },
            certificate_authorities: authorities,
            client_certificate,
            client_key,
        }
    }

    fn merge(&mut self, part: &Part<'_>, members: &Map<String, Value>) -> Result<()> {
        for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            match key.as_str() {
                "timeout" => self.timeout = Some(part.duration(key, value)?),
                "tcpDialTimeout" => self.tcp_dial_timeout = Some(part.duration(key, value)?),
                "tlsHandshakeTimeout" => self.tls_handshake_timeout = Some(part.duration(key, value)?),
                "responseHeaderTimeout" => self.response_header_timeout = Some(part.duration(key, value)?),
                "idleConnTimeout" => self.idle_connection_timeout = Some(part.duration(key, value)?),
                "tcpKeepAlive" => {
                    let signed = duration::read(value).ok_or_else(|| part.no_duration(key, value))?;
                    self.tcp_keep_alive = Some((!signed.is_negative).then_some(signed.length));
                }
                "insecureSkipVerify" => {
                    let switch = value.as_bool().ok_or_else(|| part.wrong(key, "is true or false"))?;
                    self.insecure_skip_verify = Some(switch);
                }
                "retry" => self.retry.merge(part, value)?,
                "certificateAuthority" => {
                    self.certificate_authorities.extend(part.several(key, value, MaterialSource::File)?);
                }
                "certificateAuthorityData" => {
                    self.certificate_authorities.extend(part.several(key, value, MaterialSource::Data)?);
                }
                "clientCertificate" => self.client_certificate = Some(part.file(key, value)?),
                "clientCertificateData" => self.client_certificate = Some(part.data(key, value)?),
                "clientKey" => self.client_key = Some(part.file(key, value)?),
                "clientKeyData" => self.client_key = Some(part.data(key, value)?),
                _ => return Err(part.wrong(key, &format!("is unknown; there are {MEMBERS}"))),
            }
        }
        Ok(())
    }
}

impl HttpRetry {
    fn merge(&mut self, part: &Part<'_>, value: &Value) -> Result<()> {
        let part = Part { entry: part.entry, pointer: format!("{}/retry", part.pointer) };
        let members = value.as_object().ok_or_else(|| part.wrong("", "retry has to be a mapping"))?;
        for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            match key.as_str() {
                "maxRetries" => {
                    let number = value.as_i64().ok_or_else(|| part.wrong(key, "is a number of attempts"))?;
                    self.max_retries = Some(number);
                }
                "minWait" => self.min_wait = Some(part.duration(key, value)?),
                "maxWait" => self.max_wait = Some(part.duration(key, value)?),
                _ => return Err(part.wrong(key, "is unknown; there are maxRetries, minWait and maxWait")),
            }
        }
        Ok(())
    }
}

/// Settings in an entry, for messages.
struct Part<'a> {
    entry: &'a Entry,
    pointer: String,
}

impl Part<'_> {
    fn place(&self, key: &str) -> &Place {
        let pointer = if key.is_empty() { self.pointer.clone() } else { format!("{}/{key}", self.pointer) };
        self.entry.place_of(&pointer)
    }

    fn wrong(&self, key: &str, reason: &str) -> Error {
        let subject = if key.is_empty() { String::new() } else { format!("{key} ") };
        Error::new(self.place(key), format_args!("{}: {subject}{reason}", self.entry.kind))
    }

    fn no_duration(&self, key: &str, value: &Value) -> Error {
        self.wrong(key, &format!("is a duration such as 30s or 1m30s, not {value}"))
    }

    fn duration(&self, key: &str, value: &Value) -> Result<Duration> {
        let signed = duration::read(value).ok_or_else(|| self.no_duration(key, value))?;
        if signed.is_negative {
            return Err(self.wrong(key, "must not be negative; 0s means no limit"));
        }
        Ok(signed.length)
    }

    fn text(&self, key: &str, value: &Value) -> Result<String> {
        // The value stays out of the message: it may be a key.
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| self.wrong(key, "has to be a text"))
    }

    /// One text or a list of texts.
    fn several(&self, key: &str, value: &Value, source: fn(String) -> MaterialSource) -> Result<Vec<Material>> {
        let one = |value| Ok(Material { place: self.place(key).clone(), source: source(self.text(key, value)?) });
        match value {
            Value::Array(values) => values.iter().map(one).collect(),
            value => Ok(vec![one(value)?]),
        }
    }

    fn file(&self, key: &str, value: &Value) -> Result<Material> {
        Ok(Material { place: self.place(key).clone(), source: MaterialSource::File(self.text(key, value)?) })
    }

    fn data(&self, key: &str, value: &Value) -> Result<Material> {
        Ok(Material { place: self.place(key).clone(), source: MaterialSource::Data(self.text(key, value)?) })
    }
}

fn or_empty(value: Value) -> Value {
    if value.is_null() { Value::Object(Map::new()) } else { value }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{Configuration, Document};

    fn read(texts: &[&str]) -> Result<Http> {
        let document = |text: &&str| {
            Document::read("h.yaml", &format!("type: http.config.ocm.software/v1alpha1\n{text}")).unwrap()
        };
        Configuration::new(texts.iter().map(document)).http()
    }

    #[test]
    fn later_entries_win_and_hosts_stand_over_all() {
        let http = read(&[
            "timeout: 30s\nretry: {maxRetries: 2, minWait: 1s}\ncertificateAuthorityData: one\n",
            "timeout: 5m\nhosts:\n  Registry.corp:8443: {insecureSkipVerify: true, retry: {maxWait: 9s}, certificateAuthority: ca.pem}\n  other: {timeout: 0s}\n",
        ])
        .unwrap();
        let corp = http.of_host("registry.CORP", Some(8443));
        assert_eq!(corp.timeout, Some(Duration::from_mins(5)));
        assert_eq!(corp.insecure_skip_verify, Some(true));
        assert_eq!(
            corp.retry,
            HttpRetry {
                max_retries: Some(2),
                min_wait: Some(Duration::from_secs(1)),
                max_wait: Some(Duration::from_secs(9))
            }
        );
        assert_eq!(corp.certificate_authorities.len(), 2);
        assert_eq!(read(&["certificateAuthority: [a.pem, b.pem]\n"]).unwrap().all.certificate_authorities.len(), 2);
        assert_eq!(http.of_host("registry.corp", None), http.all);
        assert_eq!(http.of_host("other", Some(5000)).timeout, Some(Duration::ZERO));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, expected) in [
            ("timeout: soon\n", "h.yaml:2:10: http.config.ocm.software/v1alpha1: timeout is a duration such as 30s"),
            ("timeout: -1s\n", "timeout must not be negative"),
            ("insecure: true\n", "h.yaml:2:11: http.config.ocm.software/v1alpha1: insecure is unknown"),
            ("retry: {max: 1}\n", "max is unknown; there are maxRetries"),
            ("hosts: {'https://h': {}}\n", "a host is written without scheme and path"),
            ("hosts: {h: {clientKeyData: [canary]}}\n", "clientKeyData has to be a text"),
        ] {
            let problem = read(&[text]).unwrap_err().to_string();
            assert!(problem.contains(expected) && !problem.contains("canary"), "{text}: {problem}");
        }
        assert!(!format!("{:?}", read(&["clientKeyData: canary\n"]).unwrap()).contains("canary"));
    }

    #[test]
    fn keep_alive_can_be_switched_off() {
        assert_eq!(read(&["tcpKeepAlive: -1s\n"]).unwrap().all.tcp_keep_alive, Some(None));
        assert_eq!(read(&["tcpKeepAlive: 15s\n"]).unwrap().all.tcp_keep_alive, Some(Some(Duration::from_secs(15))));
    }
}
