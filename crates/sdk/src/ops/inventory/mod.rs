//! `get inventory`: what a place has, as a list by which differential archives are made for it.

mod complete;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use ocm_blob::Digest;
use ocm_oci::{Descriptor, Document, Kind as PlaceKind, Manifest, Repository};
use ocm_repository::{Base, ComponentVersion, Known};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use complete::{archive_of, complete, left_to_base};

use super::get;
use crate::presence::lost_and_left_out;
use crate::{Context, Error, Kind, Result, select};

/// Largest list that is read, in bytes: room for some million blobs.
const LIMIT: u64 = 1 << 30;

/// Lists everything that the component versions asked for consist of, as far as it lies with them. Manifests are read, no
/// content is.
///
/// # Errors
/// [`Kind::NotFound`] if a reference fits nothing at all.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let mut versions = request.versions.clone();
    let mut named = HashSet::new();
    versions.references.retain(|reference| named.insert(reference.clone()));
    let mut report = Report { name: versions.references.join(", "), ..Report::default() };
    let mut listed = HashSet::new();
    for selected in select::select(context, &versions).await? {
        let version = selected.read().await?;
        let one = Version {
            component: version.name().to_owned(),
            version: version.version().to_owned(),
            digest: version.root.digest().to_string(),
        };
        if listed.insert(one.clone()) {
            report.component_versions.push(one);
        }
        let content = version.content();
        let mut walk = Walk { context, report: &mut report, version: &version, content: &content };
        walk.graph(version.root.clone()).await?;
    }
    Ok(report)
}

/// Which component versions the place has.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions; a repository alone means everything in it.
    pub versions: get::Request,
}

/// What a place has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What a person calls the place.
    pub name: String,
    /// The component versions.
    pub component_versions: Vec<Version>,
    /// What they consist of, by digest.
    pub content: BTreeMap<String, Content>,
}

/// A component version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// Digest of what its tag points to.
    pub digest: String,
}

/// A blob or manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// Size in bytes.
    pub size: u64,
    /// Media type of a manifest; absent for a blob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The components that have it.
    pub components: BTreeSet<String>,
}

struct Walk<'a> {
    context: &'a Context,
    report: &'a mut Report,
    version: &'a ComponentVersion,
    content: &'a Arc<dyn Repository>,
}

