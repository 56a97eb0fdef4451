//! What to tell of something that is not there: what is.

use std::path::Path;
use std::time::Duration;

use ocm_model::near_miss;
use ocm_repository::ComponentRepository;

use crate::{Error, folder_of};

/// Names that are shown of a longer list.
const SHOWN: usize = 5;

/// How long a registry may take to tell the versions of a component.
const PATIENCE: Duration = Duration::from_secs(5);

/// Files of a folder that are looked at.
const MOST_FILES: usize = 1000;

/// A component version that a place does not have: the versions it has of the component, else other components.
pub(crate) async fn version(repository: &ComponentRepository, component: &str, version: &str, error: Error) -> Error {
    // What fails here, or takes its time, says nothing about what was asked for.
    let versions = tokio::time::timeout(PATIENCE, repository.versions(component)).await;
    let versions = versions.ok().and_then(Result::ok).unwrap_or_default();
    if versions.iter().any(|known| known == version) {
        // Something else of it is missing.
        return error;
    }
    match several(&versions, ", ") {
        Some(versions) => error.hint(format!("{}//{component} has {versions}", repository.address())),
        None => self::component(repository, component, error).await,
    }
}

/// A component that a place does not have: the one that was meant, else those there are.
pub(crate) async fn component(repository: &ComponentRepository, component: &str, error: Error) -> Error {
    let place = repository.address();
    if repository.content(component).location().is_some() {
        return error.hint(format!(
            "no version of it is there; {place} has to be what was given as target, without `component-descriptors`"
        ));
    }
    let mut names = repository.components().await.unwrap_or_default();
    names.retain(|name| name != component);
    match (near_component(component, &names), several(&names, ", ")) {
        (Some(near), _) => error.hint(format!("did you mean {place}//{near}?")),
        (None, Some(names)) => error.hint(format!("{place} has {names}; `ocm list cv {place}` lists all versions")),
        (None, None) => error.hint(format!("{place} has no other component")),
    }
}

/// The component that was meant: what all have in common makes no two names alike.
fn near_component<'a>(component: &str, names: &'a [String]) -> Option<&'a str> {
    let split = |name: &'a str| name.rsplit_once('/').unwrap_or(("", name));
    let (above, last) = component.rsplit_once('/').unwrap_or(("", component));
    let split_names = || names.iter().map(|name| (name.as_str(), split(name)));
    let beside = split_names().filter(|(_, (other, _))| *other == above);
    let near = near_miss(last, beside.clone().map(|(_, (_, own))| own));
    if let Some(near) = near {
        return beside.into_iter().find(|(_, (_, own))| *own == near).map(|(name, _)| name);
    }
    near_miss(component, split_names().filter(|(_, (_, own))| *own == last).map(|(name, _)| name))
}

/// An archive that is not there: the one that was meant, else those beside it.
pub(crate) fn archive(path: &str, error: Error) -> Error {
    let folder = folder_of(Path::new(path));
    let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .take(MOST_FILES)
        .flatten()
        .filter(|entry| is_archive(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    let beside = |name: &str| folder.join(name).display().to_string();
    match (near_miss(&name, names.iter().map(String::as_str)), several(&names, ", ")) {
        (Some(near), _) => error.hint(format!("did you mean {}?", beside(near))),
        (None, Some(names)) => error.hint(format!("archives in {}: {names}", folder.display())),
        (None, None) => {
            error.hint("`ocm add cv` and `ocm transfer cv` make archives; a registry is written oci://HOST/PATH")
        }
    }
}

/// Whether it looks like an archive; nothing is read.
fn is_archive(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let is_packed = [".tar", ".tgz", ".tar.gz", ".001"].iter().any(|end| name.ends_with(end)) && path.is_file();
    is_packed || path.join("artifact-index.json").is_file()
}

/// An element that component versions do not have: those they have.
pub(crate) fn element(identities: &[String], error: Error) -> Error {
    match several(identities, "; ") {
        Some(identities) => error.hint(format!("there is {identities}")),
        None => error,
    }
}

/// The first of some names, and how many there are beyond; `None` if there are none.
fn several(names: &[String], separator: &str) -> Option<String> {
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(separator);
    match names.len().saturating_sub(SHOWN) {
        0 => Some(shown).filter(|shown| !shown.is_empty()),
        more => Some(format!("{shown}{separator}and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_is_meant_by_what_tells_it_from_others() {
        let names = ["acme.org/hello", "acme.org/c1", "other.org/x"].map(str::to_owned);
        for (component, near) in [
            ("acme.org/helo", Some("acme.org/hello")),
            ("acne.org/hello", Some("acme.org/hello")),
            ("acme.org/x", None),
            ("acme.org/c2", Some("acme.org/c1")),
            ("example.com/hello", None),
        ] {
            assert_eq!(near_component(component, &names), near, "{component}");
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let names: Vec<String> = (1..=7).map(|number| format!("{number}.0.0")).collect();
        assert_eq!(several(&names, ", ").as_deref(), Some("1.0.0, 2.0.0, 3.0.0, 4.0.0, 5.0.0, and 2 more"));
        assert_eq!(several(&names[..2], "; ").as_deref(), Some("1.0.0; 2.0.0"));
        assert_eq!(several(&[], ", "), None);
    }
}
