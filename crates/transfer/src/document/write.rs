use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ocm_access::relocation::{Opened, rebase};
use ocm_model::access::Access;
use ocm_model::reference::RepositoryReference;
use ocm_model::{DigestSpec, TypedObject, json};
use ocm_oci::reference::reference_name;
use ocm_oci::{ImageReference, media_type};
use ocm_repository::ComponentVersion;
use serde_json::{Map, Value, json};

use super::described::{described, rebuilt};
use super::id::{Names, id};
use super::node::{Kind, Place, Remote};
use super::template::{quoted, quoted_text};
use super::{Document, Transformation};
use crate::contexts::context;
use crate::element::OMITTED;
use crate::element::known_name;
use crate::naming::chart_name;
use crate::{ElementKind, Error, GlobalAccess, Options, Result};

/// The node that the older program removes its temporary files with.
const CLEANUP: &str = "fileBufferCleanup";

/// A component version, and the specification of the repository it was found in.
#[derive(Clone)]
pub struct Origin {
    /// The component version.
    pub version: Arc<ComponentVersion>,
    /// Its repository.
    pub repository: TypedObject,
}

/// Writes down what a transfer of component versions to repositories is made of. Nobody is contacted.
///
/// # Guarantees
/// The same component versions and options give the same document. Its nodes stand in the order of the versions.
///
/// # Errors
/// A repository of an unknown type; two images of different hosts that would get the same name.
pub fn write(origins: &[Origin], targets: &[TypedObject], options: &Options) -> Result<Document> {
    let targets = targets.iter().map(Target::new).collect::<Result<Vec<_>>>()?;
    let Some(first) = targets.first().cloned() else {
        return Err(Error::Document("there is no target to write a document for".into()));
    };
    let mut writer = Writer {
        options,
        target: first,
        names: Names::default(),
        uploads: HashMap::new(),
        files: Vec::new(),
        left: Vec::new(),
        document: Document::default(),
    };
    writer.names.take(CLEANUP, |name| vec![name.to_owned()]);
    for origin in origins {
        for (number, target) in targets.iter().enumerate() {
            writer.target = target.clone();
            // The older program numbers targets where there are several.
            let suffix = if targets.len() > 1 { format!("T{number}") } else { String::new() };
            writer.version(origin, &suffix)?;
        }
    }
    let mut left = writer.left;
    left.sort();
    left.dedup();
    let is_refused = |reason: &str| options.strict && !(options.spare_omitted && reason == OMITTED);
    if left.iter().any(|(_, reason)| is_refused(reason)) {
        let refused = left.iter().filter(|(_, reason)| is_refused(reason));
        return Err(Error::Left {
            elements: refused.map(|(element, reason)| format!("{element}: {reason}")).collect(),
        });
    }
    for (element, reason) in left {
        options.observer.warned(&format!("{element} stays by reference: {reason}"));
    }
    if !writer.files.is_empty() {
        let files: Vec<_> = writer.files.iter().map(|id| format!("${{{id}.spec.file}}")).collect();
        writer.document.transformations.push(transformation(CLEANUP, Kind::FileCleanup, json!({ "files": files })));
    }
    let mut document = writer.document;
    document.environment.sort_keys();
    Ok(document)
}

#[derive(Clone)]
pub(super) struct Target {
    pub(super) spec: Value,
    /// What component versions say that were stored in it; `None` for an archive.
    context: Option<TypedObject>,
    pub(super) place: Place,
    /// Where images with a name of their own go; empty for archives.
    pub(super) base: String,
}

impl Target {
    fn new(spec: &TypedObject) -> Result<Self> {
        let target = repository(spec)?;
        let context = context(&target);
        let (spec, place, base) = match target {
            RepositoryReference::Oci { base_url, sub_path, .. } => {
                let base = if sub_path.is_empty() { base_url } else { format!("{base_url}/{sub_path}") };
                (spec.clone(), Place::Registry, base)
            }
            RepositoryReference::Ctf { .. } => {
                (spec.clone().with("accessMode", "readwrite|create"), Place::Archive, String::new())
            }
            RepositoryReference::Other(other) => return Err(no_place(&other)),
        };
        Ok(Self { spec: value(&spec), context, place, base })
    }
}

fn repository(spec: &TypedObject) -> Result<RepositoryReference> {
    RepositoryReference::from_spec(spec).map_err(|error| Error::Document(error.to_string()))
}

/// There are types of nodes for registries and for archives, and none for places of plugins.
fn no_place(spec: &TypedObject) -> Error {
    let kind = &spec.kind;
    Error::Document(format!(
        "a document cannot speak of repositories of type {kind}; transfer by references instead of a document"
    ))
}

