//! `download`: resources, component versions and OCI artifacts as files.

mod choice;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use ocm_access::{Content, Sources as _};
use ocm_blob::Outcome;
use ocm_model::access::Access;
use ocm_model::{Identity, TypedObject};
use ocm_oci::ImageReference;
use ocm_repository::ComponentVersion;
use schemars::JsonSchema;
use serde::Serialize;

use self::choice::{Element, Found, check_matched, collect, matching, noun};
use super::get;
use crate::deliver::{Delivered, Wanted, deliver};
use crate::file_name::file_name;
use crate::plugins::Transformer;
use crate::select;
use crate::trust::oldest_first;
use crate::{Context, Error, Kind, Result};

/// Downloads elements.
///
/// # Errors
/// [`Kind::NotFound`] if a selector matches nothing, [`Kind::Usage`] if it has to match one element and matches several,
/// [`Kind::Verification`] if content is not what was recorded. What was complete before stays.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let transformer = match &request.transformer {
        Some(specification) => Some(Transformer::find(context, specification).await?),
        None => None,
    };
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
            let recursion = request.versions.recursive.into();
            Box::pin(gate.admit(context, std::slice::from_ref(&version), &lookup, recursion)).await?;
        }
        collect(version, &lookup, request.versions.recursive, &mut found).await?;
    }
    let computed = lookup.computed();
    let mut wanted = Vec::new();
    let mut matched = vec![false; request.selectors.len()];
    for (position, Found { version, .. }) in found.iter().enumerate() {
        let elements = matching(version, request, &mut matched)?.into_iter();
        wanted.extend(elements.map(|element| (position, element.completed(version, request.kind, &computed))));
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
        report.items.push(
            download_element(context, request, transformer.as_ref(), &found[*position].version, element, &output)
                .await?,
        );
    }
    Ok(report)
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
    transformer: Option<&Transformer<'_>>,
    version: &ComponentVersion,
    element: &Element<'_>,
    output: &Path,
) -> Result<Item> {
    let name = format!("{version} {}", element.name);
    let item = ocm_blob::Item { name: name.clone(), action: "download".into(), target: None, bytes: None };
    if request.versions.verify.is_some() {
        check_covered(context, &name, element, request.kind)?;
    }
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
        match transformer {
            Some(transformer) => transformed(context, transformer, content, &wanted, output).await,
            None => deliver(content, &wanted, output, context.observer()).await,
        }
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

/// Writes what a transformer makes of content, which it is given as one file and not before its digest was checked.
async fn transformed(
    context: &Context,
    transformer: &Transformer<'_>,
    content: Content,
    wanted: &Wanted<'_>,
    output: &Path,
) -> Result<Delivered> {
    let scratch = context.temporary_folder("ocm-");
    let scratch = scratch.map_err(|error| Error::new(Kind::Other, format!("no temporary folder: {error}")))?;
    let file = scratch.path().join("content");
    let whole = Wanted { extraction: Extraction::Disable, ..*wanted };
    let given = deliver(content, &whole, &file, context.observer()).await?;
    let made = transformer.transform(&file, &given.media_type).await?;
    // What it is afterwards has no recorded digest.
    let wanted = Wanted { digest: None, ..*wanted };
    deliver(made, &wanted, output, context.observer()).await
}

/// Refuses a resource without digest to whoever asks for content that is signed: it can stand in the place of one that was
/// signed as having no content. What signatures leave out on purpose is told.
fn check_covered(context: &Context, name: &str, element: &Element<'_>, kind: Which) -> Result<()> {
    let left_out = match element.digest {
        Some(digest) if digest.is_excluded() => "the descriptor excludes it from signatures",
        Some(digest) if digest.is_complete() => return Ok(()),
        _ if kind == Which::Sources => "signatures do not cover the content of sources",
        _ => {
            let reason = "the descriptor records no digest, so that nothing says what its content has to be";
            return Err(Error::new(Kind::Verification, format!("{name}: {reason}"))
                .hint("without --verify it is downloaded as it is"));
        }
    };
    context.observer().warned(&format!("{name}: the content is not verified, because {left_out}"));
    Ok(())
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
    /// What a plugin makes of the content before it is written; `None` for what is stored.
    #[schemars(with = "Option<serde_json::Value>")]
    pub transformer: Option<TypedObject>,
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
