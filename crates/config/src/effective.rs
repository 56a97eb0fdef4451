//! What all files say together, as one configuration.

use serde_json::{Map, Value, json};

use crate::configuration::{CREDENTIALS, HTTP, PATTERNS, PREFIXES, SIGNING, TRANSFER};
use crate::{Configuration, CopyMode, Entry, Filesystem, Result, UploadType, duration, redaction};

/// Members of settings of connections in the order in which they are written.
const HTTP_MEMBERS: [&str; 14] = [
    "timeout",
    "tcpDialTimeout",
    "tcpKeepAlive",
    "tlsHandshakeTimeout",
    "responseHeaderTimeout",
    "idleConnTimeout",
    "insecureSkipVerify",
    "retry",
    "certificateAuthority",
    "certificateAuthorityData",
    "clientCertificate",
    "clientCertificateData",
    "clientKey",
    "clientKeyData",
];

/// Entries that are passed on as they are.
const EXTRACT: &str = "extract.oci.artifact.ocm.software";
const PLUGIN: &str = "plugin.config.ocm.software";

impl Configuration {
    /// What all files say together, as one configuration in the form of the Go program, without secrets. `filesystem` is
    /// what counts in this run of a program, flags included.
    ///
    /// # Errors
    /// An entry that is not understood.
    pub fn effective(&self, filesystem: &Filesystem) -> Result<Value> {
        let mut entries = Vec::new();
        let mut folders = typed("filesystem.config.ocm.software/v1alpha1");
        for (key, value) in
            [("tempFolder", &filesystem.temp_folder), ("workingDirectory", &filesystem.working_directory)]
        {
            folders.extend(value.clone().map(|value| (key.to_owned(), value.into())));
        }
        entries.push(Value::Object(folders));
        self.http()?;
        if let Some(http) = merged_http(&self.of(&HTTP)) {
            entries.push(http);
        }
        self.resolvers()?;
        let prefixes = self.of(&PREFIXES);
        let prefixes: Vec<&Entry> =
            prefixes.into_iter().filter(|entry| entry.members.contains_key("resolvers")).collect();
        let members = ["repository", "prefix", "priority"];
        entries.extend(one_list("ocm.config.ocm.software/v1", &prefixes, "resolvers", &members));
        let members = ["repository", "componentNamePattern", "versionConstraint"];
        let patterns = self.of(&PATTERNS);
        entries.extend(one_list("resolvers.config.ocm.software/v1alpha1", &patterns, "resolvers", &members));
        entries.extend(self.merged_transfer()?);
        let starts = |kind: &str| {
            let fits = move |entry: &&Entry| entry.kind.split('/').next() == Some(kind);
            self.entries().filter(fits).map(whole).collect::<Vec<_>>()
        };
        entries.extend(starts(PLUGIN).into_iter().last());
        entries.extend(starts(EXTRACT));
        entries.extend(self.of(&SIGNING).into_iter().map(whole));
        self.credentials()?;
        entries.extend(merged_credentials(&self.of(&CREDENTIALS)));
        Ok(json!({"type": "generic.config.ocm.software/v1", "configurations": entries}))
    }

    /// All entries one after the other as they are written, in the form of the older program, without secrets.
    pub fn as_written(&self) -> Value {
        let shown = |entry: &Entry| match entry.kind.as_str() {
            kind if CREDENTIALS.contains(&kind) => merged_credentials(&[entry]).unwrap_or_default(),
            kind if kind.contains("credentials") => {
                let mut members = typed(kind);
                members.extend(redaction::credentials(&entry.members));
                Value::Object(members)
            }
            _ => whole(entry),
        };
        // What its command line adds of its own.
        let own = json!({"type": "cli.ocm.config.ocm.software/v1", "logging": {}, "signing": {}});
        let entries: Vec<Value> = self.entries().map(shown).chain([own]).collect();
        json!({"type": "generic.config.ocm.software/v1", "configurations": entries})
    }

    fn merged_transfer(&self) -> Result<Option<Value>> {
        let said = self.transfer()?;
        if self.of(&TRANSFER).is_empty() {
            return Ok(None);
        }
        let mut transfer = typed("transfer.config.ocm.software/v1alpha1");
        let mut set = |key: &str, value: Option<Value>| transfer.extend(value.map(|value| (key.to_owned(), value)));
        set("recursive", said.recursive.map(|all| if all { -1 } else { 0 }.into()));
        set(
            "copyMode",
            said.copy_mode.map(|mode| match mode {
                CopyMode::LocalBlob => "localBlob".into(),
                CopyMode::LocalResources => "localResources".into(),
                CopyMode::AllResources => "allResources".into(),
            }),
        );
        set(
            "uploadType",
            said.upload_type.map(|kind| match kind {
                UploadType::LocalBlob => "localBlob".into(),
                UploadType::OciArtifact => "ociArtifact".into(),
            }),
        );
        set("copySources", said.sources.map(Into::into));
        set("overwrite", said.overwrite.map(Into::into));
        set("omitAccessTypes", said.omit_access_types.map(Into::into));
        let uploads: Vec<Value> = said.uploads.into_iter().map(|rule| rule.value).collect();
        set("uploads", (!uploads.is_empty()).then(|| uploads.into()));
        Ok(Some(Value::Object(transfer)))
    }
}

