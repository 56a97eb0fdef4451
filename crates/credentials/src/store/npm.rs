//! `NPMConfig`: what `npm login` writes into `.npmrc`.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocm_model::Identity;
use tokio::sync::OnceCell;

use super::{Specification, Store, Surroundings, covered, expanded};
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
    /// Or the line with what cannot be used, and why: nothing to those who ask for another registry.
    properties: std::result::Result<Properties, (usize, String)>,
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
        Ok(entries(&text, &variable))
    }
}

#[async_trait]
impl Store for Npm {
    async fn find(&self, wanted: &[Identity], _own: Option<&Found>) -> Result<Option<Found>> {
        let is_package = |wanted: &Identity| CONSUMERS.iter().any(|kind| is_of(wanted, kind));
        if self.named.is_none() && !wanted.iter().any(is_package) {
            return Ok(None);
        }
        let entries = self.entries.get_or_try_init(|| self.read()).await?;
        let best = match &self.named {
            Some(named) => {
                let named = named.trim_end_matches('/');
                entries.iter().find(|entry| format!("{}/{}", entry.host, entry.path).trim_end_matches('/') == named)
            }
            None => wanted
                .iter()
                .filter(|wanted| is_package(wanted))
                .flat_map(|wanted| {
                    entries.iter().filter_map(move |entry| Some((covered((&entry.host, &entry.path), wanted)?, entry)))
                })
                .max_by_key(|(length, _)| *length)
                .map(|(_, entry)| entry),
        };
        let Some(entry) = best else { return Ok(None) };
        let at = |line: usize| format!("{}:{line}", self.file.display());
        match &entry.properties {
            Ok(properties) => Ok(Some(Found::new(properties.clone(), at(entry.line)))),
            Err((line, reason)) => Err(Error::new(Kind::Malformed, at(*line), reason)),
        }
    }
}

/// Reads lines such as `//registry.example.com/path/:_authToken=…`; `${NAME}` stands for a variable of the environment.
fn entries(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(number, line)| (number + 1, line.trim())) {
        let Some((key, value)) = line.strip_prefix("//").and_then(|line| line.split_once('=')) else { continue };
        let Some((address, name)) = key.trim().rsplit_once("/:").or_else(|| key.trim().rsplit_once(':')) else {
            continue;
        };
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let properties = match parts(name.trim(), value.trim().trim_matches(['"', '\'']), variable) {
            Ok(None) => continue,
            Ok(Some(properties)) => Ok(properties),
            Err(reason) => Err((number, reason)),
        };
        match entries.iter_mut().find(|entry| entry.host == host && entry.path == path.trim_matches('/')) {
            Some(entry) => match (&mut entry.properties, properties) {
                (Ok(known), Ok(more)) => known.0.extend(more.0),
                (Ok(_), wrong) => entry.properties = wrong,
                (Err(_), _) => {}
            },
            None => entries.push(Entry {
                host: host.to_owned(),
                path: path.trim_matches('/').to_owned(),
                line: number,
                properties,
            }),
        }
    }
    entries
}

/// What a setting of a registry says about credentials; `None` if it is about something else.
fn parts(
    name: &str,
    value: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> std::result::Result<Option<Properties>, String> {
    if !["_authToken", "username", "email", "_password", "_auth"].contains(&name) {
        return Ok(None);
    }
    let value = expanded(value, "${", &|name| match name.strip_suffix('?') {
        // `${NAME?}` may be unset.
        Some(name) => Some(variable(name).unwrap_or_default()),
        None => variable(name),
    })?;
    let decoded = |what: &str| {
        let bytes = STANDARD.decode(&value).map_err(|_| format!("{what} is not base64"))?;
        String::from_utf8(bytes).map_err(|_| format!("{what} is not text"))
    };
    let parts = match name {
        "_authToken" => vec![("token", value)],
        "_password" => vec![("password", decoded(name)?)],
        "_auth" => {
            let text = decoded(name)?;
            let (user, password) = text.split_once(':').ok_or_else(|| "_auth is not user:password".to_owned())?;
            vec![("username", user.to_owned()), ("password", password.to_owned())]
        }
        name => vec![(name, value)],
    };
    Ok(Some(parts.into_iter().collect()))
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
        let entries = entries(text, &variable);
        let shown = |entry: &Entry| {
            let parts: Vec<_> = entry
                .properties
                .as_ref()
                .unwrap()
                .0
                .iter()
                .map(|(name, text)| format!("{name}={}", text.reveal()))
                .collect();
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
        // A line that cannot be used is one of its registry, and no other.
        let wrong =
            super::entries("//a/:username=u\n//a/:_authToken=${X}\n//b/:_password=canary!\n//c/:_auth=dTpw", &variable);
        assert_eq!(wrong[0].properties.as_ref().unwrap_err(), &(2, "the variable X is not set".to_owned()));
        assert_eq!(wrong[1].properties.as_ref().unwrap_err(), &(3, "_password is not base64".to_owned()));
        assert!(wrong[2].properties.is_ok());
    }
}
