//! Images that get a name of their own in the target.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use ocm_access::Sources;
use ocm_http::{Client, Settings};
use ocm_model::{Descriptor, Resource, TypedObject};
use ocm_oci::{Anonymous, Endpoint, Error, ImageReference, Registry as _, RemoteRegistry, Repository, Selector};
use ocm_repository::{ComponentRepository, NewVersion};
use ocm_testkit::{Class, TestRegistry, fixtures};
use ocm_transfer::{CopyMode, Existing, Options, Report, UploadAs, VersionAction, execute, prepare};

const NAME: &str = "acme.org/app";

fn remote(endpoint: Endpoint) -> RemoteRegistry {
    RemoteRegistry::new(Client::new(Settings::default()), endpoint, "", Arc::new(Anonymous))
}

/// Finds images where their references say.
struct Images;

#[async_trait]
impl Sources for Images {
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>, Error> {
        Ok(remote(reference.endpoint()?).repository(&reference.repository()))
    }
}

fn at(registry: &TestRegistry) -> RemoteRegistry {
    remote(Endpoint::parse(&registry.url()).unwrap().0)
}

fn options(copy: CopyMode, existing: Existing) -> Options {
    Options { copy, upload_as: UploadAs::OciArtifact, existing, concurrency: 1, ..Options::default() }
}

/// One target, as programs give it.
fn only(to: &ComponentRepository) -> Vec<(String, ocm_transfer::Result<ComponentRepository>)> {
    vec![(to.address(), Ok(to.clone()))]
}

async fn transfer(from: &ComponentRepository, to: &ComponentRepository, copy: CopyMode) -> Report {
    transfer_with(from, to, &options(copy, Existing::Fail)).await
}

async fn transfer_with(from: &ComponentRepository, to: &ComponentRepository, options: &Options) -> Report {
    let version = Arc::new(from.get(NAME, "1.0.0").await.unwrap());
    let prepared = prepare(vec![version], only(to), &Images, options).await.unwrap();
    let (report, failure) = execute(&prepared, options).await;
    assert!(failure.is_none(), "{failure:?}");
    report
}

/// A component version that refers to the image `acme/app:1` beside it.
async fn with_image(source: &TestRegistry) -> ComponentRepository {
    let from = ComponentRepository::new(Arc::new(at(source)), "");
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
    from.publish(vec![staged]).await.unwrap();
    from
}

