//! How many requests a transfer from registry to registry makes: each one is a round trip around the world.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use async_trait::async_trait;
use ocm_access::Sources;
use ocm_http::{Client, Settings};
use ocm_model::{Descriptor, Resource, TypedObject};
use ocm_oci::{Anonymous, Endpoint, Error, ImageReference, Kind, RemoteRegistry, Repository};
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion};
use ocm_testkit::fixtures::{self, Graph};
use ocm_testkit::{Class, Fault, Request, TestRegistry};
use ocm_transfer::{ItemOutcome, Options, Report, execute, prepare};

const NAME: &str = "acme.org/image";
const LAYERS: usize = 8;

/// No image lies outside of its component version here.
struct NoImages;

#[async_trait]
impl Sources for NoImages {
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
    add_images(place, NAME, version, std::slice::from_ref(image)).await;
}

async fn add_images(place: &ComponentRepository, component: &str, version: &str, images: &[Graph]) {
    let mut descriptor = Descriptor::default();
    descriptor.component.name = component.into();
    descriptor.component.version = version.into();
    descriptor.component.provider.name = "acme.org".into();
    for (number, image) in images.iter().enumerate() {
        image.push(place.content(component).as_ref(), None).await.unwrap();
        descriptor.component.resources.push(resource(&format!("image{number}"), version, image));
    }
    let staged = place.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    place.publish(vec![staged]).await.unwrap();
}

fn resource(name: &str, version: &str, image: &Graph) -> Resource {
    Resource {
        name: name.into(),
        version: version.into(),
        kind: "ociImage".into(),
        relation: "local".into(),
        access: TypedObject::new("localBlob/v1")
            .with("localReference", image.root().digest.to_string())
            .with("mediaType", image.root().media_type.as_str()),
        ..Resource::default()
    }
}

async fn transfer(source: &TestRegistry, target: &TestRegistry, version: &str) -> Report {
    source.forget();
    target.forget();
    let (from, to) = (components(source), components(target));
    let found = Arc::new(from.get(NAME, version).await.unwrap());
    run(vec![found], &[to]).await
}

async fn run(versions: Vec<Arc<ComponentVersion>>, targets: &[ComponentRepository]) -> Report {
    let options = Options::default();
    let targets: Vec<_> = targets.iter().map(|target| (target.address(), Ok(target.clone()))).collect();
    let prepared = prepare(versions, targets, &NoImages, &options).await.unwrap();
    let (report, failure) = execute(&prepared, &options).await;
    assert!(failure.is_none(), "{failure:?}");
    report
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
    // The configuration of the component version says nothing that its manifest does not.
    assert_eq!(source.count("GET", Class::Blob), LAYERS + 1 + 1, "{asked}");
    assert_eq!(source.count("", Class::Blob), LAYERS + 1 + 1, "{asked}");
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
    assert!(source.count("", Class::Manifest) <= 2 && source.count("", Class::Blob) <= 1, "{asked}");

    // The next version with the same image.
    add(&components(&source), "1.1.0", &image).await;
    transfer(&source, &target, "1.1.0").await;
    let sent = lines(&target);
    assert_eq!(target.count("PUT", Class::Upload), 2, "{sent}");
    assert!(source.requests().iter().all(|request| request.class != Class::Blob || request.sent < 10_000));
}

/// Components that each have several images; all images have one base in common, and something of their own.
async fn sharing(source: &TestRegistry, components: u64, images: u64) -> Vec<Arc<ComponentVersion>> {
    let place = self::components(source);
    let mut found = Vec::new();
    for number in 0..components {
        let name = format!("acme.org/part{number}");
        let image = |image: u64| {
            let own = fixtures::image_with(1000 + number * images + image, 1, 50);
            fixtures::index(vec![fixtures::image_with(1, BASE, 400), own])
        };
        add_images(&place, &name, "1.0.0", &(0..images).map(image).collect::<Vec<_>>()).await;
        found.push(Arc::new(place.get(&name, "1.0.0").await.unwrap()));
    }
    found
}

