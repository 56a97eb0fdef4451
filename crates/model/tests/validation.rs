//! Every broken rule of a descriptor is reported, with its place.

#![allow(clippy::unwrap_used)]

use ocm_model::Descriptor;
use ocm_model::validate::validate;

fn findings(text: &str) -> Vec<String> {
    validate(&Descriptor::read(text.as_bytes()).unwrap()).iter().map(ToString::to_string).collect()
}

#[test]
fn sound_descriptors_have_no_findings() {
    assert_eq!(findings(include_str!("data/plain.yaml")), [] as [&str; 0]);
}

#[test]
fn all_findings_at_once() {
    let found = findings(
        "
meta: {schemaVersion: v2}
component:
  name: Acme
  version: one
  labels:
  - {name: a, value: 1, version: '1', merge: {algorithm: X}}
  - {name: a, value: 2}
  resources:
  - {name: ok, version: 1.0.0, type: t, relation: local, access: {type: none}}
  - {name: ok, version: 1.0.0, type: t, relation: local, access: {type: none}}
  - {name: ok, version: 1.0.1, type: t, relation: local, access: {type: none}}
  - {name: ok, version: 1.0.0, extraIdentity: {arch: a}, type: t, relation: local, access: {type: none}}
  - {name: A, version: x, type: '', relation: near, access: {type: ''}, extraIdentity: {name: b, UP: c}}
  - name: digest
    type: t
    relation: external
    access: {type: none}
    digest: {hashAlgorithm: SHA-256, normalisationAlgorithm: genericBlobDigest/v1, value: abc}
  - name: half
    type: t
    relation: external
    access: {type: none}
    digest: {hashAlgorithm: SHA-256}
  - name: excluded
    type: t
    relation: external
    access: {type: none}
    digest: {hashAlgorithm: NO-DIGEST, normalisationAlgorithm: EXCLUDE-FROM-SIGNATURE, value: NO-DIGEST}
  sources:
  - {name: ok, version: 1.0.0, type: t, access: {type: none}}
  componentReferences:
  - {name: ref, version: '', componentName: nodots/x, digest: {hashAlgorithm: '', normalisationAlgorithm: '', value: ''}}
signatures:
- {name: s, digest: {hashAlgorithm: SHA-256, normalisationAlgorithm: jsonNormalisation/v3, value: abc}}
- {name: s}
",
    );
    let expected = [
        ("component.name", "no path"),
        ("component.version", "\"one\" is not a number"),
        ("component.labels[0].version", "must be v and a number"),
        ("component.labels[0].merge.algorithm", "\"X\""),
        ("component.labels[1].name", "another label"),
        ("component.provider", "has no name"),
        ("component.resources[1]", "of another one"),
        ("component.resources[4].name", "\"A\""),
        ("component.resources[4].version", "\"x\""),
        ("component.resources[4].extraIdentity.UP", "\"UP\""),
        ("component.resources[4].extraIdentity.name", "cannot be given again"),
        ("component.resources[4].type", "is missing"),
        ("component.resources[4].access.type", "is missing"),
        ("component.resources[4].relation", "\"near\""),
        ("component.resources[5].digest.value", "no SHA-256 digest"),
        ("component.resources[6].digest.normalisationAlgorithm", "is missing"),
        ("component.resources[6].digest.value", "is missing"),
        ("component.componentReferences[0].componentName", "no domain"),
        ("component.componentReferences[0].version", "is missing"),
        ("signatures[0].digest.value", "no SHA-256 digest"),
        ("signatures[1].name", "another signature"),
    ];
    for (index, (path, part)) in expected.iter().enumerate() {
        assert!(
            found.get(index).is_some_and(|found| found.starts_with(&format!("{path}: ")) && found.contains(part)),
            "{path} in {found:#?}"
        );
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}
