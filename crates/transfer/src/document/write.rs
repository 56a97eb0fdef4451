use std::collections::HashMap;
use std::sync::Arc;

use ocm_model::access::Access;
use ocm_model::reference::RepositoryReference;
use ocm_model::{DigestSpec, TypedObject, json};
use ocm_oci::reference::reference_name;
use ocm_oci::{ImageReference, media_type};
use ocm_repository::ComponentVersion;
use serde_json::{Map, Value, json};

use super::id::{Names, id};
use super::node::{Kind, Place};
use super::template::{literal, quoted, quoted_text};
use super::{Document, Transformation};
use crate::{ElementKind, Error, Options, Result, UploadAs};

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

/// Writes down what a transfer of component versions to a repository is made of. Nobody is contacted.
///
/// # Guarantees
/// The same component versions and options give the same document. Its nodes stand in the order of the versions.
///
/// # Errors
/// A repository of an unknown type; two images of different hosts that would get the same name.
pub fn write(origins: &[Origin], target: &TypedObject, options: &Options) -> Result<Document> {
    let target = Target::new(target)?;
    let mut writer = Writer {
        options,
        target,
        names: Names::default(),
        uploads: HashMap::new(),
        files: Vec::new(),
        document: Document::default(),
    };
    writer.names.take(CLEANUP, |name| vec![name.to_owned()]);
    for origin in origins {
        writer.version(origin)?;
    }
    if !writer.files.is_empty() {
        let files: Vec<_> = writer.files.iter().map(|id| format!("${{{id}.spec.file}}")).collect();
        writer.document.transformations.push(transformation(CLEANUP, Kind::FileCleanup, json!({ "files": files })));
    }
    let mut document = writer.document;
    document.environment.sort_keys();
    Ok(document)
}

struct Target {
    spec: Value,
    place: Place,
    /// Where images with a name of their own go; empty for archives.
    base: String,
}

impl Target {
    fn new(spec: &TypedObject) -> Result<Self> {
        let (spec, place, base) = match repository(spec)? {
            RepositoryReference::Oci { base_url, sub_path, .. } => {
                let base = if sub_path.is_empty() { base_url } else { format!("{base_url}/{sub_path}") };
                (spec.clone(), Place::Registry, base)
            }
            RepositoryReference::Ctf { .. } => {
                (spec.clone().with("accessMode", "readwrite|create"), Place::Archive, String::new())
            }
        };
        Ok(Self { spec: value(&spec), place, base })
    }
}

fn repository(spec: &TypedObject) -> Result<RepositoryReference> {
    RepositoryReference::from_spec(spec).map_err(|error| Error::Document(error.to_string()))
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
    let Value::Object(spec) = spec else {
        return Transformation { kind: kind.to_string(), id: id.to_owned(), spec: Map::new() };
    };
    Transformation { kind: kind.to_string(), id: id.to_owned(), spec }
}

struct Writer<'a> {
    options: &'a Options,
    target: Target,
    names: Names,
    /// Images by the name they get.
    uploads: HashMap<String, Upload>,
    /// Nodes that take a file.
    files: Vec<String>,
    document: Document,
}

/// One resource or source on its way into the document.
struct Element<'a> {
    kind: ElementKind,
    identity: Value,
    access: &'a TypedObject,
    digest: Option<&'a DigestSpec>,
    version: &'a str,
    is_local: bool,
    /// The element as it stands in the descriptor.
    whole: Value,
}

/// An image that gets a name of its own.
#[derive(Clone)]
struct Upload {
    /// Where it is now.
    image: String,
    /// The name of its host, without a port.
    host: String,
    /// Its recorded digest.
    digest: Option<String>,
}

/// The version that is being written.
struct Current {
    id: String,
    component: Value,
    version: Value,
    repository: Value,
    place: Place,
}

