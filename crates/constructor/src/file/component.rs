use std::path::PathBuf;
use std::sync::Arc;

use ocm_model::{Label, Provider, Reference, TypedObject};
use serde_json::{Map, Value};

use super::fields::{Fields, Reader};
use super::tree::{Kind, Node};
use super::{Dialect, access, element, rules};
use crate::input::{self, Input};
use crate::problem::Position;

/// A component version to be made, as its file describes it.
#[derive(Clone, Debug)]
pub struct Component {
    /// File that describes it, for messages.
    pub file: Arc<str>,
    /// Folder against which the paths of its inputs are read and which they may not leave.
    pub folder: Arc<PathBuf>,
    /// Where in the file.
    pub position: Position,
    /// Spelling rules of the file, which also decide a few media types.
    pub dialect: Dialect,
    /// Name of the component.
    pub name: String,
    /// Version of the component.
    pub version: String,
    /// Who provides it.
    pub provider: Provider,
    /// When it was made, if the file says so.
    pub creation_time: Option<String>,
    /// Labels.
    pub labels: Vec<Label>,
    /// What is delivered.
    pub resources: Vec<Resource>,
    /// What it was made from.
    pub sources: Vec<Source>,
    /// Other component versions that belong to it, with their places.
    pub references: Vec<(Position, Reference)>,
    /// The component as written, after variables were put in; only where it was asked for.
    pub written: Option<Value>,
}

/// A resource to be made: the descriptor's form of it, and where its content comes from.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Where in the file.
    pub position: Position,
    /// Everything known before its content is looked at; the access is empty if the content is an input.
    pub element: ocm_model::Resource,
    /// Content to be stored with the component version; without it the access says where the content is.
    pub input: Option<Input>,
    /// Whether the stored image shall say which component version it belongs to (an OCI referrer).
    pub owned: bool,
    /// Whether the digest of content behind an access shall not be computed.
    pub skip_digest: bool,
}

/// A source to be recorded: the descriptor's form of it, and where its content comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where in the file.
    pub position: Position,
    /// Everything known before its content is looked at; the access is empty if the content is an input.
    pub element: ocm_model::Source,
    /// Content to be stored with the component version; without it the access says where the content is.
    pub input: Option<Input>,
}

impl Component {
    /// `name:version`, for messages.
    pub fn title(&self) -> String {
        format!("{}:{}", self.name, self.version)
    }

    pub(super) fn read(
        reader: &mut Reader<'_>,
        node: &Node,
        folder: &Arc<PathBuf>,
        default_version: Option<&str>,
    ) -> Option<Self> {
        let mut fields = reader.fields(node, "component")?;
        let name = fields.required_text(reader, "name").unwrap_or_default();
        if !name.is_empty() {
            fields.what = format!("component {name:?}");
            rules::check_component_name(reader, fields.place("name"), &name);
        }
        let version = component_version(reader, &mut fields, default_version);
        let provider = fields.required(reader, "provider").and_then(|node| provider(reader, node)).unwrap_or_default();
        let creation_time = fields.text(reader, "creationTime");
        if let Some(time) = creation_time.as_deref().filter(|time| !rules::is_date_time(time)) {
            reader.problem(
                fields.place("creationTime"),
                format!("creationTime {time:?} is not a date with time and zone: write it as 2024-05-06T07:08:09Z"),
            );
        }
        let labels = element::labels(reader, &mut fields);
        let sources = sources(reader, &mut fields, &version);
        let resources = resources(reader, &mut fields, &version);
        let references = references(reader, &mut fields);
        if reader.dialect == Dialect::V1 {
            // `meta.configuredSchemaVersion` chose the schema of the descriptor; there is one now.
            fields.get(reader, "meta");
        }
        let position = fields.position;
        fields.finish(reader);
        Some(Self {
            file: Arc::from(reader.file),
            folder: Arc::clone(folder),
            position,
            dialect: reader.dialect,
            name,
            version,
            provider,
            creation_time,
            labels,
            resources,
            sources,
            references,
            written: reader.keep_written.then(|| node.to_json()),
        })
    }
}

