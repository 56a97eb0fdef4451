use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::sandbox::Sandbox;

/// A serving program and the address it said.
pub(crate) fn serve(sandbox: &Sandbox, words: &[&str]) -> (Child, String) {
    let mut child = sandbox.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim_end().to_owned())
}

pub(crate) fn interrupt(child: &mut Child) -> i32 {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code().unwrap_or(-1)
}

#[test]
fn the_address_is_the_first_line_and_an_interrupt_ends_it() {
    let sandbox = Sandbox::hello();
    let (mut child, address) = serve(&sandbox, &["serve", "ctf"]);
    let mut connection = TcpStream::connect(&address).unwrap();
    connection.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(sandbox.ok(&format!("get cv http://{address}//acme.org/hello -o ndjson")).lines().count(), 1);
    let said = sandbox.fails(&format!("transfer cv ctf//acme.org/hello http://{address}/other"), 6);
    assert!(said.contains("hint: the registry takes no uploads here"), "{said}");
    assert_eq!(interrupt(&mut child), 0);
}

#[test]
fn the_address_can_be_chosen() {
    let sandbox = Sandbox::hello();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (mut child, address) = serve(&sandbox, &["serve", "ctf", "--address", &free]);
    assert_eq!(address, free);
    assert_eq!(interrupt(&mut child), 0);
}

#[test]
fn an_address_that_cannot_be_had_says_what_to_write() {
    let sandbox = Sandbox::hello();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let said = sandbox.fails(&format!("serve ctf --address localhost:{port}"), 1);
    assert!(said.contains(&format!("cannot listen on 127.0.0.1:{port}: ")), "{said}");
    assert!(said.contains("hint: choose another port"), "{said}");
    for wrong in ["5000", "example.org:5000", "127.0.0.1:99999", "localhost"] {
        let said = sandbox.fails(&format!("serve ctf --address {wrong}"), 2);
        assert!(said.contains("like 127.0.0.1:5000"), "{said}");
    }
}

/// What a full disk did to an upload cannot be continued, and is not to be tried for ever.
#[cfg(target_os = "linux")]
#[test]
fn a_store_that_fails_ends_the_upload_and_the_transfer() {
    let sandbox = Sandbox::new();
    // Without holes: what is all zeros may take no room.
    std::fs::write(sandbox.path("large.bin"), vec![7; 6 << 20]).unwrap();
    let constructor = "name: acme.org/large\nversion: 1.0.0\nprovider: {name: acme.org}\nresources:\n\
                       - {name: large, type: blob, input: {type: file, path: large.bin}}\n";
    sandbox.file("large.yaml", constructor).ok("add cv -c large.yaml -r ctf");
    std::fs::create_dir(sandbox.path("storage")).unwrap();
    let line = format!("ulimit -f 3000; exec {} serve storage --writable", env!("CARGO_BIN_EXE_ocm"));
    let mut server = Command::new("bash");
    server.args(["-c", &line]).current_dir(sandbox.path(".")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = server.spawn().unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
    let ask = |what: &str, body: &[u8]| {
        let mut connection = TcpStream::connect(address.trim_end()).unwrap();
        let head = format!("{what} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        connection.write_all(head.as_bytes()).unwrap();
        // The answer may come before the end of it.
        let _ = connection.write_all(body);
        let mut answer = String::new();
        let _ = connection.read_to_string(&mut answer);
        answer
    };
    let begun = ask("POST /v2/a/blobs/uploads/", b"");
    let location = begun.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    let taken = ask(&format!("PATCH {location}"), &vec![7; 6 << 20]);
    assert!(taken.starts_with("HTTP/1.1 500"), "{taken}");
    let left = ask(&format!("GET {location}"), b"");
    assert!(left.starts_with("HTTP/1.1 404"), "{left}");
    let transfer = format!("transfer cv ctf http://{}", address.trim_end());
    let words: Vec<&str> = transfer.split(' ').collect();
    let mut transfer = sandbox.command(&words).stderr(Stdio::null()).spawn().unwrap();
    let start = std::time::Instant::now();
    while transfer.try_wait().unwrap().is_none() && start.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let _ = transfer.kill();
    assert_eq!(transfer.wait().unwrap().code(), Some(8));
    assert_eq!(interrupt(&mut child), 0);
}

#[test]
fn a_writable_registry_takes_what_is_transferred() {
    let sandbox = Sandbox::tree();
    let (mut child, line) = serve(&sandbox, &["serve", "new", "--writable", "-o", "ndjson"]);
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = said["address"].as_str().unwrap();
    sandbox.ok(&format!("transfer cv -r ctf//acme.org/root:1.0.0 http://{address}"));
    assert_eq!(sandbox.ok(&format!("get cv http://{address}//acme.org/root --recursive -o ndjson")).lines().count(), 4);
    assert_eq!(interrupt(&mut child), 0);
}

#[test]
fn an_interrupted_command_says_so_and_leaves_nothing_behind() {
    let sandbox = Sandbox::hello();
    // A server that accepts and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let target = format!("http://{address}//acme.org/hello:1.0.0");
    let mut child = sandbox.command(&["transfer", "cv", &target, "./out"]).stderr(Stdio::piped()).spawn().unwrap();
    let _connection = silent.accept().unwrap();
    assert_eq!(interrupt(&mut child), 130);
    assert!(!sandbox.path("out").exists());
}
