//! `NPMConfig`: what `npm login` writes into `.npmrc`.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocm_model::Identity;
use tokio::sync::OnceCell;

use super::{Specification, Store, Surroundings, covered};
use crate::spelling::is_of;
use crate::{Error, Found, Kind, Properties, Result, docker};

/// Types of consumers that are registries of packages.
const CONSUMERS: [&str; 2] = ["NpmRegistry", "Registry.npmjs.com"];

/// The file that `npmrcFile` names; `~/.npmrc` without it.
pub(super) struct Npm {
    file: PathBuf,
    around: Arc<Surroundings>,
    entries: OnceCell<Vec<Entry>>,
    named: Option<String>,
}

/// Credentials for what lies below `host/path`.
#[derive(Clone)]
struct Entry {
    host: String,
    path: String,
    line: usize,
    properties: Properties,
}

impl Npm {
    pub(super) fn open(specification: &Specification, around: &Arc<Surroundings>) -> Result<Self> {
        let usual = || around.home.as_ref().map(|home| home.join(".npmrc"));
        let file = specification.path("npmrcFile", around.home.as_deref())?.or_else(usual);
        let file = file.ok_or_else(|| specification.malformed("npmrcFile is missing"))?;
        let named = specification.text("credentialsName")?.map(|name| name.trim_start_matches('/').to_owned());
        Ok(Self { file, around: around.clone(), entries: OnceCell::new(), named })
    }

    async fn read(&self) -> Result<Vec<Entry>> {
        let Some(text) = docker::text(&self.file).await? else {
            return Err(Error::new(Kind::Local, self.file.display(), "there is no such file"));
        };
        let text = String::from_utf8_lossy(&text);
        let variable = |name: &str| self.around.environment.get(name).cloned();
        entries(&text, &variable).map_err(|(line, reason)| {
            Error::new(Kind::Malformed, format_args!("{}:{line}", self.file.display()), reason)
        })
    }
}

#[async_trait]
impl Store for Npm {
    async fn find(&self, wanted: &[Identity], _own: Option<&Found>) -> Result<Option<Found>> {
        let entries = self.entries.get_or_try_init(|| self.read()).await?;
        let best = match &self.named {
            Some(named) => {
                let named = named.trim_end_matches('/');
                entries.iter().find(|entry| format!("{}/{}", entry.host, entry.path).trim_end_matches('/') == named)
            }
            None => wanted
                .iter()
                .filter(|wanted| CONSUMERS.iter().any(|kind| is_of(wanted, kind)))
                .flat_map(|wanted| {
                    entries.iter().filter_map(move |entry| Some((covered((&entry.host, &entry.path), wanted)?, entry)))
                })
                .max_by_key(|(length, _)| *length)
                .map(|(_, entry)| entry),
        };
        Ok(best
            .map(|entry| Found::new(entry.properties.clone(), format_args!("{}:{}", self.file.display(), entry.line))))
    }
}

/// Reads lines such as `//registry.example.com/path/:_authToken=…`; `${NAME}` stands for a variable of the environment.
fn entries(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> std::result::Result<Vec<Entry>, (usize, String)> {
    let mut entries: Vec<Entry> = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line.trim())) {
        let Some((key, value)) = line.strip_prefix("//").and_then(|line| line.split_once('=')) else { continue };
        let Some((address, name)) = key.trim().rsplit_once("/:").or_else(|| key.trim().rsplit_once(':')) else {
            continue;
        };
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let value = value.trim().trim_matches(['"', '\'']);
        let value = expanded(value, variable).map_err(|name| (number, format!("the variable {name} is not set")))?;
        let decoded = |what: &str| {
            let bytes = STANDARD.decode(&value).map_err(|_| (number, format!("{what} is not base64")))?;
            String::from_utf8(bytes).map_err(|_| (number, format!("{what} is not text")))
        };
        let parts: Vec<(&str, String)> = match name.trim() {
            "_authToken" => vec![("token", value)],
            "username" => vec![("username", value)],
            "email" => vec![("email", value)],
            "_password" => vec![("password", decoded("_password")?)],
            "_auth" => {
                let text = decoded("_auth")?;
                let (user, password) = text.split_once(':').ok_or((number, "_auth is not user:password".to_owned()))?;
                vec![("username", user.to_owned()), ("password", password.to_owned())]
            }
            _ => continue,
        };
        let properties: Properties = parts.into_iter().collect();
        match entries.iter_mut().find(|entry| entry.host == host && entry.path == path.trim_matches('/')) {
            Some(entry) => entry.properties.0.extend(properties.0),
            None => entries.push(Entry {
                host: host.to_owned(),
                path: path.trim_matches('/').to_owned(),
                line: number,
                properties,
            }),
        }
    }
    Ok(entries)
}

fn expanded(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> std::result::Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, behind)) = after.split_once('}') else { break };
        expanded.push_str(before);
        // `${NAME?}` may be unset.
        let value = match name.strip_suffix('?') {
            Some(name) => variable(name).unwrap_or_default(),
            None => variable(name).ok_or_else(|| name.to_owned())?,
        };
        expanded.push_str(&value);
        rest = behind;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_npm_writes_is_read() {
        let text = "\
registry=https://registry.npmjs.org/
//registry.npmjs.org/:_authToken=abc
; a comment
//npm.example.com:8443/team/a/:_authToken=\"${TOKEN}\"
//npm.example.com:8443/team/:username=me
//npm.example.com:8443/team/:_password=cHc=
//old.example.com/:_auth=dTpw
//old.example.com/:always-auth=true
";
        let variable = |name: &str| (name == "TOKEN").then(|| "xyz".to_owned());
        let entries = entries(text, &variable).unwrap();
        let shown = |entry: &Entry| {
            let parts: Vec<_> =
                entry.properties.0.iter().map(|(name, text)| format!("{name}={}", text.reveal())).collect();
            format!("{} {} {} {}", entry.line, entry.host, entry.path, parts.join(","))
        };
        assert_eq!(
            entries.iter().map(shown).collect::<Vec<_>>(),
            [
                "2 registry.npmjs.org  token=abc",
                "4 npm.example.com:8443 team/a token=xyz",
                "5 npm.example.com:8443 team password=pw,username=me",
                "7 old.example.com  password=p,username=u",
            ]
        );
        assert_eq!(
            super::entries("\n//h/:_authToken=${X}", &variable).err().unwrap(),
            (2, "the variable X is not set".into())
        );
        assert!(super::entries("//h/:_password=canary!", &variable).err().unwrap().1.contains("not base64"));
    }
}