/// Layers of the base.
const BASE: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn no_blob_moves_twice_however_many_have_it() {
    const COMPONENTS: u64 = 20;
    const IMAGES: u64 = 10;
    let (source, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let versions = sharing(&source, COMPONENTS, IMAGES).await;
    source.forget();
    target.forget();
    run(versions.clone(), &[components(&target)]).await;

    // The base with its configuration once; a layer and a configuration for each image; descriptor and configuration of
    // each component version.
    let of_images = BASE + 1 + 2 * (COMPONENTS * IMAGES) as usize;
    let blobs = of_images + 2 * COMPONENTS as usize;
    let moved =
        source.requests().iter().filter(|request| request.class == Class::Blob && request.method == "GET").count();
    assert_eq!(moved, of_images, "blobs read");
    assert_eq!(target.count("PUT", Class::Upload), blobs, "blobs sent");
    assert!(source.count("", Class::Blob) <= of_images, "requests for blobs at the source");
    // Every repository but the first one takes the base over from another one.
    let mounts = (COMPONENTS - 1) as usize * (BASE + 1);
    // A question, an upload and its end for each new blob; where another repository has it, one attempt to mount it.
    let asked = target.count("", Class::Blob) + target.count("", Class::Upload);
    assert_eq!(asked, 3 * blobs + mounts, "{}", lines(&target));

    // The same again.
    source.forget();
    target.forget();
    let report = run(versions, &[components(&target)]).await;
    assert_eq!(report.totals.versions_present, COMPONENTS);
    assert!(target.requests().len() <= 2 * COMPONENTS as usize, "{}", lines(&target));
    assert!(source.requests().is_empty(), "{}", lines(&source));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_targets_cost_the_source_as_much_as_one() {
    let source = TestRegistry::start().unwrap();
    let targets = [TestRegistry::start().unwrap(), TestRegistry::start().unwrap(), TestRegistry::start().unwrap()];
    let image = fixtures::image(LAYERS, 10_000);
    add(&components(&source), "1.0.0", &image).await;
    let version = Arc::new(components(&source).get(NAME, "1.0.0").await.unwrap());
    source.forget();
    let report = run(vec![version], &targets.each_ref().map(components)).await;
    assert_eq!(report.totals.versions_moved, 3);
    assert_eq!(source.count("GET", Class::Blob), LAYERS + 1, "{}", lines(&source));
    assert_eq!(source.count("GET", Class::Manifest), 1, "{}", lines(&source));
    for target in &targets {
        assert_eq!(target.count("PUT", Class::Upload), LAYERS + 1 + 2);
        components(target).get(NAME, "1.0.0").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn content_crosses_the_wire_once_for_all_targets_in_one_registry() {
    const VERSIONS: usize = 2;
    let (source, target) = (TestRegistry::start().unwrap(), TestRegistry::start().unwrap());
    let image = fixtures::image(LAYERS, 10_000);
    let mut versions = Vec::new();
    for version in ["1.0.0", "1.1.0"] {
        add(&components(&source), version, &image).await;
        versions.push(Arc::new(components(&source).get(NAME, version).await.unwrap()));
    }
    source.forget();
    let (endpoint, _) = Endpoint::parse(&target.url()).unwrap();
    let registry = Arc::new(RemoteRegistry::new(Client::new(Settings::default()), endpoint, "", Arc::new(Anonymous)));
    let targets = ["first", "second", "third"].map(|path| ComponentRepository::new(registry.clone(), path));
    let report = run(versions, &targets).await;
    assert_eq!(report.totals.versions_moved, 6);
    assert_eq!(source.count("GET", Class::Blob), LAYERS + 1, "{}", lines(&source));
    // The image once; descriptor and configuration of each version are written here, once for each place.
    let own = 2 * VERSIONS * targets.len();
    assert!(target.count("PUT", Class::Upload) <= LAYERS + 1 + own, "{}", lines(&target));
    let sent = target.requests().iter().filter(|request| request.method == "PUT" && request.received >= 10_000).count();
    assert_eq!(sent, LAYERS, "{}", lines(&target));
    for target in &targets {
        target.get(NAME, "1.1.0").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_fails_shows_nothing_and_keeps_nobody() {
    let source = TestRegistry::start().unwrap();
    let [good, bad] = [TestRegistry::start().unwrap(), TestRegistry::start().unwrap()];
    add(&components(&source), "1.0.0", &fixtures::image(2, 1000)).await;
    let version = Arc::new(components(&source).get(NAME, "1.0.0").await.unwrap());
    bad.fault(Fault::status(403).of("PUT", Class::Upload));
    let options = Options::default();
    let targets = [&bad, &good].map(|target| (target.url(), Ok(components(target))));
    let prepared = prepare(vec![version], Vec::from(targets), &NoImages, &options).await.unwrap();
    let (report, failure) = execute(&prepared, &options).await;
    let failure = failure.unwrap();
    assert_eq!(failure.kind(), ocm_transfer::Kind::Incomplete);
    assert!(
        failure.to_string().contains(&bad.address()) && !failure.to_string().contains(&good.address()),
        "{failure}"
    );
    let outcomes: Vec<_> = report.targets.iter().map(|target| target.outcome).collect();
    assert_eq!(outcomes, [ItemOutcome::Failed, ItemOutcome::Transferred]);
    assert_eq!((report.totals.versions_moved, report.totals.versions_failed), (1, 1));
    components(&good).get(NAME, "1.0.0").await.unwrap();
    assert!(components(&bad).get(NAME, "1.0.0").await.is_err());
    assert_eq!(bad.count("PUT", Class::Manifest), 0);
}
