use ocm_access::Sources;
use ocm_model::access::Access;
use ocm_model::descriptor::Artifact;
use ocm_model::{Descriptor, DigestSpec, TypedObject};
use ocm_oci::media_type;
use ocm_repository::{ComponentRepository, ComponentVersion};

use crate::content::{Content, Place};
use crate::naming::{Name, chart_name};
use crate::work::Job;
use crate::{AccessStyle, ElementAction, ElementKind, ElementPlan, Error, GlobalAccess, Options, Result, UploadAs};

/// Why content stays whose access type is left out on purpose.
pub(crate) const OMITTED: &str = "its access type is to be left out";

/// One resource or source of a component version.
pub(crate) struct Element<'a> {
    pub(crate) kind: ElementKind,
    pub(crate) position: usize,
    pub(crate) identity: std::collections::BTreeMap<String, String>,
    pub(crate) element_type: &'a str,
    pub(crate) is_local: bool,
    pub(crate) access: &'a TypedObject,
    digest: Option<&'a DigestSpec>,
}

/// Content of an element that moves along.
#[derive(Clone)]
pub(crate) struct Carried {
    /// The access that led to it.
    pub(crate) access: TypedObject,
    pub(crate) content: Content,
    /// Whether it was stored with the component version before.
    pub(crate) was_local: bool,
    /// Whether the content of the element was asked for, not only what the repository itself holds.
    pub(crate) is_wanted: bool,
}

/// All elements of a version, resources first.
pub(crate) fn elements<'a>(version: &'a ComponentVersion) -> Vec<Element<'a>> {
    let element = |artifact: Artifact<'a>| Element {
        kind: artifact.kind,
        position: artifact.position,
        identity: artifact.identity().0,
        element_type: artifact.element_type,
        is_local: artifact.is_local,
        access: artifact.access,
        digest: artifact.digest,
    };
    version.descriptor.component.artifacts().map(element).collect()
}

/// Replaces the access of an element.
pub(crate) fn set_access(descriptor: &mut Descriptor, kind: ElementKind, position: usize, access: TypedObject) {
    if let Some(slot) = descriptor.component.access_mut(kind, position) {
        *slot = access;
    }
}

pub(crate) fn access_of(descriptor: &Descriptor, kind: ElementKind, position: usize) -> Option<&TypedObject> {
    match kind {
        ElementKind::Resource => descriptor.component.resources.get(position).map(|resource| &resource.access),
        ElementKind::Source => descriptor.component.sources.get(position).map(|source| &source.access),
    }
}

/// Whether content of this access travels with its component version in any case.
pub(crate) fn travels(access: &Access) -> bool {
    matches!(access, Access::LocalBlob { .. } | Access::LocalOciBlob { .. } | Access::RelativeOci { .. })
}

