//! Content that lies in a file: moved by the system where nothing changes it on its way, read elsewhere.

use std::io::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ocm_http::{
    Body, BoxError, Client, HeaderValue, Kind, Method, Proxies, Request, Settings, StatusCode, Url, header,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::server::{Server, answer, settings};

/// Content between other bytes, and as many bytes that mean nothing.
fn body(content: &[u8]) -> Body {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&[b"before", content, b"behind"].concat()).unwrap();
    let parts: Vec<_> =
        content.chunks(100_000).map(|part| Ok::<_, BoxError>(Bytes::from(vec![b'?'; part.len()]))).collect();
    Body::file(file, 6, content.len() as u64, Box::pin(futures_util::stream::iter(parts)))
}

#[tokio::test]
async fn the_file_arrives_moved_or_read() {
    let proxy = |server: &Server| Proxies { http: Some(server.url.to_string()), ..Proxies::default() };
    for size in [0, 1, 300_000] {
        let content: Vec<u8> = (b'a'..=b'z').flat_map(|letter| [letter; 3]).cycle().take(size).collect();
        let text = String::from_utf8(content.clone()).unwrap();
        for moved in [true, false] {
            let server = Server::start(|_, _| answer("201 Created", "", "answered")).await;
            let (client, url) = if moved {
                (Client::new(settings()), server.url.join("x?y=%20z").unwrap())
            } else {
                let settings = Settings { proxies: proxy(&server), ..settings() };
                (Client::new(settings), "http://elsewhere.test/x?y=%20z".parse().unwrap())
            };
            assert_eq!(client.sends_files(&url), moved && cfg!(target_os = "linux"));
            let response = client.send(Request::new(Method::PUT, url).body(body(&content))).await.unwrap();
            assert_eq!(response.status(), StatusCode::CREATED);
            assert!(response.remote_address().is_some() || !moved);
            assert_eq!(response.bytes(8).await.unwrap(), "answered");
            let asked = &server.asked()[0];
            let (head, sent) = asked.split_once("\r\n\r\n").unwrap();
            assert!(sent == text, "{moved} {size}: {head}");
            let target = if moved { "put /x?y=%20z " } else { "put http://elsewhere.test/x?y=%20z " };
            assert!(head.starts_with(target), "{head}");
            for line in [format!("content-length: {size}"), "user-agent: ocm/".to_owned(), "host: ".to_owned()] {
                assert_eq!(head.matches(&line).count(), 1, "{head}");
            }
        }
    }
}

#[tokio::test]
async fn a_moved_file_keeps_to_the_bandwidth() {
    let server = Server::start(|_, _| answer("201 Created", "", "")).await;
    let client = Client::new(Settings { bandwidth: Some("1MB/s".parse().unwrap()), ..settings() });
    let begin = Instant::now();
    client.send(Request::new(Method::PUT, server.url.clone()).body(body(&vec![b'x'; 500_000]))).await.unwrap();
    assert!(begin.elapsed() > Duration::from_millis(400), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn who_does_not_listen_or_answer_is_noticed() {
    let silent = Server::start(|_, _| String::new()).await;
    let error = Client::new(settings())
        .send(Request::new(Method::PUT, silent.url.clone()).once().body(body(b"content")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout, "{error}");
    let request = Request::new(Method::PUT, "http://127.0.0.1:1/".parse().unwrap()).once().body(body(b"content"));
    let error = Client::new(settings()).send(request).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused, "{error}");
}

/// Nothing goes on sending where nobody waits for the answer any more.
#[tokio::test]
async fn a_connection_ends_with_its_request() {
    let length = 64 << 20;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let (given_up, wait) = tokio::sync::oneshot::channel();
    let received = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        wait.await.unwrap();
        let mut received = Vec::new();
        // What was on its way still comes, and then an end of either kind.
        let _ = socket.read_to_end(&mut received).await;
        received.len()
    });
    let file = tempfile::tempfile().unwrap();
    file.set_len(length).unwrap();
    let parts = (0..length >> 20).map(|_| Ok::<_, BoxError>(Bytes::from(vec![0; 1 << 20])));
    let body = Body::file(file, 0, length, Box::pin(futures_util::stream::iter(parts)));
    let error = Client::new(settings()).send(Request::new(Method::PUT, url).once().body(body)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Timeout, "{error}");
    given_up.send(()).unwrap();
    let received = tokio::time::timeout(Duration::from_secs(20), received).await.unwrap().unwrap();
    assert!(received < length as usize, "{received}");
}

