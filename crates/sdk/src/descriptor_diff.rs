//! Two descriptors compared member by member, each difference with whether the digest covers it.

use std::collections::BTreeMap;

use ocm_model::{Component, Descriptor, Identity, Reference, Resource, Source, normalise};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::ops::diff::{Change, Direction, ElementKind, Member};

/// Makes a descriptor of one part of it alone, so that normal forms tell whether the digest covers a member.
type Frame<'a> = &'a dyn Fn(Value) -> Option<Descriptor>;

/// Identity of an element, and how many before it have the same one.
type Key = (Identity, usize);

/// All differences: of the component, its resources, sources, references, then signatures.
pub(crate) fn differences(left: &Descriptor, right: &Descriptor) -> Vec<Change> {
    let mut changes = Vec::new();
    of_component(left, right, &mut changes);
    let (one, other) = (&left.component, &right.component);
    let frame = |value| {
        let resources = vec![serde_json::from_value(value).ok()?];
        Some(descriptor(Component { resources, ..Component::default() }))
    };
    of_list(ElementKind::Resource, &one.resources, &other.resources, Resource::identity, &frame, &mut changes);
    let frame = |value| {
        let sources = vec![serde_json::from_value(value).ok()?];
        Some(descriptor(Component { sources, ..Component::default() }))
    };
    of_list(ElementKind::Source, &one.sources, &other.sources, Source::identity, &frame, &mut changes);
    let frame = |value| {
        let component_references = vec![serde_json::from_value(value).ok()?];
        Some(descriptor(Component { component_references, ..Component::default() }))
    };
    let (one, other) = (&one.component_references, &other.component_references);
    of_list(ElementKind::Reference, one, other, Reference::identity, &frame, &mut changes);
    // Signatures are made over the digest and are never in it.
    let frame = |_| Some(Descriptor::default());
    let named = |name: &str| Identity::from_iter([("name", name)]);
    let (one, other) = (&left.signatures, &right.signatures);
    of_list(ElementKind::Signature, one, other, |signature| named(&signature.name), &frame, &mut changes);
    changes
}

fn descriptor(component: Component) -> Descriptor {
    Descriptor { component, ..Descriptor::default() }
}

/// Everything that is in no list of elements.
fn of_component(left: &Descriptor, right: &Descriptor, changes: &mut Vec<Change>) {
    // Without what is compared element by element.
    let bare = |Descriptor { component, .. }: &Descriptor| {
        object(Component {
            name: component.name.clone(),
            version: component.version.clone(),
            labels: component.labels.clone(),
            creation_time: component.creation_time.clone(),
            repository_contexts: component.repository_contexts.clone(),
            provider: component.provider.clone(),
            resources: Vec::new(),
            sources: Vec::new(),
            component_references: Vec::new(),
            other: component.other.clone(),
        })
    };
    let frame = |value| Some(descriptor(serde_json::from_value(value).ok()?));
    let mut members = compare(&bare(left), &bare(right), &frame);
    let outside = |_| Some(Descriptor::default());
    let rest = |side: &Descriptor| {
        let mut members = object(Descriptor {
            meta: side.meta.clone(),
            component: Component::default(),
            signatures: Vec::new(),
            nested_digests: side.nested_digests.clone(),
            other: side.other.clone(),
            schema: side.schema.clone(),
        });
        members.shift_remove("component");
        members
    };
    members.extend(compare(&rest(left), &rest(right), &outside));
    if !members.is_empty() {
        changes.push(change(Direction::Changed, ElementKind::Component, Identity::default(), members));
    }
}

