//! A component version stored again with another descriptor, everything beside it as it was.

use ocm_blob::MemoryBlob;
use ocm_model::Descriptor;
use ocm_oci::{Document, Error, Kind, Manifest, Selector};
use serde_json::Value;

use crate::Result;
use crate::component::form::media_type::{self, Packing};
use crate::component::read::{CONFIG_LIMIT, descriptor_layer, read_blob};
use crate::component::{ComponentRepository, ComponentVersion, RawDescriptor, Staged};

impl ComponentVersion {
    /// Another descriptor in the form in which this one is stored. What was packed into a tar becomes JSON.
    pub fn written_alike(&self, descriptor: &Descriptor) -> RawDescriptor {
        let stored = self.raw.media_type.as_str();
        let (media_type, bytes) = match media_type::packing(stored) {
            Some(Packing::Plain) if stored.ends_with("+yaml") => (stored, descriptor.write_yaml()),
            Some(Packing::Plain) => (stored, descriptor.write_json()),
            _ => (media_type::DESCRIPTOR_JSON, descriptor.write_json()),
        };
        RawDescriptor { media_type: media_type.to_owned(), bytes: bytes.into() }
    }
}

impl ComponentRepository {
    /// Stores `version`, which was read from here, with another descriptor, all but its root. Layers, rows of the index and
    /// annotations stay what they are.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub async fn restage(&self, version: &ComponentVersion, descriptor: &RawDescriptor) -> Result<Staged> {
        let content = self.content(version.name());
        let stored = content.push_blob(&MemoryBlob::new(descriptor.bytes.clone())).await?.0;
        let old = descriptor_layer(&content, &version.image, &version.to_string()).await?;
        let mut layer = old.clone();
        layer.media_type.clone_from(&descriptor.media_type);
        (layer.digest, layer.size) = (stored.digest, stored.size);

        let mut image = version.image.clone();
        let config = read_blob(&content, &image.config, CONFIG_LIMIT, "configuration of the component version").await?;
        // The oldest writers name no layer there; their configuration stays.
        if let Ok(mut config) = serde_json::from_slice::<Value>(&config)
            && let Some(named) = config.get_mut("componentDescriptorLayer").and_then(Value::as_object_mut)
        {
            named.insert("mediaType".to_owned(), layer.media_type.clone().into());
            named.insert("digest".to_owned(), layer.digest.to_string().into());
            named.insert("size".to_owned(), layer.size.into());
            let config = serde_json::to_vec(&config).map_err(|error| Error::invalid(version, error))?;
            let stored = content.push_blob(&MemoryBlob::new(config)).await?.0;
            (image.config.digest, image.config.size) = (stored.digest, stored.size);
        }
        for known in image.layers.iter_mut().filter(|known| known.digest == old.digest) {
            *known = layer.clone();
        }
        let manifest = Manifest::write(&image, version.manifest.media_type())?;
        let root = match version.root.document()? {
            Document::Image(_) => manifest,
            Document::Index(mut index) => {
                content.push_manifest(&manifest, None).await?;
                for row in index.manifests.iter_mut().filter(|row| row.digest == *version.manifest.digest()) {
                    (row.digest, row.size) = (manifest.digest().clone(), manifest.descriptor().size);
                }
                Manifest::write(&index, version.root.media_type())?
            }
        };
        let tag = ocm_model::version::to_tag(version.version());
        Ok(Staged { component: version.name().to_owned(), version: version.version().to_owned(), root, tag })
    }

    /// Puts what was staged in the place of the component version that it was made from.
    ///
    /// Registries cannot compare and set a tag. It is looked at before and after: what somebody else has changed since
    /// `read` was read is not replaced, and what somebody else puts there at the same time is noticed.
    ///
    /// # Errors
    /// [`Kind::Conflict`] if the tag leads to something else.
    pub async fn replace(&self, read: &ComponentVersion, staged: &Staged) -> Result<()> {
        self.replace_all(&[(read, staged)]).await
    }

    /// The same of several versions, made visible together: nothing is replaced if one of them was changed before.
    ///
    /// # Errors
    /// As [`ComponentRepository::replace`].
    pub async fn replace_all(&self, all: &[(&ComponentVersion, &Staged)]) -> Result<()> {
        for (read, staged) in all {
            self.expect(read, staged, read.root.digest()).await?;
        }
        let staged: Vec<Staged> = all.iter().map(|(_, staged)| (*staged).clone()).collect();
        self.publish(staged).await?;
        for (read, staged) in all {
            self.expect(read, staged, staged.root.digest()).await?;
        }
        Ok(())
    }

    async fn expect(&self, read: &ComponentVersion, staged: &Staged, expected: &ocm_blob::Digest) -> Result<()> {
        let found = self.content(read.name()).resolve(&Selector::Tag(staged.tag.clone())).await?;
        if found.as_ref().is_some_and(|found| found.digest == *expected) {
            return Ok(());
        }
        let now = found.map_or_else(|| "it is gone".to_owned(), |found| format!("it is {} now", found.digest));
        let reason = format!("was changed by somebody else meanwhile: {now}, and {expected} was expected");
        Err(Error::new(Kind::Conflict, format!("{}//{read}", self.address()), reason))
    }
}
