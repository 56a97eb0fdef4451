//! Attempts, redirects, proxies, limits of answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use ocm_http::{
    Body, BodyStream, BoxError, Client, HeaderValue, Kind, Method, Proxies, Reach, Request, Retry, Settings,
    StatusCode, Timeouts,
};

use super::server::{Server, answer, get, settings};

#[tokio::test]
async fn passing_failures_pass() {
    let server = Server::start(|number, _| match number {
        0 => answer("503 Service Unavailable", "", ""),
        1 => answer("429 Too Many Requests", "retry-after: 0\r\n", ""),
        2 => "HTTP/1.1 200 OK\r\n".into(),
        3 => String::new(),
        _ => answer("200 OK", "", "content"),
    })
    .await;
    let response = Client::new(settings()).send(get(&server.url)).await.unwrap();
    assert_eq!(response.bytes(7).await.unwrap(), "content");
    assert_eq!(server.asked().len(), 5);
    assert!(server.asked()[0].contains("user-agent: ocm/"));
}

#[tokio::test]
async fn attempts_run_out_and_some_requests_are_sent_once() {
    let server = Server::start(|_, _| answer("503 Service Unavailable", "", "")).await;
    let client = Client::new(Settings { retry: Retry { max_retries: 2, ..settings().retry }, ..settings() });
    assert_eq!(client.send(get(&server.url)).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(server.asked().len(), 3);
    client.send(get(&server.url).once()).await.unwrap();
    assert_eq!(server.asked().len(), 4);
}

/// Front ends answer 411 to what may have content and does not say how much.
#[tokio::test]
async fn no_content_is_said_to_be_none() {
    let server = Server::start(|_, _| answer("200 OK", "", "")).await;
    let client = Client::new(settings());
    let empty = || Body::Bytes(Bytes::new());
    for (method, body, says) in [
        (Method::POST, Body::Empty, true),
        (Method::PUT, Body::Empty, true),
        (Method::PATCH, empty(), true),
        (Method::GET, Body::Empty, false),
        (Method::DELETE, Body::Empty, false),
    ] {
        client.send(Request::new(method, server.url.clone()).body(body)).await.unwrap();
        let asked = server.asked().pop().unwrap();
        assert_eq!(asked.matches("content-length: 0\r\n").count(), usize::from(says), "{asked}");
    }
}

/// A limit that grows gets past a proxy that holds everything back for longer than the first one.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn what_is_held_back_is_waited_for_longer_each_time() {
    let server = Server::start(|_, _| {
        std::thread::sleep(Duration::from_secs(1));
        answer("200 OK", "", "content")
    })
    .await;
    // 0.4 s, then 0.7 s, and from then on 1.3 s.
    let (connect, limit) = (Duration::from_millis(100), Duration::from_millis(300));
    let timeouts = Timeouts { connect, answer: limit, ..settings().timeouts };
    let response = Client::new(Settings { timeouts, ..settings() }).send(get(&server.url).patient()).await.unwrap();
    assert_eq!(response.bytes(7).await.unwrap(), "content");
}

#[tokio::test]
async fn what_never_comes_is_not_waited_for_longer_and_longer() {
    let server = Server::start(|_, _| String::new()).await;
    let error = Client::new(settings()).send(get(&server.url).patient()).await.unwrap_err();
    assert_eq!((error.kind(), server.asked().len()), (Kind::Timeout, 3), "{error}");
}

#[tokio::test]
async fn content_is_opened_anew_for_every_attempt() {
    let server = Server::start(|number, _| match number {
        0 => answer("502 Bad Gateway", "", ""),
        _ => answer("201 Created", "", ""),
    })
    .await;
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    let body = Body::Stream {
        length: None,
        open: Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            // Slower than every limit: the source may take its time, only the other side may not.
            let parts = stream::iter(["con", "tent"]).then(|part| async move {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok::<_, BoxError>(Bytes::from_static(part.as_bytes()))
            });
            Box::pin(async move { Ok(Box::pin(parts) as BodyStream) })
        }),
    };
    let request = Request::new(Method::PUT, server.url.clone()).body(body);
    assert_eq!(Client::new(settings()).send(request).await.unwrap().status(), StatusCode::CREATED);
    assert_eq!(opened.load(Ordering::Relaxed), 2);
    assert!(server.asked()[1].ends_with("3\r\ncon\r\n4\r\ntent\r\n0\r\n\r\n"), "{}", server.asked()[1]);
}

