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
