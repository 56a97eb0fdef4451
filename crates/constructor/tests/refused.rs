//! Constructor files that are refused, with what a person is told.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;

use ocm_constructor::{Dialect, Engine, Reading, Text, Variables, read};
use support::{constructor, problems};

/// What stands in front of the keys of a component in the tables.
const COMPONENT: &str = "name: acme.org/x\nversion: 1.0.0\nprovider: {name: acme.org}\n";

/// Whole files.
const FILES: &[(&str, &[&str])] = &[
    ("", &[" describes no component: the file is empty"]),
    ("# nothing\n", &[" describes no component: the file is empty"]),
    ("components: []\n", &[r#"1:1: the list "components" is empty"#]),
    ("- a\n", &[r#"1:1: a component or a list "components" is expected, but this is a list"#]),
    ("components: {a: b}\n", &[r#"1:13: "components" must be a list, but is a mapping"#]),
    (
        "components:\n- name: acme.org/x\n  version: 1.0.0\n  provider: {name: a}\nmeta: x\n",
        &[r#"5:1: the key "meta" cannot stand beside "components": move it into the component"#],
    ),
    (
        "name: acme.org/X\nversion: latest\nprovider: acme\n",
        &[
            r#"1:1: component name "acme.org/X": "X" is no part of its path: lower-case letters, digits, `-` and `_`, beginning with a letter"#,
            r#"2:10: version "latest": "latest" is not a number"#,
            "3:11: the provider must be a mapping: write it as {name: acme}",
        ],
    ),
    (
        "name: traefik\nversion: 1.0\nprovider: {}\n",
        &[
            r#"1:1: component name "traefik": has no path: write a domain, a slash and a name, such as acme.org/product"#,
            r#"2:10: the version of the component "traefik" is read as a number: quote it, "1.0""#,
            r#"3:11: provider: the key "name" is missing"#,
        ],
    ),
    (
        "version: 2026-01-30\n",
        &[
            r#"1:1: component: the key "name" is missing"#,
            r#"1:1: component: the key "provider" is missing"#,
            r#"1:10: the version of the component is read as a date: quote it, "2026-01-30""#,
        ],
    ),
    (
        "name: acme.org/x\nversion: 1.0.0\nprovider: {name: a}\nresources:\n- {name: Res.txt, input: {type: utf8, text: x}}\n- {name: ok, type: \"{{ .T }}\", input: {type: utf8, text: x}}\n- {name: ok, type: b, input: {type: utf8, text: x}}\n- {name: ok, type: b, input: {type: utf8, text: y}}\n",
        &[
            r#"5:3: resource "Res.txt": the key "type" is missing"#,
            r#"5:4: name "Res.txt": must be two or more lower-case letters, digits, `-`, `_` or `+`, beginning and ending with a letter or a digit"#,
            r#"6:14: "{{ .T }}" is not a valid type: it must begin with a letter or a digit; a Go template is left in it: use the templating engine "go""#,
            "7:3: two resources have the identity name=ok,version=1.0.0; the first one is in 6:3: give one an extraIdentity",
            "8:3: two resources have the identity name=ok,version=1.0.0; the first one is in 6:3: give one an extraIdentity",
        ],
    ),
    (
        "components:\n- &c {name: acme.org/x, version: 1.0.0, provider: {name: a}}\n- *c\n",
        &["3:3: the component version acme.org/x:1.0.0 appears twice; the first one is in c.yaml:2:6"],
    ),
];

/// Keys of a component.
const COMPONENTS: &[(&str, &[&str])] = &[
    (
        "foo: bar",
        &[
            r#"4:1: component "acme.org/x": unknown key "foo"; it has name, version, provider, creationTime, labels, sources, resources, componentReferences"#,
        ],
    ),
    ("resource: []", &[r#"4:1: component "acme.org/x": unknown key "resource"; did you mean "resources"?"#]),
    (
        "references: []",
        &[r#"4:1: component "acme.org/x": unknown key "references"; did you mean "componentReferences"?"#],
    ),
    (
        "labels:\n- {name: l, value: 5}\n- {name: l, value: [5]}\n- {value: x}\n- {name: m, value: x, version: 1}\n- {name: n, value: \"\"}\n- {name: o, value: x, signed: true}",
        &[
            r#"5:20: label "l" of the component "acme.org/x": the value must be a text or a mapping, but is a number (quote it to make it a text)"#,
            r#"6:3: component "acme.org/x": the label "l" appears twice; the first one is in 5:3"#,
            r#"6:20: label "l" of the component "acme.org/x": the value must be a text or a mapping, but is a list"#,
            r#"7:3: label of the component "acme.org/x": the key "name" is missing"#,
            r#"8:23: label "m" of the component "acme.org/x": the version "1" must be v1, v2 and so on"#,
            r#"9:20: label "n" of the component "acme.org/x": the value must be a text or a mapping, but is an empty text"#,
            r#"10:23: label "o" of the component "acme.org/x": unknown key "signed"; it has name, value, version, signing, merge"#,
        ],
    ),
    (
        "creationTime: yesterday",
        &[r#"4:1: creationTime "yesterday" is not a date with time and zone: write it as 2024-05-06T07:08:09Z"#],
    ),
    (
        "componentReferences:\n- {name: bb, componentName: acme.org/b}\n- {name: bb, componentName: acme, version: x}",
        &[
            r#"5:3: reference "bb": the key "version" is missing"#,
            r#"6:14: component name "acme": has no path: write a domain, a slash and a name, such as acme.org/product"#,
            r#"6:44: version "x": "x" is not a number"#,
        ],
    ),
    (
        "componentReferences:\n- name: bb\n  componentName: acme.org/b\n  version: 1.0.0\n  digest: {hashAlgorithm: SHA-256, normalisationAlgorithm: \"\", value: \"00\"}",
        &[
            r#"8:11: the digest of the reference "bb" is incomplete: hashAlgorithm, normalisationAlgorithm and value must all be set"#,
        ],
    ),
    (
        "sources:\n- {name: src, type: git, input: {type: helm, path: chart}}",
        &[r#"5:26: source "src": a helm input makes an artifact; declare it as a resource"#],
    ),
];

/// Keys of the resource `res`, in line 5 after column 26.
const RESOURCES: &[(&str, &[&str])] = &[
    (
        "input: {type: utf8, text: x}, access: {type: foo}",
        &[r#"5:34: resource "res": has both "input" and "access": remove one of them"#],
    ),
    (
        "version: v1, access: {type: ociArtifact, imagereference: 7}",
        &[
            r#"5:84: access of the resource "res": "imageReference" must be a text, but is a number (quote it to make it a text)"#,
        ],
    ),
    (
        "version: v1, access: {type: OCIImage/v1, imageRef: x}",
        &[r#"5:68: access of the resource "res": the key "imageReference" is missing; "imageRef" is not known here"#],
    ),
    (
        "version: v1, access: {type: ociArtifact, imageReference: 'A b'}",
        &[r#"5:84: access of the resource "res": image reference "A b": there are no blanks in references"#],
    ),
    (
        "version: v1, access: {type: gitHub, repoUrl: github.com/a/b}",
        &[r#"5:48: access of the resource "res": the key "commit" or "ref" is missing"#],
    ),
    (
        "version: v1, access: {type: gitHub, repoUrl: github.com/a/b, commit: 0123}",
        &[r#"5:96: access of the resource "res": "0123" is no commit: 40 hexadecimal digits are expected"#],
    ),
    (
        "version: v1, access: {type: wget, url: 'ftp://host/x', noRedirect: maybe, header: [a]}",
        &[
            r#"5:94: access of the resource "res": "noRedirect" must be true or false, but is a text"#,
            r#"5:109: access of the resource "res": "header" must be a mapping of names to lists of texts, but is a list"#,
        ],
    ),
    (
        "version: v1, access: {type: wget, url: 'ftp://host/x'}",
        &[r#"5:66: access of the resource "res": url "ftp://host/x": is no web address: write http://… or https://…"#],
    ),
    (
        "version: v1, access: {type: helm, helmRepository: charts.acme.org}",
        &[r#"5:48: access of the resource "res": the key "helmChart" is missing"#],
    ),
    (
        "version: v1, access: {type: s3, bucketName: '', objectKey: {a: b}}",
        &[
            r#"5:71: access of the resource "res": the key "bucketName" or "bucket" is empty"#,
            r#"5:86: access of the resource "res": "objectKey" must be a text, but is a mapping"#,
        ],
    ),
    (
        "input: {type: wget, url: 'host/x'}",
        &[r#"5:47: input of the resource "res": url "host/x": is no web address: relative URL without a base"#],
    ),
    (
        "input: {type: helm, helmRepository: charts}",
        &[
            r#"5:47: input of the resource "res": "helmRepository" must be the address of a packed chart, https://host/path/chart:version, or oci://host/path/chart:tag (oci+http:// without TLS)"#,
        ],
    ),
    (
        "version: 1.0.0",
        &[r#"5:3: resource "res": needs either "input" (content to be stored) or "access" (where the content is)"#],
    ),
    (
        "access: {type: foo}",
        &[r#"5:3: resource "res": the key "version" is missing; content behind an access has a version of its own"#],
    ),
    (
        "relation: external, input: {type: utf8, text: x}",
        &[r#"5:27: resource "res": content from an input is always local: remove "relation""#],
    ),
    (
        "relation: neither, input: {type: utf8, text: x}",
        &[r#"5:27: resource "res": the relation "neither" must be "local" or "external""#],
    ),
    (
        "input: {type: docker, path: x}",
        &[
            r#"5:35: input of the resource "res": unknown input type "docker"; there are file, dir, utf8, binary, helm, wget, ociArtifact, ociImage, ociRegistry"#,
        ],
    ),
    (
        "input: {type: fil, path: x}",
        &[r#"5:35: input of the resource "res": unknown input type "fil"; did you mean "file"?"#],
    ),
    (
        "input: {type: file, pth: x}",
        &[
            r#"5:34: input of the resource "res": the key "path" is missing"#,
            r#"5:47: input of the resource "res": unknown key "pth"; did you mean "path"?"#,
        ],
    ),
    (
        "input: {type: utf8}",
        &[r#"5:34: input of the resource "res": needs exactly one of text, json, formattedJson, yaml, but has none"#],
    ),
    (
        "input: {type: utf8, text: x, json: {}}",
        &[
            r#"5:34: input of the resource "res": needs exactly one of text, json, formattedJson, yaml, but has several"#,
        ],
    ),
    (r#"input: {type: utf8, text: ""}"#, &[r#"5:53: input of the resource "res": the text is empty"#]),
    (
        r#"input: {type: dir, path: d, compress: maybe, includeFiles: "["}"#,
        &[
            r#"5:65: "compress" of the input of the resource "res" must be true or false"#,
            r#"5:86: "includeFiles" of the input of the resource "res" must be a list, but is a single value"#,
        ],
    ),
    (
        r#"input: {type: dir, path: d, includeFiles: ["["]}"#,
        &[
            r#"5:55: input of the resource "res": "[" is not a valid pattern: a character class or a backslash at its end is not closed"#,
        ],
    ),
    (r#"input: {type: binary, data: "%"}"#, &[r#"5:49: input of the resource "res": "data" is not base64"#]),
    (
        "input: {type: helm, helmRepository: oci://x}",
        &[
            r#"5:47: input of the resource "res": "helmRepository" must be the address of a packed chart, https://host/path/chart:version, or oci://host/path/chart:tag (oci+http:// without TLS)"#,
        ],
    ),
    (
        r#"input: {type: utf8, text: x}, digest: {hashAlgorithm: SHA-256, normalisationAlgorithm: a, value: "00"}"#,
        &[r#"5:65: the digest of the resource "res" is malformed: "00" is no SHA-256 value"#],
    ),
    (
        r#"input: {type: utf8, text: x}, extraIdentity: {A: b, name: c, os.version: "1", ok: [1]}"#,
        &[
            r#"5:73: the extra identity of the resource "res": name "A": must be two or more lower-case letters, digits, `-`, `_` or `+`, beginning and ending with a letter or a digit"#,
            r#"5:79: the extra identity of the resource "res": "name" is part of every identity; set it on the element itself"#,
            r#"5:109: the extra identity of the resource "res": the value of "ok" must be a text, but is a list"#,
        ],
    ),
    (
        "input: {type: utf8, text: x}, srcRefs: [{labels: []}, {identitySelector: {name: a}, x: y}]",
        &[
            r#"5:67: source reference of the resource "res": the key "identitySelector" must be a mapping"#,
            r#"5:111: source reference of the resource "res": unknown key "x"; it has identitySelector, labels"#,
        ],
    ),
    (
        "input: {type: utf8, text: x}, options: {ownershipPolicy: always, x: y}",
        &[
            r#"5:67: options of the resource "res": the ownershipPolicy "always" must be "Never" or "Always""#,
            r#"5:92: options of the resource "res": unknown key "x"; it has ownershipPolicy"#,
        ],
    ),
];

fn check(text: &str, messages: &[&str]) {
    let expected: Vec<String> = messages.iter().map(|message| format!("c.yaml:{message}")).collect();
    assert_eq!(problems(text), expected.join("\n"), "{text}");
}

#[test]
fn every_mistake_is_told_at_its_place() {
    for (text, messages) in FILES {
        check(text, messages);
    }
    for (keys, messages) in COMPONENTS {
        check(&format!("{COMPONENT}{keys}\n"), messages);
    }
    for (keys, messages) in RESOURCES {
        check(&format!("{COMPONENT}resources:\n- {{name: res, type: blob, {keys}}}\n"), messages);
    }
}

#[test]
fn mistakes_of_all_files_are_told_together() {
    let text = |name: &str, content: &str| Text { name: name.into(), content: content.into(), folder: ".".into() };
    let files = [
        text("a.yaml", &format!("{COMPONENT}foo: 1\n")),
        text("b.yaml", "x: [\n"),
        text("c.yaml", COMPONENT),
        text("d.yaml", COMPONENT),
    ];
    let problems = read(&files, &Reading::default()).unwrap_err();
    let starts: Vec<String> =
        problems.to_string().lines().map(|line| line.split(": ").next().unwrap_or_default().to_owned()).collect();
    assert_eq!(starts, ["a.yaml:4:1", "b.yaml:1:4", "d.yaml:1:1"]);
    assert!(
        problems
            .to_string()
            .ends_with("the component version acme.org/x:1.0.0 appears twice; the first one is in c.yaml:1:1")
    );
}

#[test]
fn the_older_dialect_is_more_forgiving() {
    let text = format!(
        "{COMPONENT}references:\n- {{name: bb, ComponentName: acme.org/b, Version: 1.0.0}}\nlabels:\n- {{name: l, value: [5]}}\n"
    );
    let read = constructor(Path::new("."), &text, Dialect::V1, &[]).unwrap();
    assert_eq!(read.components[0].references[0].1.component_name, "acme.org/b");
    assert_eq!(read.components[0].labels[0].value, serde_json::json!([5]));
    assert_eq!(problems(&text).lines().count(), 2);
    let both = format!("{text}componentReferences: [{{name: cc, componentName: acme.org/c, version: 1.0.0}}]\n");
    assert!(constructor(Path::new("."), &both, Dialect::V1, &[]).unwrap_err().to_string().contains("has both"));
}

#[test]
fn what_stays_a_text() {
    let text = format!(
        "{COMPONENT}resources:\n- name: res\n  type: 7\n  version: v1\n  extraIdentity: {{on: yes, nn: 0123}}\n  access: {{type: gitHub, repoUrl: github.com/a/b, commit: 0123456789012345678901234567890123456789, n: 1, ref: 1.10}}\n"
    );
    let read = constructor(Path::new("."), &text, Dialect::V2, &[]).unwrap();
    let resource = serde_json::to_value(&read.components[0].resources[0].element).unwrap();
    assert_eq!(resource["type"], "7");
    assert_eq!(resource["extraIdentity"], serde_json::json!({"on": "yes", "nn": "0123"}));
    assert_eq!(
        resource["access"],
        serde_json::json!({"type": "gitHub", "repoUrl": "github.com/a/b", "commit": "0123456789012345678901234567890123456789", "n": 1, "ref": "1.10"})
    );
}

#[test]
fn a_missing_version_may_be_given() {
    let text = Text {
        name: "c.yaml".into(),
        content: "component: {name: acme.org/x, provider: {name: a}}".into(),
        folder: ".".into(),
    };
    let reading = Reading { default_version: Some("2.0.0".into()), ..Reading::default() };
    assert_eq!(read(std::slice::from_ref(&text), &reading).unwrap().components[0].version, "2.0.0");
    assert!(read(&[text], &Reading::default()).is_err());
}

#[test]
fn notices_are_no_problems() {
    let text = format!("{COMPONENT}resources:\n- {{name: res, type: blob, input: {{type: utf8, text: x, mediaType: text/foo}}}}\n- {{name: dir, type: blob, input: {{type: dir, path: d, includeFiles: [\".*[.]txt\"]}}}}\n")
        .replace("{name: acme.org}", "{name: acme.org, extra: key}");
    let read = constructor(Path::new("."), &text, Dialect::V2, &[]).unwrap();
    let notices: Vec<String> = read.notices.iter().map(ToString::to_string).collect();
    assert_eq!(notices.len(), 3, "{notices:?}");
    assert!(notices[0].starts_with("c.yaml:3:28: provider: the key \"extra\""), "{notices:?}");
    assert!(
        notices[1].contains("mediaType \"text/foo\" is not used")
            && notices[2].contains("looks like a regular expression"),
        "{notices:?}"
    );
}

#[test]
fn the_engine_decides_what_a_placeholder_is() {
    let text = "name: acme.org/x\nversion: { { .VERSION } }\nprovider: {name: \"${NAME}\"}\n";
    let with = |engine| {
        let text = Text { name: "c.yaml".into(), content: text.into(), folder: ".".into() };
        let variables = Variables::new().with_texts([("VERSION", "1.2.3"), ("NAME", "acme")]);
        read(&[text], &Reading { engine, variables, dialect: Dialect::V1, ..Reading::default() })
    };
    let read = with(Engine::Auto).unwrap();
    assert_eq!((read.components[0].version.as_str(), read.components[0].provider.name.as_str()), ("1.2.3", "${NAME}"));
    assert!(read.notices[0].to_string().starts_with("c.yaml:2:10: a formatter has split"));
    for engine in [Engine::Dollar, Engine::Subst, Engine::None] {
        assert!(with(engine).is_err(), "{engine:?}");
    }
}

/// Each of these would take minutes or gigabytes if it were read twice over for every character.
#[test]
fn hostile_texts_are_refused_in_little_time() {
    let start = std::time::Instant::now();
    let many = |part: &str| part.repeat(20_000);
    for text in [
        many("${"),
        format!("a: \"{}\"", many("$${")),
        format!("a: {}", many("${A}")),
        many("{ {"),
        format!("a: [{}]", many("x,")),
        "[".repeat(60_000),
        format!("{{{}}}", (0..100_000).map(|key| format!("k{key}: 1")).collect::<Vec<_>>().join(",")),
        format!("components:\n{}", "- {}\n".repeat(100_000)),
        "x".repeat(17 << 20),
    ] {
        for dialect in [Dialect::V1, Dialect::V2] {
            assert!(constructor(Path::new("."), &text, dialect, &[]).is_err());
        }
    }
    assert!(start.elapsed() < std::time::Duration::from_mins(1), "{:?}", start.elapsed());
}
