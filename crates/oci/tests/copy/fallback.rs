//! The tag that stands in for the referrers interface.

use futures_util::future::join_all;
use ocm_oci::Selector;
use ocm_oci::reference::referrers_tag;
use ocm_testkit::{Quirk, fixtures};

use super::rig::{client, place};

#[tokio::test]
async fn no_row_of_many_writers_is_lost() {
    let place = place(&[Quirk::NoReferrers]);
    let graph = fixtures::image(1, 10);
    graph.push(place.repository("a").as_ref(), None).await.unwrap();
    let writers = (0..8).map(|number| {
        // Each one is another program.
        let writer = client(&place.registry).remote_repository("a");
        let subject = graph.root().clone();
        async move {
            let referrer = fixtures::referrer(&subject, "application/vnd.example", &format!("writer {number}"));
            referrer.push(&writer, None).await.unwrap();
        }
    });
    join_all(writers).await;
    let rows = place.afresh("a").referrers(&graph.root().digest).await.unwrap();
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|row| row.artifact_type.as_deref() == Some("application/vnd.example")));
}

#[tokio::test]
async fn a_row_goes_with_its_manifest() {
    let place = place(&[Quirk::NoReferrers]);
    let graph = fixtures::image(1, 10);
    let repository = place.repository("a");
    graph.push(repository.as_ref(), None).await.unwrap();
    let subject = &graph.root().digest;
    let referrers = ["one", "two"].map(|content| fixtures::referrer(graph.root(), "application/vnd.example", content));
    for referrer in &referrers {
        referrer.push(repository.as_ref(), None).await.unwrap();
    }
    assert_eq!(repository.referrers(subject).await.unwrap().len(), 2);
    assert!(repository.delete_manifest(&referrers[0].root().digest.clone().into()).await.unwrap());
    let left = place.afresh("a").referrers(subject).await.unwrap();
    assert_eq!(left.iter().map(|row| &row.digest).collect::<Vec<_>>(), [&referrers[1].root().digest]);
    assert!(repository.delete_manifest(&referrers[1].root().digest.clone().into()).await.unwrap());
    assert!(place.afresh("a").referrers(subject).await.unwrap().is_empty());
    assert!(!repository.delete_manifest(&referrers[1].root().digest.clone().into()).await.unwrap());
}

#[tokio::test]
async fn a_registry_with_the_interface_gets_no_tag() {
    let place = place(&[]);
    let graph = fixtures::image(1, 10);
    let repository = place.repository("a");
    graph.push(repository.as_ref(), None).await.unwrap();
    let referrer = fixtures::referrer(graph.root(), "application/vnd.example", "one");
    referrer.push(repository.as_ref(), None).await.unwrap();
    assert!(repository.delete_manifest(&referrer.root().digest.clone().into()).await.unwrap());
    let tag = Selector::Tag(referrers_tag(&graph.root().digest));
    assert!(repository.resolve(&tag).await.unwrap().is_none());
}
