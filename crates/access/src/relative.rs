//! `relativeOciReference`: an image that lies in the registry or archive its component version was read from.

use ocm_model::DigestSpec;
use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_oci::{Error, ImageReference, Kind};
use ocm_repository::ComponentVersion;

use crate::relocation::{Opened, expected};
use crate::{Content, Result, Sources};

/// What stands for the host of a reference that has none, while it is taken apart. Nobody is asked for it.
const NOBODY: &str = "archive.invalid";

/// Opens an image by `repository[:tag][@digest]`. The path counts from the root of the registry or archive; one program joins
/// it to the address of the component repository instead, so that is tried next. What is found must have the digest that is
/// known.
///
/// # Errors
/// The component version lies in neither a registry nor an archive, or the image is in neither place.
pub(crate) async fn open(
    reference: &str,
    recorded: Option<&DigestSpec>,
    version: &ComponentVersion,
    sources: &dyn Sources,
) -> Result<Content> {
    let subject = || format!("relative reference {reference:?}");
    let path = reference.trim_start_matches('/');
    if path.is_empty() || path.contains("://") {
        return Err(Error::new(Kind::Malformed, subject(), "must be <repository>[:<tag>][@<digest>] without a host"));
    }
    let opened = Opened::of(version);
    let mut refused = None;
    let places = places(path, version, opened.as_ref());
    for place in &places {
        let image: ImageReference = place.parse()?;
        let source = match &opened {
            Some(_) => sources.repository(&image).await?,
            None => version.content().sibling(&image.repository()).ok_or_else(|| {
                let reason = format!(
                    "leads into the registry or archive of its component version, but {version} was read from neither"
                );
                Error::new(Kind::NotFound, subject(), reason)
            })?,
        };
        let wanted = expected(recorded, &image);
        match source.resolve(&image.selector()).await {
            Ok(Some(root)) if wanted.as_ref().is_none_or(|wanted| root.digest == *wanted) => {
                return Ok(Content::Image { source, root });
            }
            Ok(Some(root)) => {
                let digest = wanted.map(|wanted| wanted.to_string()).unwrap_or_default();
                let reason = format!("has the digest {}, but {digest} is recorded", root.digest);
                refused = refused.or(Some(Error::invalid(format!("image {}", source.address()), reason)));
            }
            Ok(None) => {}
            // Registries do not tell whom they do not know from what they do not have.
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| {
        let reason = match opened {
            Some(opened) => {
                let places = places.join(" nor at ");
                format!("is not at {places}; ocm repair cv {opened}//{version} finds it if its path has changed")
            }
            None => {
                let place = version.content().home().place;
                format!("leads into the archive of its component version, but there is no such image in {place}: it stayed behind")
            }
        };
        Error::new(Kind::NotFound, subject(), reason)
    }))
}

/// The references that may be meant.
fn places(path: &str, version: &ComponentVersion, opened: Option<&Opened>) -> Vec<String> {
    let Some(opened) = opened else {
        let name = version.content().home().name;
        let prefix = name.split_once(COMPONENT_DESCRIPTORS).map_or("", |(prefix, _)| prefix.trim_end_matches('/'));
        let below = (!prefix.is_empty()).then(|| format!("{NOBODY}/{prefix}/{path}"));
        return std::iter::once(format!("{NOBODY}/{path}")).chain(below).collect();
    };
    let below = (!opened.path().is_empty()).then(|| format!("{opened}/{path}"));
    std::iter::once(format!("{}/{path}", opened.endpoint())).chain(below).collect()
}
