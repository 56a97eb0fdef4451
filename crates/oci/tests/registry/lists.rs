//! Lists that come in pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::scripted::{Me, Server, answer, cut};
use ocm_blob::Digest;
use ocm_http::Client;
use ocm_oci::{Anonymous, Endpoint, Kind, Registry as _, RemoteOptions, RemoteRegistry, Repository as _, media_type};

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

/// Lists and tokens are documents like manifests: what breaks off in its middle is asked for again, not for ever.
#[tokio::test]
async fn a_page_that_breaks_off_is_asked_for_again() {
    for (breaks, succeeds) in [(2, true), (usize::MAX, false)] {
        for what in ["/tags/", "/_catalog", "/referrers/", "/token"] {
            let (count, index) = (Arc::new(AtomicUsize::new(0)), ("content-type", media_type::INDEX));
            let server = Server::start(move |asked| {
                let token = asked.target.starts_with("/token");
                if what == "/token" && !token && asked.header("authorization").is_empty() {
                    return answer(401, &[("www-authenticate", "Bearer realm=\"/token\"")], "");
                }
                let body = if token {
                    r#"{"token":"t"}"#.to_owned()
                } else if asked.target.contains("/referrers/") {
                    format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[]}}"#, media_type::INDEX)
                } else {
                    r#"{"tags":["v1"],"repositories":["a"]}"#.to_owned()
                };
                if asked.target.contains(what) && count.fetch_add(1, Ordering::Relaxed) < breaks {
                    let length = body.len().to_string();
                    return answer(200, &[index, ("content-length", &length)], cut(&body.into(), 5));
                }
                answer(200, &[index], body)
            })
            .await;
            let registry = server.registry_for(Me::default());
            let repository = registry.repository("a");
            let result = match what {
                "/_catalog" => registry.repositories().await.map(|names| assert_eq!(names, ["a"])),
                "/referrers/" => repository.referrers(&Digest::of("x")).await.map(|found| assert_eq!(found, [])),
                _ => repository.tags().await.map(|tags| assert_eq!(tags, ["v1"])),
            };
            let times = server.asked().iter().filter(|asked| asked.target.contains(what)).count();
            if succeeds {
                result.unwrap();
                assert_eq!(times, 3, "{what}");
            } else {
                assert_eq!((result.unwrap_err().kind(), times), (Kind::Unavailable, 6), "{what}");
            }
        }
    }
}

/// A page in the middle that is not there does not mean that there is no list, or that it ends there.
#[tokio::test]
async fn a_later_page_that_is_missing_is_not_the_end_of_the_list() {
    for status in [404, 400, 405, 200] {
        let server = Server::start(move |asked| {
            let path = asked.target.split('?').next().unwrap().to_owned();
            if asked.target.contains("last=") {
                return answer(status, &[("content-type", "text/html")], "<html>");
            }
            let headers = [("content-type", media_type::INDEX), ("link", &*format!("<{path}?last=x>; rel=next"))];
            let body = r#"{"schemaVersion":2,"manifests":[],"tags":["v1"],"repositories":["a"]}"#;
            if path.contains("/manifests/") { answer(404, &[], "") } else { answer(200, &headers, body) }
        })
        .await;
        let registry = server.registry();
        let repository = registry.repository("a");
        for (what, result) in [
            ("tags", repository.tags().await.map(|_| ())),
            ("catalog", registry.repositories().await.map(|_| ())),
            ("referrers", repository.referrers(&Digest::of("x")).await.map(|_| ())),
        ] {
            let error = result.expect_err(what);
            assert_eq!(error.kind(), Kind::Invalid, "{what} {status}: {error}");
        }
    }
}

#[tokio::test]
async fn all_pages_of_a_list_together_have_a_limit() {
    let server = Server::start(|asked| {
        let last = asked.target.rsplit('=').next().unwrap().parse::<usize>().unwrap() + 1;
        let link = format!("<{}?last={last}>; rel=\"next\"", asked.target.split('?').next().unwrap());
        let names: Vec<String> = (0..1000).map(|number| format!("\"tag-{last}-{number}\"")).collect();
        let names = names.join(",");
        answer(200, &[("link", &link)], format!(r#"{{"tags":[{names}],"repositories":[{names}]}}"#))
    })
    .await;
    let options = RemoteOptions { list_limit: 100_000, ..RemoteOptions::default() };
    let (endpoint, _) = Endpoint::parse(&format!("http://{}", server.address)).unwrap();
    let registry = RemoteRegistry::with_options(Client::default(), endpoint, "", Arc::new(Anonymous), options);
    for read in [registry.repository("a").tags().await, registry.repositories().await] {
        let error = read.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{error}");
        assert!(error.to_string().contains("together are larger than the limit of 100000 bytes"), "{error}");
    }
    assert!(server.asked().len() < 20);
}

#[tokio::test]
async fn a_web_page_in_the_place_of_a_list_is_told_from_a_list_of_the_wrong_type() {
    let server = Server::start(|asked| {
        let body = if asked.target.contains("/v2/list/") { r#"{"tags":["v1"]}"# } else { "<html>log in</html>" };
        let page: &[(&str, &str)] =
            if asked.target.contains("/v2/bare/") { &[] } else { &[("content-type", "text/html")] };
        answer(200, page, body)
    })
    .await;
    assert_eq!(server.registry().repository("list").tags().await.unwrap(), ["v1"]);
    for (name, says) in [("page", "answered with a web page"), ("bare", "is this the address of a registry?")] {
        let error = server.registry().repository(name).tags().await.unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        assert!(error.to_string().contains(says), "{error}");
    }
}
