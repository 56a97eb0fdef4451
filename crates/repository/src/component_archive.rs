//! Component archives of the older program: one component version in a folder or tar file, `component-descriptor.yaml`
//! and `blobs/`. They are read as a place with one repository that holds the component version in its usual form.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use ocm_blob::{
    Algorithm, Blob, ByteStream, Digest, DirectoryTar, Folder, Measure, MemoryBlob, PackOptions, read_to_end, verified,
};
use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_model::{Descriptor, TypedObject};
use ocm_oci::{Error, Kind, Manifest, Pushed, Registry, Repository, Selector};

use crate::Result;
use crate::component::read::{DESCRIPTOR_FILE, DESCRIPTOR_LIMIT};
use crate::component::{ComponentRepository, NewVersion, RawDescriptor, media_type, stage, version};

/// The folder with the local content.
const BLOBS: &str = "blobs";

/// A component archive, open for reading.
///
/// Its local content is referred to by file names. Here it has the digest that it has everywhere else: accesses are
/// rewritten to it, which does not change the digest of the component version.
#[derive(Clone)]
pub struct ComponentArchive(Arc<Content>);

struct Content {
    path: PathBuf,
    component: String,
    /// Empty as long as the component version is being composed, and in repositories of components that are not here.
    tag: String,
    parts: Mutex<Parts>,
}

#[derive(Default)]
struct Parts {
    blobs: HashMap<Digest, Arc<dyn Blob>>,
    manifests: HashMap<Digest, Manifest>,
    /// What the tag points to. Nothing can be added once it is known.
    root: Option<Digest>,
}

impl Parts {
    /// Nothing, and nothing to come.
    fn sealed() -> Self {
        Self { root: Some(Digest::of("")), ..Self::default() }
    }

    fn find(&self, selector: &Selector, own_tag: &str) -> Option<&Manifest> {
        match selector {
            Selector::Tag(tag) if tag == own_tag => self.manifests.get(self.root.as_ref()?),
            Selector::Tag(_) => None,
            Selector::Digest(digest) => self.manifests.get(digest),
        }
    }
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
        let shown = path.join(DESCRIPTOR_FILE);
        let fail = || Error::blob(shown.display());
        let Some(file) = files.file(DESCRIPTOR_FILE).map_err(fail())? else {
            return Err(Error::invalid(
                path.display(),
                format!("is not a component archive: has no {DESCRIPTOR_FILE}"),
            ));
        };
        let stream = file.open().await.map_err(fail())?;
        let bytes = read_to_end(stream, DESCRIPTOR_LIMIT, "component descriptor").await.map_err(fail())?;
        let mut descriptor = Descriptor::read(&bytes).map_err(|error| Error::invalid(shown.display(), error))?;

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
        Self::compose(path, &NewVersion { descriptor, raw, ..NewVersion::default() }, blobs).await
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

    async fn compose(path: PathBuf, version: &NewVersion, blobs: HashMap<Digest, Arc<dyn Blob>>) -> Result<Self> {
        let component = version.descriptor.component.name.clone();
        let parts = Mutex::new(Parts { blobs, manifests: HashMap::new(), root: None });
        let content = Arc::new(Content { path, component, tag: String::new(), parts });
        let staged = stage::stage(&(content.clone() as Arc<dyn Repository>), version).await?;
        content.push_manifest(&staged.root, Some(&staged.tag)).await?;
        let parts = std::mem::take(&mut *content.parts());
        let parts = Mutex::new(Parts { root: Some(staged.root.digest().clone()), ..parts });
        let (path, component) = (content.path.clone(), content.component.clone());
        Ok(Self(Arc::new(Content { path, component, tag: staged.tag, parts })))
    }
}

impl Files {
    async fn open(path: &Path) -> Result<Self> {
        let fail = || Error::blob(path.display());
        if path.is_dir() {
            return Folder::open(path).map(Self::Folder).map_err(fail());
        }
        let archive = ocm_blob::Archive::open(path).await.map_err(fail())?;
        archive.refuse_foreign_paths().map_err(fail())?;
        Ok(Self::Packed(archive))
    }

    fn file(&self, name: &str) -> ocm_blob::Result<Option<Arc<dyn Blob>>> {
        match self {
            Self::Folder(folder) => folder.blob(name).map(|blob| blob.map(|blob| Arc::new(blob) as _)),
            Self::Packed(archive) => archive.blob(name).map(|blob| blob.map(|blob| Arc::new(blob) as _)),
        }
    }

    /// Local content by the name of its file: what it is named for if that is a digest, else what it turns out to be.
    async fn content(&self, archive: &Path, name: &str) -> Result<Option<(Digest, Arc<dyn Blob>)>> {
        let path = format!("{BLOBS}/{name}");
        let shown = archive.join(&path);
        let fail = || Error::blob(shown.display());
        let blob = match self {
            Self::Folder(_) if is_folder(&shown, name) => {
                Some(Arc::new(DirectoryTar::new(&shown, &PackOptions::default()).map_err(fail())?) as Arc<dyn Blob>)
            }
            _ => self.file(&path).map_err(fail())?,
        };
        let Some(blob) = blob else { return Ok(None) };
        if let Ok(digest) = Digest::from_file_name(name) {
            return Ok(Some((digest, blob)));
        }
        let (mut stream, measure) = Measure::watch(Algorithm::Sha256, blob.open().await.map_err(fail())?);
        while let Some(chunk) = stream.next().await {
            chunk.map_err(fail())?;
        }
        Ok(measure.result().map(|measured| (measured.digest, blob)))
    }
}

