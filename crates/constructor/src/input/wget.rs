use ocm_access::Sources;
use ocm_blob::{Error, Result};
use ocm_model::TypedObject;

use super::Content;
use crate::file::{Fields, Node, Reader};

/// What a web server answers, stored with the component version: `url`, `mediaType`, `header`, `verb`, `body`, `noRedirect`.
/// Where it came from is not recorded.
#[derive(Clone, Debug)]
pub struct Wget {
    request: TypedObject,
}

impl Wget {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let mut request = TypedObject::new("wget");
        let url = fields.required_text(reader, "url");
        for key in ["mediaType", "verb", "body"] {
            if let Some(text) = fields.text(reader, key) {
                request = request.with(key, text);
            }
        }
        if let Some(header) = fields.get(reader, "header").map(Node::to_json) {
            request = request.with("header", header);
        }
        if fields.truth(reader, "noRedirect").unwrap_or_default() {
            request = request.with("noRedirect", true);
        }
        let request = request.with("url", url?);
        if let Err(error) = ocm_access::wget::check(&request) {
            reader.problem(fields.place("url"), format!("{}: {error}", fields.what));
            return None;
        }
        Some(Self { request })
    }

    pub(super) async fn open(&self, sources: &dyn Sources) -> Result<Content> {
        match ocm_access::wget::open(&self.request, sources).await.map_err(Error::source)? {
            ocm_access::Content::Blob { blob, media_type } => Ok(Content::Blob { blob, media_type }),
            ocm_access::Content::Image { source, root } => {
                Ok(Content::Image { source, root: Box::new(root), reference_name: None })
            }
        }
    }
}
