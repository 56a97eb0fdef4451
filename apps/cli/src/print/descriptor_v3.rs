//! Descriptors in the form `ocm.software/v3alpha1`, which is shown but never stored.

use serde_json::{Map, Value, json};

/// The same descriptor, given in form v2, with its members where the newer form has them.
pub(super) fn of(descriptor: Value) -> Value {
    let Value::Object(mut descriptor) = descriptor else { return descriptor };
    let mut component = match descriptor.remove("component") {
        Some(Value::Object(component)) => component,
        _ => Map::new(),
    };
    let mut metadata = moved(&mut component, ["name", "version", "labels", "provider", "creationTime"].map(same));
    if let Some(Value::String(text)) = metadata.get("provider") {
        // A provider with labels is stored as the text of a JSON object.
        let object = serde_json::from_str::<Map<String, Value>>(text).ok();
        let provider = object.map_or_else(|| json!({ "name": text }), Value::from);
        metadata.insert("provider".into(), provider);
    }
    let contexts = component.remove("repositoryContexts").unwrap_or_else(|| json!([]));
    let spec = [same("sources"), ("componentReferences", "references"), same("resources")];
    let mut spec = moved(&mut component, spec);
    spec.retain(|_, list| list.as_array().is_none_or(|list| !list.is_empty()));
    let mut view = Map::new();
    view.insert("apiVersion".into(), "ocm.software/v3alpha1".into());
    view.insert("kind".into(), "ComponentVersion".into());
    view.insert("metadata".into(), metadata.into());
    view.insert("repositoryContexts".into(), contexts);
    view.insert("spec".into(), spec.into());
    view.extend(moved(&mut descriptor, ["signatures", "nestedDigests"].map(same)));
    view.into()
}

fn same(name: &'static str) -> (&'static str, &'static str) {
    (name, name)
}

/// Takes members out, each under its new name.
fn moved<const N: usize>(from: &mut Map<String, Value>, names: [(&str, &str); N]) -> Map<String, Value> {
    let found = names.into_iter().filter_map(|(old, new)| Some((new.to_owned(), from.shift_remove(old)?)));
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_with_labels_is_an_object() {
        let provider = json!({"name": "acme", "labels": [{"name": "team", "value": "core"}]});
        let v2 = json!({"component": {"provider": provider.to_string()}});
        assert_eq!(of(v2)["metadata"]["provider"], provider);
    }

    #[test]
    fn members_move_and_empty_lists_go() {
        let v2 = json!({"meta": {"schemaVersion": "v2"}, "component": {"name": "a.b/c", "version": "1.0.0", "provider": "acme",
            "repositoryContexts": [], "sources": [], "componentReferences": [{"name": "lib"}], "resources": []}});
        let v3 = json!({"apiVersion": "ocm.software/v3alpha1", "kind": "ComponentVersion",
            "metadata": {"name": "a.b/c", "version": "1.0.0", "provider": {"name": "acme"}},
            "repositoryContexts": [], "spec": {"references": [{"name": "lib"}]}});
        assert_eq!(of(v2), v3);
    }
}
