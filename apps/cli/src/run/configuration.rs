//! Finds configuration files; what they say is for the library to understand.

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ocm::config::{Configuration, Document, Notice, Resolvers};
use ocm::ops::config::{LARGEST_FILE, TrustedFiles};

use crate::args::Dialect;
use crate::exit::Failure;

/// Names of configuration files in a folder that has others, too.
const NAMES: [&str; 2] = [".ocm/config", ".ocmconfig"];

/// What the files say.
pub(super) struct Read {
    pub(super) configuration: Configuration,
    pub(super) resolvers: Resolvers,
    /// Entries of types that are not built in: a plugin may want them.
    pub(super) unknown: Unknown,
}

/// Entries of types that are not built in.
pub(super) struct Unknown {
    entries: Vec<Notice>,
    /// Whether they are refused: the older program refuses those of files that were named, and scripts around it may rely on that.
    are_refused: bool,
}

impl Unknown {
    /// Warns of those that no plugin wants. Programs are asked only when there are any entries.
    ///
    /// # Errors
    /// There is one that is refused.
    pub(super) async fn say(&self, context: &ocm::Context) -> Result<(), Failure> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let wanted = context.configuration_types().await;
        for notice in &self.entries {
            match notice {
                Notice::Unknown { kind, .. } if wanted.contains(kind) => {}
                Notice::Unknown { place, kind } if self.are_refused => {
                    return Err(Failure::usage(format!("configuration {place}: the type {kind:?} is unknown")));
                }
                notice => tracing::warn!(target: "ocm", "configuration {notice}"),
            }
        }
        Ok(())
    }
}

/// Reads the files that were named, or else those in the usual places, and says what in them has no effect.
///
/// A file that was named must be there and be right. One that was only found is left out with a warning if it cannot be
/// read: a command that needs nothing of it still works.
pub(super) fn read(
    named: &[PathBuf],
    environment: &BTreeMap<String, String>,
    state: Option<&Path>,
    dialect: Dialect,
) -> Result<Read, Failure> {
    let documents = if named.is_empty() {
        find(environment, state)
    } else {
        named.iter().map(|path| document(path, &content(path)?)).collect::<Result<_, _>>()?
    };
    let configuration = Configuration::new(documents);
    let is_unknown = |notice: &Notice| matches!(notice, Notice::Unknown { .. });
    let (entries, notices): (Vec<_>, Vec<_>) = configuration.notices().into_iter().partition(is_unknown);
    for notice in notices {
        tracing::warn!(target: "ocm", "configuration {notice}");
    }
    let resolvers = configuration.resolvers().map_err(ocm::Error::from)?;
    if resolvers.are_deprecated() && dialect == Dialect::V2 {
        tracing::warn!(
            target: "ocm",
            "using deprecated fallback resolvers (ocm.config.ocm.software): those of resolvers.config.ocm.software name one repository per component"
        );
    }
    let unknown = Unknown { entries, are_refused: dialect == Dialect::V1 && !named.is_empty() };
    Ok(Read { configuration, resolvers, unknown })
}

/// Everything in the usual places that can be read.
fn find(environment: &BTreeMap<String, String>, state: Option<&Path>) -> Vec<Document> {
    let places = places(environment, env::current_exe().ok().as_deref().and_then(Path::parent));
    let named = environment.get("OCM_CONFIG").map(Path::new).filter(|path| !path.as_os_str().is_empty());
    let mut documents = Vec::new();
    for Place { path, is_own } in &places {
        if !path.is_file() && named != Some(path) {
            continue;
        }
        let read = content(path).and_then(|content| Ok((document(path, &content)?, content)));
        let found = match read {
            Ok((found, content)) if *is_own || is_trusted(path, &content, state) => found,
            Ok((found, _)) => without_dangers(path, found),
            Err(failure) => {
                tracing::warn!(target: "ocm", "ignored: {}", failure.message());
                continue;
            }
        };
        documents.push(found);
    }
    documents
}