impl Element<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.kind.noun(), self.identity.get("name").map_or("", String::as_str))
    }

    /// Whether its access is another one in the target.
    pub(crate) fn gets_place(&self, options: &Options) -> bool {
        let access = Access::of(self.access);
        match access {
            Access::RelativeOci { .. } | Access::LocalBlob { global_access: Some(_), .. } => true,
            Access::LocalBlob { .. } | Access::LocalOciBlob { .. } => {
                options.upload_as == UploadAs::OciArtifact || options.global_access == GlobalAccess::Auto
            }
            Access::None | Access::Other => false,
            _ => options.moves(self.kind, self.is_local) && !options.omits(self.access),
        }
    }

    /// Whether a target, which has the version, refers to its content in the same way.
    pub(crate) fn is_as_in(&self, there: &ComponentVersion) -> bool {
        access_of(&there.descriptor, self.kind, self.position) == Some(self.access)
    }

    /// Whether nothing says what content it has, so that one place may have other content than another.
    pub(crate) fn is_open(&self, version: &ComponentVersion, options: &Options) -> bool {
        let is_told = |digest: &DigestSpec| digest.is_complete() && !digest.is_excluded();
        self.kind == ElementKind::Resource && !self.recorded(version, options).is_some_and(is_told)
    }

    /// Whether content was asked for that a target, which has the version, only refers to.
    pub(crate) fn is_missing(&self, there: &ComponentVersion, target: &ComponentRepository, options: &Options) -> bool {
        let ours = Access::of(self.access);
        let is_wanted = options.moves(self.kind, self.is_local) && !options.omits(self.access);
        let is_remote = target.content("").location().is_some();
        let gets_name = is_wanted && is_remote && options.upload_as == UploadAs::OciArtifact;
        let Some(access) = access_of(&there.descriptor, self.kind, self.position) else { return true };
        match &ours {
            // The target may refer to what lies with the version here: it is not in the target then.
            Access::LocalBlob { .. } | Access::LocalOciBlob { .. } if !is_wanted => {
                return options.global_access == GlobalAccess::Auto && lacks_address(access, there, target);
            }
            Access::None => return false,
            // What is not asked for is not missing. What cannot be fetched never comes, which must not be overlooked.
            _ if options.omits(self.access) => {
                return options.strict && !options.spare_omitted && options.moves(self.kind, self.is_local);
            }
            Access::Other | Access::Git { .. } | Access::File { .. } | Access::LocalFilesystemBlob { .. } => {
                return options.strict && is_wanted;
            }
            _ if !is_wanted && !travels(&ours) => return false,
            _ => {}
        }
        match Access::of(access) {
            // An image that is to have a name of its own has none yet.
            Access::LocalBlob { media_type, .. } => {
                gets_name && self.kind == ElementKind::Resource && media_type::is_manifest(&media_type)
                    || options.global_access == GlobalAccess::Auto && lacks_address(access, there, target)
            }
            Access::LocalOciBlob { .. } => false,
            // What is relative to the target lies in it.
            Access::RelativeOci { .. } => there.content().location().map(|at| at.registry) != registry(target),
            Access::OciImage { image_reference } => {
                let prefix = target.content("").location().map(|at| {
                    let host = at.registry.trim_start_matches("https://").to_owned();
                    if target.sub_path().is_empty() {
                        format!("{host}/")
                    } else {
                        format!("{host}/{}/", target.sub_path())
                    }
                });
                options.upload_as != UploadAs::OciArtifact
                    || prefix.is_none_or(|prefix| !image_reference.starts_with(&prefix))
            }
            _ => true,
        }
    }

    /// Finds the content of the element if it moves along, and says why if it does not.
    ///
    /// # Errors
    /// It was asked for and cannot be found, or is not the recorded one.
    pub(crate) async fn carry(
        &self,
        version: &ComponentVersion,
        images: &dyn Sources,
        options: &Options,
    ) -> Result<(ElementPlan, Option<Carried>)> {
        let plan = |action| ElementPlan {
            kind: self.kind,
            position: self.position,
            identity: self.identity.clone(),
            element_type: self.element_type.to_owned(),
            action,
        };
        let stays = |reason: &str, is_wanted: bool| {
            Ok((plan(ElementAction::Reference { reason: reason.to_owned(), is_wanted }), None))
        };
        let at = |source: ocm_oci::Error| Error::Element {
            element: self.name(),
            version: version.to_string(),
            source: source.on("source"),
        };
        let access = Access::of(self.access);
        let is_wanted = options.moves(self.kind, self.is_local) && !options.omits(self.access);
        let content = match &access {
            Access::None => return stays("there is no content", false),
            Access::LocalBlob { .. } | Access::LocalOciBlob { .. } | Access::LocalFilesystemBlob { .. } => {
                let stored = version.local(self.access).await.map_err(at)?;
                let content = Content {
                    media_type: Content::told_media_type(self.access),
                    place: Place::Stored(version.content(), stored),
                    origin: None,
                };
                match content.root().map(|root| root.media_type.clone()) {
                    Some(media_type) => Content { media_type, ..content },
                    None => content,
                }
            }
            _ if !travels(&access) && options.omits(self.access) => {
                return stays(OMITTED, options.moves(self.kind, self.is_local));
            }
            _ if !travels(&access) && !is_wanted => {
                let reason = format!("content of {}s was not asked for", self.kind.noun());
                return stays(&reason, false);
            }
            _ => match ocm_access::open(self.access, version, images).await.map_err(at)? {
                Some(content) => {
                    let origin = origin(self.access, &access);
                    let recorded = self.recorded(version, options);
                    Content::opened(self.checked(content, recorded, version, (images, &origin)).await?, origin)
                }
                None => {
                    let reason = format!("access type {} cannot be copied", self.access.kind);
                    return stays(&reason, true);
                }
            },
        };
        if travels(&access) && !matches!(access, Access::RelativeOci { .. }) {
            content.check(&format!("{} of {version}", self.name()), self.recorded(version, options)).await?;
        }
        let carried = Carried {
            access: self.access.clone(),
            content,
            was_local: matches!(access, Access::LocalBlob { .. } | Access::LocalOciBlob { .. }),
            is_wanted: is_wanted || matches!(access, Access::RelativeOci { .. }),
        };
        let reason = ElementAction::Reference { reason: String::new(), is_wanted: false };
        Ok((plan(reason), Some(carried)))
    }

    /// The digest that the content has to have, recorded or computed.
    pub(crate) fn recorded<'b>(&'b self, version: &ComponentVersion, options: &'b Options) -> Option<&'b DigestSpec> {
        // One that is not understood is refused by whoever compares, and not taken for none.
        let recorded = self.digest.filter(|digest| !digest.value.is_empty());
        recorded.or_else(|| options.computed.of(version, self.position).filter(|_| self.kind == ElementKind::Resource))
    }

    /// Content that is what it has to be, or fails while it is read.
    async fn checked(
        &self,
        content: ocm_access::Content,
        recorded: Option<&DigestSpec>,
        version: &ComponentVersion,
        (images, origin): (&dyn Sources, &str),
    ) -> Result<ocm_access::Content> {
        let found = match &content {
            ocm_access::Content::Image { root, .. } => Some(root.digest.clone()),
            ocm_access::Content::Blob { blob, .. } => blob.digest(),
        };
        let element = format!("{} of {version}", self.name());
        let pinned = Box::pin(ocm_access::pin(content, recorded, images.scratch())).await;
        pinned.map_err(|error| match (found, recorded) {
            (Some(actual), Some(recorded)) if error.kind() == ocm_oci::Kind::Invalid => Error::Content {
                element,
                origin: format!(" ({origin})"),
                expected: recorded.value.clone(),
                actual: actual.hex(),
            },
            _ => Error::Element { element: self.name(), version: version.to_string(), source: error.on("source") },
        })
    }
}