/// Whether a folder, and no link to one, stands where a file with content is expected; it is packed then.
fn is_folder(path: &Path, name: &str) -> bool {
    !name.contains(['/', '\\'])
        && name != ".."
        && name != "."
        && path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

/// The file that an access refers to, inside the folder of the local content. An empty name would be that of the folder.
fn file_name(access: &TypedObject) -> Option<String> {
    if access.base_kind().eq_ignore_ascii_case("localFilesystemBlob") {
        return access.text("fileName").filter(|name| !name.is_empty()).map(str::to_owned);
    }
    let digest = version::is_local(access).then(|| version::local_reference(access)).flatten()?;
    Digest::from_file_name(digest).ok().map(|digest| digest.file_name())
}

/// Makes an access refer to a digest. Returns whether it did not do so before.
fn rewrite(access: &mut TypedObject, digest: &Digest) -> bool {
    let digest = digest.to_string();
    if version::is_local(access) && version::local_reference(access) == Some(&digest) {
        return false;
    }
    if !version::is_local(access) {
        let media_type = access.text("mediaType").unwrap_or(ocm_oci::media_type::OCTETS).to_owned();
        *access = TypedObject::new("localBlob/v1").with("mediaType", media_type);
    }
    access.members.insert("localReference".to_owned(), digest.into());
    true
}

impl Content {
    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_only<T>(&self) -> Result<T> {
        let reason = "a component archive can only be read: transfer it into a transport archive";
        Err(Error::new(Kind::Unsupported, self.path.display(), reason))
    }
}

#[async_trait]
impl Registry for ComponentArchive {
    fn address(&self) -> String {
        self.0.path.display().to_string()
    }

    fn repository(&self, name: &str) -> Arc<dyn Repository> {
        if name == repository_name(&self.0.component) {
            return self.0.clone();
        }
        let (path, component) = (self.0.path.clone(), name.to_owned());
        Arc::new(Content { path, component, tag: String::new(), parts: Mutex::new(Parts::sealed()) })
    }

    async fn repositories(&self) -> Result<Vec<String>> {
        Ok(vec![repository_name(&self.0.component)])
    }
}

fn repository_name(component: &str) -> String {
    format!("{COMPONENT_DESCRIPTORS}/{component}")
}

#[async_trait]
impl Repository for Content {
    fn address(&self) -> String {
        format!("{}//{}", self.path.display(), self.component)
    }

    async fn resolve(&self, selector: &Selector) -> Result<Option<ocm_oci::Descriptor>> {
        Ok(self.parts().find(selector, &self.tag).map(Manifest::descriptor))
    }

    async fn manifest(&self, selector: &Selector) -> Result<Manifest> {
        let found = self.parts().find(selector, &self.tag).cloned();
        found.ok_or_else(|| Error::not_found(format!("{}:{selector}", self.address())))
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.parts().blobs.get(digest).and_then(|blob| blob.size()))
    }

    async fn blob(&self, digest: &Digest, offset: u64) -> Result<ByteStream> {
        let subject = || format!("{}@{digest}", self.address());
        let blob = self.parts().blobs.get(digest).cloned().ok_or_else(|| Error::not_found(subject()))?;
        let stream = blob.open_at(offset).await.map_err(Error::blob(subject()))?;
        Ok(if offset == 0 { verified(stream, None, Some(digest.clone())) } else { stream })
    }

    async fn push_blob(&self, content: &dyn Blob) -> Result<(ocm_oci::Descriptor, Pushed)> {
        if self.parts().root.is_some() {
            return self.read_only();
        }
        // The component version is being composed: its configuration and descriptor, both small.
        let stream = content.open().await.map_err(Error::blob(self.address()))?;
        let bytes =
            read_to_end(stream, DESCRIPTOR_LIMIT, "component descriptor").await.map_err(Error::blob(self.address()))?;
        let blob = MemoryBlob::new(bytes);
        let (digest, size) = (Digest::of(blob.bytes()), blob.bytes().len() as u64);
        self.parts().blobs.insert(digest.clone(), Arc::new(blob));
        Ok((ocm_oci::Descriptor::new(ocm_oci::media_type::OCTETS, digest, size), Pushed::Sent))
    }

    async fn mount(&self, _digest: &Digest, _from: &str) -> Result<bool> {
        Ok(false)
    }

    async fn push_manifest(&self, manifest: &Manifest, _tag: Option<&str>) -> Result<()> {
        if self.parts().root.is_some() {
            return self.read_only();
        }
        self.parts().manifests.insert(manifest.digest().clone(), manifest.clone());
        Ok(())
    }

    async fn tags(&self) -> Result<Vec<String>> {
        Ok(if self.tag.is_empty() { Vec::new() } else { vec![self.tag.clone()] })
    }

    async fn referrers(&self, _subject: &Digest) -> Result<Vec<ocm_oci::Descriptor>> {
        Ok(Vec::new())
    }

    async fn delete_manifest(&self, _selector: &Selector) -> Result<bool> {
        self.read_only()
    }

    async fn delete_blob(&self, _digest: &Digest) -> Result<bool> {
        self.read_only()
    }
}