/// A value with sorted members whose texts are no expressions.
fn value(object: &impl serde::Serialize) -> Value {
    // Texts, finite numbers and maps with text keys only: there is nothing in it that JSON cannot say.
    let mut value = serde_json::to_value(object).unwrap_or_default();
    json::sort(&mut value);
    quoted(value)
}

fn transformation(id: &str, kind: Kind, mut spec: Value) -> Transformation {
    json::sort(&mut spec);
    // Maps grow in steps, and there are tens of thousands of these.
    let spec = if let Value::Object(spec) = spec { spec.into_iter().collect() } else { Map::new() };
    Transformation { kind: kind.to_string(), id: id.to_owned(), label: None, spec }
}

pub(super) struct Writer<'a> {
    pub(super) options: &'a Options,
    pub(super) target: Target,
    pub(super) names: Names,
    /// Images by the name they get.
    pub(super) uploads: HashMap<String, Upload>,
    /// Nodes that take a file.
    pub(super) files: Vec<String>,
    /// Content that was asked for and has no nodes, and why.
    pub(super) left: Vec<(String, String)>,
    pub(super) document: Document,
}

/// One resource or source on its way into the document.
pub(super) struct Element<'a> {
    pub(super) kind: ElementKind,
    pub(super) identity: Value,
    pub(super) access: &'a TypedObject,
    pub(super) digest: Option<&'a DigestSpec>,
    pub(super) version: &'a str,
    pub(super) element_type: &'a str,
    /// Its identity.
    pub(super) names: BTreeMap<String, String>,
    pub(super) is_local: bool,
    /// The element as it stands in the descriptor.
    pub(super) whole: Value,
}

/// An image that gets a name of its own.
#[derive(Clone)]
pub(super) struct Upload {
    /// Where it is now.
    pub(super) image: String,
    /// The name of its host, without a port.
    pub(super) host: String,
    /// Its recorded digest.
    pub(super) digest: Option<String>,
}

/// The version that is being written.
pub(super) struct Current<'a> {
    pub(super) id: String,
    /// As it was read.
    pub(super) read: &'a ComponentVersion,
    /// Name and version of the component.
    pub(super) names: (String, String),
    pub(super) component: Value,
    pub(super) version: Value,
    pub(super) repository: Value,
    pub(super) place: Place,
}

impl Current<'_> {
    /// Adds the component version to the specification of a node whose image may not be at its recorded address any more,
    /// so that it is looked for where the component version is.
    pub(super) fn at_home(&self, element: &Element<'_>, mut spec: Value) -> Value {
        let recorded = match Access::of(element.access) {
            Access::OciImage { image_reference } => image_reference,
            Access::OciLayer { reference, .. } => reference,
            _ => return spec,
        };
        let contexts = &self.read.descriptor.component.repository_contexts;
        let is_stale = recorded
            .parse::<ImageReference>()
            .ok()
            .zip(Opened::of(self.read))
            .is_some_and(|(reference, opened)| !rebase(&reference, contexts, &opened).is_empty());
        if is_stale {
            spec["repository"] = self.repository.clone();
            spec["component"] = self.component.clone();
            spec["version"] = self.version.clone();
        }
        spec
    }
}

/// The name that an image is kept with. Whatever a reference looks like, the older program writes its path.
pub(super) fn image_name(image_reference: &str, version: &ComponentVersion) -> String {
    let access = Access::OciImage { image_reference: image_reference.to_owned() };
    known_name(access, version).unwrap_or_else(|| reference_name(image_reference))
}