/// Whether content that is stored with a component version in a registry is not said to have an address there.
fn lacks_address(access: &TypedObject, there: &ComponentVersion, target: &ComponentRepository) -> bool {
    let Some(at) = target.content(there.name()).location() else { return false };
    let Access::LocalBlob { local_reference, global_access, .. } = Access::of(access) else { return false };
    // Content in parts has none.
    if local_reference.contains(',') {
        return false;
    }
    match global_access.as_ref().map(Access::of) {
        Some(Access::OciImage { image_reference: address } | Access::OciLayer { reference: address, .. }) => {
            address.split('@').next() != Some(at.image_name().as_str())
        }
        _ => true,
    }
}

fn registry(target: &ComponentRepository) -> Option<String> {
    target.content("").location().map(|at| at.registry)
}

/// What an access points to, for messages and names.
pub fn origin(access: &TypedObject, read: &Access) -> String {
    match read {
        Access::OciImage { image_reference } => image_reference.clone(),
        Access::OciLayer { reference, .. } | Access::RelativeOci { reference } => reference.clone(),
        Access::Wget { url, .. } => url.clone(),
        Access::Helm { repository, chart, version } => {
            let version = version.as_ref().map(|version| format!(":{version}")).unwrap_or_default();
            format!("{repository}/{chart}{version}")
        }
        Access::GitHub { repository, commit, .. } | Access::Git { repository, commit, .. } => {
            format!("{repository}@{}", commit.as_deref().unwrap_or_default())
        }
        Access::S3 { bucket, key, .. } => format!("s3://{bucket}/{key}"),
        _ => access.kind.clone(),
    }
}

/// The name without a host that the image or chart behind an access of `version` is known by.
pub(crate) fn known_name(access: Access, version: &ComponentVersion) -> Option<String> {
    match access {
        Access::LocalBlob { reference_name, .. } => reference_name,
        Access::OciImage { image_reference } => {
            let reference: ocm_oci::ImageReference = image_reference.parse().ok()?;
            Some(ocm_access::relocation::own_name(&reference, version))
        }
        Access::RelativeOci { reference } => {
            let name = reference.split('@').next().unwrap_or_default().trim_start_matches('/');
            let prefix = version.content().location().and_then(|at| {
                let (path, _) = at.repository.split_once(ocm_model::reference::COMPONENT_DESCRIPTORS)?;
                Some(path.to_owned())
            });
            Some(prefix.and_then(|prefix| name.strip_prefix(&prefix)).unwrap_or(name).to_owned())
        }
        Access::Helm { repository, chart, version: number } => Some(chart_name(&repository, &chart, number.as_deref())),
        _ => None,
    }
}

impl Carried {
    /// The name without a host that an image or artifact is known by: that of the reference it came from, or the one that
    /// was kept with it; without the path of the repository of component versions that it came from, so that names do not
    /// grow with every transfer.
    pub(crate) fn reference_name(&self, version: &ComponentVersion) -> Option<String> {
        match Access::of(&self.access) {
            Access::Helm { .. } if self.content.root().is_none() => None,
            access => known_name(access, version),
        }
    }

