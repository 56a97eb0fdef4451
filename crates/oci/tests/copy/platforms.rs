//! Some platforms of an image.

use std::sync::Arc;

use ocm_oci::copy::{Form, Options, PlatformChoice, Referrers};
use ocm_oci::{
    Descriptor, Document, Kind, Manifest, MemoryRegistry, Registry as _, Repository, Selector, copy, media_type,
};
use ocm_testkit::{Class, Quirk, fixtures};
use serde_json::json;

use super::rig::{Told, place};

/// An index of two platforms with an attestation each, and its rows.
async fn image(source: &dyn Repository) -> (Descriptor, Vec<Descriptor>) {
    let mut rows = Vec::new();
    for (seed, architecture) in [(1, "amd64"), (2, "arm64")] {
        let graph = fixtures::image_with(seed, 2, 1000);
        graph.push(source, None).await.unwrap();
        let mut row = json!(graph.root());
        row["platform"] = json!({ "os": "linux", "architecture": architecture });
        rows.push(row);
    }
    for seed in [3, 4] {
        let graph = fixtures::image_with(seed, 1, 100);
        graph.push(source, None).await.unwrap();
        let mut row = json!(graph.root());
        row["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
        row["annotations"] = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": rows[seed as usize - 3]["digest"],
        });
        rows.push(row);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": rows });
    let index = Manifest::new(media_type::INDEX, index.to_string());
    source.push_manifest(&index, None).await.unwrap();
    let Document::Index(document) = index.document().unwrap() else { panic!("an index") };
    (index.descriptor(), document.manifests)
}

/// A signature of an index is none of another one, which somebody who asked for signatures has to know.
#[tokio::test]
async fn what_is_said_about_an_index_that_gave_way_to_another_one_is_named() {
    let (from, sparse, strict) = (place(&[]), place(&[Quirk::SparseIndexes]), place(&[]));
    let (root, rows) = image(from.repository("a").as_ref()).await;
    let about = |subject: &Descriptor| fixtures::referrer(subject, "application/vnd.example.signature", "a signature");
    for subject in [&root, &rows[1]] {
        about(subject).push(from.repository("a").as_ref(), None).await.unwrap();
    }
    let targets = [sparse.repository("b"), strict.repository("b")];
    for _ in 0..2 {
        let told = Arc::new(Told::default());
        let options = Options { referrers: Referrers::Carry, observer: told.clone(), ..only(&["linux/arm64"]) };
        let copied = copy::graph_to(&from.repository("a"), &targets, &root, &options).await;
        assert!(copied.iter().all(Result::is_ok), "{copied:?}");
        let expected = format!(
            "1 statement(s) about {} stay behind: {} has an index of the chosen platforms in its place",
            root.digest,
            targets[1].address()
        );
        assert_eq!(told.all(), expected);
    }
    for (target, carried) in [(&targets[0], [true, true]), (&targets[1], [false, true])] {
        let signatures = [about(&root).root().clone(), about(&rows[1]).root().clone()];
        assert_eq!(there(target, &signatures).await, carried);
    }
}

fn only(platforms: &[&str]) -> Options {
    let platforms = platforms.iter().map(|text| text.parse::<PlatformChoice>().unwrap()).collect();
    Options { platforms, ..Options::default() }
}

async fn there(target: &Arc<dyn Repository>, rows: &[Descriptor]) -> Vec<bool> {
    let mut there = Vec::new();
    for row in rows {
        there.push(target.resolve(&row.digest.clone().into()).await.unwrap().is_some());
    }
    there
}

#[tokio::test]
async fn each_target_gets_what_it_takes_and_only_what_was_chosen() {
    let (from, sparse, strict) = (place(&[]), place(&[Quirk::SparseIndexes]), place(&[]));
    let (root, rows) = image(from.repository("a").as_ref()).await;
    from.registry.forget();
    let memory = MemoryRegistry::new().repository("a");
    let targets = [memory, sparse.repository("b"), strict.repository("b")];
    let options = only(&["linux/arm64"]);
    let copied = copy::graph_to(&from.repository("a"), &targets, &root, &options).await;
    let copied: Vec<_> = copied.into_iter().map(Result::unwrap).collect();
    assert_eq!(forms(&copied), [Form::Sparse, Form::Sparse, Form::Derived]);
    for target in &targets {
        assert_eq!(there(target, &rows).await, [false, true, false, true], "{}", target.address());
    }
    assert!(copied[..2].iter().all(|copied| copied.root == root));
    let derived = targets[2].manifest(&copied[2].root.digest.clone().into()).await.unwrap();
    let Document::Index(document) = derived.document().unwrap() else { panic!("an index") };
    assert_eq!(document.manifests, [rows[1].clone(), rows[3].clone()]);
    assert_eq!(document.annotations.unwrap()[copy::DERIVED_FROM], root.digest.to_string());
    // Nothing of the other platform was even looked at.
    assert_eq!(from.registry.count("GET", Class::Manifest), 4, "the index twice, the image, its attestation");

    // The same again moves nothing, and gives the same.
    let options = only(&["linux/arm64"]);
    let again = copy::graph_to(&from.repository("a"), &targets, &root, &options).await;
    for (again, copied) in again.into_iter().zip(&copied) {
        let again = again.unwrap();
        assert_eq!((again.form, &again.root), (copied.form, &copied.root));
        assert!(again.outcome.sent <= 1, "at most the index is written again");
    }
}