#[tokio::test]
async fn an_image_that_only_has_the_same_name_elsewhere_is_uploaded() {
    let (source, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    fixtures::image(1, 100).push(at(&source).repository("acme/app").as_ref(), Some("1")).await.unwrap();
    let from = with_image(&source).await;

    // The target has the version, which refers to an image of that name in the source.
    let to = ComponentRepository::new(Arc::new(at(&target)), "");
    transfer(&from, &to, CopyMode::LocalBlob).await;
    let report = transfer(&from, &to, CopyMode::AllResources).await;
    assert_eq!(report.versions[0].action, VersionAction::Update);
    assert_eq!(at(&target).repository("acme/app").tags().await.unwrap(), ["1"]);
    let there = to.get(NAME, "1.0.0").await.unwrap();
    let access = &there.descriptor.component.resources[0].access;
    assert_eq!(access.kind, "relativeOciReference");
    let image = access.text("reference").unwrap();
    assert!(image.starts_with("acme/app:1@sha256:"), "{image}");

    // Now it has the image, and nothing is left to do.
    let report = transfer(&from, &to, CopyMode::AllResources).await;
    assert_eq!(report.versions[0].action, VersionAction::Present);
}

#[tokio::test]
async fn the_name_of_another_image_is_not_taken_and_nothing_is_moved() {
    let (source, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    fixtures::image(1, 100).push(at(&source).repository("acme/app").as_ref(), Some("1")).await.unwrap();
    let other = fixtures::image_with(7, 1, 100);
    other.push(at(&target).repository("acme/app").as_ref(), Some("1")).await.unwrap();
    let from = with_image(&source).await;
    let to = ComponentRepository::new(Arc::new(at(&target)), "");
    let version = Arc::new(from.get(NAME, "1.0.0").await.unwrap());
    target.forget();

    let refused =
        prepare(vec![version.clone()], only(&to), &Images, &options(CopyMode::AllResources, Existing::Fail)).await;
    let error = refused.err().unwrap();
    assert!(matches!(error.kind(), ocm_transfer::Kind::Place(ocm_oci::Kind::Conflict)), "{error}");
    assert!(error.to_string().contains("resource image of acme.org/app:1.0.0: target"), "{error}");
    assert_eq!(target.count("POST", Class::Upload) + target.count("PUT", Class::Manifest), 0);

    let options = options(CopyMode::AllResources, Existing::Overwrite);
    let prepared = prepare(vec![version], only(&to), &Images, &options).await.unwrap();
    assert!(execute(&prepared, &options).await.1.is_none());
    let there = at(&target).repository("acme/app").resolve(&Selector::Tag("1".into())).await.unwrap().unwrap();
    assert_ne!(there.digest, other.root().digest);
}

fn lines(registry: &TestRegistry) -> String {
    let line = |request: ocm_testkit::Request| format!("{} {} {}", request.method, request.path, request.status);
    registry.requests().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_image_is_looked_up_once_and_stored_once_under_its_name() {
    const IMAGES: u64 = 10;
    let source = TestRegistry::start().unwrap();
    let mut descriptor = Descriptor::default();
    descriptor.component.name = NAME.into();
    descriptor.component.version = "1.0.0".into();
    descriptor.component.provider.name = "acme.org".into();
    for number in 0..IMAGES {
        let repository = at(&source).repository(&format!("acme/app{number}"));
        fixtures::image_with(number, 1, 100).push(repository.as_ref(), Some("1")).await.unwrap();
        descriptor.component.resources.push(Resource {
            name: format!("image{number}"),
            version: "1.0.0".into(),
            kind: "ociImage".into(),
            relation: "external".into(),
            access: TypedObject::new("ociArtifact")
                .with("imageReference", format!("{}/acme/app{number}:1", source.url())),
            ..Resource::default()
        });
    }
    let from = ComponentRepository::new(Arc::new(at(&source)), "");
    let staged = from.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    from.publish(vec![staged]).await.unwrap();

    let images = IMAGES as usize;
    for existing in [Existing::Fail, Existing::Overwrite] {
        let target = TestRegistry::start().unwrap();
        let to = ComponentRepository::new(Arc::new(at(&target)), "");
        source.forget();
        transfer_with(&from, &to, &options(CopyMode::AllResources, existing)).await;
        // Its name is looked up; nothing of what was copied is read again. One more of each kind for the component version.
        let sent = lines(&target);
        assert_eq!(target.count("HEAD", Class::Manifest), images, "{sent}");
        assert_eq!(target.count("GET", Class::Manifest), 1, "{sent}");
        assert_eq!(target.count("PUT", Class::Manifest), images + 1, "{sent}");
        let blobs = target.count("PUT", Class::Upload);
        assert_eq!(target.count("", Class::Blob) + target.count("", Class::Upload), 3 * blobs, "{sent}");
        assert_eq!(source.count("GET", Class::Manifest), images + 1, "{}", lines(&source));
        // Manifests come after all blobs, the component version last.
        let kinds: Vec<_> = target.requests().into_iter().filter(|request| request.method == "PUT").collect();
        let first = kinds.iter().position(|request| request.class == Class::Manifest).unwrap();
        assert!(kinds[first..].iter().all(|request| request.class == Class::Manifest), "{sent}");
        assert!(kinds.last().unwrap().path.contains("component-descriptors"), "{sent}");
    }
}
