//! The addresses that a descriptor says it was stored under.

use ocm_model::TypedObject;
use ocm_model::reference::RepositoryReference;
use ocm_repository::ComponentRepository;
use ocm_repository::component::registry_of;

use crate::{Options, RepositoryContexts};

impl Options {
    /// The `repositoryContexts` of a component version in a target, if they are to be others than they are.
    pub(crate) fn contexts(&self, are: &[TypedObject], target: Option<TypedObject>) -> Option<Vec<TypedObject>> {
        let wanted: Vec<TypedObject> = match self.repository_contexts {
            RepositoryContexts::Keep => return None,
            RepositoryContexts::Drop => Vec::new(),
            RepositoryContexts::Replace => target.into_iter().collect(),
            RepositoryContexts::Advertise => {
                let others = are.iter().filter(|context| Some(*context) != self.advertised.as_ref());
                others.chain(&self.advertised).cloned().collect()
            }
        };
        (wanted != are).then_some(wanted)
    }
}

/// What a component version says that was stored in this target; `None` for an archive, whose path is true nowhere else.
pub(crate) fn address(target: &ComponentRepository) -> Option<TypedObject> {
    context(&registry_of(target.content("").as_ref(), "")?)
}

/// A registry as both older programs read it among the `repositoryContexts`; `None` for other places.
pub fn context(place: &RepositoryReference) -> Option<TypedObject> {
    let RepositoryReference::Oci { base_url, sub_path, .. } = place else { return None };
    let registry = TypedObject::new("OCIRegistry")
        // TLS is what everybody expects; the same address is always written alike.
        .with("baseUrl", base_url.trim_start_matches("https://"))
        .with("componentNameMapping", "urlPath")
        .with("subPath", sub_path.as_str());
    Some(registry)
}
