//! `MavenSettings`: the servers of a `settings.xml` of Maven, by the addresses of the mirrors and repositories with their ids.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use ocm_http::Url;
use ocm_model::Identity;
use roxmltree::{Document, Node};
use tokio::sync::OnceCell;

use super::{Specification, Store, Surroundings, covered, expanded};
use crate::spelling::is_of;
use crate::{Error, Found, Kind, Properties, Result, Secret, docker};

/// The file that `settingsFile` names; `~/.m2/settings.xml` without it.
pub(super) struct Maven {
    file: PathBuf,
    around: Arc<Surroundings>,
    entries: OnceCell<Vec<Entry>>,
    named: Option<String>,
}

/// Credentials of a server for an address.
struct Entry {
    id: String,
    host: String,
    path: String,
    line: u32,
    /// Or why they cannot be used.
    properties: std::result::Result<Properties, String>,
}

impl Maven {
    pub(super) fn open(specification: &Specification, around: &Arc<Surroundings>) -> Result<Self> {
        let usual = || around.home.as_ref().map(|home| home.join(".m2/settings.xml"));
        let file = specification.path("settingsFile", around.home.as_deref())?.or_else(usual);
        let file = file.ok_or_else(|| specification.malformed("settingsFile is missing"))?;
        let named = specification.text("credentialsName")?.map(str::to_owned);
        Ok(Self { file, around: around.clone(), entries: OnceCell::new(), named })
    }

    async fn read(&self) -> Result<Vec<Entry>> {
        let Some(text) = docker::text(&self.file).await? else {
            return Err(Error::new(Kind::Local, self.file.display(), "there is no such file"));
        };
        let variable = |name: &str| self.around.environment.get(name).cloned();
        entries(&String::from_utf8_lossy(&text), &variable)
            .map_err(|reason| Error::new(Kind::Malformed, self.file.display(), reason))
    }
}

#[async_trait]
impl Store for Maven {
    async fn find(&self, wanted: &[Identity], _own: Option<&Found>) -> Result<Option<Found>> {
        if self.named.is_none() && !wanted.iter().any(|wanted| is_of(wanted, "MavenRepository")) {
            return Ok(None);
        }
        let entries = self.entries.get_or_try_init(|| self.read()).await?;
        let best = match &self.named {
            Some(named) => entries.iter().find(|entry| entry.id == *named),
            None => wanted
                .iter()
                .filter(|wanted| is_of(wanted, "MavenRepository"))
                .flat_map(|wanted| {
                    let fit = move |entry: &Entry| covered((&entry.host, &entry.path), wanted);
                    entries.iter().filter_map(move |entry| Some((fit(entry)?, entry)))
                })
                .max_by_key(|(length, _)| *length)
                .map(|(_, entry)| entry),
        };
        let Some(entry) = best else { return Ok(None) };
        let origin = format!("{}:{} (server {:?})", self.file.display(), entry.line, entry.id);
        match &entry.properties {
            Ok(properties) => Ok(Some(Found::new(properties.clone(), origin))),
            Err(reason) => Err(Error::new(Kind::Malformed, origin, reason)),
        }
    }
}

/// Servers with user and password, once for each address that a mirror or a repository of the same id has; a server without
/// one has no address and can only be named.
fn entries(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> std::result::Result<Vec<Entry>, String> {
    let document = Document::parse(text).map_err(|error| format!("not a settings.xml: {error}"))?;
    let all = |name: &'static str| {
        document.descendants().filter(move |node| node.is_element() && node.tag_name().name() == name)
    };
    let addresses: Vec<(String, Url)> = ["mirror", "repository", "pluginRepository", "snapshotRepository"]
        .into_iter()
        .flat_map(all)
        .filter_map(|node| Some((child(node, "id")?, child(node, "url")?.parse().ok()?)))
        .collect();
    let mut entries = Vec::new();
    for server in all("server") {
        let Some(id) = child(server, "id") else { continue };
        let line = document.text_pos_at(server.range().start).row;
        let properties = properties(server, variable);
        let own = addresses.iter().filter(|(of, _)| *of == id);
        let mut found: Vec<(String, String)> = own
            .filter_map(|(_, url)| {
                let host = url.host_str()?;
                let host = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
                Some((host, url.path().trim_matches('/').to_owned()))
            })
            .collect();
        if found.is_empty() {
            found.push(Default::default());
        }
        for (host, path) in found {
            entries.push(Entry { id: id.clone(), host, path, line, properties: properties.clone() });
        }
    }
    Ok(entries)
}

fn properties(
    server: Node<'_, '_>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> std::result::Result<Properties, String> {
    let mut properties = Properties::default();
    for name in ["username", "password"] {
        let Some(text) = child(server, name) else { continue };
        let text = expanded(&text, "${env.", variable)?;
        // Maven encrypts with a key of another file, which no other program is meant to read.
        if name == "password" && text.starts_with('{') && text.ends_with('}') {
            return Err("the password is encrypted; write it in plain text or as ${env.NAME}".to_owned());
        }
        properties.0.insert(name.to_owned(), Secret::new(text));
    }
    Ok(properties)
}

fn child(node: Node<'_, '_>, name: &str) -> Option<String> {
    let child = node.children().find(|child| child.is_element() && child.tag_name().name() == name)?;
    child.text().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const SETTINGS: &str = r#"<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">
  <servers>
    <server><id>nexus</id><username>me</username><password>${env.PW}</password></server>
    <server><id>lonely</id><username>u</username><password>p</password></server>
  </servers>
  <mirrors><mirror><id>nexus</id><url>https://nexus.example.com:8443/repository/public</url></mirror></mirrors>
  <profiles><profile><repositories>
    <repository><id>nexus</id><url>https://releases.example.com/maven2/</url></repository>
  </repositories></profile></profiles>
</settings>"#;

    #[test]
    fn servers_are_found_by_the_addresses_of_their_id() {
        let variable = |name: &str| (name == "PW").then(|| "secret".to_owned());
        let entries = entries(SETTINGS, &variable).unwrap();
        let shown = |entry: &Entry| {
            let password =
                entry.properties.as_ref().map(|found| found.get(&["password"]).unwrap_or_default().to_owned());
            format!("{} {} {} {} {password:?}", entry.line, entry.id, entry.host, entry.path)
        };
        assert_eq!(
            entries.iter().map(shown).collect::<Vec<_>>(),
            [
                "3 nexus nexus.example.com:8443 repository/public Ok(\"secret\")",
                "3 nexus releases.example.com maven2 Ok(\"secret\")",
                "4 lonely   Ok(\"p\")",
            ]
        );
        let problem = |text: &str| {
            let mut entries = super::entries(text, &|_| None)?;
            entries.remove(0).properties.map(|_| String::new())
        };
        assert_eq!(problem(SETTINGS).unwrap_err(), "the variable PW is not set");
        assert!(problem("<settings>").unwrap_err().starts_with("not a settings.xml"));
        let encrypted = problem("<s><server><id>a</id><password>{canary}</password></server></s>").unwrap_err();
        assert!(encrypted.contains("is encrypted") && !encrypted.contains("canary"));
    }
}