#[tokio::test]
async fn the_error_of_the_content_is_not_the_servers() {
    let server = Server::start(|_, _| answer("201 Created", "", "")).await;
    let parts =
        stream::iter([Ok(Bytes::from_static(b"x")), Err(BoxError::from(std::io::Error::other("disk on fire")))]);
    let request = Request::new(Method::PUT, server.url.clone()).body(Body::once(Box::pin(parts), None));
    let error = Client::new(settings()).send(request).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Body);
    assert!(error.into_body_error().unwrap().downcast::<std::io::Error>().is_ok());
}

#[tokio::test]
async fn redirects_end_and_lose_authorization() {
    let server = Server::start(|_, _| answer("302 Found", "location: /again\r\n", "")).await;
    let error = Client::new(settings()).send(get(&server.url)).await.unwrap_err();
    assert_eq!((error.kind(), server.asked().len()), (Kind::Loop, 11));

    let target = Server::start(|_, _| answer("200 OK", "", "")).await;
    let location = format!("location: {}signed?X-Amz-Signature=canary\r\n", target.url);
    let server = Server::start(move |_, _| answer("307 Temporary Redirect", &location, "")).await;
    let request = get(&server.url).authorization(HeaderValue::from_static("Bearer canary"));
    assert!(!format!("{:?}", request.clone().body(Body::Empty).url()).contains("canary"));
    let response = Client::new(settings()).send(request.clone()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(server.asked()[0].contains("bearer canary") && !target.asked()[0].contains("authorization"));
    let upload = Request::new(Method::PUT, server.url.clone()).body(Body::Bytes("x".into()));
    let error = Client::new(settings()).send(upload).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden);
    assert!(!error.to_string().contains("canary"), "{error}");
    assert_eq!(Client::new(settings()).send(request.stay()).await.unwrap().status(), StatusCode::TEMPORARY_REDIRECT);
}

#[tokio::test]
async fn the_public_network_does_not_lead_into_the_local_one() {
    let server = Server::start(|_, _| answer("200 OK", "", "")).await;
    let mut named = server.url.clone();
    named.set_host(Some("localhost")).unwrap();
    for url in [&server.url, &named, &"http://[::ffff:127.0.0.1]:1/".parse().unwrap()] {
        let error = Client::new(settings()).send(get(url).reach(Reach::Public)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Forbidden, "{error}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_proxy_gets_what_is_not_reached_directly() {
    let proxy = Server::start(|_, _| answer("200 OK", "", "from the proxy")).await;
    let address = proxy.url.as_str().replace("http://", "http://me:secret@");
    let proxies = Proxies { http: Some(address), https: None, direct: "direct.example".into() };
    let settings = Settings { proxies, retry: Retry::never(), ..settings() };
    assert!(!format!("{settings:?}").contains("secret"));
    let client = Client::new(settings);
    let response =
        client.send(get(&"http://registry.example/v2/".parse().unwrap()).reach(Reach::Public)).await.unwrap();
    assert_eq!(response.bytes(100).await.unwrap(), "from the proxy");
    let asked = proxy.asked();
    assert!(asked[0].starts_with("get http://registry.example/v2/ "), "{}", asked[0]);
    assert!(asked[0].contains("proxy-authorization: basic bwu6c2vjcmv0"), "{}", asked[0]);
    assert!(client.send(get(&"http://direct.example:1/".parse().unwrap())).await.is_err());
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn limits_are_errors() {
    let server = Server::start(|_, request| match request {
        request if request.contains("get /head") => answer("200 OK", &format!("x: {}\r\n", "x".repeat(70_000)), ""),
        _ => answer("200 OK", "", "12345678"),
    })
    .await;
    let client = Client::new(settings());
    let response = client.send(get(&server.url)).await.unwrap();
    assert_eq!(response.bytes(7).await.unwrap_err().kind(), Kind::TooLarge);
    let error = client.send(get(&server.url.join("head").unwrap())).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TooLarge, "{error}");
    assert_eq!(client.send(get(&"ftp://host/".parse().unwrap())).await.unwrap_err().kind(), Kind::Invalid);
}
