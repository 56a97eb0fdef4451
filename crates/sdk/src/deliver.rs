//! Content of an element as a file or folder of the user's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocm_access::Content;
use ocm_blob::{
    Blob, Digest, Existing, ExtractOptions, Gzipped, Limits, Observer, extract, folder_of, gunzip, observe, verified,
    write_file, write_file_as,
};
use ocm_model::DigestSpec;
use ocm_oci::{LayoutContent, Repository};
use ocm_repository::{ArtifactSet, is_artifact_set};

use crate::chart::Chart;
use crate::folders::Folders;
use crate::ops::download::{Extraction, Form};
use crate::{Error, Kind, Result};

/// What is known of an element besides its content.
pub(crate) struct Wanted<'a> {
    /// Recorded digest.
    pub(crate) digest: Option<&'a DigestSpec>,
    /// Name of the image inside a layout.
    pub(crate) tag: &'a str,
    pub(crate) form: Form,
    pub(crate) extraction: Extraction,
}

/// What was written.
pub(crate) struct Delivered {
    pub(crate) path: PathBuf,
    pub(crate) media_type: String,
    pub(crate) digest: String,
    pub(crate) bytes: u64,
    /// Name of the image in a layout.
    pub(crate) tag: Option<String>,
}

/// Writes content to `output`, checked against the recorded digest. Nothing is left there if it is wrong.
pub(crate) async fn deliver(
    content: Content,
    wanted: &Wanted<'_>,
    output: &Path,
    observer: &Arc<dyn Observer>,
) -> Result<Delivered> {
    let folders = Folders::above(output)?;
    let delivered = match content {
        Content::Image { source, root } => image(source, root, wanted, output, observer).await?,
        Content::Blob { blob, media_type } if is_artifact_set(&media_type) => {
            artifact_set(blob, &media_type, wanted, output, observer).await?
        }
        Content::Blob { blob, media_type } => bytes(blob, media_type, wanted, output, observer).await?,
    };
    folders.keep();
    Ok(delivered)
}

fn mismatch(expected: &str, actual: &str) -> Error {
    Error::new(Kind::Verification, format!("the content has digest {actual}, but the descriptor records {expected}"))
}

/// The recorded digest as one of bytes; `None` if there is none or the element is excluded from digests.
fn recorded(digest: Option<&DigestSpec>) -> Result<Option<Digest>> {
    let Some(spec) = digest.filter(|spec| !spec.is_excluded() && !spec.value.is_empty()) else { return Ok(None) };
    let unknown = || {
        let (hash, value) = (&spec.hash_algorithm, &spec.value);
        Error::new(Kind::Verification, format!("the recorded digest {hash}:{value} is none that can be checked"))
    };
    let text = spec.oci_digest().ok_or_else(unknown)?;
    text.parse().map(Some).map_err(|error| Error::new(Kind::Verification, error))
}

pub(crate) fn file_error(error: ocm_blob::Error) -> Error {
    match error {
        ocm_blob::Error::DigestMismatch { .. } | ocm_blob::Error::SizeMismatch { .. } => {
            Error::new(Kind::Verification, error)
        }
        ocm_blob::Error::File { ref source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            Error::new(Kind::Conflict, error).hint("name another place with --output")
        }
        error => Error::from(ocm_oci::Error::blob("content")(error)),
    }
}

