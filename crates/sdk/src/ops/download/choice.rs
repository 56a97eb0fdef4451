//! Which elements of which component versions are downloaded.

use std::sync::Arc;

use ocm_model::descriptor::{Artifact, ElementKind};
use ocm_model::{DigestSpec, Identity, TypedObject};
use ocm_repository::ComponentVersion;
use ocm_transfer::{Computed, Lookup as _};

use super::{Request, Which};
use crate::lookup::Lookup;
use crate::{Error, Kind, Result, absence, tree};

/// A component version and the way that led to it.
pub(super) struct Found {
    pub(super) version: Arc<ComponentVersion>,
    /// Component and version of everything from the root on, this one last.
    pub(super) path: Vec<(String, String)>,
}

/// A component version and, if asked, everything it refers to, once for each way that leads there.
///
/// # Errors
/// A circle; more versions than a tree may have; a referenced version that is not the one whose digest is recorded.
pub(super) async fn collect(
    root: Arc<ComponentVersion>,
    lookup: &Lookup,
    recursive: bool,
    found: &mut Vec<Found>,
) -> Result<()> {
    if recursive {
        // Reads each version once, and compares the digests that references record.
        ocm_transfer::closure(vec![root.clone()], lookup).await?;
    }
    let name = root.to_string();
    let mut open = vec![(root, Vec::new())];
    while let Some((version, mut path)) = open.pop() {
        if path.len() > tree::MAX_DEPTH || found.len() + open.len() >= tree::MAX_NODES {
            let (depth, nodes) = (tree::MAX_DEPTH, tree::MAX_NODES);
            let reason = format!(
                "{name}: its references are nested more than {depth} deep or lead to more than {nodes} versions"
            );
            return Err(Error::new(Kind::Other, reason));
        }
        let here = (version.name().to_owned(), version.version().to_owned());
        if path.contains(&here) {
            return Err(Error::new(
                Kind::Other,
                format!("{version} refers to itself through other component versions"),
            ));
        }
        path.push(here);
        if recursive {
            for reference in version.descriptor.component.component_references.iter().rev() {
                open.push((lookup.get(&reference.component_name, &reference.version).await?, path.clone()));
            }
        }
        found.push(Found { version, path });
    }
    Ok(())
}

/// An element of a component version as far as downloading goes.
pub(super) struct Element<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) element_type: &'a str,
    pub(super) identity: Identity,
    pub(super) access: &'a TypedObject,
    pub(super) digest: Option<&'a DigestSpec>,
}

impl<'a> Element<'a> {
    /// The same with the digest that was computed when its version was verified, if none is recorded.
    pub(super) fn completed(self, version: &ComponentVersion, kind: Which, computed: &'a Computed) -> Self {
        if self.digest.is_some_and(|digest| !digest.value.is_empty()) || kind == Which::Sources {
            return self;
        }
        let resources = &version.descriptor.component.resources;
        let position = resources.iter().position(|resource| resource.identity() == self.identity);
        let digest = position.and_then(|position| computed.of(version, position)).or(self.digest);
        Self { digest, ..self }
    }
}

fn elements<'a>(version: &'a ComponentVersion, kind: Which) -> Vec<Element<'a>> {
    let kind = match kind {
        Which::Resources => ElementKind::Resource,
        Which::Sources => ElementKind::Source,
    };
    let artifacts = version.descriptor.component.artifacts().filter(|artifact| artifact.kind == kind);
    let element = |artifact: Artifact<'a>| Element {
        name: artifact.name,
        version: artifact.version,
        element_type: artifact.element_type,
        identity: artifact.identity(),
        access: artifact.access,
        digest: artifact.digest,
    };
    artifacts.map(element).collect()
}

pub(super) fn noun(kind: Which) -> &'static str {
    match kind {
        Which::Resources => "resource",
        Which::Sources => "source",
    }
}

/// The elements of one version that are wanted, in the order of the descriptor.
pub(super) fn matching<'a>(
    version: &'a ComponentVersion,
    request: &Request,
    matched: &mut [bool],
) -> Result<Vec<Element<'a>>> {
    let mut all = elements(version, request.kind);
    all.retain(|element| request.types.is_empty() || request.types.iter().any(|kind| kind == element.element_type));
    if request.selectors.is_empty() {
        return Ok(all);
    }
    let mut chosen = vec![false; all.len()];
    for (selector, matched) in request.selectors.iter().zip(matched) {
        let selector = Identity(selector.clone());
        let found: Vec<usize> = (0..all.len()).filter(|position| all[*position].identity.contains(&selector)).collect();
        if found.len() > 1 && request.exactly_one {
            let known: Vec<_> = found.iter().map(|position| all[*position].identity.to_string()).collect();
            return Err(Error::usage(format!("{version} has {} {}s with {selector}", found.len(), noun(request.kind)))
                .hint(format!("add attributes until one is left of: {}", known.join("; "))));
        }
        *matched |= !found.is_empty();
        for position in found {
            chosen[position] = true;
        }
    }
    Ok(all.into_iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(element, _)| element).collect())
}

/// Whatever was named has to exist somewhere.
pub(super) fn check_matched(found: &[Found], request: &Request, matched: &[bool], nothing: bool) -> Result<()> {
    let versions: Vec<_> = found.iter().map(|found| found.version.to_string()).collect();
    let (place, noun) = (versions.join(", "), noun(request.kind));
    let Some(missing) = matched.iter().position(|matched| !matched) else {
        return if nothing { Err(Error::new(Kind::NotFound, format!("{place} has no {noun}"))) } else { Ok(()) };
    };
    let selector = Identity(request.selectors[missing].clone());
    let known: Vec<_> = found
        .iter()
        .flat_map(|found| {
            elements(&found.version, request.kind).into_iter().map(|element| element.identity.to_string())
        })
        .collect();
    let error = Error::new(Kind::NotFound, format!("{place} has no {noun} with {selector}"));
    Err(absence::element(&known, error))
}
