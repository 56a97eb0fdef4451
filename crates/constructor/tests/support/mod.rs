//! A place in memory to build into, and readers of constructor texts.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "not every test file needs everything")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ocm_access::Sources;
use ocm_blob::Observer;
use ocm_constructor::build::{Environment, Error, Lookup, NoLookup, Options, Outcome, build};
use ocm_constructor::{Constructor, Dialect, Engine, Problems, Reading, Text, Variables, read};
use ocm_oci::{ImageReference, MemoryRegistry, Registry, Repository};
use ocm_repository::{ComponentRepository, ComponentVersion};

/// Images of all hosts lie in one registry in memory.
pub struct Images(pub MemoryRegistry);

#[async_trait]
impl Sources for Images {
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>, ocm_oci::Error> {
        Ok(self.0.repository(&reference.repository()))
    }
}

/// Finds component versions in another repository.
pub struct Other(pub ComponentRepository);

#[async_trait]
impl Lookup for Other {
    async fn component_version(
        &self,
        component: &str,
        version: &str,
    ) -> Result<Option<ComponentVersion>, ocm_oci::Error> {
        if self.0.exists(component, version).await? { self.0.get(component, version).await.map(Some) } else { Ok(None) }
    }
}

/// Keeps what a person would be told.
#[derive(Default)]
pub struct Told(pub Mutex<Vec<String>>, pub Mutex<u64>);

impl Observer for Told {
    fn warned(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }

    fn moved(&self, bytes: u64) {
        *self.1.lock().unwrap() += bytes;
    }
}

pub struct Place {
    pub registry: MemoryRegistry,
    pub images: MemoryRegistry,
    pub told: Arc<Told>,
    pub environment: Environment,
}

impl Place {
    pub fn new() -> Self {
        Self::with(Arc::new(NoLookup))
    }

    pub fn with(lookup: Arc<dyn Lookup>) -> Self {
        let (registry, images) = (MemoryRegistry::default(), MemoryRegistry::default());
        let told = Arc::new(Told::default());
        let environment = Environment {
            target: ComponentRepository::new(Arc::new(registry.clone()), ""),
            lookup,
            images: Arc::new(Images(images.clone())),
            observer: told.clone(),
        };
        Self { registry, images, told, environment }
    }

    pub async fn build(&self, folder: &Path, text: &str) -> Result<Outcome, Error> {
        self.build_with(folder, text, &Options::default()).await
    }

    pub async fn build_with(&self, folder: &Path, text: &str, options: &Options) -> Result<Outcome, Error> {
        let constructor = constructor(folder, text, Dialect::V2, &[]).map_err(Error::File)?;
        build(constructor.components, &self.environment, options).await
    }
}

pub fn constructor(
    folder: &Path,
    text: &str,
    dialect: Dialect,
    variables: &[(&str, &str)],
) -> Result<Constructor, Problems> {
    let text = Text { name: "c.yaml".into(), content: text.into(), folder: folder.into() };
    let engine = if dialect == Dialect::V1 { Engine::Auto } else { Engine::Dollar };
    let variables = Variables::new().with_texts(variables.iter().copied());
    read(&[text], &Reading { dialect, engine, variables, ..Reading::default() })
}

/// What is wrong with a text.
pub fn problems(text: &str) -> String {
    constructor(Path::new("."), text, Dialect::V2, &[])
        .map_or_else(|problems| problems.to_string(), |_| "nothing".into())
}
