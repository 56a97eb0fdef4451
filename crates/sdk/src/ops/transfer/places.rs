use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use ocm_access::relocation::{Rebased, Rebasing};
use ocm_access::{Properties, Sources};
use ocm_model::reference::RepositoryReference;
use ocm_model::{Identity, Resource, TypedObject};
use ocm_oci::{ImageReference, MemoryRegistry};
use ocm_repository::ComponentRepository;
use ocm_transfer::document;

use crate::Context;
use crate::context::Purpose;

/// The repositories that documents name.
pub(super) struct Places<'a> {
    pub(super) context: &'a Context,
    /// Whether targets are only looked at.
    pub(super) is_dry: bool,
}

impl Places<'_> {
    async fn open(&self, repository: &TypedObject, purpose: Purpose) -> ocm_transfer::Result<ComponentRepository> {
        let wrong = |error: ocm_model::Error| ocm_transfer::Error::Document(format!("spec.repository: {error}"));
        let reference = RepositoryReference::from_spec(repository).map_err(wrong)?;
        Ok(self.context.open(&reference, purpose).await?)
    }
}

#[async_trait]
impl Sources for Places<'_> {
    async fn repository(&self, reference: &ImageReference) -> ocm_oci::Result<Arc<dyn ocm_oci::Repository>> {
        Sources::repository(self.context, reference).await
    }

    async fn charts(&self, reference: &ImageReference) -> ocm_oci::Result<Arc<dyn ocm_oci::Repository>> {
        self.context.charts(reference).await
    }

    fn http(&self) -> Option<ocm_http::Client> {
        self.context.http()
    }

    fn scratch(&self) -> Option<&Path> {
        self.context.scratch()
    }

    async fn signed_text(&self, message: &[u8], keyring: &[u8]) -> ocm_oci::Result<String> {
        self.context.signed_text(message, keyring).await
    }

    async fn foreign(
        &self,
        access: &TypedObject,
        resource: Option<&Resource>,
    ) -> ocm_oci::Result<Option<ocm_access::Content>> {
        self.context.foreign(access, resource).await
    }

    async fn credentials(&self, consumer: &Identity) -> ocm_oci::Result<Option<Properties>> {
        self.context.credentials(consumer).await
    }

    fn rebasing(&self) -> Rebasing {
        self.context.rebasing()
    }

    fn rebased(&self, image: &Rebased) {
        self.context.rebased(image);
    }
}

#[async_trait]
impl document::Places for Places<'_> {
    async fn source(&self, repository: &TypedObject) -> ocm_transfer::Result<ComponentRepository> {
        self.open(repository, Purpose::Read).await
    }

    async fn target(&self, repository: &TypedObject) -> ocm_transfer::Result<ComponentRepository> {
        if self.is_dry {
            return match self.open(repository, Purpose::Read).await {
                // What does not exist yet has nothing.
                Err(ocm_transfer::Error::Place(error)) if error.kind() == ocm_oci::Kind::NotFound => {
                    Ok(ComponentRepository::new(Arc::new(MemoryRegistry::new()), ""))
                }
                opened => opened,
            };
        }
        let purpose = match repository.text("accessMode") {
            None | Some("") => Purpose::Create(None),
            Some(mode) if mode.contains("create") => Purpose::Create(None),
            Some(mode) if mode.contains("readwrite") => Purpose::Write,
            Some(mode) => {
                let reason =
                    format!("spec.repository.accessMode: {mode:?} does not allow to write; use readwrite|create");
                return Err(ocm_transfer::Error::Document(reason));
            }
        };
        self.open(repository, purpose).await
    }
}
