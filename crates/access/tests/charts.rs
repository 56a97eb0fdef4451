//! Charts of Helm repositories and registries.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use axum::body::Body;
use axum::http::Response;
use ocm_access::helm::{CHART, PROVENANCE, chart_layer, chart_of};
use ocm_access::{Content, Subject, check, confirm, measure, resolve};
use ocm_blob::{Digest, MemoryBlob};
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm, OCI_ARTEFACT_DIGEST, OCI_ARTIFACT_DIGEST};
use ocm_model::{DigestSpec, TypedObject};
use ocm_oci::{Kind, Manifest, Registry as _, media_type};
use serde_json::json;
use support::{Network, Server, chart, open, status};

fn index(digest: &str) -> Vec<u8> {
    format!(
        "apiVersion: v1\nentries:\n  app:\n  - {{version: 1.2.0, digest: {digest}, urls: [charts/app-1.2.0.tgz]}}\n  - {{version: 1.10.0-rc.1, urls: [x]}}\n"
    )
    .into_bytes()
}

fn helm(server: &Server, chart: &str) -> TypedObject {
    TypedObject::new("helm/v1").with("helmRepository", format!("{}/stable/", server.address)).with("helmChart", chart)
}

/// A repository with one chart and its provenance file.
async fn repository(digest: Option<&str>, provenance: Option<&str>) -> Server {
    let packed = chart("app", "1.2.0");
    let digest = digest.map_or_else(|| Digest::of(&packed).hex(), str::to_owned);
    let mut files =
        vec![("/stable/index.yaml".to_owned(), index(&digest)), ("/stable/charts/app-1.2.0.tgz".to_owned(), packed)];
    if let Some(text) = provenance {
        files.push(("/stable/charts/app-1.2.0.tgz.prov".to_owned(), text.as_bytes().to_vec()));
    }
    Server::with(files).await
}

fn recorded(content: &[u8]) -> DigestSpec {
    DigestSpec::new(HashAlgorithm::Sha256, GENERIC_BLOB_DIGEST, Digest::of(content).hex())
}

