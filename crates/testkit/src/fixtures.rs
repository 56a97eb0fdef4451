//! Content to move around: the same bytes for the same arguments, on every machine.

use std::io;
use std::path::Path;

use bytes::Bytes;
use ocm_blob::{Digest, MemoryBlob};
use ocm_oci::{Descriptor, Manifest, Repository, Result, media_type};
use serde_json::{Value, json};

/// Media type of the layers made here: they are neither packed nor a real file system.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Manifests, and the blobs that they need.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Every manifest after those it needs; the root is the last one.
    pub manifests: Vec<Manifest>,
    /// Configurations and layers.
    pub blobs: Vec<Bytes>,
    root: Descriptor,
}

/// An image of `layers` layers with `size` bytes each.
pub fn image(layers: usize, size: usize) -> Graph {
    image_with(0, layers, size)
}

/// An image like [`image`], with different bytes for every seed.
pub fn image_with(seed: u64, layers: usize, size: usize) -> Graph {
    let layers: Vec<Bytes> = (1..=layers as u64).map(|layer| bytes(seed << 16 | layer, size)).collect();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": { "Labels": { "seed": seed.to_string() } },
        "rootfs": { "type": "layers", "diff_ids": layers.iter().map(Digest::of).collect::<Vec<_>>() },
    });
    let config = Bytes::from(config.to_string());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "config": describe(media_type::CONFIG, &config),
        "layers": layers.iter().map(|layer| describe(LAYER, layer)).collect::<Vec<_>>(),
    });
    let blobs = std::iter::once(config).chain(layers).collect();
    Graph::new(Vec::new(), blobs, media_type::MANIFEST, &manifest)
}

/// An index of images, one platform each.
pub fn index(images: Vec<Graph>) -> Graph {
    let entries = images.iter().enumerate().map(|(number, image)| {
        let mut entry = json!(image.root);
        entry["platform"] = json!({ "architecture": "amd64", "os": "linux", "variant": format!("v{number}") });
        entry
    });
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::INDEX,
        "manifests": entries.collect::<Vec<_>>(),
    });
    let (manifests, blobs): (Vec<_>, Vec<_>) = images.into_iter().map(|image| (image.manifests, image.blobs)).unzip();
    Graph::new(manifests.concat(), blobs.concat(), media_type::INDEX, &document)
}

/// An artifact that says something about `subject`: a signature, a list of contents.
pub fn referrer(subject: &Descriptor, artifact_type: &str, content: &str) -> Graph {
    let (empty, content) = (Bytes::from_static(b"{}"), Bytes::from(content.to_owned()));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "artifactType": artifact_type,
        "config": describe(media_type::EMPTY, &empty),
        "layers": [describe(media_type::OCTETS, &content)],
        "subject": subject,
        "annotations": { "org.opencontainers.image.title": "referrer" },
    });
    Graph::new(Vec::new(), vec![empty, content], media_type::MANIFEST, &manifest)
}

/// Bytes that cannot be compressed.
pub fn bytes(seed: u64, size: usize) -> Bytes {
    // SplitMix64: short, and equally spread for seeds that lie side by side.
    let mut state = seed;
    let words = std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31).to_le_bytes()
    });
    words.flatten().take(size).collect()
}

fn describe(media_type: &str, content: &Bytes) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(content), "size": content.len() })
}

impl Graph {
    fn new(mut manifests: Vec<Manifest>, blobs: Vec<Bytes>, media_type: &str, document: &Value) -> Self {
        let manifest = Manifest::new(media_type, document.to_string());
        let root = manifest.descriptor();
        manifests.push(manifest);
        Self { manifests, blobs, root }
    }

    /// The root.
    pub fn root(&self) -> &Descriptor {
        &self.root
    }

    /// Bytes of everything together.
    pub fn size(&self) -> u64 {
        let manifests = self.manifests.iter().map(|manifest| manifest.bytes().len());
        manifests.chain(self.blobs.iter().map(Bytes::len)).sum::<usize>() as u64
    }

    /// Stores everything in a repository, the blobs first, and tags the root.
    pub async fn push(&self, repository: &dyn Repository, tag: Option<&str>) -> Result<()> {
        for blob in &self.blobs {
            repository.push_blob(&MemoryBlob::new(blob.clone())).await?;
        }
        for manifest in &self.manifests {
            let tag = tag.filter(|_| *manifest.digest() == self.root.digest);
            repository.push_manifest(manifest, tag).await?;
        }
        Ok(())
    }

    /// Writes an OCI image layout with this graph to a directory, which is made if need be.
    pub fn write_layout(&self, folder: &Path, tag: Option<&str>) -> io::Result<()> {
        let blobs = folder.join("blobs/sha256");
        std::fs::create_dir_all(&blobs)?;
        for content in self.blobs.iter().chain(self.manifests.iter().map(Manifest::bytes)) {
            std::fs::write(blobs.join(Digest::of(content).hex()), content)?;
        }
        let root = match tag {
            Some(tag) => self.root.clone().with_annotation("org.opencontainers.image.ref.name", tag),
            None => self.root.clone(),
        };
        let index = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": [root] });
        std::fs::write(folder.join("index.json"), index.to_string())?;
        std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ocm_oci::{MemoryRegistry, Registry as _};

    #[tokio::test]
    async fn the_same_arguments_give_the_same_graph() {
        let graph = index(vec![image(2, 100), image_with(1, 1, 0)]);
        assert_eq!(*graph.root(), *index(vec![image(2, 100), image_with(1, 1, 0)]).root());
        assert_ne!(*image(1, 100).root(), *image_with(1, 1, 100).root());
        let repository = MemoryRegistry::new().repository("a");
        graph.push(repository.as_ref(), Some("v1")).await.unwrap();
        let found = repository.resolve(&ocm_oci::Selector::Tag("v1".into())).await.unwrap().unwrap();
        assert_eq!(found, *graph.root());

        let folder = tempfile::tempdir().unwrap();
        graph.write_layout(folder.path(), Some("v1")).unwrap();
        let path = folder.path().join("blobs/sha256").join(graph.root().digest.hex());
        assert_eq!(Digest::of(std::fs::read(path).unwrap()), graph.root().digest);
        let whole: u64 = std::fs::read_dir(folder.path().join("blobs/sha256"))
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        assert_eq!(whole, graph.size());
    }
}