/// The same content, read.
fn stream(content: &[u8]) -> Body {
    let parts: Vec<_> = content.chunks(100_000).map(|part| Ok::<_, BoxError>(Bytes::copy_from_slice(part))).collect();
    Body::once(Box::pin(futures_util::stream::iter(parts)), Some(content.len() as u64))
}

/// Some file systems do not let the system move their content.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cannot_be_moved_is_read() {
    let server = Server::start(|_, _| answer("201 Created", "", "")).await;
    let (path, client) = ("/proc/self/cmdline", Client::new(settings()));
    let content = String::from_utf8(std::fs::read(path).unwrap()).unwrap();
    let length = content.len() - 1;
    let passing = Box::pin(futures_util::stream::iter([Ok::<_, BoxError>(Bytes::from(vec![b'?'; length]))]));
    let body = Body::file(std::fs::File::open(path).unwrap(), 1, length as u64, passing);
    client.send(Request::new(Method::PUT, server.url.clone()).body(body)).await.unwrap();
    let asked = &server.asked()[0];
    assert!(asked.ends_with(&format!("\r\n\r\n{}", content[1..].to_lowercase())), "{asked}");
}

/// A server sees no difference.
#[tokio::test]
async fn the_head_is_that_of_every_other_request() {
    let server = Server::start(|_, _| answer("201 Created", "", "")).await;
    let client = Client::new(Settings { user_agent: "somebody/1".into(), ..settings() });
    let port = server.url.port().unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let url: Url = format!("http://{host}:{port}/a%20b?c=d|e&f").parse().unwrap();
        for body in [body(b"content"), stream(b"content")] {
            let request = Request::new(Method::PATCH, url.clone())
                .header(header::CONTENT_TYPE, HeaderValue::from_static("a/b"))
                .authorization(HeaderValue::from_static("Bearer of news"));
            client.send(request.body(body)).await.unwrap();
        }
    }
    let heads: Vec<Vec<String>> = server
        .asked()
        .iter()
        .map(|asked| {
            let mut lines: Vec<_> = asked.lines().map(str::to_owned).collect();
            lines[1..].sort();
            lines
        })
        .collect();
    assert_eq!((&heads[0], &heads[2]), (&heads[1], &heads[3]));
}

/// Who sends content is told the same of a failure.
#[tokio::test]
async fn failures_are_those_of_every_other_request() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let resets = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.read_exact(&mut vec![0; 1 << 20]).await.unwrap();
            socket.set_zero_linger().unwrap();
        }
    });
    let nonsense = Server::start(|_, _| "nonsense\r\n\r\n".into()).await;
    let silent = Server::start(|_, _| String::new()).await;
    let content = vec![b'x'; 8 << 20];
    let unreached = ["http://127.0.0.1:1/", "http://[::1]:1/", "http://name.invalid/", "http://255.255.255.255/"];
    for url in unreached.into_iter().chain([resets.as_str(), nonsense.url.as_str(), silent.url.as_str()]) {
        let length = if url == resets { content.len() } else { 7 };
        let mut told = Vec::new();
        for body in [body(&content[..length]), stream(&content[..length])] {
            let request = Request::new(Method::PUT, url.parse().unwrap()).once().body(body);
            let error = Client::new(settings()).send(request).await.unwrap_err();
            // Which of its two signs of a reset connection is seen is a matter of time.
            let text = if url == resets { String::new() } else { error.to_string() };
            told.push((error.kind(), text));
        }
        assert_eq!(told[0], told[1]);
    }
}
