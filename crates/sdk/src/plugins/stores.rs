//! Stores of credentials, and credentials that are made from others, of types that are not built in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use ocm_config::redaction;
use ocm_credentials::{Error, Found, Kind, Properties, Provider, Result, Secret, Specification, Store};
use ocm_model::{Identity, TypedObject};
use ocm_plugin::{Capability, Credentials, Plugin, Plugins};

/// Opens what plugins offer.
pub(crate) struct PluginStores(pub(crate) Plugins);

impl Provider for PluginStores {
    fn open(&self, specification: &Specification) -> Option<Result<Arc<dyn Store>>> {
        // Which types there are is known only when the programs have been asked, and that is for whoever asks the store.
        self.0.has_programs().then(|| {
            let object = TypedObject { kind: specification.kind.clone(), members: specification.members.clone() };
            let is_told = AtomicBool::default();
            Ok(Arc::new(PluginStore { plugins: self.0.clone(), object, is_told }) as Arc<dyn Store>)
        })
    }
}

struct PluginStore {
    plugins: Plugins,
    object: TypedObject,
    is_told: AtomicBool,
}

impl PluginStore {
    async fn plugin(&self) -> Option<Plugin> {
        let kind = &self.object.kind;
        for capability in [Capability::CredentialRepository, Capability::Credential] {
            if let Some(plugin) = self.plugins.offering(capability, kind).await {
                return Some(plugin);
            }
        }
        if self.literal().await.is_some() {
            return None;
        }
        if !self.is_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "ocm", "credentials of the type {kind:?} are not used: it is not built in, and no plugin offers it");
        }
        None
    }
}

impl PluginStore {
    /// What it is told of the configuration may open the store: it does not get into its log lines and messages.
    async fn confide(&self, plugin: &Plugin) -> Result<()> {
        plugin.confide(&redaction::secrets(&self.object.members)).await.map_err(|error| failed(&error))
    }

    /// The credentials themselves, if a plugin says that objects of their type are such.
    async fn literal(&self) -> Option<Found> {
        let types = self.plugins.credential_types().await;
        let (_, program) = types.iter().find(|(kind, _)| kind.names().any(|name| name == self.object.kind))?;
        let members = self.object.members.iter();
        let parts = members.filter_map(|(name, value)| Some((name.clone(), Secret::new(value.as_str()?))));
        let origin = format!("configuration, as plugin {} reads it", program.path.display());
        Some(Found { properties: typed(&self.object.kind, parts.collect()), origin, until: None })
    }
}

/// Where the type of credentials stands among their parts.
pub(super) const TYPE: &str = "type";

/// Credentials with their type, which the plugin that they are for wants to see again.
fn typed(kind: &str, mut parts: BTreeMap<String, Secret>) -> Properties {
    parts.insert(TYPE.to_owned(), Secret::new(kind));
    Properties(parts)
}

#[async_trait]
impl Store for PluginStore {
    async fn needs(&self) -> Result<Vec<Identity>> {
        let Some(plugin) = self.plugin().await else { return Ok(Vec::new()) };
        self.confide(&plugin).await?;
        Ok(plugin.consumer(&self.object).await.map_err(|error| failed(&error))?.into_iter().collect())
    }

    async fn find(&self, wanted: &[Identity], own: Option<&Found>) -> Result<Option<Found>> {
        let Some(plugin) = self.plugin().await else { return Ok(self.literal().await) };
        self.confide(&plugin).await?;
        let own = own.map(|own| super::shown(own.properties.clone()));
        for identity in wanted {
            let found =
                plugin.credentials_for(&self.object, identity, own.as_ref()).await.map_err(|error| failed(&error))?;
            if let Some(found) = found.filter(|found| !found.properties.is_empty()) {
                let is_direct = found.is_direct();
                let Credentials { kind, properties } = found;
                let parts = properties.into_iter().map(|(name, text)| (name, Secret::new(text))).collect();
                let properties = if is_direct { Properties(parts) } else { typed(&kind, parts) };
                let origin = format!("plugin {}", plugin.program().path.display());
                return Ok(Some(Found { properties, origin, until: None }));
            }
        }
        Ok(None)
    }
}

fn failed(error: &ocm_plugin::Error) -> Error {
    let kind = match error.kind() {
        ocm_plugin::Kind::Invalid => Kind::Malformed,
        _ => Kind::Unavailable,
    };
    Error::new(kind, format_args!("plugin {}", error.plugin()), error.reason())
}
