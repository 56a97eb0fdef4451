//! Repositories of component versions of types that are not built in, as places for OCI content: what a plugin has is read as a
//! manifest with one layer, the descriptor; what is pushed is kept in a temporary archive until it is handed to the plugin.

mod content;
mod handing;
mod made;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_model::{RepositoryReference, TypedObject};
use ocm_oci::{Error, Kind, Registry, Repository};
use ocm_plugin::{Capability, Place, Plugin};
use ocm_repository::{Access, Archive, ArchiveOptions, ComponentRepository, Form};

use self::content::Content;
use super::{Result, credentials, failed};
use crate::Context;

/// A repository of a plugin.
pub(crate) struct PluginRegistry {
    shared: Arc<Shared>,
    /// Who knows the names of the components.
    lister: Option<Plugin>,
    repositories: Mutex<HashMap<String, Arc<Content>>>,
    /// One writer at a time hands over what was pushed.
    handing: tokio::sync::Mutex<()>,
}

/// What the repositories of all components share.
struct Shared {
    plugin: Plugin,
    place: Place,
    /// The specification as text: how a person would address it.
    address: String,
    /// What was pushed and what was fetched; never committed, goes away with its folder.
    staging: Archive,
    folder: tempfile::TempDir,
}

/// Opens a repository of a type that is not built in.
///
/// # Errors
/// No plugin has the type, or the one that has it misbehaves.
pub(crate) async fn open(context: &Context, specification: &TypedObject) -> Result<ComponentRepository> {
    let kind = &specification.kind;
    let plugins = context.plugins();
    let Some(plugin) = plugins.offering(Capability::ComponentVersionRepository, kind).await else {
        let left_out = plugins.left_out().await;
        let reason = format!(
            "the type is not built in, and no plugin offers it: `ocm plugin list` shows what there is{left_out}"
        );
        return Err(Error::new(Kind::Unsupported, format!("repository of the type {kind:?}"), reason));
    };
    let lister = plugins.offering(Capability::ComponentLister, kind).await;
    let credentials = credentials(context, &plugin, specification).await?;
    let place = Place { specification: specification.clone(), credentials };
    let registry = PluginRegistry::new(plugin, lister, place, context).await?;
    Ok(ComponentRepository::new(Arc::new(registry), ""))
}

/// The repository of a plugin that has this address; `None` if it is that of another kind of place.
pub(crate) fn by_address(address: &str) -> Option<RepositoryReference> {
    let place = address.starts_with('{').then(|| RepositoryReference::parse(address).ok()).flatten();
    place.filter(|place| matches!(place, RepositoryReference::Other(_)))
}

impl PluginRegistry {
    async fn new(plugin: Plugin, lister: Option<Plugin>, place: Place, context: &Context) -> Result<Self> {
        let address =
            serde_json::to_string(&place.specification).map_err(|error| Error::new(Kind::Malformed, "", error))?;
        let folder = context
            .temporary_folder("ocm-plugin-")
            .map_err(|error| Error::new(Kind::Unavailable, &address, format!("no temporary folder: {error}")))?;
        let options = ArchiveOptions { form: Some(Form::Directory), ..ArchiveOptions::default() };
        let staging = Archive::open_with(folder.path().join("archive"), Access::Create, options).await?;
        let shared = Arc::new(Shared { plugin, place, address, staging, folder });
        Ok(Self { shared, lister, repositories: Mutex::default(), handing: tokio::sync::Mutex::default() })
    }
}

#[async_trait]
impl Registry for PluginRegistry {
    fn address(&self) -> String {
        self.shared.address.clone()
    }

    fn repository(&self, name: &str) -> Arc<dyn Repository> {
        let mut repositories = self.repositories.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Content::new(self.shared.clone(), name));
        repositories.entry(name.to_owned()).or_insert_with(new).clone()
    }

    async fn repositories(&self) -> Result<Vec<String>> {
        let Some(lister) = &self.lister else {
            let reason = "the plugin cannot list components: name one, <repository>//<component>[:<version>]";
            return Err(Error::new(Kind::Unsupported, &self.shared.address, reason));
        };
        let mut names = lister.components(&self.shared.place).await.map_err(failed)?;
        names.sort();
        names.dedup();
        Ok(names.iter().map(|name| format!("{COMPONENT_DESCRIPTORS}/{name}")).collect())
    }

    async fn commit(&self) -> Result<()> {
        let _one = self.handing.lock().await;
        let repositories: Vec<Arc<Content>> =
            self.repositories.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut pending: Vec<_> = repositories
            .iter()
            .flat_map(|content| content.take_pending().into_iter().map(move |one| (one, content)))
            .collect();
        // The order in which they were published: what others refer to first.
        pending.sort_by_key(|(pending, _)| pending.order);
        for (pending, content) in pending {
            handing::hand_over(content, &pending).await?;
        }
        Ok(())
    }
}
