//! A component version stored again with another descriptor, where it lies.
#![allow(clippy::unwrap_used)]

mod fixture;

use std::sync::Arc;

use fixture::{add_image, component};
use ocm_model::{Descriptor, TypedObject};
use ocm_oci::{Document, Kind, MemoryRegistry, Selector};
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion, RawDescriptor};

const NAME: &str = "acme.org/x";

/// A version with a text and an image beside it, so that its root is an index. The descriptor is stored as it is written.
async fn stored(place: &ComponentRepository, raw: Option<fn(&Descriptor) -> RawDescriptor>) -> ComponentVersion {
    let (mut descriptor, text) = component(NAME, "1.0.0", "hello");
    let content = place.content(NAME);
    content.push_blob(&text).await.unwrap();
    add_image(&mut descriptor, content.as_ref()).await;
    descriptor.component.repository_contexts = vec![TypedObject::new("OCIRegistry").with("baseUrl", "localhost:9999")];
    let raw = raw.map(|raw| raw(&descriptor));
    let staged = place.stage(&NewVersion { descriptor, raw, ..NewVersion::default() }).await.unwrap();
    place.publish(vec![staged]).await.unwrap();
    place.get(NAME, "1.0.0").await.unwrap()
}

fn without_contexts(version: &ComponentVersion) -> Descriptor {
    let mut descriptor = version.descriptor.clone();
    descriptor.component.repository_contexts.clear();
    descriptor
}

fn index(version: &ComponentVersion) -> ocm_oci::ImageIndex {
    let Document::Index(index) = version.root.document().unwrap() else { unreachable!("it has an image") };
    index
}

#[tokio::test]
async fn only_the_descriptor_and_what_names_it_are_other() {
    let place = ComponentRepository::new(Arc::new(MemoryRegistry::new()), "some/path");
    let before = stored(&place, None).await;
    let raw = before.written_alike(&without_contexts(&before));
    let staged = place.restage(&before, &raw).await.unwrap();
    place.replace(&before, &staged).await.unwrap();
    let after = place.get(NAME, "1.0.0").await.unwrap();
    assert_eq!(after.descriptor, without_contexts(&before));
    assert_eq!(after.raw, raw);
    let (old, new) = (index(&before), index(&after));
    assert_eq!((&old.annotations, &old.manifests[1..]), (&new.annotations, &new.manifests[1..]));
    assert_eq!(old.manifests[0].annotations, new.manifests[0].annotations);
    assert_ne!(old.manifests[0].digest, new.manifests[0].digest);
    for resource in &after.descriptor.component.resources {
        after.local(&resource.access).await.unwrap();
    }
}

#[tokio::test]
async fn a_descriptor_keeps_its_form() {
    let yaml = |descriptor: &Descriptor| RawDescriptor {
        media_type: "application/vnd.ocm.software.component-descriptor.v2+yaml".into(),
        bytes: descriptor.write_yaml().into(),
    };
    let place = ComponentRepository::new(Arc::new(MemoryRegistry::new()), "");
    let before = stored(&place, Some(yaml)).await;
    let raw = before.written_alike(&without_contexts(&before));
    assert_eq!(raw, yaml(&without_contexts(&before)));
    let staged = place.restage(&before, &raw).await.unwrap();
    place.replace(&before, &staged).await.unwrap();
    assert_eq!(place.get(NAME, "1.0.0").await.unwrap().raw, raw);
}

#[tokio::test]
async fn what_somebody_else_changed_meanwhile_is_not_replaced() {
    let place = ComponentRepository::new(Arc::new(MemoryRegistry::new()), "");
    let before = stored(&place, None).await;
    let staged = place.restage(&before, &before.written_alike(&without_contexts(&before))).await.unwrap();
    let (other, text) = component(NAME, "1.0.0", "by somebody else");
    place.content(NAME).push_blob(&text).await.unwrap();
    let other = place.stage(&NewVersion { descriptor: other, ..NewVersion::default() }).await.unwrap();
    place.publish(vec![other.clone()]).await.unwrap();
    let error = place.replace(&before, &staged).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Conflict);
    assert!(error.to_string().contains(&other.root.digest().to_string()), "{error}");
    let there = place.root(NAME, "1.0.0").await.unwrap().unwrap();
    assert_eq!(there.digest, *other.root.digest());

    place.content(NAME).delete_manifest(&Selector::Tag("1.0.0".into())).await.unwrap();
    let error = place.replace(&before, &staged).await.unwrap_err();
    assert!(error.kind() == Kind::Conflict && error.to_string().contains("it is gone"), "{error}");
}
