//! Settings of single hosts: every one has an effect, on its host and on no other.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocm_http::{
    Addresses, Client, HostSettings, Identity, Kind, Resolver, Retry, Secret, Settings, StatusCode, Timeouts, Url,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::server::{Server, answer, get, settings};

const AUTHORITY: &str = include_str!("../../../testkit/certificates/ca.pem");
const SERVER: (&str, &str) = (
    include_str!("../../../testkit/certificates/server.pem"),
    include_str!("../../../testkit/certificates/server.key"),
);
const CLIENT: (&str, &str) = (
    include_str!("../../../testkit/certificates/client.pem"),
    include_str!("../../../testkit/certificates/client.key"),
);

/// The same server under another name.
fn by_name(url: &Url) -> Url {
    let mut named = url.clone();
    named.set_host(Some("localhost")).unwrap();
    named
}

/// Settings in which only the host `localhost` differs.
fn only(own: HostSettings) -> Settings {
    Settings { hosts: [("localhost".to_owned(), own)].into(), ..settings() }
}

fn patient() -> Timeouts {
    let long = Duration::from_secs(20);
    Timeouts { connect: long, handshake: long, answer: long, commit: long, stall: long, total: long }
}

/// A TLS server; `asks` for certificates of clients if told so.
fn tls_server(asks: bool) -> Url {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = if asks {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_slice(SERVER.0.as_bytes()).unwrap()];
    let config = builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(SERVER.1.as_bytes()).unwrap());
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://127.0.0.1:{}/", listener.local_addr().unwrap().port()).parse().unwrap();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let config = config.clone();
            std::thread::spawn(move || {
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket.unwrap());
                if stream.read(&mut [0; 4096]).is_ok() {
                    let _ = stream.write_all(answer("200 OK", "", "over TLS").as_bytes());
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
            });
        }
    });
    url
}

fn once(own: Settings) -> Settings {
    Settings { retry: Retry::never(), ..own }
}

async fn kind_of(settings: Settings, url: &Url) -> Option<Kind> {
    Client::new(settings).send(get(url)).await.err().map(|error| error.kind())
}

#[tokio::test]
async fn a_host_may_have_an_authority_of_its_own() {
    let url = tls_server(false);
    let authority = || AUTHORITY.as_bytes().to_vec();
    let own = HostSettings { certificate_authorities: vec![authority()], ..HostSettings::default() };
    assert_eq!(kind_of(once(settings()), &url).await, Some(Kind::Tls));
    assert_eq!(kind_of(once(only(own.clone())), &by_name(&url)).await, None);
    assert_eq!(kind_of(once(only(own)), &url).await, Some(Kind::Tls));
    // Those for all hosts count beside it.
    let both = Settings {
        certificate_authorities: vec![authority()],
        hosts: [("localhost".into(), HostSettings::default())].into(),
        ..settings()
    };
    assert_eq!(kind_of(once(both), &by_name(&url)).await, None);
}

#[tokio::test]
async fn a_certificate_is_shown_to_the_host_it_is_for() {
    let url = tls_server(true);
    let settings = || Settings { certificate_authorities: vec![AUTHORITY.as_bytes().to_vec()], ..settings() };
    let identity = Identity { certificate: CLIENT.0.into(), key: Secret::new(CLIENT.1) };
    let own = HostSettings { identity: Some(identity.clone()), ..HostSettings::default() };
    let one = Settings { hosts: [("localhost".into(), own)].into(), ..settings() };
    assert_eq!(kind_of(once(one.clone()), &by_name(&url)).await, None);
    assert!(kind_of(once(one), &url).await.is_some());
    assert_eq!(kind_of(once(Settings { identity: Some(identity), ..settings() }), &url).await, None);
    let mixed = Identity { certificate: CLIENT.0.into(), key: Secret::new("canary") };
    let error =
        Client::new(Settings { identity: Some(mixed.clone()), ..settings() }).send(get(&url)).await.unwrap_err();
    assert!(error.kind() == Kind::Settings && !error.to_string().contains("canary"), "{error}");
    assert!(!format!("{mixed:?}").contains("canary"));
}

