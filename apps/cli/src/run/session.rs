use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::MultiProgress;
use ocm::config::Configuration;
use ocm::model::ComponentReference;
use ocm::ops::get::Request;

use super::configuration;
use crate::args::{Dialect, Global, Selection};
use crate::exit::Failure;
use crate::log;
use crate::progress::Bars;

/// What a command of the library needs from this run of the program: its context, and the words it was called with.
pub(crate) struct Session {
    pub(crate) context: ocm::Context,
    pub(crate) configuration: Configuration,
    pub(crate) global: Global,
    pub(crate) dialect: Dialect,
    /// The environment as text; variables that are no text cannot be meant.
    pub(crate) environment: BTreeMap<String, String>,
}

impl Session {
    /// Reads the environment, starts logging, and prepares connections.
    pub(crate) fn start(global: Global, dialect: Dialect) -> Result<Self, Failure> {
        let environment: BTreeMap<String, String> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let bars = MultiProgress::new();
        log::start(&global, &bars);
        let (configuration, resolvers) = configuration::read(&global.config, &environment, dialect)?;
        let mut http = ocm::http::Settings::from_environment(environment.clone());
        if let Some(bundle) = environment.get("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
            let pem = fs::read(bundle).map_err(|error| Failure::usage(format!("SSL_CERT_FILE {bundle}: {error}")))?;
            http.certificate_authorities.push(pem);
        }
        let mut builder = ocm::Context::builder().http(http).resolvers(resolvers).observer(Arc::new(Bars::new(bars)));
        if let Some(path) = docker_config(&environment) {
            builder = builder.docker_config(&path);
        }
        Ok(Self { context: builder.build(), configuration, global, dialect, environment })
    }
}

/// The request for the component versions that arguments name.
pub(crate) fn versions(references: Vec<String>, selection: Selection, recursive: bool) -> Request {
    warn_of_choice_without_effect(&references, &selection);
    Request {
        references,
        repository: selection.repo,
        constraint: selection.constraint,
        latest: selection.latest,
        recursive,
        lookup: selection.lookup,
        ..Request::default()
    }
}

/// A reference that names a version leaves nothing to choose, which whoever wrote both may not expect.
fn warn_of_choice_without_effect(references: &[String], selection: &Selection) {
    let names_version = |text: &String| match selection.repo {
        Some(_) => text.contains(':'),
        None => ComponentReference::parse(text).is_ok_and(|reference| reference.version.is_some()),
    };
    if !references.iter().any(names_version) {
        return;
    }
    let flags = [(selection.latest, "--latest"), (selection.constraint.is_some(), "--semver-constraint")];
    for (_, flag) in flags.into_iter().filter(|(is_given, _)| *is_given) {
        tracing::warn!(target: "ocm", "{flag} has no effect when a version is already specified in the reference");
    }
}

/// The Docker configuration, if there is one: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`.
fn docker_config(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let folder = match environment.get("DOCKER_CONFIG").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(environment.get("HOME").or_else(|| environment.get("USERPROFILE"))?).join(".docker"),
    };
    Some(folder.join("config.json")).filter(|path| path.is_file())
}
