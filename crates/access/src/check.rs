//! Whether content is what a descriptor records.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use ocm_blob::{Algorithm, Blob, ByteStream, Digest, Digester, Measure, verified};
use ocm_model::DigestSpec;
use ocm_model::digest::{GENERIC_BLOB_DIGEST, HashAlgorithm, OCI_ARTEFACT_DIGEST, OCI_ARTIFACT_DIGEST};
use ocm_oci::{Descriptor, Document, Error, Kind, Repository};
use ocm_repository::{ArtifactSet, is_artifact_set};

use crate::{Content, Result, helm};

/// Manifests of one image that are looked into; more is no image that anybody made.
const MAX_MANIFESTS: usize = 10_000;

/// What a recorded digest may be the digest of. The names are not enough to tell: the Go program of OCM v2 writes
/// [`GENERIC_BLOB_DIGEST`] for images as well, with the digest of the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    /// `genericBlobDigest/v1`: the bytes of a blob; the manifest of an image; the packed chart that an artifact was made of.
    Generic,
    /// `ociArtifactDigest/v1`: the manifest of an image, stored as one. Bytes are no image, even if they are those of a manifest:
    /// what it names would not be covered, and may not be there.
    Artifact,
    /// A name of somebody else: the bytes of a blob, or the manifest of an image.
    Unknown,
}

impl Subject {
    fn of(recorded: &DigestSpec) -> Self {
        match recorded.normalisation_algorithm.as_str() {
            GENERIC_BLOB_DIGEST => Self::Generic,
            OCI_ARTIFACT_DIGEST | OCI_ARTEFACT_DIGEST => Self::Artifact,
            _ => Self::Unknown,
        }
    }
}

/// The digest that a descriptor records, as one of bytes. `None` where there is none, or where the content takes no part
/// in signing.
///
/// # Errors
/// [`Kind::Invalid`] if it is none that can be checked: content must never pass because its digest is not understood.
pub fn recorded(digest: Option<&DigestSpec>) -> Result<Option<Digest>> {
    let Some(spec) = digest.filter(|spec| !spec.is_excluded() && !spec.value.is_empty()) else { return Ok(None) };
    let shown = || format!("recorded digest {}:{}", spec.hash_algorithm, spec.value);
    let text = spec.oci_digest().ok_or_else(|| Error::invalid(shown(), "is none that can be checked"))?;
    text.parse().map(Some).map_err(|error| Error::invalid(shown(), error))
}

/// Content that is what a descriptor records, or fails while it is read.
///
/// What is compared depends on the normalisation that the descriptor names, and on what the content is: `ociArtifactDigest/v1` is
/// the digest of the manifest of an image, and of nothing else; `genericBlobDigest/v1` is the digest of the bytes of a blob, of
/// the manifest of an image (as the Go program of OCM v2 writes it), or, for a chart that came as a file and is stored as an OCI
/// artifact, of the layer with the chart. Images are compared now; a blob gives an error at its end if it differs. An artifact set
/// records the digest of its main artifact, too: [`pin`] and [`confirm`] look into it.
///
/// # Errors
/// [`Kind::Invalid`] if the content is another one or of another kind, or if the recorded digest cannot be checked.
pub async fn check(content: Content, digest: Option<&DigestSpec>) -> Result<Content> {
    let (Some(expected), Some(spec)) = (recorded(digest)?, digest) else { return Ok(content) };
    let subject = Subject::of(spec);
    match content {
        Content::Blob { ref media_type, .. } if is_artifact_set(media_type) => Ok(content),
        Content::Blob { .. } if subject == Subject::Artifact => Err(Error::new(
            Kind::Invalid,
            "the content",
            format!("is a blob and no image, but the descriptor records {}", shown(spec)),
        )),
        Content::Blob { blob, media_type } => Ok(Content::Blob { blob: promised(blob, expected, spec)?, media_type }),
        Content::Image { source, root } => {
            if root.digest == expected
                || subject == Subject::Generic && helm::chart_layer(&source, &root).await? == Some(expected)
            {
                return Ok(Content::Image { source, root });
            }
            Err(mismatch(spec, &root.digest))
        }
    }
}

