//! Resources and descriptors as expressions over the nodes that they come from.

use serde_json::{Map, Value, json};

use super::graph::ENVIRONMENT;
use super::template::literal;

/// A resource made of the output of another node, with another access.
pub(super) fn rebuilt(get: &str, access: &Value, digest_is_optional: bool) -> Value {
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
pub(super) fn described(id: &str, tree: &Value, resources: &[Option<String>], sources: &[Option<String>]) -> Value {
    let is_moved = |elements: &[Option<String>]| elements.iter().any(Option::is_some);
    if !is_moved(resources) && !is_moved(sources) {
        return format!("${{{ENVIRONMENT}.{id}}}").into();
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
