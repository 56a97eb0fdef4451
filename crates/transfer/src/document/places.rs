use async_trait::async_trait;
use ocm_access::Sources;
use ocm_model::TypedObject;
use ocm_repository::ComponentRepository;

use crate::Result;

/// Opens the repositories that a document names. Whoever implements it knows registries, archives and credentials.
#[async_trait]
pub trait Places: Sources {
    /// A repository to read from; it must exist.
    async fn source(&self, repository: &TypedObject) -> Result<ComponentRepository>;

    /// A repository to write to. An archive that does not exist is made, unless its `accessMode` forbids that.
    async fn target(&self, repository: &TypedObject) -> Result<ComponentRepository>;
}