impl Writer<'_> {
    fn version(&mut self, origin: &Origin, suffix: &str) -> Result<()> {
        let descriptor = &origin.version.descriptor;
        let component = &descriptor.component;
        let wanted = id([component.name.as_str(), component.version.as_str()]) + suffix;
        let id = self.names.take(&wanted, |name| vec![name.to_owned(), format!("{name}Upload")]);
        let place = match repository(&origin.repository)? {
            RepositoryReference::Oci { .. } => Place::Registry,
            RepositoryReference::Ctf { .. } => Place::Archive,
            RepositoryReference::Other(other) => return Err(no_place(&other)),
        };
        let current = Current {
            id: id.clone(),
            read: &origin.version,
            names: (component.name.clone(), component.version.clone()),
            component: quoted_text(&component.name).into(),
            version: quoted_text(&component.version).into(),
            repository: value(&origin.repository),
            place,
        };
        let resources = component.resources.iter().map(|resource| Element {
            kind: ElementKind::Resource,
            identity: value(&resource.identity()),
            access: &resource.access,
            digest: resource.digest.as_ref(),
            version: &resource.version,
            element_type: &resource.kind,
            names: resource.identity().0,
            is_local: resource.relation == "local",
            whole: value(resource),
        });
        let sources = component.sources.iter().map(|source| Element {
            kind: ElementKind::Source,
            identity: value(&source.identity()),
            access: &source.access,
            digest: None,
            version: &source.version,
            element_type: &source.kind,
            names: source.identity().0,
            is_local: true,
            whole: value(source),
        });
        let moved_resources = resources.map(|element| self.element(&element, &current)).collect::<Result<Vec<_>>>()?;
        let moved_sources = sources.map(|element| self.element(&element, &current)).collect::<Result<Vec<_>>>()?;

        let mut tree = descriptor.tree();
        if let Some(contexts) =
            self.options.contexts(&descriptor.component.repository_contexts, self.target.context.clone())
        {
            tree["component"]["repositoryContexts"] = contexts.iter().map(value).collect();
        }
        json::sort(&mut tree);
        for list in ["repositoryContexts", "resources", "sources", "componentReferences"] {
            // The older program prints lists without items as null.
            if tree["component"][list].as_array().is_some_and(Vec::is_empty) {
                tree["component"][list] = Value::Null;
            }
        }
        let spec = json!({
            "repository": self.target.spec,
            "descriptor": described(&id, &tree, &moved_resources, &moved_sources),
        });
        self.document.environment.insert(id.clone(), tree);
        self.push(&format!("{id}Upload"), Kind::AddComponentVersion(self.target.place), spec);
        Ok(())
    }

    pub(super) fn push(&mut self, id: &str, kind: Kind, spec: Value) {
        self.document.transformations.push(transformation(id, kind, spec));
    }

    /// Writes the nodes of an element. The expression that stands for it in the new descriptor; `None` if it stays as it is.
    fn element(&mut self, element: &Element<'_>, current: &Current<'_>) -> Result<Option<String>> {
        let options = self.options;
        let wanted = options.moves(element.kind, element.is_local) && !options.omits(element.access);
        let may_be_artifact = self.target.place == Place::Registry && element.kind == ElementKind::Resource;
        let access = Access::of(element.access);
        let is_image = match &access {
            Access::LocalBlob { media_type, .. } => media_type::is_manifest(media_type),
            Access::OciImage { .. } | Access::RelativeOci { .. } | Access::Helm { .. } => true,
            _ => false,
        };
        let travels =
            matches!(access, Access::LocalBlob { .. } | Access::LocalOciBlob { .. } | Access::RelativeOci { .. });
        if !wanted && !travels {
            if options.moves(element.kind, element.is_local) && !matches!(access, Access::None) {
                self.stays(element, current, OMITTED);
            }
            return Ok(None);
        }
        let is_wanted = wanted || matches!(access, Access::RelativeOci { .. });
        let name = if is_image && is_wanted && may_be_artifact { self.name(element, current, &access)? } else { None };
        let own = element.identity.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(match (access, name) {
            (Access::LocalBlob { reference_name, .. }, Some(name)) => {
                let keeps = self.options.naming.is_plain() && reference_name.is_some();
                Some(self.upload_local(element, current, if keeps { None } else { Some(&name) }))
            }
            (Access::LocalBlob { .. } | Access::LocalOciBlob { .. }, _) => Some(self.copy_local(element, current)),
            (Access::RelativeOci { .. }, Some(name)) => Some(self.upload_local(element, current, Some(&name))),
            (Access::RelativeOci { reference }, None) => {
                let [get, add] = self.ids(element, current, ["Get", "Add"]);
                self.get_local(&get, element, current);
                let name = known_name(Access::RelativeOci { reference }, current.read);
                Some(self.keep(element, current, (&get, &add), name.as_deref()))
            }
            (Access::OciImage { image_reference }, Some(name)) => {
                Some(self.upload_image(element, current, &image_reference, &name)?)
            }
            (Access::OciImage { image_reference }, None) => {
                let name = image_name(&image_reference, current.read);
                Some(self.embed(element, current, Kind::GetOciArtifact, Some(&name)))
            }
            (Access::OciLayer { .. }, _) => Some(self.embed(element, current, Kind::GetOciArtifact, None)),
            (Access::Wget { .. }, _) => Some(self.embed(element, current, Kind::GetRemote(Remote::Wget), Some(&own))),
            (Access::GitHub { .. }, _) => {
                Some(self.embed(element, current, Kind::GetRemote(Remote::GitHub), Some(&own)))
            }
            (Access::S3 { .. } | Access::Npm { .. } | Access::Maven { .. }, _) => {
                Some(self.embed(element, current, Kind::GetRemote(Remote::Other), Some(&own)))
            }
            (Access::Helm { repository, chart, version }, name) => {
                let kept = chart_name(&repository, &chart, version.as_deref());
                Some(self.chart(element, current, name.as_deref(), &kept))
            }
            (Access::None, _) => None,
            (Access::Other | Access::Git { .. }, _) if options.foreign_access_types.contains(&element.access.kind) => {
                Some(self.embed(element, current, Kind::GetRemote(Remote::Other), Some(&own)))
            }
            _ => {
                let kind = &element.access.kind;
                self.stays(element, current, &format!("access type {kind} cannot be copied"));
                None
            }
        })
    }

    /// Content that was asked for stays where it is.
    fn stays(&mut self, element: &Element<'_>, current: &Current<'_>, reason: &str) {
        let name = element.names.get("name").map_or("", String::as_str);
        let (component, version) = &current.names;
        let element = format!("{} {name} of {component}:{version}", element.kind.noun());
        self.left.push((element, reason.to_owned()));
    }

    /// Names for the nodes of an element: `<version><verb><element>`, with a verb of its own for sources.
    pub(super) fn ids<const N: usize>(
        &mut self,
        element: &Element<'_>,
        current: &Current<'_>,
        verbs: [&str; N],
    ) -> [String; N] {
        let values = element.identity.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_str);
        let wanted = id(values);
        let kind = if element.kind == ElementKind::Source { "Source" } else { "" };
        let form = |verb: &str, name: &str| format!("{}{verb}{kind}{name}", current.id);
        let forms = |name: &str| ["Get", "Convert", "Add", "Transfer"].iter().map(|verb| form(verb, name)).collect();
        let name = self.names.take(&wanted, forms);
        verbs.map(|verb| form(verb, &name))
    }

    pub(super) fn get_local(&mut self, id: &str, element: &Element<'_>, current: &Current<'_>) {
        let (kind, identity) = match element.kind {
            ElementKind::Resource => (Kind::GetLocalResource(current.place), "resourceIdentity"),
            ElementKind::Source => (Kind::GetLocalSource(current.place), "sourceIdentity"),
        };
        let spec = json!({
            "repository": current.repository,
            "component": current.component,
            "version": current.version,
            identity: element.identity,
        });
        self.push(id, kind, spec);
    }

    fn add_local(
        &mut self,
        id: &str,
        element: &Element<'_>,
        current: &Current<'_>,
        added: &Value,
        file: &str,
    ) -> String {
        let kind = match element.kind {
            ElementKind::Resource => Kind::AddLocalResource(self.target.place),
            ElementKind::Source => Kind::AddLocalSource(self.target.place),
        };
        let mut spec = json!({
            "repository": self.target.spec,
            "component": current.component,
            "version": current.version,
            element.kind.noun(): added,
            "file": file,
        });
        if self.options.global_access == GlobalAccess::Auto && self.target.place == Place::Registry {
            spec["globalAccessPolicy"] = "auto".into();
        }
        self.push(id, kind, spec);
        self.files.push(id.to_owned());
        format!("${{{id}.output.{}}}", element.kind.noun())
    }

    fn copy_local(&mut self, element: &Element<'_>, current: &Current<'_>) -> String {
        let [get, add] = self.ids(element, current, ["Get", "Add"]);
        self.get_local(&get, element, current);
        let whole = format!("${{{get}.output.{}}}", element.kind.noun());
        self.add_local(&add, element, current, &whole.into(), &format!("${{{get}.output.file}}"))
    }

    fn embed(&mut self, element: &Element<'_>, current: &Current<'_>, kind: Kind, name: Option<&str>) -> String {
        let [get, add] = self.ids(element, current, ["Get", "Add"]);
        self.push(&get, kind, current.at_home(element, json!({ "resource": element.whole })));
        self.keep(element, current, (&get, &add), name)
    }

    /// Stores what another node found with the component version.
    pub(super) fn keep(
        &mut self,
        element: &Element<'_>,
        current: &Current<'_>,
        (get, add): (&str, &str),
        name: Option<&str>,
    ) -> String {
        let mut access = json!({"type": "LocalBlob/v1"});
        if let Some(name) = name {
            access["referenceName"] = quoted_text(name).into();
        }
        let added = match element.kind {
            ElementKind::Resource => rebuilt(get, &access, true),
            ElementKind::Source => {
                let mut whole = element.whole.clone();
                whole["access"] = access;
                whole
            }
        };
        self.add_local(add, element, current, &added, &format!("${{{get}.output.file}}"))
    }
}
