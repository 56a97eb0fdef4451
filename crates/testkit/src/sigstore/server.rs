use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde_json::Value;

/// An answer.
pub(super) struct Answer {
    status: u16,
    body: Vec<u8>,
    location: Option<String>,
}

impl Answer {
    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self { status, body: body.to_string().into_bytes(), location: None }
    }

    pub(super) fn bytes(status: u16, body: Vec<u8>) -> Self {
        Self { status, body, location: None }
    }

    /// Says where else something is.
    pub(super) fn at(self, location: String) -> Self {
        Self { location: Some(location), ..self }
    }
}

/// Answers requests for as long as the process runs, one per connection; gives the address.
pub(super) fn serve(answer: impl Fn(&str, &str, &[u8]) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A client that goes away is its own business.
            thread::spawn(move || exchange(stream, answer.as_ref()).ok());
        }
    });
    address
}

fn exchange(stream: TcpStream, answer: &dyn Fn(&str, &str, &[u8]) -> Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let Answer { status, body, location } = answer(method, path, &body);
    let location = location.map(|place| format!("location: {place}\r\n")).unwrap_or_default();
    let length = body.len();
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\n{location}content-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)?;
    stream.flush()
}
