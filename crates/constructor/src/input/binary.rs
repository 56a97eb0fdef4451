use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ocm_blob::MemoryBlob;
use ocm_oci::media_type;

use super::Content;
use crate::file::{Dialect, Fields, Reader};

/// Bytes in the constructor file: `data` in base64, `mediaType`, `compress`.
#[derive(Clone, Debug)]
pub struct Binary {
    data: Bytes,
    media_type: String,
    compress: bool,
    dialect: Dialect,
}

impl Binary {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let data = fields.required_text(reader, "data");
        let media_type = fields.text(reader, "mediaType").unwrap_or_else(|| media_type::OCTETS.to_owned());
        let compress = fields.truth(reader, "compress").unwrap_or_default();
        let data = data?.split_whitespace().collect::<String>();
        let Ok(data) = STANDARD.decode(data) else {
            reader.problem(fields.place("data"), format!("{}: \"data\" is not base64", fields.what));
            return None;
        };
        Some(Self { data: data.into(), media_type, compress, dialect: reader.dialect })
    }

    pub(super) fn open(&self) -> Content {
        Content::blob(Arc::new(MemoryBlob::new(self.data.clone())), &self.media_type, self.compress, self.dialect)
    }
}
