//! How many requests a transfer from registry to registry makes: each one is a round trip around the world.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use async_trait::async_trait;
use ocm_access::RegistrySource;
use ocm_blob::Unobserved;
use ocm_http::{Client, Settings};
use ocm_model::{Descriptor, Resource, TypedObject};
use ocm_oci::{Anonymous, Endpoint, Error, ImageReference, Kind, RemoteRegistry, Repository};
use ocm_repository::{ComponentRepository, NewVersion};
use ocm_testkit::fixtures::{self, Graph};
use ocm_testkit::{Class, Request, TestRegistry};
use ocm_transfer::{CopyMode, Existing, Options, Report, UploadAs, execute, prepare};

const NAME: &str = "acme.org/image";
const LAYERS: usize = 8;

/// No image lies outside of its component version here.
struct NoImages;

#[async_trait]
impl RegistrySource for NoImages {
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>, Error> {
        Err(Error::new(Kind::NotFound, reference, "is not asked for"))
    }
}

/// Component versions in a registry, seen by a client that knows nothing of it yet.
fn components(registry: &TestRegistry) -> ComponentRepository {
    let (endpoint, _) = Endpoint::parse(&registry.url()).unwrap();
    let client = Client::new(Settings::default());
    ComponentRepository::new(Arc::new(RemoteRegistry::new(client, endpoint, "", Arc::new(Anonymous))), "")
}

async fn add(place: &ComponentRepository, version: &str, image: &Graph) {
    image.push(place.content(NAME).as_ref(), None).await.unwrap();
    let mut descriptor = Descriptor::default();
    descriptor.component.name = NAME.into();
    descriptor.component.version = version.into();
    descriptor.component.provider.name = "acme.org".into();
    descriptor.component.resources.push(Resource {
        name: "image".into(),
        version: version.into(),
        kind: "ociImage".into(),
        relation: "local".into(),
        access: TypedObject::new("localBlob/v1")
            .with("localReference", image.root().digest.to_string())
            .with("mediaType", image.root().media_type.as_str()),
        ..Resource::default()
    });
    let staged = place.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    place.publish(&[staged]).await.unwrap();
}

async fn transfer(source: &TestRegistry, target: &TestRegistry, version: &str) -> Report {
    source.forget();
    target.forget();
    let options = Options {
        copy: CopyMode::LocalBlob,
        copy_sources: false,
        omit_access_types: Vec::new(),
        upload_as: UploadAs::LocalBlob,
        existing: Existing::Fail,
        concurrency: 4,
        observer: Arc::new(Unobserved),
    };
    let (from, to) = (components(source), components(target));
    let found = Arc::new(from.get(NAME, version).await.unwrap());
    let prepared = prepare(vec![found], &to, &NoImages, &options).await.unwrap();
    execute(&prepared, &to, &NoImages, &options).await.unwrap()
}

fn lines(registry: &TestRegistry) -> String {
    let line = |request: Request| format!("{} {} {}", request.method, request.path, request.status);
    registry.requests().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_transfer_asks_for_nothing_twice() {
    let (source, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let image = fixtures::image(LAYERS, 10_000);
    add(&components(&source), "1.0.0", &image).await;

    // New: the layers and the configuration of the image, descriptor and configuration of the component version.
    let (blobs, manifests) = (LAYERS + 1 + 2, 3);
    let report = transfer(&source, &target, "1.0.0").await;
    assert_eq!(report.totals.versions_moved, 1);
    let asked = lines(&source);
    assert_eq!(source.count("GET", Class::Blob), LAYERS + 1 + 2, "{asked}");
    assert_eq!(source.count("", Class::Blob), LAYERS + 1 + 2, "{asked}");
    assert!(source.count("", Class::Manifest) <= 2 * manifests, "{asked}");
    let sent = lines(&target);
    assert!(target.count("", Class::Blob) + target.count("", Class::Upload) <= 3 * blobs, "{sent}");
    assert_eq!(target.count("PUT", Class::Upload), blobs, "{sent}");
    assert!(target.count("", Class::Manifest) <= 3 * manifests, "{sent}");
    assert_eq!(target.count("GET", Class::Blob), 0, "{sent}");

    // The same again.
    let report = transfer(&source, &target, "1.0.0").await;
    assert_eq!(report.totals.versions_present, 1);
    let (asked, sent) = (lines(&source), lines(&target));
    assert_eq!(target.requests().len(), 1, "{sent}");
    // Which versions belong together is told by the descriptor alone.
    assert!(source.count("", Class::Manifest) <= 2 && source.count("", Class::Blob) <= 2, "{asked}");

    // The next version with the same image.
    add(&components(&source), "1.1.0", &image).await;
    transfer(&source, &target, "1.1.0").await;
    let sent = lines(&target);
    assert_eq!(target.count("PUT", Class::Upload), 2, "{sent}");
    assert!(source.requests().iter().all(|request| request.class != Class::Blob || request.sent < 10_000));
}
