//! `download`: resources, component versions and OCI artifacts as files.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use std::path::Path;
use std::sync::Arc;

use ocm_access::{Content, Sources as _};
use ocm_blob::Outcome;
use ocm_model::access::Access;
use ocm_model::{DigestSpec, Identity, TypedObject, Version};
use ocm_oci::ImageReference;
use ocm_repository::ComponentVersion;

use super::get;
use ocm_transfer::Lookup as _;

use crate::deliver::{Delivered, Wanted, deliver};
use crate::file_name::file_name;
use crate::lookup::Lookup;
use crate::select::{self, Selected};
use crate::{Context, Error, Kind, Result, tree};

/// Downloads elements.
///
/// # Errors
/// [`Kind::NotFound`] if a selector matches nothing, [`Kind::Usage`] if it has to match one element and matches several,
/// [`Kind::Verification`] if content is not what was recorded. What was complete before stays.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let mut selected = select::select(context, &request.versions).await?;
    if request.exactly_one && selected.len() > 1 {
        let newest = &selected[0];
        if let Some(other) = selected.iter().find(|other| other.component != newest.component) {
            return Err(Error::usage(format!(
                "there are several components, {} and {} among them",
                newest.component, other.component
            ))
            .hint("name one: <repository>//<component>[:<version>]"));
        }
        let (component, version) = (&newest.component, &newest.version);
        let message =
            format!("{component}: no version was named; the newest of {}, {version}, is taken", selected.len());
        context.observer().warned(&message);
        selected.truncate(1);
    }
    let lookup = select::lookup(context, &selected, &request.versions.lookup).await?;
    let mut found = Vec::new();
    for root in oldest_first(selected) {
        let version = root.read().await?;
        lookup.remember(&version);
        if let Some(gate) = &request.versions.verify {
            gate.admit(context, std::slice::from_ref(&version), &lookup).await?;
        }
        collect(version, &lookup, request.versions.recursive, &mut found).await?;
    }
    let mut wanted = Vec::new();
    let mut matched = vec![false; request.selectors.len()];
    for (position, Found { version, .. }) in found.iter().enumerate() {
        wanted.extend(matching(version, request, &mut matched)?.into_iter().map(|element| (position, element)));
    }
    check_matched(&found, request, &matched, wanted.is_empty())?;
    let single = wanted.len() == 1;
    if request.exactly_one && !single && request.selectors.is_empty() {
        let known: Vec<_> = wanted.iter().map(|(_, element)| element.identity.to_string()).collect();
        return Err(Error::usage(format!(
            "there are {} {}s, and one has to be named",
            wanted.len(),
            noun(request.kind)
        ))
        .hint(format!("name one of: {}", known.join("; "))));
    }
    let outputs: Vec<PathBuf> = wanted
        .iter()
        .map(|(position, element)| destination(request.output.as_deref(), &found[*position], element, single))
        .collect();
    check_distinct(&found, &wanted, &outputs)?;
    let mut report = Report::default();
    for ((position, element), output) in wanted.iter().zip(outputs) {
        report.items.push(download_element(context, request, &found[*position].version, element, &output).await?);
    }
    Ok(report)
}

/// The order in which the older program downloads and its scripts read what was written.
fn oldest_first(mut selected: Vec<Selected>) -> Vec<Selected> {
    selected.sort_by_cached_key(|one| (one.component.clone(), Version::parse(&one.version).ok(), one.version.clone()));
    selected
}

/// A component version and the way that led to it.
struct Found {
    version: Arc<ComponentVersion>,
    /// Component and version of everything from the root on, this one last.
    path: Vec<(String, String)>,
}

/// A component version and, if asked, everything it refers to, once for each way that leads there.
///
/// # Errors
/// A circle; more versions than a tree may have; a referenced version that is not the one whose digest is recorded.
async fn collect(root: Arc<ComponentVersion>, lookup: &Lookup, recursive: bool, found: &mut Vec<Found>) -> Result<()> {
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
struct Element<'a> {
    name: &'a str,
    version: &'a str,
    element_type: &'a str,
    identity: Identity,
    access: &'a TypedObject,
    digest: Option<&'a DigestSpec>,
}

fn elements(version: &ComponentVersion, kind: Which) -> Vec<Element<'_>> {
    let component = &version.descriptor.component;
    match kind {
        Which::Resources => component
            .resources
            .iter()
            .map(|element| Element {
                name: &element.name,
                version: &element.version,
                element_type: &element.kind,
                identity: element.identity(),
                access: &element.access,
                digest: element.digest.as_ref(),
            })
            .collect(),
        Which::Sources => component
            .sources
            .iter()
            .map(|element| Element {
                name: &element.name,
                version: &element.version,
                element_type: &element.kind,
                identity: element.identity(),
                access: &element.access,
                digest: None,
            })
            .collect(),
    }
}

