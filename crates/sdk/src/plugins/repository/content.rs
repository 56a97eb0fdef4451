//! The repository of one component in the repository of a plugin.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ocm_blob::{Blob, ByteStream, Digest, FileBlob};
use ocm_model::Identity;
use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_oci::{Descriptor, Error, Kind, Manifest, Pushed, Registry as _, Repository, Selector};
use ocm_plugin::{Element, VersionName};

use super::{Shared, made};
use crate::plugins::{Result, failed};

/// Counts what is published, over all components.
static PUBLISHED: AtomicU64 = AtomicU64::new(0);

/// The versions of one component, and their local content.
pub(super) struct Content {
    pub(super) shared: Arc<Shared>,
    name: String,
    /// Empty in a repository that is none of a component: there is nothing in it.
    pub(super) component: String,
    pub(super) staged: Arc<dyn Repository>,
    known: Mutex<Known>,
    /// One at a time: the same version and the same content are asked for once.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    /// Versions by their tags, as the plugin lists them: a tag does not tell everything.
    listed: HashMap<String, String>,
    /// Manifests of the versions that were read.
    read: HashMap<String, Manifest>,
    /// Whose content a digest is.
    local: HashMap<Digest, Vec<Local>>,
    pending: Vec<Pending>,
}

/// An artifact whose content the plugin has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) version: String,
    pub(super) of: Element,
    pub(super) identity: Identity,
}

/// A version that was published here and is not with the plugin yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) order: u64,
    pub(super) tag: String,
    pub(super) root: Manifest,
}

impl Content {
    pub(super) fn new(shared: Arc<Shared>, name: &str) -> Self {
        let component = name.strip_prefix(COMPONENT_DESCRIPTORS).and_then(|rest| rest.strip_prefix('/'));
        Self {
            component: component.unwrap_or_default().to_owned(),
            staged: shared.staging.repository(name),
            name: name.to_owned(),
            shared,
            known: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_pending(&self) -> Vec<Pending> {
        std::mem::take(&mut self.known().pending)
    }

    /// Forgets what was read of a version, because it changed.
    pub(super) fn forget(&self, tag: &str) {
        self.known().read.remove(tag);
    }

    /// Whether the plugin has this content with this artifact of this version.
    pub(super) fn has(&self, digest: &Digest, local: &Local) -> bool {
        self.known().local.get(digest).is_some_and(|locals| locals.contains(local))
    }

    /// Remembers that the plugin has content.
    pub(super) fn learn(&self, digest: Digest, local: Local) {
        let mut known = self.known();
        let locals = known.local.entry(digest).or_default();
        if !locals.contains(&local) {
            locals.push(local);
        }
    }

    /// The manifest of a version, made up from the descriptor that the plugin gives.
    async fn read(&self, tag: &str) -> Result<Option<Manifest>> {
        if self.component.is_empty() {
            return Ok(None);
        }
        let _one = self.asking.lock().await;
        let published =
            |known: &Known| known.pending.iter().rev().find(|one| one.tag == tag).map(|one| one.root.clone());
        let version = {
            let known = self.known();
            if let Some(manifest) = published(&known).or_else(|| known.read.get(tag).cloned()) {
                return Ok(Some(manifest));
            }
            known.listed.get(tag).cloned()
        };
        let version = version.unwrap_or_else(|| ocm_model::version::from_tag(tag));
        let name = VersionName { component: &self.component, version: &version };
        let Shared { plugin, place, .. } = &*self.shared;
        let bytes = match plugin.component_version(place, name).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ocm_plugin::Kind::Refused && self.is_absent(&error, &version).await => {
                return Ok(None);
            }
            Err(error) => return Err(failed(error)),
        };
        let manifest = made::manifest(self, name, bytes).await?;
        self.known().read.insert(tag.to_owned(), manifest.clone());
        Ok(Some(manifest))
    }

    /// Whether a refusal means that there is no such version. The SDK for Go answers every failure alike, so the list of versions
    /// decides, and only where there is none the words.
    async fn is_absent(&self, refusal: &ocm_plugin::Error, version: &str) -> bool {
        let says_so = |error: &ocm_plugin::Error| {
            let text = error.reason().to_ascii_lowercase();
            error.status() == Some(404)
                || ["not found", "not exist", "no such"].iter().any(|words| text.contains(words))
        };
        match self.shared.plugin.component_versions(&self.shared.place, &self.component).await {
            Ok(versions) => !versions.iter().any(|one| one == version),
            Err(error) => says_so(refusal) || says_so(&error),
        }
    }

    /// Fetches content that the plugin has, once.
    async fn fetch(&self, digest: &Digest) -> Result<Option<u64>> {
        let local = self.known().local.get(digest).and_then(|locals| locals.first().cloned());
        let Some(local) = local else { return Ok(None) };
        let _one = self.asking.lock().await;
        if let Some(size) = self.staged.blob_size(digest).await? {
            return Ok(Some(size));
        }
        let blob = self.handed(&local).await?;
        let expected = Expected { digest: digest.clone(), blob };
        let pushed = self.staged.push_blob(&expected).await;
        let (descriptor, _) = pushed.map_err(|error| {
            let plugin = self.shared.plugin.program().path.display();
            let subject = format!("{}:{} {}", self.component, local.version, local.identity);
            Error::new(error.kind(), subject, format!("the content from plugin {plugin}: {}", error.reason()))
        })?;
        Ok(Some(descriptor.size))
    }

    /// The file with local content that the plugin hands over.
    pub(super) async fn handed(&self, local: &Local) -> Result<FileBlob> {
        let name = VersionName { component: &self.component, version: &local.version };
        let Shared { plugin, place, .. } = &*self.shared;
        let location = plugin.local(local.of, place, name, &local.identity).await.map_err(failed)?;
        FileBlob::whole(&location.path).map_err(Error::blob(location.path.display()))
    }

    fn unsupported<T>(&self) -> Result<T> {
        let reason = "plugins cannot remove component versions";
        Err(Error::new(Kind::Unsupported, self.address(), reason))
    }
}

/// Content that has to have a digest.
struct Expected {
    digest: Digest,
    blob: FileBlob,
}

#[async_trait]
impl Blob for Expected {
    fn size(&self) -> Option<u64> {
        self.blob.size()
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.digest.clone())
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        self.blob.open().await
    }
}

