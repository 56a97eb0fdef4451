//! Accesses: kept as they are written, and looked through for what would fail only when somebody wants the content.

use ocm_blob::Digest;
use ocm_model::access::Access;
use ocm_model::{TypedObject, near_miss};
use serde_json::Value;

use super::Dialect;
use super::fields::{Fields, Reader};
use super::tree::{Form, Kind, Node, Scalar};
use crate::problem::Position;

/// Members of accesses that are texts even if they look like numbers: a commit may consist of digits only.
const TEXT_MEMBERS: [&str; 6] = ["commit", "version", "ref", "digest", "tag", "helmChart"];

/// What a member must be.
#[derive(Clone, Copy, PartialEq)]
enum Is {
    Text,
    Truth,
    Number,
    Mapping,
}

/// Members of one type: what each must be, and which must be there. Of several names in one row one is enough.
struct Shape {
    members: &'static [(&'static str, Is)],
    required: &'static [&'static [&'static str]],
}

use Is::{Mapping, Number, Text, Truth};

/// The shapes of the types that are known here, with the names that both older programs gave their members.
fn shape(access: &Access) -> Option<Shape> {
    let (members, required): (&'static [(&str, Is)], &'static [&'static [&str]]) = match access {
        Access::OciImage { .. } => (&[("imageReference", Text)], &[&["imageReference"]]),
        Access::OciLayer { .. } => (
            &[("ref", Text), ("imageReference", Text), ("mediaType", Text), ("digest", Text), ("size", Number)],
            &[&["ref", "imageReference"], &["digest"]],
        ),
        Access::RelativeOci { .. } => (&[("reference", Text)], &[&["reference"]]),
        Access::Helm { .. } => (
            &[("helmRepository", Text), ("helmChart", Text), ("version", Text), ("caCert", Text), ("keyring", Text)],
            &[&["helmRepository"], &["helmChart"]],
        ),
        Access::GitHub { .. } => (
            &[("repoUrl", Text), ("apiHostname", Text), ("commit", Text), ("ref", Text)],
            &[&["repoUrl"], &["commit", "ref"]],
        ),
        Access::Git { .. } => {
            (&[("repository", Text), ("repoUrl", Text), ("ref", Text), ("commit", Text)], &[&["repository", "repoUrl"]])
        }
        Access::Wget { .. } => (
            &[
                ("url", Text),
                ("mediaType", Text),
                ("header", Mapping),
                ("verb", Text),
                ("body", Text),
                ("noRedirect", Truth),
            ],
            &[&["url"]],
        ),
        Access::S3 { .. } => (
            &[
                ("region", Text),
                ("bucket", Text),
                ("bucketName", Text),
                ("key", Text),
                ("objectKey", Text),
                ("version", Text),
                ("mediaType", Text),
                ("endpoint", Text),
                ("usePathStyle", Truth),
            ],
            &[&["bucketName", "bucket"], &["objectKey", "key"]],
        ),
        Access::Npm { .. } => {
            (&[("registry", Text), ("package", Text), ("version", Text)], &[&["registry"], &["package"], &["version"]])
        }
        Access::Maven { .. } => (
            &[
                ("repoUrl", Text),
                ("groupId", Text),
                ("artifactId", Text),
                ("version", Text),
                ("classifier", Text),
                ("extension", Text),
            ],
            &[&["repoUrl"], &["groupId"], &["artifactId"], &["version"]],
        ),
        Access::LocalBlob { .. } => (&[("localReference", Text), ("mediaType", Text)], &[&["localReference"]]),
        _ => return None,
    };
    Some(Shape { members, required })
}

/// Reads an access: nobody here has to know its type, but what is known must be usable.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<TypedObject> {
    let mut fields = reader.fields(node, format!("access of the {what}"))?;
    let kind = fields.required_text(reader, "type")?;
    let Kind::Mapping(entries) = &node.kind else { return None };
    let members = entries.iter().filter(|(key, _)| key.text != "type").map(|(key, value)| {
        let text = match &value.kind {
            Kind::Scalar(scalar) if TEXT_MEMBERS.contains(&key.text.as_str()) && !scalar.is_null() => {
                Some(scalar.text.clone())
            }
            _ => None,
        };
        (key.text.clone(), text.map_or_else(|| value.to_json(), Value::String))
    });
    let object = TypedObject { kind, members: members.collect() };
    let access = Access::of(&object);
    let Some(shape) = shape(&access) else { return Some(object) };
    let before = reader.problems.len();
    check_shape(reader, &fields, node, &shape);
    if reader.problems.len() == before
        && let Some((key, reason)) = unusable(&access, &object, reader.dialect)
    {
        reader.problem(place(node, fields.position, key), format!("{}: {reason}", fields.what));
    }
    Some(object)
}