fn noun(kind: Which) -> &'static str {
    match kind {
        Which::Resources => "resource",
        Which::Sources => "source",
    }
}

/// The elements of one version that are wanted, in the order of the descriptor.
fn matching<'a>(version: &'a ComponentVersion, request: &Request, matched: &mut [bool]) -> Result<Vec<Element<'a>>> {
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
fn check_matched(found: &[Found], request: &Request, matched: &[bool], nothing: bool) -> Result<()> {
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
    Err(if known.is_empty() { error } else { error.hint(format!("there is {}", known.join("; "))) })
}

/// Where an element goes. One alone goes to the place given; of several each gets a place of its own,
/// `<component>/<version>/<name>-<extra identity>`, so that none takes the place of another.
fn destination(output: Option<&Path>, found: &Found, element: &Element<'_>, single: bool) -> PathBuf {
    if let (Some(output), true) = (output, single) {
        return output.to_owned();
    }
    if single {
        return PathBuf::from(file_name(element.name));
    }
    let mut path = output.map(Path::to_owned).unwrap_or_default();
    for (component, version) in &found.path {
        path.extend(component.split('/').map(file_name));
        path.push(file_name(version));
    }
    let extra: Vec<_> = element
        .identity
        .0
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "name" | "version"))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let mut name = element.name.to_owned();
    if !extra.is_empty() {
        name = format!("{name}-{}", extra.join(","));
    } else if same_name(found, element.name) > 1 {
        name = format!("{name}-{}", element.version);
    }
    path.push(file_name(&name));
    path
}

/// Different elements must not be written to one place: `x` with the extra identity `a=b` is `x-a=b`, and so is an element
/// of that name.
fn check_distinct(found: &[Found], wanted: &[(usize, Element<'_>)], outputs: &[PathBuf]) -> Result<()> {
    let mut taken: HashMap<&Path, (String, &Identity)> = HashMap::new();
    for ((position, element), output) in wanted.iter().zip(outputs) {
        let version = found[*position].version.to_string();
        if let Some((other, identity)) = taken.insert(output, (version.clone(), &element.identity))
            && (&other, identity) != (&version, &element.identity)
        {
            let (one, two) = (format!("{other} {identity}"), format!("{version} {}", element.identity));
            let reason = format!("{one} and {two} would both be written to {}", output.display());
            return Err(Error::new(Kind::Conflict, reason).hint("download them one after the other"));
        }
    }
    Ok(())
}

/// How many elements of the version have this name and no extra identity, and so differ in their version alone.
fn same_name(found: &Found, name: &str) -> usize {
    let component = &found.version.descriptor.component;
    let bare = |extra: &BTreeMap<String, String>| extra.keys().all(|key| key == "version");
    let resources = component.resources.iter().filter(|other| other.name == name && bare(&other.extra_identity));
    let sources = component.sources.iter().filter(|other| other.name == name && bare(&other.extra_identity));
    resources.count().max(sources.count())
}

async fn download_element(
    context: &Context,
    request: &Request,
    version: &ComponentVersion,
    element: &Element<'_>,
    output: &Path,
) -> Result<Item> {
    let name = format!("{version} {}", element.name);
    let item = ocm_blob::Item { name: name.clone(), action: "download".into(), bytes: None };
    context.observer().started(&item);
    // An image that lives elsewhere keeps its name, one that is stored with the component version gets its version.
    let tag = element.access.text("imageReference").unwrap_or(element.version);
    // A chart of a Helm repository is a file there, so it is one here, whatever it is carried as in between.
    let form = match (Access::of(element.access), request.form) {
        (Access::Helm { .. }, Form::Layout) => Form::HelmChartFile,
        (_, form) => form,
    };
    let wanted = Wanted { digest: element.digest, tag, form, extraction: request.extraction };
    let result = async {
        let content = ocm_access::open(element.access, version, context).await?.ok_or_else(|| unknown(element))?;
        deliver(content, &wanted, output, context.observer()).await
    };
    let result = result.await;
    context.observer().ended(&item, if result.is_ok() { Outcome::Completed } else { Outcome::Failed });
    let delivered = result.map_err(|error| error.during(name))?;
    Ok(Item {
        component: Some(version.to_string()),
        version: Some(element.version.to_owned()),
        element_type: Some(element.element_type.to_owned()),
        identity: element.identity.0.clone(),
        ..entry(element.identity.to_string(), delivered)
    })
}

/// The content of an element is nothing that can be fetched.
fn unknown(element: &Element<'_>) -> Error {
    match Access::of(element.access) {
        Access::None => Error::new(Kind::NotFound, "the element is a placeholder without content (access type none)"),
        _ => Error::new(Kind::Other, format!("content with access type {} cannot be downloaded", element.access.kind)),
    }
}

fn entry(name: String, delivered: Delivered) -> Item {
    let Delivered { path, media_type, digest, bytes, tag } = delivered;
    let (component, version, element_type, identity) = (None, None, None, BTreeMap::new());
    Item { component, name, identity, version, element_type, path, media_type, digest, bytes, tag }
}

/// Downloads an OCI artifact by its reference.
pub async fn artifact(context: &Context, request: &Artifact) -> Result<Report> {
    let reference: ImageReference = request.reference.parse()?;
    let source = context.repository(&reference).await?;
    let root = source.resolve(&reference.selector()).await?;
    let root = root.ok_or_else(|| Error::new(Kind::NotFound, format!("{}: artifact not found", request.reference)))?;
    let path = reference.repository();
    let output = request.output.clone().unwrap_or_else(|| PathBuf::from(path.rsplit('/').next().unwrap_or(&path)));
    let tag = reference.tag().unwrap_or_default();
    let wanted = Wanted { digest: None, tag, form: request.form, extraction: request.extraction };
    let delivered = deliver(Content::Image { source, root }, &wanted, &output, context.observer()).await?;
    Ok(Report { items: vec![entry(request.reference.clone(), delivered)] })
}

/// Saves component versions in archives of their own, with everything that is stored with them.
pub async fn component_versions(context: &Context, request: &ComponentVersions) -> Result<super::transfer::Report> {
    let selected = select::select(context, &request.versions).await?;
    let output = match (&request.output, selected.as_slice()) {
        (Some(output), _) => output.clone(),
        (None, [one]) => {
            let name = one.component.rsplit('/').next().unwrap_or(&one.component);
            PathBuf::from(file_name(&format!("{name}-{}.ctf", one.version)))
        }
        (None, _) => {
            return Err(Error::usage("several component versions need a place").hint("name an archive with --output"));
        }
    };
    let transfer = super::transfer::Request {
        versions: request.versions.clone(),
        targets: vec![format!("ctf::{}", output.display())],
        target_form: request.form.clone(),
        ..super::transfer::Request::default()
    };
    super::transfer::run(context, &transfer).await
}

/// Which elements to download, and where to.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions.
    pub versions: get::Request,
    /// Which list of elements.
    pub kind: Which,
    /// Identity attributes an element must have, one set per wanted element; empty means all of them.
    pub selectors: Vec<BTreeMap<String, String>>,
    /// Types of elements that are wanted; empty means all of them.
    pub types: Vec<String>,
    /// Whether one selector must match exactly one element.
    pub exactly_one: bool,
    /// File, or directory where content is unpacked. Several elements go below it, one file each. The default is the
    /// element's name.
    pub output: Option<PathBuf>,
    /// What to do with archives and compressed content.
    pub extraction: Extraction,
    /// The form in which OCI content is written.
    pub form: Form,
}

/// A list of elements with content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Which {
    /// What is delivered.
    #[default]
    Resources,
    /// What it was made from.
    Sources,
}

