//! Images that get a name of their own in the target.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use ocm_access::RegistrySource;
use ocm_blob::Unobserved;
use ocm_http::{Client, Settings};
use ocm_model::{Descriptor, Resource, TypedObject};
use ocm_oci::{Anonymous, Endpoint, Error, ImageReference, Registry as _, RemoteRegistry, Repository};
use ocm_repository::{ComponentRepository, NewVersion};
use ocm_testkit::{TestRegistry, fixtures};
use ocm_transfer::{CopyMode, Existing, Options, Report, UploadAs, VersionAction, execute, prepare};

const NAME: &str = "acme.org/app";

fn remote(endpoint: Endpoint) -> RemoteRegistry {
    RemoteRegistry::new(Client::new(Settings::default()), endpoint, "", Arc::new(Anonymous))
}

/// Finds images where their references say.
struct Images;

#[async_trait]
impl RegistrySource for Images {
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>, Error> {
        Ok(remote(reference.endpoint()?).repository(&reference.repository()))
    }
}

fn at(registry: &TestRegistry) -> RemoteRegistry {
    remote(Endpoint::parse(&registry.url()).unwrap().0)
}

async fn transfer(from: &ComponentRepository, to: &ComponentRepository, copy: CopyMode) -> Report {
    let options = Options {
        copy,
        copy_sources: false,
        omit_access_types: Vec::new(),
        upload_as: UploadAs::OciArtifact,
        existing: Existing::Fail,
        concurrency: 1,
        observer: Arc::new(Unobserved),
    };
    let version = Arc::new(from.get(NAME, "1.0.0").await.unwrap());
    let prepared = prepare(vec![version], to, &Images, &options).await.unwrap();
    execute(&prepared, to, &Images, &options).await.unwrap()
}

#[tokio::test]
async fn an_image_that_only_has_the_same_name_elsewhere_is_uploaded() {
    let (source, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    fixtures::image(1, 100).push(at(&source).repository("acme/app").as_ref(), Some("1")).await.unwrap();
    let from = ComponentRepository::new(Arc::new(at(&source)), "");
    let mut descriptor = Descriptor::default();
    descriptor.component.name = NAME.into();
    descriptor.component.version = "1.0.0".into();
    descriptor.component.provider.name = "acme.org".into();
    descriptor.component.resources.push(Resource {
        name: "image".into(),
        version: "1.0.0".into(),
        kind: "ociImage".into(),
        relation: "external".into(),
        access: TypedObject::new("ociArtifact").with("imageReference", format!("{}/acme/app:1", source.url())),
        ..Resource::default()
    });
    let staged = from.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    from.publish(&[staged]).await.unwrap();

    // The target has the version, which refers to an image of that name in the source.
    let to = ComponentRepository::new(Arc::new(at(&target)), "");
    transfer(&from, &to, CopyMode::LocalBlob).await;
    let report = transfer(&from, &to, CopyMode::AllResources).await;
    assert_eq!(report.versions[0].action, VersionAction::Update);
    assert_eq!(at(&target).repository("acme/app").tags().await.unwrap(), ["1"]);
    let there = to.get(NAME, "1.0.0").await.unwrap();
    let image = there.descriptor.component.resources[0].access.text("imageReference").unwrap().to_owned();
    assert!(image.starts_with(&target.url()), "{image}");

    // Now it has the image, and nothing is left to do.
    let report = transfer(&from, &to, CopyMode::AllResources).await;
    assert_eq!(report.versions[0].action, VersionAction::Present);
}
