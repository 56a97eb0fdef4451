//! The server on a real socket: many clients, slow ones, and broken ones.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ocm_blob::Digest;
use ocm_oci::{MemoryRegistry, Registry as _};
use ocm_serve::{Options, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

async fn start() -> (SocketAddr, MemoryRegistry, oneshot::Sender<()>, JoinHandle<()>) {
    let store = MemoryRegistry::new();
    let options = Options { writable: true, ..Options::default() };
    let server = Server::bind("127.0.0.1:0", Arc::new(store.clone()), options).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async { drop(stopped.await) }));
    (address, store, stop, running)
}

/// One request on a connection of its own; the whole answer as text.
async fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!("{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_push_at_once_while_others_dawdle() {
    let (address, store, stop, running) = start().await;
    // Clients that promise a body and do not send it.
    let mut dawdlers = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("POST /v2/a/blobs/uploads/?digest={} HTTP/1.1\r\n", Digest::of("never"));
        stream.write_all(format!("{head}Host: x\r\nContent-Length: 5\r\n\r\n").as_bytes()).await.unwrap();
        dawdlers.push(stream);
    }
    let pushes = (0..32).map(|number| {
        tokio::spawn(async move {
            let content = format!("{number}").repeat(100_000);
            let digest = Digest::of(&content);
            let head = format!("POST /v2/r{}/blobs/uploads/?digest={digest}", number % 4);
            let answer = exchange(address, &head, content.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
            let answer = exchange(address, &format!("GET /v2/r{}/blobs/{digest}", number % 4), b"").await;
            assert!(answer.ends_with(&format!("\r\n\r\n{content}")));
        })
    });
    for push in pushes.collect::<Vec<_>>() {
        push.await.unwrap();
    }
    assert_eq!(store.repositories().await.unwrap(), ["r0", "r1", "r2", "r3"]);
    drop(dawdlers);
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_upload_goes_on_where_it_broke() {
    let (address, store, _stop, _running) = start().await;
    let begun = exchange(address, "POST /v2/a/blobs/uploads/", b"").await;
    let location = begun.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nContent-Range: 0-9\r\nContent-Length: 10\r\n\r\n0123");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let status = async || exchange(address, &format!("GET {location}"), b"").await;
    while !status().await.contains("range: 0-3\r\n") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(stream);
    let digest = Digest::of("0123456789");
    let done = exchange(address, &format!("PUT {location}?digest={digest}"), b"456789").await;
    assert!(done.starts_with("HTTP/1.1 201 "), "{done}");
    assert_eq!(store.repository("a").blob_size(&digest).await.unwrap(), Some(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_still_sending_gets_its_answer() {
    let (address, _store, _stop, _running) = start().await;
    let body = vec![b' '; 32 * 1024 * 1024];
    let head = "PUT /v2/a/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 33554432\r\n\r\n";
    for _ in 0..5 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
}
