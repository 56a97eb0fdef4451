use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum as _;
use indicatif::MultiProgress;
use ocm::config::Configuration;
use ocm::model::ComponentReference;
use ocm::ops::get::Request;

use super::{configuration, plugin_folders};
use crate::args::{Dialect, Global, LogLevel, Rebase, Selection};
use crate::exit::Failure;
use crate::log;
use crate::progress::Bars;

/// What a command of the library needs from this run of the program: its context, and the words it was called with.
pub(crate) struct Session {
    pub(crate) context: ocm::Context,
    pub(crate) configuration: Configuration,
    unknown: configuration::Unknown,
    pub(crate) global: Global,
    pub(crate) dialect: Dialect,
    /// Folder for temporary files.
    pub(crate) temp_folder: PathBuf,
    /// The hash of digests where no flag names one.
    pub(crate) hash: &'static str,
    /// The environment as text; variables that are no text cannot be meant.
    pub(crate) environment: BTreeMap<String, String>,
}

/// The hash of digests, unless the configuration names another one.
const HASH: &str = "SHA-256";

impl Session {
    /// Reads the environment, starts logging, and prepares connections.
    pub(crate) fn start(global: Global, dialect: Dialect) -> Result<Self, Failure> {
        let environment = environment();
        let bars = MultiProgress::new();
        let levels = log::start(&global, &bars);
        let state = state_folder(&environment);
        let configuration::Read { configuration, resolvers, unknown } =
            configuration::read(&global.config, &environment, state.as_deref(), dialect)?;
        let older = configuration.older().map_err(ocm::Error::from)?;
        if let (None, Some(level)) = (global.loglevel, older.log_level) {
            levels.set(LogLevel::from_str(level, true).unwrap_or(LogLevel::Info));
        }
        let global = with_folders(global, &configuration)?;
        let mut http = ocm::http::Settings::from_environment(environment.clone());
        (http.bandwidth, http.max_concurrency) = (global.bandwidth.map(|rate| rate.bandwidth), global.max_concurrency);
        if let Some(rate) = global.bandwidth.filter(|rate| rate.is_doubtful) {
            let bytes = rate.bandwidth.bytes_per_second();
            tracing::warn!(
                target: "ocm",
                "--bandwidth {bytes} means {bytes} byte(s) per second; with a unit it is, for example, --bandwidth {bytes}MiB/s"
            );
        }
        // Whoever allows more to all hosts together means the one host there is, too.
        http.requests_per_host = http.requests_per_host.max(global.max_concurrency.map_or(0, NonZeroUsize::get));
        if let Some(bundle) = environment.get("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
            let pem =
                fs::read(bundle).map_err(|error| ocm::Error::unreadable(format!("SSL_CERT_FILE {bundle}"), &error))?;
            http.certificate_authorities.push(pem);
        }
        let http = ocm::connections(&configuration, http)?;
        let builder = ocm::Context::builder().http(http).resolvers(resolvers).observer(Arc::new(Bars::new(bars)));
        let temp_folder = global.temp_folder.clone().unwrap_or_else(env::temp_dir);
        let builder = builder.scratch(&temp_folder);
        let builder = builder.plugins(plugin_folders::settings(&global, &configuration, &environment)?);
        let builder = builder.credentials(super::credentials::sources(&configuration, &environment)?)?;
        let builder = match state {
            Some(folder) => builder.state(&folder),
            None => builder,
        };
        let hash = older.hash.unwrap_or(HASH);
        Ok(Self { context: builder.build(), temp_folder, hash, configuration, unknown, global, dialect, environment })
    }

    /// Says which entries of the configuration mean nothing to anybody; plugins may have to be asked for it.
    pub(crate) async fn say_unknown(&self) -> Result<(), Failure> {
        self.unknown.say(&self.context).await
    }

    /// The same session, which looks for images where a command wants it to.
    pub(crate) fn rebasing(self, rebase: Rebase) -> Self {
        let context = if rebase.no_rebase { self.context.without_rebasing() } else { self.context.clone() };
        Self { context, ..self }
    }
}

/// The environment as text.
pub(super) fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    env::vars_os().filter_map(text).collect()
}

/// What flags do not say of folders, the configuration does.
fn with_folders(global: Global, configuration: &Configuration) -> Result<Global, Failure> {
    let folders = configuration.filesystem().map_err(ocm::Error::from)?;
    let temp_folder = global.temp_folder.clone().or(folders.temp_folder.map(PathBuf::from));
    let working_directory = global.working_directory.clone().or(folders.working_directory.map(PathBuf::from));
    Ok(Global { working_directory, temp_folder, ..global })
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

/// For commands that follow no references: whoever names a place to look for them expects otherwise.
pub(super) fn warn_of_lookup_without_effect(selection: &Selection) {
    if !selection.lookup.is_empty() {
        tracing::warn!(target: "ocm", "--lookup has no effect: this command follows no references");
    }
}

/// The same for commands that follow references only when told to.
pub(super) fn warn_of_lookup_unless(recursive: bool, selection: &Selection) {
    if !recursive && !selection.lookup.is_empty() {
        tracing::warn!(target: "ocm", "--lookup has no effect without --recursive");
    }
}

/// Where the program remembers what the next run goes on with: `$OCM_STATE_DIR`, `$XDG_STATE_HOME/ocm` or
/// `~/.local/state/ocm`.
pub(super) fn state_folder(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let folder = |name: &str| environment.get(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let home = || folder("HOME").or_else(|| folder("USERPROFILE")).map(|home| home.join(".local/state"));
    folder("OCM_STATE_DIR").or_else(|| folder("XDG_STATE_HOME").or_else(home).map(|state| state.join("ocm")))
}