/// As [`check`], for content that moves on: what comes out is what the descriptor records, whatever it calls itself.
///
/// What lies behind an address may be another thing the next time, and a server may call anything an artifact set. So one is
/// read now, compared, and held to the digest of the bytes that were compared. `scratch` is a folder for temporary files.
///
/// # Errors
/// As [`check`]; [`Kind::Unsupported`] for an artifact set without a folder.
pub async fn pin(content: Content, digest: Option<&DigestSpec>, scratch: Option<&Path>) -> Result<Content> {
    let (blob, media_type, spec, expected) = match (check(content, digest).await?, recorded(digest)?, digest) {
        (Content::Blob { blob, media_type }, Some(expected), Some(spec)) if is_artifact_set(&media_type) => {
            (blob, media_type, spec, expected)
        }
        (content, ..) => return Ok(content),
    };
    let is_artifact = Subject::of(spec) == Subject::Artifact;
    if !is_artifact && blob.digest().as_ref() == Some(&expected) {
        return Ok(Content::Blob { blob: promised(blob, expected, spec)?, media_type });
    }
    let scratch = needed(scratch)?;
    let measuring = MeasuredBlob { blob, algorithm: expected.algorithm(), measure: Mutex::default() };
    let set = ArtifactSet::open(&measuring, scratch).await;
    let measured = measuring.measured();
    // Bytes that are recorded as bytes need not be a set, whatever a server calls them.
    if let (false, Some(measured)) = (is_artifact, measured.as_ref().filter(|measured| **measured == expected)) {
        return Ok(Content::Blob { blob: promised(measuring.blob, measured.clone(), spec)?, media_type });
    }
    let set = set?;
    match measured {
        Some(measured) if set.main().digest == expected => {
            set.manifest(&expected.into()).await?;
            let blob = Promised { blob: measuring.blob, digest: measured };
            Ok(Content::Blob { blob: Arc::new(blob), media_type })
        }
        _ => Err(mismatch(spec, &set.main().digest)),
    }
}

/// The folder that an artifact set is spread out in.
fn needed(scratch: Option<&Path>) -> Result<&Path> {
    scratch.ok_or_else(|| {
        Error::new(Kind::Unsupported, "the content", "is an artifact set, and there is no folder to compare it in")
    })
}

/// A blob whose bytes are measured when it is opened.
struct MeasuredBlob {
    blob: Arc<dyn Blob>,
    algorithm: Algorithm,
    measure: Mutex<Measure>,
}

impl MeasuredBlob {
    /// The digest of all the bytes that came; `None` if they were not read to their end.
    fn measured(&self) -> Option<Digest> {
        let measured = self.measure.lock().unwrap_or_else(PoisonError::into_inner).result();
        measured.map(|measured| measured.digest)
    }
}

#[async_trait]
impl Blob for MeasuredBlob {
    fn size(&self) -> Option<u64> {
        self.blob.size()
    }

    fn digest(&self) -> Option<Digest> {
        self.blob.digest()
    }

    fn is_verified(&self) -> bool {
        self.blob.is_verified()
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let (stream, measure) = Measure::watch(self.algorithm, self.blob.open().await?);
        *self.measure.lock().unwrap_or_else(PoisonError::into_inner) = measure;
        Ok(stream)
    }
}

/// Reads content and everything that it consists of, and compares it with what a descriptor records, as [`check`] does; an
/// artifact set may also be recorded by the digest of its own bytes. `scratch` is a folder for temporary files.
///
/// # Errors
/// As [`check`]; also if something that an image consists of is missing or damaged; [`Kind::Unsupported`] for an artifact set
/// without a folder.
pub async fn confirm(content: Content, spec: &DigestSpec, scratch: Option<&Path>) -> Result<()> {
    match check(content, Some(spec)).await? {
        Content::Image { source, root } => read_image(&source, &root).await,
        Content::Blob { blob, media_type } if is_artifact_set(&media_type) => {
            let Some(expected) = recorded(Some(spec))? else { return Ok(()) };
            let set = ArtifactSet::open(blob.as_ref(), needed(scratch)?).await?;
            let root = set.main().clone();
            if root.digest == expected {
                return read_image(&(Arc::new(set) as Arc<dyn Repository>), &root).await;
            }
            let is_artifact = Subject::of(spec) == Subject::Artifact;
            if !is_artifact && hashed(blob.as_ref(), expected.algorithm()).await? == expected {
                return Ok(());
            }
            Err(mismatch(spec, &root.digest))
        }
        Content::Blob { blob, .. } => {
            let mut stream = blob.open().await.map_err(Error::blob("the content"))?;
            while let Some(chunk) = stream.next().await {
                chunk.map_err(Error::blob("the content"))?;
            }
            Ok(())
        }
    }
}

