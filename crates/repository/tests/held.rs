//! Component versions whose root another place has as well, which is asked for what lies below it.
#![allow(clippy::unwrap_used)]

mod fixture;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fixture::{add_image, component};
use ocm_oci::{Manifest, MemoryRegistry, Registry as _, Repository, Selector, media_type};
use ocm_repository::{ComponentRepository, ComponentVersion, Holder, NewVersion};

const NAME: &str = "acme.org/x";

/// A version with an image beside it, so that its root is an index.
async fn stored(place: &ComponentRepository) -> ComponentVersion {
    let (mut descriptor, text) = component(NAME, "1.0.0", "hello");
    let content = place.content(NAME);
    content.push_blob(&text).await.unwrap();
    add_image(&mut descriptor, content.as_ref()).await;
    let staged = place.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    place.publish(vec![staged]).await.unwrap();
    place.get(NAME, "1.0.0").await.unwrap()
}

/// A place with these bytes, which it takes for something of this type.
async fn holder(manifest: &Manifest, media_type: &str) -> Arc<dyn Repository> {
    let holder = MemoryRegistry::new().repository("held");
    let held = Manifest::new(media_type, manifest.bytes().clone());
    holder.push_manifest(&held, None).await.unwrap();
    holder
}

#[tokio::test]
async fn the_manifest_below_the_root_is_read_where_it_is_held() {
    let place = ComponentRepository::new(Arc::new(MemoryRegistry::new()), "");
    let version = stored(&place).await;
    place.content(NAME).delete_manifest(&Selector::Digest(version.manifest.digest().clone())).await.unwrap();
    assert!(place.read(NAME, "1.0.0", version.root.clone(), None).await.is_err());
    let content = holder(&version.manifest, media_type::MANIFEST).await;
    let holder = Holder { content, has_failed: &AtomicBool::default() };
    let found = place.read(NAME, "1.0.0", version.root.clone(), Some(holder)).await.unwrap();
    assert_eq!((found.manifest.descriptor(), found.raw), (version.manifest.descriptor(), version.raw));
}

/// The digest is right all the same; what the bytes are taken for would be stored in every other target.
#[tokio::test]
async fn a_holder_does_not_say_what_a_manifest_is() {
    let place = ComponentRepository::new(Arc::new(MemoryRegistry::new()), "");
    let version = stored(&place).await;
    let other = holder(&version.manifest, "application/vnd.example.other").await;
    for content in [other, MemoryRegistry::new().repository("held")] {
        let holder = Holder { content, has_failed: &AtomicBool::default() };
        let found = place.read(NAME, "1.0.0", version.root.clone(), Some(holder)).await.unwrap();
        assert_eq!(found.manifest.media_type(), media_type::MANIFEST);
    }
}
