use ocm_transfer::document::{self, Document};
use ocm_transfer::{Kind, Options};
use serde_json::json;

use crate::rig::{HELLO, Rig, archive, edited, everything, options, written};

#[track_caller]
fn refused(text: &str, expected: &str) {
    let result = document::read("x.yaml", text.as_bytes()).and_then(|document| document::check(&document).map(|_| ()));
    let error = result.expect_err(expected);
    assert!(error.to_string().contains(expected), "{error}\nshould say\n{expected}");
    assert_eq!(error.kind(), Kind::Document);
}

fn nodes(nodes: &[(&str, &str, &str)]) -> String {
    let nodes = nodes.iter().map(|(id, kind, spec)| format!("- {{id: {id}, type: {kind}/v1alpha1, spec: {spec}}}\n"));
    format!("environment: {{x: {{name: n, list: [1]}}}}\ntransformations:\n{}", nodes.collect::<String>())
}

#[test]
fn texts_that_are_no_documents() {
    refused("transformations: [", "x.yaml:1:18: is no transformation document");
    refused("", "x.yaml: ");
    refused("environment: {}", "it has no transformations");
    refused("name: acme.org/x", "unknown field");
    refused("environment: {}\nenvironment: {}\ntransformations: []", "x.yaml:2:1: is no transformation document");
    refused(&nodes(&[("a", "FileCleanup", "{files: []}, more: 1")]), "more");
    refused("\u{0}", "x.yaml:1:1: ");
}

#[test]
fn nodes_that_make_no_sense() {
    let one = |kind: &str, spec: &str| nodes(&[("a", kind, spec)]);
    refused(&one("Explode", "{}"), "x.yaml:3:3: transformation a [Explode/v1alpha1]: the type is unknown");
    refused(&one("FileCleanup", "{}"), "spec.files is missing");
    refused(&one("FileCleanup", "{files: [], file: x}"), "spec.file is unknown; it has files");
    refused(&nodes(&[("a b", "FileCleanup", "{files: []}")]), "the id must be");
    refused(&nodes(&[("null", "FileCleanup", "{files: []}")]), "");
    refused(&nodes(&[("environment", "FileCleanup", "{files: []}")]), "the id must be");
    refused(&nodes(&[("a", "FileCleanup", "{files: []}"), ("a", "FileCleanup", "{files: []}")]), "the id stands twice");
    let add = "{repository: {type: OCIRepository/v1, baseUrl: x.example}, descriptor: x}";
    refused(
        &one("CTFAddComponentVersion", add),
        "spec.repository is a registry; CTFAddComponentVersion is for archives",
    );
    refused(
        &one("OCIAddComponentVersion", "{repository: {type: S3/v1}, descriptor: x}"),
        "spec.repository has the type \"S3/v1\"; OCIAddComponentVersion is for registries",
    );
}

#[test]
fn expressions_that_lead_nowhere() {
    let one = |expression: &str| {
        nodes(&[
            ("a", "FileCleanup", &format!("{{files: [\"${{{expression}}}\"]}}")),
            ("b", "FileCleanup", "{files: [1]}"),
        ])
    };
    refused(
        &one("nobody.output.file"),
        "x.yaml:3:3: transformation a [FileCleanup/v1alpha1]: spec.files: there is no transformation nobody",
    );
    refused(&one("a.output.cleanedFiles"), "refers to its own transformation");
    refused(&one("environment.y"), "environment.y does not exist");
    refused(&one("environment.x.list[1]"), "environment.x.list[1] does not exist");
    refused(&one("has(environment.y.z) ? 1 : 2"), "environment.y does not exist");
    refused(&one("b.output.file"), "b has no output file; it has cleanedFiles");
    refused(&one("b.spec.file"), "b.spec.file does not exist");
    refused(&one("b.files"), "b is followed by neither .spec nor .output");
    refused(&one("b.output.cleanedFiles +"), "spec.files[0]: expression ${b.output.cleanedFiles +}: ");
    for fine in [
        "environment.?y",
        "environment.x.?y.z",
        "has(environment.y) ? 1 : 2",
        "[1].map(x, x + b.output.cleanedFiles)",
        "b.spec.?file",
    ] {
        let document = document::read("x", one(fine).as_bytes()).unwrap();
        document::check(&document).unwrap_or_else(|error| panic!("{fine}: {error}"));
    }
}

