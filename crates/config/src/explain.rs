//! What counts for one host, and where that was said.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::configuration::HTTP;
use crate::redaction::REDACTED;
use crate::{Configuration, Entry, Place};

/// One value that counts, and where it was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The member, with the one it is in: `retry.maxRetries`.
    pub name: String,
    /// Its value; a text in place of it if it is secret.
    pub value: Value,
    /// Where it stands.
    pub place: Place,
}

/// Members that add up instead of standing for one another.
const ADDED: [&str; 2] = ["certificateAuthority", "certificateAuthorityData"];

impl Configuration {
    /// The settings of connections that count for a host (or a host and its port, if it is not the usual one), and where
    /// each was said.
    pub fn http_settings_of(&self, host: &str) -> Vec<Setting> {
        let host = host.to_ascii_lowercase();
        let (mut all, mut own) = (Collected::default(), Collected::default());
        let names: Vec<&str> = [host.as_str(), host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name)].into();
        let is_named = |name: &str| {
            self.of(&HTTP).iter().any(|entry| {
                let hosts = entry.members.get("hosts").and_then(Value::as_object);
                hosts.is_some_and(|hosts| hosts.keys().any(|key| key.eq_ignore_ascii_case(name)))
            })
        };
        let chosen = names.into_iter().find(|name| is_named(name));
        for entry in self.of(&HTTP) {
            all.add(entry, "", "", &entry.members);
            let hosts = entry.members.get("hosts").and_then(Value::as_object);
            for (key, members) in hosts.into_iter().flatten() {
                if let (true, Some(members)) = (Some(key.to_ascii_lowercase().as_str()) == chosen, members.as_object())
                {
                    // A host is replaced as a whole.
                    own = Collected::default();
                    let pointer = format!("/hosts/{}", key.replace('~', "~0").replace('/', "~1"));
                    own.add(entry, &pointer, "", members);
                }
            }
        }
        let Collected { single, added } = own;
        all.single.extend(single);
        all.added.into_iter().chain(added).chain(all.single.into_values()).collect()
    }
}

#[derive(Default)]
struct Collected {
    single: BTreeMap<String, Setting>,
    added: Vec<Setting>,
}

impl Collected {
    fn add(&mut self, entry: &Entry, pointer: &str, prefix: &str, members: &Map<String, Value>) {
        for (key, value) in members.iter().filter(|(key, value)| !value.is_null() && *key != "hosts") {
            let at = format!("{pointer}/{key}");
            if let ("retry", Value::Object(retry)) = (key.as_str(), value) {
                self.add(entry, &at, "retry.", retry);
                continue;
            }
            // Beside a certificate there may stand its key.
            let is_secret = key.starts_with("client") && key.ends_with("Data");
            let setting = Setting {
                name: format!("{prefix}{key}"),
                value: if is_secret { REDACTED.into() } else { value.clone() },
                place: entry.place_of(&at).clone(),
            };
            if ADDED.contains(&key.as_str()) {
                self.added.push(setting);
            } else {
                self.single.insert(setting.name.clone(), setting);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Document;

    #[test]
    fn every_value_that_counts_says_where_it_stands() {
        let read = |file: &str, text: &str| {
            Document::read(file, &format!("type: http.config.ocm.software/v1alpha1\n{text}")).unwrap()
        };
        let configuration = Configuration::new([
            read("a.yaml", "timeout: 30s\ntcpDialTimeout: 5s\nretry: {maxRetries: 2}\ncertificateAuthority: ca.pem\n"),
            read(
                "b.yaml",
                "timeout: 1m\nhosts:\n  R.example:5000: {timeout: 9s, clientKeyData: canary, clientCertificateData: canary, certificateAuthority: own.pem}\n",
            ),
        ]);
        let shown = |host: &str| -> Vec<String> {
            let settings = configuration.http_settings_of(host).into_iter();
            settings.map(|setting| format!("{} {} {}", setting.name, setting.value, setting.place)).collect()
        };
        assert_eq!(
            shown("r.example:5000"),
            [
                "certificateAuthority \"ca.pem\" a.yaml:5:23",
                "certificateAuthority \"own.pem\" b.yaml:4:109",
                "clientCertificateData \"***\" b.yaml:4:79",
                "clientKeyData \"***\" b.yaml:4:48",
                "retry.maxRetries 2 a.yaml:4:21",
                "tcpDialTimeout \"5s\" a.yaml:3:17",
                "timeout \"9s\" b.yaml:4:29",
            ]
        );
        assert!(shown("other").contains(&"timeout \"1m\" b.yaml:2:10".to_owned()));
    }
}