/// What to do with archives and compressed content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Extraction {
    /// Decompress what the media type calls compressed, unpack what it calls a tar.
    #[default]
    Auto,
    /// Write the bytes as they are stored.
    Disable,
}

/// The form in which OCI content is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// An OCI image layout: a directory, or with [`Extraction::Disable`] a compressed tar.
    #[default]
    Layout,
    /// An OCI image layout as an uncompressed tar.
    LayoutTar,
    /// An OCI image layout as a gzip-compressed tar.
    LayoutTarGzip,
    /// A folder with the chart as the file that `helm` understands, and its provenance file if there is one.
    HelmChart,
    /// A chart as the one file that `helm` understands, its provenance file beside it; everything else as
    /// [`Form::Layout`].
    HelmChartFile,
}

/// What was written.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// One entry per element.
    pub items: Vec<Item>,
}

/// One element that was written.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Component the element belongs to, `component:version`; absent for an OCI artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Identity of the element, or the reference of the artifact.
    pub name: String,
    /// Identity of the element; empty for an OCI artifact.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub identity: BTreeMap<String, String>,
    /// Version of the element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Type of the element.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub element_type: Option<String>,
    /// Where it was written.
    pub path: PathBuf,
    /// Media type of the stored content.
    pub media_type: String,
    /// Digest of the stored content, which was checked.
    pub digest: String,
    /// Bytes written.
    pub bytes: u64,
    /// Name of the image in the layout that was written, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Which component versions to save as archives of their own.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentVersions {
    /// Which component versions.
    pub versions: get::Request,
    /// Archive to write; the default is `<component's last segment>-<version>.ctf` in the working directory.
    pub output: Option<PathBuf>,
    /// Form of the archive (`directory`, `tar`, `tgz`); the default follows its name.
    pub form: Option<String>,
}

/// Which OCI artifact to save.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// Image reference.
    pub reference: String,
    /// File or directory; the default is the last segment of the repository.
    pub output: Option<PathBuf>,
    /// The form in which it is written.
    pub form: Form,
    /// What to do with archives and compressed content.
    pub extraction: Extraction,
}