impl Writer<'_> {
    fn version(&mut self, origin: &Origin) -> Result<()> {
        let descriptor = &origin.version.descriptor;
        let component = &descriptor.component;
        let wanted = id([component.name.as_str(), component.version.as_str()]);
        let id = self.names.take(&wanted, |name| vec![name.to_owned(), format!("{name}Upload")]);
        let place = match repository(&origin.repository)? {
            RepositoryReference::Oci { .. } => Place::Registry,
            RepositoryReference::Ctf { .. } => Place::Archive,
        };
        let current = Current {
            id: id.clone(),
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
            is_local: resource.relation == "local",
            whole: value(resource),
        });
        let sources = component.sources.iter().map(|source| Element {
            kind: ElementKind::Source,
            identity: value(&source.identity()),
            access: &source.access,
            digest: None,
            version: &source.version,
            is_local: true,
            whole: value(source),
        });
        let moved_resources = resources.map(|element| self.element(&element, &current)).collect::<Result<Vec<_>>>()?;
        let moved_sources = sources.map(|element| self.element(&element, &current)).collect::<Result<Vec<_>>>()?;

        let mut tree = descriptor.tree();
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

    fn push(&mut self, id: &str, kind: Kind, spec: Value) {
        self.document.transformations.push(transformation(id, kind, spec));
    }

    /// Writes the nodes of an element. The expression that stands for it in the new descriptor; `None` if it stays as it is.
    fn element(&mut self, element: &Element<'_>, current: &Current) -> Result<Option<String>> {
        let options = self.options;
        let wanted = options.moves(element.kind, element.is_local) && !options.omits(element.access);
        let as_artifact = options.upload_as == UploadAs::OciArtifact
            && self.target.place == Place::Registry
            && element.kind == ElementKind::Resource
            && wanted;
        match Access::of(element.access) {
            Access::LocalBlob { media_type, reference_name: Some(name), .. }
                if as_artifact && media_type::is_manifest(&media_type) =>
            {
                Ok(Some(self.upload_local(element, current, &name)))
            }
            Access::LocalBlob { .. } | Access::LocalOciBlob { .. } => Ok(Some(self.copy_local(element, current))),
            Access::OciImage { image_reference } if as_artifact => {
                self.upload_image(element, current, &image_reference).map(Some)
            }
            Access::OciImage { image_reference } if wanted => {
                Ok(Some(self.embed(element, current, Some(&reference_name(&image_reference)))))
            }
            Access::OciLayer { .. } if wanted => Ok(Some(self.embed(element, current, None))),
            _ => Ok(None),
        }
    }

    /// Names for the nodes of an element: `<version><verb><element>`, with a verb of its own for sources.
    fn ids<const N: usize>(&mut self, element: &Element<'_>, current: &Current, verbs: [&str; N]) -> [String; N] {
        let values = element.identity.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_str);
        let wanted = id(values);
        let kind = if element.kind == ElementKind::Source { "Source" } else { "" };
        let form = |verb: &str, name: &str| format!("{}{verb}{kind}{name}", current.id);
        let forms = |name: &str| ["Get", "Add", "Transfer"].iter().map(|verb| form(verb, name)).collect();
        let name = self.names.take(&wanted, forms);
        verbs.map(|verb| form(verb, &name))
    }

    fn get_local(&mut self, id: &str, element: &Element<'_>, current: &Current) {
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

    fn add_local(&mut self, id: &str, element: &Element<'_>, current: &Current, added: &Value, file: &str) -> String {
        let kind = match element.kind {
            ElementKind::Resource => Kind::AddLocalResource(self.target.place),
            ElementKind::Source => Kind::AddLocalSource(self.target.place),
        };
        let spec = json!({
            "repository": self.target.spec,
            "component": current.component,
            "version": current.version,
            element.kind.noun(): added,
            "file": file,
        });
        self.push(id, kind, spec);
        self.files.push(id.to_owned());
        format!("${{{id}.output.{}}}", element.kind.noun())
    }

    fn copy_local(&mut self, element: &Element<'_>, current: &Current) -> String {
        let [get, add] = self.ids(element, current, ["Get", "Add"]);
        self.get_local(&get, element, current);
        let whole = format!("${{{get}.output.{}}}", element.kind.noun());
        self.add_local(&add, element, current, &whole.into(), &format!("${{{get}.output.file}}"))
    }

    fn embed(&mut self, element: &Element<'_>, current: &Current, name: Option<&str>) -> String {
        let [get, add] = self.ids(element, current, ["Get", "Add"]);
        self.push(&get, Kind::GetOciArtifact, json!({ "resource": element.whole }));
        let mut access = json!({"type": "LocalBlob/v1"});
        if let Some(name) = name {
            access["referenceName"] = quoted_text(name).into();
        }
        let added = match element.kind {
            ElementKind::Resource => rebuilt(&get, &access, true),
            ElementKind::Source => {
                let mut whole = element.whole.clone();
                whole["access"] = access;
                whole
            }
        };
        self.add_local(&add, element, current, &added, &format!("${{{get}.output.file}}"))
    }

    fn upload_image(&mut self, element: &Element<'_>, current: &Current, image: &str) -> Result<String> {
        let [transfer] = self.ids(element, current, ["Transfer"]);
        let name = format!("{}/{}", self.target.base, reference_name(image));
        self.claim(&name, image, element.digest)?;
        let mut target = element.whole.clone();
        target["access"] = json!({"type": "ociArtifact/v1", "imageReference": quoted_text(&name)});
        self.push(&transfer, Kind::TransferOciArtifact, json!({"resource": element.whole, "targetResource": target}));
        Ok(format!("${{{transfer}.output.resource}}"))
    }

    fn upload_local(&mut self, element: &Element<'_>, current: &Current, name: &str) -> String {
        let [get, add] = self.ids(element, current, ["Get", "Add"]);
        self.get_local(&get, element, current);
        let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
        let tag = if has_tag || element.version.is_empty() {
            String::new()
        } else {
            format!(":{}", ocm_model::version::to_tag(element.version))
        };
        let base = &self.target.base;
        let image = format!("{base}/${{{get}.output.resource.access.referenceName}}{}", quoted_text(&tag));
        let access = json!({"type": "ociArtifact/v1", "imageReference": image});
        let spec = json!({"resource": rebuilt(&get, &access, element.digest.is_none()), "file": format!("${{{get}.output.file}}")});
        self.push(&add, Kind::AddOciArtifact, spec);
        self.files.push(add.clone());
        format!("${{{add}.output.resource}}")
    }

    /// Images of different registries may have the same path and tag; the later one must not take the name of the first.
    /// One host at two ports may be one registry: whether these are the same image shows when they are looked up.
    fn claim(&mut self, name: &str, image: &str, digest: Option<&DigestSpec>) -> Result<()> {
        let Ok(reference) = image.parse::<ImageReference>() else { return Ok(()) };
        if reference.tag().is_none() {
            return Ok(());
        }
        let host = reference.host().split(':').next().unwrap_or_default().to_owned();
        let upload = Upload { image: image.to_owned(), host, digest: digest.map(|digest| digest.value.clone()) };
        let Some(other) = self.uploads.insert(name.to_owned(), upload.clone()) else { return Ok(()) };
        let is_same = upload.digest.is_some() && upload.digest == other.digest;
        if is_same || upload.host == other.host {
            return Ok(());
        }
        Err(Error::SameName { name: name.to_owned(), first: other.image, second: upload.image })
    }
}