/// Elements by identity; those that share one by their order.
fn of_list<T: Serialize + PartialEq>(
    kind: ElementKind,
    left: &[T],
    right: &[T],
    identity: impl Fn(&T) -> Identity,
    frame: Frame<'_>,
    changes: &mut Vec<Change>,
) {
    let (left, right) = (keyed(left, &identity), keyed(right, &identity));
    let in_left: BTreeMap<&Key, &T> = left.iter().map(|(key, element)| (key, *element)).collect();
    let in_right: BTreeMap<&Key, &T> = right.iter().map(|(key, element)| (key, *element)).collect();
    let is_covered = kind != ElementKind::Signature;
    let whole = |direction, identity: &Identity| Change {
        covered: is_covered,
        ..change(direction, kind, identity.clone(), Vec::new())
    };
    for (key, element) in &left {
        match in_right.get(key) {
            None => changes.push(whole(Direction::Removed, &key.0)),
            Some(other) if element == other => {}
            Some(other) => {
                let members = compare(&object(element), &object(other), frame);
                if !members.is_empty() {
                    changes.push(change(Direction::Changed, kind, key.0.clone(), members));
                }
            }
        }
    }
    changes.extend(
        right.iter().filter(|(key, _)| !in_left.contains_key(key)).map(|(key, _)| whole(Direction::Added, &key.0)),
    );
    let order: Vec<&Key> = left.iter().map(|(key, _)| key).filter(|key| in_right.contains_key(key)).collect();
    let other_order: Vec<&Key> = right.iter().map(|(key, _)| key).filter(|key| in_left.contains_key(key)).collect();
    if order != other_order {
        let names =
            |order: &[&Key]| Some(order.iter().map(|(identity, _)| Value::from(identity.to_string())).collect());
        let member = Member {
            name: format!("order of {}s", kind.noun()),
            left: names(&order),
            right: names(&other_order),
            covered: is_covered,
        };
        changes.push(change(Direction::Changed, ElementKind::Component, Identity::default(), vec![member]));
    }
}

/// Elements with what tells them apart.
fn keyed<T>(elements: &[T], identity: impl Fn(&T) -> Identity) -> Vec<(Key, &T)> {
    let mut counts: BTreeMap<Identity, usize> = BTreeMap::new();
    let mut keyed = Vec::with_capacity(elements.len());
    for element in elements {
        let identity = identity(element);
        let count = counts.entry(identity.clone()).or_default();
        keyed.push(((identity, *count), element));
        *count += 1;
    }
    keyed
}

fn change(direction: Direction, kind: ElementKind, identity: Identity, members: Vec<Member>) -> Change {
    Change {
        change: direction,
        kind,
        identity: identity.0,
        covered: members.iter().any(|member| member.covered),
        members,
    }
}

