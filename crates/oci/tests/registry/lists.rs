//! Lists that come in pages.

use super::scripted::{Server, answer};
use ocm_blob::Digest;
use ocm_oci::{Kind, Registry as _, Repository as _, media_type};

#[tokio::test]
async fn all_pages_of_a_list() {
    let server = Server::start(|asked| {
        let host = asked.header("host");
        let last = asked.target.split_once("last=").map(|(_, last)| last.to_owned());
        let (tags, link) = match last.as_deref() {
            None => (r#"["v2","sha256:abc"]"#, Some("</v2/a/tags/list?odd&last=v2>; rel=\"next\"".to_owned())),
            Some("v2") => (r#"["v1"]"#, Some(format!("<http://{host}/v2/a/tags/list?last=v1>; rel=next"))),
            Some("v1") => ("null", None),
            other => panic!("{other:?}"),
        };
        let link = link.unwrap_or_default();
        let headers = [("link", link.as_str())];
        let body = format!(r#"{{"name":"a","tags":{tags}}}"#);
        answer(200, if link.is_empty() { &[] } else { &headers }, body)
    })
    .await;
    assert_eq!(server.registry().repository("a").tags().await.unwrap(), ["v1", "v2"]);
    assert!(server.lines().contains("GET /v2/a/tags/list?odd&last=v2\n"));
}

#[tokio::test]
async fn a_list_does_not_lead_elsewhere_and_ends() {
    let other = Server::start(|_| answer(200, &[], r#"{"tags":["stolen"]}"#)).await;
    let elsewhere = other.address.clone();
    let server = Server::start(move |asked| {
        let (_, rest) = asked.target.split_once("/v2/").unwrap();
        let number: usize = rest.rsplit('=').next().unwrap().parse().unwrap();
        let link = match rest.split('/').next().unwrap() {
            "foreign" => format!("http://{elsewhere}/v2/foreign/tags/list"),
            "path" => "/v2/other/tags/list".to_owned(),
            "circle" => asked.target.clone(),
            _ => format!("/v2/endless/tags/list?n={}", number + 1),
        };
        answer(200, &[("link", &format!("<{link}>; rel=\"next\""))], r#"{"tags":["v1"]}"#)
    })
    .await;
    for (name, kind, says) in [
        ("foreign", Kind::Denied, "leads away"),
        ("path", Kind::Denied, "not part of the list"),
        ("circle", Kind::Invalid, "already read"),
        ("endless", Kind::Invalid, "more than 20 pages"),
    ] {
        let error = server.registry().repository(name).tags().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_registry_need_not_list_its_repositories() {
    let server = Server::start(|_| answer(404, &[], "")).await;
    assert_eq!(server.registry().repositories().await.unwrap_err().kind(), Kind::Unsupported);
    let server = Server::start(|_| answer(200, &[], r#"{"repositories":["b/c","a","b/a"]}"#)).await;
    assert_eq!(server.registry().repositories().await.unwrap(), ["a", "b/a", "b/c"]);
    assert_eq!(server.registry().below("b").repositories().await.unwrap(), ["a", "c"]);
}

#[tokio::test]
async fn referrers_from_the_interface_or_the_tag() {
    let subject = Digest::of("subject");
    let entry = format!(
        r#"{{"mediaType":"{}","digest":"{}","size":1,"artifactType":"t"}}"#,
        media_type::MANIFEST,
        Digest::of("r")
    );
    let list = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{entry}]}}"#, media_type::INDEX);
    let (index, shown) = (("content-type", media_type::INDEX), list.clone());
    let server = Server::start(move |asked| {
        if asked.target.contains("/referrers/") { answer(200, &[index], shown.clone()) } else { answer(404, &[], "") }
    })
    .await;
    let repository = server.registry().remote_repository("a");
    assert_eq!(repository.referrers(&subject).await.unwrap().len(), 1);
    assert_eq!(repository.referrers_of_type(&subject, Some("t")).await.unwrap().len(), 1);
    assert_eq!(repository.referrers_of_type(&subject, Some("other")).await.unwrap().len(), 0);

    let server = Server::start(move |asked| {
        if asked.target.contains("/manifests/sha256-") {
            answer(200, &[index], list.clone())
        } else {
            answer(404, &[], "")
        }
    })
    .await;
    let repository = server.registry().repository("a");
    assert_eq!(repository.referrers(&subject).await.unwrap().len(), 1);
    assert_eq!(repository.referrers(&subject).await.unwrap().len(), 1);
    // That there is no interface is found out once.
    assert_eq!(server.asked().iter().filter(|asked| asked.target.contains("/referrers/")).count(), 1);
}
