//! Ownership: a small manifest beside an image that says which component version it belongs to (`ownershipPolicy`).

use std::collections::BTreeMap;
use std::sync::Arc;

use ocm_blob::MemoryBlob;
use ocm_model::{Identity, json};
use ocm_oci::{Descriptor, ImageManifest, Manifest, Repository, Result, media_type};
use serde_json::{Map, json};

const OWNERSHIP: &str = "application/vnd.ocm.software.ownership.v1+json";

/// Stores the manifest. The same owner always gives the same bytes, so doing it again changes nothing.
pub(super) async fn declare(
    content: &Arc<dyn Repository>,
    image: &Descriptor,
    component: &str,
    version: &str,
    resource: &Identity,
) -> Result<()> {
    let (empty, _) = content.push_blob(&MemoryBlob::new("{}")).await?;
    let empty = Descriptor { media_type: media_type::EMPTY.to_owned(), ..empty };
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(media_type::MANIFEST.to_owned()),
        artifact_type: Some(OWNERSHIP.to_owned()),
        config: empty.clone(),
        layers: vec![empty],
        subject: Some(Descriptor::new(image.media_type.clone(), image.digest.clone(), image.size)),
        annotations: Some(BTreeMap::from([
            ("software.ocm.component.name".to_owned(), component.to_owned()),
            ("software.ocm.component.version".to_owned(), version.to_owned()),
            ("software.ocm.artifact".to_owned(), json::to_string(&json!({"identity": resource, "kind": "resource"}))),
        ])),
        other: Map::new(),
    };
    content.push_manifest(&Manifest::write(&manifest, media_type::MANIFEST)?, None).await
}