#[tokio::test]
async fn a_certificate_goes_unchecked_only_where_that_was_said() {
    let url = tls_server(false);
    let own = HostSettings { insecure: Some(true), ..HostSettings::default() };
    assert_eq!(kind_of(once(only(own.clone())), &by_name(&url)).await, None);
    assert_eq!(kind_of(once(only(own)), &url).await, Some(Kind::Tls));
    assert_eq!(kind_of(once(Settings { insecure: true, ..settings() }), &url).await, None);
    let checked = HostSettings { insecure: Some(false), ..HostSettings::default() };
    let others = Settings { insecure: true, ..only(checked) };
    assert_eq!(kind_of(once(others), &by_name(&url)).await, Some(Kind::Tls));
}

/// How long a request to a server that never answers takes to fail.
async fn patience(timeouts: impl FnOnce(&mut Timeouts), url: &Url) -> (Kind, Duration) {
    let mut own = patient();
    timeouts(&mut own);
    let own = HostSettings { timeouts: Some(own), ..HostSettings::default() };
    let begin = Instant::now();
    let error = Client::new(once(only(own))).send(get(url)).await.unwrap_err();
    (error.kind(), begin.elapsed())
}

#[derive(Debug)]
struct Nobody;

impl Resolver for Nobody {
    fn addresses(&self, _: &str) -> Addresses {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn every_time_limit_has_an_effect() {
    let short = Duration::from_millis(150);
    let silent = Server::start(|_, _| String::new()).await;
    let plain = by_name(&silent.url);
    let mut tls = plain.clone();
    tls.set_scheme("https").unwrap();
    let soon = |(kind, after): (Kind, Duration), expected: Kind| {
        assert!(kind == expected && after < Duration::from_secs(5), "{kind:?} after {after:?}");
    };
    // Nobody answers the handshake.
    soon(patience(|timeouts| (timeouts.connect, timeouts.handshake) = (short, short), &tls).await, Kind::Connect);
    soon(patience(|timeouts| (timeouts.connect, timeouts.answer) = (short, short), &plain).await, Kind::Timeout);
    soon(patience(|timeouts| timeouts.total = short, &plain).await, Kind::Timeout);
    // No name server answers.
    let own = Timeouts { connect: short, ..patient() };
    let own = HostSettings { timeouts: Some(own), ..HostSettings::default() };
    let settings = Settings { resolver: Some(Arc::new(Nobody)), ..once(only(own)) };
    let begin = Instant::now();
    let error = Client::new(settings).send(get(&plain)).await.unwrap_err();
    soon((error.kind(), begin.elapsed()), Kind::Connect);
}

#[tokio::test]
async fn a_handshake_has_time_of_its_own() {
    let silent = Server::start(|_, _| String::new()).await;
    let mut tls = by_name(&silent.url);
    tls.set_scheme("https").unwrap();
    let connect = Duration::from_millis(50);
    let (_, after) =
        patience(|timeouts| (timeouts.connect, timeouts.handshake) = (connect, Duration::from_millis(400)), &tls).await;
    assert!(after >= Duration::from_millis(400) && after < Duration::from_secs(5), "{after:?}");
}

#[tokio::test]
async fn the_time_for_everything_covers_all_attempts_but_no_content() {
    let busy = Server::start(|_, _| answer("503 Service Unavailable", "", "")).await;
    let own = HostSettings {
        timeouts: Some(Timeouts { total: Duration::from_millis(400), ..patient() }),
        retry: Some(Retry { max_retries: 1000, min_wait: Duration::from_millis(50), ..Retry::default() }),
        ..HostSettings::default()
    };
    let begin = Instant::now();
    let error = Client::new(only(own.clone())).send(get(&by_name(&busy.url))).await.unwrap_err();
    assert!(error.to_string().contains("all attempts together"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5));
    // The head comes at once, the content later than the limit.
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("http://localhost:{}/", slow.local_addr().unwrap().port()).parse().unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = slow.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na");
        std::thread::sleep(Duration::from_millis(800));
        let _ = socket.write_all(b"b");
    });
    let response = Client::new(only(own)).send(get(&url)).await.unwrap();
    assert_eq!(response.bytes(2).await.unwrap(), "ab");
}

