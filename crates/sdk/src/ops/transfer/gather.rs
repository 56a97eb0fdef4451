use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use ocm_model::reference::{COMPONENT_DESCRIPTORS, RepositoryReference};
use ocm_repository::ComponentVersion;
use ocm_repository::component::registry_of;
use ocm_transfer::{Computed, Match, Options, Placement, Roots, Rule, UploadAs};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::get;
use crate::ops::inventory::left_to_base;
use crate::select::Selected;
use crate::trust::content;
use crate::{Context, Error, Kind, Result, select};

/// The component versions that a request means.
pub(super) struct Gathered {
    /// What was named.
    pub(super) roots: Vec<Arc<ComponentVersion>>,
    /// With everything that belongs to it, referenced ones first.
    pub(super) versions: Vec<Arc<ComponentVersion>>,
    /// Digests that their content has to have although they do not record them.
    pub(super) computed: Computed,
    /// Whether nothing may move that no signature covers.
    pub(super) is_verified: bool,
}

impl Gathered {
    /// The options of a transfer of these versions.
    ///
    /// # Errors
    /// Something would move that nothing covers, and only what was signed may.
    pub(super) fn options(&self, options: Options) -> Result<Options> {
        let options = Options { computed: self.computed.clone(), ..options };
        if self.is_verified {
            ocm_transfer::check_covered(self.versions.iter().map(Arc::as_ref), &options)?;
        }
        Ok(options)
    }
}

/// Component versions that are read at the same time.
const READINGS: usize = 16;

/// Reads what was selected, with everything that belongs to it. `targets` are where it goes, if that is known.
pub(super) async fn gather(
    context: &Context,
    request: &get::Request,
    selected: &[Selected],
    targets: Option<Arc<Roots>>,
) -> Result<Gathered> {
    let lookup = select::lookup(context, selected, &request.lookup).await?.with_targets(targets.clone());
    let mut roots: Vec<Arc<ComponentVersion>> = Vec::new();
    let mut reading = stream::iter(selected).map(|one| one.read_for(targets.as_deref())).buffered(READINGS);
    while let Some(version) = reading.next().await {
        let version = version.map_err(|error| of_source(context, error))?;
        lookup.remember(&version);
        // One that is named twice is transferred once.
        let is_same = |other: &Arc<ComponentVersion>| {
            (other.name(), other.version()) == (version.name(), version.version())
                && other.root.digest() == version.root.digest()
        };
        if !roots.iter().any(is_same) {
            roots.push(version);
        }
    }
    if let Some(gate) = &request.verify {
        Box::pin(gate.admit(context, &roots, &lookup, request.recursive.into())).await?;
    }
    let versions = if request.recursive {
        let closure = ocm_transfer::closure(roots.clone(), &lookup).await;
        let versions = closure.map_err(|error| in_no_place(error.into()))?;
        if let Some(circle) = ocm_transfer::circle(&versions) {
            context.observer().warned(&format!("references go in a circle, which nobody can sign: {circle}"));
        }
        versions
    } else {
        roots.clone()
    };
    if request.verify.is_some() {
        for version in &versions {
            Box::pin(content::check_packed(context, version)).await?;
        }
    }
    Ok(Gathered { roots, versions, computed: lookup.computed(), is_verified: request.verify.is_some() })
}

/// A failure of what is read. Which side it is that has damaged content, or is not there, is not clear from an address alone.
pub(super) fn of_source(context: &Context, error: Error) -> Error {
    match error.kind() {
        Kind::Verification | Kind::Unavailable | Kind::Denied => {
            let named = Error::new(error.kind(), format!("source {error}"));
            error.hints().iter().fold(named, Error::hint)
        }
        Kind::NotFound => in_base(context, error),
        _ => error,
    }
}

/// What was named and is not in a differential archive.
fn in_base(context: &Context, error: Error) -> Error {
    match left_to_base(context).filter(|_| error.kind() == Kind::NotFound) {
        Some(note) => error.hint(format!("{note}: transfer it from there")),
        None => error,
    }
}

/// What is referred to and is in none of the places that were asked.
fn in_no_place(error: Error) -> Error {
    match error.kind() {
        Kind::NotFound => error
            .hint("--lookup REPOSITORY names another place that has it, which may be the target; it may be repeated")
            .hint("without --recursive, only what was named is transferred"),
        _ => error,
    }
}

/// The repository that a component version was read from.
pub(super) fn repository_of(version: &ComponentVersion) -> Result<RepositoryReference> {
    let content = version.content();
    let name = format!("{COMPONENT_DESCRIPTORS}/{}", version.name());
    let unknown =
        || Error::new(Kind::Other, format!("{version}: its repository {} has another form", content.address()));
    match content.location() {
        Some(_) => registry_of(content.as_ref(), version.name()).ok_or_else(unknown),
        None => {
            let address = content.address();
            // The older component archive has one component only, and no folder for it.
            let path = address.strip_suffix(&name).or_else(|| address.strip_suffix(version.name()));
            let path = path.and_then(|path| path.strip_suffix("//")).ok_or_else(unknown)?;
            if let Some(place) = crate::plugins::repository::by_address(path) {
                return Ok(place);
            }
            Ok(RepositoryReference::ctf(path))
        }
    }
}

/// Where one image goes, as the older program says it (`OCIImageReferenceOverride/v1alpha1`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageReferenceOverride {
    /// The references that lead from what is transferred to the component of the resource, by identity; none for itself.
    #[serde(default)]
    pub reference_path: Vec<BTreeMap<String, String>>,
    /// Identity of the resource.
    pub resource: BTreeMap<String, String>,
    /// Where it goes.
    pub oci: OciTarget,
}

/// A place for an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OciTarget {
    /// Host of the registry; it must be the one of the target.
    #[serde(default)]
    pub registry: Option<String>,
    /// Name of the repository.
    #[serde(default)]
    pub repository: Option<String>,
    /// Tag.
    #[serde(default)]
    pub tag: Option<String>,
}

/// Rules that say what overrides say.
pub(super) fn overrides(gathered: &Gathered, overrides: &[ImageReferenceOverride]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for wanted in overrides {
        for root in &gathered.roots {
            let Some(version) = follow(root, &wanted.reference_path, &gathered.versions) else { continue };
            rules.push(Rule {
                matches: Match {
                    component: Some(version.name().to_owned()),
                    version: Some(version.version().to_owned()),
                    identity: wanted.resource.clone(),
                    ..Match::default()
                },
                target: Placement {
                    registry: wanted.oci.registry.clone(),
                    repository: wanted.oci.repository.clone(),
                    tag: wanted.oci.tag.clone(),
                    upload_as: Some(UploadAs::OciArtifact),
                },
            });
        }
    }
    rules
}

fn follow<'a>(
    root: &'a ComponentVersion,
    path: &[BTreeMap<String, String>],
    versions: &'a [Arc<ComponentVersion>],
) -> Option<&'a ComponentVersion> {
    let mut at = root;
    for step in path {
        let references = &at.descriptor.component.component_references;
        let fits =
            |identity: &BTreeMap<String, String>| step.iter().all(|(key, value)| identity.get(key) == Some(value));
        let reference = references.iter().find(|reference| fits(&reference.identity().0))?;
        at = versions
            .iter()
            .find(|version| version.name() == reference.component_name && version.version() == reference.version)?;
    }
    Some(at)
}
