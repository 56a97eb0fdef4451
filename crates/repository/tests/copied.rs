//! Images copied into archives: parts of them, and what is said about them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use ocm_oci::copy::{Form, Options, Referrers};
use ocm_oci::{Manifest, MemoryRegistry, Registry, Repository, copy};
use ocm_repository::{Access, Archive};
use ocm_testkit::fixtures;

async fn open(path: &Path) -> Archive {
    Archive::open(path, Access::Create).await.unwrap()
}

/// An index of three variants of linux/amd64, and the place it is in.
async fn source() -> (Arc<dyn Repository>, fixtures::Graph) {
    let images = (0..3).map(|seed| fixtures::image_with(seed, 2, 100_000)).collect();
    let graph = fixtures::index(images);
    let source = MemoryRegistry::new().repository("a");
    graph.push(source.as_ref(), None).await.unwrap();
    (source, graph)
}

async fn there(target: &dyn Repository, manifests: &[Manifest]) -> Vec<bool> {
    let mut there = Vec::new();
    for manifest in manifests {
        there.push(target.resolve(&manifest.digest().clone().into()).await.unwrap().is_some());
    }
    there
}

#[tokio::test]
async fn an_index_is_kept_as_it_is_without_all_it_lists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf");
    let (source, graph) = source().await;
    let archive = open(&path).await;
    let options = Options { platforms: vec!["linux/amd64/v1".parse().unwrap()], ..Options::default() };
    let target = archive.repository("image");
    let copied = copy::graph_to(&source, &[target], graph.root(), &options).await.remove(0).unwrap();
    assert_eq!((copied.form, &copied.root), (Form::Sparse, graph.root()));
    archive.commit().await.unwrap();

    // Whoever opens the archive later finds the index unchanged, and completes it.
    let archive = open(&path).await;
    let target = archive.repository("image");
    assert_eq!(there(target.as_ref(), &graph.manifests).await, [false, true, false, true]);
    let copied = copy::graph_to(&source, std::slice::from_ref(&target), graph.root(), &Options::default())
        .await
        .remove(0)
        .unwrap();
    assert_eq!(copied.form, Form::Whole);
    assert_eq!(there(target.as_ref(), &graph.manifests).await, [true; 4]);
    let again = copy::graph(&source, &target, graph.root(), &Options::default()).await.unwrap();
    assert_eq!(again.sent, 0);
}

#[tokio::test]
async fn what_is_said_about_an_image_goes_in_and_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ctf");
    let (source, graph) = source().await;
    let signature = fixtures::referrer(graph.root(), "application/vnd.example.signature", "signed");
    signature.push(source.as_ref(), None).await.unwrap();
    let options = Options { referrers: Referrers::Carry, ..Options::default() };
    let archive = open(&path).await;
    copy::graph(&source, &archive.repository("image"), graph.root(), &options).await.unwrap();
    archive.commit().await.unwrap();

    let packed = open(&path).await.repository("image");
    let target = MemoryRegistry::new().repository("b");
    let alone = Options { session: copy::Session::default(), ..options };
    let copied = copy::graph_to(&packed, std::slice::from_ref(&target), graph.root(), &alone).await;
    assert_eq!(copied[0].as_ref().unwrap().referrers, 1);
    let listed = target.referrers(&graph.root().digest).await.unwrap();
    assert_eq!(listed.iter().map(|row| &row.digest).collect::<Vec<_>>(), [&signature.root().digest]);
}

#[tokio::test]
async fn a_blob_of_many_components_is_read_once_for_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let (source, graph) = source().await;
    let archive = open(&folder.path().join("ctf")).await;
    let options = Options::default();
    let copies = (0..6).map(|number| {
        let (source, target) = (source.clone(), archive.repository(&format!("component-{number}")));
        let (root, options) = (graph.root().clone(), options.clone());
        tokio::spawn(async move { copy::graph(&source, &target, &root, &options).await.unwrap() })
    });
    let mut all = copy::Outcome::default();
    for copied in copies.collect::<Vec<_>>() {
        all.add(copied.await.unwrap());
    }
    // Six times the manifests, but each blob once.
    let manifests: usize = graph.manifests.iter().map(|manifest| manifest.bytes().len()).sum();
    assert_eq!(all.sent_bytes, graph.size() + 5 * manifests as u64);
    archive.commit().await.unwrap();
    for number in 0..6 {
        let target = archive.repository(&format!("component-{number}"));
        assert_eq!(there(target.as_ref(), &graph.manifests).await, [true; 4]);
    }
}
