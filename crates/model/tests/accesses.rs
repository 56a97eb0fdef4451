//! Access types under all their names.

#![allow(clippy::unwrap_used)]

use ocm_model::{Access, TypedObject};
use serde_json::{Value, json};

fn access(value: Value) -> Access {
    Access::of(&serde_json::from_value::<TypedObject>(value).unwrap())
}

#[test]
fn local_blobs() {
    for kind in ["localBlob", "localBlob/v1", "LocalBlob", "LocalBlob/v1"] {
        let read = access(
            json!({"type": kind, "localReference": "sha256:a", "MediaType": "text/plain", "referenceName": "x:1",
            "globalAccess": {"type": "ociBlob", "ref": "ghcr.io/x", "digest": "sha256:a", "size": 4}}),
        );
        let Access::LocalBlob { local_reference, media_type, reference_name, global_access } = read else {
            unreachable!("{kind}: {read:?}")
        };
        assert_eq!(
            (local_reference.as_str(), media_type.as_str(), reference_name.as_deref()),
            ("sha256:a", "text/plain", Some("x:1"))
        );
        assert_eq!(
            Access::of(&global_access.unwrap()),
            Access::OciLayer {
                reference: "ghcr.io/x".into(),
                media_type: None,
                digest: "sha256:a".into(),
                size: Some(4)
            }
        );
    }
    let read = access(json!({"type": "localFilesystemBlob", "filename": "blob", "mediaType": "x"}));
    assert_eq!(read, Access::LocalFilesystemBlob { file_name: "blob".into(), media_type: "x".into() });
}

#[test]
fn images() {
    for kind in ["OCIImage/v1", "OCIImage", "ociArtifact", "ociRegistry", "ociImage/v1"] {
        let read = access(json!({"type": kind, "imageReference": "ghcr.io/x:1@sha256:a"}));
        assert_eq!(read, Access::OciImage { image_reference: "ghcr.io/x:1@sha256:a".into() }, "{kind}");
    }
    assert_eq!(
        access(json!({"type": "relativeOciReference", "reference": "x:1"})),
        Access::RelativeOci { reference: "x:1".into() }
    );
}

#[test]
fn others() {
    for kind in ["none", "None", "none/v1"] {
        assert_eq!(access(json!({"type": kind})), Access::None);
    }
    assert_eq!(
        access(json!({"type": "wget", "URL": "https://acme.org"})),
        Access::Wget { url: "https://acme.org".into(), media_type: None }
    );
    let (old, new) = (
        access(json!({"type": "s3/v1", "bucket": "b", "key": "k"})),
        access(json!({"type": "S3Bucket/v1", "bucketName": "b", "objectKey": "k"})),
    );
    assert_eq!(old, new);
    for kind in ["localBlob/v2", "somethingElse", "", "OCIIMAGE"] {
        assert_eq!(access(json!({"type": kind})), Access::Other, "{kind}");
    }
}