#[tokio::test]
async fn silence_in_content_is_measured_by_host() {
    let stall = Duration::from_millis(200);
    let own = HostSettings { timeouts: Some(Timeouts { stall, ..patient() }), ..HostSettings::default() };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("http://localhost:{}/", listener.local_addr().unwrap().port()).parse().unwrap();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]);
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na");
        std::thread::sleep(Duration::from_secs(10));
    });
    let response = Client::new(only(own)).send(get(&url)).await.unwrap();
    let begin = Instant::now();
    assert_eq!(response.bytes(2).await.unwrap_err().kind(), Kind::Timeout);
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn attempts_are_counted_by_host() {
    let server = Server::start(|_, _| answer("503 Service Unavailable", "", "")).await;
    let retry = Retry { max_retries: 2, ..settings().retry };
    let own = HostSettings { retry: Some(retry), ..HostSettings::default() };
    let client = Client::new(only(own));
    assert_eq!(client.send(get(&by_name(&server.url))).await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(server.asked().len(), 3);
    client.send(get(&server.url)).await.unwrap();
    assert_eq!(server.asked().len(), 3 + 6);
}

/// A server that keeps connections, and how many there were.
fn keeping() -> (SocketAddr, Arc<AtomicUsize>, Arc<Mutex<Vec<u16>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (count, ports) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (counted, seen) = (count.clone(), ports.clone());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            seen.lock().unwrap().push(socket.peer_addr().unwrap().port());
            std::thread::spawn(move || {
                while socket.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                    if socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, count, ports)
}

#[tokio::test]
async fn idle_connections_are_kept_as_long_as_the_host_says() {
    for (idle, connections) in [(Duration::from_millis(100), 2), (Duration::MAX, 1)] {
        let (address, count, _) = keeping();
        let url: Url = format!("http://localhost:{}/", address.port()).parse().unwrap();
        let own = HostSettings { idle: Some(idle), timeouts: Some(patient()), ..HostSettings::default() };
        let client = Client::new(only(own));
        for _ in 0..2 {
            client.send(get(&url)).await.unwrap().bytes(0).await.unwrap();
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        assert_eq!(count.load(Ordering::Relaxed), connections, "{idle:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn keep_alive_is_as_the_host_says() {
    for (keep_alive, is_on) in [(Some(Duration::from_secs(30)), true), (None, false)] {
        let (address, _, ports) = keeping();
        let url: Url = format!("http://localhost:{}/", address.port()).parse().unwrap();
        let own = HostSettings { keep_alive: Some(keep_alive), timeouts: Some(patient()), ..HostSettings::default() };
        let client = Client::new(only(own));
        client.send(get(&url)).await.unwrap().bytes(0).await.unwrap();
        // Retransmission timers of what was just sent come first.
        tokio::time::sleep(Duration::from_millis(500)).await;
        // Other connections, ended ones among them, may have the same port on one side.
        let [local, remote] = [ports.lock().unwrap()[0], address.port()].map(|port| format!(":{port:04X}"));
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let line = table.lines().find(|line| {
            let mut columns = line.split_whitespace().skip(1);
            columns.next().is_some_and(|it| it.ends_with(&local))
                && columns.next().is_some_and(|it| it.ends_with(&remote))
        });
        // The timer of a connection: 02 is the one of keep-alive.
        let timer = line.unwrap().split_whitespace().nth(5).unwrap();
        assert_eq!(timer.starts_with("02:"), is_on, "{keep_alive:?}: {timer}");
        drop(client);
    }
}
