//! `download`: resources, component versions and OCI artifacts as files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use std::path::Path;

use ocm_access::{Content, RegistrySource as _};
use ocm_blob::Outcome;
use ocm_model::{DigestSpec, Identity, TypedObject};
use ocm_oci::ImageReference;
use ocm_repository::ComponentVersion;

use super::get;
use crate::deliver::{Delivered, Wanted, deliver};
use crate::{Context, Error, Kind, Result, select};

/// Downloads elements.
///
/// # Errors
/// [`Kind::NotFound`] if a selector matches nothing, [`Kind::Usage`] if it has to match one element and matches several,
/// [`Kind::Verification`] if content is not what was recorded. What was complete before stays.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let selected = select::select(context, &request.versions).await?;
    let mut report = Report::default();
    for root in &selected {
        let version = root.read().await?;
        let wanted = matching(&version, request)?;
        let single = selected.len() == 1 && wanted.len() == 1;
        for element in wanted {
            let output = destination(request.output.as_deref(), &element, single)?;
            report.items.push(download_element(context, request, &version, &element, &output).await?);
        }
    }
    Ok(report)
}

/// An element of a component version as far as downloading goes.
struct Element<'a> {
    name: &'a str,
    version: &'a str,
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
                identity: element.identity(),
                access: &element.access,
                digest: None,
            })
            .collect(),
    }
}

fn matching<'a>(version: &'a ComponentVersion, request: &Request) -> Result<Vec<Element<'a>>> {
    let all = elements(version, request.kind);
    let what = match request.kind {
        Which::Resources => "resource",
        Which::Sources => "source",
    };
    if request.selectors.is_empty() {
        if all.is_empty() {
            return Err(Error::new(Kind::NotFound, format!("{version} has no {what}s")));
        }
        return Ok(all);
    }
    let mut chosen: Vec<usize> = Vec::new();
    for selector in &request.selectors {
        let selector: Identity = selector.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let found: Vec<usize> = (0..all.len()).filter(|position| all[*position].identity.contains(&selector)).collect();
        if found.is_empty() {
            let known: Vec<_> = all.iter().map(|element| element.identity.to_string()).collect();
            let error = Error::new(Kind::NotFound, format!("{version} has no {what} with {selector}"));
            return Err(if known.is_empty() { error } else { error.hint(format!("it has {}", known.join("; "))) });
        }
        if found.len() > 1 && request.exactly_one {
            let known: Vec<_> = found.iter().map(|position| all[*position].identity.to_string()).collect();
            return Err(Error::usage(format!("{version} has {} {what}s with {selector}", found.len()))
                .hint(format!("add attributes until one is left of: {}", known.join("; "))));
        }
        chosen.extend(found);
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(all.into_iter().enumerate().filter(|(position, _)| chosen.contains(position)).map(|(_, element)| element).collect())
}

/// Where an element goes: names come from elsewhere and are never paths.
fn destination(output: Option<&Path>, element: &Element<'_>, single: bool) -> Result<PathBuf> {
    let plain = |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0']);
    if let (Some(output), true) = (output, single) {
        return Ok(output.to_owned());
    }
    if !plain(element.name) {
        return Err(Error::usage(format!("{:?} is no file name", element.name)).hint("name a file with --output"));
    }
    Ok(output.map_or_else(|| PathBuf::from(element.name), |folder| folder.join(element.name)))
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
    let wanted = Wanted { digest: element.digest, tag: element.version, form: request.form, extraction: request.extraction };
    let result = async {
        let content = ocm_access::open(element.access, version, context).await?.ok_or_else(|| {
            Error::new(Kind::Other, format!("content with access type {} cannot be downloaded", element.access.kind))
        })?;
        deliver(content, &wanted, output, context.observer()).await
    };
    let result = result.await;
    context.observer().ended(&item, if result.is_ok() { Outcome::Completed } else { Outcome::Failed });
    let delivered = result.map_err(|error| error.during(name))?;
    Ok(entry(Some(version.to_string()), element.identity.to_string(), delivered))
}

fn entry(component: Option<String>, name: String, delivered: Delivered) -> Item {
    let Delivered { path, media_type, digest, bytes } = delivered;
    Item { component, name, path, media_type, digest, bytes }
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
    Ok(Report { items: vec![entry(None, request.reference.clone(), delivered)] })
}

/// Saves component versions in archives of their own, with everything that is stored with them.
pub async fn component_versions(context: &Context, request: &ComponentVersions) -> Result<super::transfer::Report> {
    let selected = select::select(context, &request.versions).await?;
    let output = match (&request.output, selected.as_slice()) {
        (Some(output), _) => output.clone(),
        (None, [one]) => {
            let name = one.component.rsplit('/').next().unwrap_or(&one.component);
            PathBuf::from(format!("{name}-{}.ctf", one.version))
        }
        (None, _) => return Err(Error::usage("several component versions need a place").hint("name an archive with --output")),
    };
    let transfer = super::transfer::Request {
        versions: request.versions.clone(),
        target: format!("ctf::{}", output.display()),
        target_form: request.form.clone(),
        ..super::transfer::Request::default()
    };
    super::transfer::run(context, &transfer).await
}

/// Which elements to download, and where to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions.
    pub versions: get::Request,
    /// Which list of elements.
    pub kind: Which,
    /// Identity attributes an element must have, one set per wanted element; empty means all of them.
    pub selectors: Vec<BTreeMap<String, String>>,
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
    /// Where it was written.
    pub path: PathBuf,
    /// Media type of the stored content.
    pub media_type: String,
    /// Digest of the stored content, which was checked.
    pub digest: String,
    /// Bytes written.
    pub bytes: u64,
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