fn component_version(reader: &mut Reader<'_>, fields: &mut Fields<'_>, default: Option<&str>) -> String {
    let node = match default {
        Some(_) => fields.get(reader, "version"),
        None => fields.required(reader, "version"),
    };
    let Some(node) = node else { return default.unwrap_or_default().to_owned() };
    let version = reader.version_text(node, &format!("the version of the {}", fields.what)).unwrap_or_default();
    if !version.is_empty() {
        rules::check_version(reader, node.position, &version);
    } else if matches!(&node.kind, Kind::Scalar(scalar) if scalar.text.is_empty()) {
        reader.problem(node.position, format!("the version of the {} is empty", fields.what));
    }
    version
}

fn provider(reader: &mut Reader<'_>, node: &Node) -> Option<Provider> {
    if let Kind::Scalar(scalar) = &node.kind {
        reader.problem(node.position, format!("the provider must be a mapping: write it as {{name: {}}}", scalar.text));
        return None;
    }
    let mut fields = reader.fields(node, "provider")?;
    let name = fields.required_text(reader, "name").unwrap_or_default();
    let labels = element::labels(reader, &mut fields);
    if reader.dialect == Dialect::V2 {
        // The schema tolerates other keys and the descriptor has no place for them; at least it is said.
        for (key, _) in fields.rest(reader) {
            reader.notice(
                key.position,
                format!("provider: the key {:?} does not become part of the component version", key.text),
            );
        }
    } else {
        fields.finish(reader);
    }
    Some(Provider { name, labels, ..Provider::default() })
}