/// Whether somebody has said to trust the file as it is.
fn is_trusted(path: &Path, content: &str, state: Option<&Path>) -> bool {
    state.is_some_and(|folder| TrustedFiles::in_folder(folder).trusts(path, content.as_bytes()))
}

/// What a file in the working directory may say although it may be somebody else's: the Go program takes it all, so that
/// whoever wrote a directory that somebody works in can send references and passwords to another place.
fn without_dangers(path: &Path, found: Document) -> Document {
    let (found, ignored) = found.untrusted();
    if !ignored.is_empty() {
        let name = path.display();
        tracing::warn!(
            target: "ocm",
            "{name}: a configuration file in the working directory is not trusted; ignored in it: {}. Name it with --config {name} to use it now, or trust it as it is with: ocm config trust {name}",
            ignored.join(", ")
        );
    }
    found
}

/// A place of a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    /// Whether nobody else writes there; the working directory may be anybody's.
    is_own: bool,
}

/// Where configuration files may be, the highest priority last; each place once.
fn places(environment: &BTreeMap<String, String>, program: Option<&Path>) -> Vec<Place> {
    let folder = |name: &str| environment.get(name).filter(|folder| !folder.is_empty()).map(Path::new);
    let both = |folder: &Path, names: [&str; 2]| names.map(|name| folder.join(name));
    let mut places: Vec<PathBuf> = folder("OCM_CONFIG").map(Path::to_owned).into_iter().collect();
    if let Some(settings) = folder("XDG_CONFIG_HOME") {
        places.extend(both(settings, ["ocm/config", ".ocmconfig"]));
    }
    if let Some(home) = folder("HOME").or_else(|| folder("USERPROFILE")) {
        places.extend(both(&home.join(".config"), ["ocm/config", ".ocmconfig"]));
        places.extend(both(home, NAMES));
    }
    let here = both(Path::new("."), NAMES);
    let program = program.map(|program| both(program, NAMES)).into_iter().flatten();
    let own: Vec<PathBuf> = places.iter().cloned().chain(program.clone()).collect();
    let here = here.into_iter().filter(|path| !own.iter().any(|own| is_same(own, path)));
    let mut unique: Vec<Place> = Vec::new();
    let all = places.into_iter().map(|path| Place { path, is_own: true });
    let all = all.chain(here.map(|path| Place { path, is_own: false }));
    for place in all.chain(program.map(|path| Place { path, is_own: true })) {
        if !unique.contains(&place) {
            unique.push(place);
        }
    }
    unique
}

fn is_same(left: &Path, right: &Path) -> bool {
    left.canonicalize().ok().is_some_and(|left| right.canonicalize().is_ok_and(|right| left == right))
}

fn content(path: &Path) -> Result<String, Failure> {
    text(path).map_err(|error| ocm::Error::unreadable(format!("configuration {}", path.display()), &error).into())
}

fn document(path: &Path, content: &str) -> Result<Document, Failure> {
    Document::read(&path.display().to_string(), content).map_err(|error| ocm::Error::from(error).into())
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // The size is not asked for: it may be a pipe.
    File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(io::Error::other(format!("is larger than the limit of {LARGEST_FILE} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_of_the_go_program() {
        let environment: BTreeMap<_, _> =
            [("OCM_CONFIG", "c.yaml"), ("XDG_CONFIG_HOME", "/h/.config"), ("HOME", "/h"), ("PWD", "/work")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let expected = [
            "c.yaml",
            "/h/.config/ocm/config",
            "/h/.config/.ocmconfig",
            "/h/.ocm/config",
            "/h/.ocmconfig",
            "./.ocm/config",
            "./.ocmconfig",
            "/bin/.ocm/config",
            "/bin/.ocmconfig",
        ];
        let own = |path: &str| !path.starts_with("./");
        let expected = expected.map(|path| Place { path: path.into(), is_own: own(path) });
        assert_eq!(places(&environment, Some(Path::new("/bin"))), expected);
        assert!(places(&BTreeMap::new(), None).iter().all(|place| !place.is_own));
    }
}
