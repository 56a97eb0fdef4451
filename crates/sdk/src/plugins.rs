//! What plugins know, where the built-in types end: content, digests, inputs, credentials, signatures.

pub(crate) mod repository;
mod signer;
mod stores;
mod transformer;

use std::collections::BTreeMap;
use std::sync::Arc;

use ocm_access::{Content, ForeignInput, Owner, Properties, Sources};
use ocm_blob::FileBlob;
use ocm_credentials::Secret;
use ocm_model::{Access, DigestSpec, Identity, Resource, TypedObject};
use ocm_oci::{Error, Kind, media_type};
use ocm_plugin::{Capability, Credentials, Element, Location, Plugin, Processed};
use serde_json::Value;

use crate::Context;

pub(crate) use signer::{PluginSigner, verify};
pub(crate) use stores::PluginStores;
pub(crate) use transformer::Transformer;

type Result<T> = std::result::Result<T, Error>;

impl From<ocm_plugin::Error> for crate::Error {
    fn from(error: ocm_plugin::Error) -> Self {
        failed(error).into()
    }
}

fn failed(error: ocm_plugin::Error) -> Error {
    let kind = match error.kind() {
        ocm_plugin::Kind::Invalid => Kind::Malformed,
        _ => Kind::Unavailable,
    };
    Error::new(kind, format!("plugin {}", error.plugin()), error.reason().to_owned()).caused_by(error)
}

/// Content of an access type that is not built in; `None` if no plugin has it either.
pub(crate) async fn access(
    context: &Context,
    access: &TypedObject,
    resource: Option<&Resource>,
) -> Result<Option<Content>> {
    let Some(plugin) = context.plugins().offering(Capability::ResourceRepository, &access.kind).await else {
        return Ok(None);
    };
    let credentials = credentials(context, &plugin, access).await?;
    let resource = resource.cloned().unwrap_or_else(|| nameless(access));
    let location = plugin.resource(&resource, credentials.as_ref()).await.map_err(failed)?;
    content(location).map(Some)
}

/// The digest of such content by a plugin, with an access that always means the same content.
pub(crate) async fn digest(context: &Context, access: &TypedObject) -> Result<Option<(TypedObject, DigestSpec)>> {
    let Some(plugin) = context.plugins().offering(Capability::DigestProcessor, &access.kind).await else {
        return Ok(None);
    };
    let credentials = credentials(context, &plugin, access).await?;
    let digested = plugin.digest(&nameless(access), credentials.as_ref()).await.map_err(failed)?;
    // A plugin that says nothing about the access leaves it as it is.
    let access = if digested.access.kind.is_empty() { access.clone() } else { digested.access };
    Ok(digested.digest.map(|digest| (access, digest)))
}

/// What an input is whose type is not built in.
pub(crate) async fn input(context: &Context, input: &TypedObject, owner: Owner<'_>) -> Result<Option<ForeignInput>> {
    let Some(plugin) = context.plugins().offering(Capability::Input, &input.kind).await else { return Ok(None) };
    let credentials = credentials(context, &plugin, input).await?;
    let (of, element) = match owner {
        Owner::Resource(resource) => (Element::Resource, serde_json::to_value(resource)),
        Owner::Source(source) => (Element::Source, serde_json::to_value(source)),
    };
    let unwritten = |error: serde_json::Error| Error::new(Kind::Malformed, format!("input {:?}", input.kind), error);
    let Value::Object(mut element) = element.map_err(unwritten)? else { return Ok(None) };
    element.remove("access");
    element.insert("input".to_owned(), serde_json::to_value(input).map_err(unwritten)?);
    let processed = plugin.input(of, &element, input, credentials.as_ref()).await.map_err(failed)?;
    match processed {
        Processed::Content(location) => Ok(Some(ForeignInput::Content(content(location)?))),
        Processed::Elsewhere { access, digest } if !is_beside(&access) => {
            Ok(Some(ForeignInput::Access(access, digest)))
        }
        // Nobody has stored it: the component version would refer to what is not there.
        Processed::Elsewhere { access, .. } => {
            let reason = format!("its answer has the access type {:?} and no content for it", access.kind);
            Err(Error::new(Kind::Unavailable, format!("plugin {}", plugin.program().path.display()), reason))
        }
    }
}

/// Whether content lies with its component version.
fn is_beside(access: &TypedObject) -> bool {
    matches!(
        Access::of(access),
        Access::LocalBlob { .. }
            | Access::LocalOciBlob { .. }
            | Access::LocalFilesystemBlob { .. }
            | Access::RelativeOci { .. }
    )
}

/// The names of all access types whose content plugins have.
pub(crate) async fn access_types(context: &Context) -> Vec<String> {
    let types = context.plugins().types(Capability::ResourceRepository).await;
    types.iter().flat_map(|(kind, _)| kind.names().map(str::to_owned)).collect()
}

/// The names of all input types that plugins have.
pub(crate) async fn input_types(context: &Context) -> Vec<String> {
    let types = context.plugins().types(Capability::Input).await;
    types.iter().flat_map(|(kind, _)| kind.names().map(str::to_owned)).collect()
}

/// The protocol asks for whole resources where only the access counts.
fn nameless(access: &TypedObject) -> Resource {
    let text = |text: &str| text.to_owned();
    Resource {
        name: text("content"),
        version: text("0.0.0"),
        kind: text("blob"),
        relation: text("external"),
        access: access.clone(),
        ..Resource::default()
    }
}

fn content(location: Location) -> Result<Content> {
    let subject = location.path.display().to_string();
    let blob = FileBlob::whole(location.path).map_err(Error::blob(subject))?;
    let media_type = location.media_type.unwrap_or_else(|| media_type::OCTETS.to_owned());
    Ok(Content::Blob { blob: Arc::new(blob), media_type })
}

async fn credentials(context: &Context, plugin: &Plugin, object: &TypedObject) -> Result<Option<Credentials>> {
    let identity = plugin.identity(object).await.map_err(failed)?;
    credentials_for(context, identity).await
}

async fn credentials_for(context: &Context, identity: Option<Identity>) -> Result<Option<Credentials>> {
    let Some(identity) = identity else { return Ok(None) };
    Ok(context.credentials(&identity).await?.map(shown))
}

fn shown(properties: Properties) -> Credentials {
    let text = |(name, secret): (String, Secret)| (name, secret.reveal().to_owned());
    let mut properties: BTreeMap<String, String> = properties.0.into_iter().map(text).collect();
    match properties.remove(stores::TYPE) {
        Some(kind) => Credentials { kind, properties },
        None => Credentials::direct(properties),
    }
}