fn object(value: impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// The members that differ; labels one by one, accesses and digests by their own members.
fn compare(left: &Map<String, Value>, right: &Map<String, Value>, frame: Frame<'_>) -> Vec<Member> {
    let mut members = Vec::new();
    for key in keys(left, right) {
        let (one, other) = (left.get(key), right.get(key));
        if one == other {
            continue;
        }
        match (key, one, other) {
            ("labels", _, _) => labels(left, one, other, frame, &mut members),
            ("access" | "digest" | "signature", Some(Value::Object(one)), Some(Value::Object(other))) => {
                let covered = is_covered(left, key, right.get(key), frame);
                for below in keys(one, other).into_iter().filter(|below| one.get(*below) != other.get(*below)) {
                    let name = format!("{key}.{below}");
                    members.push(Member {
                        name,
                        left: one.get(below).cloned(),
                        right: other.get(below).cloned(),
                        covered,
                    });
                }
            }
            _ => {
                let covered = is_covered(left, key, other, frame);
                members.push(Member { name: key.to_owned(), left: one.cloned(), right: other.cloned(), covered });
            }
        }
    }
    members
}

fn labels(
    element: &Map<String, Value>,
    left: Option<&Value>,
    right: Option<&Value>,
    frame: Frame<'_>,
    members: &mut Vec<Member>,
) {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let (left, right) = (list(left), list(right));
    let name = |label: &Value| label.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let before = members.len();
    for label in &left {
        let other = right.iter().find(|other| name(other) == name(label));
        if other != Some(label) {
            let changed =
                left.iter().filter_map(|known| if known == label { other.cloned() } else { Some(known.clone()) });
            let covered = is_covered(element, "labels", Some(&changed.collect()), frame);
            let name = format!("label {}", name(label));
            members.push(Member { name, left: Some(label.clone()), right: other.cloned(), covered });
        }
    }
    for label in right.iter().filter(|label| left.iter().all(|known| name(known) != name(label))) {
        let changed = left.iter().chain([label]).cloned().collect();
        let covered = is_covered(element, "labels", Some(&changed), frame);
        members.push(Member {
            name: format!("label {}", name(label)),
            left: None,
            right: Some(label.clone()),
            covered,
        });
    }
    if members.len() == before {
        let covered = is_covered(element, "labels", Some(&Value::Array(right.clone())), frame);
        let (left, right) = (Some(Value::Array(left)), Some(Value::Array(right)));
        members.push(Member { name: "order of labels".to_owned(), left, right, covered });
    }
}

/// Whether the normal form changes with one member. What cannot be told counts as covered.
fn is_covered(element: &Map<String, Value>, key: &str, value: Option<&Value>, frame: Frame<'_>) -> bool {
    let mut changed = element.clone();
    match value {
        Some(value) => changed.insert(key.to_owned(), value.clone()),
        None => changed.shift_remove(key),
    };
    let normal = |members: Map<String, Value>| {
        normalise::normalise(&frame(Value::Object(members))?, normalise::Algorithm::V4Alpha1).ok()
    };
    match (normal(element.clone()), normal(changed)) {
        (Some(before), Some(after)) => before != after,
        _ => true,
    }
}

/// The members of both, in the order of the first.
fn keys<'a>(left: &'a Map<String, Value>, right: &'a Map<String, Value>) -> Vec<&'a str> {
    let only_right = right.keys().filter(|key| !left.contains_key(*key));
    left.keys().chain(only_right).map(String::as_str).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(component: &str, rest: &str) -> Descriptor {
        let text = format!(
            "meta: {{schemaVersion: v2}}\ncomponent: {{name: acme.org/x, version: 1.0.0, {component}}}\n{rest}"
        );
        Descriptor::read(text.as_bytes()).unwrap()
    }

    fn told(left: &Descriptor, right: &Descriptor) -> Vec<String> {
        let line = |change: Change| {
            let members: Vec<_> = change
                .members
                .iter()
                .map(|member| format!("{}{}", member.name, if member.covered { "!" } else { "" }))
                .collect();
            let mark = if change.covered { "!" } else { "" };
            let name = change.identity.get("name").cloned().unwrap_or_default();
            format!("{:?} {} {name}{mark} {}", change.change, change.kind.noun(), members.join(" "))
        };
        differences(left, right).into_iter().map(line).collect()
    }

    #[test]
    fn equal_descriptors_have_no_differences() {
        let one = read("provider: acme, resources: [{name: a, type: t, access: {type: none}}]", "");
        assert_eq!(told(&one, &one), Vec::<String>::new());
    }

    #[test]
    fn elements_are_told_apart_by_their_identity() {
        let left = read(
            "provider: acme, resources: [{name: a, version: 1, type: t, access: {type: x}}, {name: b, type: t, access: {type: x}}]",
            "",
        );
        let right = read(
            "provider: acme, resources: [{name: b, type: u, access: {type: x}}, {name: a, version: 2, type: t, access: {type: x}}]",
            "",
        );
        assert_eq!(told(&left, &right), ["Removed resource a! ", "Changed resource b! type!", "Added resource a! "]);
    }

    #[test]
    fn the_digest_does_not_cover_places_signatures_and_unsigned_labels() {
        let left = read(
            "provider: acme, repositoryContexts: [], labels: [{name: plain, value: 1}, {name: signed, value: 1, signing: true}],
             resources: [{name: a, type: t, access: {type: x, at: here}, digest: {hashAlgorithm: h, normalisationAlgorithm: n, value: '1'}}]",
            "signatures: [{name: old}]",
        );
        let right = read(
            "provider: other, repositoryContexts: [{type: y}], labels: [{name: plain, value: 2}, {name: signed, value: 2, signing: true}, {name: new, value: 1}],
             resources: [{name: a, type: t, access: {type: x, at: there}, digest: {hashAlgorithm: h, normalisationAlgorithm: n, value: '2'}}]",
            "signatures: [{name: new}]",
        );
        assert_eq!(
            told(&left, &right),
            [
                "Changed component ! label plain label signed! label new repositoryContexts provider!",
                "Changed resource a! access.at digest.value!",
                "Removed signature old ",
                "Added signature new ",
            ]
        );
    }

    #[test]
    fn an_access_counts_where_the_digest_depends_on_it() {
        let with = |kind: &str| {
            let digest = "digest: {hashAlgorithm: h, normalisationAlgorithm: n, value: v}";
            read(&format!("provider: acme, resources: [{{name: a, type: t, access: {{type: {kind}}}, {digest}}}]"), "")
        };
        assert_eq!(told(&with("none"), &with("localBlob")), ["Changed resource a! access.type!"]);
        assert_eq!(told(&with("ociArtifact"), &with("localBlob")), ["Changed resource a access.type"]);
    }

    #[test]
    fn another_order_is_a_difference() {
        let with = |names: [&str; 2]| {
            let references: Vec<_> =
                names.map(|name| format!("{{name: {name}, version: 1.0.0, componentName: a.b/{name}}}")).into();
            read(&format!("provider: acme, componentReferences: [{}]", references.join(", ")), "")
        };
        assert_eq!(told(&with(["a", "b"]), &with(["b", "a"])), ["Changed component ! order of references!"]);
    }
}
