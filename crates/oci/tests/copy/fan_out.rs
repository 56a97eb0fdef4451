//! One source, several targets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ocm_blob::{Digest, read_to_end};
use ocm_oci::{Kind, MemoryRegistry, Registry as _, Repository, Selector, copy};
use ocm_testkit::{Class, Fault, Quirk, fixtures};

use super::rig::place;

const MIB: usize = 1 << 20;

async fn holds(repository: &Arc<dyn Repository>, graph: &fixtures::Graph) {
    for manifest in &graph.manifests {
        let found = repository.manifest(&Selector::Digest(manifest.digest().clone())).await.unwrap();
        assert_eq!(found.bytes(), manifest.bytes());
    }
    for blob in &graph.blobs {
        let stream = repository.blob(&Digest::of(blob), 0).await.unwrap();
        assert_eq!(read_to_end(stream, 64 << 20, "blob").await.unwrap(), *blob);
    }
}

#[tokio::test]
async fn each_blob_is_read_once_for_all_targets() {
    let (from, one, two) = (place(&[]), place(&[]), place(&[]));
    let memory = MemoryRegistry::new().repository("a");
    let graph = fixtures::index(vec![fixtures::image(2, MIB), fixtures::image_with(1, 2, MIB)]);
    let source = from.repository("a");
    graph.push(source.as_ref(), None).await.unwrap();
    from.registry.forget();
    let targets = [one.repository("b"), two.repository("c/d"), memory];
    let copied = copy::graph_to(&source, &targets, graph.root(), &copy::Options::default()).await;
    for (target, copied) in targets.iter().zip(copied) {
        let copied = copied.unwrap();
        assert_eq!((copied.form, &copied.root), (copy::Form::Whole, graph.root()));
        assert_eq!(copied.outcome.sent_bytes, graph.size());
        holds(target, &graph).await;
    }
    assert!(from.readings().values().all(|count| *count == 1), "{:?}", from.readings());
    assert_eq!(from.registry.count("GET", Class::Blob), graph.blobs.len());
    assert_eq!(from.registry.count("GET", Class::Manifest), 3);
    assert_eq!(from.total(), graph.blobs.len() + 3, "one request for each blob and manifest");
    let blobs = graph.blobs.iter().map(bytes::Bytes::len).sum::<usize>() as u64;
    for target in [&one, &two] {
        assert_eq!(target.written(), blobs);
    }
}

#[tokio::test]
async fn a_new_blob_costs_each_target_three_requests_and_a_present_root_one() {
    let (from, one, two) = (place(&[]), place(&[]), place(&[]));
    let graph = fixtures::image(3, 1000);
    graph.push(from.repository("a").as_ref(), None).await.unwrap();
    from.registry.forget();
    let targets = [one.repository("b"), two.repository("b")];
    let copied = copy::graph_to(&from.repository("a"), &targets, graph.root(), &copy::Options::default()).await;
    assert!(copied.iter().all(Result::is_ok));
    // The root is asked for and stored, each blob asked for, begun and sent.
    for target in [&one, &two] {
        assert_eq!(target.total(), 2 + 3 * graph.blobs.len());
        target.registry.forget();
    }
    from.registry.forget();
    let targets = [one.afresh("b"), two.afresh("b")];
    let copied = copy::graph_to(&from.afresh("a"), &targets, graph.root(), &copy::Options::default()).await;
    assert!(copied.iter().all(|copied| copied.as_ref().unwrap().outcome.sent == 0));
    assert_eq!((from.total(), one.total(), two.total()), (0, 1, 1));
    assert_eq!(one.methods(Class::Manifest), ["HEAD"]);
}

#[tokio::test]
async fn a_target_is_sent_only_what_it_lacks() {
    let (from, one, two) = (place(&[]), place(&[]), place(&[]));
    let graph = fixtures::image(3, 1000);
    graph.push(from.repository("a").as_ref(), None).await.unwrap();
    let some = fixtures::image(2, 1000);
    some.push(one.afresh("b").as_ref(), None).await.unwrap();
    from.registry.forget();
    one.registry.forget();
    let targets = [one.repository("b"), two.repository("b")];
    let copied = copy::graph_to(&from.repository("a"), &targets, graph.root(), &copy::Options::default()).await;
    // Another configuration and the third layer; the first two layers are the same.
    assert_eq!(copied[0].as_ref().unwrap().outcome.present, 2);
    assert_eq!(one.registry.count("PUT", Class::Upload), 2);
    assert_eq!(two.registry.count("PUT", Class::Upload), 4);
    assert!(from.readings().values().all(|count| *count == 1));
}