async fn bytes(
    blob: Arc<dyn Blob>,
    media_type: String,
    wanted: &Wanted<'_>,
    output: &Path,
    observer: &Arc<dyn Observer>,
) -> Result<Delivered> {
    if wanted.form == Form::HelmChart {
        return Err(Error::usage(format!("content of type {media_type} is no chart in OCI form")));
    }
    let expected = recorded(wanted.digest)?;
    let stored = blob.digest();
    // What the store verifies itself needs no second pass over the bytes.
    let check = expected.clone().filter(|expected| !(blob.is_verified() && stored.as_ref() == Some(expected)));
    let stream = verified(blob.open().await.map_err(file_error)?, None, check);
    let stream = observe(stream, observer);
    let digest = stored.or(expected).map(|digest| digest.to_string()).unwrap_or_default();
    let unpack = wanted.extraction == Extraction::Auto;
    let compressed = unpack
        && (media_type == "application/gzip" || media_type == "application/x-tgz" || media_type.ends_with("+gzip"));
    let inner = media_type.strip_suffix("+gzip").unwrap_or(&media_type);
    let tar = unpack
        && (["application/tar", "application/x-tar", "application/x-tgz"].contains(&inner) || inner.ends_with("+tar"));
    let stream = if compressed { gunzip(stream, Limits::default()) } else { stream };
    let bytes = if tar {
        extract(stream, output, ExtractOptions::default()).await.map_err(file_error)?.bytes
    } else {
        let existing = if output.is_file() { Existing::Replace } else { Existing::Refuse };
        // Only its owner reads it: what it holds is not known here, and other programs expect these permissions.
        write_file_as(stream, output, 0o600, existing).await.map_err(file_error)?.1
    };
    Ok(Delivered { path: output.to_owned(), media_type, digest, bytes, tag: None })
}

async fn artifact_set(
    blob: Arc<dyn Blob>,
    kind: &str,
    wanted: &Wanted<'_>,
    output: &Path,
    observer: &Arc<dyn Observer>,
) -> Result<Delivered> {
    let set = ArtifactSet::open(blob.as_ref(), folder_of(output)).await?;
    let mut root = set.main().clone();
    if root.media_type.is_empty() {
        root.media_type = kind.split("+tar").next().map(|kind| format!("{kind}+json")).unwrap_or_default();
    }
    image(Arc::new(set), root, wanted, output, observer).await
}

async fn image(
    source: Arc<dyn Repository>,
    root: ocm_oci::Descriptor,
    wanted: &Wanted<'_>,
    output: &Path,
    observer: &Arc<dyn Observer>,
) -> Result<Delivered> {
    if let Some(expected) = recorded(wanted.digest)?.filter(|expected| *expected != root.digest) {
        return Err(mismatch(&expected.to_string(), &root.digest.to_string()));
    }
    let digest = root.digest.to_string();
    let media_type = root.media_type.clone();
    let chart = match wanted.form {
        Form::HelmChart | Form::HelmChartFile => Chart::find(&source, &root).await?,
        Form::Layout | Form::LayoutTar | Form::LayoutTarGzip => None,
    };
    if wanted.form == Form::HelmChart && chart.is_none() {
        return Err(Error::usage("the artifact has no layer with a chart"));
    }
    if let Some(chart) = chart {
        let (path, bytes) = match wanted.form {
            Form::HelmChartFile => (output.to_owned(), chart.write(&source, output).await?),
            _ => (output.to_owned(), chart.write(&source, &output.join(chart.file_name(&source).await?)).await?),
        };
        return Ok(Delivered { path, media_type, digest, bytes, tag: None });
    }
    let mut content = LayoutContent::new();
    let name = (!wanted.tag.is_empty()).then_some(wanted.tag);
    let row = ocm_oci::Descriptor { artifact_type: None, ..root };
    content.add_graph(&source, &row, name).await?;
    let tar = content.tar()?;
    let size = tar.size().unwrap_or_default();
    let replace = if output.is_file() { Existing::Replace } else { Existing::Refuse };
    match (wanted.form, wanted.extraction) {
        (Form::Layout | Form::HelmChartFile, Extraction::Auto) => {
            content.write_directory(output, Existing::Refuse).await.map_err(|error| {
                let exists = output.symlink_metadata().is_ok();
                let error = Error::from(error);
                if exists { error.hint("name another place with --output") } else { error }
            })?;
            observer.moved(size);
        }
        (Form::LayoutTar, _) => {
            let stream = observe(tar.open().await.map_err(file_error)?, observer);
            write_file(stream, output, replace).await.map_err(file_error)?;
        }
        _ => {
            let stream = Gzipped::new(Arc::new(tar)).open().await.map_err(file_error)?;
            write_file(observe(stream, observer), output, replace).await.map_err(file_error)?;
        }
    }
    let tag = Some(wanted.tag.to_owned()).filter(|tag| !tag.is_empty());
    Ok(Delivered { path: output.to_owned(), media_type, digest, bytes: size, tag })
}
