use std::path::{Path, PathBuf};

use ocm::config::Filesystem;
use ocm::ops::config::{TrustedFiles, explain};

use super::Session;
use super::session::{environment, state_folder};
use crate::args::{ConfigKind, Dialect, ExplainConfig, GetConfig};
use crate::exit::{Exit, Failure};
use crate::print::{self, Structure, object, out};

/// Configuration files in a working directory.
const HERE: [&str; 2] = [".ocm/config", ".ocmconfig"];

/// Prints the configuration that counts; for scripts that ask for the form of the older program, what the files say.
pub(super) fn get(session: &Session, arguments: &GetConfig) -> Result<(), Failure> {
    if session.dialect == Dialect::V1 {
        let written = session.configuration.as_written();
        return out(&match arguments.output.into() {
            Structure::Yaml => print::documents(&[written]),
            form => object(form, &written)?,
        });
    }
    let shown = |path: &Path| path.display().to_string();
    let folders = Filesystem {
        temp_folder: Some(shown(&session.temp_folder)),
        working_directory: session.global.working_directory.as_deref().map(shown),
    };
    let effective = session.configuration.effective(&folders).map_err(ocm::Error::from)?;
    out(&object(arguments.output.into(), &effective)?)
}

/// Says what the configuration means, or changes which files are trusted.
///
/// Whether a file is trusted does not depend on what files say, and so nothing is started for it.
pub(super) fn run(start: impl FnOnce() -> Result<Session, Failure>, kind: ConfigKind) -> Result<(), Failure> {
    match kind {
        ConfigKind::Explain(arguments) => super::work(&start()?, async |session| explained(session, &arguments).await),
        ConfigKind::Trust(arguments) => {
            for path in files(arguments.files)? {
                let file = trusted()?.add(&path)?;
                out(&format!("trusted: {}\n", print::escape::message(&file.path.display().to_string())))?;
            }
            Ok(())
        }
        ConfigKind::Untrust(arguments) => {
            for path in files(arguments.files)? {
                let file = trusted()?.remove(&path)?;
                out(&format!("no longer trusted: {}\n", print::escape::message(&file.path.display().to_string())))?;
            }
            Ok(())
        }
    }
}

async fn explained(session: &Session, arguments: &ExplainConfig) -> Result<(), Failure> {
    let proxies = ocm::http::Settings::from_environment(session.environment.clone()).proxies;
    let explanation = explain(&session.context, &session.configuration, &proxies, &arguments.subject).await?;
    out(&print::config::explanation(&explanation, arguments.output)?)
}

fn trusted() -> Result<TrustedFiles, Failure> {
    let folder = state_folder(&environment());
    folder.map(|folder| TrustedFiles::in_folder(&folder)).ok_or_else(|| {
        Failure::usage("there is no folder to remember trusted files in").hint("set OCM_STATE_DIR or HOME")
    })
}

/// The files that were named, or those that are here.
fn files(named: Vec<PathBuf>) -> Result<Vec<PathBuf>, Failure> {
    if !named.is_empty() {
        return Ok(named);
    }
    let here: Vec<PathBuf> = HERE.iter().map(PathBuf::from).filter(|path| path.is_file()).collect();
    if here.is_empty() {
        return Err(
            Failure::new(Exit::NotFound, "there is no .ocm/config and no .ocmconfig here").hint("name the file")
        );
    }
    Ok(here)
}
