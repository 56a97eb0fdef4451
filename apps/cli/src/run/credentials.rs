//! Where credentials are on this machine, and `get credentials`.

use std::collections::BTreeMap;
use std::env;
use std::path::PathBuf;

use ocm::DockerSources;
use ocm::config::Configuration;
use ocm::credentials::Sources;
use ocm::ops::credentials::{self, Request};
use ocm::ops::login::Keeping;

use super::Session;
use crate::args::{Dialect, GetCredentials};
use crate::exit::{Exit, Failure};
use crate::print::{self, out};

/// The variable that holds a Docker configuration as text.
const AUTH_CONFIG: &str = "DOCKER_AUTH_CONFIG";

/// Shows what would be used for a consumer. The older program shows secrets, and scripts that ask for its form read them.
pub(crate) async fn get(session: &Session, arguments: GetCredentials) -> Result<(), Failure> {
    let is_older = session.dialect == Dialect::V1;
    let request = Request { words: arguments.consumer, reveal: arguments.reveal || is_older };
    let report =
        credentials::run(&session.context, &request).await.map_err(|error| match (error.kind(), is_older) {
            (ocm::Kind::NotFound, true) => Failure::new(Exit::Failed, error.to_string()),
            _ => error.into(),
        })?;
    out(&print::credentials::text(&report, arguments.output, session.dialect)?)
}

/// Everything that credentials may come from.
///
/// # Errors
/// An entry of the configuration is not understood.
pub(super) fn sources(
    configuration: &Configuration,
    environment: &BTreeMap<String, String>,
) -> Result<Sources, Failure> {
    Ok(Sources {
        configured: configuration.credentials().map_err(ocm::Error::from)?,
        docker: docker(environment),
        environment: environment.clone(),
        home: home(environment),
    })
}

/// The Docker configuration that `login` writes: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`.
pub(super) fn keeping(environment: &BTreeMap<String, String>) -> Result<Keeping, Failure> {
    let file = docker_file(environment)
        .ok_or_else(|| Failure::usage("there is no place for credentials: neither HOME nor DOCKER_CONFIG is set"))?;
    Ok(Keeping { file, search_path: search_path() })
}

/// Where credentials are: the variable of Docker, the file that Podman's variable names, `$DOCKER_CONFIG/config.json` or
/// `~/.docker/config.json`, and where `podman login` writes.
fn docker(environment: &BTreeMap<String, String>) -> DockerSources {
    let folder = |name: &str| value(environment, name).map(PathBuf::from);
    let configurations = folder("XDG_CONFIG_HOME").or_else(|| home(environment).map(|home| home.join(".config")));
    let podman = [folder("XDG_RUNTIME_DIR"), configurations].into_iter().flatten();
    let files = folder("REGISTRY_AUTH_FILE").into_iter().chain(docker_file(environment));
    DockerSources {
        inline: value(environment, AUTH_CONFIG).map(|text| (AUTH_CONFIG.to_owned(), text.to_owned())),
        files: files.chain(podman.map(|folder| folder.join("containers/auth.json"))).collect(),
        search_path: search_path(),
    }
}

fn docker_file(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let folder = value(environment, "DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| home(environment).map(|home| home.join(".docker")));
    folder.map(|folder| folder.join("config.json"))
}

fn home(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    value(environment, "HOME").or_else(|| value(environment, "USERPROFILE")).map(PathBuf::from)
}

fn value<'a>(environment: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}
