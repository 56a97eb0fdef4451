use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ocm_repository::{ComponentRepository, ComponentVersion};

/// Repositories that are asked one after the other; what was found is remembered.
pub(crate) struct Lookup {
    repositories: Vec<ComponentRepository>,
    found: Mutex<HashMap<(String, String), Arc<ComponentVersion>>>,
}

impl Lookup {
    pub(crate) fn new(repositories: Vec<ComponentRepository>) -> Self {
        Self { repositories, found: Mutex::default() }
    }

    /// Remembers a component version that was read elsewhere.
    pub(crate) fn remember(&self, version: &Arc<ComponentVersion>) {
        let key = (version.name().to_owned(), version.version().to_owned());
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(key, version.clone());
    }

    fn remembered(&self, component: &str, version: &str) -> Option<Arc<ComponentVersion>> {
        let key = (component.to_owned(), version.to_owned());
        self.found.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }
}

#[async_trait]
impl ocm_transfer::Lookup for Lookup {
    async fn get(&self, component: &str, version: &str) -> ocm_oci::Result<Arc<ComponentVersion>> {
        if let Some(version) = self.remembered(component, version) {
            return Ok(version);
        }
        for repository in &self.repositories {
            match repository.get(component, version).await {
                Ok(found) => {
                    let found = Arc::new(found);
                    self.remember(&found);
                    return Ok(found);
                }
                Err(error) if error.kind() == ocm_oci::Kind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let places: Vec<_> = self.repositories.iter().map(ComponentRepository::address).collect();
        Err(ocm_oci::Error::new(
            ocm_oci::Kind::NotFound,
            format!("{component}:{version}"),
            format!("component version not found in {}", places.join(", ")),
        ))
    }
}
