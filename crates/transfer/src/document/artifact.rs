//! Finding the image or layer that a node speaks of.

use ocm_access::relocation::{Opened, locate, rebase};
use ocm_model::access::Access;
use ocm_oci::ImageReference;
use ocm_repository::LocalContent;
use serde_json::{Map, Value};

use super::element::Element;
use super::field::{Get, Home};
use super::graph::Node;
use super::node::Kind;
use super::run::{Run, parse};
use super::template::Template;
use crate::content::{Content, Place};
use crate::element::origin;
use crate::{Error, Result};

/// The component version that a node reads, as far as it stands in the document.
pub(super) fn home(node: &Node<'_>) -> Option<Get> {
    let member = |name: &str| match node.template(name) {
        Some(Template::Constant(value)) => Some((*value).clone()),
        _ => None,
    };
    match node.kind {
        Kind::GetComponentVersion(_) | Kind::GetLocalResource(_) | Kind::GetLocalSource(_) => {
            let of = |name: &str| Some((name.to_owned(), member(name)?));
            let spec: Map<String, Value> = [of("repository")?, of("component")?, of("version")?].into_iter().collect();
            parse(spec).ok()
        }
        _ => None,
    }
}

impl Run<'_> {
    /// The image or layer that an element refers to.
    pub(super) async fn artifact(&self, element: &Element, home: Home) -> Result<Content> {
        let access = Access::of(&element.access);
        let home = match home.get().map_err(Error::Document)? {
            Some(home) => Some(home),
            None => self.home_of(element, &access).await,
        };
        if let Some(home) = home
            && matches!(access, Access::OciImage { .. } | Access::OciLayer { .. } | Access::RelativeOci { .. })
        {
            return self.artifact_of(element, &access, &home).await;
        }
        let content = match access {
            Access::OciImage { image_reference } => {
                let reference: ImageReference = image_reference.parse()?;
                let source = self.places.repository(&reference).await?;
                let root = source.resolve(&reference.selector()).await?;
                let root = root.ok_or_else(|| ocm_oci::Error::not_found(format!("source image {image_reference}")))?;
                let media_type = root.media_type.clone();
                let place = Place::Stored(source, LocalContent::Manifest(root));
                Content { place, media_type, origin: Some(image_reference) }
            }
            Access::OciLayer { reference, media_type, digest, size } => {
                let source = self.places.repository(&reference.parse()?).await?;
                let digest = digest.parse().map_err(|error| ocm_oci::Error::invalid(&reference, error))?;
                let size = match size {
                    Some(size) => size,
                    None => source
                        .blob_size(&digest)
                        .await?
                        .ok_or_else(|| ocm_oci::Error::not_found(format!("source {reference}@{digest}")))?,
                };
                let media_type = media_type.unwrap_or_else(|| ocm_oci::media_type::OCTETS.to_owned());
                let blob = ocm_oci::Descriptor::new(media_type.clone(), digest, size);
                Content { place: Place::Stored(source, LocalContent::Blob(blob)), media_type, origin: Some(reference) }
            }
            _ => {
                let kind = &element.access.kind;
                return Err(Error::Document(format!(
                    "{}: access type {kind} is neither an image nor a layer of one",
                    element.name()
                )));
            }
        };
        content.check(&element.name(), element.digest.as_ref()).await?;
        Ok(content)
    }

    /// The component version that has an image, among those that other nodes read: where a node of the older program does not say
    /// it, and the recorded address is one that the component version was stored under before.
    async fn home_of(&self, element: &Element, access: &Access) -> Option<Get> {
        let Access::OciImage { image_reference } = access else { return None };
        let reference: ImageReference = image_reference.parse().ok()?;
        for home in &self.homes {
            // One that cannot be read is no failure here: nobody said that the image is there.
            let Ok(version) = self.version(home).await else { continue };
            let component = &version.descriptor.component;
            // Names first: identities are made anew each time, and there may be thousands.
            let name = element.identity.get("name");
            let has_it = component.resources.iter().any(|resource| {
                name == Some(resource.name.as_str())
                    && resource.identity() == element.identity
                    && Access::of(&resource.access) == *access
            });
            let opened = Opened::of(&version);
            if has_it && opened.is_some_and(|at| !rebase(&reference, &component.repository_contexts, &at).is_empty()) {
                return Some(home.clone());
            }
        }
        None
    }

    /// The same, looked for where its component version is now before its recorded address.
    async fn artifact_of(&self, element: &Element, access: &Access, home: &Get) -> Result<Content> {
        let version = self.version(home).await?;
        let found = match access {
            Access::OciImage { image_reference } => {
                let found = locate(image_reference, element.digest.as_ref(), &version, self.places).await?;
                ocm_access::Content::Image { source: found.source, root: found.root }
            }
            _ => {
                let found = ocm_access::open(&element.access, &version, self.places).await?;
                found.ok_or_else(|| ocm_oci::Error::not_found(format!("source {}", element.name())))?
            }
        };
        let content = Content::opened(found, origin(&element.access, access));
        content.check(&element.name(), element.digest.as_ref()).await?;
        Ok(content)
    }
}
