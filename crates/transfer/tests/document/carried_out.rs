use std::sync::Arc;

use ocm_oci::{Registry as _, Selector};
use ocm_repository::component::media_type;
use ocm_repository::{ComponentRepository, NewVersion, RawDescriptor};
use ocm_testkit::{TestRegistry, fixtures};
use ocm_transfer::{ElementAction, Existing, Kind, Options, UploadAs, VersionAction, document};
use serde_json::json;

use crate::rig::{HELLO, Rig, archive, edited, everything, options, registry, remote, written};

#[tokio::test]
async fn what_arrives_is_what_was_there_byte_for_byte() {
    let rig = Rig::default();
    let (access, digest) = rig.text("source", "acme.org/leaf", "leaf").await;
    let (source, _) = rig.text("source", "acme.org/leaf", "source of leaf").await;
    let leaf = json!({"name": "acme.org/leaf", "version": "1.2.0+build.7", "creationTime": "2024-01-02T03:04:05Z",
        "futureMember": {"kept": true}, "labels": [{"name": "l", "value": [1, "${environment.x}"], "signing": true}],
        "resources": [{"name": "text", "version": "1", "type": "t", "relation": "local", "access": access, "digest": digest,
            "labels": [{"name": "hostile", "value": "${transformAcmeOrgRoot100Upload.output} ${HOME}"}]}],
        "sources": [{"name": "src", "version": "1", "type": "git", "access": source},
            {"name": "far", "version": "1", "type": "git", "access": {"type": "git", "repository": "https://x.example"}}]});
    let leaf = rig.add("source", leaf).await;
    let root = json!({"name": "acme.org/root", "version": "1.0.0",
        "componentReferences": [{"name": "leaf", "version": "1.2.0+build.7", "componentName": "acme.org/leaf"}]});
    let root = rig.add("source", root).await;
    // Bytes that nobody here would write.
    let raw =
        RawDescriptor { media_type: media_type::DESCRIPTOR_YAML.into(), bytes: root.descriptor.write_yaml().into() };
    let new = NewVersion { descriptor: root.descriptor.clone(), raw: Some(raw), ..NewVersion::default() };
    let staged = rig.archive("source").stage(&new).await.unwrap();
    rig.archive("source").publish(vec![staged]).await.unwrap();
    let root = Arc::new(rig.archive("source").get("acme.org/root", "1.0.0").await.unwrap());
    let document = written(&[&leaf, &root], &archive("out"), &options());
    let replayed = document::read("x", document.to_yaml().as_bytes()).unwrap();
    let report = rig.run(&replayed, &options()).await.unwrap();
    assert_eq!((report.totals.versions_moved, report.totals.items_moved, report.totals.bytes_moved), (2, 2, 18));
    assert_eq!(report.versions[0].elements.len(), 3);
    assert_eq!(report.versions[0].elements[0].bytes, 4);
    assert!(matches!(&report.versions[0].elements[1].plan.action, ElementAction::CopyLocal { .. }));
    assert!(matches!(&report.versions[0].elements[2].plan.action, ElementAction::Reference { .. }));
    for version in [&leaf, &root] {
        let there = rig.archive("out").get(version.name(), version.version()).await.unwrap();
        assert_eq!(there.root.digest(), version.root.digest(), "{version}");
        assert_eq!(there.raw, version.raw);
    }
    let again = rig.run(&replayed, &options()).await.unwrap();
    assert_eq!((again.totals.versions_present, again.totals.items_moved), (2, 0));
}

#[tokio::test]
async fn images_are_embedded_or_stored_under_their_name() {
    let rig = Rig::default();
    let graph = fixtures::image(2, 100);
    let images = rig.place("r.example").repository("col/app");
    graph.push(images.as_ref(), Some("v1")).await.unwrap();
    let digest = graph.root().digest.clone();
    let version = json!({"name": "acme.org/x", "version": "1.0.0", "resources": [{"name": "image", "version": "1", "type": "ociImage",
        "relation": "external", "access": {"type": "ociArtifact", "imageReference": format!("r.example/col/app:v1@{digest}")},
        "digest": {"hashAlgorithm": "SHA-256", "normalisationAlgorithm": "ociArtifactDigest/v1", "value": digest.hex()}}]});
    let version = rig.add("source", version).await;

    let embedded = written(&[&version], &archive("out"), &everything());
    let prepared = document::prepare(document::check(&embedded).unwrap(), &rig, &everything()).await.unwrap();
    let estimate = ocm_transfer::estimate(&prepared).await.unwrap();
    let (report, failure) = ocm_transfer::execute(&prepared, &everything()).await;
    assert!(failure.is_none());
    assert_eq!(
        (estimate.items_to_move, estimate.bytes_to_move),
        (report.totals.items_moved, report.totals.bytes_moved)
    );
    assert_eq!((estimate.items_to_move, estimate.bytes_present, estimate.versions_to_move), (4, 0, 1));
    let there = rig.archive("out").get("acme.org/x", "1.0.0").await.unwrap();
    let resource = &there.descriptor.component.resources[0];
    assert_eq!(resource.access.text("referenceName"), Some("col/app:v1"));
    assert_eq!(resource.access.text("localReference"), Some(digest.to_string().as_str()));
    assert_eq!(
        resource.digest, version.descriptor.component.resources[0].digest,
        "the signed name of the digest stays"
    );
    there.local(&resource.access).await.unwrap();

    let options =
        Options { upload_as: UploadAs::OciArtifact, access_style: ocm_transfer::AccessStyle::Absolute, ..everything() };
    let uploaded = written(&[&version], &registry("t.example/sub"), &options);
    rig.run(&uploaded, &options).await.unwrap();
    let there =
        ComponentRepository::new(Arc::new(rig.place("t.example")), "sub").get("acme.org/x", "1.0.0").await.unwrap();
    let access = &there.descriptor.component.resources[0].access;
    assert_eq!(access.text("imageReference"), Some(format!("t.example/sub/col/app:v1@{digest}").as_str()));
    let image = rig.place("t.example").repository("sub/col/app");
    assert_eq!(image.resolve(&Selector::Tag("v1".into())).await.unwrap().unwrap().digest, digest);

    fixtures::image_with(7, 1, 10).push(image.as_ref(), Some("v1")).await.unwrap();
    let elsewhere = edited(&uploaded, &[("subPath: sub\n", "subPath: other\n")]);
    let error = rig.run(&elsewhere, &options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Place(ocm_oci::Kind::Conflict), "{error}");
    rig.run(&elsewhere, &Options { existing: Existing::Overwrite, ..options }).await.unwrap();
}

