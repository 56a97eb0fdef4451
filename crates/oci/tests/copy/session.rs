//! Copies that know of each other.

use std::time::Duration;

use futures_util::future::join_all;
use ocm_blob::MemoryBlob;
use ocm_oci::copy;
use ocm_testkit::{Class, Fault, Quirk, fixtures};

use super::rig::place;

#[tokio::test]
async fn no_blob_is_read_twice_for_one_registry() {
    let (from, to) = (place(&[]), place(&[]));
    let source = from.repository("a");
    let graph = fixtures::image(4, 500_000);
    graph.push(source.as_ref(), None).await.unwrap();
    from.registry.forget();
    let options = copy::Options::default();
    let names: Vec<String> = (0..8).map(|number| format!("component-{}", number % 4)).collect();
    let copies = names.iter().map(|name| {
        let (source, target, options) = (source.clone(), to.repository(name), options.clone());
        let root = graph.root().clone();
        async move { copy::graph(&source, &target, &root, &options).await }
    });
    for outcome in join_all(copies).await {
        outcome.unwrap();
    }
    let blobs = graph.blobs.len();
    assert_eq!(from.registry.count("GET", Class::Blob), blobs);
    assert!(from.readings().values().all(|count| *count == 1));
    // One repository gets each blob with three requests, the others mount it with one. Two copies into the same
    // repository cost what one does.
    assert_eq!(to.registry.count("PUT", Class::Upload), blobs);
    assert_eq!(to.registry.count("POST", Class::Upload), 4 * blobs);
    assert_eq!(to.registry.count("HEAD", Class::Blob), blobs);
    assert_eq!(to.registry.count("", Class::Manifest), 4 * 2);
}

#[tokio::test]
async fn images_that_are_also_in_an_index_are_stored_once() {
    let (from, to) = (place(&[]), place(&[]));
    let source = from.repository("a");
    let images: Vec<_> = (0..3).map(|seed| fixtures::image_with(seed, 1, 1000)).collect();
    let index = fixtures::index(images.clone());
    index.push(source.as_ref(), None).await.unwrap();
    // Until others have begun too.
    to.registry.fault(Fault::held(Duration::from_millis(50)).of("PUT", Class::Manifest));
    let options = copy::Options::default();
    let roots = images.iter().chain([&index]).map(|graph| graph.root().clone());
    let copies = roots.map(|root| {
        let (source, target, options) = (source.clone(), to.repository("b"), options.clone());
        async move { copy::graph(&source, &target, &root, &options).await.unwrap().sent }
    });
    let sent: u64 = join_all(copies).await.into_iter().sum();
    assert_eq!(to.registry.count("PUT", Class::Manifest), 4);
    // And each config and layer.
    assert_eq!(sent, 4 + 6);
}

#[tokio::test]
async fn where_nothing_can_be_mounted_two_requests_are_enough() {
    let (from, to) = (place(&[]), place(&[Quirk::NoMount]));
    let source = from.repository("a");
    let graph = fixtures::image(1, 1000);
    graph.push(source.as_ref(), None).await.unwrap();
    let options = copy::Options::default();
    copy::graph(&source, &to.repository("one"), graph.root(), &options).await.unwrap();
    to.registry.forget();
    copy::graph(&source, &to.repository("two"), graph.root(), &options).await.unwrap();
    // The refused mount opened the upload.
    assert_eq!((to.registry.count("POST", Class::Upload), to.registry.count("PUT", Class::Upload)), (2, 2));
    assert_eq!(to.registry.count("HEAD", Class::Blob), 0);
}

#[tokio::test]
async fn within_one_registry_nothing_is_moved() {
    let place = place(&[]);
    let graph = fixtures::image(3, 1000);
    graph.push(place.afresh("a").as_ref(), None).await.unwrap();
    place.registry.forget();
    let targets = [place.repository("b"), place.repository("c")];
    let copied = copy::graph_to(&place.repository("a"), &targets, graph.root(), &copy::Options::default()).await;
    assert!(copied.iter().all(|copied| copied.as_ref().unwrap().outcome.sent == 1), "{copied:?}");
    assert_eq!((place.read(), place.written()), (0, 0));
    assert_eq!(place.methods(Class::Upload), vec!["POST"; 2 * graph.blobs.len()]);
}

#[tokio::test]
async fn what_was_copied_in_a_session_is_not_asked_for_again() {
    let (from, to) = (place(&[]), place(&[]));
    let graph = fixtures::image(1, 1000);
    graph.push(from.repository("a").as_ref(), None).await.unwrap();
    let options = copy::Options::default();
    copy::graph(&from.repository("a"), &to.repository("b"), graph.root(), &options).await.unwrap();
    from.registry.forget();
    to.registry.forget();
    copy::graph(&from.repository("a"), &to.repository("b"), graph.root(), &options).await.unwrap();
    assert_eq!((from.total(), to.total()), (0, 0));
    // Other copies know nothing of it, but for the client that has stored it.
    let alone = copy::Options { session: copy::Session::default(), ..options };
    copy::graph(&from.repository("a"), &to.repository("b"), graph.root(), &alone).await.unwrap();
    assert_eq!((from.total(), to.total()), (0, 0));
    let alone = copy::Options { session: copy::Session::default(), ..alone };
    copy::graph(&from.repository("a"), &to.afresh("b"), graph.root(), &alone).await.unwrap();
    assert_eq!((from.total(), to.total()), (0, 1));
}

