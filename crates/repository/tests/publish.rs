//! Component versions become visible together.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use ocm_model::Descriptor;
use ocm_oci::{Kind, MemoryRegistry};
use ocm_repository::{ComponentRepository, NewVersion, Staged};

const NAME: &str = "acme.org/x";

async fn staged(place: &ComponentRepository, version: &str) -> Staged {
    let mut descriptor = Descriptor::default();
    descriptor.component.name = NAME.into();
    descriptor.component.version = version.into();
    descriptor.component.provider.name = "acme.org".into();
    place.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap()
}

#[tokio::test]
async fn two_versions_with_one_tag_are_refused_and_nothing_is_visible() {
    let place = ComponentRepository::new(Arc::new(MemoryRegistry::new()), "");
    let versions =
        vec![staged(&place, "2.0.0").await, staged(&place, "1.0.0-a+b").await, staged(&place, "1.0.0-a.build-b").await];
    let error = place.publish(versions).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.to_string().contains("1.0.0-a+b") && error.to_string().contains("1.0.0-a.build-b"), "{error}");
    assert!(place.versions(NAME).await.unwrap().is_empty());

    // The same version twice is one version.
    place.publish(vec![staged(&place, "1.0.0-a+b").await, staged(&place, "1.0.0-a+b").await]).await.unwrap();
    assert_eq!(place.versions(NAME).await.unwrap(), ["1.0.0-a+b"]);
}
