//! Layers that may be elsewhere.

use std::sync::Arc;

use bytes::Bytes;
use ocm_blob::{Digest, MemoryBlob};
use ocm_oci::{Descriptor, Manifest, Registry as _, Repository, copy, media_type};
use ocm_testkit::Class;

use super::rig::{Told, place};

/// What may not be handed out stays where it is if it is anywhere else; everything else is carried. An address within a
/// manifest is nothing that is ever asked: whoever wrote it would choose what this machine talks to.
#[tokio::test]
async fn addresses_of_layers_are_never_asked() {
    const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    const WINDOWS: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let (from, to, elsewhere) = (place(&[]), place(&[]), place(&[]));
    let store = from.registry.store().repository("a");
    let layer = |kind: &str, content: &'static str, has_address: bool| {
        let mut layer = Descriptor::new(kind, Digest::of(content), content.len() as u64);
        layer.urls = has_address.then(|| vec![format!("{}/v2/a/blobs/{}", elsewhere.registry.url(), layer.digest)]);
        layer
    };
    for content in ["{}", "ordinary", "there and elsewhere", "not to be handed out, but nowhere else"] {
        store.push_blob(&MemoryBlob::new(Bytes::from_static(content.as_bytes()))).await.unwrap();
    }
    let layers = [
        layer(LAYER, "ordinary", false),
        layer(LAYER, "there and elsewhere", true),
        layer(FOREIGN, "not to be handed out, but nowhere else", false),
        layer(FOREIGN, "elsewhere", true),
        layer(WINDOWS, "nowhere", false),
    ];
    let image = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": layer(media_type::CONFIG, "{}", false), "layers": layers,
    });
    let manifest = Manifest::write(&image, media_type::MANIFEST).unwrap();
    store.push_manifest(&manifest, None).await.unwrap();
    let target: Arc<dyn Repository> = to.repository("a");
    let told = Arc::new(Told::default());
    let options = copy::Options { observer: told.clone(), ..copy::Options::default() };
    copy::graph(&from.repository("a"), &target, &manifest.descriptor(), &options).await.unwrap();
    // What stays behind is told of, and where it is.
    let told = told.all();
    assert_eq!(told.lines().count(), 2, "{told}");
    for (layer, reason) in [(&layers[3], elsewhere.registry.url()), (&layers[4], "the source lacks it".to_owned())] {
        let line = told.lines().find(|line| line.contains(&layer.digest.to_string()));
        assert!(line.is_some_and(|line| line.contains(&reason)), "{told}");
    }
    assert_eq!(target.manifest(&manifest.digest().clone().into()).await.unwrap().bytes(), manifest.bytes());
    for (number, layer) in layers.iter().enumerate() {
        let there = to.registry.store().repository("a").blob_size(&layer.digest).await.unwrap();
        assert_eq!(there.is_some(), number < 3, "{number}");
    }
    assert_eq!(elsewhere.total(), 0);
    assert_eq!(from.registry.count("GET", Class::Blob), 4);
}
