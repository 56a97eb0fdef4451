//! What registries are known for: with default settings, everything that can be stored goes there and comes back, and
//! where it cannot, the message says what to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use ocm_blob::{Blob, ByteStream, Digest, MemoryBlob, read_to_end};
use ocm_http::{Addresses, Client, Resolver, Retry, Settings};
use ocm_oci::{
    Anonymous, Authenticator, Credentials, Descriptor, Document, Endpoint, Kind, Manifest, Pushed, Registry as _,
    RemoteRegistry, Repository, Selector, media_type,
};
use ocm_testkit::fixtures::{self, Graph};
use ocm_testkit::{Class, Fault, Origin, Quirk, TestRegistry};

use super::scripted::With;

/// The settings everybody has, but waits of a test's length.
fn settings() -> Settings {
    Settings { retry: Retry { min_wait: Duration::from_millis(5), ..Retry::default() }, ..Settings::default() }
}

fn connect(registry: &TestRegistry, who: Arc<dyn Authenticator>) -> RemoteRegistry {
    let (endpoint, _) = Endpoint::parse(&registry.url()).unwrap();
    RemoteRegistry::new(Client::new(settings()), endpoint, "", who)
}

fn me() -> Arc<dyn Authenticator> {
    Arc::new(With(Credentials::Basic { username: "user".into(), password: "secret".into() }))
}

fn token() -> Quirk {
    let user = Some(("user".to_owned(), "secret".to_owned()));
    Quirk::Token { lifetime: Duration::from_mins(5), user }
}

fn basic() -> Quirk {
    Quirk::Basic { user: "user".into(), password: "secret".into() }
}

/// An index of two images, and something that is said about it.
fn product() -> (Graph, Graph) {
    let index = fixtures::index(vec![fixtures::image(2, 60_000), fixtures::image_with(1, 1, 10)]);
    let signature = fixtures::referrer(index.root(), "application/vnd.example.signature", "signed");
    (index, signature)
}

/// Everything below a manifest, read and checked.
async fn pull(repository: &dyn Repository, root: &Descriptor) -> (Vec<Manifest>, BTreeMap<Digest, Bytes>) {
    let (mut manifests, mut blobs) = (Vec::new(), BTreeMap::new());
    let mut wanted = vec![root.clone()];
    while let Some(descriptor) = wanted.pop() {
        let manifest = repository.manifest(&Selector::Digest(descriptor.digest)).await.unwrap();
        let document = manifest.document().unwrap();
        wanted.extend(document.manifests().iter().cloned());
        for blob in document.blobs() {
            let stream = repository.blob(&blob.digest, 0).await.unwrap();
            let content = read_to_end(stream, blob.size, "blob").await.unwrap();
            blobs.insert(blob.digest.clone(), content);
        }
        manifests.push(manifest);
    }
    (manifests, blobs)
}