/// A node that reads a component version, with this component, beside one that counts.
fn reading(component: &str) -> String {
    let spec =
        format!("{{repository: {{type: CTF/v1, filePath: nowhere}}, component: {component}, version: \"1.0.0\"}}");
    nodes(&[("a", "CTFGetComponentVersion", &spec), ("b", "FileCleanup", "{files: [1]}")])
}

#[test]
fn values_of_another_type_than_their_member() {
    for (component, is) in [
        ("3", "a number"),
        ("[x]", "a list"),
        ("\"${environment.x}\"", "an object"),
        ("\"${environment.x.list}\"", "a list"),
        ("\"${environment.x.list[0]}\"", "a number"),
        ("\"${b.spec.files}\"", "a list"),
        ("\"${b.output.cleanedFiles}\"", "a number"),
        ("\"${b.output}\"", "an object"),
        ("[\"${b.output.cleanedFiles}\"]", "a list"),
    ] {
        let at = "x.yaml:3:3: transformation a [CTFGetComponentVersion/v1alpha1]: spec.component: is ";
        refused(&reading(component), &format!("{at}{is}, and has to be a text"));
    }
    for fine in ["\"${'a' + 'b'}\"", "\"n${b.output.cleanedFiles}\"", "\"${string(b.output.cleanedFiles)}\""] {
        let document = document::read("x", reading(fine).as_bytes()).unwrap();
        document::check(&document).unwrap_or_else(|error| panic!("{fine}: {error}"));
    }
    let element = "{resource: {name: web, access: {type: ociArtifact, imageReference: x/y}}, \
                   targetResource: {name: web, access: {type: \"${b.output.cleanedFiles}\"}}}";
    let text = nodes(&[("a", "TransferOCIArtifact", element), ("b", "FileCleanup", "{files: []}")]);
    refused(
        &text,
        "spec.targetResource.access.type: is a number, and has to be a text (expression ${b.output.cleanedFiles})",
    );
}

/// What only the run tells is named the same way.
#[tokio::test]
async fn values_that_turn_out_to_be_of_another_type() {
    let rig = Rig::default();
    for (component, reason) in [
        ("${b.output.cleanedFiles + 1}", "is a number, and has to be a text"),
        ("${[b.output.cleanedFiles]}", "is a list, and has to be a text"),
        ("${environment.?nothing}", "is null, and is needed"),
    ] {
        let document = document::read("x", reading(&format!("\"{component}\"")).as_bytes()).unwrap();
        let error = fails(&rig, &document, &options()).await.to_string();
        let at = "x:3:3: transformation a [CTFGetComponentVersion/v1alpha1]: spec.component: ";
        assert!(error.starts_with(&format!("{at}{reason}")), "{error}");
    }
}

#[test]
fn nodes_that_need_each_other() {
    let on = |other: &str| format!("{{files: [\"${{{other}.output.cleanedFiles}}\"]}}");
    let text = nodes(&[
        ("z", "FileCleanup", "{files: []}"),
        ("a", "FileCleanup", &on("b")),
        ("b", "FileCleanup", &on("c")),
        ("c", "FileCleanup", &on("b")),
    ]);
    refused(&text, "x.yaml:5:3: transformation b [FileCleanup/v1alpha1]: transformations need each other: b → c → b");
}

#[tokio::test]
async fn types_that_are_not_carried_out_stop_everything_before_it_begins() {
    let rig = Rig::default();
    let hello = rig.hello("source").await;
    let mut document = written(&[&hello], &archive("out"), &options());
    let chart = json!({"type": "GetHelmChart/v1alpha1", "id": "chart", "spec": {"resource": {"name": "c"}}});
    document.transformations.push(serde_json::from_value(chart).unwrap());
    document::check(&document).unwrap();
    let error = rig.run(&document, &options()).await.unwrap_err();
    assert!(error.to_string().starts_with("transformation chart [GetHelmChart/v1alpha1]: "), "{error}");
    assert_nothing_in(&rig, "out").await;
}

