//! The ports: what every place that stores OCI content can do.

mod stored;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ocm_blob::{Blob, ByteStream, Digest, OpenFile};

pub use stored::StoredBlob;

use crate::{Descriptor, Manifest, Result};

/// How a manifest is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// By tag; whoever holds the place may move it.
    Tag(String),
    /// By digest; always the same bytes.
    Digest(Digest),
}

impl Selector {
    /// A tag or, if the text is a digest, that digest.
    pub fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Tag(text.to_owned()), Self::Digest)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => fmt::Display::fmt(digest, f),
        }
    }
}

impl From<Digest> for Selector {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

/// A repository on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Scheme and host with port: `https://ghcr.io`.
    pub registry: String,
    /// Name of the repository in it.
    pub repository: String,
}

impl Location {
    /// Host with port, without the scheme.
    pub fn host(&self) -> &str {
        self.registry.split_once("://").map_or(&self.registry, |(_, host)| host)
    }

    /// How an image of this repository is referred to, without tag and digest. Plain HTTP has to be said, TLS is what
    /// everybody expects.
    pub fn image_name(&self) -> String {
        format!("{}/{}", self.registry.trim_start_matches("https://"), self.repository)
    }
}

/// Which place a repository belongs to, and its name there: whoever is in the same place can mount blobs from it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Home {
    /// The place, distinguished from all others: a registry, an archive.
    pub place: String,
    /// The name of the repository as [`Repository::mount`] of the others takes it.
    pub name: String,
}

/// How a blob came to be in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It was there; nothing was moved.
    Present,
    /// The place took it over from another of its repositories; nothing was moved.
    Mounted,
    /// Its bytes were sent.
    Sent,
}

/// One repository in some place: blobs and manifests by digest, and tags.
///
/// # Guarantees
/// A manifest, and a blob that is read from its start, was checked against its digest, or the stream fails before its end.
/// A blob or manifest that was pushed is there as a whole or not at all.
#[async_trait]
pub trait Repository: Send + Sync {
    /// How a person would address this repository: for messages.
    fn address(&self) -> String;

    /// Type, digest and size of a manifest without its content; `None` if it does not exist.
    async fn resolve(&self, selector: &Selector) -> Result<Option<Descriptor>>;

    /// A manifest; [`crate::Kind::NotFound`] if it does not exist.
    async fn manifest(&self, selector: &Selector) -> Result<Manifest>;

    /// The size of a blob in bytes; `None` if it does not exist.
    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>>;

    /// A blob that belongs to a manifest which does not list it: for places that make up their manifests, and would have to
    /// fetch all content to tell its size in them. The default has none.
    async fn unlisted(&self, _digest: &Digest) -> Result<Option<Descriptor>> {
        Ok(None)
    }

    /// Content of a blob from `offset` on. Read from the start, it is verified against the digest.
    async fn blob(&self, digest: &Digest, offset: u64) -> Result<ByteStream>;

    /// Content of a blob from its start, not verified where that saves hashing it; see [`Blob::open_unverified`] for who
    /// may ask for that. The default is verified.
    async fn blob_unverified(&self, digest: &Digest) -> Result<ByteStream> {
        self.blob(digest, 0).await
    }

    /// Content of a blob from `offset` on, not verified, as the part of a file that it is; see [`Blob::open_file`].
    async fn blob_file(&self, _digest: &Digest, _offset: u64) -> Result<Option<OpenFile>> {
        Ok(None)
    }

    /// Stores a blob. Without a digest beforehand, the content is measured on its way (SHA-256).
    ///
    /// Returns what the blob is (media type `application/octet-stream`) and how it came there. Content that does not
    /// have the digest or size it announced is refused.
    async fn push_blob(&self, content: &dyn Blob) -> Result<(Descriptor, Pushed)>;

    /// Takes a blob over from another repository of the same place without moving bytes; `false` if it cannot be done.
    async fn mount(&self, digest: &Digest, from: &str) -> Result<bool>;

    /// Stores a manifest under its digest and, if given, under a tag. The blobs and manifests it needs must be there.
    async fn push_manifest(&self, manifest: &Manifest, tag: Option<&str>) -> Result<()>;

    /// Stores an index although the manifests `left_out` of it, which it lists, are not there on purpose.
    ///
    /// # Errors
    /// [`crate::Kind::Unsupported`] or [`crate::Kind::Invalid`] where the place insists on all of them.
    async fn push_sparse(&self, index: &Manifest, tag: Option<&str>, _left_out: &[Digest]) -> Result<()> {
        self.push_manifest(index, tag).await
    }

    /// All tags, in lexical order.
    async fn tags(&self) -> Result<Vec<String>>;

    /// Manifests that name `subject` as their subject.
    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>>;

    /// Which registry serves this repository over the network, and under which name.
    ///
    /// `None` for places on this machine. Blobs can be mounted between repositories whose registries are equal.
    fn location(&self) -> Option<Location> {
        None
    }

    /// Where this repository belongs. The default is right for a place that is found by location or has one repository only.
    fn home(&self) -> Home {
        match self.location() {
            Some(Location { registry, repository }) => Home { place: registry, name: repository },
            None => Home { place: self.address(), name: String::new() },
        }
    }

    /// Another repository of the same place, which need not exist; `None` where that is found by its address.
    fn sibling(&self, _name: &str) -> Option<Arc<dyn Repository>> {
        None
    }

    /// Where the content of a blob begins in a source that can only be read from front to back (a compressed archive).
    ///
    /// `None` for all others. Whoever copies several blobs out of such a source asks for them in this order and one
    /// after the other, so that the source is read once.
    fn position(&self, _digest: &Digest) -> Option<u64> {
        None
    }

    /// Removes a tag, or a manifest with all its tags. `false` if it did not exist.
    async fn delete_manifest(&self, selector: &Selector) -> Result<bool>;

    /// Removes a blob. `false` if it did not exist.
    async fn delete_blob(&self, digest: &Digest) -> Result<bool>;
}

/// A place with any number of repositories: a registry host, an archive.
#[async_trait]
pub trait Registry: Send + Sync {
    /// How a person would address this place: for messages.
    fn address(&self) -> String;

    /// A repository by name; it need not exist yet.
    fn repository(&self, name: &str) -> Arc<dyn Repository>;

    /// Names of all repositories, in lexical order; [`crate::Kind::Unsupported`] where the place does not tell.
    async fn repositories(&self) -> Result<Vec<String>>;

    /// Makes everything visible that was pushed so far.
    ///
    /// A place that cannot hold back changes does nothing here. Whoever needs "all or nothing" in every place pushes
    /// manifests without tags first, tags them in the end, and then calls this.
    async fn commit(&self) -> Result<()> {
        Ok(())
    }
}

/// A place on this machine whose repositories take blobs piece by piece; what a server can offer to others.
pub trait UploadRegistry: Registry {
    /// A repository by name; it need not exist yet.
    fn upload_store(&self, name: &str) -> Arc<dyn UploadStore>;
}

/// A repository that takes blobs piece by piece over several requests; what a server needs beside [`Repository`].
#[async_trait]
pub trait UploadStore: Repository {
    /// Begins a blob.
    async fn begin(&self) -> Result<Box<dyn Upload>>;
}

/// A blob in the making. Dropped without [`Upload::finish`], it leaves nothing behind.
#[async_trait]
pub trait Upload: Send {
    /// Bytes taken so far.
    fn size(&self) -> u64;

    /// Takes the next bytes.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Stores the blob; [`crate::Kind::Invalid`] if its digest is not the one given.
    async fn finish(self: Box<Self>, expected: &Digest) -> Result<()>;
}