/// The digest that a descriptor records for content: of the manifest of an image, also of one in an artifact set, else of the
/// bytes. `scratch` is a folder for temporary files.
///
/// # Errors
/// The content cannot be read; [`Kind::Unsupported`] for an artifact set without a folder.
pub async fn measure(content: Content, hash: HashAlgorithm, scratch: Option<&Path>) -> Result<DigestSpec> {
    let of_image = |root: &Descriptor| {
        let hash = match root.digest.algorithm() {
            Algorithm::Sha256 => HashAlgorithm::Sha256,
            Algorithm::Sha512 => HashAlgorithm::Sha512,
        };
        DigestSpec::new(hash, OCI_ARTIFACT_DIGEST, root.digest.hex())
    };
    match content {
        Content::Image { root, .. } => Ok(of_image(&root)),
        Content::Blob { blob, media_type } if is_artifact_set(&media_type) => {
            Ok(of_image(ArtifactSet::open(blob.as_ref(), needed(scratch)?).await?.main()))
        }
        Content::Blob { blob, .. } => {
            let algorithm = match hash {
                HashAlgorithm::Sha256 => Algorithm::Sha256,
                HashAlgorithm::Sha512 => Algorithm::Sha512,
            };
            Ok(DigestSpec::new(hash, GENERIC_BLOB_DIGEST, hashed(blob.as_ref(), algorithm).await?.hex()))
        }
    }
}

async fn hashed(blob: &dyn Blob, algorithm: Algorithm) -> Result<Digest> {
    let mut digester = Digester::new(algorithm);
    let mut stream = blob.open().await.map_err(Error::blob("the content"))?;
    while let Some(chunk) = stream.next().await {
        digester.update(&chunk.map_err(Error::blob("the content"))?);
    }
    Ok(digester.finish())
}

/// Reads everything below a manifest: it is there, and right. What is named twice is read once.
async fn read_image(source: &Arc<dyn Repository>, root: &Descriptor) -> Result<()> {
    let mut open = vec![root.digest.clone()];
    let mut seen = HashSet::new();
    while let Some(digest) = open.pop() {
        if !seen.insert(digest.clone()) {
            continue;
        }
        if seen.len() > MAX_MANIFESTS {
            return Err(Error::invalid("the content", format!("has more than {MAX_MANIFESTS} parts")));
        }
        match source.manifest(&digest.into()).await?.document()? {
            Document::Index(index) => open.extend(index.manifests.into_iter().map(|row| row.digest)),
            Document::Image(image) => {
                for blob in std::iter::once(&image.config).chain(&image.layers) {
                    if !seen.insert(blob.digest.clone()) {
                        continue;
                    }
                    let about = || format!("blob {} of the content", blob.digest);
                    let stream = source.blob(&blob.digest, 0).await?;
                    let mut stream = verified(stream, Some(blob.size), Some(blob.digest.clone()));
                    while let Some(chunk) = stream.next().await {
                        chunk.map_err(Error::blob(about()))?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// A recorded digest with the names of how it was made.
fn shown(spec: &DigestSpec) -> String {
    format!("{}:{} ({})", spec.hash_algorithm, spec.value, spec.normalisation_algorithm)
}

fn mismatch(spec: &DigestSpec, actual: &Digest) -> Error {
    let reason = format!("has digest {actual}, but the descriptor records {}", shown(spec));
    Error::new(Kind::Invalid, "the content", reason)
}

/// A blob that ends only if it has the digest.
fn promised(blob: Arc<dyn Blob>, expected: Digest, spec: &DigestSpec) -> Result<Arc<dyn Blob>> {
    match blob.digest() {
        // What the place checks itself needs no second pass over the bytes.
        Some(digest) if digest == expected && blob.is_verified() => Ok(blob),
        Some(digest) if digest.algorithm() == expected.algorithm() && digest != expected => {
            Err(mismatch(spec, &digest))
        }
        _ => Ok(Arc::new(Promised { blob, digest: expected })),
    }
}

/// A blob with the digest somebody recorded for it.
struct Promised {
    blob: Arc<dyn Blob>,
    digest: Digest,
}

#[async_trait]
impl Blob for Promised {
    fn size(&self) -> Option<u64> {
        self.blob.size()
    }

    fn digest(&self) -> Option<Digest> {
        Some(self.digest.clone())
    }

    fn is_verified(&self) -> bool {
        true
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        Ok(verified(self.blob.open().await?, self.blob.size(), Some(self.digest.clone())))
    }

    async fn open_unverified(&self) -> ocm_blob::Result<ByteStream> {
        self.blob.open_unverified().await
    }

    async fn open_file(&self, offset: u64) -> ocm_blob::Result<Option<ocm_blob::OpenFile>> {
        self.blob.open_file(offset).await
    }

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        if offset == 0 { self.open().await } else { self.blob.open_at(offset).await }
    }
}
