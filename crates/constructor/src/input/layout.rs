//! OCI image layouts: a directory, a tar archive, or a compressed one, whose one image is stored natively.

use std::path::Path;
use std::sync::Arc;

use ocm_blob::{Error, FileBlob, Result};
use ocm_oci::layout::{LAYOUT_TAR, LAYOUT_TAR_GZIP, Layout};

use super::Content;

/// Whether content of this type is a layout.
pub(super) fn is_layout(media_type: &str) -> bool {
    [LAYOUT_TAR, LAYOUT_TAR_GZIP].contains(&media_type)
}

/// Opens a layout of any form.
pub(super) async fn open(path: &Path) -> Result<Content> {
    // A pipe would be waited for without end.
    if !path.is_dir() {
        FileBlob::whole(path)?;
    }
    let layout = Layout::open(path).await.map_err(Error::source)?;
    let root = layout.top_level().await.map_err(Error::source)?;
    Ok(Content::Image { source: Arc::new(layout), root: Box::new(root), reference_name: None })
}
