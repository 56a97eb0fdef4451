//! The distribution API, request by request, without a network in between.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use ocm_blob::{Algorithm, Digest, Digester};
use ocm_oci::{MemoryRegistry, media_type};
use ocm_serve::{Api, Body, Handler as _, Options};
use serde_json::{Value, json};

fn api() -> Api {
    Api::new(Arc::new(MemoryRegistry::new()), Options { writable: true, ..Options::default() })
}

fn sha512(content: &[u8]) -> Digest {
    let mut digester = Digester::new(Algorithm::Sha512);
    digester.update(content);
    digester.finish()
}

/// Sends `"<method> <path>"` with headers in the form `"name: value"`.
async fn send(api: &Api, what: &str, headers: &[&str], body: impl Into<Bytes>) -> Response<Bytes> {
    let (method, path) = what.split_once(' ').unwrap();
    let body: Bytes = body.into();
    let mut request = Request::builder().method(method.parse::<Method>().unwrap()).uri(path);
    if !body.is_empty() {
        request = request.header("content-length", body.len());
    }
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let response = api.handle(request.body(Body::from(body)).unwrap()).await;
    let (parts, body) = response.into_parts();
    let mut content = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(chunk) = futures_util::StreamExt::next(&mut stream).await {
        content.extend_from_slice(&chunk.unwrap());
    }
    Response::from_parts(parts, content.into())
}

async fn get(api: &Api, path: &str) -> Response<Bytes> {
    send(api, &format!("GET {path}"), &[], "").await
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

fn document(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[track_caller]
fn refused(response: &Response<Bytes>, status: u16, code: &str) {
    assert_eq!(response.status().as_u16(), status, "{:?}", response.body());
    assert_eq!(document(response)["errors"][0]["code"], code, "{:?}", response.body());
}

async fn push_blob(api: &Api, name: &str, content: &'static str) -> Digest {
    let digest = Digest::of(content);
    let response = send(api, &format!("POST /v2/{name}/blobs/uploads/?digest={digest}"), &[], content).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    digest
}

async fn begin(api: &Api) -> String {
    let response = send(api, "POST /v2/a/blobs/uploads/", &[], "").await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&response, "range"), "0-0");
    header(&response, "location").to_owned()
}

fn manifest(config: &Digest, subject: Option<&Digest>, kind: &str) -> String {
    let subject = subject.map(|digest| json!({ "mediaType": media_type::MANIFEST, "digest": digest, "size": 2 }));
    let mut document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::MANIFEST,
        "artifactType": kind,
        "config": { "mediaType": "application/vnd.test.config", "digest": config, "size": 2 },
        "layers": [],
        "annotations": { "key": "value" },
    });
    if let Some(subject) = subject {
        document["subject"] = subject;
    }
    document.to_string()
}

const TYPE: &str = "content-type: application/vnd.oci.image.manifest.v1+json";

