//! `localBlob`: content that lies with the component version.

use ocm_model::TypedObject;
use ocm_oci::media_type;
use ocm_repository::{ComponentVersion, LocalContent};

use crate::{Content, Result};

pub(crate) async fn open(access: &TypedObject, version: &ComponentVersion) -> Result<Content> {
    let content = version.local(access).await?;
    if let LocalContent::Manifest(root) = content {
        // Whoever gets the image by itself gets to know what it was.
        let root = version.row(&root.digest).cloned().unwrap_or(root);
        return Ok(Content::Image { source: version.content(), root });
    }
    let media_type = access.text("mediaType").filter(|media_type| !media_type.is_empty()).unwrap_or(media_type::OCTETS);
    Ok(Content::Blob { blob: version.blob(&content), media_type: media_type.to_owned() })
}
