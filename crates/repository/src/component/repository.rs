use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_model::Version;
use ocm_model::reference::{COMPONENT_DESCRIPTORS, RepositoryReference};
use ocm_oci::{Error, Kind, Manifest, Registry, Repository, Selector};

use crate::Result;
use crate::component::form::{annotated_version, annotation};
use crate::component::read::{self, Holder};
use crate::component::stage::{self, NewVersion, Staged};
use crate::component::version::ComponentVersion;

/// Tags that are looked into at the same time.
const LOOK_UPS: usize = 8;

/// Component versions in a place for OCI content, a registry or an archive alike.
#[derive(Clone)]
pub struct ComponentRepository {
    registry: Arc<dyn Registry>,
    sub_path: String,
}

impl ComponentRepository {
    /// The component versions below `sub_path` (may be empty) in a place.
    pub fn new(registry: Arc<dyn Registry>, sub_path: &str) -> Self {
        Self { registry, sub_path: sub_path.trim_matches('/').to_owned() }
    }

    /// How a person would address it: for messages.
    pub fn address(&self) -> String {
        if self.sub_path.is_empty() {
            self.registry.address()
        } else {
            format!("{}/{}", self.registry.address(), self.sub_path)
        }
    }

    /// The place.
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.registry
    }

    /// The path below which the components are, without slashes at its ends; empty if there is none.
    pub fn sub_path(&self) -> &str {
        &self.sub_path
    }

    /// The repository of one component, which holds all its versions and their local content.
    pub fn content(&self, component: &str) -> Arc<dyn Repository> {
        self.registry.repository(&format!("{}{component}", self.prefix()))
    }

    fn prefix(&self) -> String {
        match self.sub_path.as_str() {
            "" => format!("{COMPONENT_DESCRIPTORS}/"),
            path => format!("{path}/{COMPONENT_DESCRIPTORS}/"),
        }
    }

    /// Names of all components in lexical order; [`Kind::Unsupported`] where the place does not tell.
    pub async fn components(&self) -> Result<Vec<String>> {
        let prefix = self.prefix();
        let repositories = self.registry.repositories().await?;
        let names = repositories.iter().filter_map(|name| name.strip_prefix(&prefix)).filter(|name| !name.is_empty());
        Ok(names.map(str::to_owned).collect())
    }

    /// All versions of a component in their own spelling, newest first.
    ///
    /// Tags that stand for no version are left out. A tag with a build part is looked into, because the tag alone does
    /// not tell its version.
    pub async fn versions(&self, component: &str) -> Result<Vec<String>> {
        let content = self.content(component);
        let tags = match content.tags().await {
            Err(error) if error.kind() == Kind::NotFound => Vec::new(),
            tags => tags?,
        };
        let versions = stream::iter(tags).map(|tag| version_of(&content, component, tag));
        let found: Vec<Option<Version>> = versions.buffered(LOOK_UPS).try_collect().await?;
        let mut versions: Vec<Version> = found.into_iter().flatten().collect();
        versions.sort_by(|one, other| other.cmp(one));
        versions.dedup();
        Ok(versions.iter().map(|version| version.as_str().to_owned()).collect())
    }

    /// Whether there is such a component version.
    pub async fn exists(&self, component: &str, version: &str) -> Result<bool> {
        Ok(self.root(component, version).await?.is_some())
    }

    /// What the tag of a component version points to; `None` if there is no such version. Nothing but that is read.
    pub async fn root(&self, component: &str, version: &str) -> Result<Option<ocm_oci::Descriptor>> {
        self.content(component).resolve(&tag_of(version)).await
    }

    /// Reads a component version.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if there is none; [`Kind::Invalid`] if what is stored is no component version, or another one.
    pub async fn get(&self, component: &str, version: &str) -> Result<ComponentVersion> {
        let root = self.root_manifest(component, version).await?;
        self.read(component, version, root, None).await
    }

    /// The manifest or index that the tag of a component version points to; what [`Self::get`] reads first.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if there is none.
    pub async fn root_manifest(&self, component: &str, version: &str) -> Result<Manifest> {
        let subject = format!("{}//{component}:{version}", self.address());
        self.content(component).manifest(&tag_of(version)).await.map_err(|error| match error.kind() {
            Kind::NotFound => Error::new(Kind::NotFound, &subject, "component version not found").caused_by(error),
            _ => error,
        })
    }

    /// Whether what a tag points to is the root of a component version: whoever may push here may also have pushed an image under a
    /// tag that reads like a version.
    pub async fn is_component_version(&self, component: &str, root: &Manifest) -> Result<bool> {
        read::is_component_version(&self.content(component), root).await
    }

    /// Reads the component version with this root; what [`Self::get`] does then. `holder` is a repository that has the same
    /// root, and with it all that it leads to: what can be found by its digest may be read there.
    ///
    /// # Errors
    /// [`Kind::Invalid`] if what is stored is no component version, or another one.
    pub async fn read(
        &self,
        component: &str,
        version: &str,
        root: Manifest,
        holder: Option<Holder<'_>>,
    ) -> Result<ComponentVersion> {
        let subject = format!("{}//{component}:{version}", self.address());
        let content = self.content(component);
        let found = read::component_version(content, holder, root, &subject).await?;
        if found.name() != component || found.version() != version {
            return Err(Error::invalid(&subject, format!("the component descriptor is the one of {found}")));
        }
        Ok(found)
    }

    /// Stores a component version but for its root, so that nobody finds it yet.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if local content of it is not in this place.
    pub async fn stage(&self, version: &NewVersion) -> Result<Staged> {
        stage::stage(&self.content(&version.descriptor.component.name), version).await
    }

    /// Stores the roots of staged component versions under their tags, in the order given, and makes all of it visible.
    ///
    /// # Errors
    /// [`Kind::Conflict`] if two of them have the same tag but not the same content: `1.0.0-a+b` and `1.0.0-a.build-b` are
    /// two versions, and the later one would silently take the place of the first. Nothing is visible then.
    pub async fn publish(&self, staged: Vec<Staged>) -> Result<()> {
        self.publish_each(staged, &|_| {}).await
    }

    /// Does what [`Self::publish`] does, and tells the position of each component version as soon as others can find it: one by
    /// one in a registry, so that those before a failure stay there, and all at the end in an archive.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn publish_each(&self, staged: Vec<Staged>, is_visible: &(dyn Fn(usize) + Sync)) -> Result<()> {
        let mut tags: HashMap<(&str, &str), &Staged> = HashMap::new();
        for version in &staged {
            if let Some(other) = tags.insert((&version.component, &version.tag), version)
                && other.root.digest() != version.root.digest()
            {
                let reason = format!("cannot be stored beside {}: both have the tag {}", other.version, version.tag);
                return Err(Error::new(Kind::Conflict, format!("{}:{}", version.component, version.version), reason));
            }
        }
        // There may be thousands, and the commit needs memory of its own: each goes when it is stored.
        let mut hidden = Vec::new();
        for (position, version) in staged.into_iter().enumerate() {
            let content = self.content(&version.component);
            content.push_manifest(&version.root, Some(&version.tag)).await?;
            if content.location().is_some() {
                is_visible(position);
            } else {
                hidden.push(position);
            }
        }
        self.registry.commit().await?;
        hidden.into_iter().for_each(is_visible);
        Ok(())
    }
}