/// Where a member is; names count in any case, as they do for whoever reads the access later.
fn place(node: &Node, otherwise: Position, key: &str) -> Position {
    member(node, key).map_or(otherwise, |value| value.position)
}

fn member<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Kind::Mapping(entries) = &node.kind else { return None };
    let exact = entries.iter().find(|(name, _)| name.text == key);
    exact.or_else(|| entries.iter().find(|(name, _)| name.text.eq_ignore_ascii_case(key))).map(|(_, value)| value)
}

fn check_shape(reader: &mut Reader<'_>, fields: &Fields<'_>, node: &Node, shape: &Shape) {
    let Kind::Mapping(entries) = &node.kind else { return };
    for (key, is) in shape.members {
        let Some(value) = member(node, key) else { continue };
        let fits = match (&value.kind, is) {
            (Kind::Scalar(scalar), _) if scalar.is_null() => true,
            // A number or a truth value in the place of a text stays one in the descriptor, where nobody reads it.
            (Kind::Scalar(scalar), Text) => TEXT_MEMBERS.contains(key) || is_text(scalar),
            (Kind::Scalar(scalar), Truth) => scalar.truth().is_some(),
            (Kind::Scalar(_), Number) => value.to_json().is_u64(),
            (Kind::Mapping(_), Mapping) => true,
            _ => false,
        };
        if !fits {
            let wanted = match is {
                Text => "a text",
                Truth => "true or false",
                Number => "a number of bytes",
                Mapping => "a mapping of names to lists of texts",
            };
            let message = format!("{}: {key:?} must be {wanted}, but is {}", fields.what, described(value));
            reader.problem(value.position, message);
        }
    }
    for names in shape.required {
        let is_there = |name: &&&str| member(node, name).is_some_and(|value| !is_empty(value));
        if names.iter().find(is_there).is_some() {
            continue;
        }
        let known = names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ");
        // A misspelt key is the usual reason.
        let unknown = entries.iter().map(|(key, _)| key).find(|key| {
            !shape.members.iter().any(|(name, _)| name.eq_ignore_ascii_case(&key.text))
                && near_miss(&key.text, names.iter().copied()).is_some()
        });
        let (position, advice) = match unknown {
            Some(key) => (key.position, format!("; {:?} is not known here", key.text)),
            None => (place(node, fields.position, names[0]), String::new()),
        };
        let state = if member(node, names[0]).is_some() { "is empty" } else { "is missing" };
        reader.problem(position, format!("{}: the key {known} {state}{advice}", fields.what));
    }
}

/// What a value is to those who read the descriptor.
fn described(value: &Node) -> &'static str {
    match value.to_json() {
        Value::Number(_) => "a number (quote it to make it a text)",
        Value::Bool(_) => "a truth value (quote it to make it a text)",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
        Value::Null => "nothing",
    }
}

fn is_text(scalar: &Scalar) -> bool {
    scalar.form == Form::Text || scalar.value().is_string()
}

fn is_empty(value: &Node) -> bool {
    matches!(&value.kind, Kind::Scalar(scalar) if scalar.is_null() || scalar.text.trim().is_empty())
}

/// The member that says nothing usable although it has the right form, and why. Of references of images little is asked:
/// whoever looks up their content says what is wrong with them, and a file that is added without that may name what no
/// registry has, or an address that is completed later.
fn unusable(access: &Access, object: &TypedObject, dialect: Dialect) -> Option<(&'static str, String)> {
    match access {
        Access::OciImage { image_reference }
            if image_reference.contains(|c: char| c.is_whitespace() || c.is_control()) =>
        {
            Some(("imageReference", format!("image reference {image_reference:?}: there are no blanks in references")))
        }
        Access::OciLayer { digest, .. } => {
            let error = digest.parse::<Digest>().err()?;
            Some(("digest", error.to_string()))
        }
        // Files of the older program put tags there, and it never looked.
        Access::GitHub { commit: Some(commit), .. }
            if dialect == Dialect::V2 && !ocm_access::github::is_commit(commit) =>
        {
            Some(("commit", format!("{commit:?} is no commit: 40 hexadecimal digits are expected")))
        }
        Access::Wget { .. } => Some(("url", ocm_access::wget::check(object).err()?.to_string())),
        Access::Helm { repository, .. } if !ocm_access::helm::Remote::is_address(repository) => {
            let why = format!("{repository:?} must begin with https://, http://, oci:// or oci+http://");
            Some(("helmRepository", why))
        }
        _ => None,
    }
}