#[tokio::test]
async fn edited_targets_are_honoured_and_other_content_is_refused() {
    let rig = Rig::default();
    let hello = rig.hello("source").await;
    let document = written(&[&hello], &archive("out"), &options());
    let elsewhere = edited(&document, &[("filePath: out", "filePath: elsewhere")]);
    assert_eq!(rig.run(&elsewhere, &options()).await.unwrap().totals.versions_moved, 1);
    assert!(!rig.archive("out").exists("acme.org/hello", "1.0.0").await.unwrap());
    assert!(rig.archive("elsewhere").exists("acme.org/hello", "1.0.0").await.unwrap());

    let relabelled = edited(
        &document,
        &[("filePath: out", "filePath: elsewhere"), ("labels: null", "labels: [{name: l, value: v, signing: true}]")],
    );
    assert_eq!(rig.run(&relabelled, &options()).await.unwrap_err().kind(), Kind::Conflict);
    let report = rig.run(&relabelled, &Options { existing: Existing::Overwrite, ..options() }).await.unwrap();
    assert_eq!(report.versions[0].action, VersionAction::Replace);
    let there = rig.archive("elsewhere").get("acme.org/hello", "1.0.0").await.unwrap();
    assert_eq!(there.descriptor.component.labels[0].name, "l");
}

#[tokio::test]
async fn a_global_access_is_written_where_a_person_asked_for_it() {
    let (rig, server) = (Rig::default(), TestRegistry::start().unwrap());
    let hello = rig.hello("source").await;
    let plain = written(&[&hello], &registry(&format!("{}/t", server.url())), &options());
    rig.run(&plain, &options()).await.unwrap();
    let auto =
        edited(&plain, &[("  type: OCIAddLocalResource", "    globalAccessPolicy: auto\n  type: OCIAddLocalResource")]);
    let report = rig.run(&auto, &options()).await.unwrap();
    assert_eq!((report.versions[0].action, report.totals.items_moved), (VersionAction::Update, 0));
    let there = ComponentRepository::new(remote(&server.url()), "t").get("acme.org/hello", "1.0.0").await.unwrap();
    let access = there.descriptor.component.resources[0].access.clone();
    let place = format!("{}/t/component-descriptors/acme.org/hello", server.url());
    let expected = json!({"type": "OCIImageLayer/v1", "ref": place, "mediaType": "text/plain", "digest": format!("sha256:{HELLO}"), "size": 11});
    assert_eq!(access.member("globalAccess"), Some(&expected));
}

#[tokio::test]
async fn many_resources_take_few_requests() {
    let (rig, server) = (Rig::default(), TestRegistry::start().unwrap());
    let mut resources = Vec::new();
    for number in 0..50 {
        let (access, digest) = rig.text("source", "acme.org/x", &format!("text {number}")).await;
        resources.push(json!({"name": format!("text-{number}"), "version": "1", "type": "t", "relation": "local", "access": access, "digest": digest}));
    }
    let version = rig.add("source", json!({"name": "acme.org/x", "version": "1.0.0", "resources": resources})).await;
    let document = written(&[&version], &registry(&server.url()), &options());
    rig.run(&document, &options()).await.unwrap();
    let sent = server.requests().len();
    assert!(sent <= 50 * 4 + 30, "{sent} requests");
    server.forget();
    let back = edited(&document, &[]);
    rig.run(&back, &options()).await.unwrap();
    let again = server.requests().len();
    assert!(again <= 8, "{again} requests to find out that everything is there");
}