#[tokio::test]
async fn a_chart_becomes_an_artifact_around_its_bytes() {
    let packed = chart("app", "1.2.0");
    let proof = format!("-----BEGIN PGP SIGNED MESSAGE-----\napp-1.2.0.tgz: {}\n", Digest::of(&packed));
    let server = repository(None, Some(&proof)).await;
    for name in ["app:1.2.0", "app", "app:^1", "charts/app-1.2.0.tgz"] {
        let content = open(&helm(&server, name), &Network::default()).await.unwrap();
        let Content::Image { source, root } = content.clone() else { panic!("an artifact") };
        let manifest = source.manifest(&root.digest.clone().into()).await.unwrap();
        let document = manifest.document().unwrap();
        let kinds: Vec<_> = document.blobs().iter().map(|blob| blob.media_type.clone()).collect();
        assert_eq!(kinds[1..], [CHART, PROVENANCE], "{name}");
        assert_eq!(chart_layer(&source, &root).await.unwrap(), Some(Digest::of(&packed)));
        let metadata = chart_of(&source, &root).await.unwrap().unwrap();
        assert_eq!((metadata.name(), metadata.version()), ("app", "1.2.0"));
        let config = String::from_utf8(metadata.config().unwrap()).unwrap();
        assert_eq!(config, r#"{"name":"app","version":"1.2.0","apiVersion":"v2","appVersion":"1.10"}"#);
        // The recorded digest is that of the file; that of the manifest counts as well, and no other.
        assert!(check(content.clone(), Some(&recorded(&packed))).await.is_ok());
        let own = DigestSpec { value: root.digest.hex(), ..recorded(b"") };
        assert!(check(content.clone(), Some(&own)).await.is_ok());
        confirm(content.clone(), &recorded(&packed), Some(&std::env::temp_dir())).await.unwrap();
        confirm(content.clone(), &own, Some(&std::env::temp_dir())).await.unwrap();
        // By the name for artifacts it is the manifest's, and not the one of a layer, whoever records it.
        let artifact = |spec: DigestSpec| DigestSpec { normalisation_algorithm: OCI_ARTIFACT_DIGEST.into(), ..spec };
        assert!(check(content.clone(), Some(&artifact(own))).await.is_ok());
        let error = check(content.clone(), Some(&artifact(recorded(&packed)))).await.err().unwrap();
        assert!(error.to_string().contains("(ociArtifactDigest/v1)"), "{error}");
        for wrong in [b"other".to_vec(), config.into_bytes(), proof.clone().into_bytes()] {
            assert_eq!(check(content.clone(), Some(&recorded(&wrong))).await.err().unwrap().kind(), Kind::Invalid);
        }
    }
}

#[tokio::test]
async fn the_index_tells_the_digest_without_a_download() {
    let server = repository(None, None).await;
    let resolved = resolve(&helm(&server, "app:1.2.0"), None, &Network::default()).await.unwrap().unwrap();
    assert_eq!(resolved.access, helm(&server, "app:1.2.0"));
    assert_eq!((resolved.digest, resolved.of), (recorded(&chart("app", "1.2.0")), Subject::Bytes));
    assert_eq!(server.paths(), ["/stable/index.yaml"]);
    // The newest one is another one tomorrow.
    let resolved = resolve(&helm(&server, "app"), None, &Network::default()).await.unwrap().unwrap();
    assert_eq!(resolved.access, helm(&server, "app").with("version", "1.2.0"));
}

#[tokio::test]
async fn without_a_digest_in_the_index_the_chart_is_read() {
    let server = repository(Some("\"\""), None).await;
    let resolved = resolve(&helm(&server, "app"), None, &Network::default()).await.unwrap().unwrap();
    assert_eq!(resolved.digest, recorded(&chart("app", "1.2.0")));
}

#[tokio::test]
async fn lies_of_a_repository_are_found_out() {
    let wrong = repository(Some(&"0".repeat(64)), None).await;
    let error = open(&helm(&wrong, "app"), &Network::default()).await.err().unwrap();
    assert!(error.kind() == Kind::Invalid && error.to_string().contains("index of the repository"), "{error}");
    let unproven = repository(None, Some("-----BEGIN PGP SIGNED MESSAGE-----\nother")).await;
    let error = open(&helm(&unproven, "app"), &Network::default()).await.err().unwrap();
    assert!(error.to_string().contains("provenance"), "{error}");
    let missing = repository(None, None).await;
    let error = open(&helm(&missing, "app").with("keyring", "…"), &Network::default()).await.err().unwrap();
    assert!(error.to_string().contains("provenance"), "{error}");
    for (chart, kind) in [("none", Kind::NotFound), ("app:9.9.9", Kind::NotFound), ("", Kind::Malformed)] {
        assert_eq!(open(&helm(&missing, chart), &Network::default()).await.err().unwrap().kind(), kind, "{chart}");
    }
}

#[tokio::test]
async fn a_keyring_wants_a_provenance_file_that_was_signed() {
    let digest = Digest::of(chart("app", "1.2.0"));
    let signed = format!("-----BEGIN PGP SIGNED MESSAGE-----\nby: acme\napp-1.2.0.tgz: {digest}\n");
    let around = format!("{signed}-----END-----\n");
    for (text, keyring, counts) in [
        (signed.as_str(), "acme", true),
        (&around, "acme", true),
        (&signed, "somebody", false),
        // What was signed is about something else; the digest stands beside it.
        (&format!("-----BEGIN PGP SIGNED MESSAGE-----\nby: acme\n-----END-----\n{digest}\n"), "acme", false),
        (&format!("-----BEGIN PGP SIGNED MESSAGE-----\n{digest}\n"), "acme", false),
    ] {
        let server = repository(None, Some(text)).await;
        let opened = open(&helm(&server, "app").with("keyring", keyring), &Network::default()).await;
        let reason = opened.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert_eq!(opened.is_ok(), counts, "{text} {keyring}: {reason}");
        assert!(counts || reason.contains("provenance"), "{reason}");
        // Adding it looks at the chart, too, and not only at the index.
        let resolved = resolve(&helm(&server, "app").with("keyring", keyring), None, &Network::default()).await;
        assert_eq!(resolved.is_ok(), counts, "{text} {keyring}");
    }
}

#[tokio::test]
async fn a_digest_of_the_index_that_cannot_be_checked_is_an_error() {
    let server = repository(Some("2cf24dba"), None).await;
    let error = open(&helm(&server, "app"), &Network::default()).await.err().unwrap();
    assert!(error.kind() == Kind::Invalid && error.to_string().contains("index.yaml"), "{error}");
    assert!(resolve(&helm(&server, "app"), None, &Network::default()).await.is_err());
}

/// What is recorded by which name, for bytes and for an artifact with the same bytes as its manifest.
#[tokio::test]
async fn a_blob_is_no_artifact_whatever_its_bytes_are() {
    let server = repository(None, None).await;
    let Content::Image { source, root } = open(&helm(&server, "app"), &Network::default()).await.unwrap() else {
        panic!("an artifact")
    };
    let manifest = source.manifest(&root.digest.clone().into()).await.unwrap();
    let image = Content::Image { source, root: root.clone() };
    let blob = Content::Blob {
        blob: std::sync::Arc::new(MemoryBlob::new(manifest.bytes().clone())),
        media_type: media_type::MANIFEST.to_owned(),
    };
    let scratch = std::env::temp_dir();
    let scratch = Some(scratch.as_path());
    for (name, of_image, of_blob) in
        [(GENERIC_BLOB_DIGEST, true, true), (OCI_ARTIFACT_DIGEST, true, false), (OCI_ARTEFACT_DIGEST, true, false)]
    {
        let spec = DigestSpec::new(HashAlgorithm::Sha256, name, root.digest.hex());
        assert_eq!(confirm(image.clone(), &spec, scratch).await.is_ok(), of_image, "{name}");
        assert_eq!(confirm(blob.clone(), &spec, scratch).await.is_ok(), of_blob, "{name}");
        let none = DigestSpec { hash_algorithm: "none".into(), ..spec.clone() };
        for content in [&image, &blob] {
            assert!(confirm(content.clone(), &none, scratch).await.is_err(), "{name}");
        }
    }
    let computed = measure(image, HashAlgorithm::Sha512, scratch).await.unwrap();
    assert_eq!(computed, DigestSpec::new(HashAlgorithm::Sha256, OCI_ARTIFACT_DIGEST, root.digest.hex()));
    let computed = measure(blob, HashAlgorithm::Sha512, scratch).await.unwrap();
    assert_eq!((computed.normalisation_algorithm.as_str(), computed.value.len()), (GENERIC_BLOB_DIGEST, 128));
}

#[tokio::test]
async fn an_endless_index_and_an_endless_chart_are_refused() {
    let server = Server::new(|_, asked| {
        let body = Body::new(axum::body::Body::from_stream(futures_util::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[b'#'; 1 << 13]))
        })));
        if asked.target.ends_with("/index.yaml") && !asked.target.contains("good") {
            return Response::new(body);
        }
        if asked.target.ends_with("index.yaml") {
            Response::new(Body::from("entries: {app: [{version: 1.0.0, urls: [app.tgz]}]}"))
        } else {
            Response::new(body)
        }
    })
    .await;
    for path in ["bad", "good"] {
        let access = TypedObject::new("helm")
            .with("helmRepository", format!("{}/{path}", server.address))
            .with("helmChart", "app");
        let error = open(&access, &Network::default()).await.err().unwrap();
        assert!(error.kind() == Kind::Invalid && error.to_string().contains("limit"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_chart_is_refused() {
    let bomb = {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let mut header = tar::Header::new_ustar();
        header.set_path("app/zeros").unwrap();
        header.set_size(200 << 20);
        header.set_cksum();
        gzip.write_all(header.as_bytes()).unwrap();
        for _ in 0..200 {
            gzip.write_all(&vec![0; 1 << 20]).unwrap();
        }
        gzip.finish().unwrap()
    };
    for (content, said) in [
        (b"<html>".to_vec(), "no packed chart"),
        (chart(".x", "1.0.0"), "not a legal name"),
        (chart("app", "")[..40].to_vec(), "no packed chart"),
        (chart("app", "\"\""), "version"),
        (bomb, "limit"),
    ] {
        let server = Server::with([("/stable/app.tgz".to_owned(), content)]).await;
        let error = open(&helm(&server, "app.tgz"), &Network::default()).await.err().unwrap();
        assert!(error.kind() == Kind::Invalid && error.to_string().contains(said), "{said}: {error}");
    }
}

#[tokio::test]
async fn credentials_stay_with_the_repository() {
    let packed = chart("app", "1.2.0");
    let other = Server::with([("/app.tgz".to_owned(), packed)]).await;
    let there = other.address.clone();
    let server = Server::new(move |_, asked| match asked.headers.get("authorization").map(String::as_str) {
        Some("Basic bWU6cHc=") => {
            Response::new(Body::from(format!("entries: {{app: [{{version: 1.2.0, urls: ['{there}/app.tgz']}}]}}")))
        }
        _ => status(401),
    })
    .await;
    let error = open(&helm(&server, "app"), &Network::default()).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Denied);
    let network = Network::knowing("HelmChartRepository", &[("username", "me"), ("password", "pw")]);
    open(&helm(&server, "app"), &network).await.unwrap();
    assert!(other.asked.lock().unwrap().iter().all(|asked| !asked.headers.contains_key("authorization")));
}

#[tokio::test]
async fn a_chart_of_a_registry_is_the_artifact_it_is_there() {
    let network = Network::default();
    let repository = network.images.repository("charts/app");
    let (config, _) = repository.push_blob(&MemoryBlob::new("{}")).await.unwrap();
    let manifest = json!({"schemaVersion": 2, "mediaType": media_type::MANIFEST, "config": config, "layers": []});
    let manifest = Manifest::new(media_type::MANIFEST, serde_json::to_vec(&manifest).unwrap());
    repository.push_manifest(&manifest, Some("1.2.0_a")).await.unwrap();
    let access = TypedObject::new("Helm/v1")
        .with("helmRepository", "oci://host:5000/charts")
        .with("helmChart", "app")
        .with("version", "1.2.0+a");
    let Content::Image { root, .. } = open(&access, &network).await.unwrap() else { panic!("an artifact") };
    assert_eq!(root.digest, *manifest.digest());
    let resolved = resolve(&access, None, &network).await.unwrap().unwrap();
    assert_eq!((resolved.digest.value, resolved.of), (manifest.digest().hex(), Subject::Artifact));
}
