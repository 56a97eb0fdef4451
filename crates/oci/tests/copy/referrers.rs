//! What is said about an image goes along.

use std::sync::Arc;

use ocm_blob::Digest;
use ocm_oci::copy::{Options, Referrers};
use ocm_oci::reference::referrers_tag;
use ocm_oci::{Descriptor, Manifest, Repository, Selector, copy, media_type};
use ocm_testkit::{Class, Quirk, fixtures};
use serde_json::json;

use super::rig::{Place, Told, place};

const SBOM: &str = "application/spdx+json";
const SIGNATURE: &str = "application/vnd.example.signature";

fn carrying() -> Options {
    Options { referrers: Referrers::Carry, ..Options::default() }
}

fn cosign(subject: &Digest, end: &str) -> String {
    format!("{}.{end}", referrers_tag(subject))
}

/// An index with a signature and a list of contents, which is signed too; one of its images with both of its own.
struct Signed {
    root: Descriptor,
    child: Descriptor,
    /// Referrers with their subjects.
    referrers: Vec<(Digest, Descriptor)>,
    /// Tags of cosign.
    tagged: Vec<(String, Descriptor)>,
}

async fn signed(source: &dyn Repository) -> Signed {
    let graph = fixtures::index(vec![fixtures::image(1, 100), fixtures::image_with(1, 1, 100)]);
    graph.push(source, None).await.unwrap();
    let (root, child) = (graph.root().clone(), graph.manifests[0].descriptor());
    let mut referrers = Vec::new();
    for subject in [&root, &child] {
        let sbom = fixtures::referrer(subject, SBOM, "a list");
        let signature = fixtures::referrer(subject, SIGNATURE, "a signature");
        let about = fixtures::referrer(sbom.root(), SIGNATURE, "a signature of a list");
        for (graph, subject) in [(&sbom, subject), (&signature, subject), (&about, sbom.root())] {
            graph.push(source, None).await.unwrap();
            referrers.push((subject.digest.clone(), graph.root().clone()));
        }
    }
    let mut tagged = Vec::new();
    for (seed, subject, end) in [(10, &root, "sig"), (11, &child, "att"), (12, &child, "sbom")] {
        let graph = fixtures::image_with(seed, 1, 50);
        let tag = cosign(&subject.digest, end);
        graph.push(source, Some(&tag)).await.unwrap();
        tagged.push((tag, graph.root().clone()));
    }
    // The list of contents of the child is signed by cosign too.
    let graph = fixtures::image_with(13, 1, 50);
    let tag = cosign(&tagged[2].1.digest, "sig");
    graph.push(source, Some(&tag)).await.unwrap();
    tagged.push((tag, graph.root().clone()));
    Signed { root, child, referrers, tagged }
}

async fn arrived(signed: &Signed, target: &Arc<dyn Repository>) {
    for (subject, referrer) in &signed.referrers {
        let listed = target.referrers(subject).await.unwrap();
        let row = listed.iter().find(|row| row.digest == referrer.digest).expect("a row for the referrer");
        assert!(row.artifact_type.is_some() && row.annotation("org.opencontainers.image.title") == Some("referrer"));
        assert!(target.manifest(&referrer.digest.clone().into()).await.is_ok());
    }
    for (tag, manifest) in &signed.tagged {
        let found = target.resolve(&Selector::Tag(tag.clone())).await.unwrap().expect("the tag of cosign");
        assert_eq!(found.digest, manifest.digest);
    }
}

fn quirks(with_interface: bool) -> &'static [Quirk] {
    if with_interface { &[] } else { &[Quirk::NoReferrers] }
}

#[tokio::test]
async fn with_and_without_the_interface_on_both_sides() {
    for (source_has, target_has) in [(true, true), (true, false), (false, true), (false, false)] {
        let (from, to) = (place(quirks(source_has)), place(quirks(target_has)));
        let signed = signed(from.repository("a").as_ref()).await;
        let target = to.repository("b");
        let copied = copy::graph_to(&from.afresh("a"), std::slice::from_ref(&target), &signed.root, &carrying()).await;
        let copied = copied.into_iter().next().unwrap().unwrap();
        assert_eq!(copied.referrers as usize, signed.referrers.len() + signed.tagged.len());
        arrived(&signed, &to.afresh("b")).await;
        subjects_come_first(&to, &signed);
        let has_tag = to.afresh("b").tags().await.unwrap().contains(&referrers_tag(&signed.child.digest));
        assert_eq!(has_tag, !target_has, "the tag stands in for the interface where there is none");

        // Again: nothing is sent, nothing is written.
        to.registry.forget();
        let again = copy::graph_to(&from.afresh("a"), &[to.afresh("b")], &signed.root, &carrying()).await;
        assert_eq!(again[0].as_ref().unwrap().referrers, 0);
        assert!(to.registry.requests().iter().all(|request| matches!(request.method.as_str(), "GET" | "HEAD")));
    }
}

fn subjects_come_first(to: &Place, signed: &Signed) {
    let puts: Vec<String> = to
        .registry
        .requests()
        .into_iter()
        .filter(|request| request.class == Class::Manifest && request.method == "PUT")
        .map(|request| request.path)
        .collect();
    let position = |digest: &Digest| puts.iter().position(|path| path.ends_with(&digest.to_string())).unwrap();
    for (subject, referrer) in &signed.referrers {
        assert!(position(subject) < position(&referrer.digest));
    }
}

