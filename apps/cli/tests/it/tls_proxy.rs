//! A proxy that knows names which no name server knows: what does not pass it does not arrive.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A proxy for plain requests and for tunnels (`CONNECT`).
pub(crate) struct Proxy {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy that leads names to addresses on this machine; `name/path` is for plain requests below a path, and goes before
    /// the name alone.
    pub(crate) fn start(names: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let names: Vec<_> = names.iter().map(|(name, to)| ((*name).to_owned(), (*to).to_owned())).collect();
        let (names, seen) = (Arc::new(names), Arc::new(Mutex::new(Vec::new())));
        let log = seen.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (names, log) = (names.clone(), log.clone());
                std::thread::spawn(move || pass(socket, &names, &log));
            }
        });
        Self { address, seen }
    }

    /// The first line of every connection that came, and its authorization.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn pass(mut client: TcpStream, names: &[(String, String)], log: &Mutex<Vec<String>>) -> Option<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let line = text.lines().next()?.to_owned();
    let target = line.split(' ').nth(1)?;
    let authority = target.strip_prefix("http://").unwrap_or(target).split('/').next()?.to_owned();
    let key = text.lines().find(|line| line.to_lowercase().starts_with("proxy-authorization:")).unwrap_or_default();
    log.lock().unwrap().push(format!("{line} {key}"));
    let host = authority.split(':').next()?;
    let has_paths = names.iter().any(|(name, _)| name.starts_with(&format!("{host}/")));
    let path =
        target.strip_prefix("http://").and_then(|rest| rest.split_once('/')).map(|(_, path)| format!("{host}/{path}"));
    let below =
        names.iter().find(|(name, _)| name.contains('/') && path.as_ref().is_some_and(|path| path.starts_with(name)));
    if has_paths {
        // The next request on the same connection may be for somebody else.
        head.truncate(head.len() - 2);
        head.extend_from_slice(b"connection: close\r\n\r\n");
    }
    let Some((_, to)) = below.or_else(|| names.iter().find(|(name, _)| name == host)) else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok();
    };
    let mut server = TcpStream::connect(to).ok()?;
    if line.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    } else {
        server.write_all(&head).ok()?;
    }
    let (mut up, mut down) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut up, &mut server);
        let _ = server.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut down, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    Some(())
}