#[tokio::test]
async fn a_target_that_fails_leaves_the_others_alone() {
    let (from, bad, good) = (place(&[]), place(&[]), place(&[]));
    let graph = fixtures::image(3, 4 * MIB);
    graph.push(from.repository("a").as_ref(), None).await.unwrap();
    from.registry.forget();
    bad.registry.fault(Fault::status(403).of("PUT", Class::Upload));
    let targets = [bad.repository("b"), good.repository("b")];
    let copied = copy::graph_to(&from.repository("a"), &targets, graph.root(), &copy::Options::default()).await;
    let error = copied[0].as_ref().unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    assert!(error.to_string().starts_with(&format!("target {}/b", bad.registry.address())), "{error}");
    assert!(copied[1].is_ok());
    holds(&targets[1], &graph).await;
    assert!(from.readings().values().all(|count| *count == 1), "{:?}", from.readings());
    // Nothing of what failed is visible.
    assert!(bad.repository("b").resolve(&graph.root().digest.clone().into()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_broken_upload_reads_again_for_its_own_target_only() {
    let (from, broken, good) = (place(&[]), place(&[]), place(&[]));
    let graph = fixtures::image(1, 8 * MIB);
    graph.push(from.repository("a").as_ref(), None).await.unwrap();
    from.registry.forget();
    broken.registry.fault(Fault::cut(2 << 20).of("PUT", Class::Upload).once());
    let targets = [broken.repository("b"), good.repository("b")];
    let options = copy::Options { concurrency: 1, ..copy::Options::default() };
    let wanted = layer(&graph);
    let copied = copy::blobs_to(&from.repository("a"), &targets, vec![wanted.clone()], &options).await;
    for (target, copied) in targets.iter().zip(copied) {
        assert_eq!(copied.unwrap().sent, 1);
        let stream = target.blob(&wanted.digest, 0).await.unwrap();
        assert_eq!(read_to_end(stream, 64 << 20, "blob").await.unwrap(), graph.blobs[1]);
    }
    assert_eq!(good.written(), 8 << 20);
    assert_eq!(from.registry.count("GET", Class::Blob), 2, "once for both, once more for the broken one");
}

/// The only layer of an image.
fn layer(graph: &fixtures::Graph) -> ocm_oci::Descriptor {
    let content = &graph.blobs[1];
    ocm_oci::Descriptor::new(fixtures::LAYER, Digest::of(content), content.len() as u64)
}

#[tokio::test]
async fn a_source_that_breaks_off_is_named_for_every_target() {
    let (from, one, two) = (place(&[]), place(&[]), place(&[]));
    let graph = fixtures::image(1, 4 * MIB);
    graph.push(from.repository("a").as_ref(), None).await.unwrap();
    from.registry.fault(Fault::corrupt().of("GET", Class::Blob));
    let targets = [one.repository("b"), two.repository("b")];
    let options = copy::Options::default();
    let copied = copy::blobs_to(&from.repository("a"), &targets, vec![layer(&graph)], &options).await;
    for (copied, target) in copied.into_iter().zip([&one, &two]) {
        let error = copied.unwrap_err().to_string();
        assert!(error.starts_with(&format!("source {}/a@sha256:", from.registry.address())), "{error}");
        assert!(!target.registry.requests().iter().any(|request| request.method == "PUT" && request.status == 201));
    }
}

#[tokio::test]
async fn the_slow_target_sets_the_pace_and_nothing_piles_up() {
    let (from, fast, slow) = (place(&[]), place(&[]), place(&[]));
    let graph = fixtures::image(1, 2 * MIB);
    graph.push(from.repository("a").as_ref(), None).await.unwrap();
    slow.registry.set(Quirk::SlowUploads(Duration::from_millis(5)));
    let targets = [fast.repository("b"), slow.repository("b")];
    let begun = Instant::now();
    let copied = copy::graph_to(&from.repository("a"), &targets, graph.root(), &copy::Options::default()).await;
    assert!(copied.iter().all(Result::is_ok));
    assert!(begun.elapsed() < Duration::from_secs(30));
    holds(&targets[0], &graph).await;
    holds(&targets[1], &graph).await;
}

#[tokio::test]
async fn many_copies_with_the_same_targets_in_other_orders_end() {
    let (from, one, two) = (place(&[]), place(&[]), place(&[]));
    let source = from.repository("a");
    let graphs: Vec<_> = (0..12).map(|seed| fixtures::image_with(seed % 4, 4, 300_000)).collect();
    for graph in &graphs {
        graph.push(source.as_ref(), None).await.unwrap();
    }
    from.registry.forget();
    let options = copy::Options::default();
    let copies = graphs.iter().enumerate().map(|(number, graph)| {
        let mut targets = vec![one.repository("b"), two.repository("b"), one.repository("c")];
        targets.rotate_left(number % 3);
        let (source, options) = (source.clone(), options.clone());
        async move { copy::graph_to(&source, &targets, graph.root(), &options).await }
    });
    let all = tokio::time::timeout(Duration::from_mins(1), futures_util::future::join_all(copies)).await.unwrap();
    assert!(all.iter().flatten().all(Result::is_ok));
    assert!(from.readings().values().all(|count| *count == 1), "{:?}", from.readings());
}

#[test]
fn a_copy_can_move_between_threads() {
    fn is_send<T: Send>(_: T) {}
    let source: Arc<dyn Repository> = MemoryRegistry::new().repository("a");
    let graph = fixtures::image(1, 1);
    let (targets, options) = ([source.clone()], copy::Options::default());
    is_send(copy::graph_to(&source, &targets, graph.root(), &options));
    is_send(copy::blobs_to(&source, &targets, Vec::new(), &options));
}
