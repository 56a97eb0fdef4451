//! Uploads at a registry that come to nothing: the program takes back what nobody goes on with.
#![cfg(unix)]

use std::time::Duration;

use ocm_testkit::{Class, Fault, Quirk, TestRegistry};

use crate::faults_limits::{interrupt, start, until};
use crate::sandbox::{HELLO, Sandbox};

/// An archive with content of so many bytes.
fn with_content(size: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("content.bin"), ocm_testkit::fixtures::bytes(1, size)).unwrap();
    sandbox.file("c.yaml", &HELLO.replace("type: utf8\n    text: hello world", "type: file\n    path: content.bin"));
    sandbox.ok("add cv -c c.yaml -r ctf");
    std::fs::create_dir(sandbox.path("tmp")).unwrap();
    sandbox
}

/// Begins a transfer into a registry that takes its time, and sends Ctrl-C.
fn interrupted(size: usize) -> (Sandbox, TestRegistry, String) {
    let sandbox = with_content(size);
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::SlowUploads(Duration::from_millis(150)));
    let line = format!("transfer cv ctf//acme.org/hello:1.0.0 {}", registry.url());
    let mut child = start(&sandbox, &line);
    until("an upload", || registry.requests().iter().any(|request| request.received > 0));
    assert!(registry.open_uploads() > 0);
    assert_eq!(interrupt(&mut child), 130);
    (sandbox, registry, line)
}

#[test]
fn ctrl_c_takes_back_small_uploads() {
    let (sandbox, registry, line) = interrupted(300_000);
    // Told before the program ended; the registry may be busy with the rest of a request.
    assert!(registry.count("DELETE", Class::Upload) > 0, "{:?}", registry.requests());
    until("the end of all uploads", || registry.open_uploads() == 0);
    registry.reset();
    sandbox.ok(&line);
    assert_eq!(registry.open_uploads(), 0);
}

/// Beginning a large one anew would cost more than what the registry keeps of it.
#[test]
fn ctrl_c_leaves_a_large_upload_for_the_next_run() {
    let (sandbox, registry, line) = interrupted(3 << 20);
    assert_eq!(registry.count("DELETE", Class::Upload), 0, "{:?}", registry.requests());
    assert_eq!(registry.open_uploads(), 1);
    registry.reset();
    sandbox.ok(&line);
    until("the end of all uploads", || registry.open_uploads() == 0);
}

#[test]
fn a_transfer_that_fails_takes_its_uploads_back() {
    let sandbox = with_content(300_000);
    let registry = TestRegistry::start().unwrap();
    registry.fault(Fault::status(403).of("PUT", Class::Upload));
    let line = format!("transfer cv ctf//acme.org/hello:1.0.0 {}", registry.url());
    sandbox.fails(&line, 6);
    assert!(registry.count("POST", Class::Upload) > 0);
    until("the end of all uploads", || registry.open_uploads() == 0);
}
