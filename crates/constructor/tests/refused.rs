//! Constructor files that are refused, with what a person is told.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;

use ocm_constructor::{Dialect, Reading, Text, read};
use support::{constructor, problems};

/// A component with one resource whose other keys are given.
fn resource(keys: &str) -> String {
    format!("name: acme.org/x\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n- {{name: res, type: blob, {keys}}}\n")
}

/// A component with more keys.
fn component(keys: &str) -> String {
    format!("name: acme.org/x\nversion: 1.0.0\nprovider: {{name: acme.org}}\n{keys}\n")
}

#[test]
fn print_all() {
    let inputs: Vec<String> = vec![
        String::new(),
        "# nothing\n".into(),
        "components: []\n".into(),
        "- a\n".into(),
        "components: {a: b}\n".into(),
        "components:\n- name: acme.org/x\n  version: 1.0.0\n  provider: {name: a}\nmeta: x\n".into(),
        "name: acme.org/X\nversion: latest\nprovider: acme\n".into(),
        "name: traefik\nversion: 1.0\nprovider: {}\n".into(),
        "version: 2026-01-30\n".into(),
        component("foo: bar"),
        component("resource: []"),
        component("references: []"),
        component("labels:\n- {name: l, value: 5}\n- {name: l, value: [5]}\n- {value: x}\n- {name: m, value: x, version: 1}\n- {name: n, value: \"\"}\n- {name: o, value: x, signed: true}"),
        component("creationTime: yesterday"),
        component("componentReferences:\n- {name: bb, componentName: acme.org/b}\n- {name: bb, componentName: acme, version: x}"),
        component("componentReferences:\n- name: bb\n  componentName: acme.org/b\n  version: 1.0.0\n  digest: {hashAlgorithm: SHA-256, normalisationAlgorithm: \"\", value: \"00\"}"),
        resource("input: {type: utf8, text: x}, access: {type: foo}"),
        resource("version: 1.0.0"),
        resource("access: {type: foo}"),
        resource("relation: external, input: {type: utf8, text: x}"),
        resource("relation: neither, input: {type: utf8, text: x}"),
        resource("input: {type: docker, path: x}"),
        resource("input: {type: fil, path: x}"),
        resource("input: {type: file, pth: x}"),
        resource("input: {type: utf8}"),
        resource("input: {type: utf8, text: x, json: {}}"),
        resource("input: {type: utf8, text: \"\"}"),
        resource("input: {type: dir, path: d, compress: maybe, includeFiles: \"[\"}"),
        resource("input: {type: dir, path: d, includeFiles: [\"[\"]}"),
        resource("input: {type: binary, data: \"%\"}"),
        resource("input: {type: helm, helmRepository: oci://x}"),
        resource("input: {type: utf8, text: x}, digest: {hashAlgorithm: SHA-256, normalisationAlgorithm: a, value: \"00\"}"),
        resource("input: {type: utf8, text: x}, extraIdentity: {A: b, name: c, os.version: \"1\", ok: [1]}"),
        resource("input: {type: utf8, text: x}, srcRefs: [{labels: []}, {identitySelector: {name: a}, x: y}]"),
        resource("input: {type: utf8, text: x}, options: {ownershipPolicy: always, x: y}"),
        "name: acme.org/x\nversion: 1.0.0\nprovider: {name: a}\nresources:\n- {name: Res.txt, input: {type: utf8, text: x}}\n- {name: ok, type: \"{{ .T }}\", input: {type: utf8, text: x}}\n- {name: ok, type: b, input: {type: utf8, text: x}}\n- {name: ok, type: b, input: {type: utf8, text: y}}\n".into(),
        component("sources:\n- {name: src, type: git, input: {type: helm, path: chart}}"),
        "components:\n- &c {name: acme.org/x, version: 1.0.0, provider: {name: a}}\n- *c\n".into(),
    ];
    for text in inputs {
        println!("{text}{}\n", problems(&text).lines().map(|line| format!("    => {line}\n")).collect::<String>());
    }
    let _ = (constructor(Path::new("."), "", Dialect::V1, &[]), read(&[] as &[Text], &Reading::default()));
}
