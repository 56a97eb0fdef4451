//! Component archives of the older program: one component version in a folder or tar file, `component-descriptor.yaml`
//! and `blobs/`. They are read as a place with one repository that holds the component version in its usual form.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ocm_blob::{
    Algorithm, Blob, ByteStream, Digest, DirectoryTar, Folder, Measure, MemoryBlob, PackOptions, read_to_end, verified,
};
use ocm_model::{Descriptor, TypedObject};
use ocm_oci::{Error, Kind, Manifest, Pushed, Registry, Repository, Selector};

use crate::Result;
use crate::component::{ComponentRepository, NewVersion, RawDescriptor, media_type, stage};

/// The file that makes a folder a component archive.
const DESCRIPTOR_FILE: &str = "component-descriptor.yaml";

/// The folder with the local content.
const BLOBS: &str = "blobs";

/// Largest descriptor that is read, in bytes.
const DESCRIPTOR_LIMIT: u64 = 16 << 20;

/// A component archive, open for reading.
///
/// Its local content is referred to by file names. Here it has the digest that it has everywhere else: accesses are
/// rewritten to it, which does not change the digest of the component version.
#[derive(Clone)]
pub struct ComponentArchive(Arc<Content>);

struct Content {
    path: PathBuf,
    component: String,
    tag: String,
    manifest: Manifest,
    blobs: HashMap<Digest, Arc<dyn Blob>>,
}

/// Where the files are.
enum Files {
    Folder(Folder),
    Packed(ocm_blob::Archive),
}

impl ComponentArchive {
    /// Opens a component archive.
    ///
    /// # Errors
    /// [`Kind::Invalid`] if there is no component descriptor in it.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let files = Files::open(&path).await?;
        let fail = || Error::blob(path.join(DESCRIPTOR_FILE).display());
        let Some(file) = files.file(DESCRIPTOR_FILE).map_err(fail())? else {
            return Err(Error::invalid(path.display(), format!("is not a component archive: has no {DESCRIPTOR_FILE}")));
        };
        let stream = file.open().await.map_err(fail())?;
        let bytes = read_to_end(stream, DESCRIPTOR_LIMIT, "component descriptor").await.map_err(fail())?;
        let mut descriptor =
            Descriptor::read(&bytes).map_err(|error| Error::invalid(path.join(DESCRIPTOR_FILE).display(), error))?;

        let mut blobs = HashMap::new();
        let mut rewritten = false;
        let component = &mut descriptor.component;
        let accesses = component.resources.iter_mut().map(|resource| &mut resource.access);
        for access in accesses.chain(component.sources.iter_mut().map(|source| &mut source.access)) {
            if let Some(name) = file_name(access)
                // Content that is missing is told of when somebody asks for it.
                && let Some((digest, blob)) = files.content(&path, &name).await?
            {
                blobs.insert(digest.clone(), blob);
                rewritten |= rewrite(access, &digest);
            }
        }
        let raw = (!rewritten).then(|| RawDescriptor { media_type: media_type::DESCRIPTOR_YAML.to_owned(), bytes });
        Self::compose(path, &NewVersion { descriptor, raw, ..NewVersion::default() }, blobs)
    }

    /// Whether a folder or file is one, by a look at what is in it.
    pub async fn is_one(path: &Path) -> bool {
        match Files::open(path).await {
            Ok(files) => files.file(DESCRIPTOR_FILE).is_ok_and(|file| file.is_some()),
            Err(_) => false,
        }
    }

    /// The place as component versions: the one that is in it.
    pub fn components(&self) -> ComponentRepository {
        ComponentRepository::new(Arc::new(self.clone()), "")
    }

    fn compose(path: PathBuf, version: &NewVersion, mut blobs: HashMap<Digest, Arc<dyn Blob>>) -> Result<Self> {
        let sizes = |digest: &Digest| blobs.get(digest).and_then(|blob| blob.size());
        let composed = stage::compose(version, sizes).map_err(|error| Error::invalid(path.display(), error))?;
        for small in composed.small {
            blobs.insert(Digest::of(&small), Arc::new(MemoryBlob::new(small)));
        }
        let component = version.descriptor.component.name.clone();
        let tag = ocm_model::version::to_tag(&version.descriptor.component.version);
        Ok(Self(Arc::new(Content { path, component, tag, manifest: composed.manifest, blobs })))
    }
}