impl Walk<'_> {
    async fn graph(&mut self, root: Manifest) -> Result<()> {
        let mut seen = HashSet::new();
        let mut open = vec![root];
        let (mut manifests, mut partial) = (Vec::new(), HashSet::new());
        while let Some(manifest) = open.pop() {
            let found = manifest.descriptor();
            let document = manifest.document()?;
            let mut missing = Vec::new();
            for child in document.manifests() {
                if !seen.insert(child.digest.clone()) {
                    continue;
                }
                match self.content.manifest(&child.digest.clone().into()).await {
                    Ok(manifest) => open.push(manifest),
                    Err(error) if error.kind() == PlaceKind::NotFound && self.is_left_out(&child.digest) => {}
                    Err(error) if error.kind() == PlaceKind::NotFound => {
                        // Layers and images that may not be passed on are at the address they name.
                        if !child.may_be_elsewhere() {
                            missing.push(child.clone());
                        }
                        partial.insert(child.digest.clone());
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            let (lost, _) = lost_and_left_out(self.version, self.content, &found.digest, &missing).await;
            if let Some(lost) = lost.first() {
                // The error of the place itself names it.
                self.content.manifest(&lost.digest.clone().into()).await?;
            }
            manifests.push((found, document));
        }
        // A manifest that is listed need not be carried, nor anything below it: one that lacks something is not listed.
        let is_partial = |document: &Document, partial: &HashSet<Digest>| {
            document.manifests().iter().any(|child| partial.contains(&child.digest))
        };
        while let Some(at) = manifests.iter().position(|(_, document)| is_partial(document, &partial)) {
            let (found, document) = manifests.swap_remove(at);
            partial.insert(found.digest);
            self.has_blobs(&document, |_| true);
        }
        // A component version cannot be read without its descriptor, and an archive may have to carry one that the base has:
        // made whole, or written anew with the same bytes.
        let is_whole = !partial.contains(self.version.root.digest());
        let (own, descriptor) = (self.version.manifest.digest(), &self.version.raw);
        let is_descriptor =
            |blob: &Descriptor| blob.media_type == descriptor.media_type && blob.size == descriptor.bytes.len() as u64;
        for (found, document) in manifests {
            let is_own = found.digest == *own;
            let is_config = |blob: &Descriptor| matches!(&document, Document::Image(image) if image.config == *blob);
            self.has_blobs(&document, |blob| !is_own || !is_descriptor(blob) && !is_config(blob));
            if is_whole || !is_own {
                self.has(&found.digest, found.size, Some(found.media_type));
            }
        }
        Ok(())
    }

    fn has_blobs(&mut self, document: &Document, is_listed: impl Fn(&Descriptor) -> bool) {
        for blob in document.blobs().into_iter().filter(|blob| is_listed(blob)) {
            self.has(&blob.digest, blob.size, None);
        }
    }

    fn has(&mut self, digest: &Digest, size: u64, media_type: Option<String>) {
        let entry = self.report.content.entry(digest.to_string()).or_default();
        entry.size = size;
        entry.media_type = entry.media_type.take().or(media_type);
        entry.components.insert(self.version.name().to_owned());
    }

    /// Whether a differential archive leaves this to its base, which has all of it then.
    fn is_left_out(&mut self, digest: &Digest) -> bool {
        let Some(archive) = complete::archive_of(self.context, self.content.as_ref()) else { return false };
        let left_out = archive.left_out();
        let Some(known) = left_out.content.get(digest) else { return false };
        self.has(digest, known.size, known.media_type.clone());
        true
    }
}

/// What a target is known to have: content that need not be moved, and component versions that need not either.
pub(crate) struct Baseline {
    pub(crate) base: Arc<Base>,
    versions: HashSet<Version>,
}

impl Baseline {
    /// Reads what `text` names: a list that [`run`] made, or an archive or another repository to make it of.
    pub(crate) async fn read(context: &Context, text: &str) -> Result<Self> {
        let report = match Self::file(Path::new(text))? {
            Some(report) => report,
            None => {
                let versions = get::Request { references: vec![text.to_owned()], ..get::Request::default() };
                run(context, &Request { versions }).await.map_err(|error| error.during("--since"))?
            }
        };
        let mut content = BTreeMap::new();
        for (digest, Content { size, media_type, components }) in report.content {
            let digest: Digest = digest.parse().map_err(|error| Error::usage(format!("{text}: {error}")))?;
            content.insert(digest, Known { size, media_type, components });
        }
        let base = Base { names: BTreeSet::from([report.name]), content };
        Ok(Self { base: Arc::new(base), versions: report.component_versions.into_iter().collect() })
    }

    /// Reads a list; `None` if the file is none, but something that may be an archive.
    fn file(path: &Path) -> Result<Option<Report>> {
        let metadata = match path.metadata() {
            Ok(metadata) => metadata,
            Err(error) if names_a_list(path) && error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::usage(format!("{}: there is no such file", path.display())).hint(HOW_TO_MAKE_ONE));
            }
            Err(_) => return Ok(None),
        };
        if !metadata.is_file() || metadata.len() > LIMIT {
            return Ok(None);
        }
        let unreadable = |error: std::io::Error| Error::unreadable(path.display(), &error);
        let mut file = std::fs::File::open(path).map_err(unreadable)?;
        let mut first = [0; 1];
        let read = std::io::Read::read(&mut file, &mut first).map_err(unreadable)?;
        let is_json = first[0] == b'{' || first[0].is_ascii_whitespace();
        if read == 0 || !(is_json || names_a_list(path)) {
            return Ok(None);
        }
        let text = std::fs::read(path).map_err(unreadable)?;
        let invalid = |reason: String| {
            Error::usage(format!("{}: is no inventory: {reason}", path.display())).hint(HOW_TO_MAKE_ONE)
        };
        if is_json {
            return serde_json::from_slice(&text).map(Some).map_err(|error| invalid(error.to_string()));
        }
        let text = String::from_utf8(text).map_err(|error| invalid(error.to_string()))?;
        ocm_model::yaml::read(&text).map(Some).map_err(|error| invalid(error.to_string()))
    }

    /// Whether the target has this component version.
    pub(crate) fn has(&self, component: &str, version: &str, digest: &Digest) -> bool {
        self.versions.contains(&Version {
            component: component.to_owned(),
            version: version.to_owned(),
            digest: digest.to_string(),
        })
    }
}

/// What to do where a list was expected.
const HOW_TO_MAKE_ONE: &str = "ocm get inventory ARCHIVE -o json > FILE makes one";

/// Whether a name is one of a list and not of an archive or a registry.
fn names_a_list(path: &Path) -> bool {
    path.extension().is_some_and(|end| ["json", "yaml", "yml"].iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// Fails unless a target can be written in parts or without what its receiver has.
pub(crate) fn only_archives(flag: &str, target: &str) -> Error {
    Error::new(Kind::Usage, format!("{target}: {flag} is for archives, and this is a registry"))
}