fn forms(copied: &[copy::Copied]) -> Vec<Form> {
    copied.iter().map(|copied| copied.form).collect()
}

#[tokio::test]
async fn what_was_left_out_comes_with_the_next_copy() {
    let (from, to) = (place(&[]), place(&[Quirk::SparseIndexes]));
    let (root, rows) = image(from.repository("a").as_ref()).await;
    for target in [to.repository("b"), MemoryRegistry::new().repository("a")] {
        copy::graph_to(&from.repository("a"), std::slice::from_ref(&target), &root, &only(&["linux/amd64"])).await;
        assert_eq!(there(&target, &rows).await, [true, false, true, false]);
        let all =
            copy::graph_to(&from.repository("a"), std::slice::from_ref(&target), &root, &Options::default()).await;
        assert_eq!(all[0].as_ref().unwrap().form, Form::Whole);
        assert_eq!(there(&target, &rows).await, [true; 4]);
    }
}

#[tokio::test]
async fn an_index_that_is_not_complete_is_passed_on_as_it_is() {
    // A transport archive of one platform, on its way from one registry to the next.
    let (from, sparse, strict) = (place(&[]), place(&[Quirk::SparseIndexes]), place(&[]));
    let (root, rows) = image(from.repository("a").as_ref()).await;
    let archive = MemoryRegistry::new().repository("a");
    copy::graph_to(&from.repository("a"), std::slice::from_ref(&archive), &root, &only(&["linux/amd64"])).await;
    let targets = [sparse.repository("b"), strict.repository("b")];
    let copied = copy::graph_to(&archive, &targets, &root, &Options::default()).await;
    let whole = copied[0].as_ref().unwrap();
    assert_eq!((whole.form, &whole.root), (Form::Sparse, &root));
    assert_eq!(there(&targets[0], &rows).await, [true, false, true, false]);
    let error = copied[1].as_ref().unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().contains(&format!("does not have {} and 1 more", rows[1].digest)), "{error}");
    // Chosen, what is there is enough for everybody.
    let copied = copy::graph_to(&archive, &targets[1..], &root, &only(&["linux/amd64"])).await;
    assert_eq!(forms(&[copied.into_iter().next().unwrap().unwrap()]), [Form::Derived]);

    let copied = copy::graph_to(&archive, &targets[1..], &root, &only(&["linux/arm64"])).await;
    assert!(copied[0].as_ref().unwrap_err().to_string().contains("was chosen, but"), "{copied:?}");

    // What is missing in a registry without anybody having said so is missing.
    let store = ocm_oci::Registry::repository(from.registry.store(), "a");
    store.delete_manifest(&rows[0].digest.clone().into()).await.unwrap();
    let copied = copy::graph_to(&from.repository("a"), &[strict.repository("c")], &root, &Options::default()).await;
    let error = copied[0].as_ref().unwrap_err();
    assert!(error.kind() == Kind::NotFound && error.to_string().starts_with("source "), "{error}");
}

#[tokio::test]
async fn a_complete_index_costs_two_requests_and_a_choice_of_it_no_more() {
    let (from, to) = (place(&[]), place(&[]));
    let (root, _) = image(from.repository("a").as_ref()).await;
    copy::graph(&from.repository("a"), &to.repository("b"), &root, &Options::default()).await.unwrap();
    for options in [Options::default(), only(&["linux/amd64"])] {
        from.registry.forget();
        to.registry.forget();
        let copied = copy::graph_to(&from.afresh("a"), &[to.afresh("b")], &root, &options).await;
        assert_eq!(copied[0].as_ref().unwrap().form, Form::Whole);
        assert_eq!((from.total(), to.total()), (0, 2));
    }
}

#[tokio::test]
async fn all_platforms_and_images_without_are_copied_whole() {
    let from = place(&[]);
    let source = from.repository("a");
    let (root, _) = image(source.as_ref()).await;
    let single = fixtures::image(1, 10);
    single.push(source.as_ref(), None).await.unwrap();
    let to = MemoryRegistry::new();
    for (number, root) in [root, single.root().clone()].iter().enumerate() {
        let options = only(&["linux/amd64", "linux/arm64"]);
        let copied = copy::graph_to(&source, &[to.repository(&format!("r{number}"))], root, &options).await;
        assert_eq!(copied[0].as_ref().unwrap().form, Form::Whole);
    }
}

#[tokio::test]
async fn a_platform_that_is_not_there_is_an_error_that_says_what_is() {
    let from = place(&[]);
    let (root, _) = image(from.repository("a").as_ref()).await;
    let target = MemoryRegistry::new().repository("a");
    let copied =
        copy::graph_to(&from.repository("a"), std::slice::from_ref(&target), &root, &only(&["linux/s390x"])).await;
    let error = copied[0].as_ref().unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(error.to_string().contains("is not there for linux/s390x; it is for linux/amd64, linux/arm64"), "{error}");
    assert!(target.resolve(&Selector::Digest(root.digest)).await.unwrap().is_none());
}