async fn assert_nothing_in(rig: &Rig, path: &str) {
    assert_eq!(rig.archive(path).components().await.unwrap(), Vec::<String>::new());
}

async fn fails(rig: &Rig, document: &Document, options: &Options) -> ocm_transfer::Error {
    let error = rig.run(document, options).await.expect_err("must fail");
    assert_nothing_in(rig, "out").await;
    error
}

#[tokio::test]
async fn content_that_is_not_the_recorded_one() {
    let rig = Rig::default();
    let hello = rig.hello("source").await;
    let (access, mut digest) = rig.text("source", "acme.org/x", "x").await;
    digest["value"] = "00".repeat(32).into();
    let wrong = json!({"name": "acme.org/x", "version": "1.0.0", "resources": [
        {"name": "text", "version": "1.0.0", "type": "t", "relation": "local", "access": access, "digest": digest}]});
    let wrong = rig.add("source", wrong).await;
    let document = written(&[&hello, &wrong], &archive("out"), &options());
    let error = fails(&rig, &document, &options()).await;
    assert_eq!(error.kind(), Kind::Verification);
    assert!(error.to_string().contains("resource name=text,version=1.0.0 has digest"), "{error}");
}

/// What an edit writes into the descriptor itself is held to what lies beside it.
#[tokio::test]
async fn a_descriptor_that_an_edit_made_wrong() {
    let rig = Rig::default();
    let hello = rig.hello("source").await;
    let document = written(&[&hello], &archive("out"), &options());
    let literal = |digest: &str| {
        format!(
            "{{name: greeting, version: 1.0.0, type: plainText, relation: local, \
             access: '${{transformAcmeOrgHello100AddtransformGreeting100.output.resource.access}}', \
             digest: {{hashAlgorithm: SHA-256, normalisationAlgorithm: genericBlobDigest/v1, value: '{digest}'}}}}"
        )
    };
    let resource = "${transformAcmeOrgHello100AddtransformGreeting100.output.resource}";
    let other = edited(&document, &[(resource, &literal(&"00".repeat(32)))]);
    let error = fails(&rig, &other, &options()).await;
    assert_eq!(error.kind(), Kind::Verification);
    let says = format!("resource name=greeting,version=1.0.0 of acme.org/hello:1.0.0 has digest sha256:{HELLO}, but ");
    assert!(error.to_string().contains(&says), "{error}");
    let access = "'${transformAcmeOrgHello100AddtransformGreeting100.output.resource.access}'";
    let untyped =
        literal(&"00".repeat(32)).replace(access, &format!("{{type: localBlob/v1, localReference: 'sha256:{HELLO}'}}"));
    let error = fails(&rig, &edited(&document, &[(resource, &untyped)]), &options()).await;
    assert!(error.to_string().contains(&says), "{error}");
    let name = "name: ${environment.transformAcmeOrgHello100.component.name}";
    let error = rig.run(&edited(&document, &[(name, "name: ../../../other")]), &options()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Place(ocm_oci::Kind::Malformed));
    assert!(error.to_string().contains("../../../other:1.0.0: the name of a component has lower-case"), "{error}");
    rig.run(&edited(&document, &[(resource, &literal(HELLO))]), &options()).await.unwrap();
}

