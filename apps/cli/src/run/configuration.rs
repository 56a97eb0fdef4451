//! Finds configuration files; what they say is for the library to understand.

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ocm::config::{Configuration, Document, Notice, Resolvers};

use crate::args::Dialect;
use crate::exit::{Exit, Failure};

/// Largest configuration file in bytes; certificates and keys in it are a few thousand each.
const LARGEST_FILE: u64 = 4 << 20;

/// Names of configuration files in a folder that has others, too.
const NAMES: [&str; 2] = [".ocm/config", ".ocmconfig"];

/// Reads the files that were named, or else those in the usual places, and says what in them has no effect.
///
/// A file that was named must be there and be right. One that was only found is left out with a warning if it cannot be
/// read: a command that needs nothing of it still works.
pub(super) fn read(
    named: &[PathBuf],
    environment: &BTreeMap<String, String>,
    dialect: Dialect,
) -> Result<(Configuration, Resolvers), Failure> {
    let documents = if named.is_empty() {
        find(environment)
    } else {
        named.iter().map(|path| document(path)).collect::<Result<_, _>>()?
    };
    let configuration = Configuration::new(documents);
    for notice in configuration.notices() {
        if let (Notice::Unknown { place, kind }, Dialect::V1, false) = (&notice, dialect, named.is_empty()) {
            // The older program refuses them, and scripts around it may rely on that.
            return Err(Failure::usage(format!("configuration {place}: the type {kind:?} is unknown")));
        }
        tracing::warn!(target: "ocm", "configuration {notice}");
    }
    let resolvers = configuration.resolvers().map_err(ocm::Error::from)?;
    if resolvers.are_deprecated() && dialect == Dialect::V2 {
        tracing::warn!(
            target: "ocm",
            "using deprecated fallback resolvers (ocm.config.ocm.software): those of resolvers.config.ocm.software name one repository per component"
        );
    }
    Ok((configuration, resolvers))
}

/// Everything in the usual places that can be read.
fn find(environment: &BTreeMap<String, String>) -> Vec<Document> {
    let places = places(environment, env::current_exe().ok().as_deref().and_then(Path::parent));
    warn_of_others(&places);
    let named = environment.get("OCM_CONFIG").map(Path::new).filter(|path| !path.as_os_str().is_empty());
    let mut documents = Vec::new();
    for path in places.iter().filter(|path| path.is_file() || named == Some(path)) {
        match document(path) {
            Ok(document) => documents.push(document),
            Err(failure) => tracing::warn!(target: "ocm", "ignored: {}", failure.message()),
        }
    }
    documents
}

/// Where configuration files may be, the highest priority last; each place once.
fn places(environment: &BTreeMap<String, String>, program: Option<&Path>) -> Vec<PathBuf> {
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
    if let Some(program) = program {
        places.extend(both(program, NAMES));
    }
    let mut unique = Vec::new();
    for place in places {
        if !unique.contains(&place) {
            unique.push(place);
        }
    }
    unique
}

/// Says that a file in the working directory is not used. The Go program uses it, so that whoever wrote a directory that
/// somebody works in can send references to another repository.
fn warn_of_others(places: &[PathBuf]) {
    let same = |left: &Path, right: &Path| {
        left.canonicalize().ok().is_some_and(|left| right.canonicalize().is_ok_and(|right| left == right))
    };
    for name in NAMES.map(Path::new) {
        if name.is_file() && !places.iter().any(|place| same(place, name)) {
            tracing::warn!(
                target: "ocm",
                "{}: a configuration file in the working directory is not used: name it with --config",
                name.display()
            );
        }
    }
}

fn document(path: &Path) -> Result<Document, Failure> {
    let name = path.display().to_string();
    let text = text(path).map_err(|error| {
        let exit = if error.kind() == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
        Failure::new(exit, format!("configuration {name}: {error}"))
    })?;
    Document::read(&name, &text).map_err(|error| ocm::Error::from(error).into())
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
    fn places_are_in_the_order_of_the_go_program_without_the_working_directory() {
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
            "/bin/.ocm/config",
            "/bin/.ocmconfig",
        ];
        assert_eq!(places(&environment, Some(Path::new("/bin"))), expected.map(PathBuf::from));
        assert!(places(&BTreeMap::new(), None).is_empty());
    }
}