#[tokio::test]
async fn a_root_that_is_handed_back_is_stored_once_under_its_tag() {
    let (from, to) = (place(&[]), place(&[]));
    let graph = fixtures::index(vec![fixtures::image(1, 1000), fixtures::image_with(1, 1, 1000)]);
    graph.push(from.repository("a").as_ref(), None).await.unwrap();
    let options = copy::Options { root: copy::Root::HandBack, ..copy::Options::default() };
    let target = to.repository("b");
    options.session.assume_absent(target.home(), graph.root().digest.clone());
    let copied = copy::graph_to(&from.afresh("a"), std::slice::from_ref(&target), graph.root(), &options).await;
    let manifest = copied.into_iter().next().unwrap().unwrap().manifest.unwrap();
    assert_eq!(manifest.digest(), &graph.root().digest);
    assert!(to.afresh("b").resolve(&graph.root().digest.clone().into()).await.unwrap().is_none());
    to.registry.forget();
    target.push_manifest(&manifest, Some("1")).await.unwrap();
    assert_eq!(to.methods(Class::Manifest), ["PUT"]);
    assert!(to.afresh("b").resolve(&graph.root().digest.clone().into()).await.unwrap().is_some());
}

/// Waits until something has happened, and fails if it does not.
async fn until(happened: impl Fn() -> bool) {
    for _ in 0..1000 {
        if happened() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen within ten seconds");
}

#[tokio::test]
async fn the_next_blob_is_sent_while_the_registry_stores_the_one_before() {
    let (from, to) = (place(&[]), place(&[]));
    let (source, target) = (from.repository("a"), to.repository("b"));
    let graph = fixtures::image(3, 1000);
    graph.push(source.as_ref(), None).await.unwrap();
    // The first blob that has arrived is never acknowledged.
    to.registry.fault(Fault::stall(0).of("PUT", Class::Upload).once());
    let options = copy::Options { concurrency: 1, ..copy::Options::default() };
    let copying = tokio::spawn(async move { copy::graph(&source, &target, graph.root(), &options).await.map(|_| ()) });
    until(|| to.registry.count("PUT", Class::Upload) >= 2).await;
    copying.abort();
}

#[tokio::test]
async fn uploads_are_opened_ahead_but_content_is_read_in_its_turn() {
    let (from, to) = (place(&[]), place(&[]));
    let (source, target) = (from.repository("a"), to.repository("b"));
    let graph = fixtures::image(3, 1000);
    graph.push(source.as_ref(), None).await.unwrap();
    from.registry.fault(Fault::stall(10).of("GET", Class::Blob).once());
    let options = copy::Options { concurrency: 1, ..copy::Options::default() };
    let copying = tokio::spawn(async move { copy::graph(&source, &target, graph.root(), &options).await.map(|_| ()) });
    until(|| to.registry.count("POST", Class::Upload) >= 2).await;
    assert_eq!(from.registry.count("GET", Class::Blob), 1);
    copying.abort();
}

/// Whoever waited for a place while it has one would wait for ever, and so would all the others.
#[tokio::test]
async fn content_that_is_read_again_has_its_place_among_those_that_are_read() {
    for (what, source, target) in [
        ("refused at its end", None, Fault::status(502).of("PUT", Class::Upload).times(3)),
        ("cut on its way", None, Fault::cut(100).of("PUT", Class::Upload).times(3)),
        (
            "cut at the source",
            Some(Fault::cut(100).of("GET", Class::Blob).times(3)),
            Fault::stall(0).of("GET", Class::Tags),
        ),
    ] {
        let (from, to) = (place(&[]), place(&[]));
        let graph = fixtures::image(3, 100_000);
        graph.push(from.repository("a").as_ref(), None).await.unwrap();
        // One of the targets has a part of it: some content goes to one of them, some to both.
        let known = MemoryBlob::new(graph.blobs[1].clone());
        to.repository("b").push_blob(&known).await.unwrap();
        if let Some(fault) = source {
            from.registry.fault(fault);
        }
        to.registry.fault(target);
        let options = copy::Options { concurrency: 1, ..copy::Options::default() };
        let (source, targets) = (from.repository("a"), [to.repository("b"), to.repository("c")]);
        let copying = copy::graph_to(&source, &targets, graph.root(), &options);
        let copied = tokio::time::timeout(Duration::from_secs(20), copying).await.expect(what);
        assert!(copied.iter().all(Result::is_ok), "{what}: {:?}", copied.into_iter().find_map(Result::err));
    }
}