/// Pushes a product with one client and pulls it with another.
async fn there_and_back(registry: &TestRegistry, who: &Arc<dyn Authenticator>) {
    let (index, signature) = product();
    let repository = connect(registry, who.clone()).repository("acme/product");
    index.push(repository.as_ref(), Some("v1")).await.unwrap();
    signature.push(repository.as_ref(), None).await.unwrap();

    let repository = connect(registry, who.clone()).repository("acme/product");
    let found = repository.resolve(&Selector::parse("v1")).await.unwrap().unwrap();
    assert_eq!(found, *index.root());
    let (manifests, blobs) = pull(repository.as_ref(), &found).await;
    assert_eq!((manifests.len(), blobs.len()), (3, 5));
    let tags = repository.tags().await.unwrap();
    assert!(tags.contains(&"v1".to_owned()), "{tags:?}");
    let referrers = repository.referrers(&index.root().digest).await.unwrap();
    assert_eq!(referrers.iter().map(|one| &one.digest).collect::<Vec<_>>(), [&signature.root().digest]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_registry_takes_a_product_and_gives_it_back() {
    let acme = || vec!["acme/product".to_owned()];
    let types = || vec![media_type::CONFIG.to_owned(), media_type::EMPTY.to_owned()];
    let registries: Vec<(&str, Arc<dyn Authenticator>, Vec<Quirk>)> = vec![
        (
            "Docker Hub",
            me(),
            vec![token(), Quirk::TokensElsewhere, Quirk::NoReferrers, Quirk::Metered(100), Quirk::RedirectBlobs],
        ),
        (
            "GHCR",
            me(),
            vec![token(), Quirk::NoReferrers, Quirk::LastChunkOnly, Quirk::RequestsPerSecond(15), Quirk::RedirectBlobs],
        ),
        (
            "ECR",
            me(),
            vec![
                basic(),
                Quirk::RepositoryMustExist(acme()),
                Quirk::ImmutableTags,
                Quirk::NoMount,
                Quirk::TagsPage(100),
            ],
        ),
        ("ECR with a template", me(), vec![basic(), Quirk::MadeOnPush, Quirk::ImmutableTags, Quirk::NoMount]),
        (
            "ACR",
            Arc::new(With(Credentials::RefreshToken("refresh".into()))),
            vec![token(), Quirk::TokenExchange("refresh".into()), Quirk::LargestRequest(20_000_000)],
        ),
        ("GAR", me(), vec![token(), Quirk::NoChunks, Quirk::NoMount, Quirk::NoNestedIndex]),
        (
            "Quay",
            me(),
            vec![token(), Quirk::AllowedTypes(types()), Quirk::StrictIndexes, Quirk::TagsPage(50), Quirk::OpaquePages],
        ),
        (
            "Harbor",
            me(),
            vec![token(), Quirk::SubjectFirst, Quirk::Projects(vec!["acme".into()]), Quirk::ImmutableTags],
        ),
        ("Artifactory", me(), vec![basic(), Quirk::DigestTags, Quirk::TagsPage(1), Quirk::OpaquePages, Quirk::NoRange]),
        ("zot", Arc::new(Anonymous), vec![Quirk::NoDockerTypes]),
        ("distribution", Arc::new(Anonymous), vec![Quirk::MissingBlobBreaks, Quirk::NoReferrers, Quirk::NoDelete]),
        ("Nexus", me(), vec![basic(), Quirk::NoDigestHeader, Quirk::NoReferrers, Quirk::AbsoluteLocation]),
        (
            "none known",
            Arc::new(Anonymous),
            vec![Quirk::NoSinglePost, Quirk::LocationParameter, Quirk::ChunkMinimum(1 << 20)],
        ),
    ];
    for (name, who, quirks) in registries {
        eprintln!("{name}");
        let registry = TestRegistry::start().unwrap();
        for quirk in quirks {
            registry.set(quirk);
        }
        there_and_back(&registry, &who).await;
        // No registry gets anything twice.
        let sent: u64 = registry
            .requests()
            .iter()
            .filter(|request| request.class == Class::Upload)
            .map(|request| request.received)
            .sum();
        let (index, signature) = product();
        let whole: usize = index.blobs.iter().chain(&signature.blobs).map(Bytes::len).sum();
        assert_eq!(sent, whole as u64, "{name}");
    }
}

/// Content that does not tell its size.
struct Endless(Bytes);

#[async_trait]
impl Blob for Endless {
    fn size(&self) -> Option<u64> {
        None
    }

    fn digest(&self) -> Option<Digest> {
        None
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        let parts: Vec<_> = self.0.chunks(1 << 20).map(Bytes::copy_from_slice).collect();
        Ok(Box::pin(futures_util::stream::iter(parts.into_iter().map(Ok))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_are_made_smaller_where_they_break() {
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::LargestRequest(20_000_000));
    let content = fixtures::bytes(7, 24 << 20);
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    let (known, how) = repository.push_blob(&MemoryBlob::new(content.clone())).await.unwrap();
    assert_eq!((known.size, how), (content.len() as u64, Pushed::Sent));
    let other = fixtures::bytes(8, 24 << 20);
    let (unknown, _) = repository.push_blob(&Endless(other.clone())).await.unwrap();
    assert_eq!(unknown.digest, Digest::of(&other));
}

/// GHCR keeps one chunk of several; nothing is sent in several unless a registry asks for it.
#[tokio::test]
async fn content_of_unknown_size_is_one_chunk() {
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::LastChunkOnly);
    let content = fixtures::bytes(7, 3 << 20);
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    assert_eq!(repository.push_blob(&Endless(content.clone())).await.unwrap().0.digest, Digest::of(&content));
    assert_eq!(registry.count("PATCH", Class::Upload), 1);
}

/// Answers 500 for what is not there, as old versions of distribution do: once more for the first blob, in case it was only
/// not well, and never again.
#[tokio::test]
async fn blobs_that_break_the_question_are_pushed_at_once() {
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::MissingBlobBreaks);
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    for content in ["one", "two", "three", "four"] {
        assert_eq!(repository.push_blob(&MemoryBlob::new(content)).await.unwrap().1, Pushed::Sent);
    }
    assert_eq!(registry.count("HEAD", Class::Blob), 5);
}

/// Some proxies let `HEAD` through for manifests only.
#[tokio::test]
async fn blobs_are_pushed_and_measured_without_head() {
    let registry = TestRegistry::start().unwrap();
    registry.fault(Fault::status(405).of("HEAD", Class::Blob));
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    let digests: Vec<Digest> = ["one", "three"].map(Digest::of).into();
    for content in ["one", "three"] {
        assert_eq!(repository.push_blob(&MemoryBlob::new(content)).await.unwrap().1, Pushed::Sent);
    }
    assert_eq!(registry.count("HEAD", Class::Blob), 1, "it is known after the first one");
    let reader = connect(&registry, Arc::new(Anonymous)).repository("a");
    assert_eq!(reader.blob_size(&digests[0]).await.unwrap(), Some(3));
    assert_eq!(reader.blob_size(&digests[1]).await.unwrap(), Some(5));
    assert_eq!(reader.blob_size(&Digest::of("none")).await.unwrap(), None);
}

/// Others refuse it with 403, as if it were a matter of rights.
#[tokio::test]
async fn blobs_are_pushed_and_measured_where_head_is_forbidden() {
    let registry = TestRegistry::start().unwrap();
    registry.fault(Fault::status(403).of("HEAD", Class::Blob));
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    assert_eq!(repository.push_blob(&MemoryBlob::new("one")).await.unwrap().1, Pushed::Sent);
    let again = connect(&registry, Arc::new(Anonymous)).repository("a");
    assert_eq!(again.push_blob(&MemoryBlob::new("one")).await.unwrap().1, Pushed::Present);
    assert_eq!(again.blob_size(&Digest::of("one")).await.unwrap(), Some(3));
    assert_eq!(again.blob_size(&Digest::of("none")).await.unwrap(), None);
}

/// Storage that lost the end of a blob still answers for it: what is sent again takes its place.
#[tokio::test]
async fn a_blob_of_another_size_is_not_there() {
    let registry = TestRegistry::start().unwrap();
    registry.store().repository("a").push_blob(&MemoryBlob::new("one")).await.unwrap();
    registry.fault(Fault::length(-1).of("HEAD", Class::Blob));
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    let (descriptor, how) = repository.push_blob(&MemoryBlob::new("one")).await.unwrap();
    assert_eq!((descriptor.size, how), (3, Pushed::Sent));

    // Whoever asked before knows it no better, nor does whoever failed to send it.
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    assert_eq!(repository.blob_size(&Digest::of("one")).await.unwrap(), Some(2));
    registry.fault(Fault::status(400).of("PUT", Class::Upload).once());
    repository.push_blob(&MemoryBlob::new("one")).await.unwrap_err();
    assert_eq!(repository.push_blob(&MemoryBlob::new("one")).await.unwrap().1, Pushed::Sent);
}

#[tokio::test]
async fn a_repository_in_the_making_is_waited_for_and_a_missing_one_not_for_long() {
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::MadeOnPush);
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    repository.push_blob(&MemoryBlob::new("x")).await.unwrap();
    assert_eq!(registry.count("POST", Class::Upload), 2);
    registry.reset();
    registry.set(Quirk::RepositoryMustExist(Vec::new()));
    let error = repository.push_blob(&MemoryBlob::new("y")).await.unwrap_err();
    assert_eq!((error.kind(), registry.count("POST", Class::Upload)), (Kind::NotFound, 3), "{error}");
}

#[tokio::test]
async fn reading_that_is_counted_is_avoided() {
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::Metered(1));
    let image = fixtures::image(1, 10);
    let client = connect(&registry, Arc::new(Anonymous));
    let repository = client.repository("a");
    image.push(repository.as_ref(), Some("v1")).await.unwrap();
    for _ in 0..5 {
        assert_eq!(repository.resolve(&Selector::parse("v1")).await.unwrap().unwrap(), *image.root());
        assert_eq!(repository.resolve(&Selector::parse("v2")).await.unwrap(), None);
    }
    assert_eq!(registry.count("GET", Class::Manifest), 0);
    repository.manifest(&Selector::parse("v1")).await.unwrap();
    let error = repository.manifest(&Selector::parse("v1")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("You have reached your pull rate limit."), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_counts_seconds_refuses_few() {
    let registry = TestRegistry::start().unwrap();
    let store = registry.store().repository("a");
    let digests: Vec<Digest> = futures_util::future::join_all((0..200).map(|number| {
        let store = store.clone();
        async move { store.push_blob(&MemoryBlob::new(format!("{number}"))).await.unwrap().0.digest }
    }))
    .await;
    registry.set(Quirk::RequestsPerSecond(50));
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    let begin = Instant::now();
    let sizes = futures_util::future::join_all(digests.iter().map(|digest| repository.blob_size(digest))).await;
    assert!(sizes.into_iter().all(|size| size.unwrap().is_some()));
    let refused = registry.requests().iter().filter(|request| request.status == 429).count();
    assert!(refused <= 20, "{refused} refused");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn when_to_come_again_may_be_a_date() {
    let registry = TestRegistry::start().unwrap();
    let later = std::time::SystemTime::now() + Duration::from_secs(2);
    registry.fault(Fault::status(429).retry_at(later).once());
    let begin = Instant::now();
    connect(&registry, Arc::new(Anonymous)).repository("a").tags().await.unwrap();
    // A date has whole seconds.
    assert!((900..4000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    assert_eq!(registry.requests().len(), 2);
}

/// What a registry refuses for a while is not refused for its size, and hours are waited for by nobody.
#[tokio::test]
async fn an_upload_that_has_to_wait_stays_as_it_is() {
    for status in [429, 503] {
        let registry = TestRegistry::start().unwrap();
        registry.fault(Fault::status(status).of("PUT", Class::Upload).times(4));
        let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
        repository.push_blob(&MemoryBlob::new(fixtures::bytes(7, 100_000))).await.unwrap();
        let sent =
            |registry: &TestRegistry| ["POST", "PUT", "PATCH"].map(|method| registry.count(method, Class::Upload));
        assert_eq!(sent(&registry), [1, 5, 0], "{status}");
        registry.reset();
        registry.fault(Fault::status(status).retry_after(Duration::from_hours(1)).of("PUT", Class::Upload));
        let error = repository.push_blob(&MemoryBlob::new(fixtures::bytes(8, 100_000))).await.unwrap_err();
        assert_eq!((error.kind(), sent(&registry)), (Kind::Unavailable, [1, 1, 0]), "{error}");
    }
}

/// Knows every host: this machine.
#[derive(Debug)]
struct Here;

impl Resolver for Here {
    fn addresses(&self, _host: &str) -> Addresses {
        Box::pin(async { Ok(vec![std::net::Ipv4Addr::LOCALHOST.into()]) })
    }
}

#[tokio::test]
async fn the_command_that_makes_a_repository_is_in_the_message() {
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::RepositoryMustExist(vec!["there".into()]));
    let port = registry.address().rsplit(':').next().unwrap().to_owned();
    let push = async |host: &str, name: &str| {
        let client = Client::new(Settings { resolver: Some(Arc::new(Here)), ..settings() });
        let (endpoint, _) = Endpoint::parse(&format!("http://{host}:{port}")).unwrap();
        let remote = RemoteRegistry::new(client, endpoint, "", Arc::new(Anonymous));
        remote.repository(name).push_blob(&MemoryBlob::new("x")).await.map(|_| ())
    };
    let error = push("123456789012.dkr.ecr.eu-central-1.amazonaws.com", "acme/product").await.unwrap_err();
    let command =
        "aws ecr create-repository --repository-name acme/product --region eu-central-1 --registry-id 123456789012";
    assert!(error.to_string().contains(command), "{error}");
    assert!(error.to_string().contains("NAME_UNKNOWN"), "{error}");
    let error = push("registry.example", "acme/product").await.unwrap_err();
    assert!(error.to_string().contains("the repository acme/product, or the project acme"), "{error}");
    push("registry.example", "there").await.unwrap();
}

#[tokio::test]
async fn a_type_that_is_refused_is_named() {
    let registry = TestRegistry::start().unwrap();
    let repository = connect(&registry, Arc::new(Anonymous)).repository("a");
    let (index, signature) = product();
    index.push(repository.as_ref(), None).await.unwrap();
    signature.push(repository.as_ref(), None).await.unwrap();
    let docker = Manifest::new(
        media_type::DOCKER_LIST,
        format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::DOCKER_LIST),
    );
    let nested = Manifest::write(
        &serde_json::json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": [index.root()] }),
        media_type::INDEX,
    )
    .unwrap();
    let mut listed = index.root().clone();
    listed.media_type = media_type::DOCKER_MANIFEST.to_owned();
    let mixed = Manifest::write(
        &serde_json::json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": [listed] }),
        media_type::INDEX,
    )
    .unwrap();
    let signature = signature.manifests.last().unwrap();
    for (quirk, manifest, says) in [
        (Quirk::NoDockerTypes, &docker, [media_type::DOCKER_LIST, "docker2s2"]),
        (Quirk::NoNestedIndex, &nested, [media_type::INDEX, "no index within an index"]),
        (Quirk::StrictIndexes, &mixed, [media_type::INDEX, "manifests of Docker's types"]),
        (
            Quirk::AllowedTypes(vec![media_type::CONFIG.into()]),
            signature,
            ["vnd.example.signature", "allowed types only"],
        ),
    ] {
        registry.reset();
        registry.set(quirk);
        let error = repository.push_manifest(manifest, None).await.unwrap_err();
        assert!(says.iter().all(|says| error.to_string().contains(says)), "{error}");
        assert_eq!(registry.count("PUT", Class::Manifest), 1);
    }
}

#[tokio::test]
async fn tags_and_projects_that_are_closed() {
    let registry = TestRegistry::start().unwrap();
    let repository = connect(&registry, Arc::new(Anonymous)).repository("acme/a");
    let (one, other) = (fixtures::image(1, 10), fixtures::image_with(1, 1, 10));
    one.push(repository.as_ref(), Some("v1")).await.unwrap();
    registry.set(Quirk::ImmutableTags);
    one.push(repository.as_ref(), Some("v1")).await.unwrap();
    let error = other.push(repository.as_ref(), Some("v1")).await.unwrap_err();
    assert!(error.to_string().contains("the tag is immutable"), "{error}");
    assert!(error.to_string().contains("choose another name or version"), "{error}");
    registry.set(Quirk::Projects(vec!["other".into()]));
    let error = connect(&registry, me()).repository("acme/b").push_blob(&MemoryBlob::new("y")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    // The first question is a `HEAD`, whose answer cannot say why.
    assert!(error.to_string().contains("403") && error.to_string().contains("project acme not found"), "{error}");
    let error = connect(&registry, me()).repository("acme/b").tags().await.unwrap_err();
    assert!(error.to_string().contains("project acme not found"), "{error}");
    registry.reset();
    registry.set(Quirk::NoDelete);
    let error = repository.delete_manifest(&Selector::Digest(one.root().digest.clone())).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported);
}

#[tokio::test]
async fn lists_with_opaque_pages_and_entries_that_are_no_tags() {
    let registry = TestRegistry::start().unwrap();
    let image = fixtures::image(1, 10);
    for number in 0..7 {
        image.push(registry.store().repository("a").as_ref(), Some(&format!("v{number}"))).await.unwrap();
    }
    for quirk in [Quirk::TagsPage(2), Quirk::OpaquePages, Quirk::DigestTags] {
        registry.set(quirk);
    }
    let tags = connect(&registry, Arc::new(Anonymous)).repository("a").tags().await.unwrap();
    // One of the odd entries has the form of a tag.
    assert_eq!(tags, ["sha256__0123", "v0", "v1", "v2", "v3", "v4", "v5", "v6"]);
    assert!(registry.requests().iter().any(|request| request.path.contains("next_page=")));
}

/// A tunnel that hangs in the middle of a blob, and one that hangs before the answer.
#[tokio::test]
async fn what_hangs_is_cut_and_taken_up_again() {
    let registry = TestRegistry::start().unwrap();
    let content = fixtures::bytes(3, 400_000);
    registry.store().repository("a").push_blob(&MemoryBlob::new(content.clone())).await.unwrap();
    let repository = connect_in_a_hurry(&registry).repository("a");
    registry.fault(Fault::stall(100_000).of("GET", Class::Blob).once());
    let stream = repository.blob(&Digest::of(&content), 0).await.unwrap();
    assert_eq!(read_to_end(stream, 1 << 20, "blob").await.unwrap(), content);
    let sent: u64 = registry.requests().iter().map(|request| request.sent).sum();
    assert_eq!((registry.requests().len(), sent), (2, 400_000));
    registry.reset();
    registry.fault(Fault::stall(0).once());
    assert_eq!(repository.tags().await.unwrap(), Vec::<String>::new());
    assert_eq!(registry.requests().len(), 2);
}

/// A proxy that keeps a blob back for longer than the client bears silence, every time.
#[tokio::test]
async fn what_is_held_back_gets_more_time() {
    let registry = TestRegistry::start().unwrap();
    let content = fixtures::bytes(3, 400_000);
    registry.store().repository("a").push_blob(&MemoryBlob::new(content.clone())).await.unwrap();
    registry.fault(Fault::held(Duration::from_millis(700)).of("GET", Class::Blob));
    let stream = connect_in_a_hurry(&registry).repository("a").blob(&Digest::of(&content), 0).await.unwrap();
    assert_eq!(read_to_end(stream, 1 << 20, "blob").await.unwrap(), content);
}

fn connect_in_a_hurry(registry: &TestRegistry) -> RemoteRegistry {
    let short = Duration::from_millis(250);
    let settings = settings();
    let timeouts = ocm_http::Timeouts { stall: short, answer: short, connect: short, ..settings.timeouts };
    let (endpoint, _) = Endpoint::parse(&registry.url()).unwrap();
    RemoteRegistry::new(Client::new(Settings { timeouts, ..settings }), endpoint, "", Arc::new(Anonymous))
}

/// ACR's other way: the refresh token is a password.
#[tokio::test]
async fn a_refresh_token_may_be_a_password_and_the_service_elsewhere() {
    let registry = TestRegistry::start().unwrap();
    let user = ("00000000-0000-0000-0000-000000000000".to_owned(), "refresh".to_owned());
    let who = Credentials::Basic { username: user.0.clone(), password: user.1.clone() };
    registry.set(Quirk::Token { lifetime: Duration::from_mins(1), user: Some(user) });
    registry.set(Quirk::TokensElsewhere);
    let repository = connect(&registry, Arc::new(With(who))).repository("a");
    fixtures::image(1, 10).push(repository.as_ref(), Some("v1")).await.unwrap();
    let tokens: Vec<_> = registry.requests().into_iter().filter(|request| request.class == Class::Token).collect();
    assert!(tokens.iter().all(|request| request.origin == Origin::Storage && request.authorized));
    // One for reading what is there, one for writing.
    assert!(tokens.len() <= 2, "{tokens:?}");
    assert!(matches!(repository.manifest(&Selector::parse("v1")).await.unwrap().document(), Ok(Document::Image(_))));
}
