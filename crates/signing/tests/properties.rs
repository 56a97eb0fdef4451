//! What normal forms depend on, and what they do not: neither the order of members nor whether a document is JSON or YAML, however
//! often it is written and read. Members that no program knows do not take part, those that are signed do.
#![allow(clippy::unwrap_used, missing_docs)]

use ocm_model::Descriptor;
use ocm_model::normalise::{Algorithm, normalise};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const ALL: [Algorithm; 4] = [Algorithm::V1, Algorithm::V2, Algorithm::V3, Algorithm::V4Alpha1];

fn forms(text: &[u8]) -> Vec<Vec<u8>> {
    let descriptor = Descriptor::read(text).unwrap();
    ALL.map(|algorithm| normalise(&descriptor, algorithm).unwrap()).to_vec()
}

/// The same value with the members of every mapping in another order.
fn reordered(value: &Value, seed: u64) -> Value {
    match value {
        Value::Object(members) => {
            let mut entries: Vec<_> = members.iter().collect();
            let mix = |key: &str| {
                let start = seed | 1;
                key.bytes().fold(start, |mixed, byte| (mixed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
            };
            entries.sort_by_key(|(key, _)| mix(key));
            Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), reordered(value, seed))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| reordered(item, seed)).collect()),
        other => other.clone(),
    }
}

/// Values that YAML of one program or another reads as something else unless they are written with care.
fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        "[ -~äß€😀]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "yes",
            "No",
            "0x1F",
            "1e3",
            "~",
            "null",
            "2026-11-21",
            "1_000",
            "<<",
            ": x",
            "- x",
            "#",
            " a ",
            "a\nb\n"
        ])
        .prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z][a-zA-Z0-9]{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn label() -> impl Strategy<Value = Value> {
    ("[a-z]{1,8}", value(), any::<bool>(), prop::option::of(prop::sample::select(vec!["v1", "v2alpha1"]))).prop_map(
        |(name, value, signing, version)| {
            let mut label = json!({"name": name, "value": value, "signing": signing});
            if let Some(version) = version {
                label["version"] = json!(version);
            }
            label
        },
    )
}

fn distinct(labels: Vec<Value>) -> Vec<Value> {
    let mut seen = std::collections::BTreeSet::new();
    labels.into_iter().filter(|label| seen.insert(label["name"].to_string())).collect()
}

fn document() -> impl Strategy<Value = Value> {
    let labels = || prop::collection::vec(label(), 0..3).prop_map(distinct);
    let extra = prop::collection::btree_map("[a-z]{1,5}", "[ -~]{0,8}", 0..3);
    let hash = prop::sample::select(vec!["SHA-256", "sha256", "BLAKE-9"]);
    (labels(), labels(), extra, hash, value(), any::<bool>()).prop_map(|(labels, own, extra, hash, unknown, time)| {
        let mut component = json!({
            "name": "acme.org/app", "version": "1.0.0", "provider": "acme.org",
            "repositoryContexts": [{"type": "OCIRegistry", "baseUrl": "a.example"}],
            "sources": [{"name": "src", "type": "git", "version": "1.0.0", "access": {"type": "gitHub", "repoUrl": "x"}}],
            "componentReferences": [{"name": "part", "componentName": "acme.org/part", "version": "1.0.0"}],
            "resources": [{
                "name": "one", "type": "blob", "version": "1.0.0", "relation": "local", "labels": own,
                "access": {"type": "localBlob", "localReference": "sha256:00", "mediaType": "text/plain"},
                "digest": {"hashAlgorithm": hash, "normalisationAlgorithm": "genericBlobDigest/v1", "value": "ab".repeat(32)},
            }],
            "labels": labels,
        });
        if !extra.is_empty() {
            component["resources"][0]["extraIdentity"] = json!(extra);
        }
        if time {
            component["creationTime"] = json!("2026-11-21T05:00:00Z");
        }
        json!({"meta": {"schemaVersion": "v2"}, "component": component, "zUnknown": unknown})
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_and_notation_do_not_matter(document in document(), seed: u64) {
        let expected = forms(document.to_string().as_bytes());
        let other = reordered(&document, seed);
        prop_assert_eq!(&forms(other.to_string().as_bytes()), &expected);
        prop_assert_eq!(&forms(serde_json::to_string_pretty(&other).unwrap().as_bytes()), &expected);
        prop_assert_eq!(&forms(ocm_model::yaml::to_string(&other).as_bytes()), &expected);
        // Read and written by this program, in both notations, as often as you like.
        let descriptor = Descriptor::read(other.to_string().as_bytes()).unwrap();
        let (json, yaml) = (descriptor.write_json(), descriptor.write_yaml());
        prop_assert_eq!(&forms(&json), &expected);
        prop_assert_eq!(&forms(&yaml), &expected);
        prop_assert_eq!(&forms(&Descriptor::read(&yaml).unwrap().write_json()), &expected);
    }

    #[test]
    fn where_content_is_does_not_matter_and_what_it_is_does(document in document()) {
        let expected = forms(document.to_string().as_bytes());
        let mut moved = document.clone();
        moved["component"]["resources"][0]["access"] = json!({"type": "ociArtifact", "imageReference": "b.example/x:1"});
        moved["component"]["repositoryContexts"] = json!([]);
        moved["signatures"] = json!([{"name": "x", "digest": {"hashAlgorithm": "SHA-256", "normalisationAlgorithm": "jsonNormalisation/v3", "value": "00"},
            "signature": {"algorithm": "a", "value": "b", "mediaType": "c"}}]);
        prop_assert_eq!(&forms(moved.to_string().as_bytes()), &expected);
        for (path, other) in [
            ("/component/version", "1.0.1"),
            ("/component/resources/0/digest/value", "cd"),
            ("/component/resources/0/digest/hashAlgorithm", "SHA-512"),
            ("/component/resources/0/name", "two"),
            ("/component/componentReferences/0/version", "2.0.0"),
        ] {
            let mut changed = document.clone();
            *changed.pointer_mut(path).unwrap() = json!(other);
            for (before, after) in expected.iter().zip(forms(changed.to_string().as_bytes())) {
                prop_assert_ne!(before, &after, "{}", path);
            }
        }
    }
}
