use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ocm_access::Sources;
use ocm_blob::MemoryBlob;
use ocm_model::reference::RepositoryReference;
use ocm_model::{Descriptor, TypedObject};
use ocm_oci::{Anonymous, Endpoint, ImageReference, MemoryRegistry, Registry, RemoteRegistry, Repository};
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion};
use ocm_transfer::document::{self, Document, Origin, Places};
use ocm_transfer::{CopyMode, Options, Report, execute};
use serde_json::{Value, json};

pub(crate) const HELLO: &str = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

/// Archives by their path and hosts by their name, all in memory; `127.0.0.1` is the network. Nothing is stored below `closed/`.
#[derive(Default)]
pub(crate) struct Rig {
    places: Mutex<HashMap<String, MemoryRegistry>>,
}

pub(crate) fn remote(address: &str) -> Arc<RemoteRegistry> {
    let (endpoint, _) = Endpoint::parse(address).unwrap();
    Arc::new(RemoteRegistry::new(
        ocm_http::Client::new(ocm_http::Settings::default()),
        endpoint,
        "",
        Arc::new(Anonymous),
    ))
}

impl Rig {
    pub(crate) fn place(&self, name: &str) -> MemoryRegistry {
        self.places.lock().unwrap().entry(name.to_owned()).or_default().clone()
    }

    pub(crate) fn archive(&self, path: &str) -> ComponentRepository {
        ComponentRepository::new(Arc::new(self.place(path)), "")
    }

    fn open(&self, spec: &TypedObject) -> ComponentRepository {
        match RepositoryReference::from_spec(spec).unwrap() {
            RepositoryReference::Ctf { file_path, .. } => self.archive(&file_path),
            RepositoryReference::Oci { base_url, sub_path, .. } if base_url.contains("127.0.0.1") => {
                ComponentRepository::new(remote(&base_url), &sub_path)
            }
            RepositoryReference::Oci { base_url, sub_path, .. } => {
                ComponentRepository::new(Arc::new(self.place(&base_url)), &sub_path)
            }
            RepositoryReference::Other(other) => panic!("no place of type {}", other.kind),
        }
    }

    /// Stores a component version whose descriptor is given without `meta` and without what is always empty.
    pub(crate) async fn add(&self, path: &str, component: Value) -> Arc<ComponentVersion> {
        let mut tree = json!({"meta": {"schemaVersion": "v2"}, "component": {"provider": "acme.org", "repositoryContexts": [],
            "resources": [], "sources": [], "componentReferences": []}});
        for (key, value) in component.as_object().unwrap() {
            tree["component"][key] = value.clone();
        }
        let descriptor = Descriptor::read(&serde_json::to_vec(&tree).unwrap()).unwrap();
        let repository = self.archive(path);
        let new = NewVersion { descriptor, ..NewVersion::default() };
        let staged = repository.stage(&new).await.unwrap();
        repository.publish(vec![staged]).await.unwrap();
        Arc::new(
            repository.get(component["name"].as_str().unwrap(), component["version"].as_str().unwrap()).await.unwrap(),
        )
    }

    /// Stores a text, and gives the local access and the digest that a resource has for it.
    pub(crate) async fn text(&self, path: &str, component: &str, text: &str) -> (Value, Value) {
        let (blob, _) =
            self.archive(path).content(component).push_blob(&MemoryBlob::new(text.to_owned())).await.unwrap();
        (
            json!({"type": "LocalBlob/v1", "localReference": blob.digest, "mediaType": "text/plain"}),
            json!({"hashAlgorithm": "SHA-256", "normalisationAlgorithm": "genericBlobDigest/v1", "value": blob.digest.hex()}),
        )
    }

    /// `acme.org/hello:1.0.0` with one text.
    pub(crate) async fn hello(&self, path: &str) -> Arc<ComponentVersion> {
        let (access, digest) = self.text(path, "acme.org/hello", "hello world").await;
        self.add(path, json!({"name": "acme.org/hello", "version": "1.0.0", "resources": [
            {"name": "greeting", "version": "1.0.0", "type": "plainText", "relation": "local", "access": access, "digest": digest}]}))
            .await
    }

    pub(crate) async fn run(&self, document: &Document, options: &Options) -> ocm_transfer::Result<Report> {
        let prepared = document::prepare(document::check(document)?, self, options).await?;
        match execute(&prepared, options).await {
            (report, None) => Ok(report),
            (_, Some(error)) => Err(error),
        }
    }
}

#[async_trait]
impl Sources for Rig {
    async fn repository(&self, reference: &ImageReference) -> ocm_oci::Result<Arc<dyn Repository>> {
        if reference.host().contains("127.0.0.1") {
            return Ok(remote(&format!("http://{}", reference.host())).repository(&reference.repository()));
        }
        Ok(self.place(reference.host()).repository(&reference.repository()))
    }
}

#[async_trait]
impl Places for Rig {
    async fn source(&self, repository: &TypedObject) -> ocm_transfer::Result<ComponentRepository> {
        Ok(self.open(repository))
    }

    async fn target(&self, repository: &TypedObject) -> ocm_transfer::Result<ComponentRepository> {
        match repository.text("filePath").filter(|path| path.starts_with("closed/")) {
            Some(path) => Err(ocm_oci::Error::new(ocm_oci::Kind::Denied, path, "is closed").into()),
            None => Ok(self.open(repository)),
        }
    }
}

pub(crate) fn options() -> Options {
    Options::default()
}

pub(crate) fn everything() -> Options {
    Options { copy: CopyMode::AllResources, ..options() }
}

pub(crate) fn archive(path: &str) -> TypedObject {
    RepositoryReference::ctf(path).to_spec()
}

pub(crate) fn registry(address: &str) -> TypedObject {
    RepositoryReference::oci(address).unwrap().to_spec()
}

pub(crate) fn written(versions: &[&Arc<ComponentVersion>], target: &TypedObject, options: &Options) -> Document {
    let origins: Vec<_> =
        versions.iter().map(|version| Origin { version: (*version).clone(), repository: archive("source") }).collect();
    document::write(&origins, std::slice::from_ref(target), options).unwrap()
}

/// The document after somebody edited its text.
pub(crate) fn edited(document: &Document, edits: &[(&str, &str)]) -> Document {
    let mut text = document.to_yaml();
    for (from, to) in edits {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text = text.replace(from, to);
    }
    document::read("edited.yaml", text.as_bytes()).unwrap()
}
