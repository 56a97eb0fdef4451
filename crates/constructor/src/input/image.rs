use ocm_access::Sources;
use ocm_blob::{Error, Result};
use ocm_oci::ImageReference;

use super::Content;
use crate::file::{Dialect, Fields, Reader};

/// An image of a registry, stored with the component version: `path` is its reference, and `repository` the name under
/// which it is to be uploaded later.
#[derive(Clone, Debug)]
pub struct Image {
    reference: ImageReference,
    repository: Option<String>,
}

impl Image {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let path = fields.required_text(reader, "path");
        let repository = fields.text(reader, "repository").filter(|repository| !repository.is_empty());
        if let Some(repository) = &repository
            && (repository.contains('@') || repository.rsplit('/').next().is_some_and(|last| last.contains(':')))
        {
            let message = format!("{}: the repository {repository:?} must have neither tag nor digest", fields.what);
            reader.problem(fields.place("repository"), message);
        }
        if fields.get(reader, "platforms").is_some() {
            let message = format!(
                "{}: an index is stored as a whole, a part of it would have another digest: leave platforms out, or refer to the image of one platform by its digest",
                fields.what
            );
            reader.problem(fields.place("platforms"), message);
        }
        match path?.parse() {
            Ok(reference) => Some(Self { reference, repository }),
            Err(error) => {
                reader.problem(fields.place("path"), format!("{}: {error}", fields.what));
                None
            }
        }
    }

    /// Finds the image. `element` is the name of the resource, which the older program gives to the image too.
    pub(super) async fn open(&self, element: &str, dialect: Dialect, images: &dyn Sources) -> Result<Content> {
        let source = images.repository(&self.reference).await.map_err(Error::source)?;
        let root = source.resolve(&self.reference.selector()).await.map_err(Error::source)?;
        let root = root.ok_or_else(|| Error::source(ocm_oci::Error::not_found(format!("image {}", self.reference))))?;
        Ok(Content::Image { source, root: Box::new(root), reference_name: Some(self.reference_name(element, dialect)) })
    }

    /// The name for later uploads; its tag is the one of the image.
    fn reference_name(&self, element: &str, dialect: Dialect) -> String {
        let tag = self.reference.tag().map_or_else(String::new, |tag| format!(":{tag}"));
        match (&self.repository, dialect) {
            (Some(repository), _) => format!("{repository}{tag}"),
            (None, Dialect::V1) => format!("{element}{tag}"),
            (None, Dialect::V2) => self.reference.reference_name(),
        }
    }
}