#[tokio::test]
async fn without_being_asked_nothing_goes_along() {
    let (from, to) = (place(&[]), place(&[]));
    let signed = signed(from.repository("a").as_ref()).await;
    from.registry.forget();
    copy::graph(&from.repository("a"), &to.repository("b"), &signed.root, &Options::default()).await.unwrap();
    assert_eq!(from.registry.count("", Class::Referrers), 0);
    assert!(to.repository("b").tags().await.unwrap_or_default().is_empty());
}

#[tokio::test]
async fn a_signature_made_later_comes_with_a_root_that_is_there() {
    let (from, to) = (place(&[]), place(&[]));
    let graph = fixtures::image(1, 100);
    let source = from.repository("a");
    graph.push(source.as_ref(), None).await.unwrap();
    copy::graph(&source, &to.repository("b"), graph.root(), &carrying()).await.unwrap();
    let signature = fixtures::referrer(graph.root(), SIGNATURE, "later");
    signature.push(source.as_ref(), None).await.unwrap();
    copy::graph(&source, &to.repository("b"), graph.root(), &carrying()).await.unwrap();
    assert_eq!(to.afresh("b").referrers(&graph.root().digest).await.unwrap()[0].digest, signature.root().digest);
}

#[tokio::test]
async fn lists_that_lie_are_not_believed() {
    // A list that names what says nothing about the subject, something that is gone, and the subject itself.
    let (from, to) = (place(&[Quirk::NoReferrers]), place(&[]));
    let source = from.repository("a");
    let (graph, other) = (fixtures::image(1, 100), fixtures::image_with(1, 1, 100));
    graph.push(source.as_ref(), None).await.unwrap();
    other.push(source.as_ref(), None).await.unwrap();
    let real = fixtures::referrer(graph.root(), SIGNATURE, "real");
    real.push(source.as_ref(), None).await.unwrap();
    let gone = Descriptor::new(media_type::MANIFEST, Digest::of("gone"), 4);
    let rows = json!([other.root(), gone, graph.root(), real.root()]);
    let list = json!({ "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": rows });
    // Past the server, which would not take it.
    let store = ocm_oci::Registry::repository(from.registry.store(), "a");
    let list = Manifest::new(media_type::INDEX, list.to_string());
    store.push_manifest(&list, Some(&referrers_tag(&graph.root().digest))).await.unwrap();

    let told = Arc::new(Told::default());
    let options = Options { observer: told.clone(), ..carrying() };
    let copied = copy::graph_to(&source, &[to.repository("b")], graph.root(), &options).await;
    assert_eq!(copied[0].as_ref().unwrap().referrers, 1);
    assert!(to.repository("b").resolve(&other.root().digest.clone().into()).await.unwrap().is_none());
    assert!(
        told.all().contains(&format!("{} is listed as a referrer but is not there", gone.digest)),
        "{}",
        told.all()
    );
    assert!(told.all().contains(&format!("{} is listed as a referrer of", other.root().digest)), "{}", told.all());
}

#[tokio::test]
async fn a_chain_without_end_is_cut() {
    let (from, to) = (place(&[]), place(&[]));
    let source = from.repository("a");
    let graph = fixtures::image(1, 10);
    graph.push(source.as_ref(), None).await.unwrap();
    let mut subject = graph.root().clone();
    for number in 0..12 {
        let next = fixtures::referrer(&subject, SIGNATURE, &number.to_string());
        next.push(source.as_ref(), None).await.unwrap();
        subject = next.root().clone();
    }
    let copied = copy::graph_to(&source, &[to.repository("b")], graph.root(), &carrying()).await;
    let error = copied[0].as_ref().unwrap_err().to_string();
    assert!(error.contains("nested more than 8 levels deep"), "{error}");
}

#[tokio::test]
async fn signatures_that_only_the_target_has_stay() {
    let (from, to) = (place(&[]), place(&[]));
    let (source, target) = (from.repository("a"), to.repository("b"));
    let graph = fixtures::image(1, 10);
    graph.push(source.as_ref(), None).await.unwrap();
    let tag = cosign(&graph.root().digest, "sig");
    let (ours, theirs) = (fixtures::image_with(5, 1, 50), fixtures::image_with(6, 1, 50));
    ours.push(source.as_ref(), Some(&tag)).await.unwrap();
    theirs.push(target.as_ref(), Some(&tag)).await.unwrap();
    let told = Arc::new(Told::default());
    let options = Options { observer: told.clone(), ..carrying() };
    copy::graph(&source, &target, graph.root(), &options).await.unwrap();
    let kept = target.resolve(&Selector::Tag(tag.clone())).await.unwrap().unwrap();
    assert_eq!(kept.digest, theirs.root().digest);
    assert!(told.all().contains("stays as it is"), "{}", told.all());

    // Where the source has all of it and more, the source is newer.
    let more = fixtures::image_with(5, 2, 50);
    ours.push(target.as_ref(), Some(&tag)).await.unwrap();
    more.push(source.as_ref(), Some(&tag)).await.unwrap();
    let alone = Options { session: copy::Session::default(), ..carrying() };
    copy::graph(&source, &target, graph.root(), &alone).await.unwrap();
    let now = target.resolve(&Selector::Tag(tag)).await.unwrap().unwrap();
    assert_eq!(now.digest, more.root().digest);
}