/// The registry that the repository of a component is in; `None` if it is somewhere else, or not where one expects it.
pub fn registry_of(content: &dyn Repository, component: &str) -> Option<RepositoryReference> {
    let at = content.location()?;
    let path = at.repository.strip_suffix(&format!("{COMPONENT_DESCRIPTORS}/{component}"))?.trim_end_matches('/');
    // TLS is what everybody expects; plain HTTP has to be said.
    RepositoryReference::oci(&format!("{}/{path}", at.registry.trim_start_matches("https://"))).ok()
}

fn tag_of(version: &str) -> Selector {
    Selector::Tag(ocm_model::version::to_tag(version))
}

/// The version that a tag stands for, `None` if it stands for none.
async fn version_of(content: &Arc<dyn Repository>, component: &str, tag: String) -> Result<Option<Version>> {
    let Ok(version) = Version::from_tag(&tag) else { return Ok(None) };
    if version.as_str() == tag {
        return Ok(Some(version));
    }
    let document = content.manifest(&Selector::Tag(tag)).await?.document()?;
    let annotated = document.annotations().and_then(|annotations| annotations.get(annotation::COMPONENT_VERSION));
    let annotated = annotated.and_then(|text| annotated_version(text, component));
    Ok(Some(annotated.and_then(|text| Version::parse(text).ok()).unwrap_or(version)))
}
