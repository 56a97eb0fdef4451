use std::sync::Arc;

use async_trait::async_trait;
use ocm_oci::{ImageReference, Repository};

use crate::Result;

/// Gives the repository that an image reference names. Whoever implements it knows registries and credentials.
#[async_trait]
pub trait RegistrySource: Send + Sync {
    /// The repository of `reference`; it need not exist. Nothing is contacted yet.
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>>;
}