#[tokio::test]
async fn a_blob_is_served_whole_and_in_parts() {
    let api = api();
    let digest = push_blob(&api, "a/b", "0123456789").await;
    let path = format!("/v2/a/b/blobs/{digest}");
    let whole = get(&api, &path).await;
    assert_eq!((whole.status().as_u16(), &whole.body()[..]), (200, &b"0123456789"[..]));
    assert_eq!(header(&whole, "docker-content-digest"), digest.to_string());
    assert_eq!(header(&whole, "content-length"), "10");
    let head = send(&api, &format!("HEAD {path}"), &["range: bytes=1-2"], "").await;
    assert_eq!((head.status().as_u16(), header(&head, "content-length"), head.body().len()), (200, "10", 0));
    let part = send(&api, &format!("GET {path}"), &["range: bytes=3-5"], "").await;
    assert_eq!((part.status().as_u16(), &part.body()[..]), (206, &b"345"[..]));
    assert_eq!(header(&part, "content-range"), "bytes 3-5/10");
    let outside = send(&api, &format!("GET {path}"), &["range: bytes=10-"], "").await;
    assert_eq!((outside.status().as_u16(), header(&outside, "content-range")), (416, "bytes */10"));
    let etag = format!("if-none-match: \"{digest}\"");
    assert_eq!(send(&api, &format!("GET {path}"), &[&etag], "").await.status(), StatusCode::NOT_MODIFIED);

    refused(&get(&api, &format!("/v2/a/blobs/{digest}")).await, 404, "BLOB_UNKNOWN");
    refused(&get(&api, "/v2/a/b/blobs/sha256:12").await, 400, "DIGEST_INVALID");
    assert_eq!(send(&api, &format!("DELETE {path}"), &[], "").await.status(), StatusCode::ACCEPTED);
    refused(&send(&api, &format!("DELETE {path}"), &[], "").await, 404, "BLOB_UNKNOWN");
    refused(&get(&api, &path).await, 404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn an_upload_takes_chunks_in_their_order() {
    let api = api();
    let location = begin(&api).await;
    let first = send(&api, &format!("PATCH {location}"), &["content-range: 0-3"], "0123").await;
    assert_eq!((first.status().as_u16(), header(&first, "range")), (202, "0-3"));
    let early = send(&api, &format!("PATCH {location}"), &["content-range: 6-7"], "67").await;
    refused(&early, 416, "BLOB_UPLOAD_INVALID");
    assert_eq!((header(&early, "range"), header(&early, "location")), ("0-3", location.as_str()));
    refused(&send(&api, &format!("PATCH {location}"), &["content-range: 4-9"], "45").await, 400, "SIZE_INVALID");
    let status = get(&api, &location).await;
    assert_eq!((status.status().as_u16(), header(&status, "range")), (204, "0-3"));
    let streamed = send(&api, &format!("PATCH {location}"), &[], "45").await;
    assert_eq!((streamed.status().as_u16(), header(&streamed, "range")), (202, "0-5"));
    let digest = Digest::of("01234567");
    refused(&send(&api, &format!("PUT {location}"), &[], "67").await, 400, "DIGEST_INVALID");
    let put = format!("PUT {location}?digest={digest}");
    refused(&send(&api, &put, &["content-range: 4-5"], "67").await, 416, "BLOB_UPLOAD_INVALID");
    let done = send(&api, &put, &["content-range: 6-7"], "67").await;
    assert_eq!(done.status(), StatusCode::CREATED);
    assert_eq!(header(&done, "location"), format!("/v2/a/blobs/{digest}"));
    assert_eq!(get(&api, header(&done, "location")).await.body(), "01234567");
    refused(&get(&api, &location).await, 404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn an_upload_with_the_wrong_digest_leaves_nothing() {
    let api = api();
    let digest = Digest::of("right");
    let location = begin(&api).await;
    refused(&send(&api, &format!("PUT {location}?digest={digest}"), &[], "wrong").await, 400, "DIGEST_INVALID");
    refused(&send(&api, &format!("PUT {location}?digest={digest}"), &[], "right").await, 404, "BLOB_UPLOAD_UNKNOWN");
    let post = format!("POST /v2/a/blobs/uploads/?digest={digest}");
    refused(&send(&api, &post, &[], "wrong").await, 400, "DIGEST_INVALID");
    refused(&get(&api, &format!("/v2/a/blobs/{digest}")).await, 404, "BLOB_UNKNOWN");
    refused(&send(&api, "POST /v2/a/blobs/uploads/?digest=md5:12", &[], "x").await, 400, "DIGEST_INVALID");
    refused(&send(&api, "POST /v2/a/blobs/uploads/?digest-algorithm=md5", &[], "").await, 400, "DIGEST_INVALID");
}

#[tokio::test]
async fn an_upload_is_cancelled_and_belongs_to_its_repository() {
    let api = api();
    let location = begin(&api).await;
    refused(&get(&api, &location.replace("/v2/a/", "/v2/b/")).await, 404, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(send(&api, &format!("DELETE {location}"), &[], "").await.status(), StatusCode::NO_CONTENT);
    refused(&send(&api, &format!("PATCH {location}"), &[], "x").await, 404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn uploads_are_bounded_in_number_and_time() {
    let options =
        Options { writable: true, uploads: 1, upload_lifetime: Duration::from_millis(50), ..Options::default() };
    let api = Api::new(Arc::new(MemoryRegistry::new()), options);
    let location = begin(&api).await;
    let full = send(&api, "POST /v2/a/blobs/uploads/", &[], "").await;
    refused(&full, 429, "TOOMANYREQUESTS");
    assert_eq!(header(&full, "retry-after"), "60");
    tokio::time::sleep(Duration::from_millis(60)).await;
    begin(&api).await;
    refused(&get(&api, &location).await, 404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_blob_is_mounted_from_where_it_is() {
    let api = api();
    let digest = push_blob(&api, "a", "content").await;
    let missing = Digest::of("missing");
    let mount = |digest: &Digest, from: &str| format!("POST /v2/b/blobs/uploads/?mount={digest}{from}");
    assert_eq!(send(&api, &mount(&digest, "&from=c"), &[], "").await.status(), StatusCode::ACCEPTED);
    assert_eq!(send(&api, &mount(&missing, "&from=a"), &[], "").await.status(), StatusCode::ACCEPTED);
    assert_eq!(send(&api, &mount(&missing, ""), &[], "").await.status(), StatusCode::ACCEPTED);
    let mounted = send(&api, &mount(&digest, "&from=a"), &[], "").await;
    assert_eq!((mounted.status().as_u16(), header(&mounted, "location")), (201, &*format!("/v2/b/blobs/{digest}")));
    let anonymous = send(&api, &mount(&digest, "").replace("/b/", "/c/"), &[], "").await;
    assert_eq!(anonymous.status(), StatusCode::CREATED);
    assert_eq!(get(&api, &format!("/v2/c/blobs/{digest}")).await.body(), "content");
}

#[tokio::test]
async fn a_manifest_needs_its_blobs_and_its_own_media_type() {
    let api = api();
    let config = Digest::of("{}");
    let text = manifest(&config, None, "application/test");
    refused(&send(&api, "PUT /v2/a/manifests/v1", &[TYPE], text.clone()).await, 404, "MANIFEST_BLOB_UNKNOWN");
    push_blob(&api, "a", "{}").await;
    let index = format!("content-type: {}", media_type::INDEX);
    refused(&send(&api, "PUT /v2/a/manifests/v1", &[&index], text.clone()).await, 400, "MANIFEST_INVALID");
    refused(&send(&api, "PUT /v2/a/manifests/v1", &["content-type: text/html"], "<p>").await, 400, "MANIFEST_INVALID");
    refused(&send(&api, "PUT /v2/a/manifests/v1", &[TYPE], "{").await, 400, "MANIFEST_INVALID");
    refused(&send(&api, "PUT /v2/a/manifests/.v1", &[TYPE], text.clone()).await, 400, "MANIFEST_INVALID");
    let other = format!("PUT /v2/a/manifests/{config}");
    refused(&send(&api, &other, &[TYPE], text.clone()).await, 400, "DIGEST_INVALID");
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    refused(&send(&api, "PUT /v2/a/manifests/v1", &[TYPE], large).await, 413, "SIZE_INVALID");

    // Parameters of the type are not part of it.
    let typed = format!("{TYPE}; charset=utf-8");
    let pushed = send(&api, "PUT /v2/a/manifests/v1", &[&typed], text.clone()).await;
    let digest = Digest::of(&text);
    assert_eq!((pushed.status().as_u16(), header(&pushed, "docker-content-digest")), (201, &*digest.to_string()));
    for path in ["/v2/a/manifests/v1".to_owned(), format!("/v2/a/manifests/{digest}")] {
        let found = get(&api, &path).await;
        assert_eq!((found.body(), header(&found, "content-type")), (&Bytes::from(text.clone()), media_type::MANIFEST));
        let head = send(&api, &format!("HEAD {path}"), &[], "").await;
        assert_eq!((head.body().len(), header(&head, "content-length")), (0, &*text.len().to_string()));
        assert_eq!(header(&head, "docker-content-digest"), digest.to_string());
    }
    refused(&get(&api, "/v2/a/manifests/.v1").await, 404, "MANIFEST_UNKNOWN");
    refused(&get(&api, "/v2/a/manifests/v2").await, 404, "MANIFEST_UNKNOWN");
    assert_eq!(send(&api, "DELETE /v2/a/manifests/v1", &[], "").await.status(), StatusCode::ACCEPTED);
    refused(&send(&api, "DELETE /v2/a/manifests/v1", &[], "").await, 404, "MANIFEST_UNKNOWN");
    assert_eq!(get(&api, &format!("/v2/a/manifests/{digest}")).await.status(), StatusCode::OK);
    let gone = send(&api, &format!("DELETE /v2/a/manifests/{digest}"), &[], "").await;
    assert_eq!(gone.status(), StatusCode::ACCEPTED);
    refused(&get(&api, &format!("/v2/a/manifests/{digest}")).await, 404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn layers_that_live_elsewhere_may_be_missing() {
    let api = api();
    push_blob(&api, "a", "{}").await;
    let mut document: Value = serde_json::from_str(&manifest(&Digest::of("{}"), None, "t/t")).unwrap();
    let foreign = |kind: &str| json!([{ "mediaType": kind, "digest": Digest::of("elsewhere"), "size": 9 }]);
    for kind in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ] {
        document["layers"] = foreign(kind);
        let pushed = send(&api, "PUT /v2/a/manifests/v1", &[TYPE], document.to_string()).await;
        assert_eq!(pushed.status(), StatusCode::CREATED, "{kind}");
    }
    document["layers"] = foreign("application/vnd.oci.image.layer.v1.tar");
    let pushed = send(&api, "PUT /v2/a/manifests/v1", &[TYPE], document.to_string()).await;
    refused(&pushed, 404, "MANIFEST_BLOB_UNKNOWN");
}

#[tokio::test]
async fn an_index_needs_its_manifests() {
    let api = api();
    push_blob(&api, "a", "{}").await;
    let child = manifest(&Digest::of("{}"), None, "t/t");
    let entry = json!({ "mediaType": media_type::MANIFEST, "digest": Digest::of(&child), "size": child.len() });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
    let kind = format!("content-type: {}", media_type::INDEX);
    let put = "PUT /v2/a/manifests/index";
    refused(&send(&api, put, &[&kind], index.clone()).await, 404, "MANIFEST_BLOB_UNKNOWN");
    send(&api, &format!("PUT /v2/a/manifests/{}", Digest::of(&child)), &[TYPE], child).await;
    assert_eq!(send(&api, put, &[&kind], index).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn content_is_addressed_by_sha512_too() {
    let api = api();
    let digest = sha512(b"content");
    let post = send(&api, &format!("POST /v2/a/blobs/uploads/?digest={digest}"), &[], "content").await;
    assert_eq!((post.status().as_u16(), header(&post, "docker-content-digest")), (201, &*digest.to_string()));
    let begun = send(&api, "POST /v2/a/blobs/uploads/?digest-algorithm=sha512", &[], "").await;
    let put = format!("PUT {}?digest={}", header(&begun, "location"), sha512(b"{}"));
    assert_eq!(send(&api, &put, &[], "{}").await.status(), StatusCode::CREATED);
    assert_eq!(get(&api, &format!("/v2/a/blobs/{digest}")).await.body(), "content");

    let text = manifest(&sha512(b"{}"), Some(&digest), "t/t");
    let own = sha512(text.as_bytes());
    let put = format!("PUT /v2/a/manifests/{own}?tag=v1&tag=v2");
    let pushed = send(&api, &put, &[TYPE], text.clone()).await;
    assert_eq!((pushed.status().as_u16(), header(&pushed, "oci-subject")), (201, &*digest.to_string()));
    let tags: Vec<_> = pushed.headers().get_all("oci-tag").iter().collect();
    assert_eq!(tags, ["v1", "v2"]);
    let found = get(&api, "/v2/a/manifests/v2").await;
    assert_eq!((found.body(), header(&found, "docker-content-digest")), (&Bytes::from(text), &*own.to_string()));
    let referrers = get(&api, &format!("/v2/a/referrers/{digest}")).await;
    assert_eq!(document(&referrers)["manifests"][0]["digest"], own.to_string());
}

#[tokio::test]
async fn tags_and_repositories_come_in_pages() {
    let api = api();
    push_blob(&api, "b/c", "{}").await;
    push_blob(&api, "a", "{}").await;
    for tag in ["b", "a", "c", "B"] {
        let text = manifest(&Digest::of("{}"), None, "t/t");
        send(&api, &format!("PUT /v2/a/manifests/{tag}"), &[TYPE], text).await;
    }
    let all = get(&api, "/v2/a/tags/list").await;
    assert_eq!(document(&all), json!({ "name": "a", "tags": ["B", "a", "b", "c"] }));
    assert_eq!(header(&all, "link"), "");
    let page = get(&api, "/v2/a/tags/list?n=2").await;
    assert_eq!(document(&page)["tags"], json!(["B", "a"]));
    assert_eq!(header(&page, "link"), "</v2/a/tags/list?n=2&last=a>; rel=\"next\"");
    let last = get(&api, "/v2/a/tags/list?n=2&last=a").await;
    assert_eq!((document(&last)["tags"].clone(), header(&last, "link")), (json!(["b", "c"]), ""));
    let none = get(&api, "/v2/a/tags/list?n=0").await;
    assert_eq!((document(&none)["tags"].clone(), header(&none, "link")), (json!([]), ""));
    assert_eq!(get(&api, "/v2/a/tags/list?n=-1").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(document(&get(&api, "/v2/b/c/tags/list").await)["tags"], json!([]));
    refused(&get(&api, "/v2/d/tags/list").await, 404, "NAME_UNKNOWN");

    let page = get(&api, "/v2/_catalog?n=1").await;
    assert_eq!(document(&page)["repositories"], json!(["a"]));
    assert_eq!(header(&page, "link"), "</v2/_catalog?n=1&last=a>; rel=\"next\"");
    assert_eq!(document(&get(&api, "/v2/_catalog?last=a").await)["repositories"], json!(["b/c"]));
}

#[tokio::test]
async fn referrers_are_listed_by_their_type() {
    let api = api();
    push_blob(&api, "a", "{}").await;
    let subject = Digest::of("not there yet");
    for kind in ["application/one+json", "application/two", ""] {
        let text = manifest(&Digest::of("{}"), Some(&subject), kind);
        let pushed = send(&api, &format!("PUT /v2/a/manifests/{}", Digest::of(&text)), &[TYPE], text).await;
        assert_eq!(header(&pushed, "oci-subject"), subject.to_string());
    }
    let path = format!("/v2/a/referrers/{subject}");
    let all = get(&api, &path).await;
    assert_eq!(header(&all, "content-type"), media_type::INDEX);
    let entries = document(&all)["manifests"].as_array().unwrap().clone();
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry["annotations"]["key"] == "value"));
    assert!(entries.iter().any(|entry| entry["artifactType"] == "application/vnd.test.config"));
    let one = get(&api, &format!("{path}?artifactType=application/one+json")).await;
    assert_eq!(header(&one, "oci-filters-applied"), "artifactType");
    assert_eq!(document(&one)["manifests"][0]["artifactType"], "application/one+json");
    assert_eq!(document(&one)["manifests"].as_array().unwrap().len(), 1);
    let nobody = get(&api, &format!("/v2/nobody/referrers/{subject}")).await;
    assert_eq!((nobody.status().as_u16(), document(&nobody)["manifests"].clone()), (200, json!([])));
    refused(&get(&api, "/v2/a/referrers/x").await, 400, "DIGEST_INVALID");
}

#[tokio::test]
async fn many_referrers_come_in_pages() {
    let api = api();
    push_blob(&api, "a", "{}").await;
    let subject = Digest::of("subject");
    for number in 0..5 {
        let mut document: Value = serde_json::from_str(&manifest(&Digest::of("{}"), Some(&subject), "t/t")).unwrap();
        document["annotations"]["large"] = json!(format!("{number}{}", "x".repeat(1024 * 1024)));
        let pushed = send(&api, &format!("PUT /v2/a/manifests/v{number}"), &[TYPE], document.to_string()).await;
        assert_eq!(pushed.status(), StatusCode::CREATED);
    }
    let mut path = format!("/v2/a/referrers/{subject}?artifactType=t/t");
    let mut pages = Vec::new();
    loop {
        let page = get(&api, &path).await;
        assert!(page.body().len() < 4 * 1024 * 1024);
        pages.push(document(&page)["manifests"].as_array().unwrap().len());
        let Some(next) = header(&page, "link").strip_suffix(">; rel=\"next\"") else { break };
        path = next[1..].to_owned();
    }
    assert_eq!(pages, [2, 2, 1]);
}

#[tokio::test]
async fn names_methods_and_paths_are_checked() {
    let api = api();
    assert_eq!(get(&api, "/v2/").await.status(), StatusCode::OK);
    refused(&get(&api, "/v2/A/tags/list").await, 404, "NAME_INVALID");
    refused(&send(&api, "POST /v2/a/../b/blobs/uploads/", &[], "").await, 400, "NAME_INVALID");
    refused(&send(&api, "POST /v2/a/%2e%2e/b/blobs/uploads/", &[], "").await, 400, "NAME_INVALID");
    refused(&get(&api, "/").await, 404, "NAME_UNKNOWN");
    let wrong = send(&api, "POST /v2/a/manifests/v1", &[], "").await;
    refused(&wrong, 405, "UNSUPPORTED");
    assert_eq!(header(&wrong, "allow"), "GET, HEAD, PUT, DELETE");
}

#[tokio::test]
async fn a_read_only_registry_takes_nothing() {
    let store = Arc::new(MemoryRegistry::new());
    let writable = Api::new(store.clone(), Options { writable: true, ..Options::default() });
    let digest = push_blob(&writable, "a", "content").await;
    let api = Api::new(store, Options::default());
    assert_eq!(get(&api, &format!("/v2/a/blobs/{digest}")).await.body(), "content");
    for request in [
        "POST /v2/a/blobs/uploads/",
        "PATCH /v2/a/blobs/uploads/x",
        "PUT /v2/a/manifests/v1",
        &format!("DELETE /v2/a/blobs/{digest}"),
    ] {
        refused(&send(&api, request, &[], "").await, 405, "UNSUPPORTED");
    }
    assert_eq!(get(&api, &format!("/v2/a/blobs/{digest}")).await.status(), StatusCode::OK);
}
