//! The root that a component version would have in a target, without reading more of that than the root it has.

use ocm_access::Sources;
use ocm_blob::Digest;
use ocm_model::access::Access;
use ocm_oci::{Descriptor, Document, Manifest};
use ocm_repository::component::{Rows, root_of};
use ocm_repository::{ComponentRepository, ComponentVersion, LocalContent, NewVersion};

use crate::content::{Content, Place};
use crate::contexts::address;
use crate::element::{Carried, Element, origin, set_access};
use crate::{ElementAction, ElementPlan, Options, UploadAs};

/// The digest of the root that a transfer would store in a target which has `root` under the name of this version. If it
/// is the same, nothing is missing, and there is nothing to compare. `None` where that cannot be told from the root alone.
///
/// Images that are stored with their component version make its root an index, so that the way to its descriptor has one
/// step more. But the index lists those images, and all else that is written is known here.
pub(crate) async fn foreseen(
    root: &Manifest,
    version: &ComponentVersion,
    all: &[Element<'_>],
    target: &ComponentRepository,
    images: &dyn Sources,
    options: &Options,
) -> Option<Digest> {
    // Names of images, parts of them, and what is left behind on purpose are looked at one by one.
    if options.upload_as != UploadAs::LocalBlob || !options.platforms.is_empty() || options.strict {
        return None;
    }
    let Document::Index(index) = root.document().ok()? else { return None };
    let mut new = NewVersion { descriptor: version.descriptor.clone(), ..NewVersion::default() };
    let contexts = &mut new.descriptor.component.repository_contexts;
    if let Some(wanted) = options.contexts(contexts, address(target)) {
        *contexts = wanted;
    }
    let rows = Rows::new(&index);
    for element in all {
        let (plan, carried) = match Access::of(element.access) {
            Access::RelativeOci { .. } => return None,
            Access::LocalBlob { .. } | Access::LocalOciBlob { .. } => {
                element.carry(version, images, options).await.ok()?
            }
            access if element.gets_place(options) => {
                let row = rows.of(element.kind.noun(), &element.identity)?;
                let row = Descriptor::new(row.media_type.clone(), row.digest.clone(), row.size);
                let media_type = row.media_type.clone();
                let place = Place::Stored(target.content(version.name()), LocalContent::Manifest(row));
                let content = Content { place, media_type, origin: Some(origin(element.access, &access)) };
                let access = element.access.clone();
                (element.plan(), Some(Carried { access, content, was_local: false, is_wanted: true }))
            }
            _ => continue,
        };
        let Some(carried) = carried else { continue };
        let job = carried.keep(&plan, version, target, options);
        for part in job.content.descriptors() {
            new.content.insert(part.digest.clone(), part);
        }
        set_access(&mut new.descriptor, plan.kind, plan.position, job.access);
    }
    root_of(&new)
}

impl Element<'_> {
    fn plan(&self) -> ElementPlan {
        ElementPlan {
            kind: self.kind,
            position: self.position,
            identity: self.identity.clone(),
            element_type: self.element_type.to_owned(),
            action: ElementAction::Reference { reason: String::new(), is_wanted: false },
        }
    }
}
