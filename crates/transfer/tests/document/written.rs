use std::collections::HashSet;

use ocm_transfer::document;
use ocm_transfer::{Options, UploadAs};
use serde_json::{Value, json};

use crate::rig::{HELLO, Rig, archive, everything, options, registry, written};

#[tokio::test]
async fn a_text_from_archive_to_archive() {
    let rig = Rig::default();
    let hello = rig.hello("source").await;
    let document = written(&[&hello], &archive("./out"), &options());
    let expected = format!(
        "environment:
  transformAcmeOrgHello100:
    component:
      componentReferences: null
      name: acme.org/hello
      provider: acme.org
      repositoryContexts: null
      resources:
      - access:
          localReference: sha256:{HELLO}
          mediaType: text/plain
          type: LocalBlob/v1
        digest:
          hashAlgorithm: SHA-256
          normalisationAlgorithm: genericBlobDigest/v1
          value: {HELLO}
        name: greeting
        relation: local
        type: plainText
        version: 1.0.0
      sources: null
      version: 1.0.0
    meta:
      schemaVersion: v2
transformations:
- id: transformAcmeOrgHello100GettransformGreeting100
  spec:
    component: acme.org/hello
    repository:
      filePath: source
      type: CommonTransportFormat/v1
    resourceIdentity:
      name: greeting
      version: 1.0.0
    version: 1.0.0
  type: CTFGetLocalResource/v1alpha1
- id: transformAcmeOrgHello100AddtransformGreeting100
  spec:
    component: acme.org/hello
    file: ${{transformAcmeOrgHello100GettransformGreeting100.output.file}}
    repository:
      accessMode: readwrite|create
      filePath: ./out
      type: CommonTransportFormat/v1
    resource: ${{transformAcmeOrgHello100GettransformGreeting100.output.resource}}
    version: 1.0.0
  type: CTFAddLocalResource/v1alpha1
- id: transformAcmeOrgHello100Upload
  spec:
    descriptor:
      component:
        componentReferences: null
        labels: null
        name: ${{environment.transformAcmeOrgHello100.component.name}}
        provider: ${{environment.transformAcmeOrgHello100.component.provider}}
        repositoryContexts: null
        resources:
        - ${{transformAcmeOrgHello100AddtransformGreeting100.output.resource}}
        sources: null
        version: ${{environment.transformAcmeOrgHello100.component.version}}
      meta: ${{environment.transformAcmeOrgHello100.meta}}
    repository:
      accessMode: readwrite|create
      filePath: ./out
      type: CommonTransportFormat/v1
  type: CTFAddComponentVersion/v1alpha1
- id: fileBufferCleanup
  spec:
    files:
    - ${{transformAcmeOrgHello100AddtransformGreeting100.spec.file}}
  type: FileCleanup/v1alpha1
"
    );
    assert_eq!(document.to_yaml(), expected);
    let json = serde_json::to_string(&document).unwrap();
    assert!(json.contains(r#"{"type":"CTFGetLocalResource/v1alpha1","id":"transform"#), "type, id, spec: {json}");
}

fn image(reference: &str) -> Value {
    json!({"name": "image", "version": "1.0.0", "type": "ociImage", "relation": "external",
        "access": {"type": "ociArtifact", "imageReference": reference},
        "extraIdentity": {"architecture": "amd64"}, "labels": [{"name": "l", "value": {"a": 1.5}}]})
}

#[tokio::test]
async fn an_image_that_is_embedded_left_or_uploaded() {
    let rig = Rig::default();
    let version = json!({"name": "acme.org/hello", "version": "1.0.0", "resources": [image("one.example/col/app:v1")]});
    let version = rig.add("source", version).await;
    let kinds = |options: &Options, target| {
        let document = written(&[&version], target, options);
        document.transformations.iter().map(|node| node.kind.replace("/v1alpha1", "")).collect::<Vec<_>>().join(" ")
    };
    let uploaded = Options { upload_as: UploadAs::OciArtifact, ..everything() };
    let (out, registry) = (archive("out"), registry("http://r.example/t"));
    assert_eq!(kinds(&options(), &out), "CTFAddComponentVersion");
    assert_eq!(kinds(&everything(), &out), "GetOCIArtifact CTFAddLocalResource CTFAddComponentVersion FileCleanup");
    assert_eq!(
        kinds(&everything(), &registry),
        "GetOCIArtifact OCIAddLocalResource OCIAddComponentVersion FileCleanup"
    );
    assert_eq!(kinds(&uploaded, &registry), "TransferOCIArtifact OCIAddComponentVersion");
    assert_eq!(kinds(&uploaded, &out), "GetOCIArtifact CTFAddLocalResource CTFAddComponentVersion FileCleanup");
    let omitted = Options { omit_access_types: vec!["ociArtifact".into()], ..everything() };
    assert_eq!(kinds(&omitted, &out), "CTFAddComponentVersion");

    let document = written(&[&version], &registry, &uploaded);
    let [node, upload] = document.transformations.as_slice() else { panic!("two nodes") };
    assert_eq!(node.id, "transformAcmeOrgHello100TransfertransformAmd64Image100");
    assert_eq!(node.spec["targetResource"]["access"]["imageReference"], "http://r.example/t/col/app:v1");
    assert_eq!(node.spec["targetResource"]["labels"], json!([{"name": "l", "value": {"a": 1.5}}]));
    assert_eq!(
        upload.spec["descriptor"]["component"]["resources"],
        json!([format!("${{{}.output.resource}}", node.id)])
    );
    let unmoved = written(&[&version], &out, &options());
    assert_eq!(unmoved.transformations[0].spec["descriptor"], "${environment.transformAcmeOrgHello100}");
}

#[tokio::test]
async fn two_images_do_not_get_one_name() {
    let rig = Rig::default();
    let (mut one, mut two) = (image("one.example/col/app:v1"), image("two.example/col/app:v1"));
    (one["name"], two["name"]) = ("one".into(), "two".into());
    let version = rig.add("source", json!({"name": "acme.org/x", "version": "1.0.0", "resources": [one, two]})).await;
    let origins = [document::Origin { version, repository: archive("source") }];
    let uploaded = Options { upload_as: UploadAs::OciArtifact, ..everything() };
    let error = document::write(&origins, &[registry("r.example/t")], &uploaded).unwrap_err();
    assert!(error.to_string().contains("one.example/col/app:v1 and two.example/col/app:v1"), "{error}");
}

#[tokio::test]
async fn whatever_the_names_ids_are_valid_and_differ() {
    let rig = Rig::default();
    let names = [
        "res",
        "my_res",
        "my-res",
        "my.res",
        "my+res",
        "my res",
        "größe",
        "res/x",
        "RES",
        "1",
        "_",
        "ünï-🦀",
        "x\u{2028}y",
    ];
    let mut resources = Vec::new();
    for name in names {
        for version in ["1.10.0", "11.0.0", "1.0.0+build.7", "1.0.0-build.7", "1_1"] {
            let (access, _) = rig.text("source", "acme.org/x", "same").await;
            resources
                .push(json!({"name": name, "version": version, "type": "t", "relation": "local", "access": access}));
        }
    }
    let (access, _) = rig.text("source", "acme.org/x", "source").await;
    let sources = json!([{"name": "res", "version": "1.10.0", "type": "git", "access": access}]);
    let mut versions = Vec::new();
    for version in ["1.10.0", "11.0.0", "1.1.0+0", "1.1.0-0"] {
        let component = json!({"name": "acme.org/x", "version": version, "resources": resources, "sources": sources});
        versions.push(rig.add("source", component).await);
    }
    let document = written(&versions.iter().collect::<Vec<_>>(), &archive("out"), &options());
    document::check(&document).unwrap();
    assert_eq!(document.environment.len(), 4);
    let ids: HashSet<_> = document.transformations.iter().map(|node| node.id.as_str()).collect();
    assert_eq!(ids.len(), 4 * (2 * names.len() * 5 + 3) + 1);
    assert!(ids.iter().all(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{ids:?}");
    assert_eq!(written(&versions.iter().collect::<Vec<_>>(), &archive("out"), &options()), document);
    let report = rig.run(&document, &options()).await.unwrap();
    assert_eq!(report.versions.len(), 4);
    assert_eq!(rig.archive("out").versions("acme.org/x").await.unwrap().len(), 4);
}

#[tokio::test]
async fn documents_read_back_as_they_were_written() {
    let rig = Rig::default();
    let (access, digest) = rig.text("source", "acme.org/x", "x").await;
    let component = json!({"name": "acme.org/x", "version": "1.0.0", "creationTime": "2024-01-02T03:04:05Z", "resources": [
        image("r.example/a/b:v1@sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"),
        {"name": "text", "version": "1.0.0", "type": "t", "relation": "local", "access": access, "digest": digest,
         "labels": [{"name": "long", "value": "word ".repeat(60)}, {"name": "yes", "value": {"on": 1, "e": 1e300, "t": "010"}}]}]});
    let version = rig.add("source", component).await;
    let document = written(&[&version], &registry("r.example/t"), &everything());
    let yaml = document.to_yaml();
    let json = serde_json::to_string_pretty(&document).unwrap();
    assert!(
        yaml.lines().any(|line| line.trim_start().starts_with("? transformAcme")),
        "long texts are folded:\n{yaml}"
    );
    for text in [&yaml, &json] {
        let read = document::read("x", text.as_bytes()).unwrap();
        assert_eq!(read, document);
        assert_eq!(read.to_yaml(), yaml);
        assert_eq!(serde_json::to_string_pretty(&read).unwrap(), json);
    }
    assert!(yaml.contains("creationTime: ${environment.transformAcmeOrgX100.component.creationTime}"), "{yaml}");

    // Later versions of the older program write one more member.
    let labelled = yaml.replace("\n  spec:", "\n  label: 'x@1.0.0 [Get text]'\n  spec:");
    let read = document::read("x", labelled.as_bytes()).unwrap();
    assert_eq!(read.transformations[0].label.as_deref(), Some("x@1.0.0 [Get text]"));
    assert_eq!(document::read("x", read.to_yaml().as_bytes()).unwrap(), read);
}
