//! Names and what becomes of them.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ocm_http::{Addresses, Client, Kind, Reach, Resolver, Retry, Settings, StatusCode, Url};

use super::server::{Server, answer, get, settings};

type Answer = fn(usize) -> io::Result<Vec<IpAddr>>;

/// Answers question number n with `answer(n)`.
struct Names {
    answer: Answer,
    asked: AtomicUsize,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl Resolver for Names {
    fn addresses(&self, _host: &str) -> Addresses {
        let found = (self.answer)(self.asked.fetch_add(1, Ordering::Relaxed));
        Box::pin(async move { found })
    }
}

fn client(answer: Answer) -> (Client, Arc<Names>) {
    let names = Arc::new(Names { answer, asked: AtomicUsize::new(0) });
    (Client::new(Settings { resolver: Some(names.clone()), ..settings() }), names)
}

fn at(server: &Server, host: &str) -> Url {
    let mut url = server.url.clone();
    url.set_host(Some(host)).unwrap();
    url
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test]
async fn a_name_service_that_fails_for_a_moment() {
    let server = Server::start(|_, _| answer("200 OK", "", "")).await;
    let (client, names) =
        client(|number| if number < 2 { Err(io::Error::other("server failure")) } else { Ok(vec![LOOPBACK]) });
    assert_eq!(client.send(get(&at(&server, "registry.example"))).await.unwrap().status(), StatusCode::OK);
    assert_eq!((names.asked.load(Ordering::Relaxed), server.asked().len()), (3, 1));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_asked_for_once() {
    for answer in [|_| Err(io::Error::from(io::ErrorKind::NotFound)), |_| Ok(Vec::new())] {
        let (client, names) = client(answer);
        let error = client.send(get(&"http://registry.example/".parse().unwrap())).await.unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownHost, "{error}");
        assert_eq!(names.asked.load(Ordering::Relaxed), 1);
    }
    // The same from the system, which may have no name service at all here.
    let client = Client::new(Settings { retry: Retry::never(), ..settings() });
    let error = client.send(get(&"http://no-such-host.invalid/".parse().unwrap())).await.unwrap_err();
    assert!(matches!(error.kind(), Kind::UnknownHost | Kind::Connect), "{error}");
}

/// No certificate is for such a name, and no attempt changes that.
#[tokio::test]
async fn a_name_that_no_host_can_have_is_given_up_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (client, names) = client(|_| Ok(vec![LOOPBACK]));
    for host in [format!("{}.example", "a".repeat(64)), "-a.example".into(), "a-.example".into(), "a..example".into()] {
        let before = names.asked.load(Ordering::Relaxed);
        let url: Url = format!("https://{host}:{port}/").parse().unwrap();
        let error = client.send(get(&url)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::UnknownHost, "{host}: {error}");
        assert!(names.asked.load(Ordering::Relaxed) <= before + 1, "{host}");
    }
}

/// A name that looks public and leads to this machine (DNS rebinding): the addresses that are connected to are checked,
/// not the name.
#[tokio::test]
async fn a_public_name_with_a_local_address_is_not_connected_to() {
    let server = Server::start(|_, _| answer("200 OK", "", "")).await;
    let local: [Answer; 4] = [
        |_| Ok(vec![LOOPBACK]),
        |_| Ok(vec!["169.254.169.254".parse().unwrap()]),
        |_| Ok(vec!["::ffff:10.0.0.1".parse().unwrap()]),
        |_| Ok(vec!["fd00:ec2::254".parse().unwrap(), LOOPBACK]),
    ];
    for answer in local {
        let (client, _) = client(answer);
        let url = at(&server, "token.example");
        let error = client.send(get(&url).reach(Reach::Public)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Forbidden, "{error}");
    }
    assert!(server.asked().is_empty());
}

/// A connection that stands because somebody meant that host is not lent to a request that was led there.
#[tokio::test]
async fn a_connection_that_stands_is_no_way_around_the_check() {
    let server = Server::start(|_, _| answer("200 OK", "", "").replace("connection: close\r\n", "")).await;
    let (client, _) = client(|_| Ok(vec![LOOPBACK]));
    let url = at(&server, "token.example");
    client.send(get(&url)).await.unwrap().bytes(10).await.unwrap();
    let error = client.send(get(&url).reach(Reach::Public)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden, "{error}");
    assert_eq!(server.asked().len(), 1);
}