/// A resource made of the output of another node, with another access.
fn rebuilt(get: &str, access: &Value, digest_is_optional: bool) -> Value {
    let whole = |field: &str| format!("${{{get}.output.resource.{field}}}");
    // The blanks are the older program's.
    let maybe = |field: &str, otherwise: &str| {
        format!("${{has({get}.output.resource.{field}) ? {get}.output.resource.{field}{otherwise}}}")
    };
    json!({
        "name": whole("name"),
        "version": whole("version"),
        "type": whole("type"),
        "relation": whole("relation"),
        "access": access,
        "digest": if digest_is_optional { maybe("digest", " : null") } else { whole("digest") },
        "labels": maybe("labels", "  : []"),
        "extraIdentity": maybe("extraIdentity", "  : {}"),
        "srcRefs": maybe("srcRefs", "  : []"),
    })
}

/// The descriptor that is stored: the old one if no element moves, else one made of its parts.
fn described(id: &str, tree: &Value, resources: &[Option<String>], sources: &[Option<String>]) -> Value {
    let is_moved = |elements: &[Option<String>]| elements.iter().any(Option::is_some);
    if !is_moved(resources) && !is_moved(sources) {
        return format!("${{{}.{id}}}", super::graph::ENVIRONMENT).into();
    }
    let root = format!("environment.{id}");
    let items = |list: &str, elements: &[Option<String>]| -> Value {
        let items = elements.iter().enumerate().map(|(position, moved)| {
            moved.clone().unwrap_or_else(|| format!("${{{root}.component.{list}[{position}]}}"))
        });
        items.collect()
    };
    let mut component =
        json!({"labels": null, "repositoryContexts": null, "sources": null, "componentReferences": null});
    // Whatever else there is goes along: the creation time is signed, and so may be what nobody here knows.
    for (key, member) in tree["component"].as_object().into_iter().flatten() {
        component[key] = match key.as_str() {
            "resources" => items("resources", resources),
            "sources" if is_moved(sources) => items("sources", sources),
            _ if member.is_null() => Value::Null,
            _ => format!("${{{}}}", member_of(&format!("{root}.component"), key)).into(),
        };
    }
    let mut described = json!({ "component": component });
    for key in tree.as_object().into_iter().flat_map(Map::keys).filter(|key| *key != "component") {
        described[key] = format!("${{{}}}", member_of(&root, key)).into();
    }
    described
}

fn member_of(object: &str, key: &str) -> String {
    let is_name = key.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_name { format!("{object}.{key}") } else { format!("{object}[{}]", literal(key)) }
}