#[tokio::test]
async fn edits_that_cannot_be_carried_out() {
    let rig = Rig::default();
    let hello = rig.hello("source").await;
    let document = written(&[&hello], &archive("out"), &options());
    for (from, to, expected) in [
        (
            "name: greeting\n      version: 1.0.0\n    version",
            "name: other\n    version",
            "resource name=other of acme.org/hello:1.0.0",
        ),
        (
            "  type: CTFAddLocalResource",
            "    globalAccessPolicy: auto\n  type: CTFAddLocalResource",
            "needs a registry",
        ),
        (
            "  type: CTFAddLocalResource",
            "    globalAccessPolicy: maybe\n  type: CTFAddLocalResource",
            "neither empty nor auto",
        ),
        (
            "file: ${transformAcmeOrgHello100GettransformGreeting100.output.file}",
            "file: {uri: 'file:///etc/passwd'}",
            "not the file of another",
        ),
        (
            "component: acme.org/hello\n    repository:\n      filePath: source",
            "component: 1.0\n    repository:\n      filePath: source",
            "is a number, and has to be a text",
        ),
        (
            "meta: ${environment.transformAcmeOrgHello100.meta}",
            "meta: ${environment.transformAcmeOrgHello100.component}",
            "spec.descriptor",
        ),
    ] {
        let error = fails(&rig, &edited(&document, &[(from, to)]), &everything()).await;
        assert!(error.to_string().contains(expected), "{error}\nshould say {expected}");
    }
    // Without the node that stores the content, the component version would refer to nothing.
    let text = document.to_yaml();
    let (start, end) = (
        text.find("- id: transformAcmeOrgHello100Add").unwrap(),
        text.find("- id: transformAcmeOrgHello100Upload").unwrap(),
    );
    let text = format!("{}{}", &text[..start], &text[end..])
        .replace(
            "${transformAcmeOrgHello100AddtransformGreeting100.output.resource}",
            "${transformAcmeOrgHello100GettransformGreeting100.output.resource}",
        )
        .replace("${transformAcmeOrgHello100AddtransformGreeting100.spec.file}", "null");
    let error = fails(&rig, &document::read("x", text.as_bytes()).unwrap(), &options()).await;
    assert!(error.to_string().contains("is not in"), "{error}");
}

#[tokio::test]
async fn values_that_grow_without_end() {
    let rig = Rig::default();
    let chain = |links: usize, spec: &dyn Fn(usize) -> String| {
        let last = (format!("n{links}"), "FileCleanup", "{files: [x]}".to_owned());
        let links = (0..links).map(|link| (format!("n{link}"), "FileCleanup", spec(link + 1)));
        let all: Vec<_> = links.chain([last]).collect();
        let all: Vec<_> = all.iter().map(|(id, kind, spec)| (id.as_str(), *kind, spec.as_str())).collect();
        document::read("x", nodes(&all).as_bytes()).unwrap()
    };
    let deep = chain(2_000, &|next| format!("{{files: [\"${{has(n{next}.spec) ? n{next}.spec : null}}\"]}}"));
    let error = rig.run(&deep, &options()).await.unwrap_err();
    assert!(error.to_string().contains("nested more than"), "{error}");
    assert!(error.to_string().starts_with("x:1952:3: transformation n1949 "), "{error}");
    let wide =
        chain(40, &|next| format!("{{files: [\"${{n{next}.spec}}\", \"${{n{next}.spec}}\", \"${{n{next}.spec}}\"]}}"));
    let error = rig.run(&wide, &options()).await.unwrap_err();
    assert!(error.to_string().contains("copy more than 64 MiB"), "{error}");
    assert!(error.to_string().starts_with("x:"), "{error}");
}

#[tokio::test]
async fn of_many_targets_that_cannot_be_opened_the_first_is_named() {
    let rig = Rig::default();
    rig.hello("source").await;
    let add = |target: usize| {
        let id = format!("add{target}");
        let spec = format!(
            r#"{{component: acme.org/hello, version: 1.0.0, file: "${{get.output.file}}", resource: "${{get.output.resource}}",
               repository: {{type: CommonTransportFormat/v1, filePath: closed/{target}}}}}"#
        );
        (id, "CTFAddLocalResource", spec)
    };
    let adds: Vec<_> = (0..8).map(add).collect();
    let get = r"{component: acme.org/hello, version: 1.0.0, resourceIdentity: {name: greeting, version: 1.0.0},
                  repository: {type: CommonTransportFormat/v1, filePath: source}}";
    let all = adds.iter().map(|(id, kind, spec)| (id.as_str(), *kind, spec.as_str()));
    let text = nodes(&all.chain([("get", "CTFGetLocalResource", get)]).collect::<Vec<_>>());
    let document = document::read("x.yaml", text.as_bytes()).unwrap();
    let error = rig.run(&document, &options()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Place(ocm_oci::Kind::Denied), "{error}");
    assert!(error.to_string().contains("transformation add0 "), "{error}");
}