fn typed(kind: &str) -> Map<String, Value> {
    [("type".to_owned(), kind.into())].into_iter().collect()
}

/// An entry as it is.
fn whole(entry: &Entry) -> Value {
    let mut members = typed(&entry.kind);
    members.extend(entry.members.clone());
    redaction::other(&Value::Object(members))
}

/// The same mapping with its keys in alphabetical order, all the way down.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<_> = members.keys().collect();
            keys.sort();
            Value::Object(keys.into_iter().map(|key| (key.clone(), sorted(&members[key]))).collect())
        }
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        value => value.clone(),
    }
}

fn one_list(kind: &str, entries: &[&Entry], list: &str, members: &[&str]) -> Option<Value> {
    let items = entries.iter().filter_map(|entry| entry.members.get(list)?.as_array()).flatten();
    let items: Vec<Value> = items
        .filter_map(Value::as_object)
        .map(|item| {
            let chosen =
                members.iter().filter_map(|key| Some(((*key).to_owned(), sorted(&redaction::other(item.get(*key)?)))));
            Value::Object(chosen.collect())
        })
        .collect();
    if entries.is_empty() {
        return None;
    }
    let mut whole = typed(kind);
    whole.insert(list.to_owned(), items.into());
    Some(Value::Object(whole))
}

fn merged_http(entries: &[&Entry]) -> Option<Value> {
    let last = entries.last()?;
    let mut all = Map::new();
    let mut hosts: Map<String, Value> = Map::new();
    for entry in entries {
        overlay(&mut all, &entry.members);
        for (host, members) in entry.members.get("hosts").and_then(Value::as_object).into_iter().flatten() {
            hosts.insert(host.to_ascii_lowercase(), members.clone());
        }
    }
    let mut http = typed(&last.kind);
    http.extend(ordered(&all));
    if !hosts.is_empty() {
        let own = |(host, members): (String, Value)| {
            (host, Value::Object(members.as_object().map(ordered).unwrap_or_default()))
        };
        http.insert("hosts".into(), sorted_hosts(hosts.into_iter().map(own)));
    }
    Some(Value::Object(http))
}

fn sorted_hosts(hosts: impl Iterator<Item = (String, Value)>) -> Value {
    let hosts: std::collections::BTreeMap<String, Value> = hosts.collect();
    Value::Object(hosts.into_iter().collect())
}

