//! Content made into other content by plugins, on its way to a file.

use std::path::Path;

use ocm_access::Content;
use ocm_model::TypedObject;
use ocm_plugin::{Capability, Location, Plugin};

use super::{content, credentials, failed};
use crate::{Context, Error, Result};

/// A plugin with the specification of what it makes of content.
pub(crate) struct Transformer<'a> {
    context: &'a Context,
    plugin: Plugin,
    specification: &'a TypedObject,
}

impl<'a> Transformer<'a> {
    /// The plugin that has the type of a specification.
    ///
    /// # Errors
    /// [`crate::Kind::Usage`] if there is none.
    pub(crate) async fn find(context: &'a Context, specification: &'a TypedObject) -> Result<Self> {
        let (plugins, kind) = (context.plugins(), &specification.kind);
        if let Some(plugin) = plugins.offering(Capability::BlobTransformer, kind).await {
            return Ok(Self { context, plugin, specification });
        }
        let left_out = plugins.left_out().await;
        let offered = plugins.types(Capability::BlobTransformer).await;
        let known: Vec<String> = offered.into_iter().map(|(offered, _)| offered.name).collect();
        let known = if known.is_empty() { String::new() } else { format!(" and {}", known.join(", ")) };
        Err(Error::usage(format!("there is no transformer {kind:?}{left_out}")).hint(format!("there is helm{known}")))
    }

    /// Makes other content of a file.
    pub(crate) async fn transform(&self, file: &Path, media_type: &str) -> Result<Content> {
        let credentials = credentials(self.context, &self.plugin, self.specification).await?;
        let location = Location { path: file.to_owned(), media_type: Some(media_type.to_owned()) };
        let made = self.plugin.transform(self.specification, &location, credentials.as_ref()).await.map_err(failed)?;
        Ok(content(made)?)
    }
}
