//! The same transfer once more, and another one after it: what is there is neither looked at again nor in the way.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use async_trait::async_trait;
use ocm_access::Sources;
use ocm_http::{Client, Settings};
use ocm_model::{Descriptor, DigestSpec, Resource, TypedObject, digest::HashAlgorithm};
use ocm_oci::{
    Anonymous, Document, Endpoint, Error, ImageReference, Manifest, Registry as _, RemoteRegistry, Repository,
    Selector, copy::Referrers, media_type,
};
use ocm_repository::{ComponentRepository, NewVersion};
use ocm_testkit::{Class, Quirk, Request, TestRegistry, fixtures};
use ocm_transfer::{AccessStyle, CopyMode, Options, Report, UploadAs, VersionAction, execute, prepare};
use serde_json::json;

const NAME: &str = "acme.org/app";

fn remote(endpoint: Endpoint) -> RemoteRegistry {
    RemoteRegistry::new(Client::new(Settings::default()), endpoint, "", Arc::new(Anonymous))
}

fn at(registry: &TestRegistry) -> RemoteRegistry {
    remote(Endpoint::parse(&registry.url()).unwrap().0)
}

/// Component versions, seen by a client that knows nothing of the registry yet.
fn components(registry: &TestRegistry) -> ComponentRepository {
    ComponentRepository::new(Arc::new(at(registry)), "")
}

struct Images;

#[async_trait]
impl Sources for Images {
    async fn repository(&self, reference: &ImageReference) -> Result<Arc<dyn Repository>, Error> {
        Ok(remote(reference.endpoint()?).repository(&reference.repository()))
    }
}

/// A component version that refers to images for two platforms, as `add` leaves it: with their digests.
async fn with_images(source: &TestRegistry, count: u64) {
    let mut descriptor = Descriptor::default();
    descriptor.component.name = NAME.into();
    descriptor.component.version = "1.0.0".into();
    descriptor.component.provider.name = "acme.org".into();
    for number in 0..count {
        let repository = at(source).repository(&format!("acme/app{number}"));
        let both = fixtures::index(vec![
            fixtures::image_with(number * 2 + 1, 1, 100),
            fixtures::image_with(number * 2 + 2, 1, 100),
        ]);
        both.push(repository.as_ref(), None).await.unwrap();
        let Document::Index(mut index) = both.manifests.last().unwrap().document().unwrap() else { unreachable!() };
        for (row, architecture) in index.manifests.iter_mut().zip(["amd64", "arm64"]) {
            row.platform = Some(serde_json::from_value(json!({"os": "linux", "architecture": architecture})).unwrap());
        }
        let index = Manifest::write(&index, media_type::INDEX).unwrap();
        repository.push_manifest(&index, Some("1")).await.unwrap();
        let image = format!("{}/acme/app{number}:1@{}", source.url(), index.digest());
        descriptor.component.resources.push(Resource {
            name: format!("image{number}"),
            version: "1.0.0".into(),
            kind: "ociImage".into(),
            relation: "external".into(),
            access: TypedObject::new("ociArtifact").with("imageReference", image),
            digest: Some(DigestSpec::new(HashAlgorithm::Sha256, "ociArtifactDigest/v1", index.digest().hex())),
            ..Resource::default()
        });
    }
    let place = components(source);
    let staged = place.stage(&NewVersion { descriptor, ..NewVersion::default() }).await.unwrap();
    place.publish(vec![staged]).await.unwrap();
}

async fn transfer(source: &TestRegistry, target: &TestRegistry, options: &Options) -> Report {
    source.forget();
    target.forget();
    let version = Arc::new(components(source).get(NAME, "1.0.0").await.unwrap());
    let to = components(target);
    let prepared = prepare(vec![version], vec![(to.address(), Ok(to.clone()))], &Images, options).await.unwrap();
    let (report, failure) = execute(&prepared, options).await;
    assert!(failure.is_none(), "{failure:?}");
    report
}

