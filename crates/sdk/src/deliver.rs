//! Content of an element as a file or folder of the user's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocm_access::{Content, check};
use ocm_blob::{
    Algorithm, Blob, Existing, ExtractOptions, Gzipped, Limits, Measure, Observer, extract, folder_of, gunzip, observe,
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
    let delivered = match check(content, wanted.digest).await? {
        Content::Image { source, root } => image(source, root, wanted, output, observer).await?,
        Content::Blob { blob, media_type } if is_artifact_set(&media_type) => {
            artifact_set(blob, &media_type, wanted, output, observer).await?
        }
        Content::Blob { blob, media_type } => bytes(blob, media_type, wanted, output, observer).await?,
    };
    folders.keep();
    Ok(delivered)
}

pub(crate) fn file_error(error: ocm_blob::Error) -> Error {
    match error {
        ocm_blob::Error::DigestMismatch { .. } | ocm_blob::Error::SizeMismatch { .. } => {
            Error::new(Kind::Verification, error)
        }
        ocm_blob::Error::File { ref source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            Error::new(Kind::Conflict, error).hint("name another place with --output")
        }
        // Not content that is missing, which is known before: a place where no file can be made, such as /proc.
        ocm_blob::Error::File { ref source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            Error::new(Kind::Other, error)
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
    let stream = observe(blob.open().await.map_err(file_error)?, observer);
    // Content of the web that nobody recorded a digest for has none until it was read.
    let (stream, measure) = match blob.digest() {
        Some(_) => (stream, Measure::default()),
        None => Measure::watch(Algorithm::Sha256, stream),
    };
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
    let digest = blob.digest().or_else(|| measure.result().map(|measured| measured.digest));
    let digest = digest.map(|digest| digest.to_string()).unwrap_or_default();
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
    match check(Content::Image { source: Arc::new(set), root }, wanted.digest).await? {
        Content::Image { source, root } => image(source, root, wanted, output, observer).await,
        Content::Blob { blob, media_type } => bytes(blob, media_type, wanted, output, observer).await,
    }
}

async fn image(
    source: Arc<dyn Repository>,
    root: ocm_oci::Descriptor,
    wanted: &Wanted<'_>,
    output: &Path,
    observer: &Arc<dyn Observer>,
) -> Result<Delivered> {
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
    let bytes = match (wanted.form, wanted.extraction) {
        (Form::Layout | Form::HelmChartFile, Extraction::Auto) => {
            content.write_directory(output, Existing::Refuse).await.map_err(|error| {
                let exists = output.symlink_metadata().is_ok();
                let error = Error::from(error);
                if exists { error.hint("name another place with --output") } else { error }
            })?;
            observer.moved(size);
            size
        }
        (Form::LayoutTar, _) => {
            let stream = observe(tar.open().await.map_err(file_error)?, observer);
            write_file(stream, output, replace).await.map_err(file_error)?.1
        }
        _ => {
            let stream = Gzipped::new(Arc::new(tar)).open().await.map_err(file_error)?;
            write_file(observe(stream, observer), output, replace).await.map_err(file_error)?.1
        }
    };
    let tag = Some(wanted.tag.to_owned()).filter(|tag| !tag.is_empty());
    Ok(Delivered { path: output.to_owned(), media_type, digest, bytes, tag })
}