/// Where the content of a resource or source comes from: exactly one of two keys.
fn content(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> (Option<TypedObject>, Option<Input>) {
    let what = fields.what.clone();
    let (access, input) = (fields.get(reader, "access"), fields.get(reader, "input"));
    match (access, input) {
        (Some(node), None) => (access::read(reader, node, &what), None),
        (None, Some(node)) => (None, input::read(reader, node, &what)),
        (None, None) => {
            reader.problem(
                fields.position,
                format!("{what}: needs either \"input\" (content to be stored) or \"access\" (where the content is)"),
            );
            (None, None)
        }
        (Some(_), Some(node)) => {
            reader.problem(node.position, format!("{what}: has both \"input\" and \"access\": remove one of them"));
            (None, None)
        }
    }
}

fn resources(reader: &mut Reader<'_>, component: &mut Fields<'_>, component_version: &str) -> Vec<Resource> {
    let node = component.get(reader, "resources");
    let items = reader.items(node, &format!("the resources of the {}", component.what));
    let mut resources = Vec::with_capacity(items.len());
    for item in items {
        let Some(mut fields) = reader.fields(item, "resource") else { continue };
        let name = element::name(reader, &mut fields);
        fields.what = format!("resource {name:?}");
        let kind = element::artifact_type(reader, &mut fields);
        let version = element::version(reader, &mut fields);
        let (access, input) = content(reader, &mut fields);
        let is_input = fields.get(reader, "input").is_some();
        if version.is_none() && access.is_some() && fields.get(reader, "version").is_none() {
            reader.problem(
                fields.position,
                format!(
                    "{}: the key \"version\" is missing; content behind an access has a version of its own",
                    fields.what
                ),
            );
        }
        let relation = relation(reader, &mut fields, is_input);
        let digest = element::digest(reader, &mut fields);
        let (owned, skip_digest) = options(reader, &mut fields);
        let element = ocm_model::Resource {
            version: version.unwrap_or_else(|| component_version.to_owned()),
            labels: element::labels(reader, &mut fields),
            extra_identity: element::extra_identity(reader, &mut fields),
            src_refs: element::source_references(reader, &mut fields),
            access: access.unwrap_or_default(),
            name,
            kind,
            relation,
            digest,
            other: Map::new(),
        };
        let position = fields.position;
        fields.finish(reader);
        resources.push(Resource { position, element, input, owned, skip_digest });
    }
    let identities: Vec<_> = resources
        .iter()
        .filter(|resource| !resource.element.name.is_empty())
        .map(|resource| (resource.position, resource.element.identity()))
        .collect();
    element::refuse_duplicates(reader, "resources", identities.into_iter());
    resources
}

fn relation(reader: &mut Reader<'_>, fields: &mut Fields<'_>, is_input: bool) -> String {
    let default = if is_input { "local" } else { "external" };
    let Some(relation) = fields.text(reader, "relation") else { return default.to_owned() };
    let message = match relation.as_str() {
        "local" => return relation,
        "external" if !is_input => return relation,
        "external" => format!("{}: content from an input is always local: remove \"relation\"", fields.what),
        _ => format!("{}: the relation {relation:?} must be \"local\" or \"external\"", fields.what),
    };
    reader.problem(fields.place("relation"), message);
    relation
}

fn options(reader: &mut Reader<'_>, resource: &mut Fields<'_>) -> (bool, bool) {
    let Some(node) = resource.get(reader, "options") else { return (false, false) };
    let Some(mut fields) = reader.fields(node, format!("options of the {}", resource.what)) else {
        return (false, false);
    };
    let owned = match fields.text(reader, "ownershipPolicy").as_deref() {
        None | Some("Never") => false,
        Some("Always") => true,
        Some(other) => {
            let place = fields.place("ownershipPolicy");
            reader.problem(
                place,
                format!("{}: the ownershipPolicy {other:?} must be \"Never\" or \"Always\"", fields.what),
            );
            false
        }
    };
    let skip_digest = reader.dialect == Dialect::V1 && fields.truth(reader, "skipDigestGeneration").unwrap_or(false);
    fields.finish(reader);
    (owned, skip_digest)
}

fn sources(reader: &mut Reader<'_>, component: &mut Fields<'_>, component_version: &str) -> Vec<Source> {
    let node = component.get(reader, "sources");
    let mut sources = Vec::new();
    for item in reader.items(node, &format!("the sources of the {}", component.what)) {
        let Some(mut fields) = reader.fields(item, "source") else { continue };
        let name = element::name(reader, &mut fields);
        fields.what = format!("source {name:?}");
        let kind = element::artifact_type(reader, &mut fields);
        let version = element::version(reader, &mut fields);
        let (access, input) = content(reader, &mut fields);
        if let Some(Input::Helm(_)) = &input {
            reader.problem(
                fields.place("input"),
                format!("{}: a helm input makes an artifact; declare it as a resource", fields.what),
            );
        }
        let element = ocm_model::Source {
            version: version.unwrap_or_else(|| component_version.to_owned()),
            labels: element::labels(reader, &mut fields),
            extra_identity: element::extra_identity(reader, &mut fields),
            access: access.unwrap_or_default(),
            name,
            kind,
            other: Map::new(),
        };
        let position = fields.position;
        fields.finish(reader);
        sources.push(Source { position, element, input });
    }
    let identities: Vec<_> = sources
        .iter()
        .filter(|source| !source.element.name.is_empty())
        .map(|source| (source.position, source.element.identity()))
        .collect();
    element::refuse_duplicates(reader, "sources", identities.into_iter());
    sources
}

fn references(reader: &mut Reader<'_>, component: &mut Fields<'_>) -> Vec<(Position, Reference)> {
    let mut node = component.get(reader, "componentReferences");
    if reader.dialect == Dialect::V1 {
        let other = component.get(reader, "references");
        if node.is_some() && other.is_some() {
            reader.problem(
                component.place("references"),
                "has both \"references\" and \"componentReferences\": remove one of them",
            );
        }
        node = node.or(other);
    }
    let mut references = Vec::new();
    for item in reader.items(node, &format!("the references of the {}", component.what)) {
        let Some(mut fields) = reader.fields(item, "reference") else { continue };
        let name = element::name(reader, &mut fields);
        fields.what = format!("reference {name:?}");
        let component_name = fields.required_text(reader, "componentName").unwrap_or_default();
        if !component_name.is_empty() {
            rules::check_component_name(reader, fields.place("componentName"), &component_name);
        }
        let version = fields.required(reader, "version").and_then(|node| {
            let version = reader.version_text(node, &format!("the version of the {}", fields.what))?;
            rules::check_version(reader, node.position, &version);
            Some(version)
        });
        let reference = Reference {
            name,
            version: version.unwrap_or_default(),
            component_name,
            labels: element::labels(reader, &mut fields),
            extra_identity: element::extra_identity(reader, &mut fields),
            digest: element::digest(reader, &mut fields),
            other: Map::new(),
        };
        let position = fields.position;
        fields.finish(reader);
        references.push((position, reference));
    }
    let identities: Vec<_> = references
        .iter()
        .map(|(position, reference): &(Position, Reference)| (*position, reference.identity()))
        .collect();
    element::refuse_duplicates(reader, "references", identities.into_iter());
    references
}