    fn job(&self, plan: &ElementPlan, version: &ComponentVersion) -> Job {
        let name = plan.identity.get("name").map_or("", String::as_str);
        Job {
            name: format!("{version} {name}[{}]", plan.element_type),
            element: plan.kind,
            identity: name.to_owned(),
            owner: version.to_string(),
            access: self.access.clone(),
            content: self.content.clone(),
            place: version.content(),
            is_local: true,
            tag: None,
            is_extra: false,
            found: None,
            action: plan.action.clone(),
            is_needed: true,
            targets: Vec::new(),
        }
    }

    /// Stores the content with the component version.
    pub(crate) fn keep(
        &self,
        plan: &ElementPlan,
        version: &ComponentVersion,
        target: &ComponentRepository,
        options: &Options,
    ) -> Job {
        let place = target.content(version.name());
        let reference_name = self.reference_name(version);
        let mut access = self.access.clone();
        if !self.was_local {
            access = self.content.local_access(&self.access);
            let fallback = || plan.identity.get("name").cloned().filter(|_| self.content.root().is_none());
            if let Some(name) = reference_name.clone().or_else(fallback)
                && !matches!(Access::of(&self.access), Access::OciLayer { .. })
            {
                access = access.with("referenceName", name);
            }
        }
        let access = self.content.located(access, options.global_access, &place);
        let reference = self.content.origin.clone().unwrap_or_else(|| self.content.reference());
        let action = match (self.was_local, self.content.root()) {
            (true, _) => ElementAction::CopyLocal { reference: self.content.reference(), reference_name },
            (false, Some(root)) => ElementAction::EmbedImage {
                reference,
                digest: root.digest.to_string(),
                media_type: root.media_type.clone(),
                reference_name: reference_name.unwrap_or_default(),
            },
            (false, None) => ElementAction::EmbedBlob {
                reference,
                digest: self.content.digest().map(|digest| digest.to_string()).unwrap_or_default(),
                media_type: access.text("mediaType").unwrap_or(media_type::OCTETS).to_owned(),
                bytes: self.content.descriptors().first().map(|blob| blob.size),
            },
        };
        Job { access, place, action, ..self.job(plan, version) }
    }

    /// Gives an image that is stored with its component version one more name. Nothing says so in the component version.
    pub(crate) fn also(
        &self,
        plan: &ElementPlan,
        version: &ComponentVersion,
        (position, target): (usize, &ComponentRepository),
        name: Name,
    ) -> Job {
        let digest = self.content.reference();
        let job = self.job(plan, version);
        let action = ElementAction::UploadImage {
            reference: self.content.origin.clone().unwrap_or_else(|| digest.clone()),
            digest,
            repository: name.repository.clone(),
            tag: name.tag.clone(),
        };
        Job {
            name: format!("{} as {}", job.name, name.with_tag(&name.repository)),
            place: target.registry().repository(&name.full(target)),
            is_local: false,
            tag: name.tag,
            is_extra: true,
            action,
            targets: vec![position],
            ..job
        }
    }

    /// Stores the image under a name of its own.
    pub(crate) fn upload(
        &self,
        plan: &ElementPlan,
        version: &ComponentVersion,
        target: &ComponentRepository,
        name: Name,
        options: &Options,
    ) -> Job {
        let digest = self.content.reference();
        let place = target.registry().repository(&name.full(target));
        let written = name.with_tag(&name.full(target));
        let was_pinned = self.content.origin.as_deref().is_some_and(|image| image.contains('@'));
        let access = match options.access_style {
            AccessStyle::Relative => {
                TypedObject::new("relativeOciReference").with("reference", format!("{written}@{digest}"))
            }
            AccessStyle::Absolute => {
                let at = place.location().map_or_else(|| place.address(), |at| at.image_name());
                let pin = if was_pinned || name.tag.is_none() { format!("@{digest}") } else { String::new() };
                let image = format!("{}{pin}", name.with_tag(&at));
                TypedObject::new("ociArtifact/v1").with("imageReference", image)
            }
        };
        let action = ElementAction::UploadImage {
            reference: self.content.origin.clone().unwrap_or_else(|| digest.clone()),
            digest,
            repository: name.repository,
            tag: name.tag.clone(),
        };
        Job { access, place, action, is_local: false, tag: name.tag, ..self.job(plan, version) }
    }
}
