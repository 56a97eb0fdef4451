//! Where plugins are looked for, and what they are given.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ocm::config::Configuration;
use ocm::model::TypedObject;
use ocm::plugin::Settings;

use crate::args::Global;
use crate::exit::Failure;

/// What flags say of plugins, else what the configuration says, else the usual place.
pub(super) fn settings(
    global: &Global,
    configuration: &Configuration,
    environment: &BTreeMap<String, String>,
) -> Result<Settings, Failure> {
    let configured = configuration.plugins().map_err(ocm::Error::from)?;
    let (folders, usual_folder): (Vec<PathBuf>, _) = if global.plugin_directory.is_empty() {
        let located = configured.locations.iter().map(|(place, text)| {
            // What a file names is meant from where the file is: the working directory may be anybody's.
            let path = expanded(text, environment);
            Path::new(place.file()).parent().map_or_else(|| path.clone(), |folder| folder.join(&path))
        });
        (located.collect(), usual(environment))
    } else {
        let told = global.plugin_directory.iter().map(|path| expanded(&path.to_string_lossy(), environment));
        (told.collect(), None)
    };
    let entries = configuration.entries();
    let entries = entries.map(|entry| TypedObject { kind: entry.kind.clone(), members: entry.members.clone() });
    let default = Settings::default();
    Ok(Settings {
        folders,
        usual_folder,
        environment: environment.clone(),
        idle_timeout: configured.idle_timeout.unwrap_or(default.idle_timeout),
        shutdown_timeout: global
            .plugin_shutdown_timeout
            .map_or(default.shutdown_timeout, jiff::SignedDuration::unsigned_abs),
        configurations: entries.collect(),
        ..default
    })
}

/// The usual place of plugins.
pub(super) fn usual(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let home = environment.get("HOME").or_else(|| environment.get("USERPROFILE")).filter(|home| !home.is_empty())?;
    Some(Path::new(home).join(".config/ocm/plugins"))
}

/// A path in which `$NAME` and `${NAME}` stand for variables, as the older program reads its flag.
fn expanded(text: &str, environment: &BTreeMap<String, String>) -> PathBuf {
    let (mut path, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        path.push_str(before);
        let (name, behind) = match after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            Some(named) => named,
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                after.split_at(end)
            }
        };
        if name.is_empty() {
            path.push('$');
        }
        path.push_str(environment.get(name).map(String::as_str).unwrap_or_default());
        rest = behind;
    }
    path.push_str(rest);
    PathBuf::from(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_for_their_values() {
        let environment = BTreeMap::from([("HOME".to_owned(), "/h".to_owned())]);
        for (text, path) in [("$HOME/p", "/h/p"), ("${HOME}p", "/hp"), ("a$b", "a"), ("$", "$"), ("a/b", "a/b")] {
            assert_eq!(expanded(text, &environment), PathBuf::from(path), "{text}");
        }
    }
}