fn lines(registry: &TestRegistry) -> String {
    let line = |request: Request| format!("{} {} {}", request.method, request.path, request.status);
    registry.requests().into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn all(upload_as: UploadAs) -> Options {
    Options { copy: CopyMode::AllResources, upload_as, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn accesses_that_were_rewritten_cost_no_more_than_others() {
    let source = TestRegistry::start().unwrap();
    with_images(&source, 10).await;
    let absolute = Options { access_style: AccessStyle::Absolute, ..all(UploadAs::OciArtifact) };
    for (name, options, most) in [
        ("relative", all(UploadAs::OciArtifact), 2),
        ("absolute", absolute, 2),
        // Images inside of a component version make an index of it, which tells all there is to know.
        ("embedded", all(UploadAs::LocalBlob), 1),
    ] {
        let target = TestRegistry::start().unwrap();
        let first = transfer(&source, &target, &options).await;
        assert_eq!(first.versions[0].action, VersionAction::Transfer, "{name}");
        let again = transfer(&source, &target, &options).await;
        assert_eq!(again.versions[0].action, VersionAction::Present, "{name}");
        let (asked, sent) = (lines(&source), lines(&target));
        assert!(source.requests().len() <= 2, "{name}: {asked}");
        assert!(target.requests().len() <= most, "{name}: {sent}");
    }
}

/// Which platforms of the first image there are.
async fn platforms(target: &TestRegistry) -> usize {
    let version = components(target).get(NAME, "1.0.0").await.unwrap();
    let content = version.content();
    let access = &version.descriptor.component.resources[0].access;
    let digest = access.text("localReference").unwrap().parse::<ocm_blob::Digest>().unwrap();
    let Document::Index(index) = content.manifest(&digest.into()).await.unwrap().document().unwrap() else {
        unreachable!()
    };
    let mut there = 0;
    for row in &index.manifests {
        there += usize::from(content.resolve(&row.digest.clone().into()).await.unwrap().is_some());
    }
    there
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_transferred_in_part_is_completed_by_the_next_one() {
    let source = TestRegistry::start().unwrap();
    with_images(&source, 2).await;
    for (name, quirks) in [("sparse", vec![Quirk::SparseIndexes]), ("derived", vec![])] {
        let target = TestRegistry::start().unwrap();
        for quirk in quirks {
            target.set(quirk);
        }
        let whole = all(UploadAs::LocalBlob);
        let limited = Options { platforms: vec!["linux/arm64".parse().unwrap()], ..whole.clone() };
        transfer(&source, &target, &limited).await;
        assert_eq!(platforms(&target).await, 1, "{name}");
        // The same part is there, and no conflict although an index of its own has another digest.
        let again = transfer(&source, &target, &limited).await;
        assert_eq!(again.versions[0].action, VersionAction::Present, "{name}");
        assert_eq!(target.count("PUT", Class::Manifest), 0, "{name}: {}", lines(&target));

        let rest = transfer(&source, &target, &whole).await;
        assert_eq!(rest.versions[0].action, VersionAction::Update, "{name}");
        assert_eq!(platforms(&target).await, 2, "{name}");
        for options in [&whole, &limited] {
            let done = transfer(&source, &target, options).await;
            assert_eq!(done.versions[0].action, VersionAction::Present, "{name}");
        }
        // What is whole is what it would have been at once.
        let at_once = TestRegistry::start().unwrap();
        transfer(&source, &at_once, &whole).await;
        let [one, other] = [&target, &at_once].map(components);
        let roots = (one.root(NAME, "1.0.0").await.unwrap(), other.root(NAME, "1.0.0").await.unwrap());
        assert_eq!(roots.0, roots.1, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_for_what_is_said_about_images_writes_nothing_where_there_is_nothing_new() {
    let source = TestRegistry::start().unwrap();
    with_images(&source, 1).await;
    let image = at(&source).repository("acme/app0");
    let root = image.resolve(&Selector::Tag("1".into())).await.unwrap().unwrap();
    fixtures::referrer(&root, "application/vnd.example.signature", "first").push(image.as_ref(), None).await.unwrap();
    for upload_as in [UploadAs::LocalBlob, UploadAs::OciArtifact] {
        let target = TestRegistry::start().unwrap();
        let options = Options { referrers: Referrers::Carry, ..all(upload_as) };
        transfer(&source, &target, &options).await;
        let again = transfer(&source, &target, &options).await;
        assert_eq!(again.versions[0].action, VersionAction::Present);
        assert_eq!((again.totals.versions_present, again.totals.items_moved), (1, 0));
        let written = |registry: &TestRegistry| {
            ["PUT", "POST", "PATCH"]
                .map(|method| registry.count(method, Class::Manifest) + registry.count(method, Class::Upload))
        };
        assert_eq!(written(&target), [0, 0, 0], "{}", lines(&target));

        // What came meanwhile goes along, without the component version.
        let later = format!("later {upload_as:?}");
        fixtures::referrer(&root, "application/vnd.example.signature", &later)
            .push(image.as_ref(), None)
            .await
            .unwrap();
        let more = transfer(&source, &target, &options).await;
        assert_eq!((more.versions[0].action, more.totals.versions_moved), (VersionAction::Update, 1));
        assert_eq!(target.count("PUT", Class::Manifest), 1, "{}", lines(&target));
    }
}