#[async_trait]
impl Repository for Content {
    fn address(&self) -> String {
        format!("{}//{}", self.shared.address, self.name)
    }

    async fn resolve(&self, selector: &Selector) -> Result<Option<Descriptor>> {
        match selector {
            Selector::Tag(tag) => Ok(self.read(tag).await?.map(|manifest| manifest.descriptor())),
            Selector::Digest(_) => self.staged.resolve(selector).await,
        }
    }

    async fn manifest(&self, selector: &Selector) -> Result<Manifest> {
        match selector {
            Selector::Tag(tag) => {
                self.read(tag).await?.ok_or_else(|| Error::not_found(format!("{}:{tag}", self.address())))
            }
            Selector::Digest(_) => self.staged.manifest(selector).await,
        }
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.staged.blob_size(digest).await? {
            Some(size) => Ok(Some(size)),
            None => self.fetch(digest).await,
        }
    }

    async fn unlisted(&self, digest: &Digest) -> Result<Option<Descriptor>> {
        let size = self.blob_size(digest).await?;
        Ok(size.map(|size| Descriptor::new(ocm_oci::media_type::OCTETS, digest.clone(), size)))
    }

    async fn blob(&self, digest: &Digest, offset: u64) -> Result<ByteStream> {
        if self.blob_size(digest).await?.is_none() {
            return Err(Error::not_found(format!("{}@{digest}", self.address())));
        }
        self.staged.blob(digest, offset).await
    }

    async fn push_blob(&self, content: &dyn Blob) -> Result<(Descriptor, Pushed)> {
        self.staged.push_blob(content).await
    }

    async fn mount(&self, _digest: &Digest, _from: &str) -> Result<bool> {
        Ok(false)
    }

    async fn push_manifest(&self, manifest: &Manifest, tag: Option<&str>) -> Result<()> {
        // With its tag: that is how it is read again when it is handed over.
        self.staged.push_manifest(manifest, tag).await?;
        if let Some(tag) = tag {
            let order = PUBLISHED.fetch_add(1, Ordering::Relaxed);
            let pending = Pending { order, tag: tag.to_owned(), root: manifest.clone() };
            self.known().pending.push(pending);
        }
        Ok(())
    }

    async fn tags(&self) -> Result<Vec<String>> {
        if self.component.is_empty() {
            return Ok(Vec::new());
        }
        let Shared { plugin, place, .. } = &*self.shared;
        let versions = plugin.component_versions(place, &self.component).await.map_err(failed)?;
        let mut listed: HashMap<String, String> =
            versions.into_iter().map(|version| (ocm_model::version::to_tag(&version), version)).collect();
        let mut tags: Vec<String> = listed.keys().cloned().collect();
        tags.sort();
        self.known().listed.extend(listed.drain());
        Ok(tags)
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.staged.referrers(subject).await
    }

    async fn delete_manifest(&self, _selector: &Selector) -> Result<bool> {
        self.unsupported()
    }

    async fn delete_blob(&self, _digest: &Digest) -> Result<bool> {
        self.unsupported()
    }
}
