//! Content that stays where it is, of component versions that a target has already.

use ocm_access::Sources;
use ocm_model::access::Access;
use ocm_repository::ComponentVersion;

use crate::element::{Carried, Element, travels};
use crate::{ElementPlan, Options};

/// The elements of a version of which nothing is moved whose content is not in the target either. A transfer that finds
/// nothing to do says the same about them as the one before: whoever looks at the last run alone must not take what is there
/// for everything. `there` is what the target has, if it was read; otherwise it has what was foreseen.
pub(crate) async fn left(
    version: &ComponentVersion,
    all: &[Element<'_>],
    there: Option<&ComponentVersion>,
    images: &dyn Sources,
    options: &Options,
) -> Vec<(ElementPlan, Option<Carried>)> {
    let mut left = Vec::new();
    for element in all.iter().filter(|element| element.may_stay(options)) {
        if there.is_some_and(|there| !element.is_as_in(there)) {
            continue;
        }
        // That it could not be fetched now says nothing about what the target has.
        if let Ok((plan, None)) = element.carry(version, images, options).await {
            left.push((plan, None));
        }
    }
    left
}

impl Element<'_> {
    /// Whether it may have to stay; its access tells, and nobody has to be asked for content that is carried otherwise.
    fn may_stay(&self, options: &Options) -> bool {
        match Access::of(self.access) {
            Access::Git { .. } | Access::File { .. } | Access::LocalFilesystemBlob { .. } => true,
            access => !travels(&access) && !self.gets_place(options),
        }
    }
}
