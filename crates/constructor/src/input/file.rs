use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use ocm_blob::{Error, FileBlob, Result, sniff};
use ocm_oci::media_type;

use super::{Content, layout, path};
use crate::file::{Dialect, Fields, Reader};

/// One file: `path`, `mediaType`, `compress`. A file that is an OCI image layout by its media type becomes an image.
#[derive(Clone, Debug)]
pub struct File {
    path: String,
    media_type: Option<String>,
    compress: bool,
}

impl File {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let path = fields.required_text(reader, "path");
        let media_type = fields.text(reader, "mediaType").filter(|media_type| !media_type.is_empty());
        let compress = fields.truth(reader, "compress").unwrap_or_default();
        Some(Self { path: path?, media_type, compress })
    }

    pub(super) async fn open(&self, folder: &Path, dialect: Dialect) -> Result<Content> {
        let path = path::resolve(folder, &self.path, dialect)?;
        if self.media_type.as_deref().is_some_and(layout::is_layout) {
            // Whether it is compressed, now or when it is stored, makes no difference: its content is stored natively.
            return layout::open(&path).await;
        }
        if path.is_dir() {
            return Err(Error::at(&path)(std::io::Error::other("is a directory: use an input of the type \"dir\"")));
        }
        let blob = FileBlob::whole(&path)?;
        let media_type = match (&self.media_type, dialect) {
            (Some(media_type), _) => media_type.clone(),
            (None, Dialect::V1) => media_type::OCTETS.to_owned(),
            (None, Dialect::V2) => sniffed(&path)?.to_owned(),
        };
        Ok(Content::blob(Arc::new(blob), &media_type, self.compress, dialect))
    }
}

/// The media type by the first bytes.
pub(super) fn sniffed(path: &Path) -> Result<&'static str> {
    let mut beginning = Vec::with_capacity(sniff::SNIFFED);
    let file = std::fs::File::open(path).map_err(Error::at(path))?;
    file.take(sniff::SNIFFED as u64).read_to_end(&mut beginning).map_err(Error::at(path))?;
    Ok(sniff::media_type(&beginning))
}
