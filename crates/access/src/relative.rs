//! `relativeOciReference`: an image that lies in the registry its component version was read from.

use ocm_model::DigestSpec;
use ocm_oci::{Error, ImageReference, Kind};
use ocm_repository::ComponentVersion;

use crate::relocation::{Opened, expected};
use crate::{Content, Result, Sources};

/// Opens an image by `repository[:tag][@digest]`. The path counts from the root of the host; one program joins it to the
/// address of the component repository instead, so that is tried next. What is found must have the digest that is known.
///
/// # Errors
/// The component version lies in no registry, or the image is in neither place.
pub(crate) async fn open(
    reference: &str,
    recorded: Option<&DigestSpec>,
    version: &ComponentVersion,
    sources: &dyn Sources,
) -> Result<Content> {
    let subject = || format!("relative reference {reference:?}");
    let Some(opened) = Opened::of(version) else {
        let reason =
            format!("leads into the registry of its component version, but {version} was not read from a registry");
        return Err(Error::new(Kind::NotFound, subject(), reason));
    };
    let path = reference.trim_start_matches('/');
    if path.is_empty() || path.contains("://") {
        return Err(Error::new(Kind::Malformed, subject(), "must be <repository>[:<tag>][@<digest>] without a host"));
    }
    let mut places = vec![format!("{}/{path}", opened.endpoint())];
    if !opened.path().is_empty() {
        places.push(format!("{opened}/{path}"));
    }
    let mut refused = None;
    for place in &places {
        let image: ImageReference = place.parse()?;
        let source = sources.repository(&image).await?;
        let wanted = expected(recorded, &image);
        match source.resolve(&image.selector()).await {
            Ok(Some(root)) if wanted.as_ref().is_none_or(|wanted| root.digest == *wanted) => {
                return Ok(Content::Image { source, root });
            }
            Ok(Some(root)) => {
                let digest = wanted.map(|wanted| wanted.to_string()).unwrap_or_default();
                let reason = format!("has the digest {}, but {digest} is recorded", root.digest);
                refused = refused.or(Some(Error::invalid(format!("image {place}"), reason)));
            }
            Ok(None) => {}
            // Registries do not tell whom they do not know from what they do not have.
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.unwrap_or_else(|| {
        let places = places.join(" nor at ");
        let reason = format!("is not at {places}; ocm repair cv {opened}//{version} finds it if its path has changed");
        Error::new(Kind::NotFound, subject(), reason)
    }))
}