/// What a later entry says stands over what an earlier one said; authorities add up.
fn overlay(all: &mut Map<String, Value>, members: &Map<String, Value>) {
    for (key, value) in members.iter().filter(|(key, value)| !value.is_null() && *key != "hosts") {
        match (key.as_str(), all.get_mut(key), value) {
            ("retry", Some(Value::Object(before)), Value::Object(retry)) => {
                before.extend(retry.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            ("certificateAuthority" | "certificateAuthorityData", Some(before), value) => {
                let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
                *before = [list(before), list(value)].concat().into();
            }
            _ => {
                all.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Settings in the order in which they are written, durations as Go writes them.
fn ordered(members: &Map<String, Value>) -> Map<String, Value> {
    let shown = |key: &str, value: &Value| match (key, value) {
        ("retry", Value::Object(retry)) => {
            let part = |key: &&str| Some(((*key).to_owned(), go(key, retry.get(*key)?)));
            Value::Object(["maxRetries", "minWait", "maxWait"].iter().filter_map(part).collect())
        }
        // Beside a certificate there may stand its key.
        ("clientKeyData" | "clientCertificateData", _) => redaction::REDACTED.into(),
        (key, value) => go(key, value),
    };
    HTTP_MEMBERS.iter().filter_map(|key| Some(((*key).to_owned(), shown(key, members.get(*key)?)))).collect()
}

fn go(key: &str, value: &Value) -> Value {
    let is_duration = key.ends_with("imeout") || key.ends_with("Wait") || key == "tcpKeepAlive";
    match duration::read(value).filter(|_| is_duration) {
        Some(read) => {
            let sign = if read.is_negative { "-" } else { "" };
            format!("{sign}{}", duration::text(read.length)).into()
        }
        None => value.clone(),
    }
}

fn merged_credentials(entries: &[&Entry]) -> Option<Value> {
    let first = entries.first()?;
    let (mut repositories, mut consumers) = (Vec::new(), Vec::new());
    for entry in entries {
        let list = |key: &str| entry.members.get(key).and_then(Value::as_array).into_iter().flatten();
        repositories.extend(list("repositories").map(|value| sorted(&redaction::repository(value))));
        for consumer in list("consumers").filter_map(Value::as_object) {
            let identities = consumer.get("identities").and_then(Value::as_array).into_iter().flatten();
            let identities: Vec<Value> = consumer.get("identity").into_iter().chain(identities).map(sorted).collect();
            let credentials = consumer.get("credentials").and_then(Value::as_array).into_iter().flatten();
            let credentials = credentials.filter_map(Value::as_object).map(redaction::credentials);
            let credentials: Vec<Value> = credentials.map(|shown| sorted(&Value::Object(shown))).collect();
            consumers.push(json!({"identities": identities, "credentials": credentials}));
        }
    }
    let mut credentials = typed(&first.kind);
    for (key, list) in [("repositories", repositories), ("consumers", consumers)] {
        if !list.is_empty() {
            credentials.insert(key.to_owned(), list.into());
        }
    }
    Some(Value::Object(credentials))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Document;

    fn effective(texts: &[&str]) -> Value {
        let documents = texts.iter().map(|text| Document::read("c.yaml", text).unwrap());
        let folders = Filesystem { temp_folder: Some("/tmp".into()), working_directory: None };
        Configuration::new(documents).effective(&folders).unwrap()["configurations"].clone()
    }

    #[test]
    fn what_is_written_is_shown_without_secrets() {
        let text = "configurations:
- {type: attributes.config.ocm.software, attributes: {compat: true}}
- type: credentials.config.ocm.software
  consumers:
  - identity: {type: OCIRegistry, hostname: ghcr.io}
    credentials: [{type: Credentials/v1, properties: {username: u, apiKey: canary}}]
- {type: memory.credentials.config.ocm.software, repoName: r, credentials: [{credentials: {any: canary}}]}
- {type: keys.config.ocm.software, privateKeys: {default: {stringdata: canary}}}
";
        let written = Configuration::new([Document::read("c.yaml", text).unwrap()]).as_written();
        assert!(!written.to_string().contains("canary"), "{written}");
        let entries = written["configurations"].as_array().unwrap();
        assert_eq!((entries.len(), &entries[0]["attributes"]["compat"]), (5, &json!(true)));
        assert_eq!(entries[1]["consumers"][0]["credentials"][0]["properties"]["username"], "u");
        assert_eq!(entries[4]["type"], "cli.ocm.config.ocm.software/v1");
    }

    #[test]
    fn nothing_is_the_folders() {
        let expected = json!([{"type": "filesystem.config.ocm.software/v1alpha1", "tempFolder": "/tmp"}]);
        assert_eq!(effective(&[]), expected);
    }

    #[test]
    fn a_repository_of_a_plugin_keeps_its_secrets_to_itself() {
        let text = "{type: resolvers.config.ocm.software, resolvers: [{repository: {type: Own/v1, token: canary, url: 'https://me:canary@h'}, componentNamePattern: '*'}]}";
        let all = effective(&[text]).to_string();
        assert!(!all.contains("canary") && all.contains("https://***@h"), "{all}");
    }

    #[test]
    fn several_entries_are_one_and_secrets_are_not_shown() {
        let one = "\
configurations:
- {type: http.config.ocm.software/v1alpha1, timeout: 60s, certificateAuthority: a.pem, hosts: {R.example: {timeout: 1000000000}}}
- type: credentials.config.ocm.software
  consumers:
  - identity: {type: OCIRegistry, hostname: ghcr.io}
    credentials: [{type: Credentials/v1, properties: {username: u, password: canary}}]
";
        let other = "{type: http.config.ocm.software/v1alpha1, certificateAuthority: b.pem, clientKeyData: canary, clientCertificateData: canary, retry: {maxWait: 9s}}";
        let all = effective(&[one, other]);
        assert!(!all.to_string().contains("canary"), "{all}");
        let http = &all[1];
        assert_eq!((&http["timeout"], &http["hosts"]["r.example"]["timeout"]), (&json!("1m0s"), &json!("1s")));
        assert_eq!(http["certificateAuthority"], json!(["a.pem", "b.pem"]));
        let consumer = &all[2]["consumers"][0];
        assert_eq!(consumer["identities"][0]["hostname"], "ghcr.io");
        assert_eq!(consumer["credentials"][0]["properties"]["username"], "u");
    }
}
